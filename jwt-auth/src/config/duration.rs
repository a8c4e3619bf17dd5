//! Durations as text: a number and a unit.

use std::time::Duration;

/// Parses `15m`, `30d`, `90s`, `2h`, `250ms`. The error says what to write.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let Ok(number) = number.parse::<u64>() else {
        return Err("write a whole number and a unit, as in `15m`".to_owned());
    };
    let seconds = match unit {
        "ms" => return Ok(Duration::from_millis(number)),
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        "" => {
            return Err(format!(
                "write the unit: `{number}s` for seconds, `{number}m` for minutes"
            ));
        }
        _ => return Err("the units are ms, s, m, h and d, as in `15m`".to_owned()),
    };
    number
        .checked_mul(seconds)
        .map(Duration::from_secs)
        .ok_or_else(|| "write a smaller number".to_owned())
}

/// The inverse of [`parse`], for messages.
pub(super) fn write(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 => format!("{}ms", duration.as_millis()),
        s if s % 86_400 == 0 => format!("{}d", s / 86_400),
        s if s % 3600 == 0 => format!("{}h", s / 3600),
        s if s % 60 == 0 => format!("{}m", s / 60),
        s => format!("{s}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_parses_and_is_written() {
        assert_eq!(parse("15m"), Ok(Duration::from_secs(900)));
        assert_eq!(parse(" 30d "), Ok(Duration::from_secs(30 * 86_400)));
        assert_eq!(parse("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(write(Duration::from_secs(900)), "15m");
        assert_eq!(write(Duration::from_secs(7200)), "2h");
    }

    #[test]
    fn a_bare_number_shows_the_unit_to_write() {
        assert!(parse("15").unwrap_err().contains("`15s`"));
        for bad in ["", "m", "-1s", "1.5h", "1 h", "15M", "15min", "99999999999999999999s"] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
    }
}
