//! The manifest: every route, and who may call it.

use std::fmt;

use serde::Serialize;

use crate::guard::{GuardKind, GuardSpec, Permission};

/// Every route of a [`GuardedRouter`](crate::GuardedRouter), with its guard, in order of path and method.
///
/// It prints as a table and serialises as JSON; both stay as they are while the routes do, so that a
/// test of yours can hold them.
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Manifest {
    entries: Vec<ManifestEntry>,
}

/// One route of a [`Manifest`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ManifestEntry {
    path: String,
    method: &'static str,
    #[serde(flatten)]
    caller: Caller,
}

/// Who may call a route.
///
/// ```
/// use jwt_auth::{GuardedRouter, jwt_required, routing::get};
///
/// #[jwt_required(optional)]
/// async fn maybe() {}
///
/// let router: GuardedRouter = GuardedRouter::new().route("/", get(maybe));
/// let manifest = router.manifest();
/// assert!(manifest.entries()[0].caller().is_public(), "a request without a token is let in");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Caller {
    guard: &'static str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    optional: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    fresh: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_age: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scopes: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    any_scope: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    roles: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    any_role: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    locations: Vec<&'static str>,
    /// `strict` where the store itself is asked, `skip` where `danger` leaves the look-up out.
    #[serde(skip_serializing_if = "Option::is_none")]
    revocation: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audience: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    check: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'static str>,
}

impl Caller {
    pub(super) fn of(spec: &GuardSpec) -> Self {
        let names = |list: &[&dyn Permission]| list.iter().map(|p| p.name().to_owned()).collect();
        Self {
            guard: spec.kind.name(),
            optional: spec.optional,
            fresh: spec.fresh,
            max_age: spec.max_age.map(|age| age.as_secs()),
            scopes: names(spec.scopes),
            any_scope: names(spec.any_scope),
            roles: names(spec.roles),
            any_role: names(spec.any_role),
            locations: spec.locations.iter().map(|location| location.name()).collect(),
            revocation: spec.revocation.name(),
            audience: spec.audience,
            check: spec.check,
            why: None,
        }
    }

    pub(super) fn unguarded(why: &'static str) -> Self {
        Self { guard: "unguarded", why: Some(why), ..Self::of(&GuardSpec::PUBLIC) }
    }

    /// `public`, `access`, `refresh` or `unguarded`.
    pub fn guard(&self) -> &str {
        self.guard
    }

    /// Whether a request without a token is let in: `#[public]`, `optional`, or nobody of ours guards.
    pub fn is_public(&self) -> bool {
        self.guard == GuardKind::Public.name() || self.optional || self.why.is_some()
    }

    /// Whether only a token that a log-in made is let in.
    pub fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// The scopes that are all asked for.
    pub fn scopes(&self) -> &[String] {
        &self.scopes
    }

    /// The roles that are all asked for.
    pub fn roles(&self) -> &[String] {
        &self.roles
    }

    /// Where the token is looked for, where the route says so itself.
    pub fn locations(&self) -> &[&'static str] {
        &self.locations
    }

    /// Why nobody of ours guards, where that is so.
    pub fn why(&self) -> Option<&str> {
        self.why
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.guard)?;
        for (flag, name) in [(self.optional, "optional"), (self.fresh, "fresh")] {
            if flag {
                write!(f, "  {name}")?;
            }
        }
        if let Some(age) = self.max_age {
            write!(f, "  max_age({age}s)")?;
        }
        for (names, list) in [
            ("scopes", &self.scopes),
            ("any_scope", &self.any_scope),
            ("roles", &self.roles),
            ("any_role", &self.any_role),
        ] {
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
        Ok(())
    }
}

impl ManifestEntry {
    /// The path, as it was routed.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The method; `ANY` for all, `OTHER` for those without a handler of their own. `GET` serves `HEAD`
    /// too, under the same guard.
    pub fn method(&self) -> &str {
        self.method
    }

    /// Who may call.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }
}

impl Manifest {
    /// The routes.
    pub fn entries(&self) -> &[ManifestEntry] {
        &self.entries
    }

    pub(super) fn add(&mut self, path: &str, callers: Vec<(&'static str, Caller)>) {
        self.entries.extend(callers.into_iter().map(|(method, caller)| ManifestEntry {
            path: path.to_owned(),
            method,
            caller,
        }));
    }

    pub(super) fn extend(&mut self, other: Self, path: impl Fn(&str) -> String) {
        let moved = |entry: ManifestEntry| ManifestEntry { path: path(&entry.path), ..entry };
        self.entries.extend(other.entries.into_iter().map(moved));
    }

    pub(super) fn sorted(&self) -> Self {
        let mut entries = self.entries.clone();
        entries.sort();
        Self { entries }
    }
}

impl fmt::Display for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let method = self.entries.iter().map(|entry| entry.method.len()).max().unwrap_or(0);
        let path = self.entries.iter().map(|entry| entry.path.len()).max().unwrap_or(0);
        for entry in &self.entries {
            writeln!(f, "{:method$} {:path$}  {}", entry.method, entry.path, entry.caller)?;
        }
        Ok(())
    }
}

/// The path that axum makes of a nested one.
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
    fn nested_paths_are_axums() {
        assert_eq!(nested("/api", "/"), "/api");
        assert_eq!(nested("/api", "/x"), "/api/x");
        assert_eq!(nested("/api/", "/x"), "/api/x");
        assert_eq!(nested("/api", "(fallback)"), "/api (fallback)");
    }
}
