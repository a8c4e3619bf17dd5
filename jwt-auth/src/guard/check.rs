//! `check = …`: the application's own checks, which a guard runs after the rules of the token.

use std::any::{TypeId, type_name};
use std::fmt;
use std::future::{Future, ready};
use std::sync::Arc;

use axum_core::extract::{FromRequest, FromRequestParts};
use axum_core::response::{IntoResponse, Response};
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::auth::JwtAuth;
use crate::config::TokenLocation;
use crate::error::{AuthError, AuthErrorKind, BoxError, ErrorContext, Refusal, contain_async};
use crate::guard::admission::Admission;
use crate::guard::checked::CheckedValue;
use crate::guard::{GuardSpec, Parameter, RequestMemo};
use crate::token::{AccessToken, RefreshToken, Verified};

/// A function under [`#[check]`](crate::check), as a type. The attribute implements it.
pub trait Check: Sized + Send + Sync + 'static {
    /// What the function returns if it admits the request.
    type Output: Send + 'static;
    /// The name of the function.
    const NAME: &'static str;
    /// The roles of the function's parameters.
    const PARAMETERS: &'static [Parameter];
}

/// A check whose parameters can be extracted with the state `S`.
#[diagnostic::on_unimplemented(
    message = "the check `{Self}` does not run with the state `{S}`",
    label = "one of its parameters is no extractor for `{S}`",
    note = "a check takes extractors of request parts, such as `AccessToken`, `State` and `Path`; give the state what they need by `#[derive(FromRef)]`, and leave the body to the handler"
)]
pub trait RunCheck<S>: Check {
    /// Extracts the parameters, and calls the function.
    fn run(
        parts: &mut Parts,
        state: &S,
    ) -> impl Future<Output = Result<Self::Output, CheckRefusal>> + Send;
}

/// A parameter of a check: any extractor of request parts.
#[diagnostic::on_unimplemented(
    message = "a check cannot take `{Self}` with the state `{S}`",
    label = "no extractor of request parts for `{S}`",
    note = "a check takes extractors of request parts, such as `AccessToken`, `State` and `Path`; give the state what they need by `#[derive(FromRef)]`, and leave the body to the handler"
)]
pub trait CheckParameter<S>: Sized {
    /// Extracts the parameter.
    fn extract(
        parts: &mut Parts,
        state: &S,
    ) -> impl Future<Output = Result<Self, CheckRefusal>> + Send;
}

#[diagnostic::do_not_recommend]
impl<S, T> CheckParameter<S> for T
where
    S: Send + Sync,
    T: FromRequestParts<S>,
{
    async fn extract(parts: &mut Parts, state: &S) -> Result<Self, CheckRefusal> {
        let extracted = T::from_request_parts(parts, state).await;
        extracted.map_err(|rejection| CheckRefusal::response(rejection.into_response()))
    }
}

/// `Body::<T>::IS_TAKEN`: whether a parameter takes the body. Extractors of the body have the inherent constant,
/// all others that of [`NoBody`].
#[derive(Debug)]
pub struct Body<T>(T);

/// No extractor of the body.
pub trait NoBody {
    /// No.
    const IS_TAKEN: bool = false;
}

impl<T> NoBody for Body<T> {}

impl<T: FromRequest<()>> Body<T> {
    /// Yes.
    pub const IS_TAKEN: bool = true;
}

/// Why a check did not admit a request.
pub struct CheckRefusal(Cause);

enum Cause {
    Refusal(Refusal),
    /// The response of an extractor, or of the application's own error.
    Response(Box<Response>),
}

impl CheckRefusal {
    fn response(response: Response) -> Self {
        // A refusal that reports success would look like the answer of the handler.
        if response.status().is_success() || response.status().is_informational() {
            tracing::error!(target: "jwt_auth", status = %response.status(), "a check refused with a success status; responding with 403");
            return Refusal::from(AuthErrorKind::Forbidden).into();
        }
        Self(Cause::Response(Box::new(response)))
    }

