//! Taking back: one token, one session, or everything of a subject.

use std::fmt::Display;
use std::time::{Duration, SystemTime};

use crate::auth::{JwtAuth, unavailable};
use crate::claims::{LAST_SECOND, TokenKind};
use crate::clock::{since_epoch, to_system_time};
use crate::error::{AuthError, AuthErrorKind};
use crate::refresh::family_dead_until;
use crate::revocation::{MAX_NAME, Revocation, Session, Standing, TokenIdentity, within_deadline};
use crate::token::{AccessToken, RefreshToken};

/// A token that was verified, of either kind; sealed.
pub trait VerifiedToken: sealed::Sealed + Sync {
    /// Who the token is.
    fn identity(&self) -> TokenIdentity<'_>;
}

mod sealed {
    use crate::verify::Verified;

    pub trait Sealed {
        #[doc(hidden)]
        fn verified(&self) -> &Verified;
    }

    impl<C> Sealed for super::AccessToken<C> {
        fn verified(&self) -> &Verified {
            self.verified()
        }
    }

    impl<C> Sealed for super::RefreshToken<C> {
        fn verified(&self) -> &Verified {
            self.verified()
        }
    }
}

impl<C: Sync> VerifiedToken for AccessToken<C> {
    fn identity(&self) -> TokenIdentity<'_> {
        self.identity()
    }
}

impl<C: Sync> VerifiedToken for RefreshToken<C> {
    fn identity(&self) -> TokenIdentity<'_> {
        self.identity()
    }
}

/// An epoch outlives every token that it can be about.
const EPOCH_LIFE: Duration = Duration::from_secs(36_500 * 86_400);

