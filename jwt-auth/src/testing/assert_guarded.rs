//! Sends requests that must be refused to every route of a manifest.

use axum::Router;
use http::{HeaderMap, HeaderValue, StatusCode};
use tower::ServiceExt as _;

use crate::router::{Manifest, ManifestEntry, RouteAccess};
use crate::testing::test_auth::{foreign, request, unsigned};
use crate::testing::{BadToken, TestAuth};
use crate::token_kind::TokenKind;
use crate::web::OurRefusal;

/// Checks that every route of the manifest refuses requests without a token, and with tokens that the application never
/// issued.
///
/// It needs no key. [`TestAuth::assert_guarded`] also sends tokens that the application did issue: expired and revoked ones,
/// those for other routes.
///
/// Parameters of a path become `1`. Routes that admit requests without a token, or whose guard is not known, are not called.
///
/// ```
/// use jwt_auth::testing::assert_guarded;
/// use jwt_auth::{Config, GuardedRouter, JwtAuth, KeyMaterial, jwt_required, routing::get};
///
/// #[jwt_required]
/// async fn note() {}
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let router: GuardedRouter<JwtAuth> = GuardedRouter::new().route("/notes/{id}", get(note));
/// let manifest = router.manifest();
/// assert_guarded(router.with_state(Config::hs256(KeyMaterial::ephemeral()).build()?), &manifest).await;
/// # Ok::<(), jwt_auth::ConfigError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Panics
///
/// If a request is not refused. The message names every such route, and what it admitted.
pub async fn assert_guarded(app: Router, manifest: &Manifest) {
    let mut found = Vec::new();
    // An optional guard admits a request whose token is where the application does not look.
    for entry in guarded(manifest).filter(|entry| !entry.access().is_public()) {
        for (which, headers) in without_keys(kind(entry.access())) {
            let answer = send(&app, entry, &headers).await;
            found.extend(verdict(entry, &which.to_string(), answer));
        }
    }
    report(&found);
}

impl TestAuth {
    /// Checks that every route of the manifest refuses what it must: every [`BadToken`], and for each of scopes, roles, `fresh`
    /// and `dpop` that it requires, a valid token that lacks this alone.
    ///
    /// A response counts as a refusal if a guard of this crate made it, or if it is a 401 or 403 with `WWW-Authenticate`. A 503
    /// does not: the store was down, and the token was not checked.
    ///
    /// Parameters of a path become `1`. Not called are public routes, optional routes with locations of their own, and routes
    /// whose guard is not known. A token that [`bad`](Self::bad) cannot make is not sent: if tokens come in the query alone, that
    /// leaves the request without a token.
    ///
    /// ```
    /// use jwt_auth::testing::TestAuth;
    /// use jwt_auth::{Config, GuardedRouter, JwtAuth, KeyMaterial, jwt_required, routing::get};
    ///
    /// #[jwt_required(scopes("notes:read"))]
    /// async fn note() {}
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// let test = TestAuth::new(Config::hs256(KeyMaterial::ephemeral()))?;
    /// let router: GuardedRouter<JwtAuth> = GuardedRouter::new().route("/notes/{id}", get(note));
    /// let manifest = router.manifest();
    /// test.assert_guarded(router.with_state(test.auth()), &manifest).await;
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Panics
    ///
    /// If a request is not refused. The message names every such route, and what it admitted.
    pub async fn assert_guarded(&self, app: Router, manifest: &Manifest) {
        let mut found = Vec::new();
        for entry in guarded(manifest) {
            let (access, kind) = (entry.access(), kind(entry.access()));
            // An optional guard admits a request whose token is where the route does not look.
            if access.is_public() && !access.locations().is_empty() {
                continue;
            }
            for which in BadToken::ALL {
                if which == BadToken::Missing && access.is_public() {
                    continue;
                }
                // An audience of the route's own would make the token for another service right.
                if which == BadToken::OtherAudience && access.audience().is_some() {
                    continue;
                }
                let Some(headers) = self.bad_of_kind(which, kind).await else { continue };
                let answer = send(&app, entry, &headers).await;
                found.extend(verdict(entry, &which.to_string(), answer));
            }
            for (what, token) in self.lacking(access, kind) {
                let headers = match kind {
                    TokenKind::Access => self.headers(token),
                    TokenKind::Refresh => self.refresh_headers(token),
                };
                let answer = send(&app, entry, &headers).await;
                found.extend(verdict(entry, what, answer));
            }
        }
        report(&found);
    }

