//! The extractor `LogOut`, and the calls that end some sessions of a user.

use std::time::Duration;

use axum::http::StatusCode;
use jwt_auth::routing::post;
use jwt_auth::{
    AuthError, Config, GuardedRouter, JwtAuth, LogOut, ManualClock, SetCookies, TokenIdentity,
    TokenLocation, public,
};
use tests::{Client, call, claims, config, forge, plain_header};

use crate::revocation::Down;

#[public]
async fn login(auth: JwtAuth) -> Result<SetCookies, AuthError> {
    Ok(auth.set_cookies(&auth.log_in("alice").await?))
}

#[public]
async fn log_out(log_out: LogOut) -> Result<SetCookies, AuthError> {
    log_out.end().await
}

fn app(change: impl FnOnce(Config) -> Config) -> (axum::Router, JwtAuth, ManualClock) {
    let (config, clock) = config();
    let auth = change(config).build().expect("a valid configuration");
    let router = GuardedRouter::new().route("/login", post(login)).route("/logout", post(log_out));
    (router.with_state(auth.clone()), auth, clock)
}

fn with_cookies(config: Config) -> Config {
    config.token_location([TokenLocation::Header, TokenLocation::Cookie])
}

/// A browser that is logged in.
async fn logged_in() -> (Client, JwtAuth, ManualClock) {
    let (app, auth, clock) = app(with_cookies);
    let client = Client::new(app);
    client.call("POST", "/login", &[]).await;
    assert_eq!(auth.sessions("alice").await.expect("a list").len(), 1);
    (client, auth, clock)
}

#[tokio::test]
async fn a_log_out_ends_the_session_and_deletes_the_cookies() {
    let (client, auth, _) = logged_in().await;
    let csrf = client.cookie("csrf_access_token");
    let response = client.call("POST", "/logout", &[("x-csrf-token", &csrf)]).await;
    assert_eq!(response.status, StatusCode::OK);
    assert_eq!(response.cookies().len(), 4);
    assert!(client.cookies().is_empty(), "{}", client.cookies());
    assert!(auth.sessions("alice").await.expect("a list").is_empty());
}

#[tokio::test]
async fn an_expired_token_ends_its_session_too() {
    let (client, auth, clock) = logged_in().await;
    clock.advance(Duration::from_secs(3600));
    let csrf = client.cookie("csrf_access_token");
    client.call("POST", "/logout", &[("x-csrf-token", &csrf)]).await;
    assert!(auth.sessions("alice").await.expect("a list").is_empty());
    // The same in the header.
    let (app, auth, clock) = app(|config| config);
    let pair = auth.log_in("alice").await.expect("a pair");
    clock.advance(Duration::from_secs(3600));
    let response = call(&app, "POST", "/logout", Some(pair.access_token())).await;
    assert_eq!(response.status, StatusCode::OK);
    assert!(auth.verify_refresh(pair.refresh_token()).await.is_err());
}

