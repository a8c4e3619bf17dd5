//! A denylist of one's own: log-outs are rows of the application's database, which every request asks.

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

/// The sessions that were ended. It stands for a table of your database, which survives a restart and is the
/// same for every process; there a second column says when a row may go, which is at the latest
/// [`Config::refresh_family_expires`] after it was written.
///
/// It knows of log-outs and not of refreshes: whether a refresh token was used is kept in the store, and the
/// default one forgets it at a restart. A [`jwt_auth::RevocationStore`] of yours would remember both.
#[derive(Clone, Default)]
struct Ended(Arc<Mutex<HashSet<String>>>);

/// The database does not answer.
#[derive(Debug)]
struct DatabaseError;

impl fmt::Display for DatabaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the table of ended sessions cannot be read")
    }
}

impl IntoResponse for DatabaseError {
    fn into_response(self) -> Response {
        (StatusCode::SERVICE_UNAVAILABLE, "try again later").into_response()
    }
}

#[allow(clippy::unused_async, reason = "a database is waited for")]
impl Ended {
    /// `SELECT EXISTS (SELECT 1 FROM ended WHERE session = …)`
    async fn holds(&self, session: String) -> Result<bool, DatabaseError> {
        Ok(self.0.lock().map_err(|_| DatabaseError)?.contains(&session))
    }

    /// `INSERT INTO ended …`
    async fn add(&self, session: String) -> Result<(), DatabaseError> {
        self.0.lock().map_err(|_| DatabaseError)?.insert(session);
        Ok(())
    }
}

/// The session of a token: both tokens of a log-in, and what a refresh makes of them, have one family.
fn session(token: &TokenIdentity<'_>) -> String {
    token.family().or(token.id()).unwrap_or_default().to_owned()
}

#[load_config]
fn auth(config: Config, ended: Ended) -> Config {
    config.denylist(move |token: &TokenIdentity<'_>| {
        let (ended, session) = (ended.clone(), session(token));
        async move { ended.holds(session).await }
    })
}

#[derive(Clone, FromRef)]
struct App {
    auth: JwtAuth,
    ended: Ended,
}

#[derive(Deserialize)]
struct Login {
    username: String,
    password: String,
}

#[public]
async fn login(auth: JwtAuth, Json(form): Json<Login>) -> axum::response::Result<TokenPair> {
    // Here you look the user up and check a hash; the quickstart does, with argon2.
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

/// Answers when the row is written, and not before: from then on no token of the session is let in.
#[jwt_required]
async fn logout(
    State(ended): State<Ended>,
    token: AccessToken,
) -> Result<StatusCode, DatabaseError> {
    ended.add(session(&token.identity())).await?;
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
        Ok(port) => port.parse().map_err(|_| "PORT is a number from 0 to 65535")?,
        Err(_) => 3000,
    };
    let ended = Ended::default();
    let auth = auth(Config::from_env(), ended.clone())?;
    let app = router().with_state(App { auth, ended });
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    let at = listener.local_addr()?;
    println!("Listening on http://{at}. Paste into another terminal:\n");
    println!("{}", curl_lines(&at.to_string()));
    axum::serve(listener, app).await?;
    Ok(())
}

fn curl_lines(at: &str) -> String {
    [
        format!("TOKEN=$(curl -s {at}/login -H 'Content-Type: application/json' -d '{{\"username\":\"alice\",\"password\":\"wonderland\"}}' | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')"),
        format!("curl -i {at}/me -H \"Authorization: Bearer $TOKEN\""),
        format!("curl -i -X POST {at}/logout -H \"Authorization: Bearer $TOKEN\""),
        format!("curl -i {at}/me -H \"Authorization: Bearer $TOKEN\""),
    ]
    .join("\n")
}