    /// Whether the check could not decide.
    pub(super) fn is_unavailable(&self) -> bool {
        match &self.0 {
            Cause::Refusal(refusal) => refusal.kind() == AuthErrorKind::Unavailable,
            Cause::Response(response) => response.status().is_server_error(),
        }
    }
}

/// Compares the function that a guard names with the one of its check.
///
/// # Errors
///
/// If they differ: a name may mean a function of this module and the type of another, which a glob imports.
pub fn is_same_function<F: 'static, G: 'static>(_: &F, _: &G) -> Result<(), CheckRefusal> {
    if TypeId::of::<F>() == TypeId::of::<G>() {
        return Ok(());
    }
    let (named, check) = (type_name::<F>(), type_name::<G>());
    tracing::error!(target: "jwt_auth", named, check, "`check = …` names a function that hides an imported check; rename one of them");
    Err(Refusal::from(AuthErrorKind::Unavailable).into())
}

impl fmt::Debug for CheckRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CheckRefusal").finish_non_exhaustive()
    }
}

impl From<Refusal> for CheckRefusal {
    fn from(refusal: Refusal) -> Self {
        Self(Cause::Refusal(refusal))
    }
}

/// The error of a check, for the generated code: an [`AuthError`] by an inherent method, any other by the trait.
#[derive(Debug)]
pub struct Refused<E>(pub E);

impl Refused<AuthError> {
    /// The error of this crate keeps its kind.
    pub fn into_refusal(self) -> CheckRefusal {
        Refusal::from(self.0).into()
    }
}

/// The error of the application.
pub trait RefusedByApplication {
    /// Its response.
    fn into_refusal(self) -> CheckRefusal;
}

impl<E: IntoResponse> RefusedByApplication for Refused<E> {
    fn into_refusal(self) -> CheckRefusal {
        CheckRefusal::response(self.0.into_response())
    }
}

/// The value of a check, for the generated code: a `bool` by an inherent method, any other by the trait.
#[derive(Debug)]
pub struct Returned<T>(pub T);

impl Returned<bool> {
    /// `Ok(false)` refuses.
    ///
    /// # Errors
    ///
    /// If the value is `false`.
    pub fn into_output(self) -> Result<bool, CheckRefusal> {
        if self.0 { Ok(true) } else { Err(Refusal::from(AuthErrorKind::Forbidden).into()) }
    }
}

/// Any other value.
pub trait ReturnedValue {
    /// Its type.
    type Output;

    /// The value.
    ///
    /// # Errors
    ///
    /// Never.
    fn into_output(self) -> Result<Self::Output, CheckRefusal>;
}

impl<T> ReturnedValue for Returned<T> {
    type Output = T;

    fn into_output(self) -> Result<T, CheckRefusal> {
        Ok(self.0)
    }
}

/// The return type of a function under `#[check]`: `Result<T, E>` or `bool`. `false` and `Ok(false)` refuse the request.
#[diagnostic::on_unimplemented(
    message = "a check returns `bool` or a `Result` whose error is a response, but this one returns `{Self}`",
    label = "no verdict",
    note = "write `-> Result<T, AuthError>`, or an error of your own that implements `IntoResponse`; `T` is what the handler receives as `Checked<…>`"
)]
pub trait CheckResult {
    /// What the handler may receive.
    type Output;
    /// The error.
    type Error;

    /// The verdict as a `Result`.
    ///
    /// # Errors
    ///
    /// When the check refuses the request.
    fn into_result(self) -> Result<Self::Output, Self::Error>;
}

#[diagnostic::do_not_recommend]
impl<T, E: IntoResponse> CheckResult for Result<T, E> {
    type Output = T;
    type Error = E;

    fn into_result(self) -> Self {
        self
    }
}

#[diagnostic::do_not_recommend]
impl CheckResult for bool {
    type Output = ();
    type Error = AuthError;

    fn into_result(self) -> Result<(), AuthError> {
        if self { Ok(()) } else { Err(AuthErrorKind::Forbidden.into()) }
    }
}

