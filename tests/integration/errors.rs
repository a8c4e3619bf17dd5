//! Errors as an application renders, observes and counts them.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::response::IntoResponse as _;
use jwt_auth::errors::RefusedToken;
use jwt_auth::routing::get as get_route;
use jwt_auth::{
    AccessToken, AuthError, AuthErrorKind, Config, GuardedRouter, JwtAuth, jwt_required, public,
};
use serde_json::{Value, json};
use tests::{call, claims, forge, get, plain_header};

#[public]
async fn log_in() -> Result<(), AuthError> {
    Err(AuthError::forbidden("Your account is suspended"))
}

#[jwt_required]
async fn own_error(_token: AccessToken) -> Result<(), AuthError> {
    tokio::task::yield_now().await;
    Err(AuthErrorKind::UserUnknown.into())
}

#[jwt_required(scopes("notes:read"), roles("editor"))]
async fn notes() {}

#[jwt_required(max_age = "10m")]
async fn recent() {}

fn app(config: Config) -> Router {
    let auth = config.build().expect("a valid configuration");
    let inner = GuardedRouter::new()
        .route("/login", get_route(log_in))
        .route("/own", get_route(own_error))
        .route("/notes", get_route(notes))
        .route("/recent", get_route(recent));
    GuardedRouter::new().nest("/api", inner).with_state(auth)
}

fn token(change: impl FnOnce(&mut Value)) -> String {
    let mut claims = claims();
    change(&mut claims);
    forge(&plain_header(), &claims)
}

#[tokio::test]
async fn errors_of_a_handler_are_rendered_by_the_settings_of_its_router() {
    let (config, _) = tests::config();
    let app = app(config.on_error(|error, parts| {
        let response = (error.status(), format!("{} {}", parts.uri.path(), error.code()));
        response.into_response()
    }));
    assert_eq!(call(&app, "GET", "/api/login", None).await.body, "/api/login forbidden");
    let own = get(&app, "/api/own", &token(|_| {})).await;
    assert_eq!((own.status.as_u16(), own.body.as_str()), (401, "/api/own user_unknown"));
    // An error outside of any request has no settings.
    let plain = AuthError::forbidden("no").into_response();
    assert_eq!(plain.headers()["content-type"], "application/json");
}

#[tokio::test]
async fn a_hook_that_renders_the_error_in_any_way_never_calls_itself() {
    let (config, _) = tests::config();
    let app = app(config.on_error(|error, _| {
        let copies = [error.clone().into_response(), error.default_response()];
        let same = copies.iter().all(|copy| copy.status() == error.status());
        let mut response = AuthError::from(error.kind()).into_response();
        response.headers_mut().insert("x-same", same.to_string().parse().expect("a value"));
        response
    }));
    let response = get(&app, "/api/notes", "junk").await;
    assert_eq!(
        (response.status.as_u16(), &response.headers["x-same"]),
        (401, &"true".parse().expect("a value"))
    );
}

#[tokio::test]
async fn a_hook_that_panics_takes_down_no_request() {
    let (config, _) = tests::config();
    let app = app(config.on_refusal(|_, _| panic!("observer")).on_error(|_, _| panic!("hook")));
    for _ in 0..2 {
        let response = call(&app, "GET", "/api/notes", None).await;
        assert_eq!((response.status.as_u16(), response.code().as_str()), (401, "token_missing"));
    }
}

/// What an observer saw: path, code, subject, expected and found.
type Seen = Arc<Mutex<Vec<(String, String, Option<String>, Option<String>, Option<String>)>>>;

fn observed(config: Config) -> (Router, Seen) {
    let seen = Seen::default();
    let log = Arc::clone(&seen);
    let config = config.on_refusal(move |error, parts| {
        let text = |text: Option<&str>| text.map(str::to_owned);
        let subject = text(error.token().map(RefusedToken::subject));
        log.lock().expect("one test").push((
            parts.uri.path().to_owned(),
            error.code().to_owned(),
            subject,
            text(error.expected()),
            text(error.found()),
        ));
    });
    (app(config), seen)
}

