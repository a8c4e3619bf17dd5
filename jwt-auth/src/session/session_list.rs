//! Sessions as applications see them: a new one, and the listed ones.

use std::time::{Duration, SystemTime};

use serde::Serialize;

/// A session that starts with a log-in.
///
/// ```
/// use jwt_auth::session::{MemoryStore, NewSession, RevocationStore as _};
/// use std::time::{Duration, UNIX_EPOCH};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
/// let session = NewSession::new("a-session", "alice", "first-jti", now, now + Duration::from_secs(86_400));
/// let store = MemoryStore::new();
/// store.register(session).await?;
/// assert_eq!(store.sessions("alice", now).await?[0].id(), "a-session");
/// # Ok::<(), jwt_auth::errors::StoreError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NewSession<'a> {
    /// `sid` of its tokens.
    pub id: &'a str,
    /// The user it belongs to.
    pub subject: &'a str,
    /// The application's name for the device.
    pub device: Option<&'a str>,
    /// `jti` of its first refresh token.
    pub refresh_id: &'a str,
    /// Its absolute end.
    pub ends: SystemTime,
    /// How long its refresh token may stay unused.
    pub idle: Duration,
    /// How many sessions the subject may have. The least recently used ones end, never this one.
    pub max_sessions: usize,
    /// The time now, by the configured clock.
    pub now: SystemTime,
}

impl<'a> NewSession<'a> {
    /// A session without a device name, for tests of a store.
    ///
    /// Its refresh tokens live 30 days, and the subject may have 100 sessions.
    ///
    /// ```
    /// # use jwt_auth::session::{MemoryStore, NewSession, RevocationStore as _};
    /// # use std::time::{Duration, UNIX_EPOCH};
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// # let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    /// let ends = now + Duration::from_secs(86_400);
    /// let mut session = NewSession::new("a-session", "alice", "first-jti", now, ends);
    /// session.device = Some("phone");
    /// let store = MemoryStore::new();
    /// store.register(session).await?;
    /// assert_eq!(store.sessions("alice", now).await?[0].device(), Some("phone"));
    /// assert!(store.sessions("alice", ends).await?.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(
        id: &'a str,
        subject: &'a str,
        refresh_id: &'a str,
        now: SystemTime,
        ends: SystemTime,
    ) -> Self {
        let idle = Duration::from_secs(30 * 86_400);
        Self { id, subject, device: None, refresh_id, ends, idle, max_sessions: 100, now }
    }
}

/// The answer of a store to a [`NewSession`].
///
/// ```
/// use jwt_auth::session::Registered;
/// use std::time::UNIX_EPOCH;
///
/// let registered = Registered::at(UNIX_EPOCH);
/// assert!(registered.ended.is_empty());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Registered {
    /// The start stamp of the session: later than every epoch of the subject, and not earlier than the log-in.
    pub started_at: SystemTime,
    /// The sessions that ended, because the subject had too many.
    pub ended: Vec<String>,
}

impl Registered {
    /// A session with this start stamp; no other session ended.
    ///
    /// ```
    /// # use jwt_auth::session::{MemoryStore, NewSession, Registered, RevocationStore as _};
    /// # use std::time::{Duration, UNIX_EPOCH};
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    /// let session = NewSession::new("a-session", "alice", "first-jti", now, now + Duration::from_secs(86_400));
    /// assert_eq!(MemoryStore::new().register(session).await?, Registered::at(now));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn at(started_at: SystemTime) -> Self {
        Self { started_at, ended: Vec::new() }
    }
}

/// An active session, as [`JwtAuth::sessions`](crate::JwtAuth::sessions) lists it.
///
/// It serialises with the names of its accessors; times are seconds since 1970.
///
/// ```
/// use jwt_auth::{Config, KeyMaterial};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let auth = Config::hs256(KeyMaterial::ephemeral()).build()?;
/// auth.log_in("alice").device("Firefox on Linux").await?;
/// let sessions = auth.sessions("alice").await?;
/// assert_eq!(sessions[0].device(), Some("Firefox on Linux"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Session {
    pub(crate) id: String,
    pub(crate) device: Option<String>,
    #[serde(serialize_with = "unix_seconds")]
    pub(crate) began_at: SystemTime,
    #[serde(serialize_with = "unix_seconds")]
    pub(crate) last_used_at: SystemTime,
    #[serde(serialize_with = "unix_seconds")]
    pub(crate) ends_at: SystemTime,
}

