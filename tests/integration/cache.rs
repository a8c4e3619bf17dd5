//! Several guards for one request, with and without the cache of verified tokens: each guard checks its own token.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::get;
use jwt_auth::{
    AccessToken, AuthError, Config, JwtAuth, ManualClock, RefreshToken, TokenLocation, jwt_required,
};
use tests::{NOW, SECRET, TestResponse, bearer, send};

fn auth(cache_size: usize) -> JwtAuth {
    Config::hs256(SECRET)
        .clock(ManualClock::at(NOW))
        .verified_cache(cache_size)
        .token_location([TokenLocation::Header, TokenLocation::Cookie])
        .build()
        .expect("a valid configuration")
}

#[jwt_required(locations(cookie))]
async fn by_cookie(request: Request, next: Next) -> Response {
    next.run(request).await
}

#[jwt_required(optional, locations(cookie))]
async fn optional_by_cookie(request: Request, next: Next) -> Response {
    next.run(request).await
}

#[jwt_required(audience = "reports")]
async fn for_reports(request: Request, next: Next) -> Response {
    next.run(request).await
}

#[jwt_required(scopes("notes"))]
async fn notes(token: AccessToken) -> String {
    token.subject().to_owned()
}

/// An extractor without an attribute.
async fn bare(token: Result<AccessToken, AuthError>) -> String {
    token.map_or_else(|error| error.code().to_owned(), |token| token.subject().to_owned())
}

async fn both_kinds(
    refresh: Option<RefreshToken>,
    token: Result<AccessToken, AuthError>,
) -> String {
    format!("{} {}", refresh.is_some(), bare(token).await)
}

async fn fetch(app: &Router, path: &str, cookie: Option<&str>, header: &str) -> TestResponse {
    let mut request = Request::get(path).header("authorization", bearer(header));
    if let Some(cookie) = cookie {
        request = request.header("cookie", format!("__Host-access_token_cookie={cookie}"));
    }
    send(app, request.body(Body::empty()).expect("a request")).await
}

#[tokio::test]
async fn an_inner_guard_checks_the_token_of_its_own_location() {
    for cache_size in [0, 100] {
        let auth = auth(cache_size);
        let alice = auth.access_token("alice").issue().expect("a token");
        let bob = auth.access_token("bob").scopes(["notes"]).issue().expect("a token");
        let app = Router::new()
            .route("/notes", get(notes))
            .layer(from_fn_with_state(auth.clone(), by_cookie))
            .with_state(auth);
        for _ in 0..3 {
            // The outer guard admits alice by her cookie. The inner guard uses the header, so bob's scopes count.
            let response = fetch(&app, "/notes", Some(&alice), &bob).await;
            assert_eq!((response.status, &*response.body), (StatusCode::OK, "bob"), "{cache_size}");
            let response = fetch(&app, "/notes", Some(&bob), &alice).await;
            assert_eq!(response.code(), "scope_insufficient", "{cache_size}");
            assert_eq!(fetch(&app, "/notes", None, &bob).await.code(), "token_missing");
        }
    }
}

#[tokio::test]
async fn an_inner_guard_finds_a_token_where_an_optional_outer_guard_found_none() {
    for cache_size in [0, 100] {
        let auth = auth(cache_size);
        let bob = auth.access_token("bob").scopes(["notes"]).issue().expect("a token");
        let app = Router::new()
            .route("/notes", get(notes))
            .route("/bare", get(bare))
            .route("/both", get(both_kinds))
            .layer(from_fn_with_state(auth.clone(), optional_by_cookie))
            .with_state(auth);
        for _ in 0..3 {
            assert_eq!(fetch(&app, "/notes", None, &bob).await.body, "bob", "{cache_size}");
            // An extractor without an attribute searches the configured locations (G4).
            assert_eq!(fetch(&app, "/bare", None, &bob).await.body, "bob", "{cache_size}");
            assert_eq!(fetch(&app, "/bare", Some(&bob), &bob).await.body, "bob", "{cache_size}");
        }
    }
}

#[tokio::test]
async fn g4_an_extractor_does_not_use_a_token_that_a_middleware_admitted_by_other_rules() {
    for cache_size in [0, 100] {
        let auth = auth(cache_size);
        let reader = auth.access_token("alice").audience(["reports"]).issue().expect("a token");
        let other = auth.access_token("bob").issue().expect("a token");
        let app = Router::new()
            .route("/behind", get(bare))
            .layer(from_fn_with_state(auth.clone(), for_reports))
            .route("/before", get(bare))
            .with_state(auth);
        for _ in 0..3 {
            // The middleware admits the partner's token, and the handler behind it does not.
            assert_eq!(fetch(&app, "/behind", None, &reader).await.body, "audience_invalid");
            assert_eq!(fetch(&app, "/behind", None, &other).await.code(), "audience_invalid");
            // Without that guard the configured audience counts.
            assert_eq!(fetch(&app, "/before", None, &reader).await.body, "audience_invalid");
        }
    }
}

#[tokio::test]
async fn a_refresh_token_is_not_extracted_as_an_access_token() {
    let auth = auth(100);
    let pair = auth.log_in("alice").await.expect("a pair");
    let app = Router::new()
        .route("/both", get(both_kinds))
        .layer(from_fn_with_state(auth.clone(), optional_by_cookie))
        .with_state(auth);
    // The outer guard found no access token, and admitted the request as anonymous.
    let request = Request::get("/both")
        .header("authorization", bearer(pair.refresh_token()))
        .body(Body::empty());
    let response = send(&app, request.expect("a request")).await;
    assert_eq!(response.body, "true access_token_required");
}

#[jwt_required(danger(revocation = "skip"))]
async fn skipping(token: AccessToken) -> String {
    token.subject().to_owned()
}

#[tokio::test]
async fn only_a_guard_that_skips_the_revocation_check_admits_a_revoked_token() {
    for cache_size in [0, 100] {
        let auth = auth(cache_size);
        let token = auth.access_token("alice").issue().expect("a token");
        let app = Router::new()
            .route("/skipping", get(skipping))
            .route("/bare", get(bare))
            .with_state(auth.clone());
        assert_eq!(fetch(&app, "/bare", None, &token).await.body, "alice", "cached from here on");
        let verified = auth.verify_access(&token).await.expect("a valid token");
        auth.revoke(&verified).await.expect("recorded");
        for _ in 0..3 {
            assert_eq!(fetch(&app, "/skipping", None, &token).await.body, "alice", "{cache_size}");
            assert_eq!(
                fetch(&app, "/bare", None, &token).await.body,
                "token_revoked",
                "{cache_size}"
            );
        }
    }
}
