//! A revocation as stores remember it: what it covers, an epoch and an end.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::session::{Revocation, TokenIdentity};

/// Seconds since 1970: the precision of claims.
pub(crate) type Second = u64;
/// Milliseconds since 1970: the precision of session start stamps and epochs.
pub(crate) type Millis = u64;

/// The longest name that a record may have, in bytes: a subject, an issuer, a session id or a key id.
pub(crate) const MAX_NAME: usize = 1024;
/// The longest token id (`jti`), in bytes.
pub(crate) const MAX_TOKEN_ID: usize = 128;

/// How long the record of a session lasts after the session's own end, in seconds: the largest `decode_leeway`.
pub(crate) const SESSION_MARGIN: Second = 600;

/// Whether every store can record the name. PostgreSQL has no text with NUL.
pub(crate) fn is_revocable(name: &str, longest: usize) -> bool {
    name.len() <= longest && !name.contains('\0')
}

/// What a record covers; two records of one key combine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RecordKey {
    Token {
        issuer: Option<String>,
        id: String,
    },
    Session(String),
    /// The access tokens of a session before a generation.
    EarlierAccess(String),
    Subject(String),
    SigningKey(String),
    All,
}

/// One record. Two records of the same key combine to the later epoch and the later end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) key: RecordKey,
    /// The epoch in milliseconds, or the generation of `EarlierAccess`; zero for other keys.
    pub(crate) before: u64,
    pub(crate) until: Second,
}

impl Record {
    /// The record of a session that ended.
    pub(crate) fn of_session(id: &str, until: Second) -> Self {
        Self { key: RecordKey::Session(id.to_owned()), before: 0, until }
    }

    pub(crate) fn new(revocation: &Revocation<'_>) -> Self {
        let (key, before, until) = match *revocation {
            Revocation::Token { issuer, id, until } => {
                let issuer = issuer.map(str::to_owned);
                (RecordKey::Token { issuer, id: id.to_owned() }, None, until)
            }
            Revocation::Session { id, until, .. } => {
                (RecordKey::Session(id.to_owned()), None, until)
            }
            Revocation::EarlierAccess { session, generation, until } => {
                let key = RecordKey::EarlierAccess(session.to_owned());
                return Self { key, before: generation, until: end_second(until) };
            }
            Revocation::Subject { subject, before, until } => {
                (RecordKey::Subject(subject.to_owned()), Some(before), until)
            }
            Revocation::Key { id, until } => (RecordKey::SigningKey(id.to_owned()), None, until),
            Revocation::All { before, until } => (RecordKey::All, Some(before), until),
        };
        Self { key, before: before.map_or(0, millis), until: end_second(until) }
    }
}

/// Whether an epoch covers the token.
///
/// A token of a registered session is covered if its session started at the epoch or earlier. Any other token is
/// compared by `iat`, with the difference between clocks that is tolerated; without `iat` it is always covered.
pub(crate) fn is_covered(token: &TokenIdentity<'_>, epoch: Millis) -> bool {
    if let Some(started) = token.session_started_at {
        return whole_millis(started) <= epoch;
    }
    let covered = Duration::from_millis(epoch).saturating_add(token.clock_tolerance);
    token.issued_at.is_none_or(|issued| issued.as_secs() <= covered.as_secs())
}

pub(crate) fn whole_millis(duration: Duration) -> Millis {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The millisecond that contains the time.
pub(crate) fn millis(time: SystemTime) -> Millis {
    whole_millis(time.duration_since(UNIX_EPOCH).unwrap_or_default())
}

/// The time of a number of milliseconds.
pub(crate) fn from_millis(millis: Millis) -> SystemTime {
    UNIX_EPOCH.checked_add(Duration::from_millis(millis)).unwrap_or(UNIX_EPOCH)
}

/// The second that contains the time.
pub(crate) fn second(time: SystemTime) -> Second {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// The time, rounded up to a whole second: a record has certainly ended then.
pub(crate) fn end_second(time: SystemTime) -> Second {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_secs() + u64::from(since.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_rounds_down_and_an_end_rounds_up() {
        let at = |millis| UNIX_EPOCH + Duration::from_millis(millis);
        assert_eq!([1_000, 1_999, 2_000].map(|millis| second(at(millis))), [1, 1, 2]);
        assert_eq!([1_000, 1_001, 1_999, 2_000].map(|millis| end_second(at(millis))), [1, 2, 2, 2]);
        let before_1970 = UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!((second(before_1970), end_second(before_1970)), (0, 0));
    }
}
