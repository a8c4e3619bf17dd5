//! Requirements as values: for a group of routes, and for a service that is no handler.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use axum_core::response::Response;
use http::request::Parts;

use crate::auth::{JwtAuth, Lookup};
use crate::config::TokenLocation;
use crate::error::AuthErrorKind;
use crate::event::{RequestLine, admitted};
use crate::guard::admission::admit;
use crate::guard::check::{GuardRefusal, run_checks};
use crate::guard::{Check, CheckContext, CheckRefusal, GuardSpec, RunChecks, ServiceChecks};
use crate::token::{AccessToken, Permission};
use crate::web::original_uri;

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

    /// The token must also be bound to a key, and come with its DPoP proof (RFC 9449).
    ///
    /// ```
    /// # use jwt_auth::{GuardedRouter, router::Require};
    /// let router: GuardedRouter = GuardedRouter::new().require(Require::scopes(["payments"]).dpop());
    /// # drop(router);
    /// ```
    pub const fn dpop(mut self) -> Self {
        self.spec.dpop = true;
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
#[must_use = "a guard does nothing before `router.guarded_service(…)`"]
pub struct ServiceGuard<C = ()> {
    pub(crate) spec: GuardSpec,
    checks: PhantomData<fn() -> C>,
}

impl<C> Clone for ServiceGuard<C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C> Copy for ServiceGuard<C> {}

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
    let spec = GuardSpec { remembers_for_parameters: true, ..GuardSpec::ACCESS };
    ServiceGuard { spec, checks: PhantomData }
}

impl<C> ServiceGuard<C> {
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

    /// The token must be bound to a key, and come with its DPoP proof (RFC 9449).
    ///
    /// ```
    /// let guard = jwt_auth::guard::required().dpop();
    /// # drop(guard);
    /// ```
    pub const fn dpop(mut self) -> Self {
        self.spec.dpop = true;
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

impl<C> ServiceGuard<C> {
    /// A [`#[check]`](crate::check), which runs after the rules of the token and after earlier checks.
    ///
    /// ```
    /// use jwt_auth::{AccessToken, AuthError, GuardedRouter, check, guard};
    ///
    /// #[check]
    /// async fn own_tenant(token: AccessToken) -> Result<(), AuthError> {
    ///     if token.subject() == "alice" { Ok(()) } else { Err(AuthError::forbidden("not your tenant")) }
    /// }
    ///
    /// let reports = axum::routing::any(async || "a report");
    /// let router: GuardedRouter =
    ///     GuardedRouter::new().guarded_service("/reports", guard::required().check::<own_tenant>(), reports);
    /// assert_eq!(router.manifest().entries()[0].access().check(), Some("own_tenant"));
    /// ```
    pub fn check<P: Check>(self) -> ServiceGuard<(C, P)> {
        let name = match self.spec.check {
            None => P::NAME,
            Some(earlier) => {
                let earlier = earlier.strip_prefix("all(").and_then(|all| all.strip_suffix(')'));
                let earlier = earlier.or(self.spec.check).unwrap_or_default();
                Box::leak(format!("all({earlier}, {})", P::NAME).into_boxed_str())
            }
        };
        let spec = GuardSpec { check: Some(name), ..self.spec };
        ServiceGuard { spec, checks: PhantomData }
    }

    /// The token of the request, if the guard admits it.
    pub(crate) async fn admit<S>(
        &self,
        auth: &JwtAuth,
        parts: &mut Parts,
        state: &S,
    ) -> Result<AccessToken, Response>
    where
        S: Send + Sync,
        C: ServiceChecks<S>,
    {
        auth.prepare_response(parts);
        let token = self.token(auth, parts, state).await;
        token.map_err(|refusal| refusal.into_response(&self.spec, auth, parts))
    }

    async fn token<S>(
        &self,
        auth: &JwtAuth,
        parts: &mut Parts,
        state: &S,
    ) -> Result<AccessToken, GuardRefusal>
    where
        S: Send + Sync,
        C: ServiceChecks<S>,
    {
        let admission = admit(auth, parts, &self.spec).await?.ok_or(AuthErrorKind::Missing)?;
        if self.spec.check.is_some() {
            run_checks::<Self, S>(&self.spec, auth, parts, state, &admission).await?;
        }
        admitted(self.spec.kind.name(), || {
            RequestLine::new(parts.method.as_str(), original_uri(parts).path())
        });
        Ok(admission.into_proof(auth, parts).into_access()?)
    }
}

impl<S: Send + Sync, C: ServiceChecks<S>> RunChecks<S> for ServiceGuard<C> {
    async fn run_checks(mut context: CheckContext<'_, S>) -> Result<(), CheckRefusal> {
        C::run_in(&mut context).await
    }
}

impl<C> fmt::Debug for ServiceGuard<C> {
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
