//! The router that refuses: it takes no handler that does not say who may call it.

mod handler;
mod manifest;
mod noting;
pub mod routing;

use std::convert::Infallible;
use std::fmt;

use axum::Router;
use axum::extract::Request;
use axum::handler::Handler;
use axum::response::IntoResponse;
use axum::routing::Route;
use tower::{Layer, Service};

use crate::auth::JwtAuth;
use crate::guard::HoldsJwtAuth;
use crate::router::manifest::nested;

pub use handler::{GuardedArguments, GuardedHandler, IsGuard};
pub use manifest::{Caller, Manifest, ManifestEntry};
use noting::{NotingHandler, NotingLayer};
use routing::MethodRouter;

/// An [`axum::Router`] that takes only guarded handlers: those under `#[jwt_required]`,
/// `#[refresh_required]` or `#[public]`, or with a token as their first parameter.
///
/// The check is the compiler's, and costs nothing at run time. The methods are axum's, by name and
/// meaning.
///
/// ```
/// use jwt_auth::{AccessToken, Config, GuardedRouter, jwt_required, public, routing::get};
///
/// #[public]
/// async fn health() -> &'static str { "ok" }
///
/// #[jwt_required]
/// async fn me(token: AccessToken) -> String { token.subject().to_owned() }
///
/// let auth = Config::hs256([7; 32]).build()?;
/// let router = GuardedRouter::new().route("/health", get(health)).route("/me", get(me));
/// assert_eq!(router.manifest().entries().len(), 2);
/// let app: axum::Router = router.with_state(auth);
/// # drop(app);
/// # Ok::<(), jwt_auth::ConfigError>(())
/// ```
///
/// A handler that does not say who may call it is refused by the compiler:
///
/// ```compile_fail
/// use jwt_auth::{Config, GuardedRouter, routing::get};
///
/// async fn me() -> &'static str { "anyone" }
///
/// let auth = Config::hs256([7; 32]).build().unwrap();
/// let app: axum::Router = GuardedRouter::new().route("/me", get(me)).with_state(auth);
/// ```
#[must_use = "a router serves nothing before `.with_state(…)`"]
pub struct GuardedRouter<S = JwtAuth> {
    router: Router<S>,
    manifest: Manifest,
}

impl<S> GuardedRouter<S>
where
    S: HoldsJwtAuth + Clone + Send + Sync + 'static,
{
    /// A router with no routes.
    pub fn new() -> Self {
        Self { router: Router::new(), manifest: Manifest::default() }
    }
}

impl<S> Default for GuardedRouter<S>
where
    S: HoldsJwtAuth + Clone + Send + Sync + 'static,
{
    fn default() -> Self {
        Self::new()
    }
}

