//! Implicit refresh: a session that is used goes on, one that was ended does not.

use std::time::Duration;

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use jwt_auth::layer::NoImplicitRefresh;
use jwt_auth::routing::{any, get, post};
use jwt_auth::{
    AccessToken, AuthError, Config, GuardedRouter, JwtAuth, ManualClock, SetCookies, TokenLocation,
    jwt_required, public,
};
use serde_json::json;
use tests::{Answer, Client, config};

use crate::sessions::Lagging;

#[public]
async fn login(auth: JwtAuth) -> Result<(SetCookies, ()), AuthError> {
    let claims = json!({ "tenant": "acme" });
    let pair = auth.log_in("alice").scopes(["a", "b"]).roles(["editor"]).claims(&claims).await?;
    Ok((auth.set_cookies(&pair), ()))
}

#[jwt_required]
async fn me(token: AccessToken) -> String {
    serde_json::to_string(&token.claims()).expect("JSON")
}

#[jwt_required]
async fn poll() -> (NoImplicitRefresh, &'static str) {
    (NoImplicitRefresh, "nothing new")
}

#[jwt_required]
async fn log_out(auth: JwtAuth, token: AccessToken) -> Result<Response, AuthError> {
    auth.log_out(token).await?;
    Ok((auth.unset_cookies(), "bye").into_response())
}

#[jwt_required]
async fn log_out_and_forget_the_cookies(
    auth: JwtAuth,
    token: AccessToken,
) -> Result<(), AuthError> {
    auth.log_out(token).await
}

#[jwt_required]
async fn log_out_everywhere(auth: JwtAuth, token: AccessToken) -> Result<(), AuthError> {
    auth.log_out_everywhere(token.subject()).await
}

#[jwt_required]
async fn swap(auth: JwtAuth) -> Result<(SetCookies, ()), AuthError> {
    Ok((auth.set_access_cookie(&auth.access_token("bob").issue()?), ()))
}

#[jwt_required(scopes("admin"))]
async fn admin() {}

#[public]
async fn open() -> &'static str {
    "open"
}

fn app(change: impl FnOnce(Config) -> Config) -> (Client, JwtAuth, ManualClock) {
    let (config, clock) = config();
    let locations = [TokenLocation::Header, TokenLocation::Cookie];
    let auth = change(config.token_location(locations)).build().expect("good");
    let router = GuardedRouter::new()
        .route("/login", post(login))
        .route("/me", any(me))
        .route("/poll", get(poll))
        .route("/log-out", get(log_out))
        .route("/log-out-2", get(log_out_and_forget_the_cookies))
        .route("/log-out-3", get(log_out_everywhere))
        .route("/swap", get(swap))
        .route("/admin", get(admin))
        .route("/open", get(open))
        .layer(auth.implicit_refresh())
        .with_state(auth.clone());
    (Client::new(router), auth, clock)
}

const MINUTE: Duration = Duration::from_secs(60);

fn claims(answer: &Answer) -> serde_json::Value {
    serde_json::from_str(&answer.body).expect("claims")
}

#[tokio::test]
async fn a_session_that_is_used_goes_on_with_all_that_it_had() {
    let (client, auth, clock) = app(|config| config);
    client.call("POST", "/login", &[]).await;
    let first = claims(&client.call("GET", "/me", &[]).await);
    let csrf = client.cookie("csrf_access_token");
    clock.advance(7 * MINUTE);
    assert!(client.call("GET", "/me", &[]).await.cookies().is_empty(), "more than half is left");
    clock.advance(MINUTE);
    let answer = client.call("GET", "/me", &[]).await;
    assert_eq!(answer.cookies().len(), 2, "the access cookie and its CSRF value");
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert_eq!(claims(&answer)["jti"], first["jti"], "this request still had the old one");
    let second = claims(&client.call("GET", "/me", &[]).await);
    for same in ["sub", "scope", "roles", "tenant", "auth_time", "fam", "csrf", "type"] {
        assert_eq!(second[same], first[same], "{same}");
    }
    assert_eq!((&first["fresh"], &second["fresh"]), (&json!(true), &json!(false)));
    assert_ne!(second["jti"], first["jti"]);
    assert_eq!(second["exp"].as_u64(), first["exp"].as_u64().map(|exp| exp + 8 * 60));
    // What a page read before goes on to be good: two tabs do not break each other.
    assert_eq!(client.cookie("csrf_access_token"), csrf);
    assert_eq!(client.call("POST", "/me", &[("x-csrf-token", &csrf)]).await.status, StatusCode::OK);
    // The session is one: ending it ends the new token too.
    let token = client.cookie("access_token_cookie");
    auth.log_out(auth.verify_access(&token).await.expect("good")).await.expect("held");
    assert_eq!(client.call("GET", "/me", &[]).await.code(), "token_revoked");
}

