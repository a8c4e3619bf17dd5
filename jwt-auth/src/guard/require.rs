//! Requirements as values: for a group of routes, and for a service that is no handler.

use std::fmt;
use std::time::Duration;

use http::request::Parts;

use crate::auth::{JwtAuth, Lookup};
use crate::config::TokenLocation;
use crate::error::{AuthError, AuthErrorKind};
use crate::guard::admission::admit;
use crate::guard::{GuardSpec, Permission};
use crate::token::AccessToken;

/// What a [`GuardedRouter`](crate::GuardedRouter::require) requires of every token, beside what each handler requires.
///
/// ```
/// use jwt_auth::router::Require;
/// use jwt_auth::{GuardedRouter, jwt_required, routing::get};
///
/// #[jwt_required]
/// async fn users() {}
///
/// let admin: GuardedRouter =
///     GuardedRouter::new().require(Require::roles(["admin"]).fresh()).route("/users", get(users));
/// assert_eq!(admin.manifest().to_string(), "GET /users  access  fresh  roles(admin)\n");
/// ```
#[derive(Clone, Copy)]
#[must_use = "a requirement does nothing before `router.require(…)`"]
pub struct Require {
    pub(crate) spec: GuardSpec,
}

impl Require {
    /// A valid token.
    ///
    /// It makes `optional` guards required, and refuses public handlers when the router is built.
    ///
    /// ```
    /// use jwt_auth::router::Require;
    /// use jwt_auth::{GuardedRouter, jwt_required, routing::get};
    ///
    /// #[jwt_required(optional)]
    /// async fn home() {}
    ///
    /// let router: GuardedRouter = GuardedRouter::new().require(Require::token()).route("/", get(home));
    /// assert_eq!(router.manifest().to_string(), "GET /  access\n");
    /// ```
    pub const fn token() -> Self {
        Self { spec: GuardSpec::ACCESS }
    }

    /// All of these scopes.
    ///
    /// ```
    /// # use jwt_auth::{GuardedRouter, router::Require};
    /// let router: GuardedRouter = GuardedRouter::new().require(Require::scopes(["notes:read"]));
    /// # drop(router);
    /// ```
    pub fn scopes<P: Permission + 'static>(scopes: impl IntoIterator<Item = P>) -> Self {
        Self { spec: GuardSpec { scopes: permissions(scopes), ..GuardSpec::ACCESS } }
    }

    /// At least one of these scopes.
    ///
    /// ```
    /// # use jwt_auth::{GuardedRouter, router::Require};
    /// let router: GuardedRouter = GuardedRouter::new().require(Require::any_scope(["notes:read", "notes:admin"]));
    /// # drop(router);
    /// ```
    pub fn any_scope<P: Permission + 'static>(scopes: impl IntoIterator<Item = P>) -> Self {
        Self { spec: GuardSpec { any_scope: permissions(scopes), ..GuardSpec::ACCESS } }
    }

    /// All of these roles.
    ///
    /// ```
    /// # use jwt_auth::{GuardedRouter, router::Require};
    /// let router: GuardedRouter = GuardedRouter::new().require(Require::roles(["admin"]));
    /// # drop(router);
    /// ```
    pub fn roles<P: Permission + 'static>(roles: impl IntoIterator<Item = P>) -> Self {
        Self { spec: GuardSpec { roles: permissions(roles), ..GuardSpec::ACCESS } }
    }

    /// At least one of these roles.
    ///
    /// ```
    /// # use jwt_auth::{GuardedRouter, router::Require};
    /// let router: GuardedRouter = GuardedRouter::new().require(Require::any_role(["admin", "support"]));
    /// # drop(router);
    /// ```
    pub fn any_role<P: Permission + 'static>(roles: impl IntoIterator<Item = P>) -> Self {
        Self { spec: GuardSpec { any_role: permissions(roles), ..GuardSpec::ACCESS } }
    }

    /// The token must also come from a log-in.
    ///
    /// ```
    /// # use jwt_auth::{GuardedRouter, router::Require};
    /// let router: GuardedRouter = GuardedRouter::new().require(Require::token().fresh());
    /// # drop(router);
    /// ```
    pub const fn fresh(mut self) -> Self {
        self.spec.fresh = true;
        self
    }

    /// The log-in must also be at most this long ago.
    ///
    /// ```
    /// # use jwt_auth::{GuardedRouter, router::Require};
    /// use std::time::Duration;
    ///
    /// let router: GuardedRouter =
    ///     GuardedRouter::new().require(Require::token().max_age(Duration::from_secs(600)));
    /// # drop(router);
    /// ```
    pub const fn max_age(mut self, age: Duration) -> Self {
        self.spec.max_age = Some(age);
        self
    }
}

impl fmt::Debug for Require {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Require").finish_non_exhaustive()
    }
}

/// The guard of a service: `#[jwt_required]` as a value.
///
/// [`required`] creates one, and [`GuardedRouter::guarded_service`](crate::GuardedRouter::guarded_service) takes it.
///
/// ```
/// let guard: jwt_auth::guard::ServiceGuard = jwt_auth::guard::required().roles(["operator"]);
/// # drop(guard);
/// ```
#[derive(Clone, Copy)]
#[must_use = "a guard does nothing before `router.guarded_service(…)`"]
pub struct ServiceGuard {
    pub(crate) spec: GuardSpec,
}

