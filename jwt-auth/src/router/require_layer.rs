//! The layer of a router that requires something of every token: it tells the guards of the routes.

use std::task::{Context, Poll};

use axum::extract::Request;
use tower::{Layer, Service};

use crate::guard::{GuardSpec, RequestMemo};

/// Tells the guards behind it what the router requires.
#[derive(Clone, Copy)]
pub(super) struct RequireLayer(pub(super) &'static GuardSpec);

impl<S> Layer<S> for RequireLayer {
    type Service = RequireService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RequireService { inner, spec: self.0 }
    }
}

/// The service of a [`RequireLayer`].
#[derive(Clone)]
pub(super) struct RequireService<S> {
    inner: S,
    spec: &'static GuardSpec,
}

impl<S: Service<Request>> Service<Request> for RequireService<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        RequestMemo::require(request.extensions_mut(), self.spec);
        self.inner.call(request)
    }
}
