//! The security schemes of a configuration: where requests carry tokens.

use jwt_auth::config::Credential;
use jwt_auth::{JwtAuth, TokenKind};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};

/// The security schemes that documents name, and what refusals look like.
///
/// ```
/// use jwt_auth::{Config, KeyMaterial, TokenLocation};
/// use jwt_auth_openapi::Schemes;
///
/// let config = Config::hs256(KeyMaterial::ephemeral()).token_location([TokenLocation::Cookie]);
/// let schemes = Schemes::of(&config.build()?);
/// # drop(schemes);
/// # Ok::<(), jwt_auth::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Schemes {
    pub(crate) access: Vec<Scheme>,
    pub(crate) refresh: Vec<Scheme>,
    /// `None` for bodies of RFC 9457.
    pub(crate) body_key: Option<String>,
}

/// One scheme.
#[derive(Clone, Debug)]
pub(crate) struct Scheme {
    pub(crate) name: &'static str,
    /// As attributes name its location.
    pub(crate) location: &'static str,
    pub(crate) credential: Credential,
}

impl Default for Schemes {
    /// A token in the header `Authorization`, with the scheme `Bearer`.
    fn default() -> Self {
        let header = || Credential::header("authorization", Some("Bearer"));
        Self {
            access: schemes([header()], TokenKind::Access),
            refresh: schemes([header()], TokenKind::Refresh),
            body_key: Some("detail".to_owned()),
        }
    }
}

impl Schemes {
    /// Those of a configuration.
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial};
    /// # use jwt_auth_openapi::Schemes;
    /// let schemes = Schemes::of(&Config::hs256(KeyMaterial::ephemeral()).build()?);
    /// # drop(schemes);
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn of(auth: &JwtAuth) -> Self {
        Self {
            access: schemes(auth.credentials(TokenKind::Access), TokenKind::Access),
            refresh: schemes(auth.credentials(TokenKind::Refresh), TokenKind::Refresh),
            body_key: auth.error_body_key().map(str::to_owned),
        }
    }

    pub(crate) fn of_kind(&self, is_refresh: bool) -> &[Scheme] {
        if is_refresh { &self.refresh } else { &self.access }
    }
}

/// The schemes of a kind. OpenAPI has no words for the header of WebSocket upgrades.
fn schemes(credentials: impl IntoIterator<Item = Credential>, kind: TokenKind) -> Vec<Scheme> {
    let scheme = |credential: Credential| {
        let is_access = kind == TokenKind::Access;
        let (name, location) = match (&credential, is_access) {
            (Credential::Header { .. }, true) => ("access_token", "header"),
            (Credential::Header { .. }, false) => ("refresh_token", "header"),
            (Credential::Cookie { .. }, true) => ("access_cookie", "cookie"),
            (Credential::Cookie { .. }, false) => ("refresh_cookie", "cookie"),
            (Credential::Query { .. }, true) => ("access_query", "query"),
            (Credential::Query { .. }, false) => ("refresh_query", "query"),
            _ => return None,
        };
        Some(Scheme { name, location, credential })
    };
    credentials.into_iter().filter_map(scheme).collect()
}

impl Scheme {
    /// As OpenAPI describes it.
    pub(crate) fn described(&self) -> Option<SecurityScheme> {
        Some(match &self.credential {
            Credential::Header { name, scheme: Some(scheme) }
                if name == "authorization" && scheme.eq_ignore_ascii_case("bearer") =>
            {
                let http = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT");
                SecurityScheme::Http(http.build())
            }
            Credential::Header { name, scheme } => {
                let value = match scheme {
                    Some(scheme) => ApiKeyValue::with_description(
                        name.clone(),
                        format!("`{scheme}`, a space, and the token"),
                    ),
                    None => ApiKeyValue::with_description(name.as_str(), "the token"),
                };
                SecurityScheme::ApiKey(ApiKey::Header(value))
            }
            Credential::Cookie { name, .. } => {
                SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(name)))
            }
            Credential::Query { name } => {
                SecurityScheme::ApiKey(ApiKey::Query(ApiKeyValue::new(name)))
            }
            _ => return None,
        })
    }

    /// The header that repeats the CSRF value.
    pub(crate) fn csrf_header(&self) -> Option<&str> {
        match &self.credential {
            Credential::Cookie { csrf_header, .. } => csrf_header.as_deref(),
            _ => None,
        }
    }
}
