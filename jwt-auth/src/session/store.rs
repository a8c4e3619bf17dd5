//! The trait for stores, which remember revocations and sessions, and decide rotations.

use std::fmt;
use std::future::{Future, ready};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::session::{
    NewSession, Registered, Revocation, RotationOutcome, RotationRequest, Session, SharedKeys,
    StoreStatus, TokenIdentity, TokenStatus,
};

/// The error of a store that could not perform a call.
///
/// The request is refused with 503.
///
/// ```
/// let error = jwt_auth::errors::StoreError::new("connection refused");
/// assert_eq!(error.to_string(), "the session store failed: connection refused");
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[error("the session store failed: {reason}")]
pub struct StoreError {
    reason: String,
    /// Whether the store has no such function at all.
    is_unsupported: bool,
}

impl StoreError {
    /// An error with a reason, which is logged and never sent to a client.
    ///
    /// ```
    /// use jwt_auth::errors::StoreError;
    ///
    /// let error = std::io::Error::other("connection refused");
    /// assert!(StoreError::new(error).to_string().contains("connection refused"));
    /// ```
    pub fn new(reason: impl fmt::Display) -> Self {
        Self { reason: reason.to_string(), is_unsupported: false }
    }

    pub(crate) fn without_keys() -> Self {
        Self { reason: "this store has no room for keys".to_owned(), is_unsupported: true }
    }

    pub(crate) fn without_used_ids() -> Self {
        let reason = "this store does not remember used ids".to_owned();
        Self { reason, is_unsupported: true }
    }

    pub(crate) fn is_unsupported(&self) -> bool {
        self.is_unsupported
    }
}

