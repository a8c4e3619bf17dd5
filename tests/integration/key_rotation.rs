//! Keys that change while the service runs: states by the clock, schedules, and revocation of the signing key.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jwt_auth::danger::decode_unverified;
use jwt_auth::errors::StoreError;
use jwt_auth::keys::KeyState;
use jwt_auth::session::{
    MemoryStore, Revocation, RevocationStore, RotationOutcome, RotationRequest, SharedKeys,
    TokenStatus,
};
use jwt_auth::{
    Algorithm, AuthErrorKind, Config, JwtAuth, Key, KeyMaterial, KeyRing, KeyRotation, ManualClock,
    TokenIdentity,
};
use serde_json::Value;
use tests::folder::Folder;

const DAY: Duration = Duration::from_secs(86_400);
/// The middle of a day.
const NOON: u64 = 1_795_780_800;

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn secret(name: u8) -> KeyMaterial {
    let mut bytes = *b"the secret of key number _, long";
    bytes[25] = name;
    KeyMaterial::raw(bytes)
}

fn key(name: u8) -> Key {
    Key::secret(Algorithm::HS256, secret(name)).id(char::from(name).to_string())
}

fn wrapping_key() -> KeyMaterial {
    KeyMaterial::raw(*b"a key-encryption key of 32 bytes")
}

fn every_90_days() -> KeyRotation {
    KeyRotation::every(90 * DAY).wrapped_by(wrapping_key())
}

/// The id of the key that signs, by a token.
fn signer(auth: &JwtAuth) -> String {
    kid(&auth.access_token("alice").issue().expect("a token"))
}

fn kid(token: &str) -> String {
    let header = decode_unverified(token).expect("a token").header;
    header["kid"].as_str().expect("an id").to_owned()
}

fn states(auth: &JwtAuth) -> Vec<String> {
    auth.keys().list().iter().map(ToString::to_string).collect()
}

async fn refusal(auth: &JwtAuth, token: &str) -> AuthErrorKind {
    auth.verify_access(token).await.expect_err("refused").kind()
}

#[tokio::test]
async fn states_follow_the_clock_and_no_token_outlives_its_key() {
    let clock = ManualClock::at(NOON);
    let ring = KeyRing::new(key(b'a').signs_from(at(NOON - 1)))
        .also_verify(key(b'b').signs_from(at(NOON + 100)))
        .retired_for(31 * DAY);
    let config = Config::with_keys(ring).clock(clock.clone()).verified_cache(100);
    let auth = config.build().expect("valid");
    assert_eq!(states(&auth), ["a HS256 signing", "b HS256 pending"]);
    let of_a = auth.access_token("alice").expires_in(31 * DAY).issue().expect("a token");
    assert_eq!(kid(&of_a), "a");
    // The pending key verifies: the clock of another node may be ahead.
    let ahead = Config::with_keys(KeyRing::new(key(b'b'))).clock(clock.clone()).build();
    let of_b = ahead.expect("valid").access_token("alice").issue().expect("a token");
    assert!(auth.verify_access(&of_b).await.is_ok());

    clock.set(at(NOON + 100));
    assert_eq!(states(&auth), ["a HS256 retired", "b HS256 signing"]);
    assert_eq!(signer(&auth), "b");
    assert!(auth.verify_access(&of_a).await.is_ok(), "a retired key verifies");
    for refused in [auth.access_token("x").key_id("a"), auth.access_token("x").key_id("none")] {
        let error = refused.issue().expect_err("a retired key signs nothing");
        assert_eq!(error.kind(), AuthErrorKind::CannotIssue);
    }
    let by_algorithm = auth.access_token("x").algorithm(Algorithm::HS256).issue().expect("b");
    assert_eq!(kid(&by_algorithm), "b");
    let too_long = auth.access_token("x").expires_in(31 * DAY + Duration::from_secs(1)).issue();
    assert!(too_long.is_err_and(|error| error.to_string().contains("could outlive its key")));
    assert!(auth.log_in("x").idle_for(32 * DAY).await.is_err());

    // One second before the end of the last token of `a`, and after it. The leeway for clocks is added.
    clock.set(at(NOON + 100) + 31 * DAY - Duration::from_secs(101));
    assert!(auth.verify_access(&of_a).await.is_ok());
    clock.set(at(NOON + 100) + 31 * DAY + Duration::from_secs(5));
    assert_eq!(states(&auth), ["a HS256 gone", "b HS256 signing"]);
    assert_eq!(refusal(&auth, &of_a).await, AuthErrorKind::UnknownKey);
}

