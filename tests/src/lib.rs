//! What the tests share: an app behind `oneshot`, a clock that stands still, and tokens made by hand.

pub mod postgres;
pub mod process;
pub mod proxy;
pub mod redis;

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http_body_util::BodyExt as _;
use jwt_auth::{Config, ManualClock};
use serde_json::{Value, json};
use tower::ServiceExt as _;

#[cfg(feature = "aws_lc_rs")]
use jsonwebtoken::crypto::aws_lc as provider;
#[cfg(not(feature = "aws_lc_rs"))]
use jsonwebtoken::crypto::rust_crypto as provider;

/// The time that the tests' clocks start at.
pub const NOW: u64 = 1_700_000_000;

/// The secret of the tests, 32 bytes.
pub const SECRET: &[u8; 32] = b"an example secret of 32 bytes :)";

/// A configuration over [`SECRET`] whose clock stands at [`NOW`], with as many tokens kept as
/// `TESTS_VERIFIED_CACHE` says, so that all tests can be run over either verifier.
pub fn config() -> (Config, ManualClock) {
    let clock = ManualClock::at(NOW);
    let config = Config::hs256(SECRET).clock(clock.clone());
    match std::env::var("TESTS_VERIFIED_CACHE").ok().and_then(|entries| entries.parse().ok()) {
        Some(entries) => (config.verified_cache(entries), clock),
        None => (config, clock),
    }
}

/// Runs a future that never waits.
///
/// # Panics
///
/// When it waits.
pub fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("nothing here waits"),
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: String,
}

impl Answer {
    /// The challenge, or nothing.
    pub fn challenge(&self) -> &str {
        self.headers.get("www-authenticate").map_or("", |value| value.to_str().unwrap_or("?"))
    }

    /// The stable code of an error's body.
    pub fn code(&self) -> String {
        let body: Value = serde_json::from_str(&self.body).unwrap_or_default();
        body["code"].as_str().unwrap_or_default().to_owned()
    }
}

impl Answer {
    /// The lines that set cookies.
    pub fn cookies(&self) -> Vec<&str> {
        let lines = self.headers.get_all("set-cookie").iter();
        lines.map(|line| line.to_str().unwrap_or("?")).collect()
    }

    /// The sentence of an error's body.
    pub fn detail(&self) -> String {
        let body: Value = serde_json::from_str(&self.body).unwrap_or_default();
        body["detail"].as_str().unwrap_or_default().to_owned()
    }
}

/// A client that keeps its cookies, as a browser does, and sends all of them to every path.
#[derive(Debug)]
pub struct Client {
    /// The app.
    pub app: Router,
    jar: std::sync::Mutex<Vec<(String, String)>>,
}

impl Client {
    /// A client without cookies.
    pub fn new(app: Router) -> Self {
        Self { app, jar: std::sync::Mutex::default() }
    }

    /// The same cookies, for another app.
    #[must_use]
    pub fn moved_to(self, app: Router) -> Self {
        Self { app, ..self }
    }

    /// A request with the cookies and these headers; cookies of the answer are kept.
    ///
    /// # Panics
    ///
    /// When the parts make no request.
    pub async fn call(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.call_with(method, path, headers, Body::empty()).await
    }

    /// The same, with a body.
    ///
    /// # Panics
    ///
    /// When the parts make no request.
    pub async fn call_with(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Body,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        let cookies = self.cookies();
        if !cookies.is_empty() {
            request = request.header("cookie", cookies);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = send(&self.app, request.body(body).expect("a request")).await;
        let mut jar = self.jar.lock().expect("no panic");
        for line in answer.cookies() {
            let (name, rest) = line.split_once('=').expect("a cookie");
            let value = rest.split(';').next().unwrap_or_default();
            jar.retain(|(kept, _)| kept != name);
            if !line.contains("Max-Age=0") {
                jar.push((name.to_owned(), value.to_owned()));
            }
        }
        answer
    }

    /// The cookies, as a request bears them.
    ///
    /// # Panics
    ///
    /// After a panic.
    pub fn cookies(&self) -> String {
        let jar = self.jar.lock().expect("no panic");
        jar.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    /// The value of the cookie whose name ends so, or nothing.
    ///
    /// # Panics
    ///
    /// After a panic.
    pub fn cookie(&self, end: &str) -> String {
        let jar = self.jar.lock().expect("no panic");
        let found = jar.iter().find(|(name, _)| name.ends_with(end));
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    }

    /// Puts a cookie into the jar, or another value into one that is there.
    ///
    /// # Panics
    ///
    /// After a panic.
    pub fn keep(&self, name: &str, value: &str) {
        let mut jar = self.jar.lock().expect("no panic");
        jar.retain(|(kept, _)| kept != name);
        jar.push((name.to_owned(), value.to_owned()));
    }
}

/// Sends a request to an app in process.
///
/// # Panics
///
/// When the app does not answer, which a router always does.
pub async fn send(app: &Router, request: Request<Body>) -> Answer {
    let response = app.clone().oneshot(request).await.expect("a router is infallible");
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.expect("the body is in memory").to_bytes();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body: String::from_utf8_lossy(&bytes).into_owned(),
    }
}

/// `GET path` with `Authorization: Bearer token`.
pub async fn get(app: &Router, path: &str, token: &str) -> Answer {
    call(app, "GET", path, Some(token)).await
}

/// A request without a body, with a token or without.
///
/// # Panics
///
/// When path or token make no request.
pub async fn call(app: &Router, method: &str, path: &str, token: Option<&str>) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    send(app, request.body(Body::empty()).expect("a request")).await
}

/// The token with a bit of its signature flipped, whatever it was.
///
/// # Panics
///
/// When the text is no token.
pub fn forged(token: &str) -> String {
    let at = token.rfind('.').expect("a token") + 1;
    let other = if token[at..].starts_with('A') { "B" } else { "A" };
    format!("{}{other}{}", &token[..at], &token[at + 1..])
}

/// The claims of a good access token at [`NOW`].
pub fn claims() -> Value {
    json!({
        "sub": "alice", "iat": NOW, "nbf": NOW, "exp": NOW + 900, "jti": "an-id", "type": "access",
        "fresh": false,
    })
}

/// A token signed by [`SECRET`] with HS256, whatever its header and claims say.
pub fn forge(header: &Value, claims: &Value) -> String {
    sign(&header.to_string(), &claims.to_string())
}

/// The same over texts, which need not be JSON.
pub fn sign(header: &str, claims: &str) -> String {
    sign_encoded(&URL_SAFE_NO_PAD.encode(header), &URL_SAFE_NO_PAD.encode(claims))
}

/// The same over segments, which need not be base64url.
pub fn sign_encoded(header: &str, claims: &str) -> String {
    sign_message(SECRET, &format!("{header}.{claims}"))
}

/// A token signed by a secret of the caller's.
pub fn sign_with(secret: &[u8], header: &Value, claims: &Value) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    sign_message(secret, &format!("{}.{}", encode(header), encode(claims)))
}

fn sign_message(secret: &[u8], message: &str) -> String {
    let key = jsonwebtoken::EncodingKey::from_secret(secret);
    let signer = (provider::DEFAULT_PROVIDER.signer_factory)(&jsonwebtoken::Algorithm::HS256, &key)
        .expect("HMAC takes any key");
    let signature = signer.try_sign(message.as_bytes()).expect("HMAC signs anything");
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// The header that `PyJWT` writes.
pub fn plain_header() -> Value {
    json!({ "typ": "JWT", "alg": "HS256" })
}
