//! The arguments of the attributes, on real requests.

use axum::http::StatusCode;
use jwt_auth::routing::get;
use jwt_auth::{AccessToken, AuthError, GuardedRouter, Permission, jwt_required};
use serde_json::json;
use tests::call;

use crate::app::good_app;

#[tokio::test]
async fn fresh_admits_a_log_in_and_refuses_a_refreshed_token() {
    let (app, auth, _) = good_app();
    let pair = auth.log_in("alice").await.expect("a pair");
    assert_eq!(tests::get(&app, "/fresh", pair.access_token()).await.status, StatusCode::OK);
    let refreshed = auth.verify_refresh(pair.refresh_token()).await.expect("a valid token");
    let pair = auth.rotate(refreshed).await.expect("a pair");
    let response = tests::get(&app, "/fresh", pair.access_token()).await;
    assert_eq!(
        (response.status, response.code().as_str()),
        (StatusCode::UNAUTHORIZED, "fresh_token_required")
    );
    assert!(response.challenge().contains("insufficient_user_authentication"));
}

#[tokio::test]
async fn scopes_requires_all_and_any_scope_requires_one() {
    let (app, auth, _) = good_app();
    let with = |scopes: &[&str]| {
        auth.access_token("alice").scopes(scopes.iter().copied()).issue().expect("a token")
    };
    for (scopes, all, any) in [
        (&["notes:read", "notes:write"][..], 200, 200),
        (&["notes:write", "x", "notes:read"], 200, 200),
        (&["notes:read"], 403, 200),
        (&["admin"], 403, 200),
        (&["notes:readx", "notes"], 403, 403),
        (&["NOTES:READ"], 403, 403),
        (&[], 403, 403),
    ] {
        let token = with(scopes);
        assert_eq!(tests::get(&app, "/all-scopes", &token).await.status, all, "{scopes:?}");
        assert_eq!(tests::get(&app, "/any-scope", &token).await.status, any, "{scopes:?}");
    }
}

#[tokio::test]
async fn roles_requires_all_and_any_role_requires_one() {
    let (app, auth, _) = good_app();
    for (roles, status) in [
        (&["editor", "staff"][..], 200),
        (&["guest", "editor"], 200),
        (&["editor"], 403),
        (&["staff", "guest"], 403),
        (&["editor staff"], 403),
        (&[], 403),
    ] {
        let token =
            auth.access_token("alice").roles(roles.iter().copied()).issue().expect("a token");
        let response = tests::get(&app, "/roles", &token).await;
        assert_eq!(response.status, status, "{roles:?}");
        if status == 403 {
            assert!(response.challenge().contains("insufficient_scope"));
        }
    }
}

#[tokio::test]
async fn the_audience_of_a_route_replaces_the_configured_one() {
    let (config, _) = tests::config();
    let (app, auth) = crate::app::app(config.audience(["https://api.example"]));
    let api = auth.access_token("alice").issue().expect("a token");
    let reports =
        auth.access_token("alice").audience(["https://reports.example"]).issue().expect("a token");
    assert_eq!(tests::get(&app, "/me", &api).await.status, StatusCode::OK);
    assert_eq!(tests::get(&app, "/me", &reports).await.code(), "audience_invalid");
    assert_eq!(tests::get(&app, "/reports", &reports).await.body, "https://reports.example");
    assert_eq!(tests::get(&app, "/reports", &api).await.code(), "audience_invalid");
}

const READ: &str = "notes:read";

enum Notes {
    Write,
}

impl Permission for Notes {
    fn name(&self) -> &str {
        match self {
            Self::Write => "notes:write",
        }
    }
}

#[jwt_required(scopes(READ, Notes::Write))]
async fn typed() -> &'static str {
    "typed"
}

#[derive(serde::Deserialize)]
struct Tenant {
    tenant: String,
}

fn is_alice(token: &AccessToken) -> bool {
    token.subject() == "alice"
}

fn has_tenant(token: &AccessToken<Tenant>) -> Result<(), AuthError> {
    if token.custom().tenant == "acme" { Ok(()) } else { Err(AuthError::forbidden("Wrong tenant")) }
}

async fn slow(token: &AccessToken) -> bool {
    tokio::task::yield_now().await;
    token.subject() == "alice"
}

async fn strict(token: &AccessToken) -> Result<(), AuthError> {
    tokio::task::yield_now().await;
    match token.subject() {
        "alice" => Ok(()),
        "bob" => Err(jwt_auth::AuthErrorKind::Expired.into()),
        _ => Err(jwt_auth::AuthErrorKind::Unavailable.into()),
    }
}

