//! Sessions: listed, ended by id, revoked by key or for all users, and strict look-ups.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use jwt_auth::routing::get;
use jwt_auth::session::{
    NewSession, Registered, Revocation, RevocationStore, RotationOutcome, RotationRequest, Session,
    StoreError, TokenStatus,
};
use jwt_auth::{
    AccessToken, Algorithm, Config, GuardedRouter, JwtAuth, Key, KeyRing, MemoryStore,
    TokenIdentity, jwt_required, refresh_required,
};
use tests::{config, get as fetch};

#[tokio::test]
async fn sessions_are_listed_by_last_use_and_ended_by_id() {
    let (config, clock) = config();
    let auth = config.build().expect("a valid configuration");
    let phone = auth.log_in("alice").device("phone").await.expect("a pair");
    clock.advance(Duration::from_secs(60));
    let laptop = auth.log_in("alice").device("x".repeat(500)).await.expect("a pair");
    auth.log_in("bob").await.expect("a pair");
    let sessions = auth.sessions("alice").await.expect("a list");
    assert_eq!(sessions.len(), 2);
    assert_eq!(
        sessions[0].device().map(str::len),
        Some(200),
        "the one used last, with a truncated device"
    );
    assert_eq!(sessions[1].device(), Some("phone"));
    clock.advance(Duration::from_secs(60));
    let token = auth.verify_refresh(phone.refresh_token()).await.expect("a valid token");
    let id = token.identity().session_id().expect("a session").to_owned();
    let next = auth.rotate(token).await.expect("a pair");
    let sessions = auth.sessions("alice").await.expect("a list");
    assert_eq!((sessions[0].id(), sessions[0].device()), (id.as_str(), Some("phone")));
    let used = sessions[0].last_used_at().duration_since(sessions[0].began_at()).expect("later");
    assert_eq!(used, Duration::from_secs(120));
    auth.revoke_session(&id).await.expect("recorded");
    assert_eq!(auth.sessions("alice").await.expect("a list").len(), 1);
    for text in [phone.access_token(), next.access_token()] {
        assert_eq!(auth.verify_access(text).await.expect_err("ended").code(), "token_revoked");
    }
    assert!(auth.verify_refresh(next.refresh_token()).await.is_err());
    assert!(auth.verify_access(laptop.access_token()).await.is_ok());
    auth.log_out_everywhere("alice").await.expect("recorded");
    assert!(auth.sessions("alice").await.expect("a list").is_empty());
    assert_eq!(auth.sessions("bob").await.expect("a list").len(), 1);
}

#[tokio::test]
async fn revoke_key_covers_the_tokens_of_one_key_only() {
    let ring = || {
        KeyRing::new(Key::secret(Algorithm::HS256, *b"secret number 1, with 32 bytes .").id("new"))
            .also_verify(
                Key::secret(Algorithm::HS256, *b"secret number 2, with 32 bytes .").id("old"),
            )
    };
    let clock = jwt_auth::ManualClock::at(tests::NOW);
    let auth =
        Config::with_keys(ring()).clock(clock.clone()).build().expect("a valid configuration");
    let old =
        KeyRing::new(Key::secret(Algorithm::HS256, *b"secret number 2, with 32 bytes .").id("old"));
    let old = Config::with_keys(old).clock(clock).build().expect("a valid configuration");
    let (stolen, good) =
        (old.log_in("alice").await.expect("a pair"), auth.log_in("alice").await.expect("a pair"));
    let token = auth.verify_access(stolen.access_token()).await.expect("a valid token");
    assert_eq!(token.identity().key_id(), Some("old"));
    auth.revoke_key("old").await.expect("recorded");
    assert_eq!(
        auth.verify_access(stolen.access_token()).await.expect_err("revoked").code(),
        "token_revoked"
    );
    assert!(auth.verify_refresh(stolen.refresh_token()).await.is_err());
    assert!(auth.verify_access(good.access_token()).await.is_ok());
    // A token that another implementation signed with that key is covered as well.
    let header = serde_json::json!({ "alg": "HS256", "kid": "old", "typ": "JWT" });
    let foreign = tests::sign_with(b"secret number 2, with 32 bytes .", &header, &tests::claims());
    assert_eq!(auth.verify_access(&foreign).await.expect_err("revoked").code(), "token_revoked");
}

