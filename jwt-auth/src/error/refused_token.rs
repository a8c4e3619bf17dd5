//! What a refusal knows about the token, once its signature was checked.

use std::fmt;

/// The token of a refused request, after its signature was checked.
///
/// Returned by [`AuthError::token`](crate::AuthError::token), for an audit log. The names come from the token, so they
/// are personal data: a response should not contain them.
///
/// ```
/// use jwt_auth::{Config, KeyMaterial};
///
/// let config = Config::hs256(KeyMaterial::ephemeral()).on_refusal(|error, request| {
///     let subject = error.token().map(|token| token.subject());
///     println!("{} {} {subject:?}", request.uri.path(), error.code());
/// });
/// # drop(config);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct RefusedToken {
    pub(crate) subject: String,
    pub(crate) id: Option<String>,
    pub(crate) session_id: Option<String>,
    pub(crate) key_id: Option<String>,
}

impl RefusedToken {
    /// `sub`.
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial};
    /// Config::hs256(KeyMaterial::ephemeral()).on_refusal(|error, _| drop(error.token().map(|token| token.subject().to_owned())));
    /// ```
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// `jti`, if the token has one.
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial};
    /// Config::hs256(KeyMaterial::ephemeral()).on_refusal(|error, _| drop(error.token().and_then(|token| token.id())));
    /// ```
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The session (`sid`), if the token has one.
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial};
    /// Config::hs256(KeyMaterial::ephemeral()).on_refusal(|error, _| drop(error.token().and_then(|token| token.session_id())));
    /// ```
    pub fn session_id(&self) -> Option<&str> {
        self.session_id.as_deref()
    }

    /// The id of the key that signed the token, if the key has one.
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial};
    /// Config::hs256(KeyMaterial::ephemeral()).on_refusal(|error, _| drop(error.token().and_then(|token| token.key_id())));
    /// ```
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }
}

impl fmt::Debug for RefusedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefusedToken").finish_non_exhaustive()
    }
}

/// What the rules expected, and what the token or the request had.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Mismatch {
    pub(crate) expected: String,
    pub(crate) found: String,
}