#[tokio::test]
async fn on_refusal_sees_the_token_and_the_mismatch_once_the_signature_is_good() {
    let (config, clock) = tests::config();
    let (app, seen) = observed(config.issuer("https://auth.example"));
    let now = tests::NOW;
    let iss = |claims: &mut Value| claims["iss"] = json!("https://auth.example");
    for (path, token, code, expected, found) in [
        (
            "notes",
            token(|c| {
                iss(c);
                c["exp"] = json!(now - 1);
            }),
            "token_expired",
            Some(format!("`exp` after {now}")),
            Some((now - 1).to_string()),
        ),
        (
            "notes",
            token(|c| {
                iss(c);
                c["nbf"] = json!(now + 60);
            }),
            "token_not_yet_valid",
            Some(format!("`nbf` at most {}", now + 5)),
            Some((now + 60).to_string()),
        ),
        (
            "notes",
            token(|_| {}),
            "issuer_invalid",
            Some("https://auth.example".to_owned()),
            Some("none".to_owned()),
        ),
        (
            "notes",
            token(|c| {
                iss(c);
                c["aud"] = json!(["a", "b"]);
            }),
            "audience_invalid",
            Some("none".to_owned()),
            Some("a, b".to_owned()),
        ),
        (
            "notes",
            token(|c| {
                iss(c);
                c["type"] = json!("refresh");
            }),
            "access_token_required",
            Some("access".to_owned()),
            Some("refresh".to_owned()),
        ),
        (
            "notes",
            token(|c| {
                iss(c);
                c["scope"] = json!("x y");
            }),
            "scope_insufficient",
            Some("all scopes of: notes:read".to_owned()),
            Some("x, y".to_owned()),
        ),
        (
            "notes",
            token(|c| {
                iss(c);
                c["scope"] = json!("notes:read");
            }),
            "scope_insufficient",
            Some("all roles of: editor".to_owned()),
            Some(String::new()),
        ),
        (
            "recent",
            token(|c| {
                iss(c);
                c["auth_time"] = json!(now - 601);
            }),
            "reauthentication_required",
            Some(format!("`auth_time` from {} on", now - 600)),
            Some((now - 601).to_string()),
        ),
    ] {
        get(&app, &format!("/api/{path}"), &token).await;
        let last = seen.lock().expect("one test").pop().expect("observed");
        let subject = Some("alice".to_owned());
        assert_eq!(last, (format!("/api/{path}"), code.to_owned(), subject, expected, found));
    }
    for bad in [tests::tamper_with_signature(&token(|_| {})), "junk".to_owned()] {
        get(&app, "/api/notes", &bad).await;
        let last = seen.lock().expect("one test").pop().expect("observed");
        assert_eq!((last.2, last.3, last.4), (None, None, None), "nothing of it is trusted");
    }
    assert!(seen.lock().expect("one test").is_empty(), "once for each refusal");
    drop(clock);
}

#[tokio::test]
async fn on_refusal_sees_the_ids_of_a_revoked_token() {
    let (config, _) = tests::config();
    let seen = Arc::new(Mutex::new(None));
    let log = Arc::clone(&seen);
    let config = config.on_refusal(move |error, _| {
        let token = error.token().expect("the signature is good");
        let ids = (token.subject().to_owned(), token.id().is_some(), token.session_id().is_some());
        *log.lock().expect("one test") = Some((error.kind(), ids, token.key_id().is_some()));
    });
    let auth: JwtAuth = config.build().expect("a valid configuration");
    let router = GuardedRouter::new().route("/own", get_route(own_error));
    let app: Router = router.with_state(auth.clone());
    let pair = auth.log_in("alice").await.expect("a pair");
    auth.log_out_everywhere("alice").await.expect("recorded");
    get(&app, "/own", pair.access_token()).await;
    let seen = seen.lock().expect("one test").take();
    let ids = ("alice".to_owned(), true, true);
    assert_eq!(seen, Some((AuthErrorKind::Revoked, ids, false)));
}

