//! Helpers of the tests: requests by `oneshot`, a fixed clock, and tokens signed by hand.

pub mod folder;
pub mod framework;
pub mod identity_provider;
pub mod postgres;
pub mod process;
pub mod provider;
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
use jsonwebtoken::crypto::aws_lc as cryptography;
#[cfg(not(feature = "aws_lc_rs"))]
use jsonwebtoken::crypto::rust_crypto as cryptography;

/// The time at which the clocks of the tests start.
pub const NOW: u64 = 1_700_000_000;

/// The secret of the tests: 32 bytes.
pub const SECRET: &[u8; 32] = b"an example secret of 32 bytes :)";

/// A configuration with [`SECRET`] whose clock is at [`NOW`].
///
/// `TESTS_VERIFIED_CACHE` sets the size of its cache of verified tokens, so that all tests can run with and without
/// the cache.
pub fn config() -> (Config, ManualClock) {
    let clock = ManualClock::at(NOW);
    let config = Config::hs256(SECRET).clock(clock.clone());
    match std::env::var("TESTS_VERIFIED_CACHE").ok().and_then(|entries| entries.parse().ok()) {
        Some(entries) => (config.verified_cache(entries), clock),
        None => (config, clock),
    }
}

/// Runs a future that is ready at once.
///
/// # Panics
///
/// If the future has to wait.
pub fn run_ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the future is not ready"),
    }
}

/// A response with its whole body.
#[derive(Debug)]
pub struct TestResponse {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: String,
}

impl TestResponse {
    /// The value of `WWW-Authenticate`; empty if there is none.
    pub fn challenge(&self) -> &str {
        self.headers.get("www-authenticate").map_or("", |value| value.to_str().unwrap_or("?"))
    }

    /// The body as a release build writes it: without the `hint` of debug builds.
    pub fn body_of_release(&self) -> String {
        let Ok(mut body) = serde_json::from_str::<Value>(&self.body) else {
            return self.body.clone();
        };
        if let Some(members) = body.as_object_mut() {
            members.remove("hint");
        }
        body.to_string()
    }

    /// The `code` of an error body; empty if there is none.
    pub fn code(&self) -> String {
        let body: Value = serde_json::from_str(&self.body).unwrap_or_default();
        body["code"].as_str().unwrap_or_default().to_owned()
    }
}

impl TestResponse {
    /// The values of `Set-Cookie`.
    pub fn cookies(&self) -> Vec<&str> {
        let lines = self.headers.get_all("set-cookie").iter();
        lines.map(|line| line.to_str().unwrap_or("?")).collect()
    }

    /// The `detail` of an error body; empty if there is none.
    pub fn detail(&self) -> String {
        let body: Value = serde_json::from_str(&self.body).unwrap_or_default();
        body["detail"].as_str().unwrap_or_default().to_owned()
    }
}

/// A client that stores cookies like a browser, and sends all of them to every path.
#[derive(Debug)]
pub struct Client {
    /// The app that it sends requests to.
    pub app: Router,
    jar: std::sync::Mutex<Vec<(String, String)>>,
}

impl Client {
    /// A client without cookies.
    pub fn new(app: Router) -> Self {
        Self { app, jar: std::sync::Mutex::default() }
    }

    /// The same cookies, with another app.
    #[must_use]
    pub fn with_app(self, app: Router) -> Self {
        Self { app, ..self }
    }

