//! The extractor `LogOut`, which ends the session of the request's tokens.

use std::fmt;
use std::sync::Arc;

use axum_core::extract::FromRequestParts;
use http::request::Parts;

use crate::auth::JwtAuth;
use crate::config::TokenLocation;
use crate::error::{AuthError, AuthErrorKind};
use crate::guard::HoldsJwtAuth;
use crate::token::{Verified, mark_response};
use crate::token_kind::TokenKind;
use crate::web::{
    SetCookies, compare_csrf, concerns_query, find_token, is_foreign, presented_csrf, refuse,
};

/// Ends the session of the request's tokens, even of expired ones, and deletes the cookies.
///
/// A log-out must not fail because the access token has just expired: the user would stay logged in. So the handler
/// is `#[public]`, and this extractor reads the access token and the refresh token itself. It checks the signature,
/// every claim except `exp`, and for a token in a cookie the CSRF value; it does not check whether the token was
/// revoked before. The cookies are deleted even if no token is usable.
///
/// The extractor refuses a request from another site, and one whose tokens are in cookies without a CSRF value:
/// another site could otherwise log the user out.
///
/// ```
/// use jwt_auth::{AuthError, LogOut, SetCookies, public};
///
/// #[public]
/// async fn log_out(log_out: LogOut) -> Result<SetCookies, AuthError> {
///     log_out.end().await
/// }
/// ```
#[must_use = "`.end().await` ends the session"]
pub struct LogOut {
    auth: JwtAuth,
    tokens: Vec<Arc<Verified>>,
}

impl LogOut {
    /// Ends the sessions of the tokens, and returns the deletion of the cookies.
    ///
    /// If cookies are not among the locations, the result changes no cookie.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](AuthErrorKind::Unavailable) if the store does not record it. The cookies then stay, so that
    /// the client can try again.
    ///
    /// ```
    /// # use jwt_auth::{AuthError, LogOut, SetCookies, public};
    /// #[public]
    /// async fn log_out(log_out: LogOut) -> Result<(SetCookies, &'static str), AuthError> {
    ///     Ok((log_out.end().await?, "bye"))
    /// }
    /// ```
    pub async fn end(self) -> Result<SetCookies, AuthError> {
        self.auth.end_sessions(&self.tokens).await?;
        Ok(self.auth.unset_own_cookies())
    }
}

impl fmt::Debug for LogOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogOut").field("tokens", &self.tokens.len()).finish_non_exhaustive()
    }
}

impl<S: HoldsJwtAuth + Send + Sync> FromRequestParts<S> for LogOut {
    type Rejection = AuthError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, AuthError> {
        let auth = state.jwt_auth();
        let settings = auth.web();
        // The response deletes cookies, also if `SameSite` prevented the browser from sending them.
        if settings.reads(TokenLocation::Cookie) && is_foreign(parts, &settings.csrf) {
            let refusal = AuthErrorKind::CrossSite.into();
            return Err(refuse(refusal, &auth, parts, TokenKind::Access, &[]));
        }
        let mut tokens = Vec::new();
        let mut csrf_refusal = None;
        for kind in TokenKind::ALL {
            match usable_token(&auth, parts, kind) {
                Ok(token) => tokens.extend(token),
                Err(refusal) => csrf_refusal = csrf_refusal.or(Some((refusal, kind))),
            }
        }
        // One CSRF value is enough: a page that has the value of the access token may end the session.
        match csrf_refusal {
            Some((refusal, kind)) if tokens.is_empty() => {
                Err(refuse(refusal.into(), &auth, parts, kind, &[]))
            }
            _ => Ok(Self { auth: auth.for_request(parts), tokens }),
        }
    }
}

/// The request's token of that kind; `None` if there is none, or if it is not valid apart from its expiry.
///
/// # Errors
///
/// The CSRF value of a token in a cookie is missing or wrong, or another site sent the request.
fn usable_token(
    auth: &JwtAuth,
    parts: &Parts,
    kind: TokenKind,
) -> Result<Option<Arc<Verified>>, AuthErrorKind> {
    let found = find_token(parts, auth.web(), kind, &[]);
    if concerns_query(parts, auth.web(), &[], &found) {
        mark_response();
    }
    let Ok(Some(found)) = found else { return Ok(None) };
    let csrf = presented_csrf(parts, auth.web(), kind, found)?;
    let Ok(verified) = auth.verify_expired(found.token, kind) else { return Ok(None) };
    compare_csrf(csrf, &verified)?;
    Ok(Some(verified))
}
