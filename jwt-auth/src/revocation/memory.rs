//! The embedded store: exact, in the memory of one process, forgotten at its end.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::revocation::{
    Revocation, RevocationStore, Rotate, Rotation, Standing, StoreError, TokenIdentity,
};

const SHARDS: usize = 16;
/// A shard throws out what has died whenever it has doubled since the last time.
const FIRST_PRUNE: usize = 1024;

/// The default store: one process, nothing durable.
///
/// A restart forgets every revocation, and a second process knows nothing of the first; a fleet, or a
/// promise that outlives the process, needs a shared store. Entries die with their tokens.
///
/// ```
/// use jwt_auth::{Config, MemoryStore};
/// let auth = Config::hs256([7; 32]).revocation(MemoryStore::new()).build()?;
/// # drop(auth);
/// # Ok::<(), jwt_auth::ConfigError>(())
/// ```
pub struct MemoryStore {
    /// How many entries there are at all: the empty store costs one relaxed load.
    entries: AtomicUsize,
    keys: [RandomState; 2],
    revoked: [RwLock<Shard<SystemTime>>; SHARDS],
    epochs: [RwLock<Shard<Epoch>>; SHARDS],
    families: [Mutex<Shard<Family>>; SHARDS],
}

#[derive(Clone, Copy)]
struct Epoch {
    before: SystemTime,
    until: SystemTime,
}

struct Family {
    current: Box<str>,
    parent: Box<str>,
    rotated_at: SystemTime,
    ends: SystemTime,
    dead: bool,
}

struct Shard<V> {
    map: HashMap<u128, V, BuildHasherDefault<Folded>>,
    prune_at: usize,
}

impl<V> Default for Shard<V> {
    fn default() -> Self {
        Self { map: HashMap::default(), prune_at: FIRST_PRUNE }
    }
}

impl<V> Shard<V> {
    /// Throws out what `keep` does not want, when the shard has grown enough; how many went.
    fn prune(&mut self, keep: impl Fn(&V) -> bool) -> usize {
        if self.map.len() < self.prune_at {
            return 0;
        }
        let before = self.map.len();
        self.map.retain(|_, value| keep(value));
        self.prune_at = (self.map.len() * 2).max(FIRST_PRUNE);
        before - self.map.len()
    }
}

/// The keys of the maps are 128 bits of a keyed hash already: half of them is hash enough.
#[derive(Default)]
struct Folded(u64);

impl Hasher for Folded {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    #[allow(clippy::cast_possible_truncation, reason = "the low half is wanted")]
    fn write_u128(&mut self, value: u128) {
        self.0 = value as u64;
    }
}

