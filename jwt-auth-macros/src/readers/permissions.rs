//! Reads a list of scopes or roles: `scopes("a", B, C::D)`.

use proc_macro2::Ident;

use crate::argument_syntax::{Value, WrittenArgument, as_string, source_text};
use crate::mistakes::Mistakes;

/// The names, as string literals and paths.
pub(crate) fn read_permissions(
    argument: &WrittenArgument,
    mistakes: &mut Mistakes,
) -> Vec<syn::Expr> {
    let name = &argument.name;
    let items = match &argument.value {
        Value::List(items) => items,
        Value::Assigned(value) => {
            let items = list_items(value);
            mistakes.report(name, format!("`{name}` takes a list; write `{name}({items})`"));
            return Vec::new();
        }
        Value::Absent => {
            mistakes.report(name, format!("`{name}` takes a list; write `{name}(\"a\", \"b\")`"));
            return Vec::new();
        }
    };
    if items.is_empty() {
        mistakes.report(
            name,
            format!("`{name}` contains no name; write `{name}(\"a\")`, or remove `{name}`"),
        );
    }
    check_items(name, items, mistakes);
    items.clone()
}

/// The items to write in a list, from the value that the user assigned.
fn list_items(value: &syn::Expr) -> String {
    match value {
        syn::Expr::Array(array) => {
            array.elems.iter().map(source_text).collect::<Vec<_>>().join(", ")
        }
        syn::Expr::Lit(_) | syn::Expr::Path(_) => source_text(value),
        _ => "\"a\", \"b\"".to_owned(),
    }
}

fn check_items(name: &Ident, items: &[syn::Expr], mistakes: &mut Mistakes) {
    let mut seen = Vec::new();
    for item in items {
        if matches!(item, syn::Expr::Path(_)) {
            continue;
        }
        let Some(text) = as_string(item) else {
            mistakes.report(
                item,
                format!("`{name}` takes strings and constants; write `{name}(\"a\", MY_CONSTANT)`"),
            );
            continue;
        };
        let text = text.value();
        if let Err(message) = check_scope_token(name, &text) {
            mistakes.report(item, message);
        }
        if seen.contains(&text) {
            mistakes.report(item, format!("`\"{text}\"` is given twice; remove one of the two"));
        }
        seen.push(text);
    }
}

/// Checks that a name is printable ASCII without spaces, quotes and backslashes (RFC 6749 §3.3).
fn check_scope_token(argument: &Ident, text: &str) -> Result<(), String> {
    let names: Vec<_> = text.split_whitespace().map(|name| format!("\"{name}\"")).collect();
    if names.is_empty() {
        return Err(format!("a name cannot be empty; write `{argument}(\"notes:read\")`"));
    }
    if names.len() > 1 {
        let names = names.join(", ");
        return Err(format!("a name cannot contain a space; write `{argument}({names})`"));
    }
    let is_allowed = |c: char| c.is_ascii_graphic() && c != '"' && c != '\\';
    match text.chars().find(|c| !is_allowed(*c)) {
        None => Ok(()),
        Some(bad) => Err(format!(
            "a name cannot contain `{}`; expected printable ASCII without spaces, quotes and backslashes, as in `{argument}(\"notes:read\")`",
            bad.escape_debug()
        )),
    }
}