#[jwt_required(check = is_alice)]
async fn checked() {}
#[jwt_required(check = has_tenant)]
async fn checked_claims() {}
#[jwt_required(check = slow)]
async fn checked_async() {}
#[jwt_required(check = strict)]
async fn checked_strictly() {}
#[jwt_required(optional, check = is_alice)]
async fn checked_optionally() {}

fn checks() -> (axum::Router, jwt_auth::JwtAuth) {
    let (config, _) = tests::config();
    let auth = config.build().expect("a valid configuration");
    let app = GuardedRouter::new()
        .route("/typed", get(typed))
        .route("/checked", get(checked))
        .route("/claims", get(checked_claims))
        .route("/async", get(checked_async))
        .route("/strict", get(checked_strictly))
        .route("/optional", get(checked_optionally))
        .with_state(auth.clone());
    (app, auth)
}

#[tokio::test]
async fn scopes_accepts_constants_and_typed_permissions() {
    let (app, auth) = checks();
    let both =
        auth.access_token("a").scopes(["notes:read", "notes:write"]).issue().expect("a token");
    assert_eq!(tests::get(&app, "/typed", &both).await.status, StatusCode::OK);
    let one = auth.access_token("a").scopes(["notes:read"]).issue().expect("a token");
    let response = tests::get(&app, "/typed", &one).await;
    assert!(
        response.challenge().ends_with(r#"scope="notes:read notes:write""#),
        "{}",
        response.challenge()
    );
}

#[tokio::test]
async fn a_scope_that_would_break_the_challenge_is_omitted_from_it() {
    struct Odd;
    impl Permission for Odd {
        fn name(&self) -> &'static str {
            "a\", realm=\"x"
        }
    }
    #[jwt_required(scopes("plain", Odd))]
    async fn odd() {}

    let (config, _) = tests::config();
    let auth = config.build().expect("a valid configuration");
    let app: axum::Router = GuardedRouter::new().route("/", get(odd)).with_state(auth.clone());
    let token = auth.access_token("a").issue().expect("a token");
    let response = tests::get(&app, "/", &token).await;
    assert!(response.challenge().ends_with(r#", scope="plain""#), "{}", response.challenge());
}

#[tokio::test]
async fn a_failed_check_is_403_and_an_unavailable_one_is_503() {
    let (app, auth) = checks();
    let of = |subject: &str, tenant: &str| {
        auth.access_token(subject).claims(&json!({ "tenant": tenant })).issue().expect("a token")
    };
    let (alice, bob, carol) = (of("alice", "acme"), of("bob", "evil"), of("carol", "evil"));
    for (path, token, status) in [
        ("/checked", &alice, 200),
        ("/checked", &bob, 403),
        ("/claims", &alice, 200),
        ("/claims", &bob, 403),
        ("/async", &alice, 200),
        ("/async", &bob, 403),
        ("/strict", &alice, 200),
        ("/strict", &bob, 403),
        ("/strict", &carol, 503),
        ("/optional", &alice, 200),
        ("/optional", &bob, 403),
    ] {
        assert_eq!(tests::get(&app, path, token).await.status, status, "{path}");
    }
    assert_eq!(call(&app, "GET", "/optional", None).await.status, StatusCode::OK);
    assert_eq!(
        tests::get(&app, "/claims", &bob).await.body_of_release(),
        r#"{"code":"forbidden","detail":"Wrong tenant"}"#
    );
    let plain = auth.access_token("alice").issue().expect("a token");
    assert_eq!(
        tests::get(&app, "/claims", &plain).await.status,
        StatusCode::FORBIDDEN,
        "a token without the claim"
    );
}

#[jwt_auth::refresh_required(audience = "https://reports.example")]
async fn refresh_for_reports(token: jwt_auth::RefreshToken) -> String {
    token.audience().collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn the_audience_of_a_refresh_route_replaces_the_configured_one() {
    let auth =
        tests::config().0.audience(["https://api.example"]).build().expect("a valid configuration");
    let app: axum::Router =
        GuardedRouter::new().route("/refresh", get(refresh_for_reports)).with_state(auth.clone());
    let api = auth.refresh_token("alice").issue().expect("a token");
    assert_eq!(tests::get(&app, "/refresh", &api).await.code(), "audience_invalid");
    let reports = auth.refresh_token("alice").audience(["https://reports.example"]);
    let reports = reports.issue().expect("a token");
    assert_eq!(tests::get(&app, "/refresh", &reports).await.body, "https://reports.example");
}
