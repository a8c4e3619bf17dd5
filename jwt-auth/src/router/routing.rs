//! `get`, `post` and the other functions of axum's `routing`, for guarded handlers.
//!
//! Names and chaining are the same as in axum:
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
use axum::routing;
use tower::{Layer, Service};

use crate::auth::JwtAuth;
use crate::router::no_store_handler::{MarkedLayer, NoStoreHandler};
use crate::router::route_access::layer_name;
use crate::router::{GuardedArguments, GuardedHandler, RouteAccess};

pub use axum::routing::MethodFilter;

pub use crate::router::well_known::{jwks, protected_resource};

/// The guarded handlers of one path, by method.
///
/// ```
/// use jwt_auth::{public, routing::{MethodRouter, get}};
///
/// #[public]
/// async fn health() -> &'static str { "ok" }
///
/// let router: MethodRouter = get(health).post(health);
/// # drop(router);
/// ```
#[must_use = "a method router serves no request before it is routed"]
pub struct MethodRouter<S = JwtAuth> {
    pub(super) router: routing::MethodRouter<S>,
    pub(super) routes: Vec<Route>,
}

/// The handler of one method, for the manifest.
#[derive(Clone, Debug)]
pub(super) struct Route {
    pub(super) method: &'static str,
    pub(super) access: RouteAccess,
    /// The path of the handler's function.
    pub(super) handler: &'static str,
}

impl Route {
    pub(super) fn of<H, T: GuardedArguments>(method: &'static str) -> Self {
        let handler = std::any::type_name::<H>();
        Self { method, access: RouteAccess::of(&T::SPEC), handler }
    }

