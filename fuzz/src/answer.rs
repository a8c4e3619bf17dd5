//! Answers to requests, and what holds of every one of them.

use std::cell::RefCell;
use std::collections::HashMap;

use axum::body::{Body, to_bytes};
use axum::handler::Handler;
use axum::http::{Request, StatusCode, request::Parts};
use axum::response::Response;

use jwt_auth::JwtAuth;

use crate::token::settled;

/// An answer, read.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The body where the request was let in, the error's code where it was not.
    pub text: String,
}

/// What a handler answers to the request of these parts.
pub fn of<T, H: Handler<T, JwtAuth>>(handler: H, parts: &Parts, auth: &JwtAuth) -> Response {
    let request = Request::from_parts(parts.clone(), Body::empty());
    settled(handler.call(request, auth.clone()))
}

thread_local! {
    static SEEN: RefCell<HashMap<String, String>> = RefCell::default();
}

/// Reads an answer: never a server's error, and a refusal says nothing that its code does not decide (W6, G3).
#[must_use]
pub fn read(response: Response) -> Answer {
    let status = response.status();
    let challenge = response.headers().get("www-authenticate").cloned();
    let body = settled(to_bytes(response.into_body(), usize::MAX)).expect("a body");
    let text = String::from_utf8(body.into()).expect("UTF-8");
    assert!(!status.is_server_error(), "{status} {text}");
    if status.is_success() {
        return Answer { status, text };
    }
    let error: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let code = error["code"].as_str().expect("a code").to_owned();
    let whole = format!("{status} {challenge:?} {text}");
    SEEN.with_borrow_mut(|seen| {
        let first = seen.entry(code.clone()).or_insert_with(|| whole.clone());
        assert_eq!(*first, whole, "one code, two answers");
    });
    Answer { status, text: code }
}
