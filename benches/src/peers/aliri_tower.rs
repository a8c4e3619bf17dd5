//! `aliri_tower`: its JWT layer over an `Authority`, the claims as an extension.

use std::hint::black_box;

use aliri::jwt::{Audience, Audiences, CoreClaims, CoreValidator, Issuer, IssuerRef, SubjectRef};
use aliri::{Jwks, jwa};
use aliri_clock::UnixTime;
use aliri_oauth2::{Authority, HasScope, Scope};
use aliri_tower::Oauth2Authorizer;
use axum::routing::get;
use axum::{Extension, Router};
use jwt_auth::Algorithm;
use serde::Deserialize;

use super::Peer;
use crate::contender::{App, Contender, GUARDED, OPEN};
use crate::ours::open;
use crate::tokens::{AUDIENCE, ISSUER, with_key_id};

const NAME: &str = "aliri_tower 0.6";

/// The ten claims in the types of its validator.
#[derive(Clone, Debug, Deserialize)]
#[allow(dead_code, reason = "read from the token, as an application would")]
struct Claims {
    sub: aliri::jwt::Subject,
    iat: UnixTime,
    nbf: UnixTime,
    exp: UnixTime,
    jti: String,
    #[serde(rename = "type")]
    kind: String,
    fresh: bool,
    iss: Issuer,
    aud: Audiences,
    roles: Vec<String>,
    #[serde(default)]
    scope: Scope,
}

impl CoreClaims for Claims {
    fn nbf(&self) -> Option<UnixTime> {
        Some(self.nbf)
    }
    fn exp(&self) -> Option<UnixTime> {
        Some(self.exp)
    }
    fn aud(&self) -> &Audiences {
        &self.aud
    }
    fn iss(&self) -> Option<&IssuerRef> {
        Some(&self.iss)
    }
    fn sub(&self) -> Option<&SubjectRef> {
        Some(&self.sub)
    }
}

impl HasScope for Claims {
    fn scope(&self) -> &Scope {
        &self.scope
    }
}

async fn guarded(Extension(claims): Extension<Claims>) -> &'static str {
    black_box(&claims.sub);
    "ok"
}

pub(super) fn peer(algorithm: Algorithm, token: &str) -> Peer {
    let approved = match algorithm {
        Algorithm::HS256 => jwa::Algorithm::HS256,
        Algorithm::RS256 => jwa::Algorithm::RS256,
        Algorithm::ES256 => {
            return Err((NAME, "its ES256 needs OpenSSL, which `deny.toml` refuses"));
        }
        _ => return Err((NAME, "it has no EdDSA")),
    };
    let (_, keys) = with_key_id(algorithm, token);
    let mut jwks = Jwks::default();
    let mut key = keys["keys"][0].clone();
    // Our token has no `kid`, which matches a key without one.
    key.as_object_mut().expect("a key").remove("kid");
    jwks.add_key(serde_json::from_str(&key.to_string()).expect("a valid key"));
    let validator = CoreValidator::default()
        .add_approved_algorithm(approved)
        .add_allowed_audience(Audience::from_static(AUDIENCE))
        .require_issuer(Issuer::from_static(ISSUER))
        .check_expiration()
        .check_not_before();
    let authorizer = Oauth2Authorizer::new().with_claims::<Claims>().with_terse_error_handler();
    let router = Router::new()
        .route(GUARDED, get(guarded))
        .route_layer(authorizer.jwt_layer(Authority::new(jwks, validator)))
        .route(OPEN, get(open));
    Ok(Contender::new(NAME, "ring", App::Axum(router), token))
}