    /// Tokens that lack one of what the route requires, and have the rest.
    fn lacking(&self, access: &RouteAccess, kind: TokenKind) -> Vec<(&'static str, String)> {
        let scopes = names(access.scopes(), access.any_scope(), access.and_any_scope());
        let roles = names(access.roles(), access.any_role(), access.and_any_role());
        let none: &[String] = &[];
        let candidates = [
            (!scopes.is_empty(), "a token without its scopes", none, &roles[..], true),
            (!roles.is_empty(), "a token without its roles", &scopes, none, true),
            (access.is_fresh(), "a token that is not fresh", &scopes, &roles, false),
            (access.requires_dpop(), "a token that is not bound to a key", &scopes, &roles, true),
        ];
        let required = candidates.into_iter().filter(|(is_required, ..)| *is_required);
        let issued = required.filter_map(|(_, what, scopes, roles, fresh)| {
            Some((what, self.token_with(kind, scopes, roles, fresh)?))
        });
        issued.collect()
    }
}

/// Names that satisfy every list.
fn names(all: &[String], any: &[String], and_any: &[Vec<String>]) -> Vec<String> {
    let one_of_each = and_any.iter().filter_map(|group| group.first());
    all.iter().chain(any.first()).chain(one_of_each).cloned().collect()
}

/// The routes with a guard of ours, whose path is known.
fn guarded(manifest: &Manifest) -> impl Iterator<Item = &ManifestEntry> {
    manifest.entries().iter().filter(|entry| {
        matches!(entry.access().guard(), "access" | "refresh")
            && (entry.path().starts_with('/') || entry.path().starts_with("(fallback"))
    })
}

fn kind(access: &RouteAccess) -> TokenKind {
    if access.guard() == "refresh" { TokenKind::Refresh } else { TokenKind::Access }
}

/// Requests that need no key, in the usual header.
fn without_keys(kind: TokenKind) -> Vec<(BadToken, HeaderMap)> {
    let bearer = |token: String| {
        let value = HeaderValue::try_from(format!("Bearer {token}"));
        value.map(|value| HeaderMap::from_iter([(http::header::AUTHORIZATION, value)]))
    };
    let mut all = vec![(BadToken::Missing, HeaderMap::new())];
    for (which, token) in [
        (BadToken::Garbage, "not.a.token".to_owned()),
        (BadToken::AlgNone, unsigned(kind)),
        (BadToken::OtherKey, foreign(kind)),
    ] {
        all.extend(bearer(token).map(|headers| (which, headers)));
    }
    all
}

/// What a route answered.
#[derive(Clone, Copy)]
struct Answer {
    status: StatusCode,
    /// Whether it is a refusal of this crate, or of a layer that has rebuilt it and kept the challenge.
    is_refusal: bool,
}

async fn send(app: &Router, entry: &ManifestEntry, headers: &HeaderMap) -> Answer {
    let method = match entry.method() {
        "ANY" => "GET",
        // No handler of the route serves it.
        "OTHER" => "PURGE",
        method => method,
    };
    let request = request(method, &example_path(entry.path()), headers);
    let Ok(response) = app.clone().oneshot(request).await;
    let status = response.status();
    let is_ours = response.extensions().get::<OurRefusal>().is_some();
    let is_challenge = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&status)
        && response.headers().contains_key(http::header::WWW_AUTHENTICATE);
    Answer { status, is_refusal: is_ours && status.is_client_error() || is_challenge }
}

/// A path that the route matches.
fn example_path(path: &str) -> String {
    if let Some((prefix, _)) = path.split_once("(fallback") {
        return format!("{}/a-path-without-a-route", example_path(prefix.trim_end()));
    }
    let segments = path.split('/').map(|segment| match (segment.find('{'), segment.rfind('}')) {
        (Some(start), Some(end)) => format!("{}1{}", &segment[..start], &segment[end + 1..]),
        _ => segment.to_owned(),
    });
    segments.collect::<Vec<_>>().join("/")
}

fn verdict(entry: &ManifestEntry, what: &str, answer: Answer) -> Option<String> {
    let route = format!("{} {}", entry.method(), entry.path());
    let Answer { status, is_refusal } = answer;
    if is_refusal {
        return None;
    }
    Some(match status {
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
            format!("{route}: {status}; the app does not have this route of the manifest")
        }
        StatusCode::SERVICE_UNAVAILABLE => {
            format!("{route}: {status} for {what}; it could not be checked")
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST => {
            format!("{route}: {status} for {what}, which is not from a guard of this crate")
        }
        status => format!("{route} admitted {what}: {status}"),
    })
}

#[track_caller]
fn report(found: &[String]) {
    assert!(found.is_empty(), "these routes are not guarded:\n{}", found.join("\n"));
}

#[cfg(test)]
mod tests {
    use super::example_path;

    #[test]
    fn parameters_of_a_path_have_a_value() {
        for (path, expected) in [
            ("/notes", "/notes"),
            ("/notes/{id}", "/notes/1"),
            ("/{user}/notes/{id}.json", "/1/notes/1.json"),
            ("/files/{*rest}", "/files/1"),
            ("(fallback)", "/a-path-without-a-route"),
            ("/api/{version} (fallback)", "/api/1/a-path-without-a-route"),
        ] {
            assert_eq!(example_path(path), expected);
        }
    }
}
