//! Rotation: a refresh token works once, its reuse ends the session, and two tabs may refresh at the same time.

use std::time::Duration;

use crate::auth::authenticate::{status, unavailable};
use crate::auth::{JwtAuth, Rotation};
use crate::clock::{since_1970, since_epoch, to_system_time};
use crate::config::{TokenLocation, TokenRules};
use crate::error::{AuthErrorKind, Refusal, contain};
use crate::event::{AuthEvent, emit};
use crate::session::{RotationOutcome, RotationRequest, TokenIdentity};
use crate::token::{
    Named, PairKind, RefreshToken, SessionGeneration, TokenBuilder, TokenPair, Verified,
    is_expired, random_id,
};

impl JwtAuth {
    /// Exchanges a refresh token for a new pair of the same session, once.
    ///
    /// Returns a builder to `.await`. Scopes, roles, audience and custom claims are preserved, unless the builder or
    /// [`Config::grants`](crate::Config::grants) names others; the new access token is not fresh. Within
    /// [`Config::refresh_grace`](crate::Config::refresh_grace) the token that was just exchanged gets the same
    /// successor again. A later use, or the use of an older token, is a reuse: the session ends, and the event
    /// `refresh_token_reused` is logged.
    ///
    /// # Errors
    ///
    /// [`RefreshTokenReused`](AuthErrorKind::RefreshTokenReused), [`Revoked`](AuthErrorKind::Revoked),
    /// [`Expired`](AuthErrorKind::Expired); [`AccountRefused`](AuthErrorKind::AccountRefused) by
    /// [`Config::grants`](crate::Config::grants); [`UnknownKey`](AuthErrorKind::UnknownKey) for a token that another
    /// `JwtAuth` verified; [`InvalidClaims`](AuthErrorKind::InvalidClaims) for a token without `jti` or `iat`;
    /// [`Unavailable`](AuthErrorKind::Unavailable) if the store cannot decide. After `Unavailable` the client can
    /// retry with the same token: it is not used up, or the grace covers it.
    ///
    /// ```
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
    /// let pair = auth.log_in("alice").await?;
    /// let token = auth.verify_refresh(pair.refresh_token()).await?;
    /// let next = auth.rotate(token).await?;
    /// assert_ne!(next.refresh_token(), pair.refresh_token());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn rotate<C>(&self, token: RefreshToken<C>) -> Rotation<'_> {
        let is_cookie = token.location() == Some(TokenLocation::Cookie);
        Rotation::new(self, token.into_verified(), is_cookie)
    }

    /// The steps of a rotation, in order. SECURITY: the store decides each presentation in one atomic step (7);
    /// all other steps only prepare it or follow it.
    pub(super) async fn rotate_in_order(
        &self,
        verified: &Verified,
        named: Named,
        revokes_previous_access: bool,
    ) -> Result<TokenPair, Refusal> {
        let (store, rules) = (self.store(), self.rules());
        let now = since_epoch(&*rules.clock);
        // 1. The token is ours, and has not expired since it was verified.
        if !self.is_own(verified) {
            return Err(AuthErrorKind::UnknownKey.into());
        }
        if is_expired(verified.claims(), rules, now) {
            return Err(AuthErrorKind::Expired.into());
        }
        // 2. It is not revoked, as far as this node knows.
        self.check_revocation(verified, now).await?;
        // 3. It has what a rotation needs.
        let identity = verified.identity();
        let (Some(_), Some(session_id), Some(issued_at)) =
            (identity.id, identity.session_id, identity.issued_at)
        else {
            return Err(AuthErrorKind::InvalidClaims.into());
        };
        // 4. The successor.
        let next = self.successor(verified, session_id, issued_at, now)?;
        // 5. The application grants what the tokens may do, and its other hooks run.
        let builder: TokenBuilder<'_, PairKind> =
            TokenBuilder::new(self.issuer(), self.context(), identity.subject.to_owned());
        let builder = builder.continuing(verified).named(named).at(next.clone());
        let builder = match builder.run_hooks(session_id).await {
            Err(refusal) if refusal.kind() == AuthErrorKind::AccountRefused => {
                self.end_session_of(&identity).await?;
                return Err(refusal);
            }
            builder => builder?,
        };
        // 6. The pair can be issued. Otherwise the refresh token must not be used up.
        let access_life = builder.rehearse()?;
        store.announce_access_life(access_life).await.map_err(unavailable)?;
        // 7. The store decides, also whether the token was revoked.
        let request = RotationRequest {
            token: identity,
            successor: &next.refresh_id,
            session_ends: to_system_time(next.session_ends),
            idle: next.idle,
            // A successor that was used is no longer current, so the parent of the current token is one whose successor
            // was never used.
            grace: rules.refresh_grace.max(rules.grace_until_used),
            now: to_system_time(now),
        };
        let outcome = store.rotate(request).await.map_err(unavailable)?;
        if let (RotationOutcome::Reused, Some(notify)) = (&outcome, &self.hooks().reuse) {
            let _ = contain("on_reuse", || notify(identity.subject, session_id));
        }
        let next = decided(outcome, next, &identity)?;
        if revokes_previous_access {
            self.revoke_earlier_access(&next).await?;
        }
        // 8. A revocation that arrived while the store decided covers the successor too, and a revoked successor
        //    is not returned again.
        let successor = TokenIdentity {
            issuer: rules.encode_issuer.as_deref(),
            id: Some(&next.refresh_id),
            ..identity
        };
        for identity in [identity, successor] {
            status(store.check(&identity, to_system_time(since_epoch(&*rules.clock))))?;
        }
        // 9. The pair is signed.
        let pair = builder.at(next).write_pair().await?;
        emit(AuthEvent::Refreshed);
        Ok(pair)
    }

    /// The generation after the presented token's.
    fn successor(
        &self,
        verified: &Verified,
        session_id: &str,
        issued_at: Duration,
        now: Duration,
    ) -> Result<SessionGeneration, Refusal> {
        let (rules, claims) = (self.rules(), verified.claims());
        // A session without an idle time of its own gets the life of its token, if that is shorter than configured.
        let shorter = || {
            let life = claims.exp.map(|exp| exp.saturating_sub(issued_at));
            life.map_or(rules.expires.refresh, |life| life.min(rules.expires.refresh))
        };
        let idle = claims.session_idle.unwrap_or_else(shorter);
        let session_ends = issued_at.saturating_add(rules.session_expires);
        Ok(SessionGeneration {
            session_id: session_id.to_owned(),
            // The stamp of the store has as many digits.
            started_at: Some(claims.session_started_at.unwrap_or(now)),
            session_ends: claims.session_ends_at.unwrap_or(session_ends),
            generation: claims.generation.saturating_add(1),
            refresh_id: random_id(rules)?,
            refresh_issued_at: now,
            issued_at: now,
            idle,
            has_own_idle: claims.session_idle.is_some(),
            is_temporary: claims.is_temporary,
            cookie_age: claims.cookie_age,
        })
    }
}

