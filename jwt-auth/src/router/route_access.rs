//! `RouteAccess`: the requirements of the guard of a route.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::guard::{GuardKind, GuardSpec};
use crate::token::Permission;

/// The requirements of the guard of a route.
///
/// The [`Manifest`](crate::router::Manifest) lists one for each route.
///
/// ```
/// use jwt_auth::{GuardedRouter, jwt_required, routing::get};
///
/// #[jwt_required(fresh, scopes("account:delete"), audience = "https://accounts.example")]
/// async fn delete_account() {}
///
/// let router: GuardedRouter = GuardedRouter::new().route("/account", get(delete_account));
/// let manifest = router.manifest();
/// let access = manifest.entries()[0].access();
/// assert_eq!(access.guard(), "access");
/// assert!(access.is_fresh() && !access.is_public());
/// assert_eq!(access.scopes(), ["account:delete"]);
/// assert_eq!(access.audience(), Some("https://accounts.example"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[allow(clippy::struct_excessive_bools, reason = "each is an argument of an attribute")]
pub struct RouteAccess {
    guard: &'static str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    optional: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    fresh: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    dpop: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_age: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scopes: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    any_scope: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    and_any_scope: Vec<Vec<String>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    roles: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    any_role: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    and_any_role: Vec<Vec<String>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    locations: Vec<&'static str>,
    /// `strict` if the store itself is checked, `skip` if `danger` skips the check.
    #[serde(skip_serializing_if = "Option::is_none")]
    revocation: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audience: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    check: Option<&'static str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    same_origin: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    reads_token: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    layers: Vec<&'static str>,
}

impl RouteAccess {
    pub(super) fn of(spec: &GuardSpec) -> Self {
        let names = |list: &[&dyn Permission]| list.iter().map(|p| p.name().to_owned()).collect();
        Self {
            guard: spec.kind.name(),
            optional: spec.optional,
            fresh: spec.fresh,
            dpop: spec.dpop,
            max_age: spec.max_age.map(|age| age.as_secs()),
            scopes: names(spec.scopes),
            any_scope: names(spec.any_scope),
            and_any_scope: Vec::new(),
            roles: names(spec.roles),
            any_role: names(spec.any_role),
            and_any_role: Vec::new(),
            locations: spec.locations.iter().map(|location| location.name()).collect(),
            revocation: spec.revocation.name(),
            audience: spec.audience,
            check: spec.check,
            same_origin: spec.same_origin,
            reads_token: spec.reads_token,
            why: None,
            layers: Vec::new(),
        }
    }

    pub(super) fn unguarded(why: &'static str) -> Self {
        Self { guard: "unguarded", why: Some(why), ..Self::of(&GuardSpec::PUBLIC) }
    }

    /// Adds what a router requires; `false` if anyone may call the route.
    pub(super) fn require(&mut self, spec: &GuardSpec) -> bool {
        if self.guard == GuardKind::Public.name() || self.why.is_some() {
            return false;
        }
        let group = Self::of(spec);
        self.optional = false;
        self.fresh |= group.fresh;
        self.dpop |= group.dpop;
        self.max_age = self.max_age.into_iter().chain(group.max_age).min();
        for (own, more) in [(&mut self.scopes, group.scopes), (&mut self.roles, group.roles)] {
            for name in more {
                if !own.contains(&name) {
                    own.push(name);
                }
            }
        }
        for (own, others, more) in [
            (&mut self.any_scope, &mut self.and_any_scope, group.any_scope),
            (&mut self.any_role, &mut self.and_any_role, group.any_role),
        ] {
            if own.is_empty() {
                *own = more;
            } else if !more.is_empty() && *own != more && !others.contains(&more) {
                others.push(more);
            }
        }
        true
    }

    /// `public`, `access`, `refresh` or `unguarded`.
    ///
    /// ```
    /// # use jwt_auth::{GuardedRouter, jwt_required, public, refresh_required, routing::get};
    /// #[refresh_required]
    /// async fn refresh() {}
    ///
    /// # let router: GuardedRouter = GuardedRouter::new().route("/", get(refresh));
    /// # let manifest = router.manifest();
    /// # let access = manifest.entries()[0].access();
    /// assert_eq!(access.guard(), "refresh");
    /// ```
    pub fn guard(&self) -> &str {
        self.guard
    }

    /// Whether a request without a token is admitted.
    ///
    /// True for `#[public]`, for `optional`, and for routes without a guard.
    ///
    /// ```
    /// # use jwt_auth::{GuardedRouter, jwt_required, public, refresh_required, routing::get};
    /// #[jwt_required(optional)]
    /// async fn home() {}
    ///
    /// # let router: GuardedRouter = GuardedRouter::new().route("/", get(home));
    /// # let manifest = router.manifest();
    /// # let access = manifest.entries()[0].access();
    /// assert!(access.is_public());
    /// ```
    pub fn is_public(&self) -> bool {
        self.guard == GuardKind::Public.name() || self.optional || self.why.is_some()
    }

