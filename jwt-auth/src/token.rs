//! The tokens that handlers receive: proof of verification that nothing else can make.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{Deserialize, DeserializeOwned, Deserializer};
use serde_json::{Map, Value};

use crate::claims::RESERVED;
use crate::clock::to_system_time;
use crate::config::TokenLocation;
use crate::error::{AuthError, AuthErrorKind};
use crate::json;
use crate::revocation::TokenIdentity;
use crate::secret::Secret;
use crate::verify::Verified;

/// The custom claims of a token whose custom claims nobody asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NoClaims;

impl<'de> Deserialize<'de> for NoClaims {
    /// Reads nothing: the payload is known to be well-formed, so there is nothing to skip either.
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Ok(Self)
    }
}

/// Custom claims of the user's own type; registered claims are read elsewhere and stay what they are.
fn custom<C: DeserializeOwned>(verified: &Verified) -> Result<C, AuthError> {
    C::deserialize(&mut serde_json::Deserializer::from_str(verified.payload()))
        .map_err(|_| AuthErrorKind::InvalidClaims.into())
}

macro_rules! token {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub struct $name<C = NoClaims> {
            verified: Arc<Verified>,
            location: Option<TokenLocation>,
            custom: C,
        }

        impl<C: DeserializeOwned> $name<C> {
            pub(crate) fn new(
                verified: Arc<Verified>,
                location: Option<TokenLocation>,
            ) -> Result<Self, AuthError> {
                let custom = custom(&verified)?;
                Ok(Self { verified, location, custom })
            }
        }

        impl<C> $name<C> {
            /// `sub`: who the token is for.
            pub fn subject(&self) -> &str {
                self.verified.subject()
            }

            /// `jti`: the token's id; empty when the token has none.
            pub fn id(&self) -> &str {
                self.verified.identity().id.unwrap_or_default()
            }

            /// `iat`, when the token has one.
            pub fn issued_at(&self) -> Option<SystemTime> {
                self.verified.identity().issued_at()
            }

            /// `exp`; `None` only where `danger` lets tokens live for ever.
            pub fn expires_at(&self) -> Option<SystemTime> {
                self.verified.identity().expires_at()
            }

            /// Whether a log-in made the token, and not a refresh.
            pub fn is_fresh(&self) -> bool {
                self.verified.claims().fresh
            }

            /// `auth_time`: when the user last logged in, when the token says.
            pub fn authenticated_at(&self) -> Option<SystemTime> {
                self.verified.claims().auth_time.map(to_system_time)
            }

            /// The names in `scope`.
            pub fn scopes(&self) -> impl Iterator<Item = &str> {
                self.verified.scopes()
            }

            /// The names in `roles`.
            pub fn roles(&self) -> impl Iterator<Item = &str> {
                self.verified.roles()
            }

            /// `iss`, when the token has one.
            pub fn issuer(&self) -> Option<&str> {
                self.verified.identity().issuer()
            }

            /// The names in `aud`.
            pub fn audience(&self) -> impl Iterator<Item = &str> {
                let payload = self.verified.payload();
                self.verified.claims().aud.values().iter().map(move |aud| aud.of(payload))
            }

            /// The custom claims, as your type.
            pub fn custom(&self) -> &C {
                &self.custom
            }

            /// Every claim as it stands in the token, the registered ones among them.
            pub fn claims(&self) -> Map<String, Value> {
                serde_json::from_str(self.verified.payload()).unwrap_or_default()
            }

            /// Every header parameter as it stands in the token.
            pub fn header(&self) -> Map<String, Value> {
                URL_SAFE_NO_PAD
                    .decode(self.verified.header())
                    .ok()
                    .and_then(|json| serde_json::from_slice(&json).ok())
                    .unwrap_or_default()
            }

            /// Where in the request the token was found; `None` outside of one.
            pub fn location(&self) -> Option<TokenLocation> {
                self.location
            }

            /// The token in compact form, redacted when printed.
            pub fn encoded(&self) -> Secret {
                Secret::from(self.verified.token())
            }

            /// Who the token is, as far as revocation cares.
            pub fn identity(&self) -> TokenIdentity<'_> {
                self.verified.identity()
            }

            /// The value that a request with this token in a cookie repeats, for a page that is rendered;
            /// `None` when the token has none.
            pub fn csrf_token(&self) -> Option<&str> {
                self.verified.csrf()
            }

            pub(crate) fn verified(&self) -> &Verified {
                &self.verified
            }

            /// The same token with custom claims of another type.
            ///
            /// # Errors
            ///
            /// [`InvalidClaims`](AuthErrorKind::InvalidClaims) when the claims do not fit the type.
            pub fn with_claims<D: DeserializeOwned>(self) -> Result<$name<D>, AuthError> {
                $name::new(self.verified, self.location)
            }

        }

        impl<C: Clone> Clone for $name<C> {
            fn clone(&self) -> Self {
                Self {
                    verified: Arc::clone(&self.verified),
                    location: self.location,
                    custom: self.custom.clone(),
                }
            }
        }

        /// Shows who the token is for, and neither its text nor its custom claims.
        impl<C> fmt::Debug for $name<C> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).field("subject", &self.subject()).finish_non_exhaustive()
            }
        }
    };
}

token! {
    /// An access token that was verified: proof of it, since only the verifier makes one.
    ///
    /// As a handler's parameter it is an extractor, and guards the handler by itself. `C` is your own
    /// type for the custom claims.
    ///
    /// ```
    /// use jwt_auth::{AccessToken, jwt_required};
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Tenant { tenant: String }
    ///
    /// #[jwt_required]
    /// async fn me(token: AccessToken<Tenant>) -> String {
    ///     format!("{} of {}", token.subject(), token.custom().tenant)
    /// }
    /// ```
    AccessToken
}

token! {
    /// A refresh token that was verified. It opens no route but those under `#[refresh_required]`, and
    /// [`JwtAuth::rotate`](crate::JwtAuth::rotate) takes it, once.
    ///
    /// ```
    /// use jwt_auth::{AuthError, JwtAuth, RefreshToken, TokenPair, refresh_required};
    ///
    /// #[refresh_required]
    /// async fn refresh(auth: JwtAuth, token: RefreshToken) -> Result<axum::Json<TokenPair>, AuthError> {
    ///     auth.rotate(token).await.map(axum::Json)
    /// }
    /// ```
    RefreshToken
}

impl Verified {
    pub(crate) fn scopes(&self) -> impl Iterator<Item = &str> {
        self.scope_text().unwrap_or_default().split(' ').filter(|name| !name.is_empty())
    }

    /// `scope` as it stands.
    pub(crate) fn scope_text(&self) -> Option<&str> {
        self.claims().scope.as_ref().map(|scope| scope.of(self.payload()))
    }

    /// The custom claims: names, and values as they stand, so that no digit of a number is lost.
    pub(crate) fn custom_members(&self) -> Vec<(String, String)> {
        let mut members = Vec::new();
        // The payload was read before; it reads the same again.
        let _ = json::object(self.payload(), |name, _, raw| {
            if !RESERVED.contains(&name) {
                members.push((name.to_owned(), raw.to_owned()));
            }
            Ok(())
        });
        members
    }

    pub(crate) fn roles(&self) -> impl Iterator<Item = &str> {
        self.claims().roles.iter().map(|role| role.of(self.payload()))
    }
}
