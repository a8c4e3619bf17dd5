//! Cookies that a response deletes: those of an earlier configuration, strays of the same name, and those of a session
//! that is over.

use http::HeaderValue;
use http::header::HOST;
use http::request::Parts;
use http::uri::Authority;

use crate::auth::JwtAuth;
use crate::config::{TokenLocation, WebSettings, deletion};
use crate::error::RenderingScope;
use crate::token_kind::TokenKind;
use crate::web::location::cookie_values;
use crate::web::original_uri::original_uri;

/// At most this many domains, and as many paths, are tried for a stray cookie.
const MOST_VARIANTS: usize = 4;

/// How often the request has a cookie of this name.
fn count(parts: &Parts, name: &str) -> usize {
    cookie_values(&parts.headers, name).count()
}

impl JwtAuth {
    /// Lets the response delete the cookies of an earlier configuration that the request has.
    pub(crate) fn delete_previous_cookies(&self, parts: &Parts) {
        let settings = self.web();
        if settings.previous_cookies.is_empty() {
            return;
        }
        let is_current = |name: &str| settings.cookies.names().any(|(current, _)| current == name);
        let is_sent = |name: &str| count(parts, name) > usize::from(is_current(name));
        let sent = settings.previous_cookies.iter().filter(|cookie| is_sent(&cookie.name));
        RenderingScope::delete_cookies(sent.map(|cookie| cookie.deletion.clone()));
    }
}

/// The lines that delete every other cookie of the name that the host of the request may have, if there are two: a
/// current one must not be unusable until a stray one expires.
pub(super) fn stray_cookies(
    parts: &Parts,
    settings: &WebSettings,
    kind: TokenKind,
) -> Vec<HeaderValue> {
    let cookies = &settings.cookies;
    let current = &cookies.of(kind).token;
    if !settings.reads(TokenLocation::Cookie) || count(parts, &current.name) < 2 {
        return Vec::new();
    }
    let sent_to = parts.headers.get(HOST).and_then(|host| host.to_str().ok());
    let sent_to = sent_to.or_else(|| parts.uri.authority().map(Authority::as_str));
    let host = sent_to.and_then(|host| host.split(':').next()).unwrap_or_default();
    let mut domains = vec![None];
    let mut rest = Some(host).filter(|host| crate::config::is_domain(host));
    while let Some(domain) = rest.filter(|_| domains.len() < MOST_VARIANTS) {
        domains.push(Some(domain));
        rest = domain.split_once('.').map(|(_, parent)| parent);
    }
    let mut paths = vec!["/"];
    let path = original_uri(parts).path();
    let ends = path.match_indices('/').map(|(at, _)| at).skip(1).chain([path.len()]);
    for end in ends.filter(|end| *end > 1).take(MOST_VARIANTS - 1) {
        paths.push(&path[..end]);
    }
    let mut lines = Vec::new();
    for domain in &domains {
        for path in &paths {
            let is_current = *domain == cookies.domain.as_deref() && *path == current.path;
            if !is_current && path.bytes().all(|b| b.is_ascii_graphic() && b != b';') {
                lines.extend(deletion(&current.name, *domain, path, cookies.secure));
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    /// The domain and the path of each line for a request with this many cookies.
    fn strays(location: TokenLocation, cookies: usize, host: &str, path: &str) -> Vec<String> {
        let settings = WebSettings::with(|options| options.token_location = vec![location]);
        let name = &settings.cookies.of(TokenKind::Access).token.name;
        let sent = vec![format!("{name}=x"); cookies].join("; ");
        let request = Request::builder().uri(path).header("host", host).header("cookie", sent);
        let parts = request.body(()).unwrap().into_parts().0;
        let lines = stray_cookies(&parts, &settings, TokenKind::Access);
        let scope = |line: &HeaderValue| {
            let line = line.to_str().unwrap();
            let part = |start| line.split("; ").find_map(|part| part.strip_prefix(start));
            format!("{} {}", part("Domain=").unwrap_or("-"), part("Path=").unwrap())
        };
        lines.iter().map(scope).collect()
    }

    #[test]
    fn the_variants_of_two_cookies_are_bounded_and_leave_out_the_current_one() {
        let cookie = TokenLocation::Cookie;
        let root = ["example.com /", "com /"];
        assert_eq!(strays(cookie, 2, "example.com:8080", "/"), root);
        assert_eq!(strays(cookie, 3, "[::1]:8080", "/a/"), ["- /a", "- /a/"]);
        let long = strays(cookie, 2, "a.b.c.d.example.com", "/a/b/c/d");
        let mut expected = Vec::new();
        for domain in ["-", "a.b.c.d.example.com", "b.c.d.example.com", "c.d.example.com"] {
            for path in ["/", "/a", "/a/b", "/a/b/c"] {
                expected.push(format!("{domain} {path}"));
            }
        }
        assert_eq!(long, expected[1..], "the current cookie is the first");
    }

    #[test]
    fn one_cookie_and_a_cookie_that_is_not_read_leave_nothing_to_delete() {
        assert!(strays(TokenLocation::Cookie, 1, "example.com", "/a").is_empty());
        assert!(strays(TokenLocation::Header, 2, "example.com", "/a").is_empty());
    }
}
