//! Implicit refresh: a session in cookies that is used does not run out under the user's hands.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum_core::response::{IntoResponseParts, ResponseParts};
use http::header::{CACHE_CONTROL, SET_COOKIE};
use http::{HeaderValue, Request, Response};
use tower::{Layer, Service};

use crate::auth::JwtAuth;
use crate::guard::Renewal;

impl JwtAuth {
    /// A layer that gives a request whose access token came in a cookie a new one with the answer, when the
    /// token has less than half of its life left.
    ///
    /// The new token is of the same session and keeps scopes, roles, custom claims and the CSRF value; it is
    /// not fresh. It is made only after a guard let the request in and the handler has answered without a
    /// refusal, and only if the token still stands then, so it never undoes a log-out. An answer that sets or
    /// deletes the cookie itself is left alone. It goes on for as long as the refresh token of the log-in lives
    /// ([`refresh_token_expires`](crate::Config::refresh_token_expires), and no longer than
    /// [`refresh_family_expires`](crate::Config::refresh_family_expires)); tokens of no session (without `fam`
    /// or `auth_time`), and those that another `JwtAuth` verified, are not renewed. Nor is anything where
    /// cookies are not among the configured locations. A handler turns it off by [`NoImplicitRefresh`].
    ///
    /// ```
    /// use jwt_auth::{Config, GuardedRouter, JwtAuth, TokenLocation};
    /// use std::time::Duration;
    ///
    /// let auth = Config::hs256([7; 32]).token_location([TokenLocation::Cookie]).build()?;
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
#[derive(Clone, Debug)]
pub struct ImplicitRefreshLayer {
    auth: JwtAuth,
    within: Option<Duration>,
}

impl ImplicitRefreshLayer {
    /// How near its end a token is renewed. Default: half of the lifetime that it was made with.
    pub fn within(mut self, left: Duration) -> Self {
        self.within = Some(left);
        self
    }
}

/// In a handler's answer: the request does not prolong the session, as for a page that polls.
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

impl<S, B, R> Service<Request<B>> for ImplicitRefresh<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
    S::Error: 'static,
    R: Send + 'static,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let renewal = Renewal::default();
        request.extensions_mut().insert(renewal.clone());
        let answer = self.inner.call(request);
        let ImplicitRefreshLayer { auth, within } = self.layer.clone();
        Box::pin(async move {
            let mut answer = answer.await?;
            let name = &auth.settings().cookies.access.key;
            // A refusal is no use of the session.
            let refused = answer.status().is_client_error() || answer.status().is_server_error();
            let off = refused
                || answer.extensions().get::<NoImplicitRefresh>().is_some()
                || sets(&answer, name);
            let lines = if off { Vec::new() } else { renewed(&auth, within, &renewal).await };
            if !lines.is_empty() {
                answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            }
            for line in lines {
                answer.headers_mut().append(SET_COOKIE, line);
            }
            Ok(answer)
        })
    }
}

/// The cookies of the new token, where there is to be one.
async fn renewed(auth: &JwtAuth, within: Option<Duration>, renewal: &Renewal) -> Vec<HeaderValue> {
    let Some(verified) = renewal.offered() else { return Vec::new() };
    match auth.renewed(verified, within).await {
        Ok(Some(token)) => auth.set_access_cookie(&token).lines().unwrap_or_else(|error| {
            tracing::error!(target: "jwt_auth", reason = error.detail(), "a session is not renewed");
            Vec::new()
        }),
        Ok(None) => Vec::new(),
        Err(error) => {
            tracing::debug!(target: "jwt_auth", code = error.code(), "a session is not renewed");
            Vec::new()
        }
    }
}

/// Whether an answer sets or deletes the cookie of that name.
fn sets<R>(answer: &Response<R>, name: &str) -> bool {
    let names_it = |line: &HeaderValue| {
        line.as_bytes().strip_prefix(name.as_bytes()).is_some_and(|rest| rest.starts_with(b"="))
    };
    answer.headers().get_all(SET_COOKIE).iter().any(names_it)
}
