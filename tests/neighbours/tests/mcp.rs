//! rmcp: a guard before an MCP server.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::request::Parts;
use axum::http::{Request, StatusCode};
use jwt_auth::{AccessToken, GuardedRouter, JwtAuth, guard};
use neighbours::auth;
use rmcp::handler::server::tool::Extension;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ErrorData, ServerHandler, tool, tool_handler, tool_router};
use tower::ServiceExt as _;

#[derive(Clone)]
struct Notes;

#[tool_router]
impl Notes {
    #[tool(description = "Who is logged in.")]
    fn who(&self, Extension(parts): Extension<Parts>) -> Result<String, ErrorData> {
        let token = parts.extensions.get::<AccessToken>();
        let token = token.ok_or_else(|| ErrorData::internal_error("there is no guard", None))?;
        Ok(token.subject().to_owned())
    }
}

#[tool_handler]
impl ServerHandler for Notes {}

fn app(auth: JwtAuth) -> Router {
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true);
    let mcp =
        StreamableHttpService::new(|| Ok(Notes), Arc::new(LocalSessionManager::default()), config);
    GuardedRouter::new()
        .guarded_service("/mcp", guard::required().scopes(["notes:read"]), mcp)
        .with_state(auth)
}

#[tokio::test]
async fn a_tool_is_guarded_and_has_the_token() {
    let auth = auth();
    let app = app(auth.clone());
    let call = async |token: Option<&str>| {
        let mut request = Request::post("/mcp")
            .header("host", "localhost")
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let body = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"who","arguments":{}}}"#;
        let request = request.body(Body::from(body)).expect("a request");
        let response = app.clone().oneshot(request).await.expect("a response");
        let status = response.status();
        let body = to_bytes(response.into_body(), usize::MAX).await.expect("a body");
        (status, String::from_utf8_lossy(&body).into_owned())
    };
    let token = |scope| auth.access_token("alice").scopes([scope]).issue().expect("a token");
    let (reader, writer) = (token("notes:read"), token("notes:write"));
    assert_eq!(call(None).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(call(Some(&writer)).await.0, StatusCode::FORBIDDEN);
    let (status, body) = call(Some(&reader)).await;
    assert!(status == StatusCode::OK && body.contains("alice"), "{status} {body}");
}
