//! Reads the arguments of an attribute according to the table, and reports the ones that it does not take.

use proc_macro2::{Ident, TokenStream};

use crate::argument_syntax::{Value, WrittenArgument, parse_arguments, source_text};
use crate::argument_table::{ARGUMENTS, Effect, Row};
use crate::attribute::Attribute;
use crate::guard_arguments::GuardArguments;
use crate::mistakes::{Mistakes, list_names};

/// Reads the arguments of an attribute and reports every mistake in them.
pub(crate) fn read_arguments(
    attribute: Attribute,
    tokens: TokenStream,
    mistakes: &mut Mistakes,
) -> GuardArguments {
    let written = parse_arguments(tokens, mistakes);
    let mut arguments = GuardArguments::default();
    let mut accepted = Vec::new();
    for (index, argument) in written.iter().enumerate() {
        let name = &argument.name;
        let row = match find_row(attribute, name) {
            Ok(row) => row,
            Err(message) => {
                mistakes.report(name, message);
                continue;
            }
        };
        if written[..index].iter().any(|earlier| earlier.name == *name) {
            mistakes.report(name, explain_repetition(name, &written));
            continue;
        }
        let mistakes_before = mistakes.count();
        (row.read)(argument, &mut arguments, mistakes);
        if mistakes.count() == mistakes_before {
            accepted.push((row.effect, name));
        }
    }
    report_contradictions(&accepted, mistakes);
    let reads_header = arguments.locations.iter().any(|location| location == "Header");
    if let Some((_, name)) = accepted.iter().find(|(_, name)| *name == "dpop")
        && !arguments.locations.is_empty()
        && !reads_header
    {
        mistakes.report(
            name,
            "`dpop` takes the token from the header alone, and `locations` does not list it; write `locations(header)`, or remove `locations`",
        );
    }
    arguments
}

/// The row of an argument, or a message that lists the arguments that the attribute takes.
fn find_row(attribute: Attribute, name: &Ident) -> Result<&'static Row, String> {
    let row = ARGUMENTS.iter().find(|row| name == row.name);
    if let Some(row) = row.filter(|row| row.taken_by.contains(&attribute)) {
        return Ok(row);
    }
    let taken =
        ARGUMENTS.iter().filter(|row| row.taken_by.contains(&attribute)).map(|row| row.name);
    let (taken, attribute) = (list_names(taken, "and"), attribute.name());
    Err(match row {
        Some(row) => {
            let attributes = row.taken_by.iter().map(|owner| format!("#[{}]", owner.name()));
            let attributes: Vec<String> = attributes.collect();
            let owners = list_names(attributes.iter().map(String::as_str), "and");
            format!("`{name}` is an argument of {owners}; `#[{attribute}]` takes only {taken}")
        }
        None => format!("unknown argument `{name}`; `#[{attribute}]` takes {taken}"),
    })
}

fn explain_repetition(name: &Ident, written: &[WrittenArgument]) -> String {
    let mut items: Vec<String> = Vec::new();
    for argument in written.iter().filter(|argument| argument.name == *name) {
        let Value::List(list) = &argument.value else { continue };
        for item in list.iter().map(source_text) {
            if !items.contains(&item) {
                items.push(item);
            }
        }
    }
    if items.is_empty() {
        format!("`{name}` is given twice; remove one of the two")
    } else {
        format!("`{name}` is given twice; write one `{name}({})`", items.join(", "))
    }
}

fn report_contradictions(accepted: &[(Effect, &Ident)], mistakes: &mut Mistakes) {
    for (effect, name) in accepted {
        let Some(excluded) = effect.excludes() else { continue };
        if let Some((_, other)) = accepted.iter().find(|(other, _)| *other == excluded) {
            mistakes.report(
                other,
                format!(
                    "`{other}` {}, but `{name}` {}; remove one of the two",
                    excluded.describe(),
                    effect.describe()
                ),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ARGUMENTS, Attribute, Mistakes, read_arguments};
    use crate::argument_table::tests::EXAMPLES;
    use crate::attribute::GuardAttribute;

    fn is_accepted(attribute: Attribute, tokens: &str) -> bool {
        let mut mistakes = Mistakes::new();
        read_arguments(attribute, tokens.parse().expect("tokens"), &mut mistakes);
        mistakes.into_errors().is_none()
    }

    #[test]
    fn attributes_reject_arguments_of_other_attributes() {
        for (row, (example, _)) in ARGUMENTS.iter().zip(EXAMPLES) {
            for attribute in ARGUMENTS.iter().flat_map(|row| row.taken_by) {
                let is_taken = row.taken_by.contains(attribute);
                let name = attribute.name();
                assert_eq!(is_accepted(*attribute, example), is_taken, "#[{name}({example})]");
            }
        }
    }

    #[test]
    fn only_these_arguments_contradict_each_other() {
        let contradictions = [
            ("optional", "max_age"),
            ("optional", "scopes"),
            ("optional", "any_scope"),
            ("optional", "roles"),
            ("optional", "any_role"),
            ("revocation", "danger"),
        ];
        let jwt_required = Attribute::Guard(GuardAttribute::JwtRequired);
        let rows = || {
            let rows = ARGUMENTS.iter().zip(EXAMPLES);
            rows.filter(|(row, _)| row.taken_by.contains(&jwt_required))
        };
        for (index, (first, (one, _))) in rows().enumerate() {
            for (second, (other, _)) in rows().skip(index + 1) {
                let is_right = !contradictions.contains(&(first.name, second.name));
                for tokens in [format!("{one}, {other}"), format!("{other}, {one}")] {
                    assert_eq!(is_accepted(jwt_required, &tokens), is_right, "{tokens}");
                }
            }
        }
    }
}
