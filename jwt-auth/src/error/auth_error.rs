//! `AuthError`, and the plain refusal that the lower modules return.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{AuthErrorKind, BoxError, ErrorContext, Mismatch, RefusedToken};

/// Why a request was refused, or a token was not issued.
///
/// A handler can return it: it becomes a response with status, `WWW-Authenticate` and a JSON body (RFC 6750 §3).
/// `Debug` and `Display` print no token, no claim value and no secret, so it can be logged.
/// [`source`](std::error::Error::source) is the error of the store or of the application's own function, if one caused it.
///
/// ```
/// use jwt_auth::{AuthError, AuthErrorKind};
///
/// let error = AuthError::from(AuthErrorKind::Expired);
/// assert_eq!(error.code(), "token_expired");
/// assert_eq!(error.to_string(), "Signature has expired");
/// ```
#[derive(Clone)]
pub struct AuthError(Box<Details>);

/// A refusal as the lower modules return it. Only [`Refusal::attach`] turns it into an [`AuthError`], so a public
/// function that forgets to attach the settings does not compile.
#[derive(Clone)]
pub(crate) struct Refusal(Box<Details>);

#[derive(Clone)]
struct Details {
    kind: AuthErrorKind,
    detail: Cow<'static, str>,
    demand: Demand,
    source: Option<Arc<dyn Error + Send + Sync>>,
    token: Option<Box<RefusedToken>>,
    mismatch: Option<Box<Mismatch>>,
    /// Whether the session of the token is over, so that its cookies are useless.
    ends_session: bool,
    dpop: Option<DpopChallenge>,
    context: Option<ErrorContext>,
}

/// That the challenge is one of DPoP, and the nonce that the next proof needs.
#[derive(Clone)]
pub(crate) struct DpopChallenge {
    pub(crate) algorithms: String,
    pub(crate) nonce: Option<String>,
}

/// What the client has to present instead, if the response can say it.
#[derive(Clone)]
pub(crate) enum Demand {
    Nothing,
    Scopes(Vec<String>),
    MaxAge(Duration),
}

impl Details {
    fn new(kind: AuthErrorKind) -> Self {
        Self {
            kind,
            detail: Cow::Borrowed(kind.detail()),
            demand: Demand::Nothing,
            source: None,
            token: None,
            mismatch: None,
            ends_session: false,
            dpop: None,
            context: None,
        }
    }
}

impl Refusal {
    /// A token that cannot be issued, and why.
    pub(crate) fn cannot_issue(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::from(AuthErrorKind::CannotIssue).with_detail(detail.into())
    }

    /// A refusal that tells the client what to present instead.
    pub(crate) fn demanding(kind: AuthErrorKind, demand: Demand) -> Self {
        Self(Box::new(Details { demand, ..Details::new(kind) }))
    }

    /// Turns an error of the application's own function into a refusal: an [`AuthError`] keeps its kind, any other
    /// error gets `kind`.
    pub(crate) fn from_application(error: BoxError, kind: AuthErrorKind) -> Self {
        match error.downcast::<AuthError>() {
            Ok(error) => Self((*error).0),
            Err(error) => Self::from(kind).with_source(error),
        }
    }

    /// Tells the client the scopes of the route, unless the refusal tells something else.
    pub(crate) fn or_demanding_scopes(mut self, scopes: impl FnOnce() -> Vec<String>) -> Self {
        if let Demand::Nothing = self.0.demand {
            let scopes = scopes();
            if !scopes.is_empty() {
                self.0.demand = Demand::Scopes(scopes);
            }
        }
        self
    }

    pub(crate) fn with_detail(mut self, detail: Cow<'static, str>) -> Self {
        self.0.detail = detail;
        self
    }

