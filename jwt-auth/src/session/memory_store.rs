//! The in-memory store: exact, for one process, lost at a restart.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use crate::session::record::{Millis, Record, SESSION_MARGIN, from_millis, millis, second};
use crate::session::replica::Replica;
use crate::session::rotation::{Facts, SessionState, decide, is_adoptable, unknown_record_end};
use crate::session::{
    NewSession, Registered, Revocation, RevocationStore, RotationOutcome, RotationRequest, Session,
    StoreError, StoreStatus, TokenIdentity, TokenStatus,
};
use crate::token_kind::TokenKind;

/// Expired sessions are removed whenever the number of sessions has doubled since the last removal. This is the
/// number at the first removal.
const FIRST_PRUNE: usize = 1024;

/// The default store: one process, nothing durable.
///
/// A restart loses every revocation, but no session: a refresh token that was issued before the restart is accepted
/// once more, and continues its session. A second process does not see the revocations of the first. For several
/// processes, or for revocations that survive a restart, use a shared store. A session that ends leaves one entry,
/// until its last access token has expired.
///
/// ```
/// use jwt_auth::{Config, MemoryStore};
///
/// let auth = Config::hs256([7; 32]).revocation(MemoryStore::new()).build()?;
/// # drop(auth);
/// # Ok::<(), jwt_auth::ConfigError>(())
/// ```
pub struct MemoryStore {
    replica: Replica,
    sessions: Mutex<Sessions>,
}

#[derive(Default)]
struct Sessions {
    by_id: HashMap<Box<str>, SessionState>,
    /// The session ids of each subject, so that listing a subject's sessions does not walk all sessions.
    by_subject: HashMap<Box<str>, HashSet<Box<str>>>,
    prune_at: usize,
    /// The time of the first call.
    created: Option<Millis>,
    /// The longest life of an access token.
    access_life: Duration,
}

impl Sessions {
    fn created(&mut self, now: SystemTime) -> Millis {
        *self.created.get_or_insert(millis(now))
    }

    /// Removes expired sessions, and returns how many.
    fn prune(&mut self, now: SystemTime) -> u64 {
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

    /// Removes the session, and returns the record that its access tokens need. `until` is the end of the record of
    /// an unknown session.
    fn end(
        &mut self,
        id: &str,
        started_at: Option<SystemTime>,
        until: SystemTime,
        now: SystemTime,
    ) -> Record {
        let (created, life) = (self.created(now), self.access_life);
        let until = match self.remove(id) {
            Some(state) => state.record_end(created, life, now),
            None => unknown_record_end(started_at, until, created, life, now),
        };
        Record::of_session(id, until)
    }

    /// Removes the sessions of a subject, and returns the highest start stamp.
    fn remove_subject(&mut self, subject: &str) -> Option<Millis> {
        let ids = self.by_subject.remove(subject).unwrap_or_default();
        ids.iter().filter_map(|id| self.by_id.remove(id)).map(|state| state.started).max()
    }

    /// The sessions of a subject that have not expired, the most recently used first.
    fn active(&self, subject: &str, now: SystemTime) -> Vec<(&str, &SessionState)> {
        let ids = self.by_subject.get(subject).into_iter().flatten();
        let now = millis(now);
        let mut active: Vec<(&str, &SessionState)> = ids
            .filter_map(|id| Some((&**id, self.by_id.get(id)?)))
            .filter(|(_, state)| now < state.expires)
            .collect();
        active.sort_by_key(|(_, state)| Reverse(state.rotated));
        active
    }
}

impl MemoryStore {
    /// An empty store.
    ///
    /// ```
    /// # use jwt_auth::{Config, MemoryStore};
    /// # use std::sync::Arc;
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let store = Arc::new(MemoryStore::new()); // shared by two configurations
    /// let [api, admin] = [(); 2].map(|()| Config::hs256([7; 32]).revocation(Arc::clone(&store)).build());
    /// let (api, admin) = (api?, admin?);
    /// let token = api.access_token("alice").issue()?;
    /// api.revoke(&api.verify_access(&token).await?).await?;
    /// assert!(admin.verify_access(&token).await.is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new() -> Self {
        Self { replica: Replica::new(), sessions: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn decide(&self, request: &RotationRequest<'_>) -> RotationOutcome {
        let mut sessions = self.lock();
        let (id, now) = (request.session_id(), request.now);
        let facts = Facts {
            is_named: self.replica.names(&request.token, second(now)),
            epoch: self.replica.epoch(request.token.subject),
            created: sessions.created(now),
        };
        let mut state = sessions.by_id.remove(id);
        let outcome = decide(&mut state, facts, request);
        if let Some(state) = state {
            sessions.insert(id, state, now);
        }
        if outcome == RotationOutcome::Reused {
            self.apply(&sessions.end(id, None, request.session_ends, now), now);
        }
        outcome
    }

    fn apply(&self, record: &Record, now: SystemTime) {
        self.replica.apply(record, second(now));
    }

    /// Ends the least recently used sessions of a subject that has too many, and returns their ids.
    fn limit(&self, sessions: &mut Sessions, new: &NewSession<'_>) -> Vec<String> {
        let others = sessions.active(new.subject, new.now);
        let others = others.into_iter().filter(|(id, _)| *id != new.id);
        let ended: Vec<String> =
            others.skip(new.max_sessions.max(1) - 1).map(|(id, _)| id.to_owned()).collect();
        for id in &ended {
            self.apply(&sessions.end(id, None, new.ends, new.now), new.now);
        }
        ended
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("entries", &self.replica.len())
            .field("sessions", &self.lock().by_id.len())
            .finish_non_exhaustive()
    }
}

impl RevocationStore for MemoryStore {
    fn check(&self, token: &TokenIdentity<'_>, now: SystemTime) -> Result<TokenStatus, StoreError> {
        Ok(self.replica.check(token, second(now)))
    }

