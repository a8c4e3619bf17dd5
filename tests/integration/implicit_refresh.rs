//! Implicit refresh: a session in use is renewed, and one that ended is not.

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
use tests::{Client, TestResponse, bearer, config};

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
async fn log_out_without_unsetting_cookies(
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
    let auth = change(config.token_location(locations)).build().expect("a valid configuration");
    let router = GuardedRouter::new()
        .route("/login", post(login))
        .route("/me", any(me))
        .route("/poll", get(poll))
        .route("/log-out", get(log_out))
        .route("/log-out-2", get(log_out_without_unsetting_cookies))
        .route("/log-out-3", get(log_out_everywhere))
        .route("/swap", get(swap))
        .route("/admin", get(admin))
        .route("/open", get(open))
        .layer(auth.implicit_refresh())
        .with_state(auth.clone());
    (Client::new(router), auth, clock)
}

const MINUTE: Duration = Duration::from_secs(60);

fn claims(response: &TestResponse) -> serde_json::Value {
    serde_json::from_str(&response.body).expect("claims")
}

#[tokio::test]
async fn a_renewed_token_keeps_session_permissions_claims_and_csrf_value() {
    let (client, auth, clock) = app(|config| config);
    client.call("POST", "/login", &[]).await;
    let first = claims(&client.call("GET", "/me", &[]).await);
    let csrf = client.cookie("csrf_access_token");
    clock.advance(7 * MINUTE);
    assert!(client.call("GET", "/me", &[]).await.cookies().is_empty(), "more than half is left");
    clock.advance(MINUTE);
    let response = client.call("GET", "/me", &[]).await;
    assert_eq!(response.cookies().len(), 2, "the access cookie and its CSRF value");
    assert_eq!(response.headers["cache-control"], "no-store");
    assert_eq!(claims(&response)["jti"], first["jti"], "this request still used the old token");
    let second = claims(&client.call("GET", "/me", &[]).await);
    for same in ["sub", "scope", "roles", "tenant", "auth_time", "sid", "csrf", "type"] {
        assert_eq!(second[same], first[same], "{same}");
    }
    assert_eq!((&first["fresh"], &second["fresh"]), (&json!(true), &json!(false)));
    assert_ne!(second["jti"], first["jti"]);
    assert_eq!(second["exp"].as_u64(), first["exp"].as_u64().map(|exp| exp + 8 * 60));
    // The CSRF value does not change, so other tabs continue to work.
    assert_eq!(client.cookie("csrf_access_token"), csrf);
    assert_eq!(client.call("POST", "/me", &[("x-csrf-token", &csrf)]).await.status, StatusCode::OK);
    // The new token belongs to the same session, so a log-out ends it too.
    let token = client.cookie("access_token_cookie");
    auth.log_out(auth.verify_access(&token).await.expect("a valid token")).await.expect("recorded");
    assert_eq!(client.call("GET", "/me", &[]).await.code(), "token_revoked");
}

#[tokio::test]
async fn a_log_out_is_never_undone() {
    for (path, sets) in [("/log-out", 4), ("/log-out-2", 0), ("/log-out-3", 0)] {
        let (client, _, clock) = app(|config| config);
        client.call("POST", "/login", &[]).await;
        clock.advance(10 * MINUTE);
        let response = client.call("GET", path, &[]).await;
        assert_eq!((response.status, response.cookies().len()), (StatusCode::OK, sets), "{path}");
        assert!(response.cookies().iter().all(|line| line.contains("Max-Age=0")), "{path}");
        assert_eq!(client.call("GET", "/me", &[]).await.status, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn a_session_that_another_node_ended_is_not_renewed() {
    let (client, auth, clock) = app(|config| config.revocation(Lagging::default()));
    client.call("POST", "/login", &[]).await;
    clock.advance(10 * MINUTE);
    auth.log_out_everywhere("alice").await.expect("recorded");
    let response = client.call("GET", "/me", &[]).await;
    assert_eq!(
        (response.status, response.cookies().len()),
        (StatusCode::OK, 0),
        "the replica lags"
    );
}

#[tokio::test]
async fn a_token_is_renewed_after_half_of_its_own_life() {
    let (client, auth, clock) = app(|config| config);
    for (life, early, late) in [(4, 1, 2), (60, 29, 2)] {
        let pair = auth.log_in("alice").expires_in(life * MINUTE).await.expect("a pair");
        client.set_cookie("__Host-access_token_cookie", pair.access_token());
        clock.advance(early * MINUTE);
        assert!(client.call("GET", "/me", &[]).await.cookies().is_empty(), "{life} minutes");
        clock.advance(late * MINUTE);
        let response = client.call("GET", "/me", &[]).await;
        assert_eq!(response.cookies().is_empty(), life > 15, "a renewal never shortens the life");
    }
}

#[tokio::test]
async fn a_cookie_of_the_handler_is_kept_and_no_implicit_refresh_turns_renewal_off() {
    let (client, auth, clock) = app(|config| config);
    client.call("POST", "/login", &[]).await;
    clock.advance(10 * MINUTE);
    assert!(client.call("GET", "/poll", &[]).await.cookies().is_empty());
    assert!(
        client.call("GET", "/open", &[]).await.cookies().is_empty(),
        "a public route admits no token"
    );
    client.call("GET", "/swap", &[]).await;
    let token =
        auth.verify_access(&client.cookie("access_token_cookie")).await.expect("a valid token");
    assert_eq!(token.subject(), "bob");
}

#[tokio::test]
async fn only_a_token_that_a_guard_admitted_by_cookie_is_renewed() {
    let (client, auth, clock) = app(|config| config);
    client.call("POST", "/login", &[]).await;
    let token = client.cookie("access_token_cookie");
    clock.advance(10 * MINUTE);
    let header = bearer(&token);
    assert!(client.call("GET", "/me", &[("authorization", &header)]).await.cookies().is_empty());
    assert!(client.call("GET", "/admin", &[]).await.cookies().is_empty(), "403 is not admitted");
    assert!(
        client.call("POST", "/me", &[]).await.cookies().is_empty(),
        "a request without the CSRF value is not admitted"
    );
    clock.advance(5 * MINUTE);
    let response = client.call("GET", "/me", &[]).await;
    assert_eq!((response.code().as_str(), response.cookies().len()), ("token_expired", 0));
    // A token without `auth_time` has no known session end, so it is not renewed.
    client.set_cookie(
        "__Host-access_token_cookie",
        &auth.access_token("robot").issue().expect("a token"),
    );
    clock.advance(10 * MINUTE);
    let response = client.call("GET", "/me", &[]).await;
    assert_eq!((response.status, response.cookies().len()), (StatusCode::OK, 0));
}

#[tokio::test]
async fn a_renewed_token_does_not_outlive_the_refresh_token() {
    let (client, _, clock) = app(|config| config.refresh_token_expires(20 * MINUTE));
    client.call("POST", "/login", &[]).await;
    clock.advance(10 * MINUTE);
    let renewed = client.call("GET", "/me", &[]).await;
    assert_eq!(renewed.cookies().len(), 2);
    let last = claims(&client.call("GET", "/me", &[]).await);
    assert_eq!(last["exp"].as_u64(), last["auth_time"].as_u64().map(|began| began + 20 * 60));
}

#[tokio::test]
async fn a_session_in_use_ends_at_its_absolute_end() {
    let (client, _, clock) = app(|config| config.session_expires(60 * MINUTE));
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
