//! Guards: the extractors that run before every other, and let a handler run or not.

mod check;
mod extract;
mod parameter;
mod permission;
mod policy;
mod renewal;
mod user;

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use axum_core::extract::{FromRef, FromRequestParts};
use http::request::Parts;

use crate::auth::{Asked, JwtAuth, Lookup};
use crate::claims::TokenKind;
use crate::config::TokenLocation;
use crate::error::{AuthError, AuthErrorKind};
use crate::http as web;
use crate::no_store;
use crate::verify::Verified;

pub use check::{Proof, settle};
pub use extract::HoldsJwtAuth;
pub use parameter::{OtherParameter, Parameter, Probe};
pub use permission::Permission;
pub use policy::{Access, GuardKind, GuardSpec, Policy, Public, Refresh};
pub(crate) use renewal::Renewal;
pub use user::{CurrentUser, LoadUser};

/// The hidden first parameter of a handler: its presence is the proof that the policy `P` said yes.
pub struct Guard<P>(PhantomData<fn() -> P>);

impl<P: Policy> fmt::Debug for Guard<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Guard({})", P::SPEC.kind.name())
    }
}

impl<S, P> FromRequestParts<S> for Guard<P>
where
    S: Send + Sync,
    P: Policy,
    JwtAuth: FromRef<S>,
{
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, AuthError> {
        if P::SPEC.kind == GuardKind::Public {
            return Ok(Self(PhantomData));
        }
        let auth = JwtAuth::from_ref(state);
        let admitted = match admit(&auth, parts, &P::SPEC).await {
            Ok(Some(proof)) => match P::check(&proof).await {
                Ok(()) => {
                    renewal::offer(parts, &proof);
                    Ok(())
                }
                Err(error) => Err(check::refusal(error)),
            },
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        match admitted {
            Ok(()) => Ok(Self(PhantomData)),
            Err(error) => Err(answered(&auth, parts, &P::SPEC, error)),
        }
    }
}

/// What guards have found in this request, kept in its extensions for whoever asks next: of access tokens, and
/// of refresh tokens.
#[derive(Clone, Default)]
struct Earlier([Option<Finding>; 2]);

impl Earlier {
    fn of(parts: &Parts, kind: TokenKind) -> Option<&Finding> {
        parts.extensions.get::<Self>()?.0[kind as usize].as_ref()
    }

    fn keep(parts: &mut Parts, kind: TokenKind, finding: Finding) {
        parts.extensions.get_or_insert_with(Self::default).0[kind as usize] = Some(finding);
    }

    fn forget(parts: &mut Parts, kind: TokenKind) {
        if let Some(earlier) = parts.extensions.get_mut::<Self>() {
            earlier.0[kind as usize] = None;
        }
    }
}

/// What a guard has found.
#[derive(Clone)]
enum Finding {
    Admitted(Admitted),
    /// An optional guard looked in its own places, and let the request in as nobody's.
    Nobody(JwtAuth),
}

/// A token that was verified for this request.
#[derive(Clone)]
struct Admitted {
    auth: JwtAuth,
    audience: Option<&'static str>,
    locations: &'static [TokenLocation],
    revocation: Lookup,
    verified: Arc<Verified>,
}

impl GuardSpec {
    /// Whether a token's extractor, which goes by the settings alone, comes to the guard's own verdict.
    fn asks_nothing_of_its_own(&self) -> bool {
        self.audience.is_none() && self.locations.is_empty() && self.revocation == Lookup::Replica
    }

    fn token_kind(&self) -> TokenKind {
        match self.kind {
            GuardKind::Refresh => TokenKind::Refresh,
            GuardKind::Access | GuardKind::Public => TokenKind::Access,
        }
    }
}

/// Finds the token, verifies it once per request, and asks the policy's rules.
async fn admit(
    auth: &JwtAuth,
    parts: &mut Parts,
    spec: &GuardSpec,
) -> Result<Option<Proof>, AuthError> {
    let (kind, settings) = (spec.token_kind(), auth.settings());
    let found = web::find(parts, settings, kind, spec.locations);
    if web::concerns_query(parts, settings, spec.locations, &found) {
        no_store::note();
    }
    let Some(found) = found? else {
        if !spec.optional {
            return Err(AuthErrorKind::Missing.into());
        }
        // Whoever asks next gets the same answer, and not a token of a place that this guard does not look in.
        Earlier::keep(parts, kind, Finding::Nobody(auth.clone()));
        return Ok(None);
    };
    let location = found.location;
    let presented = web::presented(parts, settings, kind, found)?;
    let earlier = Earlier::of(parts, kind);
    let kept = kept(earlier, auth, found)
        .filter(|kept| kept.audience == spec.audience && kept.revocation >= spec.revocation);
    let verified = if let Some(kept) = kept {
        web::compare(presented, &kept.verified)?;
        Arc::clone(&kept.verified)
    } else {
        let asked = Asked { kind, audience: spec.audience, revocation: spec.revocation };
        let bound = |verified: &Verified| web::compare(presented, verified);
        let found_before = earlier.is_some();
        let verified = auth.authenticate(found.token, asked, bound).await?;
        let keeps = spec.revocation != Lookup::Skip || spec.keeps_unasked;
        if keeps && (!spec.asks_nothing_of_its_own() || !auth.finds_again(&verified)) {
            let admitted = Admitted {
                auth: auth.clone(),
                audience: spec.audience,
                locations: spec.locations,
                revocation: spec.revocation,
                verified: Arc::clone(&verified),
            };
            Earlier::keep(parts, kind, Finding::Admitted(admitted));
        } else if found_before {
            Earlier::forget(parts, kind);
        }
        verified
    };
    policy::enforce(spec, &verified, settings)?;
    Ok(Some(Proof::new(verified, location)))
}

/// Forgets what a middleware let in without a look at revocation: it vouches for no handler behind it.
pub(crate) fn forget_unasked(extensions: &mut http::Extensions) {
    for finding in extensions.get_mut::<Earlier>().into_iter().flat_map(|earlier| &mut earlier.0) {
        if matches!(finding, Some(Finding::Admitted(kept)) if kept.revocation == Lookup::Skip) {
            *finding = None;
        }
    }
}

/// What was verified before, if it is what stands in the request now.
fn kept<'a>(
    earlier: Option<&'a Finding>,
    auth: &JwtAuth,
    found: web::Found<'_>,
) -> Option<&'a Admitted> {
    let Some(Finding::Admitted(kept)) = earlier else { return None };
    Some(kept).filter(|kept| kept.auth.is(auth) && kept.verified.token().as_bytes() == found.token)
}

