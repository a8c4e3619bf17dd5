//! The cookies that bear tokens: names, attributes, CSRF protection, and the rules these keep.

use std::fmt;
use std::time::Duration;

use crate::claims::TokenKind;
use crate::config::error::ConfigProblem;
use crate::config::settings::{is_token, is_word};
use crate::config::{Config, TokenLocation};

/// When a browser sends a cookie along with a request that another site made (RFC 6265bis §5.2).
///
/// ```
/// use jwt_auth::{Config, SameSite};
///
/// let config = Config::hs256([7; 32]).cookie_samesite(SameSite::Strict);
/// # drop(config);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SameSite {
    /// Never.
    Strict,
    /// When a person follows a link; the default.
    Lax,
    /// Always; only with `Secure`.
    None,
}

impl SameSite {
    pub(super) const ALL: [(&'static str, Self); 3] =
        [("strict", Self::Strict), ("lax", Self::Lax), ("none", Self::None)];
}

/// The cookies of one kind of token.
#[derive(Clone, Debug)]
pub(crate) struct TokenCookie {
    pub(crate) key: String,
    pub(crate) path: String,
    pub(crate) csrf_key: String,
    pub(crate) csrf_path: String,
    pub(crate) csrf_header: String,
}

/// Everything about cookies.
#[derive(Clone, Debug)]
pub(crate) struct CookieSettings {
    pub(crate) access: TokenCookie,
    pub(crate) refresh: TokenCookie,
    pub(crate) max_age: Option<Duration>,
    pub(crate) domain: Option<String>,
    pub(crate) secure: bool,
    pub(crate) same_site: SameSite,
    pub(crate) csrf_protect: bool,
    pub(crate) csrf_in_cookies: bool,
    /// `None` for every method but `GET`, `HEAD` and `OPTIONS`.
    pub(crate) csrf_methods: Option<Vec<String>>,
    pub(crate) csrf_form_field: Option<String>,
    pub(crate) trusted_origins: Vec<String>,
}

impl Default for CookieSettings {
    fn default() -> Self {
        let cookie = |kind: &str| TokenCookie {
            key: format!("{kind}_token_cookie"),
            path: "/".to_owned(),
            csrf_key: format!("csrf_{kind}_token"),
            csrf_path: "/".to_owned(),
            csrf_header: "X-CSRF-Token".to_owned(),
        };
        Self {
            access: cookie("access"),
            refresh: cookie("refresh"),
            max_age: None,
            domain: None,
            secure: true,
            same_site: SameSite::Lax,
            csrf_protect: true,
            csrf_in_cookies: true,
            csrf_methods: None,
            csrf_form_field: None,
            trusted_origins: Vec::new(),
        }
    }
}

impl CookieSettings {
    pub(crate) fn of(&self, kind: TokenKind) -> &TokenCookie {
        match kind {
            TokenKind::Access => &self.access,
            TokenKind::Refresh => &self.refresh,
        }
    }

    /// Whether a request of this method has to repeat the CSRF value.
    pub(crate) fn asks(&self, method: &str) -> bool {
        match &self.csrf_methods {
            Some(methods) => methods.iter().any(|asked| asked == method),
            None => !is_safe(method),
        }
    }

    /// Gives each name its `__Host-`, where the attributes allow it: such a cookie can be set by this
    /// host alone, over TLS alone (RFC 6265bis §4.1.3.2).
    pub(super) fn settle(&mut self, allowed: bool) {
        if !allowed || !self.secure || self.domain.is_some() {
            return;
        }
        for TokenCookie { key, path, csrf_key, csrf_path, .. } in
            [&mut self.access, &mut self.refresh]
        {
            for (name, path) in [(key, path), (csrf_key, csrf_path)] {
                let prefixed = name.starts_with(HOST) || name.starts_with(SECURE);
                if path == "/" && !name.is_empty() && !prefixed {
                    name.insert_str(0, HOST);
                }
            }
        }
    }

    fn named(&self) -> [(&'static str, &str, &'static str, &str); 4] {
        let (access, refresh) = (&self.access, &self.refresh);
        [
            ("access_cookie_key", &access.key, "access_cookie_path", &access.path),
            ("refresh_cookie_key", &refresh.key, "refresh_cookie_path", &refresh.path),
            (
                "access_csrf_cookie_key",
                &access.csrf_key,
                "access_csrf_cookie_path",
                &access.csrf_path,
            ),
            (
                "refresh_csrf_cookie_key",
                &refresh.csrf_key,
                "refresh_csrf_cookie_path",
                &refresh.csrf_path,
            ),
        ]
    }

    /// Every rule of every option.
    pub(super) fn problems(&self, problems: &mut Vec<ConfigProblem>) {
        let mut say = |field: &str, broken: bool, rule: &str, fix: String| {
            if broken {
                problems.push(ConfigProblem::new(field, rule, fix));
            }
        };
        let named = self.named();
        for (index, (key_field, key, path_field, path)) in named.into_iter().enumerate() {
            say(
                key_field,
                !is_token(key),
                "a cookie's name is letters, digits, `-` and `_` (RFC 6265 §4.1.1)",
                format!("write `.{key_field}(\"access_token_cookie\")`"),
            );
            say(
                key_field,
                named[..index].iter().any(|(_, other, ..)| *other == key),
                "each cookie has a name of its own",
                format!("write another name: `.{key_field}(\"…\")`"),
            );
            let host_only = self.secure && self.domain.is_none() && path == "/";
            say(
                key_field,
                (key.starts_with(HOST) && !host_only) || (key.starts_with(SECURE) && !self.secure),
                "a browser refuses that prefix with these attributes (RFC 6265bis §4.1.3)",
                "write the name without `__Host-` or `__Secure-`: it is added where it can be"
                    .to_owned(),
            );
            say(
                path_field,
                !path.starts_with('/') || path.bytes().any(|b| b == b';' || !b.is_ascii_graphic()),
                "a cookie's path starts with `/`, and has no `;` and no space",
                format!("write `.{path_field}(\"/\")`"),
            );
        }
        for (field, name) in [
            ("access_csrf_header_name", &self.access.csrf_header),
            ("refresh_csrf_header_name", &self.refresh.csrf_header),
        ] {
            say(
                field,
                !is_token(name),
                "a header name is letters, digits and `-` (RFC 9110 §5.1)",
                format!("write `.{field}(\"X-CSRF-Token\")`"),
            );
        }
        say(
            "cookie_domain",
            self.domain.as_deref().is_some_and(|domain| !is_domain(domain)),
            "a domain is labels of letters, digits and `-`, separated by dots",
            "write `.cookie_domain(\"example.com\")`, or leave the option out".to_owned(),
        );
        say(
            "cookie_max_age",
            self.max_age.is_some_and(|age| age.as_secs() == 0),
            "a cookie lives 1s or longer",
            "write `.cookie_max_age(Duration::from_secs(3600))`, or leave the option out"
                .to_owned(),
        );
        say(
            "cookie_samesite",
            self.same_site == SameSite::None && !self.secure,
            "a browser refuses `SameSite=None` without `Secure`",
            "write `.cookie_samesite(SameSite::Lax)`".to_owned(),
        );
        say(
            "csrf_methods",
            self.csrf_methods.as_ref().is_some_and(|methods| {
                methods.is_empty()
                    || methods.iter().any(|m| !is_token(m) || m.bytes().any(|b| b.is_ascii_lowercase()))
            }),
            "the methods are at least one, in capitals",
            "write `.csrf_methods([\"POST\", \"PUT\", \"PATCH\", \"DELETE\"])`, or `.cookie_csrf_protect(false)`".to_owned(),
        );
        say(
            "csrf_form_field",
            self.csrf_form_field.as_deref().is_some_and(|field| !is_word(field)),
            "a form field's name is letters, digits, `-` and `_`",
            "write `.csrf_form_field(\"csrf_token\")`, or leave the option out".to_owned(),
        );
        say(
            "trusted_origins",
            self.trusted_origins.iter().any(|origin| !is_origin(origin)),
            "an origin is a scheme, a host and perhaps a port, in lower case and with nothing behind it (RFC 6454 §6.2)",
            "write `.trusted_origins([\"https://app.example\"])`".to_owned(),
        );
    }
}

const HOST: &str = "__Host-";
const SECURE: &str = "__Secure-";

/// The methods that change nothing (RFC 9110 §9.2.1), but for `TRACE`, which no browser sends.
pub(crate) fn is_safe(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS")
}

/// Labels and dots. A leading dot means nothing today (RFC 6265 §5.2.3), and is refused to keep it so.
pub(crate) fn is_domain(text: &str) -> bool {
    text.len() <= 253
        && text.split('.').all(|label| {
            !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        })
}

fn is_origin(text: &str) -> bool {
    let Some((scheme, host)) = text.split_once("://") else { return false };
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.:[]_".contains(&b);
    !scheme.is_empty()
        && !host.is_empty()
        && scheme
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b))
        && host.bytes().all(plain)
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

/// Options of the cookies that bear tokens. They count where [`TokenLocation::Cookie`] is among the
/// [locations](Config::token_location).
impl Config {
    /// The name of the cookie with the access token. Default: `access_token_cookie`.
    ///
    /// Names get the prefix `__Host-`, unless a path, a domain, the lack of `Secure` or
    /// [`compat`](Self::compat) forbids it: then no other host and no plain HTTP can set them.
    ///
    /// ```
    /// # use jwt_auth::{Config, TokenLocation};
    /// # let config = || Config::hs256([7; 32]).token_location([TokenLocation::Cookie]);
    /// assert!(config().access_cookie_key("session").build().is_ok());
    /// assert!(config().access_cookie_key("two words").build().is_err());
    /// ```
    pub fn access_cookie_key(mut self, name: impl Into<String>) -> Self {
        self.settings.cookies.access.key = name.into();
        self
    }