    /// Every method of something that is no handler.
    pub(super) fn any(access: RouteAccess) -> Self {
        Self { method: "ANY", access, handler: "" }
    }
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

// Written without a macro, because compile errors about handlers would show the macro as well.

/// Routes `GET` requests to a guarded handler; see [`axum::routing::get`].
///
/// ```
/// # use jwt_auth::{GuardedRouter, public, routing::get};
/// #[public]
/// async fn health() {}
///
/// let router: GuardedRouter = GuardedRouter::new().route("/health", get(health));
/// assert_eq!(router.manifest().to_string(), "GET /health  public\n");
/// ```
pub fn get<H, T, S>(handler: H) -> MethodRouter<S>
where
    H: GuardedHandler<T> + Handler<T, S>,
    T: GuardedArguments + 'static,
    S: Clone + Send + Sync + 'static,
{
    on(MethodFilter::GET, handler)
}

/// Routes `HEAD` requests to a guarded handler; see [`axum::routing::head`].
///
/// ```
/// # use jwt_auth::{GuardedRouter, public, routing::head};
/// #[public]
/// async fn health() {}
///
/// let router: GuardedRouter = GuardedRouter::new().route("/health", head(health));
/// assert_eq!(router.manifest().to_string(), "HEAD /health  public\n");
/// ```
pub fn head<H, T, S>(handler: H) -> MethodRouter<S>
where
    H: GuardedHandler<T> + Handler<T, S>,
    T: GuardedArguments + 'static,
    S: Clone + Send + Sync + 'static,
{
    on(MethodFilter::HEAD, handler)
}

/// Routes `POST` requests to a guarded handler; see [`axum::routing::post`].
///
/// ```
/// # use jwt_auth::{GuardedRouter, jwt_required, routing::post};
/// #[jwt_required]
/// async fn create() {}
///
/// let router: GuardedRouter = GuardedRouter::new().route("/notes", post(create));
/// assert_eq!(router.manifest().to_string(), "POST /notes  access\n");
/// ```
pub fn post<H, T, S>(handler: H) -> MethodRouter<S>
where
    H: GuardedHandler<T> + Handler<T, S>,
    T: GuardedArguments + 'static,
    S: Clone + Send + Sync + 'static,
{
    on(MethodFilter::POST, handler)
}

/// Routes `PUT` requests to a guarded handler; see [`axum::routing::put`].
///
/// ```
/// # use jwt_auth::{GuardedRouter, jwt_required, routing::put};
/// #[jwt_required]
/// async fn replace() {}
///
/// let router: GuardedRouter = GuardedRouter::new().route("/notes/{id}", put(replace));
/// assert_eq!(router.manifest().to_string(), "PUT /notes/{id}  access\n");
/// ```
pub fn put<H, T, S>(handler: H) -> MethodRouter<S>
where
    H: GuardedHandler<T> + Handler<T, S>,
    T: GuardedArguments + 'static,
    S: Clone + Send + Sync + 'static,
{
    on(MethodFilter::PUT, handler)
}

/// Routes `PATCH` requests to a guarded handler; see [`axum::routing::patch`].
///
/// ```
/// # use jwt_auth::{GuardedRouter, jwt_required, routing::patch};
/// #[jwt_required]
/// async fn change() {}
///
/// let router: GuardedRouter = GuardedRouter::new().route("/notes/{id}", patch(change));
/// assert_eq!(router.manifest().to_string(), "PATCH /notes/{id}  access\n");
/// ```
pub fn patch<H, T, S>(handler: H) -> MethodRouter<S>
where
    H: GuardedHandler<T> + Handler<T, S>,
    T: GuardedArguments + 'static,
    S: Clone + Send + Sync + 'static,
{
    on(MethodFilter::PATCH, handler)
}

/// Routes `DELETE` requests to a guarded handler; see [`axum::routing::delete`].
///
/// ```
/// # use jwt_auth::{GuardedRouter, jwt_required, routing::delete};
/// #[jwt_required(fresh)]
/// async fn delete_account() {}
///
/// let router: GuardedRouter = GuardedRouter::new().route("/account", delete(delete_account));
/// assert_eq!(router.manifest().to_string(), "DELETE /account  access  fresh\n");
/// ```
pub fn delete<H, T, S>(handler: H) -> MethodRouter<S>
where
    H: GuardedHandler<T> + Handler<T, S>,
    T: GuardedArguments + 'static,
    S: Clone + Send + Sync + 'static,
{
    on(MethodFilter::DELETE, handler)
}

/// Routes `OPTIONS` requests to a guarded handler; see [`axum::routing::options`].
///
/// ```
/// # use jwt_auth::{GuardedRouter, public, routing::options};
/// #[public]
/// async fn preflight() {}
///
/// let router: GuardedRouter = GuardedRouter::new().route("/notes", options(preflight));
/// assert_eq!(router.manifest().to_string(), "OPTIONS /notes  public\n");
/// ```
pub fn options<H, T, S>(handler: H) -> MethodRouter<S>
where
    H: GuardedHandler<T> + Handler<T, S>,
    T: GuardedArguments + 'static,
    S: Clone + Send + Sync + 'static,
{
    on(MethodFilter::OPTIONS, handler)
}

/// Routes `TRACE` requests to a guarded handler; see [`axum::routing::trace`].
///
/// ```
/// # use jwt_auth::{GuardedRouter, jwt_required, routing::trace};
/// #[jwt_required(roles("operator"))]
/// async fn echo() {}
///
/// let router: GuardedRouter = GuardedRouter::new().route("/echo", trace(echo));
/// assert_eq!(router.manifest().to_string(), "TRACE /echo  access  roles(operator)\n");
/// ```
pub fn trace<H, T, S>(handler: H) -> MethodRouter<S>
where
    H: GuardedHandler<T> + Handler<T, S>,
    T: GuardedArguments + 'static,
    S: Clone + Send + Sync + 'static,
{
    on(MethodFilter::TRACE, handler)
}

/// Routes requests of the filter's methods to a guarded handler.
///
/// See [`axum::routing::on`].
///
/// ```
/// # use jwt_auth::routing::{MethodFilter, on};
/// # use jwt_auth::{GuardedRouter, jwt_required};
/// #[jwt_required]
/// async fn save() {}
///
/// let methods = MethodFilter::PUT.or(MethodFilter::PATCH);
/// let router: GuardedRouter = GuardedRouter::new().route("/notes/{id}", on(methods, save));
/// assert_eq!(router.manifest().entries().len(), 2);
/// ```
pub fn on<H, T, S>(filter: MethodFilter, handler: H) -> MethodRouter<S>
where
    H: GuardedHandler<T> + Handler<T, S>,
    T: GuardedArguments + 'static,
    S: Clone + Send + Sync + 'static,
{
    MethodRouter { router: routing::MethodRouter::new(), routes: Vec::new() }.on(filter, handler)
}

/// Routes requests of every method to a guarded handler.
///
/// See [`axum::routing::any`].
///
/// ```
/// # use jwt_auth::{GuardedRouter, jwt_required, routing::any};
/// #[jwt_required]
/// async fn proxy() {}
///
/// let router: GuardedRouter = GuardedRouter::new().route("/proxy/{*path}", any(proxy));
/// assert_eq!(router.manifest().to_string(), "ANY /proxy/{*path}  access\n");
/// ```
pub fn any<H, T, S>(handler: H) -> MethodRouter<S>
where
    H: GuardedHandler<T> + Handler<T, S>,
    T: GuardedArguments + 'static,
    S: Clone + Send + Sync + 'static,
{
    MethodRouter {
        router: routing::any(NoStoreHandler(handler)),
        routes: vec![Route::of::<H, T>("ANY")],
    }
}

impl<S> MethodRouter<S>
where
    S: Clone + Send + Sync + 'static,
{
    /// Routes `GET` requests to a guarded handler as well.
    ///
    /// ```
    /// # use jwt_auth::{GuardedRouter, jwt_required, public, routing::post};
    /// # #[public]
    /// # async fn notes() {}
    /// #[jwt_required]
    /// async fn list() {}
    ///
    /// let router: GuardedRouter = GuardedRouter::new().route("/notes", post(notes).get(list));
    /// assert_eq!(router.manifest().to_string(), "GET  /notes  access\nPOST /notes  public\n");
    /// ```
    pub fn get<H, T>(self, handler: H) -> Self
    where
        H: GuardedHandler<T> + Handler<T, S>,
        T: GuardedArguments + 'static,
    {
        self.on(MethodFilter::GET, handler)
    }

    /// Routes `HEAD` requests to a guarded handler as well.
    ///
    /// ```
    /// # use jwt_auth::{GuardedRouter, jwt_required, public, routing::get};
    /// # #[jwt_required]
    /// # async fn read() {}
    /// #[public]
    /// async fn exists() {}
    ///
    /// let router: GuardedRouter = GuardedRouter::new().route("/notes", get(read).head(exists));
    /// assert_eq!(router.manifest().to_string(), "GET  /notes  access\nHEAD /notes  public\n");
    /// ```
    pub fn head<H, T>(self, handler: H) -> Self
    where
        H: GuardedHandler<T> + Handler<T, S>,
        T: GuardedArguments + 'static,
    {
        self.on(MethodFilter::HEAD, handler)
    }

    /// Routes `POST` requests to a guarded handler as well.
    ///
    /// ```
    /// # use jwt_auth::{GuardedRouter, jwt_required, public, routing::get};
    /// # #[public]
    /// # async fn notes() {}
    /// #[jwt_required]
    /// async fn create() {}
    ///
    /// let router: GuardedRouter = GuardedRouter::new().route("/notes", get(notes).post(create));
    /// assert_eq!(router.manifest().to_string(), "GET  /notes  public\nPOST /notes  access\n");
    /// ```
    pub fn post<H, T>(self, handler: H) -> Self
    where
        H: GuardedHandler<T> + Handler<T, S>,
        T: GuardedArguments + 'static,
    {
        self.on(MethodFilter::POST, handler)
    }

    /// Routes `PUT` requests to a guarded handler as well.
    ///
    /// ```
    /// # use jwt_auth::{GuardedRouter, jwt_required, public, routing::get};
    /// # #[public]
    /// # async fn notes() {}
    /// #[jwt_required]
    /// async fn replace() {}
    ///
    /// let router: GuardedRouter = GuardedRouter::new().route("/notes", get(notes).put(replace));
    /// assert_eq!(router.manifest().to_string(), "GET /notes  public\nPUT /notes  access\n");
    /// ```
    pub fn put<H, T>(self, handler: H) -> Self
    where
        H: GuardedHandler<T> + Handler<T, S>,
        T: GuardedArguments + 'static,
    {
        self.on(MethodFilter::PUT, handler)
    }

    /// Routes `PATCH` requests to a guarded handler as well.
    ///
    /// ```
    /// # use jwt_auth::{GuardedRouter, jwt_required, public, routing::get};
    /// # #[public]
    /// # async fn notes() {}
    /// #[jwt_required]
    /// async fn change() {}
    ///
    /// let router: GuardedRouter = GuardedRouter::new().route("/notes", get(notes).patch(change));
    /// assert_eq!(router.manifest().to_string(), "GET   /notes  public\nPATCH /notes  access\n");
    /// ```
    pub fn patch<H, T>(self, handler: H) -> Self
    where
        H: GuardedHandler<T> + Handler<T, S>,
        T: GuardedArguments + 'static,
    {
        self.on(MethodFilter::PATCH, handler)
    }

    /// Routes `DELETE` requests to a guarded handler as well.
    ///
    /// ```
    /// # use jwt_auth::{GuardedRouter, jwt_required, public, routing::get};
    /// # #[public]
    /// # async fn notes() {}
    /// #[jwt_required]
    /// async fn clear() {}
    ///
    /// let router: GuardedRouter = GuardedRouter::new().route("/notes", get(notes).delete(clear));
    /// assert_eq!(router.manifest().to_string(), "DELETE /notes  access\nGET    /notes  public\n");
    /// ```
    pub fn delete<H, T>(self, handler: H) -> Self
    where
        H: GuardedHandler<T> + Handler<T, S>,
        T: GuardedArguments + 'static,
    {
        self.on(MethodFilter::DELETE, handler)
    }

    /// Routes `OPTIONS` requests to a guarded handler as well.
    ///
    /// ```
    /// # use jwt_auth::{GuardedRouter, jwt_required, public, routing::get};
    /// # #[public]
    /// # async fn notes() {}
    /// #[jwt_required]
    /// async fn describe() {}
    ///
    /// let router: GuardedRouter = GuardedRouter::new().route("/notes", get(notes).options(describe));
    /// assert_eq!(router.manifest().to_string(), "GET     /notes  public\nOPTIONS /notes  access\n");
    /// ```
    pub fn options<H, T>(self, handler: H) -> Self
    where
        H: GuardedHandler<T> + Handler<T, S>,
        T: GuardedArguments + 'static,
    {
        self.on(MethodFilter::OPTIONS, handler)
    }

    /// Routes `TRACE` requests to a guarded handler as well.
    ///
    /// ```
    /// # use jwt_auth::{GuardedRouter, jwt_required, public, routing::get};
    /// # #[public]
    /// # async fn notes() {}
    /// #[jwt_required]
    /// async fn echo() {}
    ///
    /// let router: GuardedRouter = GuardedRouter::new().route("/notes", get(notes).trace(echo));
    /// assert_eq!(router.manifest().to_string(), "GET   /notes  public\nTRACE /notes  access\n");
    /// ```
    pub fn trace<H, T>(self, handler: H) -> Self
    where
        H: GuardedHandler<T> + Handler<T, S>,
        T: GuardedArguments + 'static,
    {
        self.on(MethodFilter::TRACE, handler)
    }

    /// Routes requests of the filter's methods to a guarded handler as well.
    ///
    /// ```
    /// # use jwt_auth::routing::{MethodFilter, get};
    /// # use jwt_auth::{GuardedRouter, jwt_required, public};
    /// # #[public]
    /// # async fn notes() {}
    /// #[jwt_required]
    /// async fn save() {}
    ///
    /// let methods = MethodFilter::PUT.or(MethodFilter::PATCH);
    /// let router: GuardedRouter = GuardedRouter::new().route("/notes", get(notes).on(methods, save));
    /// assert_eq!(router.manifest().entries().len(), 3);
    /// ```
    pub fn on<H, T>(mut self, filter: MethodFilter, handler: H) -> Self
    where
        H: GuardedHandler<T> + Handler<T, S>,
        T: GuardedArguments + 'static,
    {
        let named = METHODS.iter().filter(|(_, method)| filter.or(*method) == filter);
        self.routes.extend(named.map(|(name, _)| Route::of::<H, T>(name)));
        Self { router: self.router.on(filter, NoStoreHandler(handler)), ..self }
    }

    /// Sets the handler for all other methods.
    ///
    /// The handler must be guarded like any other. See [`axum::routing::MethodRouter::fallback`].
    ///
    /// ```
    /// # use axum::http::StatusCode;
    /// # use jwt_auth::{GuardedRouter, public, routing::get};
    /// # #[public]
    /// # async fn notes() {}
    /// #[public]
    /// async fn no_such_method() -> StatusCode { StatusCode::METHOD_NOT_ALLOWED }
    ///
    /// let router: GuardedRouter =
    ///     GuardedRouter::new().route("/notes", get(notes).fallback(no_such_method));
    /// assert_eq!(router.manifest().to_string(), "GET   /notes  public\nOTHER /notes  public\n");
    /// ```
    pub fn fallback<H, T>(mut self, handler: H) -> Self
    where
        H: GuardedHandler<T> + Handler<T, S>,
        T: GuardedArguments + 'static,
    {
        self.routes.push(Route::of::<H, T>("OTHER"));
        Self { router: self.router.fallback(NoStoreHandler(handler)), ..self }
    }

    /// Adds the handlers of another method router.
    ///
    /// See [`axum::routing::MethodRouter::merge`].
    ///
    /// ```
    /// # use jwt_auth::{GuardedRouter, jwt_required, public, routing::{get, post}};
    /// # #[public]
    /// # async fn list() {}
    /// #[jwt_required]
    /// async fn create() {}
    ///
    /// let router: GuardedRouter =
    ///     GuardedRouter::new().route("/notes", get(list).merge(post(create)));
    /// assert_eq!(router.manifest().to_string(), "GET  /notes  public\nPOST /notes  access\n");
    /// ```
    pub fn merge(mut self, other: Self) -> Self {
        self.routes.extend(other.routes);
        Self { router: self.router.merge(other.router), ..self }
    }

    /// Applies a middleware to the handlers added so far.
    ///
    /// The middleware runs before the guards. See [`axum::routing::MethodRouter::layer`].
    ///
    /// ```
    /// # use jwt_auth::{GuardedRouter, jwt_required, routing::post};
    /// use axum::extract::DefaultBodyLimit;
    ///
    /// #[jwt_required]
    /// async fn upload() {}
    ///
    /// let upload = post(upload).layer(DefaultBodyLimit::max(64 * 1024 * 1024));
    /// let router: GuardedRouter = GuardedRouter::new().route("/files", upload);
    /// # drop(router);
    /// ```
    pub fn layer<L>(self, layer: L) -> Self
    where
        L: Layer<routing::Route> + Clone + Send + Sync + 'static,
        L::Service: Service<Request> + Clone + Send + Sync + 'static,
        <L::Service as Service<Request>>::Response: IntoResponse + 'static,
        <L::Service as Service<Request>>::Error: Into<Infallible> + 'static,
        <L::Service as Service<Request>>::Future: Send + 'static,
    {
        let Self { router, mut routes } = self;
        for route in &mut routes {
            route.access.add_layer(layer_name::<L>());
        }
        Self { router: router.layer(MarkedLayer(layer)), routes }
    }

    /// Applies a middleware to every method added so far, and not to methods without a handler.
    ///
    /// The middleware runs before the guards. See [`axum::routing::MethodRouter::route_layer`].
    ///
    /// ```
    /// # use jwt_auth::{public, routing::{MethodRouter, get}};
    /// # #[public]
    /// # async fn health() {}
    /// use axum::extract::DefaultBodyLimit;
    ///
    /// let methods: MethodRouter = get(health).route_layer(DefaultBodyLimit::max(1024));
    /// # drop(methods);
    /// ```
    pub fn route_layer<L>(self, layer: L) -> Self
    where
        L: Layer<routing::Route> + Clone + Send + Sync + 'static,
        L::Service: Service<Request, Error = Infallible> + Clone + Send + Sync + 'static,
        <L::Service as Service<Request>>::Response: IntoResponse + 'static,
        <L::Service as Service<Request>>::Future: Send + 'static,
    {
        let Self { router, mut routes } = self;
        for route in routes.iter_mut().filter(|route| route.method != "OTHER") {
            route.access.add_layer(layer_name::<L>());
        }
        Self { router: router.route_layer(MarkedLayer(layer)), routes }
    }
}

/// The methods for a router that is no `GuardedRouter`. The guards stay; the manifest does not.
///
/// ```
/// use jwt_auth::{JwtAuth, jwt_required, routing::get};
///
/// #[jwt_required]
/// async fn me() {}
///
/// let router: axum::Router<JwtAuth> = axum::Router::new().route("/me", get(me).into());
/// # drop(router);
/// ```
impl<S> From<MethodRouter<S>> for routing::MethodRouter<S> {
    fn from(methods: MethodRouter<S>) -> Self {
        methods.router
    }
}

impl<S> Clone for MethodRouter<S> {
    fn clone(&self) -> Self {
        Self { router: self.router.clone(), routes: self.routes.clone() }
    }
}

impl<S> fmt::Debug for MethodRouter<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MethodRouter").field("routes", &self.routes).finish_non_exhaustive()
    }
}
