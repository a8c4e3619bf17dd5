//! The manifest: every route, and what its guard requires.

use std::fmt;

use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

use crate::auth::JwtAuth;
use crate::guard::GuardSpec;
use crate::router::RouteAccess;
use crate::router::routing::Route;

/// Every route of a [`GuardedRouter`](crate::GuardedRouter), with its guard.
///
/// It prints as a table and serialises as JSON, in the order of path and method. Both change only when the routes
/// do, so a test can compare them with a snapshot.
///
/// ```
/// use jwt_auth::{GuardedRouter, JwtAuth, jwt_required, routing::get};
///
/// #[jwt_required(scopes("notes:read"))]
/// async fn notes() {}
///
/// let router: GuardedRouter<JwtAuth> = GuardedRouter::new().route("/notes", get(notes));
/// assert_eq!(router.manifest().to_string(), "GET /notes  access  scopes(notes:read)\n");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    entries: Vec<ManifestEntry>,
    /// The issuers whose tokens are accepted beside our own.
    issuers: Vec<String>,
}

/// One route of a [`Manifest`].
///
/// ```
/// use jwt_auth::{GuardedRouter, public, routing::get};
///
/// #[public]
/// async fn health() {}
///
/// let router: GuardedRouter = GuardedRouter::new().route("/health", get(health));
/// let manifest = router.manifest();
/// let entry = &manifest.entries()[0];
/// assert_eq!((entry.method(), entry.path(), entry.access().guard()), ("GET", "/health", "public"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ManifestEntry {
    path: String,
    method: &'static str,
    #[serde(flatten)]
    access: RouteAccess,
    #[serde(skip)]
    handler: &'static str,
}

impl ManifestEntry {
    /// Adds what the routers around the route require.
    ///
    /// # Panics
    ///
    /// If anyone may call the route: it could not be both.
    #[track_caller]
    fn require(mut self, required: &[&GuardSpec]) -> Self {
        for spec in required {
            let Self { method, path, access, handler } = &mut self;
            assert!(
                access.require(spec),
                "`{method} {path}` {handler} is {access}, but its router requires {}; move the route to a router without `.require(…)`, or annotate the handler with `#[jwt_required]`",
                RouteAccess::of(spec)
            );
        }
        self
    }

    /// The path of the handler's function, such as `shop::orders::list`; empty for a service.
    ///
    /// ```
    /// # use jwt_auth::{GuardedRouter, public, routing::get};
    /// # #[public]
    /// # async fn health() {}
    /// let router: GuardedRouter = GuardedRouter::new().route("/health", get(health));
    /// assert!(router.manifest().entries()[0].handler().ends_with("::health"));
    /// ```
    pub fn handler(&self) -> &'static str {
        self.handler
    }

    /// The path, as it was given to the router.
    ///
    /// ```
    /// # use jwt_auth::{GuardedRouter, public, routing::get};
    /// # #[public]
    /// # async fn health() {}
    /// let api = GuardedRouter::new().route("/health", get(health));
    /// let router: GuardedRouter = GuardedRouter::new().nest("/api", api);
    /// assert_eq!(router.manifest().entries()[0].path(), "/api/health");
    /// ```
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The method. `ANY`: every method; `OTHER`: methods without a handler.
    ///
    /// `GET` also serves `HEAD`, under the same guard.
    ///
    /// ```
    /// # use jwt_auth::{GuardedRouter, public, routing::{any, post}};
    /// # #[public]
    /// # async fn health() {}
    /// # #[public]
    /// # async fn no_such_method() {}
    /// let router: GuardedRouter = GuardedRouter::new()
    ///     .route("/any", any(health))
    ///     .route("/post", post(health).fallback(no_such_method));
    /// let manifest = router.manifest();
    /// let methods: Vec<&str> = manifest.entries().iter().map(|entry| entry.method()).collect();
    /// assert_eq!(methods, ["ANY", "OTHER", "POST"]);
    /// ```
    pub fn method(&self) -> &str {
        self.method
    }

    /// The requirements of the guard.
    ///
    /// ```
    /// # use jwt_auth::{GuardedRouter, public, routing::get};
    /// # #[public]
    /// # async fn health() {}
    /// let router: GuardedRouter = GuardedRouter::new().route("/health", get(health));
    /// assert!(router.manifest().entries()[0].access().is_public());
    /// ```
    pub fn access(&self) -> &RouteAccess {
        &self.access
    }
}

/// The path of a fallback in the manifest.
pub(super) const FALLBACK: &str = "(fallback)";

