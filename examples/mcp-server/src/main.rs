//! An MCP server (`rmcp` over streamable HTTP) behind a guard: clients find the identity provider by themselves (RFC 9728).

use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use http::request::Parts;
use jwt_auth::{AccessToken, Config, GuardedRouter, JwtAuth, KeyRing, guard, load_config, routing};
use jwt_auth_oidc::{FetchError, Issuer};
use rmcp::handler::server::tool::Extension;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ErrorData, ServerHandler, tool, tool_handler, tool_router};

/// The resource is the address of the server, and the audience of its tokens: clients request tokens for it (RFC 8707).
#[load_config]
async fn auth(issuer: String, resource: String) -> Result<Config, FetchError> {
    let provider = Issuer::discover(issuer.clone()).audience([resource.clone()]).rfc9068();
    Ok(Config::with_keys(KeyRing::default())
        .resource(resource)
        .authorization_servers([issuer])
        .trust(provider.prefetch().await?))
}

/// The tools. Every call has passed the guard, whose token is among the extensions of the request.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

#[tool_router]
impl Notes {
    #[tool(description = "Lists the notes.")]
    fn list(&self) -> String {
        self.0.lock().map(|notes| notes.join("\n")).unwrap_or_default()
    }

    #[tool(description = "Adds a note. Needs the scope notes:write.")]
    fn add(&self, Extension(parts): Extension<Parts>) -> Result<String, ErrorData> {
        let token = parts.extensions.get::<AccessToken>();
        let token = token.ok_or_else(|| ErrorData::internal_error("there is no guard", None))?;
        if !token.scopes().any(|scope| scope == "notes:write") {
            return Err(ErrorData::invalid_request("the scope notes:write is missing", None));
        }
        let note = format!("a note of {}", token.subject());
        if let Ok(mut notes) = self.0.lock() {
            notes.push(note.clone());
        }
        Ok(note)
    }
}

#[tool_handler]
impl ServerHandler for Notes {}

fn router() -> GuardedRouter<JwtAuth> {
    let notes = Notes::default();
    let mcp = StreamableHttpService::new(
        move || Ok(notes.clone()),
        Arc::new(LocalSessionManager::default()),
        StreamableHttpServerConfig::default(),
    );
    GuardedRouter::new()
        .guarded_service("/mcp", guard::required().scopes(["notes:read"]), mcp)
        .route("/.well-known/oauth-protected-resource/mcp", routing::protected_resource())
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
    let app = router().with_state(auth(issuer, format!("{address}/mcp")).await?);
    println!("Listening on {address}. Paste into another terminal:\n");
    println!("node tests/interop/mcp_client.mjs {address}/mcp");
    println!("curl -i -X POST {address}/mcp");
    axum::serve(listener, app).await?;
    Ok(())
}

const HELP: &str =
    "Start a provider in another terminal, and set ISSUER to the address that it prints:

    npm ci --prefix tests/interop && node tests/interop/provider.mjs
    ISSUER=http://127.0.0.1:… cargo run -p mcp-server";

#[cfg(test)]
mod tests {
    use super::*;
    use jwt_auth::KeyMaterial;
    use jwt_auth::testing::{TestAuth, assert_manifest};

    #[tokio::test]
    async fn every_route_is_guarded() {
        let test = TestAuth::new(
            Config::hs256(KeyMaterial::ephemeral()).resource("https://api.example/mcp"),
        )
        .expect("valid");
        assert_manifest(&router().manifest(), "routes.json");
        test.assert_guarded(router().with_state(test.auth()), &router().manifest()).await;
    }
}