    /// The name of the cookie with the refresh token. Default: `refresh_token_cookie`, prefixed as
    /// [`access_cookie_key`](Self::access_cookie_key) is.
    ///
    /// ```
    /// # use jwt_auth::{Config, TokenLocation};
    /// # let config = || Config::hs256([7; 32]).token_location([TokenLocation::Cookie]);
    /// assert!(config().refresh_cookie_key("renewal").build().is_ok());
    /// assert!(config().refresh_cookie_key("access_token_cookie").build().is_err(), "that is the other's");
    /// ```
    pub fn refresh_cookie_key(mut self, name: impl Into<String>) -> Self {
        self.settings.cookies.refresh.key = name.into();
        self
    }

    /// The path that the access cookie is sent to. Default: `/`. Another path costs the name its `__Host-`.
    ///
    /// ```
    /// # use jwt_auth::{Config, TokenLocation};
    /// # let config = || Config::hs256([7; 32]).token_location([TokenLocation::Cookie]);
    /// assert!(config().access_cookie_path("/api").build().is_ok());
    /// assert!(config().access_cookie_path("api").build().is_err());
    /// ```
    pub fn access_cookie_path(mut self, path: impl Into<String>) -> Self {
        self.settings.cookies.access.path = path.into();
        self
    }

    /// The path that the refresh cookie is sent to. Default: `/`. The path of the route that refreshes
    /// keeps the token out of every other request, and costs the name its `__Host-`.
    ///
    /// ```
    /// # use jwt_auth::{Config, TokenLocation};
    /// # let config = || Config::hs256([7; 32]).token_location([TokenLocation::Cookie]);
    /// assert!(config().refresh_cookie_path("/refresh").build().is_ok());
    /// ```
    pub fn refresh_cookie_path(mut self, path: impl Into<String>) -> Self {
        self.settings.cookies.refresh.path = path.into();
        self
    }

