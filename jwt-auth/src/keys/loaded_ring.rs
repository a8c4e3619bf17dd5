//! The ring of loaded keys: finds the keys that may have signed a token, and the one that signs.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::keys::key::Source;
use crate::keys::load::{self, KeyProblem, Leniency, LoadedKey};
use crate::keys::ring_key::{Origin, RingKey, derive_times};
use crate::keys::{Algorithm, Family, Key, KeyRing, KeyState, key_directory};

/// The maximum number of keys without an id for one algorithm: a token without `kid` is tried against each.
pub(crate) const MOST_WITHOUT_ID: usize = 4;

/// How the keys of a ring are loaded, and how long a retired one verifies.
#[derive(Clone, Debug, Default)]
pub(crate) struct RingTerms {
    pub(crate) leniency: Leniency,
    /// The only algorithms that verify (`danger`). The first secret serves each of them.
    pub(crate) decoded: Option<Vec<Algorithm>>,
    /// The longest life of a token.
    pub(crate) retired_for: Duration,
    /// How much longer a retired key verifies: the leeway, and the difference between clocks.
    pub(crate) slack: Duration,
}

/// A ring of keys that passed every rule.
#[derive(Debug)]
pub(crate) struct LoadedRing {
    /// A number that no other ring of this process has.
    version: u64,
    /// The version of the ring that this one has replaced step by step.
    origin: u64,
    terms: RingTerms,
    keys: Vec<RingKey>,
    by_id: HashMap<String, usize>,
}

