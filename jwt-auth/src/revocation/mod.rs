//! Revocation: what can be taken back, and the trait of the stores that remember it.

mod family;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "redis"))]
mod filed;
mod memory;
#[cfg(feature = "postgres")]
mod postgres;
mod record;
#[cfg(feature = "redis")]
mod redis;
mod replica;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "redis"))]
mod replicated;
#[cfg(feature = "sqlite")]
mod sqlite;

use std::fmt;
use std::future::{Future, ready};
use std::pin::Pin;
use std::task::Poll;
use std::time::{Duration, SystemTime};

use crate::claims::TokenKind;

pub use family::Session;
pub use memory::MemoryStore;
#[cfg(feature = "postgres")]
pub use postgres::{PostgresStore, PostgresStoreBuilder};
pub(crate) use record::MAX_NAME;
#[cfg(feature = "redis")]
pub use redis::{RedisStore, RedisStoreBuilder};
#[cfg(feature = "sqlite")]
pub use sqlite::{SqliteStore, SqliteStoreBuilder};

/// Who a verified token is, as far as revocation cares. Never the token's text: text is malleable.
///
/// ```
/// # use jwt_auth::{Config, ManualClock};
/// # let auth = Config::hs256([7; 32]).clock(ManualClock::at(1_700_000_000)).build()?;
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let pair = auth.log_in("alice").await?;
/// let token = auth.verify_access(pair.access_token()).await?;
/// assert_eq!(token.identity().subject(), "alice");
/// # Ok::<(), jwt_auth::AuthError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct TokenIdentity<'a> {
    pub(crate) issuer: Option<&'a str>,
    pub(crate) id: Option<&'a str>,
    pub(crate) subject: &'a str,
    pub(crate) kind: TokenKind,
    /// `kid` of the key that verified it.
    pub(crate) key_id: Option<&'a str>,
    pub(crate) family: Option<&'a str>,
    pub(crate) issued_at: Option<Duration>,
    pub(crate) expires_at: Option<Duration>,
}

impl<'a> TokenIdentity<'a> {
    /// `iss`, when the token has one.
    pub fn issuer(&self) -> Option<&'a str> {
        self.issuer
    }

    /// `jti`, when the token has one.
    pub fn id(&self) -> Option<&'a str> {
        self.id
    }

    /// `sub`.
    pub fn subject(&self) -> &'a str {
        self.subject
    }

    /// Access or refresh.
    pub fn kind(&self) -> TokenKind {
        self.kind
    }

    /// The id of the key that verified the token, when it has one.
    pub fn key_id(&self) -> Option<&'a str> {
        self.key_id
    }

    /// The session that the token belongs to: `fam`, or the `jti` of a refresh token that has none. An
    /// access token without `fam` belongs to no session.
    pub fn family(&self) -> Option<&'a str> {
        self.family
    }

    /// `iat`.
    pub fn issued_at(&self) -> Option<SystemTime> {
        self.issued_at.map(crate::clock::to_system_time)
    }

    /// `exp`.
    pub fn expires_at(&self) -> Option<SystemTime> {
        self.expires_at.map(crate::clock::to_system_time)
    }
}

/// What a store says of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing was taken back.
    Good,
    /// The token, its family, or its subject's tokens of that time were taken back.
    Revoked,
}

/// One thing taken back. Records commute: a set that grows until its entries die with their tokens,
/// and registers that only rise, so that a store may apply them twice or in any order.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Revocation<'a> {
    /// One token, until it would have expired anyway.
    Token {
        /// `iss`; `None` stands for the token of that id from any issuer.
        issuer: Option<&'a str>,
        /// `jti`.
        id: &'a str,
        /// When the entry may go.
        until: SystemTime,
    },
    /// One session: every token of the family.
    Family {
        /// `fam`, or the `jti` of a refresh token that has none.
        family: &'a str,
        /// When the entry may go.
        until: SystemTime,
    },
    /// Every token of a subject issued up to and including that second. Two of them combine by the
    /// later.
    Subject {
        /// `sub`, whoever the issuer.
        subject: &'a str,
        /// The epoch.
        before: SystemTime,
        /// When the entry may go.
        until: SystemTime,
    },
    /// Every token that a key signed: a key that was stolen.
    Key {
        /// `kid`.
        id: &'a str,
        /// When the entry may go.
        until: SystemTime,
    },
    /// Every token of everybody issued up to and including that second. Two of them combine by the later.
    All {
        /// The epoch.
        before: SystemTime,
        /// When the entry may go.
        until: SystemTime,
    },
}

