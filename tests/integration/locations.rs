//! Where tokens are looked for: SECURITY.md §2, W8 and W9, and a route's own `locations(…)`.

use axum::Json;
use axum::http::StatusCode;
use jwt_auth::routing::{any, get};
use jwt_auth::{
    AccessToken, AuthError, Config, GuardedRouter, JwtAuth, TokenLocation, TokenPair, jwt_required,
    public, refresh_required,
};
use tests::{Client, config};

fn told(token: &AccessToken) -> String {
    format!("{} by {}", token.subject(), token.location().map_or("?", TokenLocation::name))
}

#[jwt_required]
async fn me(token: AccessToken) -> String {
    told(&token)
}

#[jwt_required(locations(query, header))]
async fn download(token: AccessToken) -> String {
    told(&token)
}

#[jwt_required(locations(cookie))]
async fn page(token: AccessToken) -> String {
    told(&token)
}

#[jwt_required(locations(websocket_protocol))]
async fn feed(token: AccessToken) -> String {
    told(&token)
}

#[refresh_required(locations(query))]
async fn renew() -> &'static str {
    "renewed"
}

async fn bare(token: AccessToken) -> String {
    told(&token)
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
    Ok(token)
}

#[public]
async fn open() -> &'static str {
    "open"
}

fn app(change: impl FnOnce(Config) -> Config) -> (Client, JwtAuth) {
    let auth = change(config().0).build().expect("good");
    let router = GuardedRouter::new()
        .route("/me", any(me))
        .route("/download", get(download))
        .route("/page", any(page))
        .route("/feed", get(feed))
        .route("/renew", get(renew))
        .route("/bare", get(bare))
        .route("/login", get(login))
        .route("/text", get(text))
        .route("/open", get(open));
    (Client::new(router.with_state(auth.clone())), auth)
}

