//! Options of locations: where a request may carry its token.

use std::fmt;
use std::str::FromStr;

use crate::config::Config;
use crate::error::UnknownName;

/// A location in a request that can contain a token.
///
/// ```
/// use jwt_auth::TokenLocation;
///
/// assert_eq!(TokenLocation::Header.name(), "header");
/// assert_eq!("cookie".parse(), Ok(TokenLocation::Cookie));
/// assert!("cookies".parse::<TokenLocation>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenLocation {
    /// The `Authorization` header, or the one set by [`Config::header_name`].
    Header,
    /// The cookie of the token's kind ([`Config::access_cookie_key`], [`Config::refresh_cookie_key`]).
    Cookie,
    /// The query parameter set by [`Config::query_name`].
    Query,
    /// `Sec-WebSocket-Protocol`: the entry after `bearer`, as in `new WebSocket(url, ["bearer", token])`.
    WebSocketProtocol,
}

impl TokenLocation {
    pub(crate) const ALL: [Self; 4] =
        [Self::Header, Self::Cookie, Self::Query, Self::WebSocketProtocol];

    /// The name that attributes and environment variables use.
    ///
    /// ```
    /// # use jwt_auth::TokenLocation;
    /// assert_eq!(TokenLocation::WebSocketProtocol.name(), "websocket_protocol");
    /// assert_eq!("websocket_protocol".parse(), Ok(TokenLocation::WebSocketProtocol));
    /// ```
    pub const fn name(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Cookie => "cookie",
            Self::Query => "query",
            Self::WebSocketProtocol => "websocket_protocol",
        }
    }
}

impl fmt::Display for TokenLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for TokenLocation {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        let found = Self::ALL.into_iter().find(|location| location.name() == name);
        found.ok_or_else(|| UnknownName::new("token location", name, Self::ALL.map(Self::name)))
    }
}

/// # Locations
///
/// Where a request may carry its token.
impl Config {
    /// The locations that are searched for a token, in this order.
    ///
    /// Default: the header alone.
    ///
    /// The first location that contains a token decides; later ones are ignored. A token in the query ends up in
    /// logs and browser histories, so the query is searched only if you list it; responses to such a token carry
    /// `Cache-Control: no-store`.
    ///
    /// ```
    /// use jwt_auth::{Config, KeyMaterial, TokenLocation};
    ///
    /// let config = || Config::hs256(KeyMaterial::ephemeral());
    /// assert!(config().token_location([TokenLocation::Header, TokenLocation::Cookie]).build().is_ok());
    /// assert!(config().token_location([]).build().is_err(), "at least one location is required");
    /// ```
    pub fn token_location(mut self, locations: impl IntoIterator<Item = TokenLocation>) -> Self {
        self.web.token_location = locations.into_iter().collect();
        self
    }

    /// The header that carries the token. Default: `Authorization`.
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial};
    /// # let config = || Config::hs256(KeyMaterial::ephemeral());
    /// assert!(config().header_name("X-Auth").build().is_ok());
    /// assert!(config().header_name("X Auth").build().is_err());
    /// ```
    pub fn header_name(mut self, name: impl Into<String>) -> Self {
        self.web.header_name = name.into();
        self
    }

    /// The scheme before the token, compared without case.
    ///
    /// Default: `Bearer` (RFC 6750 §2.1). `None` is for a header that contains only the token.
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial};
    /// # let config = || Config::hs256(KeyMaterial::ephemeral());
    /// assert!(config().header_type(None).build().is_ok());
    /// assert!(config().header_type(Some("two words")).build().is_err());
    /// ```
    pub fn header_type(mut self, scheme: Option<&str>) -> Self {
        self.web.errors.scheme = scheme.map(str::to_owned);
        self.web.other_schemes.clear();
        self
    }

    /// Several schemes that may stand before the token, compared without case.
    ///
    /// Default: `Bearer` alone. Challenges name the first. For clients that send `Token …` beside those that send
    /// `Bearer …`. It replaces [`header_type`](Self::header_type).
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial};
    /// # let config = || Config::hs256(KeyMaterial::ephemeral());
    /// assert!(config().header_types(["Bearer", "Token"]).build().is_ok());
    /// assert!(config().header_types([] as [&str; 0]).build().is_err());
    /// ```
    pub fn header_types<T: Into<String>>(mut self, schemes: impl IntoIterator<Item = T>) -> Self {
        let mut schemes = schemes.into_iter().map(Into::into);
        // An empty list is no scheme, which `build` refuses.
        self.web.errors.scheme = Some(schemes.next().unwrap_or_default());
        self.web.other_schemes = schemes.collect();
        self
    }

    /// The query parameter that carries the token.
    ///
    /// Default: `access_token` (RFC 6750 §2.3).
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial, TokenLocation};
    /// # let config = || Config::hs256(KeyMaterial::ephemeral()).token_location([TokenLocation::Query]);
    /// assert!(config().query_name("token").build().is_ok());
    /// assert!(config().query_name("a token").build().is_err());
    /// ```
    pub fn query_name(mut self, name: impl Into<String>) -> Self {
        self.web.query_name = name.into();
        self
    }
}
