//! Several processes with one Redis: a revocation by one process reaches the others within a second.

#[cfg(test)]
mod tests;

use axum::Json;
use axum::http::StatusCode;
use jwt_auth::routing::{get, post};
use jwt_auth::{
    AccessToken, AuthError, Config, GuardedRouter, JwtAuth, RefreshToken, TokenPair, jwt_required,
    load_config, public, refresh_required,
};
use jwt_auth_redis::RedisStore;
use serde::Deserialize;

/// All processes have the same key and the same store, so each accepts the tokens of the others.
#[load_config]
fn auth(config: Config, store: RedisStore) -> Config {
    config.revocation(store)
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

/// Checked against the replica in this process, which follows Redis.
#[jwt_required]
async fn me(token: AccessToken) -> String {
    format!("Welcome, {}!", token.subject())
}

/// Redis decides in one atomic step, so a refresh token works once even if it is sent to several processes.
#[refresh_required]
async fn refresh(auth: JwtAuth, token: RefreshToken) -> Result<TokenPair, AuthError> {
    auth.rotate(token).await
}

#[jwt_required]
async fn logout(auth: JwtAuth, token: AccessToken) -> Result<StatusCode, AuthError> {
    auth.log_out(token).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn router() -> GuardedRouter<JwtAuth> {
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
    // It may contain a password, so it is not printed.
    let redis = std::env::var("REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1:6379".to_owned());
    println!("{START}\n");
    let store = RedisStore::connect(&redis).await.map_err(|error| format!("REDIS_URL: {error}"))?;
    let app = router().with_state(auth(Config::from_env(), store)?);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    println!(
        "Listening on http://{}. When both processes listen, paste into a third terminal:\n",
        listener.local_addr()?
    );
    println!("{COMMANDS}");
    axum::serve(listener, app).await?;
    Ok(())
}

const START: &str = r#"Two processes need a Redis without eviction, and the same key. Run each line in its own terminal:

redis-server --appendonly yes --maxmemory-policy noeviction
PORT=3000 cargo run -p fleet
PORT=3001 cargo run -p fleet

Without JWT_AUTH_SECRET_KEY a debug build stores a key in the working folder, so start both in the same folder, or
export the same key to both: export JWT_AUTH_SECRET_KEY="base64:$(head -c 32 /dev/urandom | base64 | tr -d '\n')""#;

/// Logs in at one process, calls the other, logs out there, and is refused by the first.
const COMMANDS: &str = r#"A=127.0.0.1:3000 B=127.0.0.1:3001
TOKEN=$(curl -s $A/login -H 'Content-Type: application/json' -d '{"username":"alice","password":"wonderland"}' | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
curl -i $B/me -H "Authorization: Bearer $TOKEN"
curl -i -X POST $B/logout -H "Authorization: Bearer $TOKEN"
sleep 1; curl -i $A/me -H "Authorization: Bearer $TOKEN""#;
