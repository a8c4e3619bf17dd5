//! The configuration: plain data with safe defaults, from code or from the environment.

mod cookies;
mod dev_key;
mod duration;
mod env;
mod error;
mod hooks;
mod settings;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::keys::{Algorithm, Key, KeyMaterial, KeyRing, Leniency, LoadedRing};
use crate::revocation::{Engine, MemoryStore, RevocationStore};

pub use cookies::SameSite;
pub(crate) use cookies::{CookieSettings, TokenCookie, is_domain, is_safe};
pub use env::variables;
pub use error::{ConfigError, ConfigProblem};
pub use hooks::AsyncHook;
pub(crate) use hooks::{Additional, ClaimsCheck, Denylist};
pub(crate) use settings::Settings;

/// Where a token was found, or is looked for.
///
/// ```
/// assert_eq!(jwt_auth::TokenLocation::Header.name(), "header");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenLocation {
    /// The `Authorization` header, or the one that [`Config::header_name`] names.
    Header,
    /// The cookie of the token's kind ([`Config::access_cookie_key`], [`Config::refresh_cookie_key`]).
    Cookie,
    /// The query's parameter that [`Config::query_name`] names.
    Query,
    /// `Sec-WebSocket-Protocol`: the entry behind `bearer`, as in `new WebSocket(url, ["bearer", token])`.
    WebSocketProtocol,
}

/// A framework whose answers are reproduced, for clients that were written for it.
///
/// ```
/// use jwt_auth::{Compat, Config};
///
/// let config = Config::hs256([7; 32]).compat(Compat::FastApiJwtAuth);
/// # drop(config);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compat {
    /// fastapi-jwt-auth 0.5: its statuses (422 for most bad tokens), its sentences, `{"detail": …}` alone,
    /// and cookie names without `__Host-`. A header of another scheme is refused and not passed over.
    FastApiJwtAuth,
}

impl TokenLocation {
    pub(crate) const ALL: [Self; 4] =
        [Self::Header, Self::Cookie, Self::Query, Self::WebSocketProtocol];

    /// The name that attributes and environment variables use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Cookie => "cookie",
            Self::Query => "query",
            Self::WebSocketProtocol => "websocket_protocol",
        }
    }
}

/// How tokens are made and read. Nothing is global: [`build`](Self::build) makes a
/// [`JwtAuth`](crate::JwtAuth) of it, which becomes the state of the router.
///
/// A setter takes any value; `build` checks all of them, and reports every problem at once.
///
/// ```
/// use jwt_auth::Config;
/// use std::time::Duration;
///
/// let auth = Config::hs256("an example secret of 32 bytes ...")
///     .issuer("https://auth.example")
///     .audience(["https://api.example"])
///     .access_token_expires(Duration::from_secs(5 * 60))
///     .build()?;
/// # drop(auth);
/// # Ok::<(), jwt_auth::ConfigError>(())
/// ```
pub struct Config {
    keys: KeyRing,
    key_fields: [&'static str; 2],
    store: Option<Arc<dyn Engine>>,
    problems: Vec<ConfigProblem>,
    pub(crate) leniency: Leniency,
    pub(crate) settings: Settings,
}

/// A configuration whose every part was checked.
pub(crate) struct Checked {
    pub(crate) ring: LoadedRing,
    pub(crate) settings: Settings,
    pub(crate) store: Arc<dyn Engine>,
}

impl Config {
    /// HMAC with SHA-256 over a shared secret of at least 32 bytes.
    ///
    /// The secret is the text itself, or `base64:…`, `hex:…`, `file:…` ([`KeyMaterial`]).
    ///
    /// ```
    /// use jwt_auth::Config;
    /// assert!(Config::hs256([7_u8; 32]).build().is_ok());
    /// assert!(Config::hs256("too short").build().is_err());
    /// ```
    pub fn hs256(secret: impl Into<KeyMaterial>) -> Self {
        Self::with_keys(KeyRing::new(Key::secret(Algorithm::HS256, secret)))
    }

    /// HMAC with SHA-384 over a shared secret of at least 48 bytes.
    ///
    /// ```
    /// assert!(jwt_auth::Config::hs384([7_u8; 48]).build().is_ok());
    /// ```
    pub fn hs384(secret: impl Into<KeyMaterial>) -> Self {
        Self::with_keys(KeyRing::new(Key::secret(Algorithm::HS384, secret)))
    }