impl Manifest {
    /// The manifest with the issuers whose tokens are accepted, so that a snapshot also shows which issuers are trusted.
    ///
    /// The table then ends with a line for each, and the JSON is an object with `routes` and `issuers`.
    ///
    /// ```
    /// use jwt_auth::config::TrustedIssuer;
    /// use jwt_auth::{Config, GuardedRouter, JwtAuth, KeyMaterial, KeyRing, jwt_required, routing::get};
    ///
    /// #[jwt_required]
    /// async fn notes() {}
    ///
    /// # let set = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    /// let issuer = TrustedIssuer::new("https://login.example", KeyRing::jwk_set(set)).audience(["notes"]);
    /// let auth = Config::hs256(KeyMaterial::ephemeral()).trust(issuer).build()?;
    /// let router: GuardedRouter<JwtAuth> = GuardedRouter::new().route("/notes", get(notes));
    /// let manifest = router.manifest().trusting(&auth);
    /// assert_eq!(manifest.to_string(), "GET /notes  access\n(issuer) https://login.example\n");
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    #[must_use]
    pub fn trusting(&self, auth: &JwtAuth) -> Self {
        let mut issuers: Vec<String> = auth.trusted_issuers().map(str::to_owned).collect();
        issuers.sort_unstable();
        Self { entries: self.entries.clone(), issuers }
    }

    /// The routes, in the order of path and method.
    ///
    /// A test that lists the public routes:
    ///
    /// ```
    /// # use jwt_auth::{GuardedRouter, jwt_required, public, routing::get};
    /// # #[public]
    /// # async fn health() {}
    /// # #[jwt_required]
    /// # async fn me() {}
    /// let router: GuardedRouter =
    ///     GuardedRouter::new().route("/me", get(me)).route("/health", get(health));
    /// let manifest = router.manifest();
    /// let public = manifest.entries().iter().filter(|entry| entry.access().is_public());
    /// let public: Vec<&str> = public.map(|entry| entry.path()).collect();
    /// assert_eq!(public, ["/health"], "a new public route is added to this list in a review");
    /// ```
    pub fn entries(&self) -> &[ManifestEntry] {
        &self.entries
    }

    /// Checks the access of every route whose path starts with a prefix, for a test.
    ///
    /// # Panics
    ///
    /// If the function returns `false` for one of them, with the routes that it refused; and if there is no such route,
    /// because the prefix is then misspelled.
    ///
    /// ```
    /// # use jwt_auth::{GuardedRouter, jwt_required, routing::get};
    /// #[jwt_required(roles("admin"))]
    /// async fn users() {}
    ///
    /// let router: GuardedRouter = GuardedRouter::new().route("/admin/users", get(users));
    /// router.manifest().assert_every("/admin", |access| access.roles() == ["admin"]);
    /// ```
    #[track_caller]
    pub fn assert_every(&self, prefix: &str, is_right: impl Fn(&RouteAccess) -> bool) {
        let below: Vec<&ManifestEntry> =
            self.entries.iter().filter(|entry| is_below(&entry.path, prefix)).collect();
        assert!(!below.is_empty(), "no route is below `{prefix}`");
        let wrong = below.into_iter().filter(|entry| !is_right(&entry.access)).cloned().collect();
        let wrong = Self { entries: wrong, issuers: Vec::new() };
        assert!(
            wrong.entries.is_empty(),
            "these routes below `{prefix}` have another access:\n{wrong}"
        );
    }

    /// The routes that any user may call: they require a token, and neither a scope, a role nor a check.
    ///
    /// This is the list to review: their handlers decide what a user may see.
    ///
    /// ```
    /// # use jwt_auth::{GuardedRouter, jwt_required, public, routing::get};
    /// # #[public]
    /// # async fn health() {}
    /// # #[jwt_required(scopes("notes:read"))]
    /// # async fn notes() {}
    /// #[jwt_required]
    /// async fn account() {}
    ///
    /// let router: GuardedRouter = GuardedRouter::new()
    ///     .route("/health", get(health))
    ///     .route("/notes", get(notes))
    ///     .route("/account", get(account));
    /// let manifest = router.manifest();
    /// let paths: Vec<&str> = manifest.routes_without_permission().map(|entry| entry.path()).collect();
    /// assert_eq!(paths, ["/account"]);
    /// ```
    pub fn routes_without_permission(&self) -> impl Iterator<Item = &ManifestEntry> {
        self.entries.iter().filter(|ManifestEntry { access, .. }| {
            let lists = [access.scopes(), access.any_scope(), access.roles(), access.any_role()];
            !access.is_public()
                && lists.iter().all(|list| list.is_empty())
                && access.check().is_none()
        })
    }

