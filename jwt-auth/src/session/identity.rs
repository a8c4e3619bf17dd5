//! The claims by which a store identifies a token, and the status that it returns.

use std::fmt;
use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};

use crate::clock::to_system_time;
use crate::token_kind::TokenKind;

/// The claims of a verified token that revocation depends on.
///
/// It does not contain the token's text, because many texts of the same token verify.
///
/// ```
/// # use jwt_auth::{Config, KeyMaterial, ManualClock};
/// # let auth = Config::hs256(KeyMaterial::ephemeral()).clock(ManualClock::at(1_700_000_000)).build()?;
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
    pub(crate) session_id: Option<&'a str>,
    pub(crate) session_started_at: Option<Duration>,
    pub(crate) generation: u64,
    pub(crate) issued_at: Option<Duration>,
    pub(crate) expires_at: Option<Duration>,
    /// The difference between clocks that is tolerated when `iat` is compared with an epoch.
    pub(crate) clock_tolerance: Duration,
    pub(crate) payload: Payload<'a>,
}

/// The claims as JSON; empty for a token that is only known by its names.
#[derive(Clone, Copy, Default)]
pub(crate) struct Payload<'a>(pub(crate) &'a str);

impl fmt::Debug for Payload<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// # For tests of a store
#[cfg(any(test, feature = "testing"))]
#[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
impl<'a> TokenIdentity<'a> {
    /// A token without a session, an issuer and times.
    ///
    /// ```
    /// use jwt_auth::{TokenIdentity, TokenKind};
    /// let token = TokenIdentity::for_test(TokenKind::Access, "alice", "a-jti");
    /// assert_eq!(token.id(), Some("a-jti"));
    /// ```
    pub const fn for_test(kind: TokenKind, subject: &'a str, id: &'a str) -> Self {
        Self {
            issuer: None,
            id: Some(id),
            subject,
            kind,
            key_id: None,
            session_id: None,
            session_started_at: None,
            generation: 0,
            issued_at: None,
            expires_at: None,
            clock_tolerance: Duration::ZERO,
            payload: Payload(""),
        }
    }

    /// The same token in a session with this start stamp.
    ///
    /// ```
    /// use jwt_auth::{TokenIdentity, TokenKind};
    /// use std::time::UNIX_EPOCH;
    ///
    /// let token = TokenIdentity::for_test(TokenKind::Access, "alice", "a-jti");
    /// assert_eq!(token.of_session("a-session", UNIX_EPOCH).session_id(), Some("a-session"));
    /// ```
    #[must_use]
    pub fn of_session(self, id: &'a str, started_at: SystemTime) -> Self {
        let started_at = started_at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self { session_id: Some(id), session_started_at: Some(started_at), ..self }
    }

    /// The same token after this many rotations of its session.
    ///
    /// ```
    /// use jwt_auth::{TokenIdentity, TokenKind};
    /// let token = TokenIdentity::for_test(TokenKind::Refresh, "alice", "a-jti");
    /// assert_eq!(token.of_generation(3).generation(), 3);
    /// ```
    #[must_use]
    pub fn of_generation(self, generation: u64) -> Self {
        Self { generation, ..self }
    }
}

