//! The request and its response: `guide::security`, rules W1–W9 and G1–G3.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Request, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;
use tests::{NOW, bearer, call, claims, forge, get, plain_header, send};

use crate::app::{app, good_app};

fn request(path: &str, values: &[&[u8]]) -> Request<Body> {
    let mut request = Request::builder().uri(path);
    for value in values {
        request = request.header("authorization", HeaderValue::from_bytes(value).expect("a value"));
    }
    request.body(Body::empty()).expect("a request")
}

#[tokio::test]
async fn w1_a_request_without_a_token_is_401_without_error() {
    let (app, _, _) = good_app();
    for values in
        [vec![], vec![&b"Basic YWxpY2U6eA=="[..]], vec![&b"Negotiate x"[..]], vec![&b""[..]]]
    {
        let response = send(&app, request("/me", &values)).await;
        assert_eq!(response.status, StatusCode::UNAUTHORIZED);
        assert_eq!(response.challenge(), "Bearer");
        assert_eq!(response.headers["content-type"], "application/json");
        assert_eq!(
            response.body_of_release(),
            r#"{"code":"token_missing","detail":"Missing token"}"#
        );
    }
}

#[tokio::test]
async fn w2_a_bad_token_is_401_invalid_token() {
    let (app, _, clock) = good_app();
    let token = forge(&plain_header(), &claims());
    clock.advance(std::time::Duration::from_secs(3600));
    let response = get(&app, "/me", &token).await;
    assert_eq!(response.status, StatusCode::UNAUTHORIZED);
    assert_eq!(
        response.challenge(),
        r#"Bearer error="invalid_token", error_description="Signature has expired""#
    );
    assert_eq!(
        response.body_of_release(),
        r#"{"code":"token_expired","detail":"Signature has expired"}"#
    );
}