/// The token of this request for an extractor: the guard's, or one verified by the settings alone.
async fn token_of(
    auth: &JwtAuth,
    parts: &mut Parts,
    spec: &'static GuardSpec,
) -> Result<Proof, AuthError> {
    let kind = spec.token_kind();
    let earlier = Earlier::of(parts, kind);
    if matches!(earlier, Some(Finding::Nobody(of)) if of.is(auth)) {
        return Err(AuthErrorKind::Missing.into());
    }
    if let Some(Finding::Admitted(admitted)) = earlier
        && let Ok(Some(found)) = web::find(parts, auth.settings(), kind, admitted.locations)
        && let Some(kept) = kept(earlier, auth, found)
    {
        if found.location == TokenLocation::Query {
            no_store::note();
        }
        return Ok(Proof::new(Arc::clone(&kept.verified), found.location));
    }
    let proof = admit(auth, parts, spec).await?.ok_or(AuthErrorKind::Missing)?;
    renewal::offer(parts, &proof);
    Ok(proof)
}

/// Gives an error what its answer needs: the settings, and the request where a hook wants it.
fn answered(auth: &JwtAuth, parts: &Parts, spec: &GuardSpec, error: AuthError) -> AuthError {
    let settings = auth.settings();
    let error = match settings.compat {
        Some(_) => web::worded(error, parts, settings, spec.token_kind(), spec.locations),
        None => error,
    };
    let request = web::wants_request(settings).then(|| web::kept(parts));
    match auth.told::<()>(Err(error.with_request(request))) {
        Err(error) => error,
        Ok(()) => AuthErrorKind::Forbidden.into(),
    }
}
