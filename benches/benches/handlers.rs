//! Our guard by where the token is, and by what the handler takes of it.
//!
//! `cargo bench -p benches --bench handlers`. HS256, in process, compared with an unguarded route for the same request.

use std::hint::black_box;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use benches::measure::{Lane, measure_interleaved, run_ready};
use benches::ours::{self, open};
use benches::report::{self, format_short, format_thousands, round};
use benches::tokens;
use jwt_auth::routing::any;
use jwt_auth::{
    AccessToken, Algorithm, AuthError, CurrentUser, GuardedRouter, JwtAuth, LoadUser,
    TokenLocation, jwt_required,
};
use serde::Deserialize;
use serde_json::{Value, json};

const ROUNDS: usize = 200;

/// Custom claims of an application.
#[derive(Deserialize)]
struct Tenant {
    tenant: String,
    plan: String,
}

/// A user that is loaded without waiting.
struct User(String);

impl LoadUser for User {
    type State = JwtAuth;
    type Error = AuthError;

    async fn load(token: &AccessToken, _: &JwtAuth) -> Result<Option<Self>, AuthError> {
        Ok(Some(Self(token.subject().to_owned())))
    }
}

#[jwt_required]
async fn alone() {}

/// What a parameter of axum costs that clones an `Arc`.
#[jwt_required]
async fn with_state(State(auth): State<JwtAuth>) {
    black_box(auth);
}

#[jwt_required]
async fn with_token(token: AccessToken) {
    black_box(token.subject());
}

#[jwt_required]
async fn with_claims(token: AccessToken<Tenant>) {
    black_box((&token.custom().tenant, &token.custom().plan));
}

#[jwt_required]
async fn with_user(user: CurrentUser<User>) {
    black_box(&user.0);
}

#[jwt_required(scopes("notes:read"), any_role("editor", "admin"))]
async fn with_rules(token: AccessToken) {
    black_box(token.subject());
}

fn auth(cache: usize) -> JwtAuth {
    let locations = [TokenLocation::Header, TokenLocation::Cookie, TokenLocation::Query];
    let config = tokens::config(Algorithm::HS256).token_location(locations);
    config.verified_cache(cache).build().expect("a valid configuration")
}

fn app(auth: JwtAuth) -> axum::Router {
    let unguarded = axum::Router::new().route("/open", axum::routing::any(open));
    GuardedRouter::new()
        .route("/alone", any(alone))
        .route("/with-state", any(with_state))
        .route("/with-token", any(with_token))
        .route("/with-claims", any(with_claims))
        .route("/with-user", any(with_user))
        .route("/with-rules", any(with_rules))
        .unguarded("it is what guards are compared with", unguarded)
        .with_state(auth)
}

/// How a request carries the token.
#[derive(Clone, Copy)]
enum Carried {
    Header,
    Cookie,
    CookieAndCsrf,
    Query,
}

fn request(carried: Carried, path: &str, token: &str, csrf: &str) -> Request {
    let request = Request::builder();
    let cookie = || format!("theme=dark; __Host-access_token_cookie={token}; lang=en");
    let request = match carried {
        Carried::Header => request.uri(path).header("authorization", format!("Bearer {token}")),
        Carried::Cookie => request.uri(path).header("cookie", cookie()),
        Carried::CookieAndCsrf => request
            .method(Method::POST)
            .uri(path)
            .header("cookie", cookie())
            .header("x-csrf-token", csrf),
        Carried::Query => request.uri(format!("{path}?access_token={token}")),
    };
    request.body(Body::empty()).expect("a request")
}

fn main() {
    tokens::install_backend();
    let issuer = auth(0);
    let custom = json!({ "tenant": "acme", "plan": "team" });
    let token = issuer
        .access_token(tokens::SUBJECT)
        .scopes(["notes:read", "notes:write"])
        .roles(["editor", "staff"])
        .claims(&custom)
        .issue()
        .expect("a token");
    let verified: AccessToken = run_ready(issuer.verify_access(&token)).expect("valid");
    let csrf = verified.csrf_token().expect("cookies are on").to_owned();
    let shapes = [
        ("header", Carried::Header, "/alone"),
        ("cookie", Carried::Cookie, "/alone"),
        ("cookie and CSRF value", Carried::CookieAndCsrf, "/alone"),
        ("query", Carried::Query, "/alone"),
        ("header, `State<JwtAuth>`", Carried::Header, "/with-state"),
        ("header, `AccessToken`", Carried::Header, "/with-token"),
        ("header, `AccessToken<C>`", Carried::Header, "/with-claims"),
        ("header, `CurrentUser`", Carried::Header, "/with-user"),
        ("header, scope, role, `AccessToken`", Carried::Header, "/with-rules"),
    ];
    let apps = [app(auth(0)), app(auth(ours::CACHE_SIZE))];
    let (token, csrf) = (&*token, &*csrf);
    let mut lanes = Vec::new();
    for (_, carried, path) in shapes {
        for (app, path) in [(&apps[0], "/open"), (&apps[0], path), (&apps[1], path)] {
            let create = move || request(carried, path, token, csrf);
            lanes.push(Lane::requests(app.clone(), create, StatusCode::OK));
        }
    }
    let figures = measure_interleaved(&mut lanes, ROUNDS);
    println!("{:40} {:>14} {:>14}", "ns over an unguarded route", "no cache", "cached");
    let mut rows: Vec<Value> = Vec::new();
    let over =
        |at: usize| (figures[3 * at + 1] - figures[3 * at], figures[3 * at + 2] - figures[3 * at]);
    for (at, (name, ..)) in shapes.into_iter().enumerate() {
        let (verified, cached) = over(at);
        let text = |figure: f64, first: f64| {
            format!("{} ({} ×)", format_thousands(figure), format_short(figure / first))
        };
        let (verified_text, cached_text) = (text(verified, over(0).0), text(cached, over(0).1));
        println!("{name:40} {verified_text:>14} {cached_text:>14}");
        rows.push(json!({ "name": name, "verified": round(verified), "cached": round(cached) }));
    }
    report::save_json(
        "handlers.json",
        &json!({
            "command": "cargo bench -p benches --bench handlers",
            "unit": "ns over an unguarded route for the same request, HS256",
            "rows": rows,
        }),
    );
}