/// What the checks of a guard read: the request, the state, and the token that was admitted.
pub struct CheckContext<'r, S> {
    parts: &'r mut Parts,
    state: &'r S,
    auth: &'r JwtAuth,
    admission: &'r Admission,
    /// Whether the handler takes the value of a check.
    keeps_values: bool,
}

impl<S> fmt::Debug for CheckContext<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CheckContext").finish_non_exhaustive()
    }
}

impl<S: Sync> CheckContext<'_, S> {
    /// Runs a check, and leaves its value for the handler.
    ///
    /// # Errors
    ///
    /// The refusal of the check.
    pub async fn run<C: RunCheck<S>>(&mut self) -> Result<(), CheckRefusal> {
        let output = C::run(self.parts, self.state).await?;
        if self.keeps_values {
            CheckedValue::<C>::store(self.parts, output, &self.admission.verified);
        }
        Ok(())
    }
}

/// The checks of a policy, for a router with the state `S`.
pub trait RunChecks<S> {
    /// Runs them, in their order.
    fn run_checks(
        context: CheckContext<'_, S>,
    ) -> impl Future<Output = Result<(), CheckRefusal>> + Send;
}

/// The checks of a guard as a value: a list of types.
pub trait ServiceChecks<S>: 'static {
    /// Runs them, in their order.
    fn run_in(
        context: &mut CheckContext<'_, S>,
    ) -> impl Future<Output = Result<(), CheckRefusal>> + Send;
}

impl<S> ServiceChecks<S> for () {
    fn run_in(
        _: &mut CheckContext<'_, S>,
    ) -> impl Future<Output = Result<(), CheckRefusal>> + Send {
        ready(Ok(()))
    }
}

impl<S: Send + Sync, C: ServiceChecks<S>, P: RunCheck<S>> ServiceChecks<S> for (C, P) {
    async fn run_in(context: &mut CheckContext<'_, S>) -> Result<(), CheckRefusal> {
        C::run_in(context).await?;
        context.run::<P>().await
    }
}

/// A policy whose checks include `C`. The attributes implement it for each check that always runs; `At` is its position.
#[diagnostic::on_unimplemented(
    message = "this parameter takes the value of the check `{C}`, but the guard of this handler does not always run it",
    label = "no `check = {C}`",
    note = "write `check = {C}` in the attribute; below `optional` and `check(any(…))`, take `Option<Checked<{C}>>`"
)]
pub trait HasCheck<C, At> {}

/// A policy whose checks may include `C`.
#[diagnostic::on_unimplemented(
    message = "this parameter takes the value of the check `{C}`, but the guard of this handler does not run it",
    label = "no `check = {C}`",
    note = "write `check = {C}` in the attribute"
)]
pub trait MayHaveCheck<C, At> {}

/// What every guard attribute takes for `check = …`: a function of the token. It stands for the type that `#[check]`
/// would have written.
#[derive(Debug)]
pub struct PlainCheck {}

impl Check for PlainCheck {
    type Output = ();
    const NAME: &'static str = "function";
    const PARAMETERS: &'static [Parameter] = &[];
}

impl<S: Sync> RunCheck<S> for PlainCheck {
    fn run(_: &mut Parts, _: &S) -> impl Future<Output = Result<(), CheckRefusal>> + Send {
        // Only `run_in` is called.
        ready(Err(Refusal::from(AuthErrorKind::Unavailable).into()))
    }
}

impl PlainCheck {
    /// Calls the function with the token.
    ///
    /// # Errors
    ///
    /// The refusal of the function.
    pub async fn run_in<S: Sync, K, F, M>(
        function: F,
        context: &mut CheckContext<'_, S>,
        _: K,
    ) -> Result<(), CheckRefusal>
    where
        F: TokenCheck<K, M>,
    {
        let proof = context.admission.clone().into_proof(context.auth, context.parts);
        function.decide(&proof).await
    }
}

/// Marks checks of access tokens.
#[derive(Clone, Copy, Debug)]
pub struct OfAccess;
/// Marks checks of refresh tokens.
#[derive(Clone, Copy, Debug)]
pub struct OfRefresh;
/// Marks functions that answer at once.
#[derive(Debug)]
pub struct AtOnce<C, O>(C, O);
/// Marks async functions.
#[derive(Debug)]
pub struct Awaited<C, O>(C, O);