impl<'a> TokenIdentity<'a> {
    /// All claims of the token, your own included.
    ///
    /// It parses them, so a check that needs no claim should not call it. A store that reads a revocation back has no
    /// claims; the map is then empty.
    ///
    /// ```
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
    /// let token = auth.access_token("alice").claims(&serde_json::json!({ "tenant": "acme" })).issue()?;
    /// let token = auth.verify_access(&token).await?;
    /// assert_eq!(token.identity().claims()["tenant"], "acme");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn claims(&self) -> Map<String, Value> {
        serde_json::from_str(self.payload.0).unwrap_or_default()
    }

    /// `iss`, if the token has one.
    ///
    /// ```
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).issuer("https://auth.example").build()?;
    /// let token = auth.verify_access(&auth.access_token("alice").issue()?).await?;
    /// assert_eq!(token.identity().issuer(), Some("https://auth.example"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn issuer(&self) -> Option<&'a str> {
        self.issuer
    }

    /// `jti`, if the token has one.
    ///
    /// ```
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// # let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
    /// let issued = auth.access_token("alice").issue()?;
    /// let token = auth.verify_access(&issued).await?;
    /// assert_eq!(token.identity().id(), Some(issued.id()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn id(&self) -> Option<&'a str> {
        self.id
    }

    /// `sub`.
    ///
    /// ```
    /// use jwt_auth::TokenIdentity;
    ///
    /// async fn is_revoked(token: &TokenIdentity<'_>) -> Result<bool, std::io::Error> {
    ///     Ok(token.subject() == "mallory")
    /// }
    ///
    /// assert!(jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).denylist(is_revoked).build().is_ok());
    /// ```
    pub fn subject(&self) -> &'a str {
        self.subject
    }

    /// Access or refresh.
    ///
    /// ```
    /// # use jwt_auth::TokenKind;
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// # let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
    /// let pair = auth.log_in("alice").await?;
    /// let token = auth.verify_refresh(pair.refresh_token()).await?;
    /// assert_eq!(token.identity().kind(), TokenKind::Refresh);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn kind(&self) -> TokenKind {
        self.kind
    }

    /// The id of the key that verified the token, if the key has one.
    ///
    /// ```
    /// # use jwt_auth::{Algorithm, Config, Key, KeyMaterial, KeyRing};
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let ring = KeyRing::new(Key::secret(Algorithm::HS256, KeyMaterial::ephemeral()).id("2026-01"));
    /// let auth = Config::with_keys(ring).build()?;
    /// let token = auth.verify_access(&auth.access_token("alice").issue()?).await?;
    /// assert_eq!(token.identity().key_id(), Some("2026-01"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn key_id(&self) -> Option<&'a str> {
        self.key_id
    }

    /// The session that the token belongs to.
    ///
    /// This is `sid`, or the `jti` of a refresh token without `sid`. An access token without `sid` belongs to no
    /// session.
    ///
    /// ```
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// # let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
    /// let pair = auth.log_in("alice").await?;
    /// let token = auth.verify_access(pair.access_token()).await?;
    /// let sessions = auth.sessions("alice").await?;
    /// assert_eq!(token.identity().session_id(), Some(sessions[0].id()));
    ///
    /// let token = auth.verify_access(&auth.access_token("alice").issue()?).await?;
    /// assert_eq!(token.identity().session_id(), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn session_id(&self) -> Option<&'a str> {
        self.session_id
    }

    /// The start stamp of the session, if the store registered the session.
    ///
    /// It is a logical clock in milliseconds: at least the time of the log-in, and always later than the last
    /// [`log_out_everywhere`](crate::JwtAuth::log_out_everywhere) of the subject. Every token of a session has it,
    /// as the claim `s_at`.
    ///
    /// ```
    /// # use jwt_auth::{Clock as _, Config, KeyMaterial, ManualClock};
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// # let clock = ManualClock::at(1_700_000_000);
    /// # let auth = Config::hs256(KeyMaterial::ephemeral()).clock(clock.clone()).build()?;
    /// let pair = auth.log_in("alice").await?;
    /// let token = auth.verify_access(pair.access_token()).await?;
    /// assert_eq!(token.identity().session_started_at(), Some(clock.now()));
    ///
    /// let token = auth.verify_access(&auth.access_token("alice").issue()?).await?;
    /// assert_eq!(token.identity().session_started_at(), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn session_started_at(&self) -> Option<SystemTime> {
        self.session_started_at.map(to_system_time)
    }

    /// How many rotations of its session precede the token; 0 for the tokens of a log-in.
    ///
    /// ```
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// # let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
    /// let pair = auth.log_in("alice").await?;
    /// let token = auth.verify_refresh(pair.refresh_token()).await?;
    /// assert_eq!(token.identity().generation(), 0);
    /// let pair = auth.rotate(token).await?;
    /// assert_eq!(auth.verify_access(pair.access_token()).await?.identity().generation(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The difference between clocks that is tolerated when `iat` is compared with an epoch.
    ///
    /// The longer one of [`issued_at_leeway`](crate::Config::issued_at_leeway) and
    /// [`decode_leeway`](crate::Config::decode_leeway).
    ///
    /// ```
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// # let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
    /// let token = auth.verify_access(&auth.access_token("alice").issue()?).await?;
    /// assert_eq!(token.identity().clock_tolerance().as_secs(), 5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn clock_tolerance(&self) -> Duration {
        self.clock_tolerance
    }

    /// `iat`.
    ///
    /// ```
    /// # use jwt_auth::{Clock as _, Config, KeyMaterial, ManualClock};
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// # let clock = ManualClock::at(1_700_000_000);
    /// # let auth = Config::hs256(KeyMaterial::ephemeral()).clock(clock.clone()).build()?;
    /// let token = auth.verify_access(&auth.access_token("alice").issue()?).await?;
    /// assert_eq!(token.identity().issued_at(), Some(clock.now()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn issued_at(&self) -> Option<SystemTime> {
        self.issued_at.map(to_system_time)
    }

    /// `exp`.
    ///
    /// ```
    /// # use jwt_auth::{Clock as _, Config, KeyMaterial, ManualClock};
    /// # use std::time::Duration;
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// # let clock = ManualClock::at(1_700_000_000);
    /// # let auth = Config::hs256(KeyMaterial::ephemeral()).clock(clock.clone()).build()?;
    /// let token = auth.verify_access(&auth.access_token("alice").issue()?).await?;
    /// let end = clock.now() + Duration::from_secs(15 * 60); // the default lifetime
    /// assert_eq!(token.identity().expires_at(), Some(end));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn expires_at(&self) -> Option<SystemTime> {
        self.expires_at.map(to_system_time)
    }
}

/// The status of a token in a store.
///
/// ```
/// use jwt_auth::session::TokenStatus;
/// assert_ne!(TokenStatus::Valid, TokenStatus::Revoked);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenStatus {
    /// The store has no revocation that covers the token.
    Valid,
    /// The token, its session, its subject's tokens or its key was revoked.
    Revoked,
}
