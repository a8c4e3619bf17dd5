//! Cookies with tokens: `guide::security`, rules C1–C6.

use std::time::Duration;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use jwt_auth::danger::DangerousConfig as _;
use jwt_auth::routing::{get, post};
use jwt_auth::{
    AccessToken, AuthError, Config, GuardedRouter, JwtAuth, ManualClock, RefreshToken, SameSite,
    SetCookies, TokenLocation, jwt_required, public, refresh_required,
};
use serde::Deserialize;
use tests::{Client, claims, config, forge, plain_header};

#[derive(Deserialize)]
struct LoginQuery {
    max_age: Option<u64>,
    domain: Option<String>,
    size: Option<usize>,
}

#[public]
async fn login(auth: JwtAuth, Query(query): Query<LoginQuery>) -> Result<Response, AuthError> {
    let padding = serde_json::json!({ "padding": "x".repeat(query.size.unwrap_or(0)) });
    let pair = auth.log_in("alice").claims(&padding).await?;
    let mut cookies = auth.set_cookies(&pair);
    if let Some(seconds) = query.max_age {
        cookies = cookies.max_age(Duration::from_secs(seconds));
    }
    if let Some(domain) = query.domain {
        cookies = cookies.domain(domain);
    }
    Ok((cookies, "logged in").into_response())
}

#[public]
async fn logout(auth: JwtAuth) -> (SetCookies, &'static str) {
    (auth.unset_cookies(), "logged out")
}

#[jwt_required]
async fn me(token: AccessToken) -> String {
    let location = token.location().map_or("?", TokenLocation::name);
    format!("{} by {location}", token.subject())
}

#[refresh_required]
async fn refresh(auth: JwtAuth, token: RefreshToken) -> Result<(SetCookies, ()), AuthError> {
    let pair = auth.rotate(token).await?;
    Ok((auth.set_cookies(&pair), ()))
}

/// Sets or deletes the cookies of one token, as the query says.
#[public]
async fn one(State(auth): State<JwtAuth>, Query(what): Query<Vec<(String, String)>>) -> Response {
    let access = || auth.access_token("alice").issue().expect("a token");
    let refresh = || auth.refresh_token("alice").issue().expect("a token");
    match what[0].1.as_str() {
        "access" => auth.set_access_cookie(&access()).into_empty_response(),
        "refresh" => auth.set_refresh_cookie(&refresh()).into_empty_response(),
        "wrong" => auth.set_access_cookie(&refresh()).into_empty_response(),
        "junk" => auth.set_access_cookie("junk").into_empty_response(),
        "unset-access" => auth.unset_access_cookie().into_empty_response(),
        _ => auth.unset_refresh_cookie().into_empty_response(),
    }
}

trait IntoEmptyResponse {
    fn into_empty_response(self) -> Response;
}

impl IntoEmptyResponse for SetCookies {
    fn into_empty_response(self) -> Response {
        (self, ()).into_response()
    }
}

fn app(change: impl FnOnce(Config) -> Config) -> (Client, JwtAuth, ManualClock) {
    let (config, clock) = config();
    let auth = change(config.token_location([TokenLocation::Cookie]))
        .build()
        .expect("a valid configuration");
    let router: Router = GuardedRouter::new()
        .route("/login", post(login))
        .route("/logout", post(logout))
        .route("/me", get(me).post(me))
        .route("/refresh", post(refresh))
        .route("/one", get(one))
        .with_state(auth.clone());
    (Client::new(router), auth, clock)
}

/// The name and the attributes of a cookie, without its value.
fn shape(line: &str) -> String {
    let (name, rest) = line.split_once('=').expect("a cookie");
    let attributes = rest.split_once("; ").map_or("", |(_, attributes)| attributes);
    format!("{name}; {attributes}")
}

