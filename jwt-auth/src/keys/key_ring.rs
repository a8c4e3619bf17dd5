//! The key ring: one key signs, several may verify.

use std::path::PathBuf;
use std::time::Duration;

use crate::keys::{Key, KeyProblem, read_jwk_set};

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
    pub(super) directory: Option<PathBuf>,
    /// Whether the keys come later, from a store.
    pub(crate) may_be_empty: bool,
    pub(crate) retired_for: Option<Duration>,
    pub(crate) problems: Vec<KeyProblem>,
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
        Self { keys: vec![signing], ..Self::default() }
    }

    /// The keys of a directory: one file for each key.
    ///
    /// | file | is |
    /// |---|---|
    /// | `*.pem`, `*.crt`, `*.cer`, `*.der`, `*.pub` | a private key, a public key or a certificate, in PEM or DER |
    /// | `*.jwk`, `*.json` | a JWK, or a JWK set |
    /// | `*.key` | a secret, a PEM or a JWK |
    /// | `*.revoked` | nothing: the key of that name is [revoked](crate::keys::KeyState::Revoked) |
    ///
    /// The name without its ending is the key's [id](Key::id). A name that is a date or a time in UTC, such as
    /// `2026-12-01.pem` or `2026-12-01T08-30-00Z.pem`, says [from when the key signs](Key::signs_from). One private key may
    /// have another name; it signs until the first date. Hidden files and folders are ignored, and any other file is an
    /// error, since a key in it would be missing without a word.
    ///
    /// The key of a certificate is used; its dates and its issuer are not checked.
    /// [`Keys::reload_from`](crate::Keys::reload_from) reads a directory again.
    ///
    /// ```no_run
    /// use jwt_auth::{Config, KeyRing};
    ///
    /// let auth = Config::with_keys(KeyRing::directory("/run/secrets/jwt")).build()?;
    /// # drop(auth);
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn directory(path: impl Into<PathBuf>) -> Self {
        Self { directory: Some(path.into()), ..Self::default() }
    }

    /// The public keys of a JWK set (RFC 7517 §5), as another service publishes it.
    ///
    /// They verify, and the ring issues nothing. A key of an unknown type or for another use is left out, as RFC 7517 §5
    /// says; a set without any usable key is an error.
    ///
    /// ```
    /// use jwt_auth::{Config, KeyRing};
    ///
    /// let set = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    /// assert!(Config::with_keys(KeyRing::jwk_set(set)).build().is_ok());
    /// assert!(Config::with_keys(KeyRing::jwk_set(r#"{"keys":[]}"#)).build().is_err());
    /// ```
    pub fn jwk_set(json: &str) -> Self {
        match read_jwk_set::keys(json) {
            Ok(keys) => Self { keys, ..Self::default() },
            Err(problem) => Self { problems: vec![problem], ..Self::default() },
        }
    }

    /// The keys of an issuer. There may be none, if all of its set are those of other issuers.
    pub(crate) fn of_issuer(keys: Vec<Key>) -> Self {
        Self { keys, may_be_empty: true, ..Self::default() }
    }

    /// How long a key verifies after it has stopped signing.
    ///
    /// Default: the longest lifetime of a configured token, which is that of a refresh token (30 days), and the leeway. A
    /// shorter time is an error, because valid tokens would be refused. A longer one is for tokens with a lifetime of their
    /// own ([`expires_in`](crate::token::TokenBuilder::expires_in)): a ring whose keys change issues no token that lives
    /// longer than this.
    ///
    /// ```
    /// use jwt_auth::{Algorithm, Config, Key, KeyMaterial, KeyRing};
    /// use std::time::Duration;
    ///
    /// let ring = KeyRing::new(Key::secret(Algorithm::HS256, KeyMaterial::ephemeral()).id("a"));
    /// let day = Duration::from_secs(86_400);
    /// assert!(Config::with_keys(ring.clone().retired_for(day)).build().is_err(), "refresh tokens live 30 days");
    /// assert!(Config::with_keys(ring.retired_for(60 * day)).build().is_ok());
    /// ```
    pub fn retired_for(mut self, time: Duration) -> Self {
        self.retired_for = Some(time);
        self
    }

    /// The ring without the keys at these positions.
    pub(crate) fn without(&self, positions: &[usize]) -> Self {
        let keys = self.keys.iter().enumerate().filter(|(at, _)| !positions.contains(at));
        Self { keys: keys.map(|(_, key)| key.clone()).collect(), ..self.clone() }
    }

    pub(crate) fn has_directory(&self) -> bool {
        self.directory.is_some()
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