#[tokio::test]
async fn w3_two_authorization_lines_are_400_invalid_request() {
    let (app, _, _) = good_app();
    let line = bearer(&forge(&plain_header(), &claims()));
    for second in [line.as_bytes(), b"Basic x", b""] {
        for path in ["/me", "/maybe", "/bare"] {
            let response = send(&app, request(path, &[line.as_bytes(), second])).await;
            assert_eq!(response.status, StatusCode::BAD_REQUEST);
            assert!(response.challenge().contains(r#"error="invalid_request""#));
        }
    }
    let response = send(&app, request("/open", &[line.as_bytes(), line.as_bytes()])).await;
    assert_eq!(response.status, StatusCode::OK, "a public route looks for no token");
}

#[tokio::test]
async fn w4_a_missing_scope_is_403_insufficient_scope_with_the_required_scope() {
    let (app, auth, _) = good_app();
    let token = auth.access_token("alice").scopes(["notes:read"]).issue().expect("a token");
    let response = get(&app, "/all-scopes", &token).await;
    assert_eq!(response.status, StatusCode::FORBIDDEN);
    assert_eq!(
        response.challenge(),
        r#"Bearer error="insufficient_scope", error_description="The token lacks a permission this request needs", scope="notes:read notes:write""#
    );
    assert_eq!(response.code(), "scope_insufficient");
}

#[tokio::test]
async fn w5_step_up_is_401_with_max_age() {
    let (app, auth, clock) = good_app();
    let pair = auth.log_in("alice").await.expect("a pair");
    assert_eq!(get(&app, "/recent", pair.access_token()).await.status, StatusCode::OK);
    clock.advance(std::time::Duration::from_secs(600));
    assert_eq!(get(&app, "/recent", pair.access_token()).await.status, StatusCode::OK);
    clock.advance(std::time::Duration::from_secs(1));
    let response = get(&app, "/recent", pair.access_token()).await;
    assert_eq!(response.status, StatusCode::UNAUTHORIZED);
    assert_eq!(
        response.challenge(),
        r#"Bearer error="insufficient_user_authentication", error_description="A more recent log-in is required", max_age="600""#
    );
    let without_log_in_time = auth.access_token("alice").issue().expect("a token");
    assert_eq!(
        get(&app, "/recent", &without_log_in_time).await.code(),
        "reauthentication_required"
    );
}

#[tokio::test]
async fn w6_no_part_of_the_token_is_in_the_response() {
    let (app, _, _) = good_app();
    for value in [
        "Bearer aGVsbG8.aGVsbG8.aGVsbG8",
        "Bearer \"><script>alert(1)</script>",
        "Bearer a\\b",
        "Bearer %0d%0aX-Evil:1",
    ] {
        let response = send(&app, request("/me", &[value.as_bytes()])).await;
        assert_eq!(response.status, StatusCode::UNAUTHORIZED);
        let text = format!("{:?} {}", response.headers, response.body);
        for part in ["aGVsbG8", "alert", "Evil", "a\\\\b"] {
            assert!(!text.contains(part), "{text}");
        }
    }
    let header = json!({ "alg": "SECRET-ALG", "kid": "SECRET-KID" });
    let response = get(&app, "/me", &forge(&header, &claims())).await;
    assert!(!format!("{:?} {}", response.headers, response.body).contains("SECRET"));
}

#[tokio::test]
async fn w7_the_scheme_ignores_case_and_a_malformed_header_is_refused() {
    let (app, _, _) = good_app();
    let token = forge(&plain_header(), &claims());
    for good in [bearer(&token), format!("bearer {token}"), format!("BEARER   {token}")] {
        assert_eq!(send(&app, request("/me", &[good.as_bytes()])).await.status, StatusCode::OK);
    }
    let two = format!("Bearer {token} {token}");
    for malformed in [&b"Bearer\tx"[..], b"Bearer,x", b"Bearer=x", b"Bearer\xc2\xa0x"] {
        assert_eq!(send(&app, request("/maybe", &[malformed])).await.code(), "token_malformed");
    }
    for malformed in [&b"Bearer"[..], b"Bearer ", two.as_bytes(), b"Bearer \xff\xfe", b"Bearer a,b"]
    {
        for path in ["/me", "/maybe"] {
            let response = send(&app, request(path, &[malformed])).await;
            assert_eq!(response.code(), "token_malformed", "{malformed:?}");
        }
    }
    let response = send(&app, request("/me", &[token.as_bytes()])).await;
    assert_eq!(response.code(), "token_missing", "a token without a scheme counts as no token");
}

#[tokio::test]
async fn optional_guard_admits_anonymous_and_rejects_bad_tokens() {
    let (app, _, _) = good_app();
    assert_eq!(call(&app, "GET", "/maybe", None).await.body, "anonymous");
    assert_eq!(send(&app, request("/maybe", &[b"Basic x"])).await.body, "anonymous");
    assert_eq!(get(&app, "/maybe", &forge(&plain_header(), &claims())).await.body, "alice");
    let mut old = claims();
    old["exp"] = json!(NOW);
    assert_eq!(get(&app, "/maybe", &forge(&plain_header(), &old)).await.code(), "token_expired");
    assert_eq!(get(&app, "/maybe", "junk").await.code(), "token_malformed");
}

#[tokio::test]
async fn optional_extractors_without_an_attribute_reject_bad_tokens() {
    use jwt_auth::{AccessToken, AuthError, RefreshToken};

    async fn access(token: Option<AccessToken>) -> String {
        token.map_or("anonymous".to_owned(), |token| token.subject().to_owned())
    }
    async fn refresh(token: Option<RefreshToken>) -> String {
        token.map_or("anonymous".to_owned(), |token| token.subject().to_owned())
    }
    async fn result(token: Result<AccessToken, AuthError>) -> String {
        token.map_or_else(|error| error.code().to_owned(), |token| token.subject().to_owned())
    }

    let (config, _) = tests::config();
    let auth = config.build().expect("a valid configuration");
    let app: axum::Router = axum::Router::new()
        .route("/access", axum::routing::get(access))
        .route("/refresh", axum::routing::get(refresh))
        .route("/result", axum::routing::get(result))
        .with_state(auth.clone());
    let pair = auth.log_in("alice").await.expect("a pair");
    for path in ["/access", "/refresh"] {
        assert_eq!(call(&app, "GET", path, None).await.body, "anonymous");
        assert_eq!(get(&app, path, "junk").await.code(), "token_malformed");
    }
    assert_eq!(get(&app, "/access", pair.refresh_token()).await.code(), "access_token_required");
    assert_eq!(get(&app, "/refresh", pair.access_token()).await.code(), "refresh_token_required");
    assert_eq!(get(&app, "/access", pair.access_token()).await.body, "alice");
    assert_eq!(get(&app, "/refresh", pair.refresh_token()).await.body, "alice");
    assert_eq!(get(&app, "/result", "junk").await.body, "token_malformed");
}

#[tokio::test]
async fn header_name_header_type_and_error_body_key_are_configurable() {
    let token = forge(&plain_header(), &claims());
    let fetch = async |app: &axum::Router, name: &str, value: &str| {
        let request = Request::builder().uri("/me").header(name, value);
        send(app, request.body(Body::empty()).expect("a request")).await
    };
    let (config, _) = tests::config();
    let (named, _) = app(config.header_name("X-Auth").header_type(Some("JWT")));
    assert_eq!(fetch(&named, "x-auth", &format!("jwt {token}")).await.status, StatusCode::OK);
    let response = fetch(&named, "authorization", &bearer(&token)).await;
    assert_eq!((response.code().as_str(), response.challenge()), ("token_missing", "JWT"));
    let (config, _) = tests::config();
    let (bare, _) = app(config.header_type(None));
    assert_eq!(fetch(&bare, "authorization", &token).await.status, StatusCode::OK);
    assert_eq!(fetch(&bare, "authorization", &bearer(&token)).await.code(), "token_malformed");
    let (config, _) = tests::config();
    let (key, _) = app(config.error_body_key("message"));
    assert_eq!(
        call(&key, "GET", "/me", None).await.body_of_release(),
        r#"{"code":"token_missing","message":"Missing token"}"#
    );
}

#[tokio::test]
async fn on_error_replaces_every_error_response() {
    let (config, _) = tests::config();
    let (app, auth) = app(config.on_error(|error, parts| {
        (StatusCode::IM_A_TEAPOT, format!("{} {} {}", parts.method, parts.uri.path(), error.code()))
            .into_response()
    }));
    let response = call(&app, "GET", "/me", None).await;
    assert_eq!((response.status.as_u16(), response.body.as_str()), (418, "GET /me token_missing"));
    assert_eq!(get(&app, "/bare", "x").await.body, "GET /bare token_malformed");
    assert_eq!(
        get(&app, "/fresh", &forge(&plain_header(), &claims())).await.body,
        "GET /fresh fresh_token_required"
    );
    // An error that a handler returns from the `JwtAuth` that it extracted.
    let pair = auth.log_in("alice").await.expect("a pair");
    let rotated = call(&app, "POST", "/refresh", Some(pair.refresh_token())).await;
    assert_eq!(rotated.status, StatusCode::OK);
    let next: serde_json::Value = serde_json::from_str(&rotated.body).expect("json");
    let next = next["refresh_token"].as_str().expect("a token");
    assert_eq!(call(&app, "POST", "/refresh", Some(next)).await.status, StatusCode::OK);
    let reused = call(&app, "POST", "/refresh", Some(pair.refresh_token())).await;
    assert_eq!(reused.body, "POST /refresh refresh_token_reused");
    assert_eq!(call(&app, "GET", "/open", None).await.body, "open");
    assert_eq!(
        call(&app, "GET", "/cannot-issue", None).await.body,
        "GET /cannot-issue cannot_issue"
    );
    assert_eq!(
        call(&app, "GET", "/cannot-log-in", None).await.body,
        "GET /cannot-log-in cannot_issue"
    );
}

#[tokio::test]
async fn on_error_receives_the_request_as_the_refusing_guard_saw_it() {
    use axum::extract::Request;
    use axum::middleware::{self, Next};
    use jwt_auth::{AccessToken, GuardedRouter, jwt_required};

    #[jwt_required(fresh)]
    async fn fresh() {}

    async fn add_request_id(_: AccessToken, mut request: Request, next: Next) -> Response {
        request.headers_mut().insert("x-request-id", HeaderValue::from_static("42"));
        next.run(request).await
    }

    let (config, _) = tests::config();
    let auth = config
        .on_error(|error, parts| {
            let id = parts.headers.get("x-request-id").and_then(|id| id.to_str().ok());
            format!("{} {} {id:?}", error.code(), parts.uri.path()).into_response()
        })
        .build()
        .expect("a valid configuration");
    let inner = GuardedRouter::new().route("/fresh", jwt_auth::routing::get(fresh));
    let app: axum::Router = GuardedRouter::new()
        .nest("/api", inner)
        .layer(middleware::from_fn_with_state(auth.clone(), add_request_id))
        .with_state(auth);
    let response = get(&app, "/api/fresh", &forge(&plain_header(), &claims())).await;
    assert_eq!(
        response.body, "fresh_token_required /api/fresh Some(\"42\")",
        "the path that the client sent"
    );
}

#[tokio::test]
async fn on_error_can_return_the_default_response_without_recursion() {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let (config, _) = tests::config();
    let other = config.clone().on_error(|_, _| unreachable!("a hook inside a hook"));
    let other = other.build().expect("a valid configuration");
    let (hooked, _) = app(config.on_error(move |error, _| {
        count.fetch_add(1, Ordering::Relaxed);
        let other =
            other.access_token("alice").claims(&1).issue().expect_err("claims are an object");
        assert_eq!(other.into_response().status(), StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = error.clone().into_response();
        response.headers_mut().insert("x-hook", HeaderValue::from_static("1"));
        response
    }));
    let (plain, _, _) = good_app();
    for token in [None, Some("junk")] {
        let response = call(&hooked, "GET", "/me", token).await;
        let default = call(&plain, "GET", "/me", token).await;
        assert_eq!(
            (response.status, response.challenge(), &response.body),
            (default.status, default.challenge(), &default.body)
        );
        assert_eq!(response.headers["x-hook"], "1");
    }
    assert_eq!(calls.load(Ordering::Relaxed), 2, "once for each refusal");
}

#[tokio::test]
async fn errors_of_with_claims_follow_the_error_settings() {
    use jwt_auth::{AccessToken, AuthError, Compat, Config, GuardedRouter, jwt_required};

    #[derive(serde::Deserialize)]
    struct NeedsTenant {
        tenant: String,
    }

    #[jwt_required]
    async fn tenant(token: AccessToken) -> Result<String, AuthError> {
        let token = token.with_claims::<NeedsTenant>()?;
        Ok(token.custom().tenant.clone())
    }

    let fetch = async |change: fn(Config) -> Config| {
        let (config, _) = tests::config();
        let auth = change(config).build().expect("a valid configuration");
        let app: axum::Router =
            GuardedRouter::new().route("/tenant", jwt_auth::routing::get(tenant)).with_state(auth);
        get(&app, "/tenant", &forge(&plain_header(), &claims())).await
    };
    let response = fetch(|config| {
        config
            .on_error(|error, _| (StatusCode::IM_A_TEAPOT, error.code().to_owned()).into_response())
    })
    .await;
    assert_eq!((response.status.as_u16(), response.body.as_str()), (418, "claims_invalid"));
    let response = fetch(|config| config.error_body_key("message")).await;
    assert_eq!(
        (response.status.as_u16(), response.body_of_release().as_str()),
        (401, r#"{"code":"claims_invalid","message":"The claims of the token are invalid"}"#)
    );
    let response = fetch(|config| config.compat(Compat::FastApiJwtAuth)).await;
    assert_eq!(
        (response.status.as_u16(), response.body.as_str()),
        (422, r#"{"detail":"The claims of the token are invalid"}"#)
    );
}

/// A body that remembers whether it was read.
struct Watched(Arc<AtomicBool>);

impl axum::body::HttpBody for Watched {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        self.0.store(true, Ordering::Relaxed);
        Poll::Ready(None)
    }
}

#[tokio::test]
async fn g1_nothing_of_the_body_is_read_for_a_refused_request() {
    use axum::Json;
    use jwt_auth::{GuardedRouter, jwt_required, routing::post};

    #[jwt_required]
    async fn create(Json(body): Json<serde_json::Value>) -> String {
        body.to_string()
    }

    let (config, _) = tests::config();
    let app: axum::Router = GuardedRouter::new()
        .route("/create", post(create))
        .with_state(config.build().expect("a valid configuration"));
    let was_read = Arc::new(AtomicBool::new(false));
    let fetch = async |token: &str| {
        let body = Body::new(Watched(Arc::clone(&was_read)));
        let request = Request::post("/create")
            .header("authorization", bearer(token))
            .header("content-type", "application/json");
        send(&app, request.body(body).expect("a request")).await
    };
    assert_eq!(fetch("junk").await.status, StatusCode::UNAUTHORIZED);
    assert!(!was_read.load(Ordering::Relaxed));
    assert_eq!(fetch(&forge(&plain_header(), &claims())).await.status, StatusCode::BAD_REQUEST);
    assert!(was_read.load(Ordering::Relaxed), "the extractor after the guard reads it");
}

#[tokio::test]
async fn g2_options_and_head_pass_the_same_guard() {
    let (app, _, _) = good_app();
    for method in ["OPTIONS", "HEAD", "TRACE", "GET", "POST", "PUT", "PATCH", "DELETE"] {
        assert_eq!(
            call(&app, method, "/me", None).await.status,
            StatusCode::UNAUTHORIZED,
            "{method}"
        );
    }
    assert_eq!(call(&app, "HEAD", "/fresh", None).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(call(&app, "OPTIONS", "/fresh", None).await.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn g3_no_request_causes_a_5xx() {
    let (app, _, _) = good_app();
    let good = forge(&plain_header(), &claims());
    // A deterministic generator, so that a failure can be reproduced.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).expect("small")
    };
    for _ in 0..20_000 {
        let mut bytes = bearer(&good).into_bytes();
        for _ in 0..=next(6) {
            let at = next(bytes.len());
            match next(4) {
                0 => bytes[at] = u8::try_from(next(224) + 32).expect("a byte"),
                1 => drop(bytes.remove(at)),
                2 => bytes.insert(at, u8::try_from(next(95) + 32).expect("a byte")),
                _ => bytes.truncate(at + 1),
            }
            if bytes.is_empty() {
                break;
            }
        }
        let Ok(value) = HeaderValue::from_bytes(&bytes) else { continue };
        for path in ["/me", "/maybe", "/refresh"] {
            let method = if path == "/refresh" { "POST" } else { "GET" };
            let request =
                Request::builder().method(method).uri(path).header("authorization", &value);
            let status = send(&app, request.body(Body::empty()).expect("a request")).await.status;
            let is_expected = status.is_client_error()
                || (status == StatusCode::OK && (path == "/maybe" || path == "/me"));
            assert!(is_expected, "{status} for {value:?}");
        }
    }
}

#[tokio::test]
async fn w9_a_response_with_tokens_carries_no_store() {
    let (app, auth, _) = good_app();
    let pair = auth.log_in("alice").await.expect("a pair");
    let response = call(&app, "POST", "/refresh", Some(pair.refresh_token())).await;
    assert_eq!(response.headers["cache-control"], "no-store");
    assert_eq!(response.headers["content-type"], "application/json");
}

#[tokio::test]
async fn the_reason_of_cannot_issue_is_not_sent_to_the_client() {
    let (app, _, _) = good_app();
    let response = call(&app, "GET", "/cannot-issue", None).await;
    assert_eq!(response.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(
        response.body_of_release(),
        r#"{"code":"cannot_issue","detail":"The token could not be issued"}"#
    );
}

#[tokio::test]
async fn w5_a_log_in_time_in_the_future_counts_as_absent() {
    let (app, _, _) = good_app();
    let at = |second: u64| {
        let mut claims = claims();
        claims["auth_time"] = json!(second);
        forge(&plain_header(), &claims)
    };
    // Within `issued_at_leeway` the clock of the issuer is ahead.
    for second in [NOW, NOW + 5] {
        assert_eq!(get(&app, "/recent", &at(second)).await.status, StatusCode::OK);
    }
    for second in [NOW + 6, 253_402_300_799] {
        assert_eq!(get(&app, "/recent", &at(second)).await.code(), "reauthentication_required");
    }
}

/// Routes behind a guard that is a middleware. Guards with other rules must not reuse its token.
fn behind(outer: &jwt_auth::JwtAuth, inner: &jwt_auth::JwtAuth) -> axum::Router {
    use axum::middleware::{Next, from_fn, from_fn_with_state};
    use jwt_auth::{AccessToken, jwt_required, refresh_required};

    #[jwt_required]
    async fn access(request: axum::extract::Request, next: Next) -> Response {
        next.run(request).await
    }
    #[refresh_required]
    async fn refresh(request: axum::extract::Request, next: Next) -> Response {
        next.run(request).await
    }
    async fn swap(mut request: axum::extract::Request, next: Next) -> Response {
        let value = HeaderValue::from_static("Bearer swapped");
        request.headers_mut().insert("authorization", value);
        next.run(request).await
    }
    #[jwt_required(audience = "https://reports.example")]
    async fn reports() {}
    #[jwt_required]
    async fn me(_: AccessToken) {}
    async fn bare(_: AccessToken) {}

    let plain = || {
        axum::Router::new()
            .route("/me", axum::routing::get(me))
            .route("/bare", axum::routing::get(bare))
            .route("/reports", axum::routing::get(reports))
            .with_state(inner.clone())
    };
    let access = from_fn_with_state(outer.clone(), access);
    axum::Router::new()
        .nest("/refresh", plain().layer(from_fn_with_state(outer.clone(), refresh)))
        .nest("/swapped", plain().layer(from_fn(swap)).layer(access.clone()))
        .nest("/access", plain().layer(access))
}

#[tokio::test]
async fn the_token_of_a_middleware_is_reused_for_the_same_rules_only() {
    let (config, _) = tests::config();
    let auth = config.audience(["api"]).build().expect("a valid configuration");
    let (other, _) = tests::config();
    let other = other.issuer("me").audience(["api"]).build().expect("a valid configuration");
    let app = behind(&auth, &auth);
    let pair = auth.log_in("alice").await.expect("a pair");
    assert_eq!(get(&app, "/access/me", pair.access_token()).await.status, StatusCode::OK);
    assert_eq!(get(&app, "/access/reports", pair.access_token()).await.code(), "audience_invalid");
    for path in ["/me", "/bare"] {
        let refresh = get(&app, &format!("/refresh{path}"), pair.refresh_token()).await;
        assert_eq!(refresh.code(), "access_token_required");
        let swapped = get(&app, &format!("/swapped{path}"), pair.access_token()).await;
        assert_eq!(swapped.code(), "token_malformed");
    }
    let app = behind(&auth, &other);
    for path in ["/access/me", "/access/bare"] {
        let response = get(&app, path, pair.access_token()).await;
        assert_eq!(response.code(), "issuer_invalid", "the inner state requires an issuer");
    }
}

#[tokio::test]
async fn a_token_reports_its_location() {
    let (app, _, _) = good_app();
    assert_eq!(
        get(&app, "/bare", &forge(&plain_header(), &claims())).await.body,
        "alice by header"
    );
}

#[tokio::test]
async fn a_token_is_verified_once_per_request() {
    use jwt_auth::{AccessToken, GuardedRouter, jwt_required, routing::get};

    #[jwt_required]
    async fn twice(first: AccessToken, second: AccessToken, third: Option<AccessToken>) -> String {
        // The same text in memory: the extractors return the token that the guard verified.
        let at = |token: &AccessToken| token.subject().as_ptr();
        (at(&first) == at(&second) && third.is_some_and(|third| at(&third) == at(&first)))
            .to_string()
    }

    let (config, _) = tests::config();
    let app: axum::Router = GuardedRouter::new()
        .route("/", get(twice))
        .with_state(config.build().expect("a valid configuration"));
    assert_eq!(tests::get(&app, "/", &forge(&plain_header(), &claims())).await.body, "true");
}
