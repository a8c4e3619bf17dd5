//! A layer for `Cache-Control: no-store` on responses that contain a token, or that answer a token in the query.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::header::{CACHE_CONTROL, SET_COOKIE};
use http::{HeaderValue, Request, Response};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use crate::error::RenderingScope;
use crate::token::poll_marked;

/// Adds `Cache-Control: no-store` where a response must not be cached.
///
/// These are responses for which a token was issued (RFC 6749 §5.1), and responses to requests with a token in the
/// query (RFC 6750 §2.3).
///
/// A [`GuardedRouter`](crate::GuardedRouter) does this already; this layer is for the routes of an
/// [`axum::Router`]. Neither detects a token that a spawned task issues: set the header of such a response
/// yourself.
///
/// ```
/// use jwt_auth::{JwtAuth, layer::NoStoreLayer};
///
/// let router: axum::Router<JwtAuth> = axum::Router::new().layer(NoStoreLayer);
/// # drop(router);
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[must_use = "a layer does nothing before it is applied"]
pub struct NoStoreLayer;

/// The service of a [`NoStoreLayer`].
///
/// ```
/// use axum::Router;
/// use jwt_auth::layer::{NoStore, NoStoreLayer};
/// use tower::Layer as _;
///
/// let service: NoStore<Router> = NoStoreLayer.layer(Router::new());
/// # drop(service);
/// ```
#[derive(Clone, Debug)]
pub struct NoStore<S>(S);

impl<S> Layer<S> for NoStoreLayer {
    type Service = NoStore<S>;

    fn layer(&self, inner: S) -> NoStore<S> {
        NoStore(inner)
    }
}

impl<S, B, R> Service<Request<B>> for NoStore<S>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = NoStoreFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> NoStoreFuture<S::Future> {
        NoStoreFuture::new(self.0.call(request))
    }
}

pin_project! {
    /// The future of a [`NoStore`], which marks its response if a poll issued a token.
    ///
    /// ```
    /// use axum::{body::Body, extract::Request};
    /// use jwt_auth::layer::NoStoreLayer;
    /// use tower::ServiceExt as _;
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// # let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
    /// let login = axum::routing::get(|| async move { auth.access_token("alice").await });
    /// let router = axum::Router::new().route("/login", login).layer(NoStoreLayer);
    /// let response = router.oneshot(Request::get("/login").body(Body::empty())?).await?;
    /// assert_eq!(response.headers()["cache-control"], "no-store");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[derive(Debug)]
    pub struct NoStoreFuture<F> {
        #[pin]
        inner: F,
        is_marked: bool,
        errors: RenderingScope,
    }
}

impl<F> NoStoreFuture<F> {
    pub(crate) fn new(inner: F) -> Self {
        Self { inner, is_marked: false, errors: RenderingScope::default() }
    }
}

/// A response, or a result that contains one.
///
/// ```
/// use axum::http::Response;
/// use jwt_auth::layer::Storable as _;
///
/// let mut response = Response::new("a token");
/// response.forbid_storing();
/// assert_eq!(response.headers()["cache-control"], "no-store");
/// ```
pub trait Storable: sealed::Sealed {
    /// Adds `Cache-Control: no-store`, unless the response has it.
    fn forbid_storing(&mut self);

    /// Adds a `Set-Cookie` line that deletes a cookie, unless the response sets that cookie.
    #[doc(hidden)]
    fn delete_cookie(&mut self, line: HeaderValue);
}

mod sealed {
    pub trait Sealed {}
    impl<B> Sealed for http::Response<B> {}
    impl<R: Sealed, E> Sealed for Result<R, E> {}
}

impl<B> Storable for Response<B> {
    fn forbid_storing(&mut self) {
        let mut lines = self.headers().get_all(CACHE_CONTROL).iter();
        if lines.any(|line| line.to_str().is_ok_and(|line| line.contains("no-store"))) {
            return;
        }
        self.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }

    fn delete_cookie(&mut self, line: HeaderValue) {
        let target = cookie_target(&line);
        let mut lines = self.headers().get_all(SET_COOKIE).iter();
        if !lines.any(|other| cookie_target(other) == target) {
            self.headers_mut().append(SET_COOKIE, line);
        }
    }
}

/// The name, the domain and the path of a `Set-Cookie` line, by which browsers store it.
fn cookie_target(line: &HeaderValue) -> (&[u8], Vec<&[u8]>) {
    let mut parts = line.as_bytes().split(|b| *b == b';').map(<[u8]>::trim_ascii);
    let name = parts.next().and_then(|pair| pair.split(|b| *b == b'=').next()).unwrap_or_default();
    let is_scope = |part: &&[u8]| part.starts_with(b"Domain=") || part.starts_with(b"Path=");
    let mut scope: Vec<&[u8]> = parts.filter(is_scope).collect();
    scope.sort_unstable();
    (name, scope)
}

impl<R: Storable, E> Storable for Result<R, E> {
    fn forbid_storing(&mut self) {
        if let Ok(response) = self {
            response.forbid_storing();
        }
    }

    fn delete_cookie(&mut self, line: HeaderValue) {
        if let Ok(response) = self {
            response.delete_cookie(line);
        }
    }
}

impl<F> Future for NoStoreFuture<F>
where
    F: Future,
    F::Output: Storable,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let (poll, is_marked) = poll_marked(|| this.errors.enter(|| this.inner.poll(context)));
        *this.is_marked |= is_marked;
        let mut output = ready!(poll);
        if *this.is_marked {
            output.forbid_storing();
        }
        for line in this.errors.take_deleted_cookies() {
            output.delete_cookie(line);
        }
        Poll::Ready(output)
    }
}