    /// Whether a request without a token is admitted, and a bad token refused.
    ///
    /// ```
    /// # use jwt_auth::{GuardedRouter, jwt_required, public, refresh_required, routing::get};
    /// #[public]
    /// async fn health() {}
    ///
    /// # let router: GuardedRouter = GuardedRouter::new().route("/", get(health));
    /// # let manifest = router.manifest();
    /// # let access = manifest.entries()[0].access();
    /// assert!(access.is_public() && !access.is_optional(), "`#[public]` reads no token");
    /// ```
    pub fn is_optional(&self) -> bool {
        self.optional
    }

    /// Whether the token must come from a log-in.
    ///
    /// ```
    /// # use jwt_auth::{GuardedRouter, jwt_required, public, refresh_required, routing::get};
    /// #[jwt_required(fresh)]
    /// async fn change_password() {}
    ///
    /// # let router: GuardedRouter = GuardedRouter::new().route("/", get(change_password));
    /// # let manifest = router.manifest();
    /// # let access = manifest.entries()[0].access();
    /// assert!(access.is_fresh());
    /// ```
    pub fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// Whether the token must be bound to a key, and come with its DPoP proof.
    ///
    /// ```
    /// # use jwt_auth::{GuardedRouter, jwt_required, routing::post};
    /// #[jwt_required(dpop)]
    /// async fn pay() {}
    ///
    /// let router: GuardedRouter = GuardedRouter::new().route("/pay", post(pay));
    /// assert!(router.manifest().entries()[0].access().requires_dpop());
    /// assert_eq!(router.manifest().to_string(), "POST /pay  access  dpop\n");
    /// ```
    pub fn requires_dpop(&self) -> bool {
        self.dpop
    }

    /// The maximum time since the log-in.
    ///
    /// ```
    /// # use jwt_auth::{GuardedRouter, jwt_required, public, refresh_required, routing::get};
    /// #[jwt_required(max_age = "10m")]
    /// async fn change_password() {}
    ///
    /// # let router: GuardedRouter = GuardedRouter::new().route("/", get(change_password));
    /// # let manifest = router.manifest();
    /// # let access = manifest.entries()[0].access();
    /// assert_eq!(access.max_age(), Some(std::time::Duration::from_secs(600)));
    /// ```
    pub fn max_age(&self) -> Option<Duration> {
        self.max_age.map(Duration::from_secs)
    }

    /// The scopes that the token must all have.
    ///
    /// ```
    /// # use jwt_auth::{GuardedRouter, jwt_required, public, refresh_required, routing::get};
    /// #[jwt_required(scopes("notes:read", "notes:write"))]
    /// async fn notes() {}
    ///
    /// # let router: GuardedRouter = GuardedRouter::new().route("/", get(notes));
    /// # let manifest = router.manifest();
    /// # let access = manifest.entries()[0].access();
    /// assert_eq!(access.scopes(), ["notes:read", "notes:write"]);
    /// ```
    pub fn scopes(&self) -> &[String] {
        &self.scopes
    }

    /// The scopes of which the token must have at least one.
    ///
    /// ```
    /// # use jwt_auth::{GuardedRouter, jwt_required, public, refresh_required, routing::get};
    /// #[jwt_required(any_scope("notes:read", "admin"))]
    /// async fn notes() {}
    ///
    /// # let router: GuardedRouter = GuardedRouter::new().route("/", get(notes));
    /// # let manifest = router.manifest();
    /// # let access = manifest.entries()[0].access();
    /// assert_eq!(access.any_scope(), ["notes:read", "admin"]);
    /// assert!(access.scopes().is_empty());
    /// ```
    pub fn any_scope(&self) -> &[String] {
        &self.any_scope
    }

    /// Further lists of scopes, of each of which the token must have at least one.
    ///
    /// They come from routers around the route, beside a list of its handler ([`Require::any_scope`](crate::router::Require::any_scope)).
    ///
    /// ```
    /// # use jwt_auth::{GuardedRouter, jwt_required, router::Require, routing::get};
    /// #[jwt_required(any_scope("notes:read", "admin"))]
    /// async fn notes() {}
    ///
    /// let router: GuardedRouter = GuardedRouter::new()
    ///     .require(Require::any_scope(["eu", "us"]))
    ///     .route("/", get(notes));
    /// let manifest = router.manifest();
    /// let access = manifest.entries()[0].access();
    /// assert_eq!(access.any_scope(), ["notes:read", "admin"]);
    /// assert_eq!(access.and_any_scope(), [["eu", "us"]]);
    /// ```
    pub fn and_any_scope(&self) -> &[Vec<String>] {
        &self.and_any_scope
    }

