//! A page in a browser: the session is in cookies, and every change repeats a CSRF value.

mod plain;
#[cfg(test)]
mod tests;
mod users;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Json;
use axum::extract::{FromRef, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{Html, IntoResponse};
use jwt_auth::layer::NoImplicitRefresh;
use jwt_auth::routing::{get, post};
use jwt_auth::{
    AccessToken, AuthError, Config, GuardedRouter, JwtAuth, LogOut, RefreshToken, SetCookies,
    TokenLocation, jwt_required, load_config, public, refresh_required,
};
use serde::{Deserialize, Serialize};

use users::Users;

/// Scripts and styles from this host only, requests and forms to this host only, nothing inline.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

#[load_config]
fn auth(config: Config) -> Config {
    // Implicit refresh renews access tokens only. The session ends with its first refresh token, so that every
    // logged-in user has a refresh token to log out with.
    config
        .token_location([TokenLocation::Cookie])
        .session_expires(SESSION)
        .csrf_form_field(plain::FIELD) // for the page without scripts
}

/// The default life of a refresh token.
const SESSION: Duration = Duration::from_secs(30 * 86_400);

#[derive(Clone, FromRef)]
struct App {
    auth: JwtAuth,
    users: Users,
    notes: Notes,
}

type Notes = Arc<Mutex<Vec<Note>>>;

fn lock(notes: &Notes) -> MutexGuard<'_, Vec<Note>> {
    notes.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Clone, Serialize)]
struct Note {
    author: String,
    text: String,
}

#[derive(Deserialize)]
struct Login {
    username: String,
    password: String,
    /// If false, the browser deletes the cookies when it closes. Default: true.
    #[serde(default = "yes")]
    remember: bool,
}

fn yes() -> bool {
    true
}

/// What the page shows about its visitor.
#[derive(Default, Serialize)]
struct Visit {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// In seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_at: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ends_at: Option<u64>,
    /// Why nobody is logged in.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
}

#[public]
async fn page() -> impl IntoResponse {
    ([(CONTENT_SECURITY_POLICY, POLICY)], Html(include_str!("page.html")))
}

#[public]
async fn script() -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/javascript; charset=utf-8")], include_str!("page.js"))
}

#[public]
async fn style() -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("page.css"))
}

/// For everybody. A token that has expired tells a visitor from a stranger.
#[public]
async fn session(visitor: Result<AccessToken, AuthError>) -> (NoImplicitRefresh, Json<Visit>) {
    let since_1970 = |at: Option<SystemTime>| {
        at.and_then(|at| at.duration_since(UNIX_EPOCH).ok()).map(|since| since.as_secs())
    };
    let visit = match visitor {
        Ok(token) => Visit {
            name: Some(token.subject().to_owned()),
            issued_at: since_1970(token.issued_at()),
            ends_at: since_1970(token.expires_at()),
            code: None,
        },
        Err(error) => Visit { code: Some(error.code()), ..Visit::default() },
    };
    (NoImplicitRefresh, Json(visit))
}

/// Accepts JSON only. A form of another site cannot send JSON, so no other site can log a user in.
#[public]
async fn login(
    auth: JwtAuth,
    State(users): State<Users>,
    Json(form): Json<Login>,
) -> axum::response::Result<(SetCookies, StatusCode)> {
    let user = users.check(form.username, form.password).await.ok_or(StatusCode::UNAUTHORIZED)?;
    let pair = auth.log_in(user.name).remember(form.remember).await?;
    Ok((auth.set_cookies(&pair), StatusCode::NO_CONTENT))
}

#[refresh_required]
async fn refresh(
    auth: JwtAuth,
    token: RefreshToken,
) -> Result<(SetCookies, StatusCode), AuthError> {
    let pair = auth.rotate(token).await?;
    Ok((auth.set_cookies(&pair), StatusCode::NO_CONTENT))
}

/// Public, so that a page whose tokens have expired can still log out.
#[public]
async fn logout(log_out: LogOut) -> Result<(SetCookies, StatusCode), AuthError> {
    Ok((log_out.end().await?, StatusCode::NO_CONTENT))
}

/// Revokes every session of the user. The response to the next request of this page deletes the cookies.
#[jwt_required]
async fn logout_everywhere(auth: JwtAuth, token: AccessToken) -> Result<StatusCode, AuthError> {
    auth.log_out_everywhere(token.subject()).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[jwt_required]
async fn me(token: AccessToken) -> String {
    format!("Welcome, {}!", token.subject())
}

#[jwt_required]
async fn list_notes(State(notes): State<Notes>) -> Json<Vec<Note>> {
    Json(lock(&notes).clone())
}

#[jwt_required] // and, for a POST with a cookie, the CSRF value
async fn add_note(State(notes): State<Notes>, token: AccessToken, text: String) -> StatusCode {
    let author = token.subject().to_owned();
    lock(&notes).push(Note { author, text });
    StatusCode::CREATED
}

fn router(auth: &JwtAuth) -> GuardedRouter<App> {
    GuardedRouter::new()
        .route("/", get(page))
        .route("/page.js", get(script))
        .route("/page.css", get(style))
        .route("/session", get(session))
        .route("/login", post(login))
        .route("/refresh", post(refresh))
        .route("/logout", post(logout))
        .route("/logout-everywhere", post(logout_everywhere))
        .route("/me", get(me))
        .route("/notes", get(list_notes).post(add_note))
        // A session in use continues: in the second half of its life an access token is renewed with the response.
        .layer(auth.implicit_refresh())
        .route("/plain", get(plain::page))
        .route("/plain/login", post(plain::login))
        .route("/plain/notes", post(plain::add))
        .route("/plain/logout", post(plain::logout))
        .layer(auth.csrf_form())
}

fn app(auth: JwtAuth) -> axum::Router {
    router(&auth).with_state(App { auth, users: Users::TABLE, notes: Notes::default() })
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port: u16 = match std::env::var("PORT") {
        Ok(port) => port.parse().map_err(|_| "PORT must be a number from 0 to 65535")?,
        Err(_) => 3000,
    };
    let app = app(auth(Config::from_env())?);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    let address = listener.local_addr()?;
    println!("Listening on http://{address}. Open in a browser:\n");
    println!("http://localhost:{}", address.port());
    println!("\nThe user is alice, the password is wonderland.");
    axum::serve(listener, app).await?;
    Ok(())
}