/// What an entry is about; part of the hash, so that a family never equals a token of the same name.
#[derive(Hash, Clone, Copy)]
enum About {
    Token,
    Family,
    Subject,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self {
            entries: AtomicUsize::new(0),
            keys: [RandomState::new(), RandomState::new()],
            revoked: Default::default(),
            epochs: Default::default(),
            families: Default::default(),
        }
    }

    /// 128 bits keyed by this process, so that nobody can aim at a collision.
    fn key(&self, about: About, issuer: Option<&str>, name: &str) -> u128 {
        let half = |state: &RandomState| u128::from(state.hash_one((about, issuer, name)));
        half(&self.keys[0]) << 64 | half(&self.keys[1])
    }

    fn is_revoked(&self, key: u128, now: SystemTime) -> bool {
        let shard = self.revoked[shard(key)].read().unwrap_or_else(PoisonError::into_inner);
        shard.map.get(&key).is_some_and(|until| now < *until)
    }

    fn is_before_epoch(&self, token: &TokenIdentity<'_>) -> bool {
        let key = self.key(About::Subject, None, token.subject);
        let shard = self.epochs[shard(key)].read().unwrap_or_else(PoisonError::into_inner);
        shard.map.get(&key).is_some_and(|epoch| {
            // Issued in the very second of the epoch counts as before it; so does no `iat`.
            token.issued_at().is_none_or(|issued| second(issued) <= second(epoch.before))
        })
    }

    fn revoke_key(&self, key: u128, until: SystemTime, now: SystemTime) {
        let mut shard = self.revoked[shard(key)].write().unwrap_or_else(PoisonError::into_inner);
        let pruned = shard.prune(|until| now < *until);
        let entry = shard.map.entry(key);
        let grown = usize::from(matches!(entry, std::collections::hash_map::Entry::Vacant(_)));
        let kept = entry.or_insert(until);
        *kept = (*kept).max(until);
        self.count(grown, pruned);
    }

    fn raise_epoch(&self, key: u128, epoch: Epoch, now: SystemTime) {
        let mut shard = self.epochs[shard(key)].write().unwrap_or_else(PoisonError::into_inner);
        let pruned = shard.prune(|epoch| now < epoch.until);
        let entry = shard.map.entry(key);
        let grown = usize::from(matches!(entry, std::collections::hash_map::Entry::Vacant(_)));
        let kept = entry.or_insert(epoch);
        // By max, never by "the first that is set" (CVE-2026-18218).
        kept.before = kept.before.max(epoch.before);
        kept.until = kept.until.max(epoch.until);
        self.count(grown, pruned);
    }

    fn count(&self, grown: usize, pruned: usize) {
        self.entries.fetch_add(grown, Ordering::Release);
        self.entries.fetch_sub(pruned, Ordering::Release);
    }

    fn decide(&self, request: &Rotate<'_>) -> Rotation {
        let key = self.key(About::Family, None, request.family);
        let mut shard = self.families[shard(key)].lock().unwrap_or_else(PoisonError::into_inner);
        shard.prune(|family| request.now < family.ends);
        let Some(family) = shard.map.get_mut(&key) else {
            let over = request.now >= request.family_ends;
            if over || request.generation > 0 || self.is_revoked(key, request.now) {
                return Rotation::Unknown;
            }
            shard.map.insert(
                key,
                Family {
                    current: request.successor.into(),
                    parent: request.presented.into(),
                    rotated_at: request.now,
                    ends: request.family_ends,
                    dead: false,
                },
            );
            return Rotation::Rotated { family_ends: request.family_ends };
        };
        if family.dead || request.now >= family.ends || self.is_revoked(key, request.now) {
            return Rotation::Unknown;
        }
        if *family.current == *request.presented {
            family.parent = std::mem::replace(&mut family.current, request.successor.into());
            family.rotated_at = request.now;
            return Rotation::Rotated { family_ends: family.ends };
        }
        let age = request.now.duration_since(family.rotated_at).unwrap_or_default();
        if *family.parent == *request.presented && age < request.grace {
            return Rotation::Replayed {
                successor: family.current.clone().into(),
                rotated_at: family.rotated_at,
                family_ends: family.ends,
            };
        }
        family.dead = true;
        self.revoke_key(key, request.dead_until.max(family.ends), request.now);
        Rotation::Reused
    }
}

fn second(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn shard(key: u128) -> usize {
    usize::try_from(key >> 124).unwrap_or_default() % SHARDS
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("entries", &self.entries.load(Ordering::Relaxed))
            .finish_non_exhaustive()
    }
}

impl RevocationStore for MemoryStore {
    fn standing(&self, token: &TokenIdentity<'_>, now: SystemTime) -> Result<Standing, StoreError> {
        if self.entries.load(Ordering::Relaxed) == 0 {
            return Ok(Standing::Good);
        }
        let revoked = |about, issuer, name| self.is_revoked(self.key(about, issuer, name), now);
        let token_revoked = token.id.is_some_and(|id| {
            revoked(About::Token, token.issuer, id)
                || (token.issuer.is_some() && revoked(About::Token, None, id))
        });
        let family_revoked =
            token.family.is_some_and(|family| revoked(About::Family, None, family));
        if token_revoked || family_revoked || self.is_before_epoch(token) {
            return Ok(Standing::Revoked);
        }
        Ok(Standing::Good)
    }

    async fn revoke(&self, revocation: Revocation<'_>, now: SystemTime) -> Result<(), StoreError> {
        match revocation {
            Revocation::Token { issuer, id, until } => {
                self.revoke_key(self.key(About::Token, issuer, id), until, now);
            }
            Revocation::Family { family, until } => {
                self.revoke_key(self.key(About::Family, None, family), until, now);
            }
            Revocation::Subject { subject, before, until } => {
                let key = self.key(About::Subject, None, subject);
                self.raise_epoch(key, Epoch { before, until }, now);
            }
        }
        Ok(())
    }

