//! A refresh is a checkpoint: roles that change, accounts that are locked, and the terms of a log-in.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::response::IntoResponse as _;
use jwt_auth::config::GrantKind;
use jwt_auth::routing::get;
use jwt_auth::{
    AccessToken, AuthError, AuthErrorKind, Config, GrantRequest, GuardedRouter, JwtAuth,
    ManualClock, TokenLocation, TokenPair, jwt_required,
};
use serde_json::{Value, json};
use tests::{NOW, config};

/// A table of users and their roles, which the hook of a configuration reads.
#[derive(Clone, Default)]
struct Users(Arc<Mutex<HashMap<String, Vec<&'static str>>>>);

impl Users {
    fn set(&self, name: &str, roles: &[&'static str]) {
        self.0.lock().expect("no panic").insert(name.to_owned(), roles.to_vec());
    }

    fn delete(&self, name: &str) {
        self.0.lock().expect("no panic").remove(name);
    }

    fn auth(&self, config: Config) -> JwtAuth {
        let users = self.clone();
        let config = config.grants(move |request: &GrantRequest<'_>| {
            let roles = users.0.lock().expect("no panic").get(request.subject()).cloned();
            let grants = request.grants();
            async move { Ok::<_, String>(roles.map(|roles| grants.roles(roles))) }
        });
        config.build().expect("a valid configuration")
    }
}

async fn rotate(auth: &JwtAuth, pair: &TokenPair) -> Result<TokenPair, AuthError> {
    auth.rotate(auth.verify_refresh(pair.refresh_token()).await?).await
}

async fn visit(app: &axum::Router, cookie: &str) -> tests::TestResponse {
    let request = axum::http::Request::get("/").header("cookie", cookie);
    tests::send(app, request.body(axum::body::Body::empty()).expect("a request")).await
}

async fn access(auth: &JwtAuth, pair: &TokenPair) -> AccessToken {
    auth.verify_access(pair.access_token()).await.expect("a valid token")
}

#[tokio::test]
async fn s12_roles_are_those_of_the_last_refresh() {
    let users = Users::default();
    let (config, clock) = config();
    let auth = users.auth(config);
    users.set("alice", &["admin"]);
    let first =
        auth.log_in("alice").roles(["ignored"]).scopes(["notes:read"]).await.expect("a pair");
    assert!(access(&auth, &first).await.roles().eq(["admin"]));
    users.set("alice", &["reader"]);
    clock.advance(Duration::from_secs(60));
    let second = rotate(&auth, &first).await.expect("a successor");
    let token = access(&auth, &second).await;
    assert!(token.roles().eq(["reader"]) && token.scopes().eq(["notes:read"]));
    // Two tabs: the hook is called for the replay as well.
    users.set("alice", &["writer"]);
    let replayed = rotate(&auth, &first).await.expect("the same successor");
    assert!(access(&auth, &replayed).await.roles().eq(["writer"]));
}

#[tokio::test]
async fn s12_a_deleted_or_locked_account_is_refused_and_its_session_ends() {
    let users = Users::default();
    let (config, clock) = config();
    let auth = users.auth(config);
    users.set("alice", &[]);
    let first = auth.log_in("alice").await.expect("a pair");
    let other = auth.log_in("alice").await.expect("a pair");
    users.delete("alice");
    clock.advance(Duration::from_secs(60));
    let error = rotate(&auth, &first).await.expect_err("refused");
    assert_eq!((error.kind(), error.code()), (AuthErrorKind::AccountRefused, "account_refused"));
    assert_eq!(error.into_response().status(), 401);
    users.set("alice", &[]);
    assert_eq!(rotate(&auth, &first).await.expect_err("ended").code(), "token_revoked");
    let error = auth.verify_access(first.access_token()).await.expect_err("ended");
    assert_eq!(error.code(), "token_revoked");
    assert!(rotate(&auth, &other).await.is_ok(), "another session was not refused");
    let refused = auth.log_in("unknown").await.expect_err("refused");
    assert_eq!(refused.code(), "account_refused");
    assert!(auth.sessions("unknown").await.expect("a list").is_empty());
}

#[tokio::test]
async fn a_grants_hook_that_fails_is_503_and_uses_no_token_up() {
    let (config, _) = config();
    let is_down = Arc::new(AtomicBool::new(false));
    let down = Arc::clone(&is_down);
    let config = config.refresh_grace(Duration::ZERO).grants(move |request: &GrantRequest<'_>| {
        let grants = request.grants();
        let is_locked = request.subject() == "locked";
        let is_down = down.load(Ordering::Relaxed);
        async move {
            match (is_down, is_locked) {
                (true, _) => Err(AuthError::from(AuthErrorKind::Unavailable)),
                (_, true) => Err(AuthError::forbidden("pay your bill")),
                _ => Ok(Some(grants)),
            }
        }
    });
    let auth = config.build().expect("a valid configuration");
    let pair = auth.log_in("alice").await.expect("a pair");
    is_down.store(true, Ordering::Relaxed);
    assert_eq!(rotate(&auth, &pair).await.expect_err("down").kind(), AuthErrorKind::Unavailable);
    assert_eq!(auth.log_in("bob").await.expect_err("down").kind(), AuthErrorKind::Unavailable);
    is_down.store(false, Ordering::Relaxed);
    assert!(rotate(&auth, &pair).await.is_ok(), "the token was not used up");
    let error = auth.log_in("locked").await.expect_err("refused");
    assert_eq!(error.kind(), AuthErrorKind::Forbidden, "the kind of the hook's error");
}

