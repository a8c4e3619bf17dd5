//! Prints an expansion to stderr if `JWT_AUTH_MACROS_DEBUG` is set.

use proc_macro2::TokenStream;

use crate::attribute::Attribute;

pub(crate) fn print_if_enabled(attribute: Attribute, expansion: &TokenStream) {
    if std::env::var_os("JWT_AUTH_MACROS_DEBUG").is_some() {
        eprintln!("// #[{}]\n{expansion}\n", attribute.name());
    }
}
