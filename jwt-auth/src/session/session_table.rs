//! The sessions of a store in memory, by id and by subject, and what each call does to them.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::session::record::{Millis, Record, SESSION_MARGIN, millis};
use crate::session::rotation::{Ending, Facts, SessionState, decide, is_adoptable};
use crate::session::{NewSession, Revocation, RotationOutcome, RotationRequest, TokenIdentity};
use crate::token_kind::TokenKind;

/// Expired sessions are removed whenever the number of sessions has doubled since the last removal. This is the
/// number at the first removal.
const FIRST_PRUNE: usize = 1024;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct SessionTable {
    by_id: HashMap<Box<str>, SessionState>,
    /// The session ids of each subject, so that listing a subject's sessions does not walk all sessions.
    by_subject: HashMap<Box<str>, HashSet<Box<str>>>,
    prune_at: usize,
    /// The time of the first call.
    created: Option<Millis>,
    /// The longest life of an access token.
    access_life: Duration,
}

impl SessionTable {
    pub(super) fn created(&mut self, now: SystemTime) -> Millis {
        *self.created.get_or_insert(millis(now))
    }

    /// Removes expired sessions, and returns how many.
    pub(super) fn prune(&mut self, now: SystemTime) -> u64 {
        // A refresh token is accepted until its `exp` and the leeway, which is shorter than the margin.
        let cutoff = millis(now).saturating_sub(SESSION_MARGIN * 1000);
        let before = self.by_id.len();
        self.by_id.retain(|_, state| cutoff < state.expires);
        let by_id = &self.by_id;
        self.by_subject.retain(|_, ids| {
            ids.retain(|id| by_id.contains_key(id));
            !ids.is_empty()
        });
        self.prune_at = (self.by_id.len() * 2).max(FIRST_PRUNE);
        (before - self.by_id.len()) as u64
    }

    fn insert(&mut self, id: &str, state: SessionState, now: SystemTime) {
        if self.by_id.len() >= self.prune_at.max(FIRST_PRUNE) {
            self.prune(now);
        }
        if !self.by_subject.get(&state.subject).is_some_and(|ids| ids.contains(id)) {
            self.by_subject.entry(state.subject.clone()).or_default().insert(id.into());
        }
        self.by_id.insert(id.into(), state);
    }

    fn remove(&mut self, id: &str) -> Option<SessionState> {
        let state = self.by_id.remove(id)?;
        if let Some(ids) = self.by_subject.get_mut(&state.subject) {
            ids.remove(id);
            if ids.is_empty() {
                self.by_subject.remove(&state.subject);
            }
        }
        Some(state)
    }

    /// Removes the session, and returns the record that its access tokens need. `until` is the end of the record of an
    /// unknown session.
    fn end(
        &mut self,
        id: &str,
        started_at: Option<SystemTime>,
        until: SystemTime,
        now: SystemTime,
    ) -> Record {
        let (created, access_life) = (self.created(now), self.access_life);
        let ending = Ending { started_at, until, created, access_life, now };
        Record::of_session(id, ending.record_end(self.remove(id).as_ref()))
    }

    /// Removes the sessions of a subject, and returns the highest start stamp.
    fn remove_subject(&mut self, subject: &str) -> Option<Millis> {
        let ids = self.by_subject.remove(subject).unwrap_or_default();
        ids.iter().filter_map(|id| self.by_id.remove(id)).map(|state| state.started).max()
    }

    /// The sessions of a subject that have not expired, the most recently used first.
    pub(super) fn active(&self, subject: &str, now: SystemTime) -> Vec<(&str, &SessionState)> {
        let ids = self.by_subject.get(subject).into_iter().flatten();
        let now = millis(now);
        let mut active: Vec<(&str, &SessionState)> = ids
            .filter_map(|id| Some((&**id, self.by_id.get(id)?)))
            .filter(|(_, state)| now < state.expires)
            .collect();
        active.sort_by_key(|(_, state)| Reverse(state.rotated));
        active
    }

    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(super) fn knows(&self, id: &str) -> bool {
        self.by_id.contains_key(id)
    }

    /// Whether the token is a refresh token of a session that ended, and that is not adopted again.
    pub(super) fn is_gone(&mut self, token: &TokenIdentity<'_>, now: SystemTime) -> bool {
        let created = self.created(now);
        token.kind == TokenKind::Refresh
            && token.session_id.is_some_and(|id| !self.knows(id))
            && !is_adoptable(token, created)
    }