    /// HMAC with SHA-512 over a shared secret of at least 64 bytes.
    ///
    /// ```
    /// assert!(jwt_auth::Config::hs512([7_u8; 64]).build().is_ok());
    /// ```
    pub fn hs512(secret: impl Into<KeyMaterial>) -> Self {
        Self::with_keys(KeyRing::new(Key::secret(Algorithm::HS512, secret)))
    }

    /// A key pair in PEM: the text itself, or `file:private.pem`. The halves must belong together.
    ///
    /// ```
    /// use jwt_auth::{Algorithm, Config};
    ///
    /// let config = Config::from_pem(Algorithm::ES256, "file:private.pem", "file:public.pem");
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
    ///
    /// let ring = KeyRing::new(Key::secret(Algorithm::HS256, [1; 32]).id("b"))
    ///     .also_verify(Key::secret(Algorithm::HS256, [2; 32]).id("a"));
    /// assert!(Config::with_keys(ring).build().is_ok());
    /// assert!(Config::with_keys(KeyRing::default()).build().is_err(), "no key at all");
    /// ```
    pub fn with_keys(keys: KeyRing) -> Self {
        Self {
            keys,
            key_fields: ["secret_key", "keys"],
            store: None,
            problems: Vec::new(),
            leniency: Leniency::default(),
            settings: Settings::default(),
        }
    }

    /// The `iss` that goes into tokens and is asked of them, of both kinds. Default: none, and any
    /// issuer is read, since the key already says who signed (RFC 7519 §4.1.1).
    ///
    /// ```
    /// # use jwt_auth::Config;
    /// # use std::time::Duration;
    /// # let config = || Config::hs256([7; 32]);
    /// let auth = config().issuer("https://auth.example").build()?;
    /// let token = auth.access_token("alice").issue()?;
    /// let other = config().issuer("https://other.example").build()?;
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// assert!(auth.verify_access(&token).await.is_ok());
    /// assert!(other.verify_access(&token).await.is_err());
    /// # });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn issuer(self, issuer: impl Into<String>) -> Self {
        let issuer = issuer.into();
        self.encode_issuer(issuer.clone()).decode_issuer(issuer)
    }

    /// The `iss` that goes into tokens, when it differs from the one asked for.
    ///
    /// ```
    /// # use jwt_auth::Config;
    /// # use std::time::Duration;
    /// # let config = || Config::hs256([7; 32]);
    /// assert!(config().encode_issuer("https://auth.example").build().is_ok());
    /// ```
    pub fn encode_issuer(mut self, issuer: impl Into<String>) -> Self {
        self.settings.encode_issuer = Some(issuer.into());
        self
    }

    /// The `iss` that is asked of tokens, when it differs from the one written.
    ///
    /// ```
    /// # use jwt_auth::Config;
    /// # use std::time::Duration;
    /// # let config = || Config::hs256([7; 32]);
    /// assert!(config().decode_issuer("https://auth.example").build().is_ok());
    /// assert!(config().decode_issuer("").build().is_err());
    /// ```
    pub fn decode_issuer(mut self, issuer: impl Into<String>) -> Self {
        self.settings.decode_issuer = Some(issuer.into());
        self
    }

    /// The `aud` that goes into tokens and is asked of them: a token must name at least one of these.
    /// Default: none, and a token that names an audience is refused, since it was made for somebody else
    /// (RFC 7519 §4.1.3).
    ///
    /// ```
    /// # use jwt_auth::Config;
    /// # use std::time::Duration;
    /// # let config = || Config::hs256([7; 32]);
    /// assert!(config().audience(["https://api.example"]).build().is_ok());
    /// assert!(config().audience([" "]).build().is_err());
    /// ```
    pub fn audience<A: Into<String>>(mut self, audience: impl IntoIterator<Item = A>) -> Self {
        self.settings.audience = audience.into_iter().map(Into::into).collect();
        self.settings.decode_audience.clone_from(&self.settings.audience);
        self
    }

    /// The `aud` that is asked of tokens, when it differs from the one written. After
    /// [`audience`](Self::audience), which sets both.
    ///
    /// ```
    /// # use jwt_auth::Config;
    /// # let config = || Config::hs256([7; 32]);
    /// assert!(config().decode_audience(["https://api.example"]).build().is_ok());
    /// assert!(config().decode_audience([""]).build().is_err());
    /// ```
    pub fn decode_audience<A: Into<String>>(
        mut self,
        audience: impl IntoIterator<Item = A>,
    ) -> Self {
        self.settings.decode_audience = audience.into_iter().map(Into::into).collect();
        self
    }

