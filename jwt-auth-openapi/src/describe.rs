//! Adds what the guards of a manifest require to a document.

use std::collections::BTreeMap;

use jwt_auth::router::{Manifest, ManifestEntry};
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::{Components, OpenApi, RefOr};

use crate::operation::{describe, error_schema, has_no_scheme, other, other_scheme};
use crate::{Drift, Schemes};

/// Adds what the guards of a manifest require to an OpenAPI document.
///
/// ```
/// use jwt_auth::{GuardedRouter, jwt_required, routing::get};
/// use jwt_auth_openapi::DescribeManifest as _;
/// use utoipa::OpenApi;
///
/// #[utoipa::path(get, path = "/notes")]
/// #[jwt_required]
/// async fn notes() {}
///
/// #[derive(OpenApi)]
/// #[openapi(paths(notes))]
/// struct Api;
///
/// let router: GuardedRouter = GuardedRouter::new().route("/notes", get(notes));
/// let mut document = Api::openapi();
/// assert!(router.manifest().describe(&mut document).is_empty());
/// ```
pub trait DescribeManifest {
    /// Describes every route, as if tokens came in the header `Authorization` alone. For other locations, use
    /// [`describe_with`](Self::describe_with).
    fn describe(&self, document: &mut OpenApi) -> Drift {
        self.describe_with(document, &Schemes::default())
    }

    /// Describes the routes, with the schemes of a configuration.
    fn describe_with(&self, document: &mut OpenApi, schemes: &Schemes) -> Drift;
}

impl DescribeManifest for Manifest {
    fn describe_with(&self, document: &mut OpenApi, schemes: &Schemes) -> Drift {
        let mut drift = Drift::default();
        let mut described = Vec::new();
        let mut is_guarded = false;
        let mut others = BTreeMap::new();
        for entry in self.entries() {
            if !is_described(entry) {
                continue;
            }
            let path = document_path(entry.path());
            let item = document.paths.paths.get_mut(&path);
            let mut operations =
                item.map(|item| operations(item, entry.method())).unwrap_or_default();
            if operations.is_empty() && entry.access().why().is_none() {
                drift.undocumented.push(format!("{} {path}", entry.method()));
            }
            if !operations.is_empty() && has_no_scheme(entry.access(), schemes) {
                others.entry(other(entry.access().guard())).or_insert(other_scheme(entry.access()));
            }
            for (method, operation) in &mut operations {
                let route = format!("{method} {path}");
                is_guarded |= matches!(entry.access().guard(), "access" | "refresh");
                if describe(operation, method, entry.access(), schemes) {
                    drift.corrected.push(route.clone());
                }
                described.push(route);
            }
        }
        for (path, item) in &mut document.paths.paths {
            let all = operations(item, "ANY").into_iter();
            let served = all.map(|(method, _)| format!("{method} {path}"));
            drift.unserved.extend(served.filter(|route| !described.contains(route)));
        }
        if is_guarded {
            let components = document.components.get_or_insert_with(Components::new);
            for scheme in schemes.access.iter().chain(&schemes.refresh) {
                if let Some(described) = scheme.described() {
                    components.security_schemes.insert(scheme.name.to_owned(), RefOr::T(described));
                }
            }
            for (name, described) in others {
                components.security_schemes.insert(name.to_owned(), RefOr::T(described));
            }
            let (name, schema) = error_schema(schemes);
            components.schemas.entry(name).or_insert(schema);
        }
        drift
    }
}

/// Whether documents have words for it: fallbacks and routers of axum have no path.
pub(crate) fn is_described(entry: &ManifestEntry) -> bool {
    entry.path().starts_with('/') && entry.method() != "OTHER"
}

/// A path as documents write it: a wildcard is a parameter like another.
pub(crate) fn document_path(path: &str) -> String {
    path.replace("{*", "{")
}

/// The operations of an item that a route of this method serves, with their methods.
fn operations<'a>(item: &'a mut PathItem, method: &str) -> Vec<(&'static str, &'a mut Operation)> {
    let all = [
        ("GET", &mut item.get),
        ("PUT", &mut item.put),
        ("POST", &mut item.post),
        ("DELETE", &mut item.delete),
        ("OPTIONS", &mut item.options),
        ("HEAD", &mut item.head),
        ("PATCH", &mut item.patch),
        ("TRACE", &mut item.trace),
    ];
    all.into_iter()
        .filter(|(name, _)| {
            method == "ANY" || *name == method || (*name == "HEAD" && method == "GET")
        })
        .filter_map(|(name, operation)| Some((name, operation.as_mut()?)))
        .collect()
}
