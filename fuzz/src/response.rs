//! Responses, and the rules that hold for every one of them.

use std::cell::RefCell;
use std::collections::HashMap;

use axum::body::{Body, to_bytes};
use axum::handler::Handler;
use axum::http::{Request, StatusCode, request::Parts};
use axum::response::Response;

use jwt_auth::JwtAuth;

use crate::token::run_ready;

/// A response with its whole body.
#[derive(Debug)]
pub struct TestResponse {
    /// The status.
    pub status: StatusCode,
    /// The body if the request was admitted, else the code of the error.
    pub text: String,
}

/// Calls a handler with a request of these parts.
pub fn call<T, H: Handler<T, JwtAuth>>(handler: H, parts: &Parts, auth: &JwtAuth) -> Response {
    let request = Request::from_parts(parts.clone(), Body::empty());
    run_ready(handler.call(request, auth.clone()))
}

thread_local! {
    static RESPONSES: RefCell<HashMap<String, String>> = RefCell::default();
}

/// Reads a response. It is never a server error (G3), and the code alone determines the text of a refusal (W6).
#[must_use]
pub fn read(response: Response) -> TestResponse {
    let status = response.status();
    let challenge = response.headers().get("www-authenticate").cloned();
    let body = run_ready(to_bytes(response.into_body(), usize::MAX)).expect("a body");
    let text = String::from_utf8(body.into()).expect("UTF-8");
    assert!(!status.is_server_error(), "{status} {text}");
    if status.is_success() {
        return TestResponse { status, text };
    }
    let error: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let code = error["code"].as_str().expect("a code").to_owned();
    let whole = format!("{status} {challenge:?} {text}");
    RESPONSES.with_borrow_mut(|responses| {
        let first = responses.entry(code.clone()).or_insert_with(|| whole.clone());
        assert_eq!(*first, whole, "two responses with one code");
    });
    TestResponse { status, text: code }
}
