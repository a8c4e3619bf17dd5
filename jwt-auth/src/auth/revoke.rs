//! Taking back: one token, one session, or everything of a subject.

use std::time::{Duration, SystemTime};

use crate::auth::{JwtAuth, unavailable};
use crate::clock::{since_epoch, to_system_time};
use crate::error::{AuthError, AuthErrorKind};
use crate::refresh::family_dead_until;
use crate::revocation::{Revocation, TokenIdentity, within_deadline};
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
    pub async fn log_out_everywhere(
        &self,
        subject: impl std::fmt::Display,
    ) -> Result<(), AuthError> {
        let subject = subject.to_string();
        loop {
            let now = since_epoch(&*self.settings().clock);
            let before = to_system_time(now);
            let until = to_system_time(now.saturating_add(EPOCH_LIFE));
            self.record(Revocation::Subject { subject: &subject, before, until }).await?;
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
        to_system_time(end.saturating_add(settings.decode_leeway))
    }

    async fn record(&self, revocation: Revocation<'_>) -> Result<(), AuthError> {
        let now = to_system_time(since_epoch(&*self.settings().clock));
        let held = within_deadline(self.inner.store.revoke(revocation, now)).await;
        self.inner.changed.notify_waiters();
        self.told(held.map_err(|error| unavailable(&error)))
    }
}
