//! The replica: exactly what was taken back, in memory, answered without waiting.
//!
//! A set that grows until its entries die, and registers that only rise: records commute, so that they may be
//! applied twice and in any order.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::revocation::record::{About, Record, Second, is_before};
use crate::revocation::{Standing, TokenIdentity};

const SHARDS: usize = 16;
/// A shard throws out what has died whenever it has doubled since the last time.
const FIRST_PRUNE: usize = 1024;

/// What was taken back.
pub(super) struct Replica {
    /// How many entries there are at all: the empty replica costs one relaxed load.
    entries: AtomicUsize,
    keys: Keys,
    /// Tokens of one issuer each.
    issued: Revoked,
    /// Tokens of whatever issuer.
    tokens: Revoked,
    families: Revoked,
    signers: Revoked,
    epochs: Sharded<Epoch>,
    /// The epoch of everybody, plus one; zero for none.
    all: AtomicU64,
}

/// What was revoked, and until when.
type Revoked = Sharded<Second>;

#[derive(Clone, Copy)]
struct Epoch {
    before: Second,
    until: Second,
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

impl Replica {
    pub(super) fn new() -> Self {
        Self {
            entries: AtomicUsize::new(0),
            keys: Keys([RandomState::new(), RandomState::new()]),
            issued: Revoked::default(),
            tokens: Revoked::default(),
            families: Revoked::default(),
            signers: Revoked::default(),
            epochs: Sharded::default(),
            all: AtomicU64::new(0),
        }
    }

    /// Takes a record in; what has died by `now` may go.
    pub(super) fn apply(&self, record: &Record, now: Second) {
        let (set, key) = match &record.about {
            About::Token { issuer: None, id } => (&self.tokens, self.keys.of(None, id)),
            About::Token { issuer, id } => (&self.issued, self.keys.of(issuer.as_deref(), id)),
            About::Family(family) => (&self.families, self.keys.of(None, family)),
            About::Key(id) => (&self.signers, self.keys.hashed(None, id)),
            About::Subject(subject) => {
                let epoch = Epoch { before: record.before, until: record.until };
                // By max, never by "the first that is set" (CVE-2026-18218).
                let raise = |kept: &mut Epoch, epoch: Epoch| {
                    kept.before = kept.before.max(epoch.before);
                    kept.until = kept.until.max(epoch.until);
                };
                let key = self.keys.hashed(None, subject);
                let alive = |epoch: &Epoch| now < epoch.until;
                return self.epochs.put(key, epoch, raise, alive, &self.entries);
            }
            About::All => {
                if self.all.fetch_max(record.before.saturating_add(1), Ordering::Release) == 0 {
                    self.entries.fetch_add(1, Ordering::Release);
                }
                return;
            }
        };
        let longer = |kept: &mut Second, until: Second| *kept = (*kept).max(until);
        set.put(key, record.until, longer, |until| now < *until, &self.entries);
    }

    /// Whether there is no entry of any kind.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.load(Ordering::Relaxed) == 0
    }

    pub(super) fn standing(&self, token: &TokenIdentity<'_>, now: Second) -> Standing {
        if self.is_empty() {
            return Standing::Good;
        }
        let keys = &self.keys;
        let revoked = token.id.is_some_and(|id| {
            self.tokens.holds(|| keys.of(None, id), now)
                || token
                    .issuer
                    .is_some_and(|issuer| self.issued.holds(|| keys.of(Some(issuer), id), now))
        }) || token.family.is_some_and(|family| self.is_dead(family, now))
            || token.key_id.is_some_and(|id| self.signers.holds(|| keys.hashed(None, id), now))
            || self.is_before_epoch(token);
        if revoked { Standing::Revoked } else { Standing::Good }
    }

    /// Whether a family was revoked.
    pub(super) fn is_dead(&self, family: &str, now: Second) -> bool {
        self.families.holds(|| self.keys.of(None, family), now)
    }

    fn is_before_epoch(&self, token: &TokenIdentity<'_>) -> bool {
        let all = self.all.load(Ordering::Acquire).checked_sub(1);
        let of_subject = self.epochs.get(|| self.keys.hashed(None, token.subject));
        all.is_some_and(|epoch| is_before(token, epoch))
            || of_subject.is_some_and(|epoch| is_before(token, epoch.before))
    }

    pub(super) fn len(&self) -> usize {
        self.entries.load(Ordering::Relaxed)
    }
}

