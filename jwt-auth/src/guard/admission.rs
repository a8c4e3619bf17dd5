//! The guard: finds the token of a request, verifies it, and applies the rules of the policy.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use axum_core::extract::FromRequestParts;
use axum_core::response::{IntoResponse as _, Response};
use http::request::Parts;

use crate::auth::{JwtAuth, Lookup, Progress, Requirements};
use crate::config::TokenLocation;
use crate::dpop::Proof as UnusedProof;
use crate::error::{AuthError, AuthErrorKind, Refusal};
use crate::event::{RequestLine, admitted};
use crate::guard::check::{GuardRefusal, run_checks};
use crate::guard::dpop;
use crate::guard::memo::{AdmittedToken, Finding, RequestMemo};
use crate::guard::poll_memo::PollMemo;
use crate::guard::{GuardKind, GuardSpec, HoldsJwtAuth, Policy, Proof, RunChecks, policy};
use crate::token::{Possession, Verification, Verified, mark_response};
use crate::token_kind::TokenKind;
use crate::web::{
    FoundToken, compare_csrf, concerns_query, find_token, is_from_another_origin, original_uri,
    presented_csrf, refuse,
};

/// The hidden first parameter of a handler.
///
/// A value exists only if the policy `P` admitted the request.
pub struct Guard<P>(PhantomData<fn() -> P>);

impl<P: Policy> fmt::Debug for Guard<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Guard({})", P::SPEC.kind.name())
    }
}

impl<S, P> FromRequestParts<S> for Guard<P>
where
    S: HoldsJwtAuth + Send + Sync,
    P: Policy + RunChecks<S>,
{
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let auth = state.jwt_auth();
        auth.prepare_response(parts);
        if P::SPEC.kind == GuardKind::Public {
            if P::SPEC.same_origin && is_from_another_origin(parts, &auth.web().csrf) {
                let error = P::SPEC.refuse(AuthErrorKind::CrossSite.into(), &auth, parts);
                return Err(error.into_response());
            }
            return Ok(Self(PhantomData));
        }
        RequestMemo::enter_guard(parts, P::SPEC.token_kind());
        match admit_and_check::<P, S>(&auth, parts, state).await {
            Ok(()) => Ok(Self(PhantomData)),
            Err(refusal) => Err(refusal.into_response(&P::SPEC, &auth, parts)),
        }
    }
}

/// Admits the request, and runs the application's own checks if the policy has any. An anonymous request, which an optional
/// guard admits, is not checked.
async fn admit_and_check<P, S>(
    auth: &JwtAuth,
    parts: &mut Parts,
    state: &S,
) -> Result<(), GuardRefusal>
where
    P: Policy + RunChecks<S>,
    S: Sync,
{
    let Some(admission) = admit(auth, parts, &P::SPEC).await? else { return Ok(()) };
    if P::SPEC.check.is_some() {
        run_checks::<P, S>(&P::SPEC, auth, parts, state, &admission).await?;
    }
    RequestMemo::offer_renewal(parts, &admission);
    admitted(P::SPEC.kind.name(), || {
        RequestLine::new(parts.method.as_str(), original_uri(parts).path())
    });
    Ok(())
}

/// A token that a guard admitted.
#[derive(Clone)]
pub(super) struct Admission {
    pub(super) verified: Arc<Verified>,
    pub(super) location: TokenLocation,
}

impl Admission {
    /// The token, with the context for its errors.
    pub(super) fn into_proof(self, auth: &JwtAuth, parts: &Parts) -> Proof {
        let context = auth.context_for(parts);
        let is_fresh = self.verified.is_fresh(auth.rules());
        Proof::new(self.verified, self.location, context, is_fresh)
    }
}

impl GuardSpec {
    /// Whether an extractor, which follows only the configuration, has the same requirements.
    fn matches_configuration(&self) -> bool {
        self.audience.is_none() && self.locations.is_empty() && self.revocation == Lookup::Replica
    }

