//! `Credential`: where a request carries a token.

use crate::config::TokenLocation;

/// A location of tokens with its names, as [`JwtAuth::credentials`](crate::JwtAuth::credentials) lists them.
///
/// ```
/// use jwt_auth::config::Credential;
/// use jwt_auth::{Config, KeyMaterial, TokenKind};
///
/// let auth = Config::hs256(KeyMaterial::ephemeral()).build()?;
/// let header = Credential::Header { name: "authorization".to_owned(), scheme: Some("Bearer".to_owned()) };
/// assert_eq!(auth.credentials(TokenKind::Access), [header]);
/// # Ok::<(), jwt_auth::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Credential {
    /// A header, with its authentication scheme.
    Header {
        /// In lower case.
        name: String,
        /// `None` for a bare token.
        scheme: Option<String>,
    },
    /// A cookie.
    Cookie {
        /// Its name, with its prefix.
        name: String,
        /// The header that repeats the CSRF value of a request that changes something; `None` if that is off.
        csrf_header: Option<String>,
    },
    /// A parameter of the query.
    Query {
        /// Its name.
        name: String,
    },
    /// The header `Sec-WebSocket-Protocol` of an upgrade.
    WebSocketProtocol,
}

impl Credential {
    /// A header.
    ///
    /// ```
    /// use jwt_auth::TokenLocation;
    /// use jwt_auth::config::Credential;
    ///
    /// let bearer = Credential::header("authorization", Some("Bearer"));
    /// assert_eq!(bearer.location(), TokenLocation::Header);
    /// ```
    pub fn header(name: impl Into<String>, scheme: Option<&str>) -> Self {
        Self::Header { name: name.into(), scheme: scheme.map(str::to_owned) }
    }

    /// Its location, as attributes name it.
    ///
    /// ```
    /// use jwt_auth::TokenLocation;
    /// use jwt_auth::config::Credential;
    ///
    /// assert_eq!(Credential::Query { name: "token".to_owned() }.location(), TokenLocation::Query);
    /// ```
    pub const fn location(&self) -> TokenLocation {
        match self {
            Self::Header { .. } => TokenLocation::Header,
            Self::Cookie { .. } => TokenLocation::Cookie,
            Self::Query { .. } => TokenLocation::Query,
            Self::WebSocketProtocol => TokenLocation::WebSocketProtocol,
        }
    }
}
