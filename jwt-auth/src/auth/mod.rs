//! `JwtAuth`: the keys, the settings and the store, together; the only room that holds everything.

mod renew;
mod revoke;

pub use renew::SessionEnd;
pub use revoke::VerifiedToken;

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

use crate::claims::TokenKind;
use crate::clock::{since_epoch, to_system_time};
use crate::config::{ClaimsCheck, Config, ConfigError, Denylist, Settings};
use crate::error::{AuthError, AuthErrorKind};
use crate::issue::{AccessKind, Issuer, LogInKind, PairKind, RefreshKind, TokenBuilder, TokenPair};
use crate::keys::LoadedRing;
use crate::refresh;
use crate::revocation::{Engine, Standing, StoreError, within_deadline};
use crate::token::{AccessToken, NoClaims, RefreshToken};
use crate::validation::{self, Expected};
use crate::verify::{self, Cache, Verified};

/// Makes, verifies, refreshes and revokes tokens, by one configuration. A clone is cheap.
///
/// It is the router's state, or a field of it (`#[derive(FromRef)]`); guards find it there. It is an
/// extractor itself, so a handler takes `auth: JwtAuth`.
///
/// ```
/// use jwt_auth::Config;
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let auth = Config::hs256("an example secret of 32 bytes ...").build()?;
/// let pair = auth.log_in("alice").await?;
/// let token = auth.verify_access(pair.access_token()).await?;
/// assert_eq!(token.subject(), "alice");
/// assert!(auth.verify_access(pair.refresh_token()).await.is_err(), "a refresh token opens nothing");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct JwtAuth {
    inner: Arc<Inner>,
    /// The request that this clone was extracted from, for the error hook; HTTP's own type.
    request: Option<Arc<dyn Any + Send + Sync>>,
}

struct Inner {
    ring: LoadedRing,
    cache: Option<Cache>,
    settings: Arc<Settings>,
    store: Arc<dyn Engine>,
    /// Wakes whoever waits for an end, when something was taken back here.
    changed: Notify,
}

impl Config {
    /// Checks everything and makes a [`JwtAuth`].
    ///
    /// # Errors
    ///
    /// Every problem at once, each with the line to write.
    ///
    /// ```
    /// let error = jwt_auth::Config::hs256("too short").build().unwrap_err();
    /// assert!(error.to_string().contains("at least 32 bytes"));
    /// ```
    pub fn build(self) -> Result<JwtAuth, ConfigError> {
        let checked = self.check()?;
        let inner = Inner {
            cache: Cache::new(checked.settings.verified_cache, &checked.ring),
            ring: checked.ring,
            settings: Arc::new(checked.settings),
            store: checked.store,
            changed: Notify::new(),
        };
        Ok(JwtAuth { inner: Arc::new(inner), request: None })
    }
}