    /// Sends a request with the cookies and these headers, and stores the cookies of the response.
    ///
    /// # Panics
    ///
    /// If the parts are not a valid request.
    pub async fn call(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> TestResponse {
        self.call_with(method, path, headers, Body::empty()).await
    }

    /// Like [`call`](Self::call), with a body.
    ///
    /// # Panics
    ///
    /// If the parts are not a valid request.
    pub async fn call_with(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Body,
    ) -> TestResponse {
        let mut request = Request::builder().method(method).uri(path);
        let cookies = self.cookies();
        if !cookies.is_empty() {
            request = request.header("cookie", cookies);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = send(&self.app, request.body(body).expect("a valid request")).await;
        let mut jar = self.jar.lock().expect("no panic");
        for line in response.cookies() {
            let (name, rest) = line.split_once('=').expect("a cookie");
            let value = rest.split(';').next().unwrap_or_default();
            jar.retain(|(stored, _)| stored != name);
            if !line.contains("Max-Age=0") {
                jar.push((name.to_owned(), value.to_owned()));
            }
        }
        response
    }

    /// The value of the `Cookie` header of its next request.
    ///
    /// # Panics
    ///
    /// If another thread panicked while it held the cookies.
    pub fn cookies(&self) -> String {
        let jar = self.jar.lock().expect("no panic");
        jar.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    /// The value of the cookie whose name has this suffix; empty if there is none.
    ///
    /// # Panics
    ///
    /// If another thread panicked while it held the cookies.
    pub fn cookie(&self, suffix: &str) -> String {
        let jar = self.jar.lock().expect("no panic");
        let found = jar.iter().find(|(name, _)| name.ends_with(suffix));
        found.map(|(_, value)| value.clone()).unwrap_or_default()
    }

    /// Stores a cookie, and replaces one of the same name.
    ///
    /// # Panics
    ///
    /// If another thread panicked while it held the cookies.
    pub fn set_cookie(&self, name: &str, value: &str) {
        let mut jar = self.jar.lock().expect("no panic");
        jar.retain(|(stored, _)| stored != name);
        jar.push((name.to_owned(), value.to_owned()));
    }
}

/// Sends a request to an app in this process.
///
/// # Panics
///
/// If the body of the response fails.
pub async fn send(app: &Router, request: Request<Body>) -> TestResponse {
    let response = app.clone().oneshot(request).await.expect("a router is infallible");
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.expect("the body is in memory").to_bytes();
    TestResponse {
        status: parts.status,
        headers: parts.headers,
        body: String::from_utf8_lossy(&bytes).into_owned(),
    }
}

/// The value of an `Authorization` header with this token.
pub fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

/// Sends `GET path` with `Authorization: Bearer token`.
pub async fn get(app: &Router, path: &str, token: &str) -> TestResponse {
    call(app, "GET", path, Some(token)).await
}

/// Sends a request without a body, with a token or without one.
///
/// # Panics
///
/// If path and token are not a valid request.
pub async fn call(app: &Router, method: &str, path: &str, token: Option<&str>) -> TestResponse {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(token) = token {
        request = request.header("authorization", bearer(token));
    }
    send(app, request.body(Body::empty()).expect("a valid request")).await
}

/// The token with another first character in its signature.
///
/// # Panics
///
/// If the text is not a token.
pub fn tamper_with_signature(token: &str) -> String {
    let at = token.rfind('.').expect("a token") + 1;
    let other = if token[at..].starts_with('A') { "B" } else { "A" };
    format!("{}{other}{}", &token[..at], &token[at + 1..])
}

/// The claims of an access token that is valid at [`NOW`].
pub fn claims() -> Value {
    json!({
        "sub": "alice", "iat": NOW, "nbf": NOW, "exp": NOW + 900, "jti": "an-id", "type": "access",
        "fresh": false,
    })
}

/// A token with any header and claims, signed by [`SECRET`] with HS256.
pub fn forge(header: &Value, claims: &Value) -> String {
    sign(&header.to_string(), &claims.to_string())
}

/// Like [`forge`], with texts that need not be JSON.
pub fn sign(header: &str, claims: &str) -> String {
    sign_encoded(&URL_SAFE_NO_PAD.encode(header), &URL_SAFE_NO_PAD.encode(claims))
}

/// Like [`sign`], with segments that need not be base64url.
pub fn sign_encoded(header: &str, claims: &str) -> String {
    sign_message(SECRET, &format!("{header}.{claims}"))
}

/// Like [`forge`], with another secret.
pub fn sign_with(secret: &[u8], header: &Value, claims: &Value) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    sign_message(secret, &format!("{}.{}", encode(header), encode(claims)))
}

fn sign_message(secret: &[u8], message: &str) -> String {
    let key = jsonwebtoken::EncodingKey::from_secret(secret);
    let signature = sign_bytes(message.as_bytes(), &key, jsonwebtoken::Algorithm::HS256);
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// The signature of a message by jsonwebtoken.
///
/// # Panics
///
/// If the key is not one for the algorithm.
pub fn sign_bytes(
    message: &[u8],
    key: &jsonwebtoken::EncodingKey,
    algorithm: jsonwebtoken::Algorithm,
) -> Vec<u8> {
    let signer = (cryptography::DEFAULT_PROVIDER.signer_factory)(&algorithm, key);
    signer.expect("a key for the algorithm").try_sign(message).expect("it signs anything")
}

/// The algorithms with a key pair that this backend has.
pub fn key_pair_algorithms() -> Vec<&'static str> {
    let all =
        ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"];
    all.into_iter().filter(|name| *name != "ES512" || cfg!(feature = "aws_lc_rs")).collect()
}

/// The SHA-256 of a text, as base64url.
///
/// # Panics
///
/// If the backend cannot compute it.
pub fn hash(text: &str) -> String {
    let hash = jsonwebtoken::jwk::ThumbprintHash::SHA256;
    let digest = (cryptography::DEFAULT_PROVIDER.key_utils.compute_digest)(text.as_bytes(), hash);
    URL_SAFE_NO_PAD.encode(digest.expect("every backend computes it"))
}

/// The header that `PyJWT` writes by default.
pub fn plain_header() -> Value {
    json!({ "typ": "JWT", "alg": "HS256" })
}
