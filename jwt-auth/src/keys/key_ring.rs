//! The key ring: one key signs, several may verify.

use crate::keys::Key;

/// The keys of a configuration: the first one signs, all of them verify.
///
/// A token's `kid` is compared with the ids in the ring and used for nothing else (RFC 8725 §3.10). A token without
/// `kid` is checked with the keys that have no id or are [`also_without_id`](Key::also_without_id), or with the only key
/// of its algorithm. A token whose `kid` no key has is checked with the keys that have no id: at most 4 of its algorithm.
///
/// ```
/// use jwt_auth::{Algorithm, Key, KeyMaterial, KeyRing};
///
/// let ring = KeyRing::new(Key::secret(Algorithm::HS256, KeyMaterial::file("b.key")).id("b"))
///     .also_verify(Key::secret(Algorithm::HS256, KeyMaterial::file("a.key")).id("a"));
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
    /// use jwt_auth::{Algorithm, Config, Key, KeyMaterial, KeyRing};
    ///
    /// let ring = KeyRing::new(Key::secret(Algorithm::HS256, KeyMaterial::ephemeral()));
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
    /// # use jwt_auth::KeyMaterial;
    /// # let (old_secret, new_secret) = (KeyMaterial::raw(*b"a hidden example, with 32 bytes."), KeyMaterial::ephemeral());
    /// let old = Key::secret(Algorithm::HS256, old_secret).id("2025");
    /// let ring = KeyRing::new(Key::secret(Algorithm::HS256, new_secret).id("2026")).also_verify(old.clone());
    /// assert!(Config::with_keys(ring.clone()).build().is_ok());
    /// assert!(Config::with_keys(ring.also_verify(old)).build().is_err(), "a key is in the ring once");
    /// ```
    pub fn also_verify(mut self, key: Key) -> Self {
        self.keys.push(key);
        self
    }
}
