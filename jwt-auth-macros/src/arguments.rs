//! Reading one argument each: known and not repeated, a flag, a list, a duration, a path.

use proc_macro2::Ident;

use crate::args::{Arg, Value};
use crate::diag::Mistakes;
use crate::duration;
use crate::spec::Attribute;

/// The arguments that exist, each once; the others are mistakes.
pub(crate) fn known<'a>(
    attribute: &str,
    known: &[&str],
    args: &'a [Arg],
    mistakes: &mut Mistakes,
) -> Vec<&'a Arg> {
    let mut good: Vec<&Arg> = Vec::new();
    for arg in args {
        let name = arg.name.to_string();
        if !known.contains(&name.as_str()) {
            let list = known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            mistakes
                .on(&arg.name, format!("unknown argument `{name}`; `#[{attribute}]` takes {list}"));
        } else if good.iter().any(|other| other.name == arg.name) {
            mistakes.on(&arg.name, format!("`{name}` is given twice; {}", once(&name)));
        } else {
            good.push(arg);
        }
    }
    good
}

fn once(name: &str) -> String {
    match name {
        "scopes" | "any_scope" | "roles" | "any_role" => {
            format!("write one `{name}(\"a\", \"b\")` with all of the names")
        }
        _ => "remove one of the two".to_owned(),
    }
}

/// `optional`, `fresh`
pub(crate) fn flag(arg: &Arg, mistakes: &mut Mistakes) -> Option<Ident> {
    let name = &arg.name;
    match &arg.value {
        Value::None => return Some(name.clone()),
        Value::Assigned(value) => {
            mistakes.on(
                value,
                format!("`{name}` takes no value; write `{name}` alone, or leave it out"),
            );
        }
        Value::List(_) => {
            mistakes.on(name, format!("`{name}` takes no list; write `{name}` alone"));
        }
    }
    None
}

/// `scopes("a", B, C::D)`
pub(crate) fn list(arg: &Arg, mistakes: &mut Mistakes) -> Vec<syn::Expr> {
    let name = &arg.name;
    let Value::List(items) = &arg.value else {
        mistakes.on(name, format!("`{name}` takes a list; write `{name}(\"a\", \"b\")`"));
        return Vec::new();
    };
    if items.is_empty() {
        mistakes.on(
            name,
            format!("an empty `{name}` asks for nothing; write `{name}(\"a\")`, or leave it out"),
        );
    }
    let mut seen = Vec::new();
    for item in items {
        match item {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => {
                let text = text.value();
                if !is_name(&text) {
                    mistakes.on(item, one_name(&arg.name, &text));
                }
                if seen.contains(&text) {
                    mistakes
                        .on(item, format!("`\"{text}\"` is given twice; remove one of the two"));
                }
                seen.push(text);
            }
            syn::Expr::Path(_) => {}
            other => mistakes.on(
                other,
                format!("`{name}` takes strings and paths; write `{name}(\"a\", MY_CONSTANT)`"),
            ),
        }
    }
    items.clone()
}

/// Printable ASCII without space, quote and backslash (RFC 6749 §3.3).
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\')
}

fn one_name(argument: &Ident, text: &str) -> String {
    let names: Vec<_> = text.split_whitespace().map(|name| format!("\"{name}\"")).collect();
    if names.len() > 1 {
        format!("a name holds no space; write `{argument}({})`", names.join(", "))
    } else {
        format!(
            "a name is printable ASCII without space, quote and backslash; write `{argument}(\"notes:read\")`"
        )
    }
}

/// `max_age = "10m"`
pub(crate) fn max_age(arg: &Arg, mistakes: &mut Mistakes) -> Option<u64> {
    let text = string(arg, "max_age = \"10m\"", mistakes)?;
    match duration::seconds(&text.value()) {
        Ok(seconds) => Some(seconds),
        Err(fix) => {
            mistakes.on(text, format!("`max_age` is a duration; {fix}"));
            None
        }
    }
}

/// `audience = "…"`, or a constant.
pub(crate) fn audience(arg: &Arg, mistakes: &mut Mistakes) -> Option<syn::Expr> {
    if let Value::Assigned(path @ syn::Expr::Path(_)) = &arg.value {
        return Some(path.clone());
    }
    let text = string(arg, "audience = \"https://api.example\"", mistakes)?;
    if text.value().trim().is_empty() {
        mistakes.on(text, "an audience is a name; write `audience = \"https://api.example\"`");
        return None;
    }
    Some(syn::Expr::Lit(syn::ExprLit { attrs: Vec::new(), lit: syn::Lit::Str(text.clone()) }))
}

fn string<'a>(arg: &'a Arg, example: &str, mistakes: &mut Mistakes) -> Option<&'a syn::LitStr> {
    let name = &arg.name;
    match &arg.value {
        Value::Assigned(syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. })) => {
            Some(text)
        }
        Value::Assigned(value) => {
            mistakes.on(value, format!("`{name}` takes a string; write `{example}`"));
            None
        }
        Value::None | Value::List(_) => {
            mistakes.on(name, format!("`{name}` takes a string; write `{example}`"));
            None
        }
    }
}

/// `check = path`, `crate = path`
pub(crate) fn path(arg: &Arg, example: &str, mistakes: &mut Mistakes) -> Option<syn::Path> {
    let name = &arg.name;
    match &arg.value {
        Value::Assigned(syn::Expr::Path(path)) if path.qself.is_none() => Some(path.path.clone()),
        Value::Assigned(value) => {
            mistakes.on(value, format!("`{name}` takes a path, without quotes; write `{example}`"));
            None
        }
        Value::None | Value::List(_) => {
            mistakes.on(name, format!("`{name}` takes a path; write `{example}`"));
            None
        }
    }
}

/// The attribute of ours that a path names: by itself, or below `jwt_auth`.
pub(crate) fn attribute_of(path: &syn::Path) -> Option<Attribute> {
    let (first, last) = (path.segments.first()?, path.segments.last()?);
    if path.segments.len() > 1 && first.ident != "jwt_auth" {
        return None;
    }
    Attribute::ALL.into_iter().find(|attribute| last.ident == attribute.name())
}
