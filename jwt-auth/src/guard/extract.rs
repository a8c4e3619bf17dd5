//! Extractors: the tokens and `JwtAuth` as parameters of a handler.

use std::sync::Arc;

use axum_core::extract::{FromRef, FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::auth::JwtAuth;
use crate::error::{AuthError, AuthErrorKind};
use crate::guard::{GuardSpec, answered, token_of};
use crate::http as web;
use crate::token::{AccessToken, RefreshToken};

macro_rules! extractor {
    ($name:ident, $spec:ident, $read:ident) => {
        impl<S, C> FromRequestParts<S> for $name<C>
        where
            S: Send + Sync,
            C: DeserializeOwned,
            JwtAuth: FromRef<S>,
        {
            type Rejection = AuthError;

            async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, AuthError> {
                let auth = JwtAuth::from_ref(state);
                let spec = &GuardSpec::$spec;
                let token = token_of(&auth, parts, spec).await.and_then(|proof| proof.$read());
                token.map_err(|error| answered(&auth, parts, spec, error))
            }
        }

        /// `None` when the request bears no token; one that is present but bad is refused.
        impl<S, C> OptionalFromRequestParts<S> for $name<C>
        where
            S: Send + Sync,
            C: DeserializeOwned,
            JwtAuth: FromRef<S>,
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

extractor!(AccessToken, ACCESS, access);
extractor!(RefreshToken, REFRESH, refresh);

impl<S> FromRequestParts<S> for JwtAuth
where
    S: Send + Sync,
    JwtAuth: FromRef<S>,
{
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let auth = Self::from_ref(state);
        let request = web::wants_request(auth.settings()).then(|| web::kept(parts));
        Ok(auth.with_request(request))
    }
}

/// A state that guards find their `JwtAuth` in; `JwtAuth: FromRef<S>` by a name that errors can speak of.
///
/// In a bound of your own write `where JwtAuth: FromRef<S>`, which is what handlers ask for:
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
    message = "the state `{Self}` holds no `JwtAuth`, so its guards have nothing to verify tokens with",
    label = "guards need a `JwtAuth` in `{Self}`",
    note = "the router's state is taken to be `{Self}`; write `.with_state(auth()?)`, or give your state a field `auth: JwtAuth` and `#[derive(axum::extract::FromRef)]`"
)]
pub trait HoldsJwtAuth {}

#[diagnostic::do_not_recommend]
impl<S> HoldsJwtAuth for S where JwtAuth: FromRef<S> {}

/// A state behind an `Arc` is a state. That there are two kinds of states also keeps the compiler from
/// guessing one before it has seen `.with_state(…)`, and so lets the message above be printed.
impl<T> FromRef<Arc<T>> for JwtAuth
where
    JwtAuth: FromRef<T>,
{
    fn from_ref(state: &Arc<T>) -> Self {
        Self::from_ref(&**state)
    }
}
