//! The settings of the web layer: as the application sets them, and as `build` parses them.

use std::sync::Arc;

use http::HeaderName;

use crate::config::csrf::CsrfOptions;
use crate::config::previous_cookies::{self, ParsedPreviousCookie, PreviousCookie};
use crate::config::syntax::{is_token, is_unreserved};
use crate::config::token_rules::MAX_TOKEN;
use crate::config::{
    ConfigProblem, CookieSettings, CsrfSettings, DpopNonces, Resource, TokenLocation,
};
use crate::error::ErrorSettings;
use crate::keys::KeyMaterial;
use crate::token_kind::PerKind;

/// Browsers drop a larger cookie, attributes included (RFC 6265 §6.1).
pub(crate) const MAX_COOKIE: usize = 4096;

/// The options, as the setters received them.
#[derive(Clone, Debug)]
pub(crate) struct WebOptions {
    pub(crate) token_location: Vec<TokenLocation>,
    pub(super) header_name: String,
    /// The schemes beside `errors.scheme`.
    pub(super) other_schemes: Vec<String>,
    pub(super) query_name: String,
    pub(crate) cookies: CookieSettings,
    pub(crate) csrf: CsrfOptions,
    pub(crate) errors: ErrorSettings,
    pub(super) previous_cookies: Vec<PreviousCookie>,
    pub(super) resource: Option<String>,
    pub(super) authorization_servers: Vec<String>,
    pub(super) dpop_nonces: Option<KeyMaterial>,
}

impl Default for WebOptions {
    fn default() -> Self {
        Self {
            token_location: vec![TokenLocation::Header],
            header_name: "Authorization".to_owned(),
            other_schemes: Vec::new(),
            query_name: "access_token".to_owned(),
            cookies: CookieSettings::default(),
            csrf: CsrfOptions::default(),
            errors: ErrorSettings::default(),
            previous_cookies: Vec::new(),
            resource: None,
            authorization_servers: Vec::new(),
            dpop_nonces: None,
        }
    }
}

/// The options, parsed.
#[derive(Debug)]
pub(crate) struct WebSettings {
    pub(crate) token_location: Vec<TokenLocation>,
    pub(crate) header_name: HeaderName,
    /// The header's name as the application wrote it, for error sentences.
    pub(crate) header_text: String,
    /// The schemes that are accepted beside `errors.scheme`.
    pub(crate) other_schemes: Vec<String>,
    pub(crate) query_name: String,
    pub(crate) cookies: CookieSettings,
    pub(crate) csrf: CsrfSettings,
    pub(crate) errors: Arc<ErrorSettings>,
    /// Whether an error without these settings would be rendered differently.
    pub(crate) has_own_errors: bool,
    pub(crate) previous_cookies: Vec<ParsedPreviousCookie>,
    pub(crate) resource: Option<Resource>,
    pub(crate) dpop_nonces: Option<DpopNonces>,
}

