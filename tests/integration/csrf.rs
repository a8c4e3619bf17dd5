//! CSRF protection: `guide::security`, rules X1–X6.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Request, StatusCode};
use jwt_auth::routing::{any, get, post};
use jwt_auth::{AccessToken, Config, GuardedRouter, JwtAuth, TokenLocation, jwt_required, public};
use tests::{NOW, TestResponse, bearer, config, forge, plain_header, send};

#[jwt_required]
async fn act(token: AccessToken) -> String {
    token.subject().to_owned()
}

#[jwt_required(optional)]
async fn maybe(token: Option<AccessToken>) -> String {
    token.map_or("anonymous".to_owned(), |token| token.subject().to_owned())
}

async fn bare(token: AccessToken) -> String {
    token.subject().to_owned()
}

#[jwt_required]
async fn form(body: String) -> String {
    body
}

#[public]
async fn open() -> &'static str {
    "open"
}

fn app(change: impl FnOnce(Config) -> Config) -> (Router, JwtAuth) {
    let locations = [TokenLocation::Header, TokenLocation::Cookie];
    let auth = change(config().0.token_location(locations)).build().expect("a valid configuration");
    let router = GuardedRouter::new()
        .route("/act", any(act))
        .route("/maybe", any(maybe))
        .route("/bare", any(bare))
        .route("/form", post(form))
        .route("/open", get(open).post(open))
        .layer(auth.csrf_form())
        .with_state(auth.clone());
    (router, auth)
}

const COOKIE: &str = "__Host-access_token_cookie";

async fn fetch(app: &Router, method: &str, path: &str, headers: &[(&str, &[u8])]) -> TestResponse {
    let mut request = Request::builder().method(method).uri(path).header("host", "app.example");
    for (name, value) in headers {
        request = request.header(*name, HeaderValue::from_bytes(value).expect("a value"));
    }
    send(app, request.body(Body::empty()).expect("a request")).await
}

/// The cookie of a new session, and its CSRF value.
async fn session(auth: &JwtAuth) -> (String, String) {
    let pair = auth.log_in("alice").await.expect("a pair");
    let csrf = pair.access_csrf_token().expect("a value").to_owned();
    (format!("{COOKIE}={}", pair.access_token()), csrf)
}

#[tokio::test]
async fn x1_the_value_must_be_the_csrf_claim_of_the_token_itself() {
    let (app, auth) = app(|config| config);
    let (cookie, csrf) = session(&auth).await;
    let (_, other) = session(&auth).await;
    assert!(csrf.len() >= 22, "128 bits");
    for path in ["/act", "/maybe", "/bare"] {
        let good = [("cookie", cookie.as_bytes()), ("x-csrf-token", csrf.as_bytes())];
        assert_eq!(fetch(&app, "POST", path, &good).await.body, "alice");
        let bad = [("cookie", cookie.as_bytes()), ("x-csrf-token", other.as_bytes())];
        assert_eq!(fetch(&app, "POST", path, &bad).await.code(), "csrf_mismatch");
        let cookie_too = format!("{cookie}; __Host-csrf_access_token={other}");
        let bad = [("cookie", cookie_too.as_bytes()), ("x-csrf-token", other.as_bytes())];
        assert_eq!(
            fetch(&app, "POST", path, &bad).await.code(),
            "csrf_mismatch",
            "the attacker set the cookie of the value"
        );
    }
}

