//! The option that names this service as a resource of OAuth (RFC 9728).

use http::Uri;

use crate::config::{Config, ConfigProblem, WebSettings};

/// What comes between the host and the path of the resource (RFC 9728 §3).
const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// A resource, and where its document is.
#[derive(Clone, Debug)]
pub(crate) struct Resource {
    /// Exactly as configured: clients compare it as text.
    pub(crate) url: String,
    /// Its scheme and host, where clients reach this service.
    pub(crate) origin: String,
    /// The address of the document.
    pub(crate) metadata_url: String,
    pub(crate) authorization_servers: Vec<String>,
}

/// # Protected resource
///
/// For clients that discover how to get a token, such as those of MCP servers.
impl Config {
    /// The address of this service, as an OAuth client names it (RFC 9728).
    ///
    /// Default: none. With it, a challenge says where the document about this service is (`resource_metadata`) and which
    /// scopes the route requires (`scope`), and [`routing::protected_resource`](crate::routing::protected_resource) serves
    /// that document. It is also the audience, unless [`audience`](Self::audience) names another: a token for another
    /// resource is refused (RFC 8707). Tokens without an audience are refused then, so set it before the first log-in, or
    /// keep the audience as it was with `.audience([])` after this call.
    ///
    /// An `https` address without query and fragment; `http` for the host `localhost` and loopback addresses alone. It is
    /// sent exactly as written here: with or without a slash at its end, as the clients are told.
    ///
    /// ```
    /// use jwt_auth::{Config, KeyMaterial};
    ///
    /// let config = |url: &str| Config::hs256(KeyMaterial::ephemeral()).resource(url);
    /// assert!(config("https://api.example/mcp").build().is_ok());
    /// assert!(config("http://api.example/mcp").build().is_err(), "tokens would travel in clear text");
    /// assert!(config("https://api.example/mcp#tools").build().is_err());
    /// ```
    pub fn resource(mut self, url: impl Into<String>) -> Self {
        let url = url.into();
        if self.rules.audience.is_empty() && self.rules.decode_audience.is_empty() {
            self = self.audience([url.clone()]);
        }
        self.web.resource = Some(url);
        self
    }

    /// The issuers from which clients get tokens for this service (RFC 9728 §2).
    ///
    /// Default: the [`issuer`](Self::issuer), if it is an `https` address. They are in the document of
    /// [`routing::protected_resource`](crate::routing::protected_resource).
    ///
    /// ```
    /// use jwt_auth::{Config, KeyMaterial};
    ///
    /// let config = Config::hs256(KeyMaterial::ephemeral()).resource("https://api.example");
    /// assert!(config.clone().authorization_servers(["https://login.example"]).build().is_ok());
    /// assert!(config.authorization_servers(["login.example"]).build().is_err());
    /// ```
    pub fn authorization_servers<A: Into<String>>(
        mut self,
        issuers: impl IntoIterator<Item = A>,
    ) -> Self {
        self.web.authorization_servers = issuers.into_iter().map(Into::into).collect();
        self
    }
}

impl Resource {
    /// Checks the address, and derives that of the document.
    pub(super) fn parse(
        url: String,
        authorization_servers: Vec<String>,
        issuer: Option<&str>,
        problems: &mut Vec<ConfigProblem>,
    ) -> Option<Self> {
        let mut servers = authorization_servers;
        for server in &servers {
            if parse(server).is_none() {
                problems.push(ConfigProblem::new(
                    "authorization_servers",
                    "an authorization server is an https address without query and fragment (RFC 8414 §2)",
                    "write `.authorization_servers([\"https://login.example\"])`",
                ));
            }
        }
        let issuer = issuer.filter(|issuer| parse(issuer).is_some());
        if servers.is_empty() {
            servers.extend(issuer.map(str::to_owned));
        }
        let Some(metadata_url) = parse(&url) else {
            problems.push(ConfigProblem::new(
                "resource",
                "a resource is an https address without query and fragment (RFC 9728 §1.2)",
                "write `.resource(\"https://api.example\")`; `http` is for localhost",
            ));
            return None;
        };
        let end = metadata_url.find(WELL_KNOWN).unwrap_or_default();
        let origin = metadata_url[..end].to_owned();
        Some(Self { url, origin, metadata_url, authorization_servers: servers })
    }

    /// The document (RFC 9728 §2).
    pub(crate) fn document(
        &self,
        settings: &WebSettings,
        algorithms: &[&str],
    ) -> serde_json::Value {
        use crate::config::TokenLocation;
        let methods = [(TokenLocation::Header, "header"), (TokenLocation::Query, "query")];
        let methods: Vec<_> = methods
            .into_iter()
            .filter(|(location, _)| settings.reads(*location))
            .map(|(_, name)| name)
            .collect();
        let mut document = serde_json::json!({
            "resource": self.url,
            "bearer_methods_supported": methods,
            "dpop_signing_alg_values_supported": algorithms,
        });
        if !self.authorization_servers.is_empty() {
            document["authorization_servers"] = self.authorization_servers.clone().into();
        }
        document
    }
}

/// The address of the document of a resource; `None` if it is no address of one.
fn parse(url: &str) -> Option<String> {
    let is_plain =
        url.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'"' | b'\\' | b'#' | b'?'));
    let uri: Uri = url.parse().ok().filter(|_| is_plain)?;
    let (scheme, authority) = (uri.scheme_str()?, uri.authority()?);
    let host = authority.host();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let is_local =
        host == "localhost" || address.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
    let is_safe = scheme == "https" || (scheme == "http" && is_local);
    if !is_safe || host.is_empty() || authority.as_str().contains('@') {
        return None;
    }
    // The slash after the host alone is no path.
    let path = Some(uri.path()).filter(|path| *path != "/").unwrap_or_default();
    Some(format!("{scheme}://{authority}{WELL_KNOWN}{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_well_known_part_comes_between_host_and_path() {
        for (resource, expected) in [
            ("https://api.example", "https://api.example/.well-known/oauth-protected-resource"),
            ("https://api.example/", "https://api.example/.well-known/oauth-protected-resource"),
            (
                "https://api.example:8443/mcp",
                "https://api.example:8443/.well-known/oauth-protected-resource/mcp",
            ),
            (
                "https://api.example/a/b/",
                "https://api.example/.well-known/oauth-protected-resource/a/b/",
            ),
            ("http://localhost:3000", "http://localhost:3000/.well-known/oauth-protected-resource"),
            ("http://[::1]:3000/x", "http://[::1]:3000/.well-known/oauth-protected-resource/x"),
        ] {
            assert_eq!(parse(resource).as_deref(), Some(expected), "{resource}");
        }
        for bad in [
            "",
            "api.example",
            "/mcp",
            "http://api.example",
            "ftp://api.example",
            "https://",
            "https://api.example/?a",
            "https://api.example/#a",
            "https://user@api.example",
            "https://api.example/\"",
            "https://api.example/a b",
            "http://localhost.example",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
