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
use jwt_auth::{AccessToken, AuthError, Clock, Config, GuardedRouter, JwtAuth, jwt_required};
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

fn app(auth: &JwtAuth) -> Router {
    GuardedRouter::new()
        .route("/guarded", get(guarded))
        .route("/with-token", get(with_token))
        .route("/with-two-tokens", get(with_two_tokens))
        .route("/after-a-wait", get(after_a_wait))
        .route("/after-a-change", get(after_a_change))
        .route("/forward", get(forward))
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
