//! Every option has an effect, set by its method or by its variable.
//!
//! The methods for keys, times, headers and rotation are tested in the files of these subjects; their variables
//! are tested here.

use axum::http::StatusCode;
use jwt_auth::danger::{DangerousConfig as _, decode_unverified};
use jwt_auth::routing::any;
use jwt_auth::{
    AccessToken, AuthError, Compat, Config, GuardedRouter, JwtAuth, RefreshToken, SameSite,
    SetCookies, TokenKind, TokenLocation, jwt_required, public, refresh_required,
};
use serde_json::json;
use tests::{Client, SECRET, bearer, config};

#[jwt_required]
async fn me(token: AccessToken) -> String {
    token.subject().to_owned()
}

#[refresh_required]
async fn refresh(token: RefreshToken) -> String {
    token.subject().to_owned()
}

#[public]
async fn login(auth: JwtAuth) -> Result<(SetCookies, ()), AuthError> {
    let pair = auth.log_in("alice").await?;
    Ok((auth.set_cookies(&pair), ()))
}

fn client(config: Config) -> (Client, JwtAuth) {
    let auth = config.build().expect("a valid configuration");
    let router = GuardedRouter::new()
        .route("/me", any(me))
        .route("/refresh", any(refresh))
        .route("/login", any(login));
    (Client::new(router.with_state(auth.clone())), auth)
}

/// Two clients with cookies: one sets the option by its method, the other by its variable.
fn both(method: impl FnOnce(Config) -> Config, variable: (&str, &str)) -> [(Client, JwtAuth); 2] {
    let cookie = ("JWT_AUTH_TOKEN_LOCATION", "cookie");
    let secret = ("JWT_AUTH_SECRET_KEY", std::str::from_utf8(SECRET).expect("text"));
    let clock = jwt_auth::ManualClock::at(tests::NOW);
    let by_variable = Config::from_vars([secret, cookie, variable]).clock(clock.clone());
    let by_method =
        method(Config::hs256(SECRET).token_location([TokenLocation::Cookie])).clock(clock);
    [client(by_method), client(by_variable)]
}