    /// Whether what this guard found may be used by the extractors behind it (G4).
    pub(super) fn may_remember(&self) -> bool {
        let follows_configuration =
            self.audience.is_none() && self.locations.is_empty() && self.revocation != Lookup::Skip;
        follows_configuration || self.remembers_for_parameters
    }

    /// The scopes that this guard and the routers around it require.
    fn scopes_of_route(&self, parts: &Parts) -> Vec<String> {
        let required = RequestMemo::required(parts).iter().copied();
        let specs = std::iter::once(self).chain(required);
        let names = specs.flat_map(|spec| spec.scopes.iter().chain(spec.any_scope));
        names.map(|scope| scope.name().to_owned()).collect()
    }

    /// Whether the client uses DPoP, or has to.
    fn concerns_dpop(&self, refusal: &Refusal, auth: &JwtAuth, parts: &Parts) -> bool {
        let is_of_proof = matches!(
            refusal.kind(),
            AuthErrorKind::DpopRequired
                | AuthErrorKind::InvalidDpopProof
                | AuthErrorKind::DpopNonceRequired
        );
        is_of_proof
            || self.dpop
            || RequestMemo::required(parts).iter().any(|spec| spec.dpop)
            || find_token(parts, auth.web(), self.token_kind(), self.locations)
                .is_ok_and(|found| found.is_some_and(|found| found.is_dpop))
    }

    fn requirements(&self) -> Requirements<'static> {
        Requirements {
            kind: self.token_kind(),
            audience: self.audience,
            revocation: self.revocation,
        }
    }

    pub(super) fn token_kind(&self) -> TokenKind {
        match self.kind {
            GuardKind::Refresh => TokenKind::Refresh,
            GuardKind::Access | GuardKind::Public => TokenKind::Access,
        }
    }

    /// The error of a request that this guard refuses.
    pub(super) fn refuse(&self, refusal: Refusal, auth: &JwtAuth, parts: &Parts) -> AuthError {
        // A client that discovers how to get a token has to know for which scopes (RFC 9728, RFC 6750 §3).
        let refusal = match &auth.web().resource {
            Some(_) => refusal.or_demanding_scopes(|| self.scopes_of_route(parts)),
            None => refusal,
        };
        let kind = self.token_kind();
        let refusal = if self.concerns_dpop(&refusal, auth, parts) {
            refusal.with_dpop(|| dpop::challenge(auth))
        } else {
            refusal
        };
        refuse(refusal, auth, parts, kind, self.locations)
    }
}

/// Finds the token, verifies it, and applies the rules of the guard. `None` if an optional guard admits the
/// request as anonymous.
pub(super) async fn admit(
    auth: &JwtAuth,
    parts: &mut Parts,
    spec: &GuardSpec,
) -> Result<Option<Admission>, Refusal> {
    match admit_now(auth, parts, spec)? {
        Step::Done(admission) => Ok(admission),
        // Boxed, because it is rare, and every future of a handler contains this one.
        Step::Waits(rest) => Box::pin(admit_later(auth, parts, spec, rest)).await.map(Some),
    }
}

/// How far the admission of a request is.
enum Step {
    Done(Option<Admission>),
    Waits(Rest),
}

/// What is left of an admission.
struct Rest {
    progress: Progress,
    /// The proof of DPoP, if the request was compared with its token already. It has to be used.
    proof: Option<Box<UnusedProof>>,
}

