//! Events: one for each thing that happens, in the log by its name, and with nothing secret in it.

use std::time::Duration;

use jwt_auth::events::{AuthEvent, Events, RevokedWhat};
use jwt_auth::routing::{get, post};
use jwt_auth::{
    AccessToken, AuthError, GuardedRouter, JsonRefreshToken, JwtAuth, TokenKind, TokenPair, guard,
    jwt_required,
};
use serde_json::json;
use tests::config;

#[jwt_required(scopes("notes:read"))]
async fn notes(_: AccessToken) {}

async fn refresh(token: JsonRefreshToken) -> Result<TokenPair, AuthError> {
    token.rotate().await
}

fn routes() -> GuardedRouter<JwtAuth> {
    let service =
        tower::service_fn(async |_: axum::extract::Request| Ok::<_, std::convert::Infallible>(()));
    let inner = GuardedRouter::new().route("/notes", get(notes));
    GuardedRouter::new().nest("/events", inner).route("/refresh", post(refresh)).guarded_service(
        "/service",
        guard::required(),
        service,
    )
}

/// The events until now that this test can have caused. Others of the process run beside it.
fn seen(events: &mut Events, is_ours: impl Fn(&AuthEvent) -> bool) -> Vec<AuthEvent> {
    std::iter::from_fn(|| events.try_next()).filter(is_ours).collect()
}

fn is_about(event: &AuthEvent, wanted: &str) -> bool {
    match event {
        AuthEvent::Admitted { request, .. } | AuthEvent::Refused { request, .. } => {
            request.as_ref().is_some_and(|line| line.path() == wanted)
        }
        _ => false,
    }
}

#[tokio::test]
async fn decisions_name_the_request_and_why_it_was_refused() {
    let auth = config().0.build().expect("valid");
    let mut events = auth.events();
    let app: axum::Router = routes().with_state(auth.clone());
    let good = auth.access_token("a").scopes(["notes:read"]).issue().expect("a token");
    let poor = auth.access_token("a").issue().expect("a token");
    // A path that no other test of this process calls.
    for (token, path) in [
        (&*good, "/events/notes?secret=x"),
        (&*poor, "/events/notes?secret=x"),
        ("not-a-token", "/events/notes"),
        (&*poor, "/service"),
    ] {
        tests::get(&app, path, token).await;
    }
    let found = seen(&mut events, |event| is_about(event, "/events/notes"));
    let short: Vec<String> = found
        .iter()
        .map(|event| match event {
            AuthEvent::Admitted { guard, request } => {
                format!("{guard} {}", request.as_ref().expect("a request").method())
            }
            AuthEvent::Refused { code, status, .. } => format!("{code} {status}"),
            other => format!("{other:?}"),
        })
        .collect();
    assert_eq!(short, ["access GET", "scope_insufficient 403", "token_malformed 401"]);
    let text = format!("{found:?}");
    for secret in [&*good, &*poor, "not-a-token", "secret=x"] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[tokio::test]
async fn what_happens_to_sessions_is_one_event_each() {
    let (config, clock) = config();
    let auth = config.build().expect("valid");
    let app: axum::Router = routes().with_state(auth.clone());
    let mut events = auth.events();
    let pair = auth.log_in("events-alice").await.expect("a pair");
    let refresh = async |token: &str| {
        let body = json!({ "refresh_token": token }).to_string();
        let request = axum::http::Request::post("/refresh")
            .header("content-type", "application/json")
            .body(body.into())
            .expect("valid");
        tests::send(&app, request).await.status
    };
    assert_eq!(refresh(pair.refresh_token()).await, 200);
    clock.advance(Duration::from_secs(60));
    assert_eq!(refresh(pair.refresh_token()).await, 401, "used twice");
    let token = auth.access_token("events-alice").issue().expect("a token");
    let token = auth.verify_access(&token).await.expect("valid");
    auth.revoke(&token).await.expect("recorded");
    auth.log_out_everywhere("events-alice").await.expect("recorded");
    auth.revoke_session("events-session").await.expect("recorded");
    let all: Vec<AuthEvent> = std::iter::from_fn(|| events.try_next()).collect();
    // Other tests of the process cause events, too, so each is looked for in its order.
    let mut rest = all.iter();
    for expected in [
        AuthEvent::LoggedIn,
        AuthEvent::Issued { kind: TokenKind::Access },
        AuthEvent::Refreshed,
        AuthEvent::Reused,
        AuthEvent::Revoked { what: RevokedWhat::Token },
        AuthEvent::Revoked { what: RevokedWhat::Subject },
        AuthEvent::Revoked { what: RevokedWhat::Session },
    ] {
        assert!(rest.any(|event| *event == expected), "{expected:?} in {all:?}");
    }
}