/// The generation that the store decided on, or the refusal.
fn decided(
    outcome: RotationOutcome,
    next: SessionGeneration,
    identity: &TokenIdentity<'_>,
) -> Result<SessionGeneration, Refusal> {
    match outcome {
        RotationOutcome::Rotated { started_at, session_ends, was_behind } => {
            if was_behind {
                tracing::warn!(
                    target: "jwt_auth",
                    event = "session_store_behind",
                    subject = identity.subject,
                    session = identity.session_id,
                    "the store had lost a rotation, and continues from the presented token"
                );
            }
            Ok(SessionGeneration {
                started_at: Some(since_1970(started_at)),
                session_ends: since_1970(session_ends),
                ..next
            })
        }
        RotationOutcome::Replayed { successor, rotated_at, started_at, session_ends } => {
            Ok(SessionGeneration {
                started_at: Some(since_1970(started_at)),
                session_ends: since_1970(session_ends),
                refresh_id: successor,
                refresh_issued_at: since_1970(rotated_at),
                ..next
            })
        }
        RotationOutcome::Reused => {
            tracing::warn!(
                target: "jwt_auth",
                event = "authn_token_reuse",
                subject = identity.subject,
                session = identity.session_id,
                "a refresh token was used twice; its session ended"
            );
            emit(AuthEvent::Reused);
            Err(AuthErrorKind::RefreshTokenReused.into())
        }
        RotationOutcome::Unknown => Err(AuthErrorKind::Revoked.into()),
    }
}

/// How long the revocation of a session is remembered that the store does not know.
pub(super) fn session_revoked_until(rules: &TokenRules, now: Duration) -> Duration {
    now.saturating_add(rules.session_expires).saturating_add(rules.leeway)
}
