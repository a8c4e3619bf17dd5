//! The part of the suite for the document of the shared keys.

use crate::session::{RevocationStore, SharedKeys, StoreError};

/// Replaces the document under right and wrong versions, and restores it. A store without room for keys passes.
pub(super) async fn shared_keys(store: &impl RevocationStore) {
    let found = match store.shared_keys().await {
        Err(error) if error.is_unsupported() => {
            let refused = store.replace_shared_keys(0, "{}").await;
            assert!(
                refused.is_err_and(|error| StoreError::is_unsupported(&error)),
                "a store that cannot read keys cannot replace them"
            );
            return;
        }
        found => found.expect("the store answers"),
    };
    let read = async || store.shared_keys().await.expect("the store answers");
    let replace = async |version: u64, text: &str| {
        store.replace_shared_keys(version, text).await.expect("the store answers")
    };
    let mut version = found.version();
    assert_eq!(version == 0, found.document().is_empty(), "version 0 is no document");
    for wrong in [version + 1, version.wrapping_sub(1).min(1 << 50)] {
        assert!(!replace(wrong, "a wrong version").await, "the version is not {wrong}");
    }
    assert_eq!(read().await, found, "a wrong version changes nothing");
    let large = "\u{e9}\u{1f511}\"\\\n'{}".repeat(8_000);
    for text in ["{\"keys\":[]}", large.as_str()] {
        assert!(replace(version, text).await, "the version is {version}");
        version += 1;
        assert_eq!(read().await, SharedKeys::new(version, text));
        assert!(!replace(version - 1, "late").await, "the version before");
    }
    // Of several replacements of one version, one succeeds.
    let texts: Vec<String> = (0..4).map(|n| format!("number {n}")).collect();
    let (a, b, c, d) = tokio::join!(
        replace(version, &texts[0]),
        replace(version, &texts[1]),
        replace(version, &texts[2]),
        replace(version, &texts[3]),
    );
    let winners: Vec<usize> = (0..4).filter(|at| [a, b, c, d][*at]).collect();
    let [winner] = winners[..] else { panic!("{} replacements succeeded", winners.len()) };
    version += 1;
    assert_eq!(read().await, SharedKeys::new(version, texts[winner].as_str()));
    // What was there before is there again, under a new version.
    let before = if found.document().is_empty() { "{}" } else { found.document() };
    assert!(replace(version, before).await);
}