#[tokio::test]
async fn problem_details_follow_rfc_9457() {
    let (config, _) = tests::config();
    let app = app(config.problem_details());
    let response = call(&app, "GET", "/api/notes?access_token=secret", None).await;
    assert_eq!(response.headers["content-type"], "application/problem+json");
    assert_eq!(response.headers["www-authenticate"], "Bearer");
    let body: Value = serde_json::from_str(&response.body_of_release()).expect("JSON");
    let url = "https://docs.rs/jwt-auth/latest/jwt_auth/guide/why_401/index.html#token_missing";
    let expected = json!({
        "type": url, "title": "Missing token", "status": 401, "detail": "Missing token",
        "instance": "/api/notes", "code": "token_missing",
    });
    assert_eq!(body, expected);
    let own: Value =
        serde_json::from_str(&call(&app, "GET", "/api/login", None).await.body).expect("JSON");
    assert_eq!(
        (&own["title"], &own["detail"]),
        (&json!("This request is not allowed"), &json!("Your account is suspended"))
    );
    assert_eq!(own["instance"], "/api/login");
}

#[test]
fn the_guide_explains_every_code_and_no_other() {
    let chapter = include_str!("../../jwt-auth/src/guide/why_401.md");
    let explained: Vec<&str> =
        chapter.lines().filter_map(|line| line.strip_prefix("# `")?.strip_suffix('`')).collect();
    let mut codes: Vec<&str> = AuthErrorKind::ALL.iter().map(|kind| kind.code()).collect();
    // An absent `iss` or `aud` has the code of a wrong one.
    codes.dedup();
    assert_eq!(explained.len(), codes.len());
    codes.retain(|code| !explained.contains(code));
    assert!(codes.is_empty(), "not explained: {codes:?}");
}

#[tokio::test]
async fn an_error_says_what_the_client_has_to_present() {
    let error = AuthError::from(AuthErrorKind::Expired);
    assert_eq!(error.status(), 401);
    assert_eq!(
        error.challenge().expect("a challenge"),
        "Bearer error=\"invalid_token\", error_description=\"Signature has expired\""
    );
    let (config, _) = tests::config();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let app = app(config.on_refusal(move |error, _| {
        let scopes = error.required_scopes().to_vec();
        log.lock().expect("one test").push((scopes, error.max_age().map(|age| age.as_secs())));
    }));
    get(&app, "/api/notes", &token(|_| {})).await;
    get(&app, "/api/recent", &token(|c| c["auth_time"] = json!(1))).await;
    let seen = seen.lock().expect("one test").clone();
    assert_eq!(seen, [(vec!["notes:read".to_owned()], None), (vec![], Some(600))]);
}

#[tokio::test]
async fn a_token_that_is_too_long_is_refused_with_the_limit() {
    let (config, _) = tests::config();
    let response = get(&app(config), "/api/notes", &"a".repeat(8_193)).await;
    assert_eq!((response.status.as_u16(), response.code().as_str()), (401, "token_malformed"));
    assert_eq!(response.detail(), "The token is longer than 8192 bytes");
}

#[tokio::test]
async fn a_missing_csrf_value_names_the_header_and_the_field() {
    use jwt_auth::TokenLocation;

    for (field, expected) in [
        (None, "Missing CSRF token; expected the header `X-CSRF-Token`"),
        (
            Some("csrf"),
            "Missing CSRF token; expected the header `X-CSRF-Token` or the form field `csrf`",
        ),
    ] {
        let config = tests::config().0.token_location([TokenLocation::Cookie]);
        let config = match field {
            Some(field) => config.csrf_form_field(field),
            None => config,
        };
        let auth = config.build().expect("a valid configuration");
        let route = jwt_auth::routing::post(own_error);
        let app: Router = GuardedRouter::new().route("/own", route).with_state(auth.clone());
        let token = auth.access_token("alice").issue().expect("a token");
        let request = axum::http::Request::post("/own")
            .header("cookie", format!("__Host-access_token_cookie={}", &*token));
        let request = request.body(axum::body::Body::empty()).expect("a request");
        let response = tests::send(&app, request).await;
        assert_eq!(
            (response.code().as_str(), response.detail().as_str()),
            ("csrf_missing", expected)
        );
        let challenge = response.challenge();
        assert!(!challenge.contains("X-CSRF"), "W6: a fixed sentence: {challenge}");
    }
}