/// A number that no other ring and no issuer of this process has.
pub(crate) fn next_version() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl LoadedRing {
    /// Loads every key. The error contains every problem of every key, with the key's position in the ring.
    pub(crate) fn load(ring: &KeyRing, terms: RingTerms) -> Result<Self, Vec<(usize, KeyProblem)>> {
        let decoded = terms.decoded.as_deref();
        let shared = decoded.map(|decoded| shared_secret(ring, decoded)).unwrap_or_default();
        let described = ring.keys.iter().enumerate().chain(shared.iter().map(|key| (0, key)));
        let (mut keys, mut problems) = (Vec::new(), Vec::new());
        for (position, key) in described {
            match load_key(key, Origin::Configured, &terms) {
                Ok(loaded) => keys.push((position, loaded)),
                Err(problem) => problems.push((position, problem)),
            }
        }
        if let Some(directory) = &ring.directory {
            match read_directory(directory, &terms).and_then(not_empty(directory)) {
                Ok(loaded) => keys.extend(loaded.into_iter().map(|key| (0, key))),
                Err(problem) => problems.push((0, problem)),
            }
        }
        if ring.keys.is_empty() && keys.is_empty() && problems.is_empty() && !ring.may_be_empty {
            problems.push((
                0,
                KeyProblem::new("the ring has no key", "write `KeyRing::new(Key::secret(…))`"),
            ));
        }
        Self::assemble(keys, terms, None, problems)
    }

    /// Checks the rules between the keys, and derives their times.
    fn assemble(
        keys: Vec<(usize, RingKey)>,
        terms: RingTerms,
        origin: Option<u64>,
        mut problems: Vec<(usize, KeyProblem)>,
    ) -> Result<Self, Vec<(usize, KeyProblem)>> {
        let mut ring: Vec<RingKey> = Vec::new();
        let mut by_id = HashMap::new();
        // The positions of the first JWK that is public, and of the first that is a secret.
        let (mut public_jwk, mut secret_jwk) = (None, None);
        for (position, key) in keys {
            if key.is_jwk {
                let is_secret = key.algorithm.family() == Family::Hmac;
                let first = if is_secret { &mut secret_jwk } else { &mut public_jwk };
                first.get_or_insert(position);
            }
            let found = conflicts(&key, &ring, terms.decoded.is_some());
            problems.extend(found.into_iter().map(|problem| (position, problem)));
            if let Some(id) = &key.id {
                by_id.insert(id.to_string(), ring.len());
            }
            ring.push(key);
        }
        if let (Some(public), Some(secret)) = (public_jwk, secret_jwk) {
            problems.push((
                public.max(secret),
                KeyProblem::new(
                    "a set of JWKs has public keys or shared secrets, not both, since public sets are published",
                    "load the secret with `Key::secret(…)`",
                ),
            ));
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        derive_times(&mut ring, terms.retired_for, terms.slack);
        let version = next_version();
        Ok(Self { version, origin: origin.unwrap_or(version), terms, keys: ring, by_id })
    }

    /// This ring with one more key.
    pub(super) fn with_key(&self, key: &Key, now: Duration) -> Result<Self, Vec<KeyProblem>> {
        let mut added = load_key(key, Origin::Configured, &self.terms).map_err(|one| vec![one])?;
        added.signs_from.get_or_insert(now);
        let mut keys = self.keys.clone();
        keys.push(added);
        self.replaced(keys)
    }

    /// This ring with these keys instead of those that were read before. A key that is not among them any more stops
    /// signing now, and verifies until its tokens have expired: whoever removed its file may not know that.
    pub(super) fn with_reloaded(
        &self,
        mut reloaded: Vec<RingKey>,
        now: Duration,
    ) -> Result<Self, Vec<KeyProblem>> {
        let mut keys = Vec::new();
        for key in &self.keys {
            if key.origin == Origin::Configured {
                keys.push(key.clone());
            } else if let Some(same) = reloaded.iter().position(|new| is_same_key(new, key)) {
                // The loaded key stays, since a cached token refers to it.
                let mut kept = key.clone();
                let same = reloaded.remove(same);
                // A revocation is forever, whatever happens to the file that says it.
                (kept.signs_from, kept.is_revoked) =
                    (same.signs_from, same.is_revoked || key.is_revoked);
                kept.removed_at = None;
                keys.push(kept);
            } else {
                let mut removed = key.clone();
                if removed.removed_at.is_none() {
                    let id = removed.id.as_deref().unwrap_or_default();
                    tracing::warn!(
                        target: "jwt_auth",
                        key = id,
                        "a key was removed; it signs no more, and verifies until its tokens have expired"
                    );
                }
                removed.removed_at.get_or_insert(now);
                keys.push(removed);
            }
        }
        keys.extend(reloaded);
        keys.retain(|key| key.removed_at.is_none() || key.state(now) != KeyState::Gone);
        let next = self.replaced(keys)?;
        let is_revoked =
            |key: &RingKey| next.keys.iter().any(|new| new.id == key.id && new.is_revoked);
        let had_one = self.scheduled(now).is_some_and(|key| !is_revoked(key));
        if had_one && next.scheduled(now).is_none() {
            return Err(vec![KeyProblem::new(
                "without the removed keys none would sign",
                "restore the file of the signing key, or add one for its successor first",
            )]);
        }
        Ok(next)
    }

    /// Whether both have the same keys with the same times.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.keys.len() == other.keys.len()
            && self.keys.iter().zip(&other.keys).all(|(a, b)| a.is_same(b))
    }

    fn replaced(&self, keys: Vec<RingKey>) -> Result<Self, Vec<KeyProblem>> {
        let keys = keys.into_iter().map(|key| (0, key)).collect();
        Self::assemble(keys, self.terms.clone(), Some(self.origin), Vec::new())
            .map_err(|problems| problems.into_iter().map(|(_, problem)| problem).collect())
    }

    /// The longest life of a token; `None` if the keys do not change.
    pub(crate) fn longest_life(&self) -> Option<Duration> {
        self.keys.first().and_then(RingKey::longest_life)
    }

    pub(crate) fn terms(&self) -> &RingTerms {
        &self.terms
    }

    /// A number that no other ring of this process has.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// A number that this ring shares with those that it has replaced, and with no other.
    pub(crate) fn origin(&self) -> u64 {
        self.origin
    }

    /// The key whose turn it is to sign.
    pub(crate) fn scheduled(&self, now: Duration) -> Option<&RingKey> {
        self.keys.iter().find(|key| key.can_sign() && key.state(now) == KeyState::Signing)
    }

    /// The key that signs: the one whose turn it is or, if there is none or it is revoked, the pending key that is next.
    pub(crate) fn signing(
        &self,
        now: Duration,
        is_revoked: impl Fn(&LoadedKey) -> bool,
    ) -> Option<&RingKey> {
        self.scheduled(now).filter(|key| !is_revoked(key)).or_else(|| {
            let is_next = |key: &&RingKey| {
                key.can_sign() && key.state(now) == KeyState::Pending && !is_revoked(key)
            };
            self.keys.iter().filter(is_next).min_by_key(|key| key.signs_from)
        })
    }

    /// The first key of the algorithm that may sign.
    pub(crate) fn signing_with(&self, algorithm: Algorithm, now: Duration) -> Option<&RingKey> {
        self.keys.iter().find(|key| key.algorithm == algorithm && key.signs_by_name(now))
    }

    /// The key of that id, if it may sign.
    pub(crate) fn signing_by_id(&self, id: &str, now: Duration) -> Option<&RingKey> {
        self.by_id(id).filter(|key| key.signs_by_name(now))
    }

    /// Every key, in the order of the ring.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &RingKey> {
        self.keys.iter()
    }

    /// The key of that id.
    pub(crate) fn by_id(&self, id: &str) -> Option<&RingKey> {
        self.by_id.get(id).and_then(|position| self.keys.get(*position))
    }

    /// The keys of the algorithm that may have signed a token without `kid`.
    pub(crate) fn without_id(
        &self,
        algorithm: Algorithm,
        now: Duration,
    ) -> impl Iterator<Item = &RingKey> {
        let of_algorithm = move |key: &&RingKey| key.verifies_at(now) && key.algorithm == algorithm;
        let has_no_id = move |key: &&RingKey| of_algorithm(key) && key.serves_without_id();
        let all_have_ids = !self.keys.iter().any(|key| has_no_id(&key));
        let is_only = all_have_ids && self.keys.iter().filter(of_algorithm).count() == 1;
        self.keys.iter().filter(move |key| has_no_id(key) || (is_only && of_algorithm(key)))
    }

    /// The keys of the algorithm that may have signed a token whose `kid` no key has: those without an id (R9).
    pub(crate) fn of_unknown_id(
        &self,
        algorithm: Algorithm,
        now: Duration,
    ) -> impl Iterator<Item = &RingKey> {
        let is_candidate = move |key: &&RingKey| {
            key.verifies_at(now) && key.algorithm == algorithm && key.id.is_none()
        };
        self.keys.iter().filter(is_candidate)
    }
}

