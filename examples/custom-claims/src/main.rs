//! Custom claims, permissions as a type, and the user of a token.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::extract::{FromRef, State};
use axum::http::StatusCode;
use jwt_auth::routing::{get, post};
use jwt_auth::{
    AccessToken, AuthError, AuthErrorKind, Config, CurrentUser, GuardedRouter, JwtAuth, LoadUser,
    Permission, RefreshToken, TokenPair, jwt_required, load_config, public, refresh_required,
};
use serde::{Deserialize, Serialize};

/// The custom claims of the tokens of this application.
#[derive(Clone, Serialize, Deserialize)]
struct Claims {
    tenant: String,
    plan: Plan,
}

#[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Plan {
    Free,
    Paid,
}

/// The scopes. A typo in `scopes(…)` does not compile.
#[derive(Clone, Copy)]
enum Reports {
    Read,
    Write,
}

impl Permission for Reports {
    fn name(&self) -> &str {
        match self {
            Self::Read => "reports:read",
            Self::Write => "reports:write",
        }
    }
}

#[derive(Clone)]
struct User {
    full_name: &'static str,
    permissions: &'static [Reports],
    claims: Claims,
}

/// The users by name. A real application has a database here.
#[derive(Clone)]
struct Users(Arc<Mutex<HashMap<&'static str, User>>>);

impl Users {
    fn new() -> Self {
        let user = |full_name, permissions, tenant: &str, plan| {
            let claims = Claims { tenant: tenant.to_owned(), plan };
            User { full_name, permissions, claims }
        };
        let alice = user("Alice Liddell", &[Reports::Read, Reports::Write], "rabbit", Plan::Paid);
        let bob = user("Bob Builder", &[Reports::Read], "digger", Plan::Free);
        Self(Arc::new(Mutex::new(HashMap::from([("alice", alice), ("bob", bob)]))))
    }

    fn find(&self, name: &str) -> Option<User> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }
}

#[load_config]
fn auth(config: Config, users: Users) -> Config {
    // Runs for every issued token, refreshed ones included, so that claims stay current.
    config.additional_claims(move |subject: &str| {
        let user = users.find(subject);
        async move { user.map(|user| user.claims).ok_or(AuthError::from(AuthErrorKind::UserUnknown)) }
    })
}

#[derive(Clone, FromRef)]
struct App {
    auth: JwtAuth,
    users: Users,
}

impl LoadUser for User {
    type State = Users;
    type Error = Infallible; // the errors of a database become 503

    async fn load(token: &AccessToken, users: &Users) -> Result<Option<Self>, Infallible> {
        Ok(users.find(token.subject()))
    }
}

#[derive(Deserialize)]
struct Login {
    username: String,
    password: String,
}

#[public]
async fn login(
    auth: JwtAuth,
    State(users): State<Users>,
    Json(form): Json<Login>,
) -> axum::response::Result<TokenPair> {
    // Check a password hash here; the quickstart does it with argon2.
    let user = users.find(&form.username).filter(|_| form.password == "wonderland");
    let user = user.ok_or(StatusCode::UNAUTHORIZED)?;
    let scopes = user.permissions.iter().map(Permission::name);
    Ok(auth.log_in(form.username).scopes(scopes).await?)
}

#[refresh_required]
async fn refresh(auth: JwtAuth, token: RefreshToken) -> Result<TokenPair, AuthError> {
    auth.rotate(token).await
}

/// From the token only, without a look-up.
#[jwt_required]
async fn tenant(token: AccessToken<Claims>) -> String {
    token.custom().tenant.clone()
}

/// From the database: 401 if the user no longer exists, even with a valid token.
#[jwt_required]
async fn me(user: CurrentUser<User>) -> String {
    format!("Welcome, {}!", user.full_name)
}

#[jwt_required(scopes(Reports::Read))]
async fn read(token: AccessToken<Claims>) -> String {
    format!("the reports of {}", token.custom().tenant)
}

#[jwt_required(scopes(Reports::Read, Reports::Write))]
async fn write() -> StatusCode {
    StatusCode::CREATED
}

#[jwt_required(scopes(Reports::Read), check = has_paid_plan)]
async fn export(token: AccessToken<Claims>) -> String {
    format!("all reports of {}, as one file", token.custom().tenant)
}

fn has_paid_plan(token: &AccessToken<Claims>) -> Result<(), AuthError> {
    match token.custom().plan {
        Plan::Paid => Ok(()),
        Plan::Free => Err(AuthError::forbidden("Exports are part of the paid plan")),
    }
}

fn router() -> GuardedRouter<App> {
    GuardedRouter::new()
        .route("/login", post(login))
        .route("/refresh", post(refresh))
        .route("/tenant", get(tenant))
        .route("/me", get(me))
        .route("/reports", get(read).post(write))
        .route("/export", get(export))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port: u16 = match std::env::var("PORT") {
        Ok(port) => port.parse().map_err(|_| "PORT must be a number from 0 to 65535")?,
        Err(_) => 3000,
    };
    let users = Users::new();
    let router = router();
    let manifest = router.manifest();
    let app = router.with_state(App { auth: auth(Config::from_env(), users.clone())?, users });
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    let address = listener.local_addr()?;
    println!("{manifest}");
    println!("Listening on http://{address}. Paste into another terminal:\n");
    println!("{}", curl_lines(&address.to_string()));
    axum::serve(listener, app).await?;
    Ok(())
}

fn curl_lines(address: &str) -> String {
    [
        format!("TOKEN=$(curl -s {address}/login -H 'Content-Type: application/json' -d '{{\"username\":\"bob\",\"password\":\"wonderland\"}}' | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')"),
        format!("curl -i {address}/reports -H \"Authorization: Bearer $TOKEN\""),
        format!("curl -i -X POST {address}/reports -H \"Authorization: Bearer $TOKEN\""),
        format!("curl -i {address}/export -H \"Authorization: Bearer $TOKEN\""),
    ]
    .join("\n")
}
