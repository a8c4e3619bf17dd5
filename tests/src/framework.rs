//! A framework over axum, as an application sees one: it owns the state, and starts the router.

use axum::Router;

/// The state that the framework creates and passes to its hooks. Applications cannot add a field, and, because of the
/// orphan rule, cannot implement `FromRef` for it.
#[derive(Clone, Debug)]
pub struct AppContext {
    /// The name of the environment.
    pub environment: &'static str,
}

/// The hooks of an application.
pub trait Hooks {
    /// The routes of the framework's own kind.
    fn routes() -> Router<AppContext>;

    /// Adds to the finished router.
    fn after_routes(router: Router, context: &AppContext) -> Router;
}

/// Starts an application: the framework's order of calls.
pub fn boot<H: Hooks>() -> Router {
    let context = AppContext { environment: "test" };
    let router = H::routes().with_state(context.clone());
    H::after_routes(router, &context)
}
