//! `Config`: its constructors, and the check of every option at once.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::since_epoch;
use crate::config::effective::effective;
use crate::config::web_settings::WebOptions;
use crate::config::{
    ConfigError, ConfigProblem, Hooks, IssuerRules, IssuerSource, KeyRotation, Legacy,
    RotationPlan, TokenRules, TrustedIssuer, WebSettings, duration, trusted_issuer,
};
use crate::keys::{
    Algorithm, Key, KeyMaterial, KeyProblem, KeyRing, Leniency, LoadedRing, RingTerms,
};
use crate::session::{ErasedStore, WatchedStore};
use crate::token_kind::{PerKind, TokenKind};

/// The configuration: how tokens are issued and verified.
///
/// Nothing is global: [`build`](Self::build) returns a [`JwtAuth`](crate::JwtAuth), which becomes the state of the
/// router. Setters accept any value; `build` checks all of them and reports every problem at once. The options are
/// grouped below: keys, tokens, sessions, locations, cookies, CSRF, errors, hooks. Options that weaken a default
/// are in [`danger`](crate::danger).
///
/// ```
/// use jwt_auth::{Config, KeyMaterial};
/// use std::time::Duration;
///
/// let auth = Config::hs256(KeyMaterial::ephemeral())
///     .issuer("https://auth.example")
///     .audience(["https://api.example"])
///     .access_token_expires(Duration::from_secs(5 * 60))
///     .build()?;
/// # drop(auth);
/// # Ok::<(), jwt_auth::ConfigError>(())
/// ```
#[derive(Clone)]
#[must_use = "a configuration does nothing before `.build()`"]
pub struct Config {
    keys: KeyRing,
    pub(super) rotation: Option<KeyRotation>,
    pub(super) legacy: Option<Legacy>,
    pub(super) trusted: Vec<TrustedIssuer>,
    pub(super) key_fields: KeyFields,
    pub(super) store: Option<Arc<dyn ErasedStore>>,
    problems: Vec<ConfigProblem>,
    pub(crate) leniency: Leniency,
    /// See [`danger`](crate::danger).
    pub(crate) decode_algorithms: Option<Vec<Algorithm>>,
    pub(super) logs_settings: bool,
    pub(crate) rules: TokenRules,
    pub(crate) hooks: Hooks,
    pub(crate) web: WebOptions,
}

/// The names under which problems of keys are reported: the option or variable of the first key, and of the
/// others.
#[derive(Clone, Copy)]
pub(super) struct KeyFields {
    pub(super) first: &'static str,
    pub(super) others: &'static str,
}

/// A configuration after all options were checked.
pub(crate) struct Checked {
    pub(crate) ring: LoadedRing,
    pub(crate) rules: TokenRules,
    pub(crate) hooks: Hooks,
    pub(crate) web: WebSettings,
    pub(crate) store: WatchedStore,
    pub(crate) rotation: Option<RotationPlan>,
    pub(crate) trusted: Vec<(IssuerRules, IssuerSource)>,
}

/// # Keys
///
/// A configuration starts with its keys. A string in code is the key itself; [`KeyMaterial`] has constructors for
/// files, base64 and hex.
impl Config {
    /// HMAC with SHA-256, with a shared secret of at least 32 bytes.
    ///
    /// ```
    /// use jwt_auth::{Config, KeyMaterial};
    /// assert!(Config::hs256(KeyMaterial::ephemeral()).build().is_ok());
    /// assert!(Config::hs256("too short").build().is_err());
    /// ```
    pub fn hs256(secret: impl Into<KeyMaterial>) -> Self {
        Self::with_keys(KeyRing::new(Key::secret(Algorithm::HS256, secret)))
    }

    /// HMAC with SHA-384, with a shared secret of at least 48 bytes.
    ///
    /// ```
    /// assert!(jwt_auth::Config::hs384(jwt_auth::KeyMaterial::ephemeral()).build().is_ok());
    /// ```
    pub fn hs384(secret: impl Into<KeyMaterial>) -> Self {
        Self::with_keys(KeyRing::new(Key::secret(Algorithm::HS384, secret)))
    }

    /// HMAC with SHA-512, with a shared secret of at least 64 bytes.
    ///
    /// ```
    /// assert!(jwt_auth::Config::hs512(jwt_auth::KeyMaterial::ephemeral()).build().is_ok());
    /// ```
    pub fn hs512(secret: impl Into<KeyMaterial>) -> Self {
        Self::with_keys(KeyRing::new(Key::secret(Algorithm::HS512, secret)))
    }