    async fn rotate(&self, request: Rotate<'_>) -> Result<Rotation, StoreError> {
        Ok(self.decide(&request))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::claims::TokenKind;

    fn at(second: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(second)
    }

    fn token<'a>(
        issuer: Option<&'a str>,
        id: &'a str,
        family: Option<&'a str>,
    ) -> TokenIdentity<'a> {
        TokenIdentity {
            issuer,
            id: Some(id),
            subject: "alice",
            kind: TokenKind::Access,
            family,
            issued_at: Some(Duration::from_secs(10)),
            expires_at: Some(Duration::from_secs(100)),
        }
    }

    impl MemoryStore {
        fn put(&self, about: About, issuer: Option<&str>, name: &str, until: u64, now: u64) {
            self.revoke_key(self.key(about, issuer, name), at(until), at(now));
        }

        fn ask(&self, token: &TokenIdentity<'_>, now: u64) -> Standing {
            RevocationStore::standing(self, token, at(now)).unwrap()
        }
    }

    fn rotate<'a>(presented: &'a str, successor: &'a str, generation: u64, now: u64) -> Rotate<'a> {
        Rotate {
            family: "f",
            presented,
            generation,
            successor,
            family_ends: at(1_000),
            dead_until: at(1_500),
            grace: Duration::from_secs(10),
            now: at(now),
        }
    }

    #[test]
    fn an_entry_is_about_its_issuers_token_and_nothing_of_the_same_name() {
        let store = MemoryStore::new();
        store.put(About::Token, Some("a"), "x", 100, 20);
        assert_eq!(store.ask(&token(Some("a"), "x", None), 20), Standing::Revoked);
        assert_eq!(store.ask(&token(Some("b"), "x", None), 20), Standing::Good);
        assert_eq!(store.ask(&token(None, "x", None), 20), Standing::Good);
        assert_eq!(store.ask(&token(Some("a"), "y", Some("x")), 20), Standing::Good);
        let store = MemoryStore::new();
        store.put(About::Family, None, "x", 100, 20);
        assert_eq!(store.ask(&token(Some("a"), "y", Some("x")), 20), Standing::Revoked);
        assert_eq!(store.ask(&token(None, "x", None), 20), Standing::Good);
    }

    #[test]
    fn pruning_throws_out_the_dead_and_none_of_the_living() {
        let store = MemoryStore::new();
        store.put(About::Token, None, "long", 1_000, 0);
        for n in 0..40_000 {
            store.put(About::Token, None, &format!("short-{n}"), 10, 0);
        }
        assert_eq!(store.entries.load(Ordering::Relaxed), 40_001, "all of them live");
        for n in 0..40_000 {
            store.put(About::Token, None, &format!("later-{n}"), 1_000, 500);
        }
        assert_eq!(store.ask(&token(None, "long", None), 500), Standing::Revoked);
        assert_eq!(store.ask(&token(None, "later-7", None), 500), Standing::Revoked);
        assert!(store.entries.load(Ordering::Relaxed) < 60_000, "the dead have gone");
    }

    #[test]
    fn the_longer_record_stands() {
        let store = MemoryStore::new();
        for until in [50, 100, 30] {
            store.put(About::Token, None, "x", until, 0);
        }
        assert_eq!(store.ask(&token(None, "x", None), 99), Standing::Revoked);
        assert_eq!(store.ask(&token(None, "x", None), 100), Standing::Good);
        assert_eq!(store.entries.load(Ordering::Relaxed), 1);
        for before in [5, 20, 7] {
            let key = store.key(About::Subject, None, "alice");
            store.raise_epoch(key, Epoch { before: at(before), until: at(9_999) }, at(0));
        }
        assert_eq!(store.ask(&token(None, "y", None), 30), Standing::Revoked);
    }

    #[test]
    fn a_family_that_is_over_or_revoked_decides_nothing() {
        let store = MemoryStore::new();
        assert_eq!(
            store.decide(&rotate("a", "b", 0, 1_000)),
            Rotation::Unknown,
            "over before it began"
        );
        store.put(About::Family, None, "f", 900, 10);
        assert_eq!(
            store.decide(&rotate("a", "b", 0, 10)),
            Rotation::Unknown,
            "revoked before it began"
        );
        let store = MemoryStore::new();
        let ends = at(1_000);
        assert_eq!(store.decide(&rotate("a", "b", 0, 10)), Rotation::Rotated { family_ends: ends });
        let mut later = rotate("b", "c", 1, 1_000);
        later.family_ends = at(9_999);
        assert_eq!(store.decide(&later), Rotation::Unknown, "over, whatever is asked");
        store.put(About::Family, None, "f", 900, 10);
        assert_eq!(store.decide(&rotate("b", "c", 1, 20)), Rotation::Unknown, "revoked meanwhile");
    }

    #[test]
    fn a_reused_family_is_dead_for_as_long_as_its_tokens_could_live() {
        for (dead_until, alive_at) in [(1_500, 1_499), (500, 999)] {
            let store = MemoryStore::new();
            store.decide(&rotate("a", "b", 0, 10));
            let mut again = rotate("a", "c", 0, 30);
            again.dead_until = at(dead_until);
            assert_eq!(store.decide(&again), Rotation::Reused);
            let sibling = token(None, "any", Some("f"));
            assert_eq!(store.ask(&sibling, alive_at), Standing::Revoked);
            assert_eq!(store.decide(&rotate("b", "c", 1, 31)), Rotation::Unknown);
        }
    }
}
