//! Allocations on the hot path, counted: verification takes what its result holds, and nothing more.

use allocation_counter::measure;
use jwt_auth::Config;
use tests::{claims, config, forge, now, plain_header};

#[test]
fn a_verified_token_is_two_allocations_and_a_refused_one_is_its_error() {
    let (config, clock) = config();
    let auth = config.issuer("me").audience(["api"]).build().expect("good");
    let token = auth.access_token("alice").scopes(["a", "b"]).issue().expect("a token");
    let with_roles = auth.access_token("alice").roles(["r", "s"]).issue().expect("a token");
    let foreign = {
        let mut claims = claims();
        claims["iss"] = "me".into();
        claims["aud"] = "api".into();
        forge(&plain_header(), &claims)
    };
    let forged = tests::forged(&token);
    // The thread's buffers and verifiers are made by the first token.
    for token in [&token, &with_roles, &foreign, &forged] {
        let _ = now(auth.verify_access(token));
    }
    let count = |token: &str| measure(|| drop(now(auth.verify_access(token)))).count_total;
    // The token with its payload in one text, and the handle that its extractors share.
    assert_eq!(count(&token), 2);
    assert_eq!(count(&foreign), 2);
    // Roles are an array: one more, for the places of its elements.
    assert_eq!(count(&with_roles), 3);
    // A refusal holds its reason, and nothing of the token.
    for bad in [forged.as_str(), "x", "a.b.c", ""] {
        assert_eq!(count(bad), 1, "{bad}");
    }
    clock.advance(std::time::Duration::from_secs(3600));
    assert_eq!(count(&token), 1, "expired");
}

#[test]
fn a_token_that_is_kept_costs_no_allocation_in_a_guard_either() {
    use axum::body::Body;
    use axum::extract::FromRequestParts;
    use axum::http::{Request, request::Parts};
    use axum::routing::get;
    use jwt_auth::{AccessToken, jwt_required};
    use tower::ServiceExt as _;

    /// What axum's own part of an extractor costs.
    struct Nothing;

    impl<S: Sync> FromRequestParts<S> for Nothing {
        type Rejection = std::convert::Infallible;

        async fn from_request_parts(_: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
            Ok(Self)
        }
    }

    async fn bare(_: Nothing) {}

    async fn bare_twice(_: Nothing, _: Nothing) {}

    #[jwt_required]
    async fn guarded() {}

    #[jwt_required]
    async fn with_token(_: AccessToken) {}

    let (config, clock) = config();
    let auth = config.verified_cache(100).build().expect("good");
    let token = auth.access_token("alice").roles(["r", "s"]).issue().expect("a token");
    let app = axum::Router::new()
        .route("/bare", get(bare))
        .route("/bare-twice", get(bare_twice))
        .route("/guarded", get(guarded))
        .route("/with-token", get(with_token))
        .with_state(auth.clone());
    let verify = || measure(|| drop(now(auth.verify_access(&token)))).count_total;
    let count = |path: &str| {
        let request = Request::get(path).header("authorization", format!("Bearer {token}"));
        let request = request.body(Body::empty()).expect("a request");
        let app = app.clone();
        measure(|| assert!(now(app.oneshot(request)).expect("an answer").status().is_success()))
            .count_total
    };
    assert!(verify() > 0, "not kept yet");
    assert_eq!(verify(), 0);
    for path in ["/bare", "/bare-twice", "/guarded", "/with-token"] {
        count(path);
    }
    assert_eq!(count("/guarded"), count("/bare"));
    assert_eq!(count("/with-token"), count("/bare-twice"));
    // What is kept expires like any other.
    clock.advance(std::time::Duration::from_secs(3600));
    assert!(now(auth.verify_access(&token)).is_err());
}

#[test]
fn an_answer_of_a_public_route_looks_at_nothing() {
    use axum::body::Body;
    use axum::http::Request;
    use jwt_auth::{GuardedRouter, public, routing::get};
    use tower::ServiceExt as _;

    #[public]
    async fn open() {}

    async fn bare() {}

    let auth = Config::hs256([7; 32]).build().expect("good");
    let router = axum::Router::new().route("/bare", axum::routing::get(bare));
    let app: axum::Router = GuardedRouter::new()
        .route("/open", get(open))
        .unguarded("to compare with", router)
        .with_state(auth);
    let token = forge(&plain_header(), &claims());
    let count = |path: &str| {
        let request = Request::get(path).header("authorization", format!("Bearer {token}"));
        let request = request.body(Body::empty()).expect("a request");
        let app = app.clone();
        measure(|| drop(now(app.oneshot(request)))).count_total
    };
    count("/open");
    assert_eq!(count("/open"), count("/bare"));
}