/// A session that begins with a log-in.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NewSession<'a> {
    /// `fam` of its tokens.
    pub family: &'a str,
    /// Whose it is.
    pub subject: &'a str,
    /// What the application calls the device.
    pub device: Option<&'a str>,
    /// `jti` of its first refresh token.
    pub refresh_id: &'a str,
    /// The absolute end.
    pub ends: SystemTime,
    /// The time now, by the configured clock.
    pub now: SystemTime,
}

/// A refresh token presented for rotation.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Rotate<'a> {
    /// The family: `fam`, or the `jti` of a refresh token that has none.
    pub family: &'a str,
    /// Whose session it is.
    pub subject: &'a str,
    /// `jti` of the token presented.
    pub presented: &'a str,
    /// How many rotations lie behind the token presented; 0 for the first of its family.
    pub generation: u64,
    /// `jti` for the successor, if the token is to be rotated.
    pub successor: &'a str,
    /// The absolute end of a family that starts here.
    pub family_ends: SystemTime,
    /// Until when the family stays revoked if this turns out to be a reuse: no token of it lives
    /// longer.
    pub dead_until: SystemTime,
    /// For how long the immediate parent gets the same successor again.
    pub grace: Duration,
    /// The time now, by the configured clock.
    pub now: SystemTime,
}

/// How a rotation ended. One atomic step of the store decides it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rotation {
    /// The token was the family's current one. It is used up, and the successor stands.
    Rotated {
        /// The absolute end of the family.
        family_ends: SystemTime,
    },
    /// The token is the immediate parent of the current one, within the grace: the same successor
    /// again.
    Replayed {
        /// `jti` of the successor that stands.
        successor: String,
        /// When it was made.
        rotated_at: SystemTime,
        /// The absolute end of the family.
        family_ends: SystemTime,
    },
    /// The token was used before: the store has revoked the family by this very step.
    Reused,
    /// A family the store has never seen, of a token that is not its first; or one that was revoked.
    Unknown,
}

/// The store could not do what it was asked; the request is refused with 503.
///
/// ```
/// let error = jwt_auth::StoreError::new("connection refused");
/// assert_eq!(error.to_string(), "the revocation store failed: connection refused");
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[error("the revocation store failed: {reason}")]
pub struct StoreError {
    reason: String,
}

impl StoreError {
    /// An error with its reason, for the log.
    pub fn new(reason: impl fmt::Display) -> Self {
        Self { reason: reason.to_string() }
    }
}

