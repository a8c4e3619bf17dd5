//! Rotation: a refresh token works once, its reuse ends the session, and two tabs may refresh at the same time.

use std::time::Duration;

use crate::auth::JwtAuth;
use crate::auth::authenticate::{status, unavailable};
use crate::clock::{since_1970, since_epoch, to_system_time};
use crate::config::TokenRules;
use crate::error::{AuthError, AuthErrorKind, Refusal};
use crate::session::{RotationOutcome, RotationRequest, TokenIdentity};
use crate::token::{
    PairKind, RefreshToken, SessionGeneration, TokenBuilder, TokenPair, Verified, is_expired,
    random_id,
};

impl JwtAuth {
    /// Exchanges a refresh token for a new pair of the same session, once.
    ///
    /// Scopes, roles, audience and custom claims are preserved; the new access token is not fresh. Within
    /// [`Config::refresh_grace`](crate::Config::refresh_grace) the token that was just exchanged gets the same
    /// successor again. A later use, or the use of an older token, is a reuse: the session is revoked, and the
    /// event `refresh_token_reused` is logged.
    ///
    /// # Errors
    ///
    /// [`RefreshTokenReused`](AuthErrorKind::RefreshTokenReused), [`Revoked`](AuthErrorKind::Revoked),
    /// [`Expired`](AuthErrorKind::Expired); [`UnknownKey`](AuthErrorKind::UnknownKey) for a token that another
    /// `JwtAuth` verified; [`InvalidClaims`](AuthErrorKind::InvalidClaims) for a token without `jti` or `iat`;
    /// [`Unavailable`](AuthErrorKind::Unavailable) if the store cannot decide. After `Unavailable` the client can
    /// retry with the same token: it is not used up, or the grace covers it.
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
        self.attach(self.rotate_in_order(&token).await)
    }

    /// The steps of a rotation, in order. SECURITY: the store decides each presentation in one atomic step (7);
    /// all other steps only prepare it or follow it.
    async fn rotate_in_order<C>(&self, token: &RefreshToken<C>) -> Result<TokenPair, Refusal> {
        let (verified, store, rules) = (token.verified(), self.store(), self.rules());
        let now = since_epoch(&*rules.clock);
        // 1. The token is ours, and has not expired since it was verified.
        if !verified.was_verified_by(self.ring()) {
            return Err(AuthErrorKind::UnknownKey.into());
        }
        if is_expired(verified.claims(), rules, now) {
            return Err(AuthErrorKind::Expired.into());
        }
        // 2. It is not revoked, as far as this node knows.
        self.check_revocation(verified, now).await?;
        // 3. It has what a rotation needs.
        let identity = token.identity();
        let (Some(_), Some(session_id), Some(issued_at)) =
            (identity.id, identity.session_id, identity.issued_at)
        else {
            return Err(AuthErrorKind::InvalidClaims.into());
        };
        // 4. The successor.
        let next = self.successor(verified, session_id, issued_at, now)?;
        // 5. The hooks run.
        let builder: TokenBuilder<'_, PairKind> =
            TokenBuilder::new(self.issuer(), self.context(), token.subject().to_owned());
        let builder = builder.continuing(verified).at(next.clone()).run_hooks().await?;
        // 6. The pair can be issued. Otherwise the refresh token must not be used up.
        let access_life = builder.rehearse()?;
        store.announce_access_life(access_life).await.map_err(unavailable)?;
        // 7. The store decides, also whether the token was revoked.
        let request = RotationRequest {
            token: identity,
            generation: verified.claims().generation,
            successor: &next.refresh_id,
            session_ends: to_system_time(next.session_ends),
            idle: next.idle,
            grace: rules.refresh_grace,
            now: to_system_time(now),
        };
        let outcome = store.rotate(request).await.map_err(unavailable)?;
        let next = decided(outcome, next, &identity)?;
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
        builder.at(next).write_pair()
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
        // A session with a shorter idle time keeps it.
        let idle = claims
            .exp
            .map_or(rules.expires.refresh, |exp| exp.saturating_sub(issued_at))
            .min(rules.expires.refresh);
        let session_ends = issued_at.saturating_add(rules.session_expires);
        Ok(SessionGeneration {
            session_id: session_id.to_owned(),
            // The stamp of the store has as many digits.
            started_at: Some(claims.session_started_at.unwrap_or(now)),
            session_ends: claims.session_ends_at.unwrap_or(session_ends),
            generation: claims.generation.saturating_add(1),
            refresh_id: random_id()?,
            refresh_issued_at: now,
            issued_at: now,
            idle,
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
                event = "refresh_token_reused",
                subject = identity.subject,
                session = identity.session_id,
                "a refresh token was used twice; its session ended"
            );
            Err(AuthErrorKind::RefreshTokenReused.into())
        }
        RotationOutcome::Unknown => Err(AuthErrorKind::Revoked.into()),
    }
}

/// How long the revocation of a session is remembered that the store does not know.
pub(super) fn session_revoked_until(rules: &TokenRules, now: Duration) -> Duration {
    now.saturating_add(rules.session_expires).saturating_add(rules.leeway)
}
