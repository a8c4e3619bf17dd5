//! The list of "your devices": a user lists and ends sessions, in a file that survives a restart.

#[cfg(test)]
mod tests;

use axum::Json;
use axum::extract::Path;
use axum::http::header::USER_AGENT;
use axum::http::{HeaderMap, StatusCode};
use jwt_auth::routing::{delete, get, post};
use jwt_auth::session::Session;
use jwt_auth::{
    AccessToken, AuthError, Config, GuardedRouter, JwtAuth, RefreshToken, TokenPair, jwt_required,
    load_config, public, refresh_required,
};
use jwt_auth_sqlx::SqliteStore;
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

/// All users. The quickstart has password hashes here, and checks them with argon2.
const USERS: [(&str, &str); 2] = [("alice", "wonderland"), ("bob", "builder")];

/// A session in the list. Its device comes from a request header, so a page must escape it.
#[derive(Serialize)]
struct ListedSession {
    #[serde(flatten)]
    session: Session,
    /// Whether it is the session of this request.
    is_current: bool,
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

/// Queries the file itself, so that a revocation by another process takes effect at once.
#[jwt_required(revocation = "strict")]
async fn me(token: AccessToken) -> String {
    format!("Welcome, {}!", token.subject())
}

#[jwt_required]
async fn list(auth: JwtAuth, token: AccessToken) -> Result<Json<Vec<ListedSession>>, AuthError> {
    let sessions = auth.sessions(token.subject()).await?;
    let list = sessions.into_iter().map(|session| ListedSession {
        is_current: token.session_id() == Some(session.id()),
        session,
    });
    Ok(Json(list.collect()))
}

#[jwt_required]
async fn end(
    auth: JwtAuth,
    token: AccessToken,
    Path(id): Path<String>,
) -> Result<StatusCode, AuthError> {
    let is_own = auth.end_session(token.subject(), &id).await?;
    Ok(if is_own { StatusCode::NO_CONTENT } else { StatusCode::NOT_FOUND })
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
        .route("/sessions/{id}", delete(end))
        .route("/logout", post(logout))
        .route("/logout-everywhere", post(logout_everywhere))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port: u16 = match std::env::var("PORT") {
        Ok(port) => port.parse().map_err(|_| "PORT must be a number from 0 to 65535")?,
        Err(_) => 3000,
    };
    let file = std::env::var_os("DATABASE").unwrap_or_else(|| "sessions.db".into());
    let store = SqliteStore::open(file).await?;
    let app = router().with_state(auth(Config::from_env(), store)?);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    let address = listener.local_addr()?;
    println!("Listening on http://{address}. Paste into another terminal:\n");
    println!("{}", curl_lines(&address.to_string()));
    println!("\nThen stop the program, start it again, and repeat the last request.");
    axum::serve(listener, app).await?;
    Ok(())
}

fn curl_lines(address: &str) -> String {
    [
        format!("TOKEN=$(curl -s {address}/login -H 'Content-Type: application/json' -d '{{\"username\":\"alice\",\"password\":\"wonderland\"}}' | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')"),
        format!("curl -s {address}/sessions -H \"Authorization: Bearer $TOKEN\""),
        format!("curl -i -X POST {address}/logout -H \"Authorization: Bearer $TOKEN\""),
        format!("curl -i {address}/me -H \"Authorization: Bearer $TOKEN\""),
    ]
    .join("\n")
}
