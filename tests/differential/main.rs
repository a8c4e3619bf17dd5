//! Replays what two Python modules answered, and compares it with what `Compat` answers.

mod differences;

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Request};
use axum::{Json, Router};
use jwt_auth::routing::any;
use jwt_auth::{
    AccessToken, Config, GuardedRouter, ManualClock, RefreshToken, TokenIdentity, jwt_required,
    refresh_required,
};
use serde::Deserialize;
use serde_json::{Value, json};

use differences::{Difference, FASTAPI, FLASK};

/// 100 seconds after the expired tokens of the vectors expired.
const NOW: u64 = 1_700_000_200;

#[derive(Deserialize)]
struct Configuration {
    name: String,
    options: BTreeMap<String, String>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    route: String,
    method: String,
    /// One character is one byte.
    headers: Vec<(String, String)>,
    status: u16,
    body: Value,
    /// What is special about the request, whatever its route and method.
    kind: String,
}

fn subject(token: Option<&str>) -> Json<Value> {
    Json(json!({ "sub": token }))
}

#[jwt_required]
async fn protected(token: AccessToken) -> Json<Value> {
    subject(Some(token.subject()))
}

#[jwt_required(optional)]
async fn optional(token: Option<AccessToken>) -> Json<Value> {
    subject(token.as_ref().map(AccessToken::subject))
}

#[jwt_required(fresh)]
async fn fresh(token: AccessToken) -> Json<Value> {
    subject(Some(token.subject()))
}

#[refresh_required]
async fn refresh(token: RefreshToken) -> Json<Value> {
    subject(Some(token.subject()))
}

async fn is_revoked(token: &TokenIdentity<'_>) -> Result<bool, std::convert::Infallible> {
    Ok(token.id() == Some("revoked-jti"))
}

fn app(options: &BTreeMap<String, String>, compat: &str) -> Router {
    let vars = options.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let config = Config::from_vars(vars.chain([("JWT_AUTH_COMPAT", compat)]));
    let auth = config.denylist(is_revoked).clock(ManualClock::at(NOW)).build();
    GuardedRouter::new()
        .route("/protected", any(protected))
        .route("/optional", any(optional))
        .route("/fresh", any(fresh))
        .route("/refresh", any(refresh))
        .with_state(auth.expect("a valid configuration"))
}

fn request(case: &Case) -> Request<Body> {
    let mut request = Request::builder().method(case.method.as_str()).uri(&case.route);
    for (name, value) in &case.headers {
        let bytes: Vec<u8> = value.chars().map(|c| u8::try_from(c).expect("Latin-1")).collect();
        let name: HeaderName = name.parse().expect("a name");
        request = request.header(name, HeaderValue::from_bytes(&bytes).expect("a value"));
    }
    request.body(Body::empty()).expect("a valid request")
}

/// Sends every request, and returns the number of equal answers and of all.
async fn replay(vectors: &str, compat: &str, documented: &[Difference]) -> (usize, usize) {
    let configurations: Vec<Configuration> = serde_json::from_str(vectors).expect("the vectors");
    let (mut equal, mut unexplained, mut used) = (0, Vec::new(), BTreeSet::new());
    for configuration in &configurations {
        let app = app(&configuration.options, compat);
        for case in &configuration.cases {
            let response = tests::send(&app, request(case)).await;
            let status = response.status.as_u16();
            let body: Value = serde_json::from_str(&response.body).unwrap_or_default();
            assert!(status < 500, "{}: {}: {status}", configuration.name, case.name);
            if (status, &body) == (case.status, &case.body) {
                equal += 1;
                continue;
            }
            let is_of_case =
                |difference: &Difference| difference.explains(&case.kind, status, &body);
            match documented.iter().position(is_of_case) {
                Some(position) => drop(used.insert(position)),
                None => unexplained.push(format!(
                    "{}: {}\n    module {} {}\n    ours   {status} {body}",
                    configuration.name, case.name, case.status, case.body
                )),
            }
        }
    }
    assert!(unexplained.is_empty(), "{} differ:\n{}", unexplained.len(), unexplained.join("\n"));
    for (position, difference) in documented.iter().enumerate() {
        assert!(used.contains(&position), "no request shows: {}", difference.reason);
    }
    (equal, configurations.iter().map(|configuration| configuration.cases.len()).sum())
}

#[tokio::test]
async fn fastapi_jwt_auth_and_its_compat_answer_the_same_but_for_documented_differences() {
    let answers = replay(include_str!("fastapi_jwt_auth.json"), "fastapi-jwt-auth", FASTAPI).await;
    assert_eq!(answers, (1239, 1569));
}

#[tokio::test]
async fn flask_jwt_extended_and_its_compat_answer_the_same_but_for_documented_differences() {
    let vectors = include_str!("flask_jwt_extended.json");
    assert_eq!(replay(vectors, "flask-jwt-extended", FLASK).await, (1603, 1773));
}
