//! `log_out_everywhere` ends what was logged in before it and nothing after it, whatever the clocks say.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jwt_auth::errors::StoreError;
use jwt_auth::session::{
    NewSession, Revocation, RevocationStore, RotationOutcome, RotationRequest, Session,
    TokenIdentity, TokenStatus,
};
use jwt_auth::{Config, JwtAuth, ManualClock, MemoryStore, TokenPair};
use tests::{NOW, SECRET};

/// A node on the store, whose clock is that many seconds ahead.
fn node(store: &Arc<MemoryStore>, ahead: u64, change: impl FnOnce(Config) -> Config) -> JwtAuth {
    let config = Config::hs256(SECRET).clock(ManualClock::at(NOW + ahead));
    change(config.revocation(Arc::clone(store))).build().expect("a valid configuration")
}

async fn rotate(auth: &JwtAuth, pair: &TokenPair) -> Result<TokenPair, jwt_auth::AuthError> {
    auth.rotate(auth.verify_refresh(pair.refresh_token()).await?).await
}

async fn is_valid(auth: &JwtAuth, pair: &TokenPair) -> bool {
    let access = auth.verify_access(pair.access_token()).await;
    let refresh = auth.verify_refresh(pair.refresh_token()).await;
    assert_eq!(access.is_ok(), refresh.is_ok(), "{access:?} {refresh:?}");
    access.is_ok()
}

#[tokio::test]
async fn a_log_in_right_after_it_is_valid_any_number_of_times_in_one_second() {
    let store = Arc::new(MemoryStore::new());
    let (auth, other) = (node(&store, 0, |c| c), node(&store, 0, |c| c));
    let mut earlier: Vec<TokenPair> = Vec::new();
    for round in 0..20 {
        auth.log_out_everywhere("alice").await.expect("recorded");
        for old in &earlier {
            assert!(!is_valid(&auth, old).await, "round {round}");
            assert!(rotate(&auth, old).await.is_err(), "round {round}");
        }
        let pair = auth.log_in("alice").await.expect("a pair");
        assert!(is_valid(&auth, &pair).await && is_valid(&other, &pair).await, "round {round}");
        // The session can be refreshed in the same second, and its successor ends with it.
        let next = rotate(&other, &pair).await.expect("a successor");
        assert!(is_valid(&auth, &next).await, "round {round}");
        earlier.extend([pair, next]);
    }
    let bob = auth.log_in("bob").await.expect("a pair");
    auth.log_out_everywhere("alice").await.expect("recorded");
    assert!(is_valid(&auth, &bob).await);
}

#[tokio::test]
async fn revoke_all_covers_a_session_that_began_right_after_a_log_out() {
    let store = Arc::new(MemoryStore::new());
    let auth = node(&store, 0, |c| c);
    for round in 0..3 {
        auth.log_out_everywhere("alice").await.expect("recorded");
        let pair = auth.log_in("alice").await.expect("a pair");
        assert!(is_valid(&auth, &pair).await, "round {round}");
        auth.revoke_all().await.expect("recorded");
        assert!(!is_valid(&auth, &pair).await, "round {round}");
    }
}

#[tokio::test]
async fn it_ends_sessions_of_a_node_whose_clock_is_ahead() {
    for (ahead, leeway) in [(1, 0), (4, 0), (5, 0), (20, 0), (20, 30), (29, 30), (600, 0)] {
        let change = |config: Config| config.decode_leeway(Duration::from_secs(leeway));
        let store = Arc::new(MemoryStore::new());
        let (auth, fast) = (node(&store, 0, change), node(&store, ahead, change));
        let pair = fast.log_in("alice").await.expect("a pair");
        auth.log_out_everywhere("alice").await.expect("recorded");
        assert!(!is_valid(&fast, &pair).await, "{ahead} s ahead");
        assert!(rotate(&fast, &pair).await.is_err(), "{ahead} s ahead");
        // It does not lock the user out of either node.
        let pair = auth.log_in("alice").await.expect("a pair");
        assert!(is_valid(&auth, &pair).await && is_valid(&fast, &pair).await, "{ahead} s ahead");
        let pair = fast.log_in("alice").await.expect("a pair");
        assert!(is_valid(&fast, &pair).await, "{ahead} s ahead");
    }
}

