//! `GuardedRouter`: an axum router that accepts only guarded handlers.

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
use crate::router::no_store_handler::{MarkedLayer, NoStoreHandler};
use crate::router::route_access::layer_name;
use crate::router::routing::MethodRouter;
use crate::router::{GuardedArguments, GuardedHandler, Manifest, RouteAccess};

/// An [`axum::Router`] that accepts only guarded handlers.
///
/// A handler is guarded if it has `#[jwt_required]`, `#[refresh_required]` or `#[public]`, or a token as its first
/// parameter. The compiler checks this, so it costs nothing at run time. The methods have the same names and
/// meaning as in axum.
///
/// ```
/// use jwt_auth::{AccessToken, Config, GuardedRouter, KeyMaterial, jwt_required, public, routing::get};
///
/// #[public]
/// async fn health() -> &'static str { "ok" }
///
/// #[jwt_required]
/// async fn me(token: AccessToken) -> String { token.subject().to_owned() }
///
/// let auth = Config::hs256(KeyMaterial::ephemeral()).build()?;
/// let router = GuardedRouter::new().route("/health", get(health)).route("/me", get(me));
/// assert_eq!(router.manifest().entries().len(), 2);
/// let app: axum::Router = router.with_state(auth);
/// # drop(app);
/// # Ok::<(), jwt_auth::ConfigError>(())
/// ```
///
/// A handler that does not say who may call it does not compile:
///
/// ```compile_fail
/// use jwt_auth::{Config, GuardedRouter, KeyMaterial, routing::get};
///
/// async fn me() -> &'static str { "anyone" }
///
/// let auth = Config::hs256(KeyMaterial::ephemeral()).build().unwrap();
/// let app: axum::Router = GuardedRouter::new().route("/me", get(me)).with_state(auth);
/// ```
#[must_use = "a router serves no request before `.with_state(…)`"]
pub struct GuardedRouter<S = JwtAuth> {
    router: Router<S>,
    manifest: Manifest,
}

