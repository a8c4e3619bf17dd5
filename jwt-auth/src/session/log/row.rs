//! What a log stores, and what its calls return.

use tokio::time::Instant;

use crate::session::record::{Record, RecordKey};
use crate::session::{Revocation, RotationOutcome};

/// A row of a log: a revocation.
///
/// Two rows of one key combine to the later `before` and the later `until`, whatever the order.
///
/// ```
/// use jwt_auth::session::Revocation;
/// use jwt_auth::session::log::Row;
/// use std::time::{Duration, UNIX_EPOCH};
///
/// let until = UNIX_EPOCH + Duration::from_secs(900);
/// let row = Row::new(&Revocation::Token { issuer: None, id: "a-jti", until });
/// assert_eq!(row, Row { key: r#"["token",null,"a-jti"]"#.to_owned(), before: 0, until: 900 });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What the row covers, as JSON text. It is the same on every node and in every release.
    pub key: String,
    /// The epoch in milliseconds since 1970, or another number that only rises; zero for most keys.
    pub before: u64,
    /// When the row may be deleted, in seconds since 1970.
    pub until: u64,
}

impl Row {
    /// The row of a revocation, before the log raises its epoch or computes its end.
    ///
    /// ```
    /// # use jwt_auth::session::{Revocation, log::Row};
    /// # use std::time::UNIX_EPOCH;
    /// let row = Row::new(&Revocation::All { before: UNIX_EPOCH, until: UNIX_EPOCH });
    /// assert_eq!(row.key, r#"["all"]"#);
    /// ```
    pub fn new(revocation: &Revocation<'_>) -> Self {
        Record::new(revocation).into()
    }

    /// The row of a session that ended.
    ///
    /// ```
    /// # use jwt_auth::session::log::Row;
    /// assert_eq!(Row::of_session("a-session", 900).until, 900);
    /// ```
    pub fn of_session(id: &str, until: u64) -> Self {
        Record::of_session(id, until).into()
    }

    /// The row as a record; `None` for one that a newer release wrote, or that is malformed.
    pub(super) fn record(&self) -> Option<Record> {
        let key = RecordKey::parse(&self.key)?;
        Some(Record { key, before: self.before, until: self.until })
    }
}

impl From<Record> for Row {
    fn from(record: Record) -> Self {
        Self { key: record.key.text(), before: record.before, until: record.until }
    }
}

/// What one read of a log returns.
///
/// ```
/// use jwt_auth::session::log::Batch;
/// use tokio::time::Instant;
///
/// let as_of = Some(Instant::now()); // before the server is queried
/// let batch = Batch { rows: Vec::new(), cursor: 7, is_whole: false, as_of };
/// assert!(batch.rows.is_empty());
/// ```
#[derive(Clone, Debug)]
pub struct Batch<C> {
    /// The rows. One that was read before may be among them again.
    pub rows: Vec<Row>,
    /// Where to continue.
    pub cursor: C,
    /// Whether these are all rows in force, and not only those since the cursor.
    pub is_whole: bool,
    /// The reader has seen everything that was written before this time: the time before the server was queried.
    ///
    /// A server that may be behind another one proves a time by [`Heartbeats`](super::Heartbeats); `None` until it has.
    pub as_of: Option<Instant>,
}

/// What a strict look-up returns.
///
/// ```
/// let found = jwt_auth::session::log::Found { rows: Vec::new(), is_session_known: false, created: 0 };
/// assert!(found.rows.is_empty());
/// ```
#[derive(Clone, Debug)]
pub struct Found {
    /// The rows of the requested keys.
    pub rows: Vec<Row>,
    /// Whether the requested session exists.
    pub is_session_known: bool,
    /// When the store was created, in milliseconds since 1970.
    pub created: u64,
}

/// What a rotation returns.
///
/// ```
/// use jwt_auth::session::RotationOutcome;
/// use jwt_auth::session::log::Decision;
/// let decision = Decision { outcome: RotationOutcome::Unknown, row: None };
/// assert!(decision.row.is_none());
/// ```
#[derive(Clone, Debug)]
pub struct Decision {
    /// What [`decide`](super::decide) returned.
    pub outcome: RotationOutcome,
    /// The row of the session, if the rotation ended it.
    pub row: Option<Row>,
}

/// What a registration returns.
///
/// ```
/// let registration = jwt_auth::session::log::Registration { started: 1_700_000_000_000, ended: Vec::new() };
/// assert!(registration.ended.is_empty());
/// ```
#[derive(Clone, Debug)]
pub struct Registration {
    /// The start stamp, in milliseconds since 1970.
    pub started: u64,
    /// The sessions that ended, because the subject had too many: their ids and rows.
    pub ended: Vec<(String, Row)>,
}
