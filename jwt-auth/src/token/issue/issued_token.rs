//! One issued token.

use std::fmt;
use std::ops::Deref;
use std::time::{Duration, SystemTime};

use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::clock::to_system_time;
use crate::secret::Secret;
use crate::token_kind::TokenKind;

/// One issued token, of either kind.
///
/// It dereferences to the compact form, so `&token` works as a `&str`. An access token serialises as the body of
/// RFC 6749 §5.1: `access_token`, `token_type`, and `expires_in` in seconds. A refresh token serialises as
/// `{"refresh_token": …}`, so that no client sends it as its access token. A handler can return either as a
/// response. `Debug` does not show the token.
///
/// ```
/// let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
/// let token = auth.access_token("alice").issue()?;
/// assert_eq!(token.split('.').count(), 3);
/// assert!(!token.id().is_empty());
/// assert!(!format!("{token:?}").contains(&*token));
///
/// let body = serde_json::to_value(&token)?;
/// assert_eq!(body["token_type"], "Bearer");
/// assert_eq!(body["expires_in"], 900);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct IssuedToken {
    kind: TokenKind,
    text: Secret,
    id: String,
    issued_at: Duration,
    expires_at: Option<Duration>,
    is_bound: bool,
}

impl IssuedToken {
    pub(super) fn new(
        kind: TokenKind,
        text: String,
        id: String,
        issued_at: Duration,
        expires_at: Option<Duration>,
    ) -> Self {
        Self { kind, text: text.into(), id, issued_at, expires_at, is_bound: false }
    }

    /// Whether it is bound to a key.
    pub(super) fn bound(mut self, is_bound: bool) -> Self {
        self.is_bound = is_bound;
        self
    }

    /// The token in compact form.
    ///
    /// ```
    /// let token = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?.access_token("alice").issue()?;
    /// assert_eq!(token.as_str(), &*token);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn as_str(&self) -> &str {
        self.text.expose()
    }

    /// `jti`.
    ///
    /// ```
    /// let token = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?.access_token("alice").issue()?;
    /// assert_eq!(jwt_auth::danger::decode_unverified(&token)?.claims["jti"], token.id());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn id(&self) -> &str {
        &self.id
    }

    /// `exp`. `None` only for a token that was issued without one (`danger`).
    ///
    /// ```
    /// let token = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?.access_token("alice").issue()?;
    /// assert!(token.expires_at().is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn expires_at(&self) -> Option<SystemTime> {
        self.expires_at.map(to_system_time)
    }

    pub(super) fn expires_in(&self) -> Option<Duration> {
        self.expires_at.map(|at| at.saturating_sub(self.issued_at))
    }

    pub(super) fn into_secret(self) -> Secret {
        self.text
    }
}

impl Deref for IssuedToken {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for IssuedToken {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl Serialize for IssuedToken {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.kind == TokenKind::Refresh {
            let mut body = serializer.serialize_struct("IssuedToken", 1)?;
            body.serialize_field("refresh_token", self.as_str())?;
            return body.end();
        }
        let expires_in = self.expires_in();
        let len = if expires_in.is_some() { 3 } else { 2 };
        let mut body = serializer.serialize_struct("IssuedToken", len)?;
        body.serialize_field("access_token", self.as_str())?;
        body.serialize_field("token_type", token_type(self.is_bound))?;
        if let Some(expires_in) = expires_in {
            body.serialize_field("expires_in", &expires_in.as_secs())?;
        }
        body.end()
    }
}

/// `token_type` (RFC 6749 §7.1, RFC 9449 §5).
pub(super) fn token_type(is_bound: bool) -> &'static str {
    if is_bound { "DPoP" } else { "Bearer" }
}

impl fmt::Debug for IssuedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuedToken").field("id", &self.id).finish_non_exhaustive()
    }
}
