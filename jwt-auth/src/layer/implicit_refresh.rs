//! Implicit refresh: a session in cookies does not expire while it is in use.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum_core::response::{IntoResponseParts, ResponseParts};
use http::header::{CACHE_CONTROL, SET_COOKIE};
use http::{HeaderValue, Request, Response};
use tower::{Layer, Service};

use crate::auth::JwtAuth;
use crate::config::TokenLocation;
use crate::error::{AuthErrorKind, Refusal};
use crate::guard::{RenewalSlot, RequestMemo};
use crate::web::cookie_value;

impl JwtAuth {
    /// A layer that renews the access cookie while a session is in use.
    ///
    /// If the token of a request has less than half of its life left, the response sets a new one.
    ///
    /// The new token has the session, scopes, roles, custom claims and CSRF value of the old one; it is not fresh.
    /// It is issued after a guard admitted the request and the handler responded without an error status, and only
    /// if the old token is still valid then, so it never undoes a log-out. A response that already sets or deletes
    /// the cookie is not changed.
    ///
    /// Renewal ends when the refresh token of the log-in would expire
    /// ([`refresh_token_expires`](crate::Config::refresh_token_expires)), and with the session
    /// ([`session_expires`](crate::Config::session_expires)). Tokens without `sid` or `auth_time`, and tokens of
    /// another `JwtAuth`, are not renewed; without cookies among the locations the layer does nothing. A handler
    /// turns renewal off with [`NoImplicitRefresh`].
    ///
    /// ```
    /// use jwt_auth::{Config, GuardedRouter, JwtAuth, KeyMaterial, TokenLocation};
    /// use std::time::Duration;
    ///
    /// let auth = Config::hs256(KeyMaterial::ephemeral()).token_location([TokenLocation::Cookie]).build()?;
    /// let layer = auth.implicit_refresh().within(Duration::from_secs(120));
    /// let router: GuardedRouter<JwtAuth> = GuardedRouter::new().layer(layer);
    /// # drop(router);
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn implicit_refresh(&self) -> ImplicitRefreshLayer {
        ImplicitRefreshLayer { auth: self.clone(), within: None }
    }
}

/// The layer of [`JwtAuth::implicit_refresh`].
///
/// ```
/// use jwt_auth::{Config, KeyMaterial, TokenLocation, layer::ImplicitRefreshLayer};
///
/// let auth = Config::hs256(KeyMaterial::ephemeral()).token_location([TokenLocation::Cookie]).build()?;
/// let layer: ImplicitRefreshLayer = auth.implicit_refresh();
/// let router: axum::Router = axum::Router::new().layer(layer);
/// # drop(router);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a layer does nothing before it is applied"]
pub struct ImplicitRefreshLayer {
    auth: JwtAuth,
    within: Option<Duration>,
}

impl ImplicitRefreshLayer {
    /// How close to its expiry a token is renewed.
    ///
    /// Default: half of the lifetime that the token was issued with.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
    /// let layer = auth.implicit_refresh().within(Duration::from_secs(60));
    /// # drop(layer);
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn within(mut self, left: Duration) -> Self {
        self.within = Some(left);
        self
    }
}

/// A part of a response: the request does not renew the session.
///
/// Return it from routes that a page polls.
///
/// ```
/// use jwt_auth::{jwt_required, layer::NoImplicitRefresh};
///
/// #[jwt_required]
/// async fn unread_count() -> (NoImplicitRefresh, &'static str) {
///     (NoImplicitRefresh, "7")
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct NoImplicitRefresh;

impl IntoResponseParts for NoImplicitRefresh {
    type Error = std::convert::Infallible;

    fn into_response_parts(
        self,
        mut response: ResponseParts,
    ) -> Result<ResponseParts, Self::Error> {
        response.extensions_mut().insert(self);
        Ok(response)
    }
}

