//! `Cache-Control: no-store` on answers that concern a token: made in it, or sent in the query.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::header::CACHE_CONTROL;
use http::{HeaderValue, Request, Response};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use crate::no_store;

/// Marks answers that hold a new token, or answer a token in the query, with `Cache-Control: no-store`
/// (RFC 6749 §5.1, RFC 6750 §2.3).
///
/// A [`GuardedRouter`](crate::GuardedRouter) does so by itself; this is for the routes of an
/// [`axum::Router`]. A token that a spawned task makes is not seen: mark such an answer yourself.
///
/// ```
/// use jwt_auth::{JwtAuth, layer::NoStoreLayer};
///
/// let router: axum::Router<JwtAuth> = axum::Router::new().layer(NoStoreLayer);
/// # drop(router);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct NoStoreLayer;

/// The service of a [`NoStoreLayer`].
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
    type Future = Noting<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Noting<S::Future> {
        Noting::new(self.0.call(request))
    }
}

pin_project! {
    /// A future whose answer bears what was noted while it was made.
    #[derive(Debug)]
    pub struct Noting<F> {
        #[pin]
        inner: F,
        noted: bool,
    }
}

impl<F> Noting<F> {
    pub(crate) fn new(inner: F) -> Self {
        Self { inner, noted: false }
    }
}

/// What a future may resolve to: a response, or a service's result.
pub trait Answer {
    /// Marks it.
    fn mark(&mut self);
}

impl<B> Answer for Response<B> {
    fn mark(&mut self) {
        let kept = self.headers().get_all(CACHE_CONTROL).iter();
        if kept.into_iter().any(|line| line.to_str().is_ok_and(|line| line.contains("no-store"))) {
            return;
        }
        self.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

impl<A: Answer, E> Answer for Result<A, E> {
    fn mark(&mut self) {
        if let Ok(answer) = self {
            answer.mark();
        }
    }
}

impl<F> Future for Noting<F>
where
    F: Future,
    F::Output: Answer,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let (poll, noted) = no_store::noted_in(|| this.inner.poll(context));
        *this.noted |= noted;
        let mut answer = ready!(poll);
        if *this.noted {
            answer.mark();
        }
        Poll::Ready(answer)
    }
}
