//! `max_age = "10m"`: a number and its unit.

/// The seconds of a duration; the error is the line to write.
pub(crate) fn seconds(text: &str) -> Result<u64, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let Ok(number) = number.parse::<u64>() else {
        return Err("write a whole number and a unit, as in `max_age = \"10m\"`".to_owned());
    };
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        "" => {
            return Err(format!(
                "write its unit, as in `max_age = \"{number}s\"` for seconds or `max_age = \"{number}m\"` for minutes"
            ));
        }
        _ => {
            return Err("the units are `s`, `m`, `h` and `d`, as in `max_age = \"10m\"`".to_owned());
        }
    };
    number.checked_mul(unit).ok_or_else(|| "write a smaller number".to_owned())
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn a_number_and_its_unit() {
        assert_eq!(seconds("90s"), Ok(90));
        assert_eq!(seconds("10m"), Ok(600));
        assert_eq!(seconds("2h"), Ok(7200));
        assert_eq!(seconds("1d"), Ok(86_400));
        for bad in ["", "10", "m", "10 m", "10min", "-1s", "1.5h", "99999999999999999999d"] {
            assert!(seconds(bad).is_err(), "{bad:?}");
        }
    }
}
