//! An API with an OpenAPI document that its guards have written, and Swagger UI to try it.

use axum::Json;
use jwt_auth::{
    AccessToken, AuthError, Config, JwtAuth, Permission, TokenPair, jwt_required, load_config,
    public,
};
use jwt_auth_openapi::{OpenApiRouter, routes};
use serde::Deserialize;
use utoipa::{OpenApi, ToSchema};
use utoipa_swagger_ui::SwaggerUi;

#[derive(OpenApi)]
#[openapi(info(
    title = "Notes",
    description = "Log in, then paste the access token into Authorize."
))]
struct Api;

#[derive(Permission)]
#[permission(prefix = "notes:", rename_all = "lowercase")]
enum Notes {
    Read,
    Write,
}

#[load_config]
fn auth() -> Config {
    Config::from_env()
}

#[derive(Deserialize, ToSchema)]
struct Login {
    #[schema(example = "alice")]
    username: String,
}

/// Logs a user in. This example checks no password.
#[utoipa::path(post, path = "/login", responses((status = 200, body = TokenPair)))]
#[public]
async fn login(auth: JwtAuth, Json(form): Json<Login>) -> Result<TokenPair, AuthError> {
    auth.log_in(form.username).scopes([Notes::Read]).await
}

/// Lists the notes of the user.
#[utoipa::path(get, path = "/notes", responses((status = 200, body = String)))]
#[jwt_required(scopes(Notes::Read))]
async fn list(token: AccessToken) -> String {
    format!("notes of {}", token.subject())
}

/// Adds a note.
#[utoipa::path(post, path = "/notes", responses((status = 201)))]
#[jwt_required(scopes(Notes::Write))]
async fn add() {}

fn router() -> OpenApiRouter {
    OpenApiRouter::with_openapi(Api::openapi()).routes(routes!(login)).routes(routes!(list, add))
}

fn app(auth: JwtAuth) -> axum::Router {
    let (router, document) = router().split_for_parts(&auth);
    let ui = SwaggerUi::new("/docs").url("/openapi.json", document);
    router.unguarded("the document is public", ui.into()).with_state(auth)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port: u16 = std::env::var("PORT").ok().and_then(|port| port.parse().ok()).unwrap_or(3000);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    let address = listener.local_addr()?;
    let app = app(auth()?);
    println!("Listening on http://{address}. Open http://{address}/docs in a browser.");
    axum::serve(listener, app).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jwt_auth::KeyMaterial;
    use jwt_auth::testing::{TestAuth, assert_manifest};

    #[tokio::test]
    async fn every_route_is_guarded() {
        let config = Config::hs256(KeyMaterial::ephemeral());
        let test = TestAuth::new(config).expect("valid");
        let (guarded, _) = router().split_for_parts(&test.auth());
        assert_manifest(&guarded.manifest(), "routes.json");
        test.assert_guarded(app(test.auth()), &guarded.manifest()).await;
    }
}
