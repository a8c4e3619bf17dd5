//! The replica: every revocation in force, in memory, so that a check never waits.
//!
//! It is a set of entries that expire, and of registers that only rise. Records commute, so they may be applied
//! twice and in any order.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::session::record::{Millis, Record, RecordKey, Second, is_covered};
use crate::session::{TokenIdentity, TokenStatus};
use crate::token_kind::TokenKind;

const SHARDS: usize = 16;
/// A shard removes expired entries whenever its size has doubled since the last removal. This is the size at the
/// first removal.
const FIRST_PRUNE: usize = 1024;

/// The revocations in force.
pub(super) struct Replica {
    /// The number of entries of every type: an empty replica costs one relaxed load.
    entries: AtomicUsize,
    names: NameHasher,
    /// Tokens of one issuer.
    issuer_tokens: Revoked,
    /// Tokens of any issuer.
    tokens: Revoked,
    sessions: Revoked,
    signing_keys: Revoked,
    /// The access tokens of a session before a generation.
    earlier_access: Sharded<Epoch>,
    subject_epochs: Sharded<Epoch>,
    /// The epoch that covers every subject, plus one; zero for none.
    global_epoch: AtomicU64,
}

/// When each revocation ends.
type Revoked = Sharded<Until>;

/// The end of a revocation, in five bytes, because memory holds millions of them. The first byte is the highest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Until([u8; 5]);

impl Until {
    /// A later end than 2^40 - 1 seconds, in the year 36 812, is stored as that second.
    fn new(second: Second) -> Self {
        let [_, _, _, low @ ..] = second.min((1 << 40) - 1).to_be_bytes();
        Self(low)
    }

    fn second(self) -> Second {
        let mut bytes = [0; 8];
        bytes[3..].copy_from_slice(&self.0);
        Second::from_be_bytes(bytes)
    }
}

#[derive(Clone, Copy)]
struct Epoch {
    /// In milliseconds, or a generation.
    before: u64,
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
    /// Removes the entries that `keep` refuses if the shard has doubled, and returns how many.
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

/// Shards, each behind its own lock, and their number of entries: an empty map costs one load.
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

    /// Inserts a value, or combines it with the existing one, and keeps `total` in step.
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
    fn contains(&self, key: impl FnOnce() -> Key, now: Second) -> bool {
        self.get(key).is_some_and(|until| now < until.second())
    }
}

/// A name, as 128 bits. As bytes, so that an entry of a map has no padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key([[u8; 8]; 2]);

impl Key {
    fn new(halves: [u64; 2]) -> Self {
        Self(halves.map(u64::to_le_bytes))
    }

    fn halves(self) -> [u64; 2] {
        self.0.map(u64::from_le_bytes)
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.halves().into_iter().for_each(|half| state.write_u64(half));
    }
}

/// Turns names into keys, by two random states of this process.
struct NameHasher([RandomState; 2]);

impl NameHasher {
    /// The key of an id. A random id of 128 bits in base64url, such as the ids that jwt-auth issues, is its own
    /// key. Any other name is hashed with a secret state, so that no attacker can construct a collision.
    fn id_key(&self, issuer: Option<&str>, name: &str) -> Key {
        if issuer.is_none() && name.len() == 22 {
            let mut id = [0_u8; 18];
            if URL_SAFE_NO_PAD.decode_slice(name, &mut id) == Ok(16) {
                return Key([0, 8].map(|half| std::array::from_fn(|at| id[half + at])));
            }
        }
        self.hashed_key(issuer, name)
    }

    /// The key of a name that users choose, such as a subject. It is always hashed.
    fn hashed_key(&self, issuer: Option<&str>, name: &str) -> Key {
        Key::new([0, 1].map(|half: usize| self.0[half].hash_one((issuer, name))))
    }
}