impl<S> GuardedRouter<S>
where
    S: HoldsJwtAuth + Clone + Send + Sync + 'static,
{
    /// A router with no routes.
    ///
    /// ```
    /// use jwt_auth::GuardedRouter;
    ///
    /// let router: GuardedRouter = GuardedRouter::new();
    /// assert!(router.manifest().entries().is_empty());
    /// ```
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
    ///
    /// ```
    /// use jwt_auth::{GuardedRouter, jwt_required, public, routing::get};
    ///
    /// #[public]
    /// async fn list() -> &'static str { "notes" }
    ///
    /// #[jwt_required(scopes("notes:write"))]
    /// async fn create() {}
    ///
    /// let router: GuardedRouter = GuardedRouter::new().route("/notes", get(list).post(create));
    /// assert_eq!(
    ///     router.manifest().to_string(),
    ///     "GET  /notes  public\nPOST /notes  access  scopes(notes:write)\n",
    /// );
    /// ```
    pub fn route(mut self, path: &str, methods: MethodRouter<S>) -> Self {
        self.manifest.add(path, methods.routes);
        Self { router: self.router.route(path, methods.router), ..self }
    }

    /// Adds the routes of another router below a path; see [`axum::Router::nest`].
    ///
    /// ```
    /// # use jwt_auth::{GuardedRouter, public, routing::get};
    /// # #[public]
    /// # async fn health() {}
    /// let api = GuardedRouter::new().route("/health", get(health));
    /// let router: GuardedRouter = GuardedRouter::new().nest("/api", api);
    /// assert_eq!(router.manifest().to_string(), "GET /api/health  public\n");
    /// ```
    pub fn nest(mut self, path: &str, router: Self) -> Self {
        self.manifest.extend(router.manifest, |below| nested(path, below));
        Self { router: self.router.nest(path, router.router), ..self }
    }

    /// Adds the routes of another router; see [`axum::Router::merge`].
    ///
    /// ```
    /// # use jwt_auth::{GuardedRouter, public, routing::get};
    /// # #[public]
    /// # async fn health() {}
    /// let health = GuardedRouter::new().route("/health", get(health));
    /// let router: GuardedRouter = GuardedRouter::new().merge(health);
    /// assert_eq!(router.manifest().to_string(), "GET /health  public\n");
    /// ```
    pub fn merge(mut self, router: Self) -> Self {
        self.manifest.extend(router.manifest, str::to_owned);
        Self { router: self.router.merge(router.router), ..self }
    }

    /// Applies a middleware to every route added so far, and to the fallback.
    ///
    /// The middleware runs before the guards, and may respond by itself, so the manifest names it. See [`axum::Router::layer`].
    ///
    /// ```
    /// # use jwt_auth::{GuardedRouter, public, routing::get};
    /// # #[public]
    /// # async fn health() {}
    /// use axum::extract::DefaultBodyLimit;
    ///
    /// let router: GuardedRouter = GuardedRouter::new()
    ///     .route("/health", get(health))
    ///     .layer(DefaultBodyLimit::max(16 * 1024));
    /// # drop(router);
    /// ```
    pub fn layer<L>(self, layer: L) -> Self
    where
        L: Layer<Route> + Clone + Send + Sync + 'static,
        L::Service: Service<Request> + Clone + Send + Sync + 'static,
        <L::Service as Service<Request>>::Response: IntoResponse + 'static,
        <L::Service as Service<Request>>::Error: Into<Infallible> + 'static,
        <L::Service as Service<Request>>::Future: Send + 'static,
    {
        let Self { router, mut manifest } = self;
        manifest.add_layer(layer_name::<L>(), true);
        Self { router: router.layer(MarkedLayer(layer)), manifest }
    }

    /// Applies a middleware to every route added so far, when a route matches.
    ///
    /// The middleware runs before the guards. See [`axum::Router::route_layer`].
    ///
    /// ```
    /// # use jwt_auth::{GuardedRouter, public, routing::get};
    /// # #[public]
    /// # async fn health() {}
    /// use axum::extract::DefaultBodyLimit;
    ///
    /// let router: GuardedRouter = GuardedRouter::new()
    ///     .route("/health", get(health))
    ///     .route_layer(DefaultBodyLimit::max(16 * 1024)); // not for paths without a route
    /// # drop(router);
    /// ```
    pub fn route_layer<L>(self, layer: L) -> Self
    where
        L: Layer<Route> + Clone + Send + Sync + 'static,
        L::Service: Service<Request> + Clone + Send + Sync + 'static,
        <L::Service as Service<Request>>::Response: IntoResponse + 'static,
        <L::Service as Service<Request>>::Error: Into<Infallible> + 'static,
        <L::Service as Service<Request>>::Future: Send + 'static,
    {
        let Self { router, mut manifest } = self;
        manifest.add_layer(layer_name::<L>(), false);
        Self { router: router.route_layer(MarkedLayer(layer)), manifest }
    }

    /// Sets the handler for every path that no route matches.
    ///
    /// The handler must be guarded like any other. See [`axum::Router::fallback`].
    ///
    /// ```
    /// use axum::http::StatusCode;
    /// use jwt_auth::{GuardedRouter, public};
    ///
    /// #[public]
    /// async fn not_found() -> (StatusCode, &'static str) {
    ///     (StatusCode::NOT_FOUND, "no such page")
    /// }
    ///
    /// let router: GuardedRouter = GuardedRouter::new().fallback(not_found);
    /// assert_eq!(router.manifest().to_string(), "ANY (fallback)  public\n");
    /// ```
    pub fn fallback<H, T>(mut self, handler: H) -> Self
    where
        T: GuardedArguments + 'static,
        H: GuardedHandler<T> + Handler<T, S>,
    {
        self.manifest.set_fallback(RouteAccess::of(&T::SPEC));
        Self { router: self.router.fallback(NoStoreHandler(handler)), ..self }
    }

    /// Sets the handler for a method that a route does not have, for every route added so far.
    ///
    /// The handler must be guarded like any other. Default: 405 with the methods of the route in `Allow`. See
    /// [`axum::Router::method_not_allowed_fallback`].
    ///
    /// ```
    /// use axum::http::StatusCode;
    /// use jwt_auth::{GuardedRouter, public, routing::get};
    ///
    /// #[public]
    /// async fn health() {}
    ///
    /// #[public]
    /// async fn wrong_method() -> (StatusCode, &'static str) {
    ///     (StatusCode::METHOD_NOT_ALLOWED, "this method does not exist here")
    /// }
    ///
    /// let router: GuardedRouter =
    ///     GuardedRouter::new().route("/health", get(health)).method_not_allowed_fallback(wrong_method);
    /// assert_eq!(
    ///     router.manifest().to_string(),
    ///     "ANY (method not allowed)  public\nGET /health               public\n",
    /// );
    /// ```
    pub fn method_not_allowed_fallback<H, T>(mut self, handler: H) -> Self
    where
        T: GuardedArguments + 'static,
        H: GuardedHandler<T> + Handler<T, S>,
    {
        self.manifest.set_method_not_allowed(RouteAccess::of(&T::SPEC));
        Self { router: self.router.method_not_allowed_fallback(NoStoreHandler(handler)), ..self }
    }

    /// Adds an axum router without guards, and says why.
    ///
    /// The manifest shows the reason.
    ///
    /// ```
    /// use jwt_auth::{Config, GuardedRouter, KeyMaterial};
    ///
    /// let docs: axum::Router<jwt_auth::JwtAuth> = axum::Router::new();
    /// let app: axum::Router = GuardedRouter::new()
    ///     .unguarded("API docs are public", docs)
    ///     .with_state(Config::hs256(KeyMaterial::ephemeral()).build()?);
    /// # drop(app);
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn unguarded(mut self, why: &'static str, router: Router<S>) -> Self {
        self.manifest
            .add("(routes of an axum::Router)", vec![("ANY", RouteAccess::unguarded(why))]);
        Self { router: self.router.merge(router), ..self }
    }

    /// Adds a service without a guard, at a path and below it, and says why.
    ///
    /// The service sees the rest of the path. At `/` it becomes the fallback, and replaces an earlier one. See [`axum::Router::nest_service`].
    ///
    /// ```
    /// use jwt_auth::{Config, GuardedRouter};
    ///
    /// let files = axum::routing::any(|| async { "a file" });
    /// let router: GuardedRouter = GuardedRouter::new().unguarded_service("/static", "public files", files);
    /// assert_eq!(router.manifest().entries()[0].access().why(), Some("public files"));
    /// ```
    pub fn unguarded_service<T>(mut self, path: &str, why: &'static str, service: T) -> Self
    where
        T: Service<Request, Error = Infallible> + Clone + Send + Sync + 'static,
        T::Response: IntoResponse,
        T::Future: Send + 'static,
    {
        if matches!(path, "" | "/") {
            self.manifest.set_fallback(RouteAccess::unguarded(why));
            return Self { router: self.router.fallback_service(service), ..self };
        }
        for below in ["/", "/{*rest}"] {
            self.manifest.add(&nested(path, below), vec![("ANY", RouteAccess::unguarded(why))]);
        }
        Self { router: self.router.nest_service(path, service), ..self }
    }

    /// Adds a service without a guard at exactly one path, and says why. See [`axum::Router::route_service`].
    ///
    /// ```
    /// use jwt_auth::GuardedRouter;
    ///
    /// let file = axum::routing::any(|| async { "User-agent: *" });
    /// let router: GuardedRouter =
    ///     GuardedRouter::new().unguarded_route_service("/robots.txt", "for search engines", file);
    /// assert_eq!(router.manifest().to_string(), "ANY /robots.txt  unguarded  why(for search engines)\n");
    /// ```
    pub fn unguarded_route_service<T>(mut self, path: &str, why: &'static str, service: T) -> Self
    where
        T: Service<Request, Error = Infallible> + Clone + Send + Sync + 'static,
        T::Response: IntoResponse,
        T::Future: Send + 'static,
    {
        self.manifest.add(path, vec![("ANY", RouteAccess::unguarded(why))]);
        Self { router: self.router.route_service(path, service), ..self }
    }

    /// Every route, and the requirements of its guard.
    ///
    /// Call it before [`with_state`](Self::with_state), to print it at startup or to compare it with a snapshot.
    ///
    /// ```
    /// use jwt_auth::{AccessToken, GuardedRouter, jwt_required, routing::{delete, get}};
    ///
    /// async fn me(token: AccessToken) -> String { token.subject().to_owned() }
    ///
    /// #[jwt_required(fresh)]
    /// async fn delete_account() {}
    ///
    /// let router: GuardedRouter = GuardedRouter::new()
    ///     .route("/me", get(me))
    ///     .route("/account", delete(delete_account));
    /// assert_eq!(router.manifest().to_string(), "\
    /// DELETE /account  access  fresh
    /// GET    /me       access
    /// ");
    /// ```
    pub fn manifest(&self) -> Manifest {
        self.manifest.sorted()
    }

    /// Provides the state and returns the [`axum::Router`] to serve.
    ///
    /// The state is a `JwtAuth` or a type that contains one. Routes that you add to the returned [`axum::Router`]
    /// are not guarded, and are not in the manifest.
    ///
    /// ```
    /// # use axum::{body::Body, extract::Request, http::StatusCode};
    /// # use jwt_auth::{AccessToken, Config, GuardedRouter, KeyMaterial, jwt_required, routing::get};
    /// # use tower::ServiceExt as _;
    /// #[jwt_required]
    /// async fn me(token: AccessToken) -> String { token.subject().to_owned() }
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let auth = Config::hs256(KeyMaterial::ephemeral()).build()?;
    /// let token = auth.access_token("alice").issue()?;
    /// let app: axum::Router = GuardedRouter::new().route("/me", get(me)).with_state(auth);
    ///
    /// let anonymous = Request::get("/me").body(Body::empty())?;
    /// assert_eq!(app.clone().oneshot(anonymous).await?.status(), StatusCode::UNAUTHORIZED);
    /// let request = Request::get("/me").header("Authorization", format!("Bearer {}", &*token));
    /// assert_eq!(app.oneshot(request.body(Body::empty())?).await?.status(), StatusCode::OK);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn with_state<S2>(self, state: S) -> Router<S2> {
        self.router.with_state(state)
    }

    /// Provides the state and returns a guarded router.
    ///
    /// Use it to nest the router in one with another state. The manifest is preserved.
    ///
    /// ```
    /// use jwt_auth::{Config, GuardedRouter, JwtAuth, KeyMaterial};
    ///
    /// let auth = Config::hs256(KeyMaterial::ephemeral()).build()?;
    /// let library: GuardedRouter<JwtAuth> = GuardedRouter::new().provide_state(auth.clone());
    /// let app: axum::Router = GuardedRouter::new().nest("/library", library).with_state(auth);
    /// # drop(app);
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn provide_state<S2>(self, state: S) -> GuardedRouter<S2> {
        GuardedRouter { router: self.router.with_state(state), manifest: self.manifest }
    }

    /// The [`axum::Router`] with these routes, before its state is provided.
    ///
    /// Routes that you add to the returned [`axum::Router`] are not guarded, and are not in the manifest.
    ///
    /// ```
    /// # use jwt_auth::{GuardedRouter, JwtAuth, public, routing::get};
    /// # #[public]
    /// # async fn health() {}
    /// let guarded: GuardedRouter = GuardedRouter::new().route("/health", get(health));
    /// let router: axum::Router<JwtAuth> = guarded.into_router().fallback(async || "no such page");
    /// # drop(router);
    /// ```
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