/// The service of an [`ImplicitRefreshLayer`].
///
/// ```
/// use axum::Router;
/// use jwt_auth::layer::ImplicitRefresh;
/// use tower::Layer as _;
///
/// # let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
/// let service: ImplicitRefresh<Router> = auth.implicit_refresh().layer(Router::new());
/// # drop(service);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ImplicitRefresh<S> {
    layer: ImplicitRefreshLayer,
    inner: S,
}

impl<S> fmt::Debug for ImplicitRefresh<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImplicitRefresh").finish_non_exhaustive()
    }
}

impl<S> Layer<S> for ImplicitRefreshLayer {
    type Service = ImplicitRefresh<S>;

    fn layer(&self, inner: S) -> ImplicitRefresh<S> {
        ImplicitRefresh { layer: self.clone(), inner }
    }
}

/// The future of an [`ImplicitRefresh`].
///
/// ```
/// use axum::{Router, body::Body, extract::Request};
/// use jwt_auth::layer::{ImplicitRefresh, ImplicitRefreshFuture};
/// use tower::{Layer as _, Service as _};
///
/// # let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
/// let mut service: ImplicitRefresh<Router> = auth.implicit_refresh().layer(Router::new());
/// let request: Request = Request::default();
/// let response: ImplicitRefreshFuture<Body, std::convert::Infallible> = service.call(request);
/// # drop(response);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ImplicitRefreshFuture<R, E>(
    Pin<Box<dyn Future<Output = Result<Response<R>, E>> + Send>>,
);

impl<R, E> Future for ImplicitRefreshFuture<R, E> {
    type Output = Result<Response<R>, E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}

impl<R, E> fmt::Debug for ImplicitRefreshFuture<R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ImplicitRefreshFuture").finish_non_exhaustive()
    }
}

impl<S, B, R> Service<Request<B>> for ImplicitRefresh<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
    S::Error: 'static,
    R: Send + 'static,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = ImplicitRefreshFuture<R, S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let slot = RequestMemo::request_renewal(request.extensions_mut());
        let response = self.inner.call(request);
        let layer = self.layer.clone();
        ImplicitRefreshFuture(Box::pin(async move {
            let mut response = response.await?;
            layer.renew(&slot, &mut response).await;
            Ok(response)
        }))
    }
}

impl ImplicitRefreshLayer {
    /// Sets the cookies of a new token, if the old one is to be renewed.
    async fn renew<R>(&self, slot: &RenewalSlot, response: &mut Response<R>) {
        let settings = self.auth.web();
        // A request that was refused does not count as a use of the session.
        let is_refused = response.status().is_client_error() || response.status().is_server_error();
        let is_off = is_refused
            || !settings.reads(TokenLocation::Cookie)
            || response.extensions().get::<NoImplicitRefresh>().is_some()
            || sets_cookie(response, &settings.cookies.kinds.access.token.name);
        if is_off {
            return;
        }
        match self.new_cookies(slot).await {
            Ok(lines) if lines.is_empty() => {}
            Ok(lines) => {
                let headers = response.headers_mut();
                headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
                for line in lines {
                    headers.append(SET_COOKIE, line);
                }
            }
            Err(refusal) => {
                let (code, reason) = (refusal.kind().code(), refusal.detail());
                if refusal.kind() == AuthErrorKind::CannotIssue {
                    tracing::error!(target: "jwt_auth", reason, "a token could not be issued");
                } else {
                    tracing::debug!(target: "jwt_auth", code, reason, "a session was not renewed");
                }
            }
        }
    }

    async fn new_cookies(&self, slot: &RenewalSlot) -> Result<Vec<HeaderValue>, Refusal> {
        let Some(verified) = slot.token() else { return Ok(Vec::new()) };
        match self.auth.renew(verified, self.within).await? {
            Some(token) => self.auth.set_access_cookie(&token).lines(),
            None => Ok(Vec::new()),
        }
    }
}

/// Whether a response sets or deletes the cookie of that name.
fn sets_cookie<R>(response: &Response<R>, name: &str) -> bool {
    let mut lines = response.headers().get_all(SET_COOKIE).iter();
    lines.any(|line| cookie_value(line.as_bytes(), name).is_some())
}