/// A hasher for keys, which are already random bits, or ids that only the signer chooses: folding them is enough.
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
            names: NameHasher([RandomState::new(), RandomState::new()]),
            issuer_tokens: Revoked::default(),
            tokens: Revoked::default(),
            sessions: Revoked::default(),
            signing_keys: Revoked::default(),
            earlier_access: Sharded::default(),
            subject_epochs: Sharded::default(),
            global_epoch: AtomicU64::new(0),
        }
    }

    /// Applies a record. Entries that have expired by `now` may be removed.
    pub(super) fn apply(&self, record: &Record, now: Second) {
        let names = &self.names;
        let (set, key) = match &record.key {
            RecordKey::Token { issuer: None, id } => (&self.tokens, names.id_key(None, id)),
            RecordKey::Token { issuer, id } => {
                (&self.issuer_tokens, names.id_key(issuer.as_deref(), id))
            }
            RecordKey::Session(id) => (&self.sessions, names.id_key(None, id)),
            RecordKey::SigningKey(id) => (&self.signing_keys, names.hashed_key(None, id)),
            RecordKey::Subject(subject) => {
                let key = names.hashed_key(None, subject);
                return self.raise(&self.subject_epochs, key, record, now);
            }
            RecordKey::EarlierAccess(session) => {
                let key = names.id_key(None, session);
                return self.raise(&self.earlier_access, key, record, now);
            }
            RecordKey::All => {
                let epoch = record.before.saturating_add(1);
                if self.global_epoch.fetch_max(epoch, Ordering::Release) == 0 {
                    self.entries.fetch_add(1, Ordering::Release);
                }
                return;
            }
        };
        let extend = |current: &mut Until, until: Until| *current = (*current).max(until);
        let until = Until::new(record.until);
        set.put(key, until, extend, |until| now < until.second(), &self.entries);
    }

    /// Combines an epoch with the previous one: by their maximum, never by "the first that is set" (CVE-2026-18218).
    fn raise(&self, epochs: &Sharded<Epoch>, key: Key, record: &Record, now: Second) {
        let epoch = Epoch { before: record.before, until: record.until };
        let raise = |current: &mut Epoch, epoch: Epoch| {
            current.before = current.before.max(epoch.before);
            current.until = current.until.max(epoch.until);
        };
        epochs.put(key, epoch, raise, |epoch| now < epoch.until, &self.entries);
    }

    /// Whether there is no entry of any type.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.load(Ordering::Relaxed) == 0
    }

    pub(super) fn check(&self, token: &TokenIdentity<'_>, now: Second) -> TokenStatus {
        if self.is_empty() {
            return TokenStatus::Valid;
        }
        let covers = |epoch| is_covered(token, epoch);
        if self.names(token, now)
            || self.epoch(token.subject).is_some_and(covers)
            || self.is_earlier_access(token, now)
        {
            TokenStatus::Revoked
        } else {
            TokenStatus::Valid
        }
    }

    /// Whether an entry in force names the token, its session or its key.
    pub(super) fn names(&self, token: &TokenIdentity<'_>, now: Second) -> bool {
        let names = &self.names;
        let is_token_revoked = |id| {
            let of_issuer =
                |issuer| self.issuer_tokens.contains(|| names.id_key(Some(issuer), id), now);
            self.tokens.contains(|| names.id_key(None, id), now)
                || token.issuer.is_some_and(of_issuer)
        };
        let is_key_revoked = |id| self.signing_keys.contains(|| names.hashed_key(None, id), now);
        token.id.is_some_and(is_token_revoked)
            || token.session_id.is_some_and(|id| self.is_session_revoked(id, now))
            || token.key_id.is_some_and(is_key_revoked)
    }

    fn is_earlier_access(&self, token: &TokenIdentity<'_>, now: Second) -> bool {
        let Some(session) = token.session_id.filter(|_| token.kind == TokenKind::Access) else {
            return false;
        };
        let first = self.earlier_access.get(|| self.names.id_key(None, session));
        first.is_some_and(|first| now < first.until && token.generation < first.before)
    }

    pub(super) fn is_session_revoked(&self, id: &str, now: Second) -> bool {
        self.sessions.contains(|| self.names.id_key(None, id), now)
    }

    /// The later one of the epoch of the subject and the epoch of all.
    pub(super) fn epoch(&self, subject: &str) -> Option<Millis> {
        let global = self.global_epoch.load(Ordering::Acquire).checked_sub(1);
        let of_subject = self.subject_epochs.get(|| self.names.hashed_key(None, subject));
        global.max(of_subject.map(|epoch| epoch.before))
    }

    pub(super) fn len(&self) -> usize {
        self.entries.load(Ordering::Relaxed)
    }
}

