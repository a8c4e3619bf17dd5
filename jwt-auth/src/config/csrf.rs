//! Options of CSRF protection: which requests repeat the CSRF value, and where.

use http::{HeaderName, Method};

use crate::config::syntax::{is_token, is_unreserved};
use crate::config::web_settings::header_name;
use crate::config::{Compat, Config, ConfigProblem};
use crate::token_kind::{PerKind, TokenKind};

/// The options, as the setters received them.
#[derive(Clone, Debug)]
pub(crate) struct CsrfOptions {
    pub(crate) is_on: bool,
    in_cookies: bool,
    header_names: PerKind<String>,
    /// `None` for every method but `GET`, `HEAD` and `OPTIONS`.
    pub(crate) methods: Option<Vec<String>>,
    pub(crate) form_field: Option<String>,
    query_name: Option<String>,
    pub(crate) trusted_origins: Vec<String>,
}

impl Default for CsrfOptions {
    fn default() -> Self {
        Self {
            is_on: true,
            in_cookies: true,
            header_names: PerKind::from_fn(|_| "X-CSRF-Token".to_owned()),
            methods: None,
            form_field: None,
            query_name: None,
            trusted_origins: Vec::new(),
        }
    }
}

/// The options, parsed.
#[derive(Debug)]
pub(crate) struct CsrfSettings {
    pub(crate) is_on: bool,
    /// Whether separate cookies pass the values to the page's scripts.
    pub(crate) in_cookies: bool,
    pub(crate) headers: PerKind<HeaderName>,
    /// The names of the headers as the application wrote them, for error sentences.
    header_texts: PerKind<String>,
    /// `None` for every method but `GET`, `HEAD` and `OPTIONS`.
    pub(super) methods: Option<Vec<Method>>,
    pub(crate) form_field: Option<String>,
    /// The query parameter that carries the value of an upgrade.
    pub(crate) query_name: Option<String>,
    pub(crate) trusted_origins: Vec<String>,
}

impl CsrfSettings {
    pub(crate) fn header_text(&self, kind: TokenKind) -> &str {
        self.header_texts.get(kind)
    }

    pub(crate) fn header(&self, kind: TokenKind) -> &HeaderName {
        self.headers.get(kind)
    }

    /// Whether a request with this method must repeat the CSRF value.
    pub(crate) fn covers(&self, method: &Method) -> bool {
        match &self.methods {
            Some(methods) => methods.contains(method),
            None => !is_safe(method),
        }
    }
}

/// Whether the method changes nothing (RFC 9110 §9.2.1). `TRACE` counts as unsafe, since no browser sends it.
pub(crate) fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

impl CsrfOptions {
    /// Parses every option, and reports those that break a rule.
    pub(super) fn parse(
        self,
        compat: Option<Compat>,
        problems: &mut Vec<ConfigProblem>,
    ) -> Option<CsrfSettings> {
        let mut report = |field: &str, is_broken: bool, rule: &str, fix: String| {
            if is_broken {
                problems.push(ConfigProblem::new(field, rule, fix));
            }
        };
        let access = header_name(&self.header_names.access);
        let refresh = header_name(&self.header_names.refresh);
        for (field, name) in
            [("access_csrf_header_name", &access), ("refresh_csrf_header_name", &refresh)]
        {
            report(
                field,
                name.is_none(),
                "a header name is letters, digits and `-` (RFC 9110 §5.1)",
                format!("write `.{field}(\"X-CSRF-Token\")`"),
            );
        }
        let methods: Option<Option<Vec<Method>>> =
            self.methods.map(|names| names.iter().map(|name| method(name)).collect());
        report(
            "csrf_methods",
            methods.as_ref().is_some_and(|methods| methods.as_ref().is_none_or(Vec::is_empty)),
            "the list has at least one method, each in capitals",
            "write `.csrf_methods([\"POST\", \"PUT\", \"PATCH\", \"DELETE\"])`".to_owned(),
        );
        report(
            "csrf_form_field",
            self.form_field.as_deref().is_some_and(|field| !is_unreserved(field)),
            "the name of a form field is letters, digits, `-`, `.` and `_`",
            "write `.csrf_form_field(\"csrf_token\")`, or remove the option".to_owned(),
        );
        report(
            "csrf_query_name",
            self.query_name.as_deref().is_some_and(|name| !is_unreserved(name)),
            "the name of a query parameter is letters, digits, `-`, `.` and `_`",
            "write `.csrf_query_name(\"csrf_token\")`, or remove the option".to_owned(),
        );
        report(
            "trusted_origins",
            self.trusted_origins.iter().any(|origin| !is_origin(origin)),
            "an origin is a scheme, a host and an optional port, in lower case, without a path (RFC 6454 §6.2)",
            "write `.trusted_origins([\"https://app.example\"])`".to_owned(),
        );
        Some(CsrfSettings {
            is_on: self.is_on,
            in_cookies: self.in_cookies,
            headers: PerKind { access: access?, refresh: refresh? },
            header_texts: self.header_names,
            methods: match methods {
                Some(methods) => Some(methods?),
                None => None,
            },
            form_field: self.form_field,
            query_name: match compat {
                // The example of fastapi-jwt-auth sends it there.
                Some(Compat::FastApiJwtAuth) => {
                    self.query_name.or_else(|| Some("csrf_token".to_owned()))
                }
                Some(Compat::FlaskJwtExtended) | None => self.query_name,
            },
            trusted_origins: self.trusted_origins,
        })
    }
}