    /// Further lists of roles, of each of which the token must have at least one; as [`and_any_scope`](Self::and_any_scope).
    ///
    /// ```
    /// # use jwt_auth::{GuardedRouter, jwt_required, router::Require, routing::get};
    /// #[jwt_required(any_role("editor", "author"))]
    /// async fn notes() {}
    ///
    /// let router: GuardedRouter = GuardedRouter::new()
    ///     .require(Require::any_role(["staff", "partner"]))
    ///     .route("/", get(notes));
    /// assert_eq!(router.manifest().entries()[0].access().and_any_role(), [["staff", "partner"]]);
    /// ```
    pub fn and_any_role(&self) -> &[Vec<String>] {
        &self.and_any_role
    }

    /// The roles that the token must all have.
    ///
    /// ```
    /// # use jwt_auth::{GuardedRouter, jwt_required, public, refresh_required, routing::get};
    /// #[jwt_required(roles("editor"))]
    /// async fn notes() {}
    ///
    /// # let router: GuardedRouter = GuardedRouter::new().route("/", get(notes));
    /// # let manifest = router.manifest();
    /// # let access = manifest.entries()[0].access();
    /// assert_eq!(access.roles(), ["editor"]);
    /// ```
    pub fn roles(&self) -> &[String] {
        &self.roles
    }

    /// The roles of which the token must have at least one.
    ///
    /// ```
    /// # use jwt_auth::{GuardedRouter, jwt_required, public, refresh_required, routing::get};
    /// #[jwt_required(any_role("editor", "admin"))]
    /// async fn notes() {}
    ///
    /// # let router: GuardedRouter = GuardedRouter::new().route("/", get(notes));
    /// # let manifest = router.manifest();
    /// # let access = manifest.entries()[0].access();
    /// assert_eq!(access.any_role(), ["editor", "admin"]);
    /// ```
    pub fn any_role(&self) -> &[String] {
        &self.any_role
    }

    /// The locations of the token, if the route has its own.
    ///
    /// ```
    /// # use jwt_auth::{GuardedRouter, jwt_required, public, refresh_required, routing::get};
    /// #[jwt_required(locations(cookie, header))]
    /// async fn notes() {}
    ///
    /// # let router: GuardedRouter = GuardedRouter::new().route("/", get(notes));
    /// # let manifest = router.manifest();
    /// # let access = manifest.entries()[0].access();
    /// assert_eq!(access.locations(), ["cookie", "header"]);
    /// ```
    pub fn locations(&self) -> &[&'static str] {
        &self.locations
    }

    /// `strict` or `skip`, if the route changes the revocation check.
    ///
    /// ```
    /// # use jwt_auth::{GuardedRouter, jwt_required, public, refresh_required, routing::get};
    /// #[jwt_required(revocation = "strict")]
    /// async fn transfer() {}
    ///
    /// # let router: GuardedRouter = GuardedRouter::new().route("/", get(transfer));
    /// # let manifest = router.manifest();
    /// # let access = manifest.entries()[0].access();
    /// assert_eq!(access.revocation(), Some("strict"));
    /// ```
    pub fn revocation(&self) -> Option<&str> {
        self.revocation
    }

    /// The audience, if the route has its own.
    ///
    /// ```
    /// # use jwt_auth::{GuardedRouter, jwt_required, public, refresh_required, routing::get};
    /// #[jwt_required(audience = "https://reports.example")]
    /// async fn reports() {}
    ///
    /// # let router: GuardedRouter = GuardedRouter::new().route("/", get(reports));
    /// # let manifest = router.manifest();
    /// # let access = manifest.entries()[0].access();
    /// assert_eq!(access.audience(), Some("https://reports.example"));
    /// ```
    pub fn audience(&self) -> Option<&str> {
        self.audience
    }

    /// The path of the application's check function, if the route has one.
    ///
    /// ```
    /// # use jwt_auth::{GuardedRouter, jwt_required, public, refresh_required, routing::get};
    /// fn is_staff(token: &jwt_auth::AccessToken) -> bool {
    ///     token.subject().ends_with("@example.com")
    /// }
    ///
    /// #[jwt_required(check = is_staff)]
    /// async fn notes() {}
    ///
    /// # let router: GuardedRouter = GuardedRouter::new().route("/", get(notes));
    /// # let manifest = router.manifest();
    /// # let access = manifest.entries()[0].access();
    /// assert_eq!(access.check(), Some("is_staff"));
    /// ```
    pub fn check(&self) -> Option<&str> {
        self.check
    }

