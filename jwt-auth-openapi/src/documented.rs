//! `routes!`: handlers of one path, with their documentation and their guards.

use std::fmt;

use axum::handler::Handler;
use axum::routing::MethodFilter;
use jwt_auth::router::{GuardedArguments, GuardedHandler};
use jwt_auth::routing::MethodRouter;
use utoipa::openapi::path::{PathItem, Paths};
use utoipa::openapi::{RefOr, Schema};
use utoipa_axum::router::UtoipaMethodRouter;

/// The handlers of one path: what [`routes!`](crate::routes) returns.
///
/// ```
/// use jwt_auth::{GuardedRouter, JwtAuth, public};
/// use jwt_auth_openapi::{OpenApiRouter, routes};
///
/// #[utoipa::path(get, path = "/health")]
/// #[public]
/// async fn health() {}
///
/// let router: OpenApiRouter = OpenApiRouter::new().routes(routes!(health));
/// # drop(router);
/// ```
#[must_use = "handlers are used by `OpenApiRouter::routes`"]
pub struct Documented<S> {
    pub(crate) path: Option<String>,
    pub(crate) item: PathItem,
    pub(crate) schemas: Vec<(String, RefOr<Schema>)>,
    pub(crate) methods: Option<MethodRouter<S>>,
}

impl<S: Clone + Send + Sync + 'static> Default for Documented<S> {
    fn default() -> Self {
        Self { path: None, item: PathItem::default(), schemas: Vec::new(), methods: None }
    }
}

impl<S> fmt::Debug for Documented<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Documented").field("path", &self.path).finish_non_exhaustive()
    }
}

impl<S: Clone + Send + Sync + 'static> Documented<S> {
    /// Adds a handler with its documentation; for [`routes!`](crate::routes).
    ///
    /// # Panics
    ///
    /// If the handler has another path than those before it.
    #[doc(hidden)]
    #[track_caller]
    #[allow(clippy::needless_pass_by_value, reason = "a handler of axum is passed by value")]
    pub fn add<H, T>(mut self, handler: H, documented: UtoipaMethodRouter<S>) -> Self
    where
        H: GuardedHandler<T> + Handler<T, S>,
        T: GuardedArguments + 'static,
    {
        let (schemas, Paths { paths, .. }, _) = documented;
        for (path, item) in paths {
            let path = if path.is_empty() { "/".to_owned() } else { path };
            if let Some(first) = self.path.replace(path.clone()).filter(|first| *first != path) {
                panic!(
                    "`routes!` has the handlers of one path, but these are for `{first}` and `{path}`; write `.routes(routes!(…))` for each"
                );
            }
            let filter = filter(&item);
            self.item.merge_operations(item);
            self.methods = filter.map(|filter| match self.methods.take() {
                Some(methods) => methods.on(filter, handler.clone()),
                None => jwt_auth::routing::on(filter, handler.clone()),
            });
        }
        self.schemas.extend(schemas);
        self
    }
}

/// The methods that an item describes.
fn filter(item: &PathItem) -> Option<MethodFilter> {
    let described = [
        (&item.get, MethodFilter::GET),
        (&item.put, MethodFilter::PUT),
        (&item.post, MethodFilter::POST),
        (&item.delete, MethodFilter::DELETE),
        (&item.options, MethodFilter::OPTIONS),
        (&item.head, MethodFilter::HEAD),
        (&item.patch, MethodFilter::PATCH),
        (&item.trace, MethodFilter::TRACE),
    ];
    let filters = described.into_iter().filter(|(operation, _)| operation.is_some());
    filters.map(|(_, filter)| filter).reduce(MethodFilter::or)
}

/// The handlers of one path. Each has `#[utoipa::path(…)]`, and a guard below it.
///
/// Two paths in one call panic when the router is built: each handler would be served at both.
///
/// ```
/// use jwt_auth::{jwt_required, public};
/// use jwt_auth_openapi::{OpenApiRouter, routes};
///
/// #[utoipa::path(get, path = "/notes")]
/// #[public]
/// async fn list() {}
///
/// #[utoipa::path(post, path = "/notes")]
/// #[jwt_required(scopes("notes:write"))]
/// async fn add() {}
///
/// let router: OpenApiRouter = OpenApiRouter::new().routes(routes!(list, add));
/// # drop(router);
/// ```
///
/// A handler without a guard does not compile:
///
/// ```compile_fail
/// use jwt_auth_openapi::{OpenApiRouter, routes};
///
/// #[utoipa::path(get, path = "/notes")]
/// async fn list() {}
///
/// let router: OpenApiRouter = OpenApiRouter::new().routes(routes!(list));
/// ```
#[macro_export]
macro_rules! routes {
    ($($($segment:ident)::+),+ $(,)?) => {
        $crate::Documented::default()
            $(.add($($segment)::+, $crate::__private::utoipa_axum::routes!($($segment)::+)))+
    };
}
