//! The request and its answer: SECURITY.md §2, W1 to W7 and G1 to G3.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Request, StatusCode};
use axum::response::IntoResponse as _;
use serde_json::json;
use tests::{NOW, call, claims, forge, get, plain_header, send};

use crate::app::{app, good_app};

fn request(path: &str, lines: &[&[u8]]) -> Request<Body> {
    let mut request = Request::builder().uri(path);
    for line in lines {
        request = request.header("authorization", HeaderValue::from_bytes(line).expect("a value"));
    }
    request.body(Body::empty()).expect("a request")
}

#[tokio::test]
async fn w1_nothing_sent_is_401_without_an_error() {
    let (app, _, _) = good_app();
    for lines in
        [vec![], vec![&b"Basic YWxpY2U6eA=="[..]], vec![&b"Negotiate x"[..]], vec![&b""[..]]]
    {
        let answer = send(&app, request("/me", &lines)).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert_eq!(answer.challenge(), "Bearer");
        assert_eq!(answer.headers["content-type"], "application/json");
        assert_eq!(answer.body, r#"{"code":"token_missing","detail":"Missing token"}"#);
    }
}

#[tokio::test]
async fn w2_a_bad_token_is_401_invalid_token() {
    let (app, _, clock) = good_app();
    let token = forge(&plain_header(), &claims());
    clock.advance(std::time::Duration::from_secs(3600));
    let answer = get(&app, "/me", &token).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(
        answer.challenge(),
        r#"Bearer error="invalid_token", error_description="Signature has expired""#
    );
    assert_eq!(answer.body, r#"{"code":"token_expired","detail":"Signature has expired"}"#);
}

#[tokio::test]
async fn w3_two_authorization_lines_are_400_invalid_request() {
    let (app, _, _) = good_app();
    let line = format!("Bearer {}", forge(&plain_header(), &claims()));
    for second in [line.as_bytes(), b"Basic x", b""] {
        for path in ["/me", "/maybe", "/bare"] {
            let answer = send(&app, request(path, &[line.as_bytes(), second])).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST);
            assert!(answer.challenge().contains(r#"error="invalid_request""#));
        }
    }
    let answer = send(&app, request("/open", &[line.as_bytes(), line.as_bytes()])).await;
    assert_eq!(answer.status, StatusCode::OK, "a public route does not look");
}

#[tokio::test]
async fn w4_a_missing_scope_is_403_insufficient_scope_with_the_scope() {
    let (app, auth, _) = good_app();
    let token = auth.access_token("alice").scopes(["notes:read"]).issue().expect("a token");
    let answer = get(&app, "/all-scopes", &token).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert_eq!(
        answer.challenge(),
        r#"Bearer error="insufficient_scope", error_description="The token lacks a permission this request needs", scope="notes:read notes:write""#
    );
    assert_eq!(answer.code(), "scope_insufficient");
}

#[tokio::test]
async fn w5_step_up_is_401_with_max_age() {
    let (app, auth, clock) = good_app();
    let pair = auth.log_in("alice").await.expect("a pair");
    assert_eq!(get(&app, "/recent", pair.access_token()).await.status, StatusCode::OK);
    clock.advance(std::time::Duration::from_secs(600));
    assert_eq!(get(&app, "/recent", pair.access_token()).await.status, StatusCode::OK);
    clock.advance(std::time::Duration::from_secs(1));
    let answer = get(&app, "/recent", pair.access_token()).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(
        answer.challenge(),
        r#"Bearer error="insufficient_user_authentication", error_description="A more recent log-in is required", max_age="600""#
    );
    let unsaid = auth.access_token("alice").issue().expect("a token");
    assert_eq!(get(&app, "/recent", &unsaid).await.code(), "reauthentication_required");
}

#[tokio::test]
async fn w6_nothing_of_the_token_is_in_the_answer() {
    let (app, _, _) = good_app();
    for value in [
        "Bearer aGVsbG8.aGVsbG8.aGVsbG8",
        "Bearer \"><script>alert(1)</script>",
        "Bearer a\\b",
        "Bearer %0d%0aX-Evil:1",
    ] {
        let answer = send(&app, request("/me", &[value.as_bytes()])).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        let text = format!("{:?} {}", answer.headers, answer.body);
        for part in ["aGVsbG8", "alert", "Evil", "a\\\\b"] {
            assert!(!text.contains(part), "{text}");
        }
    }
    let header = json!({ "alg": "SECRET-ALG", "kid": "SECRET-KID" });
    let answer = get(&app, "/me", &forge(&header, &claims())).await;
    assert!(!format!("{:?} {}", answer.headers, answer.body).contains("SECRET"));
}

#[tokio::test]
async fn w7_schemes() {
    let (app, _, _) = good_app();
    let token = forge(&plain_header(), &claims());
    for good in [format!("Bearer {token}"), format!("bearer {token}"), format!("BEARER   {token}")]
    {
        assert_eq!(send(&app, request("/me", &[good.as_bytes()])).await.status, StatusCode::OK);
    }
    let two = format!("Bearer {token} {token}");
    for malformed in [&b"Bearer\tx"[..], b"Bearer,x", b"Bearer=x", b"Bearer\xc2\xa0x"] {
        assert_eq!(send(&app, request("/maybe", &[malformed])).await.code(), "token_malformed");
    }
    for malformed in [&b"Bearer"[..], b"Bearer ", two.as_bytes(), b"Bearer \xff\xfe", b"Bearer a,b"]
    {
        for path in ["/me", "/maybe"] {
            let answer = send(&app, request(path, &[malformed])).await;
            assert_eq!(answer.code(), "token_malformed", "{malformed:?}");
        }
    }
    let answer = send(&app, request("/me", &[token.as_bytes()])).await;
    assert_eq!(answer.code(), "token_missing", "a token with no scheme is not taken");
}

#[tokio::test]
async fn optional_lets_nobody_in_and_refuses_the_bad() {
    let (app, _, _) = good_app();
    assert_eq!(call(&app, "GET", "/maybe", None).await.body, "nobody");
    assert_eq!(send(&app, request("/maybe", &[b"Basic x"])).await.body, "nobody");
    assert_eq!(get(&app, "/maybe", &forge(&plain_header(), &claims())).await.body, "alice");
    let mut old = claims();
    old["exp"] = json!(NOW);
    assert_eq!(get(&app, "/maybe", &forge(&plain_header(), &old)).await.code(), "token_expired");
    assert_eq!(get(&app, "/maybe", "junk").await.code(), "token_malformed");
}

#[tokio::test]
async fn a_bad_token_is_not_nobody_without_an_attribute_either() {
    use jwt_auth::{AccessToken, AuthError, RefreshToken};

    async fn access(token: Option<AccessToken>) -> String {
        token.map_or("nobody".to_owned(), |token| token.subject().to_owned())
    }
    async fn refresh(token: Option<RefreshToken>) -> String {
        token.map_or("nobody".to_owned(), |token| token.subject().to_owned())
    }
    async fn result(token: Result<AccessToken, AuthError>) -> String {
        token.map_or_else(|error| error.code().to_owned(), |token| token.subject().to_owned())
    }

    let (config, _) = tests::config();
    let auth = config.build().expect("good");
    let app: axum::Router = axum::Router::new()
        .route("/access", axum::routing::get(access))
        .route("/refresh", axum::routing::get(refresh))
        .route("/result", axum::routing::get(result))
        .with_state(auth.clone());
    let pair = auth.log_in("alice").await.expect("a pair");
    for path in ["/access", "/refresh"] {
        assert_eq!(call(&app, "GET", path, None).await.body, "nobody");
        assert_eq!(get(&app, path, "junk").await.code(), "token_malformed");
    }
    assert_eq!(get(&app, "/access", pair.refresh_token()).await.code(), "access_token_required");
    assert_eq!(get(&app, "/refresh", pair.access_token()).await.code(), "refresh_token_required");
    assert_eq!(get(&app, "/access", pair.access_token()).await.body, "alice");
    assert_eq!(get(&app, "/refresh", pair.refresh_token()).await.body, "alice");
    assert_eq!(get(&app, "/result", "junk").await.body, "token_malformed");
}

#[tokio::test]
async fn headers_as_configured() {
    let token = forge(&plain_header(), &claims());
    let ask = async |app: &axum::Router, name: &str, value: &str| {
        let request = Request::builder().uri("/me").header(name, value);
        send(app, request.body(Body::empty()).expect("a request")).await
    };
    let (config, _) = tests::config();
    let (named, _) = app(config.header_name("X-Auth").header_type(Some("JWT")));
    assert_eq!(ask(&named, "x-auth", &format!("jwt {token}")).await.status, StatusCode::OK);
    let answer = ask(&named, "authorization", &format!("Bearer {token}")).await;
    assert_eq!((answer.code().as_str(), answer.challenge()), ("token_missing", "JWT"));
    let (config, _) = tests::config();
    let (bare, _) = app(config.header_type(None));
    assert_eq!(ask(&bare, "authorization", &token).await.status, StatusCode::OK);
    assert_eq!(
        ask(&bare, "authorization", &format!("Bearer {token}")).await.code(),
        "token_malformed"
    );
    let (config, _) = tests::config();
    let (key, _) = app(config.error_body_key("message"));
    assert_eq!(
        call(&key, "GET", "/me", None).await.body,
        r#"{"code":"token_missing","message":"Missing token"}"#
    );
}

#[tokio::test]
async fn the_error_hook_replaces_the_answer_everywhere() {
    let (config, _) = tests::config();
    let (app, auth) = app(config.on_error(|error, parts| {
        (StatusCode::IM_A_TEAPOT, format!("{} {} {}", parts.method, parts.uri.path(), error.code()))
            .into_response()
    }));
    let answer = call(&app, "GET", "/me", None).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (418, "GET /me token_missing"));
    assert_eq!(get(&app, "/bare", "x").await.body, "GET /bare token_malformed");
    assert_eq!(
        get(&app, "/fresh", &forge(&plain_header(), &claims())).await.body,
        "GET /fresh fresh_token_required"
    );
    // An error that the handler returns, of a `JwtAuth` that was extracted from the request.
    let pair = auth.log_in("alice").await.expect("a pair");
    let zero = call(&app, "POST", "/refresh", Some(pair.refresh_token())).await;
    assert_eq!(zero.status, StatusCode::OK);
    let next: serde_json::Value = serde_json::from_str(&zero.body).expect("json");
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

/// A body that remembers whether anyone looked at it.
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
        .with_state(config.build().expect("good"));
    let touched = Arc::new(AtomicBool::new(false));
    let ask = async |token: &str| {
        let body = Body::new(Watched(Arc::clone(&touched)));
        let request = Request::post("/create")
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json");
        send(&app, request.body(body).expect("a request")).await
    };
    assert_eq!(ask("junk").await.status, StatusCode::UNAUTHORIZED);
    assert!(!touched.load(Ordering::Relaxed));
    assert_eq!(ask(&forge(&plain_header(), &claims())).await.status, StatusCode::BAD_REQUEST);
    assert!(touched.load(Ordering::Relaxed), "the extractor after the guard has read it");
}

#[tokio::test]
async fn g2_options_and_head_have_no_road_past_a_guard() {
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
async fn g3_whatever_is_sent_is_a_4xx() {
    let (app, _, _) = good_app();
    let good = forge(&plain_header(), &claims());
    // A generator of our own, so that a failure comes back.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).expect("small")
    };
    for _ in 0..20_000 {
        let mut bytes = format!("Bearer {good}").into_bytes();
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
            let good = status.is_client_error()
                || (status == StatusCode::OK && (path == "/maybe" || path == "/me"));
            assert!(good, "{status} for {value:?}");
        }
    }
}

#[tokio::test]
async fn w9_answers_with_tokens_are_not_stored() {
    let (app, auth, _) = good_app();
    let pair = auth.log_in("alice").await.expect("a pair");
    let answer = call(&app, "POST", "/refresh", Some(pair.refresh_token())).await;
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert_eq!(answer.headers["content-type"], "application/json");
}

#[tokio::test]
async fn a_developers_mistake_is_not_told_to_the_client() {
    let (app, _, _) = good_app();
    let answer = call(&app, "GET", "/cannot-issue", None).await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(answer.body, r#"{"code":"cannot_issue","detail":"The token could not be issued"}"#);
}

#[tokio::test]
async fn w5_a_log_in_of_the_future_is_none() {
    let (app, _, _) = good_app();
    let at = |second: u64| {
        let mut claims = claims();
        claims["auth_time"] = json!(second);
        forge(&plain_header(), &claims)
    };
    assert_eq!(get(&app, "/recent", &at(NOW)).await.status, StatusCode::OK);
    for second in [NOW + 1, 253_402_300_799] {
        assert_eq!(get(&app, "/recent", &at(second)).await.code(), "reauthentication_required");
    }
}

/// An app behind a guard that is a middleware, whose token must not answer for other guards.
fn behind(outer: &jwt_auth::JwtAuth, inner: &jwt_auth::JwtAuth) -> axum::Router {
    use axum::middleware::{Next, from_fn, from_fn_with_state};
    use jwt_auth::{AccessToken, jwt_required, refresh_required};

    #[jwt_required]
    async fn access(request: axum::extract::Request, next: Next) -> axum::response::Response {
        next.run(request).await
    }
    #[refresh_required]
    async fn refresh(request: axum::extract::Request, next: Next) -> axum::response::Response {
        next.run(request).await
    }
    async fn swap(mut request: axum::extract::Request, next: Next) -> axum::response::Response {
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
async fn what_a_middleware_verified_answers_for_the_very_same_question_only() {
    let (config, _) = tests::config();
    let auth = config.audience(["api"]).build().expect("good");
    let (other, _) = tests::config();
    let other = other.issuer("me").audience(["api"]).build().expect("good");
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
        let answer = get(&app, path, pair.access_token()).await;
        assert_eq!(answer.code(), "issuer_invalid", "the inner state asks for an issuer");
    }
}

#[tokio::test]
async fn a_token_says_where_it_was_found() {
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
        // One text in memory: the extractors hand out what the guard verified.
        let at = |token: &AccessToken| token.subject().as_ptr();
        (at(&first) == at(&second) && third.is_some_and(|third| at(&third) == at(&first)))
            .to_string()
    }

    let (config, _) = tests::config();
    let app: axum::Router =
        GuardedRouter::new().route("/", get(twice)).with_state(config.build().expect("good"));
    assert_eq!(tests::get(&app, "/", &forge(&plain_header(), &claims())).await.body, "true");
}