#[tokio::test]
async fn x2_the_value_is_compared_as_bytes_and_an_absent_value_never_matches() {
    let (app, auth) = app(|config| config);
    let (cookie, csrf) = session(&auth).await;
    let cookie = ("cookie", cookie.as_bytes());
    let response = fetch(&app, "POST", "/act", &[cookie]).await;
    assert_eq!(
        (response.status, response.code().as_str()),
        (StatusCode::UNAUTHORIZED, "csrf_missing")
    );
    assert_eq!(
        fetch(&app, "POST", "/act", &[cookie, ("x-csrf-token", b"")]).await.code(),
        "csrf_missing"
    );
    let longer = format!("{csrf}x");
    for bad in
        [&b"\xff\xfe\xe9"[..], longer.as_bytes(), &csrf.as_bytes()[1..], b"null", b"undefined"]
    {
        let response = fetch(&app, "POST", "/act", &[cookie, ("x-csrf-token", bad)]).await;
        assert_eq!(
            (response.status, response.code().as_str()),
            (StatusCode::UNAUTHORIZED, "csrf_mismatch")
        );
    }
    // No value matches a token without the claim, or with an empty one.
    for claim in ["", r#","csrf":"""#] {
        let claims = format!(
            r#"{{"sub":"alice","iat":{NOW},"exp":{},"jti":"x","type":"access"{claim}}}"#,
            NOW + 900
        );
        let token = forge(&plain_header(), &serde_json::from_str(&claims).expect("JSON"));
        let line = format!("{COOKIE}={token}");
        for value in [&b""[..], b"x"] {
            let headers = [("cookie", line.as_bytes()), ("x-csrf-token", value)];
            assert_eq!(
                fetch(&app, "POST", "/act", &headers).await.status,
                StatusCode::UNAUTHORIZED
            );
        }
        assert_eq!(
            fetch(&app, "GET", "/act", &[("cookie", line.as_bytes())]).await.status,
            StatusCode::OK
        );
    }
    let twice = [cookie, ("x-csrf-token", csrf.as_bytes()), ("x-csrf-token", csrf.as_bytes())];
    assert_eq!(fetch(&app, "POST", "/act", &twice).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn x3_every_method_but_get_head_and_options_needs_the_value_if_the_cookie_is_used() {
    let (app, auth) = app(|config| config);
    let (cookie, _) = session(&auth).await;
    let cookie = ("cookie", cookie.as_bytes());
    for method in ["GET", "HEAD", "OPTIONS"] {
        assert_eq!(fetch(&app, method, "/act", &[cookie]).await.status, StatusCode::OK, "{method}");
    }
    for method in ["POST", "PUT", "PATCH", "DELETE", "TRACE", "PURGE", "get"] {
        assert_eq!(fetch(&app, method, "/act", &[cookie]).await.code(), "csrf_missing", "{method}");
    }
    let token = auth.access_token("alice").issue().expect("a token");
    let header = bearer(&token);
    let headers = [("authorization", header.as_bytes()), cookie];
    assert_eq!(
        fetch(&app, "POST", "/act", &headers).await.status,
        StatusCode::OK,
        "the header is used"
    );
}

#[tokio::test]
async fn x4_an_unrelated_authorization_header_does_not_disable_the_check() {
    let (app, auth) = app(|config| config);
    let (cookie, _) = session(&auth).await;
    let cookie = ("cookie", cookie.as_bytes());
    for junk in [&b"Basic eDp5"[..], b"Negotiate x", b"", b"x", b"\xff"] {
        let response = fetch(&app, "POST", "/act", &[cookie, ("authorization", junk)]).await;
        assert_eq!(response.code(), "csrf_missing", "{junk:?}");
    }
    for bad in [&b"Bearer"[..], b"Bearer x", b"Bearer a.b.c"] {
        let response = fetch(&app, "GET", "/act", &[cookie, ("authorization", bad)]).await;
        assert_eq!(
            response.code(),
            "token_malformed",
            "a bad header is final beside a good cookie"
        );
    }
}

#[tokio::test]
async fn x5_the_value_is_read_from_its_header_and_never_from_a_cookie_or_the_query() {
    let (app, auth) = app(|config| config);
    let (cookie, csrf) = session(&auth).await;
    let with_value = format!("{cookie}; __Host-csrf_access_token={csrf}; X-CSRF-Token={csrf}");
    let path = format!("/act?X-CSRF-Token={csrf}&csrf_token={csrf}");
    let response = fetch(&app, "POST", &path, &[("cookie", with_value.as_bytes())]).await;
    assert_eq!(response.code(), "csrf_missing");
    let headers = [("cookie", cookie.as_bytes()), ("x-csrf-token", csrf.as_bytes())];
    for site in [&b"cross-site"[..], b"CROSS-SITE"] {
        let headers = [headers[0], headers[1], ("sec-fetch-site", site)];
        let response = fetch(&app, "POST", "/act", &headers).await;
        assert_eq!(
            (response.status, response.code().as_str()),
            (StatusCode::FORBIDDEN, "request_cross_site")
        );
    }
}

#[tokio::test]
async fn x5_the_value_is_read_from_a_form_field_where_it_is_configured() {
    const FORM: &str = "application/x-www-form-urlencoded";
    let fetch = async |app: &Router, kind: &str, cookie: &str, body: String| {
        let request = Request::builder().method("POST").uri("/form").header("content-type", kind);
        let request = request.header("content-length", body.len()).header("cookie", cookie);
        send(app, request.body(Body::from(body)).expect("a request")).await
    };
    let (with_field, auth) = app(|config| config.csrf_form_field("csrf_token"));
    let (cookie, csrf) = session(&auth).await;
    let good = format!("note=milk&csrf_token={csrf}");
    let response = fetch(&with_field, FORM, &cookie, good.clone()).await;
    assert_eq!(
        (response.status, response.body.as_str()),
        (StatusCode::OK, good.as_str()),
        "the handler receives the body unchanged"
    );
    let charset = format!("{FORM}; charset=utf-8");
    assert_eq!(fetch(&with_field, &charset, &cookie, good.clone()).await.status, StatusCode::OK);
    for (kind, body) in [
        (FORM, "note=milk".to_owned()),
        (FORM, format!("csrf_token={csrf}&csrf_token={csrf}")),
        (FORM, format!("xcsrf_token={csrf}")),
        ("text/plain", good.clone()),
        ("multipart/form-data", good.clone()),
        (FORM, format!("{good}&pad={}", "x".repeat(65 * 1024))),
    ] {
        assert_eq!(fetch(&with_field, kind, &cookie, body).await.code(), "csrf_missing", "{kind}");
    }
    assert_eq!(
        fetch(&with_field, FORM, &cookie, "csrf_token=x".to_owned()).await.code(),
        "csrf_mismatch"
    );
    let (without, auth) = app(|config| config);
    let (cookie, csrf) = session(&auth).await;
    let response = fetch(&without, FORM, &cookie, format!("csrf_token={csrf}")).await;
    assert_eq!(response.code(), "csrf_missing", "a field that is not configured is ignored");
}

#[tokio::test]
async fn x6_an_upgrade_with_a_cookie_checks_origin_and_value() {
    let (app, auth) = app(|config| config);
    let (cookie, csrf) = session(&auth).await;
    let (cookie, upgrade) = (("cookie", cookie.as_bytes()), ("upgrade", &b"websocket"[..]));
    let value = ("x-csrf-token", csrf.as_bytes());
    let own = ("origin", &b"https://app.example"[..]);
    let foreign = ("origin", &b"https://evil.example"[..]);
    assert_eq!(
        fetch(&app, "GET", "/act", &[cookie, upgrade, value, own]).await.status,
        StatusCode::OK
    );
    for (headers, status, code) in [
        (vec![cookie, upgrade, own], StatusCode::UNAUTHORIZED, "csrf_missing"),
        (vec![cookie, upgrade, value, foreign], StatusCode::FORBIDDEN, "request_cross_site"),
        (vec![cookie, upgrade, foreign], StatusCode::FORBIDDEN, "request_cross_site"),
    ] {
        let response = fetch(&app, "GET", "/act", &headers).await;
        assert_eq!((response.status, response.code().as_str()), (status, code));
    }
    // A browser does not add such a header automatically, so a token in the header needs neither.
    let header = bearer(&auth.access_token("alice").issue().expect("a token"));
    let headers = [("authorization", header.as_bytes()), upgrade, foreign];
    assert_eq!(fetch(&app, "GET", "/act", &headers).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_public_route_checks_no_credentials() {
    let (app, auth) = app(|config| config);
    let (cookie, _) = session(&auth).await;
    let twice = format!("{cookie}; {cookie}");
    let headers = [
        ("cookie", twice.as_bytes()),
        ("sec-fetch-site", &b"cross-site"[..]),
        ("authorization", b"Negotiate x"),
    ];
    assert_eq!(fetch(&app, "POST", "/open", &headers).await.body, "open");
}

#[tokio::test]
async fn an_anonymous_request_needs_no_csrf_value() {
    let (app, _) = app(|config| config);
    assert_eq!(fetch(&app, "POST", "/maybe", &[]).await.body, "anonymous");
    assert_eq!(fetch(&app, "POST", "/maybe", &[("x-csrf-token", b"x")]).await.body, "anonymous");
}
