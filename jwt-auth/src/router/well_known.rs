//! Routes below `/.well-known`: documents about this service, which anyone may read.

use axum::response::{IntoResponse, Response};
use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, StatusCode};

use crate::auth::JwtAuth;
use crate::dpop;
use crate::guard::{Guard, HoldsJwtAuth, Public};
use crate::router::routing::{MethodRouter, get};

/// Serves the public keys (RFC 7517 §5), for services that verify our tokens.
///
/// The usual path is `/.well-known/jwks.json`. The response may be cached for an hour, has an `ETag`, and is 304 for a client
/// that has it. Publish a new key for more than an hour before it signs, so that every cache has it by then. A configuration
/// that has shared secrets only has nothing to publish: the response is then 404, and an error is logged.
///
/// ```
/// use jwt_auth::{GuardedRouter, routing};
///
/// let router: GuardedRouter =
///     GuardedRouter::new().route("/.well-known/jwks.json", routing::jwks());
/// assert_eq!(router.manifest().to_string(), "GET /.well-known/jwks.json  public\n");
/// ```
pub fn jwks<S>() -> MethodRouter<S>
where
    S: HoldsJwtAuth + Clone + Send + Sync + 'static,
{
    get(serve_jwks)
}

/// Serves the document about this service for OAuth clients (RFC 9728 §3).
///
/// Its path is `/.well-known/oauth-protected-resource`, followed by the path of the configured
/// [resource](crate::Config::resource): for `https://api.example/mcp` it is `/.well-known/oauth-protected-resource/mcp`.
/// Some clients request the path without that suffix, so a service with one resource should serve both. The document names
/// the resource, its [authorization servers](crate::Config::authorization_servers), and where tokens are read. Pages of any
/// origin may read it. Without a configured resource the response is 404, and an error is logged.
///
/// ```
/// use jwt_auth::{GuardedRouter, routing};
///
/// let path = "/.well-known/oauth-protected-resource/mcp";
/// let router: GuardedRouter = GuardedRouter::new().route(path, routing::protected_resource());
/// assert_eq!(router.manifest().to_string(), format!("GET {path}  public\n"));
/// ```
pub fn protected_resource<S>() -> MethodRouter<S>
where
    S: HoldsJwtAuth + Clone + Send + Sync + 'static,
{
    get(serve_resource)
}

async fn serve_resource(_: Guard<Public>, auth: JwtAuth) -> Response {
    let Some(resource) = &auth.web().resource else {
        tracing::error!(target: "jwt_auth", "the configuration names no resource; write `.resource(\"https://…\")`");
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [
        (CACHE_CONTROL, "public, max-age=3600"),
        (CONTENT_TYPE, "application/json"),
        (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    ];
    let algorithms: Vec<_> = dpop::algorithms().collect();
    (headers, resource.document(auth.web(), &algorithms).to_string()).into_response()
}

async fn serve_jwks(_: Guard<Public>, auth: JwtAuth, headers: HeaderMap) -> Response {
    let set = auth.jwks();
    if set.is_empty() {
        tracing::error!(target: "jwt_auth", "the configuration has no public key to publish");
        return StatusCode::NOT_FOUND.into_response();
    }
    let cache = [(CACHE_CONTROL, "public, max-age=3600"), (ETAG, set.etag())];
    if has_etag(&headers, set.etag()) {
        return (StatusCode::NOT_MODIFIED, cache).into_response();
    }
    let content_type = [(CONTENT_TYPE, "application/jwk-set+json")];
    (cache, content_type, set.to_string()).into_response()
}

/// Whether `If-None-Match` lists the entity tag, weak or strong, or `*` (RFC 9110 §13.1.2).
fn has_etag(headers: &HeaderMap, etag: &str) -> bool {
    let lines = headers.get_all(IF_NONE_MATCH).iter().filter_map(|line| line.to_str().ok());
    lines
        .flat_map(|line| line.split(','))
        .map(str::trim)
        .any(|listed| listed == "*" || listed.strip_prefix("W/").unwrap_or(listed) == etag)
}
