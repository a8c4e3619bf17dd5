//! A directory of key files: which files are keys, and what their names say.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::keys::{Algorithm, Key, KeyMaterial, KeyProblem, pem, read_jwk_set};

/// The ending of the empty file that marks a key as revoked.
pub(crate) const REVOKED: &str = "revoked";
/// The endings of key files.
const ENDINGS: &[&str] = &["pem", "key", "jwk", "json", "der", "crt", "cer", "pub"];

/// The keys of a directory, by name, each with its file.
pub(super) fn read(directory: &Path) -> Result<Vec<(PathBuf, Key)>, KeyProblem> {
    let unreadable = |error: std::io::Error| {
        KeyProblem::new(
            format!("cannot read the key directory {}: {}", directory.display(), error.kind()),
            "check the path; it is relative to the working directory",
        )
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes()[0] == b'.');
        // Kubernetes mounts a secret as links to hidden folders, so links are followed.
        if !is_hidden && !path.is_dir() {
            files.push(path);
        }
    }
    files.sort();
    let is_mark = |file: &PathBuf| file.extension().is_some_and(|ending| ending == REVOKED);
    let (marks, files): (Vec<PathBuf>, Vec<PathBuf>) = files.into_iter().partition(is_mark);
    let revoked: Vec<&str> =
        marks.iter().filter_map(|mark| mark.file_stem().and_then(|stem| stem.to_str())).collect();
    let mut keys = Vec::new();
    for file in files {
        let found = read_file(&file).map_err(|problem| KeyProblem {
            rule: format!("the file {}: {}", file.display(), problem.rule),
            ..problem
        })?;
        for mut key in found {
            key.is_revoked = key.id.as_deref().is_some_and(|id| revoked.contains(&id));
            keys.push((file.clone(), key));
        }
    }
    Ok(keys)
}

fn read_file(file: &Path) -> Result<Vec<Key>, KeyProblem> {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
    if !ENDINGS.contains(&ending) {
        return Err(KeyProblem::new(
            "it has not the ending of a key file",
            format!("remove it, or name it by one of these endings: {}", ENDINGS.join(", ")),
        ));
    }
    let id = stem.strip_suffix(".pub").unwrap_or(stem);
    let signs_from = starting_time(id)?;
    let describe = |key: Key| {
        let key = if key.id.is_some() { key } else { key.id(id) };
        Key { signs_from: Some(signs_from.unwrap_or_default()), ..key }
    };
    let material = KeyMaterial::file(file);
    match ending {
        "der" => Ok(vec![describe(Key::detect_der(material))]),
        "crt" | "cer" => Ok(vec![describe(Key::detect_certificate(material))]),
        "jwk" | "json" => {
            let text = material.read()?;
            match std::str::from_utf8(&text) {
                Ok(text) if read_jwk_set::is_set(text) => read_jwk_set::keys(text),
                _ => Ok(vec![describe(Key::jwk(material))]),
            }
        }
        "pem" | "pub" if !pem::is_pem(&material.read()?) => Err(KeyProblem::new(
            "it contains no PEM",
            "create one: openssl genpkey -algorithm ED25519 -out 2026-12-01.pem; a secret is in a `.key` file",
        )),
        _ => Ok(vec![describe(Key::detect(Algorithm::RS256, material))]),
    }
}

/// The time that a name says, since 1970: `2026-12-01` or `2026-12-01T08-30-00Z`. `None` for a name that is no date.
fn starting_time(name: &str) -> Result<Option<Duration>, KeyProblem> {
    let looks_like_a_date = name
        .as_bytes()
        .get(..5)
        .is_some_and(|start| start[4] == b'-' && start[..4].iter().all(u8::is_ascii_digit));
    if !looks_like_a_date {
        return Ok(None);
    }
    parse_time(name).map(Some).ok_or_else(|| {
        KeyProblem::new(
            "its name begins like a date, and is none",
            "write `2026-12-01.pem` or `2026-12-01T08-30-00Z.pem` (UTC), or another name without a date",
        )
    })
}

fn parse_time(name: &str) -> Option<Duration> {
    let (date, time) = match name.split_once('T') {
        Some((date, time)) => (date, time.strip_suffix('Z')?),
        None => (name, "00-00-00"),
    };
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let separator = if time.contains(':') { ':' } else { '-' };
    let [hour, minute, second] = numbers(time, separator, [2, 2, 2])?;
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_in_month = match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        _ => 31,
    };
    let is_date = year >= 1970 && (1..=12).contains(&month) && (1..=days_in_month).contains(&day);
    if !is_date || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    Some(Duration::from_secs(days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second))
}

/// Numbers of exactly these many digits.
fn numbers(text: &str, separator: char, digits: [usize; 3]) -> Option<[u64; 3]> {
    let mut parts = text.split(separator);
    let mut numbers = [0; 3];
    for (number, digits) in numbers.iter_mut().zip(digits) {
        let part = parts.next()?;
        let is_number = part.len() == digits && part.bytes().all(|b| b.is_ascii_digit());
        *number = part.parse().ok().filter(|_| is_number)?;
    }
    parts.next().is_none().then_some(numbers)
}

/// The days from 1970-01-01 to a date. Years begin in March here, so that a leap day is the last day of a year.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year / 4 - year / 100 + year / 400;
    365 * year + leap_days + (153 * month + 2) / 5 + day - 1 - 719_468
}

/// The name of the key that begins to sign at that time.
pub(crate) fn name_of(start: Duration) -> String {
    let (days_left, seconds) = (start.as_secs() / 86_400, start.as_secs() % 86_400);
    // The inverse of `days`: an era has 400 years.
    let shifted = days_left + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let date = format!("{:04}-{month:02}-{day:02}", era * 400 + year_of_era + next);
    if seconds == 0 {
        return date;
    }
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{date}T{hour:02}-{minute:02}-{second:02}Z")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_dates_or_times_in_utc() {
        let seconds = |name: &str| starting_time(name).map(|time| time.map(|time| time.as_secs()));
        assert_eq!(seconds("1970-01-01"), Ok(Some(0)));
        assert_eq!(seconds("2026-11-27"), Ok(Some(1_795_737_600)));
        assert_eq!(seconds("2024-02-29T23-59-59Z"), Ok(Some(1_709_251_199)));
        assert_eq!(seconds("2024-02-29T23:59:59Z"), Ok(Some(1_709_251_199)));
        assert_eq!(seconds("signing"), Ok(None));
        assert_eq!(seconds("2026"), Ok(None));
        for bad in [
            "2026-13-01",
            "2026-02-29",
            "2026-00-10",
            "2026-1-1",
            "2026-01-01T24-00-00Z",
            "2026-01-01T00-00-00",
            "2026-01-01-old",
            "1969-12-31",
            "2026-01",
            "2026-01-01T00-00:00Z",
        ] {
            assert!(starting_time(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_time_has_one_name(seconds in 0_u64..253_402_300_800) {
            let time = Duration::from_secs(seconds);
            prop_assert_eq!(starting_time(&name_of(time)), Ok(Some(time)));
        }
    }
}
