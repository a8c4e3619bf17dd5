//! Reads checks: `check = own_note`, `check(all(own_note, any(editor, admin)))`.

use quote::ToTokens as _;

use crate::argument_syntax::{Value, WrittenArgument, source_text};
use crate::mistakes::Mistakes;
use crate::readers::read_path;

/// One check, or several that are combined.
pub(crate) enum Checks {
    One(syn::Path),
    All(Vec<Checks>),
    Any(Vec<Checks>),
}

impl Checks {
    /// The name in a manifest.
    pub(crate) fn name(&self) -> String {
        let list = |checks: &[Self]| checks.iter().map(Self::name).collect::<Vec<_>>().join(", ");
        match self {
            Self::One(path) => path.to_token_stream().to_string().replace(' ', ""),
            Self::All(checks) => format!("all({})", list(checks)),
            Self::Any(checks) => format!("any({})", list(checks)),
        }
    }

    /// Every check, and whether it always runs, in the order in which they are written.
    pub(crate) fn paths(&self) -> Vec<(&syn::Path, bool)> {
        match self {
            Self::One(path) => vec![(path, true)],
            Self::All(checks) => checks.iter().flat_map(Self::paths).collect(),
            Self::Any(checks) => {
                checks.iter().flat_map(Self::paths).map(|(path, _)| (path, false)).collect()
            }
        }
    }
}

pub(crate) fn read_checks(argument: &WrittenArgument, mistakes: &mut Mistakes) -> Option<Checks> {
    let checks = match &argument.value {
        Value::Absent | Value::Assigned(_) => {
            return read_path(argument, "may_edit", mistakes).map(Checks::One);
        }
        Value::List(items) => match items.as_slice() {
            [item @ syn::Expr::Call(_)] => read_item(item, mistakes)?,
            [item @ syn::Expr::Path(_)] => {
                let check = source_text(item);
                mistakes.report(item, format!("one check takes `=`; write `check = {check}`"));
                return None;
            }
            [] => {
                mistakes.report(&argument.name, "`check` takes a path; write `check = may_edit`");
                return None;
            }
            [first, ..] => {
                mistakes.report(
                    first,
                    "several checks are combined; write `check(all(a, b))`, or `check(any(a, b))` if one of them is enough",
                );
                return None;
            }
        },
    };
    let paths = checks.paths();
    for (index, (path, _)) in paths.iter().enumerate() {
        if paths[..index].iter().any(|(earlier, _)| earlier == path) {
            let name = path.to_token_stream().to_string().replace(' ', "");
            mistakes.report(path, format!("`{name}` is listed twice; remove one of the two"));
            return None;
        }
    }
    Some(checks)
}

fn read_item(item: &syn::Expr, mistakes: &mut Mistakes) -> Option<Checks> {
    match item {
        syn::Expr::Path(path) if path.qself.is_none() => Some(Checks::One(path.path.clone())),
        syn::Expr::Group(group) => read_item(&group.expr, mistakes),
        syn::Expr::Call(call) => {
            let combine: fn(Vec<Checks>) -> Checks = match source_text(&call.func).as_str() {
                "all" => Checks::All,
                "any" => Checks::Any,
                _ => {
                    mistakes.report(
                        &call.func,
                        "checks are combined by `all` and `any`; write `check(all(a, b))`",
                    );
                    return None;
                }
            };
            if call.args.len() < 2 {
                let name = source_text(&call.func);
                mistakes.report(
                    item,
                    format!("`{name}` takes two checks or more; write `check = a` for one"),
                );
                return None;
            }
            let items: Option<Vec<Checks>> =
                call.args.iter().map(|item| read_item(item, mistakes)).collect();
            items.map(combine)
        }
        other => {
            mistakes.report(other, "a check is the path of a function; write `check = may_edit`");
            None
        }
    }
}
