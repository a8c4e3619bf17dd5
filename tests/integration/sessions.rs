//! Sessions that end: listed, ended by name, by key, for everybody, and asked of the store itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use jwt_auth::routing::get;
use jwt_auth::{
    AccessToken, Algorithm, Config, GuardedRouter, JwtAuth, Key, KeyRing, MemoryStore, NewSession,
    Revocation, RevocationStore, Rotate, Rotation, Session, Standing, StoreError, TokenIdentity,
    jwt_required, refresh_required,
};
use tests::{config, get as ask};

#[tokio::test]
async fn sessions_are_listed_with_device_and_use_and_ended_by_name() {
    let (config, clock) = config();
    let auth = config.build().expect("good");
    let phone = auth.log_in("alice").device("phone").await.expect("a pair");
    clock.advance(Duration::from_secs(60));
    let laptop = auth.log_in("alice").device("x".repeat(500)).await.expect("a pair");
    auth.log_in("bob").await.expect("a pair");
    let sessions = auth.sessions("alice").await.expect("a list");
    assert_eq!(sessions.len(), 2);
    assert_eq!(sessions[0].device().map(str::len), Some(200), "the one used last, its name cut");
    assert_eq!(sessions[1].device(), Some("phone"));
    clock.advance(Duration::from_secs(60));
    let token = auth.verify_refresh(phone.refresh_token()).await.expect("good");
    let family = token.identity().family().expect("a session").to_owned();
    let next = auth.rotate(token).await.expect("a pair");
    let sessions = auth.sessions("alice").await.expect("a list");
    assert_eq!((sessions[0].family(), sessions[0].device()), (family.as_str(), Some("phone")));
    let used = sessions[0].last_used_at().duration_since(sessions[0].began_at()).expect("later");
    assert_eq!(used, Duration::from_secs(120));
    auth.revoke_family(&family).await.expect("held");
    assert_eq!(auth.sessions("alice").await.expect("a list").len(), 1);
    for text in [phone.access_token(), next.access_token()] {
        assert_eq!(auth.verify_access(text).await.expect_err("ended").code(), "token_revoked");
    }
    assert!(auth.verify_refresh(next.refresh_token()).await.is_err());
    assert!(auth.verify_access(laptop.access_token()).await.is_ok());
    auth.log_out_everywhere("alice").await.expect("held");
    assert!(auth.sessions("alice").await.expect("a list").is_empty());
    assert_eq!(auth.sessions("bob").await.expect("a list").len(), 1);
}

#[tokio::test]
async fn a_stolen_key_is_taken_back_while_its_successor_stands() {
    let ring = || {
        KeyRing::new(Key::secret(Algorithm::HS256, [1; 32]).id("new"))
            .also_verify(Key::secret(Algorithm::HS256, [2; 32]).id("old"))
    };
    let clock = jwt_auth::ManualClock::at(tests::NOW);
    let auth = Config::with_keys(ring()).clock(clock.clone()).build().expect("good");
    let old = KeyRing::new(Key::secret(Algorithm::HS256, [2; 32]).id("old"));
    let old = Config::with_keys(old).clock(clock).build().expect("good");
    let (stolen, good) =
        (old.log_in("alice").await.expect("a pair"), auth.log_in("alice").await.expect("a pair"));
    let token = auth.verify_access(stolen.access_token()).await.expect("good");
    assert_eq!(token.identity().key_id(), Some("old"));
    auth.revoke_kid("old").await.expect("held");
    assert_eq!(
        auth.verify_access(stolen.access_token()).await.expect_err("taken back").code(),
        "token_revoked"
    );
    assert!(auth.verify_refresh(stolen.refresh_token()).await.is_err());
    assert!(auth.verify_access(good.access_token()).await.is_ok());
    // A token whose header names the key is known by it too, and not by what its header says alone.
    let header = serde_json::json!({ "alg": "HS256", "kid": "old", "typ": "JWT" });
    let foreign = tests::sign_with(&[2; 32], &header, &tests::claims());
    assert_eq!(auth.verify_access(&foreign).await.expect_err("taken back").code(), "token_revoked");
}