    /// How long a browser keeps the cookies. Default: as long as the token in each lives.
    ///
    /// ```
    /// # use jwt_auth::{Config, TokenLocation};
    /// # use std::time::Duration;
    /// # let config = || Config::hs256([7; 32]).token_location([TokenLocation::Cookie]);
    /// assert!(config().cookie_max_age(Duration::from_secs(3600)).build().is_ok());
    /// assert!(config().cookie_max_age(Duration::ZERO).build().is_err());
    /// ```
    pub fn cookie_max_age(mut self, age: Duration) -> Self {
        self.settings.cookies.max_age = Some(age);
        self
    }

    /// The domain whose hosts all get the cookies. Default: none, and the host that set them alone gets
    /// them. A domain costs the names their `__Host-`, since any of its hosts can then set them.
    ///
    /// ```
    /// # use jwt_auth::{Config, TokenLocation};
    /// # let config = || Config::hs256([7; 32]).token_location([TokenLocation::Cookie]);
    /// assert!(config().cookie_domain("example.com").build().is_ok());
    /// assert!(config().cookie_domain("https://example.com").build().is_err());
    /// ```
    pub fn cookie_domain(mut self, domain: impl Into<String>) -> Self {
        self.settings.cookies.domain = Some(domain.into());
        self
    }