/// A call of the hook: kind, subject, session, roles, scopes and claims.
type Call = (GrantKind, String, String, Vec<String>, Vec<String>, Value);

#[tokio::test]
async fn grants_run_at_each_log_in_rotation_and_implicit_refresh() {
    #[jwt_required]
    async fn whoami(token: AccessToken) -> String {
        token.roles().collect::<Vec<_>>().join(",")
    }

    let (config, clock) = config();
    let calls: Arc<Mutex<Vec<Call>>> = Arc::default();
    let recorded = Arc::clone(&calls);
    let config =
        config.token_location([TokenLocation::Cookie]).grants(move |request: &GrantRequest<'_>| {
            let grants = request.grants();
            let call = (
                request.kind(),
                request.subject().to_owned(),
                request.session_id().to_owned(),
                grants.current_roles().to_vec(),
                grants.current_scopes().to_vec(),
                Value::Object(grants.current_claims().clone()),
            );
            let mut recorded = recorded.lock().expect("no panic");
            recorded.push(call);
            let turn = recorded.len();
            async move {
                let grants = grants.roles([format!("turn-{turn}")]);
                Ok::<_, String>(Some(grants.claims(&json!({ "turn": turn }))))
            }
        });
    let auth = config.build().expect("a valid configuration");
    let pair = auth.log_in("alice").roles(["r"]).scopes(["a", "b"]).claims(&json!({ "tenant": 7 }));
    let pair = pair.await.expect("a pair");
    let token = auth.verify_refresh(pair.refresh_token()).await.expect("a valid token");
    let session = token.identity().session_id().expect("a session").to_owned();
    let pair = auth.rotate(token).scopes(["a"]).claims(&json!({ "x": 1 })).await.expect("a pair");
    clock.advance(Duration::from_secs(800));
    let router = GuardedRouter::new().route("/", get(whoami)).layer(auth.implicit_refresh());
    let app: axum::Router = router.with_state(auth.clone());
    let cookie = format!("__Host-access_token_cookie={}", pair.access_token());
    let response = visit(&app, &cookie).await;
    assert_eq!((response.status.as_u16(), response.body.as_str()), (200, "turn-2"));
    assert!(response.headers.contains_key("set-cookie"), "renewed");
    auth.access_token("alice").await.expect("no hook for a token without a session");
    auth.token_pair("alice").await.expect("no hook for a pair without a session");
    let texts = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let question = |kind, roles: &[&str], scopes: &[&str], claims: Value| {
        (kind, "alice".to_owned(), session.clone(), texts(roles), texts(scopes), claims)
    };
    assert_eq!(
        *calls.lock().expect("no panic"),
        [
            question(GrantKind::LogIn, &["r"], &["a", "b"], json!({ "tenant": 7 })),
            question(GrantKind::Rotation, &["turn-1"], &["a"], json!({ "turn": 1, "x": 1 })),
            question(GrantKind::ImplicitRefresh, &["turn-2"], &["a"], json!({ "turn": 2 })),
        ]
    );
}

#[tokio::test]
async fn an_implicit_refresh_of_a_refused_account_ends_the_session() {
    #[jwt_required]
    async fn page() {}

    let users = Users::default();
    let (config, clock) = config();
    let auth = users.auth(config.token_location([TokenLocation::Cookie]));
    users.set("alice", &[]);
    let pair = auth.log_in("alice").await.expect("a pair");
    users.delete("alice");
    clock.advance(Duration::from_secs(800));
    let router = GuardedRouter::new().route("/", get(page)).layer(auth.implicit_refresh());
    let app: axum::Router = router.with_state(auth.clone());
    let cookie = format!("__Host-access_token_cookie={}", pair.access_token());
    let response = visit(&app, &cookie).await;
    assert_eq!(response.status, 200, "this token is valid until it expires or its session ends");
    assert!(!response.headers.contains_key("set-cookie"), "not renewed");
    let response = visit(&app, &cookie).await;
    assert_eq!(response.code(), "token_revoked");
}

