//! The trait for HTTP clients, and the rules for what they fetch.

use std::fmt;
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// How long a response may take, from the connection to its last byte.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(5);
/// The largest body. Key sets have a few kilobytes.
pub(crate) const MAX_BODY: usize = 512 * 1024;
pub(crate) const TOO_LARGE: &str = "the body has more than 512 KiB";

/// Why nothing was fetched. It is logged; callers get 503 if there are no keys.
///
/// ```
/// let error = jwt_auth_oidc::FetchError::new("connection refused");
/// assert_eq!(error.to_string(), "connection refused");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FetchError(String);

impl FetchError {
    /// An error with its reason.
    ///
    /// ```
    /// # use jwt_auth_oidc::FetchError;
    /// assert!(FetchError::new(std::io::Error::other("no route")).to_string().contains("no route"));
    /// ```
    pub fn new(reason: impl fmt::Display) -> Self {
        Self(reason.to_string())
    }
}

/// A successful response (200).
///
/// ```
/// use jwt_auth_oidc::Fetched;
/// use std::time::Duration;
///
/// let fetched = Fetched::new(br#"{"keys":[]}"#.to_vec()).max_age(Duration::from_secs(600));
/// # drop(fetched);
/// ```
#[derive(Clone, Debug)]
pub struct Fetched {
    pub(crate) body: Vec<u8>,
    pub(crate) max_age: Option<Duration>,
}

impl Fetched {
    /// A response with this body, which names no life.
    ///
    /// ```
    /// # use jwt_auth_oidc::Fetched;
    /// let fetched = Fetched::new("{}");
    /// # drop(fetched);
    /// ```
    pub fn new(body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), max_age: None }
    }

    /// The `max-age` of its `Cache-Control`.
    ///
    /// ```
    /// # use jwt_auth_oidc::Fetched;
    /// let fetched = Fetched::new("{}").max_age(std::time::Duration::from_secs(60));
    /// # drop(fetched);
    /// ```
    #[must_use]
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = Some(age);
        self
    }
}

/// An HTTP client, for programs that have their own.
///
/// It follows no redirect, and returns any status but 200 as an error. It is cancelled after 5 seconds.
///
/// ```
/// use jwt_auth_oidc::{Fetch, FetchError, Fetched, Issuer};
///
/// /// Reads the keys from a file that a sidecar writes.
/// struct FromFile;
///
/// impl Fetch for FromFile {
///     async fn get(&self, _url: &str) -> Result<Fetched, FetchError> {
///         std::fs::read("/run/keys/jwks.json").map(Fetched::new).map_err(FetchError::new)
///     }
/// }
///
/// let issuer = Issuer::jwks("https://login.example", "https://login.example/keys").fetch_with(FromFile);
/// # drop(issuer);
/// ```
pub trait Fetch: Send + Sync + 'static {
    /// Fetches a URL.
    ///
    /// # Errors
    ///
    /// If there is no response with the status 200.
    fn get(&self, url: &str) -> impl Future<Output = Result<Fetched, FetchError>> + Send;

    /// Posts a form (`application/x-www-form-urlencoded`), with the value of the header `Authorization` if there is one.
    ///
    /// Only [`Issuer::introspect`](crate::Issuer::introspect) needs it. By default it is an error, which refuses such tokens
    /// with 503.
    ///
    /// # Errors
    ///
    /// If there is no response with the status 200.
    fn post(
        &self,
        url: &str,
        authorization: Option<&str>,
        form: &str,
    ) -> impl Future<Output = Result<Fetched, FetchError>> + Send {
        let _ = (url, authorization, form);
        ready(Err(FetchError::new("this `Fetch` has no `post`, which introspection needs")))
    }
}

type FetchFuture<'a> = Pin<Box<dyn Future<Output = Result<Fetched, FetchError>> + Send + 'a>>;

trait ErasedFetch: Send + Sync {
    fn get<'a>(&'a self, url: &'a str) -> FetchFuture<'a>;
    fn post<'a>(
        &'a self,
        url: &'a str,
        authorization: Option<&'a str>,
        form: &'a str,
    ) -> FetchFuture<'a>;
}

impl<F: Fetch> ErasedFetch for F {
    fn get<'a>(&'a self, url: &'a str) -> FetchFuture<'a> {
        Box::pin(Fetch::get(self, url))
    }

    fn post<'a>(
        &'a self,
        url: &'a str,
        authorization: Option<&'a str>,
        form: &'a str,
    ) -> FetchFuture<'a> {
        Box::pin(Fetch::post(self, url, authorization, form))
    }
}

/// A client of any type, with the rules for every fetch.
#[derive(Clone)]
pub struct Fetcher(Arc<dyn ErasedFetch>);

impl Fetcher {
    /// With this client.
    pub fn new(fetch: impl Fetch) -> Self {
        Self(Arc::new(fetch))
    }

    /// Fetches a text, and the life that its response names.
    ///
    /// # Errors
    ///
    /// If the address is not allowed, or there is no text within 5 seconds.
    pub async fn get(&self, url: &str) -> Result<(String, Option<Duration>), FetchError> {
        Self::read(url, self.0.get(url)).await
    }

    /// Posts a form, and returns the text of the response.
    pub(crate) async fn post(
        &self,
        url: &str,
        authorization: Option<&str>,
        form: &str,
    ) -> Result<String, FetchError> {
        let (text, _) = Self::read(url, self.0.post(url, authorization, form)).await?;
        Ok(text)
    }

    async fn read(
        url: &str,
        answer: FetchFuture<'_>,
    ) -> Result<(String, Option<Duration>), FetchError> {
        check(url)?;
        let answer = tokio::time::timeout(TIMEOUT, answer).await;
        let late = |_| FetchError::new(format!("{url}: no answer within 5 s"));
        let named = |error| FetchError::new(format!("{url}: {error}"));
        let fetched = answer.map_err(late)?.map_err(named)?;
        if fetched.body.len() > MAX_BODY {
            return Err(FetchError::new(format!("{url}: {TOO_LARGE}")));
        }
        let text = String::from_utf8(fetched.body);
        let text = text.map_err(|_| FetchError::new(format!("{url}: the body is not UTF-8")))?;
        Ok((text, fetched.max_age))
    }
}

impl fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fetcher")
    }
}

/// Refuses an address over which a response could be replaced on its way.
pub(crate) fn check(url: &str) -> Result<(), FetchError> {
    let refused = || {
        FetchError::new(format!(
            "{url}: an issuer needs an `https` address, or `http` on this machine"
        ))
    };
    let (scheme, rest) = url.split_once("://").ok_or_else(refused)?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.is_empty() || authority.contains('@') {
        return Err(refused());
    }
    if scheme == "https" {
        return Ok(());
    }
    let host = match authority.strip_prefix('[') {
        Some(ip) => ip.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let is_local =
        host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
    if scheme == "http" && is_local { Ok(()) } else { Err(refused()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_travel_encrypted_or_not_at_all() {
        for good in [
            "https://login.example/keys",
            "https://login.example:8443",
            "http://127.0.0.1:4011/jwks",
            "http://[::1]:80/",
            "http://localhost/x",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in [
            "http://login.example/keys",
            "ftp://localhost/",
            "login.example",
            "https://",
            "http://127.0.0.1.example/",
            "https://user@login.example/",
            "http://localhost@login.example/",
            "file:///etc/keys",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
