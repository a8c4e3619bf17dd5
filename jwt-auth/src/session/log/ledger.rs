//! A whole store as one value: its sessions, its rows, and the rules.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::session::log::{Decision, Found, Registration, Row, epoch_keys, keys_that_name};
use crate::session::record::{Record, second};
use crate::session::session_table::SessionTable;
use crate::session::{NewSession, Revocation, RotationRequest, Session};

/// The sessions and rows of a store, as one value that a log holds behind a lock.
///
/// It applies every rule: a log for an engine that stores one value, such as a file or a replicated register, only reads
/// it, calls it, and writes it back. It serialises.
///
/// ```
/// use jwt_auth::session::{RotationOutcome, RotationRequest};
/// use jwt_auth::session::log::Ledger;
/// use std::time::{Duration, UNIX_EPOCH};
///
/// let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
/// let mut ledger = Ledger::new(now);
/// let request = RotationRequest::new("a-session", "alice", "first-jti", "second-jti", now);
/// assert!(matches!(ledger.rotate(&request).outcome, RotationOutcome::Rotated { .. }));
/// assert_eq!(ledger.sessions("alice", now).len(), 1);
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ledger {
    sessions: SessionTable,
    /// The epoch and the end of each key.
    rows: HashMap<String, (u64, u64)>,
}

impl Ledger {
    /// An empty store that is created now.
    ///
    /// ```
    /// # use jwt_auth::session::log::Ledger;
    /// let ledger = Ledger::new(std::time::SystemTime::now());
    /// # drop(ledger);
    /// ```
    pub fn new(now: SystemTime) -> Self {
        let mut sessions = SessionTable::default();
        sessions.created(now);
        Self { sessions, rows: HashMap::new() }
    }

    /// Every row.
    ///
    /// ```
    /// # use jwt_auth::session::log::Ledger;
    /// assert!(Ledger::new(std::time::UNIX_EPOCH).rows().is_empty());
    /// ```
    pub fn rows(&self) -> Vec<Row> {
        let rows = self.rows.iter();
        rows.map(|(key, (before, until))| Row { key: key.clone(), before: *before, until: *until })
            .collect()
    }

    /// Writes a row, or combines it with the one of the same key. Returns the result.
    ///
    /// ```
    /// # use jwt_auth::session::log::{Ledger, Row};
    /// let mut ledger = Ledger::new(std::time::UNIX_EPOCH);
    /// ledger.append(Row::of_session("a-session", 900));
    /// assert_eq!(ledger.append(Row::of_session("a-session", 7)).until, 900);
    /// ```
    pub fn append(&mut self, row: Row) -> Row {
        let (before, until) = self.rows.entry(row.key.clone()).or_default();
        *before = row.before.max(*before);
        *until = row.until.max(*until);
        Row { before: *before, until: *until, ..row }
    }

    /// Ends the sessions that the revocation covers, and returns its row.
    ///
    /// ```
    /// # use jwt_auth::session::{Revocation, log::Ledger};
    /// # let now = std::time::UNIX_EPOCH;
    /// let mut ledger = Ledger::new(now);
    /// let row = ledger.revoke(&Revocation::Subject { subject: "alice", before: now, until: now }, now);
    /// assert_eq!(row.key, r#"["subject","alice"]"#);
    /// ```
    pub fn revoke(&mut self, revocation: &Revocation<'_>, now: SystemTime) -> Row {
        let record = self.sessions.revoke(revocation, now);
        self.write(record)
    }

