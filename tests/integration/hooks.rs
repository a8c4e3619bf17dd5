//! The application's own say: a denylist of its own, additional claims, a claims check, its users.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::time::Duration;

use axum::extract::FromRef;
use axum::http::StatusCode;
use jwt_auth::routing::{get, post};
use jwt_auth::{
    AccessToken, AuthError, Config, CurrentUser, GuardedRouter, JwtAuth, LoadUser, RefreshToken,
    TokenIdentity, TokenKind, TokenPair, jwt_required, refresh_required,
};
use serde::Serialize;
use serde_json::{Value, json};
use tests::{config, get as ask};

#[jwt_required]
async fn me(token: AccessToken) -> String {
    token.claims().get("tenant").map_or("none".to_owned(), Value::to_string)
}

#[jwt_required(danger(revocation = "skip"))]
async fn skipping() -> &'static str {
    "in"
}

#[refresh_required]
async fn refresh(auth: JwtAuth, token: RefreshToken) -> Result<TokenPair, AuthError> {
    auth.rotate(token).await
}

fn app(config: Config) -> (axum::Router, JwtAuth) {
    let auth = config.build().expect("good");
    let router = GuardedRouter::new()
        .route("/me", get(me))
        .route("/skipping", get(skipping))
        .route("/refresh", post(refresh).get(refresh));
    (router.with_state(auth.clone()), auth)
}

async fn a_function(token: &TokenIdentity<'_>) -> Result<bool, Infallible> {
    tokio::task::yield_now().await;
    Ok(token.subject() == "mallory")
}

#[tokio::test]
async fn a_denylist_is_asked_for_every_verified_token_and_for_no_other() {
    let (app, auth) = app(config().0.denylist(a_function));
    let mallory = auth.log_in("mallory").await.expect("a pair");
    let alice = auth.log_in("alice").await.expect("a pair");
    assert_eq!(ask(&app, "/me", mallory.access_token()).await.code(), "token_revoked");
    assert_eq!(ask(&app, "/refresh", mallory.refresh_token()).await.code(), "token_revoked");
    assert_eq!(ask(&app, "/me", alice.access_token()).await.status, StatusCode::OK);
    assert!(auth.verify_access(mallory.access_token()).await.is_err());

    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let closure = move |token: &TokenIdentity<'_>| {
        count.fetch_add(1, Ordering::Relaxed);
        let bad = token.id().is_none();
        async move { Ok::<_, Infallible>(bad) }
    };
    let (app, auth) = self::app(config().0.denylist(closure));
    let pair = auth.log_in("alice").await.expect("a pair");
    let forged = tests::forged(pair.access_token());
    for bad in [forged.as_str(), "junk", pair.refresh_token()] {
        assert_eq!(ask(&app, "/me", bad).await.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(asked.load(Ordering::Relaxed), 0, "signature, claims and kind come first");
    assert_eq!(ask(&app, "/me", pair.access_token()).await.status, StatusCode::OK);
    assert_eq!(asked.load(Ordering::Relaxed), 1, "once a request");
    auth.revoke(&auth.verify_access(pair.access_token()).await.expect("good")).await.expect("held");
    assert_eq!(
        ask(&app, "/me", pair.access_token()).await.code(),
        "token_revoked",
        "the store counts too"
    );
}

#[tokio::test(start_paused = true)]
async fn a_denylist_that_fails_or_hangs_is_503_and_never_lets_in() {
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
    assert_eq!(ask(&app, "/me", &token).await.status, StatusCode::OK);
    for broken in [1, 2] {
        state.store(broken, Ordering::Relaxed);
        let began = tokio::time::Instant::now();
        let answer = ask(&app, "/me", &token).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (StatusCode::SERVICE_UNAVAILABLE, "store_unavailable")
        );
        assert_eq!(answer.headers["retry-after"], "1");
        assert!(began.elapsed() <= Duration::from_millis(250));
        assert!(!answer.body.contains("connection"), "the reason is the log's");
    }
    state.store(0, Ordering::Relaxed);
    assert_eq!(ask(&app, "/me", &token).await.status, StatusCode::OK);
}

