//! Allocations on the hot path: verification allocates only what its result contains.

use allocation_counter::measure;
use jwt_auth::Config;
use tests::{bearer, claims, config, forge, plain_header, run_ready};

#[test]
fn a_verified_token_takes_two_allocations_and_a_refused_one_takes_one() {
    let (config, clock) = config();
    let auth = config.issuer("me").audience(["api"]).build().expect("a valid configuration");
    let token = auth.access_token("alice").scopes(["a", "b"]).issue().expect("a token");
    let with_roles = auth.access_token("alice").roles(["r", "s"]).issue().expect("a token");
    let foreign = {
        let mut claims = claims();
        claims["iss"] = "me".into();
        claims["aud"] = "api".into();
        forge(&plain_header(), &claims)
    };
    let forged = tests::tamper_with_signature(&token);
    // The first tokens create the buffers and verifiers of the thread.
    for token in [&*token, &*with_roles, &*foreign, &*forged] {
        let _ = run_ready(auth.verify_access(token));
    }
    let count = |token: &str| measure(|| drop(run_ready(auth.verify_access(token)))).count_total;
    // One for the text of the token and its payload, one for the `Arc` that extractors share.
    assert_eq!(count(&token), 2);
    assert_eq!(count(&foreign), 2);
    // Roles are an array, so one more for the positions of its elements.
    assert_eq!(count(&with_roles), 3);
    // A refusal contains its reason and no part of the token.
    for bad in [forged.as_str(), "x", "a.b.c", ""] {
        assert_eq!(count(bad), 1, "{bad}");
    }
    clock.advance(std::time::Duration::from_secs(3600));
    // A debug build reads a token whose signature is good again, to say what was expected and found.
    if std::env::var_os("TESTS_RELEASE").is_some() {
        assert_eq!(count(&token), 1, "expired");
    }
}

#[test]
fn a_cached_token_costs_a_guard_no_allocation() {
    use axum::body::Body;
    use axum::extract::FromRequestParts;
    use axum::http::{Request, request::Parts};
    use axum::routing::get;
    use jwt_auth::{AccessToken, check, jwt_required};
    use tower::ServiceExt as _;

    /// An extractor that does nothing, to count what axum itself allocates.
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

    #[check]
    async fn is_alice(token: AccessToken, _: Nothing) -> bool {
        token.subject() == "alice"
    }

    fn is_new(token: &AccessToken) -> bool {
        token.expires_at().is_some()
    }

    #[jwt_required(check(all(is_alice, is_new)))]
    async fn checked() {}

    let (config, clock) = config();
    let auth = config.verified_cache(100).build().expect("a valid configuration");
    let token = auth.access_token("alice").roles(["r", "s"]).issue().expect("a token");
    let app = axum::Router::new()
        .route("/bare", get(bare))
        .route("/bare-twice", get(bare_twice))
        .route("/guarded", get(guarded))
        .route("/with-token", get(with_token))
        .route("/checked", get(checked))
        .with_state(auth.clone());
    let verify = || measure(|| drop(run_ready(auth.verify_access(&token)))).count_total;
    let count = |path: &str| {
        let request = Request::get(path).header("authorization", bearer(&token));
        let request = request.body(Body::empty()).expect("a request");
        let app = app.clone();
        measure(|| {
            assert!(run_ready(app.oneshot(request)).expect("a response").status().is_success());
        })
        .count_total
    };
    assert!(verify() > 0, "not cached yet");
    assert_eq!(verify(), 0);
    for path in ["/bare", "/bare-twice", "/guarded", "/with-token", "/checked"] {
        count(path);
    }
    assert_eq!(count("/guarded"), count("/bare"));
    assert_eq!(count("/with-token"), count("/bare-twice"));
    assert_eq!(count("/checked"), count("/bare"), "checks that wait for nothing");
    // A cached token expires too.
    clock.advance(std::time::Duration::from_secs(3600));
    assert!(run_ready(auth.verify_access(&token)).is_err());
}

#[test]
fn a_public_route_allocates_no_more_than_an_unguarded_one() {
    use axum::body::Body;
    use axum::http::Request;
    use jwt_auth::{GuardedRouter, public, routing::get};
    use tower::ServiceExt as _;

    #[public]
    async fn open() {}

    async fn bare() {}

    let auth =
        Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build().expect("a valid configuration");
    let router = axum::Router::new().route("/bare", axum::routing::get(bare));
    let app: axum::Router = GuardedRouter::new()
        .route("/open", get(open))
        .unguarded("for comparison", router)
        .with_state(auth);
    let token = forge(&plain_header(), &claims());
    let count = |path: &str| {
        let request = Request::get(path).header("authorization", bearer(&token));
        let request = request.body(Body::empty()).expect("a request");
        let app = app.clone();
        measure(|| drop(run_ready(app.oneshot(request)))).count_total
    };
    count("/open");
    assert_eq!(count("/open"), count("/bare"));
}
