//! The pair of tokens that a log-in or a refresh returns (RFC 6749 §5.1).

use std::fmt;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::secret::Secret;
use crate::token::issue::issued_token::token_type;
use crate::token_kind::PerKind;

/// An access token, and the refresh token that renews it.
///
/// As JSON it is the body of RFC 6749 §5.1: `access_token`, `refresh_token`, `token_type`, and `expires_in` in
/// seconds; a Rust client can deserialise it. `Debug` shows neither token.
///
/// ```
/// use jwt_auth::TokenPair;
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
/// let pair = auth.log_in("alice").await?;
/// let body = serde_json::to_value(&pair)?;
/// assert_eq!(body["token_type"], "Bearer");
/// assert_eq!(body["expires_in"], 900);
/// let received: TokenPair = serde_json::from_value(body)?;
/// assert_eq!(received.access_token(), pair.access_token());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct TokenPair {
    pub(crate) tokens: PerKind<Secret>,
    pub(super) csrf: PerKind<Option<Secret>>,
    pub(super) expires_in: Duration,
    /// Whether the tokens are bound to a key.
    pub(super) is_bound: bool,
}

impl TokenPair {
    /// The access token, in compact form.
    ///
    /// ```
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// # let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
    /// let pair = auth.log_in("alice").await?;
    /// assert!(auth.verify_access(pair.access_token()).await.is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn access_token(&self) -> &str {
        self.tokens.access.expose()
    }

    /// The refresh token, in compact form.
    ///
    /// ```
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// # let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
    /// let pair = auth.log_in("alice").await?;
    /// let renewed = auth.rotate(auth.verify_refresh(pair.refresh_token()).await?).await?;
    /// assert_ne!(renewed.refresh_token(), pair.refresh_token());
    /// assert!(auth.verify_access(pair.refresh_token()).await.is_err(), "a refresh token opens no access route");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn refresh_token(&self) -> &str {
        self.tokens.refresh.expose()
    }

    /// The CSRF value of the access token.
    ///
    /// A request with the token in a cookie must repeat it. `None` if cookies or their CSRF protection are
    /// off, and for a deserialised pair.
    ///
    /// ```
    /// use jwt_auth::{Config, KeyMaterial, TokenLocation};
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let auth = Config::hs256(KeyMaterial::ephemeral()).token_location([TokenLocation::Cookie]).build()?;
    /// assert!(auth.log_in("alice").await?.access_csrf_token().is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn access_csrf_token(&self) -> Option<&str> {
        self.csrf.access.as_ref().map(Secret::expose)
    }

    /// The CSRF value of the refresh token.
    ///
    /// A request with the token in a cookie must repeat it. `None` if cookies or their CSRF protection are
    /// off, and for a deserialised pair.
    ///
    /// ```
    /// # let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
    /// assert_eq!(auth.token_pair("alice").issue()?.refresh_csrf_token(), None, "no cookies here");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn refresh_csrf_token(&self) -> Option<&str> {
        self.csrf.refresh.as_ref().map(Secret::expose)
    }

    /// How long the access token lives after it was issued.
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial};
    /// # use std::time::Duration;
    /// let hour = Duration::from_secs(3600);
    /// let auth = Config::hs256(KeyMaterial::ephemeral()).access_token_expires(hour).build()?;
    /// assert_eq!(auth.token_pair("alice").issue()?.expires_in(), hour);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn expires_in(&self) -> Duration {
        self.expires_in
    }
}

impl Serialize for TokenPair {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut body = serializer.serialize_struct("TokenPair", 4)?;
        body.serialize_field("access_token", self.access_token())?;
        body.serialize_field("refresh_token", self.refresh_token())?;
        body.serialize_field("token_type", token_type(self.is_bound))?;
        body.serialize_field("expires_in", &self.expires_in.as_secs())?;
        body.end()
    }
}

impl<'de> Deserialize<'de> for TokenPair {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        struct Body {
            access_token: String,
            refresh_token: String,
            #[serde(default)]
            expires_in: u64,
            #[serde(default)]
            token_type: String,
        }
        let body = Body::deserialize(deserializer)?;
        Ok(Self {
            tokens: PerKind {
                access: body.access_token.into(),
                refresh: body.refresh_token.into(),
            },
            csrf: PerKind::default(),
            expires_in: Duration::from_secs(body.expires_in),
            is_bound: body.token_type.eq_ignore_ascii_case("DPoP"),
        })
    }
}

impl fmt::Debug for TokenPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenPair").field("expires_in", &self.expires_in).finish_non_exhaustive()
    }
}