    fn is_empty(&self) -> bool {
        self.replica.is_empty()
    }

    fn status(&self) -> StoreStatus {
        StoreStatus::fresh().with_entries(self.replica.len())
    }

    async fn check_strict(
        &self,
        token: &TokenIdentity<'_>,
        now: SystemTime,
    ) -> Result<TokenStatus, StoreError> {
        let mut sessions = self.lock();
        let created = sessions.created(now);
        let is_gone = token.session_id.is_some_and(|id| !sessions.by_id.contains_key(id));
        if token.kind == TokenKind::Refresh && is_gone && !is_adoptable(token, created) {
            return Ok(TokenStatus::Revoked);
        }
        Ok(self.replica.check(token, second(now)))
    }

    // Every change is made under the lock of the sessions, so that a log-in and an epoch have an order.
    async fn revoke(&self, revocation: Revocation<'_>, now: SystemTime) -> Result<(), StoreError> {
        let mut sessions = self.lock();
        let mut record = Record::new(&revocation);
        match revocation {
            Revocation::Session { id, started_at, until } => {
                record = sessions.end(id, started_at, until, now);
            }
            Revocation::Subject { subject, .. } => {
                record.before = record.before.max(sessions.remove_subject(subject).unwrap_or(0));
            }
            Revocation::All { .. } => {
                let latest = sessions.by_id.values().map(|state| state.started).max();
                record.before = record.before.max(latest.unwrap_or(0));
                sessions.by_id.clear();
                sessions.by_subject.clear();
            }
            Revocation::Token { .. }
            | Revocation::EarlierAccess { .. }
            | Revocation::Key { .. } => {}
        }
        self.apply(&record, now);
        Ok(())
    }

    async fn rotate(&self, request: RotationRequest<'_>) -> Result<RotationOutcome, StoreError> {
        Ok(self.decide(&request))
    }

    async fn register(&self, session: NewSession<'_>) -> Result<Registered, StoreError> {
        let mut sessions = self.lock();
        sessions.created(session.now);
        let state = SessionState::begin(&session, self.replica.epoch(session.subject));
        let started_at = from_millis(state.started);
        sessions.insert(session.id, state, session.now);
        Ok(Registered { started_at, ended: self.limit(&mut sessions, &session) })
    }

    async fn sessions(&self, subject: &str, now: SystemTime) -> Result<Vec<Session>, StoreError> {
        let sessions = self.lock();
        let active = sessions.active(subject, now);
        Ok(active.into_iter().map(|(id, state)| state.listed(id)).collect())
    }

    async fn remember_access_life(&self, life: Duration) -> Result<(), StoreError> {
        let mut sessions = self.lock();
        sessions.access_life = sessions.access_life.max(life);
        Ok(())
    }

    async fn prune(&self, now: SystemTime) -> Result<u64, StoreError> {
        Ok(self.lock().prune(now))
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

    fn store_with(subject: &str, ends: impl IntoIterator<Item = u64>) -> MemoryStore {
        let store = MemoryStore::new();
        let mut sessions = store.lock();
        for (n, ends) in ends.into_iter().enumerate() {
            sessions.insert(&format!("{subject}-{n}"), state(subject, ends), at(0));
        }
        drop(sessions);
        store
    }

    #[tokio::test]
    async fn a_session_is_listed_until_its_end_and_pruned_after_it() {
        let store = store_with("alice", [10, 10, 20, 20, 20]);
        let listed = async |now| store.sessions("alice", at(now)).await.unwrap().len();
        assert_eq!(listed(9).await, 5);
        assert_eq!(listed(10).await, 3);
        assert_eq!(store.prune(at(609)).await.unwrap(), 0, "a token may be used within its leeway");
        assert_eq!(store.prune(at(610)).await.unwrap(), 2);
        assert_eq!(listed(9).await, 3, "active sessions are still found by their subject");
        assert_eq!(store.prune(at(620)).await.unwrap(), 3);
        let sessions = store.lock();
        assert!(sessions.by_id.is_empty() && sessions.by_subject.is_empty(), "nothing is left");
    }

    #[tokio::test]
    async fn an_ended_session_is_not_listed() {
        let store = store_with("alice", [20, 20]);
        let revocation = Revocation::Session { id: "alice-0", started_at: None, until: at(20) };
        store.revoke(revocation, at(0)).await.unwrap();
        let left = store.sessions("alice", at(5)).await.unwrap();
        assert_eq!(left.iter().map(Session::id).collect::<Vec<_>>(), ["alice-1"]);
    }

    #[test]
    fn log_ins_prune_expired_sessions_when_their_number_has_doubled() {
        let store = store_with("alice", [10, 10]);
        let mut sessions = store.lock();
        sessions.insert("next", state("bob", 30), at(620));
        assert_eq!(sessions.by_id.len(), 3, "two expired sessions do not start a walk");
        drop(sessions);
        let store = store_with("alice", (0..FIRST_PRUNE as u64).map(|_| 10));
        let mut sessions = store.lock();
        sessions.insert("next", state("bob", 30), at(620));
        assert_eq!(sessions.by_id.len(), 1, "a thousand expired sessions do");
        drop(sessions);
        let store = store_with("alice", (0..3 * FIRST_PRUNE as u64).map(|_| 10));
        let mut sessions = store.lock();
        assert_eq!(sessions.prune(at(609)), 0);
        assert_eq!(sessions.prune_at, 6 * FIRST_PRUNE, "the next walk is at twice the number");
    }
}