    /// Whether requests that other sites make bear the cookies. Default: [`SameSite::Lax`].
    ///
    /// ```
    /// # use jwt_auth::{Config, SameSite, TokenLocation};
    /// # let config = || Config::hs256([7; 32]).token_location([TokenLocation::Cookie]);
    /// assert!(config().cookie_samesite(SameSite::Strict).build().is_ok());
    /// ```
    pub fn cookie_samesite(mut self, same_site: SameSite) -> Self {
        self.settings.cookies.same_site = same_site;
        self
    }

    /// Whether a request that bears its token in a cookie has to repeat the token's CSRF value, which
    /// another site cannot read. Default: true. With false nothing but `SameSite` and the browser's own
    /// word (`Sec-Fetch-Site`, and `Origin` of WebSockets) keeps other sites from acting for your users.
    ///
    /// ```
    /// # use jwt_auth::{Config, TokenLocation};
    /// # let config = || Config::hs256([7; 32]).token_location([TokenLocation::Cookie]);
    /// let auth = config().cookie_csrf_protect(false).build()?;
    /// let token = auth.access_token("alice").issue()?;
    /// assert!(!jwt_auth::danger::decode_unverified(&token)?.claims.contains_key("csrf"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn cookie_csrf_protect(mut self, protect: bool) -> Self {
        self.settings.cookies.csrf_protect = protect;
        self
    }

    /// Whether the CSRF values go into cookies of their own, which scripts of the page can read. Default:
    /// true. With false hand them over in a body: [`TokenPair::access_csrf_token`](crate::TokenPair::access_csrf_token).
    ///
    /// ```
    /// # use jwt_auth::{Config, TokenLocation};
    /// # let config = || Config::hs256([7; 32]).token_location([TokenLocation::Cookie]);
    /// assert!(config().csrf_in_cookies(false).build().is_ok());
    /// ```
    pub fn csrf_in_cookies(mut self, in_cookies: bool) -> Self {
        self.settings.cookies.csrf_in_cookies = in_cookies;
        self
    }

    /// The name of the cookie with the access token's CSRF value. Default: `csrf_access_token`, prefixed as
    /// [`access_cookie_key`](Self::access_cookie_key) is.
    ///
    /// ```
    /// # use jwt_auth::{Config, TokenLocation};
    /// # let config = || Config::hs256([7; 32]).token_location([TokenLocation::Cookie]);
    /// assert!(config().access_csrf_cookie_key("csrf").build().is_ok());
    /// ```
    pub fn access_csrf_cookie_key(mut self, name: impl Into<String>) -> Self {
        self.settings.cookies.access.csrf_key = name.into();
        self
    }

    /// The name of the cookie with the refresh token's CSRF value. Default: `csrf_refresh_token`, prefixed
    /// as [`access_cookie_key`](Self::access_cookie_key) is.
    ///
    /// ```
    /// # use jwt_auth::{Config, TokenLocation};
    /// # let config = || Config::hs256([7; 32]).token_location([TokenLocation::Cookie]);
    /// assert!(config().refresh_csrf_cookie_key("csrf_renewal").build().is_ok());
    /// ```
    pub fn refresh_csrf_cookie_key(mut self, name: impl Into<String>) -> Self {
        self.settings.cookies.refresh.csrf_key = name.into();
        self
    }

    /// The path of the pages whose scripts may read the access token's CSRF value. Default: `/`.
    ///
    /// ```
    /// # use jwt_auth::{Config, TokenLocation};
    /// # let config = || Config::hs256([7; 32]).token_location([TokenLocation::Cookie]);
    /// assert!(config().access_csrf_cookie_path("/app").build().is_ok());
    /// ```
    pub fn access_csrf_cookie_path(mut self, path: impl Into<String>) -> Self {
        self.settings.cookies.access.csrf_path = path.into();
        self
    }

    /// The path of the pages whose scripts may read the refresh token's CSRF value. Default: `/`.
    ///
    /// ```
    /// # use jwt_auth::{Config, TokenLocation};
    /// # let config = || Config::hs256([7; 32]).token_location([TokenLocation::Cookie]);
    /// assert!(config().refresh_csrf_cookie_path("/app").build().is_ok());
    /// ```
    pub fn refresh_csrf_cookie_path(mut self, path: impl Into<String>) -> Self {
        self.settings.cookies.refresh.csrf_path = path.into();
        self
    }

