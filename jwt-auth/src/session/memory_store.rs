//! The in-memory store: exact, for one process, lost at a restart.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use crate::clock::HUNDRED_YEARS;
use crate::session::record::{Record, from_millis, second};
use crate::session::replica::Replica;
use crate::session::session_table::SessionTable;
use crate::session::used_ids::UsedIds;
use crate::session::{
    NewSession, Registered, Revocation, RevocationStore, RotationOutcome, RotationRequest, Session,
    SharedKeys, StoreError, StoreStatus, TokenIdentity, TokenStatus,
};

/// The default store: one process, nothing durable.
///
/// A restart loses every revocation, but no session: a refresh token that was issued before the restart is accepted
/// once more, and continues its session. A second process does not see the revocations of the first. For several
/// processes, or for revocations that survive a restart, use a shared store. A session that ends leaves one entry,
/// until its last access token has expired.
///
/// ```
/// use jwt_auth::{Config, KeyMaterial, MemoryStore};
///
/// let auth = Config::hs256(KeyMaterial::ephemeral()).revocation(MemoryStore::new()).build()?;
/// # drop(auth);
/// # Ok::<(), jwt_auth::ConfigError>(())
/// ```
pub struct MemoryStore {
    replica: Replica,
    sessions: Mutex<SessionTable>,
    keys: Mutex<SharedKeys>,
    used: Mutex<UsedIds>,
}

impl MemoryStore {
    /// An empty store.
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial, MemoryStore};
    /// # use std::sync::Arc;
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let store = Arc::new(MemoryStore::new()); // shared by two configurations
    /// let [api, admin] = [(); 2].map(|()| Config::hs256(KeyMaterial::ephemeral()).revocation(Arc::clone(&store)).build());
    /// let (api, admin) = (api?, admin?);
    /// let token = api.access_token("alice").issue()?;
    /// api.revoke(&api.verify_access(&token).await?).await?;
    /// assert!(admin.verify_access(&token).await.is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new() -> Self {
        Self {
            replica: Replica::new(),
            sessions: Mutex::default(),
            keys: Mutex::default(),
            used: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, SessionTable> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
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
        f.debug_struct("MemoryStore")
            .field("entries", &self.replica.len())
            .field("sessions", &self.lock().len())
            .finish_non_exhaustive()
    }
}

// Every change is made under the lock of the sessions, so that a log-in and an epoch have an order.
impl RevocationStore for MemoryStore {
    fn check(&self, token: &TokenIdentity<'_>, now: SystemTime) -> Result<TokenStatus, StoreError> {
        Ok(self.replica.check(token, second(now)))
    }

    async fn check_strict(
        &self,
        token: &TokenIdentity<'_>,
        now: SystemTime,
    ) -> Result<TokenStatus, StoreError> {
        if self.lock().is_gone(token, now) {
            return Ok(TokenStatus::Revoked);
        }
        self.check(token, now)
    }

    fn is_empty(&self) -> bool {
        self.replica.is_empty()
    }

    async fn revoke(&self, revocation: Revocation<'_>, now: SystemTime) -> Result<(), StoreError> {
        let mut sessions = self.lock();
        self.apply(&sessions.revoke(&revocation, now), now);
        Ok(())
    }

    async fn rotate(&self, request: RotationRequest<'_>) -> Result<RotationOutcome, StoreError> {
        let mut sessions = self.lock();
        let is_named = self.replica.names(&request.token, second(request.now));
        let epoch = self.replica.epoch(request.token.subject);
        let (outcome, record) = sessions.rotate(&request, is_named, epoch);
        if let Some(record) = record {
            self.apply(&record, request.now);
        }
        Ok(outcome)
    }

    async fn register(&self, session: NewSession<'_>) -> Result<Registered, StoreError> {
        let mut sessions = self.lock();
        let epoch = self.replica.epoch(session.subject);
        let (started, ended) = sessions.register(&session, epoch);
        let mut registered = Registered::at(from_millis(started));
        for record in &ended {
            registered.ended.extend(record.key.session_id().map(str::to_owned));
            self.apply(record, session.now);
        }
        Ok(registered)
    }

    async fn sessions(&self, subject: &str, now: SystemTime) -> Result<Vec<Session>, StoreError> {
        let sessions = self.lock();
        let active = sessions.active(subject, now);
        Ok(active.into_iter().map(|(id, state)| state.listed(id)).collect())
    }

    async fn remember_access_life(&self, life: Duration) -> Result<(), StoreError> {
        self.lock().remember_access_life(life);
        Ok(())
    }

    async fn shared_keys(&self) -> Result<SharedKeys, StoreError> {
        Ok(self.keys.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    async fn replace_shared_keys(&self, version: u64, document: &str) -> Result<bool, StoreError> {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let is_current = keys.version() == version;
        if is_current {
            *keys = SharedKeys::new(version + 1, document);
        }
        Ok(is_current)
    }

    async fn use_once(
        &self,
        id: &str,
        life: Duration,
        now: SystemTime,
    ) -> Result<bool, StoreError> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        // A time that no clock can represent would panic.
        Ok(used.insert(id, now + life.min(HUNDRED_YEARS), now))
    }

    fn status(&self) -> StoreStatus {
        StoreStatus::fresh().with_entries(self.replica.len())
    }

    async fn prune(&self, now: SystemTime) -> Result<u64, StoreError> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).prune(now);
        Ok(self.lock().prune(now))
    }
}
