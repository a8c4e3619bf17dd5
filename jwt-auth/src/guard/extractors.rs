//! Extractors: tokens and `JwtAuth` as parameters of a handler.

use std::sync::Arc;

use axum_core::extract::{FromRef, FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::auth::JwtAuth;
use crate::error::{AuthError, AuthErrorKind};
use crate::guard::GuardSpec;
use crate::guard::admission::token_of;
use crate::token::{AccessToken, RefreshToken};

macro_rules! extractor {
    ($name:ident, $spec:ident, $read:ident) => {
        impl<S, C> FromRequestParts<S> for $name<C>
        where
            S: HoldsJwtAuth + Send + Sync,
            C: DeserializeOwned,
        {
            type Rejection = AuthError;

            async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, AuthError> {
                let auth = state.jwt_auth();
                let spec = &GuardSpec::$spec;
                let token = match token_of(&auth, parts, spec).await {
                    Ok(admission) => admission.into_proof(&auth, parts).$read(),
                    Err(refusal) => Err(refusal),
                };
                token.map_err(|refusal| spec.refuse(refusal, &auth, parts))
            }
        }

        /// `None` if the request has no token. A token that is not valid is refused.
        impl<S, C> OptionalFromRequestParts<S> for $name<C>
        where
            S: HoldsJwtAuth + Send + Sync,
            C: DeserializeOwned,
        {
            type Rejection = AuthError;

            async fn from_request_parts(
                parts: &mut Parts,
                state: &S,
            ) -> Result<Option<Self>, AuthError> {
                match <Self as FromRequestParts<S>>::from_request_parts(parts, state).await {
                    Ok(token) => Ok(Some(token)),
                    Err(error) if error.kind() == AuthErrorKind::Missing => Ok(None),
                    Err(error) => Err(error),
                }
            }
        }
    };
}

extractor!(AccessToken, ACCESS, into_access);
extractor!(RefreshToken, REFRESH, into_refresh);

impl<S> FromRequestParts<S> for JwtAuth
where
    S: HoldsJwtAuth + Send + Sync,
{
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        Ok(state.jwt_auth().for_request(parts))
    }
}

/// A state that contains a `JwtAuth`.
///
/// It means `JwtAuth: FromRef<S>`, under a name that compile errors can use.
///
/// In your own bounds, write `where JwtAuth: FromRef<S>`, which handlers require:
///
/// ```
/// use axum::extract::FromRef;
/// use jwt_auth::{AccessToken, GuardedRouter, JwtAuth, jwt_required, routing::get};
///
/// #[jwt_required]
/// async fn me(token: AccessToken) -> String { token.subject().to_owned() }
///
/// fn routes<S>() -> GuardedRouter<S>
/// where
///     JwtAuth: FromRef<S>,
///     S: Clone + Send + Sync + 'static,
/// {
///     GuardedRouter::new().route("/me", get(me))
/// }
/// # drop(routes::<JwtAuth>());
/// ```
#[diagnostic::on_unimplemented(
    message = "the state `{Self}` contains no `JwtAuth`, so guards cannot verify tokens",
    label = "needs a state that contains a `JwtAuth`",
    note = "write `.with_state(auth()?)`, or give the state a field `auth: JwtAuth` and `#[derive(Clone, axum::extract::FromRef)]`"
)]
pub trait HoldsJwtAuth {
    /// The `JwtAuth` of the state.
    #[doc(hidden)]
    fn jwt_auth(&self) -> JwtAuth;
}

#[diagnostic::do_not_recommend]
impl<S> HoldsJwtAuth for S
where
    JwtAuth: FromRef<S>,
{
    fn jwt_auth(&self) -> JwtAuth {
        JwtAuth::from_ref(self)
    }
}

/// A state behind an `Arc` is also a state. Because there are two implementations, the compiler infers no state
/// before `.with_state(…)`, and can print the message above.
impl<T> FromRef<Arc<T>> for JwtAuth
where
    JwtAuth: FromRef<T>,
{
    fn from_ref(state: &Arc<T>) -> Self {
        Self::from_ref(&**state)
    }
}
