//! The kit for tests of routes: its bad tokens are refused, and it finds every route that admits one.

use axum::Router;
use jwt_auth::AuthErrorKind as Kind;
use jwt_auth::testing::{BadToken, TestAuth, TestIssuer, assert_guarded};
use jwt_auth::{
    AccessToken, Config, GuardedRouter, JwtAuth, KeyRing, ManualClock, TokenLocation, jwt_required,
    public, refresh_required, routing,
};
use tests::SECRET;
use tower::ServiceExt as _;

#[jwt_required]
async fn notes(token: AccessToken) -> String {
    token.subject().to_owned()
}

#[jwt_required(fresh, scopes("account:delete"))]
async fn delete_account() {}

#[jwt_required(optional)]
async fn home() {}

#[refresh_required]
async fn refresh() {}

#[public]
async fn health() {}

fn routes() -> GuardedRouter<JwtAuth> {
    let service = tower::service_fn(async |_: axum::extract::Request| {
        Ok::<_, std::convert::Infallible>("a file")
    });
    GuardedRouter::new()
        .route("/notes/{id}", routing::get(notes).post(notes))
        .route("/account", routing::delete(delete_account))
        .route("/home", routing::any(home))
        .route("/refresh", routing::post(refresh))
        .route("/health", routing::get(health))
        .guarded_service("/files", jwt_auth::guard::required().scopes(["files"]), service)
        .nest("/api", GuardedRouter::new().route("/notes", routing::get(notes)).fallback(notes))
        .fallback(notes)
        .unguarded_service("/static", "public files", routing_of_axum())
}

fn routing_of_axum() -> axum::routing::MethodRouter {
    axum::routing::any(|| async { "a file" })
}

fn test_auth(change: impl FnOnce(Config) -> Config) -> TestAuth {
    TestAuth::new(change(Config::hs256(SECRET))).expect("valid")
}

/// What a panicking future says.
async fn panic_of<F: Future<Output = ()> + Send + 'static>(future: F) -> String {
    let error = tokio::spawn(future).await.expect_err("it panics");
    error.into_panic().downcast_ref::<String>().expect("a text").clone()
}

#[tokio::test]
async fn guarded_routes_pass_in_every_location() {
    for locations in [
        vec![TokenLocation::Header],
        vec![TokenLocation::Cookie],
        vec![TokenLocation::Cookie, TokenLocation::Header],
        vec![TokenLocation::Query],
    ] {
        let test = test_auth(|config| config.token_location(locations).issuer("me"));
        let manifest = routes().manifest();
        let app: Router = routes().with_state(test.auth());
        test.assert_guarded(app.clone(), &manifest).await;
        assert_guarded(app, &manifest).await;
    }
    let named = test_auth(|config| config.header_name("X-Token"));
    named.assert_guarded(routes().with_state(named.auth()), &routes().manifest()).await;
    let bare = test_auth(|config| config.header_type(None::<&str>).audience(["notes"]));
    bare.assert_guarded(routes().with_state(bare.auth()), &routes().manifest()).await;
}

#[tokio::test]
async fn every_route_that_admits_a_bad_token_is_named_with_the_token() {
    let test = test_auth(|config| config);
    let manifest = routes().manifest();
    // The same routes, built with axum's router and without guards.
    let forgotten = || async { "ok" };
    let app: Router = Router::new()
        .route("/notes/{id}", axum::routing::get(forgotten).post(forgotten))
        .route("/account", axum::routing::delete(delete_account))
        .route("/home", axum::routing::any(home))
        .route("/refresh", axum::routing::post(notes))
        .nest_service("/files", routing_of_axum())
        .with_state(test.auth());
    let (copy, routes) = (app.clone(), manifest.clone());
    let found = panic_of(async move { test.assert_guarded(copy, &routes).await }).await;
    for line in [
        "GET /notes/{id} admitted no token: 200",
        "GET /notes/{id} admitted a token with `alg: none`: 200",
        "POST /notes/{id} admitted an expired token: 200",
        "POST /refresh admitted a token of another kind: 200",
        "ANY /files admitted a token without its scopes: 200",
        "(fallback): 404 Not Found; the app does not have this route of the manifest",
    ] {
        assert!(found.contains(line), "{line}\n{found}");
    }
    assert!(!found.contains("/account admitted") && !found.contains("/home admitted"), "{found}");
    let found = panic_of(async move { assert_guarded(app, &manifest).await }).await;
    assert!(found.contains("GET /notes/{id} admitted a text that is no token: 200"), "{found}");
    assert!(!found.contains("expired"), "that needs a key");
}

#[jwt_required(roles("editor"), scopes("notes:write"))]
async fn edit() {}

#[jwt_required(roles("editor"))]
async fn edit_without_scopes() {}

#[tokio::test]
async fn each_requirement_is_tried_alone() {
    let test = test_auth(|config| config);
    let routes: GuardedRouter<JwtAuth> = GuardedRouter::new().route("/notes", routing::put(edit));
    let manifest = routes.manifest();
    test.assert_guarded(routes.with_state(test.auth()), &manifest).await;
    // The manifest is older than the deletion of the scopes.
    let routes: GuardedRouter<JwtAuth> =
        GuardedRouter::new().route("/notes", routing::put(edit_without_scopes));
    let app: Router = routes.with_state(test.auth());
    let found = panic_of(async move { test.assert_guarded(app, &manifest).await }).await;
    assert!(found.contains("PUT /notes admitted a token without its scopes: 200"), "{found}");
    assert!(!found.contains("roles"), "{found}");
}