    /// A key pair in PEM. The two halves must belong together.
    ///
    /// ```
    /// use jwt_auth::{Algorithm, Config, KeyMaterial};
    ///
    /// let (private, public) = (KeyMaterial::file("private.pem"), KeyMaterial::file("public.pem"));
    /// let config = Config::from_pem(Algorithm::ES256, private, public);
    /// assert!(config.build().is_err(), "there are no such files here");
    /// ```
    pub fn from_pem(
        algorithm: Algorithm,
        private: impl Into<KeyMaterial>,
        public: impl Into<KeyMaterial>,
    ) -> Self {
        Self::with_keys(KeyRing::new(Key::pem_pair(algorithm, private, public)))
    }

    /// Several keys: the first signs, all of them verify ([`KeyRing`]).
    ///
    /// ```
    /// use jwt_auth::{Algorithm, Config, Key, KeyRing};
    /// # use jwt_auth::KeyMaterial;
    ///
    /// # let (new_secret, old_secret) = (KeyMaterial::ephemeral(), KeyMaterial::raw(*b"a hidden example, with 32 bytes."));
    /// let ring = KeyRing::new(Key::secret(Algorithm::HS256, new_secret).id("b"))
    ///     .also_verify(Key::secret(Algorithm::HS256, old_secret).id("a"));
    /// assert!(Config::with_keys(ring).build().is_ok());
    /// assert!(Config::with_keys(KeyRing::default()).build().is_err(), "an empty ring");
    /// ```
    pub fn with_keys(keys: KeyRing) -> Self {
        Self {
            keys,
            rotation: None,
            legacy: None,
            trusted: Vec::new(),
            key_fields: KeyFields { first: "secret_key", others: "also_verify" },
            store: None,
            problems: Vec::new(),
            leniency: Leniency::default(),
            decode_algorithms: None,
            logs_settings: false,
            rules: TokenRules::default(),
            hooks: Hooks::default(),
            web: WebOptions::default(),
        }
    }

    /// Adds a key that verifies, such as the previous key of a service.
    ///
    /// Default: none. The key signs only what names it, by [`key_id`](crate::token::TokenBuilder::key_id) or
    /// [`algorithm`](crate::token::TokenBuilder::algorithm). Keep it until the last token that it signed has expired. A key
    /// without an id verifies tokens without `kid`; see
    /// [`Key::also_without_id`] for an old key that gets an id.
    ///
    /// ```
    /// use jwt_auth::{Algorithm, Config, Key, KeyMaterial};
    ///
    /// # let old_secret = KeyMaterial::raw(*b"the secret that signed last year");
    /// let old = Key::secret(Algorithm::HS256, old_secret);
    /// let config = Config::hs256(KeyMaterial::ephemeral()).also_verify(old.clone());
    /// assert!(config.clone().build().is_ok());
    /// assert!(config.also_verify(old).build().is_err(), "a key is in the ring once");
    /// ```
    pub fn also_verify(mut self, key: Key) -> Self {
        self.keys = self.keys.also_verify(key);
        self
    }

    /// See [`danger`](crate::danger).
    pub(crate) fn set_cookie_secure(mut self, is_secure: bool) -> Self {
        self.web.cookies.secure = is_secure;
        self
    }

    /// See [`danger`](crate::danger).
    pub(crate) fn set_csrf_protect(mut self, is_on: bool) -> Self {
        self.web.csrf.is_on = is_on;
        self
    }

    /// See [`danger`](crate::danger).
    pub(crate) fn set_revocation_checks(
        mut self,
        kinds: impl IntoIterator<Item = TokenKind>,
    ) -> Self {
        self.rules.checks_revocation = PerKind::default();
        for kind in kinds {
            *self.rules.checks_revocation.get_mut(kind) = true;
        }
        self
    }

    #[cfg(feature = "serde-config")]
    pub(super) fn problems(&self) -> &[ConfigProblem] {
        &self.problems
    }

    #[cfg(feature = "serde-config")]
    pub(super) fn map_problems(mut self, map: impl Fn(&ConfigProblem) -> ConfigProblem) -> Self {
        self.problems = self.problems.iter().map(map).collect();
        self
    }

    pub(crate) fn problem(mut self, problem: ConfigProblem) -> Self {
        self.problems.push(problem);
        self
    }

