//! What the tests of the frameworks share: a configuration, and a request.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use jwt_auth::{Config, JwtAuth, KeyMaterial};
use tower::ServiceExt as _;

/// A configuration with a key of its own.
pub fn auth() -> JwtAuth {
    Config::hs256(KeyMaterial::ephemeral()).build().expect("a valid configuration")
}

/// Sends a request whose body is JSON or a form, and returns the status and the body.
pub async fn send(
    app: &Router,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: &str,
) -> (StatusCode, String) {
    let media_type = match body.starts_with('{') {
        true => "application/json",
        false => "application/x-www-form-urlencoded",
    };
    let mut request = Request::builder().method(method).uri(path);
    request = request.header(header::CONTENT_TYPE, media_type);
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let request = request.body(Body::from(body.to_owned())).expect("a request");
    let response = app.clone().oneshot(request).await.expect("a response");
    let status = response.status();
    let body = to_bytes(response.into_body(), usize::MAX).await.expect("a body");
    (status, String::from_utf8_lossy(&body).into_owned())
}