    /// Answers as another framework does. Default: none, and RFC 6750 is followed.
    ///
    /// ```
    /// use jwt_auth::{AuthErrorKind, Compat, Config};
    ///
    /// let config = Config::hs256([7; 32]).compat(Compat::FastApiJwtAuth);
    /// assert!(config.build().is_ok());
    /// ```
    pub fn compat(mut self, compat: Compat) -> Self {
        self.settings.compat = Some(compat);
        self
    }

    /// By how much the clocks of issuer and reader may differ, for `exp`, `nbf` and `iat`. Default: 0,
    /// since a stolen token lives that much longer; at most 10 minutes.
    ///
    /// ```
    /// # use jwt_auth::Config;
    /// # use std::time::Duration;
    /// # let config = || Config::hs256([7; 32]);
    /// assert!(config().decode_leeway(Duration::from_secs(30)).build().is_ok());
    /// assert!(config().decode_leeway(Duration::from_secs(601)).build().is_err());
    /// ```
    pub fn decode_leeway(mut self, leeway: Duration) -> Self {
        self.settings.decode_leeway = leeway;
        self
    }

    /// How long an access token lives. Default: 15 minutes, the most that a stolen one is worth.
    ///
    /// ```
    /// # use jwt_auth::Config;
    /// # use std::time::Duration;
    /// # let config = || Config::hs256([7; 32]);
    /// assert!(config().access_token_expires(Duration::from_secs(300)).build().is_ok());
    /// assert!(config().access_token_expires(Duration::ZERO).build().is_err());
    /// ```
    pub fn access_token_expires(mut self, life: Duration) -> Self {
        self.settings.access_token_expires = life;
        self
    }

    /// How long a refresh token lives, which is how long a session may lie idle. Default: 30 days.
    ///
    /// ```
    /// # use jwt_auth::Config;
    /// # use std::time::Duration;
    /// # let config = || Config::hs256([7; 32]);
    /// assert!(config().refresh_token_expires(Duration::from_secs(7 * 86_400)).build().is_ok());
    /// ```
    pub fn refresh_token_expires(mut self, life: Duration) -> Self {
        self.settings.refresh_token_expires = life;
        self
    }

    /// How long a session lives at the most, however often it is refreshed. Default: 90 days, then the
    /// user logs in again.
    ///
    /// ```
    /// # use jwt_auth::Config;
    /// # use std::time::Duration;
    /// # let config = || Config::hs256([7; 32]);
    /// assert!(config().refresh_family_expires(Duration::from_secs(365 * 86_400)).build().is_ok());
    /// ```
    pub fn refresh_family_expires(mut self, life: Duration) -> Self {
        self.settings.refresh_family_expires = life;
        self
    }

    /// How long the token that was just rotated gets the same successor again, so that two tabs which
    /// refresh at once both live. Default: 10 seconds; zero turns it off; at most 5 minutes.
    ///
    /// ```
    /// # use jwt_auth::Config;
    /// # use std::time::Duration;
    /// # let config = || Config::hs256([7; 32]);
    /// assert!(config().refresh_grace(Duration::ZERO).build().is_ok(), "off");
    /// assert!(config().refresh_grace(Duration::from_secs(301)).build().is_err());
    /// ```
    pub fn refresh_grace(mut self, grace: Duration) -> Self {
        self.settings.refresh_grace = grace;
        self
    }

    /// The header that bears the token. Default: `Authorization`.
    ///
    /// ```
    /// # use jwt_auth::Config;
    /// # use std::time::Duration;
    /// # let config = || Config::hs256([7; 32]);
    /// assert!(config().header_name("X-Auth").build().is_ok());
    /// assert!(config().header_name("X Auth").build().is_err());
    /// ```
    pub fn header_name(mut self, name: impl Into<String>) -> Self {
        self.settings.header_name = name.into();
        self
    }

