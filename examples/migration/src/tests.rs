//! Statuses and bodies are exactly those of fastapi-jwt-auth.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt as _;
use jwt_auth::danger::decode_unverified;
use jwt_auth::{Config, JwtAuth, ManualClock};
use serde_json::Value;
use tower::ServiceExt as _;

const SECRET: &str = "an example secret of 32 bytes :)";

/// A token that fastapi-jwt-auth creates by `create_access_token(subject="test")` at 1700000000, signed with this secret
/// by `PyJWT`.
const FROM_PYTHON: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJ0ZXN0IiwiaWF0IjoxNzAwMDAwMDAwLCJuYmYiOjE3MDAwMDAwMDAsImp0aSI6IjZiMjZkZTkwLThhMDYtNDEzMy04MzZiLTAwMDAwMGFjY2VzcyIsImV4cCI6MTcwMDAwMDkwMCwidHlwZSI6ImFjY2VzcyIsImZyZXNoIjpmYWxzZX0.Ym49C3aMsoJQDbJBNpFW2-BfbUkq2b__2dYQJoPzKFM";

fn app() -> (Router, JwtAuth, ManualClock) {
    let clock = ManualClock::at(1_700_000_000);
    let auth = super::get_config(Config::hs256(SECRET).clock(clock.clone())).unwrap();
    (super::router().with_state(auth.clone()), auth, clock)
}

async fn send(app: &Router, request: Request<Body>) -> (u16, String) {
    let (parts, body) = app.clone().oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (parts.status.as_u16(), String::from_utf8(body.to_vec()).unwrap())
}

async fn log_in(app: &Router, password: &str) -> (u16, String) {
    let body = format!(r#"{{"username":"test","password":"{password}"}}"#);
    let request = Request::post("/login").header("content-type", "application/json");
    send(app, request.body(Body::from(body)).unwrap()).await
}

/// Sends `GET /user` with this `Authorization` header.
async fn user(app: &Router, authorization: Option<&str>) -> (u16, String) {
    let mut request = Request::get("/user");
    if let Some(header) = authorization {
        request = request.header("authorization", header);
    }
    send(app, request.body(Body::empty()).unwrap()).await
}

fn detail(sentence: &str) -> String {
    format!(r#"{{"detail":"{sentence}"}}"#)
}

#[tokio::test]
async fn log_in_returns_a_token_that_the_user_route_accepts() {
    let (app, ..) = app();
    assert_eq!(log_in(&app, "wrong").await, (401, detail("Bad username or password")));
    let (status, body) = log_in(&app, "test").await;
    assert_eq!(status, 200);
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body.as_object().unwrap().len(), 1, "the access token only");
    let token = body["access_token"].as_str().unwrap();
    let response = user(&app, Some(&format!("Bearer {token}"))).await;
    assert_eq!(response, (200, r#"{"user":"test"}"#.to_owned()));
}

#[tokio::test]
async fn a_token_of_python_is_accepted_and_ours_has_the_same_claims() {
    let (app, auth, _) = app();
    let response = user(&app, Some(&format!("Bearer {FROM_PYTHON}"))).await;
    assert_eq!(response, (200, r#"{"user":"test"}"#.to_owned()));
    let theirs = decode_unverified(FROM_PYTHON).unwrap().claims;
    let ours = decode_unverified(&auth.access_token("test").issue().unwrap()).unwrap().claims;
    let names = |claims: &serde_json::Map<String, Value>| {
        let mut names: Vec<_> = claims.keys().cloned().collect();
        names.sort();
        names
    };
    assert_eq!(names(&ours), names(&theirs));
    for name in ["sub", "iat", "nbf", "exp", "type", "fresh"] {
        assert_eq!(ours[name], theirs[name], "{name}");
    }
}

#[tokio::test]
async fn refusals_are_those_of_fastapi_jwt_auth() {
    let (app, auth, _) = app();
    let refresh = format!("Bearer {}", &*auth.refresh_token("test").issue().unwrap());
    let other = Config::hs256(*b"secret number 8, with 32 bytes .")
        .clock(ManualClock::at(1_700_000_000))
        .build()
        .unwrap();
    let forged = format!("Bearer {}", &*other.access_token("test").issue().unwrap());
    let bad_header = "Bad Authorization header. Expected value 'Bearer <JWT>'";
    for (header, status, sentence) in [
        (None, 401, "Missing Authorization Header"),
        (Some("Basic dGVzdDp0ZXN0"), 422, bad_header),
        (Some("Bearer"), 422, bad_header),
        (Some("Bearer two words"), 422, bad_header),
        (Some("Bearer test"), 422, "Not enough segments"),
        (Some("Bearer aaaaa.b.c"), 422, "Invalid header padding"),
        // {"alg":"none"}
        (Some("Bearer eyJhbGciOiJub25lIn0.e30.eA"), 422, "The specified alg value is not allowed"),
        (Some(forged.as_str()), 422, "Signature verification failed"),
        (Some(refresh.as_str()), 422, "Only access tokens are allowed"),
    ] {
        assert_eq!(user(&app, header).await, (status, detail(sentence)), "{header:?}");
    }
}

#[tokio::test]
async fn expired_and_revoked_tokens_are_refused_like_there() {
    let (app, auth, clock) = app();
    let token = auth.access_token("test").issue().unwrap();
    let verified = auth.verify_access(&token).await.unwrap();
    let header = format!("Bearer {}", &*token);
    auth.revoke(&verified).await.unwrap();
    assert_eq!(user(&app, Some(&header)).await, (401, detail("Token has been revoked")));
    let header = format!("Bearer {FROM_PYTHON}");
    clock.advance(Duration::from_secs(899));
    assert_eq!(user(&app, Some(&header)).await.0, 200);
    clock.advance(Duration::from_secs(1));
    assert_eq!(user(&app, Some(&header)).await, (422, detail("Signature has expired")));
}

#[tokio::test]
async fn every_route_is_guarded() {
    let (app, _, _) = app();
    let manifest = super::router().manifest();
    jwt_auth::testing::assert_manifest(&manifest, "routes.json");
    jwt_auth::testing::assert_guarded(app, &manifest).await;
}
