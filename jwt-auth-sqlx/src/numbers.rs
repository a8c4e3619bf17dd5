//! Numbers and times as the databases store them.

#[cfg(any(feature = "postgres", test))]
use std::time::Duration;
use std::time::{SystemTime, UNIX_EPOCH};

/// How long the record of a session outlasts its access tokens, in seconds: the longest `decode_leeway`.
#[cfg(feature = "postgres")]
pub(crate) const SESSION_MARGIN: i64 = 600;

/// Milliseconds since 1970.
pub(crate) fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Whole seconds since 1970.
pub(crate) fn second(time: SystemTime) -> u64 {
    millis(time) / 1_000
}

#[cfg(any(feature = "postgres", test))]
pub(crate) fn from_millis(millis: u64) -> SystemTime {
    UNIX_EPOCH.checked_add(Duration::from_millis(millis)).unwrap_or(UNIX_EPOCH)
}

pub(crate) fn to_i64(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number that these stores wrote. A negative one, which they never write, counts as zero.
pub(crate) fn to_u64(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_survive_a_round_trip() {
        assert_eq!(to_u64(to_i64(1_700_000_000_123)), 1_700_000_000_123);
        assert_eq!((to_u64(-1), to_i64(u64::MAX)), (0, i64::MAX));
        assert_eq!(millis(from_millis(1_700_000_000_123)), 1_700_000_000_123);
        assert_eq!(second(from_millis(1_999)), 1);
    }
}