#[tokio::test]
async fn everybody_is_logged_out_at_once() {
    let (config, clock) = config();
    let auth = config.build().expect("good");
    let pairs =
        [auth.log_in("alice").await.expect("a pair"), auth.log_in("bob").await.expect("a pair")];
    auth.revoke_all().await.expect("held");
    for pair in &pairs {
        assert!(auth.verify_access(pair.access_token()).await.is_err());
        assert!(auth.verify_refresh(pair.refresh_token()).await.is_err());
    }
    let at_once = auth.access_token("carol").issue().expect("a token");
    assert!(auth.verify_access(&at_once).await.is_err(), "the very second counts as before");
    clock.advance(Duration::from_secs(1));
    let later = auth.access_token("carol").issue().expect("a token");
    assert!(auth.verify_access(&later).await.is_ok());
}

#[tokio::test]
async fn names_that_no_token_bears_are_refused_and_not_written() {
    let auth = config().0.build().expect("good");
    let long = "x".repeat(10_000);
    let until = SystemTime::UNIX_EPOCH + Duration::from_secs(tests::NOW + 60);
    for outcome in [
        auth.revoke_id(&long, until).await,
        auth.revoke_family(&long).await,
        auth.revoke_kid(&long).await,
        auth.log_out_everywhere(&long).await,
    ] {
        assert_eq!(outcome.expect_err("too long").code(), "claims_invalid");
    }
}

/// A store whose memory lags behind what it knows itself.
#[derive(Default)]
pub(crate) struct Lagging {
    truth: MemoryStore,
    asked: Arc<AtomicUsize>,
    down: Arc<AtomicBool>,
}

impl RevocationStore for Lagging {
    fn standing(&self, _: &TokenIdentity<'_>, _: SystemTime) -> Result<Standing, StoreError> {
        Ok(Standing::Good)
    }

