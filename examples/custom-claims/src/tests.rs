//! What each user may do, and what changes when the database does.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use jwt_auth::Config;
use jwt_auth::danger::decode_unverified;
use serde_json::Value;
use tower::ServiceExt as _;

use super::{App, Plan, Users};

const SECRET: [u8; 32] = *b"secret number 7, with 32 bytes .";

fn app() -> (Router, Users) {
    let users = Users::new();
    let auth = super::auth(Config::hs256(SECRET), users.clone()).unwrap();
    (super::router().with_state(App { auth, users: users.clone() }), users)
}

async fn send(app: &Router, request: Request<Body>) -> (StatusCode, HeaderMap, String) {
    let (parts, body) = app.clone().oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (parts.status, parts.headers, String::from_utf8(body.to_vec()).unwrap())
}

async fn fetch(app: &Router, method: &str, path: &str, token: &str) -> (StatusCode, String) {
    let request = Request::builder().method(method).uri(path);
    let request = request.header("authorization", format!("Bearer {token}"));
    let (status, _, body) = send(app, request.body(Body::empty()).unwrap()).await;
    (status, body)
}

/// The access token and the refresh token of a new session.
async fn log_in(app: &Router, name: &str) -> [String; 2] {
    let body = format!(r#"{{"username":"{name}","password":"wonderland"}}"#);
    let request = Request::post("/login").header("content-type", "application/json");
    let (status, _, body) = send(app, request.body(Body::from(body)).unwrap()).await;
    assert_eq!(status, StatusCode::OK);
    tokens(&body)
}

fn tokens(body: &str) -> [String; 2] {
    let pair: Value = serde_json::from_str(body).unwrap();
    ["access_token", "refresh_token"].map(|name| pair[name].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn tokens_have_the_claims_of_the_user() {
    let (app, _) = app();
    let [alice, _] = log_in(&app, "alice").await;
    let claims = decode_unverified(&alice).unwrap().claims;
    assert_eq!((&claims["tenant"], &claims["plan"]), (&"rabbit".into(), &"paid".into()));
    assert_eq!(claims["scope"], "reports:read reports:write");
    assert_eq!(fetch(&app, "GET", "/tenant", &alice).await, (StatusCode::OK, "rabbit".to_owned()));
    let (status, body) = fetch(&app, "GET", "/me", &alice).await;
    assert_eq!((status, body.as_str()), (StatusCode::OK, "Welcome, Alice Liddell!"));
}

#[tokio::test]
async fn permissions_and_the_check_are_enforced() {
    let (app, _) = app();
    let [alice, _] = log_in(&app, "alice").await;
    let [bob, _] = log_in(&app, "bob").await;
    for (method, path, of_alice, of_bob) in [
        ("GET", "/reports", StatusCode::OK, StatusCode::OK),
        ("POST", "/reports", StatusCode::CREATED, StatusCode::FORBIDDEN),
        ("GET", "/export", StatusCode::OK, StatusCode::FORBIDDEN),
    ] {
        assert_eq!(fetch(&app, method, path, &alice).await.0, of_alice, "{method} {path}");
        assert_eq!(fetch(&app, method, path, &bob).await.0, of_bob, "{method} {path}");
    }
    let request = Request::post("/reports").header("authorization", format!("Bearer {bob}"));
    let (_, headers, _) = send(&app, request.body(Body::empty()).unwrap()).await;
    let challenge = headers["www-authenticate"].to_str().unwrap();
    assert!(challenge.ends_with("scope=\"reports:read reports:write\""), "{challenge}");
    let (_, body) = fetch(&app, "GET", "/export", &bob).await;
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["code"], "forbidden");
    assert_eq!(body["detail"], "Exports are part of the paid plan");
}

#[tokio::test]
async fn a_refresh_reads_the_claims_again() {
    let (app, users) = app();
    let [old, refresh] = log_in(&app, "bob").await;
    users.0.lock().unwrap().get_mut("bob").unwrap().claims.plan = Plan::Paid;
    assert_eq!(fetch(&app, "GET", "/export", &old).await.0, StatusCode::FORBIDDEN);
    let (status, body) = fetch(&app, "POST", "/refresh", &refresh).await;
    assert_eq!(status, StatusCode::OK);
    let [new, _] = tokens(&body);
    assert_eq!(fetch(&app, "GET", "/export", &new).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_deleted_user_is_refused_and_gets_no_token() {
    let (app, users) = app();
    let [bob, refresh] = log_in(&app, "bob").await;
    users.0.lock().unwrap().remove("bob");
    let (status, body) = fetch(&app, "GET", "/me", &bob).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(body.contains("user_unknown"), "{body}");
    let (status, body) = fetch(&app, "POST", "/refresh", &refresh).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "no token for a deleted user");
    assert!(body.contains("user_unknown"), "{body}");
}

#[tokio::test]
async fn a_token_without_the_claims_is_refused_where_they_are_needed() {
    let (app, _) = app();
    let elsewhere = Config::hs256(SECRET).build().unwrap();
    let bare = elsewhere.access_token("alice").issue().unwrap();
    let (status, body) = fetch(&app, "GET", "/tenant", &bare).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(body.contains("claims_invalid"), "{body}");
    assert_eq!(
        fetch(&app, "GET", "/me", &bare).await.0,
        StatusCode::OK,
        "this route does not need them"
    );
}

#[tokio::test]
async fn every_route_is_guarded() {
    let (app, _) = app();
    let manifest = super::router().manifest();
    jwt_auth::testing::assert_manifest(&manifest, "routes.json");
    jwt_auth::testing::assert_guarded(app, &manifest).await;
}
