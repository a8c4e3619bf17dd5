//! `JsonRefreshToken`: a refresh token in a JSON body, or else where the configuration looks for it.

use std::fmt;
use std::ops::Deref;

use axum_core::extract::{FromRequest, Request};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http_body_util::{BodyExt as _, Limited};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::auth::{JwtAuth, Lookup, Requirements};
use crate::error::{AuthError, AuthErrorKind, Refusal};
use crate::guard::admission::{admit, enforce};
use crate::guard::dpop;
use crate::guard::{GuardSpec, HoldsJwtAuth};
use crate::secret::Secret;
use crate::token::{MAX_TOKEN, NoClaims, RefreshToken, TokenPair, Verified};
use crate::token_kind::TokenKind;

/// The largest body: a token, and a few other members.
const MAX_BODY: usize = 2 * MAX_TOKEN;

/// A refresh token in a JSON body, `{"refresh_token": "…"}`, or else where the configuration looks for it.
///
/// This is what mobile clients usually send, beside browsers that have a cookie. It reads the body, so it is the only
/// parameter of the handler. It requires a valid refresh token and is a guard by itself; it dereferences to the
/// [`RefreshToken`].
///
/// A body that is no JSON, or has no `refresh_token`, counts as none. A token in the body needs no CSRF value, because no
/// other site can know it; one in a cookie does.
///
/// ```
/// use jwt_auth::{AuthError, GuardedRouter, JsonRefreshToken, TokenPair, routing::post};
///
/// async fn refresh(token: JsonRefreshToken) -> Result<TokenPair, AuthError> {
///     token.rotate().await
/// }
///
/// let router: GuardedRouter = GuardedRouter::new().route("/refresh", post(refresh));
/// assert_eq!(router.manifest().to_string(), "POST /refresh  refresh\n");
/// ```
pub struct JsonRefreshToken<C = NoClaims> {
    token: RefreshToken<C>,
    auth: JwtAuth,
}

impl<C> JsonRefreshToken<C> {
    /// Exchanges the token for a new pair.
    ///
    /// For the options of [`JwtAuth::rotate`], call it with [`into_parts`](Self::into_parts).
    ///
    /// ```
    /// use jwt_auth::{AuthError, JsonRefreshToken, TokenPair};
    ///
    /// async fn refresh(token: JsonRefreshToken) -> Result<TokenPair, AuthError> {
    ///     token.rotate().await
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`JwtAuth::rotate`].
    pub async fn rotate(self) -> Result<TokenPair, AuthError>
    where
        C: Send,
    {
        self.auth.rotate(self.token).await
    }

    /// The token, and the [`JwtAuth`] that verified it.
    ///
    /// ```
    /// use jwt_auth::{AuthError, JsonRefreshToken};
    ///
    /// async fn log_out(token: JsonRefreshToken) -> Result<(), AuthError> {
    ///     let (token, auth) = token.into_parts();
    ///     auth.revoke(&token).await
    /// }
    /// ```
    pub fn into_parts(self) -> (RefreshToken<C>, JwtAuth) {
        (self.token, self.auth)
    }
}

impl<C> Deref for JsonRefreshToken<C> {
    type Target = RefreshToken<C>;

    fn deref(&self) -> &RefreshToken<C> {
        &self.token
    }
}

impl<C> fmt::Debug for JsonRefreshToken<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("JsonRefreshToken").field(&self.token).finish()
    }
}

#[derive(Deserialize)]
struct Body {
    refresh_token: Option<String>,
}

impl<S, C> FromRequest<S> for JsonRefreshToken<C>
where
    S: HoldsJwtAuth + Send + Sync,
    C: DeserializeOwned,
{
    type Rejection = AuthError;

    async fn from_request(request: Request, state: &S) -> Result<Self, AuthError> {
        let auth = state.jwt_auth();
        let (mut parts, body) = request.into_parts();
        auth.prepare_response(&parts);
        let in_body = if is_json(&parts.headers) {
            let body = Limited::new(body, MAX_BODY).collect().await;
            body.map_err(|_| Refusal::from(AuthErrorKind::Malformed))
                .map(|body| serde_json::from_slice(&body.to_bytes()).ok())
                .map(|body: Option<Body>| {
                    body.and_then(|body| body.refresh_token).map(Secret::from)
                })
        } else {
            Ok(None)
        };
        let token = match in_body {
            Ok(Some(token)) => of_body(&token, &auth, &mut parts).await,
            Ok(None) => of_request(&auth, &mut parts).await,
            Err(refusal) => Err(refusal),
        };
        match token {
            Ok(token) => Ok(Self { token, auth: auth.for_request(&parts) }),
            Err(refusal) => Err(GuardSpec::REFRESH.refuse(refusal, &auth, &parts)),
        }
    }
}

/// `application/json`, or a type that ends with `+json` (RFC 6839).
fn is_json(headers: &HeaderMap) -> bool {
    let Some(Ok(text)) = headers.get(CONTENT_TYPE).map(|value| value.to_str()) else {
        return false;
    };
    let essence = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json"
        || (essence.starts_with("application/") && essence.ends_with("+json"))
}

async fn of_body<C: DeserializeOwned>(
    token: &Secret,
    auth: &JwtAuth,
    parts: &mut Parts,
) -> Result<RefreshToken<C>, Refusal> {
    let required =
        Requirements { kind: TokenKind::Refresh, audience: None, revocation: Lookup::Replica };
    let mut proof = None;
    let check_request = |verified: &Verified| {
        let (possession, unused) = dpop::shown_with_body(auth, parts, verified)?;
        proof = unused;
        Ok(possession)
    };
    let verification =
        auth.authenticate(token.expose().as_bytes(), required, check_request).await?;
    let verified = verification.verified;
    if let Some(proof) = proof {
        dpop::spend(auth, parts, *proof, None).await?;
    }
    enforce(&GuardSpec::REFRESH, &verified, auth, parts)?;
    let is_fresh = verified.is_fresh(auth.rules());
    RefreshToken::new(verified, None, auth.context_for(parts), is_fresh)
}

async fn of_request<C: DeserializeOwned>(
    auth: &JwtAuth,
    parts: &mut Parts,
) -> Result<RefreshToken<C>, Refusal> {
    let admission = admit(auth, parts, &GuardSpec::REFRESH).await?.ok_or(AuthErrorKind::Missing)?;
    admission.into_proof(auth, parts).into_refresh()
}
