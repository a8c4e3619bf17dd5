//! RFC 9728: the document about this service, and the challenges that point to it.

use axum::http::HeaderMap;
use jwt_auth::{
    Config, GuardedRouter, JwtAuth, TokenLocation, guard::Require, jwt_required, public, routing,
};
use serde_json::{Value, json};
use tests::{SECRET, TestResponse, call, get};

const RESOURCE: &str = "https://api.example/mcp";
const METADATA: &str = "https://api.example/.well-known/oauth-protected-resource/mcp";
const PATH: &str = "/.well-known/oauth-protected-resource/mcp";

#[jwt_required(scopes("tools:read"), any_scope("a", "b"))]
async fn tools() -> &'static str {
    "tools"
}

#[jwt_required]
async fn any() -> &'static str {
    "any"
}

#[jwt_required(optional)]
async fn visitor() -> &'static str {
    "visitor"
}

#[jwt_required(max_age = "5m")]
async fn recent() -> &'static str {
    "recent"
}

#[public]
async fn health() -> &'static str {
    "fine"
}

fn app(config: Config) -> (axum::Router, JwtAuth) {
    let auth = config.build().expect("a valid configuration");
    let group = GuardedRouter::new()
        .route("/group/tools", routing::get(tools))
        .require(Require::scopes(["mcp"]));
    let app = GuardedRouter::new()
        .route("/tools", routing::get(tools))
        .route("/any", routing::get(any))
        .route("/visitor", routing::get(visitor))
        .route("/recent", routing::get(recent))
        .route("/health", routing::get(health))
        .route(PATH, routing::protected_resource())
        .merge(group)
        .with_state(auth.clone());
    (app, auth)
}

fn config() -> Config {
    tests::config().0.resource(RESOURCE).issuer("https://login.example")
}

async fn document(config: Config) -> (TestResponse, Value) {
    let response = call(&app(config).0, "GET", PATH, None).await;
    let document = serde_json::from_str(&response.body).unwrap_or_default();
    (response, document)
}

#[tokio::test]
async fn the_document_names_the_resource_exactly_as_configured() {
    let (response, found) = document(config()).await;
    assert_eq!(response.status, 200);
    let header = |headers: &HeaderMap, name: &str| headers[name].to_str().expect("text").to_owned();
    assert_eq!(header(&response.headers, "content-type"), "application/json");
    assert_eq!(header(&response.headers, "access-control-allow-origin"), "*");
    assert_eq!(header(&response.headers, "cache-control"), "public, max-age=3600");
    assert_eq!(
        found,
        json!({
            "resource": RESOURCE,
            "authorization_servers": ["https://login.example"],
            "bearer_methods_supported": ["header"],
            "dpop_signing_alg_values_supported": tests::key_pair_algorithms(),
        })
    );
    let config = tests::config().0.resource("https://api.example/");
    let config = config.token_location([TokenLocation::Header, TokenLocation::Query]);
    let (_, found) = document(config.authorization_servers(["https://a.example/t/"])).await;
    assert_eq!(found["resource"], "https://api.example/");
    assert_eq!(found["authorization_servers"], json!(["https://a.example/t/"]));
    assert_eq!(found["bearer_methods_supported"], json!(["header", "query"]));
    let (response, _) = document(tests::config().0).await;
    assert_eq!((response.status.as_u16(), &*response.body), (404, ""), "none is configured");
}

#[tokio::test]
async fn every_challenge_says_where_the_document_is_and_what_the_route_requires() {
    let (app, auth) = app(config());
    let token = auth.access_token("alice").issue().expect("a token");
    let challenge = |response: &TestResponse| response.challenge().to_owned();
    let metadata = format!(r#"resource_metadata="{METADATA}""#);
    let scope = r#"scope="tools:read a b""#;
    let missing = call(&app, "GET", "/tools", None).await;
    assert_eq!(challenge(&missing), format!("Bearer {scope}, {metadata}"));
    let missing = call(&app, "GET", "/any", None).await;
    assert_eq!(challenge(&missing), format!("Bearer {metadata}"));
    let group = call(&app, "GET", "/group/tools", None).await;
    assert_eq!(challenge(&group), format!(r#"Bearer scope="tools:read a b mcp", {metadata}"#));
    let bad = get(&app, "/tools", "a.b.c").await;
    assert!(challenge(&bad).starts_with(r#"Bearer error="invalid_token""#));
    assert!(challenge(&bad).ends_with(&format!("{scope}, {metadata}")), "{}", bad.challenge());
    let bad = get(&app, "/visitor", "a.b.c").await;
    assert!(challenge(&bad).ends_with(&format!(", {metadata}")), "{}", bad.challenge());
    let insufficient = get(&app, "/tools", &token).await;
    assert_eq!(insufficient.status, 403);
    assert!(challenge(&insufficient).ends_with(&format!("{scope}, {metadata}")));
    let old = get(&app, "/recent", &token).await;
    assert!(challenge(&old).ends_with(&format!(r#"max_age="300", {metadata}"#)));
    for path in ["/health", PATH] {
        let response = call(&app, "GET", path, None).await;
        assert_eq!((response.status.as_u16(), response.challenge()), (200, ""), "{path}");
    }
}

#[tokio::test]
async fn the_resource_is_the_audience_unless_another_is_named() {
    let (app, auth) = app(config());
    let token = auth.access_token("alice").issue().expect("a token");
    assert_eq!(get(&app, "/any", &token).await.status, 200);
    let claims = jwt_auth::danger::decode_unverified(&token).expect("a token").claims;
    assert_eq!(claims["aud"], RESOURCE);
    let elsewhere = config().audience(["https://other.example"]).build().expect("valid");
    let foreign = elsewhere.access_token("alice").issue().expect("a token");
    assert_eq!(get(&app, "/any", &foreign).await.status, 401);
    assert!(elsewhere.verify_access(&foreign).await.is_ok());
    assert!(elsewhere.verify_access(&token).await.is_err());
}

#[test]
fn an_address_that_clients_could_not_use_is_refused() {
    let build = |config: Config| config.build().map(drop).map_err(|error| error.to_string());
    for bad in ["api.example", "http://api.example", "https://api.example/?a=b", "https://a\"b"] {
        let error = build(Config::hs256(SECRET).resource(bad)).expect_err("refused");
        assert!(error.contains("resource") && error.contains("RFC 9728"), "{bad}: {error}");
    }
    let servers = |config: Config| build(config.authorization_servers(["login.example"]));
    assert!(servers(Config::hs256(SECRET).resource(RESOURCE)).is_err());
    let error = servers(Config::hs256(SECRET)).expect_err("no resource");
    assert!(error.contains("none is configured"), "{error}");
    assert!(build(Config::hs256(SECRET).resource("http://127.0.0.1:3000/mcp")).is_ok());
    let from_env = Config::from_vars([
        ("JWT_AUTH_SECRET_KEY", "an example secret of 32 bytes :)"),
        ("JWT_AUTH_RESOURCE", RESOURCE),
        ("JWT_AUTH_AUTHORIZATION_SERVERS", "https://a.example,https://b.example"),
    ]);
    assert_eq!(build(from_env), Ok(()));
}
