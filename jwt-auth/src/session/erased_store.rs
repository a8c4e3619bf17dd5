//! A store of any type behind one dyn-compatible trait, and the deadline for its answers.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;
use std::time::{Duration, SystemTime};

use crate::session::{
    NewSession, Registered, Revocation, RevocationStore, RotationOutcome, RotationRequest, Session,
    SharedKeys, StoreError, StoreStatus, TokenIdentity, TokenStatus,
};

pub(crate) type BoxFuture<'a, T, E = StoreError> =
    Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'a>>;

/// A store or a denylist did not answer in time.
#[derive(Debug, thiserror::Error)]
#[error("no answer within {} ms", .0.as_millis())]
pub(crate) struct DeadlineExceeded(Duration);

impl From<DeadlineExceeded> for StoreError {
    fn from(error: DeadlineExceeded) -> Self {
        Self::new(error)
    }
}

/// Waits for the store's answer until the deadline. A store that answers at once needs no timer.
pub(crate) async fn within_deadline<T, E: From<DeadlineExceeded>>(
    mut answer: BoxFuture<'_, T, E>,
    deadline: Duration,
) -> Result<T, E> {
    let first = poll_fn(|context| Poll::Ready(answer.as_mut().poll(context))).await;
    match first {
        Poll::Ready(answer) => answer,
        Poll::Pending => tokio::time::timeout(deadline, answer)
            .await
            .unwrap_or_else(|_| Err(DeadlineExceeded(deadline).into())),
    }
}

/// [`RevocationStore`] with boxed futures, so that a configuration can hold any store.
pub(crate) trait ErasedStore: Send + Sync + 'static {
    fn is_empty(&self) -> bool;
    fn status(&self) -> StoreStatus;
    fn check(&self, token: &TokenIdentity<'_>, now: SystemTime) -> Result<TokenStatus, StoreError>;
    fn check_strict<'a>(
        &'a self,
        token: &'a TokenIdentity<'a>,
        now: SystemTime,
    ) -> BoxFuture<'a, TokenStatus>;
    fn revoke<'a>(&'a self, revocation: Revocation<'a>, now: SystemTime) -> BoxFuture<'a, ()>;
    fn rotate<'a>(&'a self, request: RotationRequest<'a>) -> BoxFuture<'a, RotationOutcome>;
    fn register<'a>(&'a self, session: NewSession<'a>) -> BoxFuture<'a, Registered>;
    fn remember_access_life(&self, life: Duration) -> BoxFuture<'_, ()>;
    fn sessions<'a>(&'a self, subject: &'a str, now: SystemTime) -> BoxFuture<'a, Vec<Session>>;
    fn shared_keys(&self) -> BoxFuture<'_, SharedKeys>;
    fn replace_shared_keys<'a>(&'a self, version: u64, document: &'a str) -> BoxFuture<'a, bool>;
    fn use_once<'a>(&'a self, id: &'a str, life: Duration, now: SystemTime) -> BoxFuture<'a, bool>;
}

impl<T: RevocationStore> ErasedStore for T {
    fn is_empty(&self) -> bool {
        RevocationStore::is_empty(self)
    }

    fn status(&self) -> StoreStatus {
        RevocationStore::status(self)
    }

    fn check(&self, token: &TokenIdentity<'_>, now: SystemTime) -> Result<TokenStatus, StoreError> {
        RevocationStore::check(self, token, now)
    }

    fn check_strict<'a>(
        &'a self,
        token: &'a TokenIdentity<'a>,
        now: SystemTime,
    ) -> BoxFuture<'a, TokenStatus> {
        Box::pin(RevocationStore::check_strict(self, token, now))
    }

    fn revoke<'a>(&'a self, revocation: Revocation<'a>, now: SystemTime) -> BoxFuture<'a, ()> {
        Box::pin(RevocationStore::revoke(self, revocation, now))
    }

    fn rotate<'a>(&'a self, request: RotationRequest<'a>) -> BoxFuture<'a, RotationOutcome> {
        Box::pin(RevocationStore::rotate(self, request))
    }

    fn register<'a>(&'a self, session: NewSession<'a>) -> BoxFuture<'a, Registered> {
        Box::pin(RevocationStore::register(self, session))
    }

    fn remember_access_life(&self, life: Duration) -> BoxFuture<'_, ()> {
        Box::pin(RevocationStore::remember_access_life(self, life))
    }

    fn sessions<'a>(&'a self, subject: &'a str, now: SystemTime) -> BoxFuture<'a, Vec<Session>> {
        Box::pin(RevocationStore::sessions(self, subject, now))
    }

    fn shared_keys(&self) -> BoxFuture<'_, SharedKeys> {
        Box::pin(RevocationStore::shared_keys(self))
    }

    fn replace_shared_keys<'a>(&'a self, version: u64, document: &'a str) -> BoxFuture<'a, bool> {
        Box::pin(RevocationStore::replace_shared_keys(self, version, document))
    }

    fn use_once<'a>(&'a self, id: &'a str, life: Duration, now: SystemTime) -> BoxFuture<'a, bool> {
        Box::pin(RevocationStore::use_once(self, id, life, now))
    }
}