#[tokio::test]
async fn only_a_refusal_of_a_guard_counts() {
    let manifest = GuardedRouter::<JwtAuth>::new().route("/notes", routing::get(notes)).manifest();
    for (status, expected) in [
        (400, "400 Bad Request for no token, which is not from a guard of this crate"),
        (401, "401 Unauthorized for no token, which is not from a guard of this crate"),
        (503, "503 Service Unavailable for no token; it could not be checked"),
    ] {
        let status = axum::http::StatusCode::from_u16(status).expect("a status");
        let app = Router::new().route("/notes", axum::routing::get(move || async move { status }));
        let manifest = manifest.clone();
        let found = panic_of(async move { assert_guarded(app, &manifest).await }).await;
        assert!(found.contains(expected), "{found}");
    }
}

#[tokio::test]
async fn each_bad_token_is_what_its_name_says() {
    let kit = test_auth(|config| config.audience(["notes"]).issuer("me"));
    let mut refused = Vec::new();
    for which in BadToken::ALL {
        let headers = kit.bad(which).await.expect("the application has a key");
        let Some(value) = headers.get("authorization") else {
            assert_eq!(which, BadToken::Missing);
            continue;
        };
        let text = value.to_str().expect("text").strip_prefix("Bearer ").expect("the scheme");
        let verdict = kit.auth().verify_access(text).await.map_err(|error| error.kind());
        refused.push((which, verdict.err()));
    }
    assert_eq!(
        refused,
        [
            (BadToken::Garbage, Some(Kind::Malformed)),
            (BadToken::AlgNone, Some(Kind::WrongAlgorithm)),
            (BadToken::OtherKey, Some(Kind::InvalidSignature)),
            (BadToken::ChangedSignature, Some(Kind::InvalidSignature)),
            (BadToken::ChangedClaims, Some(Kind::InvalidSignature)),
            (BadToken::Expired, Some(Kind::Expired)),
            (BadToken::NotYetValid, Some(Kind::NotYetValid)),
            (BadToken::OtherAudience, Some(Kind::WrongAudience)),
            (BadToken::OtherKind, Some(Kind::AccessTokenRequired)),
            (BadToken::Revoked, Some(Kind::Revoked)),
            (BadToken::Two, None),
        ]
    );
}

#[tokio::test]
async fn requests_with_cookies_have_their_csrf_value() {
    let test = test_auth(|config| config.token_location([TokenLocation::Cookie]));
    let app: Router = routes().with_state(test.auth());
    let token = test.access_token("alice").issue().expect("issued");
    let mut request = test.request("POST", "/notes/1", &token);
    let response = app.clone().oneshot(request).await.expect("infallible");
    assert_eq!(response.status(), 200);
    request = test.request("POST", "/notes/1", &token);
    request.headers_mut().remove("x-csrf-token");
    assert_eq!(app.clone().oneshot(request).await.expect("infallible").status(), 401);
    let refresh = test.auth().refresh_token("alice").issue().expect("issued");
    let mut request =
        axum::http::Request::post("/refresh").body(axum::body::Body::empty()).expect("valid");
    request.headers_mut().extend(test.refresh_headers(&refresh));
    assert_eq!(app.oneshot(request).await.expect("infallible").status(), 200);
}

#[tokio::test]
async fn a_service_without_keys_is_tested_with_an_issuer() {
    let issuer = TestIssuer::new("https://login.example").expect("valid");
    let config = || {
        let trusted = issuer.trusted().audience(["notes"]);
        Config::with_keys(KeyRing::default()).trust(trusted)
    };
    // It issues nothing, so the tokens that need its key are left out.
    let test = TestAuth::new(config()).expect("valid");
    assert!(test.bad(BadToken::Expired).await.is_none());
    test.assert_guarded(routes().with_state(test.auth()), &routes().manifest()).await;

    let clock: &ManualClock = issuer.clock();
    let auth = config().clock(clock.clone()).build().expect("valid");
    let token = |issuer: &TestIssuer| {
        issuer.access_token("alice").audience(["notes"]).issue().expect("issued")
    };
    let verdict = async |text: &str| auth.verify_access(text).await.map(drop).map_err(|e| e.kind());
    let first = token(&issuer);
    assert_eq!(verdict(&first).await, Ok(()));
    issuer.rotate().expect("a key");
    let second = token(&issuer);
    assert_eq!((verdict(&second).await, verdict(&first).await), (Ok(()), Ok(())));
    issuer.drop_old_keys();
    issuer.rotate().expect("a key");
    assert_eq!(verdict(&token(&issuer)).await, Ok(()));
    assert_eq!(verdict(&first).await, Err(Kind::UnknownKey));
    let other = issuer.access_token("alice").audience(["other"]).issue().expect("issued");
    assert_eq!(verdict(&other).await, Err(Kind::WrongAudience));
    let seen = issuer.fetches();
    issuer.fail(true);
    issuer.rotate().expect("a key");
    assert_eq!(verdict(&token(&issuer)).await, Err(Kind::UnknownKey));
    assert_eq!(issuer.fetches(), seen + 1);
}