/// A guard that requires a valid access token; its methods are the arguments of `#[jwt_required]`.
///
/// ```
/// use jwt_auth::{GuardedRouter, guard};
///
/// let reports = axum::routing::any(async || "a report");
/// let router: GuardedRouter =
///     GuardedRouter::new().guarded_service("/reports", guard::required().scopes(["reports"]), reports);
/// assert_eq!(router.manifest().entries()[0].access().scopes(), ["reports"]);
/// ```
pub const fn required() -> ServiceGuard {
    ServiceGuard { spec: GuardSpec { remembers_for_parameters: true, ..GuardSpec::ACCESS } }
}

impl ServiceGuard {
    /// All of these scopes.
    ///
    /// ```
    /// let guard = jwt_auth::guard::required().scopes(["notes:read", "notes:write"]);
    /// # drop(guard);
    /// ```
    pub fn scopes<P: Permission + 'static>(mut self, scopes: impl IntoIterator<Item = P>) -> Self {
        self.spec.scopes = permissions(scopes);
        self
    }

    /// At least one of these scopes.
    ///
    /// ```
    /// let guard = jwt_auth::guard::required().any_scope(["notes:read", "admin"]);
    /// # drop(guard);
    /// ```
    pub fn any_scope<P: Permission + 'static>(
        mut self,
        scopes: impl IntoIterator<Item = P>,
    ) -> Self {
        self.spec.any_scope = permissions(scopes);
        self
    }

    /// All of these roles.
    ///
    /// ```
    /// let guard = jwt_auth::guard::required().roles(["operator"]);
    /// # drop(guard);
    /// ```
    pub fn roles<P: Permission + 'static>(mut self, roles: impl IntoIterator<Item = P>) -> Self {
        self.spec.roles = permissions(roles);
        self
    }

    /// At least one of these roles.
    ///
    /// ```
    /// let guard = jwt_auth::guard::required().any_role(["operator", "admin"]);
    /// # drop(guard);
    /// ```
    pub fn any_role<P: Permission + 'static>(mut self, roles: impl IntoIterator<Item = P>) -> Self {
        self.spec.any_role = permissions(roles);
        self
    }

    /// The token must come from a log-in.
    ///
    /// ```
    /// let guard = jwt_auth::guard::required().fresh();
    /// # drop(guard);
    /// ```
    pub const fn fresh(mut self) -> Self {
        self.spec.fresh = true;
        self
    }

    /// The log-in must be at most this long ago (RFC 9470).
    ///
    /// ```
    /// let guard = jwt_auth::guard::required().max_age(std::time::Duration::from_secs(600));
    /// # drop(guard);
    /// ```
    pub const fn max_age(mut self, age: Duration) -> Self {
        self.spec.max_age = Some(age);
        self
    }

    /// Where to look for the token, in this order, instead of the configured locations.
    ///
    /// ```
    /// use jwt_auth::{TokenLocation, guard};
    /// let guard = guard::required().locations([TokenLocation::Header]);
    /// # drop(guard);
    /// ```
    pub fn locations(mut self, locations: impl IntoIterator<Item = TokenLocation>) -> Self {
        self.spec.locations = for_ever(locations);
        self
    }

    /// The audience of this service, instead of the configured ones.
    ///
    /// ```
    /// let guard = jwt_auth::guard::required().audience("https://mcp.example");
    /// # drop(guard);
    /// ```
    pub const fn audience(mut self, audience: &'static str) -> Self {
        self.spec.audience = Some(audience);
        self
    }

    /// Checks the store itself for revocations, as `revocation = "strict"` does.
    ///
    /// ```
    /// let guard = jwt_auth::guard::required().strict_revocation();
    /// # drop(guard);
    /// ```
    pub const fn strict_revocation(mut self) -> Self {
        self.spec.revocation = Lookup::Strict;
        self
    }
}

impl ServiceGuard {
    /// The token of the request, if the guard admits it.
    pub(crate) async fn admit(
        &self,
        auth: &JwtAuth,
        parts: &mut Parts,
    ) -> Result<AccessToken, AuthError> {
        auth.prepare_response(parts);
        let admitted = match admit(auth, parts, &self.spec).await {
            Ok(Some(admission)) => admission.into_proof(auth, parts).into_access(),
            Ok(None) => Err(AuthErrorKind::Missing.into()),
            Err(refusal) => Err(refusal),
        };
        admitted.map_err(|refusal| self.spec.refuse(refusal, auth, parts))
    }
}

impl fmt::Debug for ServiceGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceGuard").finish_non_exhaustive()
    }
}

fn permissions<P: Permission + 'static>(
    names: impl IntoIterator<Item = P>,
) -> &'static [&'static dyn Permission] {
    for_ever(names.into_iter().map(|name| &*Box::leak(Box::new(name)) as &'static dyn Permission))
}

/// Stores a list for the life of the process, as the lists of attributes are. A program builds its routers once.
fn for_ever<T>(list: impl IntoIterator<Item = T>) -> &'static [T] {
    Box::leak(list.into_iter().collect())
}