#[tokio::test]
async fn a_cached_token_is_refused_when_its_key_is_gone() {
    let clock = ManualClock::at(NOON);
    let (short, life) = (Duration::from_secs(60), Duration::from_secs(120));
    let ring = KeyRing::new(key(b'a').signs_from(at(NOON - 1)))
        .also_verify(key(b'b').signs_from(at(NOON + 10)));
    let config = Config::with_keys(ring).clock(clock.clone()).verified_cache(100);
    let config = config.access_token_expires(short).refresh_token_expires(life);
    let auth = config.decode_leeway(Duration::from_secs(600)).build().expect("valid");
    let token = auth.access_token("alice").issue().expect("a token");
    assert!(auth.verify_access(&token).await.is_ok(), "and cached");
    // The leeway of the tokens is that of the key, so the claims are moved out of the way.
    clock.set(at(NOON + 10) + life + Duration::from_secs(1200));
    assert_eq!(auth.keys().list()[0].state(), KeyState::Gone);
    let kind = refusal(&auth, &token).await;
    assert!(matches!(kind, AuthErrorKind::UnknownKey | AuthErrorKind::Expired), "{kind:?}");
}

#[tokio::test]
async fn a_key_by_hand_signs_at_once_or_from_its_time() {
    let clock = ManualClock::at(NOON);
    let auth = Config::hs256(secret(b'a')).clock(clock.clone()).build().expect("valid");
    let of_a = auth.access_token("alice").issue().expect("a token");
    let session = auth.log_in("alice").await.expect("a pair");
    let refresh = auth.verify_refresh(session.refresh_token()).await.expect("valid");
    auth.keys().rotate_to(key(b'b')).expect("a new key");
    assert_eq!(signer(&auth), "b");
    assert!(auth.verify_access(&of_a).await.is_ok());
    // A token that was verified before the change continues its session after it.
    let next = auth.rotate(refresh).await.expect("a pair");
    assert_eq!(kid(next.access_token()), "b");
    assert!(auth.log_out(auth.verify_access(&of_a).await.expect("valid")).await.is_ok());

    auth.keys().rotate_to(key(b'c').signs_from(at(NOON + 60))).expect("a new key");
    assert_eq!(states(&auth), ["(no id) HS256 retired", "b HS256 signing", "c HS256 pending"]);
    clock.set(at(NOON + 60));
    assert_eq!(signer(&auth), "c");
    let again = auth.keys().rotate_to(key(b'c')).expect_err("it is in the ring");
    assert!(again.to_string().contains("a key is in the ring once"), "{again}");
    let same_time = auth.keys().rotate_to(key(b'd').signs_from(at(NOON + 60)));
    assert!(same_time.is_err_and(|error| error.to_string().contains("at the same time")));
    assert_eq!(states(&auth).len(), 3, "an error changes nothing");
}

#[tokio::test]
async fn the_signing_key_can_be_revoked_on_every_node() {
    let (clock, store) = (ManualClock::at(NOON), Arc::new(MemoryStore::new()));
    let ring = KeyRing::new(key(b'a').signs_from(at(NOON - 1)))
        .also_verify(key(b'b').signs_from(at(NOON + 1_000_000)));
    let nodes = [(); 2].map(|()| {
        let config = Config::with_keys(ring.clone()).clock(clock.clone()).verified_cache(10);
        config.revocation(Arc::clone(&store)).build().expect("valid")
    });
    let stolen = nodes[0].access_token("alice").issue().expect("a token");
    for node in &nodes {
        assert!(node.verify_access(&stolen).await.is_ok(), "and cached");
    }
    nodes[0].revoke_key("a").await.expect("recorded");
    for node in &nodes {
        assert_eq!(refusal(node, &stolen).await, AuthErrorKind::Revoked);
        assert_eq!(states(node), ["a HS256 revoked", "b HS256 signing"], "the next one, early");
        assert_eq!(signer(node), "b");
        assert!(node.access_token("x").key_id("a").issue().is_err());
        let of_b = node.access_token("alice").issue().expect("a token");
        assert!(nodes[0].verify_access(&of_b).await.is_ok());
        assert!(nodes[1].verify_access(&of_b).await.is_ok());
    }
    nodes[1].revoke_key("b").await.expect("recorded");
    let error = nodes[0].access_token("alice").issue().expect_err("no key is left");
    assert_eq!(error.kind(), AuthErrorKind::CannotIssue);
}

