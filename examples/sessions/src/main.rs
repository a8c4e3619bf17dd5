//! Where am I logged in? A list of a user's sessions, each of which can be ended, in a file that outlives a restart.

#[cfg(test)]
mod tests;

use std::time::{SystemTime, UNIX_EPOCH};

use axum::Json;
use axum::extract::Path;
use axum::http::header::USER_AGENT;
use axum::http::{HeaderMap, StatusCode};
use jwt_auth::routing::{delete, get, post};
use jwt_auth::{
    AccessToken, AuthError, Config, GuardedRouter, JwtAuth, RefreshToken, SqliteStore, TokenPair,
    jwt_required, load_config, public, refresh_required,
};
use serde::{Deserialize, Serialize};

#[load_config]
fn auth(config: Config, store: SqliteStore) -> Config {
    config.revocation(store)
}

#[derive(Deserialize)]
struct Login {
    username: String,
    password: String,
}

/// The users that there are. The quickstart has hashes here, and checks them with argon2.
const USERS: [(&str, &str); 2] = [("alice", "wonderland"), ("bob", "builder")];

/// A session as its user sees it.
#[derive(Serialize)]
struct Shown {
    family: String,
    /// What the browser calls itself: a stranger's text, so a page that shows it escapes it.
    device: Option<String>,
    /// Seconds since 1970.
    began: u64,
    last_used: u64,
    /// Whether it is the session that asks.
    this_one: bool,
}

#[public]
async fn login(
    auth: JwtAuth,
    headers: HeaderMap,
    Json(form): Json<Login>,
) -> axum::response::Result<TokenPair> {
    if !USERS.contains(&(form.username.as_str(), form.password.as_str())) {
        return Err(StatusCode::UNAUTHORIZED.into());
    }
    let mut login = auth.log_in(form.username);
    if let Some(agent) = headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok()) {
        login = login.device(agent);
    }
    Ok(login.await?)
}

#[refresh_required]
async fn refresh(auth: JwtAuth, token: RefreshToken) -> Result<TokenPair, AuthError> {
    auth.rotate(token).await
}

/// Asks the file itself: what another process wrote to it a moment ago counts here at once.
#[jwt_required(revocation = "strict")]
async fn me(token: AccessToken) -> String {
    format!("Welcome, {}!", token.subject())
}

#[jwt_required]
async fn list(auth: JwtAuth, token: AccessToken) -> Result<Json<Vec<Shown>>, AuthError> {
    let this = token.identity().family();
    let sessions = auth.sessions(token.subject()).await?;
    let shown = sessions.iter().map(|session| Shown {
        family: session.family().to_owned(),
        device: session.device().map(str::to_owned),
        began: seconds(session.began_at()),
        last_used: seconds(session.last_used_at()),
        this_one: this == Some(session.family()),
    });
    Ok(Json(shown.collect()))
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// `revoke_family` ends any session, whoever asks, so whose it is has to be looked up here.
#[jwt_required]
async fn end(
    auth: JwtAuth,
    token: AccessToken,
    Path(family): Path<String>,
) -> Result<StatusCode, AuthError> {
    let own = auth.sessions(token.subject()).await?;
    if !own.iter().any(|session| session.family() == family) {
        return Ok(StatusCode::NOT_FOUND);
    }
    auth.revoke_family(&family).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[jwt_required]
async fn logout(auth: JwtAuth, token: AccessToken) -> Result<StatusCode, AuthError> {
    auth.log_out(token).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[jwt_required]
async fn logout_everywhere(auth: JwtAuth, token: AccessToken) -> Result<StatusCode, AuthError> {
    auth.log_out_everywhere(token.subject()).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn router() -> GuardedRouter<JwtAuth> {
    GuardedRouter::new()
        .route("/login", post(login))
        .route("/refresh", post(refresh))
        .route("/me", get(me))
        .route("/sessions", get(list))
        .route("/sessions/{family}", delete(end))
        .route("/logout", post(logout))
        .route("/logout-everywhere", post(logout_everywhere))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port: u16 = match std::env::var("PORT") {
        Ok(port) => port.parse().map_err(|_| "PORT is a number from 0 to 65535")?,
        Err(_) => 3000,
    };
    let file = std::env::var_os("DATABASE").unwrap_or_else(|| "sessions.db".into());
    let store = SqliteStore::open(file).await?;
    let app = router().with_state(auth(Config::from_env(), store)?);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    let at = listener.local_addr()?;
    println!("Listening on http://{at}. Paste into another terminal:\n");
    println!("{}", curl_lines(&at.to_string()));
    println!("\nThen stop this one, start it again, and ask with the same token.");
    axum::serve(listener, app).await?;
    Ok(())
}

fn curl_lines(at: &str) -> String {
    [
        format!("TOKEN=$(curl -s {at}/login -H 'Content-Type: application/json' -d '{{\"username\":\"alice\",\"password\":\"wonderland\"}}' | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')"),
        format!("curl -s {at}/sessions -H \"Authorization: Bearer $TOKEN\""),
        format!("curl -i -X POST {at}/logout -H \"Authorization: Bearer $TOKEN\""),
        format!("curl -i {at}/me -H \"Authorization: Bearer $TOKEN\""),
    ]
    .join("\n")
}
