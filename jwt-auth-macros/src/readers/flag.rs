//! Reads an argument without a value: `optional`, `fresh`.

use crate::argument_syntax::{Value, WrittenArgument};
use crate::mistakes::Mistakes;

/// Whether the flag is set.
pub(crate) fn read_flag(argument: &WrittenArgument, mistakes: &mut Mistakes) -> bool {
    let name = &argument.name;
    match &argument.value {
        Value::Absent => return true,
        Value::Assigned(value) => mistakes
            .report(value, format!("`{name}` takes no value; write `{name}` alone, or remove it")),
        Value::List(_) => {
            mistakes.report(name, format!("`{name}` takes no list; write `{name}` alone"));
        }
    }
    false
}
