//! The key ring: one key signs, several may verify.

use crate::keys::Key;

/// The keys of a configuration: the first one signs, all of them verify.
///
/// A token's `kid` is compared with the ids in the ring and used for nothing else (RFC 8725 §3.10). A token
/// without `kid` is checked with the keys that have no id, or with the only key of its algorithm.
///
/// ```
/// use jwt_auth::{Algorithm, Key, KeyRing};
///
/// let ring = KeyRing::new(Key::secret(Algorithm::HS256, "a new secret of 32 bytes or more").id("b"))
///     .also_verify(Key::secret(Algorithm::HS256, "the old secret of 32 bytes, still").id("a"));
/// # drop(ring);
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a ring is used by `Config::with_keys`"]
pub struct KeyRing {
    pub(super) keys: Vec<Key>,
}

impl KeyRing {
    /// A ring whose first key signs.
    ///
    /// ```
    /// use jwt_auth::{Algorithm, Config, Key, KeyRing};
    ///
    /// let ring = KeyRing::new(Key::secret(Algorithm::HS256, [7; 32]));
    /// assert!(Config::with_keys(ring).build().is_ok());
    /// ```
    pub fn new(signing: Key) -> Self {
        Self { keys: vec![signing] }
    }

    /// Adds a key that verifies, such as the previous signing key.
    ///
    /// If the key can sign, [`TokenBuilder::algorithm`](crate::token::TokenBuilder::algorithm) can select it.
    ///
    /// ```
    /// use jwt_auth::{Algorithm, Config, Key, KeyRing};
    ///
    /// let old = Key::secret(Algorithm::HS256, [1; 32]).id("2025");
    /// let ring = KeyRing::new(Key::secret(Algorithm::HS256, [2; 32]).id("2026")).also_verify(old.clone());
    /// assert!(Config::with_keys(ring.clone()).build().is_ok());
    /// assert!(Config::with_keys(ring.also_verify(old)).build().is_err(), "a key is in the ring once");
    /// ```
    pub fn also_verify(mut self, key: Key) -> Self {
        self.keys.push(key);
        self
    }
}
