//! jwt-authorizer: its layer and its `JwtClaims<T>`, on axum 0.7, which it requires.

use std::hint::black_box;

use axum07::Router;
use axum07::routing::get;
use jwt_auth::Algorithm;
use jwt_authorizer::{IntoLayer as _, JwtAuthorizer, JwtClaims, Validation};

use crate::contender::{App, Contender, GUARDED, OPEN};
use crate::measure::run_ready;
use crate::ours::open;
use crate::tokens::{AUDIENCE, Claims, ISSUER, SECRET, pem};

async fn guarded(JwtClaims(claims): JwtClaims<Claims>) -> &'static str {
    black_box(&claims.sub);
    "ok"
}

pub(super) fn peer(algorithm: Algorithm, token: &str) -> Contender {
    let builder: JwtAuthorizer<Claims> = match algorithm {
        Algorithm::HS256 => JwtAuthorizer::from_secret(SECRET),
        Algorithm::ES256 => JwtAuthorizer::from_ec_pem_text(pem(algorithm).1),
        Algorithm::RS256 => JwtAuthorizer::from_rsa_pem_text(pem(algorithm).1),
        _ => JwtAuthorizer::from_ed_pem_text(pem(algorithm).1),
    };
    let validation = Validation::new().iss(&[ISSUER]).aud(&[AUDIENCE]).nbf(true);
    let authorizer = run_ready(builder.validation(validation).build()).expect("a valid authorizer");
    let router = Router::new()
        .route(GUARDED, get(guarded))
        .route_layer(authorizer.into_layer())
        .route(OPEN, get(open));
    Contender::new("jwt-authorizer 0.15, axum 0.7", "ring", App::Axum07(router), token)
}
