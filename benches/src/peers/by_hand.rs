//! The usual hand-written extractor around `jsonwebtoken::decode`. Ratios are relative to it.

use std::hint::black_box;
use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRef, FromRequestParts};
use axum::http::{HeaderMap, StatusCode, request::Parts};
use axum::routing::get;
use jsonwebtoken::{DecodingKey, Validation};
use jwt_auth::Algorithm;
use serde::de::DeserializeOwned;

use crate::contender::{App, Contender, GUARDED, OPEN};
use crate::ours::open;
use crate::tokens::{AUDIENCE, Claims, ISSUER, SECRET, convert_algorithm, pem};

pub const NAME: &str = "extractor by hand, jsonwebtoken 11";

/// The key and the rules of the hand-written guards.
#[derive(Clone)]
pub struct ByHand(Arc<(DecodingKey, Validation)>);

impl std::fmt::Debug for ByHand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ByHand").finish_non_exhaustive()
    }
}

impl ByHand {
    pub fn new(algorithm: Algorithm) -> Self {
        let key = match algorithm {
            Algorithm::HS256 => Ok(DecodingKey::from_secret(SECRET.as_bytes())),
            Algorithm::ES256 => DecodingKey::from_ec_pem(pem(algorithm).1.as_bytes()),
            Algorithm::RS256 => DecodingKey::from_rsa_pem(pem(algorithm).1.as_bytes()),
            _ => DecodingKey::from_ed_pem(pem(algorithm).1.as_bytes()),
        };
        let mut validation = Validation::new(convert_algorithm(algorithm));
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        Self(Arc::new((key.expect("a valid key"), validation)))
    }

    /// HS256, with `exp` as the only rule for the claims.
    pub fn lenient() -> Self {
        let mut validation = Validation::new(convert_algorithm(Algorithm::HS256));
        validation.validate_aud = false;
        Self(Arc::new((DecodingKey::from_secret(SECRET.as_bytes()), validation)))
    }

    /// The claims of a valid access token.
    pub fn decode(&self, token: &str) -> Option<Claims> {
        self.decode_any::<Claims>(token).filter(|claims| claims.kind == "access")
    }

    /// The claims of a valid token, as any type.
    #[allow(clippy::disallowed_methods, reason = "the reference of the measurement")]
    pub fn decode_any<T: DeserializeOwned + Clone>(&self, token: &str) -> Option<T> {
        Some(jsonwebtoken::decode::<T>(token, &self.0.0, &self.0.1).ok()?.claims)
    }

    /// The claims of a request.
    ///
    /// # Errors
    ///
    /// 401 without a valid access token.
    pub fn check(&self, headers: &HeaderMap) -> Result<Claims, StatusCode> {
        let header = headers.get("authorization").and_then(|value| value.to_str().ok());
        let token = header.and_then(|value| value.strip_prefix("Bearer "));
        token.and_then(|token| self.decode(token)).ok_or(StatusCode::UNAUTHORIZED)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Claims
where
    ByHand: FromRef<S>,
{
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, StatusCode> {
        ByHand::from_ref(state).check(&parts.headers)
    }
}

async fn guarded(claims: Claims) -> &'static str {
    black_box(&claims.sub);
    "ok"
}

pub fn peer(algorithm: Algorithm, token: &str) -> Contender {
    let router = Router::new().route(OPEN, get(open)).route(GUARDED, get(guarded));
    let app = App::Axum(router.with_state(ByHand::new(algorithm)));
    Contender::new(NAME, "", app, token)
}
