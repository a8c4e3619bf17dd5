//! `OpenApiRouter`: a guarded router, and the document about it.

use jwt_auth::router::HoldsJwtAuth;
use jwt_auth::routing::MethodRouter;
use jwt_auth::{GuardedRouter, JwtAuth};
use utoipa::openapi::path::PathItem;
use utoipa::openapi::{Components, Info, OpenApi, Paths};

use crate::describe::DescribeManifest as _;
use crate::{Documented, Schemes};

/// Builds a [`GuardedRouter`] and its OpenAPI document together.
///
/// ```
/// use jwt_auth::{Config, KeyMaterial, jwt_required};
/// use jwt_auth_openapi::{OpenApiRouter, routes};
///
/// #[utoipa::path(get, path = "/notes")]
/// #[jwt_required]
/// async fn notes() {}
///
/// let auth = Config::hs256(KeyMaterial::ephemeral()).build()?;
/// let api = OpenApiRouter::new().routes(routes!(notes));
/// let (router, document) = OpenApiRouter::new().nest("/v1", api).split_for_parts(&auth);
/// assert!(document.paths.paths.contains_key("/v1/notes"));
/// # let _: axum::Router = router.with_state(auth);
/// # Ok::<(), jwt_auth::ConfigError>(())
/// ```
#[must_use = "a router does nothing before it is served"]
pub struct OpenApiRouter<S = JwtAuth> {
    router: GuardedRouter<S>,
    document: OpenApi,
}

impl<S: HoldsJwtAuth + Clone + Send + Sync + 'static> Default for OpenApiRouter<S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<S: HoldsJwtAuth + Clone + Send + Sync + 'static> OpenApiRouter<S> {
    /// A router without routes, and an empty document.
    ///
    /// ```
    /// let router: jwt_auth_openapi::OpenApiRouter = jwt_auth_openapi::OpenApiRouter::new();
    /// # drop(router);
    /// ```
    pub fn new() -> Self {
        Self::with_openapi(OpenApi::new(Info::new("", ""), Paths::new()))
    }

    /// A router without routes, whose document starts as this one: its title, its tags, its servers.
    ///
    /// ```
    /// use jwt_auth_openapi::OpenApiRouter;
    /// use utoipa::OpenApi;
    ///
    /// #[derive(OpenApi)]
    /// #[openapi(info(title = "Notes"))]
    /// struct Api;
    ///
    /// let router: OpenApiRouter = OpenApiRouter::with_openapi(Api::openapi());
    /// # drop(router);
    /// ```
    pub fn with_openapi(document: OpenApi) -> Self {
        Self { router: GuardedRouter::new(), document }
    }

    /// Adds the handlers of one path. See [`routes!`](crate::routes).
    ///
    /// ```
    /// # use jwt_auth::public;
    /// # use jwt_auth_openapi::{OpenApiRouter, routes};
    /// # #[utoipa::path(get, path = "/health")]
    /// # #[public]
    /// # async fn health() {}
    /// let router: OpenApiRouter = OpenApiRouter::new().routes(routes!(health));
    /// # drop(router);
    /// ```
    pub fn routes(mut self, documented: Documented<S>) -> Self {
        let Documented { path, item, schemas, methods } = documented;
        let components = self.document.components.get_or_insert_with(Components::new);
        components.schemas.extend(schemas);
        let (Some(path), Some(methods)) = (path, methods) else { return self };
        add(&mut self.document, &path, item);
        Self { router: self.router.route(&path, methods), ..self }
    }

    /// Adds a route that the document does not describe.
    ///
    /// ```
    /// # use jwt_auth::{public, routing::get};
    /// # use jwt_auth_openapi::OpenApiRouter;
    /// # #[public]
    /// # async fn health() {}
    /// let router: OpenApiRouter = OpenApiRouter::new().route("/health", get(health));
    /// # drop(router);
    /// ```
    pub fn route(self, path: &str, methods: MethodRouter<S>) -> Self {
        Self { router: self.router.route(path, methods), ..self }
    }

    /// Adds the routes of another router below a path.
    ///
    /// The example of [`OpenApiRouter`] shows it.
    ///
    /// ```
    /// # use jwt_auth_openapi::OpenApiRouter;
    /// let router: OpenApiRouter = OpenApiRouter::new().nest("/v1", OpenApiRouter::new());
    /// # drop(router);
    /// ```
    pub fn nest(mut self, prefix: &str, other: Self) -> Self {
        let nested = |path: &str| match path {
            "/" => prefix.to_owned(),
            path => format!("{}{path}", prefix.trim_end_matches('/')),
        };
        merge(&mut self.document, other.document, nested);
        Self { router: self.router.nest(prefix, other.router), ..self }
    }

    /// Adds the routes of another router.
    ///
    /// ```
    /// # use jwt_auth_openapi::OpenApiRouter;
    /// let router: OpenApiRouter = OpenApiRouter::new().merge(OpenApiRouter::new());
    /// # drop(router);
    /// ```
    pub fn merge(mut self, other: Self) -> Self {
        merge(&mut self.document, other.document, str::to_owned);
        Self { router: self.router.merge(other.router), ..self }
    }

    /// Changes the router: layers, fallbacks, `require`, and whatever else [`GuardedRouter`] has.
    ///
    /// ```
    /// # use jwt_auth::router::Require;
    /// # use jwt_auth_openapi::OpenApiRouter;
    /// let admin: OpenApiRouter =
    ///     OpenApiRouter::new().map(|router| router.require(Require::roles(["admin"])));
    /// # drop(admin);
    /// ```
    pub fn map(self, change: impl FnOnce(GuardedRouter<S>) -> GuardedRouter<S>) -> Self {
        Self { router: change(self.router), ..self }
    }

    /// The router and its document, with what the guards require.
    ///
    /// The example of [`OpenApiRouter`] shows it.
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial};
    /// # use jwt_auth_openapi::OpenApiRouter;
    /// let auth = Config::hs256(KeyMaterial::ephemeral()).build()?;
    /// let (router, document) = OpenApiRouter::<jwt_auth::JwtAuth>::new().split_for_parts(&auth);
    /// # drop((router, document));
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn split_for_parts(mut self, auth: &JwtAuth) -> (GuardedRouter<S>, OpenApi) {
        let manifest = self.router.manifest();
        // Routes that the application added by `route` are not in the document.
        let _ = manifest.describe_with(&mut self.document, &Schemes::of(auth));
        (self.router, self.document)
    }
}

impl<S> std::fmt::Debug for OpenApiRouter<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let paths: Vec<_> = self.document.paths.paths.keys().collect();
        f.debug_struct("OpenApiRouter").field("paths", &paths).finish_non_exhaustive()
    }
}

fn add(document: &mut OpenApi, path: &str, item: PathItem) {
    match document.paths.paths.get_mut(path) {
        Some(known) => known.merge_operations(item),
        None => {
            document.paths.paths.insert(path.to_owned(), item);
        }
    }
}

fn merge(document: &mut OpenApi, other: OpenApi, rename: impl Fn(&str) -> String) {
    for (path, item) in other.paths.paths {
        add(document, &rename(&path), item);
    }
    if let Some(components) = other.components {
        let own = document.components.get_or_insert_with(Components::new);
        own.schemas.extend(components.schemas);
        own.responses.extend(components.responses);
        own.security_schemes.extend(components.security_schemes);
    }
    if let Some(tags) = other.tags {
        document.tags.get_or_insert_default().extend(tags);
    }
}
