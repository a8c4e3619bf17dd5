//! A service with the developer's page: who may call which route, and why a request was refused.

use std::net::SocketAddr;

use axum::Json;
use axum::extract::Path;
use axum::http::StatusCode;
use jwt_auth::routing::{delete, get, post};
use jwt_auth::{
    AccessToken, Config, GuardedRouter, JwtAuth, TokenPair, jwt_required, load_config, public,
};
use jwt_auth_dashboard::Dashboard as _;
use serde::Deserialize;

#[load_config]
fn auth() -> Config {
    Config::from_env()
}

#[derive(Deserialize)]
struct Login {
    username: String,
    password: String,
}

/// All users. The quickstart has password hashes here, and checks them with argon2.
const USERS: [(&str, &str); 2] = [("alice", "wonderland"), ("bob", "builder")];

#[public]
async fn health() -> &'static str {
    "ok"
}

#[public]
async fn login(auth: JwtAuth, Json(form): Json<Login>) -> axum::response::Result<TokenPair> {
    if !USERS.contains(&(form.username.as_str(), form.password.as_str())) {
        return Err(StatusCode::UNAUTHORIZED.into());
    }
    Ok(auth.log_in(form.username).scopes(["notes:read"]).await?)
}

#[jwt_required(scopes("notes:read"))]
async fn notes(token: AccessToken) -> String {
    format!("notes of {}", token.subject())
}

#[jwt_required(fresh, roles("admin"))]
async fn delete_note(Path(id): Path<u64>) -> String {
    format!("deleted note {id}")
}

fn router() -> GuardedRouter<JwtAuth> {
    GuardedRouter::new()
        .route("/health", get(health))
        .route("/login", post(login))
        .route("/notes", get(notes))
        .route("/notes/{id}", delete(delete_note))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port: u16 = std::env::var("PORT").ok().and_then(|port| port.parse().ok()).unwrap_or(3000);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    let address = listener.local_addr()?;
    let app: axum::Router = router().dashboard().with_state(auth()?);
    println!("Listening on http://{address}. Open http://{address}/_jwt-auth in a browser.");
    // With the address of the client, the page also refuses requests that come from another machine.
    axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>()).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jwt_auth::KeyMaterial;
    use jwt_auth::testing::TestAuth;

    #[tokio::test]
    async fn every_route_is_guarded() {
        let config = Config::hs256(KeyMaterial::ephemeral());
        let test = TestAuth::new(config).expect("valid");
        let app = router().dashboard().with_state(test.auth());
        test.assert_guarded(app, &router().manifest()).await;
    }
}