#[tokio::test]
async fn revoke_all_ends_the_sessions_of_every_user() {
    let (config, clock) = config();
    let auth = config.build().expect("a valid configuration");
    let pairs =
        [auth.log_in("alice").await.expect("a pair"), auth.log_in("bob").await.expect("a pair")];
    auth.revoke_all().await.expect("recorded");
    for pair in &pairs {
        assert!(auth.verify_access(pair.access_token()).await.is_err());
        assert!(auth.verify_refresh(pair.refresh_token()).await.is_err());
    }
    let same_second = auth.access_token("carol").issue().expect("a token");
    assert!(auth.verify_access(&same_second).await.is_err(), "the same second is covered");
    let pair = auth.log_in("carol").await.expect("a pair");
    assert!(auth.verify_access(pair.access_token()).await.is_ok(), "a log-in starts after it");
    clock.advance(Duration::from_secs(6));
    let later = auth.access_token("carol").issue().expect("a token");
    assert!(auth.verify_access(&later).await.is_ok(), "later than any clock may be ahead");
}

#[tokio::test]
async fn r19_names_that_no_store_can_record_are_neither_issued_nor_accepted_nor_recorded() {
    let auth = config().0.build().expect("a valid configuration");
    let until = SystemTime::UNIX_EPOCH + Duration::from_secs(tests::NOW + 60);
    for name in ["x".repeat(1025), "x".repeat(3000), "a\0b".to_owned()] {
        for outcome in [
            auth.revoke_id(&name, until).await,
            auth.revoke_session(&name).await,
            auth.revoke_key(&name).await,
            auth.log_out_everywhere(&name).await,
        ] {
            assert_eq!(outcome.expect_err("not revocable").code(), "token_not_revocable");
        }
        let issued = auth.access_token(&name).issue();
        assert_eq!(issued.expect_err("not revocable").code(), "cannot_issue");
        let logged_in = auth.log_in(&name).await;
        assert_eq!(logged_in.expect_err("not revocable").code(), "cannot_issue");
        for claim in ["sub", "iss", "sid", "jti"] {
            let mut claims = tests::claims();
            claims[claim] = name.as_str().into();
            let token = tests::forge(&tests::plain_header(), &claims);
            let refused = auth.verify_access(&token).await.expect_err("not revocable");
            assert_eq!(refused.code(), "claims_invalid", "{claim}");
        }
    }
    let longest = "x".repeat(1024);
    let token = auth.access_token(&longest).issue().expect("a token");
    assert!(auth.verify_access(&token).await.is_ok());
    auth.log_out_everywhere(&longest).await.expect("a record");
    assert!(auth.verify_access(&token).await.is_err());
}

/// A store whose replica never receives a revocation; only strict look-ups see them.
#[derive(Default)]
pub(crate) struct Lagging {
    primary: MemoryStore,
    look_ups: Arc<AtomicUsize>,
    is_down: Arc<AtomicBool>,
}

impl RevocationStore for Lagging {
    fn check(&self, _: &TokenIdentity<'_>, _: SystemTime) -> Result<TokenStatus, StoreError> {
        Ok(TokenStatus::Valid)
    }

    async fn check_strict(
        &self,
        token: &TokenIdentity<'_>,
        now: SystemTime,
    ) -> Result<TokenStatus, StoreError> {
        self.look_ups.fetch_add(1, Ordering::Relaxed);
        // A slow answer: concurrent calls are answered first.
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
        if self.is_down.load(Ordering::Relaxed) {
            return Err(StoreError::new("connection refused"));
        }
        self.primary.check(token, now)
    }

    async fn revoke(&self, revocation: Revocation<'_>, now: SystemTime) -> Result<(), StoreError> {
        self.primary.revoke(revocation, now).await
    }

    async fn rotate(&self, request: RotationRequest<'_>) -> Result<RotationOutcome, StoreError> {
        if self.is_down.load(Ordering::Relaxed) {
            return Err(StoreError::new("connection refused"));
        }
        self.primary.rotate(request).await
    }

    async fn register(&self, session: NewSession<'_>) -> Result<Registered, StoreError> {
        if self.is_down.load(Ordering::Relaxed) {
            return Err(StoreError::new("connection refused"));
        }
        self.primary.register(session).await
    }

    async fn sessions(&self, subject: &str, now: SystemTime) -> Result<Vec<Session>, StoreError> {
        self.primary.sessions(subject, now).await
    }
}