/// The part of an admission that does not wait. Usually it is all of it.
fn admit_now(auth: &JwtAuth, parts: &mut Parts, spec: &GuardSpec) -> Result<Step, Refusal> {
    let (kind, settings) = (spec.token_kind(), auth.web());
    let found = find_token(parts, settings, kind, spec.locations);
    if concerns_query(parts, settings, spec.locations, &found) {
        mark_response();
    }
    let Some(found) = found? else {
        if !spec.optional || !RequestMemo::required(parts).is_empty() {
            return Err(AuthErrorKind::Missing.into());
        }
        // The extractors of the same function get the same result, and no token from a location that this guard does
        // not search.
        if spec.may_remember() {
            RequestMemo::remember(parts, kind, Finding::Anonymous(auth.clone()));
        }
        return Ok(Step::Done(None));
    };
    let location = found.location;
    let csrf = presented_csrf(parts, settings, kind, found)?;
    let earlier = RequestMemo::finding(parts, kind);
    let reusable = admitted_earlier(earlier, auth, found)
        .filter(|token| token.audience == spec.audience && token.revocation >= spec.revocation);
    if let Some(token) = reusable {
        compare_csrf(csrf, &token.verified)?;
        let verified = Arc::clone(&token.verified);
        enforce(spec, &verified, auth, parts)?;
        return Ok(Step::Done(Some(Admission { verified, location })));
    }
    let had_finding = earlier.is_some();
    let mut proof = None;
    let check_request = check_of_request(auth, parts, found, csrf, &mut proof);
    let progress = auth.authenticate_now(found.token, spec.requirements(), check_request);
    match (progress, proof) {
        (Progress::Done(verification), None) => {
            settle(auth, parts, spec, verification?, location, had_finding)
                .map(|admission| Step::Done(Some(admission)))
        }
        (progress, proof) => Ok(Step::Waits(Rest { progress, proof })),
    }
}

/// The part of an admission that waits.
async fn admit_later(
    auth: &JwtAuth,
    parts: &mut Parts,
    spec: &GuardSpec,
    rest: Rest,
) -> Result<Admission, Refusal> {
    let (kind, settings) = (spec.token_kind(), auth.web());
    let found = find_token(parts, settings, kind, spec.locations)?.ok_or(AuthErrorKind::Missing)?;
    let location = found.location;
    let csrf = presented_csrf(parts, settings, kind, found)?;
    let Rest { progress, mut proof } = rest;
    let mut check_request = check_of_request(auth, parts, found, csrf, &mut proof);
    let required = spec.requirements();
    let verification =
        auth.authenticate_later(progress, found.token, required, &mut check_request).await;
    drop(check_request);
    let verification = verification?;
    if let Some(proof) = proof {
        dpop::spend(auth, parts, *proof, Some(&verification.verified)).await?;
    }
    let had_finding = RequestMemo::finding(parts, kind).is_some();
    settle(auth, parts, spec, verification, location, had_finding)
}

/// Compares the request with its verified token: the CSRF value, and a proof of DPoP, which may have to be used.
fn check_of_request<'a>(
    auth: &'a JwtAuth,
    parts: &'a Parts,
    found: FoundToken<'a>,
    csrf: Option<&'a [u8]>,
    proof: &'a mut Option<Box<UnusedProof>>,
) -> impl FnMut(&Verified) -> Result<Possession, Refusal> + 'a {
    move |verified| {
        compare_csrf(csrf, verified)?;
        let (possession, unused) = dpop::shown(auth, parts, found)?;
        *proof = unused;
        Ok(possession)
    }
}

/// Applies the rules of the guard to a token that was verified for this request, and remembers it.
fn settle(
    auth: &JwtAuth,
    parts: &mut Parts,
    spec: &GuardSpec,
    verification: Verification,
    location: TokenLocation,
    had_finding: bool,
) -> Result<Admission, Refusal> {
    let Verification { verified, is_cached, is_hmac } = verification;
    enforce(spec, &verified, auth, parts)?;
    let kind = spec.token_kind();
    // To verify it again would run no hook, and cost little.
    let is_cheap = (is_cached || is_hmac) && !auth.hooks().run_while_verifying();
    let is_left = spec.matches_configuration()
        && is_cheap
        && (PollMemo::leave(kind, auth, &verified) || is_cached);
    if spec.may_remember() && !is_left {
        let token = AdmittedToken {
            auth: auth.clone(),
            audience: spec.audience,
            locations: spec.locations,
            revocation: spec.revocation,
            verified: Arc::clone(&verified),
        };
        RequestMemo::remember(parts, kind, Finding::Admitted(token));
    } else if had_finding {
        RequestMemo::forget(parts, kind);
    }
    Ok(Admission { verified, location })
}