    /// Decides a rotation.
    ///
    /// ```
    /// # use jwt_auth::session::{RotationOutcome, RotationRequest, log::Ledger};
    /// # let now = std::time::UNIX_EPOCH;
    /// let request = RotationRequest::new("a-session", "alice", "first-jti", "second-jti", now);
    /// let decision = Ledger::new(now).rotate(&request);
    /// assert!(matches!(decision.outcome, RotationOutcome::Rotated { .. }));
    /// ```
    pub fn rotate(&mut self, request: &RotationRequest<'_>) -> Decision {
        let now = second(request.now);
        let keys = keys_that_name(&request.token);
        let is_in_force = |key| self.rows.get(key).is_some_and(|(_, until)| now < *until);
        let is_named = keys.iter().any(is_in_force);
        let epoch = self.epoch(request.token.subject);
        let (outcome, record) = self.sessions.rotate(request, is_named, epoch);
        Decision { outcome, row: record.map(|record| self.write(record)) }
    }

    /// Remembers a session.
    ///
    /// ```
    /// # use jwt_auth::session::{NewSession, log::Ledger};
    /// # let now = std::time::UNIX_EPOCH;
    /// let session = NewSession::new("a-session", "alice", "first-jti", now, now);
    /// assert_eq!(Ledger::new(now).register(&session).started, 0);
    /// ```
    pub fn register(&mut self, session: &NewSession<'_>) -> Registration {
        let epoch = self.epoch(session.subject);
        let (started, records) = self.sessions.register(session, epoch);
        let mut ended = Vec::new();
        for record in records {
            let id = record.key.session_id().unwrap_or_default().to_owned();
            ended.push((id, self.write(record)));
        }
        Registration { started, ended }
    }

    /// The active sessions of a subject, the most recently used first.
    ///
    /// ```
    /// # use jwt_auth::session::log::Ledger;
    /// # let now = std::time::UNIX_EPOCH;
    /// assert!(Ledger::new(now).sessions("alice", now).is_empty());
    /// ```
    pub fn sessions(&self, subject: &str, now: SystemTime) -> Vec<Session> {
        let active = self.sessions.active(subject, now);
        active.into_iter().map(|(id, state)| state.listed(id)).collect()
    }

    /// The rows of these keys, and whether the session exists.
    ///
    /// ```
    /// # use jwt_auth::session::log::Ledger;
    /// # let now = std::time::UNIX_EPOCH;
    /// assert!(!Ledger::new(now).find(&[], Some("a-session"), now).is_session_known);
    /// ```
    pub fn find(&mut self, keys: &[String], session: Option<&str>, now: SystemTime) -> Found {
        let rows = keys.iter().filter_map(|key| {
            let (before, until) = *self.rows.get(key)?;
            Some(Row { key: key.clone(), before, until })
        });
        let rows = rows.collect();
        let is_session_known = session.is_some_and(|id| self.sessions.knows(id));
        Found { rows, is_session_known, created: self.sessions.created(now) }
    }

    /// Raises the longest life of an access token.
    ///
    /// ```
    /// # use jwt_auth::session::log::Ledger;
    /// let mut ledger = Ledger::new(std::time::UNIX_EPOCH);
    /// ledger.remember_access_life(std::time::Duration::from_secs(900));
    /// ```
    pub fn remember_access_life(&mut self, life: Duration) {
        self.sessions.remember_access_life(life);
    }

    /// Deletes what expired, and returns how much. `now` is the clock of the store.
    ///
    /// ```
    /// # use jwt_auth::session::log::Ledger;
    /// # let now = std::time::UNIX_EPOCH;
    /// assert_eq!(Ledger::new(now).prune(now), 0);
    /// ```
    pub fn prune(&mut self, now: SystemTime) -> u64 {
        // A day late, because the leeways and clocks of nodes may differ.
        let cutoff = second(now).saturating_sub(86_400);
        let before = self.rows.len();
        self.rows.retain(|_, (_, until)| cutoff <= *until);
        (before - self.rows.len()) as u64 + self.sessions.prune(now)
    }

    fn epoch(&self, subject: &str) -> Option<u64> {
        epoch_keys(subject).iter().filter_map(|key| self.rows.get(key)).map(|row| row.0).max()
    }

    fn write(&mut self, record: Record) -> Row {
        self.append(record.into())
    }
}