#[tokio::test]
async fn it_never_undoes_a_log_out() {
    for (path, sets) in [("/log-out", 4), ("/log-out-2", 0), ("/log-out-3", 0)] {
        let (client, _, clock) = app(|config| config);
        client.call("POST", "/login", &[]).await;
        clock.advance(10 * MINUTE);
        let answer = client.call("GET", path, &[]).await;
        assert_eq!((answer.status, answer.cookies().len()), (StatusCode::OK, sets), "{path}");
        assert!(answer.cookies().iter().all(|line| line.contains("Max-Age=0")), "{path}");
        assert_eq!(client.call("GET", "/me", &[]).await.status, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn what_was_ended_elsewhere_does_not_go_on() {
    let (client, auth, clock) = app(|config| config.revocation(Lagging::default()));
    client.call("POST", "/login", &[]).await;
    clock.advance(10 * MINUTE);
    auth.log_out_everywhere("alice").await.expect("held");
    let answer = client.call("GET", "/me", &[]).await;
    assert_eq!((answer.status, answer.cookies().len()), (StatusCode::OK, 0), "memory lags");
}

#[tokio::test]
async fn half_of_a_life_is_half_of_the_tokens_own() {
    let (client, auth, clock) = app(|config| config);
    for (life, early, late) in [(4, 1, 2), (60, 29, 2)] {
        let pair = auth.log_in("alice").expires_in(life * MINUTE).await.expect("a pair");
        client.keep("__Host-access_token_cookie", pair.access_token());
        clock.advance(early * MINUTE);
        assert!(client.call("GET", "/me", &[]).await.cookies().is_empty(), "{life} minutes");
        clock.advance(late * MINUTE);
        let answer = client.call("GET", "/me", &[]).await;
        assert_eq!(answer.cookies().is_empty(), life > 15, "no shorter than what is left");
    }
}

#[tokio::test]
async fn it_never_writes_over_a_cookie_of_the_handlers_and_a_route_turns_it_off() {
    let (client, auth, clock) = app(|config| config);
    client.call("POST", "/login", &[]).await;
    clock.advance(10 * MINUTE);
    assert!(client.call("GET", "/poll", &[]).await.cookies().is_empty());
    assert!(client.call("GET", "/open", &[]).await.cookies().is_empty(), "nobody was let in there");
    client.call("GET", "/swap", &[]).await;
    let token = auth.verify_access(&client.cookie("access_token_cookie")).await.expect("good");
    assert_eq!(token.subject(), "bob");
}

#[tokio::test]
async fn only_a_token_that_a_guard_let_in_by_cookie_is_renewed() {
    let (client, auth, clock) = app(|config| config);
    client.call("POST", "/login", &[]).await;
    let token = client.cookie("access_token_cookie");
    clock.advance(10 * MINUTE);
    let header = format!("Bearer {token}");
    assert!(client.call("GET", "/me", &[("authorization", &header)]).await.cookies().is_empty());
    assert!(client.call("GET", "/admin", &[]).await.cookies().is_empty(), "403 is not let in");
    assert!(
        client.call("POST", "/me", &[]).await.cookies().is_empty(),
        "no CSRF value, not let in"
    );
    clock.advance(5 * MINUTE);
    let answer = client.call("GET", "/me", &[]).await;
    assert_eq!((answer.code().as_str(), answer.cookies().len()), ("token_expired", 0));
    // A token that does not say when its user logged in has no known end: it is not prolonged.
    client
        .keep("__Host-access_token_cookie", &auth.access_token("robot").issue().expect("a token"));
    clock.advance(10 * MINUTE);
    let answer = client.call("GET", "/me", &[]).await;
    assert_eq!((answer.status, answer.cookies().len()), (StatusCode::OK, 0));
}

#[tokio::test]
async fn it_outlives_no_refresh_token() {
    let (client, _, clock) = app(|config| config.refresh_token_expires(20 * MINUTE));
    client.call("POST", "/login", &[]).await;
    clock.advance(10 * MINUTE);
    let renewed = client.call("GET", "/me", &[]).await;
    assert_eq!(renewed.cookies().len(), 2);
    let last = claims(&client.call("GET", "/me", &[]).await);
    assert_eq!(last["exp"].as_u64(), last["auth_time"].as_u64().map(|began| began + 20 * 60));
}

#[tokio::test]
async fn a_session_ends_for_good_however_much_it_is_used() {
    let (client, _, clock) = app(|config| config.refresh_family_expires(60 * MINUTE));
    client.call("POST", "/login", &[]).await;
    for _ in 0..5 {
        clock.advance(10 * MINUTE);
        assert_eq!(client.call("GET", "/me", &[]).await.status, StatusCode::OK);
    }
    clock.advance(9 * MINUTE);
    let last = claims(&client.call("GET", "/me", &[]).await);
    assert_eq!(last["exp"].as_u64(), last["auth_time"].as_u64().map(|began| began + 3600));
    clock.advance(MINUTE);
    assert_eq!(client.call("GET", "/me", &[]).await.code(), "token_expired");
}
