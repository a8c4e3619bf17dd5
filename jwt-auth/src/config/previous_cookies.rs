//! Cookies that an earlier configuration set, which are deleted when a browser sends them.

use http::HeaderValue;

use crate::config::cookies::is_domain;
use crate::config::syntax::is_token;
use crate::config::{Config, ConfigProblem, CookieSettings};

/// A cookie that an earlier configuration set.
///
/// ```
/// use jwt_auth::{Config, KeyMaterial, PreviousCookie, TokenLocation};
///
/// let config = Config::hs256(KeyMaterial::ephemeral())
///     .token_location([TokenLocation::Cookie])
///     .previous_cookies([
///         PreviousCookie::new("session"),
///         PreviousCookie::new("session").domain("example.com").path("/app"),
///     ]);
/// # drop(config);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "pass it to `Config::previous_cookies`"]
pub struct PreviousCookie {
    pub(crate) name: String,
    domain: Option<String>,
    path: String,
}

impl PreviousCookie {
    /// A cookie of this name, with the path `/` and no domain.
    ///
    /// The name is the one that browsers send, with its prefix if it had one.
    ///
    /// ```
    /// # use jwt_auth::PreviousCookie;
    /// let cookie = PreviousCookie::new("__Host-access_token_cookie");
    /// # drop(cookie);
    /// ```
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), domain: None, path: "/".to_owned() }
    }

    /// The `Domain` that it was set with. Default: none.
    ///
    /// ```
    /// # use jwt_auth::PreviousCookie;
    /// let cookie = PreviousCookie::new("access_token_cookie").domain("example.com");
    /// # drop(cookie);
    /// ```
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        let domain = domain.into();
        self.domain = Some(domain.strip_prefix('.').map_or_else(|| domain.clone(), str::to_owned));
        self
    }

    /// The `Path` that it was set with. Default: `/`.
    ///
    /// ```
    /// # use jwt_auth::PreviousCookie;
    /// let cookie = PreviousCookie::new("access_token_cookie").path("/app");
    /// # drop(cookie);
    /// ```
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }
}

impl From<&str> for PreviousCookie {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}

/// A previous cookie, parsed.
#[derive(Clone, Debug)]
pub(crate) struct ParsedPreviousCookie {
    pub(crate) name: String,
    /// The `Set-Cookie` line that deletes it.
    pub(crate) deletion: HeaderValue,
}

/// The `Set-Cookie` line that deletes a cookie.
pub(crate) fn deletion(
    name: &str,
    domain: Option<&str>,
    path: &str,
    is_secure: bool,
) -> Option<HeaderValue> {
    let mut line = format!("{name}=; Path={path}; Max-Age=0");
    if let Some(domain) = domain {
        line.push_str("; Domain=");
        line.push_str(domain);
    }
    if is_secure {
        line.push_str("; Secure");
    }
    HeaderValue::try_from(line).ok()
}

/// Parses the cookies, and reports those that cannot exist, or that are still in use.
pub(super) fn parse(
    cookies: &[PreviousCookie],
    current: &CookieSettings,
    problems: &mut Vec<ConfigProblem>,
) -> Vec<ParsedPreviousCookie> {
    let mut parsed = Vec::new();
    for PreviousCookie { name, domain, path } in cookies {
        let is_valid = is_token(name)
            && domain.as_deref().is_none_or(is_domain)
            && path.starts_with('/')
            && path.bytes().all(|b| b.is_ascii_graphic() && b != b';');
        let is_current = |own: &str, own_path: &str| {
            own == name && own_path == path && current.domain == *domain
        };
        if !is_valid {
            problems.push(ConfigProblem::new(
                "previous_cookies",
                "a previous cookie has a name, a domain and a path that browsers accept (RFC 6265 §4.1.1)",
                "write `PreviousCookie::new(\"name\").domain(\"example.com\").path(\"/\")`",
            ));
        } else if current.names().any(|(own, own_path)| is_current(own, own_path)) {
            problems.push(ConfigProblem::new(
                "previous_cookies",
                "a previous cookie differs from every current one in its name, its domain or its path",
                format!("remove `{name}`, or write the domain or the path that it had"),
            ));
        } else if let Some(deletion) =
            deletion(name, domain.as_deref(), path, current.secure || name.starts_with("__"))
        {
            parsed.push(ParsedPreviousCookie { name: name.clone(), deletion });
        }
    }
    parsed
}

/// # Cookies of an earlier configuration
impl Config {
    /// Cookies that an earlier configuration set. Default: none.
    ///
    /// After a change of a cookie's name, domain or path, browsers send the old cookie beside the new one, for as long as
    /// it lives. The response to a request that has a cookie of this list deletes the cookie. A listed cookie with a name
    /// that is no longer in use is not read. If it has the name of a current cookie, the newer of the two tokens is used,
    /// provided that both have the same subject.
    ///
    /// The deletion is added to the responses of a [`GuardedRouter`](crate::GuardedRouter), or below a
    /// [`NoStoreLayer`](crate::layer::NoStoreLayer).
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial, PreviousCookie, TokenLocation};
    /// # let config = || Config::hs256(KeyMaterial::ephemeral()).token_location([TokenLocation::Cookie]);
    /// let domain_wide = PreviousCookie::new("access_token_cookie").domain("example.com");
    /// assert!(config().previous_cookies([domain_wide]).build().is_ok());
    /// assert!(config().previous_cookies(["__Host-access_token_cookie"]).build().is_err(), "it is in use");
    /// ```
    pub fn previous_cookies<C: Into<PreviousCookie>>(
        mut self,
        cookies: impl IntoIterator<Item = C>,
    ) -> Self {
        self.web.previous_cookies = cookies.into_iter().map(Into::into).collect();
        self
    }
}
