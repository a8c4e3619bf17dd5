//! `check = path`: the application's own say over a verified token.

use std::fmt;
use std::future::{Future, ready};
use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::config::TokenLocation;
use crate::error::{AuthError, AuthErrorKind};
use crate::token::{AccessToken, RefreshToken};
use crate::verify::Verified;

/// A verified token on its way to a check or an extractor.
pub struct Proof {
    verified: Arc<Verified>,
    location: TokenLocation,
}

impl Proof {
    pub(super) fn new(verified: Arc<Verified>, location: TokenLocation) -> Self {
        Self { verified, location }
    }

    pub(super) fn verified(&self) -> &Arc<Verified> {
        &self.verified
    }

    pub(super) fn location(&self) -> TokenLocation {
        self.location
    }

    /// The access token, with custom claims of the type that is asked for.
    ///
    /// # Errors
    ///
    /// When the claims do not fit the type.
    pub fn access<C: DeserializeOwned>(&self) -> Result<AccessToken<C>, AuthError> {
        AccessToken::new(Arc::clone(&self.verified), Some(self.location))
    }

    pub(super) fn refresh<C: DeserializeOwned>(&self) -> Result<RefreshToken<C>, AuthError> {
        RefreshToken::new(Arc::clone(&self.verified), Some(self.location))
    }
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proof").finish_non_exhaustive()
    }
}

/// What a check function may return: `bool` or `Result<(), AuthError>`, by itself or as a future.
#[diagnostic::on_unimplemented(
    message = "`check = …` takes a function that returns `bool` or `Result<(), AuthError>`, sync or async",
    label = "returns `{Self}`",
    note = "write `fn allowed(token: &AccessToken) -> bool`, or `async fn allowed(token: &AccessToken) -> Result<(), AuthError>`"
)]
pub trait CheckOutcome<Marker> {
    /// Waits where there is something to wait for.
    fn settle(self) -> impl Future<Output = Result<(), AuthError>> + Send;
}

/// The outcome is there.
#[derive(Debug)]
pub enum Ready {}
/// The outcome is a future's.
#[derive(Debug)]
pub enum Awaited {}

impl CheckOutcome<Ready> for bool {
    fn settle(self) -> impl Future<Output = Result<(), AuthError>> + Send {
        ready(if self { Ok(()) } else { Err(AuthErrorKind::Forbidden.into()) })
    }
}

impl CheckOutcome<Ready> for Result<(), AuthError> {
    fn settle(self) -> impl Future<Output = Result<(), AuthError>> + Send {
        ready(self)
    }
}

#[diagnostic::do_not_recommend]
impl<F> CheckOutcome<Awaited> for F
where
    F: Future + Send,
    F::Output: CheckOutcome<Ready> + Send,
{
    async fn settle(self) -> Result<(), AuthError> {
        self.await.settle().await
    }
}

/// Waits for a check's outcome. A function of its own, so that an outcome of another type is one error.
///
/// # Errors
///
/// The refusal.
pub async fn settle<M, T: CheckOutcome<M>>(outcome: T) -> Result<(), AuthError> {
    outcome.settle().await
}

/// A refusal of a check is 403, whatever error it was expressed by; a check that could not be made
/// stays what it is.
pub(super) fn refusal(error: AuthError) -> AuthError {
    match error.kind() {
        AuthErrorKind::Unavailable
        | AuthErrorKind::Forbidden
        | AuthErrorKind::InsufficientScope => error,
        _ => AuthError::forbidden(AuthErrorKind::Forbidden.detail()),
    }
}
