//! Every way to weaken a default, under a name that a review can search for.
//!
//! | what | in code | elsewhere |
//! |---|---|---|
//! | a secret shorter than its hash | [`DangerousConfig::allow_short_secret`] | |
//! | RSA keys below 2048 bits, to verify | [`DangerousConfig::allow_short_rsa_keys`] | |
//! | one secret for several algorithms | [`DangerousConfig::decode_algorithms`] | |
//! | tokens without `exp` | [`DangerousConfig::allow_tokens_without_expiry`], [`DangerousIssue::never_expires`] | |
//! | cookies over plain HTTP | [`DangerousConfig::cookie_secure`] | `JWT_AUTH_COOKIE_SECURE=false` |
//! | cookies without CSRF protection | [`DangerousConfig::cookie_csrf_protect`] | `JWT_AUTH_COOKIE_CSRF_PROTECT=false` |
//! | no revocation check for a kind of token | [`DangerousConfig::denylist_token_checks`] | `JWT_AUTH_DENYLIST_TOKEN_CHECKS` |
//! | no revocation check on a route | | `#[jwt_required(danger(revocation = "skip"))]` |
//! | a replica that may be outdated | [`DangerousStore::serve_stale`] | |
//! | reading a token without checking it | [`decode_unverified`] | |

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::config::Config;
use crate::error::{AuthError, AuthErrorKind};
use crate::keys::Algorithm;
use crate::session::log::LogOptions;
use crate::token::{Life, MAX_TOKEN, TokenBuilder};
use crate::token_kind::TokenKind;

/// Weakens what a configuration requires.
///
/// ```
/// use jwt_auth::Config;
/// use jwt_auth::danger::DangerousConfig as _;
///
/// assert!(Config::hs256("short").build().is_err());
/// assert!(Config::hs256("short").allow_short_secret().build().is_ok());
/// ```
pub trait DangerousConfig: sealed::Sealed {
    /// Accepts an HMAC secret shorter than its hash.
    ///
    /// RFC 7518 §3.2 forbids it: an attacker with one token can guess such a secret offline.
    ///
    /// ```
    /// # use jwt_auth::Config;
    /// # use jwt_auth::danger::DangerousConfig as _;
    /// assert!(Config::hs256("short").build().is_err());
    /// assert!(Config::hs256("short").allow_short_secret().build().is_ok());
    /// assert!(Config::hs256("").allow_short_secret().build().is_err(), "empty");
    /// ```
    #[must_use]
    fn allow_short_secret(self) -> Self;

    /// Accepts public RSA keys of 1024 to 2047 bits, for RS256 and RS512. They verify and cannot sign.
    ///
    /// For a change to a longer key: the short one stays in the ring until its last token has expired. RFC 7518 §3.3
    /// forbids such keys, because a modulus of 1024 bits can be factored at great expense.
    ///
    /// ```no_run
    /// use jwt_auth::danger::DangerousConfig as _;
    /// use jwt_auth::{Algorithm, Config, Key, KeyMaterial};
    ///
    /// let old = Key::public_pem(Algorithm::RS256, KeyMaterial::file("old-1024.pub.pem"));
    /// let config = Config::from_env().also_verify(old).allow_short_rsa_keys();
    /// # drop(config);
    /// ```
    #[must_use]
    fn allow_short_rsa_keys(self) -> Self;

    /// Accepts only these algorithms. If the first key is a secret, it serves every HMAC algorithm of the list.
    ///
    /// Default: each key has one algorithm, and verifies tokens of it. RFC 8725 §3.1 requires that, and a new service never
    /// needs this. Use it for tokens of fastapi-jwt-auth, where one secret signs with several algorithms
    /// ([`TokenBuilder::algorithm`](crate::token::TokenBuilder::algorithm)). Tokens of an algorithm that is not in the list
    /// are refused, even those that the service issues itself. The secret's id is for its own algorithm only; tokens of the
    /// others have no `kid`.
    ///
    /// ```
    /// use jwt_auth::danger::DangerousConfig as _;
    /// use jwt_auth::{Algorithm, Config, KeyMaterial};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let config = Config::hs384(KeyMaterial::ephemeral());
    /// let auth = config.decode_algorithms([Algorithm::HS384, Algorithm::HS512]).build()?;
    /// let token = auth.refresh_token("alice").algorithm(Algorithm::HS512).issue()?;
    /// assert!(auth.verify_refresh(&token).await.is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    fn decode_algorithms(self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self;