#[tokio::test]
async fn c1_c2_cookies_are_host_only_secure_lax_and_http_only_for_tokens() {
    let (client, _, _) = app(|config| config);
    let response = client.call("POST", "/login", &[]).await;
    let shapes: Vec<_> = response.cookies().into_iter().map(shape).collect();
    assert_eq!(
        shapes,
        [
            "__Host-access_token_cookie; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=2592000",
            "__Host-csrf_access_token; SameSite=Lax; Secure; Path=/; Max-Age=2592000",
            "__Host-refresh_token_cookie; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=2592000",
            "__Host-csrf_refresh_token; SameSite=Lax; Secure; Path=/; Max-Age=2592000",
        ]
    );
    assert_eq!(response.headers["cache-control"], "no-store");
    assert_eq!(client.call("GET", "/me", &[]).await.body, "alice by cookie");
}

#[tokio::test]
async fn c1_a_cookie_without_its_prefix_is_ignored() {
    let (client, auth, _) = app(|config| config);
    let token = auth.access_token("mallory").issue().expect("a token");
    client.set_cookie("access_token_cookie", &token);
    assert_eq!(client.call("GET", "/me", &[]).await.code(), "token_missing");
    client.set_cookie("__Host-access_token_cookie", &token);
    assert_eq!(client.call("GET", "/me", &[]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn c1_the_prefix_is_omitted_where_a_browser_would_refuse_it() {
    for (change, names) in [
        (
            (|c| c.cookie_domain("example.com")) as fn(Config) -> Config,
            [
                "access_token_cookie",
                "csrf_access_token",
                "refresh_token_cookie",
                "csrf_refresh_token",
            ],
        ),
        (
            |c| c.cookie_secure(false),
            [
                "access_token_cookie",
                "csrf_access_token",
                "refresh_token_cookie",
                "csrf_refresh_token",
            ],
        ),
        (
            |c| c.compat(jwt_auth::Compat::FastApiJwtAuth),
            [
                "access_token_cookie",
                "csrf_access_token",
                "refresh_token_cookie",
                "csrf_refresh_token",
            ],
        ),
        (
            |c| c.refresh_cookie_path("/refresh"),
            [
                "__Host-access_token_cookie",
                "__Host-csrf_access_token",
                "refresh_token_cookie",
                "__Host-csrf_refresh_token",
            ],
        ),
        (
            |c| c.access_cookie_key("__Secure-a").refresh_cookie_key("r"),
            ["__Secure-a", "__Host-csrf_access_token", "__Host-r", "__Host-csrf_refresh_token"],
        ),
    ] {
        let (client, _, _) = app(change);
        let response = client.call("POST", "/login", &[]).await;
        let found: Vec<_> = response
            .cookies()
            .into_iter()
            .map(|line| line.split('=').next().expect("a name"))
            .collect();
        assert_eq!(found, names);
        assert_eq!(client.call("GET", "/me", &[]).await.status, StatusCode::OK, "{names:?}");
    }
}

#[tokio::test]
async fn c3_max_age_is_the_life_of_the_token_unless_set_by_option_or_call() {
    let ages = |response: tests::TestResponse| -> Vec<String> {
        let age = |line: &str| line.split("Max-Age=").nth(1).expect("an age").to_owned();
        response.cookies().into_iter().map(age).collect()
    };
    let (client, auth, clock) = app(|config| config);
    assert_eq!(ages(client.call("POST", "/login?max_age=60", &[]).await), ["60"; 4]);
    let (configured, _, _) = app(|config| config.cookie_max_age(Duration::from_secs(77)));
    assert_eq!(ages(configured.call("POST", "/login", &[]).await), ["77"; 4]);
    assert_eq!(ages(configured.call("POST", "/login?max_age=60", &[]).await), ["60"; 4]);
    // It is the remaining life of the token.
    let token = auth.access_token("alice").issue().expect("a token");
    clock.advance(Duration::from_millis(100_999));
    let response = (auth.set_access_cookie(&token), ()).into_response();
    let line = response.headers()["set-cookie"].to_str().expect("text");
    assert!(line.ends_with("Max-Age=800"), "{line}");
}

#[tokio::test]
async fn c4_a_token_is_refused_if_its_cookie_would_exceed_4096_bytes() {
    let (client, auth, _) = app(|config| config);
    let response = client.call("POST", "/login?size=4000", &[]).await;
    assert_eq!(response.code(), "cannot_issue");
    assert!(response.cookies().is_empty());
    for size in 2300..2900 {
        let padding = serde_json::json!({ "padding": "x".repeat(size) });
        let Ok(token) = auth.access_token("alice").claims(&padding).issue() else {
            assert!(size > 2400, "no smaller token is refused");
            return;
        };
        let response = (auth.set_access_cookie(&token), ()).into_response();
        assert_eq!(response.status(), StatusCode::OK, "an issued token fits its cookie");
        assert!(response.headers()["set-cookie"].len() <= 4096);
    }
    panic!("a token larger than a cookie was issued");
}

#[tokio::test]
async fn c5_cookies_are_deleted_with_the_attributes_they_were_set_with() {
    for change in [
        (|c| c) as fn(Config) -> Config,
        |c| c.cookie_domain("example.com"),
        |c| c.refresh_cookie_path("/refresh").access_csrf_cookie_path("/app"),
        |c| c.cookie_secure(false).cookie_samesite(SameSite::Strict),
        |c| c.cookie_samesite(SameSite::None),
    ] {
        let (client, _, _) = app(change);
        let set = client.call("POST", "/login?max_age=0", &[]).await;
        let unset = client.call("POST", "/logout", &[]).await;
        let shapes = |response: &tests::TestResponse| -> Vec<_> {
            response.cookies().into_iter().map(shape).collect()
        };
        assert_eq!(shapes(&set), shapes(&unset));
        assert!(unset.cookies().iter().all(|line| line.contains("=; ")), "no value");
    }
}

#[tokio::test]
async fn c5_a_value_that_would_end_the_cookie_is_refused() {
    let (_, auth, _) = app(|config| config);
    let token = auth.access_token("alice").issue().expect("a token");
    let status = |token: &str| (auth.set_access_cookie(token), ()).into_response().status();
    assert_eq!(status(&token), StatusCode::OK);
    for bad in ["; Domain=example.com", ",", " ", "\"", "\\", "\r\nset-cookie: a=b", "é"] {
        assert_eq!(
            status(&format!("{}{bad}", &*token)),
            StatusCode::INTERNAL_SERVER_ERROR,
            "{bad:?}"
        );
        let mut with_csrf = claims();
        with_csrf["csrf"] = format!("a{bad}").into();
        let foreign = forge(&plain_header(), &with_csrf);
        assert_eq!(status(&foreign), StatusCode::INTERNAL_SERVER_ERROR, "CSRF value {bad:?}");
    }
}

#[tokio::test]
async fn c5_a_domain_of_one_call_applies_to_every_cookie_and_to_deletion() {
    let (client, auth, _) = app(|config| config.cookie_domain("example.com"));
    let response = client.call("POST", "/login?domain=shop.example.com", &[]).await;
    assert!(response.cookies().iter().all(|line| line.contains("Domain=shop.example.com")));
    let unset = (auth.unset_cookies().domain("shop.example.com"), ()).into_response();
    assert!(
        unset.headers()["set-cookie"].to_str().expect("text").contains("Domain=shop.example.com")
    );
    for bad in ["a%20b", "", "a..b", "x;y"] {
        let response = client.call("POST", &format!("/login?domain={bad}"), &[]).await;
        assert_eq!(response.code(), "cannot_issue", "{bad}");
    }
    // A browser silently drops a `__Host-` cookie with a domain.
    let (client, _, _) = app(|config| config);
    assert_eq!(client.call("POST", "/login?domain=example.com", &[]).await.code(), "cannot_issue");
}

#[tokio::test]
async fn c6_two_cookies_of_one_name_are_400() {
    let (client, auth, _) = app(|config| config);
    let token = auth.access_token("alice").issue().expect("a token");
    let (name, first) = ("__Host-access_token_cookie", token.as_str());
    for second in [token.as_str(), "x", ""] {
        for line in
            [format!("{name}={first}; {name}={second}"), format!("{name}={second}; {name}={first}")]
        {
            let response = client.call("GET", "/me", &[("cookie", &line)]).await;
            assert_eq!(response.status, StatusCode::BAD_REQUEST);
            assert!(response.challenge().contains("error=\"invalid_request\""));
        }
        let (one, two) = (format!("{name}={first}"), format!("{name}={second}"));
        let response = client.call("GET", "/me", &[("cookie", &one), ("cookie", &two)]).await;
        assert_eq!(response.status, StatusCode::BAD_REQUEST, "in two lines");
    }
}

#[tokio::test]
async fn a_refresh_by_cookie_sets_new_cookies_and_requires_its_own_csrf_value() {
    let (client, _, clock) = app(|config| config);
    client.call("POST", "/login", &[]).await;
    let (access, refresh) =
        (client.cookie("csrf_access_token"), client.cookie("csrf_refresh_token"));
    clock.advance(Duration::from_secs(60));
    let response = client.call("POST", "/refresh", &[("x-csrf-token", &access)]).await;
    assert_eq!(response.code(), "csrf_mismatch", "the value of the access token does not match");
    let response = client.call("POST", "/refresh", &[("x-csrf-token", &refresh)]).await;
    assert_eq!((response.status, response.cookies().len()), (StatusCode::OK, 4));
    assert_ne!(client.cookie("csrf_refresh_token"), refresh);
    let csrf = client.cookie("csrf_access_token");
    assert_eq!(client.call("POST", "/me", &[("x-csrf-token", &csrf)]).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_cookies_of_one_token_are_set_and_deleted_alone() {
    let (client, _, _) = app(|config| config);
    for (what, names) in [
        ("access", vec!["__Host-access_token_cookie", "__Host-csrf_access_token"]),
        ("refresh", vec!["__Host-refresh_token_cookie", "__Host-csrf_refresh_token"]),
        ("unset-access", vec!["__Host-access_token_cookie", "__Host-csrf_access_token"]),
        ("unset-refresh", vec!["__Host-refresh_token_cookie", "__Host-csrf_refresh_token"]),
    ] {
        let response = client.call("GET", &format!("/one?what={what}"), &[]).await;
        let found: Vec<_> = response
            .cookies()
            .into_iter()
            .map(|line| line.split('=').next().expect("a name"))
            .collect();
        assert_eq!(found, names, "{what}");
    }
    for what in ["wrong", "junk"] {
        let response = client.call("GET", &format!("/one?what={what}"), &[]).await;
        assert_eq!(response.code(), "cannot_issue", "{what}");
        assert!(response.cookies().is_empty());
    }
}

#[tokio::test]
async fn setting_cookies_without_the_location_is_500_and_sets_none() {
    let (config, _) = config();
    let auth = config.build().expect("a valid configuration");
    let pair = auth.log_in("alice").await.expect("a pair");
    assert_eq!((pair.access_csrf_token(), pair.refresh_csrf_token()), (None, None));
    for cookies in
        [auth.set_cookies(&pair), auth.unset_cookies(), auth.set_access_cookie(pair.access_token())]
    {
        let response = (cookies, "body").into_response();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!response.headers().contains_key("set-cookie"));
    }
}

#[tokio::test]
async fn csrf_in_cookies_false_returns_the_value_in_the_pair_and_the_token() {
    let (client, auth, _) = app(|config| config.csrf_in_cookies(false));
    let response = client.call("POST", "/login", &[]).await;
    assert_eq!(response.cookies().len(), 2);
    let pair = auth.log_in("alice").await.expect("a pair");
    client.set_cookie("__Host-access_token_cookie", pair.access_token());
    let value = pair.access_csrf_token().expect("a value");
    let token = auth.verify_access(pair.access_token()).await.expect("a valid token");
    assert_eq!(token.csrf_token(), Some(value), "a rendered page reads it from the token");
    assert_eq!(client.call("POST", "/me", &[("x-csrf-token", value)]).await.status, StatusCode::OK);
}
