//! axum-gate: its bearer gate with `require_login`, the account as an extension.

use std::hint::black_box;
use std::sync::Arc;

use axum::routing::get;
use axum::{Extension, Router};
use axum_gate::codecs::Codec as _;
use axum_gate::prelude::{
    Account, Gate, Group, JsonWebToken, JsonWebTokenOptions, JwtClaims, RegisteredClaims, Role,
};
use jsonwebtoken10::{DecodingKey, EncodingKey, Header, Validation};
use jwt_auth::Algorithm;

use crate::contender::{App, Contender, GUARDED, OPEN};
use crate::ours::open;
use crate::tokens::{self, AUDIENCE, ISSUER, SECRET, SUBJECT, convert_algorithm, pem};

const NAME: &str = "axum-gate 1.1";

type User = Account<Role, Group>;

async fn guarded(Extension(user): Extension<User>) -> &'static str {
    black_box(&user.user_id);
    "ok"
}

fn keys(algorithm: Algorithm) -> (EncodingKey, DecodingKey) {
    if algorithm == Algorithm::HS256 {
        let secret = SECRET.as_bytes();
        return (EncodingKey::from_secret(secret), DecodingKey::from_secret(secret));
    }
    let (private, public) = pem(algorithm);
    let (private, public) = (private.as_bytes(), public.as_bytes());
    let keys = match algorithm {
        Algorithm::ES256 => (EncodingKey::from_ec_pem(private), DecodingKey::from_ec_pem(public)),
        Algorithm::RS256 => (EncodingKey::from_rsa_pem(private), DecodingKey::from_rsa_pem(public)),
        _ => (EncodingKey::from_ed_pem(private), DecodingKey::from_ed_pem(public)),
    };
    (keys.0.expect("a valid key"), keys.1.expect("a valid key"))
}

pub(super) fn peer(algorithm: Algorithm) -> Contender {
    let (enc_key, dec_key) = keys(algorithm);
    let mut validation = Validation::new(convert_algorithm(algorithm));
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[AUDIENCE]);
    let codec = JsonWebToken::<JwtClaims<User>>::new_with_options(JsonWebTokenOptions {
        enc_key,
        dec_key,
        header: Some(Header::new(convert_algorithm(algorithm))),
        validation: Some(validation),
    });
    // Its claims have another shape, so its own codec writes the token: the account and five of our claims.
    let ours = tokens::claims(&tokens::token(Algorithm::HS256));
    let mut registered = RegisteredClaims::new(ISSUER, ours.exp);
    registered.subject = Some(SUBJECT.to_owned());
    registered.audience = Some([AUDIENCE.to_owned()].into());
    registered.jwt_id = Some(ours.jti);
    let account = Account::new(SUBJECT, &[Role::User], &[Group::new("staff")]);
    let token = codec.encode(&JwtClaims::new(account, registered)).expect("a token");
    let token = String::from_utf8(token).expect("ASCII");
    let gate = Gate::bearer::<_, Role, Group>(ISSUER, Arc::new(codec)).require_login();
    let router =
        Router::new().route(GUARDED, get(guarded)).route_layer(gate).route(OPEN, get(open));
    // RustCrypto is its default.
    Contender::new(NAME, "RustCrypto", App::Axum(router), &token)
}
