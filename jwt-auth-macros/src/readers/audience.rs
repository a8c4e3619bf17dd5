//! Reads an audience, a string or a constant: `audience = "https://api.example"`.

use crate::argument_syntax::{Value, WrittenArgument, as_string};
use crate::mistakes::Mistakes;

const EXAMPLE: &str = "write `audience = \"https://api.example\"`";

/// The audience, as a string literal or a path.
pub(crate) fn read_audience(
    argument: &WrittenArgument,
    mistakes: &mut Mistakes,
) -> Option<syn::Expr> {
    let Value::Assigned(value) = &argument.value else {
        mistakes.report(&argument.name, format!("`audience` takes a string; {EXAMPLE}"));
        return None;
    };
    if matches!(value, syn::Expr::Path(_)) {
        return Some(value.clone());
    }
    let Some(text) = as_string(value) else {
        mistakes.report(value, format!("`audience` takes a string or a constant; {EXAMPLE}"));
        return None;
    };
    if text.value().trim().is_empty() {
        mistakes.report(text, format!("an audience cannot be empty; {EXAMPLE}"));
        return None;
    }
    Some(syn::Expr::Lit(syn::ExprLit { attrs: Vec::new(), lit: syn::Lit::Str(text.clone()) }))
}
