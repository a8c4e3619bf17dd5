//! The embedded store: exact, in the memory of one process, forgotten at its end.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

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
    keys: Keys,
    /// Tokens of one issuer each.
    issued: Revoked,
    /// Tokens of whatever issuer.
    tokens: Revoked,
    families: Revoked,
    epochs: Sharded<Epoch>,
    rotations: [Mutex<Shard<Family>>; SHARDS],
}

/// Seconds since 1970: half the size of a `SystemTime`, and as fine as claims are.
type Second = u64;

/// What was revoked, and until when.
type Revoked = Sharded<Second>;

#[derive(Clone, Copy)]
struct Epoch {
    before: Second,
    until: Second,
}

struct Family {
    current: Box<str>,
    parent: Box<str>,
    rotated_at: SystemTime,
    ends: SystemTime,
    dead: bool,
}

struct Shard<V> {
    map: HashMap<Key, V, BuildHasherDefault<Folded>>,
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

/// Shards behind locks of their own, and how many entries they have: what is empty costs one load.
struct Sharded<V> {
    len: AtomicUsize,
    shards: [RwLock<Shard<V>>; SHARDS],
}

impl<V> Default for Sharded<V> {
    fn default() -> Self {
        Self { len: AtomicUsize::new(0), shards: Default::default() }
    }
}

impl<V: Copy> Sharded<V> {
    fn get(&self, key: impl FnOnce() -> Key) -> Option<V> {
        if self.len.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let key = key();
        let shard = self.shards[shard(key)].read().unwrap_or_else(PoisonError::into_inner);
        shard.map.get(&key).copied()
    }

    /// Adds a value, or combines it with the one that is there; `total` counts along.
    fn put(
        &self,
        key: Key,
        value: V,
        combine: impl FnOnce(&mut V, V),
        keep: impl Fn(&V) -> bool,
        total: &AtomicUsize,
    ) {
        let mut shard = self.shards[shard(key)].write().unwrap_or_else(PoisonError::into_inner);
        let pruned = shard.prune(keep);
        let before = shard.map.len();
        combine(shard.map.entry(key).or_insert(value), value);
        let grown = shard.map.len() - before;
        for count in [&self.len, total] {
            count.fetch_add(grown, Ordering::Release);
            count.fetch_sub(pruned, Ordering::Release);
        }
    }
}

impl Revoked {
    fn holds(&self, key: impl FnOnce() -> Key, now: Second) -> bool {
        self.get(key).is_some_and(|until| now < until)
    }
}

/// 128 bits that stand for a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key(u64, u64);

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0);
        state.write_u64(self.1);
    }
}

/// How names become keys, by two random states of this process.
struct Keys([RandomState; 2]);

impl Keys {
    /// An id of 128 bits in base64url, as ours are, is its own key; any other name is hashed so that nobody
    /// can aim at a collision.
    fn of(&self, issuer: Option<&str>, name: &str) -> Key {
        if issuer.is_none() && name.len() == 22 {
            let mut id = [0_u8; 18];
            if URL_SAFE_NO_PAD.decode_slice(name, &mut id) == Ok(16) {
                let half = |at: usize| u64::from_le_bytes(std::array::from_fn(|n| id[at + n]));
                return Key(half(0), half(8));
            }
        }
        self.hashed(issuer, name)
    }

    /// What people choose, as they do their names, is always hashed.
    fn hashed(&self, issuer: Option<&str>, name: &str) -> Key {
        let half = |state: &RandomState| state.hash_one((issuer, name));
        Key(half(&self.0[0]), half(&self.0[1]))
    }
}

/// The keys of the maps are random bits already, or ids that only a signer chooses: folding is hash enough.
#[derive(Default)]
struct Folded(u64);