fn shard(key: Key) -> usize {
    usize::try_from(key.halves()[1] >> 60).unwrap_or_default() % SHARDS
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

    fn token<'a>(
        issuer: Option<&'a str>,
        id: &'a str,
        session_id: Option<&'a str>,
    ) -> TokenIdentity<'a> {
        TokenIdentity {
            issuer,
            session_id,
            issued_at: Some(Duration::from_secs(10)),
            expires_at: Some(Duration::from_secs(100)),
            ..TokenIdentity::for_test(TokenKind::Access, "alice", id)
        }
    }

    fn put(replica: &Replica, key: RecordKey, until: Second, now: Second) {
        replica.apply(&Record { key, before: 0, until }, now);
    }

    fn id(id: &str) -> RecordKey {
        RecordKey::Token { issuer: None, id: id.to_owned() }
    }

    fn of(issuer: &str, id: &str) -> RecordKey {
        RecordKey::Token { issuer: Some(issuer.to_owned()), id: id.to_owned() }
    }

    #[test]
    fn a_record_covers_only_its_own_type_and_issuer() {
        let replica = Replica::new();
        put(&replica, of("a", "x"), 100, 20);
        assert_eq!(replica.check(&token(Some("a"), "x", None), 20), TokenStatus::Revoked);
        assert_eq!(replica.check(&token(Some("b"), "x", None), 20), TokenStatus::Valid);
        assert_eq!(replica.check(&token(None, "x", None), 20), TokenStatus::Valid);
        assert_eq!(replica.check(&token(Some("a"), "y", Some("x")), 20), TokenStatus::Valid);
        let replica = Replica::new();
        put(&replica, id("x"), 100, 20);
        assert_eq!(
            replica.check(&token(Some("a"), "x", None), 20),
            TokenStatus::Revoked,
            "a record without an issuer covers every issuer"
        );
        assert_eq!(replica.check(&token(Some("a"), "y", Some("x")), 20), TokenStatus::Valid);
        let replica = Replica::new();
        put(&replica, RecordKey::Session("x".into()), 100, 20);
        assert_eq!(replica.check(&token(Some("a"), "y", Some("x")), 20), TokenStatus::Revoked);
        assert_eq!(replica.check(&token(None, "x", None), 20), TokenStatus::Valid);
        let replica = Replica::new();
        put(&replica, RecordKey::SigningKey("x".into()), 100, 20);
        assert_eq!(replica.check(&token(None, "x", Some("x")), 20), TokenStatus::Valid);
        let signed = TokenIdentity { key_id: Some("x"), ..token(None, "y", None) };
        assert_eq!(replica.check(&signed, 20), TokenStatus::Revoked);
        assert_eq!(replica.check(&signed, 100), TokenStatus::Valid);
    }

    #[test]
    fn a_random_id_is_its_own_key_and_other_names_are_hashed() {
        let names = Replica::new().names;
        let id = "AAECAwQFBgcICQoLDA0ODw";
        assert_eq!(
            names.id_key(None, id),
            Key::new([0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908])
        );
        let others =
            ["AAECAwQFBgcICQoLDA0ODx", "AAECAwQFBgcICQoLDA0OD!", "AAECAwQFBgcICQoLDA0OD", "x"];
        let mut all: Vec<Key> = others.iter().map(|other| names.id_key(None, other)).collect();
        all.extend([
            names.id_key(None, id),
            names.id_key(Some("a"), id),
            names.id_key(Some("b"), id),
            names.hashed_key(None, id),
        ]);
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count, "each name has its own key");
    }

    #[test]
    fn pruning_removes_expired_entries_and_no_others() {
        let subject = |name: &str| RecordKey::Subject(name.to_owned());
        for of in [id, subject] {
            let replica = Replica::new();
            let status = |name, now| {
                let epoch =
                    TokenIdentity { subject: name, issued_at: None, ..token(None, name, None) };
                replica.check(&epoch, now)
            };
            put(&replica, of("long"), 1_000, 0);
            for n in 0..40_000 {
                put(&replica, of(&format!("short-{n}")), 10, 0);
            }
            assert_eq!(replica.len(), 40_001, "none has expired");
            for n in 0..40_000 {
                put(&replica, of(&format!("later-{n}")), 1_000, 10);
            }
            assert_eq!(status("long", 10), TokenStatus::Revoked);
            assert_eq!(status("later-7", 10), TokenStatus::Revoked);
            assert!(replica.len() < 60_000, "the expired entries are gone");
        }
    }

    #[test]
    fn the_global_epoch_counts_without_any_other_entry() {
        let replica = Replica::new();
        for before in [10_000, 12_000] {
            replica.apply(&Record { key: RecordKey::All, before, until: 9_999 }, 0);
            assert_eq!(replica.check(&token(None, "x", None), 20), TokenStatus::Revoked);
            assert_eq!(replica.len(), 1);
        }
    }

    #[test]
    fn a_shard_is_pruned_only_after_it_has_doubled() {
        let mut shard = Shard::default();
        let fill = |shard: &mut Shard<Second>, entries: usize| {
            shard.map.extend((0..entries).map(|n| (Key::new([n as u64, 0]), 1)));
        };
        fill(&mut shard, FIRST_PRUNE - 1);
        assert_eq!(shard.prune(|_| false), 0);
        fill(&mut shard, FIRST_PRUNE);
        assert_eq!(shard.prune(|_| false), FIRST_PRUNE);
        fill(&mut shard, 3 * FIRST_PRUNE);
        assert_eq!((shard.prune(|_| true), shard.prune_at), (0, 6 * FIRST_PRUNE));
    }

    #[test]
    fn similar_names_spread_over_shards_and_buckets() {
        use std::collections::HashSet;
        assert!(
            (0..16_u8).all(|n| shard(Key::new([7, u64::from(n) << 60])) == usize::from(n)),
            "each shard is used"
        );
        let spread: [fn(u64) -> [u64; 2]; 3] = [|n| [n, 7], |n| [7, n], |n| [n << 40, n << 40]];
        for of in spread {
            let hash = |n| BuildHasherDefault::<Folded>::default().hash_one(Key::new(of(n)));
            // A map takes its buckets from the low bits, and its tags from the high ones.
            let buckets: HashSet<u64> = (0..4_096).map(|n| hash(n) & 0xfff).collect();
            let tags: HashSet<u64> = (0..4_096).map(|n| hash(n) >> 57).collect();
            assert!(buckets.len() > 2_000 && tags.len() > 100, "{} {}", buckets.len(), tags.len());
        }
        let bytes = |bytes: &[u8]| {
            let mut hasher = Folded::default();
            hasher.write(bytes);
            hasher.finish()
        };
        assert!(bytes(b"ab") != bytes(b"ba") && bytes(b"a") != bytes(b"b"));
    }

    #[test]
    fn an_end_is_stored_exactly_up_to_the_longest() {
        let longest = (1 << 40) - 1;
        for second in [0, 1, 255, 1_700_000_000, 253_402_300_799, longest] {
            assert_eq!(Until::new(second).second(), second);
        }
        assert_eq!(Until::new(Second::MAX).second(), longest);
    }

    #[test]
    fn of_two_records_the_later_end_and_epoch_win() {
        let replica = Replica::new();
        for until in [50, 100, 30] {
            put(&replica, id("x"), until, 0);
        }
        assert_eq!(replica.check(&token(None, "x", None), 99), TokenStatus::Revoked);
        assert_eq!(replica.check(&token(None, "x", None), 100), TokenStatus::Valid);
        assert_eq!(replica.len(), 1);
        for before in [5_000, 20_000, 7_000] {
            let key = RecordKey::Subject("alice".into());
            replica.apply(&Record { key, before, until: 9_999 }, 0);
        }
        assert_eq!(replica.check(&token(None, "y", None), 30), TokenStatus::Revoked);
        let bob = TokenIdentity { subject: "bob", ..token(None, "y", None) };
        for (before, status) in
            [(9_999, TokenStatus::Valid), (10_000, TokenStatus::Revoked), (3, TokenStatus::Revoked)]
        {
            replica.apply(&Record { key: RecordKey::All, before, until: 9_999 }, 0);
            assert_eq!(replica.check(&bob, 30), status, "the second of the epoch is covered");
        }
    }

    #[test]
    fn records_commute_and_may_be_applied_twice() {
        // Every order of a few records, each applied twice, has the same result.
        let records = [
            Record { key: id("x"), before: 0, until: 50 },
            Record { key: id("x"), before: 0, until: 80 },
            Record { key: RecordKey::Subject("alice".into()), before: 5_000, until: 900 },
            Record { key: RecordKey::Subject("alice".into()), before: 9_000, until: 100 },
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
            assert_eq!(replica.check(&token(None, "x", None), 79), TokenStatus::Revoked);
            assert_eq!(replica.check(&token(None, "x", None), 80), TokenStatus::Valid);
            let old =
                TokenIdentity { issued_at: Some(Duration::from_secs(9)), ..token(None, "y", None) };
            assert_eq!(replica.check(&old, 0), TokenStatus::Revoked);
            assert_eq!(replica.check(&token(None, "y", None), 0), TokenStatus::Valid);
        }
    }
}
