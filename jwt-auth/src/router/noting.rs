//! What is noted while a handler or a middleware runs goes into the answer.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::extract::Request;
use axum::handler::Handler;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

use crate::guard::{Parameter, Probe, forget_unasked};
use crate::layer::Noting;

/// A handler whose answers bear `Cache-Control: no-store` when they concern a token.
#[derive(Clone, Copy, Debug)]
pub(super) struct NotingHandler<H>(pub(super) H);

impl<H, T, S> Handler<T, S> for NotingHandler<H>
where
    H: Handler<T, S>,
{
    type Future = Noting<H::Future>;

    fn call(self, mut request: Request, state: S) -> Self::Future {
        forget_unasked(request.extensions_mut());
        Noting::new(self.0.call(request, state))
    }
}

/// A middleware whose own answers are marked as well: a guard may stand in it. One service with it, so that it
/// costs no box of its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct NotingLayer<L>(pub(super) L);

impl<L: Layer<S>, S> Layer<S> for NotingLayer<L> {
    type Service = NotingService<L::Service>;

    fn layer(&self, inner: S) -> Self::Service {
        NotingService(self.0.layer(inner))
    }
}

/// The service of a [`NotingLayer`].
#[derive(Clone, Copy, Debug)]
pub(super) struct NotingService<S>(S);

impl<S> Service<Request> for NotingService<S>
where
    S: Service<Request>,
    S::Response: IntoResponse,
{
    type Response = Response;
    type Error = S::Error;
    type Future = Noting<Responding<S::Future>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        Noting::new(Responding { inner: self.0.call(request) })
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
    /// What comes after a middleware.
    pub const PARAMETER: Parameter = Parameter::Next;
}
