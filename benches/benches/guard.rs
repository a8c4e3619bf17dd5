//! The guard in process: ours beside the extractor that everybody writes over `jsonwebtoken::decode`.
//!
//! `cargo bench -p benches` prints medians of one run, interleaved, and the ratios, which are what to
//! trust on a noisy machine. Each figure is over an unguarded route, whose own cost is taken off.

#![allow(clippy::cast_precision_loss, reason = "nanoseconds")]

use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRef, FromRequestParts};
use axum::http::{Request, StatusCode, request::Parts};
use axum::routing::get;
use jsonwebtoken::{DecodingKey, Validation};
use jwt_auth::{AccessToken, Config, JwtAuth, jwt_required};
use serde::Deserialize;
use tower::Service as _;

const ROUNDS: usize = 400;
const CALLS: u32 = 250;
const SECRET: &[u8; 32] = b"an example secret of 32 bytes :)";

/// The ten claims of the measured token, as one writes them down by hand.
#[derive(Deserialize)]
#[allow(dead_code, reason = "read from the token, as an application would")]
struct Claims {
    sub: String,
    iat: u64,
    nbf: u64,
    exp: u64,
    jti: String,
    #[serde(rename = "type")]
    kind: String,
    fresh: bool,
    iss: String,
    aud: String,
    roles: Vec<String>,
}

#[derive(Clone)]
struct ByHand(Arc<(DecodingKey, Validation)>);

#[derive(Clone, FromRef)]
struct App {
    auth: JwtAuth,
    by_hand: ByHand,
}

impl<S: Send + Sync> FromRequestParts<S> for Claims
where
    ByHand: FromRef<S>,
{
    type Rejection = StatusCode;

    #[allow(clippy::disallowed_methods, reason = "what is measured against")]
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, StatusCode> {
        let header = parts.headers.get("authorization").and_then(|value| value.to_str().ok());
        let token = header
            .and_then(|value| value.strip_prefix("Bearer "))
            .ok_or(StatusCode::UNAUTHORIZED)?;
        let by_hand = ByHand::from_ref(state);
        let data = jsonwebtoken::decode::<Self>(token, &by_hand.0.0, &by_hand.0.1);
        let claims = data.map_err(|_| StatusCode::UNAUTHORIZED)?.claims;
        if claims.kind == "access" { Ok(claims) } else { Err(StatusCode::UNAUTHORIZED) }
    }
}

async fn unguarded() -> &'static str {
    "ok"
}

async fn by_hand(claims: Claims) -> &'static str {
    black_box(&claims.sub);
    "ok"
}

#[jwt_required]
async fn guarded() -> &'static str {
    "ok"
}

#[jwt_required]
async fn with_token(token: AccessToken) -> &'static str {
    black_box(token.subject());
    "ok"
}

/// Runs a future that never waits, without a runtime in the way.
fn now<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("nothing here waits"),
    }
}

fn time(app: &mut Router, path: &str, token: &str) -> f64 {
    let value = format!("Bearer {token}");
    let requests: Vec<_> = (0..CALLS)
        .map(|_| {
            let request = Request::get(path).header("authorization", &value);
            request.body(Body::empty()).expect("a request")
        })
        .collect();
    let start = Instant::now();
    for request in requests {
        let response = now(app.call(request)).expect("a router is infallible");
        assert_eq!(response.status(), StatusCode::OK);
        drop(black_box(response));
    }
    start.elapsed().as_nanos() as f64 / f64::from(CALLS)
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn main() {
    let auth = Config::hs256(SECRET)
        .issuer("https://auth.example")
        .audience(["https://api.example"])
        .access_token_expires(Duration::from_secs(86_400))
        .build()
        .expect("a good configuration");
    let token =
        auth.access_token("user-0123456789").roles(["editor", "staff"]).issue().expect("a token");
    let mut validation = Validation::new(jsonwebtoken::Algorithm::HS256);
    validation.set_issuer(&["https://auth.example"]);
    validation.set_audience(&["https://api.example"]);
    let by_hand_state = ByHand(Arc::new((DecodingKey::from_secret(SECRET), validation)));
    let mut app: Router = Router::new()
        .route("/unguarded", get(unguarded))
        .route("/by-hand", get(by_hand))
        .route("/guarded", get(guarded))
        .route("/with-token", get(with_token))
        .with_state(App { auth, by_hand: by_hand_state });

    let paths = ["/unguarded", "/by-hand", "/guarded", "/with-token"];
    let mut figures = paths.map(|_| Vec::with_capacity(ROUNDS));
    for round in 0..ROUNDS + 20 {
        for (path, figures) in paths.iter().zip(&mut figures) {
            let figure = time(&mut app, path, &token);
            // The first rounds warm the caches.
            if round >= 20 {
                figures.push(figure);
            }
        }
    }
    let [base, by_hand, guarded, with_token] = figures.map(median);
    let over = |figure: f64| figure - base;
    println!(
        "HS256, a token of {} bytes, medians of {ROUNDS} rounds of {CALLS} calls, ns",
        token.len()
    );
    println!("unguarded route                          {base:8.0}");
    println!("                                             over it     ratio");
    println!("extractor by hand, jsonwebtoken::decode  {:8.0}      1.00", over(by_hand));
    for (name, figure) in
        [("#[jwt_required]", guarded), ("#[jwt_required] and AccessToken", with_token)]
    {
        println!("{name:40} {:8.0}      {:.2}", over(figure), over(figure) / over(by_hand));
    }
}
