//! `CurrentUser<U>`: the application's own type for the user of a token.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use axum_core::extract::{FromRef, FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::auth::JwtAuth;
use crate::error::{AuthError, AuthErrorKind, BoxError, Refusal, contain_async};
use crate::guard::admission::token_of;
use crate::guard::memo::LoadedUser;
use crate::guard::{HoldsJwtAuth, RequestMemo};
use crate::token::{AccessToken, NoClaims};

/// Loads the user of a verified token, as your own type.
///
/// `C` is the type of the custom claims that the loader reads: `impl LoadUser<Tenant> for User` belongs to
/// `CurrentUser<User, Tenant>`. Default: none.
///
/// Behind [`#[refresh_required]`](crate::refresh_required) the loader gets the refresh token, so that a locked user cannot
/// refresh; `token.identity().kind()` tells which one it is.
///
/// ```
/// use axum::extract::FromRef;
/// use jwt_auth::{AccessToken, CurrentUser, JwtAuth, LoadUser, jwt_required};
/// use std::{collections::HashMap, sync::Arc};
///
/// #[derive(Clone)]
/// struct User { name: String }
///
/// type Database = Arc<HashMap<String, User>>;
///
/// impl LoadUser for User {
///     type State = Database;
///     type Error = std::io::Error;
///
///     async fn load(token: &AccessToken, users: &Database) -> Result<Option<Self>, Self::Error> {
///         Ok(users.get(token.subject()).cloned()) // `None`: the user was deleted
///     }
/// }
///
/// #[derive(Clone, FromRef)]
/// struct App { auth: JwtAuth, users: Database }
///
/// #[jwt_required]
/// async fn me(user: CurrentUser<User>) -> String {
///     format!("Welcome, {}!", user.name)
/// }
/// # let _: axum::Router<App> = axum::Router::new().route("/", axum::routing::get(me));
/// ```
#[diagnostic::on_unimplemented(
    message = "`CurrentUser<{Self}>` cannot load a `{Self}`",
    label = "`{Self}` does not implement `LoadUser`",
    note = "write `impl jwt_auth::LoadUser for {Self}`"
)]
pub trait LoadUser<C = NoClaims>: Sized + Send + Sync + 'static {
    /// Where users are loaded from: the router's state, or a part of it that `#[derive(FromRef)]` provides.
    type State: Send + Sync;

    /// Any error, a `String` or a `&str`. It is logged, and the response is a 503.
    ///
    /// An [`AuthError`] keeps its kind: return [`AuthError::forbidden`] for a user who exists and may not enter.
    type Error: Into<BoxError>;

    /// Loads the user of a verified token.
    ///
    /// Return `None` for a user who was deleted: the request is then refused with 401.
    ///
    /// # Errors
    ///
    /// When the user cannot be loaded now, or is refused.
    fn load(
        token: &AccessToken<C>,
        state: &Self::State,
    ) -> impl Future<Output = Result<Option<Self>, Self::Error>> + Send;
}

/// The user of a token, loaded by [`LoadUser`] once per request.
///
/// Behind [`#[refresh_required]`](crate::refresh_required) it is the user of the refresh token. Elsewhere it requires a valid access token, so as the first parameter it guards a handler even without an attribute. The
/// token of a deleted user is refused with 401 `user_unknown`.
///
/// The example of [`LoadUser`] is a whole program.
///
/// ```
/// use jwt_auth::{AccessToken, AuthError, CurrentUser, LoadUser, jwt_required};
///
/// # #[derive(Clone)]
/// # struct User { name: String }
/// # impl LoadUser for User {
/// #     type State = jwt_auth::JwtAuth;
/// #     type Error = AuthError;
/// #     async fn load(token: &AccessToken, _: &Self::State) -> Result<Option<Self>, AuthError> {
/// #         Ok(Some(Self { name: token.subject().to_owned() }))
/// #     }
/// # }
/// #[jwt_required(optional)]
/// async fn home(user: Option<CurrentUser<User>>) -> String {
///     user.map_or("Welcome!".to_owned(), |user| format!("Welcome, {}!", user.name))
/// }
/// # let _: jwt_auth::routing::MethodRouter = jwt_auth::routing::get(home);
/// ```
pub struct CurrentUser<U, C = NoClaims>(Arc<U>, PhantomData<fn() -> C>);

impl<U, C> Deref for CurrentUser<U, C> {
    type Target = U;

    fn deref(&self) -> &U {
        &self.0
    }
}

impl<U, C> Clone for CurrentUser<U, C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0), PhantomData)
    }
}

impl<U: fmt::Debug, C> fmt::Debug for CurrentUser<U, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CurrentUser").field(&self.0).finish()
    }
}

async fn load<U, C, S>(
    auth: &JwtAuth,
    parts: &mut Parts,
    state: &S,
) -> Result<CurrentUser<U, C>, Refusal>
where
    U: LoadUser<C>,
    U::State: FromRef<S>,
    C: DeserializeOwned + Send + Sync + 'static,
    S: Sync,
{
    let admission = token_of(auth, parts, RequestMemo::spec_of_guard(parts)).await?;
    let verified = Arc::clone(&admission.verified);
    if let Some(loaded) = parts.extensions.get::<LoadedUser<U, C>>()
        && loaded.auth.is_same(auth)
        && loaded.token.token() == verified.token()
    {
        return Ok(loaded.user.clone());
    }
    let token = admission.into_proof(auth, parts).into_access()?;
    let state = U::State::from_ref(state);
    let load = async || U::load(&token, &state).await.map_err(Into::<BoxError>::into);
    let user = match contain_async("LoadUser", auth.rules().hook_deadline, load).await? {
        Ok(user) => CurrentUser(Arc::new(user.ok_or(AuthErrorKind::UserUnknown)?), PhantomData),
        Err(error) => {
            if !error.is::<AuthError>() {
                tracing::warn!(target: "jwt_auth", %error, "the user of a token cannot be loaded");
            }
            return Err(Refusal::from_application(error, AuthErrorKind::Unavailable));
        }
    };
    let loaded = LoadedUser { user: user.clone(), token: verified, auth: auth.clone() };
    parts.extensions.insert(loaded);
    Ok(user)
}

impl<S, U, C> FromRequestParts<S> for CurrentUser<U, C>
where
    S: HoldsJwtAuth + Send + Sync,
    U: LoadUser<C>,
    U::State: FromRef<S>,
    C: DeserializeOwned + Send + Sync + 'static,
{
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, AuthError> {
        let auth = state.jwt_auth();
        let user = load(&auth, parts, state).await;
        user.map_err(|refusal| RequestMemo::spec_of_guard(parts).refuse(refusal, &auth, parts))
    }
}

/// `None` if the request has no token. A token that is not valid, or whose user was deleted, is refused.
impl<S, U, C> OptionalFromRequestParts<S> for CurrentUser<U, C>
where
    S: HoldsJwtAuth + Send + Sync,
    U: LoadUser<C>,
    U::State: FromRef<S>,
    C: DeserializeOwned + Send + Sync + 'static,
{
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, AuthError> {
        match <Self as FromRequestParts<S>>::from_request_parts(parts, state).await {
            Ok(user) => Ok(Some(user)),
            Err(error) if error.kind() == AuthErrorKind::Missing => Ok(None),
            Err(error) => Err(error),
        }
    }
}