/// Remembers what was revoked and who is logged in, and decides rotations.
///
/// [`check`](Self::check) runs for every verified token. It answers from memory, without waiting; a shared store
/// has a replica for it, and returns an error if the replica is too old. The other methods may wait up to
/// [`store_deadline`](crate::Config::store_deadline) (250 ms), and return only when the record is durable. A store
/// that waits needs a Tokio runtime with its timer enabled, as under `#[tokio::main]`.
///
/// Every store must pass `testing::store_conformance` (feature `testing`).
///
/// This store counts log-outs and delegates everything else to a [`MemoryStore`](crate::MemoryStore):
///
/// ```
/// use std::sync::atomic::{AtomicUsize, Ordering};
/// use std::sync::Arc;
/// use std::time::SystemTime;
///
/// use jwt_auth::session::{
///     MemoryStore, NewSession, Registered, Revocation, RevocationStore, RotationOutcome, RotationRequest,
///     Session, StoreError, TokenIdentity, TokenStatus,
/// };
/// use jwt_auth::{Config, KeyMaterial};
///
/// #[derive(Default)]
/// struct Counting {
///     inner: MemoryStore,
///     log_outs: AtomicUsize,
/// }
///
/// impl RevocationStore for Counting {
///     fn check(&self, token: &TokenIdentity<'_>, now: SystemTime) -> Result<TokenStatus, StoreError> {
///         self.inner.check(token, now)
///     }
///
///     async fn revoke(&self, revocation: Revocation<'_>, now: SystemTime) -> Result<(), StoreError> {
///         if matches!(revocation, Revocation::Session { .. }) {
///             self.log_outs.fetch_add(1, Ordering::Relaxed);
///         }
///         self.inner.revoke(revocation, now).await
///     }
///
///     async fn rotate(&self, request: RotationRequest<'_>) -> Result<RotationOutcome, StoreError> {
///         self.inner.rotate(request).await
///     }
///
///     async fn register(&self, session: NewSession<'_>) -> Result<Registered, StoreError> {
///         self.inner.register(session).await
///     }
///
///     async fn sessions(&self, subject: &str, now: SystemTime) -> Result<Vec<Session>, StoreError> {
///         self.inner.sessions(subject, now).await
///     }
/// }
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let store = Arc::new(Counting::default());
/// let auth = Config::hs256(KeyMaterial::ephemeral()).revocation(Arc::clone(&store)).build()?;
/// let pair = auth.log_in("alice").await?;
/// auth.log_out(auth.verify_access(pair.access_token()).await?).await?;
/// assert_eq!(store.log_outs.load(Ordering::Relaxed), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "denylist")]
#[doc(alias = "blocklist")]
pub trait RevocationStore: Send + Sync + 'static {
    /// Checks whether the token was revoked, from memory.
    ///
    /// # Errors
    ///
    /// When the replica is too old to decide. The request is then refused with 503.
    fn check(&self, token: &TokenIdentity<'_>, now: SystemTime) -> Result<TokenStatus, StoreError>;

    /// Checks in the store itself whether the token was revoked.
    ///
    /// Refresh tokens and routes with `revocation = "strict"` use it. A refresh token is also revoked if its session is
    /// gone and [`rotate`](Self::rotate) would not adopt it. Default: [`check`](Self::check), which is correct only
    /// for a store that retains the records of ended sessions until their absolute ends.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    fn check_strict(
        &self,
        token: &TokenIdentity<'_>,
        now: SystemTime,
    ) -> impl Future<Output = Result<TokenStatus, StoreError>> + Send {
        ready(self.check(token, now))
    }

    /// Whether no revocation is in force, so that no token needs a check.
    ///
    /// It answers from memory, without waiting, and must return `false` as soon as this node knows of any
    /// revocation, its own or another node's. Default: `false`, which is always correct.
    fn is_empty(&self) -> bool {
        false
    }

    /// Records a revocation, and ends the sessions that it covers.
    ///
    /// # Errors
    ///
    /// When the record may not be durable.
    fn revoke(
        &self,
        revocation: Revocation<'_>,
        now: SystemTime,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Decides in one atomic step what happens to a presented refresh token.
    ///
    /// The rules are those of [`RotationRequest`]. Of any number of simultaneous presentations, exactly one is
    /// [`Rotated`](RotationOutcome::Rotated). A token that a revocation covers is
    /// [`Unknown`](RotationOutcome::Unknown).
    ///
    /// # Errors
    ///
    /// When the store made no decision, and no token was used up.
    fn rotate(
        &self,
        request: RotationRequest<'_>,
    ) -> impl Future<Output = Result<RotationOutcome, StoreError>> + Send;

    /// Remembers a new session, and gives it a start stamp, in one atomic step.
    ///
    /// The stamp is the time of the log-in, or just after the latest epoch of the subject if that is later.
    ///
    /// Default: remembers nothing, and the stamp is the time of the log-in. Then an epoch covers a session only if no
    /// clock was ahead, and a log-in in the millisecond of an epoch is revoked with it.
    ///
    /// # Errors
    ///
    /// When the session was not recorded. The log-in is then refused with 503.
    fn register(
        &self,
        session: NewSession<'_>,
    ) -> impl Future<Output = Result<Registered, StoreError>> + Send {
        ready(Ok(Registered::at(session.now)))
    }

    /// Lists the active sessions of a subject, the most recently used first.
    ///
    /// Default: an error, for a store without a list of sessions.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    fn sessions(
        &self,
        subject: &str,
        now: SystemTime,
    ) -> impl Future<Output = Result<Vec<Session>, StoreError>> + Send {
        let _ = (subject, now);
        let reason = "this store has no list of sessions".to_owned();
        ready(Err(StoreError { reason, is_unsupported: true }))
    }

    /// Remembers that access tokens of sessions live up to this long.
    ///
    /// It is called before such a token is issued. The store remembers the longest life that any node has announced: the
    /// record of an ended session must outlive its access tokens. Default: does nothing, for a store that retains those
    /// records longer anyway.
    ///
    /// # Errors
    ///
    /// When the store does not answer. The token is then not issued.
    fn remember_access_life(
        &self,
        life: Duration,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        let _ = life;
        ready(Ok(()))
    }

    /// The document of the keys that all nodes share; version 0 if there is none yet.
    ///
    /// Default: an error, for a store without room for keys. [`KeyRotation`](crate::KeyRotation) needs it.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    fn shared_keys(&self) -> impl Future<Output = Result<SharedKeys, StoreError>> + Send {
        ready(Err(StoreError::without_keys()))
    }

    /// Replaces the document of the keys in one atomic step, if its version is still this one.
    ///
    /// Returns whether it was replaced; the new version is the next number. It returns only when the document is durable.
    /// Default: an error, for a store without room for keys.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    fn replace_shared_keys(
        &self,
        version: u64,
        document: &str,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        let _ = (version, document);
        ready(Err(StoreError::without_keys()))
    }

    /// Remembers an id for that long, in one atomic step, and returns whether it was not known before.
    ///
    /// Each proof of [`dpop`](crate::guide::dpop) is accepted once (RFC 9449 §11.1). Of any number of simultaneous calls with
    /// one id, exactly one returns `true`, on all nodes together. A shared store measures the time by its own clock, and
    /// ignores `now`. Default: an error, for a store without room for ids.
    ///
    /// # Errors
    ///
    /// When the store does not answer. The request is then refused with 503.
    fn use_once(
        &self,
        id: &str,
        life: Duration,
        now: SystemTime,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        let _ = (id, life, now);
        ready(Err(StoreError::without_used_ids()))
    }

    /// The state of the store, for [`JwtAuth::store_status`](crate::JwtAuth::store_status).
    ///
    /// It answers from memory, without waiting. Default: a store that answers every check.
    fn status(&self) -> StoreStatus {
        StoreStatus::fresh()
    }

    /// Deletes expired records in small batches, and returns how many.
    ///
    /// Stores also delete expired records in the background. A shared store decides by its own clock what has
    /// expired, and ignores `now`, so that a node with a wrong clock deletes nothing. Default: does nothing.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    fn prune(&self, now: SystemTime) -> impl Future<Output = Result<u64, StoreError>> + Send {
        let _ = now;
        ready(Ok(0))
    }
}

