//! Hooks of the application: a denylist, additional claims and headers, a claims check, and loaded users.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::time::Duration;

use axum::extract::FromRef;
use axum::http::StatusCode;
use jwt_auth::danger::DangerousConfig as _;
use jwt_auth::routing::{get, post};
use jwt_auth::{
    AccessToken, AuthError, AuthErrorKind, Config, CurrentUser, GuardedRouter, JwtAuth, LoadUser,
    RefreshToken, TokenIdentity, TokenKind, TokenPair, jwt_required, refresh_required,
};
use serde::Serialize;
use serde_json::{Value, json};
use tests::{config, get as fetch};

#[jwt_required]
async fn me(token: AccessToken) -> String {
    token.claims().get("tenant").map_or("none".to_owned(), Value::to_string)
}

#[jwt_required(danger(revocation = "skip"))]
async fn skipping() -> &'static str {
    "admitted"
}

#[refresh_required]
async fn refresh(auth: JwtAuth, token: RefreshToken) -> Result<TokenPair, AuthError> {
    auth.rotate(token).await
}

fn app(config: Config) -> (axum::Router, JwtAuth) {
    let auth = config.build().expect("a valid configuration");
    let router = GuardedRouter::new()
        .route("/me", get(me))
        .route("/skipping", get(skipping))
        .route("/refresh", post(refresh).get(refresh));
    (router.with_state(auth.clone()), auth)
}

async fn is_mallory(token: &TokenIdentity<'_>) -> Result<bool, Infallible> {
    tokio::task::yield_now().await;
    Ok(token.subject() == "mallory")
}

#[tokio::test]
async fn an_error_of_the_denylist_is_the_source_of_the_refusal() {
    let (_, auth) = app(config().0.denylist(|_: &TokenIdentity<'_>| async {
        Err::<bool, _>(std::io::Error::other("the denylist is down"))
    }));
    let alice = auth.log_in("alice").await.expect("a pair");
    let error = auth.verify_access(alice.access_token()).await.expect_err("down");
    assert_eq!(error.kind(), AuthErrorKind::Unavailable);
    let source = std::error::Error::source(&error).expect("the application's own error");
    assert!(source.is::<std::io::Error>(), "{source}");
}

#[tokio::test]
async fn the_denylist_is_queried_for_verified_tokens_only() {
    let (app, auth) = app(config().0.denylist(is_mallory));
    let mallory = auth.log_in("mallory").await.expect("a pair");
    let alice = auth.log_in("alice").await.expect("a pair");
    assert_eq!(fetch(&app, "/me", mallory.access_token()).await.code(), "token_revoked");
    assert_eq!(fetch(&app, "/refresh", mallory.refresh_token()).await.code(), "token_revoked");
    assert_eq!(fetch(&app, "/me", alice.access_token()).await.status, StatusCode::OK);
    assert!(auth.verify_access(mallory.access_token()).await.is_err());

    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let closure = move |token: &TokenIdentity<'_>| {
        count.fetch_add(1, Ordering::Relaxed);
        let is_revoked = token.id().is_none();
        async move { Ok::<_, Infallible>(is_revoked) }
    };
    let (app, auth) = self::app(config().0.denylist(closure));
    let pair = auth.log_in("alice").await.expect("a pair");
    let forged = tests::tamper_with_signature(pair.access_token());
    for bad in [forged.as_str(), "junk", pair.refresh_token()] {
        assert_eq!(fetch(&app, "/me", bad).await.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(calls.load(Ordering::Relaxed), 0, "signature, claims and kind are checked first");
    assert_eq!(fetch(&app, "/me", pair.access_token()).await.status, StatusCode::OK);
    assert_eq!(calls.load(Ordering::Relaxed), 1, "once for each request");
    auth.revoke(&auth.verify_access(pair.access_token()).await.expect("a valid token"))
        .await
        .expect("recorded");
    assert_eq!(
        fetch(&app, "/me", pair.access_token()).await.code(),
        "token_revoked",
        "the store is checked too"
    );
}

#[tokio::test(start_paused = true)]
async fn a_denylist_that_fails_or_hangs_is_503() {
    let state = Arc::new(AtomicU8::new(0));
    let seen = Arc::clone(&state);
    let (app, auth) = app(config().0.denylist(move |_: &TokenIdentity<'_>| {
        let state = seen.load(Ordering::Relaxed);
        async move {
            match state {
                0 => Ok(false),
                1 => Err("connection refused"),
                _ => std::future::pending().await,
            }
        }
    }));
    let token = auth.access_token("alice").issue().expect("a token");
    assert_eq!(fetch(&app, "/me", &token).await.status, StatusCode::OK);
    for broken in [1, 2] {
        state.store(broken, Ordering::Relaxed);
        let began = tokio::time::Instant::now();
        let response = fetch(&app, "/me", &token).await;
        assert_eq!(
            (response.status, response.code().as_str()),
            (StatusCode::SERVICE_UNAVAILABLE, "store_unavailable")
        );
        assert_eq!(response.headers["retry-after"], "1");
        assert!(began.elapsed() <= Duration::from_millis(250));
        assert!(!response.body.contains("connection"), "the reason is logged, not sent");
    }
    state.store(0, Ordering::Relaxed);
    assert_eq!(fetch(&app, "/me", &token).await.status, StatusCode::OK);
}

