//! The token of a guard in the extractors of its handler: verified once, and never older than one poll.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use jwt_auth::routing::get;
use jwt_auth::{
    AccessToken, AuthError, Clock, Config, GuardedRouter, JwtAuth, RefreshToken, jwt_required,
};
use tests::{NOW, SECRET, bearer, call};

/// A clock that counts how often it is read: a verification reads it once.
#[derive(Clone, Default)]
struct CountedClock(Arc<AtomicUsize>);

impl Clock for CountedClock {
    fn now(&self) -> SystemTime {
        self.0.fetch_add(1, Ordering::Relaxed);
        UNIX_EPOCH + Duration::from_secs(NOW)
    }
}

fn subject(token: Result<AccessToken, AuthError>) -> String {
    token.map_or_else(|error| error.code().to_owned(), |token| token.subject().to_owned())
}

#[jwt_required]
async fn guarded() {}

#[jwt_required]
async fn with_token(token: AccessToken) -> String {
    token.subject().to_owned()
}

#[jwt_required]
async fn with_two_tokens(token: AccessToken, again: AccessToken) -> String {
    format!("{} {}", token.subject(), again.subject())
}

/// Revokes the token of the request, before or after the handler's future has waited.
struct Revokes<const WAITS: bool>;

impl<const WAITS: bool> FromRequestParts<JwtAuth> for Revokes<WAITS> {
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, auth: &JwtAuth) -> Result<Self, AuthError> {
        let token: AccessToken = AccessToken::from_request_parts(parts, auth).await?;
        auth.revoke(&token).await?;
        if WAITS {
            tokio::task::yield_now().await;
        }
        Ok(Self)
    }
}

#[jwt_required]
async fn after_a_wait(_: Revokes<true>, token: Result<AccessToken, AuthError>) -> String {
    subject(token)
}

/// Replaces the token of the request by the one in another header.
struct Replaces;

impl<S: Sync> FromRequestParts<S> for Replaces {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let other = parts.headers["x-other"].clone();
        parts.headers.insert("authorization", other);
        Ok(Self)
    }
}

#[jwt_required]
async fn after_a_change(_: Replaces, token: Result<AccessToken, AuthError>) -> String {
    subject(token)
}

/// Revokes the token, and sends it to another router in the same poll.
#[jwt_required]
async fn forward(_: Revokes<false>, State(auth): State<JwtAuth>, headers: HeaderMap) -> String {
    let bare = async |token: AccessToken| token.subject().to_owned();
    let inner: Router = GuardedRouter::new().route("/", get(bare)).with_state(auth);
    let token = headers["authorization"].to_str().expect("text").trim_start_matches("Bearer ");
    call(&inner, "GET", "/", Some(token)).await.code().clone()
}

/// Reads the token as one of the other kind.
struct AsRefresh(Result<RefreshToken, AuthError>);

impl FromRequestParts<JwtAuth> for AsRefresh {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, auth: &JwtAuth) -> Result<Self, Infallible> {
        Ok(Self(RefreshToken::from_request_parts(parts, auth).await))
    }
}

#[jwt_required]
async fn as_refresh(token: AsRefresh) -> String {
    token.0.map_or_else(|error| error.code().to_owned(), |token| token.subject().to_owned())
}

/// An extractor that waits.
struct Waits;

impl<S: Sync> FromRequestParts<S> for Waits {
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, _: &S) -> Result<Self, Infallible> {
        tokio::task::yield_now().await;
        Ok(Self)
    }
}

#[jwt_required]
async fn waits(_: Waits, token: AccessToken) -> String {
    token.subject().to_owned()
}

fn app(auth: &JwtAuth) -> Router {
    GuardedRouter::new()
        .route("/guarded", get(guarded))
        .route("/with-token", get(with_token))
        .route("/with-two-tokens", get(with_two_tokens))
        .route("/after-a-wait", get(after_a_wait))
        .route("/after-a-change", get(after_a_change))
        .route("/forward", get(forward))
        .route("/as-refresh", get(as_refresh))
        .route("/waits", get(waits))
        .with_state(auth.clone())
}

fn auth(clock: &CountedClock, cache_size: usize) -> JwtAuth {
    let config = Config::hs256(SECRET).clock(clock.clone()).verified_cache(cache_size);
    config.build().expect("a valid configuration")
}

