//! The configured store with its deadline. Its failures and its recovery are logged once, not per request.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::clock::to_system_time;
use crate::event::{AuthEvent, emit};
use crate::session::wakers::{Waiter, Wakers};
use crate::session::{
    ErasedStore, MemoryStore, NewSession, Payload, Registered, Revocation, RotationOutcome,
    RotationRequest, Session, SharedKeys, StoreError, StoreStatus, TokenIdentity, TokenStatus,
    within_deadline,
};
use crate::token_kind::TokenKind;

/// A source counts as recovered after this long without a failure: under overload, answers and failures alternate.
const RECOVERED_AFTER: Duration = Duration::from_secs(1);

/// How long the store may take for the shared keys.
const KEYS_DEADLINE: Duration = Duration::from_secs(2);

/// Whether a service that requests depend on is answering. It logs each change, with the number of failures in between.
#[derive(Debug)]
pub(crate) struct Health {
    source: &'static str,
    /// The failures since it last answered; zero while it answers.
    failures: AtomicU64,
    last_failure: Mutex<Option<(Instant, String)>>,
}

impl Health {
    pub(crate) const fn new(source: &'static str) -> Self {
        Self { source, failures: AtomicU64::new(0), last_failure: Mutex::new(None) }
    }

    /// Records an answer or a failure.
    pub(crate) fn observe<T, E: fmt::Display>(&self, answer: &Result<T, E>) {
        match answer {
            Ok(_) if self.failures.load(Ordering::Relaxed) == 0 => {}
            Ok(_) => self.recover(),
            Err(error) => self.fail(error),
        }
    }

    fn fail(&self, error: &dyn fmt::Display) {
        let failure = (Instant::now(), error.to_string());
        *self.last_failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
        if self.failures.fetch_add(1, Ordering::Relaxed) == 0 {
            let source = self.source;
            tracing::warn!(target: "jwt_auth", event = "sys_store_failed", %error, source, "requests are refused with 503");
            emit(AuthEvent::StoreFailed { source });
        }
    }

    /// The last failure, until the source counts as recovered.
    fn last_error(&self) -> Option<String> {
        let last = self.last_failure.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref().map(|(_, error)| error.clone())
    }

    fn recover(&self) {
        let mut last = self.last_failure.lock().unwrap_or_else(PoisonError::into_inner);
        if last.as_ref().is_none_or(|(last, _)| last.elapsed() < RECOVERED_AFTER) {
            return;
        }
        *last = None;
        let (source, failures) = (self.source, self.failures.swap(0, Ordering::Relaxed));
        tracing::info!(target: "jwt_auth", event = "sys_store_recovered", source, failures, "requests are admitted again");
        emit(AuthEvent::StoreRecovered { source });
    }
}

/// The configured store, with the deadline for its answers.
pub(crate) struct WatchedStore {
    store: Arc<dyn ErasedStore>,
    deadline: Duration,
    memory: Health,
    answers: Health,
    /// The longest life of an access token, in seconds, that the store remembers for this process.
    access_life: AtomicU64,
    /// The open connections of this process.
    wakers: Wakers,
    /// Whether the application chose no store.
    is_default: bool,
    warned: AtomicBool,
}

impl WatchedStore {
    /// Whether the application chose no store.
    pub(crate) fn is_default(&self) -> bool {
        self.is_default
    }

    /// The chosen store, or the default one.
    pub(crate) fn new(store: Option<Arc<dyn ErasedStore>>, deadline: Duration) -> Self {
        let is_default = store.is_none();
        let store = store.unwrap_or_else(|| Arc::new(MemoryStore::new()));
        let (memory, answers) = (Health::new("the store's memory"), Health::new("the store"));
        let (access_life, wakers) = (AtomicU64::new(0), Wakers::default());
        let warned = AtomicBool::new(false);
        Self { store, deadline, memory, answers, access_life, wakers, is_default, warned }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.store.is_empty()
    }

    pub(crate) fn status(&self) -> StoreStatus {
        let status = self.store.status();
        let error = status.last_error().map(str::to_owned);
        status.with_last_error(error.or_else(|| self.answers.last_error()))
    }

    /// Logs once that the default store is lost at a restart, if a release build issues refresh tokens with it.
    pub(crate) fn warn_if_default(&self) {
        if self.is_default && !cfg!(debug_assertions) && !self.warned.swap(true, Ordering::Relaxed)
        {
            tracing::warn!(
                target: "jwt_auth",
                "revocations are in the memory of this process, and a restart loses them; use `SqliteStore`, \
                 `PostgresStore` or `RedisStore`, or write `.revocation(MemoryStore::new())` to choose this"
            );
        }
    }

    /// Checks the token from memory.
    pub(crate) fn check(
        &self,
        token: &TokenIdentity<'_>,
        now: SystemTime,
    ) -> Result<TokenStatus, StoreError> {
        let answer = self.store.check(token, now);
        self.memory.observe(&answer);
        answer
    }