impl<S> GuardedRouter<S>
where
    S: Clone + Send + Sync + 'static,
{
    /// Adds a route; see [`axum::Router::route`].
    pub fn route(mut self, path: &str, methods: MethodRouter<S>) -> Self {
        self.manifest.add(path, methods.callers);
        Self { router: self.router.route(path, methods.router), ..self }
    }

    /// Adds the routes of another router below a path; see [`axum::Router::nest`].
    pub fn nest(mut self, path: &str, router: Self) -> Self {
        self.manifest.extend(router.manifest, |below| nested(path, below));
        Self { router: self.router.nest(path, router.router), ..self }
    }

    /// Adds the routes of another router beside these; see [`axum::Router::merge`].
    pub fn merge(mut self, router: Self) -> Self {
        self.manifest.extend(router.manifest, str::to_owned);
        Self { router: self.router.merge(router.router), ..self }
    }

    /// Applies a middleware to every route added so far, and to the fallback; see
    /// [`axum::Router::layer`]. It runs before the guards.
    pub fn layer<L>(self, layer: L) -> Self
    where
        L: Layer<Route> + Clone + Send + Sync + 'static,
        L::Service: Service<Request> + Clone + Send + Sync + 'static,
        <L::Service as Service<Request>>::Response: IntoResponse + 'static,
        <L::Service as Service<Request>>::Error: Into<Infallible> + 'static,
        <L::Service as Service<Request>>::Future: Send + 'static,
    {
        Self { router: self.router.layer(NotingLayer(layer)), ..self }
    }

    /// Applies a middleware to every route added so far, when a route matches; see
    /// [`axum::Router::route_layer`]. It runs before the guards.
    pub fn route_layer<L>(self, layer: L) -> Self
    where
        L: Layer<Route> + Clone + Send + Sync + 'static,
        L::Service: Service<Request> + Clone + Send + Sync + 'static,
        <L::Service as Service<Request>>::Response: IntoResponse + 'static,
        <L::Service as Service<Request>>::Error: Into<Infallible> + 'static,
        <L::Service as Service<Request>>::Future: Send + 'static,
    {
        Self { router: self.router.route_layer(NotingLayer(layer)), ..self }
    }

    /// The handler of every path that no route matches, guarded like any; see
    /// [`axum::Router::fallback`].
    pub fn fallback<H, T>(mut self, handler: H) -> Self
    where
        T: GuardedArguments + 'static,
        H: GuardedHandler<T> + Handler<T, S>,
    {
        self.manifest.add("(fallback)", vec![("ANY", Caller::of(&T::SPEC))]);
        Self { router: self.router.fallback(NotingHandler(handler)), ..self }
    }

    /// Adds a router whose routes nobody here guards, and says why. The one door for the routes of
    /// others; the manifest shows it.
    ///
    /// ```
    /// use jwt_auth::{Config, GuardedRouter};
    ///
    /// let docs: axum::Router<jwt_auth::JwtAuth> = axum::Router::new();
    /// let app: axum::Router = GuardedRouter::new()
    ///     .unguarded("API docs are public", docs)
    ///     .with_state(Config::hs256([7; 32]).build()?);
    /// # drop(app);
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn unguarded(mut self, why: &'static str, router: Router<S>) -> Self {
        self.manifest.add("(routes of an axum::Router)", vec![("ANY", Caller::unguarded(why))]);
        Self { router: self.router.merge(router), ..self }
    }

    /// Adds a service that nobody here guards, at a path and below it, and says why; see
    /// [`axum::Router::nest_service`]: the service sees the rest of the path. At `/` it becomes the
    /// fallback.
    pub fn unguarded_service<T>(mut self, path: &str, why: &'static str, service: T) -> Self
    where
        T: Service<Request, Error = Infallible> + Clone + Send + Sync + 'static,
        T::Response: IntoResponse,
        T::Future: Send + 'static,
    {
        for below in ["/", "/{*rest}"] {
            self.manifest.add(&nested(path, below), vec![("ANY", Caller::unguarded(why))]);
        }
        let router = match path {
            "" | "/" => self.router.fallback_service(service),
            _ => self.router.nest_service(path, service),
        };
        Self { router, ..self }
    }

    /// Who may call what: every route with its guard.
    ///
    /// Take it before [`with_state`](Self::with_state); print it at start, or hold it in a snapshot test.
    pub fn manifest(&self) -> Manifest {
        self.manifest.sorted()
    }

    /// Provides the state, a `JwtAuth` or what holds one, and makes the [`axum::Router`] that serves.
    pub fn with_state<S2>(self, state: S) -> Router<S2> {
        self.router.with_state(state)
    }

    /// Provides the state and stays a guarded router, to be nested in one of another state; the manifest
    /// stays too.
    ///
    /// ```
    /// use jwt_auth::{Config, GuardedRouter, JwtAuth};
    ///
    /// let auth = Config::hs256([7; 32]).build()?;
    /// let library: GuardedRouter<JwtAuth> = GuardedRouter::new().provide_state(auth.clone());
    /// let app: axum::Router = GuardedRouter::new().nest("/library", library).with_state(auth);
    /// # drop(app);
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn provide_state<S2>(self, state: S) -> GuardedRouter<S2> {
        GuardedRouter { router: self.router.with_state(state), manifest: self.manifest }
    }

    /// The [`axum::Router`] that this one has built up, its state still to be provided.
    pub fn into_router(self) -> Router<S> {
        self.router
    }
}

impl<S> Clone for GuardedRouter<S> {
    fn clone(&self) -> Self {
        Self { router: self.router.clone(), manifest: self.manifest.clone() }
    }
}

impl<S> fmt::Debug for GuardedRouter<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardedRouter").field("manifest", &self.manifest).finish_non_exhaustive()
    }
}
