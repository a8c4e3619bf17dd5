//! The paths of generated code: all of them below one module of the runtime crate.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};

/// Where the runtime crate is.
pub(crate) struct Paths(TokenStream);

impl Paths {
    /// `::jwt_auth`, or what `crate = path` says.
    pub(crate) fn new(root: Option<&syn::Path>) -> Self {
        match root {
            Some(path) => Self(quote!(#path::__private)),
            None => Self(quote!(::jwt_auth::__private)),
        }
    }
}

impl ToTokens for Paths {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.0.to_tokens(tokens);
    }
}
