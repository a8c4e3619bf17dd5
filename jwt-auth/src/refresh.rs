//! Rotation: a refresh token is used once, its reuse ends the session, and two tabs survive.
//!
//! SECURITY: one atomic step of the store decides each presentation; what is done here is to put the
//! question, and to make the successor that the answer calls for.

use std::time::Duration;

use crate::clock::{since_epoch, to_system_time};
use crate::error::{AuthError, AuthErrorKind};
use crate::issue::{Issuer, Lineage, PairKind, TokenBuilder, TokenPair, random_id};
use crate::revocation::{
    Engine, Rotate, Rotation, Standing, StoreError, TokenIdentity, within_deadline,
};
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
    let presented = identity.id.ok_or(AuthErrorKind::InvalidClaims)?;
    let family = identity.family.ok_or(AuthErrorKind::InvalidClaims)?;
    let began = identity.issued_at.ok_or(AuthErrorKind::InvalidClaims)?;
    let generation = token.verified().claims().generation;
    let family_ends = began.saturating_add(settings.refresh_family_expires);
    let successor = random_id()?;
    let lineage = Lineage {
        family: family.to_owned(),
        family_ends,
        generation: generation.saturating_add(1),
        refresh_id: successor.clone(),
        refresh_issued_at: now,
        // The time before the store is asked: what is logged out meanwhile covers the new token too.
        issued_at: now,
        // A session that was given less time to lie idle keeps it.
        idle: identity
            .expires_at
            .map_or(settings.refresh_token_expires, |exp| exp.saturating_sub(began))
            .min(settings.refresh_token_expires),
    };
    let pair = successor_of(issuer, token, lineage.clone()).hooked().await?;
    // Nothing is used up for a pair that could not be made.
    pair.rehearse()?;
    let request = Rotate {
        family,
        subject: token.subject(),
        presented,
        generation,
        successor: &successor,
        family_ends: to_system_time(family_ends),
        dead_until: to_system_time(family_dead_until(settings, now)),
        grace: settings.refresh_grace,
        now: to_system_time(now),
    };
    // Memory may lag behind what other nodes took back: the store itself is asked, and first, since nothing is used
    // up where it cannot vouch. What is taken back later than this has an epoch no earlier than the successor's
    // `iat`.
    match within_deadline(store.ask(&identity, to_system_time(now))).await {
        Ok(Standing::Good) => {}
        Ok(Standing::Revoked) => return Err(AuthErrorKind::Revoked.into()),
        Err(error) => return Err(refused(&error)),
    }
    let lineage = match within_deadline(store.rotate(request)).await {
        Ok(Rotation::Rotated { family_ends }) => {
            Lineage { family_ends: since(family_ends), ..lineage }
        }
        Ok(Rotation::Replayed { successor, rotated_at, family_ends }) => Lineage {
            family_ends: since(family_ends),
            refresh_id: successor,
            refresh_issued_at: since(rotated_at),
            ..lineage
        },
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
        Err(error) => return Err(refused(&error)),
    };
    // What was taken back while the store decided holds for the successor too, and a successor that was taken back is
    // not handed out again.
    let standing = [
        identity,
        TokenIdentity {
            issuer: settings.encode_issuer.as_deref(),
            id: Some(&lineage.refresh_id),
            ..identity
        },
    ];
    for identity in standing {
        match store.standing(&identity, to_system_time(since_epoch(&*settings.clock))) {
            Ok(Standing::Good) => {}
            Ok(Standing::Revoked) => return Err(AuthErrorKind::Revoked.into()),
            Err(_) => return Err(AuthErrorKind::Unavailable.into()),
        }
    }
    pair.lineage(lineage).issue()
}

fn refused(error: &StoreError) -> AuthError {
    tracing::warn!(target: "jwt_auth", %error, "a rotation was refused");
    AuthErrorKind::Unavailable.into()
}

/// The pair that carries along what the token says.
fn successor_of<'a, C>(
    issuer: Issuer<'a>,
    token: &RefreshToken<C>,
    lineage: Lineage,
) -> TokenBuilder<'a, PairKind> {
    let verified = token.verified();
    TokenBuilder::new(issuer, token.subject().to_owned())
        .auth_time(verified.claims().auth_time)
        .roles(token.roles())
        .audience(token.audience())
        .carry(verified.scope_text(), verified.custom_members())
        .lineage(lineage)
}

/// Until when a dead family is remembered: no token of it lives longer.
pub(crate) fn family_dead_until(settings: &crate::config::Settings, now: Duration) -> Duration {
    now.saturating_add(settings.refresh_family_expires).saturating_add(settings.decode_leeway)
}

fn since(time: std::time::SystemTime) -> Duration {
    time.duration_since(std::time::UNIX_EPOCH).unwrap_or_default()
}
