//! Queries the introspection endpoint of an issuer (RFC 7662 §2): one request for each token, and a limit for all of them.

use std::collections::HashMap;
use std::fmt;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jwt_auth::config::Introspect;
use jwt_auth::errors::BoxError;
use tokio::sync::{OnceCell, Semaphore, watch};

use crate::discovery::{self, Endpoint};
use crate::fetch::{FetchError, Fetcher, TIMEOUT};

/// How many requests run at once. Further tokens wait for their turn.
const CONCURRENT: usize = 32;
/// How many tokens are queried or wait. Further ones are refused with 503 at once.
const WAITING: usize = 1024;

/// What a request needs.
pub(crate) struct Endpoints {
    pub(crate) issuer: String,
    /// The introspection endpoint; `None` if the issuer's document names it.
    pub(crate) url: Option<String>,
    pub(crate) credentials: Option<Credentials>,
    pub(crate) fetcher: Fetcher,
    pub(crate) cache_for: Duration,
}

/// The client id and secret of this service.
#[derive(Clone)]
pub(crate) struct Credentials {
    pub(crate) client_id: String,
    pub(crate) secret: String,
}

impl Credentials {
    /// The header `Authorization` (RFC 6749 §2.3.1).
    fn basic(&self) -> String {
        let (id, secret) = (form_encoded(&self.client_id), form_encoded(&self.secret));
        format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}

type Answer = Result<Arc<str>, FetchError>;
type Flight = watch::Receiver<Option<Answer>>;

/// Queries one issuer.
#[derive(Clone)]
pub(crate) struct IntrospectionClient(Arc<Shared>);

struct Shared {
    endpoints: Endpoints,
    found_url: OnceCell<String>,
    /// The tokens that are queried now, each with its one request.
    flights: Mutex<HashMap<Box<str>, Flight>>,
    permits: Semaphore,
    is_failing: Mutex<bool>,
}

impl IntrospectionClient {
    pub(crate) fn new(endpoints: Endpoints) -> Self {
        Self(Arc::new(Shared {
            endpoints,
            found_url: OnceCell::new(),
            flights: Mutex::default(),
            permits: Semaphore::new(CONCURRENT),
            is_failing: Mutex::new(false),
        }))
    }

    /// Finds the address, so that a mistake in the configuration is an error at the start.
    pub(crate) async fn address(&self) -> Result<String, FetchError> {
        self.0.url().await.map(str::to_owned)
    }

    /// The request about a token: a task of its own, since a client that goes away must not cancel it for the others.
    fn flight(&self, token: &str) -> Result<Flight, FetchError> {
        let mut flights = self.0.flights();
        // The task of a closed one panicked.
        let is_open = |flight: &Flight| flight.has_changed().is_ok();
        // A response that must not be cached must not be shared.
        let may_join = !self.0.endpoints.cache_for.is_zero();
        let joined = flights.get(token).filter(|flight| may_join && is_open(flight));
        if let Some(flight) = joined {
            return Ok(flight.clone());
        }
        if flights.len() >= WAITING {
            flights.retain(|_, flight| is_open(flight));
        }
        if flights.len() >= WAITING {
            return Err(FetchError::new(format!("{WAITING} tokens wait for the issuer already")));
        }
        let (sender, receiver) = watch::channel(None);
        flights.insert(token.into(), receiver.clone());
        drop(flights);
        let (shared, token) = (Arc::clone(&self.0), Box::<str>::from(token));
        tokio::spawn(async move {
            let response = tokio::time::timeout(TIMEOUT, shared.query(&token)).await;
            let late = |_| Err(FetchError::new("the issuer did not answer within 5 s"));
            let answer = response.unwrap_or_else(late);
            shared.log_change(&answer);
            sender.send_replace(Some(answer));
            shared.flights().remove(&token);
        });
        Ok(receiver)
    }
}

impl Shared {
    fn flights(&self) -> MutexGuard<'_, HashMap<Box<str>, Flight>> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn url(&self) -> Result<&str, FetchError> {
        let Endpoints { issuer, url, fetcher, .. } = &self.endpoints;
        if let Some(url) = url {
            return Ok(url);
        }
        let find = || discovery::find(issuer, Endpoint::Introspection, fetcher);
        self.found_url.get_or_try_init(find).await.map(String::as_str)
    }

    async fn query(&self, token: &str) -> Answer {
        let _permit = self.permits.acquire().await.map_err(FetchError::new)?;
        let Endpoints { credentials, fetcher, .. } = &self.endpoints;
        let form = format!("token={}&token_type_hint=access_token", form_encoded(token));
        let authorization = credentials.as_ref().map(Credentials::basic);
        let url = self.url().await?;
        fetcher.post(url, authorization.as_deref(), &form).await.map(Arc::from)
    }

    /// Logs the first failure, and the end of failures.
    fn log_change(&self, answer: &Answer) {
        let issuer = self.endpoints.issuer.as_str();
        let mut is_failing = self.is_failing.lock().unwrap_or_else(PoisonError::into_inner);
        match answer {
            Err(error) if !std::mem::replace(&mut *is_failing, true) => {
                tracing::warn!(target: "jwt_auth", issuer, %error, "an introspection endpoint fails; tokens are refused with 503");
            }
            Ok(_) if std::mem::replace(&mut *is_failing, false) => {
                tracing::info!(target: "jwt_auth", issuer, "an introspection endpoint responds again");
            }
            _ => {}
        }
    }
}

impl Introspect for IntrospectionClient {
    async fn introspect(&self, token: &str) -> Result<String, BoxError> {
        let mut flight = self.flight(token)?;
        let answer = flight.wait_for(Option::is_some).await;
        let answer = answer.map_err(|_| FetchError::new("the request was cancelled"))?.clone();
        let answer = answer.unwrap_or_else(|| Err(FetchError::new("the issuer did not answer")));
        Ok(answer?.as_ref().to_owned())
    }

    fn cache_for(&self) -> Duration {
        self.0.endpoints.cache_for
    }
}

/// `application/x-www-form-urlencoded` (RFC 6749, appendix B).
fn form_encoded(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._*".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_encoded_before_they_are_joined() {
        let credentials =
            Credentials { client_id: "my api:1".to_owned(), secret: "p+ss/wörd%".to_owned() };
        let header = credentials.basic();
        let text = STANDARD.decode(header.strip_prefix("Basic ").expect("the scheme"));
        let text = String::from_utf8(text.expect("base64")).expect("text");
        assert_eq!(text, "my%20api%3A1:p%2Bss%2Fw%C3%B6rd%25");
        assert!(!format!("{credentials:?}").contains("rd"));
    }
}
