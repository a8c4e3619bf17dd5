//! Reads the locations to search for a token: `locations(header, cookie)`.

use proc_macro2::{Ident, Span};

use crate::argument_syntax::{Value, WrittenArgument, as_string, source_text};
use crate::mistakes::{Mistakes, list_names};

/// The names that `locations(…)` takes, and the variants of `TokenLocation` for them.
const LOCATIONS: [(&str, &str); 4] = [
    ("header", "Header"),
    ("cookie", "Cookie"),
    ("query", "Query"),
    ("websocket_protocol", "WebSocketProtocol"),
];

const EXAMPLE: &str = "write `locations(header, cookie)`";

/// The locations in order, as variants of `TokenLocation`.
pub(crate) fn read_locations(argument: &WrittenArgument, mistakes: &mut Mistakes) -> Vec<Ident> {
    let Value::List(items) = &argument.value else {
        mistakes.report(&argument.name, format!("`locations` takes a list; {EXAMPLE}"));
        return Vec::new();
    };
    if items.is_empty() {
        mistakes.report(
            &argument.name,
            format!("`locations` contains no location; {EXAMPLE}, or remove `locations`"),
        );
    }
    let mut seen: Vec<&str> = Vec::new();
    let mut variants = Vec::new();
    for item in items {
        match find_location(item) {
            None => mistakes.report(item, explain_unknown(item)),
            Some((name, _)) if seen.contains(&name) => {
                mistakes.report(item, format!("`{name}` is given twice; remove one of the two"));
            }
            Some((name, variant)) => {
                seen.push(name);
                variants.push(Ident::new(variant, Span::call_site()));
            }
        }
    }
    variants
}

fn find_location(item: &syn::Expr) -> Option<(&'static str, &'static str)> {
    let syn::Expr::Path(path) = item else { return None };
    LOCATIONS.into_iter().find(|(name, _)| path.path.is_ident(name))
}

fn explain_unknown(item: &syn::Expr) -> String {
    let quoted = as_string(item).map(syn::LitStr::value);
    if let Some((name, _)) = LOCATIONS.iter().find(|(name, _)| quoted.as_deref() == Some(name)) {
        return format!("a location is a name without quotes; write `{name}`");
    }
    let expected = list_names(LOCATIONS.map(|(name, _)| name), "or");
    match item {
        syn::Expr::Path(_) => {
            format!("unknown location `{}`; expected {expected}", source_text(item))
        }
        _ => format!("a location is a name without quotes; expected {expected}"),
    }
}
