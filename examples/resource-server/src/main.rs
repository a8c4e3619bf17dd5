//! An API that issues no tokens: users and services log in at an identity provider, and its tokens open the routes.

use std::process::ExitCode;

use jwt_auth::{
    AccessToken, Config, GuardedRouter, JwtAuth, KeyRing, jwt_required, load_config, routing,
};
use jwt_auth_oidc::{FetchError, Issuer};

/// How this API is named in the tokens of the provider.
const AUDIENCE: &str = "https://api.example";

/// The keys are fetched at the start, so that a wrong address is an error now and not at the first request.
#[load_config]
async fn auth(issuer: String, resource: String) -> Result<Config, FetchError> {
    let provider = Issuer::discover(issuer.clone()).audience([AUDIENCE]).prefetch().await?;
    // Nothing is signed here, so there is no key of our own.
    Ok(Config::with_keys(KeyRing::default())
        .resource(resource)
        .authorization_servers([issuer])
        .trust(provider))
}

#[jwt_required(scopes("notes:read"))]
async fn notes(token: AccessToken) -> String {
    format!("Notes for {}", token.subject())
}

#[jwt_required(scopes("notes:write"))]
async fn write(token: AccessToken) -> String {
    format!("{} has written a note", token.subject())
}

fn router() -> GuardedRouter<JwtAuth> {
    GuardedRouter::new()
        .route("/notes", routing::get(notes).post(write))
        .route("/.well-known/oauth-protected-resource", routing::protected_resource())
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}\n\n{HELP}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let issuer = std::env::var("ISSUER").map_err(|_| "ISSUER is not set")?;
    let port: u16 = match std::env::var("PORT") {
        Ok(port) => port.parse().map_err(|_| "PORT must be a number from 0 to 65535")?,
        Err(_) => 3000,
    };
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    let address = format!("http://{}", listener.local_addr()?);
    let app = router().with_state(auth(issuer, address.clone()).await?);
    println!("Listening on {address}. Paste into another terminal:\n");
    println!("{COMMANDS}");
    axum::serve(listener, app).await?;
    Ok(())
}

const HELP: &str =
    "Start a provider in another terminal, and set ISSUER to the address that it prints:

    npm ci --prefix tests/interop && node tests/interop/provider.mjs
    ISSUER=http://127.0.0.1:… cargo run -p resource-server";

/// Gets a token at the provider, and calls the route.
const COMMANDS: &str = r#"TOKEN=$(curl -s -u service:the-secret-of-the-service -d 'grant_type=client_credentials&scope=notes:read' $ISSUER/token | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
curl -i 127.0.0.1:3000/notes -H "Authorization: Bearer $TOKEN"
curl -i -X POST 127.0.0.1:3000/notes -H "Authorization: Bearer $TOKEN"
curl -i 127.0.0.1:3000/notes"#;

#[cfg(test)]
mod tests {
    use super::*;
    use jwt_auth::KeyMaterial;
    use jwt_auth::testing::{TestAuth, assert_manifest};

    #[tokio::test]
    async fn every_route_is_guarded() {
        let test =
            TestAuth::new(Config::hs256(KeyMaterial::ephemeral()).resource("https://api.example"))
                .expect("valid");
        assert_manifest(&router().manifest(), "routes.json");
        test.assert_guarded(router().with_state(test.auth()), &router().manifest()).await;
    }
}
