//! Revocation with the memory store and with stores that fail: `guide::security`, "Revocation and sessions".

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::http::StatusCode;
use jwt_auth::session::{
    Revocation, RevocationStore, RotationOutcome, RotationRequest, StoreError, TokenStatus,
};
use jwt_auth::{AuthErrorKind, Clock as _, ManualClock, MemoryStore, TokenIdentity};
use serde_json::json;
use tests::{NOW, call, claims, config, forge, get, plain_header};

use crate::app::{app, good_app};

#[tokio::test]
async fn a_revoked_token_is_refused_and_others_stay_valid() {
    let (app, auth, _) = good_app();
    let (one, two) = (
        auth.access_token("alice").issue().expect("a"),
        auth.access_token("alice").issue().expect("b"),
    );
    let token = auth.verify_access(&one).await.expect("a valid token");
    auth.revoke(&token).await.expect("recorded");
    let response = get(&app, "/me", &one).await;
    assert_eq!(
        (response.status, response.code().as_str()),
        (StatusCode::UNAUTHORIZED, "token_revoked")
    );
    assert_eq!(get(&app, "/maybe", &one).await.code(), "token_revoked");
    assert_eq!(get(&app, "/me", &two).await.status, StatusCode::OK);
}

#[tokio::test]
async fn revoke_id_covers_the_id_of_any_issuer() {
    let (config, _) = config();
    let (app, auth) = app(config.issuer("me"));
    let token = auth.access_token("alice").issue().expect("a token");
    let id = auth.verify_access(&token).await.expect("a valid token").id().to_owned();
    auth.revoke_id(&id, UNIX_EPOCH + Duration::from_secs(NOW + 900)).await.expect("recorded");
    assert_eq!(get(&app, "/me", &token).await.code(), "token_revoked");
}

#[tokio::test]
async fn a_revocation_lasts_until_exp_plus_leeway() {
    let (config, clock) = config();
    let (app, auth) = app(config.decode_leeway(Duration::from_secs(60)));
    let token = forge(&plain_header(), &claims());
    auth.revoke(&auth.verify_access(&token).await.expect("a valid token")).await.expect("recorded");
    clock.advance(Duration::from_secs(959));
    assert_eq!(
        get(&app, "/me", &token).await.code(),
        "token_revoked",
        "expired, and still accepted within the leeway"
    );
    clock.advance(Duration::from_secs(1));
    assert_eq!(get(&app, "/me", &token).await.code(), "token_expired");
}

