//! `log_out_everywhere` ends what was logged in before it and nothing after it, whatever the clocks say.

use std::sync::Arc;
use std::time::Duration;

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
async fn s4_a_log_in_right_after_it_is_valid_any_number_of_times_in_one_second() {
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
async fn s3_it_ends_sessions_of_a_node_whose_clock_is_ahead() {
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
async fn s3_a_call_by_a_node_whose_clock_is_ahead_does_not_lock_the_user_out() {
    for ahead in [20, 60, 600, 86_400] {
        let store = Arc::new(MemoryStore::new());
        let (auth, fast) = (node(&store, 0, |c| c), node(&store, ahead, |c| c));
        let old = auth.log_in("alice").await.expect("a pair");
        fast.log_out_everywhere("alice").await.expect("recorded");
        assert!(!is_valid(&auth, &old).await, "{ahead} s ahead");
        let pair = auth.log_in("alice").await.expect("a pair");
        assert!(is_valid(&auth, &pair).await, "{ahead} s ahead");
        let next = rotate(&auth, &pair).await.expect("a successor");
        assert!(is_valid(&auth, &next).await, "{ahead} s ahead");
        assert_eq!(auth.sessions("alice").await.expect("a list").len(), 1);
        auth.log_out_everywhere("alice").await.expect("recorded");
        assert!(!is_valid(&auth, &next).await, "{ahead} s ahead");
    }
}

#[tokio::test]
async fn s3_a_token_without_a_session_is_covered_within_the_tolerated_difference_of_clocks() {
    for (leeway, tolerated) in [(0, 0), (5, 5), (30, 30)] {
        let change = |config: Config| config.issued_at_leeway(Duration::from_secs(leeway));
        let store = Arc::new(MemoryStore::new());
        let auth = node(&store, 0, change);
        auth.log_out_everywhere("alice").await.expect("recorded");
        for (ahead, is_revoked) in [(0, true), (tolerated, true), (tolerated + 1, false)] {
            let fast = node(&store, ahead, change);
            for pair in [
                fast.token_pair("alice").issue().expect("a pair"),
                fast.token_pair("alice").await.expect("a pair"),
            ] {
                assert_eq!(is_valid(&fast, &pair).await, !is_revoked, "{leeway} s, {ahead} s");
            }
        }
    }
}

#[tokio::test]
async fn a_pair_without_a_log_in_becomes_a_session_at_its_first_rotation() {
    let store = Arc::new(MemoryStore::new());
    let auth = node(&store, 0, |c| c);
    let pair = auth.token_pair("alice").issue().expect("a pair");
    assert!(auth.sessions("alice").await.expect("a list").is_empty());
    let next = rotate(&auth, &pair).await.expect("a successor");
    assert_eq!(auth.sessions("alice").await.expect("a list").len(), 1);
    auth.log_out_everywhere("alice").await.expect("recorded");
    for old in [&pair, &next] {
        assert!(!is_valid(&auth, old).await);
        assert!(rotate(&auth, old).await.is_err());
    }
    let pair = auth.log_in("alice").await.expect("a pair");
    assert!(is_valid(&auth, &pair).await);
}