    /// Accepts tokens without `exp`. A stolen one works until its key is removed.
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial};
    /// # use jwt_auth::danger::{DangerousConfig as _, DangerousIssue as _};
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// # let config = || Config::hs256(KeyMaterial::ephemeral());
    /// let (strict, lenient) = (config().build()?, config().allow_tokens_without_expiry().build()?);
    /// let token = strict.access_token("robot").never_expires().issue()?;
    /// assert!(strict.verify_access(&token).await.is_err());
    /// assert!(lenient.verify_access(&token).await.is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    fn allow_tokens_without_expiry(self) -> Self;

    /// Whether cookies are sent over TLS only. Default: true.
    ///
    /// With `false` anyone on the network path can read them, and their names lose `__Host-`. Chrome and Firefox
    /// accept `Secure` cookies from `http://localhost`, so development with them does not need it.
    ///
    /// ```
    /// use jwt_auth::danger::DangerousConfig as _;
    /// use jwt_auth::{Config, KeyMaterial, TokenLocation};
    ///
    /// let config = Config::hs256(KeyMaterial::ephemeral()).token_location([TokenLocation::Cookie]);
    /// assert!(config.cookie_secure(false).build().is_ok());
    /// ```
    #[must_use]
    fn cookie_secure(self, is_secure: bool) -> Self;

    /// Whether a request with a token in a cookie must repeat its CSRF value.
    ///
    /// Default: true. With `false`, only `SameSite`, `Sec-Fetch-Site` and the `Origin` of WebSockets stop other
    /// sites from sending requests as your users.
    ///
    /// ```
    /// use jwt_auth::danger::DangerousConfig as _;
    /// use jwt_auth::{Config, KeyMaterial, TokenLocation};
    ///
    /// let config = Config::hs256(KeyMaterial::ephemeral()).token_location([TokenLocation::Cookie]);
    /// let auth = config.cookie_csrf_protect(false).build()?;
    /// let token = auth.access_token("alice").issue()?;
    /// assert!(!jwt_auth::danger::decode_unverified(&token)?.claims.contains_key("csrf"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    fn cookie_csrf_protect(self, protect: bool) -> Self;

    /// The kinds of token that are checked for revocation. Default: both.
    ///
    /// Leaving out a kind saves a look-up, and revoked tokens of that kind work until they expire. A revoked
    /// session still cannot be refreshed.
    ///
    /// ```
    /// use jwt_auth::danger::DangerousConfig as _;
    /// use jwt_auth::{Config, KeyMaterial, TokenKind};
    ///
    /// let config = || Config::hs256(KeyMaterial::ephemeral());
    /// assert!(config().denylist_token_checks([TokenKind::Refresh]).build().is_ok());
    /// assert!(config().denylist_token_checks([]).build().is_err(), "at least one kind is checked");
    /// ```
    #[must_use]
    fn denylist_token_checks(self, kinds: impl IntoIterator<Item = TokenKind>) -> Self;
}

impl DangerousConfig for Config {
    fn allow_short_secret(mut self) -> Self {
        self.leniency.short_secrets = true;
        self
    }

    fn allow_short_rsa_keys(mut self) -> Self {
        self.leniency.short_rsa_keys = true;
        self
    }

    fn decode_algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.decode_algorithms = Some(algorithms.into_iter().collect());
        self
    }

    fn allow_tokens_without_expiry(mut self) -> Self {
        self.rules.exp_optional = true;
        self
    }

    fn cookie_secure(self, is_secure: bool) -> Self {
        self.set_cookie_secure(is_secure)
    }

    fn cookie_csrf_protect(self, protect: bool) -> Self {
        self.set_csrf_protect(protect)
    }

    fn denylist_token_checks(self, kinds: impl IntoIterator<Item = TokenKind>) -> Self {
        self.set_revocation_checks(kinds)
    }
}