#[tokio::test]
async fn w8_the_first_place_that_bears_a_token_decides_and_a_bad_one_is_final() {
    use TokenLocation::{Cookie, Header, Query};
    let (client, auth) = app(|config| config.token_location([Header, Cookie, Query]));
    let token = |name: &str| auth.access_token(name).issue().expect("a token");
    client.keep("__Host-access_token_cookie", &token("carol"));
    let uri = format!("/me?access_token={}", token("quentin"));
    let header = format!("Bearer {}", token("hank"));
    assert_eq!(
        client.call("GET", &uri, &[("authorization", &header)]).await.body,
        "hank by header"
    );
    assert_eq!(client.call("GET", &uri, &[]).await.body, "carol by cookie");
    for bad in ["Bearer", "Bearer x", "Bearer a.b.c"] {
        let answer = client.call("GET", &uri, &[("authorization", bad)]).await;
        assert_eq!(answer.code(), "token_malformed", "{bad}");
    }
    let refresh = auth.refresh_token("rita").issue().expect("a token");
    let header = format!("Bearer {refresh}");
    let answer = client.call("GET", &uri, &[("authorization", &header)]).await;
    assert_eq!(answer.code(), "access_token_required");
    client.keep("__Host-access_token_cookie", "junk");
    assert_eq!(client.call("GET", &uri, &[]).await.code(), "token_malformed");
    client.keep("__Host-access_token_cookie", "");
    assert_eq!(client.call("GET", &uri, &[]).await.body, "quentin by query");
    // What stands in later places is not looked at: two of them there are nobody's ambiguity.
    let (client, auth) = app(|config| config.token_location([Query, Cookie]));
    let token = auth.access_token("alice").issue().expect("a token");
    let two = "__Host-access_token_cookie=a; __Host-access_token_cookie=b";
    let uri = format!("/me?access_token={token}");
    assert_eq!(client.call("GET", &uri, &[("cookie", two)]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn w8_a_place_that_is_not_configured_is_no_place() {
    let (client, auth) = app(|config| config);
    let token = auth.access_token("alice").issue().expect("a token");
    client.keep("__Host-access_token_cookie", &token);
    let uri = format!("/me?access_token={token}");
    let lines = [("sec-websocket-protocol", &*format!("bearer, {token}"))];
    assert_eq!(client.call("GET", &uri, &lines).await.code(), "token_missing");
}

#[tokio::test]
async fn a_routes_own_places_stand_in_for_the_configured_ones() {
    let (client, auth) = app(|config| config.token_location([TokenLocation::Header]));
    let token = auth.access_token("alice").issue().expect("a token");
    let header = format!("Bearer {token}");
    let query = |path: &str| format!("{path}?access_token={token}");
    assert_eq!(client.call("GET", &query("/download"), &[]).await.body, "alice by query");
    let answer = client.call("GET", "/download", &[("authorization", &header)]).await;
    assert_eq!(answer.body, "alice by header");
    assert_eq!(
        client.call("GET", "/page", &[("authorization", &header)]).await.code(),
        "token_missing"
    );
    client.keep("__Host-access_token_cookie", &token);
    assert_eq!(client.call("GET", "/page", &[]).await.body, "alice by cookie");
    let answer = client.call("POST", "/page", &[]).await;
    assert_eq!(answer.code(), "csrf_missing", "whatever the configuration says of cookies");
    let protocols = format!("bearer, {token}");
    let answer = client.call("GET", "/feed", &[("sec-websocket-protocol", &protocols)]).await;
    assert_eq!(answer.body, "alice by websocket_protocol");
    let refresh = auth.refresh_token("alice").issue().expect("a token");
    let answer = client.call("GET", &format!("/renew?access_token={refresh}"), &[]).await;
    assert_eq!(answer.body, "renewed");
}

#[tokio::test]
async fn w9_answers_to_a_token_in_the_query_are_not_stored() {
    let (client, auth) = app(|config| config.token_location([TokenLocation::Query]));
    let token = auth.access_token("alice").issue().expect("a token");
    for path in ["/me", "/download", "/bare"] {
        let answer = client.call("GET", &format!("{path}?access_token={token}"), &[]).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.headers["cache-control"], "no-store", "{path}");
        let answer = client.call("GET", &format!("{path}?access_token=junk"), &[]).await;
        assert_eq!(answer.code(), "token_malformed");
        assert_eq!(answer.headers["cache-control"], "no-store", "{path}: a refusal too");
    }
    let answer = client.call("GET", "/me?access_token=a&access_token=b", &[]).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.headers["cache-control"], "no-store");
    let answer = client.call("GET", "/open?access_token=x", &[]).await;
    assert!(!answer.headers.contains_key("cache-control"), "a public route did not look");
}

#[tokio::test]
async fn w9_answers_that_hold_a_token_are_not_stored() {
    let (client, _) = app(|config| config);
    for path in ["/login", "/text"] {
        let answer = client.call("GET", path, &[]).await;
        assert_eq!(answer.headers["cache-control"], "no-store", "{path}");
    }
    let answer = client.call("GET", "/open", &[]).await;
    assert!(!answer.headers.contains_key("cache-control"));
}

#[tokio::test]
async fn w9_on_an_axum_router_a_layer_does_it() {
    use jwt_auth::layer::NoStoreLayer;

    let (config, _) = config();
    let auth = config.token_location([TokenLocation::Query]).build().expect("good");
    let uri = format!("/me?access_token={}", auth.access_token("alice").issue().expect("a token"));
    let app = axum::Router::new()
        .route("/me", axum::routing::get(me))
        .route("/login", axum::routing::get(login))
        .route(
            "/kept",
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
        client.call("GET", "/kept", &[]).await.headers["cache-control"],
        "private, no-store"
    );
}

#[tokio::test]
async fn w9_a_query_of_60_kb_is_refused_and_nothing_falls() {
    let (client, _) = app(|config| config.token_location([TokenLocation::Query]));
    for value in [
        "a".repeat(60_000),
        "a.".repeat(30_000),
        format!("{}.{}.x", "a".repeat(30_000), "b".repeat(29_000)),
    ] {
        let answer = client.call("GET", &format!("/me?access_token={value}"), &[]).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (StatusCode::UNAUTHORIZED, "token_malformed")
        );
    }
    let many = "access_token&".repeat(4_000) + "access_token=x";
    let answer = client.call("GET", &format!("/me?{many}"), &[]).await;
    assert_eq!(answer.code(), "token_malformed");
}