    /// The reason why the route has no guard, if it has none.
    ///
    /// ```
    /// use jwt_auth::GuardedRouter;
    ///
    /// let router: GuardedRouter = GuardedRouter::new().unguarded("API docs", axum::Router::new());
    /// let manifest = router.manifest();
    /// assert_eq!(manifest.entries()[0].access().why(), Some("API docs"));
    /// ```
    pub fn why(&self) -> Option<&str> {
        self.why
    }

    /// Whether only pages of the request's own origin may send requests that change something.
    ///
    /// ```
    /// # use jwt_auth::{GuardedRouter, public, routing::post};
    /// #[public(same_origin)]
    /// async fn log_in() {}
    ///
    /// # let router: GuardedRouter = GuardedRouter::new().route("/", post(log_in));
    /// assert!(router.manifest().entries()[0].access().is_same_origin());
    /// ```
    pub fn is_same_origin(&self) -> bool {
        self.same_origin
    }

    /// Whether a public handler reads the token of a visitor who has one.
    ///
    /// ```
    /// # use jwt_auth::{AccessToken, AuthError, GuardedRouter, public, routing::get};
    /// #[public]
    /// async fn home(visitor: Result<AccessToken, AuthError>) {}
    ///
    /// # let router: GuardedRouter = GuardedRouter::new().route("/", get(home));
    /// assert!(router.manifest().entries()[0].access().reads_token());
    /// ```
    pub fn reads_token(&self) -> bool {
        self.reads_token
    }

    /// The names of the layers before the guard, the outermost first.
    ///
    /// A layer runs before the guard, and may respond by itself. The layers of this crate, and those of axum that only
    /// add to the request, are not listed.
    ///
    /// ```
    /// # use jwt_auth::{GuardedRouter, public, routing::get};
    /// # #[public]
    /// # async fn health() {}
    /// use axum::middleware::{Next, from_fn};
    ///
    /// async fn maintenance(request: axum::extract::Request, _: Next) -> &'static str {
    ///     drop(request);
    ///     "back at noon"
    /// }
    ///
    /// let router: GuardedRouter =
    ///     GuardedRouter::new().route("/health", get(health)).layer(from_fn(maintenance));
    /// assert_eq!(router.manifest().entries()[0].access().layers(), ["FromFnLayer"]);
    /// ```
    pub fn layers(&self) -> &[&'static str] {
        &self.layers
    }

    /// Records a layer in front of the others.
    pub(super) fn add_layer(&mut self, name: Option<&'static str>) {
        self.layers.splice(0..0, name);
    }
}

impl fmt::Display for RouteAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.guard)?;
        for (flag, name) in
            [(self.optional, "optional"), (self.fresh, "fresh"), (self.dpop, "dpop")]
        {
            if flag {
                write!(f, "  {name}")?;
            }
        }
        for (flag, name) in [(self.same_origin, "same_origin"), (self.reads_token, "reads token")] {
            if flag {
                write!(f, "  {name}")?;
            }
        }
        if let Some(age) = self.max_age {
            write!(f, "  max_age({age}s)")?;
        }
        let lists = [("scopes", &self.scopes), ("any_scope", &self.any_scope)]
            .into_iter()
            .chain(self.and_any_scope.iter().map(|list| ("any_scope", list)))
            .chain([("roles", &self.roles), ("any_role", &self.any_role)])
            .chain(self.and_any_role.iter().map(|list| ("any_role", list)));
        for (names, list) in lists {
            if !list.is_empty() {
                write!(f, "  {names}({})", list.join(" "))?;
            }
        }
        if !self.locations.is_empty() {
            write!(f, "  locations({})", self.locations.join(" "))?;
        }
        for (name, value) in [
            ("revocation", self.revocation),
            ("audience", self.audience),
            ("check", self.check),
            ("why", self.why),
        ] {
            if let Some(value) = value {
                write!(f, "  {name}({value})")?;
            }
        }
        if !self.layers.is_empty() {
            write!(f, "  behind({})", self.layers.join(" "))?;
        }
        Ok(())
    }
}

/// The name of a layer that may respond by itself; `None` for those of this crate, and for those that only add to the
/// request.
pub(super) fn layer_name<L>() -> Option<&'static str> {
    let name = std::any::type_name::<L>();
    let path = name.split('<').next().unwrap_or(name);
    let (krate, name) = (path.split("::").next(), path.rsplit("::").next().unwrap_or(path));
    let is_harmless = krate == Some("jwt_auth")
        || matches!(name, "DefaultBodyLimit" | "Extension" | "Identity" | "TraceLayer");
    (!is_harmless).then_some(name)
}
