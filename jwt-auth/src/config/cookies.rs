//! Options of cookies: names, paths, attributes, and the rules of the `__Host-` prefix.

use std::fmt;
use std::time::Duration;

use crate::config::syntax::is_token;
use crate::config::{Config, ConfigProblem};
use crate::token_kind::{PerKind, TokenKind};

/// When a browser sends a cookie with a request that another site caused.
///
/// RFC 6265bis §5.2 specifies the attribute.
///
/// ```
/// use jwt_auth::{Config, KeyMaterial, SameSite};
///
/// let config = Config::hs256(KeyMaterial::ephemeral()).cookie_samesite(SameSite::Strict);
/// # drop(config);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SameSite {
    /// Never.
    Strict,
    /// When the user follows a link. The default.
    Lax,
    /// Always. Needs `Secure`.
    None,
}

impl SameSite {
    pub(super) const ALL: [(&'static str, Self); 3] =
        [("strict", Self::Strict), ("lax", Self::Lax), ("none", Self::None)];
}

impl fmt::Display for SameSite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Strict => "Strict",
            Self::Lax => "Lax",
            Self::None => "None",
        })
    }
}

/// The prefix of the names of cookies.
///
/// ```
/// use jwt_auth::config::CookiePrefix;
/// use jwt_auth::{Config, KeyMaterial, TokenLocation};
///
/// let config = Config::hs256(KeyMaterial::ephemeral())
///     .token_location([TokenLocation::Cookie])
///     .access_cookie_key("session")
///     .cookie_prefix(CookiePrefix::None); // the cookie is `session`, as before the migration
/// # drop(config);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CookiePrefix {
    /// `__Host-`, where the attributes of the cookies permit it. The default.
    #[default]
    Host,
    /// None, for clients that know the names without it.
    None,
}