impl WebOptions {
    /// Parses every option, and reports those that break a rule.
    ///
    /// `issuer` is the one of the tokens.
    pub(super) fn parse(
        mut self,
        issuer: Option<&str>,
        problems: &mut Vec<ConfigProblem>,
    ) -> Option<WebSettings> {
        let mut report = |field: &str, is_broken: bool, rule: &str, fix: &str| {
            if is_broken {
                problems.push(ConfigProblem::new(field, rule, fix));
            }
        };
        let is_repeated = |(at, location)| self.token_location[..at].contains(location);
        report(
            "token_location",
            self.token_location.is_empty()
                || self.token_location.iter().enumerate().any(is_repeated),
            "the list has at least one location, and each only once",
            "write `.token_location([TokenLocation::Header])`",
        );
        report(
            "query_name",
            !is_unreserved(&self.query_name),
            "the name of a query parameter is letters, digits, `-`, `.` and `_`",
            "write `.query_name(\"access_token\")`",
        );
        let header_name = header_name(&self.header_name);
        report(
            "header_name",
            header_name.is_none(),
            "a header name is letters, digits and `-` (RFC 9110 §5.1)",
            "write `.header_name(\"Authorization\")`",
        );
        report(
            "header_type",
            self.errors.scheme.iter().chain(&self.other_schemes).any(|scheme| !is_token(scheme)),
            "a header type is one word (RFC 9110 §11.1)",
            "write `.header_type(Some(\"Bearer\"))`, or `.header_type(None)` for a bare token",
        );
        report(
            "error_body_key",
            matches!(self.errors.body_key(), "" | "code"),
            "the body key is not empty and not `code`",
            "write `.error_body_key(\"detail\")`",
        );
        report(
            "problem_details",
            self.errors.has_problem_details && self.errors.compat.is_some(),
            "a response has the form of RFC 9457 or that of another framework, not both",
            "remove `.problem_details()` or `.compat(…)`",
        );
        let (resource, dpop_nonces) = self.parse_resource(issuer, problems);
        let may_prefix = self.errors.compat.is_none();
        let cookies = self.cookies.parse(may_prefix, problems);
        let previous_cookies = previous_cookies::parse(&self.previous_cookies, &cookies, problems);
        let csrf = self.csrf.parse(self.errors.compat, problems);
        self.errors.resource_metadata = resource.as_ref().map(|one| one.metadata_url.clone());
        Some(WebSettings {
            token_location: self.token_location,
            header_name: header_name?,
            header_text: self.header_name,
            other_schemes: self.other_schemes,
            query_name: self.query_name,
            cookies,
            csrf: csrf?,
            previous_cookies,
            resource,
            dpop_nonces,
            has_own_errors: self.errors.differ_from_default(),
            errors: Arc::new(self.errors),
        })
    }

    /// The resource, and what is configured for it only.
    fn parse_resource(
        &mut self,
        issuer: Option<&str>,
        problems: &mut Vec<ConfigProblem>,
    ) -> (Option<Resource>, Option<DpopNonces>) {
        let servers = std::mem::take(&mut self.authorization_servers);
        let has_resource = self.resource.is_some();
        for (field, is_set, rule) in [
            (
                "authorization_servers",
                !servers.is_empty(),
                "authorization servers are those of a resource, and none is configured",
            ),
            (
                "dpop_nonces",
                self.dpop_nonces.is_some(),
                "a proof of DPoP names the address of this service, and none is configured",
            ),
        ] {
            if is_set && !has_resource {
                let fix = "write `.resource(\"https://api.example\")`";
                problems.push(ConfigProblem::new(field, rule, fix));
            }
        }
        let resource = self.resource.take();
        let nonces = self.dpop_nonces.take();
        (
            resource.and_then(|url| Resource::parse(url, servers, issuer, problems)),
            nonces.and_then(|secret| DpopNonces::parse(secret, problems)),
        )
    }
}

/// The parsed name of a header; `None` if it is not one.
pub(super) fn header_name(text: &str) -> Option<HeaderName> {
    Some(text).filter(|text| is_token(text)).and_then(|text| text.parse().ok())
}

impl WebSettings {
    /// Whether the configuration looks for tokens at this location.
    pub(crate) fn reads(&self, location: TokenLocation) -> bool {
        self.token_location.contains(&location)
    }

    /// The locations of a route, or the configured ones if the route has none.
    pub(crate) fn locations_or<'a>(&'a self, of_route: &'a [TokenLocation]) -> &'a [TokenLocation] {
        if of_route.is_empty() { &self.token_location } else { of_route }
    }

    /// Whether tokens are issued with a CSRF value.
    pub(crate) fn writes_csrf(&self) -> bool {
        self.reads(TokenLocation::Cookie) && self.csrf.is_on
    }

    /// The longest token that our own reader accepts, and that fits into a cookie.
    pub(crate) fn longest_token(&self) -> PerKind<usize> {
        PerKind::from_fn(|kind| {
            if self.reads(TokenLocation::Cookie) {
                MAX_COOKIE.saturating_sub(self.cookies.overhead(kind))
            } else {
                MAX_TOKEN
            }
        })
    }
}

#[cfg(test)]
impl WebSettings {
    /// The settings that these options parse to.
    pub(crate) fn with(change: impl FnOnce(&mut WebOptions)) -> Self {
        let mut options = WebOptions::default();
        change(&mut options);
        let mut problems = Vec::new();
        let settings = options.parse(None, &mut problems).expect("the options are valid");
        assert!(problems.is_empty(), "{problems:?}");
        settings
    }
}
