//! `CurrentUser<U>`: the application's own user behind a verified access token.

use std::fmt::{self, Display};
use std::future::Future;
use std::ops::Deref;
use std::sync::Arc;

use axum_core::extract::{FromRef, FromRequestParts, OptionalFromRequestParts};
use http::request::Parts;

use crate::auth::JwtAuth;
use crate::error::{AuthError, AuthErrorKind};
use crate::guard::{GuardSpec, answered, token_of};
use crate::token::AccessToken;

/// How a user is found: by a verified token, in a part of the router's state.
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
///         Ok(users.get(token.subject()).cloned()) // `None` is a user that is gone
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
    message = "nothing says how a `{Self}` is found by a token",
    label = "no user that can be loaded",
    note = "write `impl LoadUser for {Self}`"
)]
pub trait LoadUser: Sized + Send + Sync + 'static {
    /// Where users are looked for: the router's state, or what `#[derive(FromRef)]` takes out of it.
    type State: Send + Sync;

    /// What went wrong; it goes to the log, and the answer is 503.
    type Error: Display;

    /// The user of a verified token; `None` when there is none any more, which is answered by 401.
    ///
    /// # Errors
    ///
    /// When nobody can say now.
    fn load(
        token: &AccessToken,
        state: &Self::State,
    ) -> impl Future<Output = Result<Option<Self>, Self::Error>> + Send;
}

/// The user of the request's access token, as your [`LoadUser`] found it: once for each request.
///
/// It asks for the token itself, so it guards a handler even without an attribute. A token whose user is
/// gone is refused with 401 `user_unknown`.
pub struct CurrentUser<U>(Arc<U>);

impl<U> Deref for CurrentUser<U> {
    type Target = U;

    fn deref(&self) -> &U {
        &self.0
    }
}

impl<U> Clone for CurrentUser<U> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<U: fmt::Debug> fmt::Debug for CurrentUser<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CurrentUser").field(&self.0).finish()
    }
}

/// A user who was loaded for this request, and the token it was loaded for.
struct Loaded<U>(CurrentUser<U>, Arc<str>);

impl<U> Clone for Loaded<U> {
    fn clone(&self) -> Self {
        Self(self.0.clone(), Arc::clone(&self.1))
    }
}

async fn load<U, S>(
    auth: &JwtAuth,
    parts: &mut Parts,
    state: &S,
) -> Result<CurrentUser<U>, AuthError>
where
    U: LoadUser,
    U::State: FromRef<S>,
    S: Sync,
{
    let proof = token_of(auth, parts, &GuardSpec::ACCESS).await?;
    let text = proof.verified().token();
    if let Some(Loaded(user, of)) = parts.extensions.get::<Loaded<U>>()
        && **of == *text
    {
        return Ok(user.clone());
    }
    let user = match U::load(&proof.access()?, &U::State::from_ref(state)).await {
        Ok(user) => CurrentUser(Arc::new(user.ok_or(AuthErrorKind::UserUnknown)?)),
        Err(error) => {
            tracing::warn!(target: "jwt_auth", %error, "the user of a token cannot be loaded");
            return Err(AuthErrorKind::Unavailable.into());
        }
    };
    let loaded = Loaded(user.clone(), text.into());
    parts.extensions.insert(loaded);
    Ok(user)
}

impl<S, U> FromRequestParts<S> for CurrentUser<U>
where
    S: Send + Sync,
    U: LoadUser,
    U::State: FromRef<S>,
    JwtAuth: FromRef<S>,
{
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, AuthError> {
        let auth = JwtAuth::from_ref(state);
        let user = load(&auth, parts, state).await;
        user.map_err(|error| answered(&auth, parts, &GuardSpec::ACCESS, error))
    }
}

/// `None` when the request bears no token; a bad one, or one without a user, is refused.
impl<S, U> OptionalFromRequestParts<S> for CurrentUser<U>
where
    S: Send + Sync,
    U: LoadUser,
    U::State: FromRef<S>,
    JwtAuth: FromRef<S>,
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