#[tokio::test]
async fn revocation_checks_can_be_disabled_for_a_kind_and_for_a_route() {
    for kind in [TokenKind::Access, TokenKind::Refresh] {
        let (app, auth) = app(config().0.denylist_token_checks([kind]));
        let pair = auth.log_in("alice").await.expect("a pair");
        let (access, refresh) = (pair.access_token(), pair.refresh_token());
        auth.revoke(&auth.verify_access(access).await.expect("a valid token"))
            .await
            .expect("recorded");
        let code = fetch(&app, "/me", access).await.code();
        assert_eq!(code == "token_revoked", kind == TokenKind::Access);
        auth.revoke(&auth.verify_refresh(refresh).await.expect("a valid token"))
            .await
            .expect("recorded");
        assert_eq!(auth.verify_refresh(refresh).await.is_err(), kind == TokenKind::Refresh);
        assert_eq!(
            fetch(&app, "/refresh", refresh).await.code(),
            "token_revoked",
            "it is not rotated either way"
        );
        assert_eq!(fetch(&app, "/skipping", access).await.body, "admitted");
    }
    let (app, auth) = app(config().0);
    let pair = auth.log_in("alice").await.expect("a pair");
    auth.log_out(auth.verify_access(pair.access_token()).await.expect("a valid token"))
        .await
        .expect("recorded");
    assert_eq!(fetch(&app, "/me", pair.access_token()).await.code(), "token_revoked");
    assert_eq!(fetch(&app, "/skipping", pair.access_token()).await.body, "admitted");
    assert_eq!(
        fetch(&app, "/skipping", "junk").await.code(),
        "token_malformed",
        "only the revocation check is skipped"
    );
}

#[tokio::test]
async fn a_guard_checks_revocation_behind_a_middleware_that_skips_it() {
    use axum::middleware::{Next, from_fn_with_state};

    #[jwt_required(danger(revocation = "skip"))]
    async fn skip_check(request: axum::extract::Request, next: Next) -> axum::response::Response {
        next.run(request).await
    }

    let auth = config().0.build().expect("a valid configuration");
    let app: axum::Router = GuardedRouter::new()
        .route("/me", get(me))
        .layer(from_fn_with_state(auth.clone(), skip_check))
        .with_state(auth.clone());
    let token = auth.access_token("alice").issue().expect("a token");
    auth.revoke(&auth.verify_access(&token).await.expect("a valid token")).await.expect("recorded");
    assert_eq!(fetch(&app, "/me", &token).await.code(), "token_revoked");
}

#[derive(Serialize)]
struct Tenant {
    tenant: String,
}

async fn tenant(subject: &str) -> Result<Tenant, Infallible> {
    tokio::task::yield_now().await;
    Ok(Tenant { tenant: format!("{subject}'s") })
}

async fn region(_: &str) -> Result<Value, Infallible> {
    Ok(json!({ "region": "eu" }))
}

