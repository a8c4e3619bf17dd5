//! Functions of the application that panic or hang: they take down their own request only, with 503.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use jwt_auth::config::{GrantRequest, Grants};
use jwt_auth::routing::{get, post};
use jwt_auth::{
    AccessToken, AuthError, AuthErrorKind, Config, CurrentUser, GuardedRouter, JwtAuth, LoadUser,
    RefreshToken, TokenIdentity, jwt_required, refresh_required,
};
use serde::{Deserialize, Deserializer};
use tests::call;

const FINE: u8 = 0;
const PANICS: u8 = 1;
const HANGS: u8 = 2;

tokio::task_local! {
    /// What the functions do.
    static MODE: AtomicU8;
}

fn mode() -> u8 {
    MODE.with(|mode| mode.load(Ordering::Relaxed))
}

async fn misbehave() {
    match mode() {
        PANICS => panic!("as the test says"),
        HANGS => std::future::pending().await,
        _ => {}
    }
}

fn panic_now() {
    assert_ne!(mode(), PANICS, "as the test says");
}

struct User;

impl LoadUser for User {
    type State = JwtAuth;
    type Error = Infallible;

    async fn load(_: &AccessToken, _: &JwtAuth) -> Result<Option<Self>, Infallible> {
        misbehave().await;
        Ok(Some(Self))
    }
}

struct Claims;

impl<'de> Deserialize<'de> for Claims {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        panic_now();
        serde::de::IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

async fn is_allowed(_: &AccessToken) -> bool {
    misbehave().await;
    true
}

#[jwt_required]
async fn plain() {}

#[jwt_required(check = is_allowed)]
async fn checked() {}

#[jwt_required]
async fn user(_user: CurrentUser<User>) {}

#[jwt_required]
async fn claims(_token: AccessToken<Claims>) {}

#[refresh_required]
async fn refresh(auth: JwtAuth, token: RefreshToken) -> Result<jwt_auth::TokenPair, AuthError> {
    auth.rotate(token).await
}

async fn denylist(_: &TokenIdentity<'_>) -> Result<bool, Infallible> {
    misbehave().await;
    Ok(false)
}

async fn grants(request: &GrantRequest<'_>) -> Result<Option<Grants>, Infallible> {
    let grants = request.grants();
    misbehave().await;
    Ok(Some(grants))
}

async fn additional(_: &str) -> Result<serde_json::Value, Infallible> {
    misbehave().await;
    Ok(serde_json::json!({}))
}

fn app(config: Config) -> (axum::Router, JwtAuth) {
    let auth = config.build().expect("a valid configuration");
    let router = GuardedRouter::new()
        .route("/plain", get(plain))
        .route("/checked", get(checked))
        .route("/user", get(user))
        .route("/claims", get(claims))
        .route("/refresh", post(refresh));
    (router.with_state(auth.clone()), auth)
}

/// Sends a request while the functions misbehave, and one while they do not.
async fn assert_contained(config: Config, method: &str, path: &str, modes: &[u8]) {
    let started = tokio::time::Instant::now();
    for misbehaviour in modes {
        let (app, auth) = app(config.clone());
        let pair = MODE.scope(AtomicU8::new(FINE), async { auth.log_in("alice").await });
        let pair = pair.await.expect("a pair");
        let token = if path == "/refresh" { pair.refresh_token() } else { pair.access_token() };
        for (mode, status) in [(*misbehaviour, 503), (FINE, 200)] {
            let sent = MODE.scope(AtomicU8::new(mode), call(&app, method, path, Some(token))).await;
            assert_eq!(
                sent.status.as_u16(),
                status,
                "{method} {path} {misbehaviour}: {}",
                sent.body
            );
            if status == 503 {
                assert_eq!(sent.code(), "store_unavailable");
                assert_eq!(sent.headers["retry-after"], "1");
            }
        }
    }
    assert!(started.elapsed() < Duration::from_secs(11), "within the deadlines");
}

#[tokio::test(start_paused = true)]
async fn a_function_that_panics_or_hangs_is_503_for_its_own_request_only() {
    let config = || tests::config().0;
    let both = [PANICS, HANGS];
    assert_contained(config(), "GET", "/checked", &both).await;
    assert_contained(config(), "GET", "/user", &both).await;
    assert_contained(config(), "GET", "/claims", &[PANICS]).await;
    assert_contained(config().denylist(denylist), "GET", "/plain", &both).await;
    let checked = config().claims_check(|_, _| {
        panic_now();
        true
    });
    assert_contained(checked, "GET", "/plain", &[PANICS]).await;
    assert_contained(config().grants(grants), "POST", "/refresh", &both).await;
    assert_contained(config().additional_claims(additional), "POST", "/refresh", &both).await;
    assert_contained(config().additional_headers(additional), "POST", "/refresh", &both).await;
}

#[tokio::test(start_paused = true)]
async fn a_hook_has_as_long_as_the_configuration_says() {
    let config = tests::config().0.grants(grants).hook_deadline(Duration::from_millis(100));
    let auth = config.build().expect("a valid configuration");
    let started = tokio::time::Instant::now();
    let error = MODE.scope(AtomicU8::new(HANGS), async { auth.log_in("alice").await }).await;
    assert_eq!(error.expect_err("it hangs").kind(), AuthErrorKind::Unavailable);
    assert_eq!(started.elapsed(), Duration::from_millis(100));
}

#[tokio::test]
async fn an_on_reuse_that_panics_does_not_undo_the_end_of_the_session() {
    let (config, clock) = tests::config();
    let (app, auth) = app(config.on_reuse(|_, _| panic!("as the test says")));
    let pair = auth.log_in("alice").await.expect("a pair");
    assert_eq!(call(&app, "POST", "/refresh", Some(pair.refresh_token())).await.status, 200);
    clock.advance(Duration::from_secs(60));
    let reused = call(&app, "POST", "/refresh", Some(pair.refresh_token())).await;
    assert_eq!(reused.code(), "refresh_token_reused");
    assert!(auth.verify_access(pair.access_token()).await.is_err(), "the session ended");
}