#[tokio::test]
async fn a_revoked_key_is_not_published() {
    let pem = |name: &str| KeyMaterial::file(format!("{}/keys/{name}", env!("CARGO_MANIFEST_DIR")));
    let ring = KeyRing::new(Key::private_pem(Algorithm::ES256, pem("p256.pem")).id("a"))
        .also_verify(Key::private_pem(Algorithm::EdDSA, pem("ed.pem")).id("b"));
    let auth = Config::with_keys(ring).build().expect("valid");
    let before = auth.jwks();
    auth.revoke_key("a").await.expect("recorded");
    let set: Value = serde_json::from_str(&auth.jwks().to_string()).expect("JSON");
    assert_eq!(set["keys"].as_array().expect("an array").len(), 1);
    assert_eq!(set["keys"][0]["kid"], "b");
    assert_ne!(auth.jwks().etag(), before.etag());
}

async fn node(clock: &ManualClock, store: &Arc<MemoryStore>) -> JwtAuth {
    let config = Config::with_keys(KeyRing::default()).clock(clock.clone());
    config.revocation(Arc::clone(store)).key_rotation(every_90_days()).start().await.expect("keys")
}

#[tokio::test]
async fn a_schedule_replaces_the_keys_of_every_node() {
    let (clock, store) = (ManualClock::at(NOON), Arc::new(MemoryStore::new()));
    let nodes = [node(&clock, &store).await, node(&clock, &store).await];
    for node in &nodes {
        assert_eq!(states(node), ["2026-11-27 EdDSA signing", "2027-02-25 EdDSA pending"]);
        assert_eq!(node.jwks().to_string(), nodes[0].jwks().to_string());
    }
    let first = nodes[0].access_token("alice").issue().expect("a token");
    assert!(nodes[1].verify_access(&first).await.is_ok());
    // The change is derived from the clock, before any node reads anything.
    clock.set(at(1_803_513_600));
    for node in &nodes {
        assert_eq!(states(node), ["2026-11-27 EdDSA retired", "2027-02-25 EdDSA signing"]);
        assert_eq!(signer(node), "2027-02-25");
    }
    let both = nodes.each_ref().map(JwtAuth::keys);
    let results = tokio::join!(both[0].refresh(), both[1].refresh());
    assert!(results.0.is_ok() && results.1.is_ok());
    nodes[0].keys().refresh().await.expect("read");
    for node in &nodes {
        assert_eq!(states(node)[2], "2027-05-26 EdDSA pending", "created once, 90 days ahead");
        assert_eq!(states(node).len(), 3);
    }
    // A node that starts now knows all of them.
    let late = node(&clock, &store).await;
    assert_eq!(states(&late), states(&nodes[0]));
    clock.advance(31 * DAY);
    assert_eq!(states(&nodes[0])[0], "2026-11-27 EdDSA gone");
}

#[tokio::test]
async fn nodes_that_start_at_once_agree_on_the_first_key() {
    let (clock, store) = (ManualClock::at(NOON), Arc::new(MemoryStore::new()));
    let starting = (0..8).map(|_| {
        let (clock, store) = (clock.clone(), Arc::clone(&store));
        tokio::spawn(async move { node(&clock, &store).await })
    });
    let mut seen = Vec::new();
    for started in starting.collect::<Vec<_>>() {
        let node = started.await.expect("no panic");
        node.keys().refresh().await.expect("read");
        seen.push(node.jwks().to_string());
    }
    seen.dedup();
    assert_eq!(seen.len(), 1);
}

#[tokio::test]
async fn a_shared_secret_is_followed_by_a_key_pair_without_a_log_out() {
    let (clock, store) = (ManualClock::at(NOON), Arc::new(MemoryStore::new()));
    let before = Config::hs256(secret(b'a')).clock(clock.clone()).revocation(Arc::clone(&store));
    let before = before.build().expect("valid");
    let pair = before.log_in("alice").await.expect("a pair");
    let config = || {
        let config = Config::hs256(secret(b'a')).clock(clock.clone());
        config.revocation(Arc::clone(&store)).key_rotation(every_90_days())
    };
    let auth = config().start().await.expect("keys");
    assert_eq!(states(&auth), ["(no id) HS256 signing", "2026-11-29 EdDSA pending"]);
    assert!(auth.verify_access(pair.access_token()).await.is_ok());
    // Another node of the fleet still has the old configuration: it accepts what the new one signs.
    let token = auth.access_token("alice").issue().expect("a token");
    assert!(before.verify_access(&token).await.is_ok());
    clock.set(at(NOON) + 2 * DAY);
    auth.keys().refresh().await.expect("read");
    assert_eq!(
        states(&auth),
        ["(no id) HS256 retired", "2026-11-29 EdDSA signing", "2027-02-27 EdDSA pending"]
    );
    let refresh = auth.verify_refresh(pair.refresh_token()).await.expect("its key verifies");
    let next = auth.rotate(refresh).await.expect("the session continues");
    assert_eq!(kid(next.refresh_token()), "2026-11-29");
    assert!(auth.verify_access(next.access_token()).await.is_ok());
}

