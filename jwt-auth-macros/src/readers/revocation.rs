//! Reads how revocation is checked: `revocation = "strict"`, `danger(revocation = "skip")`.

use crate::argument_syntax::{Value, WrittenArgument, as_string};
use crate::mistakes::Mistakes;

/// A revocation check other than the usual one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Revocation {
    /// Queries the store itself instead of this node's replica.
    Strict,
    /// Skips the check.
    Skip,
}

const WRITE_STRICT: &str = "write `revocation = \"strict\"`";
const WRITE_SKIP: &str = "write `danger(revocation = \"skip\")`";

/// Reads `revocation = "strict"`.
pub(crate) fn read_revocation(
    argument: &WrittenArgument,
    mistakes: &mut Mistakes,
) -> Option<Revocation> {
    let Value::Assigned(value) = &argument.value else {
        mistakes.report(&argument.name, format!("`revocation` takes a value; {WRITE_STRICT}"));
        return None;
    };
    match as_string(value).map(syn::LitStr::value).as_deref() {
        Some("strict") => return Some(Revocation::Strict),
        Some("skip") => {
            mistakes
                .report(value, format!("skipping the revocation check is dangerous; {WRITE_SKIP}"));
        }
        Some(_) | None => {
            mistakes.report(value, format!("`revocation` takes `\"strict\"` only; {WRITE_STRICT}"));
        }
    }
    None
}

/// Reads `danger(revocation = "skip")`.
pub(crate) fn read_danger(
    argument: &WrittenArgument,
    mistakes: &mut Mistakes,
) -> Option<Revocation> {
    let items = match &argument.value {
        Value::List(items) if !items.is_empty() => items,
        Value::List(_) | Value::Absent | Value::Assigned(_) => {
            mistakes.report(
                &argument.name,
                format!("`danger` takes the check to skip; {WRITE_SKIP}, or remove `danger`"),
            );
            return None;
        }
    };
    for (index, item) in items.iter().enumerate() {
        if !is_skip(item) {
            mistakes.report(
                item,
                format!(
                    "`danger` can skip the revocation check only; {WRITE_SKIP}, or remove `danger`"
                ),
            );
        } else if index > 0 {
            mistakes.report(item, format!("`danger` takes one check; {WRITE_SKIP}"));
        }
    }
    Some(Revocation::Skip)
}

fn is_skip(item: &syn::Expr) -> bool {
    let syn::Expr::Assign(assign) = item else { return false };
    let syn::Expr::Path(name) = &*assign.left else { return false };
    name.path.is_ident("revocation")
        && as_string(&assign.right).is_some_and(|text| text.value() == "skip")
}
