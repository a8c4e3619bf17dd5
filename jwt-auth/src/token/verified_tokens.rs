//! `AccessToken` and `RefreshToken`: proofs of verification, which only the verifier can construct.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{Deserialize, DeserializeOwned, Deserializer};
use serde_json::{Map, Value};

use crate::clock::to_system_time;
use crate::config::TokenLocation;
use crate::error::{AuthError, AuthErrorKind, ErrorContext, Refusal, contain};
use crate::json;
use crate::secret::Secret;
use crate::session::TokenIdentity;
use crate::token::claims::RESERVED;
use crate::token::permission::Permission;
use crate::token::verify::Verified;

/// The type parameter of a token whose custom claims are not read.
///
/// ```
/// use jwt_auth::{AccessToken, token::NoClaims};
///
/// fn subject(token: &AccessToken<NoClaims>) -> &str {
///     token.subject()
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NoClaims;

impl<'de> Deserialize<'de> for NoClaims {
    /// Reads nothing: the syntax of the payload was checked before.
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Ok(Self)
    }
}

/// Custom claims of the application's type. It cannot change a registered claim, which is read separately.
fn custom<C: DeserializeOwned>(verified: &Verified) -> Result<C, Refusal> {
    let read = || C::deserialize(&mut serde_json::Deserializer::from_str(verified.payload()));
    contain("Deserialize", read)?.map_err(|_| AuthErrorKind::InvalidClaims.into())
}