    /// Checks every option, and parses the options of the web layer.
    pub(crate) fn check(mut self) -> Result<Checked, ConfigError> {
        let KeyFields { first, others } = self.key_fields;
        let is_reported = self.problems.iter().any(|p| p.field() == first || p.field() == others);
        let rotation = self.rotation.take();
        let rotation = rotation.and_then(|rotation| rotation.parse(&mut self.problems));
        self.keys.may_be_empty = rotation.is_some() || !self.trusted.is_empty();
        if rotation.is_some() && self.keys.has_directory() {
            self.problems.push(ConfigProblem::new(
                "key_rotation",
                "the keys of a `KeyRing::directory` and those of a schedule replace each other",
                "write `KeyRotation::every(…).directory(…)` alone, and move the files there",
            ));
        }
        let longest = self.rules.expires.access.max(self.rules.expires.refresh);
        self.problems.extend(keys_problems(&self.keys, longest, first));
        let terms = RingTerms {
            leniency: self.leniency,
            decoded: self.decode_algorithms.clone(),
            retired_for: self.keys.retired_for.unwrap_or(longest),
            slack: self.rules.leeway.saturating_add(self.rules.clock_tolerance()),
        };
        let ring = match LoadedRing::load(&self.keys, terms) {
            Ok(ring) => Some(ring),
            Err(_) if is_reported => None,
            Err(problems) => {
                for (position, problem) in problems {
                    let field = match position {
                        0 => first.to_owned(),
                        _ => format!("{others} (number {position})"),
                    };
                    self.problems.push(ConfigProblem::new(field, problem.rule, problem.fix));
                }
                None
            }
        };
        self.problems.extend(
            ring.as_ref().and_then(|ring| unusable(self.decode_algorithms.as_deref()?, ring)),
        );
        if let (Some(legacy), Some(ring)) = (self.legacy.take(), &ring) {
            let has_key = |id: &str| ring.by_id(id).is_some();
            let now = since_epoch(&*self.rules.clock);
            self.rules.legacy = legacy.parse(now, has_key, &mut self.problems);
        }
        let own_issuers = [&self.rules.encode_issuer, &self.rules.decode_issuer];
        let own_issuers: Vec<&str> =
            own_issuers.into_iter().flatten().map(String::as_str).collect();
        let trusted = std::mem::take(&mut self.trusted);
        let trusted = trusted_issuer::parse_all(trusted, &own_issuers, &mut self.problems);
        self.problems.extend(self.rules.problems());
        let issuer = self.rules.encode_issuer.as_deref();
        let web = self.web.parse(issuer, &mut self.problems);
        match (ring, web) {
            (Some(ring), Some(web)) if self.problems.is_empty() => {
                let mut rules = self.rules;
                rules.compat = web.errors.compat;
                rules.csrf_claim = web.writes_csrf();
                rules.longest_token = web.longest_token();
                let store = WatchedStore::new(self.store, rules.store_deadline);
                let checked =
                    Checked { ring, rules, hooks: self.hooks, web, store, rotation, trusted };
                if self.logs_settings {
                    let settings =
                        effective(&checked, self.leniency, self.decode_algorithms.is_some());
                    tracing::info!(target: "jwt_auth", settings, "the effective settings");
                }
                Ok(checked)
            }
            _ => Err(ConfigError::new(self.problems)),
        }
    }
}

/// The problems with a ring that are none of a single key.
fn keys_problems(keys: &KeyRing, longest: Duration, field: &str) -> Vec<ConfigProblem> {
    let problem = |problem: &KeyProblem| {
        ConfigProblem::new(field, problem.rule.as_str(), problem.fix.as_str())
    };
    let mut problems: Vec<_> = keys.problems.iter().map(problem).collect();
    if let Some(retired_for) = keys.retired_for.filter(|time| *time < longest) {
        problems.push(ConfigProblem::new(
            "retired_for",
            format!(
                "a retired key verifies for at least {}, the longest life of a token; this is {}",
                duration::write(longest),
                duration::write(retired_for)
            ),
            "remove `.retired_for(…)`, or shorten `.refresh_token_expires(…)`",
        ));
    }
    problems
}

/// The problem with a list of algorithms, of which each needs a key.
fn unusable(decoded: &[Algorithm], ring: &LoadedRing) -> Option<ConfigProblem> {
    let has_key = |algorithm: &Algorithm| ring.keys().any(|key| key.algorithm == *algorithm);
    let rule = match decoded.iter().find(|algorithm| !has_key(algorithm)) {
        Some(algorithm) => format!("no key of the configuration is one for {algorithm}"),
        None if decoded.is_empty() => "the list has at least one algorithm".to_owned(),
        None => return None,
    };
    let fix = "list the algorithms of the keys, or add a key with `.also_verify(…)`";
    Some(ConfigProblem::new("decode_algorithms", rule, fix))
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("keys", &self.keys)
            .field("rules", &self.rules)
            .field("web", &self.web)
            .field("problems", &self.problems)
            .finish_non_exhaustive()
    }
}