/// Logs in, and returns the `Set-Cookie` lines.
async fn log_in(client: &Client) -> Vec<String> {
    let response = client.call("POST", "/login", &[]).await;
    response.cookies().into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn cookie_options_change_names_paths_and_attributes() {
    type Change = fn(Config) -> Config;
    let cases: [(Change, &str, &str, usize, &str); 14] = [
        (|c| c.access_cookie_key("a"), "ACCESS_COOKIE_KEY", "a", 0, "__Host-a="),
        (|c| c.access_csrf_cookie_key("b"), "ACCESS_CSRF_COOKIE_KEY", "b", 1, "__Host-b="),
        (|c| c.refresh_cookie_key("r"), "REFRESH_COOKIE_KEY", "r", 2, "__Host-r="),
        (|c| c.refresh_csrf_cookie_key("s"), "REFRESH_CSRF_COOKIE_KEY", "s", 3, "__Host-s="),
        (|c| c.access_cookie_path("/a"), "ACCESS_COOKIE_PATH", "/a", 0, "Path=/a;"),
        (|c| c.access_csrf_cookie_path("/b"), "ACCESS_CSRF_COOKIE_PATH", "/b", 1, "Path=/b;"),
        (|c| c.refresh_cookie_path("/r"), "REFRESH_COOKIE_PATH", "/r", 2, "Path=/r;"),
        (|c| c.refresh_csrf_cookie_path("/s"), "REFRESH_CSRF_COOKIE_PATH", "/s", 3, "Path=/s;"),
        (|c| c.cookie_domain("x.example"), "COOKIE_DOMAIN", "x.example", 0, "Domain=x.example;"),
        (
            |c| c.cookie_samesite(SameSite::Strict),
            "COOKIE_SAMESITE",
            "strict",
            0,
            "SameSite=Strict",
        ),
        (|c| c.cookie_samesite(SameSite::None), "COOKIE_SAMESITE", "None", 3, "SameSite=None"),
        (
            |c| c.cookie_max_age(std::time::Duration::from_secs(60)),
            "COOKIE_MAX_AGE",
            "1m",
            2,
            "Max-Age=60",
        ),
        (
            |c| c.compat(Compat::FastApiJwtAuth),
            "COMPAT",
            "fastapi-jwt-auth",
            0,
            "access_token_cookie=",
        ),
        (|c| c.cookie_secure(false), "COOKIE_SECURE", "false", 0, "access_token_cookie="),
    ];
    let (default, _) = client(config().0.token_location([TokenLocation::Cookie]));
    let default = log_in(&default).await;
    for (change, name, value, at, part) in cases {
        assert!(!default[at].starts_with(part) && !default[at].contains(&format!("; {part}")));
        for (client, _) in both(change, (&format!("JWT_AUTH_{name}"), value)) {
            let line = &log_in(&client).await[at];
            assert!(line.starts_with(part) || line.contains(part), "{name}: {line}");
            assert_eq!(client.call("GET", "/me", &[]).await.status, StatusCode::OK, "{name}");
            let header = [(
                "x-csrf-token",
                &*client.cookie(if name == "REFRESH_CSRF_COOKIE_KEY" {
                    "s"
                } else {
                    "csrf_refresh_token"
                }),
            )];
            assert_eq!(
                client.call("POST", "/refresh", &header).await.status,
                StatusCode::OK,
                "{name}"
            );
        }
    }
    for (client, _) in both(|c| c.cookie_secure(false), ("JWT_AUTH_COOKIE_SECURE", "false")) {
        assert!(log_in(&client).await.iter().all(|line| !line.contains("Secure")));
    }
}

#[tokio::test]
async fn csrf_options_change_the_check() {
    for (client, auth) in
        both(|c| c.cookie_csrf_protect(false), ("JWT_AUTH_COOKIE_CSRF_PROTECT", "false"))
    {
        assert_eq!(log_in(&client).await.len(), 2);
        assert_eq!(client.call("POST", "/me", &[]).await.body, "alice");
        let token = auth.access_token("a").issue().expect("a token");
        assert!(!decode_unverified(&token).expect("a token").claims.contains_key("csrf"));
    }
    for (client, auth) in both(|c| c.csrf_in_cookies(false), ("JWT_AUTH_CSRF_IN_COOKIES", "false"))
    {
        assert_eq!(log_in(&client).await.len(), 2);
        assert_eq!(client.call("POST", "/me", &[]).await.code(), "csrf_missing");
        let token = auth.access_token("a").issue().expect("a token");
        assert!(decode_unverified(&token).expect("a token").claims.contains_key("csrf"));
    }
    for (client, _) in
        both(|c| c.csrf_methods(["GET", "PUT"]), ("JWT_AUTH_CSRF_METHODS", "GET, PUT"))
    {
        log_in(&client).await;
        assert_eq!(client.call("POST", "/me", &[]).await.body, "alice");
        for method in ["GET", "PUT"] {
            assert_eq!(client.call(method, "/me", &[]).await.code(), "csrf_missing", "{method}");
        }
    }
    for (client, _) in
        both(|c| c.access_csrf_header_name("X-A"), ("JWT_AUTH_ACCESS_CSRF_HEADER_NAME", "X-A"))
    {
        log_in(&client).await;
        let (access, refresh) =
            (client.cookie("csrf_access_token"), client.cookie("csrf_refresh_token"));
        assert_eq!(
            client.call("POST", "/me", &[("x-csrf-token", &access)]).await.code(),
            "csrf_missing"
        );
        assert_eq!(client.call("POST", "/me", &[("x-a", &access)]).await.body, "alice");
        assert_eq!(
            client.call("POST", "/refresh", &[("x-csrf-token", &refresh)]).await.body,
            "alice"
        );
    }
    for (client, _) in
        both(|c| c.refresh_csrf_header_name("X-R"), ("JWT_AUTH_REFRESH_CSRF_HEADER_NAME", "X-R"))
    {
        log_in(&client).await;
        let (access, refresh) =
            (client.cookie("csrf_access_token"), client.cookie("csrf_refresh_token"));
        assert_eq!(
            client.call("POST", "/refresh", &[("x-csrf-token", &refresh)]).await.code(),
            "csrf_missing"
        );
        assert_eq!(client.call("POST", "/refresh", &[("x-r", &refresh)]).await.body, "alice");
        assert_eq!(client.call("POST", "/me", &[("x-csrf-token", &access)]).await.body, "alice");
    }
    let origin = "https://app.example";
    for (client, _) in both(|c| c.trusted_origins([origin]), ("JWT_AUTH_TRUSTED_ORIGINS", origin)) {
        log_in(&client).await;
        let csrf = client.cookie("csrf_access_token");
        let from = |origin| {
            [("x-csrf-token", csrf.as_str()), ("sec-fetch-site", "cross-site"), ("origin", origin)]
        };
        assert_eq!(client.call("POST", "/me", &from(origin)).await.body, "alice");
        assert_eq!(
            client.call("POST", "/me", &from("https://x.example")).await.code(),
            "request_cross_site"
        );
    }
    for (client, auth) in both(|c| c.csrf_form_field("csrf"), ("JWT_AUTH_CSRF_FORM_FIELD", "csrf"))
    {
        let client = Client::new(client.app.layer(auth.csrf_form()));
        log_in(&client).await;
        let body = format!("csrf={}", client.cookie("csrf_access_token"));
        let length = body.len().to_string();
        let headers =
            [("content-type", "application/x-www-form-urlencoded"), ("content-length", &length)];
        let response = client.call_with("POST", "/me", &headers, body.into()).await;
        assert_eq!(response.body, "alice");
    }
}

#[tokio::test]
async fn location_and_revocation_options_change_the_check() {
    let token = |auth: &JwtAuth| auth.access_token("alice").issue().expect("a token");
    for (client, auth) in
        both(|c| c.token_location([TokenLocation::Query]), ("JWT_AUTH_TOKEN_LOCATION", "query"))
            .into_iter()
            .take(1)
            .chain([client(Config::from_vars([
                ("JWT_AUTH_SECRET_KEY", "an example secret of 32 bytes :)"),
                ("JWT_AUTH_TOKEN_LOCATION", "query, header"),
            ]))])
    {
        let uri = format!("/me?access_token={}", &*token(&auth));
        assert_eq!(client.call("GET", &uri, &[]).await.body, "alice");
    }
    let by_variable = Config::from_vars([
        ("JWT_AUTH_SECRET_KEY", "an example secret of 32 bytes :)"),
        ("JWT_AUTH_TOKEN_LOCATION", "query"),
        ("JWT_AUTH_QUERY_NAME", "jwt"),
    ]);
    let by_method = config().0.token_location([TokenLocation::Query]).query_name("jwt");
    for (client, auth) in [client(by_method), client(by_variable)] {
        let token = token(&auth);
        assert_eq!(client.call("GET", &format!("/me?jwt={}", &*token), &[]).await.body, "alice");
        let response = client.call("GET", &format!("/me?access_token={}", &*token), &[]).await;
        assert_eq!(response.code(), "token_missing");
    }
    for (client, auth) in both(
        |c| c.denylist_token_checks([TokenKind::Refresh]),
        ("JWT_AUTH_DENYLIST_TOKEN_CHECKS", "refresh"),
    ) {
        log_in(&client).await;
        let access =
            auth.verify_access(&client.cookie("access_token_cookie")).await.expect("a valid token");
        auth.revoke(&access).await.expect("recorded");
        assert_eq!(client.call("GET", "/me", &[]).await.body, "alice");
    }
}

#[tokio::test]
async fn an_audience_can_be_required_without_being_written() {
    let by_variable = Config::from_vars([
        ("JWT_AUTH_SECRET_KEY", "an example secret of 32 bytes :)"),
        ("JWT_AUTH_DECODE_AUDIENCE", "a, b"),
    ]);
    for (client, auth) in [client(config().0.decode_audience(["a", "b"])), client(by_variable)] {
        let fetch = async |token: &str| {
            client.call("GET", "/me", &[("authorization", &*bearer(token))]).await
        };
        let token = auth.access_token("alice").issue().expect("a token");
        assert_eq!(fetch(&token).await.code(), "audience_invalid", "no audience is written");
        let token = auth.access_token("alice").audience(["b"]).issue().expect("a token");
        assert_eq!(fetch(&token).await.body, "alice");
    }
    let auth =
        config().0.audience(["a"]).decode_audience(["b"]).build().expect("a valid configuration");
    let token = auth.access_token("alice").issue().expect("a token");
    assert_eq!(decode_unverified(&token).expect("a token").claims["aud"], "a");
    assert!(auth.verify_access(&token).await.is_err());
}

/// A client whose app is configured by variables, and its clock.
fn by_variables(more: &[(&str, &str)]) -> (Client, JwtAuth, jwt_auth::ManualClock) {
    let secret = ("JWT_AUTH_SECRET_KEY", "an example secret of 32 bytes :)");
    let clock = jwt_auth::ManualClock::at(tests::NOW);
    let vars = more.iter().copied().chain([secret]);
    let (client, auth) = client(Config::from_vars(vars).clock(clock.clone()));
    (client, auth, clock)
}

#[tokio::test]
async fn duration_variables_change_lifetimes_leeway_and_grace() {
    let seconds = std::time::Duration::from_secs;
    let exp = |token: &str| {
        decode_unverified(token).expect("a token").claims["exp"]
            .as_u64()
            .map(|exp| exp - tests::NOW)
    };
    let (_, auth, _) = by_variables(&[
        ("JWT_AUTH_ACCESS_TOKEN_EXPIRES", "1m"),
        ("JWT_AUTH_REFRESH_TOKEN_EXPIRES", "1h"),
    ]);
    let pair = auth.log_in("alice").await.expect("a pair");
    assert_eq!((exp(pair.access_token()), exp(pair.refresh_token())), (Some(60), Some(3600)));
    let (_, auth, _) = by_variables(&[("JWT_AUTH_SESSION_EXPIRES", "90s")]);
    let pair = auth.log_in("alice").await.expect("a pair");
    assert_eq!((exp(pair.access_token()), exp(pair.refresh_token())), (Some(90), Some(90)));
    for (leeway, is_valid) in [("1s", false), ("10s", true)] {
        let (_, auth, clock) = by_variables(&[("JWT_AUTH_DECODE_LEEWAY", leeway)]);
        let token = auth.access_token("alice").issue().expect("a token");
        clock.advance(seconds(905));
        assert_eq!(auth.verify_access(&token).await.is_ok(), is_valid);
    }
    for (leeway, is_valid) in [("1s", false), ("30s", true)] {
        let (_, auth, clock) = by_variables(&[("JWT_AUTH_ISSUED_AT_LEEWAY", leeway)]);
        let token = auth.access_token("alice").issue().expect("a token");
        clock.set(std::time::UNIX_EPOCH + seconds(tests::NOW - 10));
        assert_eq!(auth.verify_access(&token).await.is_ok(), is_valid);
    }
    for (grace, code) in [("0s", Some("refresh_token_reused")), ("1m", None)] {
        let (_, auth, clock) = by_variables(&[("JWT_AUTH_REFRESH_GRACE", grace)]);
        let pair = auth.log_in("alice").await.expect("a pair");
        let token = auth.verify_refresh(pair.refresh_token()).await.expect("a valid token");
        auth.rotate(token.clone()).await.expect("a first rotation");
        clock.advance(seconds(30));
        assert_eq!(auth.rotate(token).await.err().map(|error| error.code()), code);
    }
}

#[tokio::test]
async fn header_key_id_body_key_and_issuer_variables_have_an_effect() {
    let (client, auth, _) = by_variables(&[
        ("JWT_AUTH_HEADER_NAME", "X-Auth"),
        ("JWT_AUTH_HEADER_TYPE", "JWT"),
        ("JWT_AUTH_ERROR_BODY_KEY", "message"),
        ("JWT_AUTH_KEY_ID", "k1"),
    ]);
    let token = auth.access_token("alice").issue().expect("a token");
    assert_eq!(decode_unverified(&token).expect("a token").header["kid"], "k1");
    let line = format!("JWT {}", &*token);
    assert_eq!(client.call("GET", "/me", &[("x-auth", &line)]).await.body, "alice");
    let response = client.call("GET", "/me", &[("authorization", &line)]).await;
    assert_eq!(response.body_of_release(), r#"{"code":"token_missing","message":"Missing token"}"#);
    let (_, auth, _) =
        by_variables(&[("JWT_AUTH_ENCODE_ISSUER", "urn:a"), ("JWT_AUTH_DECODE_ISSUER", "urn:b")]);
    let token = auth.access_token("alice").issue().expect("a token");
    assert_eq!(decode_unverified(&token).expect("a token").claims["iss"], "urn:a");
    assert_eq!(
        auth.verify_access(&token).await.expect_err("another issuer").code(),
        "issuer_invalid"
    );
}

#[test]
fn each_broken_rule_is_one_problem_with_its_field() {
    type Change = fn(Config) -> Config;
    let cases: [(Change, &str); 21] = [
        (|c| c.token_location([]), "token_location"),
        (|c| c.token_location([TokenLocation::Query, TokenLocation::Query]), "token_location"),
        (|c| c.query_name("a b"), "query_name"),
        (|c| c.access_cookie_key("a=b"), "access_cookie_key"),
        (|c| c.access_cookie_key("refresh_token_cookie"), "refresh_cookie_key"),
        (|c| c.access_csrf_cookie_key("access_token_cookie"), "access_csrf_cookie_key"),
        (|c| c.refresh_csrf_cookie_key(""), "refresh_csrf_cookie_key"),
        (|c| c.access_cookie_key("__Host-a").access_cookie_path("/a"), "access_cookie_key"),
        (|c| c.access_cookie_key("__Secure-a").cookie_secure(false), "access_cookie_key"),
        (|c| c.access_cookie_path("/a;b"), "access_cookie_path"),
        (|c| c.refresh_csrf_cookie_path("x"), "refresh_csrf_cookie_path"),
        (|c| c.refresh_csrf_header_name("X Y"), "refresh_csrf_header_name"),
        (|c| c.cookie_domain("a;b"), "cookie_domain"),
        (|c| c.cookie_max_age(std::time::Duration::from_millis(1)), "cookie_max_age"),
        (|c| c.cookie_samesite(SameSite::None).cookie_secure(false), "cookie_samesite"),
        (|c| c.csrf_methods(["post"]), "csrf_methods"),
        (|c| c.csrf_methods(Vec::<String>::new()), "csrf_methods"),
        (|c| c.csrf_form_field("a&b"), "csrf_form_field"),
        (|c| c.trusted_origins(["https://a.example/"]), "trusted_origins"),
        (|c| c.denylist_token_checks([]), "denylist_token_checks"),
        (|c| c.verified_cache(10_000_001), "verified_cache"),
    ];
    for (change, field) in cases {
        let error = change(Config::hs256(SECRET)).build().expect_err(field);
        let fields: Vec<_> = error.problems().map(|problem| problem.field().to_owned()).collect();
        assert_eq!(fields, [field], "{error}");
    }
}

#[test]
fn an_invalid_value_of_a_variable_is_refused_with_the_expected_values() {
    for (name, value, expected) in [
        (
            "TOKEN_LOCATION",
            "headers",
            "expected `header`, `cookie`, `query` or `websocket_protocol`",
        ),
        ("COOKIE_SECURE", "yes", "expected `true` or `false`"),
        ("COOKIE_SAMESITE", "relaxed", "expected `strict`, `lax` or `none`"),
        ("COMPAT", "flask", "expected `fastapi-jwt-auth`"),
        ("DENYLIST_TOKEN_CHECKS", "id", "expected `access` or `refresh`"),
        ("COOKIE_MAX_AGE", "60", "`60s`"),
        ("VERIFIED_CACHE", "on", "JWT_AUTH_VERIFIED_CACHE=10000"),
    ] {
        let variable = format!("JWT_AUTH_{name}");
        let vars =
            [("JWT_AUTH_SECRET_KEY", "an example secret of 32 bytes :)"), (&variable, value)];
        let error = Config::from_vars(vars).build().expect_err(name);
        let problem = error.problems().next().expect("a problem");
        assert_eq!(problem.field(), variable);
        let text = format!("{} | {}", problem.rule(), problem.fix());
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn an_access_token_has_only_the_claims_that_were_requested() {
    let auth = config().0.build().expect("a valid configuration");
    let token = auth.access_token("alice").issue().expect("a token");
    let claims = decode_unverified(&token).expect("a token").claims;
    let mut names: Vec<_> = claims.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["exp", "fresh", "iat", "jti", "nbf", "sub", "type"]);
    assert_eq!(claims["fresh"], json!(false));
}
