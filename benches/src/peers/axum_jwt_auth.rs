//! axum-jwt-auth: its `Claims<T>` extractor over a `LocalDecoder`.

use std::hint::black_box;
use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use axum::routing::get;
use axum_jwt_auth::{Claims, Decoder, LocalDecoder};
use jsonwebtoken10::{DecodingKey, Validation};
use jwt_auth::Algorithm;

use crate::contender::{App, Contender, GUARDED, OPEN};
use crate::ours::open;
use crate::tokens::{self, AUDIENCE, ISSUER, SECRET, convert_algorithm, pem};

#[derive(Clone, FromRef)]
struct State {
    decoder: Decoder<tokens::Claims>,
}

async fn guarded(user: Claims<tokens::Claims>) -> &'static str {
    black_box(&user.claims.sub);
    "ok"
}

pub(super) fn peer(algorithm: Algorithm, token: &str) -> Contender {
    let key = match algorithm {
        Algorithm::HS256 => Ok(DecodingKey::from_secret(SECRET.as_bytes())),
        Algorithm::ES256 => DecodingKey::from_ec_pem(pem(algorithm).1.as_bytes()),
        Algorithm::RS256 => DecodingKey::from_rsa_pem(pem(algorithm).1.as_bytes()),
        _ => DecodingKey::from_ed_pem(pem(algorithm).1.as_bytes()),
    };
    let mut validation = Validation::new(convert_algorithm(algorithm));
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[AUDIENCE]);
    let decoder = LocalDecoder::new(vec![key.expect("a valid key")], validation);
    let state = State { decoder: Arc::new(decoder.expect("a valid decoder")) };
    let router = Router::new().route(OPEN, get(open)).route(GUARDED, get(guarded));
    let app = App::Axum(router.with_state(state));
    // It always enables RustCrypto, and offers no other backend.
    Contender::new("axum-jwt-auth 0.7", "RustCrypto", app, token)
}
