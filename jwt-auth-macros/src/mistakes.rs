//! Collects mistakes, so that one compilation reports all of them, each on the user's own tokens.

use proc_macro2::TokenStream;
use quote::ToTokens;

/// A list of mistakes. Dropping it without a call to [`Mistakes::into_errors`] panics.
pub(crate) struct Mistakes {
    errors: Vec<syn::Error>,
    is_reported: bool,
}

impl Mistakes {
    pub(crate) fn new() -> Self {
        Self { errors: Vec::new(), is_reported: false }
    }

    /// Adds a mistake on these tokens. The message says what is wrong, then what to write.
    pub(crate) fn report(&mut self, tokens: impl ToTokens, message: impl std::fmt::Display) {
        self.errors.push(syn::Error::new_spanned(tokens, message));
    }

    /// Adds a mistake on the first of these tokens, for an item that is too long to underline.
    pub(crate) fn report_start(&mut self, tokens: &TokenStream, message: impl std::fmt::Display) {
        let first: TokenStream = tokens.clone().into_iter().take(1).collect();
        self.report(first, message);
    }

    /// Adds an error of the parser.
    pub(crate) fn add(&mut self, error: syn::Error) {
        self.errors.push(error);
    }

    pub(crate) fn count(&self) -> usize {
        self.errors.len()
    }

    /// The compile errors, or `None` if there was no mistake.
    pub(crate) fn into_errors(mut self) -> Option<TokenStream> {
        self.is_reported = true;
        let combined = std::mem::take(&mut self.errors).into_iter().reduce(|mut all, error| {
            all.combine(error);
            all
        })?;
        Some(combined.into_compile_error())
    }
}

impl Drop for Mistakes {
    fn drop(&mut self) {
        assert!(self.is_reported || std::thread::panicking(), "mistakes were dropped unreported");
    }
}

/// Lists names for a message: `a`, `b` and `c`.
pub(crate) fn list_names<'a>(names: impl IntoIterator<Item = &'a str>, last: &str) -> String {
    let mut names: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    match names.pop() {
        Some(name) if names.is_empty() => name,
        Some(name) => format!("{} {last} {name}", names.join(", ")),
        None => String::new(),
    }
}
