//! Token locations: `guide::security`, rules W8 and W9, and the argument `locations(…)` of a route.

use axum::Json;
use axum::http::StatusCode;
use jwt_auth::routing::{any, get};
use jwt_auth::{
    AccessToken, AuthError, Config, GuardedRouter, IssuedToken, JwtAuth, TokenLocation, TokenPair,
    jwt_required, public, refresh_required,
};
use tests::{Client, bearer, config};

fn subject_and_location(token: &AccessToken) -> String {
    format!("{} by {}", token.subject(), token.location().map_or("?", TokenLocation::name))
}

#[jwt_required]
async fn me(token: AccessToken) -> String {
    subject_and_location(&token)
}

#[jwt_required(locations(query, header))]
async fn download(token: AccessToken) -> String {
    subject_and_location(&token)
}

#[jwt_required(locations(cookie))]
async fn page(token: AccessToken) -> String {
    subject_and_location(&token)
}

#[jwt_required(locations(websocket_protocol))]
async fn feed(token: AccessToken) -> String {
    subject_and_location(&token)
}

#[refresh_required(locations(query))]
async fn renew() -> &'static str {
    "renewed"
}

async fn bare(token: AccessToken) -> String {
    subject_and_location(&token)
}

#[public]
async fn login(auth: JwtAuth) -> Result<Json<TokenPair>, AuthError> {
    auth.log_in("alice").await.map(Json)
}

#[public]
async fn text(auth: JwtAuth) -> Result<String, AuthError> {
    tokio::task::yield_now().await;
    let token = auth.access_token("alice").issue()?;
    tokio::task::yield_now().await;
    Ok(token.as_str().to_owned())
}

#[public]
async fn issued(auth: JwtAuth) -> Result<IssuedToken, AuthError> {
    auth.access_token("alice").issue()
}

#[public]
async fn open() -> &'static str {
    "open"
}

fn app(change: impl FnOnce(Config) -> Config) -> (Client, JwtAuth) {
    let auth = change(config().0).build().expect("a valid configuration");
    let router = GuardedRouter::new()
        .route("/me", any(me))
        .route("/download", get(download))
        .route("/page", any(page))
        .route("/feed", get(feed))
        .route("/renew", get(renew))
        .route("/bare", get(bare))
        .route("/login", get(login))
        .route("/text", get(text))
        .route("/issued", get(issued))
        .route("/open", get(open));
    (Client::new(router.with_state(auth.clone())), auth)
}