    /// Whether the key was revoked, as far as this process knows.
    pub(crate) fn is_key_revoked(&self, id: &str, now: Duration) -> bool {
        if self.is_empty() {
            return false;
        }
        // The identity of a token of which nothing but the key can be revoked.
        let token = TokenIdentity {
            issuer: None,
            id: None,
            subject: "",
            kind: TokenKind::Access,
            key_id: Some(id),
            session_id: None,
            session_started_at: Some(Duration::MAX),
            generation: u64::MAX,
            issued_at: Some(now),
            expires_at: None,
            clock_tolerance: Duration::ZERO,
            payload: Payload("{}"),
        };
        matches!(self.store.check(&token, to_system_time(now)), Ok(TokenStatus::Revoked))
    }

    /// Checks the token in the store itself.
    pub(crate) async fn check_strict(
        &self,
        token: &TokenIdentity<'_>,
        now: SystemTime,
    ) -> Result<TokenStatus, StoreError> {
        self.observed(within_deadline(self.store.check_strict(token, now), self.deadline).await)
    }

    pub(crate) async fn revoke(
        &self,
        revocation: Revocation<'_>,
        now: SystemTime,
    ) -> Result<(), StoreError> {
        let answer = within_deadline(self.store.revoke(revocation.clone(), now), self.deadline);
        let answer = self.observed(answer.await);
        // Also after an error: the record may have been written.
        self.wakers.wake(&revocation);
        answer
    }

    pub(crate) async fn rotate(
        &self,
        request: RotationRequest<'_>,
    ) -> Result<RotationOutcome, StoreError> {
        let session_id = request.session_id();
        let answer = within_deadline(self.store.rotate(request), self.deadline).await;
        if matches!(answer, Ok(RotationOutcome::Reused)) {
            self.wakers.wake_session(session_id);
        }
        self.observed(answer)
    }

    pub(crate) async fn register(&self, session: NewSession<'_>) -> Result<Registered, StoreError> {
        let answer = within_deadline(self.store.register(session), self.deadline).await;
        for id in answer.iter().flat_map(|registered| &registered.ended) {
            self.wakers.wake_session(id);
        }
        self.observed(answer)
    }

    /// Registers an open connection, which is woken when this process revokes its token.
    pub(crate) fn wait_for(&self, token: &TokenIdentity<'_>) -> Waiter<'_> {
        self.wakers.wait_for(token)
    }

    /// Announces the life of an access token, if this process has not announced one as long.
    pub(crate) async fn announce_access_life(&self, life: Duration) -> Result<(), StoreError> {
        let seconds = life.as_secs().saturating_add(u64::from(life.subsec_nanos() > 0));
        if seconds <= self.access_life.load(Ordering::Acquire) {
            return Ok(());
        }
        let life = Duration::from_secs(seconds);
        let answer = within_deadline(self.store.remember_access_life(life), self.deadline).await;
        self.observed(answer)?;
        self.access_life.fetch_max(seconds, Ordering::Release);
        Ok(())
    }

    /// The longest life of an access token that this process has announced.
    pub(crate) fn announced_access_life(&self) -> Duration {
        Duration::from_secs(self.access_life.load(Ordering::Acquire))
    }

    pub(crate) async fn sessions(
        &self,
        subject: &str,
        now: SystemTime,
    ) -> Result<Vec<Session>, StoreError> {
        match within_deadline(self.store.sessions(subject, now), self.deadline).await {
            Err(error) if error.is_unsupported() => Err(error),
            answer => self.observed(answer),
        }
    }

    /// The document of the shared keys, read by a task that is no request.
    pub(crate) async fn shared_keys(&self) -> Result<SharedKeys, StoreError> {
        within_deadline(self.store.shared_keys(), KEYS_DEADLINE).await
    }

    pub(crate) async fn replace_shared_keys(
        &self,
        version: u64,
        document: &str,
    ) -> Result<bool, StoreError> {
        within_deadline(self.store.replace_shared_keys(version, document), KEYS_DEADLINE).await
    }

    /// Whether the id was not used before.
    pub(crate) async fn use_once(
        &self,
        id: &str,
        life: Duration,
        now: SystemTime,
    ) -> Result<bool, StoreError> {
        match within_deadline(self.store.use_once(id, life, now), self.deadline).await {
            Err(error) if error.is_unsupported() => Err(error),
            answer => self.observed(answer),
        }
    }

    fn observed<T>(&self, answer: Result<T, StoreError>) -> Result<T, StoreError> {
        self.answers.observe(&answer);
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_recovers_after_a_second_without_a_failure() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            tokio::time::pause();
            let health = Health::new("a source");
            let failures = || health.failures.load(Ordering::Relaxed);
            for _ in 0..3 {
                health.observe(&Err::<(), _>("down"));
                health.observe(&Ok::<_, &str>(()));
            }
            assert_eq!(failures(), 3, "an answer between failures is no recovery");
            tokio::time::advance(RECOVERED_AFTER).await;
            health.observe(&Ok::<_, &str>(()));
            assert_eq!(failures(), 0);
        });
    }
}