#[tokio::test]
async fn additional_claims_and_headers_are_added_at_log_in_and_at_each_rotation() {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let count_calls = move |subject: &str| {
        let (tenant, n) = (format!("{subject}'s"), count.fetch_add(1, Ordering::Relaxed));
        async move { Ok::<_, Infallible>(json!({ "tenant": tenant, "call": n })) }
    };
    let (app, auth) = app(config().0.additional_claims(count_calls).additional_headers(region));
    let own = json!({ "tenant": "mine", "own": true });
    let pair = auth.log_in("alice").claims(&own).await.expect("a pair");
    let token = auth.verify_access(pair.access_token()).await.expect("a valid token");
    assert_eq!(token.claims()["call"], 0, "the hook runs once for both tokens of a pair");
    assert_eq!(token.claims()["tenant"], "mine", "the builder takes precedence over the hook");
    assert_eq!(token.header()["region"], "eu");
    let refresh = auth.verify_refresh(pair.refresh_token()).await.expect("a valid token");
    assert_eq!((&refresh.claims()["call"], &refresh.header()["region"]), (&json!(0), &json!("eu")));
    let next = auth.rotate(refresh).await.expect("a pair");
    let next = auth.verify_access(next.access_token()).await.expect("a valid token");
    assert_eq!(next.claims()["tenant"], "alice's", "the hook takes precedence over the old token");
    assert_eq!((&next.claims()["own"], &next.claims()["call"]), (&json!(true), &json!(1)));
    assert_eq!(next.header()["region"], "eu");
    assert_eq!(calls.load(Ordering::Relaxed), 2);
    let token = auth.access_token("bob").await.expect("a token");
    assert_eq!(fetch(&app, "/me", &token).await.body, "\"bob's\"");
    assert!(auth.refresh_token("bob").await.is_ok() && auth.token_pair("bob").await.is_ok());
    for refused in [
        auth.access_token("bob").issue().err(),
        auth.refresh_token("bob").issue().err(),
        auth.token_pair("bob").issue().err(),
    ] {
        assert!(
            refused.expect("the hook needs an await").detail().contains("`.await` the builder")
        );
    }
}