/// A function of the token: `fn(&AccessToken<C>)` that returns `bool`, `Result<bool, E>` or `Result<(), E>`, sync or async.
#[diagnostic::on_unimplemented(
    message = "`check = …` takes a function of the token, or a function under `#[check]`",
    label = "neither",
    note = "write `fn may_edit(token: &AccessToken) -> bool`, which may be async and return `Result<(), E>`; or write `#[check]` above an async function with extractors"
)]
pub trait TokenCheck<K, M>: Sized {
    /// The verdict.
    fn decide(self, proof: &Proof) -> impl Future<Output = Result<(), CheckRefusal>> + Send;
}

/// `bool`, `Result<bool, E>` or `Result<(), E>`.
pub trait Verdict: Send {
    /// The verdict as a `Result`.
    ///
    /// # Errors
    ///
    /// When the check refuses the token.
    fn into_verdict(self) -> Result<(), CheckRefusal>;
}

impl Verdict for bool {
    fn into_verdict(self) -> Result<(), CheckRefusal> {
        if self { Ok(()) } else { Err(Refusal::from(AuthErrorKind::Forbidden).into()) }
    }
}

impl<E: Into<BoxError> + Send> Verdict for Result<(), E> {
    fn into_verdict(self) -> Result<(), CheckRefusal> {
        self.map_err(|error| {
            Refusal::from_application(error.into(), AuthErrorKind::Forbidden).into()
        })
    }
}

impl<E: Into<BoxError> + Send> Verdict for Result<bool, E> {
    fn into_verdict(self) -> Result<(), CheckRefusal> {
        self.map(Verdict::into_verdict).map_err(Err::<(), E>).unwrap_or_else(Verdict::into_verdict)
    }
}

/// An async function of a reference, for every lifetime of it.
pub trait AsyncCheck<T>: Send {
    /// What it resolves to.
    type Output;

    /// Calls it.
    fn call(self, token: T) -> impl Future<Output = Self::Output> + Send;
}

#[diagnostic::do_not_recommend]
impl<F, T, A> AsyncCheck<T> for F
where
    F: FnOnce(T) -> A + Send,
    A: Future + Send,
{
    type Output = A::Output;

    fn call(self, token: T) -> impl Future<Output = A::Output> + Send {
        self(token)
    }
}

macro_rules! token_check {
    ($kind:ident, $token:ident, $read:ident) => {
        #[diagnostic::do_not_recommend]
        impl<F, C, O> TokenCheck<$kind, AtOnce<C, O>> for F
        where
            F: for<'t> FnOnce(&'t $token<C>) -> O,
            C: DeserializeOwned,
            O: Verdict,
        {
            fn decide(
                self,
                proof: &Proof,
            ) -> impl Future<Output = Result<(), CheckRefusal>> + Send {
                let verdict =
                    proof.$read::<C>().map_err(CheckRefusal::from).map(|token| self(&token));
                ready(verdict.and_then(Verdict::into_verdict))
            }
        }

        #[diagnostic::do_not_recommend]
        impl<F, C, O> TokenCheck<$kind, Awaited<C, O>> for F
        where
            F: for<'t> AsyncCheck<&'t $token<C>, Output = O>,
            C: DeserializeOwned + Send + Sync,
            O: Verdict,
        {
            async fn decide(self, proof: &Proof) -> Result<(), CheckRefusal> {
                let token = proof.$read::<C>()?;
                self.call(&token).await.into_verdict()
            }
        }
    };
}