impl CookiePrefix {
    pub(super) const ALL: [(&'static str, Self); 2] = [("host", Self::Host), ("none", Self::None)];
}

/// The name and the path of one cookie.
#[derive(Clone, Debug)]
pub(crate) struct CookieName {
    pub(crate) name: String,
    pub(crate) path: String,
}

/// The cookies of one kind of token.
#[derive(Clone, Debug)]
pub(crate) struct TokenCookie {
    pub(crate) token: CookieName,
    /// The cookie with the CSRF value.
    pub(crate) csrf: CookieName,
}

/// The cookies of both kinds, and the attributes they share.
#[derive(Clone, Debug)]
pub(crate) struct CookieSettings {
    pub(crate) kinds: PerKind<TokenCookie>,
    pub(crate) max_age: Option<Duration>,
    pub(crate) domain: Option<String>,
    pub(crate) secure: bool,
    pub(crate) same_site: SameSite,
    prefix: CookiePrefix,
    /// Whether log-ins end with the browser, unless they say otherwise.
    pub(crate) end_with_browser: bool,
}

impl Default for CookieSettings {
    fn default() -> Self {
        let at_root = |name: String| CookieName { name, path: "/".to_owned() };
        Self {
            kinds: PerKind::from_fn(|kind| TokenCookie {
                token: at_root(format!("{kind}_token_cookie")),
                csrf: at_root(format!("csrf_{kind}_token")),
            }),
            max_age: None,
            domain: None,
            secure: true,
            same_site: SameSite::Lax,
            prefix: CookiePrefix::Host,
            end_with_browser: false,
        }
    }
}

const HOST: &str = "__Host-";
const SECURE: &str = "__Secure-";

impl CookieSettings {
    pub(crate) fn of(&self, kind: TokenKind) -> &TokenCookie {
        self.kinds.get(kind)
    }

    /// The maximum number of bytes of a cookie apart from its value.
    pub(crate) fn overhead(&self, kind: TokenKind) -> usize {
        let CookieName { name, path } = &self.of(kind).token;
        let domain = self.domain.as_ref().map_or(0, |domain| domain.len() + "; Domain=".len());
        // `Max-Age` of a hundred years is the longest.
        let rest = "=; HttpOnly; SameSite=Strict; Secure; Path=; Max-Age=3153600000".len();
        name.len() + path.len() + domain + rest
    }

    /// Adds the prefix to names, and reports the options that break a rule.
    pub(super) fn parse(mut self, may_prefix: bool, problems: &mut Vec<ConfigProblem>) -> Self {
        // The dot at its start is dropped, as browsers drop it (RFC 6265 §5.2.3).
        if let Some(domain) = self.domain.as_deref().and_then(|domain| domain.strip_prefix('.')) {
            self.domain = Some(domain.to_owned());
        }
        let may_prefix = may_prefix && self.prefix == CookiePrefix::Host;
        if may_prefix && self.secure && self.domain.is_none() {
            let PerKind { access, refresh } = &mut self.kinds;
            for cookie in
                [&mut access.token, &mut access.csrf, &mut refresh.token, &mut refresh.csrf]
            {
                cookie.add_host_prefix();
            }
        }
        self.report(problems);
        self
    }

    /// The name and the path of every cookie.
    pub(crate) fn names(&self) -> impl Iterator<Item = (&str, &str)> {
        self.named().into_iter().map(|(.., cookie)| (cookie.name.as_str(), cookie.path.as_str()))
    }

    /// Every cookie, with the options for its name and its path.
    fn named(&self) -> [(&'static str, &'static str, &CookieName); 4] {
        let PerKind { access, refresh } = &self.kinds;
        [
            ("access_cookie_key", "access_cookie_path", &access.token),
            ("refresh_cookie_key", "refresh_cookie_path", &refresh.token),
            ("access_csrf_cookie_key", "access_csrf_cookie_path", &access.csrf),
            ("refresh_csrf_cookie_key", "refresh_csrf_cookie_path", &refresh.csrf),
        ]
    }

    fn report(&self, problems: &mut Vec<ConfigProblem>) {
        let mut report = |field: &str, is_broken: bool, rule: &str, fix: String| {
            if is_broken {
                problems.push(ConfigProblem::new(field, rule, fix));
            }
        };
        let named = self.named();
        for (index, (key_field, path_field, CookieName { name, path })) in
            named.into_iter().enumerate()
        {
            report(
                key_field,
                !is_token(name),
                "a cookie name is letters, digits, `-` and `_` (RFC 6265 §4.1.1)",
                format!("write `.{key_field}(\"access_token_cookie\")`"),
            );
            report(
                key_field,
                named[..index].iter().any(|(.., other)| other.name == *name),
                "two cookies have this name",
                format!("write another name: `.{key_field}(\"…\")`"),
            );
            let is_host_only = self.secure && self.domain.is_none() && path == "/";
            report(
                key_field,
                (name.starts_with(HOST) && !is_host_only)
                    || (name.starts_with(SECURE) && !self.secure),
                "browsers refuse this prefix with these attributes (RFC 6265bis §4.1.3)",
                "write the name without `__Host-` or `__Secure-`; it is added where it is allowed"
                    .to_owned(),
            );
            report(
                path_field,
                !path.starts_with('/') || path.bytes().any(|b| b == b';' || !b.is_ascii_graphic()),
                "a cookie path starts with `/` and has no `;` and no space",
                format!("write `.{path_field}(\"/\")`"),
            );
        }
        report(
            "cookie_domain",
            self.domain.as_deref().is_some_and(|domain| !is_domain(domain)),
            "a domain is labels of letters, digits and `-`, separated by dots",
            "write `.cookie_domain(\"example.com\")`, or remove the option".to_owned(),
        );
        report(
            "cookie_max_age",
            self.max_age.is_some_and(|age| age.as_secs() == 0),
            "a cookie lives at least 1s",
            "write `.cookie_max_age(Duration::from_secs(3600))`, or remove the option".to_owned(),
        );
        report(
            "cookie_samesite",
            self.same_site == SameSite::None && !self.secure,
            "browsers refuse `SameSite=None` without `Secure`",
            "write `.cookie_samesite(SameSite::Lax)`".to_owned(),
        );
    }
}

impl CookieName {
    /// Adds `__Host-` if the path allows it. Only this host can set such a cookie, and only over TLS (RFC 6265bis
    /// §4.1.3.2).
    fn add_host_prefix(&mut self) {
        let has_prefix = self.name.starts_with(HOST) || self.name.starts_with(SECURE);
        if self.path == "/" && !self.name.is_empty() && !has_prefix {
            self.name.insert_str(0, HOST);
        }
    }
}

/// Labels separated by dots. A leading dot no longer has a meaning (RFC 6265 §5.2.3) and is refused.
pub(crate) fn is_domain(text: &str) -> bool {
    text.len() <= 253
        && text.split('.').all(|label| {
            !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        })
}

/// # Cookies
///
/// They apply if [`TokenLocation::Cookie`](crate::TokenLocation) is among the [locations](Self::token_location).
impl Config {
    /// The name of the cookie with the access token. Default: `access_token_cookie`.
    ///
    /// Names get the prefix `__Host-`, so that neither another host nor plain HTTP can set the cookie. The prefix
    /// is omitted with a path, with a domain, without `Secure`, under [`compat`](Self::compat) and with
    /// [`CookiePrefix::None`](crate::config::CookiePrefix::None).
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial, TokenLocation};
    /// # let config = || Config::hs256(KeyMaterial::ephemeral()).token_location([TokenLocation::Cookie]);
    /// assert!(config().access_cookie_key("session").build().is_ok());
    /// assert!(config().access_cookie_key("two words").build().is_err());
    /// ```
    pub fn access_cookie_key(mut self, name: impl Into<String>) -> Self {
        self.web.cookies.kinds.access.token.name = name.into();
        self
    }

    /// The name of the cookie with the refresh token.
    ///
    /// Default: `refresh_token_cookie`, with the prefix of [`access_cookie_key`](Self::access_cookie_key).
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial, TokenLocation};
    /// # let config = || Config::hs256(KeyMaterial::ephemeral()).token_location([TokenLocation::Cookie]);
    /// assert!(config().refresh_cookie_key("renewal").build().is_ok());
    /// assert!(config().refresh_cookie_key("access_token_cookie").build().is_err(), "two cookies of one name");
    /// ```
    pub fn refresh_cookie_key(mut self, name: impl Into<String>) -> Self {
        self.web.cookies.kinds.refresh.token.name = name.into();
        self
    }