impl Hasher for Folded {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    #[allow(clippy::cast_possible_truncation, reason = "both halves are taken")]
    fn write_u64(&mut self, value: u64) {
        let product = u128::from(self.0 ^ value) * 0x9e37_79b9_7f4a_7c15;
        self.0 = (product >> 64) as u64 ^ product as u64;
    }
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self {
            entries: AtomicUsize::new(0),
            keys: Keys([RandomState::new(), RandomState::new()]),
            issued: Revoked::default(),
            tokens: Revoked::default(),
            families: Revoked::default(),
            epochs: Sharded::default(),
            rotations: Default::default(),
        }
    }

    fn is_before_epoch(&self, token: &TokenIdentity<'_>) -> bool {
        self.epochs.get(|| self.keys.hashed(None, token.subject)).is_some_and(|epoch| {
            // Issued in the very second of the epoch counts as before it; so does no `iat`.
            token.issued_at.is_none_or(|issued| issued.as_secs() <= epoch.before)
        })
    }

    fn add(&self, to: &Revoked, key: Key, until: SystemTime, now: SystemTime) {
        let (until, now) = (end(until), second(now));
        let longer = |kept: &mut Second, until: Second| *kept = (*kept).max(until);
        to.put(key, until, longer, |until| now < *until, &self.entries);
    }

    fn raise_epoch(&self, key: Key, epoch: Epoch, now: SystemTime) {
        let now = second(now);
        // By max, never by "the first that is set" (CVE-2026-18218).
        let raise = |kept: &mut Epoch, epoch: Epoch| {
            kept.before = kept.before.max(epoch.before);
            kept.until = kept.until.max(epoch.until);
        };
        self.epochs.put(key, epoch, raise, |epoch| now < epoch.until, &self.entries);
    }

    fn decide(&self, request: &Rotate<'_>) -> Rotation {
        let key = self.keys.of(None, request.family);
        let mut shard = self.rotations[shard(key)].lock().unwrap_or_else(PoisonError::into_inner);
        shard.prune(|family| request.now < family.ends);
        let revoked = || self.families.holds(|| key, second(request.now));
        let Some(family) = shard.map.get_mut(&key) else {
            let over = request.now >= request.family_ends;
            if over || request.generation > 0 || revoked() {
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
        if family.dead || request.now >= family.ends || revoked() {
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
        self.add(&self.families, key, request.dead_until.max(family.ends), request.now);
        Rotation::Reused
    }
}

fn second(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// The end of an entry: the second in which it is surely over.
fn end(time: SystemTime) -> Second {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_secs() + u64::from(since.subsec_nanos() > 0)
}

fn shard(key: Key) -> usize {
    usize::try_from(key.1 >> 60).unwrap_or_default() % SHARDS
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
        let (keys, second) = (&self.keys, second(now));
        let token_revoked = token.id.is_some_and(|id| {
            self.tokens.holds(|| keys.of(None, id), second)
                || token
                    .issuer
                    .is_some_and(|issuer| self.issued.holds(|| keys.of(Some(issuer), id), second))
        });
        let family_revoked = token
            .family
            .is_some_and(|family| self.families.holds(|| keys.of(None, family), second));
        if token_revoked || family_revoked || self.is_before_epoch(token) {
            return Ok(Standing::Revoked);
        }
        Ok(Standing::Good)
    }

    async fn revoke(&self, revocation: Revocation<'_>, now: SystemTime) -> Result<(), StoreError> {
        match revocation {
            Revocation::Token { issuer, id, until } => {
                let to = if issuer.is_some() { &self.issued } else { &self.tokens };
                self.add(to, self.keys.of(issuer, id), until, now);
            }
            Revocation::Family { family, until } => {
                self.add(&self.families, self.keys.of(None, family), until, now);
            }
            Revocation::Subject { subject, before, until } => {
                let epoch = Epoch { before: second(before), until: end(until) };
                self.raise_epoch(self.keys.hashed(None, subject), epoch, now);
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
        fn put(
            &self,
            to: fn(&Self) -> &Revoked,
            issuer: Option<&str>,
            name: &str,
            until: u64,
            now: u64,
        ) {
            self.add(to(self), self.keys.of(issuer, name), at(until), at(now));
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
        store.put(|s| &s.issued, Some("a"), "x", 100, 20);
        assert_eq!(store.ask(&token(Some("a"), "x", None), 20), Standing::Revoked);
        assert_eq!(store.ask(&token(Some("b"), "x", None), 20), Standing::Good);
        assert_eq!(store.ask(&token(None, "x", None), 20), Standing::Good);
        assert_eq!(store.ask(&token(Some("a"), "y", Some("x")), 20), Standing::Good);
        let store = MemoryStore::new();
        store.put(|s| &s.tokens, None, "x", 100, 20);
        assert_eq!(store.ask(&token(Some("a"), "x", None), 20), Standing::Revoked, "of any issuer");
        assert_eq!(store.ask(&token(Some("a"), "y", Some("x")), 20), Standing::Good);
        let store = MemoryStore::new();
        store.put(|s| &s.families, None, "x", 100, 20);
        assert_eq!(store.ask(&token(Some("a"), "y", Some("x")), 20), Standing::Revoked);
        assert_eq!(store.ask(&token(None, "x", None), 20), Standing::Good);
    }

    #[test]
    fn an_id_of_ours_is_its_own_key_and_one_that_looks_like_it_is_not() {
        let keys = MemoryStore::new().keys;
        let id = "AAECAwQFBgcICQoLDA0ODw";
        assert_eq!(keys.of(None, id), Key(0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908));
        let others =
            ["AAECAwQFBgcICQoLDA0ODx", "AAECAwQFBgcICQoLDA0OD!", "AAECAwQFBgcICQoLDA0OD", "x"];
        let mut all: Vec<Key> = others.iter().map(|other| keys.of(None, other)).collect();
        all.extend([keys.of(None, id), keys.of(Some("a"), id), keys.of(Some("b"), id)]);
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count, "each name has a key of its own");
    }

    #[test]
    fn pruning_throws_out_the_dead_and_none_of_the_living() {
        let store = MemoryStore::new();
        store.put(|s| &s.tokens, None, "long", 1_000, 0);
        for n in 0..40_000 {
            store.put(|s| &s.tokens, None, &format!("short-{n}"), 10, 0);
        }
        assert_eq!(store.entries.load(Ordering::Relaxed), 40_001, "all of them live");
        for n in 0..40_000 {
            store.put(|s| &s.tokens, None, &format!("later-{n}"), 1_000, 500);
        }
        assert_eq!(store.ask(&token(None, "long", None), 500), Standing::Revoked);
        assert_eq!(store.ask(&token(None, "later-7", None), 500), Standing::Revoked);
        assert!(store.entries.load(Ordering::Relaxed) < 60_000, "the dead have gone");
    }

    #[test]
    fn the_longer_record_stands() {
        let store = MemoryStore::new();
        for until in [50, 100, 30] {
            store.put(|s| &s.tokens, None, "x", until, 0);
        }
        assert_eq!(store.ask(&token(None, "x", None), 99), Standing::Revoked);
        assert_eq!(store.ask(&token(None, "x", None), 100), Standing::Good);
        assert_eq!(store.entries.load(Ordering::Relaxed), 1);
        for before in [5, 20, 7] {
            let key = store.keys.hashed(None, "alice");
            store.raise_epoch(key, Epoch { before, until: 9_999 }, at(0));
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
        store.put(|s| &s.families, None, "f", 900, 10);
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
        store.put(|s| &s.families, None, "f", 900, 10);
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