#[tokio::test]
async fn a_revoked_key_of_a_schedule_has_a_successor_at_once() {
    let (clock, store) = (ManualClock::at(NOON), Arc::new(MemoryStore::new()));
    let nodes = [node(&clock, &store).await, node(&clock, &store).await];
    for (revoked, next) in [("2026-11-27", "2027-02-25"), ("2027-02-25", "2027-05-26")] {
        let stolen = nodes[0].access_token("alice").issue().expect("a token");
        assert_eq!(kid(&stolen), revoked);
        nodes[0].revoke_key(revoked).await.expect("recorded");
        for node in &nodes {
            assert_eq!(refusal(node, &stolen).await, AuthErrorKind::Revoked);
        }
        // Also the node that has read nothing since: a token of the new key is accepted everywhere.
        let tokens = nodes.each_ref().map(|node| node.access_token("alice").issue());
        for token in tokens {
            let token = token.expect("a token");
            assert_eq!(kid(&token), next);
            assert!(nodes[0].verify_access(&token).await.is_ok());
            assert!(nodes[1].verify_access(&token).await.is_ok());
        }
        nodes[1].keys().refresh().await.expect("read");
    }
    // Every key that exists is revoked: one is created that signs at once, and the other node reads it when it needs it.
    for id in ["2027-05-26", "2027-08-24"] {
        nodes[0].revoke_key(id).await.expect("recorded");
    }
    let token = nodes[0].access_token("alice").issue().expect("a token of a new key");
    assert_eq!(kid(&token), "2027-11-22");
    assert!(nodes[1].verify_access(&token).await.is_ok());
}

#[tokio::test]
async fn a_restart_does_not_forget_that_a_key_was_revoked() {
    let folder = Folder::new("revoked");
    let clock = ManualClock::at(NOON);
    let shared = Arc::new(MemoryStore::new());
    // The session store is new after each restart, as the default one is.
    let in_directory = || {
        let schedule = KeyRotation::every(90 * DAY).directory(folder.file());
        Config::with_keys(KeyRing::default()).key_rotation(schedule).clock(clock.clone()).start()
    };
    let in_store = || {
        let store = Faulty { inner: Arc::clone(&shared), is_down: AtomicBool::new(false) };
        let config = Config::with_keys(KeyRing::default()).key_rotation(every_90_days());
        config.clock(clock.clone()).revocation(store).start()
    };
    let before = [in_directory().await.expect("keys"), in_store().await.expect("keys")];
    let stolen = before.each_ref().map(|auth| auth.access_token("alice").issue());
    for auth in &before {
        auth.revoke_key("2026-11-27").await.expect("recorded");
    }
    let after = [in_directory().await.expect("keys"), in_store().await.expect("keys")];
    for (auth, stolen) in after.iter().zip(stolen) {
        assert_eq!(
            states(auth),
            ["2026-11-27 EdDSA revoked", "2027-02-25 EdDSA signing", "2027-05-26 EdDSA pending"]
        );
        assert_eq!(signer(auth), "2027-02-25");
        let kind = refusal(auth, &stolen.expect("a token")).await;
        assert_eq!(kind, AuthErrorKind::Revoked);
        assert!(!auth.jwks().to_string().contains("2026-11-27"));
    }
    assert!(folder.file().join("2026-11-27.revoked").exists());
}

#[tokio::test]
async fn a_clock_that_jumps_over_rotations_loses_nothing() {
    let (clock, store) = (ManualClock::at(NOON), Arc::new(MemoryStore::new()));
    let auth = node(&clock, &store).await;
    let token = auth.access_token("alice").issue().expect("a token");
    clock.set(at(NOON) + 400 * DAY);
    assert_eq!(signer(&auth), "2027-02-25", "the latest key signs until there is another");
    auth.keys().refresh().await.expect("read");
    let new = auth.access_token("alice").issue().expect("a token");
    assert!(auth.verify_access(&new).await.is_ok());
    assert_eq!(states(&auth).len(), 3);
    // Back again: what was valid is valid, and nothing that was created is lost.
    clock.set(at(NOON));
    assert!(auth.verify_access(&token).await.is_ok());
    assert_eq!(signer(&auth), "2026-11-27");
    auth.keys().refresh().await.expect("read");
    assert_eq!(states(&auth).len(), 3, "a next key exists");
}