impl<S: RevocationStore + ?Sized> RevocationStore for Arc<S> {
    fn check(&self, token: &TokenIdentity<'_>, now: SystemTime) -> Result<TokenStatus, StoreError> {
        (**self).check(token, now)
    }

    fn check_strict(
        &self,
        token: &TokenIdentity<'_>,
        now: SystemTime,
    ) -> impl Future<Output = Result<TokenStatus, StoreError>> + Send {
        (**self).check_strict(token, now)
    }

    fn is_empty(&self) -> bool {
        (**self).is_empty()
    }

    fn status(&self) -> StoreStatus {
        (**self).status()
    }

    fn revoke(
        &self,
        revocation: Revocation<'_>,
        now: SystemTime,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        (**self).revoke(revocation, now)
    }

    fn rotate(
        &self,
        request: RotationRequest<'_>,
    ) -> impl Future<Output = Result<RotationOutcome, StoreError>> + Send {
        (**self).rotate(request)
    }

    fn register(
        &self,
        session: NewSession<'_>,
    ) -> impl Future<Output = Result<Registered, StoreError>> + Send {
        (**self).register(session)
    }

    fn remember_access_life(
        &self,
        life: Duration,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        (**self).remember_access_life(life)
    }

    fn sessions(
        &self,
        subject: &str,
        now: SystemTime,
    ) -> impl Future<Output = Result<Vec<Session>, StoreError>> + Send {
        (**self).sessions(subject, now)
    }

    fn shared_keys(&self) -> impl Future<Output = Result<SharedKeys, StoreError>> + Send {
        (**self).shared_keys()
    }

    fn replace_shared_keys(
        &self,
        version: u64,
        document: &str,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        (**self).replace_shared_keys(version, document)
    }

    fn use_once(
        &self,
        id: &str,
        life: Duration,
        now: SystemTime,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        (**self).use_once(id, life, now)
    }

    fn prune(&self, now: SystemTime) -> impl Future<Output = Result<u64, StoreError>> + Send {
        (**self).prune(now)
    }
}
