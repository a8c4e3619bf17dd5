//! The paths that generated code uses, all of them below one module of the runtime crate.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};

/// The path to the runtime crate's module for generated code.
pub(crate) struct Paths {
    module: TokenStream,
    /// Whether the user wrote the path, in `crate = path`.
    is_user_path: bool,
}

impl Paths {
    /// The module below `::jwt_auth`, or below the path that `crate = path` gives.
    pub(crate) fn new(crate_path: Option<&syn::Path>) -> Self {
        match crate_path {
            Some(path) => Self { module: quote!(#path::__private), is_user_path: true },
            None => Self { module: quote!(::jwt_auth::__private), is_user_path: false },
        }
    }

    /// The same path at the span of a user's token, so that an error about it underlines that token.
    pub(crate) fn at(&self, span: Span) -> TokenStream {
        let move_to_span = |mut token: TokenTree| {
            // The user's path keeps its hygiene: it may contain `$crate`.
            let hygiene = if self.is_user_path { token.span().located_at(span) } else { span };
            token.set_span(hygiene);
            token
        };
        self.module.clone().into_iter().map(move_to_span).collect()
    }
}

impl ToTokens for Paths {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.module.to_tokens(tokens);
    }
}
