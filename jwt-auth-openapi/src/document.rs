//! A document from the routes alone, for a service whose handlers describe nothing.

use jwt_auth::JwtAuth;
use jwt_auth::router::{Manifest, ManifestEntry};
use utoipa::openapi::path::{
    HttpMethod, Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn,
};
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Info, OpenApi, Paths, Required};

use crate::Schemes;
use crate::describe::{DescribeManifest as _, document_path, is_described};

/// What a route for each method is described with.
const ANY: [HttpMethod; 5] =
    [HttpMethod::Get, HttpMethod::Post, HttpMethod::Put, HttpMethod::Patch, HttpMethod::Delete];

/// An OpenAPI document from the routes alone: paths with their parameters, and what their guards require.
///
/// It knows nothing of the bodies of requests and responses. Use [`OpenApiRouter`](crate::OpenApiRouter) to describe them.
///
/// ```
/// use jwt_auth::{Config, GuardedRouter, KeyMaterial, jwt_required, routing::get};
///
/// #[jwt_required(scopes("notes:read"))]
/// async fn note() {}
///
/// let auth = Config::hs256(KeyMaterial::ephemeral()).build()?;
/// let router: GuardedRouter = GuardedRouter::new().route("/notes/{id}", get(note));
/// let document = jwt_auth_openapi::document(&router.manifest(), &auth);
/// assert!(document.paths.paths["/notes/{id}"].get.is_some());
/// # Ok::<(), jwt_auth::ConfigError>(())
/// ```
pub fn document(manifest: &Manifest, auth: &JwtAuth) -> OpenApi {
    let mut paths = Paths::new();
    for entry in manifest.entries().iter().filter(|entry| is_described(entry)) {
        paths.add_path_operation(
            document_path(entry.path()),
            methods(entry.method()),
            operation(entry),
        );
    }
    let mut document = OpenApi::new(Info::new("", ""), paths);
    // A document of the routes has each of them, and no other.
    let _ = manifest.describe_with(&mut document, &Schemes::of(auth));
    document
}

fn methods(method: &str) -> Vec<HttpMethod> {
    match method {
        "GET" => vec![HttpMethod::Get],
        "PUT" => vec![HttpMethod::Put],
        "POST" => vec![HttpMethod::Post],
        "DELETE" => vec![HttpMethod::Delete],
        "OPTIONS" => vec![HttpMethod::Options],
        "HEAD" => vec![HttpMethod::Head],
        "PATCH" => vec![HttpMethod::Patch],
        "TRACE" => vec![HttpMethod::Trace],
        _ => ANY.to_vec(),
    }
}

fn operation(entry: &ManifestEntry) -> Operation {
    let name = entry.handler().rsplit("::").next().unwrap_or_default();
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let response = ResponseBuilder::new().description("What the handler returns.");
    let operation = OperationBuilder::new()
        .summary(is_name.then_some(name))
        .response("default", response.build());
    let path = document_path(entry.path());
    let names = path.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0));
    names.fold(operation, |operation, name| operation.parameter(parameter(name))).build()
}

/// A part of the path: a text, since the type that the handler reads is not known.
fn parameter(name: &str) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .build()
}
