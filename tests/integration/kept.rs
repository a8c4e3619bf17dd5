//! Guards over tokens that are kept: who asks next goes by what this guard judged, and by no earlier one.

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
use tests::{Answer, NOW, SECRET, send};

fn auth(entries: usize) -> JwtAuth {
    Config::hs256(SECRET)
        .clock(ManualClock::at(NOW))
        .verified_cache(entries)
        .token_location([TokenLocation::Header, TokenLocation::Cookie])
        .build()
        .expect("good")
}

#[jwt_required(locations(cookie))]
async fn by_cookie(request: Request, next: Next) -> Response {
    next.run(request).await
}

#[jwt_required(optional, locations(cookie))]
async fn perhaps_by_cookie(request: Request, next: Next) -> Response {
    next.run(request).await
}

#[jwt_required(audience = "reports")]
async fn of_reports(request: Request, next: Next) -> Response {
    next.run(request).await
}

#[jwt_required(scopes("notes"))]
async fn notes(token: AccessToken) -> String {
    token.subject().to_owned()
}

/// A token that no guard of the route has judged.
async fn bare(token: Result<AccessToken, AuthError>) -> String {
    token.map_or_else(|error| error.code().to_owned(), |token| token.subject().to_owned())
}

async fn both_kinds(
    refresh: Option<RefreshToken>,
    token: Result<AccessToken, AuthError>,
) -> String {
    format!("{} {}", refresh.is_some(), bare(token).await)
}

async fn ask(app: &Router, path: &str, cookie: Option<&str>, header: &str) -> Answer {
    let mut request = Request::get(path).header("authorization", format!("Bearer {header}"));
    if let Some(cookie) = cookie {
        request = request.header("cookie", format!("__Host-access_token_cookie={cookie}"));
    }
    send(app, request.body(Body::empty()).expect("a request")).await
}

#[tokio::test]
async fn an_inner_guard_s_token_is_not_the_outer_one_s() {
    for entries in [0, 100] {
        let auth = auth(entries);
        let alice = auth.access_token("alice").issue().expect("a token");
        let bob = auth.access_token("bob").scopes(["notes"]).issue().expect("a token");
        let app = Router::new()
            .route("/notes", get(notes))
            .layer(from_fn_with_state(auth.clone(), by_cookie))
            .with_state(auth);
        for _ in 0..3 {
            // The inner guard looks at the header first, and judges bob's scopes: bob it is.
            let answer = ask(&app, "/notes", Some(&alice), &bob).await;
            assert_eq!((answer.status, &*answer.body), (StatusCode::OK, "bob"), "{entries}");
            let answer = ask(&app, "/notes", Some(&bob), &alice).await;
            assert_eq!(answer.code(), "scope_insufficient", "{entries}");
            assert_eq!(ask(&app, "/notes", None, &bob).await.code(), "token_missing");
        }
    }
}

#[tokio::test]
async fn an_outer_guard_s_nobody_ends_where_an_inner_one_finds_somebody() {
    for entries in [0, 100] {
        let auth = auth(entries);
        let bob = auth.access_token("bob").scopes(["notes"]).issue().expect("a token");
        let app = Router::new()
            .route("/notes", get(notes))
            .route("/bare", get(bare))
            .route("/both", get(both_kinds))
            .layer(from_fn_with_state(auth.clone(), perhaps_by_cookie))
            .with_state(auth);
        for _ in 0..3 {
            assert_eq!(ask(&app, "/notes", None, &bob).await.body, "bob", "{entries}");
            // Nobody else looks in places where the outer guard did not.
            assert_eq!(ask(&app, "/bare", None, &bob).await.body, "token_missing", "{entries}");
            assert_eq!(ask(&app, "/bare", Some(&bob), &bob).await.body, "bob", "{entries}");
        }
    }
}

#[tokio::test]
async fn a_guard_of_its_own_audience_speaks_for_the_extractors_behind_it() {
    for entries in [0, 100] {
        let auth = auth(entries);
        let reader = auth.access_token("alice").audience(["reports"]).issue().expect("a token");
        let other = auth.access_token("bob").issue().expect("a token");
        let app = Router::new()
            .route("/behind", get(bare))
            .layer(from_fn_with_state(auth.clone(), of_reports))
            .route("/before", get(bare))
            .with_state(auth);
        for _ in 0..3 {
            assert_eq!(ask(&app, "/behind", None, &reader).await.body, "alice", "{entries}");
            assert_eq!(ask(&app, "/behind", None, &other).await.code(), "audience_invalid");
            // By the settings alone the same token is for somebody else.
            assert_eq!(ask(&app, "/before", None, &reader).await.body, "audience_invalid");
        }
    }
}

#[tokio::test]
async fn a_refresh_token_says_nothing_of_access_tokens() {
    let auth = auth(100);
    let pair = auth.log_in("alice").await.expect("a pair");
    let app = Router::new()
        .route("/both", get(both_kinds))
        .layer(from_fn_with_state(auth.clone(), perhaps_by_cookie))
        .with_state(auth);
    // The outer guard let the request in as nobody's, as far as access tokens go.
    let request = Request::get("/both")
        .header("authorization", format!("Bearer {}", pair.refresh_token()))
        .body(Body::empty());
    let answer = send(&app, request.expect("a request")).await;
    assert_eq!(answer.body, "true token_missing");
}

#[jwt_required(danger(revocation = "skip"))]
async fn skipping(token: AccessToken) -> String {
    token.subject().to_owned()
}

#[tokio::test]
async fn a_guard_that_skips_the_look_up_hands_out_what_it_let_in_and_a_plain_one_lets_nothing_in() {
    for entries in [0, 100] {
        let auth = auth(entries);
        let token = auth.access_token("alice").issue().expect("a token");
        let app = Router::new()
            .route("/skipping", get(skipping))
            .route("/bare", get(bare))
            .with_state(auth.clone());
        assert_eq!(ask(&app, "/bare", None, &token).await.body, "alice", "kept from here on");
        let verified = auth.verify_access(&token).await.expect("good");
        auth.revoke(&verified).await.expect("kept in memory");
        for _ in 0..3 {
            assert_eq!(ask(&app, "/skipping", None, &token).await.body, "alice", "{entries}");
            assert_eq!(ask(&app, "/bare", None, &token).await.body, "token_revoked", "{entries}");
        }
    }
}
