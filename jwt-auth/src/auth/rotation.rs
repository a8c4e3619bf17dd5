//! The builder of a rotation: what the next tokens of a session may do.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Map;

use crate::auth::JwtAuth;
use crate::error::{AuthError, AuthErrorKind, RenderingScope};
use crate::token::{Named, TokenPair, Verified, with_claims};

/// A rotation of a refresh token. It happens when it is awaited.
///
/// Returned by [`JwtAuth::rotate`]. What is not named is preserved.
///
/// ```
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
/// let pair = auth.log_in("alice").roles(["admin"]).scopes(["notes:read"]).await?;
/// let token = auth.verify_refresh(pair.refresh_token()).await?;
/// let pair = auth.rotate(token).roles(["editor"]).await?;
/// let token = auth.verify_access(pair.access_token()).await?;
/// assert!(token.roles().eq(["editor"]) && token.scopes().eq(["notes:read"]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a rotation happens when it is awaited"]
pub struct Rotation<'a> {
    auth: &'a JwtAuth,
    token: Arc<Verified>,
    named: Named,
    revokes_previous_access: bool,
    /// Whether the token came in a cookie.
    is_cookie: bool,
}

impl<'a> Rotation<'a> {
    pub(super) fn new(auth: &'a JwtAuth, token: Arc<Verified>, is_cookie: bool) -> Self {
        let named = Named { roles: None, scopes: None, claims: Ok(Map::new()) };
        Self { auth, token, named, revokes_previous_access: false, is_cookie }
    }

    /// The roles from now on, instead of those of the refresh token.
    ///
    /// ```
    /// # async fn demote(auth: jwt_auth::JwtAuth, token: jwt_auth::RefreshToken) -> Result<(), jwt_auth::AuthError> {
    /// let pair = auth.rotate(token).roles(["reader"]).await?;
    /// # drop(pair);
    /// # Ok(())
    /// # }
    /// ```
    pub fn roles<A: Into<String>>(mut self, roles: impl IntoIterator<Item = A>) -> Self {
        self.named.roles = Some(roles.into_iter().map(Into::into).collect());
        self
    }

    /// The scopes from now on, instead of those of the refresh token.
    ///
    /// RFC 6749 §6 lets a client ask for fewer scopes at a refresh; check that they are fewer before you pass them on.
    ///
    /// ```
    /// # async fn narrow(auth: jwt_auth::JwtAuth, token: jwt_auth::RefreshToken) -> Result<(), jwt_auth::AuthError> {
    /// let pair = auth.rotate(token).scopes(["notes:read"]).await?;
    /// # drop(pair);
    /// # Ok(())
    /// # }
    /// ```
    pub fn scopes<A: Into<String>>(mut self, scopes: impl IntoIterator<Item = A>) -> Self {
        self.named.scopes = Some(scopes.into_iter().map(Into::into).collect());
        self
    }

    /// Custom claims, from a value that serialises as a JSON object.
    ///
    /// They replace the claims of the same names, and the others are preserved. A reserved name is an error.
    ///
    /// ```
    /// # async fn move_to(auth: jwt_auth::JwtAuth, token: jwt_auth::RefreshToken) -> Result<(), jwt_auth::AuthError> {
    /// let pair = auth.rotate(token).claims(&serde_json::json!({ "tenant": 8 })).await?;
    /// # drop(pair);
    /// # Ok(())
    /// # }
    /// ```
    pub fn claims<C: Serialize + ?Sized>(mut self, claims: &C) -> Self {
        self.named.claims = with_claims(self.named.claims, claims);
        self
    }

    /// Revokes the access tokens that the session had before.
    ///
    /// Default: they are valid until they expire, because other requests may be under way with them. Use it when a
    /// permission was taken away. It costs one more write to the store.
    ///
    /// ```
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// # let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
    /// let first = auth.log_in("alice").roles(["admin"]).await?;
    /// let token = auth.verify_refresh(first.refresh_token()).await?;
    /// let next = auth.rotate(token).roles(["reader"]).revoke_previous_access().await?;
    /// assert!(auth.verify_access(first.access_token()).await.is_err());
    /// assert!(auth.verify_access(next.access_token()).await.is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn revoke_previous_access(mut self) -> Self {
        self.revokes_previous_access = true;
        self
    }
}

impl<'a> IntoFuture for Rotation<'a> {
    type Output = Result<TokenPair, AuthError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let Self { auth, token, named, revokes_previous_access, is_cookie } = self;
            let rotated = auth.rotate_in_order(&token, named, revokes_previous_access).await;
            rotated.map_err(|refusal| {
                let mut context = auth.context();
                if is_cookie && ends_session(refusal.kind()) {
                    let deleted = auth.deleted_cookies();
                    if !RenderingScope::delete_cookies(deleted.iter().cloned()) {
                        context.deleted_cookies = Some(deleted.into());
                    }
                }
                auth.about(refusal, &token).attach(context)
            })
        })
    }
}

/// Whether the refresh token is of no more use after this refusal.
fn ends_session(kind: AuthErrorKind) -> bool {
    matches!(
        kind,
        AuthErrorKind::Revoked
            | AuthErrorKind::RefreshTokenReused
            | AuthErrorKind::AccountRefused
            | AuthErrorKind::Expired
    )
}

impl fmt::Debug for Rotation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rotation")
            .field("revokes_previous_access", &self.revokes_previous_access)
            .finish_non_exhaustive()
    }
}
