//! Our guards: the attribute alone, with a token, and both behind the cache of verified tokens.

use std::hint::black_box;

use axum::Router;
use axum::routing::get;
use jwt_auth::{AccessToken, Algorithm, Config, JwtAuth, jwt_required};

use crate::contender::{App, Contender, GUARDED, OPEN};
use crate::tokens;

pub const ATTRIBUTE: &str = "#[jwt_required]";
pub const TOKEN: &str = "#[jwt_required], AccessToken";
pub const ATTRIBUTE_CACHED: &str = "#[jwt_required], cached";
pub const TOKEN_CACHED: &str = "#[jwt_required], AccessToken, cached";

#[jwt_required]
async fn guarded() -> &'static str {
    "ok"
}

#[jwt_required]
async fn with_token(token: AccessToken) -> &'static str {
    black_box(token.subject());
    "ok"
}

/// A route that nobody guards.
pub async fn open() -> &'static str {
    "ok"
}

/// The configuration with that many cached tokens; `None` where there is no cache to be had.
pub fn cache(config: Config, entries: usize) -> Option<Config> {
    (entries == 0).then_some(config)
}

/// An app of ours with the attribute alone.
pub fn app(auth: JwtAuth) -> App {
    App::Axum(Router::new().route(OPEN, get(open)).route(GUARDED, get(guarded)).with_state(auth))
}

/// An app of ours whose handler takes the token.
pub fn app_with_token(auth: JwtAuth) -> App {
    let router = Router::new().route(OPEN, get(open)).route(GUARDED, get(with_token));
    App::Axum(router.with_state(auth))
}

/// All of ours for an algorithm.
pub fn all(algorithm: Algorithm, token: &str) -> Vec<Contender> {
    let auth = |entries| {
        let config = cache(tokens::config(algorithm), entries)?;
        Some(config.build().expect("a good configuration"))
    };
    let contender = |name, app| Contender::new(name, "", app, token).ours();
    let mut all = Vec::new();
    if let Some(auth) = auth(0) {
        all.push(contender(ATTRIBUTE, app(auth.clone())));
        all.push(contender(TOKEN, app_with_token(auth)));
    }
    if let Some(auth) = auth(10_000) {
        all.push(contender(ATTRIBUTE_CACHED, app(auth.clone())));
        all.push(contender(TOKEN_CACHED, app_with_token(auth)));
    }
    all
}
