//! The paths of generated code: all of them below one module of the runtime crate.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};

/// Where the runtime crate is.
pub(crate) struct Paths {
    module: TokenStream,
    /// Whether the user said where, by `crate = path`.
    given: bool,
}

impl Paths {
    /// `::jwt_auth`, or what `crate = path` says.
    pub(crate) fn new(root: Option<&syn::Path>) -> Self {
        match root {
            Some(path) => Self { module: quote!(#path::__private), given: true },
            None => Self { module: quote!(::jwt_auth::__private), given: false },
        }
    }

    /// The same, standing where the user's token stands, for what an error may be about.
    pub(crate) fn at(&self, span: Span) -> TokenStream {
        let moved = |mut token: TokenTree| {
            // A path of the user's keeps what its names mean to it: `$crate`, for one.
            token.set_span(if self.given { token.span().located_at(span) } else { span });
            token
        };
        self.module.clone().into_iter().map(moved).collect()
    }
}

impl ToTokens for Paths {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.module.to_tokens(tokens);
    }
}
