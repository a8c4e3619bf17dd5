//! `check = path`: the application's own check of a verified token.

use std::fmt;
use std::future::{Future, ready};
use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::config::TokenLocation;
use crate::error::{AuthError, AuthErrorKind, ErrorContext, Refusal};
use crate::token::{AccessToken, RefreshToken, Verified};

/// A verified token, for a check or an extractor.
pub struct Proof {
    verified: Arc<Verified>,
    location: TokenLocation,
    context: ErrorContext,
    is_fresh: bool,
}

impl Proof {
    pub(super) fn new(
        verified: Arc<Verified>,
        location: TokenLocation,
        context: ErrorContext,
        is_fresh: bool,
    ) -> Self {
        Self { verified, location, context, is_fresh }
    }

    /// The access token, with the custom claims type that the check takes.
    ///
    /// # Errors
    ///
    /// When the claims do not match the type.
    pub fn access<C: DeserializeOwned>(&self) -> Result<AccessToken<C>, AuthError> {
        let token = AccessToken::new(
            Arc::clone(&self.verified),
            Some(self.location),
            self.context.clone(),
            self.is_fresh,
        );
        token.map_err(|refusal| refusal.attach(self.context.clone()))
    }

    /// The refresh token, with the custom claims type that the check takes.
    ///
    /// # Errors
    ///
    /// When the claims do not match the type.
    pub fn refresh<C: DeserializeOwned>(&self) -> Result<RefreshToken<C>, AuthError> {
        let (verified, context) = (Arc::clone(&self.verified), self.context.clone());
        let token = RefreshToken::new(verified, Some(self.location), context, self.is_fresh);
        token.map_err(|refusal| refusal.attach(self.context.clone()))
    }

    pub(super) fn into_access<C: DeserializeOwned>(self) -> Result<AccessToken<C>, Refusal> {
        AccessToken::new(self.verified, Some(self.location), self.context, self.is_fresh)
    }

    pub(super) fn into_refresh<C: DeserializeOwned>(self) -> Result<RefreshToken<C>, Refusal> {
        RefreshToken::new(self.verified, Some(self.location), self.context, self.is_fresh)
    }
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proof").finish_non_exhaustive()
    }
}

/// The return type of a check function: `bool`, `Result<(), AuthError>`, or a future of one.
#[diagnostic::on_unimplemented(
    message = "`check = …` takes a function that returns `bool` or `Result<(), AuthError>`, sync or async",
    label = "this function returns `{Self}`",
    note = "write `fn may_edit(token: &AccessToken) -> bool` or `async fn may_edit(token: &AccessToken) -> Result<(), AuthError>`"
)]
pub trait CheckOutcome<Marker> {
    /// Returns the verdict; waits if the check is async.
    fn settle(self) -> impl Future<Output = Result<(), AuthError>> + Send;
}

/// The verdict is a value.
#[derive(Debug)]
pub enum Ready {}
/// The verdict is the output of a future.
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

/// Waits for the verdict of a check.
///
/// This is a function, so that a verdict of another type is a single compile error.
///
/// # Errors
///
/// The refusal of the check.
pub async fn settle<M, T: CheckOutcome<M>>(outcome: T) -> Result<(), AuthError> {
    outcome.settle().await
}

/// The refusal for a check's error: 403 for every kind, unless the check could not run.
pub(super) fn refusal(error: AuthError) -> Refusal {
    match error.kind() {
        AuthErrorKind::Unavailable
        | AuthErrorKind::Forbidden
        | AuthErrorKind::InsufficientScope => error.into(),
        _ => Refusal::from(AuthErrorKind::Forbidden).with_source(error),
    }
}
