//! A key of the ring as `JwtAuth::keys` lists it.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use crate::clock::to_system_time;
use crate::keys::{Algorithm, KeyState, RingKey};

/// A key of the ring: what it does now, and until when. It contains no key material.
///
/// ```
/// use jwt_auth::{Algorithm, Config, Key, KeyMaterial, KeyRing};
///
/// let key = Key::secret(Algorithm::HS256, KeyMaterial::ephemeral()).id("2026");
/// let auth = Config::with_keys(KeyRing::new(key)).build()?;
/// assert_eq!(auth.keys().list()[0].to_string(), "2026 HS256 signing");
/// # Ok::<(), jwt_auth::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct KeyStatus {
    id: Option<Arc<str>>,
    algorithm: Algorithm,
    state: KeyState,
    signs_from: Option<SystemTime>,
    signs_until: Option<SystemTime>,
    verifies_until: Option<SystemTime>,
}

impl KeyStatus {
    pub(crate) fn new(key: &RingKey, state: KeyState) -> Self {
        Self {
            id: key.id.clone(),
            algorithm: key.algorithm,
            state,
            signs_from: key.signs_from().map(to_system_time),
            signs_until: key.signs_until().map(to_system_time),
            verifies_until: key.verifies_until().map(to_system_time),
        }
    }

    /// The id, which is the `kid` of its tokens.
    ///
    /// ```
    /// # let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
    /// assert_eq!(auth.keys().list()[0].id(), None);
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The algorithm.
    ///
    /// ```
    /// # let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
    /// assert_eq!(auth.keys().list()[0].algorithm(), jwt_auth::Algorithm::HS256);
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// What it does now.
    ///
    /// ```
    /// # let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
    /// assert_eq!(auth.keys().list()[0].state(), jwt_auth::keys::KeyState::Signing);
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn state(&self) -> KeyState {
        self.state
    }

    /// When it begins to sign; `None` for a key without a time.
    ///
    /// ```
    /// # let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
    /// assert_eq!(auth.keys().list()[0].signs_from(), None);
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn signs_from(&self) -> Option<SystemTime> {
        self.signs_from
    }

    /// When the next key begins to sign; `None` while there is none.
    ///
    /// ```
    /// # let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
    /// assert_eq!(auth.keys().list()[0].signs_until(), None);
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn signs_until(&self) -> Option<SystemTime> {
        self.signs_until
    }

    /// When its last token has expired; `None` while that is open, or for a key that the configuration lists.
    ///
    /// ```
    /// # let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
    /// assert_eq!(auth.keys().list()[0].verifies_until(), None);
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn verifies_until(&self) -> Option<SystemTime> {
        self.verifies_until
    }
}

/// The id, the algorithm and the state.
impl fmt::Display for KeyStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.id().unwrap_or("(no id)");
        write!(f, "{id} {} {}", self.algorithm, self.state)
    }
}
