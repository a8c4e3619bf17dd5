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
        let key = self.key(About::Family, request.issuer, request.family);
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
            token.family.is_some_and(|family| revoked(About::Family, token.issuer, family));
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
            Revocation::Family { issuer, family, until } => {
                self.revoke_key(self.key(About::Family, issuer, family), until, now);
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