/// Whether two keys with the same id, or without one, have the same material.
fn is_same_key(a: &RingKey, b: &RingKey) -> bool {
    a.id == b.id && a.algorithm == b.algorithm && a.same_material(b) && a.can_sign() == b.can_sign()
}

fn load_key(key: &Key, origin: Origin, terms: &RingTerms) -> Result<RingKey, KeyProblem> {
    let mut loaded = load::load(key, terms.leniency)?;
    let decoded = terms.decoded.as_deref();
    loaded.verifies = decoded.is_none_or(|list| list.contains(&loaded.algorithm));
    let mut loaded = RingKey::new(loaded, origin, key.signs_from);
    loaded.is_revoked = key.is_revoked;
    Ok(loaded)
}

/// Loads the keys of a directory.
pub(super) fn read_directory(
    directory: &Path,
    terms: &RingTerms,
) -> Result<Vec<RingKey>, KeyProblem> {
    let described = key_directory::read(directory)?;
    let mut keys: Vec<RingKey> = Vec::new();
    for (file, key) in described {
        let mut loaded = load_key(&key, Origin::Reloaded, terms).map_err(|problem| KeyProblem {
            rule: format!("the file {}: {}", file.display(), problem.rule),
            ..problem
        })?;
        // A public key without a date verifies for as long as its file is there.
        loaded.signs_from = loaded.signs_from.filter(|start| loaded.can_sign() || !start.is_zero());
        // The public half of a pair may lie beside its private half.
        let half =
            keys.iter().position(|other| other.id == loaded.id && other.same_material(&loaded));
        match half {
            Some(at) if loaded.can_sign() => keys[at] = loaded,
            Some(_) => {}
            None => keys.push(loaded),
        }
    }
    let unscheduled: Vec<&str> = keys
        .iter()
        .filter(|key| key.can_sign() && key.signs_from == Some(Duration::ZERO))
        .filter_map(|key| key.id.as_deref())
        .collect();
    match unscheduled.as_slice() {
        [] | [_] => Ok(keys),
        [first, second, ..] => Err(KeyProblem::new(
            format!(
                "both `{first}` and `{second}` would sign; in a key directory one private key has no date"
            ),
            "name the files by the day on which each key begins to sign: `2026-12-01.pem`",
        )),
    }
}