    /// Decides a rotation. Returns the record of the session if it ended.
    pub(super) fn rotate(
        &mut self,
        request: &RotationRequest<'_>,
        is_named: bool,
        epoch: Option<Millis>,
    ) -> (RotationOutcome, Option<Record>) {
        let (id, now) = (request.session_id(), request.now);
        let facts = Facts { is_named, epoch, created: self.created(now) };
        let mut state = self.by_id.remove(id);
        let outcome = decide(&mut state, facts, request);
        if let Some(state) = state {
            self.insert(id, state, now);
        }
        let is_reused = outcome == RotationOutcome::Reused;
        let record = is_reused.then(|| self.end(id, None, request.session_ends, now));
        (outcome, record)
    }

    /// Remembers a session, and returns its start stamp, and the records of the sessions beyond its limit.
    pub(super) fn register(
        &mut self,
        new: &NewSession<'_>,
        epoch: Option<Millis>,
    ) -> (Millis, Vec<Record>) {
        self.created(new.now);
        let state = SessionState::begin(new, epoch);
        let started = state.started;
        self.insert(new.id, state, new.now);
        let others = self.active(new.subject, new.now);
        let others = others.into_iter().filter(|(id, _)| *id != new.id);
        let extra: Vec<String> =
            others.skip(new.max_sessions.max(1) - 1).map(|(id, _)| id.to_owned()).collect();
        let ended = extra.iter().map(|id| self.end(id, None, new.ends, new.now)).collect();
        (started, ended)
    }

    /// Removes the sessions that a revocation covers, and returns its record.
    pub(super) fn revoke(&mut self, revocation: &Revocation<'_>, now: SystemTime) -> Record {
        let mut record = Record::new(revocation);
        match *revocation {
            Revocation::Session { id, started_at, until } => {
                record = self.end(id, started_at, until, now);
            }
            Revocation::Subject { subject, .. } => {
                record.before = record.before.max(self.remove_subject(subject).unwrap_or(0));
            }
            Revocation::All { .. } => {
                let latest = self.by_id.values().map(|state| state.started).max();
                record.before = record.before.max(latest.unwrap_or(0));
                self.by_id.clear();
                self.by_subject.clear();
            }
            Revocation::Token { .. }
            | Revocation::EarlierAccess { .. }
            | Revocation::Key { .. } => {}
        }
        record
    }

    pub(super) fn remember_access_life(&mut self, life: Duration) {
        self.access_life = self.access_life.max(life);
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn at(second: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(second)
    }

    fn state(subject: &str, ends: u64) -> SessionState {
        SessionState::begin(&NewSession::new("", subject, "a", at(0), at(ends)), None)
    }

    fn table_with(subject: &str, ends: impl IntoIterator<Item = u64>) -> SessionTable {
        let mut table = SessionTable::default();
        for (n, ends) in ends.into_iter().enumerate() {
            table.insert(&format!("{subject}-{n}"), state(subject, ends), at(0));
        }
        table
    }

    #[test]
    fn a_session_is_listed_until_its_end_and_pruned_after_it() {
        let mut table = table_with("alice", [10, 10, 20, 20, 20]);
        assert_eq!(table.active("alice", at(9)).len(), 5);
        assert_eq!(table.active("alice", at(10)).len(), 3);
        assert_eq!(table.prune(at(609)), 0, "a token may be used within its leeway");
        assert_eq!(table.prune(at(610)), 2);
        assert_eq!(table.active("alice", at(9)).len(), 3, "active sessions are still found");
        assert_eq!(table.prune(at(620)), 3);
        assert!(table.by_id.is_empty() && table.by_subject.is_empty(), "nothing is left");
    }

    #[test]
    fn an_ended_session_is_not_listed() {
        let mut table = table_with("alice", [20, 20]);
        let until = at(20);
        table.revoke(&Revocation::Session { id: "alice-0", started_at: None, until }, at(0));
        let left: Vec<&str> = table.active("alice", at(5)).iter().map(|(id, _)| *id).collect();
        assert_eq!(left, ["alice-1"]);
    }

    #[test]
    fn log_ins_prune_expired_sessions_when_their_number_has_doubled() {
        let mut table = table_with("alice", [10, 10]);
        table.insert("next", state("bob", 30), at(620));
        assert_eq!(table.len(), 3, "two expired sessions do not start a walk");
        let mut table = table_with("alice", (0..FIRST_PRUNE as u64).map(|_| 10));
        table.insert("next", state("bob", 30), at(620));
        assert_eq!(table.len(), 1, "a thousand expired sessions do");
        let mut table = table_with("alice", (0..3 * FIRST_PRUNE as u64).map(|_| 10));
        assert_eq!(table.prune(at(609)), 0);
        assert_eq!(table.prune_at, 6 * FIRST_PRUNE, "the next walk is at twice the number");
    }
}