/// Applies the rules of the guard to a verified token, then those of the routers that contain the route.
pub(super) fn enforce(
    spec: &GuardSpec,
    verified: &Verified,
    auth: &JwtAuth,
    parts: &Parts,
) -> Result<(), Refusal> {
    enforce_one(spec, verified, auth)?;
    RequestMemo::required(parts).iter().try_for_each(|spec| enforce_one(spec, verified, auth))
}

fn enforce_one(spec: &GuardSpec, verified: &Verified, auth: &JwtAuth) -> Result<(), Refusal> {
    if spec.dpop && auth.web().resource.is_none() {
        return Err(dpop::without_resource());
    }
    policy::enforce(spec, verified, auth.rules()).map_err(|refusal| auth.about(refusal, verified))
}

/// The token that an earlier guard admitted, if it is the one found now.
fn admitted_earlier<'a>(
    earlier: Option<&'a Finding>,
    auth: &JwtAuth,
    found: FoundToken<'_>,
) -> Option<&'a AdmittedToken> {
    let Some(Finding::Admitted(token)) = earlier else { return None };
    (token.auth.is_same(auth) && found.is_same_as(&token.verified)).then_some(token)
}

/// The token of this request for an extractor: the one that a guard admitted, or one verified only by the
/// configuration.
pub(super) async fn token_of(
    auth: &JwtAuth,
    parts: &mut Parts,
    spec: &'static GuardSpec,
) -> Result<Admission, Refusal> {
    let kind = spec.token_kind();
    auth.prepare_response(parts);
    let find = || find_token(parts, auth.web(), kind, &[]).ok().flatten();
    if let Some((verified, location)) = PollMemo::token(kind, auth, find) {
        // In this poll, the guard has applied the rules of the routers, and marked a response to a token in the query.
        return Ok(Admission { verified, location });
    }
    let earlier = RequestMemo::finding(parts, kind);
    if matches!(earlier, Some(Finding::Anonymous(of)) if of.is_same(auth)) {
        return Err(AuthErrorKind::Missing.into());
    }
    if let Some(Finding::Admitted(token)) = earlier
        && let Ok(Some(found)) = find_token(parts, auth.web(), kind, token.locations)
        && let Some(token) = admitted_earlier(earlier, auth, found)
    {
        let (verified, location) = (Arc::clone(&token.verified), found.location);
        if location == TokenLocation::Query {
            mark_response();
        }
        // It may be from a middleware outside of the router that requires more.
        enforce(spec, &verified, auth, parts)?;
        return Ok(Admission { verified, location });
    }
    let admission = admit(auth, parts, spec).await?.ok_or(AuthErrorKind::Missing)?;
    RequestMemo::offer_renewal(parts, &admission);
    Ok(admission)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AccessToken;
    use crate::guard::policy::Access;

    /// axum boxes the future of each handler, and boxes of more than 1032 bytes cost more to allocate. Its own part, with the
    /// request, is about 550 bytes.
    #[test]
    fn a_guard_needs_little_space_in_the_future_of_a_handler() {
        let auth = crate::Config::hs256(crate::KeyMaterial::ephemeral()).build().unwrap();
        let (mut parts, ()) = http::Request::new(()).into_parts();
        assert!(size_of_val(&Guard::<Access>::from_request_parts(&mut parts, &auth)) < 480);
        let token = <AccessToken as FromRequestParts<_>>::from_request_parts(&mut parts, &auth);
        assert!(size_of_val(&token) < 256);
    }
}