/// A `NumericDate` (RFC 7519 §2), as in claims.
fn unix_seconds<S: serde::Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    serializer.serialize_u64(since.as_secs())
}

impl Session {
    /// A session as a store lists it.
    ///
    /// ```
    /// use jwt_auth::session::Session;
    /// use std::time::UNIX_EPOCH;
    ///
    /// let session = Session::new("a-session", UNIX_EPOCH, UNIX_EPOCH, UNIX_EPOCH);
    /// assert_eq!(session.device(), None);
    /// ```
    pub fn new(
        id: impl Into<String>,
        began_at: SystemTime,
        last_used_at: SystemTime,
        ends_at: SystemTime,
    ) -> Self {
        Self { id: id.into(), device: None, began_at, last_used_at, ends_at }
    }

    /// The same session with the name of its device.
    ///
    /// ```
    /// use jwt_auth::session::Session;
    /// # use std::time::UNIX_EPOCH;
    ///
    /// let session = Session::new("a-session", UNIX_EPOCH, UNIX_EPOCH, UNIX_EPOCH);
    /// let session = session.on_device(Some("phone".to_owned()));
    /// assert_eq!(session.device(), Some("phone"));
    /// ```
    #[must_use]
    pub fn on_device(mut self, device: Option<String>) -> Self {
        self.device = device;
        self
    }

    /// The session id, which is the `sid` of its tokens.
    ///
    /// [`JwtAuth::revoke_session`](crate::JwtAuth::revoke_session) takes it.
    ///
    /// ```
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// # let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
    /// auth.log_in("alice").await?;
    /// let sessions = auth.sessions("alice").await?;
    /// auth.revoke_session(sessions[0].id()).await?;
    /// assert!(auth.sessions("alice").await?.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The application's name for the device, given at log-in.
    ///
    /// ```
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// # let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
    /// auth.log_in("alice").device("phone").await?;
    /// auth.log_in("bob").await?;
    /// assert_eq!(auth.sessions("alice").await?[0].device(), Some("phone"));
    /// assert_eq!(auth.sessions("bob").await?[0].device(), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn device(&self) -> Option<&str> {
        self.device.as_deref()
    }

    /// When the user logged in.
    ///
    /// ```
    /// # use jwt_auth::{Clock as _, Config, KeyMaterial, ManualClock};
    /// # use std::time::Duration;
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// # let clock = ManualClock::at(1_700_000_000);
    /// # let auth = Config::hs256(KeyMaterial::ephemeral()).clock(clock.clone()).build()?;
    /// let began = clock.now();
    /// let pair = auth.log_in("alice").await?;
    /// clock.advance(Duration::from_secs(3600));
    /// auth.rotate(auth.verify_refresh(pair.refresh_token()).await?).await?;
    /// assert_eq!(auth.sessions("alice").await?[0].began_at(), began);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn began_at(&self) -> SystemTime {
        self.began_at
    }

    /// When the session was last refreshed, or started.
    ///
    /// ```
    /// # use jwt_auth::{Clock as _, Config, KeyMaterial, ManualClock};
    /// # use std::time::Duration;
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// # let clock = ManualClock::at(1_700_000_000);
    /// # let auth = Config::hs256(KeyMaterial::ephemeral()).clock(clock.clone()).build()?;
    /// let pair = auth.log_in("alice").await?;
    /// clock.advance(Duration::from_secs(3600));
    /// auth.rotate(auth.verify_refresh(pair.refresh_token()).await?).await?;
    /// assert_eq!(auth.sessions("alice").await?[0].last_used_at(), clock.now());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn last_used_at(&self) -> SystemTime {
        self.last_used_at
    }

    /// Its absolute end.
    ///
    /// ```
    /// # use jwt_auth::{Clock as _, Config, KeyMaterial, ManualClock};
    /// # use std::time::Duration;
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// # let clock = ManualClock::at(1_700_000_000);
    /// # let auth = Config::hs256(KeyMaterial::ephemeral()).clock(clock.clone()).build()?;
    /// auth.log_in("alice").await?;
    /// let end = clock.now() + Duration::from_secs(90 * 86_400); // the default `session_expires`
    /// assert_eq!(auth.sessions("alice").await?[0].ends_at(), end);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn ends_at(&self) -> SystemTime {
        self.ends_at
    }
}
