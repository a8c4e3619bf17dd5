//! Other libraries verify our tokens by the published keys, before, during and after a rotation of the keys.

use std::time::Duration;

use jwt_auth::{Algorithm, Config, KeyMaterial, KeyRing, KeyRotation, ManualClock, MemoryStore};
use serde_json::{Value, json};

use crate::peer::{Peer as _, Script};

const DAY: u64 = 86_400;

#[tokio::test]
async fn other_libraries_follow_the_published_keys_through_a_rotation() {
    let clock = ManualClock::at(tests::NOW);
    let schedule = KeyRotation::every(Duration::from_secs(10 * DAY)).algorithm(Algorithm::ES256);
    let schedule = schedule.wrapped_by(KeyMaterial::raw(*b"a key-encryption key of 32 bytes"));
    let auth = Config::with_keys(KeyRing::default())
        .clock(clock.clone())
        .audience(["b"])
        .refresh_token_expires(Duration::from_secs(2 * DAY))
        .access_token_expires(Duration::from_secs(DAY))
        .revocation(MemoryStore::new())
        .key_rotation(schedule)
        .start()
        .await
        .expect("keys");
    let published = || serde_json::to_value(auth.jwks()).expect("serialises");
    let ids = |set: &Value| -> Vec<String> {
        let keys = set["keys"].as_array().expect("an array");
        keys.iter().map(|key| key["kid"].as_str().expect("an id").to_owned()).collect()
    };
    let first = tests::NOW / DAY * DAY;

    let before = published();
    let old = auth.access_token("alice").issue().expect("a token");
    clock.set(std::time::UNIX_EPOCH + Duration::from_secs(first + 10 * DAY - 1));
    let last = auth.access_token("alice").issue().expect("a token of the old key");
    clock.advance(Duration::from_secs(1));
    auth.keys().refresh().await.expect("a next key");
    let during = published();
    let new = auth.access_token("alice").issue().expect("a token of the new key");
    clock.advance(Duration::from_secs(3 * DAY));
    let after = published();
    let newest = auth.access_token("alice").issue().expect("a token of the new key");
    assert_eq!((ids(&before).len(), ids(&during).len(), ids(&after).len()), (2, 3, 2));
    assert_eq!(ids(&before)[1], ids(&after)[0], "the next key was published before it signed");

    let (during_at, after_at) = (first + 10 * DAY + 1, first + 13 * DAY + 1);
    for script in &mut Script::start_all().into_iter().flatten().collect::<Vec<_>>() {
        let mut verify = |set: &Value, token: &str, now: u64| {
            let request = json!({ "do": "verify", "algorithm": "ES256", "key": set,
                "token": token, "audience": "b", "now": now });
            let answer = script.answer(&request);
            answer["claims"]["sub"].as_str().map(str::to_owned).ok_or(answer)
        };
        let alice = Ok("alice".to_owned());
        assert_eq!(verify(&before, &old, tests::NOW + 1), alice);
        // A cached set knows the next key already.
        assert_eq!(verify(&before, &new, during_at), alice);
        assert_eq!(verify(&during, &last, during_at), alice, "of the retired key");
        assert_eq!(verify(&during, &new, during_at), alice);
        assert_eq!(verify(&after, &newest, after_at), alice);
        assert!(verify(&after, &last, during_at).is_err(), "its key is gone");
    }
}