/// A method in capitals.
fn method(name: &str) -> Option<Method> {
    let is_method = is_token(name) && !name.bytes().any(|b| b.is_ascii_lowercase());
    Some(name).filter(|_| is_method).and_then(|name| name.parse().ok())
}

fn is_origin(text: &str) -> bool {
    let Some((scheme, host)) = text.split_once("://") else { return false };
    let is_lower = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    !scheme.is_empty()
        && !host.is_empty()
        && scheme.bytes().all(|b| is_lower(b) || b"+-.".contains(&b))
        && host.bytes().all(|b| is_lower(b) || b"-.:[]_".contains(&b))
}

/// # CSRF
///
/// Other sites can make a browser send its cookies. A request whose token came in a cookie therefore repeats a
/// value from the signed token, which other sites cannot read.
impl Config {
    /// Whether the CSRF values are also set as cookies. Default: true.
    ///
    /// Scripts of the page can read these cookies. With `false`, return the values in a response body:
    /// [`TokenPair::access_csrf_token`](crate::TokenPair::access_csrf_token).
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial, TokenLocation};
    /// # let config = || Config::hs256(KeyMaterial::ephemeral()).token_location([TokenLocation::Cookie]);
    /// assert!(config().csrf_in_cookies(false).build().is_ok());
    /// ```
    pub fn csrf_in_cookies(mut self, in_cookies: bool) -> Self {
        self.web.csrf.in_cookies = in_cookies;
        self
    }

    /// The name of the cookie with the access token's CSRF value.
    ///
    /// Default: `csrf_access_token`, with the prefix of [`access_cookie_key`](Self::access_cookie_key).
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial, TokenLocation};
    /// # let config = || Config::hs256(KeyMaterial::ephemeral()).token_location([TokenLocation::Cookie]);
    /// assert!(config().access_csrf_cookie_key("csrf").build().is_ok());
    /// assert!(config().access_csrf_cookie_key("two words").build().is_err());
    /// ```
    pub fn access_csrf_cookie_key(mut self, name: impl Into<String>) -> Self {
        self.web.cookies.kinds.access.csrf.name = name.into();
        self
    }

    /// The name of the cookie with the refresh token's CSRF value.
    ///
    /// Default: `csrf_refresh_token`, with the prefix of [`access_cookie_key`](Self::access_cookie_key).
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial, TokenLocation};
    /// # let config = || Config::hs256(KeyMaterial::ephemeral()).token_location([TokenLocation::Cookie]);
    /// assert!(config().refresh_csrf_cookie_key("csrf_renewal").build().is_ok());
    /// assert!(config().refresh_csrf_cookie_key("csrf_access_token").build().is_err(), "two cookies of one name");
    /// ```
    pub fn refresh_csrf_cookie_key(mut self, name: impl Into<String>) -> Self {
        self.web.cookies.kinds.refresh.csrf.name = name.into();
        self
    }

    /// The path of the cookie with the access token's CSRF value. Default: `/`.
    ///
    /// Only scripts of pages below the path can read the value.
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial, TokenLocation};
    /// # let config = || Config::hs256(KeyMaterial::ephemeral()).token_location([TokenLocation::Cookie]);
    /// assert!(config().access_csrf_cookie_path("/app").build().is_ok());
    /// assert!(config().access_csrf_cookie_path("app").build().is_err());
    /// ```
    pub fn access_csrf_cookie_path(mut self, path: impl Into<String>) -> Self {
        self.web.cookies.kinds.access.csrf.path = path.into();
        self
    }

    /// The path of the cookie with the refresh token's CSRF value. Default: `/`.
    ///
    /// Only scripts of pages below the path can read the value.
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial, TokenLocation};
    /// # let config = || Config::hs256(KeyMaterial::ephemeral()).token_location([TokenLocation::Cookie]);
    /// assert!(config().refresh_csrf_cookie_path("/app").build().is_ok());
    /// assert!(config().refresh_csrf_cookie_path("app").build().is_err());
    /// ```
    pub fn refresh_csrf_cookie_path(mut self, path: impl Into<String>) -> Self {
        self.web.cookies.kinds.refresh.csrf.path = path.into();
        self
    }

    /// The header that repeats the access token's CSRF value.
    ///
    /// Default: `X-CSRF-Token`.
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial, TokenLocation};
    /// # let config = || Config::hs256(KeyMaterial::ephemeral()).token_location([TokenLocation::Cookie]);
    /// assert!(config().access_csrf_header_name("X-XSRF-TOKEN").build().is_ok());
    /// assert!(config().access_csrf_header_name("").build().is_err());
    /// ```
    pub fn access_csrf_header_name(mut self, name: impl Into<String>) -> Self {
        self.web.csrf.header_names.access = name.into();
        self
    }

    /// The header that repeats the refresh token's CSRF value.
    ///
    /// Default: `X-CSRF-Token`.
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial, TokenLocation};
    /// # let config = || Config::hs256(KeyMaterial::ephemeral()).token_location([TokenLocation::Cookie]);
    /// assert!(config().refresh_csrf_header_name("X-CSRF-Refresh").build().is_ok());
    /// assert!(config().refresh_csrf_header_name("").build().is_err());
    /// ```
    pub fn refresh_csrf_header_name(mut self, name: impl Into<String>) -> Self {
        self.web.csrf.header_names.refresh = name.into();
        self
    }

    /// The methods that must repeat the CSRF value, in capitals.
    ///
    /// Default: every method but `GET`, `HEAD` and `OPTIONS`, which change nothing. A WebSocket upgrade must
    /// always repeat it.
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial, TokenLocation};
    /// # let config = || Config::hs256(KeyMaterial::ephemeral()).token_location([TokenLocation::Cookie]);
    /// assert!(config().csrf_methods(["POST", "DELETE"]).build().is_ok());
    /// assert!(config().csrf_methods(["post"]).build().is_err(), "methods are in capitals");
    /// ```
    pub fn csrf_methods<M: Into<String>>(mut self, methods: impl IntoIterator<Item = M>) -> Self {
        self.web.csrf.methods = Some(methods.into_iter().map(Into::into).collect());
        self
    }

    /// The field of an HTML form that repeats the CSRF value.
    ///
    /// Default: none; only the header is read. For pages without scripts:
    /// [`CsrfFormLayer`](crate::layer::CsrfFormLayer) reads the field.
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial, TokenLocation};
    /// # let config = || Config::hs256(KeyMaterial::ephemeral()).token_location([TokenLocation::Cookie]);
    /// assert!(config().csrf_form_field("csrf_token").build().is_ok());
    /// assert!(config().csrf_form_field("csrf token").build().is_err());
    /// ```
    pub fn csrf_form_field(mut self, field: impl Into<String>) -> Self {
        self.web.csrf.form_field = Some(field.into());
        self
    }

    /// The query parameter in which the request that opens a WebSocket may repeat the CSRF value.
    ///
    /// Default: none; `csrf_token` under [`Compat::FastApiJwtAuth`](crate::Compat::FastApiJwtAuth). A page cannot set a
    /// header on such a request; `Sec-WebSocket-Protocol` is the better place, because URLs end up in logs. Other requests
    /// never carry the value there.
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial, TokenLocation};
    /// # let config = || Config::hs256(KeyMaterial::ephemeral()).token_location([TokenLocation::Cookie]);
    /// assert!(config().csrf_query_name("csrf_token").build().is_ok());
    /// assert!(config().csrf_query_name("csrf token").build().is_err());
    /// ```
    pub fn csrf_query_name(mut self, name: impl Into<String>) -> Self {
        self.web.csrf.query_name = Some(name.into());
        self
    }

    /// Other origins whose pages may send requests with cookies.
    ///
    /// Default: none; only pages of the request's own host may. Write origins as browsers write them in `Origin`.
    /// Their pages may also open WebSockets, and must also repeat the CSRF value.
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial, TokenLocation};
    /// # let config = || Config::hs256(KeyMaterial::ephemeral()).token_location([TokenLocation::Cookie]);
    /// assert!(config().trusted_origins(["https://app.example"]).build().is_ok());
    /// assert!(config().trusted_origins(["app.example/"]).build().is_err());
    /// ```
    pub fn trusted_origins<O: Into<String>>(
        mut self,
        origins: impl IntoIterator<Item = O>,
    ) -> Self {
        self.web.csrf.trusted_origins = origins.into_iter().map(Into::into).collect();
        self
    }
}