impl JwtAuth {
    /// Takes one token back, until it would have expired anyway. When it returns, the token is refused.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](AuthErrorKind::Unavailable) when the store does not hold the record;
    /// [`InvalidClaims`](AuthErrorKind::InvalidClaims) when the token has no `jti` to be named by.
    ///
    /// ```
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let auth = jwt_auth::Config::hs256([7; 32]).build()?;
    /// let token = auth.access_token("alice").issue()?;
    /// auth.revoke(&auth.verify_access(&token).await?).await?;
    /// assert!(auth.verify_access(&token).await.is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn revoke(&self, token: &impl VerifiedToken) -> Result<(), AuthError> {
        let identity = token.identity();
        let id = self.told(identity.id.ok_or_else(|| AuthErrorKind::InvalidClaims.into()))?;
        let until = self.until(identity.expires_at);
        self.record(Revocation::Token { issuer: identity.issuer, id, until }).await
    }

    /// Takes a token back by its id (`jti`), until the given time, which is its `exp`.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](AuthErrorKind::Unavailable) when the store does not hold the record.
    ///
    /// ```
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let auth = jwt_auth::Config::hs256([7; 32]).build()?;
    /// let token = auth.access_token("alice").issue()?;
    /// let (id, until) = {
    ///     let token = auth.verify_access(&token).await?;
    ///     (token.id().to_owned(), token.expires_at().expect("it expires"))
    /// };
    /// auth.revoke_id(&id, until).await?;
    /// assert!(auth.verify_access(&token).await.is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn revoke_id(&self, id: &str, expires_at: SystemTime) -> Result<(), AuthError> {
        let until = expires_at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.record(Revocation::Token { issuer: None, id, until: self.until(Some(until)) }).await
    }

    /// Ends the session that the token belongs to: its whole family, this token too.
    ///
    /// A token without a family (one that `auth.access_token(…)` made by itself) is taken back alone.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](AuthErrorKind::Unavailable) when the store does not hold the record.
    ///
    /// ```
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let auth = jwt_auth::Config::hs256([7; 32]).build()?;
    /// let pair = auth.log_in("alice").await?;
    /// auth.log_out(auth.verify_access(pair.access_token()).await?).await?;
    /// assert!(auth.verify_refresh(pair.refresh_token()).await.is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn log_out(&self, token: impl VerifiedToken) -> Result<(), AuthError> {
        let identity = token.identity();
        if let Some(family) = identity.family {
            let now = since_epoch(&*self.settings().clock);
            let until = to_system_time(family_dead_until(self.settings(), now));
            let until = until.max(self.until(identity.expires_at));
            self.record(Revocation::Family { family, until }).await?;
        }
        if identity.id.is_some() || identity.family.is_none() {
            self.revoke(&token).await?;
        }
        Ok(())
    }

    /// Ends a session by its name, which [`sessions`](Self::sessions) lists and `fam` of its tokens bears.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](AuthErrorKind::Unavailable) when the store does not hold the record.
    ///
    /// ```
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let auth = jwt_auth::Config::hs256([7; 32]).build()?;
    /// let pair = auth.log_in("alice").await?;
    /// let session = auth.sessions("alice").await?.remove(0);
    /// auth.revoke_family(session.family()).await?;
    /// assert!(auth.verify_access(pair.access_token()).await.is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn revoke_family(&self, family: &str) -> Result<(), AuthError> {
        let now = since_epoch(&*self.settings().clock);
        let until = to_system_time(family_dead_until(self.settings(), now));
        self.record(Revocation::Family { family, until }).await
    }

    /// Takes back every token that a key signed, by the key's id: it was stolen, and the ring still has it
    /// until each node is deployed anew.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](AuthErrorKind::Unavailable) when the store does not hold the record.
    ///
    /// ```
    /// use jwt_auth::{Algorithm, Config, Key, KeyRing};
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let ring = KeyRing::new(Key::secret(Algorithm::HS256, [7; 32]).id("2026-01"));
    /// let auth = Config::with_keys(ring).build()?;
    /// let token = auth.access_token("alice").issue()?;
    /// auth.revoke_kid("2026-01").await?;
    /// assert!(auth.verify_access(&token).await.is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn revoke_kid(&self, kid: &str) -> Result<(), AuthError> {
        let now = since_epoch(&*self.settings().clock);
        let until = to_system_time(now.saturating_add(EPOCH_LIFE));
        self.record(Revocation::Key { id: kid, until }).await
    }

    /// Ends every session of everybody: every token issued up to now, this second included.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](AuthErrorKind::Unavailable) when the store does not hold the record.
    ///
    /// ```
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let auth = jwt_auth::Config::hs256([7; 32]).build()?;
    /// let token = auth.access_token("alice").issue()?;
    /// auth.revoke_all().await?;
    /// assert!(auth.verify_access(&token).await.is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn revoke_all(&self) -> Result<(), AuthError> {
        self.epoch(|before, until| Revocation::All { before, until }).await
    }

    /// The sessions of a subject that are alive, the one used last first: for a page that lists and ends them.
    ///
    /// Sessions begin by [`log_in`](Self::log_in); those of `token_pair(…)` are listed once they are refreshed.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](AuthErrorKind::Unavailable) when the store cannot say.
    ///
    /// ```
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let auth = jwt_auth::Config::hs256([7; 32]).build()?;
    /// auth.log_in("alice").device("phone").await?;
    /// auth.log_in("alice").device("laptop").await?;
    /// assert_eq!(auth.sessions("alice").await?.len(), 2);
    /// auth.log_out_everywhere("alice").await?;
    /// assert!(auth.sessions("alice").await?.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn sessions(&self, subject: impl Display) -> Result<Vec<Session>, AuthError> {
        let (subject, store) = (subject.to_string(), &self.inner.store);
        let now = to_system_time(since_epoch(&*self.settings().clock));
        let found = within_deadline(store.sessions(&subject, now)).await;
        let mut alive = self.told(found.map_err(|error| unavailable(&error)))?;
        // What was logged out everywhere is known by when it was begun, and not by its name.
        let mut lost = None;
        alive.retain(|session| {
            let issued = session.used.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            let token = TokenIdentity {
                issuer: None,
                id: None,
                subject: &subject,
                kind: TokenKind::Refresh,
                key_id: None,
                family: Some(&session.family),
                issued_at: Some(issued),
                expires_at: None,
            };
            match store.standing(&token, now) {
                Ok(standing) => standing == Standing::Good,
                Err(error) => {
                    lost = Some(error);
                    false
                }
            }
        });
        match lost {
            None => Ok(alive),
            Some(error) => self.told(Err(unavailable(&error))),
        }
    }

    /// Ends every session of a subject: every token issued up to now, this second included.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](AuthErrorKind::Unavailable) when the store does not hold the record.
    ///
    /// ```
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let auth = jwt_auth::Config::hs256([7; 32]).build()?;
    /// let (phone, laptop) = (auth.log_in("alice").await?, auth.log_in("alice").await?);
    /// auth.log_out_everywhere("alice").await?;
    /// assert!(auth.verify_access(phone.access_token()).await.is_err());
    /// assert!(auth.verify_refresh(laptop.refresh_token()).await.is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn log_out_everywhere(&self, subject: impl Display) -> Result<(), AuthError> {
        let subject = subject.to_string();
        self.epoch(|before, until| Revocation::Subject { subject: &subject, before, until }).await
    }

    /// Raises an epoch to now.
    async fn epoch<'a>(
        &self,
        record: impl Fn(SystemTime, SystemTime) -> Revocation<'a>,
    ) -> Result<(), AuthError> {
        loop {
            let now = since_epoch(&*self.settings().clock);
            let before = to_system_time(now);
            let until = to_system_time(now.saturating_add(EPOCH_LIFE));
            self.record(record(before, until)).await?;
            // Tokens that were issued while the record was on its way are covered too.
            if since_epoch(&*self.settings().clock).as_secs() == now.as_secs() {
                return Ok(());
            }
        }
    }

    /// When the entry of a token may go: at its `exp`, plus the leeway that reads it longer.
    fn until(&self, expires_at: Option<Duration>) -> SystemTime {
        let settings = self.settings();
        let end =
            expires_at.unwrap_or_else(|| since_epoch(&*settings.clock).saturating_add(EPOCH_LIFE));
        // No calendar goes further, and no token lives longer.
        let end = end.min(Duration::from_secs(LAST_SECOND));
        to_system_time(end.saturating_add(settings.decode_leeway))
    }

    async fn record(&self, revocation: Revocation<'_>) -> Result<(), AuthError> {
        let longest = match revocation {
            Revocation::Token { issuer, id, .. } => id.len().max(issuer.unwrap_or_default().len()),
            Revocation::Family { family: name, .. }
            | Revocation::Subject { subject: name, .. }
            | Revocation::Key { id: name, .. } => name.len(),
            Revocation::All { .. } => 0,
        };
        // No token bears such a name, and no store has room for it.
        if longest > MAX_NAME {
            return self.told(Err(AuthErrorKind::InvalidClaims.into()));
        }
        let now = to_system_time(since_epoch(&*self.settings().clock));
        let held = within_deadline(self.inner.store.revoke(revocation, now)).await;
        self.inner.changed.notify_waiters();
        self.told(held.map_err(|error| unavailable(&error)))
    }
}
