//! OpenAPI documents that guards have written.

use axum::body::Body;
use axum::http::Request;
use axum::routing::get as axum_get;
use jwt_auth::router::Require;
use jwt_auth::routing::{get, post};
use jwt_auth::{
    AccessToken, Config, GuardedRouter, JwtAuth, TokenLocation, TokenPair, check, guard,
    jwt_required, public, refresh_required,
};
use jwt_auth_openapi::{DescribeManifest as _, Drift, OpenApiRouter, Schemes, routes};
use serde_json::{Value, json};
use tests::config;
use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Document;

#[check]
async fn owner(_: AccessToken) -> bool {
    true
}

#[utoipa::path(get, path = "/health")]
#[public]
async fn health() {}

#[utoipa::path(get, path = "/notes")]
#[jwt_required(any_scope("notes:read", "notes:all"))]
async fn list() {}

#[utoipa::path(post, path = "/notes", responses((status = 403, description = "mine")))]
#[jwt_required(scopes("notes:write"), fresh, check = owner)]
async fn add() {}

#[utoipa::path(get, path = "/home")]
#[jwt_required(optional)]
async fn home() {}

#[utoipa::path(post, path = "/refresh", responses((status = 200, body = TokenPair)))]
#[refresh_required]
async fn refresh() {}

#[utoipa::path(get, path = "/files/{rest}")]
#[jwt_required(locations(cookie))]
async fn files() {}

#[utoipa::path(get, path = "/mine", security(("other" = ["x"])))]
#[jwt_required]
async fn mine() {}

mod notes {
    use jwt_auth::jwt_required;

    #[utoipa::path(delete, path = "/{id}")]
    #[jwt_required(roles("admin"))]
    pub(super) async fn purge() {}
}

fn auth(change: impl FnOnce(Config) -> Config) -> JwtAuth {
    change(config().0).build().expect("valid")
}

fn router() -> OpenApiRouter {
    let admin = OpenApiRouter::new()
        .map(|router| router.require(Require::scopes(["admin"])))
        .routes(routes!(notes::purge));
    OpenApiRouter::new()
        .routes(routes!(health))
        .routes(routes!(list, add))
        .routes(routes!(home))
        .routes(routes!(refresh))
        .nest("/admin", admin)
}

fn document(auth: &JwtAuth) -> Value {
    let (_, document) = router().split_for_parts(auth);
    serde_json::to_value(document).expect("JSON")
}

#[test]
fn each_operation_has_the_security_of_its_guard() {
    let document = document(&auth(|config| config));
    let security = |path: &str, method: &str| document["paths"][path][method]["security"].clone();
    assert_eq!(security("/health", "get"), json!([]));
    assert_eq!(
        security("/notes", "get"),
        json!([{ "access_token": ["notes:read"] }, { "access_token": ["notes:all"] }])
    );
    assert_eq!(security("/notes", "post"), json!([{ "access_token": ["notes:write"] }]));
    assert_eq!(security("/home", "get"), json!([{}, { "access_token": [] }]));
    assert_eq!(security("/refresh", "post"), json!([{ "refresh_token": [] }]));
    assert_eq!(security("/admin/{id}", "delete"), json!([{ "access_token": ["admin"] }]));
    let bearer = json!({ "type": "http", "scheme": "bearer", "bearerFormat": "JWT" });
    assert_eq!(document["components"]["securitySchemes"]["access_token"], bearer);
    let extension = &document["paths"]["/notes"]["post"]["x-jwt-auth"];
    assert_eq!(
        *extension,
        json!({ "guard": "access", "fresh": true, "scopes": ["notes:write"], "check": "owner" })
    );
    assert!(document["paths"]["/health"]["get"].get("x-jwt-auth").is_none());
}