/// A store whose keys cannot be read, or are replaced.
struct Faulty {
    inner: Arc<MemoryStore>,
    is_down: AtomicBool,
}

impl RevocationStore for Faulty {
    fn check(&self, token: &TokenIdentity<'_>, now: SystemTime) -> Result<TokenStatus, StoreError> {
        self.inner.check(token, now)
    }

    async fn revoke(&self, revocation: Revocation<'_>, now: SystemTime) -> Result<(), StoreError> {
        self.inner.revoke(revocation, now).await
    }

    async fn rotate(&self, request: RotationRequest<'_>) -> Result<RotationOutcome, StoreError> {
        self.inner.rotate(request).await
    }

    async fn shared_keys(&self) -> Result<SharedKeys, StoreError> {
        if self.is_down.load(Ordering::Relaxed) {
            return Err(StoreError::new("connection refused"));
        }
        self.inner.shared_keys().await
    }

    async fn replace_shared_keys(&self, version: u64, document: &str) -> Result<bool, StoreError> {
        self.inner.replace_shared_keys(version, document).await
    }
}

#[tokio::test]
async fn keys_in_memory_go_on_while_the_store_is_down() {
    let (clock, memory) = (ManualClock::at(NOON), Arc::new(MemoryStore::new()));
    let store = Arc::new(Faulty { inner: Arc::clone(&memory), is_down: AtomicBool::new(false) });
    let config = Config::with_keys(KeyRing::default()).clock(clock.clone());
    let config = config.revocation(Arc::clone(&store)).key_rotation(every_90_days());
    let auth = config.clone().start().await.expect("keys");
    let token = auth.access_token("alice").issue().expect("a token");
    store.is_down.store(true, Ordering::Relaxed);
    assert!(auth.keys().refresh().await.is_err_and(|e| e.to_string().contains("refused")));
    assert!(auth.verify_access(&token).await.is_ok());
    clock.set(at(1_803_513_600));
    assert_eq!(signer(&auth), "2027-02-25", "the change needs no store");
    // Whether a token of an unknown key is valid cannot be told: 503, and not 401.
    let other = Config::with_keys(KeyRing::new(key(b'x'))).clock(clock.clone()).build();
    let unknown = other.expect("valid").access_token("alice").issue().expect("a token");
    let calls = (0..8).map(|_| {
        let (auth, unknown) = (auth.clone(), unknown.to_string());
        tokio::spawn(async move { refusal(&auth, &unknown).await })
    });
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(call.await.expect("no panic"), AuthErrorKind::Unavailable);
    }
    let error = config.start().await.expect_err("no keys can be read");
    assert!(error.to_string().contains("key_rotation"), "{error}");
    store.is_down.store(false, Ordering::Relaxed);
    let kind = refusal(&auth, &unknown).await;
    assert!(matches!(kind, AuthErrorKind::UnknownKey | AuthErrorKind::WrongAlgorithm), "{kind:?}");
}