impl JwtAuth {
    /// A log-in, to be awaited: a fresh access token and the first refresh token of a new session.
    ///
    /// ```
    /// # async fn login(auth: jwt_auth::JwtAuth) -> Result<(), jwt_auth::AuthError> {
    /// let pair = auth.log_in("alice").await?;
    /// let pair = auth.log_in("alice").scopes(["notes:read"]).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// The future fails with [`CannotIssue`](AuthErrorKind::CannotIssue) when the configuration has no key
    /// that signs, or the builder was given what a token cannot hold.
    pub fn log_in(&self, subject: impl fmt::Display) -> TokenBuilder<'_, LogInKind> {
        let builder = TokenBuilder::new(self.issuer(), subject.to_string()).fresh(true);
        builder.registered_in(&*self.inner.store)
    }

    /// A builder of one access token.
    ///
    /// ```
    /// let auth = jwt_auth::Config::hs256([7; 32]).build()?;
    /// let token = auth.access_token("alice").scopes(["notes:read"]).issue()?;
    /// # drop(token);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn access_token(&self, subject: impl fmt::Display) -> TokenBuilder<'_, AccessKind> {
        TokenBuilder::new(self.issuer(), subject.to_string())
    }

    /// A builder of one refresh token, the first of its family.
    ///
    /// ```
    /// let auth = jwt_auth::Config::hs256([7; 32]).build()?;
    /// let token = auth.refresh_token("alice").issue()?;
    /// # drop(token);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn refresh_token(&self, subject: impl fmt::Display) -> TokenBuilder<'_, RefreshKind> {
        TokenBuilder::new(self.issuer(), subject.to_string())
    }

    /// A builder of an access token and a refresh token of one new session.
    ///
    /// ```
    /// let auth = jwt_auth::Config::hs256([7; 32]).build()?;
    /// let pair = auth.token_pair("alice").roles(["editor"]).issue()?;
    /// # drop(pair);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn token_pair(&self, subject: impl fmt::Display) -> TokenBuilder<'_, PairKind> {
        TokenBuilder::new(self.issuer(), subject.to_string())
    }

    /// Verifies an access token that did not come in a guarded request: from a WebSocket message, a JSON
    /// body, a queue.
    ///
    /// # Errors
    ///
    /// The kind says why: malformed, expired, revoked …
    ///
    /// ```
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let auth = jwt_auth::Config::hs256([7; 32]).build()?;
    /// let token = auth.access_token("alice").issue()?;
    /// assert_eq!(auth.verify_access(&token).await?.subject(), "alice");
    /// assert!(auth.verify_access("a.b.c").await.is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn verify_access(&self, token: &str) -> Result<AccessToken, AuthError> {
        let asked = Asked { kind: TokenKind::Access, audience: None, revocation: Lookup::Replica };
        let verified = self.told(self.authenticate(token.as_bytes(), asked, |_| Ok(())).await)?;
        AccessToken::new(verified, None)
    }

    /// Verifies a refresh token that did not come in a guarded request.
    ///
    /// # Errors
    ///
    /// The kind says why: malformed, expired, revoked …
    ///
    /// ```
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let auth = jwt_auth::Config::hs256([7; 32]).build()?;
    /// let pair = auth.log_in("alice").await?;
    /// assert!(auth.verify_refresh(pair.refresh_token()).await.is_ok());
    /// assert!(auth.verify_refresh(pair.access_token()).await.is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn verify_refresh(&self, token: &str) -> Result<RefreshToken, AuthError> {
        let asked = Asked { kind: TokenKind::Refresh, audience: None, revocation: Lookup::Replica };
        let verified = self.told(self.authenticate(token.as_bytes(), asked, |_| Ok(())).await)?;
        RefreshToken::<NoClaims>::new(verified, None)
    }

    /// Trades a refresh token for a new pair of the same session, once.
    ///
    /// Scopes, roles, audience and custom claims are carried along; the new access token is not fresh.
    /// Within the grace of [`Config::refresh_grace`] the token just traded gets the same successor again;
    /// later, or with an older token, it is a reuse: the session dies, with an event
    /// `refresh_token_reused` in the log.
    ///
    /// # Errors
    ///
    /// [`RefreshTokenReused`](AuthErrorKind::RefreshTokenReused), [`Revoked`](AuthErrorKind::Revoked),
    /// [`Expired`](AuthErrorKind::Expired); [`UnknownKey`](AuthErrorKind::UnknownKey) for a token that
    /// another `JwtAuth` verified; [`Unavailable`](AuthErrorKind::Unavailable) when the store
    /// cannot decide: nothing was used up then, or the same token is traded again within the grace.
    ///
    /// ```
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let auth = jwt_auth::Config::hs256([7; 32]).build()?;
    /// let pair = auth.log_in("alice").await?;
    /// let token = auth.verify_refresh(pair.refresh_token()).await?;
    /// let next = auth.rotate(token).await?;
    /// assert_ne!(next.refresh_token(), pair.refresh_token());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn rotate<C>(&self, token: RefreshToken<C>) -> Result<TokenPair, AuthError> {
        let settings = &self.inner.settings;
        let now = since_epoch(&*settings.clock);
        if !token.verified().is_of(&self.inner.ring) {
            return self.told(Err(AuthErrorKind::UnknownKey.into()));
        }
        // The token may have been kept since it was verified.
        if validation::expired(token.verified().claims(), settings, now) {
            return self.told(Err(AuthErrorKind::Expired.into()));
        }
        self.told(self.standing(token.verified(), now).await)?;
        self.told(refresh::rotate(self.issuer(), &*self.inner.store, &token).await)
    }

    /// Verification, what the request adds to it, then revocation, then the application's own check: the one
    /// place that puts them in their order.
    pub(crate) async fn authenticate(
        &self,
        token: &[u8],
        asked: Asked<'_>,
        bound: impl FnOnce(&Verified) -> Result<(), AuthErrorKind>,
    ) -> Result<Arc<Verified>, AuthError> {
        let verified = self.verified(token, asked, bound)?;
        let hooks = &self.inner.settings.hooks;
        if asked.revocation == Lookup::Strict {
            Box::pin(self.asked(&verified)).await?;
        }
        let looks_up = asked.revocation == Lookup::Strict
            || (asked.revocation == Lookup::Replica && self.looks_up(asked.kind));
        if let Some(denylist) = &hooks.denylist
            && looks_up
        {
            // In a box of its own, so that nobody carries the room for it who has no such source.
            Box::pin(denied(&**denylist, &verified)).await?;
        }
        if let Some(check) = &hooks.check {
            checked(&**check, &verified)?;
        }
        Ok(verified)
    }

    /// Whether whoever asks for this token next is answered from the cache, which costs less than a place in
    /// the request, and asks no hook twice.
    pub(crate) fn finds_again(&self, verified: &Arc<Verified>) -> bool {
        let Inner { cache, settings, .. } = &*self.inner;
        let hooks = &settings.hooks;
        // Right behind the verification, the second handle is the cache's.
        let kept = cache.is_some() && Arc::strong_count(verified) > 1;
        kept && hooks.denylist.is_none() && hooks.check.is_none()
    }

    /// The part that never waits, up to what the store says.
    fn verified(
        &self,
        token: &[u8],
        asked: Asked<'_>,
        bound: impl FnOnce(&Verified) -> Result<(), AuthErrorKind>,
    ) -> Result<Arc<Verified>, AuthError> {
        let settings = &self.inner.settings;
        let now = since_epoch(&*settings.clock);
        let expected = Expected { kind: asked.kind, audience: asked.audience };
        let Inner { ring, cache, .. } = &*self.inner;
        let verified = verify::verify(token, ring, cache.as_ref(), settings, expected, now)?;
        bound(&verified)?;
        if asked.revocation == Lookup::Replica && self.looks_up(asked.kind) {
            self.kept(&verified, now)?;
        }
        Ok(verified)
    }

    /// Whether the store, and the application's own source, say that a verified token still stands. Who makes a
    /// token of this one asks, whatever kinds are looked up on the way in: what was ended does not go on.
    pub(crate) async fn standing(
        &self,
        verified: &Verified,
        now: Duration,
    ) -> Result<(), AuthError> {
        self.kept(verified, now)?;
        match &self.inner.settings.hooks.denylist {
            Some(denylist) => denied(&**denylist, verified).await,
            None => Ok(()),
        }
    }

    /// Whether tokens of this kind are looked up at all.
    fn looks_up(&self, kind: TokenKind) -> bool {
        self.inner.settings.denylist_token_checks.contains(&kind)
    }

    /// What the store itself says.
    pub(crate) async fn asked(&self, verified: &Verified) -> Result<(), AuthError> {
        let now = to_system_time(since_epoch(&*self.inner.settings.clock));
        let identity = verified.identity();
        stands(within_deadline(self.inner.store.ask(&identity, now)).await)
    }

    /// What the store says by what it has in memory.
    fn kept(&self, verified: &Verified, now: Duration) -> Result<(), AuthError> {
        let store = &self.inner.store;
        if store.holds_nothing() {
            return Ok(());
        }
        stands(store.standing(&verified.identity(), to_system_time(now)))
    }

    fn issuer(&self) -> Issuer<'_> {
        Issuer {
            settings: &self.inner.settings,
            ring: &self.inner.ring,
            request: self.request.as_ref(),
        }
    }

    pub(crate) fn settings(&self) -> &Arc<Settings> {
        &self.inner.settings
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    pub(crate) fn with_request(mut self, request: Option<Arc<dyn Any + Send + Sync>>) -> Self {
        self.request = request;
        self
    }

    /// Tells an error by which settings it is to be answered.
    pub(crate) fn told<T>(&self, result: Result<T, AuthError>) -> Result<T, AuthError> {
        self.issuer().told(result)
    }
}

