//! An identity provider for tests: it rotates its keys, fails and is slow on request, and counts fetches.

use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;

use crate::auth::JwtAuth;
use crate::clock::ManualClock;
use crate::config::{Config, ConfigError, IssuerKeySet, IssuerKeys, TrustedIssuer};
use crate::keys::{Algorithm, Key, KeyRing, new_private_key};
use crate::token::{AccessKind, TokenBuilder};

/// An issuer whose tokens an application trusts, in the process of the test. Clones share its state.
///
/// ```
/// use jwt_auth::testing::TestIssuer;
/// use jwt_auth::{Config, KeyRing};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let issuer = TestIssuer::new("https://login.example")?;
/// let config = Config::with_keys(KeyRing::default()).clock(issuer.clock().clone());
/// let auth = config.trust(issuer.trusted().audience(["notes"])).build()?;
///
/// let token = issuer.access_token("alice").audience(["notes"]).issue()?;
/// assert_eq!(auth.verify_access(&token).await?.issuer(), Some("https://login.example"));
///
/// issuer.rotate()?;
/// issuer.fail(true);
/// let token = issuer.access_token("alice").audience(["notes"]).issue()?;
/// assert!(auth.verify_access(&token).await.is_err(), "the new key cannot be fetched");
/// issuer.fail(false);
/// assert!(auth.verify_access(&token).await.is_ok());
/// assert_eq!(issuer.fetches(), 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct TestIssuer(Arc<State>);

struct State {
    name: String,
    clock: ManualClock,
    keys: Mutex<Keys>,
    fetched: Mutex<Option<IssuerKeySet>>,
    fetches: AtomicUsize,
    is_failing: Mutex<bool>,
    delay_millis: AtomicU64,
}

/// The key that signs, and the JWKs of those before it.
struct Keys {
    /// How many there were.
    count: usize,
    signer: &'static JwtAuth,
    published: Vec<Value>,
}

impl TestIssuer {
    /// An issuer with one key.
    ///
    /// # Errors
    ///
    /// If the name is not that of an issuer.
    ///
    /// ```
    /// # use jwt_auth::testing::TestIssuer;
    /// assert!(TestIssuer::new("https://login.example").is_ok());
    /// assert!(TestIssuer::new("").is_err());
    /// ```
    pub fn new(name: impl Into<String>) -> Result<Self, ConfigError> {
        let (name, clock) = (name.into(), ManualClock::at(super::START));
        let signer = signer(&name, &clock, 1)?;
        let keys = Keys { count: 1, published: published(signer), signer };
        Ok(Self(Arc::new(State {
            name,
            clock,
            keys: Mutex::new(keys),
            fetched: Mutex::default(),
            fetches: AtomicUsize::new(0),
            is_failing: Mutex::new(false),
            delay_millis: AtomicU64::new(0),
        })))
    }

