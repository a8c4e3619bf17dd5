//! Introspection: the trait for what queries an issuer about a token.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use crate::error::BoxError;

/// How long a response is cached, unless the implementation says otherwise.
const USUAL_LIFE: Duration = Duration::from_secs(30);

/// Queries an issuer about a token (RFC 7662). The crate `jwt-auth-oidc` implements it over HTTP.
///
/// ```
/// use jwt_auth::config::{Introspect, TrustedIssuer};
/// use jwt_auth::errors::BoxError;
/// use jwt_auth::{Config, KeyRing};
/// use std::collections::HashMap;
///
/// /// The tokens that a test has made up, with what the issuer says about each.
/// struct Known(HashMap<String, String>);
///
/// impl Introspect for Known {
///     async fn introspect(&self, token: &str) -> Result<String, BoxError> {
///         let inactive = || r#"{"active":false}"#.to_owned();
///         Ok(self.0.get(token).cloned().unwrap_or_else(inactive))
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let says = r#"{"active":true,"token_type":"Bearer","sub":"alice","aud":"notes","exp":4102444800}"#;
/// let issuer = Known(HashMap::from([("2YotnFZFEjr1zCsicMWpAA".to_owned(), says.to_owned())]));
/// let issuer = TrustedIssuer::with_introspection("https://login.example", issuer).audience(["notes"]);
/// let auth = Config::with_keys(KeyRing::default()).trust(issuer).build()?;
/// assert_eq!(auth.verify_access("2YotnFZFEjr1zCsicMWpAA").await?.subject(), "alice");
/// assert!(auth.verify_access("another").await.is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Introspect: Send + Sync + 'static {
    /// Queries the issuer. Returns the body of the response: a JSON object with the member `active` (RFC 7662 §2.2).
    ///
    /// Anyone can send text that is not a token, so an implementation must limit its concurrent requests. It is cancelled
    /// after 10 seconds.
    ///
    /// # Errors
    ///
    /// If there is no response. The request is then refused with 503.
    fn introspect(&self, token: &str) -> impl Future<Output = Result<String, BoxError>> + Send;

    /// How long a response is cached, but never past the expiry of the token. A token that the issuer revokes is accepted
    /// for this long. Default: 30 seconds, since clients send several requests within a few seconds. Zero queries the issuer
    /// with each request.
    fn cache_for(&self) -> Duration {
        USUAL_LIFE
    }
}

/// [`Introspect`] with a boxed future.
pub(crate) trait ErasedIntrospect: Send + Sync {
    fn introspect<'a>(
        &'a self,
        token: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<String, BoxError>> + Send + 'a>>;
    fn cache_for(&self) -> Duration;
}

impl<I: Introspect> ErasedIntrospect for I {
    fn introspect<'a>(
        &'a self,
        token: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<String, BoxError>> + Send + 'a>> {
        Box::pin(Introspect::introspect(self, token))
    }

    fn cache_for(&self) -> Duration {
        Introspect::cache_for(self)
    }
}