token_check!(OfAccess, AccessToken, access);
token_check!(OfRefresh, RefreshToken, refresh);

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
    fn access<C: DeserializeOwned>(&self) -> Result<AccessToken<C>, Refusal> {
        let (verified, context) = (Arc::clone(&self.verified), self.context.clone());
        AccessToken::new(verified, Some(self.location), context, self.is_fresh)
    }

    /// The refresh token, with the custom claims type that the check takes.
    fn refresh<C: DeserializeOwned>(&self) -> Result<RefreshToken<C>, Refusal> {
        let (verified, context) = (Arc::clone(&self.verified), self.context.clone());
        RefreshToken::new(verified, Some(self.location), context, self.is_fresh)
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

/// Runs the checks of a guard for an admitted token. A panic or a hang becomes a refusal with 503.
pub(super) async fn run_checks<P, S>(
    spec: &GuardSpec,
    auth: &JwtAuth,
    parts: &mut Parts,
    state: &S,
    admission: &Admission,
) -> Result<(), GuardRefusal>
where
    P: RunChecks<S>,
    S: Sync,
{
    let deadline = auth.rules().hook_deadline;
    let keeps_values = spec.keeps_checked;
    // The extractors of a check read the token that this guard admitted, whatever its audience and locations are.
    let is_lent = !spec.may_remember();
    let earlier = is_lent.then(|| RequestMemo::lend(parts, spec, auth, admission));
    let context = CheckContext { parts: &mut *parts, state, auth, admission, keeps_values };
    let checked = contain_async("check", deadline, || P::run_checks(context)).await;
    if let Some(earlier) = earlier {
        RequestMemo::restore(parts, spec.token_kind(), earlier);
    }
    checked?.map_err(|refusal| GuardRefusal::of_check(refusal, auth, admission))
}

/// Why a guard refused a request.
pub(super) enum GuardRefusal {
    Refusal(Refusal),
    /// The response of a check.
    Response(Box<Response>),
}

impl GuardRefusal {
    /// The refusal of a check: 403 for every kind of error, unless the check could not run or has a status of its own.
    pub(super) fn of_check(refusal: CheckRefusal, auth: &JwtAuth, admission: &Admission) -> Self {
        let refusal = match refusal.0 {
            Cause::Refusal(refusal) => refusal,
            Cause::Response(response) => {
                let status = response.status();
                tracing::debug!(target: "jwt_auth", %status, "refused by a check");
                return Self::Response(response);
            }
        };
        let refusal = match refusal.kind() {
            AuthErrorKind::Unavailable
            | AuthErrorKind::Forbidden
            | AuthErrorKind::NotFound
            | AuthErrorKind::InsufficientScope => refusal,
            _ => Refusal::from(AuthErrorKind::Forbidden).with_source(refusal.into_source()),
        };
        Self::Refusal(auth.about(refusal, &admission.verified))
    }

    /// Whether a check could not decide.
    pub(super) fn is_unavailable(&self) -> bool {
        match self {
            Self::Refusal(refusal) => refusal.kind() == AuthErrorKind::Unavailable,
            Self::Response(response) => response.status().is_server_error(),
        }
    }

    /// The response to the request.
    pub(super) fn into_response(self, spec: &GuardSpec, auth: &JwtAuth, parts: &Parts) -> Response {
        match self {
            Self::Refusal(refusal) => spec.refuse(refusal, auth, parts).into_response(),
            Self::Response(response) => *response,
        }
    }
}

impl From<Refusal> for GuardRefusal {
    fn from(refusal: Refusal) -> Self {
        Self::Refusal(refusal)
    }
}

impl From<AuthErrorKind> for GuardRefusal {
    fn from(kind: AuthErrorKind) -> Self {
        Self::Refusal(kind.into())
    }
}

/// The verdict of `any(…)`: the first refusal, unless a check could not decide.
#[derive(Debug, Default)]
pub struct AnyOf(Option<CheckRefusal>);

impl AnyOf {
    /// Notes that one more check refused the request.
    pub fn refused(&mut self, refusal: CheckRefusal) {
        match &self.0 {
            Some(first) if first.is_unavailable() || !refusal.is_unavailable() => {}
            _ => self.0 = Some(refusal),
        }
    }

    /// The refusal, if no check admitted the request.
    ///
    /// # Errors
    ///
    /// Always.
    pub fn into_result(self) -> Result<(), CheckRefusal> {
        Err(self.0.unwrap_or_else(|| Refusal::from(AuthErrorKind::Forbidden).into()))
    }
}
