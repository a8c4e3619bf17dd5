//! A private key that never enters the web process: another process holds it, and signs each token.
//!
//! The signing process stands for a KMS or an HSM. It is this program with the argument `sign`, and speaks over its standard
//! input and output.

mod signing_process;

use axum::Json;
use axum::http::StatusCode;
use jwt_auth::routing::{get, post};
use jwt_auth::{
    AccessToken, Algorithm, AuthError, Config, GuardedRouter, JwtAuth, Key, KeyRing, RefreshToken,
    TokenPair, jwt_required, load_config, public, refresh_required, routing,
};
use serde::Deserialize;

use signing_process::SigningProcess;

/// The function is `async`, so the configuration is started: the signer signs once, and the signature is verified.
#[load_config]
async fn auth() -> Result<Config, Box<dyn std::error::Error>> {
    let signer = SigningProcess::start(&std::env::current_exe()?).await?;
    let public_key = signer.public_key().to_vec();
    let key = Key::der(Algorithm::ES256, public_key).thumbprint_id().signed_by(signer);
    Ok(Config::with_keys(KeyRing::new(key)))
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

fn router() -> GuardedRouter<JwtAuth> {
    GuardedRouter::new()
        .route("/login", post(login))
        .route("/me", get(me))
        .route("/refresh", post(refresh))
        .route("/.well-known/jwks.json", routing::jwks())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    if std::env::args().nth(1).as_deref() == Some("sign") {
        return signing_process::run();
    }
    let port: u16 = match std::env::var("PORT") {
        Ok(port) => port.parse().map_err(|_| "PORT must be a number from 0 to 65535")?,
        Err(_) => 3000,
    };
    let app = router().with_state(auth().await?);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    println!("Listening on http://{}. Paste into another terminal:\n", listener.local_addr()?);
    println!("{COMMANDS}");
    axum::serve(listener, app).await?;
    Ok(())
}

/// Logs in, calls the route, and shows the public key.
const COMMANDS: &str = r#"A=127.0.0.1:3000
TOKEN=$(curl -s $A/login -H 'Content-Type: application/json' -d '{"username":"alice","password":"wonderland"}' | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
curl -i $A/me -H "Authorization: Bearer $TOKEN"
curl -i $A/.well-known/jwks.json"#;

#[cfg(test)]
mod tests {
    use super::*;
    use jwt_auth::KeyMaterial;
    use jwt_auth::testing::{TestAuth, assert_manifest};

    #[tokio::test]
    async fn every_route_is_guarded() {
        let test = TestAuth::new(Config::hs256(KeyMaterial::ephemeral())).expect("valid");
        assert_manifest(&router().manifest(), "routes.json");
        test.assert_guarded(router().with_state(test.auth()), &router().manifest()).await;
    }
}
