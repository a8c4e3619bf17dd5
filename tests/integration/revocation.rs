//! Taking back: SECURITY.md §3 on the embedded store, and on stores that fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::http::StatusCode;
use jwt_auth::{
    AuthErrorKind, Clock as _, ManualClock, Revocation, RevocationStore, Rotate, Rotation,
    Standing, StoreError, TokenIdentity,
};
use serde_json::json;
use tests::{NOW, call, claims, config, forge, get, plain_header};

use crate::app::{app, good_app};

#[tokio::test]
async fn a_revoked_token_is_refused_and_others_live() {
    let (app, auth, _) = good_app();
    let (one, two) = (
        auth.access_token("alice").issue().expect("a"),
        auth.access_token("alice").issue().expect("b"),
    );
    let token = auth.verify_access(&one).await.expect("good");
    auth.revoke(&token).await.expect("held");
    let answer = get(&app, "/me", &one).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (StatusCode::UNAUTHORIZED, "token_revoked")
    );
    assert_eq!(get(&app, "/maybe", &one).await.code(), "token_revoked");
    assert_eq!(get(&app, "/me", &two).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_id_is_revoked_whoever_issued_it() {
    let (config, _) = config();
    let (app, auth) = app(config.issuer("me"));
    let token = auth.access_token("alice").issue().expect("a token");
    let id = auth.verify_access(&token).await.expect("good").id().to_owned();
    auth.revoke_id(&id, UNIX_EPOCH + Duration::from_secs(NOW + 900)).await.expect("held");
    assert_eq!(get(&app, "/me", &token).await.code(), "token_revoked");
}

#[tokio::test]
async fn an_entry_lives_as_long_as_its_token_is_read() {
    let (config, clock) = config();
    let (app, auth) = app(config.decode_leeway(Duration::from_secs(60)));
    let token = forge(&plain_header(), &claims());
    auth.revoke(&auth.verify_access(&token).await.expect("good")).await.expect("held");
    clock.advance(Duration::from_secs(959));
    assert_eq!(
        get(&app, "/me", &token).await.code(),
        "token_revoked",
        "expired, and read by the leeway"
    );
    clock.advance(Duration::from_secs(1));
    assert_eq!(get(&app, "/me", &token).await.code(), "token_expired");
}

#[tokio::test]
async fn a_log_out_ends_the_session_and_no_other() {
    let (app, auth, _) = good_app();
    let (one, two) =
        (auth.log_in("alice").await.expect("a"), auth.log_in("alice").await.expect("b"));
    let sibling = auth.verify_refresh(one.refresh_token()).await.expect("good");
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
async fn a_log_out_by_the_refresh_token_before_it_was_ever_used() {
    let (app, auth, _) = good_app();
    let pair = auth.log_in("alice").await.expect("a pair");
    let token = auth.verify_refresh(pair.refresh_token()).await.expect("good");
    auth.log_out(token).await.expect("held");
    assert_eq!(get(&app, "/me", pair.access_token()).await.code(), "token_revoked");
    assert_eq!(
        call(&app, "POST", "/refresh", Some(pair.refresh_token())).await.code(),
        "token_revoked"
    );
}

#[tokio::test]
async fn a_log_out_everywhere_counts_this_second_as_before() {
    let (app, auth, clock) = good_app();
    let before = auth.log_in("alice").await.expect("a pair");
    let bob = auth.log_in("bob").await.expect("a pair");
    clock.advance(Duration::from_millis(900));
    auth.log_out_everywhere("alice").await.expect("held");
    let same_second = auth.log_in("alice").await.expect("a pair");
    clock.advance(Duration::from_millis(100));
    let after = auth.log_in("alice").await.expect("a pair");
    for dead in [&before, &same_second] {
        assert_eq!(get(&app, "/me", dead.access_token()).await.code(), "token_revoked");
        assert_eq!(
            call(&app, "POST", "/refresh", Some(dead.refresh_token())).await.code(),
            "token_revoked"
        );
    }
    assert_eq!(get(&app, "/me", after.access_token()).await.status, StatusCode::OK);
    assert_eq!(get(&app, "/me", bob.access_token()).await.status, StatusCode::OK);
    let mut fraction = claims();
    fraction["iat"] = json!(1_700_000_000.95);
    let token = forge(&plain_header(), &fraction);
    assert_eq!(
        get(&app, "/me", &token).await.code(),
        "token_revoked",
        "a fraction of the same second"
    );
    let mut silent = claims();
    silent.as_object_mut().expect("an object").remove("iat");
    assert_eq!(
        get(&app, "/me", &forge(&plain_header(), &silent)).await.code(),
        "token_revoked",
        "no `iat` at all"
    );
}

#[tokio::test]
async fn epochs_combine_by_max() {
    let (app, auth, clock) = good_app();
    clock.advance(Duration::from_secs(100));
    let token = auth.access_token("alice").issue().expect("a token");
    auth.log_out_everywhere("alice").await.expect("held");
    // A second record, older by a clock that went back, takes nothing away.
    clock.set(UNIX_EPOCH + Duration::from_secs(NOW));
    auth.log_out_everywhere("alice").await.expect("held");
    clock.set(UNIX_EPOCH + Duration::from_secs(NOW + 101));
    assert_eq!(get(&app, "/me", &token).await.code(), "token_revoked");
}

#[tokio::test]
async fn a_token_without_an_id_cannot_be_revoked_in_silence() {
    let (_, auth, _) = good_app();
    let mut claims = claims();
    claims.as_object_mut().expect("an object").remove("jti");
    let token = auth.verify_access(&forge(&plain_header(), &claims)).await.expect("good");
    assert_eq!(token.id(), "");
    assert_eq!(
        auth.revoke(&token).await.expect_err("no name").kind(),
        AuthErrorKind::InvalidClaims
    );
    assert_eq!(
        auth.log_out(token).await.expect_err("no name").kind(),
        AuthErrorKind::InvalidClaims
    );
}

#[tokio::test]
async fn a_log_out_by_the_access_token_holds_for_as_long_as_the_session_could_live() {
    let (app, auth, clock) = good_app();
    let pair = auth.log_in("alice").await.expect("a pair");
    auth.log_out(auth.verify_access(pair.access_token()).await.expect("good")).await.expect("held");
    for _ in 0..29 {
        clock.advance(Duration::from_secs(86_400));
        let answer = call(&app, "POST", "/refresh", Some(pair.refresh_token())).await;
        assert_eq!(answer.code(), "token_revoked");
    }
}

#[tokio::test]
async fn a_log_out_of_a_token_without_a_session_is_of_that_token() {
    let (app, auth, _) = good_app();
    let token = forge(&plain_header(), &claims());
    let mut other = claims();
    other["jti"] = json!("another-id");
    let other = forge(&plain_header(), &other);
    auth.log_out(auth.verify_access(&token).await.expect("good")).await.expect("held");
    assert_eq!(get(&app, "/me", &token).await.code(), "token_revoked");
    assert_eq!(get(&app, "/me", &other).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_longer_record_is_not_shortened() {
    let (app, auth, clock) = good_app();
    let token = forge(&plain_header(), &claims());
    for until in [NOW + 900, NOW + 1] {
        auth.revoke_id("an-id", UNIX_EPOCH + Duration::from_secs(until)).await.expect("held");
    }
    clock.advance(Duration::from_secs(600));
    assert_eq!(get(&app, "/me", &token).await.code(), "token_revoked");
}

/// A store that never answers.
struct Silent;

impl RevocationStore for Silent {
    fn standing(&self, _: &TokenIdentity<'_>, _: SystemTime) -> Result<Standing, StoreError> {
        Ok(Standing::Good)
    }

    async fn revoke(&self, _: Revocation<'_>, _: SystemTime) -> Result<(), StoreError> {
        std::future::pending().await
    }

    async fn rotate(&self, _: Rotate<'_>) -> Result<Rotation, StoreError> {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_never_answers_is_503_within_its_deadline() {
    let (config, _) = config();
    let (app, auth) = app(config.revocation(Silent));
    let pair = auth.log_in("alice").await.expect("a pair");
    let before = tokio::time::Instant::now();
    assert_eq!(call(&app, "POST", "/refresh", Some(pair.refresh_token())).await.status, 503);
    let error = auth.log_out_everywhere("alice").await.expect_err("silent");
    assert_eq!(error.kind(), AuthErrorKind::Unavailable);
    // The runtime's clock stands still but for its timers, so this measures nothing.
    assert!(before.elapsed() < Duration::from_millis(600));
}

/// A store during whose answer somebody logs out everywhere.
struct Slow(jwt_auth::MemoryStore, ManualClock);

impl RevocationStore for Slow {
    fn standing(&self, token: &TokenIdentity<'_>, now: SystemTime) -> Result<Standing, StoreError> {
        self.0.standing(token, now)
    }

    async fn revoke(&self, what: Revocation<'_>, now: SystemTime) -> Result<(), StoreError> {
        self.0.revoke(what, now).await
    }

    async fn rotate(&self, request: Rotate<'_>) -> Result<Rotation, StoreError> {
        self.1.advance(Duration::from_secs(1));
        let (before, until) = (self.1.now(), self.1.now() + Duration::from_secs(86_400));
        self.0.revoke(Revocation::Subject { subject: "alice", before, until }, before).await?;
        self.1.advance(Duration::from_secs(1));
        self.0.rotate(request).await
    }
}

#[tokio::test]
async fn a_log_out_during_a_rotation_covers_what_the_rotation_makes() {
    let (config, clock) = config();
    let store = Slow(jwt_auth::MemoryStore::new(), clock);
    let auth = config.revocation(store).build().expect("good");
    let pair = auth.log_in("alice").await.expect("a pair");
    let token = auth.verify_refresh(pair.refresh_token()).await.expect("good");
    assert_eq!(auth.rotate(token).await.expect_err("logged out").kind(), AuthErrorKind::Revoked);
}

/// A store whose records take until the next second to hold.
struct Late(jwt_auth::MemoryStore, ManualClock, AtomicBool);

impl RevocationStore for Late {
    fn standing(&self, token: &TokenIdentity<'_>, now: SystemTime) -> Result<Standing, StoreError> {
        self.0.standing(token, now)
    }

    async fn revoke(&self, what: Revocation<'_>, now: SystemTime) -> Result<(), StoreError> {
        if !self.2.swap(true, Ordering::Relaxed) {
            self.1.advance(Duration::from_secs(1));
        }
        self.0.revoke(what, now).await
    }

    async fn rotate(&self, request: Rotate<'_>) -> Result<Rotation, StoreError> {
        self.0.rotate(request).await
    }
}

#[tokio::test]
async fn a_log_out_everywhere_covers_the_time_that_its_record_took() {
    let (config, clock) = config();
    let store = Late(jwt_auth::MemoryStore::new(), clock.clone(), false.into());
    let auth = config.revocation(store).build().expect("good");
    auth.log_out_everywhere("alice").await.expect("held");
    // Issued in the second in which the record came to hold.
    let meanwhile = auth.access_token("alice").issue().expect("a token");
    let error = auth.verify_access(&meanwhile).await.expect_err("logged out");
    assert_eq!(error.kind(), AuthErrorKind::Revoked);
    clock.advance(Duration::from_secs(1));
    let after = auth.access_token("alice").issue().expect("a token");
    assert!(auth.verify_access(&after).await.is_ok());
}

/// A store that decides about rotations, and for a while cannot say what else was taken back.
struct Mute(jwt_auth::MemoryStore, Arc<AtomicBool>);

impl RevocationStore for Mute {
    fn standing(&self, token: &TokenIdentity<'_>, now: SystemTime) -> Result<Standing, StoreError> {
        self.0.standing(token, now)
    }

    async fn ask(
        &self,
        token: &TokenIdentity<'_>,
        now: SystemTime,
    ) -> Result<Standing, StoreError> {
        if self.1.load(Ordering::Relaxed) {
            return Err(StoreError::new("malformed"));
        }
        self.0.ask(token, now).await
    }

    async fn revoke(&self, what: Revocation<'_>, now: SystemTime) -> Result<(), StoreError> {
        self.0.revoke(what, now).await
    }

    async fn rotate(&self, request: Rotate<'_>) -> Result<Rotation, StoreError> {
        self.0.rotate(request).await
    }
}

#[tokio::test]
async fn a_rotation_that_cannot_be_vouched_for_uses_nothing_up() {
    let mute = Arc::new(AtomicBool::new(true));
    let store = Mute(jwt_auth::MemoryStore::new(), Arc::clone(&mute));
    let config = config().0.refresh_grace(Duration::ZERO).revocation(store);
    let auth = config.build().expect("good");
    let pair = auth.log_in("alice").await.expect("a pair");
    let token = async || auth.verify_refresh(pair.refresh_token()).await.expect("good");
    let error = auth.rotate(token().await).await.expect_err("nobody vouches");
    assert_eq!(error.kind(), AuthErrorKind::Unavailable);
    mute.store(false, Ordering::Relaxed);
    assert!(auth.rotate(token().await).await.is_ok());
}

struct Down;

impl RevocationStore for Down {
    fn standing(&self, _: &TokenIdentity<'_>, _: SystemTime) -> Result<Standing, StoreError> {
        Err(StoreError::new("connection refused"))
    }

    async fn revoke(&self, _: Revocation<'_>, _: SystemTime) -> Result<(), StoreError> {
        Err(StoreError::new("connection refused"))
    }

    async fn rotate(&self, _: Rotate<'_>) -> Result<Rotation, StoreError> {
        Err(StoreError::new("connection refused"))
    }
}

#[tokio::test]
async fn a_store_that_is_down_is_503_and_never_an_open_door() {
    let (config, _) = config();
    let (app, auth) = app(config.revocation(Down));
    let pair = auth.log_in("alice").await.expect("a pair");
    for path in ["/me", "/maybe", "/bare", "/fresh"] {
        let answer = get(&app, path, pair.access_token()).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (StatusCode::SERVICE_UNAVAILABLE, "store_unavailable")
        );
        assert_eq!(answer.headers["retry-after"], "1");
    }
    assert_eq!(call(&app, "POST", "/refresh", Some(pair.refresh_token())).await.status, 503);
    assert_eq!(
        call(&app, "GET", "/me", None).await.status,
        401,
        "it is not asked for what is refused anyway"
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
