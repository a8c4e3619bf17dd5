//! A tower service behind a guard, as a handler of the router.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;

use axum::extract::Request;
use axum::handler::Handler;
use axum::response::{IntoResponse, Response};
use tower::{Service, ServiceExt as _};

use crate::guard::{HoldsJwtAuth, ServiceChecks, ServiceGuard};
use crate::router::grpc;

/// The service, which is called for requests that the guard admits.
pub(super) struct ServiceHandler<C, T> {
    pub(super) guard: ServiceGuard<C>,
    pub(super) service: T,
}

impl<C, T: Clone> Clone for ServiceHandler<C, T> {
    fn clone(&self) -> Self {
        Self { guard: self.guard, service: self.service.clone() }
    }
}

impl<S, C, T> Handler<(), S> for ServiceHandler<C, T>
where
    S: HoldsJwtAuth + Send + Sync + 'static,
    C: ServiceChecks<S>,
    T: Service<Request, Error = Infallible> + Clone + Send + Sync + 'static,
    T::Response: IntoResponse,
    T::Future: Send + 'static,
{
    type Future = Pin<Box<dyn Future<Output = Response> + Send>>;

    fn call(self, request: Request, state: S) -> Self::Future {
        Box::pin(async move {
            let Self { guard, service } = self;
            let (mut parts, body) = request.into_parts();
            match guard.admit(&state.jwt_auth(), &mut parts, &state).await {
                Ok(token) => {
                    parts.extensions.insert(token);
                    let Ok(response) = service.oneshot(Request::from_parts(parts, body)).await;
                    response.into_response()
                }
                Err(refusal) => match grpc::media_type(&parts.headers) {
                    Some(media_type) => grpc::as_trailers(refusal, media_type).await,
                    None => refusal,
                },
            }
        })
    }
}