#[jwt_required]
async fn quick(token: AccessToken) -> String {
    token.subject().to_owned()
}

#[jwt_required(revocation = "strict")]
async fn strict(token: AccessToken) -> String {
    token.subject().to_owned()
}

#[refresh_required(revocation = "strict")]
async fn strict_refresh() {}

#[tokio::test]
async fn strict_routes_query_the_store_and_fail_closed() {
    use axum::middleware::{Next, from_fn_with_state};

    #[jwt_required]
    async fn by_replica(request: axum::extract::Request, next: Next) -> axum::response::Response {
        next.run(request).await
    }

    let store = Lagging::default();
    let (look_ups, is_down) = (Arc::clone(&store.look_ups), Arc::clone(&store.is_down));
    let auth: JwtAuth = config().0.revocation(store).build().expect("a valid configuration");
    let routes = || {
        GuardedRouter::new()
            .route("/quick", get(quick))
            .route("/strict", get(strict))
            .route("/refresh", get(strict_refresh))
    };
    let table = routes().manifest().to_string();
    assert!(table.contains("GET /strict   access  revocation(strict)"), "{table}");
    let app: axum::Router = routes().with_state(auth.clone());
    let behind: axum::Router =
        routes().layer(from_fn_with_state(auth.clone(), by_replica)).with_state(auth.clone());
    let pair = auth.log_in("alice").await.expect("a pair");
    let (token, refresh) = (pair.access_token(), pair.refresh_token());
    assert_eq!(fetch(&app, "/quick", token).await.body, "alice");
    assert_eq!(look_ups.load(Ordering::Relaxed), 0, "other routes do not query the store");
    assert_eq!(fetch(&app, "/strict", token).await.body, "alice");
    assert_eq!(look_ups.load(Ordering::Relaxed), 1);
    is_down.store(true, Ordering::Relaxed);
    assert_eq!(fetch(&app, "/strict", token).await.code(), "store_unavailable");
    assert_eq!(
        auth.log_in("bob").await.expect_err("no session without a record").code(),
        "store_unavailable"
    );
    is_down.store(false, Ordering::Relaxed);
    auth.log_out(auth.verify_access(token).await.expect("the replica lags"))
        .await
        .expect("recorded");
    assert_eq!(fetch(&app, "/quick", token).await.body, "alice", "the replica lags");
    for app in [&app, &behind] {
        assert_eq!(fetch(app, "/strict", token).await.code(), "token_revoked");
        assert_eq!(fetch(app, "/refresh", refresh).await.status.as_u16(), 401);
    }
}

#[tokio::test]
async fn a_rotation_sees_a_log_out_everywhere_that_the_replica_does_not_have() {
    let (config, clock) = config();
    let store = Lagging::default();
    let is_down = Arc::clone(&store.is_down);
    let auth = config.revocation(store).build().expect("a valid configuration");
    let verify = async |text: &str| auth.verify_refresh(text).await.expect("a valid token");
    let pair = auth.log_in("alice").await.expect("a pair");
    clock.advance(Duration::from_secs(1));
    let next = auth.rotate(verify(pair.refresh_token()).await).await.expect("a pair");
    let [first, second] = [verify(next.refresh_token()).await, verify(next.refresh_token()).await];
    auth.log_out_everywhere("alice").await.expect("recorded");
    clock.advance(Duration::from_secs(1));
    let refused = auth.verify_refresh(next.refresh_token()).await.expect_err("logged out");
    assert_eq!(refused.code(), "token_revoked", "a refresh token is looked up in the store");
    let refused = auth.rotate(first).await.expect_err("logged out");
    assert_eq!(refused.code(), "token_revoked");
    is_down.store(true, Ordering::Relaxed);
    let unknown = auth.rotate(second).await.expect_err("the store is down");
    assert_eq!(unknown.code(), "store_unavailable");
}

#[tokio::test]
async fn a_reuse_is_reported_as_a_reuse_if_the_replica_lags() {
    let (config, clock) = config();
    let auth = config.revocation(Lagging::default()).build().expect("a valid configuration");
    let pair = auth.log_in("alice").await.expect("a pair");
    let first = auth.verify_refresh(pair.refresh_token()).await.expect("a valid token");
    let again = auth.verify_refresh(pair.refresh_token()).await.expect("a valid token");
    auth.rotate(first).await.expect("a pair");
    clock.advance(Duration::from_secs(11));
    assert_eq!(auth.rotate(again).await.expect_err("used").code(), "refresh_token_reused");
}

