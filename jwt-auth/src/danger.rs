//! Every way to weaken what protects a token, under a name that a review can search for.
//!
//! In code each needs a `use jwt_auth::danger::…`, in an attribute `danger(…)`; the one that a variable opens
//! is `JWT_AUTH_COOKIE_SECURE=false`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::config::Config;
use crate::error::{AuthError, AuthErrorKind};
use crate::issue::{Life, TokenBuilder};
use crate::verify::MAX_TOKEN;

/// Weakens what a configuration asks for.
///
/// ```
/// use jwt_auth::Config;
/// use jwt_auth::danger::DangerousConfig as _;
///
/// assert!(Config::hs256("short").build().is_err());
/// assert!(Config::hs256("short").allow_short_secret().build().is_ok());
/// ```
pub trait DangerousConfig: sealed::Sealed {
    /// Takes an HMAC secret shorter than its hash (RFC 7518 §3.2 forbids it): such a secret can be
    /// guessed offline from one token.
    #[must_use]
    fn allow_short_secret(self) -> Self;

    /// Sends cookies over plain HTTP too, where anybody on the way reads them; their names lose `__Host-`.
    /// Browsers take `Secure` cookies from `localhost`, so development does not need it.
    #[must_use]
    fn cookie_secure(self, secure: bool) -> Self;

    /// Reads tokens without `exp`: a stolen one works until its key goes.
    #[must_use]
    fn allow_tokens_without_expiry(self) -> Self;
}

impl DangerousConfig for Config {
    fn allow_short_secret(mut self) -> Self {
        self.leniency.short_secrets = true;
        self
    }

    fn cookie_secure(mut self, secure: bool) -> Self {
        self.settings.cookies.secure = secure;
        self
    }

    fn allow_tokens_without_expiry(mut self) -> Self {
        self.settings.exp_optional = true;
        self
    }
}

/// Weakens a token that is made.
///
/// ```
/// use jwt_auth::Config;
/// use jwt_auth::danger::DangerousIssue as _;
///
/// let auth = Config::hs256([7; 32]).build()?;
/// let token = auth.access_token("robot").never_expires().issue()?;
/// # drop(token);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait DangerousIssue: sealed::Sealed {
    /// Leaves `exp` out of an access token that is made alone. A refresh token, and a pair, end with their
    /// session all the same ([`refresh_family_expires`](crate::Config::refresh_family_expires)): a session that
    /// never ends could never be forgotten. Only a configuration that
    /// [allows it](DangerousConfig::allow_tokens_without_expiry) reads a token without `exp`.
    #[must_use]
    fn never_expires(self) -> Self;
}

impl<K> DangerousIssue for TokenBuilder<'_, K> {
    fn never_expires(self) -> Self {
        self.life(Life::Forever)
    }
}

#[cfg(any(feature = "sqlite", feature = "postgres", feature = "redis"))]
#[cfg_attr(docsrs, doc(cfg(any(feature = "sqlite", feature = "postgres", feature = "redis"))))]
pub use stores::DangerousStore;

#[cfg(any(feature = "sqlite", feature = "postgres", feature = "redis"))]
mod stores {
    /// Weakens what a shared store promises.
    #[cfg_attr(
        feature = "sqlite",
        doc = r#"
```no_run
use jwt_auth::SqliteStore;
use jwt_auth::danger::DangerousStore as _;

# async fn store() -> Result<SqliteStore, jwt_auth::StoreError> {
SqliteStore::builder("sessions.db").serve_stale().open().await
# }
```
"#
    )]
    pub trait DangerousStore: super::sealed::Sealed {
        /// Answers from memory however old it is, in place of 503: while the store is down, what other nodes
        /// take back is let in here.
        #[must_use]
        fn serve_stale(self) -> Self;
    }

    macro_rules! dangerous {
        ($($feature:literal $builder:ident),*) => {$(
            #[cfg(feature = $feature)]
            impl DangerousStore for crate::revocation::$builder {
                fn serve_stale(self) -> Self {
                    self.stale(true)
                }
            }

            #[cfg(feature = $feature)]
            impl super::sealed::Sealed for crate::revocation::$builder {}
        )*};
    }

    dangerous!("sqlite" SqliteStoreBuilder, "postgres" PostgresStoreBuilder, "redis" RedisStoreBuilder);
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Config {}
    impl<K> Sealed for super::TokenBuilder<'_, K> {}
}

/// What a token claims, unproven. Nothing takes this type as proof of anything.
#[derive(Clone, Debug)]
pub struct Unverified {
    /// The header parameters.
    pub header: Map<String, Value>,
    /// The claims.
    pub claims: Map<String, Value>,
}

/// Reads a token without checking anything: neither signature nor times nor issuer. For looking at a
/// token in a log or a test.
///
/// # Errors
///
/// [`Malformed`](AuthErrorKind::Malformed) when the text is not three segments of JSON.
///
/// ```
/// let auth = jwt_auth::Config::hs256([7; 32]).build()?;
/// let token = auth.access_token("alice").issue()?;
/// assert_eq!(jwt_auth::danger::decode_unverified(&token)?.claims["sub"], "alice");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn decode_unverified(token: &str) -> Result<Unverified, AuthError> {
    let read = |segment: &str| {
        let bytes = URL_SAFE_NO_PAD.decode(segment).ok()?;
        serde_json::from_slice(&bytes).ok()
    };
    let mut segments = token.split('.');
    match (segments.next(), segments.next(), segments.next(), segments.next()) {
        (Some(header), Some(claims), Some(_), None) if token.len() <= MAX_TOKEN => {
            read(header).zip(read(claims)).map(|(header, claims)| Unverified { header, claims })
        }
        _ => None,
    }
    .ok_or_else(|| AuthErrorKind::Malformed.into())
}
