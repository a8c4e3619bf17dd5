//! The in-memory store: exact, for one process, lost at a restart.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use crate::session::record::{Record, RecordKey, SESSION_MARGIN, end_second, second};
use crate::session::replica::Replica;
use crate::session::rotation::{SessionState, decide};
use crate::session::{
    NewSession, Revocation, RevocationStore, RotationOutcome, RotationRequest, Session, StoreError,
    TokenIdentity, TokenStatus,
};

/// Expired sessions are removed whenever the number of sessions has doubled since the last removal. This is the
/// number at the first removal.
const FIRST_PRUNE: usize = 1024;

/// The default store: one process, nothing durable.
///
/// A restart loses every revocation, and a second process does not see the revocations of the first. For several
/// processes, or for revocations that survive a restart, use a shared store. Records expire with their tokens.
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
}

impl Sessions {
    /// Removes expired sessions, and returns how many.
    fn prune(&mut self, now: SystemTime) -> u64 {
        let before = self.by_id.len();
        self.by_id.retain(|_, state| now < state.ends);
        let by_id = &self.by_id;
        self.by_subject.retain(|_, ids| {
            ids.retain(|id| by_id.contains_key(id));
            !ids.is_empty()
        });
        self.prune_at = (self.by_id.len() * 2).max(FIRST_PRUNE);
        (before - self.by_id.len()) as u64
    }

    /// Extends the record of a session beyond the end of that session.
    fn extend(&self, record: &mut Record) {
        if let Some(state) = record.key.session_id().and_then(|id| self.by_id.get(id)) {
            record.until = record.until.max(end_second(state.ends) + SESSION_MARGIN);
        }
    }

    fn insert(&mut self, id: &str, state: SessionState, now: SystemTime) {
        if self.by_id.len() >= self.prune_at.max(FIRST_PRUNE) {
            self.prune(now);
        }
        self.by_subject.entry(state.subject.clone()).or_default().insert(id.into());
        self.by_id.insert(id.into(), state);
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
        let id = request.session_id;
        let revoked = self.replica.is_session_revoked(id, second(request.now));
        let mut state = sessions.by_id.remove(id);
        let outcome = decide(&mut state, revoked, request);
        if let Some(state) = state {
            sessions.insert(id, state, request.now);
        }
        if outcome == RotationOutcome::Reused {
            let key = RecordKey::Session(id.to_owned());
            let mut record = Record { key, before: 0, until: end_second(request.revoked_until) };
            sessions.extend(&mut record);
            self.apply(&record, request.now);
        }
        outcome
    }

    fn apply(&self, record: &Record, now: SystemTime) {
        self.replica.apply(record, second(now));
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("entries", &self.replica.len()).finish_non_exhaustive()
    }
}

impl RevocationStore for MemoryStore {
    fn check(&self, token: &TokenIdentity<'_>, now: SystemTime) -> Result<TokenStatus, StoreError> {
        Ok(self.replica.check(token, second(now)))
    }

    fn is_empty(&self) -> bool {
        self.replica.is_empty()
    }

    async fn revoke(&self, revocation: Revocation<'_>, now: SystemTime) -> Result<(), StoreError> {
        let mut record = Record::new(&revocation);
        self.lock().extend(&mut record);
        self.apply(&record, now);
        Ok(())
    }

    async fn rotate(&self, request: RotationRequest<'_>) -> Result<RotationOutcome, StoreError> {
        Ok(self.decide(&request))
    }

    async fn register(&self, session: NewSession<'_>) -> Result<(), StoreError> {
        self.lock().insert(session.id, SessionState::begin(&session), session.now);
        Ok(())
    }

    async fn sessions(&self, subject: &str, now: SystemTime) -> Result<Vec<Session>, StoreError> {
        let sessions = self.lock();
        let ids = sessions.by_subject.get(subject).into_iter().flatten();
        let is_active = |id: &str, state: &SessionState| {
            now < state.ends && !self.replica.is_session_revoked(id, second(now))
        };
        let mut active: Vec<Session> = ids
            .filter_map(|id| Some((id, sessions.by_id.get(id)?)))
            .filter(|(id, state)| is_active(id, state))
            .map(|(id, state)| state.listed(id))
            .collect();
        active.sort_by_key(|session| Reverse(session.last_used_at));
        Ok(active)
    }

    async fn prune(&self, now: SystemTime) -> Result<u64, StoreError> {
        Ok(self.lock().prune(now))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn at(second: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(second)
    }

    fn state(subject: &str, ends: u64) -> SessionState {
        SessionState::begin(&NewSession::new("", subject, "a", at(0), at(ends)))
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
        assert_eq!(store.prune(at(9)).await.unwrap(), 0);
        assert_eq!(store.prune(at(10)).await.unwrap(), 2);
        assert_eq!(listed(9).await, 3, "active sessions are still found by their subject");
        assert_eq!(store.prune(at(20)).await.unwrap(), 3);
        let sessions = store.lock();
        assert!(sessions.by_id.is_empty() && sessions.by_subject.is_empty(), "nothing is left");
    }

    #[tokio::test]
    async fn a_revoked_session_is_not_listed() {
        let store = store_with("alice", [20, 20]);
        let revocation = Revocation::Session { id: "alice-0", until: at(20) };
        store.revoke(revocation, at(0)).await.unwrap();
        let left = store.sessions("alice", at(5)).await.unwrap();
        assert_eq!(left.iter().map(Session::id).collect::<Vec<_>>(), ["alice-1"]);
    }

    #[test]
    fn log_ins_prune_expired_sessions_when_their_number_has_doubled() {
        let store = store_with("alice", [10, 10]);
        let mut sessions = store.lock();
        sessions.insert("next", state("bob", 30), at(20));
        assert_eq!(sessions.by_id.len(), 3, "two expired sessions do not start a walk");
        drop(sessions);
        let store = store_with("alice", (0..FIRST_PRUNE as u64).map(|_| 10));
        let mut sessions = store.lock();
        sessions.insert("next", state("bob", 30), at(20));
        assert_eq!(sessions.by_id.len(), 1, "a thousand expired sessions do");
        drop(sessions);
        let store = store_with("alice", (0..3 * FIRST_PRUNE as u64).map(|_| 10));
        let mut sessions = store.lock();
        assert_eq!(sessions.prune(at(9)), 0);
        assert_eq!(sessions.prune_at, 6 * FIRST_PRUNE, "the next walk is at twice the number");
    }
}