#[test]
fn refusals_are_described_unless_the_application_does_it() {
    let document = document(&auth(|config| config.error_body_key("message")));
    let responses = |path: &str, method: &str| document["paths"][path][method]["responses"].clone();
    let statuses = |path: &str, method: &str| {
        let responses = responses(path, method);
        responses.as_object().expect("an object").keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(statuses("/health", "get"), [""; 0]);
    assert_eq!(statuses("/notes", "get"), ["401", "403", "503"]);
    assert_eq!(statuses("/home", "get"), ["401", "503"]);
    assert_eq!(statuses("/refresh", "post"), ["200", "401", "503"]);
    assert_eq!(responses("/notes", "post")["403"]["description"], "mine");
    let refused = &responses("/notes", "get")["401"];
    let schema = json!({ "$ref": "#/components/schemas/AuthError" });
    assert_eq!(refused["content"]["application/json"]["schema"], schema);
    assert!(refused["headers"]["WWW-Authenticate"].is_object());
    let schemas = &document["components"]["schemas"];
    assert_eq!(schemas["AuthError"]["required"], json!(["message", "code"]));
    assert_eq!(
        schemas["TokenPair"]["required"],
        json!(["access_token", "refresh_token", "token_type", "expires_in"])
    );
    let problems = self::document(&auth(Config::problem_details));
    let content = &problems["paths"]["/notes"]["get"]["responses"]["401"]["content"];
    assert!(content["application/problem+json"].is_object(), "{content}");
}

#[test]
fn cookies_have_their_csrf_header_and_every_location_its_scheme() {
    let all = [TokenLocation::Header, TokenLocation::Cookie, TokenLocation::Query];
    let document = document(&auth(|config| config.token_location(all).header_name("X-Token")));
    assert_eq!(
        document["paths"]["/notes"]["post"]["security"],
        json!([{ "access_token": ["notes:write"] }, { "access_cookie": ["notes:write"] }, { "access_query": ["notes:write"] }])
    );
    let header = &document["paths"]["/notes"]["post"]["parameters"][0];
    assert_eq!((&header["name"], &header["in"]), (&json!("X-CSRF-Token"), &json!("header")));
    assert!(document["paths"]["/notes"]["get"].get("parameters").is_none());
    let schemes = &document["components"]["securitySchemes"];
    assert_eq!(schemes["access_token"]["in"], "header");
    assert_eq!(schemes["access_token"]["name"], "x-token");
    assert_eq!(schemes["access_cookie"]["name"], "__Host-access_token_cookie");
    assert_eq!(schemes["refresh_cookie"]["in"], "cookie");
    assert_eq!(schemes["access_query"]["in"], "query");

    let router = OpenApiRouter::<JwtAuth>::new().routes(routes!(files));
    let (_, document) = router.split_for_parts(&auth(|config| config.token_location(all)));
    let document = serde_json::to_value(document).expect("JSON");
    assert_eq!(
        document["paths"]["/files/{rest}"]["get"]["security"],
        json!([{ "access_cookie": [] }])
    );
}

#[derive(OpenApi)]
#[openapi(paths(health, list, mine, home))]
struct Api;

#[test]
fn a_document_that_is_made_otherwise_is_completed_and_its_differences_are_listed() {
    let routes: GuardedRouter<JwtAuth> = GuardedRouter::new()
        .route("/health", get(health))
        .route("/notes", get(list).post(add))
        .route("/mine", get(mine))
        .route("/files/{*rest}", get(files))
        .unguarded_service("/static", "public files", axum_get(|| async {}))
        .fallback(health);
    let manifest = routes.manifest();
    let mut document: Document = Api::openapi();
    let drift: Drift = manifest.describe(&mut document);
    assert_eq!(
        drift.to_string(),
        "GET /files/{rest} is not in the document\n\
         POST /notes is not in the document\n\
         GET /home is in the document, and no route serves it\n\
         GET /mine had a `security` that differs from its guard\n"
    );
    assert!(!drift.is_empty());
    assert_eq!(
        drift.undocumented().count() + drift.unserved().count() + drift.corrected().count(),
        4
    );
    let once = serde_json::to_value(&document).expect("JSON");
    assert_eq!(once["paths"]["/mine"]["get"]["security"], json!([{ "access_token": [] }]));
    // A second time there is nothing to correct.
    let schemes = Schemes::of(&auth(|config| config));
    assert_eq!(manifest.describe_with(&mut document, &schemes).corrected().count(), 0);
    assert_eq!(serde_json::to_value(&document).expect("JSON"), once);
    drop(post::<_, _, JwtAuth>(add));
}

#[test]
fn a_document_of_the_routes_alone_has_their_paths_parameters_and_guards() {
    let file = axum_get(|| async {});
    let router: GuardedRouter<JwtAuth> = GuardedRouter::new()
        .route("/health", get(health))
        .route("/notes/{id}", get(list).post(add))
        .route("/files/{*rest}", get(files))
        .guarded_route_service("/reports/{year}/{id}", guard::required(), file)
        .fallback(health);
    let manifest = router.manifest();
    let mut document = jwt_auth_openapi::document(&manifest, &auth(|config| config));
    assert!(manifest.describe(&mut document).is_empty());
    let document = serde_json::to_value(document).expect("JSON");
    let paths = document["paths"].as_object().expect("an object");
    let found: Vec<&str> = paths.keys().map(String::as_str).collect();
    assert_eq!(found, ["/files/{rest}", "/health", "/notes/{id}", "/reports/{year}/{id}"]);
    let list = &paths["/notes/{id}"]["get"];
    assert_eq!(list["summary"], "list");
    let schema = json!({ "type": "string" });
    let parameter = json!({ "name": "id", "in": "path", "required": true, "schema": schema });
    assert_eq!(list["parameters"], json!([parameter]));
    let either = json!([{ "access_token": ["notes:read"] }, { "access_token": ["notes:all"] }]);
    assert_eq!(list["security"], either);
    assert_eq!(
        paths["/notes/{id}"]["post"]["responses"].as_object().map(serde_json::Map::len),
        Some(4)
    );
    assert_eq!(paths["/health"]["get"]["security"], json!([]));
    let report = &paths["/reports/{year}/{id}"];
    for method in ["get", "post", "put", "patch", "delete"] {
        assert_eq!(report[method]["parameters"].as_array().map(Vec::len), Some(2), "{method}");
        assert_eq!(report[method]["security"], json!([{ "access_token": [] }]), "{method}");
    }
}

#[test]
fn a_guard_is_never_described_as_public() {
    // The settings do not look into cookies, so they describe none.
    let router: OpenApiRouter = OpenApiRouter::new().routes(routes!(files));
    let (_, document) = router.split_for_parts(&auth(|config| config));
    let document = serde_json::to_value(document).expect("JSON");
    let security = &document["paths"]["/files/{rest}"]["get"]["security"];
    assert_eq!(security, &json!([{ "access_other": [] }]));
    let scheme = &document["components"]["securitySchemes"]["access_other"];
    assert_eq!(scheme["description"], "the token, in: cookie");
}

#[tokio::test]
async fn the_router_serves_what_the_document_describes() {
    let auth = auth(|config| config);
    let (router, _) = router().split_for_parts(&auth);
    let manifest = router.manifest();
    assert_eq!(manifest.entries().len(), 6);
    let app: axum::Router = router.with_state(auth);
    jwt_auth::testing::assert_guarded(app.clone(), &manifest).await;
    let request = Request::get("/health").body(Body::empty()).expect("valid");
    assert_eq!(tests::send(&app, request).await.status, 200);
    let request = Request::post("/health").body(Body::empty()).expect("valid");
    assert_eq!(tests::send(&app, request).await.status, 405);
}

#[test]
#[should_panic(expected = "these are for `/health` and `/notes`")]
fn two_paths_in_one_call_are_refused() {
    let _: OpenApiRouter = OpenApiRouter::new().routes(routes!(health, list));
}
