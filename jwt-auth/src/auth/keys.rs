//! The signing keys of a running `JwtAuth`: what each does, and how to replace them.

use std::fmt;
use std::path::PathBuf;

use crate::auth::JwtAuth;
use crate::clock::since_epoch;
use crate::config::{ConfigError, ConfigProblem};
use crate::keys::{Key, KeyProblem, KeyState, KeyStatus, LoadedKey, RingKey};

/// The keys of a running [`JwtAuth`], returned by [`JwtAuth::keys`].
///
/// ```
/// use jwt_auth::{Algorithm, Config, Key, KeyMaterial, KeyRing};
///
/// # let new_secret = KeyMaterial::raw(*b"the secret that signs next year.");
/// let key = Key::secret(Algorithm::HS256, KeyMaterial::ephemeral()).id("2026");
/// let auth = Config::with_keys(KeyRing::new(key)).build()?;
/// auth.keys().rotate_to(Key::secret(Algorithm::HS256, new_secret).id("2027"))?;
///
/// let listed: Vec<_> = auth.keys().list().iter().map(ToString::to_string).collect();
/// assert_eq!(listed, ["2026 HS256 retired", "2027 HS256 signing"]);
/// # Ok::<(), jwt_auth::ConfigError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Keys<'a> {
    auth: &'a JwtAuth,
}

impl JwtAuth {
    /// The signing keys: their states, and their replacement while the service runs.
    ///
    /// ```
    /// let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
    /// assert_eq!(auth.keys().list().len(), 1);
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn keys(&self) -> Keys<'_> {
        Keys { auth: self }
    }
}

impl Keys<'_> {
    /// Every key of the ring, in its order.
    ///
    /// It does not wait. An operator's route can show it: it contains no key material.
    ///
    /// ```
    /// use jwt_auth::keys::KeyState;
    ///
    /// let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
    /// let signing = auth.keys().list().iter().filter(|key| key.state() == KeyState::Signing).count();
    /// assert_eq!(signing, 1);
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn list(&self) -> Vec<KeyStatus> {
        let now = since_epoch(&*self.auth.rules().clock);
        let is_revoked = |key: &LoadedKey| self.auth.is_key_revoked(key, now);
        let ring = self.auth.ring().load();
        let signing = ring.signing(now, is_revoked);
        let state = |key: &RingKey| match key.state(now) {
            _ if is_revoked(key) => KeyState::Revoked,
            _ if signing.is_some_and(|signing| std::ptr::eq(signing, key)) => KeyState::Signing,
            state => state,
        };
        ring.keys().map(|key| KeyStatus::new(key, state(key))).collect()
    }

    /// Adds a key, which signs from now or from [`Key::signs_from`]. The key that signed until then goes on verifying.
    ///
    /// It concerns this process. With several, give the key a time that lies further ahead than the calls on all of them
    /// take, so that each knows the key before it signs. Other services need it in the published
    /// [set](JwtAuth::jwks) for as long as they cache that: a day ahead is safe.
    ///
    /// # Errors
    ///
    /// If the key breaks a rule, or is in the ring already. The ring is then unchanged.
    ///
    /// ```
    /// use jwt_auth::{Algorithm, Config, Key, KeyMaterial};
    ///
    /// # let old_secret = KeyMaterial::raw(*b"the secret that signed last year");
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let auth = Config::hs256(old_secret).build()?;
    /// let before = auth.access_token("alice").issue()?;
    /// let next = Key::secret(Algorithm::HS256, KeyMaterial::ephemeral()).id("2027");
    /// auth.keys().rotate_to(next.clone())?;
    /// assert!(auth.verify_access(&before).await.is_ok(), "its key is retired, and verifies");
    /// assert!(auth.keys().rotate_to(next).is_err(), "a key is in the ring once");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[allow(clippy::needless_pass_by_value, reason = "a key goes into one ring")]
    pub fn rotate_to(&self, key: Key) -> Result<(), ConfigError> {
        if key.remote.is_some() {
            return Err(config_error(
                "rotate_to",
                vec![KeyProblem::new(
                    "a service signs for the key, and its signature is checked at the start",
                    "put the key into the `KeyRing`, with the time from which it signs: `.signs_from(…)`",
                )],
            ));
        }
        let now = since_epoch(&*self.auth.rules().clock);
        self.auth.ring().add(&key, now).map_err(|problems| config_error("rotate_to", problems))
    }

    /// Reads the keys of a directory, in place of those that were read from one before.
    ///
    /// [`KeyRing::directory`](crate::KeyRing::directory) describes the files. A key whose file is gone signs no more, and
    /// verifies until its tokens have expired. If anything is wrong (a damaged file, two keys that would sign, no key
    /// that would), the ring is unchanged.
    ///
    /// # Errors
    ///
    /// What is wrong, and with which file.
    ///
    /// ```no_run
    /// # async fn reload(auth: jwt_auth::JwtAuth) {
    /// // For example when the process gets SIGHUP.
    /// if let Err(error) = auth.keys().reload_from("/run/secrets/jwt").await {
    ///     eprintln!("the keys are unchanged: {error}");
    /// }
    /// # }
    /// ```
    pub async fn reload_from(&self, directory: impl Into<PathBuf>) -> Result<(), ConfigError> {
        if self.auth.rotating().is_some() {
            let problem = KeyProblem::new(
                "the keys are those of the `key_rotation`, which reads them itself",
                "call `.refresh()`, or use `KeyRing::directory(…)` instead of a schedule",
            );
            return Err(config_error("reload_from", vec![problem]));
        }
        let directory = directory.into();
        self.auth
            .read_directory(directory, false)
            .await
            .map_err(|problems| config_error("reload_from", problems))
    }

    /// Reads the keys of a [`KeyRotation`](crate::KeyRotation) again, and creates the next one if there is none.
    ///
    /// The task of [`Config::start`](crate::Config::start) calls it every ten seconds. A test that sets the clock calls it
    /// itself. Without a `KeyRotation` it does nothing.
    ///
    /// # Errors
    ///
    /// If the keys cannot be read, or none can be created. The ring is then unchanged.
    ///
    /// ```
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
    /// assert!(auth.keys().refresh().await.is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn refresh(&self) -> Result<(), ConfigError> {
        self.auth
            .refresh_keys()
            .await
            .map_err(|problem| config_error("key_rotation", vec![problem]))
    }
}

pub(super) fn config_error(field: &str, problems: Vec<KeyProblem>) -> ConfigError {
    let problems = problems.into_iter();
    ConfigError::new(problems.map(|p| ConfigProblem::new(field, p.rule, p.fix)).collect())
}

impl fmt::Debug for Keys<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.list()).finish()
    }
}
