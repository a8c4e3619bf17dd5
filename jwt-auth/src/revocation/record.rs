//! What was taken back, as stores keep it: a name, an epoch, an end.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::revocation::{Revocation, TokenIdentity};

/// Seconds since 1970: as fine as claims are.
pub(crate) type Second = u64;

/// A name longer than this is none that a token of ours could be found by again, and no key of a table.
pub(crate) const MAX_NAME: usize = 1024;

/// What a record is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum About {
    Token { issuer: Option<String>, id: String },
    Family(String),
    Subject(String),
    Key(String),
    All,
}

/// One record. Two of the same key combine by the later epoch and the later end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) about: About,
    /// The epoch, where the record has one.
    pub(crate) before: Second,
    pub(crate) until: Second,
}

impl Record {
    pub(crate) fn of(revocation: &Revocation<'_>) -> Self {
        let (about, before, until) = match *revocation {
            Revocation::Token { issuer, id, until } => {
                let issuer = issuer.map(str::to_owned);
                (About::Token { issuer, id: id.to_owned() }, None, until)
            }
            Revocation::Family { family, until } => (About::Family(family.to_owned()), None, until),
            Revocation::Subject { subject, before, until } => {
                (About::Subject(subject.to_owned()), Some(before), until)
            }
            Revocation::Key { id, until } => (About::Key(id.to_owned()), None, until),
            Revocation::All { before, until } => (About::All, Some(before), until),
        };
        Self { about, before: before.map_or(0, second), until: end(until) }
    }
}

/// Issued in the very second of the epoch counts as before it; so does no `iat`.
pub(crate) fn is_before(token: &TokenIdentity<'_>, epoch: Second) -> bool {
    token.issued_at.is_none_or(|issued| issued.as_secs() <= epoch)
}

pub(crate) fn second(time: SystemTime) -> Second {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// The end of an entry: the second in which it is surely over.
pub(crate) fn end(time: SystemTime) -> Second {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_secs() + u64::from(since.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_epoch_is_the_second_that_has_begun_and_an_end_the_one_that_is_surely_over() {
        let at = |millis| UNIX_EPOCH + Duration::from_millis(millis);
        assert_eq!([1_000, 1_999, 2_000].map(|millis| second(at(millis))), [1, 1, 2]);
        assert_eq!([1_000, 1_001, 1_999, 2_000].map(|millis| end(at(millis))), [1, 2, 2, 2]);
        let before_1970 = UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!((second(before_1970), end(before_1970)), (0, 0));
    }
}
