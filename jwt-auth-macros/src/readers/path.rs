//! Reads a path: `check = may_edit`, `crate = path`.

use quote::ToTokens as _;

use crate::argument_syntax::{Value, WrittenArgument, as_string};
use crate::mistakes::Mistakes;

/// The path. Messages show `example` as the path to write.
pub(crate) fn read_path(
    argument: &WrittenArgument,
    example: &str,
    mistakes: &mut Mistakes,
) -> Option<syn::Path> {
    let name = &argument.name;
    match &argument.value {
        Value::Assigned(syn::Expr::Path(path)) if path.qself.is_none() => Some(path.path.clone()),
        Value::Assigned(value) => {
            let quoted = as_string(value).and_then(|text| text.parse::<syn::Path>().ok());
            let path = quoted.map_or_else(
                || example.to_owned(),
                |path| path.to_token_stream().to_string().replace(' ', ""),
            );
            mistakes.report(
                value,
                format!("`{name}` takes a path without quotes; write `{name} = {path}`"),
            );
            None
        }
        Value::Absent | Value::List(_) => {
            mistakes.report(name, format!("`{name}` takes a path; write `{name} = {example}`"));
            None
        }
    }
}