#[tokio::test]
async fn the_store_contains_no_readable_key_and_accepts_no_changed_one() {
    let (clock, store) = (ManualClock::at(NOON), Arc::new(MemoryStore::new()));
    let auth = node(&clock, &store).await;
    let keys = store.shared_keys().await.expect("read");
    let mut document: Value = serde_json::from_str(keys.document()).expect("JSON");
    assert!(!keys.document().contains("PRIVATE") && !keys.document().contains("key-encryption"));
    assert!(!format!("{auth:?} {:?} {:?}", auth.keys(), every_90_days()).contains("PRIVATE"));
    let start = |wrapping: KeyMaterial| {
        let config = Config::with_keys(KeyRing::default()).clock(clock.clone());
        let schedule = KeyRotation::every(90 * DAY).wrapped_by(wrapping);
        config.revocation(Arc::clone(&store)).key_rotation(schedule).start()
    };
    let other = || KeyMaterial::raw(*b"another encryption key; 32 bytes");
    let error = start(other()).await.expect_err("another key-encryption key");
    assert!(error.to_string().contains("is encrypted by another key-encryption key"), "{error}");
    // A previous key-encryption key still decrypts.
    let schedule = KeyRotation::every(90 * DAY).wrapped_by(other()).also_unwrap(wrapping_key());
    let config = Config::with_keys(KeyRing::default()).clock(clock.clone());
    let config = config.revocation(Arc::clone(&store)).key_rotation(schedule);
    assert_eq!(states(&config.start().await.expect("keys")), states(&auth));
    // Whoever can write to the store can neither change a record nor exchange two of them.
    for (member, value) in [
        ("signs_from", Value::from(1)),
        ("id", Value::from("2020-01-01")),
        ("wrapped", document["keys"][1]["wrapped"].clone()),
        ("alg", Value::from("ES256")),
    ] {
        let good = document["keys"][0][member].take();
        document["keys"][0][member] = value;
        let version = store.shared_keys().await.expect("read").version();
        assert!(store.replace_shared_keys(version, &document.to_string()).await.expect("written"));
        let error = auth.keys().refresh().await.expect_err("damaged");
        assert!(error.to_string().contains("was changed"), "{member}: {error}");
        assert_eq!(states(&auth).len(), 2, "the ring is unchanged");
        document["keys"][0][member] = good;
    }
}

#[tokio::test]
async fn a_directory_of_a_schedule_is_private_and_shared() {
    let folder = Folder::new("rotation");
    let path = folder.file();
    let clock = ManualClock::at(NOON);
    let start = || {
        let schedule = KeyRotation::every(90 * DAY).algorithm(Algorithm::ES256).directory(&path);
        Config::with_keys(KeyRing::default()).clock(clock.clone()).key_rotation(schedule).start()
    };
    let (a, b) = tokio::join!(start(), start());
    let nodes = [a.expect("keys"), b.expect("keys")];
    for node in &nodes {
        node.keys().refresh().await.expect("read");
        assert_eq!(states(node), ["2026-11-27 ES256 signing", "2027-02-25 ES256 pending"]);
    }
    let token = nodes[0].access_token("alice").issue().expect("a token");
    assert!(nodes[1].verify_access(&token).await.is_ok());
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&path).expect("a directory") {
        let entry = entry.expect("a file");
        names.push(entry.file_name().into_string().expect("text"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(entry.metadata().expect("a file").permissions().mode() & 0o777, 0o600);
        }
    }
    names.sort();
    assert_eq!(names, ["2026-11-27.pem", "2027-02-25.pem"]);
}

#[tokio::test]
async fn a_schedule_with_a_mistake_does_not_start() {
    let start = |schedule: KeyRotation| {
        Config::with_keys(KeyRing::default()).revocation(MemoryStore::new()).key_rotation(schedule)
    };
    for (schedule, expected) in [
        (KeyRotation::every(DAY).wrapped_by(wrapping_key()), "keys change every 2d to 3650d"),
        (KeyRotation::every(90 * DAY), "does not say where the private keys are"),
        (every_90_days().directory("keys"), "in a directory or in the store, not in both"),
        (every_90_days().algorithm(Algorithm::RS256), "keys of RS256 are not created here"),
        (KeyRotation::every(90 * DAY).wrapped_by("too short"), "has exactly 32 bytes"),
        (every_90_days().also_unwrap(KeyMaterial::raw([7; 32])), "are equal"),
    ] {
        let error = start(schedule).start().await.expect_err("a mistake").to_string();
        assert!(error.contains("key_rotation") && error.contains(expected), "{error}");
    }
    let directory = Config::with_keys(KeyRing::directory("keys")).key_rotation(every_90_days());
    let error = directory.start().await.expect_err("two sources").to_string();
    assert!(error.contains("replace each other"), "{error}");
    let running = start(every_90_days()).start().await.expect("keys");
    let error = running.keys().reload_from("keys").await.expect_err("two sources");
    assert!(error.to_string().contains("those of the `key_rotation`"), "{error}");
    let error = start(every_90_days()).build().expect_err("it is read asynchronously");
    assert!(error.to_string().contains("write `.start().await`"), "{error}");
    let no_keys = Config::with_keys(KeyRing::default()).start().await;
    assert!(no_keys.is_err_and(|error| error.to_string().contains("the ring has no key")));
    let short = KeyRing::new(key(b'a')).retired_for(29 * DAY);
    let error = Config::with_keys(short).build().expect_err("refresh tokens live 30 days");
    assert!(error.to_string().contains("retired_for"), "{error}");
}
