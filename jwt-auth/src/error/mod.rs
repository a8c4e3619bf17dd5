//! The one error of the request path: an opaque value with a kind, a code and a sentence.

mod kind;

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use kind::AuthErrorKind;

/// Why a request was refused, or a token not made.
///
/// As a handler's error it answers by itself: status, `WWW-Authenticate` and a JSON body (RFC 6750
/// §3). It never holds a token, a claim's value or a secret, so it can be logged.
///
/// ```
/// use jwt_auth::{AuthError, AuthErrorKind};
///
/// let error = AuthError::from(AuthErrorKind::Expired);
/// assert_eq!(error.code(), "token_expired");
/// assert_eq!(error.to_string(), "Signature has expired");
/// ```
#[derive(Clone)]
pub struct AuthError(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: AuthErrorKind,
    detail: Cow<'static, str>,
    demand: Demand,
    settings: Option<Arc<dyn Any + Send + Sync>>,
    request: Option<Arc<dyn Any + Send + Sync>>,
}

/// What the client has to bring to be let in, when that can be said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Demand {
    #[default]
    Nothing,
    Scopes(Vec<String>),
    MaxAge(Duration),
}

impl AuthError {
    /// A refusal of the application's own, for a `check = …` function: 403.
    ///
    /// ```
    /// let error = jwt_auth::AuthError::forbidden("Your account is suspended");
    /// assert_eq!(error.kind(), jwt_auth::AuthErrorKind::Forbidden);
    /// ```
    pub fn forbidden(detail: impl Into<Cow<'static, str>>) -> Self {
        let mut error = Self::from(AuthErrorKind::Forbidden);
        error.0.detail = detail.into();
        error
    }

    pub(crate) fn cannot_issue(detail: impl Into<Cow<'static, str>>) -> Self {
        let mut error = Self::from(AuthErrorKind::CannotIssue);
        error.0.detail = detail.into();
        error
    }

    /// The same refusal in other words.
    pub(crate) fn worded(mut self, detail: Cow<'static, str>) -> Self {
        self.0.detail = detail;
        self
    }

    pub(crate) fn demanding(kind: AuthErrorKind, demand: Demand) -> Self {
        let mut error = Self::from(kind);
        error.0.demand = demand;
        error
    }

    /// The kind of refusal.
    pub fn kind(&self) -> AuthErrorKind {
        self.0.kind
    }

    /// The kind's stable code, for programs.
    pub fn code(&self) -> &'static str {
        self.0.kind.code()
    }

    /// The sentence of the answer, for people.
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    pub(crate) fn demand(&self) -> &Demand {
        &self.0.demand
    }

    /// The settings and the request to answer by, which floors above leave here; see `http::response`.
    pub(crate) fn answer(&self) -> [Option<&Arc<dyn Any + Send + Sync>>; 2] {
        [self.0.settings.as_ref(), self.0.request.as_ref()]
    }

    pub(crate) fn with_answer(mut self, settings: Option<Arc<dyn Any + Send + Sync>>) -> Self {
        self.0.settings = settings.or(self.0.settings);
        self
    }

    pub(crate) fn with_request(mut self, request: Option<Arc<dyn Any + Send + Sync>>) -> Self {
        self.0.request = request.or(self.0.request);
        self
    }
}

impl From<AuthErrorKind> for AuthError {
    fn from(kind: AuthErrorKind) -> Self {
        let detail = Cow::Borrowed(kind.detail());
        Self(Box::new(Inner {
            kind,
            detail,
            demand: Demand::Nothing,
            settings: None,
            request: None,
        }))
    }
}

impl fmt::Display for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.detail)
    }
}

impl fmt::Debug for AuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthError")
            .field("kind", &self.0.kind)
            .field("detail", &self.0.detail)
            .finish_non_exhaustive()
    }
}

impl std::error::Error for AuthError {}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_kind_has_a_code_and_a_sentence_of_its_own() {
        let codes: HashSet<_> = AuthErrorKind::ALL.iter().map(|kind| kind.code()).collect();
        let details: HashSet<_> = AuthErrorKind::ALL.iter().map(|kind| kind.detail()).collect();
        assert_eq!(codes.len(), AuthErrorKind::ALL.len());
        assert_eq!(details.len(), AuthErrorKind::ALL.len());
    }

    #[test]
    fn an_error_is_as_small_as_a_pointer() {
        assert_eq!(size_of::<Result<(), AuthError>>(), size_of::<usize>());
    }
}
