//! What documents about the API need: where requests carry tokens, and how errors look.

use crate::auth::JwtAuth;
use crate::config::{Credential, TokenLocation};
use crate::token_kind::TokenKind;

/// # For documents about the API
impl JwtAuth {
    /// Where requests carry tokens of a kind, in the order in which the locations are searched.
    ///
    /// The example of [`Credential`] shows it.
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial, TokenKind, TokenLocation};
    /// let config = Config::hs256(KeyMaterial::ephemeral()).token_location([TokenLocation::Cookie]);
    /// assert_eq!(config.build()?.credentials(TokenKind::Refresh).len(), 1);
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn credentials(&self, kind: TokenKind) -> Vec<Credential> {
        let web = self.web();
        let credential = |location: &TokenLocation| match location {
            TokenLocation::Header => Credential::Header {
                name: web.header_name.as_str().to_owned(),
                scheme: web.errors.scheme.clone(),
            },
            TokenLocation::Cookie => Credential::Cookie {
                name: web.cookies.kinds.get(kind).token.name.clone(),
                csrf_header: web.csrf.is_on.then(|| web.csrf.header_text(kind).to_owned()),
            },
            TokenLocation::Query => Credential::Query { name: web.query_name.clone() },
            TokenLocation::WebSocketProtocol => Credential::WebSocketProtocol,
        };
        web.locations_or(&[]).iter().map(credential).collect()
    }

    /// The member of an error body that has the sentence; `None` if bodies have the form of RFC 9457.
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial};
    /// let config = || Config::hs256(KeyMaterial::ephemeral());
    /// assert_eq!(config().build()?.error_body_key(), Some("detail"));
    /// assert_eq!(config().problem_details().build()?.error_body_key(), None);
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn error_body_key(&self) -> Option<&str> {
        let errors = &self.web().errors;
        (!errors.has_problem_details).then(|| errors.body_key())
    }
}