    /// The header that repeats the access token's CSRF value. Default: `X-CSRF-Token`.
    ///
    /// ```
    /// # use jwt_auth::{Config, TokenLocation};
    /// # let config = || Config::hs256([7; 32]).token_location([TokenLocation::Cookie]);
    /// assert!(config().access_csrf_header_name("X-XSRF-TOKEN").build().is_ok());
    /// assert!(config().access_csrf_header_name("").build().is_err());
    /// ```
    pub fn access_csrf_header_name(mut self, name: impl Into<String>) -> Self {
        self.settings.cookies.access.csrf_header = name.into();
        self
    }

    /// The header that repeats the refresh token's CSRF value. Default: `X-CSRF-Token`.
    ///
    /// ```
    /// # use jwt_auth::{Config, TokenLocation};
    /// # let config = || Config::hs256([7; 32]).token_location([TokenLocation::Cookie]);
    /// assert!(config().refresh_csrf_header_name("X-CSRF-Refresh").build().is_ok());
    /// ```
    pub fn refresh_csrf_header_name(mut self, name: impl Into<String>) -> Self {
        self.settings.cookies.refresh.csrf_header = name.into();
        self
    }

    /// The methods whose requests have to repeat the CSRF value, in capitals. Default: every method but
    /// `GET`, `HEAD` and `OPTIONS`, which change nothing. An upgrade to a WebSocket is always asked.
    ///
    /// ```
    /// # use jwt_auth::{Config, TokenLocation};
    /// # let config = || Config::hs256([7; 32]).token_location([TokenLocation::Cookie]);
    /// assert!(config().csrf_methods(["POST", "DELETE"]).build().is_ok());
    /// assert!(config().csrf_methods(["post"]).build().is_err(), "methods are in capitals");
    /// ```
    pub fn csrf_methods<M: Into<String>>(mut self, methods: impl IntoIterator<Item = M>) -> Self {
        self.settings.cookies.csrf_methods = Some(methods.into_iter().map(Into::into).collect());
        self
    }

    /// The field of an HTML form that repeats the CSRF value, for pages without scripts; it is read by
    /// [`CsrfFormLayer`](crate::layer::CsrfFormLayer). Default: none, and the header alone counts.
    ///
    /// ```
    /// # use jwt_auth::{Config, TokenLocation};
    /// # let config = || Config::hs256([7; 32]).token_location([TokenLocation::Cookie]);
    /// assert!(config().csrf_form_field("csrf_token").build().is_ok());
    /// ```
    pub fn csrf_form_field(mut self, field: impl Into<String>) -> Self {
        self.settings.cookies.csrf_form_field = Some(field.into());
        self
    }

    /// Other origins whose pages may make requests with cookies, WebSockets among them, as a browser writes
    /// them in `Origin`. Default: none but the host of the request itself. They still repeat the CSRF value.
    ///
    /// ```
    /// # use jwt_auth::{Config, TokenLocation};
    /// # let config = || Config::hs256([7; 32]).token_location([TokenLocation::Cookie]);
    /// assert!(config().trusted_origins(["https://app.example"]).build().is_ok());
    /// assert!(config().trusted_origins(["app.example/"]).build().is_err());
    /// ```
    pub fn trusted_origins<O: Into<String>>(
        mut self,
        origins: impl IntoIterator<Item = O>,
    ) -> Self {
        self.settings.cookies.trusted_origins = origins.into_iter().map(Into::into).collect();
        self
    }

    /// Where a token is looked for, in this order: the first place that bears one decides, and later ones
    /// are not looked at. Default: the header alone. A token in the query ends up in logs and histories,
    /// so it is off unless named here, and answers then carry `Cache-Control: no-store`.
    ///
    /// ```
    /// use jwt_auth::{Config, TokenLocation};
    ///
    /// let config = || Config::hs256([7; 32]);
    /// assert!(config().token_location([TokenLocation::Header, TokenLocation::Cookie]).build().is_ok());
    /// assert!(config().token_location([]).build().is_err(), "nowhere is no place");
    /// ```
    pub fn token_location(mut self, locations: impl IntoIterator<Item = TokenLocation>) -> Self {
        self.settings.token_location = locations.into_iter().collect();
        self
    }

    /// The parameter of the query that bears the token. Default: `access_token` (RFC 6750 §2.3).
    ///
    /// ```
    /// use jwt_auth::{Config, TokenLocation};
    ///
    /// let config = Config::hs256([7; 32]).token_location([TokenLocation::Query]).query_name("token");
    /// assert!(config.build().is_ok());
    /// ```
    pub fn query_name(mut self, name: impl Into<String>) -> Self {
        self.settings.query_name = name.into();
        self
    }
}
