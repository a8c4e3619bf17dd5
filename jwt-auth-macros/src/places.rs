//! The arguments about where a token is looked for, and about what is not looked up.

use proc_macro2::{Ident, Span};

use crate::args::{Arg, Value};
use crate::diag::Mistakes;

/// A place in the request, by the name of its variant.
pub(crate) struct Location(pub(crate) Ident);

/// The names that `locations(…)` takes, and the variants of `TokenLocation` that they stand for.
const LOCATIONS: [(&str, &str); 4] = [
    ("header", "Header"),
    ("cookie", "Cookie"),
    ("query", "Query"),
    ("websocket_protocol", "WebSocketProtocol"),
];

const EXAMPLE: &str = "write `locations(header, cookie)`";

/// `locations(header, cookie)`
pub(crate) fn locations(arg: &Arg, mistakes: &mut Mistakes) -> Vec<Location> {
    let Value::List(items) = &arg.value else {
        mistakes.on(&arg.name, format!("`locations` takes a list; {EXAMPLE}"));
        return Vec::new();
    };
    if items.is_empty() {
        mistakes.on(
            &arg.name,
            format!("a token is looked for in at least one place; {EXAMPLE}, or leave it out"),
        );
    }
    let mut seen: Vec<&str> = Vec::new();
    let mut found = Vec::new();
    for item in items {
        let name = match item {
            syn::Expr::Path(path) => path.path.get_ident().map(Ident::to_string),
            _ => None,
        };
        let known = LOCATIONS.iter().find(|(known, _)| name.as_deref() == Some(known));
        match known {
            None => {
                let names = LOCATIONS.map(|(name, _)| format!("`{name}`")).join(", ");
                mistakes.on(
                    item,
                    format!("there is no such place; the places are {names}, without quotes"),
                );
            }
            Some((name, _)) if seen.contains(name) => {
                mistakes.on(item, format!("`{name}` is given twice; remove one of the two"));
            }
            Some((name, variant)) => {
                seen.push(name);
                found.push(Location(Ident::new(variant, Span::call_site())));
            }
        }
    }
    found
}

/// How a token is looked up as revoked, where an attribute says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Revocation {
    Strict,
    Skip,
}

/// `revocation = "strict"`
pub(crate) fn revocation(arg: &Arg, mistakes: &mut Mistakes) -> Option<Revocation> {
    let rule = "`revocation` is `\"strict\"`, which asks the store itself; write `revocation = \"strict\"`";
    match &arg.value {
        Value::Assigned(value) => match text(value).as_deref() {
            Some("strict") => return Some(Revocation::Strict),
            Some("skip") => mistakes.on(
                value,
                "leaving the look-up out is dangerous; write `danger(revocation = \"skip\")`",
            ),
            _ => mistakes.on(value, rule),
        },
        Value::None | Value::List(_) => mistakes.on(&arg.name, rule),
    }
    None
}

fn text(value: &syn::Expr) -> Option<String> {
    match value {
        syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
        _ => None,
    }
}

/// `danger(revocation = "skip")`
pub(crate) fn danger(arg: &Arg, mistakes: &mut Mistakes) -> Option<Revocation> {
    let rule = "`danger` leaves a check out; write `danger(revocation = \"skip\")`, or remove it";
    let Value::List(items) = &arg.value else {
        mistakes.on(&arg.name, rule);
        return None;
    };
    if items.is_empty() {
        mistakes.on(&arg.name, rule);
    }
    let mut skips = false;
    for item in items {
        if !is_skip(item) || skips {
            mistakes.on(item, rule);
        }
        skips = true;
    }
    skips.then_some(Revocation::Skip)
}

fn is_skip(item: &syn::Expr) -> bool {
    let syn::Expr::Assign(assign) = item else { return false };
    let syn::Expr::Path(name) = &*assign.left else { return false };
    name.path.is_ident("revocation") && text(&assign.right).as_deref() == Some("skip")
}
