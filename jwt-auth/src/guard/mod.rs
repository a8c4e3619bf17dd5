//! Guards: the extractors that run before every other, and let a handler run or not.

mod check;
mod extract;
mod parameter;
mod permission;
mod policy;

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use axum_core::extract::{FromRef, FromRequestParts};
use http::request::Parts;

use crate::auth::JwtAuth;
use crate::claims::TokenKind;
use crate::error::{AuthError, AuthErrorKind};
use crate::http as web;
use crate::verify::Verified;

pub use check::{Proof, settle};
pub use extract::HoldsJwtAuth;
pub use parameter::{OtherParameter, Parameter, Probe};
pub use permission::Permission;
pub use policy::{Access, GuardKind, GuardSpec, Policy, Public, Refresh};

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
        let admitted = match admit(&auth, parts, &P::SPEC) {
            Ok(Some(proof)) => P::check(&proof).await.map_err(check::refusal),
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        match admitted {
            Ok(()) => Ok(Self(PhantomData)),
            Err(error) => Err(answered(&auth, parts, error)),
        }
    }
}

/// A token that was verified for this request, kept in its extensions for whoever asks next.
#[derive(Clone)]
struct Admitted {
    auth: JwtAuth,
    kind: TokenKind,
    audience: Option<&'static str>,
    verified: Arc<Verified>,
}

/// Finds the token, verifies it once per request, and asks the policy's rules.
fn admit(auth: &JwtAuth, parts: &mut Parts, spec: &GuardSpec) -> Result<Option<Proof>, AuthError> {
    let kind = match spec.kind {
        GuardKind::Public => return Ok(None),
        GuardKind::Access => TokenKind::Access,
        GuardKind::Refresh => TokenKind::Refresh,
    };
    let Some(found) = web::find(&parts.headers, auth.settings())? else {
        return if spec.optional { Ok(None) } else { Err(AuthErrorKind::Missing.into()) };
    };
    let kept = kept(auth, parts, kind, found).filter(|kept| kept.audience == spec.audience);
    let verified = if let Some(kept) = kept {
        Arc::clone(&kept.verified)
    } else {
        let verified = auth.authenticate(found.token, kind, spec.audience)?;
        let kept = Admitted {
            auth: auth.clone(),
            kind,
            audience: spec.audience,
            verified: Arc::clone(&verified),
        };
        parts.extensions.insert(kept);
        verified
    };
    policy::enforce(spec, &verified, auth.settings())?;
    Ok(Some(Proof::new(verified, found.location)))
}

/// What was verified before, if it is what stands in the request now.
fn kept<'a>(
    auth: &JwtAuth,
    parts: &'a Parts,
    kind: TokenKind,
    found: web::Found<'_>,
) -> Option<&'a Admitted> {
    parts.extensions.get::<Admitted>().filter(|kept| {
        kept.auth.is(auth) && kept.kind == kind && kept.verified.token() == found.token
    })
}

/// The token of this request for an extractor: the guard's, or one verified by the settings alone.
fn token_of(auth: &JwtAuth, parts: &mut Parts, kind: TokenKind) -> Result<Proof, AuthError> {
    let found = web::find(&parts.headers, auth.settings())?.ok_or(AuthErrorKind::Missing)?;
    if let Some(kept) = kept(auth, parts, kind, found) {
        return Ok(Proof::new(Arc::clone(&kept.verified), found.location));
    }
    let spec = match kind {
        TokenKind::Access => &GuardSpec::ACCESS,
        TokenKind::Refresh => &GuardSpec::REFRESH,
    };
    admit(auth, parts, spec)?.ok_or_else(|| AuthErrorKind::Missing.into())
}

/// Gives an error what its answer needs: the settings, and the request where a hook wants it.
fn answered(auth: &JwtAuth, parts: &Parts, error: AuthError) -> AuthError {
    let request = web::wants_request(auth.settings()).then(|| web::kept(parts));
    match auth.told::<()>(Err(error.with_request(request))) {
        Err(error) => error,
        Ok(()) => AuthErrorKind::Forbidden.into(),
    }
}