#[tokio::test]
async fn the_token_of_a_guard_is_not_verified_again() {
    for cache_size in [0, 100] {
        let clock = CountedClock::default();
        let auth = auth(&clock, cache_size);
        let app = app(&auth);
        let token = auth.access_token("alice").issue().expect("a token");
        for (path, body) in
            [("/guarded", ""), ("/with-token", "alice"), ("/with-two-tokens", "alice alice")]
        {
            clock.0.store(0, Ordering::Relaxed);
            assert_eq!(call(&app, "GET", path, Some(&token)).await.body, body);
            assert_eq!(clock.0.load(Ordering::Relaxed), 1, "{path}, {cache_size}");
        }
    }
}

#[tokio::test]
async fn an_extractor_that_waited_verifies_the_token_again() {
    for cache_size in [0, 100] {
        let auth = auth(&CountedClock::default(), cache_size);
        let token = auth.access_token("alice").issue().expect("a token");
        let body = call(&app(&auth), "GET", "/after-a-wait", Some(&token)).await.body;
        assert_eq!(body, "token_revoked", "{cache_size}");
    }
}

#[tokio::test]
async fn a_token_that_replaced_that_of_the_guard_is_verified() {
    for cache_size in [0, 100] {
        let auth = auth(&CountedClock::default(), cache_size);
        let token = |subject| auth.access_token(subject).issue().expect("a token");
        let (alice, bob) = (token("alice"), token("bob"));
        for (other, body) in [(&*bob, "bob"), ("a.b.c", "token_malformed")] {
            let request = axum::extract::Request::get("/after-a-change")
                .header("authorization", bearer(&alice))
                .header("x-other", HeaderValue::from_str(&bearer(other)).expect("a value"))
                .body(axum::body::Body::empty());
            let response = tests::send(&app(&auth), request.expect("a request")).await;
            assert_eq!(response.body, body, "{cache_size}");
        }
    }
}

#[tokio::test]
async fn another_router_that_a_handler_calls_verifies_the_token_itself() {
    for cache_size in [0, 100] {
        let auth = auth(&CountedClock::default(), cache_size);
        let token = auth.access_token("alice").issue().expect("a token");
        let body = call(&app(&auth), "GET", "/forward", Some(&token)).await.body;
        assert_eq!(body, "token_revoked", "{cache_size}");
    }
}

/// A router of axum, whose handlers have no memo of their own.
fn plain(auth: &JwtAuth) -> Router {
    let bare = async |token: AccessToken| token.subject().to_owned();
    Router::new().route("/", axum::routing::get(bare)).with_state(auth.clone())
}

#[tokio::test]
async fn the_memo_ends_with_the_poll() {
    for cache_size in [0, 100] {
        let auth = auth(&CountedClock::default(), cache_size);
        let token = auth.access_token("alice").issue().expect("a token");
        assert_eq!(call(&app(&auth), "GET", "/with-token", Some(&token)).await.body, "alice");
        let verified: AccessToken = auth.verify_access(&token).await.expect("a valid token");
        auth.revoke(&verified).await.expect("recorded");
        let response = call(&plain(&auth), "GET", "/", Some(&token)).await;
        assert_eq!(response.code(), "token_revoked", "{cache_size}");
    }
}

#[tokio::test]
async fn another_configuration_does_not_use_the_token() {
    let auth = auth(&CountedClock::default(), 0);
    let key = jwt_auth::KeyMaterial::ephemeral();
    let other = Config::hs256(key).build().expect("a valid configuration");
    let forward = async move |token: AccessToken, headers: HeaderMap| {
        let text = headers["authorization"].to_str().expect("text").trim_start_matches("Bearer ");
        let response = call(&plain(&other), "GET", "/", Some(text)).await;
        format!("{} {}", token.subject(), response.code())
    };
    let app: Router = GuardedRouter::new().route("/", get(forward)).with_state(auth.clone());
    let token = auth.access_token("alice").issue().expect("a token");
    assert_eq!(call(&app, "GET", "/", Some(&token)).await.body, "alice signature_invalid");
}

#[tokio::test]
async fn a_token_is_not_of_the_other_kind() {
    let auth = auth(&CountedClock::default(), 0);
    let token = auth.access_token("alice").issue().expect("a token");
    let body = call(&app(&auth), "GET", "/as-refresh", Some(&token)).await.body;
    assert_eq!(body, "refresh_token_required");
}

#[tokio::test]
async fn a_hook_runs_once_though_an_extractor_waits() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let config = Config::hs256(SECRET).claims_check(move |_, _| {
        counted.fetch_add(1, Ordering::Relaxed);
        true
    });
    let auth = config.build().expect("a valid configuration");
    let token = auth.access_token("alice").issue().expect("a token");
    assert_eq!(call(&app(&auth), "GET", "/waits", Some(&token)).await.body, "alice");
    assert_eq!(calls.load(Ordering::Relaxed), 1);
}
