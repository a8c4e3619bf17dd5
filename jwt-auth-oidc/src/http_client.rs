//! The default HTTP client: hyper with rustls, the certificates of the system, and no redirects.

use std::fmt;
use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use http::request::Builder;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::fetch::{Fetch, FetchError, Fetched, MAX_BODY, TOO_LARGE};

type Body = Full<Cursor<Vec<u8>>>;

/// An HTTP client for key sets, with the certificates of the system.
///
/// [`Issuer`](crate::Issuer) uses one by default. A proxy is not read from the environment; bring a [`Fetch`] of your own
/// where one is needed.
///
/// ```
/// use jwt_auth_oidc::{HttpClient, Issuer};
///
/// let issuer = Issuer::discover("https://login.example").fetch_with(HttpClient::new()?);
/// # drop(issuer);
/// # Ok::<(), jwt_auth_oidc::FetchError>(())
/// ```
#[derive(Clone)]
pub struct HttpClient(Client<HttpsConnector<HttpConnector>, Body>);

impl HttpClient {
    /// A client.
    ///
    /// # Errors
    ///
    /// If the system has no certificates of authorities.
    ///
    /// ```
    /// assert!(jwt_auth_oidc::HttpClient::new().is_ok());
    /// ```
    pub fn new() -> Result<Self, FetchError> {
        // Not the provider of the process: two of them in one program would panic.
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(Arc::new(provider))
            .map_err(FetchError::new)?
            .https_or_http()
            .enable_http1()
            .build();
        let mut builder = Client::builder(TokioExecutor::new());
        builder.pool_idle_timeout(Duration::from_secs(10)).pool_max_idle_per_host(1);
        Ok(Self(builder.build(connector)))
    }
}

impl Fetch for HttpClient {
    async fn get(&self, url: &str) -> Result<Fetched, FetchError> {
        self.send(Request::get(url), Vec::new()).await
    }

    async fn post(
        &self,
        url: &str,
        authorization: Option<&str>,
        form: &str,
    ) -> Result<Fetched, FetchError> {
        let request = Request::post(url).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let request = match authorization {
            Some(value) => request.header(AUTHORIZATION, value),
            None => request,
        };
        self.send(request, form.as_bytes().to_vec()).await
    }
}

impl HttpClient {
    async fn send(&self, request: Builder, body: Vec<u8>) -> Result<Fetched, FetchError> {
        let request = request.header(ACCEPT, "application/json").body(Body::new(Cursor::new(body)));
        let response = self.0.request(request.map_err(FetchError::new)?).await;
        let response = response.map_err(|error| FetchError::new(reasons(&error)))?;
        if response.status() != 200 {
            return Err(FetchError::new(format!("the status is {}", response.status().as_u16())));
        }
        let max_age = max_age(response.headers());
        let body = Limited::new(response.into_body(), MAX_BODY).collect().await;
        let body = body.map_err(|error| {
            if error.is::<LengthLimitError>() {
                return FetchError::new(TOO_LARGE);
            }
            FetchError::new(format!("the body: {error}"))
        })?;
        let fetched = Fetched::new(body.to_bytes().to_vec());
        Ok(match max_age {
            Some(age) => fetched.max_age(age),
            None => fetched,
        })
    }
}

/// An error with its causes, because the outermost one only says "connection".
fn reasons(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let lines = headers.get_all(CACHE_CONTROL).iter().filter_map(|line| line.to_str().ok());
    let mut directives = lines.flat_map(|line| line.split(',')).map(str::trim);
    let seconds = directives.find_map(|directive| {
        let (name, value) = directive.split_once('=')?;
        name.eq_ignore_ascii_case("max-age").then(|| value.trim_matches('"').parse().ok())?
    });
    seconds.map(Duration::from_secs)
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HttpClient")
    }
}