    /// Its description, for [`Config::trust`]. Add the audience of the application.
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial, testing::TestIssuer};
    /// let issuer = TestIssuer::new("https://login.example")?;
    /// let config = Config::hs256(KeyMaterial::ephemeral()).trust(issuer.trusted().audience(["notes"]));
    /// assert!(config.build().is_ok());
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn trusted(&self) -> TrustedIssuer {
        TrustedIssuer::with_keys(self.0.name.clone(), self.clone())
    }

    /// The clock by which it issues tokens. A [`TestAuth`](crate::testing::TestAuth) has its own clock, which starts at the same
    /// time: advance both.
    ///
    /// ```
    /// # use jwt_auth::testing::TestIssuer;
    /// let issuer = TestIssuer::new("https://login.example")?;
    /// issuer.clock().advance(std::time::Duration::from_secs(60));
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn clock(&self) -> &ManualClock {
        &self.0.clock
    }

    /// A token of the issuer. Name the audience of the application.
    ///
    /// ```
    /// # use jwt_auth::testing::TestIssuer;
    /// let issuer = TestIssuer::new("https://login.example")?;
    /// let token = issuer.access_token("alice").audience(["notes"]).scopes(["notes:read"]).issue();
    /// assert!(token.is_ok());
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn access_token(&self, subject: impl fmt::Display) -> TokenBuilder<'static, AccessKind> {
        let signer = self.keys().signer;
        signer.access_token(subject)
    }

    /// Creates a new key, and signs with it from now on. The old ones stay published.
    ///
    /// # Errors
    ///
    /// If the system has no random bytes.
    ///
    /// ```
    /// # use jwt_auth::testing::TestIssuer;
    /// let issuer = TestIssuer::new("https://login.example")?;
    /// issuer.rotate()?;
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn rotate(&self) -> Result<(), ConfigError> {
        let mut keys = self.keys();
        let signer = signer(&self.0.name, &self.0.clock, keys.count + 1)?;
        keys.count += 1;
        keys.published.extend(published(signer));
        keys.signer = signer;
        Ok(())
    }

    /// Stops publishing all keys but the one that signs.
    ///
    /// ```
    /// # use jwt_auth::testing::TestIssuer;
    /// let issuer = TestIssuer::new("https://login.example")?;
    /// issuer.rotate()?;
    /// issuer.drop_old_keys();
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn drop_old_keys(&self) {
        let mut keys = self.keys();
        let last = keys.published.pop();
        keys.published = last.into_iter().collect();
    }

    /// Makes every fetch of its keys fail from now on, or succeed again with `false`. Keys that were fetched stay valid.
    ///
    /// ```
    /// # use jwt_auth::testing::TestIssuer;
    /// let issuer = TestIssuer::new("https://login.example")?;
    /// issuer.fail(true);
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn fail(&self, fails: bool) {
        *self.0.is_failing.lock().unwrap_or_else(PoisonError::into_inner) = fails;
    }

    /// Delays each fetch by this time from now on. Default: zero.
    ///
    /// ```
    /// # use jwt_auth::testing::TestIssuer;
    /// let issuer = TestIssuer::new("https://login.example")?;
    /// issuer.delay(std::time::Duration::from_millis(50));
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn delay(&self, time: Duration) {
        let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.0.delay_millis.store(millis, Ordering::SeqCst);
    }

    /// How many times its keys were fetched.
    ///
    /// ```
    /// # use jwt_auth::testing::TestIssuer;
    /// assert_eq!(TestIssuer::new("https://login.example")?.fetches(), 0);
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn fetches(&self) -> usize {
        self.0.fetches.load(Ordering::SeqCst)
    }

    fn keys(&self) -> MutexGuard<'_, Keys> {
        self.0.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl IssuerKeys for TestIssuer {
    fn current(&self) -> Option<IssuerKeySet> {
        self.0.fetched.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn newer(&self) {
        self.0.fetches.fetch_add(1, Ordering::SeqCst);
        let delay = Duration::from_millis(self.0.delay_millis.load(Ordering::SeqCst));
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        if *self.0.is_failing.lock().unwrap_or_else(PoisonError::into_inner) {
            return;
        }
        let set = serde_json::json!({ "keys": self.keys().published }).to_string();
        if let Ok(set) = IssuerKeySet::parse(&set, Algorithm::ES256) {
            *self.0.fetched.lock().unwrap_or_else(PoisonError::into_inner) = Some(set);
        }
    }
}

impl fmt::Debug for TestIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestIssuer").field("name", &self.0.name).finish_non_exhaustive()
    }
}

/// Issues tokens with a new key. Tests have a few of them, each for as long as their process.
fn signer(name: &str, clock: &ManualClock, number: usize) -> Result<&'static JwtAuth, ConfigError> {
    let pem = new_private_key(Algorithm::ES256).unwrap_or_default();
    let key = Key::private_pem(Algorithm::ES256, pem.as_str()).id(format!("k{number}"));
    let config = Config::with_keys(KeyRing::new(key)).issuer(name).clock(clock.clone());
    Ok(Box::leak(Box::new(config.build()?)))
}

/// The JWKs of the keys of a signer.
fn published(signer: &JwtAuth) -> Vec<Value> {
    let set = serde_json::to_value(signer.jwks()).unwrap_or_default();
    set["keys"].as_array().cloned().unwrap_or_default()
}
