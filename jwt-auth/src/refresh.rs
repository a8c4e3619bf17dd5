//! Rotation: a refresh token is used once, its reuse ends the session, and two tabs survive.
//!
//! SECURITY: one atomic step of the store decides each presentation; what is done here is to put the
//! question, and to make the successor that the answer calls for.

use std::time::Duration;

use crate::clock::{since_epoch, to_system_time};
use crate::error::{AuthError, AuthErrorKind};
use crate::issue::{Issuer, Lineage, PairKind, TokenBuilder, TokenPair, random_id};
use crate::revocation::{Engine, Rotate, Rotation};
use crate::token::RefreshToken;

/// Trades a verified refresh token for a new pair of the same session.
pub(crate) async fn rotate<C>(
    issuer: Issuer<'_>,
    store: &dyn Engine,
    token: &RefreshToken<C>,
) -> Result<TokenPair, AuthError> {
    let settings = issuer.settings;
    let now = since_epoch(&*settings.clock);
    let identity = token.identity();
    // A refresh token of fastapi-jwt-auth has no `fam`: it is the first of a family named by its id.
    let presented = identity.id.ok_or(AuthErrorKind::InvalidClaims)?;
    let family = identity.family.unwrap_or(presented);
    let began = identity.issued_at.ok_or(AuthErrorKind::InvalidClaims)?;
    let generation = token.verified().claims().generation;
    let successor = random_id()?;
    let request = Rotate {
        issuer: identity.issuer,
        family,
        presented,
        generation,
        successor: &successor,
        family_ends: to_system_time(began.saturating_add(settings.refresh_family_expires)),
        dead_until: to_system_time(family_dead_until(settings, now)),
        grace: settings.refresh_grace,
        now: to_system_time(now),
    };
    let (refresh_id, made, ends) = match store.rotate(request).await {
        Ok(Rotation::Rotated { family_ends }) => (successor, now, family_ends),
        Ok(Rotation::Replayed { successor, rotated_at, family_ends }) => {
            (successor, since(rotated_at), family_ends)
        }
        Ok(Rotation::Reused) => {
            tracing::warn!(
                target: "jwt_auth",
                event = "refresh_token_reused",
                subject = identity.subject,
                family,
                "a refresh token was used twice; its session is revoked"
            );
            return Err(AuthErrorKind::RefreshTokenReused.into());
        }
        Ok(Rotation::Unknown) => return Err(AuthErrorKind::Revoked.into()),
        Err(error) => {
            tracing::warn!(target: "jwt_auth", %error, "a rotation was refused");
            return Err(AuthErrorKind::Unavailable.into());
        }
    };
    let lineage = Lineage {
        family: family.to_owned(),
        family_ends: since(ends),
        generation: generation.saturating_add(1),
        refresh_id,
        refresh_issued_at: made,
    };
    TokenBuilder::<PairKind>::new(issuer, identity.subject.to_owned())
        .auth_time(token.verified().claims().auth_time)
        .scopes(token.scopes())
        .roles(token.roles())
        .audience(token.audience())
        .claims(&custom(token))
        .lineage(lineage)
        .issue()
}

/// Until when a dead family is remembered: no token of it lives longer.
pub(crate) fn family_dead_until(settings: &crate::config::Settings, now: Duration) -> Duration {
    now.saturating_add(settings.refresh_family_expires).saturating_add(settings.decode_leeway)
}

fn since(time: std::time::SystemTime) -> Duration {
    time.duration_since(std::time::UNIX_EPOCH).unwrap_or_default()
}

/// The custom claims, which a refresh carries along.
fn custom<C>(token: &RefreshToken<C>) -> serde_json::Map<String, serde_json::Value> {
    let mut claims = token.claims();
    claims.retain(|name, _| !crate::claims::RESERVED.contains(&name.as_str()));
    claims
}
