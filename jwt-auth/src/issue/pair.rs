//! The pair that a log-in or a refresh answers with (RFC 6749 §5.1).

use std::fmt;
use std::time::Duration;

use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::secret::Secret;

/// An access token and the refresh token that renews it.
///
/// It serialises as RFC 6749 §5.1 has it: `access_token`, `refresh_token`, `token_type`, `expires_in`
/// (seconds). `Debug` shows neither token.
///
/// ```
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let auth = jwt_auth::Config::hs256([7; 32]).build()?;
/// let pair = auth.log_in("alice").await?;
/// let body = serde_json::to_value(&pair)?;
/// assert_eq!(body["token_type"], "Bearer");
/// assert_eq!(body["expires_in"], 900);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct TokenPair {
    pub(crate) access: Secret,
    pub(crate) refresh: Secret,
    /// Of the access token, of the refresh token.
    pub(crate) csrf: [Option<Secret>; 2],
    pub(crate) expires_in: Duration,
}

impl TokenPair {
    /// The access token, in compact form.
    pub fn access_token(&self) -> &str {
        self.access.expose()
    }

    /// The refresh token, in compact form.
    pub fn refresh_token(&self) -> &str {
        self.refresh.expose()
    }

    /// The value that a request with the access token in a cookie repeats; `None` where cookies or their
    /// CSRF protection are off.
    ///
    /// ```
    /// use jwt_auth::{Config, TokenLocation};
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let auth = Config::hs256([7; 32]).token_location([TokenLocation::Cookie]).build()?;
    /// assert!(auth.log_in("alice").await?.access_csrf_token().is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn access_csrf_token(&self) -> Option<&str> {
        self.csrf[0].as_ref().map(Secret::expose)
    }

    /// The value that a request with the refresh token in a cookie repeats; `None` where cookies or their
    /// CSRF protection are off.
    ///
    /// ```
    /// # let auth = jwt_auth::Config::hs256([7; 32]).build()?;
    /// assert_eq!(auth.token_pair("alice").issue()?.refresh_csrf_token(), None, "no cookies here");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn refresh_csrf_token(&self) -> Option<&str> {
        self.csrf[1].as_ref().map(Secret::expose)
    }

    /// How long the access token lives.
    pub fn expires_in(&self) -> Duration {
        self.expires_in
    }
}

impl Serialize for TokenPair {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut body = serializer.serialize_struct("TokenPair", 4)?;
        body.serialize_field("access_token", self.access_token())?;
        body.serialize_field("refresh_token", self.refresh_token())?;
        body.serialize_field("token_type", "Bearer")?;
        body.serialize_field("expires_in", &self.expires_in.as_secs())?;
        body.end()
    }
}

impl fmt::Debug for TokenPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenPair").field("expires_in", &self.expires_in).finish_non_exhaustive()
    }
}