/// Remembers what was taken back and who is logged in, and decides rotations.
///
/// [`standing`](Self::standing) is asked for every verified token: it answers from memory, without
/// waiting and without the network; a shared store keeps a replica here, and an error when that replica
/// is too old to vouch. The other two may wait, up to 250 ms, and return only when the record holds; a store
/// that waits needs a Tokio runtime with its timer on, which `#[tokio::main]` gives.
#[doc(alias = "denylist")]
#[doc(alias = "blocklist")]
pub trait RevocationStore: Send + Sync + 'static {
    /// Whether the token still stands.
    ///
    /// # Errors
    ///
    /// When the store cannot vouch: the request is refused with 503.
    fn standing(&self, token: &TokenIdentity<'_>, now: SystemTime) -> Result<Standing, StoreError>;

    /// Whether nothing was ever taken back, so that no token needs to be looked up. To say no is always right.
    #[doc(hidden)]
    fn holds_nothing(&self) -> bool {
        false
    }

    /// Takes something back.
    ///
    /// # Errors
    ///
    /// When the record does not hold.
    fn revoke(
        &self,
        revocation: Revocation<'_>,
        now: SystemTime,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Decides one presentation of a refresh token, in one atomic step: of any number at once exactly
    /// one is [`Rotated`](Rotation::Rotated).
    ///
    /// # Errors
    ///
    /// When nothing was decided, and nothing used up.
    fn rotate(
        &self,
        request: Rotate<'_>,
    ) -> impl Future<Output = Result<Rotation, StoreError>> + Send;

    /// Whether the token still stands by the store itself, and not by a replica of it: what
    /// `revocation = "strict"` asks. A store that has no replica answers as [`standing`](Self::standing) does.
    ///
    /// # Errors
    ///
    /// When the store cannot vouch.
    fn ask(
        &self,
        token: &TokenIdentity<'_>,
        now: SystemTime,
    ) -> impl Future<Output = Result<Standing, StoreError>> + Send {
        ready(self.standing(token, now))
    }

    /// Remembers a session that begins. Default: nothing, for a store that keeps no list; the first rotation
    /// makes the session known then.
    ///
    /// # Errors
    ///
    /// When it is not remembered; the log-in is refused with 503.
    fn begin(
        &self,
        session: NewSession<'_>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send {
        let _ = session;
        ready(Ok(()))
    }

    /// The sessions of a subject that are alive, the one used last first. Default: an error, for a store that
    /// keeps no list.
    ///
    /// # Errors
    ///
    /// When the store cannot say.
    fn sessions(
        &self,
        subject: &str,
        now: SystemTime,
    ) -> impl Future<Output = Result<Vec<Session>, StoreError>> + Send {
        let _ = (subject, now);
        ready(Err(StoreError::new("this store keeps no list of sessions")))
    }

    /// Throws out what has died, in small batches; the number of what went. Stores do so by themselves as
    /// well. Default: nothing.
    ///
    /// # Errors
    ///
    /// When the store does not answer.
    fn prune(&self, now: SystemTime) -> impl Future<Output = Result<u64, StoreError>> + Send {
        let _ = now;
        ready(Ok(0))
    }
}

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// How long a store may take to answer before the request is refused with 503.
const DEADLINE: Duration = Duration::from_millis(250);

/// An answer of the store, within the deadline. A store that answers at once needs no timer.
pub(crate) async fn within_deadline<T>(mut answer: BoxFuture<'_, T>) -> Result<T, StoreError> {
    let first = std::future::poll_fn(|cx| Poll::Ready(answer.as_mut().poll(cx))).await;
    match first {
        Poll::Ready(answer) => answer,
        Poll::Pending => tokio::time::timeout(DEADLINE, answer)
            .await
            .unwrap_or_else(|_| Err(StoreError::new("no answer within 250 ms"))),
    }
}

/// [`RevocationStore`] with its futures boxed, so that a configuration can hold any.
pub(crate) trait Engine: Send + Sync + 'static {
    fn holds_nothing(&self) -> bool;
    fn standing(&self, token: &TokenIdentity<'_>, now: SystemTime) -> Result<Standing, StoreError>;
    fn revoke<'a>(&'a self, revocation: Revocation<'a>, now: SystemTime) -> BoxFuture<'a, ()>;
    fn rotate<'a>(&'a self, request: Rotate<'a>) -> BoxFuture<'a, Rotation>;
    fn ask<'a>(&'a self, token: &'a TokenIdentity<'a>, now: SystemTime) -> BoxFuture<'a, Standing>;
    fn begin<'a>(&'a self, session: NewSession<'a>) -> BoxFuture<'a, ()>;
    fn sessions<'a>(&'a self, subject: &'a str, now: SystemTime) -> BoxFuture<'a, Vec<Session>>;
}

impl<T: RevocationStore> Engine for T {
    fn holds_nothing(&self) -> bool {
        RevocationStore::holds_nothing(self)
    }

    fn standing(&self, token: &TokenIdentity<'_>, now: SystemTime) -> Result<Standing, StoreError> {
        RevocationStore::standing(self, token, now)
    }

    fn revoke<'a>(&'a self, revocation: Revocation<'a>, now: SystemTime) -> BoxFuture<'a, ()> {
        Box::pin(RevocationStore::revoke(self, revocation, now))
    }

    fn rotate<'a>(&'a self, request: Rotate<'a>) -> BoxFuture<'a, Rotation> {
        Box::pin(RevocationStore::rotate(self, request))
    }

    fn ask<'a>(&'a self, token: &'a TokenIdentity<'a>, now: SystemTime) -> BoxFuture<'a, Standing> {
        Box::pin(RevocationStore::ask(self, token, now))
    }

    fn begin<'a>(&'a self, session: NewSession<'a>) -> BoxFuture<'a, ()> {
        Box::pin(RevocationStore::begin(self, session))
    }

    fn sessions<'a>(&'a self, subject: &'a str, now: SystemTime) -> BoxFuture<'a, Vec<Session>> {
        Box::pin(RevocationStore::sessions(self, subject, now))
    }
}