    pub(crate) fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.0.source = Some(Arc::from(source.into()));
        self
    }

    /// The token, whose signature was checked, unless the refusal has it already.
    pub(crate) fn with_token(mut self, token: impl FnOnce() -> RefusedToken) -> Self {
        self.0.token.get_or_insert_with(|| Box::new(token()));
        self
    }

    /// What was expected, and what was found.
    pub(crate) fn with_mismatch(mut self, mismatch: Option<Mismatch>) -> Self {
        self.0.mismatch = mismatch.map(Box::new);
        self
    }

    /// Marks the session of the token as over.
    pub(crate) fn ending_session(mut self, ends_session: bool) -> Self {
        self.0.ends_session |= ends_session;
        self
    }

    /// Demands DPoP in the challenge, unless it does already.
    pub(crate) fn with_dpop(mut self, challenge: impl FnOnce() -> DpopChallenge) -> Self {
        self.0.dpop.get_or_insert_with(challenge);
        self
    }

    pub(crate) fn ends_session(&self) -> bool {
        self.0.ends_session
    }

    pub(crate) fn kind(&self) -> AuthErrorKind {
        self.0.kind
    }

    /// The error that caused the refusal.
    pub(crate) fn into_source(self) -> BoxError {
        AuthError(self.0).into()
    }

    pub(crate) fn detail(&self) -> &str {
        &self.0.detail
    }

    /// Attaches the context that rendering needs.
    pub(crate) fn attach(mut self, context: ErrorContext) -> AuthError {
        self.0.context = Some(context);
        AuthError(self.0)
    }
}

impl From<AuthErrorKind> for Refusal {
    fn from(kind: AuthErrorKind) -> Self {
        Self(Box::new(Details::new(kind)))
    }
}

impl From<AuthError> for Refusal {
    fn from(error: AuthError) -> Self {
        Self(error.0)
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refusal").field("kind", &self.kind()).finish_non_exhaustive()
    }
}

impl AuthError {
    /// A refusal by the application itself, such as a `check = …` function: 403.
    ///
    /// ```
    /// let error = jwt_auth::AuthError::forbidden("Your account is suspended");
    /// assert_eq!(error.kind(), jwt_auth::AuthErrorKind::Forbidden);
    /// ```
    pub fn forbidden(detail: impl Into<Cow<'static, str>>) -> Self {
        Self(Refusal::from(AuthErrorKind::Forbidden).with_detail(detail.into()).0)
    }

    /// A refusal by a check that hides whether the resource exists: 404.
    ///
    /// With 403, a caller learns which ids exist. Answer the same for a resource that does not exist.
    ///
    /// ```
    /// let error = jwt_auth::AuthError::not_found();
    /// assert_eq!(error.kind(), jwt_auth::AuthErrorKind::NotFound);
    /// assert_eq!(error.status(), 404);
    /// ```
    pub fn not_found() -> Self {
        AuthErrorKind::NotFound.into()
    }

    /// The kind of the error.
    ///
    /// ```
    /// use jwt_auth::{AuthError, AuthErrorKind};
    /// assert_eq!(AuthError::forbidden("no").kind(), AuthErrorKind::Forbidden);
    /// ```
    pub fn kind(&self) -> AuthErrorKind {
        self.0.kind
    }