#[tokio::test]
async fn a_request_without_a_usable_token_gets_the_deletion_and_ends_nothing() {
    let (app, auth, _) = app(with_cookies);
    let pair = auth.log_in("alice").await.expect("a pair");
    let forged = tests::tamper_with_signature(pair.access_token());
    let foreign = tests::sign_with(b"secret number 9, with 32 bytes .", &plain_header(), &claims());
    for token in [None, Some("junk"), Some(&*forged), Some(&*foreign)] {
        let response = call(&app, "POST", "/logout", token).await;
        assert_eq!(response.status, StatusCode::OK, "{token:?}");
        assert_eq!(response.cookies().len(), 4, "{token:?}");
    }
    assert_eq!(auth.sessions("alice").await.expect("a list").len(), 1);
    // A valid token without an id that could be recorded.
    let mut claims = claims();
    claims.as_object_mut().expect("an object").remove("jti");
    let token = forge(&plain_header(), &claims);
    assert_eq!(call(&app, "POST", "/logout", Some(&token)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn another_site_can_neither_end_a_session_nor_delete_cookies() {
    let (client, auth, _) = logged_in().await;
    let csrf = client.cookie("csrf_access_token");
    for (headers, code) in [
        (vec![], "csrf_missing"),
        (vec![("x-csrf-token", "guessed")], "csrf_mismatch"),
        (vec![("sec-fetch-site", "cross-site"), ("x-csrf-token", &*csrf)], "request_cross_site"),
    ] {
        let response = client.call("POST", "/logout", &headers).await;
        assert_eq!(response.code(), code);
        assert!(response.cookies().is_empty());
    }
    // `SameSite=Lax` prevents the browser from sending cookies with a form of another site.
    let (app, _, _) = app(with_cookies);
    let stranger = Client::new(app);
    let response = stranger.call("POST", "/logout", &[("sec-fetch-site", "cross-site")]).await;
    assert_eq!(response.code(), "request_cross_site");
    assert!(response.cookies().is_empty());
    assert_eq!(auth.sessions("alice").await.expect("a list").len(), 1);
}

#[tokio::test]
async fn a_log_out_that_is_not_recorded_is_an_error_and_leaves_the_cookies() {
    let (app, auth, _) = app(|config| with_cookies(config).revocation(Down));
    let pair = auth.log_in("alice").await.expect("a pair");
    let response = call(&app, "POST", "/logout", Some(pair.access_token())).await;
    assert_eq!(response.code(), "store_unavailable");
    assert!(response.cookies().is_empty());
}

#[tokio::test]
async fn without_the_cookie_location_no_cookie_is_changed() {
    let (app, auth, _) = app(|config| config);
    let pair = auth.log_in("alice").await.expect("a pair");
    let response = call(&app, "POST", "/logout", Some(pair.refresh_token())).await;
    assert_eq!(response.status, StatusCode::OK);
    assert!(response.cookies().is_empty());
    assert!(auth.verify_access(pair.access_token()).await.is_err());
}

#[tokio::test]
async fn log_out_others_ends_every_listed_session_but_this_one() {
    let (_, auth, _) = app(|config| config);
    let mut pairs = Vec::new();
    for subject in ["alice", "alice", "alice", "bob"] {
        pairs.push(auth.log_in(subject).await.expect("a pair"));
    }
    let token = auth.verify_access(pairs[1].access_token()).await.expect("a valid token");
    auth.log_out_others(&token).await.expect("a record");
    let mut valid = Vec::new();
    for pair in &pairs {
        valid.push(auth.verify_refresh(pair.refresh_token()).await.is_ok());
    }
    assert_eq!(valid, [false, true, false, true]);
}

#[tokio::test]
async fn end_session_ends_only_a_session_of_that_subject() {
    let (_, auth, _) = app(|config| config);
    let pair = auth.log_in("alice").await.expect("a pair");
    let id = auth.sessions("alice").await.expect("a list").remove(0).id().to_owned();
    for (subject, id) in [("bob", &*id), ("alice", "unknown"), ("alice", "")] {
        assert!(!auth.end_session(subject, id).await.expect("an answer"), "{subject} {id}");
    }
    assert!(auth.verify_access(pair.access_token()).await.is_ok());
    assert!(auth.end_session("alice", &id).await.expect("an answer"));
    assert!(auth.verify_access(pair.access_token()).await.is_err());
    assert!(!auth.end_session("alice", &id).await.expect("an answer"), "it has ended");
}

#[tokio::test]
async fn a_token_that_this_jwt_auth_does_not_accept_is_an_error_in_each_call() {
    let (_, auth, _) = app(|config| config);
    let other =
        Config::hs256(*b"secret number 9, with 32 bytes .").build().expect("a valid configuration");
    let pair = other.log_in("alice").await.expect("a pair");
    let token = other.verify_access(pair.access_token()).await.expect("a valid token");
    for outcome in [
        auth.revoke(&token).await,
        auth.log_out_others(&token).await,
        auth.log_out(token.clone()).await,
    ] {
        assert_eq!(outcome.expect_err("foreign").code(), "signature_invalid");
    }
}

#[tokio::test]
async fn a_token_that_another_node_verified_can_be_revoked_here() {
    let (_, auth, _) = app(|config| config);
    let (_, node, clock) = app(|config| config);
    let pair = auth.log_in("alice").await.expect("a pair");
    let token = node.verify_access(pair.access_token()).await.expect("a valid token");
    clock.advance(Duration::from_secs(3600));
    auth.log_out(token).await.expect("a record");
    assert!(auth.verify_access(pair.access_token()).await.is_err());
}

#[tokio::test]
async fn a_token_without_an_id_cannot_be_revoked_and_the_error_says_so() {
    let (_, auth, _) = app(|config| config);
    let mut claims = claims();
    claims.as_object_mut().expect("an object").remove("jti");
    let token = auth.verify_access(&forge(&plain_header(), &claims)).await.expect("a valid token");
    let identity: TokenIdentity<'_> = token.identity();
    assert_eq!((identity.id(), identity.session_id()), (None, None));
    for outcome in [auth.revoke(&token).await, auth.log_out(token.clone()).await] {
        assert_eq!(outcome.expect_err("no id").code(), "token_not_revocable");
    }
}