#[tokio::test]
async fn a_rotation_replaces_what_it_names_and_keeps_the_rest() {
    let (config, _) = config();
    let auth = config.build().expect("a valid configuration");
    let pair = auth.log_in("alice").roles(["a"]).scopes(["x", "y"]);
    let pair = pair.claims(&json!({ "tenant": 7, "plan": "pro" })).await.expect("a pair");
    let token = async |pair: &TokenPair| auth.verify_refresh(pair.refresh_token()).await;
    let next = auth.rotate(token(&pair).await.expect("valid")).roles(["b"]).await.expect("a pair");
    let seen = access(&auth, &next).await;
    assert!(seen.roles().eq(["b"]) && seen.scopes().eq(["x", "y"]));
    assert_eq!(seen.claims()["tenant"], 7);
    let rotation = auth.rotate(token(&next).await.expect("valid")).scopes(["x"]);
    let next = rotation.claims(&json!({ "tenant": 8 })).await.expect("a pair");
    let seen = access(&auth, &next).await;
    assert!(seen.roles().eq(["b"]) && seen.scopes().eq(["x"]));
    assert_eq!((&seen.claims()["tenant"], &seen.claims()["plan"]), (&json!(8), &json!("pro")));
    for bad in [json!({ "exp": 0 }), json!([1])] {
        let rotation = auth.rotate(token(&next).await.expect("valid")).claims(&bad);
        assert!(rotation.await.is_err(), "{bad}");
    }
    let rotation = auth.rotate(token(&next).await.expect("valid")).scopes(["two words"]);
    assert_eq!(rotation.await.expect_err("no scope").kind(), AuthErrorKind::CannotIssue);
    assert!(rotate(&auth, &next).await.is_ok(), "no failed call used the token up");
}

#[tokio::test]
async fn a_rotation_can_revoke_the_access_tokens_before_it() {
    let (config, clock) = config();
    let auth = config.build().expect("a valid configuration");
    let first = auth.log_in("alice").await.expect("a pair");
    let second = rotate(&auth, &first).await.expect("a successor");
    let token = auth.verify_refresh(second.refresh_token()).await.expect("a valid token");
    let third = auth.rotate(token).revoke_previous_access().await.expect("a successor");
    for (pair, is_valid) in [(&first, false), (&second, false), (&third, true)] {
        assert_eq!(auth.verify_access(pair.access_token()).await.is_ok(), is_valid);
    }
    clock.advance(Duration::from_secs(60));
    let fourth = rotate(&auth, &third).await.expect("the session continues");
    assert!(auth.verify_access(fourth.access_token()).await.is_ok());
    assert!(auth.verify_access(third.access_token()).await.is_ok(), "by default they stay valid");
    let other = auth.log_in("alice").await.expect("a pair");
    assert!(auth.verify_access(other.access_token()).await.is_ok(), "another session");
}

#[tokio::test]
async fn on_reuse_gets_the_subject_and_the_session_once() {
    let calls = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&calls);
    let (config, clock) = config();
    let auth = config
        .on_reuse(move |subject, session| {
            seen.lock().expect("no panic").push((subject.to_owned(), session.to_owned()));
        })
        .build()
        .expect("a valid configuration");
    let first = auth.log_in("alice").await.expect("a pair");
    let session = auth.sessions("alice").await.expect("a list")[0].id().to_owned();
    rotate(&auth, &first).await.expect("a successor");
    rotate(&auth, &first).await.expect("within the grace");
    assert!(calls.lock().expect("no panic").is_empty());
    clock.advance(Duration::from_secs(11));
    for _ in 0..2 {
        assert!(rotate(&auth, &first).await.is_err());
    }
    assert_eq!(*calls.lock().expect("no panic"), [("alice".to_owned(), session)]);
}

fn times(token: &str) -> (u64, u64) {
    let claims = jwt_auth::danger::decode_unverified(token).expect("a token").claims;
    let number = |name: &str| claims[name].as_u64().expect("a number");
    (number("iat"), number("exp"))
}

