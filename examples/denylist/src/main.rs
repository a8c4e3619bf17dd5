//! A denylist in the application's database: a log-out writes a row, and every request queries the table.

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex};

use axum::Json;
use axum::extract::{FromRef, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jwt_auth::routing::{get, post};
use jwt_auth::{
    AccessToken, AuthError, Config, GuardedRouter, JwtAuth, RefreshToken, TokenIdentity, TokenPair,
    jwt_required, load_config, public, refresh_required,
};
use serde::Deserialize;

/// The ended sessions. In your application this is a table of your database, which survives a restart and is shared by
/// all processes. A second column says when a row can be deleted: [`Config::session_expires`] after it was written.
///
/// It contains log-outs, and no refreshes. The store remembers which refresh tokens were used, and the default store
/// loses them at a restart. Your own [`RevocationStore`](jwt_auth::session::RevocationStore) can remember both.
#[derive(Clone, Default)]
struct EndedSessions(Arc<Mutex<HashSet<String>>>);

/// The database did not answer.
#[derive(Debug)]
struct DatabaseError;

impl fmt::Display for DatabaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the table of ended sessions cannot be read")
    }
}

impl std::error::Error for DatabaseError {}

impl IntoResponse for DatabaseError {
    fn into_response(self) -> Response {
        (StatusCode::SERVICE_UNAVAILABLE, "try again later").into_response()
    }
}

#[allow(clippy::unused_async, reason = "a database call is async")]
impl EndedSessions {
    /// `SELECT EXISTS (SELECT 1 FROM ended WHERE session = …)`
    async fn contains(&self, session_id: String) -> Result<bool, DatabaseError> {
        Ok(self.0.lock().map_err(|_| DatabaseError)?.contains(&session_id))
    }

    /// `INSERT INTO ended …`
    async fn add(&self, session_id: String) -> Result<(), DatabaseError> {
        self.0.lock().map_err(|_| DatabaseError)?.insert(session_id);
        Ok(())
    }
}

/// The session of a token. Both tokens of a log-in, and all tokens refreshed from them, have the same session.
fn session_id(token: &TokenIdentity<'_>) -> String {
    token.session_id().or(token.id()).unwrap_or_default().to_owned()
}

#[load_config]
fn auth(config: Config, ended: EndedSessions) -> Config {
    config.denylist(move |token: &TokenIdentity<'_>| {
        let (ended, session_id) = (ended.clone(), session_id(token));
        async move { ended.contains(session_id).await }
    })
}

#[derive(Clone, FromRef)]
struct App {
    auth: JwtAuth,
    ended: EndedSessions,
}

#[derive(Deserialize)]
struct Login {
    username: String,
    password: String,
}

#[public]
async fn login(auth: JwtAuth, Json(form): Json<Login>) -> axum::response::Result<TokenPair> {
    // Look the user up and check a password hash here; the quickstart does it with argon2.
    if (form.username.as_str(), form.password.as_str()) != ("alice", "wonderland") {
        return Err(StatusCode::UNAUTHORIZED.into());
    }
    Ok(auth.log_in(form.username).await?)
}

#[jwt_required]
async fn me(token: AccessToken) -> String {
    format!("Welcome, {}!", token.subject())
}

#[refresh_required]
async fn refresh(auth: JwtAuth, token: RefreshToken) -> Result<TokenPair, AuthError> {
    auth.rotate(token).await
}

/// Responds after the row is written. From then on no token of the session is admitted.
#[jwt_required]
async fn logout(
    State(ended): State<EndedSessions>,
    token: AccessToken,
) -> Result<StatusCode, DatabaseError> {
    ended.add(session_id(&token.identity())).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn router() -> GuardedRouter<App> {
    GuardedRouter::new()
        .route("/login", post(login))
        .route("/me", get(me))
        .route("/refresh", post(refresh))
        .route("/logout", post(logout))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port: u16 = match std::env::var("PORT") {
        Ok(port) => port.parse().map_err(|_| "PORT must be a number from 0 to 65535")?,
        Err(_) => 3000,
    };
    let ended = EndedSessions::default();
    let auth = auth(Config::from_env(), ended.clone())?;
    let app = router().with_state(App { auth, ended });
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    let address = listener.local_addr()?;
    println!("Listening on http://{address}. Paste into another terminal:\n");
    println!("{}", curl_lines(&address.to_string()));
    axum::serve(listener, app).await?;
    Ok(())
}

fn curl_lines(address: &str) -> String {
    [
        format!("TOKEN=$(curl -s {address}/login -H 'Content-Type: application/json' -d '{{\"username\":\"alice\",\"password\":\"wonderland\"}}' | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')"),
        format!("curl -i {address}/me -H \"Authorization: Bearer $TOKEN\""),
        format!("curl -i -X POST {address}/logout -H \"Authorization: Bearer $TOKEN\""),
        format!("curl -i {address}/me -H \"Authorization: Bearer $TOKEN\""),
    ]
    .join("\n")
}