    /// The stable code of the error's kind, for programs ([`AuthErrorKind::code`]).
    ///
    /// ```
    /// use jwt_auth::{AuthError, AuthErrorKind};
    /// assert_eq!(AuthError::from(AuthErrorKind::Missing).code(), "token_missing");
    /// ```
    pub fn code(&self) -> &'static str {
        self.0.kind.code()
    }

    /// The sentence of the response body, for people.
    ///
    /// ```
    /// use jwt_auth::{AuthError, AuthErrorKind};
    /// assert_eq!(AuthError::from(AuthErrorKind::Missing).detail(), "Missing token");
    /// assert_eq!(AuthError::forbidden("Your account is suspended").detail(), "Your account is suspended");
    /// ```
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// The scopes that the route requires, if the token lacks one (RFC 6750 §3, `scope`). Otherwise empty.
    ///
    /// With [`Config::resource`](crate::Config::resource) also in every other refusal of a guard, because the client may
    /// have to get its first token.
    ///
    /// ```
    /// use jwt_auth::{AuthError, AuthErrorKind};
    /// assert!(AuthError::from(AuthErrorKind::Missing).required_scopes().is_empty());
    /// ```
    pub fn required_scopes(&self) -> &[String] {
        match &self.0.demand {
            Demand::Scopes(names) => names,
            Demand::Nothing | Demand::MaxAge(_) => &[],
        }
    }

    /// How recent a log-in the route requires, if that is why the request was refused (RFC 9470 §3, `max_age`).
    ///
    /// ```
    /// use jwt_auth::{AuthError, AuthErrorKind};
    /// assert_eq!(AuthError::from(AuthErrorKind::Missing).max_age(), None);
    /// ```
    pub fn max_age(&self) -> Option<Duration> {
        match self.0.demand {
            Demand::MaxAge(age) => Some(age),
            Demand::Nothing | Demand::Scopes(_) => None,
        }
    }

    /// The refused token, if its signature is valid. It is recorded for `Config::on_refusal` and for the log.
    ///
    /// `None` if no token was sent, if its signature is not valid, or if neither
    /// [`Config::on_refusal`](crate::Config::on_refusal) nor a log of level `debug` reads it.
    ///
    /// ```
    /// use jwt_auth::{AuthError, AuthErrorKind};
    /// assert!(AuthError::from(AuthErrorKind::Missing).token().is_none());
    /// ```
    pub fn token(&self) -> Option<&RefusedToken> {
        self.0.token.as_deref()
    }

    /// What the rules expected, in words, under the conditions of [`token`](Self::token).
    ///
    /// For example the configured audiences. [`found`](Self::found) is what the token had.
    ///
    /// ```
    /// use jwt_auth::{AuthError, AuthErrorKind};
    /// assert_eq!(AuthError::from(AuthErrorKind::Missing).expected(), None);
    /// ```
    pub fn expected(&self) -> Option<&str> {
        self.0.mismatch.as_deref().map(|mismatch| mismatch.expected.as_str())
    }

    /// What the token had instead of what was [`expected`](Self::expected).
    ///
    /// ```
    /// use jwt_auth::{AuthError, AuthErrorKind};
    /// assert_eq!(AuthError::from(AuthErrorKind::Missing).found(), None);
    /// ```
    pub fn found(&self) -> Option<&str> {
        self.0.mismatch.as_deref().map(|mismatch| mismatch.found.as_str())
    }

    pub(crate) fn dpop(&self) -> Option<&DpopChallenge> {
        self.0.dpop.as_ref()
    }

    pub(crate) fn demand(&self) -> &Demand {
        &self.0.demand
    }

    /// Attaches a context, unless the error has one.
    pub(crate) fn attach_missing(&mut self, context: impl FnOnce() -> Option<ErrorContext>) {
        if self.0.context.is_none() {
            self.0.context = context();
        }
    }

    pub(crate) fn context(&self) -> Option<&ErrorContext> {
        self.0.context.as_ref()
    }
}

impl From<AuthErrorKind> for AuthError {
    fn from(kind: AuthErrorKind) -> Self {
        Self(Box::new(Details::new(kind)))
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

impl Error for AuthError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_kind_has_a_code_and_its_own_sentence() {
        let codes: HashSet<_> = AuthErrorKind::ALL.iter().map(|kind| kind.code()).collect();
        let details: HashSet<_> = AuthErrorKind::ALL.iter().map(|kind| kind.detail()).collect();
        // An absent `iss` or `aud` has the code of a wrong one.
        assert_eq!(codes.len() + 2, AuthErrorKind::ALL.len());
        assert_eq!(details.len(), AuthErrorKind::ALL.len());
    }

    #[test]
    fn a_result_with_an_error_is_as_small_as_a_pointer() {
        assert_eq!(size_of::<Result<(), AuthError>>(), size_of::<usize>());
        assert_eq!(size_of::<Result<(), Refusal>>(), size_of::<usize>());
    }

    #[test]
    fn an_application_error_is_the_source_and_an_auth_error_keeps_its_kind() {
        let own = Refusal::from_application("disk full".into(), AuthErrorKind::Unavailable);
        let error = AuthError(own.0);
        assert_eq!(error.kind(), AuthErrorKind::Unavailable);
        assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("disk full"));
        let refusal = AuthError::from(AuthErrorKind::UserUnknown);
        let preserved = Refusal::from_application(refusal.into(), AuthErrorKind::Unavailable);
        assert_eq!(preserved.kind(), AuthErrorKind::UserUnknown);
    }
}
