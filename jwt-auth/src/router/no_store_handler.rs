//! Handlers and middleware of the router, with `Cache-Control: no-store` where they issue a token.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::extract::Request;
use axum::handler::Handler;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use crate::guard::{Parameter, Probe, RequestMemo, WithPollMemo};
use crate::layer::NoStoreFuture;

/// A handler whose responses to a token carry `Cache-Control: no-store`.
#[derive(Clone, Copy, Debug)]
pub(super) struct NoStoreHandler<H>(pub(super) H);

impl<H, T, S> Handler<T, S> for NoStoreHandler<H>
where
    H: Handler<T, S>,
{
    type Future = NoStoreFuture<WithPollMemo<H::Future>>;

    fn call(self, mut request: Request, state: S) -> Self::Future {
        RequestMemo::enter_handler(request.extensions_mut());
        NoStoreFuture::new(WithPollMemo { inner: self.0.call(request, state) })
    }
}

/// A middleware with its own responses marked as well, because it may have a guard. Both are one service, which
/// saves a box.
#[derive(Clone, Copy, Debug)]
pub(super) struct MarkedLayer<L>(pub(super) L);

impl<L: Layer<S>, S> Layer<S> for MarkedLayer<L> {
    type Service = MarkedService<L::Service>;

    fn layer(&self, inner: S) -> Self::Service {
        MarkedService(self.0.layer(inner))
    }
}

/// The service of a [`MarkedLayer`].
#[derive(Clone, Copy, Debug)]
pub(super) struct MarkedService<S>(S);

impl<S> Service<Request> for MarkedService<S>
where
    S: Service<Request>,
    S::Response: IntoResponse,
{
    type Response = Response;
    type Error = S::Error;
    type Future = NoStoreFuture<Responding<S::Future>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        NoStoreFuture::new(Responding { inner: self.0.call(request) })
    }
}

pin_project! {
    /// A future of something that becomes a response.
    pub(super) struct Responding<F> {
        #[pin]
        inner: F,
    }
}

impl<F, R, E> Future for Responding<F>
where
    F: Future<Output = Result<R, E>>,
    R: IntoResponse,
{
    type Output = Result<Response, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().inner.poll(context).map_ok(IntoResponse::into_response)
    }
}

impl Probe<Next> {
    /// The `Next` of a middleware.
    pub const PARAMETER: Parameter = Parameter::Next;
}