fn shard(key: Key) -> usize {
    usize::try_from(key.1 >> 60).unwrap_or_default() % SHARDS
}

impl fmt::Debug for Replica {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replica").field("entries", &self.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::claims::TokenKind;

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
            key_id: None,
            family,
            issued_at: Some(Duration::from_secs(10)),
            expires_at: Some(Duration::from_secs(100)),
        }
    }

    fn put(replica: &Replica, about: About, until: Second, now: Second) {
        replica.apply(&Record { about, before: 0, until }, now);
    }

    fn id(id: &str) -> About {
        About::Token { issuer: None, id: id.to_owned() }
    }

    fn of(issuer: &str, id: &str) -> About {
        About::Token { issuer: Some(issuer.to_owned()), id: id.to_owned() }
    }

    #[test]
    fn an_entry_is_about_its_issuers_token_and_nothing_of_the_same_name() {
        let replica = Replica::new();
        put(&replica, of("a", "x"), 100, 20);
        assert_eq!(replica.standing(&token(Some("a"), "x", None), 20), Standing::Revoked);
        assert_eq!(replica.standing(&token(Some("b"), "x", None), 20), Standing::Good);
        assert_eq!(replica.standing(&token(None, "x", None), 20), Standing::Good);
        assert_eq!(replica.standing(&token(Some("a"), "y", Some("x")), 20), Standing::Good);
        let replica = Replica::new();
        put(&replica, id("x"), 100, 20);
        assert_eq!(
            replica.standing(&token(Some("a"), "x", None), 20),
            Standing::Revoked,
            "of any issuer"
        );
        assert_eq!(replica.standing(&token(Some("a"), "y", Some("x")), 20), Standing::Good);
        let replica = Replica::new();
        put(&replica, About::Family("x".into()), 100, 20);
        assert_eq!(replica.standing(&token(Some("a"), "y", Some("x")), 20), Standing::Revoked);
        assert_eq!(replica.standing(&token(None, "x", None), 20), Standing::Good);
        let replica = Replica::new();
        put(&replica, About::Key("x".into()), 100, 20);
        assert_eq!(replica.standing(&token(None, "x", Some("x")), 20), Standing::Good);
        let signed = TokenIdentity { key_id: Some("x"), ..token(None, "y", None) };
        assert_eq!(replica.standing(&signed, 20), Standing::Revoked);
        assert_eq!(replica.standing(&signed, 100), Standing::Good);
    }

    #[test]
    fn an_id_of_ours_is_its_own_key_and_one_that_looks_like_it_is_not() {
        let keys = Replica::new().keys;
        let id = "AAECAwQFBgcICQoLDA0ODw";
        assert_eq!(keys.of(None, id), Key(0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908));
        let others =
            ["AAECAwQFBgcICQoLDA0ODx", "AAECAwQFBgcICQoLDA0OD!", "AAECAwQFBgcICQoLDA0OD", "x"];
        let mut all: Vec<Key> = others.iter().map(|other| keys.of(None, other)).collect();
        all.extend([
            keys.of(None, id),
            keys.of(Some("a"), id),
            keys.of(Some("b"), id),
            keys.hashed(None, id),
        ]);
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count, "each name has a key of its own");
    }

    #[test]
    fn pruning_throws_out_the_dead_and_none_of_the_living() {
        let subject = |name: &str| About::Subject(name.to_owned());
        for of in [id, subject] {
            let replica = Replica::new();
            let standing = |name, now| {
                let epoch =
                    TokenIdentity { subject: name, issued_at: None, ..token(None, name, None) };
                replica.standing(&epoch, now)
            };
            put(&replica, of("long"), 1_000, 0);
            for n in 0..40_000 {
                put(&replica, of(&format!("short-{n}")), 10, 0);
            }
            assert_eq!(replica.len(), 40_001, "all of them live");
            for n in 0..40_000 {
                put(&replica, of(&format!("later-{n}")), 1_000, 10);
            }
            assert_eq!(standing("long", 10), Standing::Revoked);
            assert_eq!(standing("later-7", 10), Standing::Revoked);
            assert!(replica.len() < 60_000, "the dead have gone");
        }
    }

    #[test]
    fn everybodys_epoch_counts_where_nothing_else_was_taken_back() {
        let replica = Replica::new();
        for before in [10, 12] {
            replica.apply(&Record { about: About::All, before, until: 9_999 }, 0);
            assert_eq!(replica.standing(&token(None, "x", None), 20), Standing::Revoked);
            assert_eq!(replica.len(), 1);
        }
    }

    #[test]
    fn a_shard_is_walked_when_it_has_doubled_and_not_before() {
        let mut shard = Shard::default();
        let fill = |shard: &mut Shard<Second>, entries: usize| {
            shard.map.extend((0..entries).map(|n| (Key(n as u64, 0), 1)));
        };
        fill(&mut shard, FIRST_PRUNE - 1);
        assert_eq!(shard.prune(|_| false), 0);
        fill(&mut shard, FIRST_PRUNE);
        assert_eq!(shard.prune(|_| false), FIRST_PRUNE);
        fill(&mut shard, 3 * FIRST_PRUNE);
        assert_eq!((shard.prune(|_| true), shard.prune_at), (0, 6 * FIRST_PRUNE));
    }

    #[test]
    fn names_that_differ_little_are_spread_over_shards_and_over_their_maps() {
        use std::collections::HashSet;
        assert!(
            (0..16_u8).all(|n| shard(Key(7, u64::from(n) << 60)) == usize::from(n)),
            "each has its share"
        );
        let spread: [fn(u64) -> Key; 3] = [|n| Key(n, 7), |n| Key(7, n), |n| Key(n << 40, n << 40)];
        for of in spread {
            let hash = |n| BuildHasherDefault::<Folded>::default().hash_one(of(n));
            // A map takes its places from the low bits, and tells neighbours apart by the high ones.
            let places: HashSet<u64> = (0..4_096).map(|n| hash(n) & 0xfff).collect();
            let tags: HashSet<u64> = (0..4_096).map(|n| hash(n) >> 57).collect();
            assert!(places.len() > 2_000 && tags.len() > 100, "{} {}", places.len(), tags.len());
        }
        let bytes = |bytes: &[u8]| {
            let mut hasher = Folded::default();
            hasher.write(bytes);
            hasher.finish()
        };
        assert!(bytes(b"ab") != bytes(b"ba") && bytes(b"a") != bytes(b"b"));
    }

    #[test]
    fn the_longer_record_stands() {
        let replica = Replica::new();
        for until in [50, 100, 30] {
            put(&replica, id("x"), until, 0);
        }
        assert_eq!(replica.standing(&token(None, "x", None), 99), Standing::Revoked);
        assert_eq!(replica.standing(&token(None, "x", None), 100), Standing::Good);
        assert_eq!(replica.len(), 1);
        for before in [5, 20, 7] {
            let about = About::Subject("alice".into());
            replica.apply(&Record { about, before, until: 9_999 }, 0);
        }
        assert_eq!(replica.standing(&token(None, "y", None), 30), Standing::Revoked);
        let bob = TokenIdentity { subject: "bob", ..token(None, "y", None) };
        for (before, standing) in
            [(9, Standing::Good), (10, Standing::Revoked), (3, Standing::Revoked)]
        {
            replica.apply(&Record { about: About::All, before, until: 9_999 }, 0);
            assert_eq!(replica.standing(&bob, 30), standing, "the very second counts as before");
        }
    }

    #[test]
    fn records_commute_and_may_come_twice() {
        // Every order of a few records, each twice, leaves the same.
        let records = [
            Record { about: id("x"), before: 0, until: 50 },
            Record { about: id("x"), before: 0, until: 80 },
            Record { about: About::Subject("alice".into()), before: 5, until: 900 },
            Record { about: About::Subject("alice".into()), before: 9, until: 100 },
        ];
        let mut state = 7_usize;
        for _ in 0..1_000 {
            let replica = Replica::new();
            for _ in 0..2 {
                let mut left: Vec<&Record> = records.iter().collect();
                while !left.is_empty() {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    replica.apply(left.remove((state >> 33) % left.len()), 0);
                }
            }
            assert_eq!(replica.standing(&token(None, "x", None), 79), Standing::Revoked);
            assert_eq!(replica.standing(&token(None, "x", None), 80), Standing::Good);
            let old =
                TokenIdentity { issued_at: Some(Duration::from_secs(9)), ..token(None, "y", None) };
            assert_eq!(replica.standing(&old, 0), Standing::Revoked);
            assert_eq!(replica.standing(&token(None, "y", None), 0), Standing::Good);
        }
    }
}
