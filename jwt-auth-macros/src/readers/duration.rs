//! Reads a duration, a whole number with a unit: `max_age = "10m"`.

use proc_macro2::Ident;

use crate::argument_syntax::{Value, WrittenArgument, as_string};
use crate::mistakes::Mistakes;

/// The duration in seconds.
pub(crate) fn read_duration(argument: &WrittenArgument, mistakes: &mut Mistakes) -> Option<u64> {
    let name = &argument.name;
    let Value::Assigned(value) = &argument.value else {
        mistakes.report(name, format!("`{name}` takes a duration; write `{name} = \"10m\"`"));
        return None;
    };
    let Some(text) = as_string(value) else {
        let example = match value {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Int(number), .. }) => {
                format!("{}s", number.base10_digits())
            }
            _ => "10m".to_owned(),
        };
        mistakes.report(
            value,
            format!("`{name}` takes a duration in quotes; write `{name} = \"{example}\"`"),
        );
        return None;
    };
    match parse_seconds(name, &text.value()) {
        Ok(seconds) => Some(seconds),
        Err(message) => {
            mistakes.report(text, message);
            None
        }
    }
}

/// The seconds of a duration, or the message that says what to write.
fn parse_seconds(argument: &Ident, text: &str) -> Result<u64, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    if number.is_empty() {
        return Err(format!(
            "a duration is a whole number and a unit; write `{argument} = \"10m\"`"
        ));
    }
    let seconds_per_unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        "" => {
            return Err(format!(
                "`{number}` has no unit; write `{argument} = \"{number}s\"` for seconds or `{argument} = \"{number}m\"` for minutes"
            ));
        }
        _ => {
            return Err(format!(
                "unknown unit `{unit}`; expected `s`, `m`, `h` or `d`, as in `{argument} = \"10m\"`"
            ));
        }
    };
    let seconds = number.parse::<u64>().ok().and_then(|n| n.checked_mul(seconds_per_unit));
    seconds.ok_or_else(|| format!("the duration `{text}` is too long; write a smaller number"))
}

#[cfg(test)]
mod tests {
    use proc_macro2::{Ident, Span};

    use super::parse_seconds;

    #[test]
    fn durations_need_a_whole_number_and_a_known_unit() {
        let argument = Ident::new("max_age", Span::call_site());
        let seconds = |text| parse_seconds(&argument, text);
        assert_eq!(seconds("90s"), Ok(90));
        assert_eq!(seconds("10m"), Ok(600));
        assert_eq!(seconds("2h"), Ok(7200));
        assert_eq!(seconds("1d"), Ok(86_400));
        for bad in ["", "10", "m", "10 m", "10min", "-1s", "1.5h", "99999999999999999999d"] {
            assert!(seconds(bad).is_err(), "{bad:?}");
        }
        assert!(seconds("18446744073709551615m").is_err(), "more seconds than fit");
    }
}