#[tokio::test]
async fn a_store_without_a_session_list_fails_sessions_only() {
    struct Plain(MemoryStore);

    impl RevocationStore for Plain {
        fn check(
            &self,
            token: &TokenIdentity<'_>,
            now: SystemTime,
        ) -> Result<TokenStatus, StoreError> {
            self.0.check(token, now)
        }
        async fn revoke(
            &self,
            revocation: Revocation<'_>,
            now: SystemTime,
        ) -> Result<(), StoreError> {
            self.0.revoke(revocation, now).await
        }
        async fn rotate(
            &self,
            request: RotationRequest<'_>,
        ) -> Result<RotationOutcome, StoreError> {
            self.0.rotate(request).await
        }
    }

    let auth =
        config().0.revocation(Plain(MemoryStore::new())).build().expect("a valid configuration");
    let pair = auth.log_in("alice").await.expect("nothing to register");
    assert_eq!(auth.sessions("alice").await.expect_err("no list").code(), "store_unavailable");
    let token = auth.verify_refresh(pair.refresh_token()).await.expect("a valid token");
    assert!(auth.rotate(token).await.is_ok());
}

#[tokio::test]
async fn a_refresh_token_with_a_made_up_id_or_of_another_deployment_is_not_rotated() {
    let auth = config().0.build().expect("a valid configuration");
    let pair = auth.log_in("alice").await.expect("a pair");
    let session_id = auth.sessions("alice").await.expect("a list")[0].id().to_owned();
    // Signed by our key, with alice's session id and a made-up token id.
    let mut claims = tests::claims();
    let made_up = [("type", "refresh"), ("sid", session_id.as_str()), ("jti", "made-up")];
    for (name, value) in made_up {
        claims[name] = value.into();
    }
    let present = async |claims: &serde_json::Value| {
        let token = auth.verify_refresh(&tests::forge(&tests::plain_header(), claims)).await;
        auth.rotate(token?).await.map(drop)
    };
    claims["sub"] = "mallory".into();
    let error = present(&claims).await.expect_err("of another subject");
    assert_eq!(error.code(), "token_revoked");
    assert!(auth.verify_access(pair.access_token()).await.is_ok(), "alice's session continues");
    claims["sub"] = "alice".into();
    assert_eq!(present(&claims).await.expect_err("forged").code(), "refresh_token_reused");
    assert!(
        auth.verify_access(pair.access_token()).await.is_err(),
        "the session ends as after a reuse"
    );
    // A session that the store does not know, at a later generation.
    claims["sid"] = "unknown".into();
    claims["gen"] = 7.into();
    assert_eq!(present(&claims).await.expect_err("unknown").code(), "token_revoked");
    // A token of another deployment, signed by another key.
    let other = Config::hs256(*b"secret number 9, with 32 bytes .")
        .clock(jwt_auth::ManualClock::at(tests::NOW))
        .build()
        .expect("a valid configuration");
    let foreign = other.log_in("alice").await.expect("a pair");
    assert!(auth.verify_refresh(foreign.refresh_token()).await.is_err());
    let token = other.verify_refresh(foreign.refresh_token()).await.expect("a valid token there");
    assert_eq!(auth.rotate(token).await.expect_err("another deployment").code(), "key_unknown");
}

#[tokio::test]
async fn a_session_serialises_with_the_names_of_its_accessors() {
    let (config, _) = config();
    let auth = config.build().expect("a valid configuration");
    auth.log_in("alice").device("phone").await.expect("a pair");
    let session = auth.sessions("alice").await.expect("a list").remove(0);
    assert_eq!(
        serde_json::to_value(&session).expect("json"),
        serde_json::json!({
            "id": session.id(), "device": "phone", "began_at": tests::NOW, "last_used_at": tests::NOW,
            "ends_at": tests::NOW + 90 * 86_400,
        })
    );
    auth.log_in("bob").await.expect("a pair");
    let session = auth.sessions("bob").await.expect("a list").remove(0);
    let json = serde_json::to_value(&session).expect("json");
    assert_eq!(json["device"], serde_json::Value::Null);
}
