//! Mistakes, collected until all are known: each becomes one compile error on the user's own tokens.

use proc_macro2::TokenStream;
use quote::ToTokens;

/// A list of mistakes that must be looked at: dropping it unread is a bug of ours.
pub(crate) struct Mistakes {
    found: Vec<syn::Error>,
    taken: bool,
}

impl Mistakes {
    pub(crate) fn new() -> Self {
        Self { found: Vec::new(), taken: false }
    }

    /// A mistake on these tokens: the rule, then `;` and the line to write.
    pub(crate) fn on(&mut self, tokens: impl ToTokens, message: impl std::fmt::Display) {
        self.found.push(syn::Error::new_spanned(tokens, message));
    }

    pub(crate) fn add(&mut self, error: syn::Error) {
        self.found.push(error);
    }

    /// The compile errors; empty when there was no mistake.
    pub(crate) fn into_errors(mut self) -> Option<TokenStream> {
        self.taken = true;
        let mut all = std::mem::take(&mut self.found).into_iter();
        let first = all.next()?;
        let all = all.fold(first, |mut sum, error| {
            sum.combine(error);
            sum
        });
        Some(all.into_compile_error())
    }
}

impl Drop for Mistakes {
    fn drop(&mut self) {
        assert!(self.taken || std::thread::panicking(), "mistakes were collected and not reported");
    }
}

/// Prints an expansion when the environment asks for it.
pub(crate) fn show(attribute: &str, tokens: &TokenStream) {
    if std::env::var_os("JWT_AUTH_MACROS_DEBUG").is_some() {
        eprintln!("// #[{attribute}]\n{tokens}\n");
    }
}
