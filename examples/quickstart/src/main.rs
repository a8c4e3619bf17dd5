//! The first five minutes with jwt-auth: log in, call a route, get refused, refresh.

mod users;

use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::extract::{FromRef, State};
use axum::http::StatusCode;
use axum::http::header::WWW_AUTHENTICATE;
use axum::response::{IntoResponse, Response};
use jwt_auth::routing::{delete, get, post};
use jwt_auth::{
    AccessToken, AuthError, Config, GuardedRouter, JwtAuth, LogOut, RefreshToken, SetCookies,
    TokenPair, jwt_required, load_config, public, refresh_required,
};
use serde::{Deserialize, Serialize};

use users::Users;

#[load_config]
fn auth() -> Config {
    Config::from_env()
}

#[derive(Clone, FromRef)]
struct App {
    auth: JwtAuth,
    users: Users,
    notes: Notes,
}

type Notes = Arc<Mutex<Vec<Note>>>;

#[derive(Clone, Serialize)]
struct Note {
    author: String,
    text: String,
}

#[derive(Deserialize)]
struct Login {
    username: String,
    password: String,
}

enum AppError {
    WrongPassword,
    UserNotFound,
    Auth(AuthError),
}

impl From<AuthError> for AppError {
    fn from(error: AuthError) -> Self {
        Self::Auth(error)
    }
}

impl IntoResponse for AppError {
    fn into_response(self) -> Response {
        match self {
            Self::WrongPassword => {
                let detail = Json("Wrong user name or password");
                (StatusCode::UNAUTHORIZED, [(WWW_AUTHENTICATE, "Bearer")], detail).into_response()
            }
            Self::UserNotFound => (StatusCode::NOT_FOUND, "no such user").into_response(),
            Self::Auth(error) => error.into_response(),
        }
    }
}

#[public]
async fn login(
    auth: JwtAuth,
    State(users): State<Users>,
    Json(form): Json<Login>,
) -> Result<TokenPair, AppError> {
    let user = users.check(&form.username, form.password).await.ok_or(AppError::WrongPassword)?;
    Ok(auth.log_in(user.name).scopes(user.scopes.iter().copied()).await?)
}

#[jwt_required]
async fn me(State(users): State<Users>, token: AccessToken) -> Result<String, AppError> {
    let user = users.find(token.subject()).ok_or(AppError::UserNotFound)?;
    Ok(format!("Welcome, {}!", user.name))
}

#[refresh_required]
async fn refresh(auth: JwtAuth, token: RefreshToken) -> Result<TokenPair, AuthError> {
    auth.rotate(token).await
}

#[public] // a log-out must not fail because the token has expired
async fn logout(log_out: LogOut) -> Result<(SetCookies, StatusCode), AuthError> {
    Ok((log_out.end().await?, StatusCode::NO_CONTENT))
}

#[derive(Deserialize)]
struct NewPassword {
    current: String,
    new: String,
}

/// Ends every other session of the user, who stays logged in here.
#[jwt_required]
async fn change_password(
    auth: JwtAuth,
    token: AccessToken,
    State(users): State<Users>,
    Json(form): Json<NewPassword>,
) -> Result<StatusCode, AppError> {
    users.check(token.subject(), form.current).await.ok_or(AppError::WrongPassword)?;
    if !users.set_password(token.subject(), form.new).await {
        return Err(AppError::UserNotFound);
    }
    auth.log_out_others(&token).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[jwt_required(scopes("notes:read"))]
async fn list_notes(State(notes): State<Notes>) -> Json<Vec<Note>> {
    Json(notes.lock().unwrap_or_else(PoisonError::into_inner).clone())
}

#[jwt_required(scopes("notes:write"))]
async fn add_note(State(notes): State<Notes>, token: AccessToken, text: String) -> StatusCode {
    let author = token.subject().to_owned();
    notes.lock().unwrap_or_else(PoisonError::into_inner).push(Note { author, text });
    StatusCode::CREATED
}

#[jwt_required(fresh)]
async fn delete_account(State(notes): State<Notes>, token: AccessToken) -> String {
    let mut notes = notes.lock().unwrap_or_else(PoisonError::into_inner);
    notes.retain(|note| note.author != token.subject());
    format!("Goodbye, {}: your notes are gone.", token.subject())
}

fn router() -> GuardedRouter<App> {
    GuardedRouter::new()
        .route("/login", post(login))
        .route("/me", get(me))
        .route("/refresh", post(refresh))
        .route("/logout", post(logout))
        .route("/password", post(change_password))
        .route("/notes", get(list_notes).post(add_note))
        .route("/account", delete(delete_account))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port: u16 = match std::env::var("PORT") {
        Ok(port) => port.parse().map_err(|_| "PORT must be a number from 0 to 65535")?,
        Err(_) => 3000,
    };
    let auth = auth()?;
    let router = router();
    let manifest = router.manifest();
    let app = router.with_state(App { auth, users: Users::new(), notes: Notes::default() });
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
        format!("TOKEN=$(curl -s {address}/login -H 'Content-Type: application/json' -d '{{\"username\":\"alice\",\"password\":\"wonderland\"}}' | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')"),
        format!("curl -i {address}/me -H \"Authorization: Bearer $TOKEN\""),
        format!("curl -i {address}/me"),
    ]
    .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use jwt_auth::KeyMaterial;
    use jwt_auth::testing::{TestAuth, assert_manifest};

    #[tokio::test]
    async fn every_route_is_guarded() {
        let test = TestAuth::new(Config::hs256(KeyMaterial::ephemeral())).expect("valid");
        let state = App { auth: test.auth(), users: Users::new(), notes: Notes::default() };
        test.assert_guarded(router().with_state(state), &router().manifest()).await;
    }

    #[test]
    fn each_change_of_a_guard_is_a_change_of_a_file() {
        assert_manifest(&router().manifest(), "routes.json");
    }
}