#[tokio::test]
async fn w8_the_first_location_with_a_token_decides_and_a_bad_token_is_final() {
    use TokenLocation::{Cookie, Header, Query};
    let (client, auth) = app(|config| config.token_location([Header, Cookie, Query]));
    let token = |name: &str| auth.access_token(name).issue().expect("a token");
    client.set_cookie("__Host-access_token_cookie", &token("carol"));
    let uri = format!("/me?access_token={}", &*token("quentin"));
    let header = bearer(&token("hank"));
    assert_eq!(
        client.call("GET", &uri, &[("authorization", &header)]).await.body,
        "hank by header"
    );
    assert_eq!(client.call("GET", &uri, &[]).await.body, "carol by cookie");
    for bad in ["Bearer", "Bearer x", "Bearer a.b.c"] {
        let response = client.call("GET", &uri, &[("authorization", bad)]).await;
        assert_eq!(response.code(), "token_malformed", "{bad}");
    }
    let refresh = auth.refresh_token("rita").issue().expect("a token");
    let header = bearer(&refresh);
    let response = client.call("GET", &uri, &[("authorization", &header)]).await;
    assert_eq!(response.code(), "access_token_required");
    client.set_cookie("__Host-access_token_cookie", "junk");
    assert_eq!(client.call("GET", &uri, &[]).await.code(), "token_malformed");
    client.set_cookie("__Host-access_token_cookie", "");
    assert_eq!(client.call("GET", &uri, &[]).await.body, "quentin by query");
    // Later locations are not searched, so two cookies there are not ambiguous.
    let (client, auth) = app(|config| config.token_location([Query, Cookie]));
    let token = auth.access_token("alice").issue().expect("a token");
    let two = "__Host-access_token_cookie=a; __Host-access_token_cookie=b";
    let uri = format!("/me?access_token={}", &*token);
    assert_eq!(client.call("GET", &uri, &[("cookie", two)]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn w8_a_location_that_is_not_configured_is_not_searched() {
    let (client, auth) = app(|config| config);
    let token = auth.access_token("alice").issue().expect("a token");
    client.set_cookie("__Host-access_token_cookie", &token);
    let uri = format!("/me?access_token={}", &*token);
    let headers = [("sec-websocket-protocol", &*format!("bearer, {}", &*token))];
    assert_eq!(client.call("GET", &uri, &headers).await.code(), "token_missing");
}

#[tokio::test]
async fn the_locations_of_a_route_replace_the_configured_ones() {
    let (client, auth) = app(|config| config.token_location([TokenLocation::Header]));
    let token = auth.access_token("alice").issue().expect("a token");
    let header = bearer(&token);
    let query = |path: &str| format!("{path}?access_token={}", &*token);
    assert_eq!(client.call("GET", &query("/download"), &[]).await.body, "alice by query");
    let response = client.call("GET", "/download", &[("authorization", &header)]).await;
    assert_eq!(response.body, "alice by header");
    assert_eq!(
        client.call("GET", "/page", &[("authorization", &header)]).await.code(),
        "token_missing"
    );
    client.set_cookie("__Host-access_token_cookie", &token);
    assert_eq!(client.call("GET", "/page", &[]).await.body, "alice by cookie");
    let response = client.call("POST", "/page", &[]).await;
    assert_eq!(
        response.code(),
        "csrf_missing",
        "CSRF protection does not depend on the configured locations"
    );
    let protocols = format!("bearer, {}", &*token);
    let response = client.call("GET", "/feed", &[("sec-websocket-protocol", &protocols)]).await;
    assert_eq!(response.body, "alice by websocket_protocol");
    let refresh = auth.refresh_token("alice").issue().expect("a token");
    let response = client.call("GET", &format!("/renew?access_token={}", &*refresh), &[]).await;
    assert_eq!(response.body, "renewed");
}

#[tokio::test]
async fn w9_a_response_to_a_token_in_the_query_carries_no_store() {
    let (client, auth) = app(|config| config.token_location([TokenLocation::Query]));
    let token = auth.access_token("alice").issue().expect("a token");
    for path in ["/me", "/download", "/bare"] {
        let response = client.call("GET", &format!("{path}?access_token={}", &*token), &[]).await;
        assert_eq!(response.status, StatusCode::OK);
        assert_eq!(response.headers["cache-control"], "no-store", "{path}");
        let response = client.call("GET", &format!("{path}?access_token=junk"), &[]).await;
        assert_eq!(response.code(), "token_malformed");
        assert_eq!(response.headers["cache-control"], "no-store", "{path}: a refusal too");
    }
    let response = client.call("GET", "/me?access_token=a&access_token=b", &[]).await;
    assert_eq!(response.status, StatusCode::BAD_REQUEST);
    assert_eq!(response.headers["cache-control"], "no-store");
    let response = client.call("GET", "/open?access_token=x", &[]).await;
    assert!(!response.headers.contains_key("cache-control"), "a public route looks for no token");
}

#[tokio::test]
async fn w9_a_token_that_a_middleware_of_axum_has_found_in_the_query_carries_no_store_too() {
    async fn bare(token: AccessToken) -> String {
        subject_and_location(&token)
    }
    let config = config().0.token_location([TokenLocation::Query]);
    let auth = config.build().expect("a valid configuration");
    let outside = axum::middleware::from_extractor_with_state::<AccessToken, _>(auth.clone());
    let router = GuardedRouter::new().route("/bare", get(bare)).with_state(auth.clone());
    let client = Client::new(router.layer(outside));
    let token = auth.access_token("alice").issue().expect("a token");
    let response = client.call("GET", &format!("/bare?access_token={}", &*token), &[]).await;
    assert_eq!(response.body, "alice by query");
    assert_eq!(response.headers["cache-control"], "no-store");
}

#[tokio::test]
async fn w9_a_response_for_which_a_token_was_issued_carries_no_store() {
    let (client, _) = app(|config| config);
    for path in ["/login", "/text", "/issued"] {
        let response = client.call("GET", path, &[]).await;
        assert_eq!(response.headers["cache-control"], "no-store", "{path}");
    }
    let response = client.call("GET", "/open", &[]).await;
    assert!(!response.headers.contains_key("cache-control"));
}

#[tokio::test]
async fn w9_no_store_layer_marks_responses_of_an_axum_router() {
    use jwt_auth::layer::NoStoreLayer;

    let (config, _) = config();
    let auth =
        config.token_location([TokenLocation::Query]).build().expect("a valid configuration");
    let uri =
        format!("/me?access_token={}", &*auth.access_token("alice").issue().expect("a token"));
    let app = axum::Router::new()
        .route("/me", axum::routing::get(me))
        .route("/login", axum::routing::get(login))
        .route(
            "/private",
            axum::routing::get(|auth: JwtAuth| async move {
                let token = auth.access_token("alice").issue();
                ([("cache-control", "private, no-store")], token)
            }),
        )
        .layer(NoStoreLayer)
        .with_state(auth);
    let client = Client::new(app);
    for path in [uri.as_str(), "/login"] {
        assert_eq!(client.call("GET", path, &[]).await.headers["cache-control"], "no-store");
    }
    assert_eq!(
        client.call("GET", "/private", &[]).await.headers["cache-control"],
        "private, no-store"
    );
}

#[tokio::test]
async fn w9_a_query_of_60_kb_is_refused_without_a_panic() {
    let (client, _) = app(|config| config.token_location([TokenLocation::Query]));
    for value in [
        "a".repeat(60_000),
        "a.".repeat(30_000),
        format!("{}.{}.x", "a".repeat(30_000), "b".repeat(29_000)),
    ] {
        let response = client.call("GET", &format!("/me?access_token={value}"), &[]).await;
        assert_eq!(
            (response.status, response.code().as_str()),
            (StatusCode::UNAUTHORIZED, "token_malformed")
        );
    }
    let many = "access_token&".repeat(4_000) + "access_token=x";
    let response = client.call("GET", &format!("/me?{many}"), &[]).await;
    assert_eq!(response.code(), "token_malformed");
}

#[test]
fn token_locations_display_and_parse_by_their_names() {
    for (location, name) in [
        (TokenLocation::Header, "header"),
        (TokenLocation::Cookie, "cookie"),
        (TokenLocation::Query, "query"),
        (TokenLocation::WebSocketProtocol, "websocket_protocol"),
    ] {
        assert_eq!((location.name(), location.to_string().as_str()), (name, name));
        assert_eq!(name.parse(), Ok(location));
    }
    let error = "headr".parse::<TokenLocation>().expect_err("a typo");
    assert_eq!(
        error.to_string(),
        "unknown token location `headr`; expected `header`, `cookie`, `query` or `websocket_protocol`"
    );
}
