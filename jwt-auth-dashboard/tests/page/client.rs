//! A service with the page, and requests to it.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::Response;
use http_body_util::BodyExt as _;
use jwt_auth::config::TrustedIssuer;
use jwt_auth::routing::{get, post};
use jwt_auth::{
    AccessToken, Algorithm, Config, GuardedRouter, JwtAuth, Key, KeyMaterial, KeyRing,
    jwt_required, public,
};
use jwt_auth_dashboard::Dashboard as _;
use serde_json::Value;
use tower::ServiceExt as _;

pub(crate) const SECRET: &str = "correct-horse-battery-staple-0123456789";
pub(crate) const OTHER_SECRET: &str = "another-horse-battery-staple-0123456789";
pub(crate) const PAGES: [&str; 6] =
    ["", "/style.css", "/script.js", "/routes", "/keys", "/decisions"];

#[public]
async fn health() -> &'static str {
    "ok"
}

#[jwt_required(fresh, scopes("notes:write"), any_role("editor", "admin"))]
async fn write(token: AccessToken) -> String {
    token.subject().to_owned()
}

#[jwt_required(optional)]
async fn home() {}

pub(crate) fn config(secret: &str) -> Config {
    let set = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    let issuer =
        TrustedIssuer::new("https://login.example", KeyRing::jwk_set(set)).audience(["notes"]);
    let key = Key::secret(Algorithm::HS256, KeyMaterial::raw(secret.as_bytes())).id("2026");
    Config::with_keys(KeyRing::new(key)).trust(issuer)
}

pub(crate) fn router() -> GuardedRouter<JwtAuth> {
    GuardedRouter::new()
        .route("/", get(home))
        .route("/health", get(health))
        .route("/notes", post(write))
}

pub(crate) fn app() -> (Router, JwtAuth) {
    let auth = config(SECRET).build().expect("valid");
    (router().dashboard().with_state(auth.clone()), auth)
}

pub(crate) fn with_headers(
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &Value,
) -> Request {
    let mut request = Request::builder().method(method).uri(format!("/_jwt-auth{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
    request.body(body).expect("valid")
}

pub(crate) const OF_PAGE: [(&str, &str); 4] = [
    ("host", "localhost:3000"),
    ("origin", "http://localhost:3000"),
    ("sec-fetch-site", "same-origin"),
    ("content-type", "application/json"),
];

pub(crate) fn get_page(path: &str) -> Request {
    with_headers("GET", path, &[("host", "127.0.0.1:3000")], &Value::Null)
}

pub(crate) async fn send(app: &Router, request: Request) -> Response {
    app.clone().oneshot(request).await.expect("valid")
}

pub(crate) async fn text(response: Response) -> String {
    let bytes = response.into_body().collect().await.expect("valid").to_bytes();
    String::from_utf8(bytes.to_vec()).expect("valid")
}

pub(crate) async fn get_json(app: &Router, path: &str) -> Value {
    let response = send(app, get_page(path)).await;
    assert_eq!(response.status(), 200);
    serde_json::from_str(&text(response).await).expect("valid")
}

/// Sends a request as the page does.
pub(crate) async fn call(app: &Router, path: &str, body: Value) -> (StatusCode, Value) {
    let response = send(app, with_headers("POST", path, &OF_PAGE, &body)).await;
    let status = response.status();
    (status, serde_json::from_str(&text(response).await).expect("valid"))
}

/// The first bytes of a stream, up to a text in them.
pub(crate) async fn stream_until(response: Response, expected: &str) -> String {
    let (mut body, mut seen) = (response.into_body(), String::new());
    while !seen.contains(expected) {
        let frame = tokio::time::timeout(Duration::from_secs(5), body.frame()).await;
        let frame = frame.unwrap_or_else(|_| panic!("{expected} is not in {seen}"));
        let frame = frame.expect("the stream is open").expect("valid");
        seen.push_str(std::str::from_utf8(frame.data_ref().expect("valid")).expect("valid"));
    }
    seen
}