macro_rules! token {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub struct $name<C = NoClaims> {
            verified: Arc<Verified>,
            location: Option<TokenLocation>,
            context: ErrorContext,
            is_fresh: bool,
            custom: C,
        }

        impl<C: DeserializeOwned> $name<C> {
            pub(crate) fn new(
                verified: Arc<Verified>,
                location: Option<TokenLocation>,
                context: ErrorContext,
                is_fresh: bool,
            ) -> Result<Self, Refusal> {
                let custom = custom(&verified)?;
                Ok(Self { verified, location, context, is_fresh, custom })
            }
        }

        /// The examples show access tokens. Refresh tokens have the same methods.
        impl<C> $name<C> {
            /// `sub`: the user that the token is for.
            ///
            /// ```
            /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
            /// # runtime.block_on(async {
            /// # let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
            /// let token = auth.access_token("alice").issue()?;
            /// assert_eq!(auth.verify_access(&token).await?.subject(), "alice");
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// # })?;
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn subject(&self) -> &str {
                self.verified.subject()
            }

            /// `sub`, parsed.
            ///
            /// # Errors
            ///
            /// [`InvalidClaims`](AuthErrorKind::InvalidClaims) if the subject does not parse as `T`.
            ///
            /// ```
            /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
            /// # runtime.block_on(async {
            /// # let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
            /// let token = auth.verify_access(&auth.access_token(42).issue()?).await?;
            /// assert_eq!(token.subject_as::<u64>()?, 42);
            ///
            /// let token = auth.verify_access(&auth.access_token("alice").issue()?).await?;
            /// assert!(token.subject_as::<u64>().is_err());
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// # })?;
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn subject_as<T: FromStr>(&self) -> Result<T, AuthError> {
                let invalid = || Refusal::from(AuthErrorKind::InvalidClaims);
                let parsed = self.subject().parse();
                parsed.map_err(|_| invalid().attach(self.context.clone()))
            }

            /// `jti`: the token's id; empty if the token has none.
            ///
            /// ```
            /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
            /// # runtime.block_on(async {
            /// # let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
            /// let issued = auth.access_token("alice").issue()?;
            /// assert_eq!(auth.verify_access(&issued).await?.id(), issued.id());
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// # })?;
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn id(&self) -> &str {
                self.verified.identity().id.unwrap_or_default()
            }

            /// `sid`: the session that the token belongs to, if any.
            ///
            /// ```
            /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
            /// # runtime.block_on(async {
            /// # let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
            /// let pair = auth.log_in("alice").await?;
            /// let access = auth.verify_access(pair.access_token()).await?;
            /// let refresh = auth.verify_refresh(pair.refresh_token()).await?;
            /// assert!(access.session_id().is_some());
            /// assert_eq!(access.session_id(), refresh.session_id());
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// # })?;
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn session_id(&self) -> Option<&str> {
                self.verified.identity().session_id
            }

            /// `iat`, if the token has it.
            ///
            /// ```
            /// # use jwt_auth::{Clock as _, Config, KeyMaterial, ManualClock};
            /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
            /// # runtime.block_on(async {
            /// # let clock = ManualClock::at(1_700_000_000);
            /// # let auth = Config::hs256(KeyMaterial::ephemeral()).clock(clock.clone()).build()?;
            /// let token = auth.verify_access(&auth.access_token("alice").issue()?).await?;
            /// assert_eq!(token.issued_at(), Some(clock.now()));
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// # })?;
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn issued_at(&self) -> Option<SystemTime> {
                self.verified.identity().issued_at()
            }

            /// `exp`. `None` only if `danger` allows tokens without it.
            ///
            /// ```
            /// # use jwt_auth::{Clock as _, Config, KeyMaterial, ManualClock};
            /// # use std::time::Duration;
            /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
            /// # runtime.block_on(async {
            /// # let clock = ManualClock::at(1_700_000_000);
            /// # let auth = Config::hs256(KeyMaterial::ephemeral()).clock(clock.clone()).build()?;
            /// let token = auth.verify_access(&auth.access_token("alice").issue()?).await?;
            /// assert_eq!(token.expires_at(), Some(clock.now() + Duration::from_secs(15 * 60)));
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// # })?;
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn expires_at(&self) -> Option<SystemTime> {
                self.verified.identity().expires_at()
            }

            /// Whether the token was issued by a log-in, not by a refresh.
            ///
            /// ```
            /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
            /// # runtime.block_on(async {
            /// # let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
            /// let pair = auth.log_in("alice").await?;
            /// assert!(auth.verify_access(pair.access_token()).await?.is_fresh());
            /// let renewed = auth.rotate(auth.verify_refresh(pair.refresh_token()).await?).await?;
            /// assert!(!auth.verify_access(renewed.access_token()).await?.is_fresh());
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// # })?;
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn is_fresh(&self) -> bool {
                self.is_fresh
            }

            /// `auth_time`: when the user last logged in, if the token has it.
            ///
            /// ```
            /// # use jwt_auth::{Clock as _, Config, KeyMaterial, ManualClock};
            /// # use std::time::Duration;
            /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
            /// # runtime.block_on(async {
            /// # let clock = ManualClock::at(1_700_000_000);
            /// # let auth = Config::hs256(KeyMaterial::ephemeral()).clock(clock.clone()).build()?;
            /// let began = clock.now();
            /// let pair = auth.log_in("alice").await?;
            /// clock.advance(Duration::from_secs(3600));
            /// let renewed = auth.rotate(auth.verify_refresh(pair.refresh_token()).await?).await?;
            /// let token = auth.verify_access(renewed.access_token()).await?;
            /// assert_eq!(token.authenticated_at(), Some(began));
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// # })?;
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn authenticated_at(&self) -> Option<SystemTime> {
                self.verified.claims().auth_time.map(to_system_time)
            }

            /// The names in `scope`.
            ///
            /// ```
            /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
            /// # runtime.block_on(async {
            /// # let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
            /// let token = auth.access_token("alice").scopes(["notes:read", "notes:write"]).issue()?;
            /// let token = auth.verify_access(&token).await?;
            /// assert!(token.scopes().any(|scope| scope == "notes:read"));
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// # })?;
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn scopes(&self) -> impl Iterator<Item = &str> {
                self.verified.scopes()
            }

            /// Whether the token has the scope. With [`Config::scope_wildcards`](crate::Config::scope_wildcards), the scope
            /// `notes:*` of a token covers `notes:write`.
            ///
            /// ```
            /// use jwt_auth::Permission;
            ///
            /// #[derive(Permission)]
            /// #[permission(prefix = "notes:", rename_all = "lowercase")]
            /// enum Notes { Read, Write }
            ///
            /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
            /// # runtime.block_on(async {
            /// # let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
            /// let token = auth.access_token("alice").scopes([Notes::Read]).issue()?;
            /// let token = auth.verify_access(&token).await?;
            /// assert!(token.has(Notes::Read) && !token.has(Notes::Write));
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// # })?;
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn has(&self, scope: impl Permission) -> bool {
                self.verified.has_scope(scope.name())
            }

            /// Whether the token has the role.
            ///
            /// ```
            /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
            /// # runtime.block_on(async {
            /// # let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
            /// let token = auth.access_token("alice").roles(["editor"]).issue()?;
            /// assert!(auth.verify_access(&token).await?.has_role("editor"));
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// # })?;
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn has_role(&self, role: impl Permission) -> bool {
                self.verified.roles().any(|name| name == role.name())
            }

            /// The names in `roles`.
            ///
            /// ```
            /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
            /// # runtime.block_on(async {
            /// # let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
            /// let token = auth.access_token("alice").roles(["editor"]).issue()?;
            /// let token = auth.verify_access(&token).await?;
            /// assert!(token.roles().eq(["editor"]));
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// # })?;
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn roles(&self) -> impl Iterator<Item = &str> {
                self.verified.roles()
            }

            /// `iss`, if the token has it.
            ///
            /// A subject is unique within its issuer: compare both where several issuers are
            /// [trusted](crate::Config::trust).
            ///
            /// ```
            /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
            /// # runtime.block_on(async {
            /// let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).issuer("https://auth.example").build()?;
            /// let token = auth.verify_access(&auth.access_token("alice").issue()?).await?;
            /// assert_eq!(token.issuer(), Some("https://auth.example"));
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// # })?;
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn issuer(&self) -> Option<&str> {
                self.verified.identity().issuer()
            }

            /// The names in `aud`.
            ///
            /// ```
            /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
            /// # runtime.block_on(async {
            /// let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).audience(["https://api.example"]).build()?;
            /// let token = auth.verify_access(&auth.access_token("alice").issue()?).await?;
            /// assert!(token.audience().eq(["https://api.example"]));
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// # })?;
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn audience(&self) -> impl Iterator<Item = &str> {
                self.verified.audience()
            }

            /// The custom claims.
            ///
            /// ```
            /// use jwt_auth::{AccessToken, jwt_required};
            ///
            /// #[derive(serde::Deserialize)]
            /// struct Tenant { tenant: u64 }
            ///
            /// #[jwt_required] // a token without a number `tenant` is refused with 401
            /// async fn tenant(token: AccessToken<Tenant>) -> String {
            ///     format!("tenant {}", token.custom().tenant)
            /// }
            /// # let _: jwt_auth::routing::MethodRouter = jwt_auth::routing::get(tenant);
            /// ```
            pub fn custom(&self) -> &C {
                &self.custom
            }

            /// Every claim of the token, the registered ones included.
            ///
            /// ```
            /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
            /// # runtime.block_on(async {
            /// # let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
            /// let token = auth.access_token("alice").claims(&serde_json::json!({ "tenant": 7 })).issue()?;
            /// let claims = auth.verify_access(&token).await?.claims();
            /// assert_eq!(claims["sub"], "alice");
            /// assert_eq!(claims["tenant"], 7);
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// # })?;
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn claims(&self) -> Map<String, Value> {
                serde_json::from_str(self.verified.payload()).unwrap_or_default()
            }

            /// Every header parameter of the token.
            ///
            /// ```
            /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
            /// # runtime.block_on(async {
            /// # let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
            /// let token = auth.verify_access(&auth.access_token("alice").issue()?).await?;
            /// assert_eq!(token.header()["alg"], "HS256");
            /// assert_eq!(token.header()["typ"], "at+jwt");
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// # })?;
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn header(&self) -> Map<String, Value> {
                URL_SAFE_NO_PAD
                    .decode(self.verified.header())
                    .ok()
                    .and_then(|json| serde_json::from_slice(&json).ok())
                    .unwrap_or_default()
            }

            /// The location of the token in its request; `None` outside of a request.
            ///
            /// ```
            /// use jwt_auth::{AccessToken, TokenLocation, jwt_required};
            ///
            /// #[jwt_required(locations(header, cookie))]
            /// async fn client(token: AccessToken) -> &'static str {
            ///     match token.location() {
            ///         Some(TokenLocation::Cookie) => "a browser",
            ///         _ => "another client",
            ///     }
            /// }
            /// # let _: jwt_auth::routing::MethodRouter = jwt_auth::routing::get(client);
            /// ```
            pub fn location(&self) -> Option<TokenLocation> {
                self.location
            }

            /// The token in compact form, which `Debug` does not show.
            ///
            /// ```
            /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
            /// # runtime.block_on(async {
            /// # let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
            /// let issued = auth.access_token("alice").issue()?;
            /// let token = auth.verify_access(&issued).await?;
            /// let header = format!("Bearer {}", token.encoded().expose()); // for a request to another service
            /// assert_eq!(header, format!("Bearer {}", &*issued));
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// # })?;
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn encoded(&self) -> Secret {
                Secret::from(self.verified.token())
            }

            /// The thumbprint of the key to which the token is bound (RFC 9449 §6.1); `None` for one that is bound to none.
            ///
            /// ```
            /// use jwt_auth::{AccessToken, jwt_required};
            ///
            /// #[jwt_required]
            /// async fn device(token: AccessToken) -> String {
            ///     token.dpop_thumbprint().unwrap_or("any device".to_owned())
            /// }
            /// # let _: jwt_auth::routing::MethodRouter = jwt_auth::routing::get(device);
            /// ```
            pub fn dpop_thumbprint(&self) -> Option<String> {
                self.verified.claims().confirmation.key().map(|key| key.to_string())
            }

            /// The claims that revocation depends on.
            ///
            /// ```
            /// use jwt_auth::{AccessToken, TokenIdentity};
            /// # struct Audit;
            /// # impl Audit { fn record(&self, _: TokenIdentity<'_>) {} }
            ///
            /// fn log(audit: &Audit, token: &AccessToken) {
            ///     audit.record(token.identity());
            /// }
            /// ```
            pub fn identity(&self) -> TokenIdentity<'_> {
                self.verified.identity()
            }

            /// The CSRF value that a request with this token in a cookie must repeat.
            ///
            /// A page that is rendered on the server writes it into its forms. `None` if the token has none.
            ///
            /// ```
            /// use jwt_auth::{Config, KeyMaterial, TokenLocation};
            ///
            /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
            /// # runtime.block_on(async {
            /// let auth = Config::hs256(KeyMaterial::ephemeral()).token_location([TokenLocation::Cookie]).build()?;
            /// let pair = auth.log_in("alice").await?;
            /// let token = auth.verify_access(pair.access_token()).await?;
            /// let field = format!(r#"<input type="hidden" name="csrf" value="{}">"#, token.csrf_token().unwrap());
            /// # assert!(field.contains(pair.access_csrf_token().unwrap()));
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// # })?;
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
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
            /// [`InvalidClaims`](AuthErrorKind::InvalidClaims) if the claims do not match the type.
            ///
            /// ```
            /// #[derive(Debug, serde::Deserialize)]
            /// struct Tenant { tenant: u64 }
            ///
            /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
            /// # runtime.block_on(async {
            /// # let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
            /// let token = auth.access_token("alice").claims(&serde_json::json!({ "tenant": 7 })).issue()?;
            /// let token = auth.verify_access(&token).await?.with_claims::<Tenant>()?;
            /// assert_eq!(token.custom().tenant, 7);
            ///
            /// let token = auth.verify_access(&auth.access_token("bob").issue()?).await?;
            /// assert!(token.with_claims::<Tenant>().is_err());
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// # })?;
            /// # Ok::<(), Box<dyn std::error::Error>>(())
            /// ```
            pub fn with_claims<D: DeserializeOwned>(self) -> Result<$name<D>, AuthError> {
                let Self { verified, location, context, is_fresh, .. } = self;
                $name::new(verified, location, context.clone(), is_fresh).map_err(|refusal| refusal.attach(context))
            }
        }

        impl<C: Clone> Clone for $name<C> {
            fn clone(&self) -> Self {
                Self {
                    verified: Arc::clone(&self.verified),
                    location: self.location,
                    context: self.context.clone(),
                    is_fresh: self.is_fresh,
                    custom: self.custom.clone(),
                }
            }
        }

        /// Shows the subject, and neither the token's text nor its custom claims.
        impl<C> fmt::Debug for $name<C> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).field("subject", &self.subject()).finish_non_exhaustive()
            }
        }
    };
}

