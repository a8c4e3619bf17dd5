//! Our guards: the attribute alone, with a token, and both behind the cache of verified tokens.

use std::hint::black_box;

use axum::Router;
use jwt_auth::routing::{MethodRouter, get};
use jwt_auth::{AccessToken, Algorithm, GuardedRouter, JwtAuth, jwt_required};

use crate::contender::{App, Contender, GUARDED, OPEN};
use crate::tokens;

pub const ATTRIBUTE: &str = "#[jwt_required]";
pub const TOKEN: &str = "#[jwt_required], AccessToken";
pub const ATTRIBUTE_CACHED: &str = "#[jwt_required], cached";
pub const TOKEN_CACHED: &str = "#[jwt_required], AccessToken, cached";

/// The default size of the cache of verified tokens for RSA, EC and Ed25519.
pub const CACHE_SIZE: usize = 10_000;

#[jwt_required]
async fn guarded() -> &'static str {
    "ok"
}

#[jwt_required]
async fn with_token(token: AccessToken) -> &'static str {
    black_box(token.subject());
    "ok"
}

/// The handler of an unguarded route.
pub async fn open() -> &'static str {
    "ok"
}

/// An app with our attribute, whose handler takes no token.
pub fn app(auth: JwtAuth) -> App {
    app_of(get(guarded), auth)
}

/// An app with our attribute, whose handler takes the token.
pub fn app_with_token(auth: JwtAuth) -> App {
    app_of(get(with_token), auth)
}

fn app_of(guarded: MethodRouter, auth: JwtAuth) -> App {
    let unguarded = Router::new().route(OPEN, axum::routing::get(open));
    let router = GuardedRouter::new().route(GUARDED, guarded);
    App::Axum(router.unguarded("it is what guards are compared with", unguarded).with_state(auth))
}

/// All of our contenders for an algorithm.
pub fn all(algorithm: Algorithm, token: &str) -> Vec<Contender> {
    let auth = |cache_size| {
        let config = tokens::config(algorithm).verified_cache(cache_size);
        config.build().expect("a valid configuration")
    };
    let contender = |name, app| Contender::new(name, "", app, token).ours();
    vec![
        contender(ATTRIBUTE, app(auth(0))),
        contender(TOKEN, app_with_token(auth(0))),
        contender(ATTRIBUTE_CACHED, app(auth(CACHE_SIZE))),
        contender(TOKEN_CACHED, app_with_token(auth(CACHE_SIZE))),
    ]
}
