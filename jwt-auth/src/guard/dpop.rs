//! DPoP at a guard: reads the proof of a request, and lets it be used once (RFC 9449 §4.3).

use std::sync::Arc;

use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;
use http::{HeaderValue, Method, Uri};

use crate::auth::JwtAuth;
use crate::clock::{since_epoch, to_system_time};
use crate::dpop::{Expected, Proof, algorithms};
use crate::error::{AuthError, AuthErrorKind, DpopChallenge, Refusal};
use crate::guard::{GuardSpec, HoldsJwtAuth, RequestMemo};
use crate::keys::Thumbprint;
use crate::token::{DpopProof, Possession, Verified};
use crate::web::{FoundToken, original_uri};

/// The header of a proof.
const HEADER: &str = "dpop";

/// A proof that was used for this request.
#[derive(Clone)]
pub(super) struct Proven {
    key: Thumbprint,
    proof: HeaderValue,
    method: Method,
    uri: Uri,
    /// The token that it accompanied, if it was checked for one.
    verified: Option<Arc<Verified>>,
}

impl Proven {
    /// Whether it is the proof of this request, which a handler may have changed.
    fn is_of(&self, parts: &Parts) -> bool {
        header(parts).is_ok_and(|proof| proof == Some(&self.proof))
            && self.method == parts.method
            && self.uri == *original_uri(parts)
    }
}

/// The only proof of the request.
fn header(parts: &Parts) -> Result<Option<&HeaderValue>, Refusal> {
    let mut lines = parts.headers.get_all(HEADER).iter();
    let first = lines.next();
    if lines.next().is_some() {
        let refusal = Refusal::from(AuthErrorKind::InvalidDpopProof);
        return Err(refusal.with_detail("The request has two DPoP proofs".into()));
    }
    Ok(first)
}

fn missing() -> Refusal {
    let refusal = Refusal::from(AuthErrorKind::InvalidDpopProof);
    refusal.with_detail("The request has no DPoP proof; expected the header `DPoP`".into())
}

/// The refusal of a request that needs DPoP, which the configuration does not make possible.
pub(super) fn without_resource() -> Refusal {
    tracing::error!(
        target: "jwt_auth",
        "a route requires DPoP, and the address of this service is not configured; write `Config::resource(\"https://api.example\")`"
    );
    AuthErrorKind::Unavailable.into()
}

/// Reads the proof of a request, for a token if there is one.
fn read(auth: &JwtAuth, parts: &Parts, token: Option<&[u8]>) -> Result<Proof, Refusal> {
    let proof = header(parts)?.ok_or_else(missing)?;
    let resource = auth.web().resource.as_ref().ok_or_else(without_resource)?;
    let rules = auth.rules();
    let expected = Expected {
        method: parts.method.as_str(),
        origin: &resource.origin,
        path: original_uri(parts).path(),
        token,
        nonces: auth.web().dpop_nonces.as_ref(),
        rules,
        now: since_epoch(&*rules.clock),
    };
    Proof::read(proof.as_bytes(), &expected)
}

/// What a request shows beside a token that was found in it, and the proof, if it has not been used yet.
pub(super) fn shown(
    auth: &JwtAuth,
    parts: &Parts,
    found: FoundToken<'_>,
) -> Result<(Possession, Option<Box<Proof>>), Refusal> {
    if !found.is_dpop {
        return Ok((Possession::Nothing, None));
    }
    let earlier = RequestMemo::proven(parts).filter(|proven| proven.is_of(parts));
    if let Some(Proven { key, verified: Some(verified), .. }) = earlier
        && verified.token().as_bytes() == found.token
    {
        return Ok((Possession::Key(*key), None));
    }
    let proof = read(auth, parts, Some(found.token))?;
    Ok((Possession::Key(proof.key), Some(Box::new(proof))))
}

/// What a request shows beside a token in its body. Such a proof names no token (RFC 9449 §5).
pub(super) fn shown_with_body(
    auth: &JwtAuth,
    parts: &Parts,
    verified: &Verified,
) -> Result<(Possession, Option<Box<Proof>>), Refusal> {
    if verified.claims().confirmation.key().is_none() || header(parts)?.is_none() {
        return Ok((Possession::Nothing, None));
    }
    let proof = read(auth, parts, None)?;
    Ok((Possession::Key(proof.key), Some(Box::new(proof))))
}

/// Uses the proof of a request, and remembers that this request has used it.
pub(super) async fn spend(
    auth: &JwtAuth,
    parts: &mut Parts,
    proof: Proof,
    verified: Option<&Arc<Verified>>,
) -> Result<(), Refusal> {
    let is_spent = RequestMemo::proven(parts).is_some_and(|proven| proven.is_of(parts));
    if !is_spent {
        let rules = auth.rules();
        let life = Proof::life(rules, auth.web().dpop_nonces.as_ref());
        let now = to_system_time(since_epoch(&*rules.clock));
        let is_new = auth.use_once(&proof.id, life, now).await?;
        if !is_new {
            let refusal = Refusal::from(AuthErrorKind::InvalidDpopProof);
            return Err(refusal.with_detail("The DPoP proof was used before".into()));
        }
    }
    let Some(sent) = header(parts)?.cloned() else { return Err(missing()) };
    let proven = Proven {
        key: proof.key,
        proof: sent,
        method: parts.method.clone(),
        uri: original_uri(parts).clone(),
        verified: verified.cloned(),
    };
    RequestMemo::remember_proven(parts, proven);
    Ok(())
}

/// The challenge for a client that uses DPoP.
pub(super) fn challenge(auth: &JwtAuth) -> DpopChallenge {
    let now = since_epoch(&*auth.rules().clock);
    DpopChallenge {
        algorithms: algorithms().collect::<Vec<_>>().join(" "),
        nonce: auth.web().dpop_nonces.as_ref().and_then(|nonces| nonces.current(now)),
    }
}

async fn proof_of(auth: &JwtAuth, parts: &mut Parts) -> Result<DpopProof, Refusal> {
    if let Some(proven) = RequestMemo::proven(parts).filter(|proven| proven.is_of(parts)) {
        return Ok(DpopProof { key: proven.key });
    }
    let proof = read(auth, parts, None)?;
    let key = proof.key;
    spend(auth, parts, proof, None).await?;
    Ok(DpopProof { key })
}

impl<S: HoldsJwtAuth + Send + Sync> FromRequestParts<S> for DpopProof {
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, AuthError> {
        let auth = state.jwt_auth();
        let proof = proof_of(&auth, parts).await;
        proof.map_err(|refusal| GuardSpec::ACCESS.refuse(refusal, &auth, parts))
    }
}

/// `None` if the request has no proof. A proof that is not valid is refused.
impl<S: HoldsJwtAuth + Send + Sync> OptionalFromRequestParts<S> for DpopProof {
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, AuthError> {
        if !parts.headers.contains_key(HEADER) {
            return Ok(None);
        }
        <Self as FromRequestParts<S>>::from_request_parts(parts, state).await.map(Some)
    }
}