#[tokio::test]
async fn kinds_that_are_not_looked_up_are_let_in_and_skipping_is_a_routes_own() {
    for kind in [TokenKind::Access, TokenKind::Refresh] {
        let (app, auth) = app(config().0.denylist_token_checks([kind]));
        let pair = auth.log_in("alice").await.expect("a pair");
        let (access, refresh) = (pair.access_token(), pair.refresh_token());
        auth.revoke(&auth.verify_access(access).await.expect("good")).await.expect("held");
        let code = ask(&app, "/me", access).await.code();
        assert_eq!(code == "token_revoked", kind == TokenKind::Access);
        auth.revoke(&auth.verify_refresh(refresh).await.expect("good")).await.expect("held");
        assert_eq!(auth.verify_refresh(refresh).await.is_err(), kind == TokenKind::Refresh);
        assert_eq!(
            ask(&app, "/refresh", refresh).await.code(),
            "token_revoked",
            "nothing is rotated"
        );
        assert_eq!(ask(&app, "/skipping", access).await.body, "in");
    }
    let (app, auth) = app(config().0);
    let pair = auth.log_in("alice").await.expect("a pair");
    auth.log_out(auth.verify_access(pair.access_token()).await.expect("good")).await.expect("held");
    assert_eq!(ask(&app, "/me", pair.access_token()).await.code(), "token_revoked");
    assert_eq!(ask(&app, "/skipping", pair.access_token()).await.body, "in");
    assert_eq!(
        ask(&app, "/skipping", "junk").await.code(),
        "token_malformed",
        "nothing else is skipped"
    );
}

#[tokio::test]
async fn a_guard_that_skipped_vouches_for_no_guard_that_asks() {
    use axum::middleware::{Next, from_fn_with_state};

    #[jwt_required(danger(revocation = "skip"))]
    async fn lax(request: axum::extract::Request, next: Next) -> axum::response::Response {
        next.run(request).await
    }

    let auth = config().0.build().expect("good");
    let app: axum::Router = GuardedRouter::new()
        .route("/me", get(me))
        .layer(from_fn_with_state(auth.clone(), lax))
        .with_state(auth.clone());
    let token = auth.access_token("alice").issue().expect("a token");
    auth.revoke(&auth.verify_access(&token).await.expect("good")).await.expect("held");
    assert_eq!(ask(&app, "/me", &token).await.code(), "token_revoked");
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
async fn additional_claims_and_headers_see_the_subject_and_stay_true_on_refresh() {
    let times = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&times);
    let counted = move |subject: &str| {
        let (tenant, n) = (format!("{subject}'s"), count.fetch_add(1, Ordering::Relaxed));
        async move { Ok::<_, Infallible>(json!({ "tenant": tenant, "asked": n })) }
    };
    let (app, auth) = app(config().0.additional_claims(counted).additional_headers(region));
    let own = json!({ "tenant": "mine", "own": true });
    let pair = auth.log_in("alice").claims(&own).await.expect("a pair");
    let token = auth.verify_access(pair.access_token()).await.expect("good");
    assert_eq!(token.claims()["asked"], 0, "once for both tokens of a pair");
    assert_eq!(token.claims()["tenant"], "mine", "the builder's word goes before the hook's");
    assert_eq!(token.header()["region"], "eu");
    let refresh = auth.verify_refresh(pair.refresh_token()).await.expect("good");
    assert_eq!(
        (&refresh.claims()["asked"], &refresh.header()["region"]),
        (&json!(0), &json!("eu"))
    );
    let next = auth.rotate(refresh).await.expect("a pair");
    let next = auth.verify_access(next.access_token()).await.expect("good");
    assert_eq!(next.claims()["tenant"], "alice's", "the hook's word goes before the old token's");
    assert_eq!((&next.claims()["own"], &next.claims()["asked"]), (&json!(true), &json!(1)));
    assert_eq!(next.header()["region"], "eu");
    assert_eq!(times.load(Ordering::Relaxed), 2);
    let token = auth.access_token("bob").await.expect("a token");
    assert_eq!(ask(&app, "/me", &token).await.body, "\"bob's\"");
    assert!(auth.refresh_token("bob").await.is_ok() && auth.token_pair("bob").await.is_ok());
    for refused in [
        auth.access_token("bob").issue().err(),
        auth.refresh_token("bob").issue().err(),
        auth.token_pair("bob").issue().err(),
    ] {
        assert!(refused.expect("the hook was not asked").detail().contains("`.await` the builder"));
    }
}

