//! The ring: one key signs, many verify, and a token's `kid` finds the one that must fit.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::keys::key::Source;
use crate::keys::load::{self, KeyProblem, Leniency, LoadedKey};
use crate::keys::{Algorithm, Family, Key};

/// Keys without an id that one algorithm may have: a token without `kid` is tried against each.
const MOST_WITHOUT_ID: usize = 4;

/// The keys of a configuration: at most one signs, all of them verify.
///
/// A token's `kid` is compared with the ids of the ring, and chooses nothing else (RFC 8725 §3.10). A
/// token without `kid` is checked by the keys without an id, or by the one key of its algorithm.
///
/// ```
/// use jwt_auth::{Algorithm, Key, KeyRing};
///
/// let ring = KeyRing::new(Key::secret(Algorithm::HS256, "a new secret of 32 bytes or more").id("b"))
///     .also_verify(Key::secret(Algorithm::HS256, "the old secret of 32 bytes, kept").id("a"));
/// # drop(ring);
/// ```
#[derive(Clone, Debug, Default)]
pub struct KeyRing {
    keys: Vec<Key>,
}

impl KeyRing {
    /// A ring whose first key signs.
    pub fn new(signing: Key) -> Self {
        Self { keys: vec![signing] }
    }

    /// Adds a key that verifies, such as the one that signed until yesterday. When it can sign, a
    /// builder's `.algorithm(…)` may choose it.
    pub fn also_verify(mut self, key: Key) -> Self {
        self.keys.push(key);
        self
    }
}

/// A ring whose keys have all been judged.
#[derive(Debug)]
pub(crate) struct LoadedRing {
    serial: u64,
    keys: Vec<Arc<LoadedKey>>,
    by_id: HashMap<String, usize>,
}

impl LoadedRing {
    /// Loads every key; every problem of every key comes back, with the key's place in the ring.
    pub(crate) fn load(
        ring: &KeyRing,
        leniency: Leniency,
    ) -> Result<Self, Vec<(usize, KeyProblem)>> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let mut problems = Vec::new();
        let mut keys: Vec<Arc<LoadedKey>> = Vec::new();
        let mut by_id = HashMap::new();
        // Where in the ring the first public key of a JWK stands, and the first shared secret.
        let mut of_jwks = [None; 2];
        for (place, key) in ring.keys.iter().enumerate() {
            match load::load(key, leniency) {
                Err(problem) => problems.push((place, problem)),
                Ok(loaded) => {
                    if matches!(key.source, Source::Jwk(_)) {
                        let secret = loaded.algorithm.family() == Family::Hmac;
                        of_jwks[usize::from(secret)].get_or_insert(place);
                    }
                    problems.extend(clashes(&loaded, &keys).into_iter().map(|p| (place, p)));
                    if let Some(id) = &loaded.id {
                        by_id.insert(id.to_string(), keys.len());
                    }
                    keys.push(Arc::new(loaded));
                }
            }
        }
        if let [Some(public), Some(secret)] = of_jwks {
            problems.push((
                public.max(secret),
                KeyProblem::new(
                    "a set of JWKs holds public keys or shared secrets, and not both: the first is for everybody to see",
                    "load the secret by `Key::secret(…)`",
                ),
            ));
        }
        if ring.keys.is_empty() {
            problems
                .push((0, KeyProblem::new("a ring has a key", "`KeyRing::new(Key::secret(…))`")));
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

    /// The key that signs when nothing else is asked for: the first, if it can.
    pub(crate) fn signing(&self) -> Option<&LoadedKey> {
        self.keys.first().filter(|key| key.can_sign()).map(Arc::as_ref)
    }

    /// The first key of the algorithm that can sign.
    pub(crate) fn signing_with(&self, algorithm: Algorithm) -> Option<&LoadedKey> {
        self.keys.iter().find(|key| key.algorithm == algorithm && key.can_sign()).map(Arc::as_ref)
    }

    /// Every key, the first of the ring before the others.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &LoadedKey> {
        self.keys.iter().map(Arc::as_ref)
    }

    /// The key of that id.
    pub(crate) fn by_id(&self, id: &str) -> Option<&LoadedKey> {
        self.by_id.get(id).and_then(|place| self.keys.get(*place)).map(Arc::as_ref)
    }

    /// The keys that a token without `kid` may have been signed by, of that algorithm.
    pub(crate) fn without_id(&self, algorithm: Algorithm) -> impl Iterator<Item = &LoadedKey> {
        let of_algorithm = move |key: &&Arc<LoadedKey>| key.algorithm == algorithm;
        let anonymous = move |key: &&Arc<LoadedKey>| key.algorithm == algorithm && key.id.is_none();
        let none_anonymous = !self.keys.iter().any(|key| anonymous(&key));
        let sole = none_anonymous && self.keys.iter().filter(of_algorithm).count() == 1;
        self.keys
            .iter()
            .filter(move |key| anonymous(key) || (sole && of_algorithm(key)))
            .map(Arc::as_ref)
    }
}

fn clashes(new: &LoadedKey, keys: &[Arc<LoadedKey>]) -> Vec<KeyProblem> {
    let mut problems = Vec::new();
    if keys.iter().any(|key| key.same_material(new)) {
        problems.push(KeyProblem::new(
            "a key stands in the ring once, under one algorithm",
            "remove one of the two, or make a new key",
        ));
    }
    if new.id.is_some() && keys.iter().any(|key| key.id == new.id) {
        problems.push(KeyProblem::new("key ids are unique", "give the key another `.id(\"…\")`"));
    }
    let alike =
        keys.iter().filter(|key| key.id.is_none() && key.algorithm == new.algorithm).count();
    if new.id.is_none() && alike >= MOST_WITHOUT_ID {
        problems.push(KeyProblem::new(
            format!("at most {MOST_WITHOUT_ID} keys of one algorithm have no id, since a token without `kid` is tried against each"),
            "give the key an `.id(\"…\")`",
        ));
    }
    problems
}