    #[track_caller]
    pub(super) fn add(&mut self, path: &str, routes: Vec<Route>, required: &[&GuardSpec]) {
        for Route { method, access, handler } in routes {
            let entry = ManifestEntry { path: path.to_owned(), method, access, handler };
            self.entries.push(entry.require(required));
        }
    }

    /// Adds the fallback, which replaces an earlier one.
    #[track_caller]
    pub(super) fn set_fallback(&mut self, route: Route, required: &[&GuardSpec]) {
        self.set(FALLBACK, route, required);
    }

    /// Adds the handler for methods that a route does not have, which replaces an earlier one.
    #[track_caller]
    pub(super) fn set_method_not_allowed(&mut self, route: Route, required: &[&GuardSpec]) {
        self.set("(method not allowed)", route, required);
    }

    #[track_caller]
    fn set(&mut self, path: &str, route: Route, required: &[&GuardSpec]) {
        self.entries.retain(|entry| entry.path != path);
        self.add(path, vec![route], required);
    }

    /// Adds a requirement to every route so far.
    #[track_caller]
    pub(super) fn require(&mut self, spec: &GuardSpec) {
        let entries = std::mem::take(&mut self.entries);
        self.entries = entries.into_iter().map(|entry| entry.require(&[spec])).collect();
    }

    /// Records a layer of every route added so far.
    pub(super) fn add_layer(&mut self, name: Option<&'static str>, includes_fallback: bool) {
        for entry in &mut self.entries {
            if includes_fallback || !entry.path.ends_with(FALLBACK) {
                entry.access.add_layer(name);
            }
        }
    }

    #[track_caller]
    pub(super) fn extend(
        &mut self,
        other: Self,
        path: impl Fn(&str) -> String,
        required: &[&GuardSpec],
    ) {
        for entry in other.entries {
            let moved = ManifestEntry { path: path(&entry.path), ..entry };
            self.entries.push(moved.require(required));
        }
    }

    pub(super) fn sorted(&self) -> Self {
        let mut entries = self.entries.clone();
        entries.sort();
        Self { entries, issuers: Vec::new() }
    }
}

impl Serialize for Manifest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.issuers.is_empty() {
            return self.entries.serialize(serializer);
        }
        let mut object = serializer.serialize_struct("Manifest", 2)?;
        object.serialize_field("routes", &self.entries)?;
        object.serialize_field("issuers", &self.issuers)?;
        object.end()
    }
}

impl fmt::Display for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let method = self.entries.iter().map(|entry| entry.method.len()).max().unwrap_or(0);
        let path = self.entries.iter().map(|entry| entry.path.len()).max().unwrap_or(0);
        for entry in &self.entries {
            writeln!(f, "{:method$} {:path$}  {}", entry.method, entry.path, entry.access)?;
        }
        for issuer in &self.issuers {
            writeln!(f, "(issuer) {issuer}")?;
        }
        Ok(())
    }
}

/// Whether a path is the prefix, or below it.
fn is_below(path: &str, prefix: &str) -> bool {
    let rest = path.strip_prefix(prefix.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The path of a nested route, as axum combines it.
pub(super) fn nested(prefix: &str, path: &str) -> String {
    match (prefix.strip_suffix('/'), path) {
        (Some(bare), _) => format!("{bare}/{}", path.trim_start_matches('/')),
        (None, "/") => prefix.to_owned(),
        (None, _) if path.starts_with('(') => format!("{prefix} {path}"),
        (None, _) => format!("{prefix}{path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_at_a_segment() {
        for (path, prefix, expected) in [
            ("/admin", "/admin", true),
            ("/admin/x", "/admin/", true),
            ("/administrator", "/admin", false),
            ("/x", "/", true),
            ("/x", "", true),
        ] {
            assert_eq!(is_below(path, prefix), expected, "{path} {prefix}");
        }
    }

    #[test]
    #[should_panic(expected = "no route is below `/amdin`")]
    fn a_misspelled_prefix_is_no_success() {
        Manifest::default().assert_every("/amdin", |_| true);
    }

    #[test]
    fn nested_paths_are_those_of_axum() {
        assert_eq!(nested("/api", "/"), "/api");
        assert_eq!(nested("/api", "/x"), "/api/x");
        assert_eq!(nested("/api/", "/x"), "/api/x");
        assert_eq!(nested("/api", "(fallback)"), "/api (fallback)");
    }
}