/// What is asked of a token where it is presented.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) kind: TokenKind,
    /// A route's own audience, in place of the configured ones.
    pub(crate) audience: Option<&'a str>,
    pub(crate) revocation: Lookup,
}

/// How a token is looked up as revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lookup {
    /// Not at all (`danger`).
    Skip,
    /// In memory, which a shared store keeps current.
    Replica,
    /// In the store itself.
    Strict,
}

impl Lookup {
    /// The word of the attribute, where it says one.
    pub(crate) const fn name(self) -> Option<&'static str> {
        match self {
            Self::Skip => Some("skip"),
            Self::Replica => None,
            Self::Strict => Some("strict"),
        }
    }
}

/// What the application's own source says.
async fn denied(denylist: &dyn Denylist, verified: &Verified) -> Result<(), AuthError> {
    match within_deadline(denylist.holds(&verified.identity())).await {
        Ok(false) => Ok(()),
        Ok(true) => Err(AuthErrorKind::Revoked.into()),
        Err(error) => Err(unavailable(&error)),
    }
}

/// What the application's own check says.
fn checked(check: &ClaimsCheck, verified: &Verified) -> Result<(), AuthError> {
    let claims = serde_json::from_str(verified.payload())
        .map_err(|_| AuthError::from(AuthErrorKind::InvalidClaims))?;
    if check(&verified.identity(), &claims) { Ok(()) } else { Err(AuthErrorKind::Forbidden.into()) }
}

fn stands(answer: Result<Standing, StoreError>) -> Result<(), AuthError> {
    match answer {
        Ok(Standing::Good) => Ok(()),
        Ok(Standing::Revoked) => Err(AuthErrorKind::Revoked.into()),
        Err(error) => Err(unavailable(&error)),
    }
}

fn unavailable(error: &StoreError) -> AuthError {
    tracing::warn!(target: "jwt_auth", %error, "a token cannot be checked");
    AuthErrorKind::Unavailable.into()
}

impl fmt::Debug for JwtAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtAuth")
            .field("ring", &self.inner.ring)
            .field("settings", &self.inner.settings)
            .finish_non_exhaustive()
    }
}
