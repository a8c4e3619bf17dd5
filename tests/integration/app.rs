//! The app that most tests send their requests to.

use axum::Router;
use axum::extract::Request;
use jwt_auth::routing::{any, get, post};
use jwt_auth::{
    AccessToken, AuthError, Config, GuardedRouter, IssuedToken, JwtAuth, RefreshToken, TokenPair,
    jwt_required, public, refresh_required,
};

#[public]
async fn open() -> &'static str {
    "open"
}

#[jwt_required]
async fn me(token: AccessToken) -> String {
    token.subject().to_owned()
}

#[jwt_required(optional)]
async fn maybe(token: Option<AccessToken>) -> String {
    token.map_or("anonymous".to_owned(), |token| token.subject().to_owned())
}

#[jwt_required(fresh)]
async fn fresh() -> &'static str {
    "fresh"
}

#[jwt_required(max_age = "10m")]
async fn recent() -> &'static str {
    "recent"
}

#[jwt_required(scopes("notes:read", "notes:write"))]
async fn all_scopes() -> &'static str {
    "all"
}

#[jwt_required(any_scope("notes:read", "admin"))]
async fn any_scope() -> &'static str {
    "any"
}

#[jwt_required(roles("editor"), any_role("staff", "guest"))]
async fn roles() -> &'static str {
    "roles"
}

#[jwt_required(audience = "https://reports.example")]
async fn reports(token: AccessToken) -> String {
    token.audience().collect::<Vec<_>>().join(" ")
}

#[refresh_required]
async fn refresh(auth: JwtAuth, token: RefreshToken) -> Result<TokenPair, AuthError> {
    auth.rotate(token).await
}

#[jwt_required]
async fn log_out(auth: JwtAuth, token: AccessToken) -> Result<(), AuthError> {
    auth.log_out(token).await
}

#[public]
async fn cannot_issue(auth: JwtAuth) -> Result<IssuedToken, AuthError> {
    auth.access_token("alice").scopes(["two words"]).issue()
}

#[public]
async fn cannot_log_in(auth: JwtAuth) -> Result<TokenPair, AuthError> {
    auth.log_in("alice").scopes(["two words"]).await
}

/// Takes the request whole, and does not read its body.
#[jwt_required]
async fn upload(body: Request) -> String {
    format!("{}", body.method())
}

async fn bare_token(token: AccessToken) -> String {
    format!("{} by {}", token.subject(), token.location().map_or("?", |location| location.name()))
}

pub(crate) fn app(config: Config) -> (Router, JwtAuth) {
    let auth = config.build().expect("a valid configuration");
    let router = GuardedRouter::new()
        .route("/open", get(open).post(open))
        .route("/me", any(me))
        .route("/maybe", get(maybe))
        .route("/fresh", get(fresh))
        .route("/recent", get(recent))
        .route("/all-scopes", get(all_scopes))
        .route("/any-scope", get(any_scope))
        .route("/roles", get(roles))
        .route("/reports", get(reports))
        .route("/refresh", post(refresh))
        .route("/log-out", post(log_out))
        .route("/upload", post(upload))
        .route("/cannot-issue", get(cannot_issue))
        .route("/cannot-log-in", get(cannot_log_in))
        .route("/bare", get(bare_token));
    (router.with_state(auth.clone()), auth)
}

#[allow(dead_code, reason = "the log test builds its own app")]
pub(crate) fn good_app() -> (Router, JwtAuth, jwt_auth::ManualClock) {
    let (config, clock) = tests::config();
    let (router, auth) = app(config);
    (router, auth, clock)
}
