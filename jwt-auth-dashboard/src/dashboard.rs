//! `Dashboard`: the method that adds the page to a router.

use jwt_auth::GuardedRouter;
use jwt_auth::router::HoldsJwtAuth;

/// Adds the developer's page to a router.
///
/// ```
/// use jwt_auth::{AccessToken, Config, GuardedRouter, KeyMaterial, jwt_required, routing::get};
/// use jwt_auth_dashboard::Dashboard as _;
///
/// #[jwt_required]
/// async fn me(token: AccessToken) -> String {
///     token.subject().to_owned()
/// }
///
/// let auth = Config::hs256(KeyMaterial::ephemeral()).build()?;
/// let app: axum::Router = GuardedRouter::new().route("/me", get(me)).dashboard().with_state(auth);
/// # drop(app);
/// # Ok::<(), jwt_auth::ConfigError>(())
/// ```
pub trait Dashboard: Sized {
    /// Adds the page at `/_jwt-auth`, in a debug build. In a release build it returns the router unchanged.
    ///
    /// Call it after the last route, because the page lists the routes that the router has by then, and take a
    /// [manifest](GuardedRouter::manifest) for a snapshot before: the page is a line in it, without a guard.
    ///
    /// # Panics
    ///
    /// If the router has a [`require`](GuardedRouter::require): the page needs no token. Nest that router in one without.
    ///
    /// ```
    /// use jwt_auth::{GuardedRouter, JwtAuth};
    /// use jwt_auth_dashboard::Dashboard as _;
    ///
    /// let router: GuardedRouter<JwtAuth> = GuardedRouter::new().dashboard();
    /// let is_debug = cfg!(debug_assertions);
    /// assert_eq!(router.manifest().entries().len(), usize::from(is_debug));
    /// ```
    #[must_use]
    #[track_caller]
    fn dashboard(self) -> Self;
}

impl<S> Dashboard for GuardedRouter<S>
where
    S: HoldsJwtAuth + Clone + Send + Sync + 'static,
{
    #[cfg(debug_assertions)]
    fn dashboard(self) -> Self {
        let page = crate::serve::page(self.manifest());
        self.unguarded("the developer's page, debug builds on this machine only", page)
    }

    #[cfg(not(debug_assertions))]
    fn dashboard(self) -> Self {
        self
    }
}