#[tokio::test]
async fn a_hook_that_fails_makes_no_token_and_uses_none_up() {
    let broken = Arc::new(AtomicU8::new(0));
    let seen = Arc::clone(&broken);
    let (app, auth) = app(config().0.additional_claims(move |_: &str| {
        let broken = seen.load(Ordering::Relaxed);
        async move {
            match broken {
                0 => Ok(json!({})),
                1 => Err("no database"),
                2 => Ok(json!(["no object"])),
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
        let answer = ask(&app, "/refresh", pair.refresh_token()).await;
        assert_eq!(answer.status, status);
        assert!(!answer.body.contains("database"));
    }
    broken.store(3, Ordering::Relaxed);
    assert!(auth.log_in("alice").await.is_err(), "a reserved name stays reserved");
    broken.store(0, Ordering::Relaxed);
    assert_eq!(ask(&app, "/refresh", pair.refresh_token()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_refusal_of_a_hook_stands_as_it_is() {
    use jwt_auth::AuthErrorKind;

    async fn gone(subject: &str) -> Result<Value, AuthError> {
        if subject == "gone" { Err(AuthErrorKind::UserUnknown.into()) } else { Ok(json!({})) }
    }
    let plain = config().0.build().expect("good");
    let refresh_token = plain.refresh_token("gone").issue().expect("a token");
    let (app, auth) = app(config().0.additional_claims(gone));
    assert_eq!(auth.log_in("gone").await.expect_err("gone").code(), "user_unknown");
    let answer = ask(&app, "/refresh", &refresh_token).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::UNAUTHORIZED, "user_unknown"));
}

#[tokio::test]
async fn without_hooks_every_builder_can_be_awaited_and_issued() {
    let auth = config().0.additional_claims(tenant).build().expect("good");
    let token = auth.access_token("alice").await.expect("a token");
    assert_eq!(auth.verify_access(&token).await.expect("good").claims()["tenant"], "alice's");
    let auth = config().0.build().expect("good");
    assert!(auth.access_token("alice").await.is_ok() && auth.access_token("alice").issue().is_ok());
}

#[tokio::test]
async fn a_claims_check_is_asked_last_and_everywhere() {
    let (app, auth) = app(config()
        .0
        .claims_check(|token, claims| token.subject() != "root" && claims.get("banned").is_none()));
    let good = auth.log_in("alice").await.expect("a pair");
    let root = auth.log_in("root").await.expect("a pair");
    let banned = auth.access_token("bob").claims(&json!({ "banned": 1 })).issue().expect("a token");
    assert_eq!(ask(&app, "/me", good.access_token()).await.status, StatusCode::OK);
    for bad in [root.access_token(), &banned] {
        let answer = ask(&app, "/me", bad).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::FORBIDDEN, "forbidden"));
        assert!(auth.verify_access(bad).await.is_err());
    }
    assert_eq!(ask(&app, "/refresh", root.refresh_token()).await.status, StatusCode::FORBIDDEN);
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
async fn window(user: Option<CurrentUser<User>>) -> String {
    user.map_or("nobody".to_owned(), |user| user.name.clone())
}

#[tokio::test]
async fn the_current_user_is_loaded_once_and_a_user_who_is_gone_is_401() {
    let shop = Shop { auth: config().0.build().expect("good"), loads: Arc::default() };
    let router = GuardedRouter::new()
        .route("/account", get(account))
        .route("/bare", get(bare))
        .route("/window", get(window));
    let guards: Vec<_> =
        router.manifest().entries().iter().map(|e| e.caller().guard().to_owned()).collect();
    assert_eq!(guards, ["access"; 3]);
    let app: axum::Router = router.with_state(shop.clone());
    let token =
        |name: &str| shop.auth.access_token(name).scopes(["shop"]).issue().expect("a token");
    assert_eq!(ask(&app, "/account", &token("alice")).await.body, "ALICE ALICE alice");
    assert_eq!(shop.loads.load(Ordering::Relaxed), 1);
    assert_eq!(ask(&app, "/bare", &token("bob")).await.body, "BOB");
    for path in ["/account", "/bare", "/window"] {
        let answer = ask(&app, path, &token("gone")).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (StatusCode::UNAUTHORIZED, "user_unknown")
        );
        let answer = ask(&app, path, &token("down")).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(!answer.body.contains("database"));
        assert_eq!(ask(&app, path, "junk").await.code(), "token_malformed");
    }
    assert_eq!(tests::call(&app, "GET", "/bare", None).await.code(), "token_missing");
    assert_eq!(tests::call(&app, "GET", "/window", None).await.body, "nobody");
    let unscoped = shop.auth.access_token("alice").issue().expect("a token");
    let before = shop.loads.load(Ordering::Relaxed);
    assert_eq!(ask(&app, "/account", &unscoped).await.status, StatusCode::FORBIDDEN);
    assert_eq!(shop.loads.load(Ordering::Relaxed), before, "the guard stands before the look-up");
}
