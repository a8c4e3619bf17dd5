//! The option for keys that replace themselves on a schedule.

use std::path::PathBuf;
use std::time::Duration;

use crate::config::{Config, ConfigProblem, duration};
use crate::keys::{Algorithm, KeyMaterial, WrappingKey};

/// The shortest period: the next key is published for a day before it signs.
const SHORTEST: Duration = Duration::from_secs(2 * 86_400);
/// The longest period. A key that never changes needs no schedule.
const LONGEST: Duration = Duration::from_secs(10 * 365 * 86_400);

/// A schedule on which the signing keys replace themselves, and where the private keys are.
///
/// There is always a next key: it is published, verifies, and signs from a time that every process reads from its own clock.
/// When it begins to sign, one of the processes creates the key after it; of several, exactly one succeeds. A retired key
/// verifies for as long as the longest token lives ([`KeyRing::retired_for`](crate::KeyRing::retired_for)). No key is ever
/// deleted: a few files or records a year.
///
/// The private keys are in files of a directory ([`directory`](Self::directory)) or, encrypted, in the store
/// ([`wrapped_by`](Self::wrapped_by)). [`Config::start`](crate::Config::start) reads them, and a task reads them again
/// every ten seconds. If it cannot, the keys in memory sign and verify on.
///
/// A key of the configuration, such as the secret of `Config::hs256`, signs until the first key of the schedule does, one
/// to two days later, and then verifies for as long as it is configured.
///
/// ```
/// use jwt_auth::KeyRotation;
/// use jwt_auth::{Config, KeyRing};
/// use std::time::Duration;
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
/// # runtime.block_on(async {
/// # let folder = std::env::temp_dir().join(format!("jwt-auth-rotation-{}", std::process::id()));
/// let every_90_days = KeyRotation::every(Duration::from_secs(90 * 86_400)).directory(&folder);
/// let auth = Config::with_keys(KeyRing::default()).key_rotation(every_90_days).start().await?;
/// for key in auth.keys().list() {
///     println!("{key}"); // 2026-11-27 EdDSA signing, and 2027-02-25 EdDSA pending
/// }
/// # std::fs::remove_dir_all(folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a schedule is used by `Config::key_rotation`"]
pub struct KeyRotation {
    every: Duration,
    algorithm: Algorithm,
    directory: Option<PathBuf>,
    wrapped_by: Option<KeyMaterial>,
    also_unwrap: Vec<KeyMaterial>,
}

/// A schedule that passed every rule.
#[derive(Debug)]
pub(crate) struct RotationPlan {
    pub(crate) every: Duration,
    pub(crate) algorithm: Algorithm,
    pub(crate) home: KeyHome,
}

/// Where the private keys are.
#[derive(Debug)]
pub(crate) enum KeyHome {
    Directory(PathBuf),
    /// In the store, wrapped by the first of these keys.
    Store(Vec<WrappingKey>),
}

impl KeyRotation {
    /// A schedule with this period, from 2 days to 10 years.
    ///
    /// 90 days are usual. A key that signs for longer gives an attacker more time with a stolen one.
    ///
    /// ```
    /// # use jwt_auth::KeyRotation;
    /// # use std::time::Duration;
    /// let schedule = KeyRotation::every(Duration::from_secs(90 * 86_400)).directory("keys");
    /// # drop(schedule);
    /// ```
    pub fn every(period: Duration) -> Self {
        Self {
            every: period,
            algorithm: Algorithm::EdDSA,
            directory: None,
            wrapped_by: None,
            also_unwrap: Vec::new(),
        }
    }