    /// The word before the token, compared without case. Default: `Bearer` (RFC 6750 §2.1); `None` for a
    /// header that bears the token alone.
    ///
    /// ```
    /// # use jwt_auth::Config;
    /// # use std::time::Duration;
    /// # let config = || Config::hs256([7; 32]);
    /// assert!(config().header_type(None).build().is_ok());
    /// assert!(config().header_type(Some("two words")).build().is_err());
    /// ```
    pub fn header_type(mut self, scheme: Option<&str>) -> Self {
        self.settings.header_type = scheme.map(str::to_owned);
        self
    }

    /// The key of the sentence in an error's body. Default: `detail`, `FastAPI`'s.
    ///
    /// ```
    /// # use jwt_auth::Config;
    /// # use std::time::Duration;
    /// # let config = || Config::hs256([7; 32]);
    /// assert!(config().error_body_key("message").build().is_ok());
    /// assert!(config().error_body_key("code").build().is_err(), "that key is taken");
    /// ```
    pub fn error_body_key(mut self, key: impl Into<String>) -> Self {
        self.settings.error_body_key = key.into();
        self
    }

    /// How many tokens are kept once they are verified, so that the next request with the same token does
    /// not check its signature again; zero turns it off. Default: 10 000 where a key is RSA, EC or Ed25519,
    /// whose signatures take 14 to 40 µs to check, and none for HMAC, whose check takes little longer than a
    /// look-up. A number keeps tokens of HMAC too.
    ///
    /// About a kilobyte each; larger tokens count as several. Nothing is decided by what is kept but that
    /// the signature is good: expiry, revocation and all that the route asks is judged at each request.
    /// Tokens that do not verify never enter, nor do refresh tokens, which are used once. What is kept lies
    /// whole in the process's memory until others take its place, or it comes again and has expired.
    ///
    /// ```
    /// # use jwt_auth::Config;
    /// # let config = || Config::hs256([7; 32]);
    /// assert!(config().verified_cache(100_000).build().is_ok());
    /// assert!(config().verified_cache(0).build().is_ok(), "off");
    /// assert!(config().verified_cache(usize::MAX).build().is_err());
    /// ```
    pub fn verified_cache(mut self, tokens: usize) -> Self {
        self.settings.verified_cache = Some(tokens);
        self
    }

    /// Where "now" comes from. Default: the system's clock.
    ///
    /// ```
    /// # use jwt_auth::Config;
    /// # use std::time::Duration;
    /// # let config = || Config::hs256([7; 32]);
    /// # use jwt_auth::ManualClock;
    /// assert!(config().clock(ManualClock::at(1_700_000_000)).build().is_ok());
    /// ```
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.settings.clock = Arc::new(clock);
        self
    }

    /// The store of revocations and refresh families. Default: a [`MemoryStore`], which one process
    /// keeps and a restart forgets.
    ///
    /// ```
    /// # use jwt_auth::Config;
    /// # use std::time::Duration;
    /// # let config = || Config::hs256([7; 32]);
    /// # use jwt_auth::MemoryStore;
    /// assert!(config().revocation(MemoryStore::new()).build().is_ok());
    /// ```
    pub fn revocation(mut self, store: impl RevocationStore) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    pub(crate) fn problem(mut self, problem: ConfigProblem) -> Self {
        self.problems.push(problem);
        self
    }

    /// Checks every part; every problem comes back at once.
    pub(crate) fn check(mut self) -> Result<Checked, ConfigError> {
        let unset = self.problems.iter().any(|problem| self.key_fields.contains(&problem.field()));
        let ring = match LoadedRing::load(&self.keys, self.leniency) {
            Ok(ring) => Some(ring),
            Err(_) if unset => None,
            Err(problems) => {
                for (place, problem) in problems {
                    let field = match place {
                        0 => self.key_fields[0].to_owned(),
                        _ => format!("{} (number {})", self.key_fields[1], place + 1),
                    };
                    self.problems.push(ConfigProblem::new(field, problem.rule, problem.fix));
                }
                None
            }
        };
        self.settings.cookies.settle(self.settings.compat.is_none());
        self.problems.extend(self.settings.problems());
        match ring {
            Some(ring) if self.problems.is_empty() => Ok(Checked {
                ring,
                settings: self.settings,
                store: self.store.unwrap_or_else(|| Arc::new(MemoryStore::new())),
            }),
            _ => Err(ConfigError::new(self.problems)),
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("keys", &self.keys)
            .field("settings", &self.settings)
            .field("problems", &self.problems)
            .finish_non_exhaustive()
    }
}
