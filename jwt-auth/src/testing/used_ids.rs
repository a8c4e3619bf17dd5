//! The part of the suite for ids that are used once.

use std::time::{Duration, SystemTime};

use crate::session::{RevocationStore, StoreError};

/// Uses ids once and twice, one after the other and at once. A store without room for ids passes.
pub(super) async fn used_ids(store: &impl RevocationStore, now: SystemTime) {
    let life = Duration::from_secs(180);
    // The suite may run again on the same store.
    let run = store_nonce();
    let id = |name: &str| format!("{run}-{name}");
    let first = id("a");
    match store.use_once(&first, life, now).await {
        Err(error) if StoreError::is_unsupported(&error) => return,
        answer => assert!(answer.expect("the store answers"), "the first use"),
    }
    let is_new = async |id: &str| store.use_once(id, life, now).await.expect("the store answers");
    assert!(!is_new(&first).await, "the second use");
    assert!(is_new(&id("A")).await, "ids are compared with their case");
    assert!(is_new(&id("with spaces, \"quotes\" and \u{1f511}")).await);
    let contested = id("contested");
    let (a, b, c, d) = tokio::join!(
        is_new(&contested),
        is_new(&contested),
        is_new(&contested),
        is_new(&contested),
    );
    assert_eq!([a, b, c, d].into_iter().filter(|is_new| *is_new).count(), 1, "of four at once");
}

fn store_nonce() -> String {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).expect("random bytes");
    u64::from_be_bytes(bytes).to_string()
}