/// Refuses a directory without keys.
pub(super) fn not_empty(
    directory: &Path,
) -> impl FnOnce(Vec<RingKey>) -> Result<Vec<RingKey>, KeyProblem> {
    move |keys| {
        if !keys.is_empty() {
            return Ok(keys);
        }
        Err(KeyProblem::new(
            format!("the key directory {} contains no key", directory.display()),
            "create one: openssl genpkey -algorithm ED25519 -out 2026-12-01.pem",
        ))
    }
}

/// Loads keys that were read from a store: each with the time at which it begins to sign.
pub(super) fn load_all(described: &[Key], terms: &RingTerms) -> Result<Vec<RingKey>, KeyProblem> {
    described.iter().map(|key| load_key(key, Origin::Reloaded, terms)).collect()
}

/// The first secret under the other algorithms of the list.
fn shared_secret(ring: &KeyRing, decoded: &[Algorithm]) -> Vec<Key> {
    let Some(Source::Secret(own, material)) = ring.keys.first().map(|key| &key.source) else {
        return Vec::new();
    };
    let others = decoded.iter().filter(|other| *other != own && other.family() == Family::Hmac);
    others.map(|other| Key::secret(*other, material.clone())).collect()
}

/// The rules between a new key and those before it. A secret may be shared by several algorithms under `danger` only.
fn conflicts(new: &RingKey, keys: &[RingKey], may_share: bool) -> Vec<KeyProblem> {
    let mut problems = Vec::new();
    let may_share = may_share && new.algorithm.family() == Family::Hmac;
    // A file may be renamed: tokens with the old id are valid for a while.
    let is_renamed = |key: &RingKey| key.removed_at.is_some() && key.id != new.id;
    let is_shared = |key: &RingKey| may_share && key.algorithm != new.algorithm;
    let is_same = |key: &RingKey| key.same_material(new) && !is_shared(key) && !is_renamed(key);
    if keys.iter().any(is_same) {
        problems.push(KeyProblem::new(
            "a key is in the ring once, with one algorithm",
            "remove one of the two, or create a new key",
        ));
    }
    if new.id.is_some() && keys.iter().any(|key| key.id == new.id) {
        problems.push(KeyProblem::new("key ids are unique", "give the key another `.id(\"…\")`"));
    }
    let begins_with = |key: &RingKey| {
        let is_scheduled = new.signs_from.is_some() && new.can_sign() && key.can_sign();
        is_scheduled && key.removed_at.is_none() && key.signs_from == new.signs_from
    };
    if new.removed_at.is_none() && keys.iter().any(begins_with) {
        problems.push(KeyProblem::new(
            "two keys begin to sign at the same time",
            "give one of them another `.signs_from(…)`",
        ));
    }
    let without_id =
        keys.iter().filter(|key| key.serves_without_id() && key.algorithm == new.algorithm).count();
    if new.serves_without_id() && without_id >= MOST_WITHOUT_ID {
        problems.push(KeyProblem::new(
            format!("at most {MOST_WITHOUT_ID} keys of one algorithm verify tokens without `kid`, since such a token is tried against each"),
            "give the key an `.id(\"…\")`, without `.also_without_id()`",
        ));
    }
    problems
}