#[tokio::test]
async fn every_rotation_keeps_the_terms_of_the_log_in() {
    let clock = ManualClock::at(NOW);
    let build = |change: fn(Config) -> Config| {
        let config = Config::hs256(tests::SECRET).clock(clock.clone());
        change(config).build().expect("a valid configuration")
    };
    let auth = build(|config| config);
    for (idle, life) in [(3_600, 10_000), (60 * 86_400, 365 * 86_400)] {
        let log_in = auth.log_in("alice").idle_for(Duration::from_secs(idle));
        let mut pair = log_in.session_ends_in(Duration::from_secs(life)).await.expect("a pair");
        let (start, _) = times(pair.refresh_token());
        // Other settings, and a process that lost its memory, change nothing.
        let other = build(|config| {
            let week = Duration::from_secs(7 * 86_400);
            config.session_expires(week).refresh_token_expires(week)
        });
        clock.advance(Duration::from_secs(1));
        for auth in [&auth, &other, &other] {
            clock.advance(Duration::from_secs(3_000));
            pair = rotate(auth, &pair).await.expect("a successor");
            let (issued, exp) = times(pair.refresh_token());
            assert_eq!(exp, (issued + idle).min(start + life));
            let (_, exp) = times(pair.access_token());
            assert!(exp <= start + life, "no token outlives the session");
        }
    }
    for bad in [Duration::ZERO, Duration::MAX] {
        for log_in in [auth.log_in("x").idle_for(bad), auth.log_in("x").session_ends_in(bad)] {
            let error = log_in.await.expect_err("no such session");
            assert_eq!(error.kind(), AuthErrorKind::CannotIssue);
        }
    }
}

#[tokio::test]
async fn a_session_that_is_not_remembered_has_cookies_without_max_age_after_every_refresh() {
    #[jwt_required]
    async fn page() {}

    let (config, clock) = config();
    let config =
        config.token_location([TokenLocation::Cookie]).cookie_max_age(Duration::from_secs(9));
    let auth = config.build().expect("a valid configuration");
    let ages = |pair: &TokenPair| -> Vec<bool> {
        let response = auth.set_cookies(pair).into_response();
        let lines = response.headers().get_all("set-cookie").iter();
        lines.map(|line| line.to_str().expect("text").contains("Max-Age")).collect()
    };
    let long = auth.log_in("alice").await.expect("a pair");
    assert_eq!(ages(&long), [true; 4]);
    let pair = auth.log_in("alice").remember(false).await.expect("a pair");
    assert_eq!(ages(&pair), [false; 4]);
    let next = rotate(&auth, &pair).await.expect("a successor");
    assert_eq!(ages(&next), [false; 4]);
    clock.advance(Duration::from_secs(800));
    let router = GuardedRouter::new().route("/", get(page)).layer(auth.implicit_refresh());
    let app: axum::Router = router.with_state(auth.clone());
    let cookie = format!("__Host-access_token_cookie={}", next.access_token());
    let response = visit(&app, &cookie).await;
    let line = response.headers["set-cookie"].to_str().expect("text");
    assert!(!line.contains("Max-Age"), "{line}");
}

#[tokio::test]
async fn an_implicit_refresh_ends_with_the_terms_of_the_log_in() {
    #[jwt_required]
    async fn page() {}

    let (config, clock) = config();
    let auth = config.token_location([TokenLocation::Cookie]).build().expect("a configuration");
    let router = GuardedRouter::new().route("/", get(page)).layer(auth.implicit_refresh());
    let app: axum::Router = router.with_state(auth.clone());
    let renewals = AtomicUsize::new(0);
    for (idle, life) in [(2_000, 90_000), (90_000, 2_000)] {
        let log_in = auth.log_in("alice").idle_for(Duration::from_secs(idle));
        let pair = log_in.session_ends_in(Duration::from_secs(life)).await.expect("a pair");
        let (start, _) = times(pair.access_token());
        let mut token = pair.access_token().to_owned();
        loop {
            clock.advance(Duration::from_secs(600));
            let cookie = format!("__Host-access_token_cookie={token}");
            let response = visit(&app, &cookie).await;
            if response.status != 200 {
                break;
            }
            if let Some(line) = response.headers.get("set-cookie") {
                let line = line.to_str().expect("text");
                let value = line.trim_start_matches("__Host-access_token_cookie=");
                value.split(';').next().expect("a value").clone_into(&mut token);
                renewals.fetch_add(1, Ordering::Relaxed);
            }
            assert!(times(&token).1 <= start + 2_000, "not longer than the terms");
        }
    }
    assert_eq!(renewals.load(Ordering::Relaxed), 4, "twice for each session");
}