    /// The path for which browsers send the access cookie. Default: `/`.
    ///
    /// Any other path removes `__Host-` from the name.
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial, TokenLocation};
    /// # let config = || Config::hs256(KeyMaterial::ephemeral()).token_location([TokenLocation::Cookie]);
    /// assert!(config().access_cookie_path("/api").build().is_ok());
    /// assert!(config().access_cookie_path("api").build().is_err());
    /// ```
    pub fn access_cookie_path(mut self, path: impl Into<String>) -> Self {
        self.web.cookies.kinds.access.token.path = path.into();
        self
    }

    /// The path for which browsers send the refresh cookie. Default: `/`.
    ///
    /// With the path of the refresh route, no other request carries the token. Any path other than `/` removes
    /// `__Host-` from the name.
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial, TokenLocation};
    /// # let config = || Config::hs256(KeyMaterial::ephemeral()).token_location([TokenLocation::Cookie]);
    /// assert!(config().refresh_cookie_path("/refresh").build().is_ok());
    /// assert!(config().refresh_cookie_path("refresh").build().is_err());
    /// ```
    pub fn refresh_cookie_path(mut self, path: impl Into<String>) -> Self {
        self.web.cookies.kinds.refresh.token.path = path.into();
        self
    }

    /// How long browsers store the cookies.
    ///
    /// Default: as long as the token in the cookie lives.
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial, TokenLocation};
    /// # use std::time::Duration;
    /// # let config = || Config::hs256(KeyMaterial::ephemeral()).token_location([TokenLocation::Cookie]);
    /// assert!(config().cookie_max_age(Duration::from_secs(3600)).build().is_ok());
    /// assert!(config().cookie_max_age(Duration::ZERO).build().is_err());
    /// ```
    pub fn cookie_max_age(mut self, age: Duration) -> Self {
        self.web.cookies.max_age = Some(age);
        self
    }

    /// The domain whose hosts all receive the cookies.
    ///
    /// Default: none; only the host that set them receives them. A dot at its start is dropped (RFC 6265 §5.2.3).
    ///
    /// A domain removes `__Host-` from the names, because each of its hosts can then set the cookies.
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial, TokenLocation};
    /// # let config = || Config::hs256(KeyMaterial::ephemeral()).token_location([TokenLocation::Cookie]);
    /// assert!(config().cookie_domain("example.com").build().is_ok());
    /// assert!(config().cookie_domain("https://example.com").build().is_err());
    /// ```
    pub fn cookie_domain(mut self, domain: impl Into<String>) -> Self {
        self.web.cookies.domain = Some(domain.into());
        self
    }

    /// The prefix of the names of the cookies.
    ///
    /// Default: [`CookiePrefix::Host`]. Without it, other hosts of the domain can plant a cookie of the same name.
    /// A change renames the cookies: the old ones are not read, and users of browsers log in again.
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial, TokenLocation, config::CookiePrefix};
    /// # let config = || Config::hs256(KeyMaterial::ephemeral()).token_location([TokenLocation::Cookie]);
    /// assert!(config().cookie_prefix(CookiePrefix::None).build().is_ok());
    /// ```
    pub fn cookie_prefix(mut self, prefix: CookiePrefix) -> Self {
        self.web.cookies.prefix = prefix;
        self
    }

    /// Whether the cookies of a log-in end with the browser, unless the log-in says
    /// [`remember(true)`](crate::token::TokenBuilder::remember).
    ///
    /// Default: false; browsers store them as long as the session lives.
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial, TokenLocation};
    /// # let config = || Config::hs256(KeyMaterial::ephemeral()).token_location([TokenLocation::Cookie]);
    /// assert!(config().session_cookies(true).build().is_ok());
    /// ```
    pub fn session_cookies(mut self, end_with_browser: bool) -> Self {
        self.web.cookies.end_with_browser = end_with_browser;
        self
    }

    /// Whether requests caused by other sites carry the cookies.
    ///
    /// Default: [`SameSite::Lax`].
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial, SameSite, TokenLocation, danger::DangerousConfig as _};
    /// # let config = || Config::hs256(KeyMaterial::ephemeral()).token_location([TokenLocation::Cookie]);
    /// assert!(config().cookie_samesite(SameSite::None).build().is_ok());
    /// assert!(config().cookie_secure(false).cookie_samesite(SameSite::None).build().is_err());
    /// ```
    pub fn cookie_samesite(mut self, same_site: SameSite) -> Self {
        self.web.cookies.same_site = same_site;
        self
    }
}
