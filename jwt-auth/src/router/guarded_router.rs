//! `GuardedRouter`: an axum router that accepts only guarded handlers.

use std::convert::Infallible;
use std::fmt;

use axum::Router;
use axum::extract::Request;
use axum::handler::Handler;
use axum::response::IntoResponse;
use tower::{Layer, Service};

use crate::auth::JwtAuth;
use crate::guard::{GuardSpec, HoldsJwtAuth, Require, ServiceChecks, ServiceGuard};
use crate::router::guarded_service::ServiceHandler;
use crate::router::manifest::nested;
use crate::router::no_store_handler::{MarkedLayer, NoStoreHandler};
use crate::router::require_layer::RequireLayer;
use crate::router::route_access::layer_name;
use crate::router::routing::{MethodRouter, Route};
use crate::router::{GuardedArguments, GuardedHandler, Manifest, RouteAccess};

/// The path below a service. axum hides a parameter of this name from `Path` and `MatchedPath`, as for `nest_service`.
const NEST_TAIL: &str = "/{*__private__axum_nest_tail_param}";

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
    required: Vec<&'static GuardSpec>,
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
        Self { router: Router::new(), manifest: Manifest::default(), required: Vec::new() }
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
    #[track_caller]
    pub fn route(mut self, path: &str, methods: MethodRouter<S>) -> Self {
        self.manifest.add(path, methods.routes, &self.required);
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
    #[track_caller]
    pub fn nest(mut self, path: &str, router: Self) -> Self {
        let (router, manifest) = router.finish();
        self.manifest.extend(manifest, |below| nested(path, below), &self.required);
        Self { router: self.router.nest(path, router), ..self }
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
    #[track_caller]
    pub fn merge(mut self, router: Self) -> Self {
        let (router, manifest) = router.finish();
        self.manifest.extend(manifest, str::to_owned, &self.required);
        Self { router: self.router.merge(router), ..self }
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
        L: Layer<axum::routing::Route> + Clone + Send + Sync + 'static,
        L::Service: Service<Request> + Clone + Send + Sync + 'static,
        <L::Service as Service<Request>>::Response: IntoResponse + 'static,
        <L::Service as Service<Request>>::Error: Into<Infallible> + 'static,
        <L::Service as Service<Request>>::Future: Send + 'static,
    {
        let Self { router, mut manifest, required } = self;
        manifest.add_layer(layer_name::<L>(), true);
        Self { router: router.layer(MarkedLayer(layer)), manifest, required }
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
        L: Layer<axum::routing::Route> + Clone + Send + Sync + 'static,
        L::Service: Service<Request> + Clone + Send + Sync + 'static,
        <L::Service as Service<Request>>::Response: IntoResponse + 'static,
        <L::Service as Service<Request>>::Error: Into<Infallible> + 'static,
        <L::Service as Service<Request>>::Future: Send + 'static,
    {
        let Self { router, mut manifest, required } = self;
        manifest.add_layer(layer_name::<L>(), false);
        Self { router: router.route_layer(MarkedLayer(layer)), manifest, required }
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
    #[track_caller]
    pub fn fallback<H, T>(mut self, handler: H) -> Self
    where
        T: GuardedArguments + 'static,
        H: GuardedHandler<T> + Handler<T, S>,
    {
        self.manifest.set_fallback(Route::of::<H, T>("ANY"), &self.required);
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
    #[track_caller]
    pub fn method_not_allowed_fallback<H, T>(mut self, handler: H) -> Self
    where
        T: GuardedArguments + 'static,
        H: GuardedHandler<T> + Handler<T, S>,
    {
        self.manifest.set_method_not_allowed(Route::of::<H, T>("ANY"), &self.required);
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
    #[track_caller]
    pub fn unguarded(mut self, why: &'static str, router: Router<S>) -> Self {
        let all = vec![Route::any(RouteAccess::unguarded(why))];
        self.manifest.add("(routes of an axum::Router)", all, &self.required);
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
    #[track_caller]
    pub fn unguarded_service<T>(mut self, path: &str, why: &'static str, service: T) -> Self
    where
        T: Service<Request, Error = Infallible> + Clone + Send + Sync + 'static,
        T::Response: IntoResponse,
        T::Future: Send + 'static,
    {
        let route = Route::any(RouteAccess::unguarded(why));
        if matches!(path, "" | "/") {
            self.manifest.set_fallback(route, &self.required);
            return Self { router: self.router.fallback_service(service), ..self };
        }
        for below in ["/", "/{*rest}"] {
            self.manifest.add(&nested(path, below), vec![route.clone()], &self.required);
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
    #[track_caller]
    pub fn unguarded_route_service<T>(mut self, path: &str, why: &'static str, service: T) -> Self
    where
        T: Service<Request, Error = Infallible> + Clone + Send + Sync + 'static,
        T::Response: IntoResponse,
        T::Future: Send + 'static,
    {
        let routes = vec![Route::any(RouteAccess::unguarded(why))];
        self.manifest.add(path, routes, &self.required);
        Self { router: self.router.route_service(path, service), ..self }
    }

    /// Requires something of the token of every route of this router, also of those added later.
    ///
    /// The guard of each handler checks it after the handler's own rules, and the manifest shows the sum. An `optional`
    /// guard becomes required. The fallbacks are included. Layers are not guarded; one that replaces a request must keep its
    /// extensions, as for axum's own path parameters.
    ///
    /// ```
    /// use jwt_auth::router::Require;
    /// use jwt_auth::{GuardedRouter, jwt_required, routing::get};
    ///
    /// #[jwt_required]
    /// async fn users() {}
    ///
    /// #[jwt_required(scopes("audit"))]
    /// async fn audit() {}
    ///
    /// let admin = GuardedRouter::new()
    ///     .require(Require::roles(["admin"]).fresh())
    ///     .route("/users", get(users))
    ///     .route("/audit", get(audit));
    /// let router: GuardedRouter = GuardedRouter::new().nest("/admin", admin);
    /// assert_eq!(router.manifest().to_string(), "\
    /// GET /admin/audit  access  fresh  scopes(audit)  roles(admin)
    /// GET /admin/users  access  fresh  roles(admin)
    /// ");
    /// ```
    ///
    /// # Panics
    ///
    /// This method and those that add routes panic if anyone may call a route of the router: a handler with `#[public]`,
    /// or an unguarded service.
    ///
    /// ```should_panic
    /// use jwt_auth::router::Require;
    /// use jwt_auth::{GuardedRouter, public, routing::get};
    ///
    /// #[public]
    /// async fn health() {}
    ///
    /// // `GET /health` my_app::health is public, but its router requires access  roles(admin); …
    /// let router: GuardedRouter =
    ///     GuardedRouter::new().require(Require::roles(["admin"])).route("/health", get(health));
    /// # drop(router);
    /// ```
    #[track_caller]
    pub fn require(mut self, requirement: Require) -> Self {
        self.manifest.require(&requirement.spec);
        // Guards read it for the life of the process. A program builds its routers once.
        self.required.push(Box::leak(Box::new(requirement.spec)));
        self
    }

    /// Adds a tower service behind a guard, at a path and below it.
    ///
    /// For a service that is no handler, such as an MCP server or a folder of files. The service sees the rest of the path,
    /// and finds the [`AccessToken`](crate::AccessToken) of the request in its extensions. At `/` it becomes the fallback,
    /// and replaces an earlier one. See [`axum::Router::nest_service`].
    ///
    /// ```
    /// use axum::extract::Request;
    /// use jwt_auth::{AccessToken, GuardedRouter, guard};
    ///
    /// let reports = tower::service_fn(async |request: Request| {
    ///     let token = request.extensions().get::<AccessToken>().expect("the guard inserts it");
    ///     Ok::<_, std::convert::Infallible>(format!("{} for {}", request.uri().path(), token.subject()))
    /// });
    /// let router: GuardedRouter =
    ///     GuardedRouter::new().guarded_service("/reports", guard::required().scopes(["reports"]), reports);
    /// assert_eq!(router.manifest().to_string(), "\
    /// ANY /reports          access  scopes(reports)
    /// ANY /reports/{*rest}  access  scopes(reports)
    /// ");
    /// ```
    #[track_caller]
    pub fn guarded_service<C, T>(mut self, path: &str, guard: ServiceGuard<C>, service: T) -> Self
    where
        S: HoldsJwtAuth,
        C: ServiceChecks<S>,
        T: Service<Request, Error = Infallible> + Clone + Send + Sync + 'static,
        T::Response: IntoResponse,
        T::Future: Send + 'static,
    {
        let route = Route::any(RouteAccess::of(&guard.spec));
        let handler = NoStoreHandler(ServiceHandler { guard, service });
        if matches!(path, "" | "/") {
            self.manifest.set_fallback(route, &self.required);
            return Self { router: self.router.fallback(handler), ..self };
        }
        for below in ["/", "/{*rest}"] {
            self.manifest.add(&nested(path, below), vec![route.clone()], &self.required);
        }
        let methods = axum::routing::any(handler);
        let inner = Router::new().route("/", methods.clone()).route(NEST_TAIL, methods.clone());
        let mut router = self.router.nest(path, inner);
        if !path.ends_with('/') {
            // `nest_service` matches this path too.
            router = router.nest(&format!("{path}/"), Router::new().route("/", methods));
        }
        Self { router, ..self }
    }

    /// Adds a tower service behind a guard at exactly one path. See [`axum::Router::route_service`].
    ///
    /// For a service that reads the whole path, such as a gRPC service or the server functions of a framework; see the
    /// [chapter](crate::guide::frameworks). It finds the [`AccessToken`](crate::AccessToken) of the request in its extensions.
    /// A refused gRPC call gets a status of gRPC too, because its clients do not read other responses.
    ///
    /// ```
    /// use axum::extract::Request;
    /// use jwt_auth::{GuardedRouter, guard};
    ///
    /// let notes = axum::routing::any(async |request: Request| request.uri().path().to_owned());
    /// let router: GuardedRouter =
    ///     GuardedRouter::new().guarded_route_service("/notes.Notes/{method}", guard::required(), notes);
    /// assert_eq!(router.manifest().to_string(), "ANY /notes.Notes/{method}  access\n");
    /// ```
    #[track_caller]
    pub fn guarded_route_service<C, T>(
        mut self,
        path: &str,
        guard: ServiceGuard<C>,
        service: T,
    ) -> Self
    where
        S: HoldsJwtAuth,
        C: ServiceChecks<S>,
        T: Service<Request, Error = Infallible> + Clone + Send + Sync + 'static,
        T::Response: IntoResponse,
        T::Future: Send + 'static,
    {
        self.manifest.add(path, vec![Route::any(RouteAccess::of(&guard.spec))], &self.required);
        let methods = axum::routing::any(NoStoreHandler(ServiceHandler { guard, service }));
        Self { router: self.router.route(path, methods), ..self }
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
        self.into_router().with_state(state)
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
        let (router, manifest) = self.finish();
        GuardedRouter { router: router.with_state(state), manifest, required: Vec::new() }
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
        self.finish().0
    }

    /// The routes, whose guards know what this router requires.
    fn finish(self) -> (Router<S>, Manifest) {
        let layers = self.required.into_iter().map(RequireLayer);
        (layers.fold(self.router, Router::layer), self.manifest)
    }
}

impl<S> Clone for GuardedRouter<S> {
    fn clone(&self) -> Self {
        let (manifest, required) = (self.manifest.clone(), self.required.clone());
        Self { router: self.router.clone(), manifest, required }
    }
}

impl<S> fmt::Debug for GuardedRouter<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardedRouter").field("manifest", &self.manifest).finish_non_exhaustive()
    }
}
