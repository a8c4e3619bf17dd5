//! The diagnosis of a refusal: which token it was, and what was expected against what was found.
//!
//! It runs only if a log or a hook reads it. Nothing in it decides about a request.

use std::time::Duration;

use crate::config::TokenRules;
use crate::error::{AuthErrorKind, Mismatch, RefusedToken};
use crate::keys::LoadedRing;
use crate::token::claims::{Claims, Str};
use crate::token::validation::Expected;
use crate::token::verify::{Verified, read_signed};

/// A refused token, and why.
pub(crate) struct Diagnosis {
    pub(crate) token: RefusedToken,
    pub(crate) mismatch: Option<Mismatch>,
}

/// The diagnosis of a token that verification refused; `None` if its signature is not valid.
pub(crate) fn diagnose(
    kind: AuthErrorKind,
    token: &[u8],
    ring: &LoadedRing,
    rules: &TokenRules,
    expected: Expected<'_>,
    now: Duration,
) -> Option<Diagnosis> {
    let signed = read_signed(token, ring, rules.compat, now)?;
    let (claims, payload) = (&signed.claims, signed.payload.as_str());
    let text = |claim: &Option<Str>| claim.as_ref().map(|claim| claim.of(payload).to_owned());
    let token = RefusedToken {
        subject: text(&claims.sub).unwrap_or_default(),
        id: text(&claims.jti),
        session_id: text(&claims.sid),
        key_id: signed.key.id.as_deref().map(str::to_owned),
    };
    let mismatch = mismatch(kind, claims, payload, rules, expected, now);
    Some(Diagnosis { token, mismatch })
}

/// The token of a request that was refused after the token was verified.
pub(crate) fn refused_token(verified: &Verified) -> RefusedToken {
    let identity = verified.identity();
    RefusedToken {
        subject: identity.subject.to_owned(),
        id: identity.id.map(str::to_owned),
        session_id: identity.session_id.map(str::to_owned),
        key_id: identity.key_id.map(str::to_owned),
    }
}

fn mismatch(
    kind: AuthErrorKind,
    claims: &Claims,
    payload: &str,
    rules: &TokenRules,
    expected: Expected<'_>,
    now: Duration,
) -> Option<Mismatch> {
    let absent = || "none".to_owned();
    let seconds = |at: Option<Duration>| at.map_or_else(absent, |at| at.as_secs().to_string());
    let text = |claim: &Option<Str>| {
        claim.as_ref().map_or_else(absent, |claim| claim.of(payload).to_owned())
    };
    let latest = rules.latest_issue(now).as_secs();
    let (expected, found) = match kind {
        AuthErrorKind::Expired => {
            let earliest = now.saturating_sub(rules.leeway).as_secs();
            (format!("`exp` after {earliest}"), seconds(claims.exp))
        }
        AuthErrorKind::NotYetValid => (format!("`nbf` at most {latest}"), seconds(claims.nbf)),
        AuthErrorKind::IssuedInTheFuture => {
            (format!("`iat` at most {latest}"), seconds(claims.iat))
        }
        AuthErrorKind::WrongIssuer | AuthErrorKind::IssuerMissing => {
            (rules.decode_issuer.clone().unwrap_or_else(absent), text(&claims.iss))
        }
        AuthErrorKind::WrongAudience | AuthErrorKind::AudienceMissing => {
            let accepted = match expected.audience {
                Some(audience) => audience.to_owned(),
                None if rules.decode_audience.is_empty() => absent(),
                None => rules.decode_audience.join(" or "),
            };
            let found: Vec<&str> = claims.aud.values().iter().map(|aud| aud.of(payload)).collect();
            (accepted, if found.is_empty() { absent() } else { found.join(", ") })
        }
        AuthErrorKind::AccessTokenRequired | AuthErrorKind::RefreshTokenRequired => {
            let found = claims.kind.map_or_else(absent, |kind| kind.claim().to_owned());
            (expected.kind.claim().to_owned(), found)
        }
        _ => return None,
    };
    Some(Mismatch { expected, found })
}