    async fn ask(
        &self,
        token: &TokenIdentity<'_>,
        now: SystemTime,
    ) -> Result<Standing, StoreError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        // A slow answer: what is asked at the same time comes first.
        for _ in 0..3 {
            tokio::task::yield_now().await;
        }
        if self.down.load(Ordering::Relaxed) {
            return Err(StoreError::new("connection refused"));
        }
        self.truth.standing(token, now)
    }

    async fn revoke(&self, revocation: Revocation<'_>, now: SystemTime) -> Result<(), StoreError> {
        self.truth.revoke(revocation, now).await
    }

    async fn rotate(&self, request: Rotate<'_>) -> Result<Rotation, StoreError> {
        self.truth.rotate(request).await
    }

    async fn begin(&self, session: NewSession<'_>) -> Result<(), StoreError> {
        if self.down.load(Ordering::Relaxed) {
            return Err(StoreError::new("connection refused"));
        }
        self.truth.begin(session).await
    }

    async fn sessions(&self, subject: &str, now: SystemTime) -> Result<Vec<Session>, StoreError> {
        self.truth.sessions(subject, now).await
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
async fn strict_asks_the_store_itself_and_fails_closed() {
    use axum::middleware::{Next, from_fn_with_state};

    #[jwt_required]
    async fn by_memory(request: axum::extract::Request, next: Next) -> axum::response::Response {
        next.run(request).await
    }

    let store = Lagging::default();
    let (asked, down) = (Arc::clone(&store.asked), Arc::clone(&store.down));
    let auth: JwtAuth = config().0.revocation(store).build().expect("good");
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
        routes().layer(from_fn_with_state(auth.clone(), by_memory)).with_state(auth.clone());
    let pair = auth.log_in("alice").await.expect("a pair");
    let (token, refresh) = (pair.access_token(), pair.refresh_token());
    assert_eq!(ask(&app, "/quick", token).await.body, "alice");
    assert_eq!(asked.load(Ordering::Relaxed), 0, "no call for the others");
    assert_eq!(ask(&app, "/strict", token).await.body, "alice");
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    down.store(true, Ordering::Relaxed);
    assert_eq!(ask(&app, "/strict", token).await.code(), "store_unavailable");
    assert_eq!(
        auth.log_in("bob").await.expect_err("no session without its record").code(),
        "store_unavailable"
    );
    down.store(false, Ordering::Relaxed);
    auth.log_out(auth.verify_access(token).await.expect("memory lags")).await.expect("held");
    assert_eq!(ask(&app, "/quick", token).await.body, "alice", "memory lags");
    for app in [&app, &behind] {
        assert_eq!(ask(app, "/strict", token).await.code(), "token_revoked");
        assert_eq!(ask(app, "/refresh", refresh).await.status.as_u16(), 401);
    }
}

#[tokio::test]
async fn no_refresh_outlives_a_log_out_everywhere_that_this_node_has_not_heard_of() {
    let (config, clock) = config();
    let store = Lagging::default();
    let down = Arc::clone(&store.down);
    let auth = config.revocation(store).build().expect("good");
    let verified = async |text: &str| auth.verify_refresh(text).await.expect("memory lags");
    let pair = auth.log_in("alice").await.expect("a pair");
    clock.advance(Duration::from_secs(1));
    let next = auth.rotate(verified(pair.refresh_token()).await).await.expect("a pair");
    auth.log_out_everywhere("alice").await.expect("held");
    clock.advance(Duration::from_secs(1));
    let refused = auth.rotate(verified(next.refresh_token()).await).await.expect_err("logged out");
    assert_eq!(refused.code(), "token_revoked");
    down.store(true, Ordering::Relaxed);
    let unknown = auth.rotate(verified(next.refresh_token()).await).await.expect_err("not known");
    assert_eq!(unknown.code(), "store_unavailable");
}

#[tokio::test]
async fn a_reuse_is_named_however_late_the_store_is_asked() {
    let (config, clock) = config();
    let auth = config.revocation(Lagging::default()).build().expect("good");
    let pair = auth.log_in("alice").await.expect("a pair");
    let stolen = auth.verify_refresh(pair.refresh_token()).await.expect("good");
    let again = auth.verify_refresh(pair.refresh_token()).await.expect("good");
    auth.rotate(stolen).await.expect("a pair");
    clock.advance(Duration::from_secs(11));
    assert_eq!(auth.rotate(again).await.expect_err("used").code(), "refresh_token_reused");
}

#[tokio::test]
async fn a_store_that_keeps_no_list_says_so() {
    struct Plain(MemoryStore);

    impl RevocationStore for Plain {
        fn standing(
            &self,
            token: &TokenIdentity<'_>,
            now: SystemTime,
        ) -> Result<Standing, StoreError> {
            self.0.standing(token, now)
        }
        async fn revoke(
            &self,
            revocation: Revocation<'_>,
            now: SystemTime,
        ) -> Result<(), StoreError> {
            self.0.revoke(revocation, now).await
        }
        async fn rotate(&self, request: Rotate<'_>) -> Result<Rotation, StoreError> {
            self.0.rotate(request).await
        }
    }

    let auth = config().0.revocation(Plain(MemoryStore::new())).build().expect("good");
    let pair = auth.log_in("alice").await.expect("nothing to register");
    assert_eq!(auth.sessions("alice").await.expect_err("no list").code(), "store_unavailable");
    let token = auth.verify_refresh(pair.refresh_token()).await.expect("good");
    assert!(auth.rotate(token).await.is_ok());
}

#[tokio::test]
async fn a_forged_family_and_a_token_of_another_deployment_rotate_nothing() {
    let auth = config().0.build().expect("good");
    let pair = auth.log_in("alice").await.expect("a pair");
    let family = auth.sessions("alice").await.expect("a list")[0].family().to_owned();
    // Our key, somebody's family, an id that nobody gave: the family dies, and nothing is born.
    let mut claims = tests::claims();
    for (name, value) in
        [("type", "refresh"), ("fam", family.as_str()), ("jti", "made-up"), ("sub", "mallory")]
    {
        claims[name] = value.into();
    }
    let forged = tests::forge(&tests::plain_header(), &claims);
    let token = auth.verify_refresh(&forged).await.expect("our key signed it");
    assert_eq!(auth.rotate(token).await.expect_err("forged").code(), "refresh_token_reused");
    assert!(
        auth.verify_access(pair.access_token()).await.is_err(),
        "and the session is ended, to be safe"
    );
    // A family that nobody knows, in the middle of its life.
    claims["fam"] = "nobodys".into();
    claims["gen"] = 7.into();
    let token =
        auth.verify_refresh(&tests::forge(&tests::plain_header(), &claims)).await.expect("signed");
    assert_eq!(auth.rotate(token).await.expect_err("unknown").code(), "token_revoked");
    // Another deployment's key.
    let other =
        Config::hs256([9; 32]).clock(jwt_auth::ManualClock::at(tests::NOW)).build().expect("good");
    let foreign = other.log_in("alice").await.expect("a pair");
    assert!(auth.verify_refresh(foreign.refresh_token()).await.is_err());
    let token = other.verify_refresh(foreign.refresh_token()).await.expect("theirs");
    assert_eq!(auth.rotate(token).await.expect_err("theirs").code(), "key_unknown");
}