/// Weakens a token that is issued.
///
/// ```
/// use jwt_auth::{Config, KeyMaterial};
/// use jwt_auth::danger::DangerousIssue as _;
///
/// let auth = Config::hs256(KeyMaterial::ephemeral()).build()?;
/// let token = auth.access_token("robot").never_expires().issue()?;
/// assert_eq!(token.expires_at(), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait DangerousIssue: sealed::Sealed {
    /// Leaves `exp` out of a single access token.
    ///
    /// Refresh tokens and pairs still end with their session ([`session_expires`](Config::session_expires)),
    /// because the record of an endless session could never be deleted. Only a configuration that [allows
    /// it](DangerousConfig::allow_tokens_without_expiry) accepts a token without `exp`.
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial};
    /// # use jwt_auth::danger::DangerousIssue as _;
    /// # let auth = Config::hs256(KeyMaterial::ephemeral()).build()?;
    /// assert_eq!(auth.access_token("robot").never_expires().issue()?.expires_at(), None);
    /// assert!(auth.refresh_token("robot").never_expires().issue()?.expires_at().is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    fn never_expires(self) -> Self;
}

impl<K> DangerousIssue for TokenBuilder<'_, K> {
    fn never_expires(self) -> Self {
        self.life(Life::Forever)
    }
}

/// Weakens what a shared store guarantees. The builders of the store crates have it too.
///
/// ```
/// use jwt_auth::danger::DangerousStore as _;
/// use jwt_auth::session::log::LogOptions;
///
/// let options = LogOptions::default().serve_stale();
/// # drop(options);
/// ```
pub trait DangerousStore {
    /// Answers from the replica however old it is, instead of with 503.
    ///
    /// While the store is down, this node accepts tokens that other nodes have revoked.
    ///
    /// ```
    /// # use jwt_auth::danger::DangerousStore as _;
    /// # use jwt_auth::session::log::LogOptions;
    /// let options = LogOptions::default().serve_stale();
    /// # drop(options);
    /// ```
    #[must_use]
    fn serve_stale(self) -> Self;
}

impl DangerousStore for LogOptions {
    fn serve_stale(self) -> Self {
        self.stale(true)
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Config {}
    impl<K> Sealed for super::TokenBuilder<'_, K> {}
}

/// The content of a token that was not verified.
///
/// No function accepts it in place of a verified token.
///
/// ```
/// let token = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?.access_token("alice").issue()?;
/// let unverified = jwt_auth::danger::decode_unverified(&token)?;
/// assert_eq!(unverified.header["alg"], "HS256");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Unverified {
    /// The header parameters.
    pub header: Map<String, Value>,
    /// The claims.
    pub claims: Map<String, Value>,
}

/// Decodes a token without checking anything.
///
/// The signature, the times and the issuer are not checked. Use it only to look at a token, in a test or while
/// debugging.
///
/// # Errors
///
/// [`Malformed`](AuthErrorKind::Malformed) if the text is not three segments of JSON.
///
/// ```
/// let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
/// let token = auth.access_token("alice").issue()?;
/// assert_eq!(jwt_auth::danger::decode_unverified(&token)?.claims["sub"], "alice");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn decode_unverified(token: &str) -> Result<Unverified, AuthError> {
    let read = |segment: &str| {
        let bytes = URL_SAFE_NO_PAD.decode(segment).ok()?;
        serde_json::from_slice(&bytes).ok()
    };
    let mut segments = token.split('.');
    match (segments.next(), segments.next(), segments.next(), segments.next()) {
        (Some(header), Some(claims), Some(_), None) if token.len() <= MAX_TOKEN => {
            read(header).zip(read(claims)).map(|(header, claims)| Unverified { header, claims })
        }
        _ => None,
    }
    .ok_or_else(|| AuthErrorKind::Malformed.into())
}