token! {
    /// A verified access token.
    ///
    /// It proves that the token was verified, because only the verifier can construct it. It is an extractor, and
    /// as the first parameter of a handler it is also a guard, even without an attribute. `C` is your type for the
    /// custom claims.
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
    /// A verified refresh token.
    ///
    /// It opens only routes under `#[refresh_required]`, and [`JwtAuth::rotate`](crate::JwtAuth::rotate) exchanges
    /// it for a new pair, once.
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

/// A verified token of either kind. Sealed.
///
/// ```
/// use jwt_auth::token::VerifiedToken;
///
/// fn subject(token: &impl VerifiedToken) -> &str {
///     token.identity().subject()
/// }
/// ```
pub trait VerifiedToken: sealed::Sealed + Sync {
    /// The claims that revocation depends on.
    fn identity(&self) -> TokenIdentity<'_>;
}

mod sealed {
    use crate::token::verify::Verified;

    pub trait Sealed {
        #[doc(hidden)]
        fn verified(&self) -> &Verified;
    }
}

impl<C> RefreshToken<C> {
    pub(crate) fn into_verified(self) -> Arc<Verified> {
        self.verified
    }
}

macro_rules! verified {
    ($($token:ident),*) => {$(
        impl<C> sealed::Sealed for $token<C> {
            fn verified(&self) -> &Verified {
                self.verified()
            }
        }

        impl<C: Sync> VerifiedToken for $token<C> {
            fn identity(&self) -> TokenIdentity<'_> {
                self.identity()
            }
        }
    )*};
}

verified!(AccessToken, RefreshToken);

impl Verified {
    pub(crate) fn scopes(&self) -> impl Iterator<Item = &str> {
        self.scope_text().unwrap_or_default().split(' ').filter(|name| !name.is_empty())
    }

    /// `scope`, as written in the token.
    pub(crate) fn scope_text(&self) -> Option<&str> {
        self.claims().scope.as_ref().map(|scope| scope.of(self.payload()))
    }

    pub(crate) fn roles(&self) -> impl Iterator<Item = &str> {
        self.claims().roles.iter().map(|role| role.of(self.payload()))
    }

    pub(crate) fn audience(&self) -> impl Iterator<Item = &str> {
        self.claims().aud.values().iter().map(|aud| aud.of(self.payload()))
    }

    /// The custom claims: names, and values as written in the token, so that numbers keep all their digits.
    pub(crate) fn custom_members(&self) -> Vec<(String, String)> {
        let mut members = Vec::new();
        // The payload was read before, so reading it again succeeds.
        let _ = json::object(self.payload(), |name, _, raw| {
            if !RESERVED.contains(&name) || self.claims().foreign.contains(&name) {
                members.push((name.to_owned(), raw.to_owned()));
            }
            Ok(())
        });
        members
    }
}