#[tokio::test]
async fn log_out_ends_one_session() {
    let (app, auth, _) = good_app();
    let (one, two) =
        (auth.log_in("alice").await.expect("a"), auth.log_in("alice").await.expect("b"));
    let sibling = auth.verify_refresh(one.refresh_token()).await.expect("a valid token");
    let sibling = auth.rotate(sibling).await.expect("rotated");
    assert_eq!(
        call(&app, "POST", "/log-out", Some(one.access_token())).await.status,
        StatusCode::OK
    );
    for token in [one.access_token(), sibling.access_token()] {
        assert_eq!(get(&app, "/me", token).await.code(), "token_revoked");
    }
    for token in [one.refresh_token(), sibling.refresh_token()] {
        assert_eq!(call(&app, "POST", "/refresh", Some(token)).await.code(), "token_revoked");
    }
    assert_eq!(get(&app, "/me", two.access_token()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn log_out_with_an_unused_refresh_token_ends_its_session() {
    let (app, auth, _) = good_app();
    let pair = auth.log_in("alice").await.expect("a pair");
    let token = auth.verify_refresh(pair.refresh_token()).await.expect("a valid token");
    auth.log_out(token).await.expect("recorded");
    assert_eq!(get(&app, "/me", pair.access_token()).await.code(), "token_revoked");
    assert_eq!(
        call(&app, "POST", "/refresh", Some(pair.refresh_token())).await.code(),
        "token_revoked"
    );
}

#[tokio::test]
async fn log_out_everywhere_covers_tokens_of_the_same_second() {
    let (app, auth, clock) = good_app();
    let before = auth.log_in("alice").await.expect("a pair");
    let bob = auth.log_in("bob").await.expect("a pair");
    clock.advance(Duration::from_millis(900));
    auth.log_out_everywhere("alice").await.expect("recorded");
    let without_session = auth.access_token("alice").issue().expect("a token");
    clock.advance(Duration::from_millis(100));
    let after = auth.log_in("alice").await.expect("a pair");
    assert_eq!(get(&app, "/me", before.access_token()).await.code(), "token_revoked");
    assert_eq!(get(&app, "/me", &without_session).await.code(), "token_revoked");
    assert_eq!(
        call(&app, "POST", "/refresh", Some(before.refresh_token())).await.code(),
        "token_revoked"
    );
    assert_eq!(get(&app, "/me", after.access_token()).await.status, StatusCode::OK);
    assert_eq!(get(&app, "/me", bob.access_token()).await.status, StatusCode::OK);
    let mut fraction = claims();
    fraction["iat"] = json!(1_700_000_000.95);
    let token = forge(&plain_header(), &fraction);
    assert_eq!(
        get(&app, "/me", &token).await.code(),
        "token_revoked",
        "`iat` is a fraction of the same second"
    );
    let mut without_iat = claims();
    without_iat.as_object_mut().expect("an object").remove("iat");
    assert_eq!(
        get(&app, "/me", &forge(&plain_header(), &without_iat)).await.code(),
        "token_revoked",
        "without `iat`"
    );
}

#[tokio::test]
async fn epochs_combine_by_their_maximum() {
    let (app, auth, clock) = good_app();
    clock.advance(Duration::from_secs(100));
    let token = auth.access_token("alice").issue().expect("a token");
    auth.log_out_everywhere("alice").await.expect("recorded");
    // A second record with an earlier epoch, from a clock that was set back, changes nothing.
    clock.set(UNIX_EPOCH + Duration::from_secs(NOW));
    auth.log_out_everywhere("alice").await.expect("recorded");
    clock.set(UNIX_EPOCH + Duration::from_secs(NOW + 101));
    assert_eq!(get(&app, "/me", &token).await.code(), "token_revoked");
}

#[tokio::test]
async fn revoking_a_token_without_an_id_is_an_error() {
    let (_, auth, _) = good_app();
    let mut claims = claims();
    claims.as_object_mut().expect("an object").remove("jti");
    let token = auth.verify_access(&forge(&plain_header(), &claims)).await.expect("a valid token");
    assert_eq!(token.id(), "");
    assert_eq!(auth.revoke(&token).await.expect_err("no id").kind(), AuthErrorKind::NotRevocable);
    assert_eq!(auth.log_out(token).await.expect_err("no id").kind(), AuthErrorKind::NotRevocable);
}

#[tokio::test]
async fn log_out_with_an_access_token_lasts_as_long_as_its_refresh_token() {
    let (app, auth, clock) = good_app();
    let pair = auth.log_in("alice").await.expect("a pair");
    auth.log_out(auth.verify_access(pair.access_token()).await.expect("a valid token"))
        .await
        .expect("recorded");
    for _ in 0..29 {
        clock.advance(Duration::from_secs(86_400));
        let response = call(&app, "POST", "/refresh", Some(pair.refresh_token())).await;
        assert_eq!(response.code(), "token_revoked");
    }
}

#[tokio::test]
async fn log_out_of_a_token_without_a_session_revokes_that_token() {
    let (app, auth, _) = good_app();
    let token = forge(&plain_header(), &claims());
    let mut other = claims();
    other["jti"] = json!("another-id");
    let other = forge(&plain_header(), &other);
    auth.log_out(auth.verify_access(&token).await.expect("a valid token")).await.expect("recorded");
    assert_eq!(get(&app, "/me", &token).await.code(), "token_revoked");
    assert_eq!(get(&app, "/me", &other).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_later_record_does_not_shorten_a_revocation() {
    let (app, auth, clock) = good_app();
    let token = forge(&plain_header(), &claims());
    for until in [NOW + 900, NOW + 1] {
        auth.revoke_id("an-id", UNIX_EPOCH + Duration::from_secs(until)).await.expect("recorded");
    }
    clock.advance(Duration::from_secs(600));
    assert_eq!(get(&app, "/me", &token).await.code(), "token_revoked");
}

/// A store that never answers.
struct Silent;

impl RevocationStore for Silent {
    fn check(&self, _: &TokenIdentity<'_>, _: SystemTime) -> Result<TokenStatus, StoreError> {
        Ok(TokenStatus::Valid)
    }

    async fn revoke(&self, _: Revocation<'_>, _: SystemTime) -> Result<(), StoreError> {
        std::future::pending().await
    }

    async fn rotate(&self, _: RotationRequest<'_>) -> Result<RotationOutcome, StoreError> {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_never_answers_is_503_within_the_deadline() {
    let (config, _) = config();
    let (app, auth) = app(config.revocation(Silent));
    let pair = auth.log_in("alice").await.expect("a pair");
    let before = tokio::time::Instant::now();
    assert_eq!(call(&app, "POST", "/refresh", Some(pair.refresh_token())).await.status, 503);
    let error = auth.log_out_everywhere("alice").await.expect_err("no answer");
    assert_eq!(error.kind(), AuthErrorKind::Unavailable);
    // The runtime's clock is paused and advances by its timers only, so the limit is exact.
    assert!(before.elapsed() < Duration::from_millis(600));
}

/// A store in which alice logs out everywhere while it decides a rotation.
struct Slow(MemoryStore, ManualClock);

impl RevocationStore for Slow {
    fn check(&self, token: &TokenIdentity<'_>, now: SystemTime) -> Result<TokenStatus, StoreError> {
        self.0.check(token, now)
    }

    async fn revoke(&self, what: Revocation<'_>, now: SystemTime) -> Result<(), StoreError> {
        self.0.revoke(what, now).await
    }

    async fn rotate(&self, request: RotationRequest<'_>) -> Result<RotationOutcome, StoreError> {
        self.1.advance(Duration::from_secs(1));
        let (before, until) = (self.1.now(), self.1.now() + Duration::from_secs(86_400));
        self.0.revoke(Revocation::Subject { subject: "alice", before, until }, before).await?;
        self.1.advance(Duration::from_secs(1));
        self.0.rotate(request).await
    }
}

#[tokio::test]
async fn a_log_out_during_a_rotation_covers_its_successor() {
    let (config, clock) = config();
    let store = Slow(MemoryStore::new(), clock);
    let auth = config.revocation(store).build().expect("a valid configuration");
    let pair = auth.log_in("alice").await.expect("a pair");
    let token = auth.verify_refresh(pair.refresh_token()).await.expect("a valid token");
    assert_eq!(auth.rotate(token).await.expect_err("logged out").kind(), AuthErrorKind::Revoked);
}

/// A store whose first record takes until the next second.
struct Late(MemoryStore, ManualClock, AtomicBool);

impl RevocationStore for Late {
    fn check(&self, token: &TokenIdentity<'_>, now: SystemTime) -> Result<TokenStatus, StoreError> {
        self.0.check(token, now)
    }

    async fn revoke(&self, what: Revocation<'_>, now: SystemTime) -> Result<(), StoreError> {
        if !self.2.swap(true, Ordering::Relaxed) {
            self.1.advance(Duration::from_secs(1));
        }
        self.0.revoke(what, now).await
    }

    async fn rotate(&self, request: RotationRequest<'_>) -> Result<RotationOutcome, StoreError> {
        self.0.rotate(request).await
    }
}

#[tokio::test]
async fn log_out_everywhere_covers_tokens_issued_while_it_is_recorded() {
    let (config, clock) = config();
    let store = Late(MemoryStore::new(), clock.clone(), false.into());
    let auth = config.revocation(store).build().expect("a valid configuration");
    auth.log_out_everywhere("alice").await.expect("recorded");
    // Issued in the second in which the record became durable.
    let meanwhile = auth.access_token("alice").issue().expect("a token");
    let error = auth.verify_access(&meanwhile).await.expect_err("logged out");
    assert_eq!(error.kind(), AuthErrorKind::Revoked);
    clock.advance(Duration::from_secs(5));
    let after = auth.access_token("alice").issue().expect("a token");
    assert!(auth.verify_access(&after).await.is_ok(), "later than any clock may be ahead");
}

/// A store that decides rotations and, while the flag is set, fails strict look-ups.
struct NoLookUps(MemoryStore, Arc<AtomicBool>);

impl RevocationStore for NoLookUps {
    fn check(&self, token: &TokenIdentity<'_>, now: SystemTime) -> Result<TokenStatus, StoreError> {
        self.0.check(token, now)
    }

    async fn check_strict(
        &self,
        token: &TokenIdentity<'_>,
        now: SystemTime,
    ) -> Result<TokenStatus, StoreError> {
        if self.1.load(Ordering::Relaxed) {
            return Err(StoreError::new("malformed"));
        }
        self.0.check_strict(token, now).await
    }

    async fn revoke(&self, what: Revocation<'_>, now: SystemTime) -> Result<(), StoreError> {
        self.0.revoke(what, now).await
    }

    async fn rotate(&self, request: RotationRequest<'_>) -> Result<RotationOutcome, StoreError> {
        self.0.rotate(request).await
    }
}

#[tokio::test]
async fn a_refresh_token_whose_look_up_fails_is_503_and_not_used_up() {
    let is_failing = Arc::new(AtomicBool::new(true));
    let store = NoLookUps(MemoryStore::new(), Arc::clone(&is_failing));
    let config = config().0.refresh_grace(Duration::ZERO).revocation(store);
    let auth = config.build().expect("a valid configuration");
    let pair = auth.log_in("alice").await.expect("a pair");
    let error = auth.verify_refresh(pair.refresh_token()).await.expect_err("not checked");
    assert_eq!(error.kind(), AuthErrorKind::Unavailable);
    is_failing.store(false, Ordering::Relaxed);
    let token = auth.verify_refresh(pair.refresh_token()).await.expect("a valid token");
    assert!(auth.rotate(token).await.is_ok());
}

/// A store that fails at once.
pub(crate) struct Down;

impl RevocationStore for Down {
    fn check(&self, _: &TokenIdentity<'_>, _: SystemTime) -> Result<TokenStatus, StoreError> {
        Err(StoreError::new("connection refused"))
    }

    async fn revoke(&self, _: Revocation<'_>, _: SystemTime) -> Result<(), StoreError> {
        Err(StoreError::new("connection refused"))
    }

    async fn rotate(&self, _: RotationRequest<'_>) -> Result<RotationOutcome, StoreError> {
        Err(StoreError::new("connection refused"))
    }
}

#[tokio::test]
async fn a_store_that_is_down_is_503_and_never_an_admission() {
    let (config, _) = config();
    let (app, auth) = app(config.revocation(Down));
    let pair = auth.log_in("alice").await.expect("a pair");
    for path in ["/me", "/maybe", "/bare", "/fresh"] {
        let response = get(&app, path, pair.access_token()).await;
        assert_eq!(
            (response.status, response.code().as_str()),
            (StatusCode::SERVICE_UNAVAILABLE, "store_unavailable")
        );
        assert_eq!(response.headers["retry-after"], "1");
    }
    assert_eq!(call(&app, "POST", "/refresh", Some(pair.refresh_token())).await.status, 503);
    assert_eq!(
        call(&app, "GET", "/me", None).await.status,
        401,
        "a request without a token needs no store"
    );
    assert_eq!(get(&app, "/me", "junk").await.status, 401);
    assert_eq!(
        auth.revoke_id("x", UNIX_EPOCH).await.expect_err("down").kind(),
        AuthErrorKind::Unavailable
    );
    assert_eq!(
        auth.log_out_everywhere("alice").await.expect_err("down").kind(),
        AuthErrorKind::Unavailable
    );
}

#[tokio::test]
async fn a_store_failure_has_the_store_error_as_its_source() {
    use std::error::Error as _;

    let (config, _) = config();
    let (_, auth) = app(config.revocation(Down));
    let pair = auth.log_in("alice").await.expect("a pair");
    let check = auth.verify_access(pair.access_token()).await.expect_err("down");
    let revocation = auth.log_out_everywhere("alice").await.expect_err("down");
    for error in [check, revocation] {
        let source = error.source().expect("the store error");
        assert_eq!(source.to_string(), "the session store failed: connection refused");
        assert!(!error.to_string().contains("refused"), "the client does not see it: {error}");
    }
}

#[tokio::test]
async fn an_arc_of_a_store_is_a_store() {
    let store = Arc::new(MemoryStore::new());
    let (config, _) = config();
    let auth = config.revocation(Arc::clone(&store)).build().expect("a valid configuration");
    let (one, two) =
        (auth.log_in("alice").await.expect("a pair"), auth.log_in("alice").await.expect("a pair"));
    let now = UNIX_EPOCH + Duration::from_secs(NOW);
    assert_eq!(store.sessions("alice", now).await.expect("a list").len(), 2);
    let token = auth.verify_access(one.access_token()).await.expect("a valid token");
    let identity = token.identity();
    assert_eq!(store.check(&identity, now).expect("an answer"), TokenStatus::Valid);
    auth.log_out(token.clone()).await.expect("recorded");
    assert_eq!(store.check(&identity, now).expect("an answer"), TokenStatus::Revoked);
    assert!(auth.verify_access(one.access_token()).await.is_err());
    let token = auth.verify_refresh(two.refresh_token()).await.expect("a valid token");
    assert!(auth.rotate(token).await.is_ok());
}