#[tokio::test]
async fn a_call_by_a_node_whose_clock_is_far_ahead_refuses_log_ins_instead_of_revoking_them() {
    let store = Arc::new(MemoryStore::new());
    let (auth, fast) = (node(&store, 0, |c| c), node(&store, 600, |c| c));
    fast.log_out_everywhere("alice").await.expect("recorded");
    let refused = auth.log_in("alice").await.expect_err("its tokens would be revoked");
    assert_eq!(refused.code(), "store_unavailable");
    assert!(auth.sessions("alice").await.expect("a list").is_empty());
    assert!(auth.log_in("bob").await.is_ok());
}

/// A store without a list of sessions, or whose list fails.
struct WithoutList {
    store: Arc<MemoryStore>,
    fails: bool,
}

impl RevocationStore for WithoutList {
    fn check(&self, token: &TokenIdentity<'_>, now: SystemTime) -> Result<TokenStatus, StoreError> {
        self.store.check(token, now)
    }

    async fn revoke(&self, what: Revocation<'_>, now: SystemTime) -> Result<(), StoreError> {
        self.store.revoke(what, now).await
    }

    async fn rotate(&self, request: RotationRequest<'_>) -> Result<RotationOutcome, StoreError> {
        self.store.rotate(request).await
    }

    async fn register(&self, session: NewSession<'_>) -> Result<(), StoreError> {
        self.store.register(session).await
    }

    async fn sessions(&self, subject: &str, now: SystemTime) -> Result<Vec<Session>, StoreError> {
        if self.fails {
            return Err(StoreError::new("too many sessions"));
        }
        Unlisted.sessions(subject, now).await
    }
}

/// The trait's default for a store without a list.
struct Unlisted;

impl RevocationStore for Unlisted {
    fn check(&self, _: &TokenIdentity<'_>, _: SystemTime) -> Result<TokenStatus, StoreError> {
        Ok(TokenStatus::Valid)
    }

    async fn revoke(&self, _: Revocation<'_>, _: SystemTime) -> Result<(), StoreError> {
        Ok(())
    }

    async fn rotate(&self, _: RotationRequest<'_>) -> Result<RotationOutcome, StoreError> {
        Ok(RotationOutcome::Unknown)
    }
}

#[tokio::test]
async fn without_a_list_it_covers_the_sessions_that_this_process_started() {
    let store = WithoutList { store: Arc::default(), fails: false };
    let config = Config::hs256(SECRET).clock(ManualClock::at(NOW)).revocation(store);
    let auth = config.build().expect("a valid configuration");
    for round in 0..3 {
        auth.log_out_everywhere("alice").await.expect("recorded");
        let pair = auth.log_in("alice").await.expect("a pair");
        assert!(is_valid(&auth, &pair).await, "round {round}");
        auth.log_out_everywhere("alice").await.expect("recorded");
        assert!(!is_valid(&auth, &pair).await, "round {round}");
    }
}

#[tokio::test]
async fn a_list_that_fails_is_an_error_and_does_not_prevent_the_record() {
    let memory = Arc::new(MemoryStore::new());
    let fast = node(&memory, 3, |c| c);
    let store = WithoutList { store: Arc::clone(&memory), fails: true };
    let config = Config::hs256(SECRET).clock(ManualClock::at(NOW)).revocation(store);
    let auth = config.build().expect("a valid configuration");
    let (own, ahead) =
        (auth.log_in("alice").await.expect("a pair"), fast.log_in("alice").await.expect("a pair"));
    let error = auth.log_out_everywhere("alice").await.expect_err("the list fails");
    assert_eq!(error.code(), "store_unavailable");
    for pair in [&own, &ahead] {
        assert!(!is_valid(&auth, pair).await);
    }
    // The user is not locked out.
    let pair = auth.log_in("alice").await.expect("a pair");
    assert!(is_valid(&auth, &pair).await);
}