#[tokio::test]
async fn a_failing_hook_issues_no_token_and_uses_none_up() {
    let broken = Arc::new(AtomicU8::new(0));
    let seen = Arc::clone(&broken);
    let (app, auth) = app(config().0.additional_claims(move |_: &str| {
        let broken = seen.load(Ordering::Relaxed);
        async move {
            match broken {
                0 => Ok(json!({})),
                1 => Err("no database"),
                2 => Ok(json!(["not an object"])),
                _ => Ok(json!({ "exp": 1 })),
            }
        }
    }));
    let pair = auth.log_in("alice").await.expect("a pair");
    for (state, status) in
        [(1, StatusCode::SERVICE_UNAVAILABLE), (2, StatusCode::INTERNAL_SERVER_ERROR)]
    {
        broken.store(state, Ordering::Relaxed);
        assert!(auth.log_in("alice").await.is_err());
        let response = fetch(&app, "/refresh", pair.refresh_token()).await;
        assert_eq!(response.status, status);
        assert!(!response.body.contains("database"));
    }
    broken.store(3, Ordering::Relaxed);
    assert!(auth.log_in("alice").await.is_err(), "a hook cannot set a reserved claim");
    broken.store(0, Ordering::Relaxed);
    assert_eq!(fetch(&app, "/refresh", pair.refresh_token()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_auth_error_of_a_hook_keeps_its_kind() {
    use jwt_auth::AuthErrorKind;

    async fn refuse_gone(subject: &str) -> Result<Value, AuthError> {
        if subject == "gone" { Err(AuthErrorKind::UserUnknown.into()) } else { Ok(json!({})) }
    }
    let plain = config().0.build().expect("a valid configuration");
    let refresh_token = plain.refresh_token("gone").issue().expect("a token");
    let (app, auth) = app(config().0.additional_claims(refuse_gone));
    assert_eq!(auth.log_in("gone").await.expect_err("gone").code(), "user_unknown");
    let response = fetch(&app, "/refresh", &refresh_token).await;
    assert_eq!(
        (response.status, response.code().as_str()),
        (StatusCode::UNAUTHORIZED, "user_unknown")
    );
}

#[tokio::test]
async fn builders_can_be_awaited_with_and_without_hooks() {
    let auth = config().0.additional_claims(tenant).build().expect("a valid configuration");
    let token = auth.access_token("alice").await.expect("a token");
    assert_eq!(
        auth.verify_access(&token).await.expect("a valid token").claims()["tenant"],
        "alice's"
    );
    let auth = config().0.build().expect("a valid configuration");
    assert!(auth.access_token("alice").await.is_ok() && auth.access_token("alice").issue().is_ok());
}

#[tokio::test]
async fn the_claims_check_runs_for_every_token_of_both_kinds() {
    let (app, auth) = app(config()
        .0
        .claims_check(|token, claims| token.subject() != "root" && claims.get("banned").is_none()));
    let good = auth.log_in("alice").await.expect("a pair");
    let root = auth.log_in("root").await.expect("a pair");
    let banned = auth.access_token("bob").claims(&json!({ "banned": 1 })).issue().expect("a token");
    assert_eq!(fetch(&app, "/me", good.access_token()).await.status, StatusCode::OK);
    for bad in [root.access_token(), &banned] {
        let response = fetch(&app, "/me", bad).await;
        assert_eq!(
            (response.status, response.code().as_str()),
            (StatusCode::FORBIDDEN, "forbidden")
        );
        assert!(auth.verify_access(bad).await.is_err());
    }
    assert_eq!(fetch(&app, "/refresh", root.refresh_token()).await.status, StatusCode::FORBIDDEN);
}

#[derive(Clone, FromRef)]
struct Shop {
    auth: JwtAuth,
    loads: Arc<AtomicUsize>,
}

struct User {
    name: String,
}

impl LoadUser for User {
    type State = Arc<AtomicUsize>;
    type Error = &'static str;

    async fn load(token: &AccessToken, loads: &Self::State) -> Result<Option<Self>, Self::Error> {
        loads.fetch_add(1, Ordering::Relaxed);
        match token.subject() {
            "gone" => Ok(None),
            "down" => Err("no database"),
            name => Ok(Some(Self { name: name.to_uppercase() })),
        }
    }
}

#[jwt_required(scopes("shop"))]
async fn account(user: CurrentUser<User>, again: CurrentUser<User>, token: AccessToken) -> String {
    format!("{} {} {}", user.name, again.name, token.subject())
}

async fn bare(user: CurrentUser<User>) -> String {
    user.name.clone()
}

#[jwt_required(optional)]
async fn greet(user: Option<CurrentUser<User>>) -> String {
    user.map_or("anonymous".to_owned(), |user| user.name.clone())
}

#[tokio::test]
async fn the_current_user_is_loaded_once_and_an_unknown_user_is_401() {
    let shop =
        Shop { auth: config().0.build().expect("a valid configuration"), loads: Arc::default() };
    let router = GuardedRouter::new()
        .route("/account", get(account))
        .route("/bare", get(bare))
        .route("/greet", get(greet));
    let guards: Vec<_> =
        router.manifest().entries().iter().map(|e| e.access().guard().to_owned()).collect();
    assert_eq!(guards, ["access"; 3]);
    let app: axum::Router = router.with_state(shop.clone());
    let token =
        |name: &str| shop.auth.access_token(name).scopes(["shop"]).issue().expect("a token");
    assert_eq!(fetch(&app, "/account", &token("alice")).await.body, "ALICE ALICE alice");
    assert_eq!(shop.loads.load(Ordering::Relaxed), 1);
    assert_eq!(fetch(&app, "/bare", &token("bob")).await.body, "BOB");
    for path in ["/account", "/bare", "/greet"] {
        let response = fetch(&app, path, &token("gone")).await;
        assert_eq!(
            (response.status, response.code().as_str()),
            (StatusCode::UNAUTHORIZED, "user_unknown")
        );
        let response = fetch(&app, path, &token("down")).await;
        assert_eq!(response.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(!response.body.contains("database"));
        assert_eq!(fetch(&app, path, "junk").await.code(), "token_malformed");
    }
    assert_eq!(tests::call(&app, "GET", "/bare", None).await.code(), "token_missing");
    assert_eq!(tests::call(&app, "GET", "/greet", None).await.body, "anonymous");
    let unscoped = shop.auth.access_token("alice").issue().expect("a token");
    let before = shop.loads.load(Ordering::Relaxed);
    assert_eq!(fetch(&app, "/account", &unscoped).await.status, StatusCode::FORBIDDEN);
    assert_eq!(
        shop.loads.load(Ordering::Relaxed),
        before,
        "the guard refuses before the user is loaded"
    );
}

#[tokio::test]
async fn an_auth_error_of_the_loader_keeps_its_kind() {
    struct Suspended;

    impl LoadUser for Suspended {
        type State = JwtAuth;
        type Error = AuthError;

        async fn load(_: &AccessToken, _: &JwtAuth) -> Result<Option<Self>, AuthError> {
            Err(AuthError::forbidden("Your account is suspended"))
        }
    }

    #[jwt_required]
    async fn suspended(_user: CurrentUser<Suspended>) {}

    let auth = config().0.build().expect("a valid configuration");
    let router = GuardedRouter::new().route("/", get(suspended));
    let app: axum::Router = router.with_state(auth.clone());
    let token = auth.access_token("alice").issue().expect("a token");
    let response = fetch(&app, "/", &token).await;
    assert_eq!((response.status.as_u16(), response.code().as_str()), (403, "forbidden"));
    assert_eq!(response.detail(), "Your account is suspended");
}
