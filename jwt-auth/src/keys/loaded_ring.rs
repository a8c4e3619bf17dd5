//! The ring of loaded keys: finds the keys that may have signed a token, and the one that signs.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::keys::key::Source;
use crate::keys::load::{self, KeyProblem, Leniency, LoadedKey};
use crate::keys::{Algorithm, Family, Key, KeyRing};

/// The maximum number of keys without an id for one algorithm: a token without `kid` is tried against each.
pub(crate) const MOST_WITHOUT_ID: usize = 4;

/// A ring of keys that passed every rule.
#[derive(Debug)]
pub(crate) struct LoadedRing {
    serial: u64,
    keys: Vec<Arc<LoadedKey>>,
    by_id: HashMap<String, usize>,
}

impl LoadedRing {
    /// Loads every key. The error contains every problem of every key, with the key's position in the ring.
    ///
    /// With `decoded`, only these algorithms verify, and the first secret serves each of them (`danger`).
    pub(crate) fn load(
        ring: &KeyRing,
        leniency: Leniency,
        decoded: Option<&[Algorithm]>,
    ) -> Result<Self, Vec<(usize, KeyProblem)>> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let shared = decoded.map(|decoded| shared_secret(ring, decoded)).unwrap_or_default();
        let described = ring.keys.iter().enumerate().chain(shared.iter().map(|key| (0, key)));
        let mut problems = Vec::new();
        let mut keys: Vec<Arc<LoadedKey>> = Vec::new();
        let mut by_id = HashMap::new();
        // The positions of the first JWK that is public, and of the first that is a secret.
        let (mut public_jwk, mut secret_jwk) = (None, None);
        for (position, key) in described {
            match load::load(key, leniency) {
                Err(problem) => problems.push((position, problem)),
                Ok(mut loaded) => {
                    loaded.verifies = decoded.is_none_or(|list| list.contains(&loaded.algorithm));
                    if loaded.is_jwk {
                        let is_secret = loaded.algorithm.family() == Family::Hmac;
                        let first = if is_secret { &mut secret_jwk } else { &mut public_jwk };
                        first.get_or_insert(position);
                    }
                    let found = conflicts(&loaded, &keys, decoded.is_some());
                    problems.extend(found.into_iter().map(|problem| (position, problem)));
                    if let Some(id) = &loaded.id {
                        by_id.insert(id.to_string(), keys.len());
                    }
                    keys.push(Arc::new(loaded));
                }
            }
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
        if ring.keys.is_empty() {
            problems.push((
                0,
                KeyProblem::new("the ring has no key", "write `KeyRing::new(Key::secret(…))`"),
            ));
        }
        if problems.is_empty() {
            Ok(Self { serial: NEXT.fetch_add(1, Ordering::Relaxed), keys, by_id })
        } else {
            Err(problems)
        }
    }

    /// A number that no other ring of this process has.
    pub(crate) fn serial(&self) -> u64 {
        self.serial
    }

    /// The key that signs by default: the first, if it can sign.
    pub(crate) fn signing(&self) -> Option<&LoadedKey> {
        self.keys.first().filter(|key| key.can_sign()).map(Arc::as_ref)
    }

    /// The first key of the algorithm that can sign.
    pub(crate) fn signing_with(&self, algorithm: Algorithm) -> Option<&LoadedKey> {
        self.keys.iter().find(|key| key.algorithm == algorithm && key.can_sign()).map(Arc::as_ref)
    }

    /// Every key, in the order of the ring.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &LoadedKey> {
        self.keys.iter().map(Arc::as_ref)
    }

    /// The key of that id.
    pub(crate) fn by_id(&self, id: &str) -> Option<&LoadedKey> {
        self.by_id.get(id).and_then(|position| self.keys.get(*position)).map(Arc::as_ref)
    }

    /// The keys of the algorithm that may have signed a token without `kid`.
    pub(crate) fn without_id(&self, algorithm: Algorithm) -> impl Iterator<Item = &LoadedKey> {
        let of_algorithm = move |key: &&Arc<LoadedKey>| key.verifies && key.algorithm == algorithm;
        let has_no_id = move |key: &&Arc<LoadedKey>| of_algorithm(key) && key.serves_without_id();
        let all_have_ids = !self.keys.iter().any(|key| has_no_id(&key));
        let is_only = all_have_ids && self.keys.iter().filter(of_algorithm).count() == 1;
        self.keys
            .iter()
            .filter(move |key| has_no_id(key) || (is_only && of_algorithm(key)))
            .map(Arc::as_ref)
    }

    /// The keys of the algorithm that may have signed a token whose `kid` no key has: those without an id (R9).
    pub(crate) fn of_unknown_id(&self, algorithm: Algorithm) -> impl Iterator<Item = &LoadedKey> {
        let is_candidate = move |key: &&Arc<LoadedKey>| {
            key.verifies && key.algorithm == algorithm && key.id.is_none()
        };
        self.keys.iter().filter(is_candidate).map(Arc::as_ref)
    }
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
fn conflicts(new: &LoadedKey, keys: &[Arc<LoadedKey>], may_share: bool) -> Vec<KeyProblem> {
    let mut problems = Vec::new();
    let may_share = may_share && new.algorithm.family() == Family::Hmac;
    let is_same = |key: &Arc<LoadedKey>| {
        key.same_material(new) && !(may_share && key.algorithm != new.algorithm)
    };
    if keys.iter().any(is_same) {
        problems.push(KeyProblem::new(
            "a key is in the ring once, with one algorithm",
            "remove one of the two, or create a new key",
        ));
    }
    if new.id.is_some() && keys.iter().any(|key| key.id == new.id) {
        problems.push(KeyProblem::new("key ids are unique", "give the key another `.id(\"…\")`"));
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