    /// The algorithm of new keys: `EdDSA` or `ES256`.
    ///
    /// Default: `EdDSA`, whose keys and signatures are small and fast. A change counts for keys that are created after it;
    /// the next key exists already, so tokens of the new algorithm appear after two periods.
    ///
    /// ```
    /// # use jwt_auth::{Algorithm, KeyRotation};
    /// # use std::time::Duration;
    /// let schedule = KeyRotation::every(Duration::from_secs(90 * 86_400)).algorithm(Algorithm::ES256).directory("keys");
    /// # drop(schedule);
    /// ```
    pub fn algorithm(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// Keeps the private keys in files of this directory, which only their owner can read (0600).
    ///
    /// The directory is created if it is missing. Several processes may share it, also over a network file system that
    /// has hard links. [`KeyRing::directory`](crate::KeyRing::directory) describes the names of the files.
    ///
    /// ```
    /// # use jwt_auth::KeyRotation;
    /// # use std::time::Duration;
    /// let schedule = KeyRotation::every(Duration::from_secs(90 * 86_400)).directory("/var/lib/notes/keys");
    /// # drop(schedule);
    /// ```
    pub fn directory(mut self, path: impl Into<PathBuf>) -> Self {
        self.directory = Some(path.into());
        self
    }

    /// Keeps the private keys in the store, encrypted by this key-encryption key of 32 bytes (AES-256-GCM).
    ///
    /// Every node needs the same key-encryption key. It belongs where other secrets are, and not into the store.
    ///
    /// ```
    /// # use jwt_auth::{KeyMaterial, KeyRotation};
    /// # use std::time::Duration;
    /// let schedule = KeyRotation::every(Duration::from_secs(90 * 86_400)).wrapped_by(KeyMaterial::file("wrapping.key"));
    /// # drop(schedule);
    /// ```
    pub fn wrapped_by(mut self, key: impl Into<KeyMaterial>) -> Self {
        self.wrapped_by = Some(key.into());
        self
    }

    /// Also decrypts private keys that this previous key-encryption key has encrypted. Default: none.
    ///
    /// To change the key-encryption key, deploy the new one here first, then make it the one of
    /// [`wrapped_by`](Self::wrapped_by) and the old one this, until the keys that it wrapped are gone.
    ///
    /// ```
    /// # use jwt_auth::{KeyMaterial, KeyRotation};
    /// # use std::time::Duration;
    /// let schedule = KeyRotation::every(Duration::from_secs(90 * 86_400))
    ///     .wrapped_by(KeyMaterial::file("wrapping-2027.key"))
    ///     .also_unwrap(KeyMaterial::file("wrapping-2026.key"));
    /// # drop(schedule);
    /// ```
    pub fn also_unwrap(mut self, key: impl Into<KeyMaterial>) -> Self {
        self.also_unwrap.push(key.into());
        self
    }

    /// Checks the schedule.
    pub(super) fn parse(self, problems: &mut Vec<ConfigProblem>) -> Option<RotationPlan> {
        let before = problems.len();
        let mut report = |rule: String, fix: &str| {
            problems.push(ConfigProblem::new("key_rotation", rule, fix));
        };
        if !(SHORTEST..=LONGEST).contains(&self.every) {
            report(
                format!("keys change every 2d to 3650d; this is {}", duration::write(self.every)),
                "write `KeyRotation::every(Duration::from_secs(90 * 86_400))`",
            );
        }
        if !matches!(self.algorithm, Algorithm::EdDSA | Algorithm::ES256) {
            report(
                format!("keys of {} are not created here", self.algorithm),
                "write `.algorithm(Algorithm::ES256)`, or create the keys yourself and use `KeyRing::directory(…)`",
            );
        }
        let mut wrapping = Vec::new();
        for material in self.wrapped_by.iter().chain(&self.also_unwrap) {
            match WrappingKey::load(material) {
                Ok(key) => wrapping.push(key),
                Err(problem) => report(problem.rule, &problem.fix),
            }
        }
        let home = match (self.directory, self.wrapped_by.is_some()) {
            (Some(path), false) => KeyHome::Directory(path),
            (None, true) => KeyHome::Store(wrapping),
            (None, false) => {
                report(
                    "the schedule does not say where the private keys are".to_owned(),
                    "write `.directory(\"keys\")`, or `.wrapped_by(KeyMaterial::file(\"wrapping.key\"))` for the store",
                );
                return None;
            }
            (Some(_), true) => {
                report(
                    "the private keys are in a directory or in the store, not in both".to_owned(),
                    "remove `.directory(…)` or `.wrapped_by(…)`",
                );
                return None;
            }
        };
        (problems.len() == before).then_some(RotationPlan {
            every: self.every,
            algorithm: self.algorithm,
            home,
        })
    }
}

/// # Keys that change
impl Config {
    /// Replaces the signing keys on a schedule.
    ///
    /// Default: none; the keys are those of the configuration. A configuration with a schedule is started by
    /// [`start`](Self::start), and needs no key of its own: `Config::with_keys(KeyRing::default())`.
    ///
    /// ```
    /// use jwt_auth::KeyRotation;
    /// use jwt_auth::{Config, KeyMaterial, KeyRing, MemoryStore};
    /// use std::time::Duration;
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    /// # runtime.block_on(async {
    /// # let wrapping_key = KeyMaterial::raw(*b"a key-encryption key of 32 bytes");
    /// let schedule = KeyRotation::every(Duration::from_secs(90 * 86_400)).wrapped_by(wrapping_key);
    /// let config = Config::with_keys(KeyRing::default()).revocation(MemoryStore::new()).key_rotation(schedule);
    /// assert!(config.clone().build().is_err(), "the keys are read asynchronously");
    /// let auth = config.start().await?;
    /// assert!(auth.access_token("alice").issue().is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn key_rotation(mut self, schedule: KeyRotation) -> Self {
        self.rotation = Some(schedule);
        self
    }
}
