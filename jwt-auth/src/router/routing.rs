//! `get`, `post` and the others, for handlers that say who may call them.
//!
//! Names and chaining are axum's:
//!
//! ```
//! use jwt_auth::routing::{MethodFilter, get, on};
//! use jwt_auth::{GuardedRouter, jwt_required, public};
//!
//! #[public]
//! async fn list() -> &'static str { "notes" }
//!
//! #[jwt_required(scopes("notes:write"))]
//! async fn change() {}
//!
//! let router: GuardedRouter = GuardedRouter::new()
//!     .route("/notes", get(list).post(change))
//!     .route("/both", on(MethodFilter::PUT.or(MethodFilter::PATCH), change));
//! assert_eq!(router.manifest().entries().len(), 4);
//! ```

use std::convert::Infallible;
use std::fmt;

use axum::extract::Request;
use axum::handler::Handler;
use axum::response::IntoResponse;
use axum::routing::{self, Route};
use tower::{Layer, Service};

use crate::auth::JwtAuth;
use crate::router::noting::{NotingHandler, NotingLayer};
use crate::router::{Caller, GuardedArguments, GuardedHandler};

pub use axum::routing::MethodFilter;

/// The handlers of one path, by method; each of them guarded.
#[must_use = "a method router serves nothing before it is routed"]
pub struct MethodRouter<S = JwtAuth> {
    pub(super) router: routing::MethodRouter<S>,
    pub(super) callers: Vec<(&'static str, Caller)>,
}

const METHODS: [(&str, MethodFilter); 9] = [
    ("GET", MethodFilter::GET),
    ("HEAD", MethodFilter::HEAD),
    ("POST", MethodFilter::POST),
    ("PUT", MethodFilter::PUT),
    ("PATCH", MethodFilter::PATCH),
    ("DELETE", MethodFilter::DELETE),
    ("OPTIONS", MethodFilter::OPTIONS),
    ("TRACE", MethodFilter::TRACE),
    ("CONNECT", MethodFilter::CONNECT),
];

// Written out, and not by a macro: a compile error about a handler would show the macro as well.

/// Routes `GET` requests to a guarded handler; see [`axum::routing::get`].
pub fn get<H, T, S>(handler: H) -> MethodRouter<S>
where
    H: GuardedHandler<T> + Handler<T, S>,
    T: GuardedArguments + 'static,
    S: Clone + Send + Sync + 'static,
{
    on(MethodFilter::GET, handler)
}

/// Routes `HEAD` requests to a guarded handler; see [`axum::routing::head`].
pub fn head<H, T, S>(handler: H) -> MethodRouter<S>
where
    H: GuardedHandler<T> + Handler<T, S>,
    T: GuardedArguments + 'static,
    S: Clone + Send + Sync + 'static,
{
    on(MethodFilter::HEAD, handler)
}

/// Routes `POST` requests to a guarded handler; see [`axum::routing::post`].
pub fn post<H, T, S>(handler: H) -> MethodRouter<S>
where
    H: GuardedHandler<T> + Handler<T, S>,
    T: GuardedArguments + 'static,
    S: Clone + Send + Sync + 'static,
{
    on(MethodFilter::POST, handler)
}

/// Routes `PUT` requests to a guarded handler; see [`axum::routing::put`].
pub fn put<H, T, S>(handler: H) -> MethodRouter<S>
where
    H: GuardedHandler<T> + Handler<T, S>,
    T: GuardedArguments + 'static,
    S: Clone + Send + Sync + 'static,
{
    on(MethodFilter::PUT, handler)
}

/// Routes `PATCH` requests to a guarded handler; see [`axum::routing::patch`].
pub fn patch<H, T, S>(handler: H) -> MethodRouter<S>
where
    H: GuardedHandler<T> + Handler<T, S>,
    T: GuardedArguments + 'static,
    S: Clone + Send + Sync + 'static,
{
    on(MethodFilter::PATCH, handler)
}

/// Routes `DELETE` requests to a guarded handler; see [`axum::routing::delete`].
pub fn delete<H, T, S>(handler: H) -> MethodRouter<S>
where
    H: GuardedHandler<T> + Handler<T, S>,
    T: GuardedArguments + 'static,
    S: Clone + Send + Sync + 'static,
{
    on(MethodFilter::DELETE, handler)
}

/// Routes `OPTIONS` requests to a guarded handler; see [`axum::routing::options`].
pub fn options<H, T, S>(handler: H) -> MethodRouter<S>
where
    H: GuardedHandler<T> + Handler<T, S>,
    T: GuardedArguments + 'static,
    S: Clone + Send + Sync + 'static,
{
    on(MethodFilter::OPTIONS, handler)
}

/// Routes `TRACE` requests to a guarded handler; see [`axum::routing::trace`].
pub fn trace<H, T, S>(handler: H) -> MethodRouter<S>
where
    H: GuardedHandler<T> + Handler<T, S>,
    T: GuardedArguments + 'static,
    S: Clone + Send + Sync + 'static,
{
    on(MethodFilter::TRACE, handler)
}

/// Routes requests of the filter's methods to a guarded handler; see [`axum::routing::on`].
pub fn on<H, T, S>(filter: MethodFilter, handler: H) -> MethodRouter<S>
where
    H: GuardedHandler<T> + Handler<T, S>,
    T: GuardedArguments + 'static,
    S: Clone + Send + Sync + 'static,
{
    MethodRouter { router: routing::MethodRouter::new(), callers: Vec::new() }.on(filter, handler)
}

/// Routes requests of every method to a guarded handler; see [`axum::routing::any`].
pub fn any<H, T, S>(handler: H) -> MethodRouter<S>
where
    H: GuardedHandler<T> + Handler<T, S>,
    T: GuardedArguments + 'static,
    S: Clone + Send + Sync + 'static,
{
    MethodRouter {
        router: routing::any(NotingHandler(handler)),
        callers: vec![("ANY", Caller::of(&T::SPEC))],
    }
}

impl<S> MethodRouter<S>
where
    S: Clone + Send + Sync + 'static,
{
    /// Routes `GET` requests to a guarded handler as well.
    pub fn get<H, T>(self, handler: H) -> Self
    where
        H: GuardedHandler<T> + Handler<T, S>,
        T: GuardedArguments + 'static,
    {
        self.on(MethodFilter::GET, handler)
    }

    /// Routes `HEAD` requests to a guarded handler as well.
    pub fn head<H, T>(self, handler: H) -> Self
    where
        H: GuardedHandler<T> + Handler<T, S>,
        T: GuardedArguments + 'static,
    {
        self.on(MethodFilter::HEAD, handler)
    }

    /// Routes `POST` requests to a guarded handler as well.
    pub fn post<H, T>(self, handler: H) -> Self
    where
        H: GuardedHandler<T> + Handler<T, S>,
        T: GuardedArguments + 'static,
    {
        self.on(MethodFilter::POST, handler)
    }

    /// Routes `PUT` requests to a guarded handler as well.
    pub fn put<H, T>(self, handler: H) -> Self
    where
        H: GuardedHandler<T> + Handler<T, S>,
        T: GuardedArguments + 'static,
    {
        self.on(MethodFilter::PUT, handler)
    }

    /// Routes `PATCH` requests to a guarded handler as well.
    pub fn patch<H, T>(self, handler: H) -> Self
    where
        H: GuardedHandler<T> + Handler<T, S>,
        T: GuardedArguments + 'static,
    {
        self.on(MethodFilter::PATCH, handler)
    }

    /// Routes `DELETE` requests to a guarded handler as well.
    pub fn delete<H, T>(self, handler: H) -> Self
    where
        H: GuardedHandler<T> + Handler<T, S>,
        T: GuardedArguments + 'static,
    {
        self.on(MethodFilter::DELETE, handler)
    }

    /// Routes `OPTIONS` requests to a guarded handler as well.
    pub fn options<H, T>(self, handler: H) -> Self
    where
        H: GuardedHandler<T> + Handler<T, S>,
        T: GuardedArguments + 'static,
    {
        self.on(MethodFilter::OPTIONS, handler)
    }

    /// Routes `TRACE` requests to a guarded handler as well.
    pub fn trace<H, T>(self, handler: H) -> Self
    where
        H: GuardedHandler<T> + Handler<T, S>,
        T: GuardedArguments + 'static,
    {
        self.on(MethodFilter::TRACE, handler)
    }

    /// Routes requests of the filter's methods to a guarded handler as well.
    pub fn on<H, T>(mut self, filter: MethodFilter, handler: H) -> Self
    where
        H: GuardedHandler<T> + Handler<T, S>,
        T: GuardedArguments + 'static,
    {
        let named = METHODS.iter().filter(|(_, method)| filter.or(*method) == filter);
        self.callers.extend(named.map(|(name, _)| (*name, Caller::of(&T::SPEC))));
        Self { router: self.router.on(filter, NotingHandler(handler)), ..self }
    }

    /// The handler of the methods that no other is for, guarded like any; see
    /// [`axum::routing::MethodRouter::fallback`].
    pub fn fallback<H, T>(mut self, handler: H) -> Self
    where
        H: GuardedHandler<T> + Handler<T, S>,
        T: GuardedArguments + 'static,
    {
        self.callers.push(("OTHER", Caller::of(&T::SPEC)));
        Self { router: self.router.fallback(NotingHandler(handler)), ..self }
    }

    /// Adds the handlers of another method router; see [`axum::routing::MethodRouter::merge`].
    pub fn merge(mut self, other: Self) -> Self {
        self.callers.extend(other.callers);
        Self { router: self.router.merge(other.router), ..self }
    }

    /// Applies a middleware to the handlers so far; see [`axum::routing::MethodRouter::layer`]. It runs
    /// before the guards.
    pub fn layer<L>(self, layer: L) -> Self
    where
        L: Layer<Route> + Clone + Send + Sync + 'static,
        L::Service: Service<Request> + Clone + Send + Sync + 'static,
        <L::Service as Service<Request>>::Response: IntoResponse + 'static,
        <L::Service as Service<Request>>::Error: Into<Infallible> + 'static,
        <L::Service as Service<Request>>::Future: Send + 'static,
    {
        Self { router: self.router.layer(NotingLayer(layer)), callers: self.callers }
    }
}

impl<S> Clone for MethodRouter<S> {
    fn clone(&self) -> Self {
        Self { router: self.router.clone(), callers: self.callers.clone() }
    }
}

impl<S> fmt::Debug for MethodRouter<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MethodRouter").field("callers", &self.callers).finish_non_exhaustive()
    }
}
