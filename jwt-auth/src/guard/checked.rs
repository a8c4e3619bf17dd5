//! `Checked<P>`: the value of a check, for the handler.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex};

use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use axum_core::response::Response;
use http::request::Parts;
use http::{Method, Uri};

use crate::auth::JwtAuth;
use crate::error::AuthErrorKind;
use crate::guard::admission::{Admission, token_of};
use crate::guard::check::{CheckContext, CheckRefusal, GuardRefusal, run_checks};
use crate::guard::{Check, GuardSpec, HoldsJwtAuth, RequestMemo, RunCheck, RunChecks};
use crate::token::Verified;

/// The value that a [`#[check]`](crate::check) returned, handed on to the handler.
///
/// `P` has the name of the check's function. The guard that has `check = P` ran it; without an attribute, `Checked<P>`
/// requires a valid access token and runs the check itself, so it guards a handler as the first parameter. A handler whose
/// attribute does not run `P` does not compile. Under `optional` and `check(any(…))` the parameter is
/// `Option<Checked<P>>`.
///
/// ```
/// use axum::extract::Path;
/// use jwt_auth::{AccessToken, AuthError, Checked, check, jwt_required};
///
/// struct Note { owner: String, text: &'static str }
///
/// #[check]
/// async fn own_note(token: AccessToken, Path(id): Path<u64>) -> Result<Note, AuthError> {
///     let note = Note { owner: format!("user {id}"), text: "…" }; // query your database here
///     if note.owner == token.subject() { Ok(note) } else { Err(AuthError::not_found()) }
/// }
///
/// #[jwt_required(check = own_note)]
/// async fn read(Checked(note): Checked<own_note>) -> &'static str { note.text }
///
/// let router: jwt_auth::GuardedRouter = jwt_auth::GuardedRouter::new()
///     .route("/notes/{id}", jwt_auth::routing::get(read));
/// assert_eq!(router.manifest().to_string(), "GET /notes/{id}  access  check(own_note)\n");
/// ```
pub struct Checked<P: Check>(pub P::Output);

impl<P: Check> Deref for Checked<P> {
    type Target = P::Output;

    fn deref(&self) -> &P::Output {
        &self.0
    }
}

impl<P: Check> fmt::Debug for Checked<P>
where
    P::Output: fmt::Debug,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Checked").field(&self.0).finish()
    }
}

/// The value of a check, on its way from the guard to the parameter.
pub(super) struct CheckedValue<P: Check> {
    value: Mutex<Option<P::Output>>,
    /// The token, the method and the address for which the check ran.
    verified: Arc<Verified>,
    method: Method,
    uri: Uri,
}

impl<P: Check> CheckedValue<P> {
    pub(super) fn store(parts: &mut Parts, output: P::Output, verified: &Arc<Verified>) {
        let stored = Self {
            value: Mutex::new(Some(output)),
            verified: Arc::clone(verified),
            method: parts.method.clone(),
            uri: parts.uri.clone(),
        };
        parts.extensions.insert(stored);
    }

    /// The value, if the check ran for this token and this request. A handler may send the request on to another router,
    /// with another address.
    fn take(parts: &mut Parts, verified: &Arc<Verified>) -> Option<P::Output> {
        let stored = parts.extensions.remove::<Self>()?;
        let value = stored.value.into_inner().ok()?;
        let is_same_request = stored.method == parts.method && stored.uri == parts.uri;
        value.filter(|_| is_same_request && Arc::ptr_eq(&stored.verified, verified))
    }
}

/// A copy has no value: extensions are copied with a request, and then the check runs again.
impl<P: Check> Clone for CheckedValue<P> {
    fn clone(&self) -> Self {
        Self {
            value: Mutex::new(None),
            verified: Arc::clone(&self.verified),
            method: self.method.clone(),
            uri: self.uri.clone(),
        }
    }
}

/// Runs one check, and leaves its value.
struct Only<P>(P);

impl<S: Send + Sync, P: RunCheck<S>> RunChecks<S> for Only<P> {
    async fn run_checks(mut context: CheckContext<'_, S>) -> Result<(), CheckRefusal> {
        context.run::<P>().await
    }
}

async fn value_of<P, S>(
    spec: &GuardSpec,
    auth: &JwtAuth,
    parts: &mut Parts,
    state: &S,
    admission: &Admission,
) -> Result<P::Output, GuardRefusal>
where
    P: RunCheck<S>,
    S: Send + Sync,
{
    if let Some(value) = CheckedValue::<P>::take(parts, &admission.verified) {
        return Ok(value);
    }
    let spec = GuardSpec { keeps_checked: true, ..*spec };
    run_checks::<Only<P>, S>(&spec, auth, parts, state, admission).await?;
    CheckedValue::<P>::take(parts, &admission.verified)
        .ok_or_else(|| AuthErrorKind::Unavailable.into())
}

impl<S, P> FromRequestParts<S> for Checked<P>
where
    S: HoldsJwtAuth + Send + Sync,
    P: RunCheck<S>,
{
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let auth = state.jwt_auth();
        let spec = RequestMemo::spec_of_guard(parts);
        let value = match token_of(&auth, parts, spec).await {
            Ok(admission) => value_of::<P, S>(spec, &auth, parts, state, &admission).await,
            Err(refusal) => Err(refusal.into()),
        };
        value.map(Self).map_err(|refusal| refusal.into_response(spec, &auth, parts))
    }
}

/// `None` if the request has no token, or if the check refuses it. A token that is not valid is refused, and so is a request
/// that the check cannot decide about.
impl<S, P> OptionalFromRequestParts<S> for Checked<P>
where
    S: HoldsJwtAuth + Send + Sync,
    P: RunCheck<S>,
{
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, Response> {
        let auth = state.jwt_auth();
        let spec = RequestMemo::spec_of_guard(parts);
        let admission = match token_of(&auth, parts, spec).await {
            Ok(admission) => admission,
            Err(refusal) if refusal.kind() == AuthErrorKind::Missing => return Ok(None),
            Err(refusal) => {
                return Err(GuardRefusal::from(refusal).into_response(spec, &auth, parts));
            }
        };
        match value_of::<P, S>(spec, &auth, parts, state, &admission).await {
            Ok(value) => Ok(Some(Self(value))),
            Err(refusal) if refusal.is_unavailable() => {
                Err(refusal.into_response(spec, &auth, parts))
            }
            Err(_) => Ok(None),
        }
    }
}
