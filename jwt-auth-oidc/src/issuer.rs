//! An issuer whose keys are fetched, and how its tokens are read.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jwt_auth::Algorithm;
use jwt_auth::config::TrustedIssuer;

use crate::fetch::{self, Fetch, FetchError, Fetched, Fetcher};
use crate::introspection_client::{Credentials, Endpoints, IntrospectionClient};
use crate::key_client::{FetchedKeys, KeyClient, KeysAt, Source};

type Step = Box<dyn FnOnce(TrustedIssuer) -> TrustedIssuer + Send + Sync>;

/// An identity provider: its name, where its keys are, and how it writes its claims.
///
/// [`discover`](Self::discover) and [`jwks`](Self::jwks) are for any provider, the others are presets. Each setter replaces
/// what the preset says. The audience is always yours: no provider can know it.
///
/// ```
/// use jwt_auth::{Config, KeyMaterial};
/// use jwt_auth_oidc::Issuer;
///
/// let issuer = Issuer::keycloak("https://login.example.com", "staff").audience(["notes-api"]);
/// assert!(Config::hs256(KeyMaterial::ephemeral()).trust(issuer).build().is_ok());
///
/// let without_audience = Issuer::keycloak("https://login.example.com", "staff");
/// assert!(Config::hs256(KeyMaterial::ephemeral()).trust(without_audience).build().is_err());
/// ```
#[must_use = "an issuer is used by `Config::trust`"]
pub struct Issuer {
    name: String,
    keys_at: KeysAt,
    algorithm: Algorithm,
    fetcher: Option<Fetcher>,
    keys: Option<Arc<KeyClient>>,
    introspection: Option<Introspection>,
    steps: Vec<Step>,
}

/// How tokens of the issuer are introspected.
#[derive(Clone, Debug)]
struct Introspection {
    url: Option<String>,
    credentials: Option<Credentials>,
    cache_for: Duration,
}

impl Default for Introspection {
    fn default() -> Self {
        Self { url: None, credentials: None, cache_for: Duration::from_secs(30) }
    }
}

impl Issuer {
    pub(crate) fn new(name: impl Into<String>, keys_at: KeysAt) -> Self {
        Self {
            name: name.into(),
            keys_at,
            algorithm: Algorithm::RS256,
            fetcher: None,
            keys: None,
            introspection: None,
            steps: Vec::new(),
        }
    }

    pub(crate) fn step(
        mut self,
        step: impl FnOnce(TrustedIssuer) -> TrustedIssuer + Send + Sync + 'static,
    ) -> Self {
        self.steps.push(Box::new(step));
        self
    }

    /// An issuer whose document says where its keys are: OpenID Connect Discovery, or RFC 8414.
    ///
    /// The name is the exact `iss` of its tokens, and the document must name the same.
    ///
    /// ```
    /// # use jwt_auth_oidc::Issuer;
    /// let issuer = Issuer::discover("https://login.example.com").audience(["notes-api"]);
    /// # drop(issuer);
    /// ```
    pub fn discover(issuer: impl Into<String>) -> Self {
        Self::new(issuer, KeysAt::Discovery)
    }

    /// An issuer by its name and the address of its JWK set.
    ///
    /// ```
    /// # use jwt_auth_oidc::Issuer;
    /// let issuer = Issuer::jwks("https://login.example.com", "https://login.example.com/keys").audience(["notes-api"]);
    /// # drop(issuer);
    /// ```
    pub fn jwks(issuer: impl Into<String>, url: impl Into<String>) -> Self {
        Self::new(issuer, KeysAt::Url(url.into()))
    }

    /// An issuer with opaque access tokens: each is checked by introspection (RFC 7662), at the `introspection_endpoint` of the
    /// issuer's document.
    ///
    /// An opaque token names no issuer, so only one issuer may be of this kind. See
    /// [`TrustedIssuer::with_introspection`] for what a response must contain. A response is cached for 30 seconds, but
    /// never past the expiry of the token. Concurrent requests with one token share one query. At most 32 queries run at once, and
    /// up to 1024 tokens are queried or wait; further ones are refused with 503 at once. A query, its wait included, is limited
    /// to 5 seconds.
    ///
    /// ```
    /// # use jwt_auth_oidc::Issuer;
    /// let issuer = Issuer::introspect("https://login.example.com")
    ///     .credentials("notes-api", "the secret of this service")
    ///     .audience(["notes-api"]);
    /// # drop(issuer);
    /// ```
    pub fn introspect(issuer: impl Into<String>) -> Self {
        let mut issuer = Self::discover(issuer);
        issuer.introspection = Some(Introspection::default());
        issuer
    }

    /// Introspects each token at this address, instead of verifying it with keys. See [`introspect`](Self::introspect).
    ///
    /// For a preset whose tokens are opaque, and for an issuer whose document does not name the address.
    ///
    /// ```
    /// # use jwt_auth_oidc::Issuer;
    /// let hydra = Issuer::hydra("https://hydra.example.com")
    ///     .introspect_at("https://hydra-admin.internal/admin/oauth2/introspect")
    ///     .audience(["notes-api"]);
    /// # drop(hydra);
    /// ```
    pub fn introspect_at(mut self, url: impl Into<String>) -> Self {
        self.introspection.get_or_insert_default().url = Some(url.into());
        self
    }

    /// The client id and the secret of this service for introspection (`client_secret_basic`). Default: none, for an address that only
    /// this service reaches.
    ///
    /// ```
    /// # use jwt_auth_oidc::Issuer;
    /// # let secret = String::new();
    /// let issuer = Issuer::introspect("https://login.example.com").credentials("notes-api", secret);
    /// # drop(issuer);
    /// ```
    pub fn credentials(mut self, client_id: impl Into<String>, secret: impl Into<String>) -> Self {
        let credentials = Credentials { client_id: client_id.into(), secret: secret.into() };
        match &mut self.introspection {
            Some(introspection) => introspection.credentials = Some(credentials),
            None => return self.only_for_introspection("credentials"),
        }
        self
    }

    /// How long an introspection response is cached, but never past the expiry of the token. Default: 30 seconds.
    ///
    /// A token that the issuer revokes is accepted for this long. Zero queries the issuer with each request.
    ///
    /// ```
    /// # use jwt_auth_oidc::Issuer;
    /// # use std::time::Duration;
    /// let issuer = Issuer::introspect("https://login.example.com").cache_for(Duration::from_secs(5));
    /// # drop(issuer);
    /// ```
    pub fn cache_for(mut self, life: Duration) -> Self {
        match &mut self.introspection {
            Some(introspection) => introspection.cache_for = life,
            None => return self.only_for_introspection("cache_for"),
        }
        self
    }

    fn only_for_introspection(self, setter: &'static str) -> Self {
        self.step(move |issuer| {
            issuer.problem(
                format!("`{setter}` is for issuers whose tokens are introspected"),
                format!(
                    "write `Issuer::introspect(…)` or `.introspect_at(…)` before `.{setter}(…)`"
                ),
            )
        })
    }

    /// Further names of the issuer. See [`TrustedIssuer::aliases`].
    ///
    /// ```
    /// # use jwt_auth_oidc::Issuer;
    /// let issuer = Issuer::discover("https://login.example.com").aliases(["https://old-login.example.com"]);
    /// # drop(issuer);
    /// ```
    pub fn aliases<A: Into<String>>(self, names: impl IntoIterator<Item = A>) -> Self {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        self.step(|issuer| issuer.aliases(names))
    }

    /// The audiences by which the issuer names this service. See [`TrustedIssuer::audience`].
    ///
    /// ```
    /// # use jwt_auth_oidc::Issuer;
    /// let issuer = Issuer::auth0("acme.eu.auth0.com").audience(["https://api.example.com"]);
    /// # drop(issuer);
    /// ```
    pub fn audience<A: Into<String>>(self, audience: impl IntoIterator<Item = A>) -> Self {
        let audience: Vec<String> = audience.into_iter().map(Into::into).collect();
        self.step(|issuer| issuer.audience(audience))
    }

    /// The clients whose tokens are accepted although they name no audience. See [`TrustedIssuer::client_ids`].
    ///
    /// ```
    /// # use jwt_auth_oidc::Issuer;
    /// let issuer = Issuer::cognito("eu-west-1", "eu-west-1_abc").client_ids(["the-web-app"]);
    /// # drop(issuer);
    /// ```
    pub fn client_ids<A: Into<String>>(self, ids: impl IntoIterator<Item = A>) -> Self {
        let ids: Vec<String> = ids.into_iter().map(Into::into).collect();
        self.step(|issuer| issuer.client_ids(ids))
    }

    /// A claim that must have this value. See [`TrustedIssuer::required_claim`].
    ///
    /// ```
    /// # use jwt_auth_oidc::Issuer;
    /// let issuer = Issuer::google().audience(["https://api.example.com"]).required_claim("hd", "example.com");
    /// # drop(issuer);
    /// ```
    pub fn required_claim(self, claim: impl Into<String>, value: impl Into<String>) -> Self {
        let (claim, value) = (claim.into(), value.into());
        self.step(|issuer| issuer.required_claim(claim, value))
    }

    /// Requires the profile of RFC 9068. See [`TrustedIssuer::rfc9068`].
    ///
    /// ```
    /// # use jwt_auth_oidc::Issuer;
    /// let issuer = Issuer::discover("https://login.example.com").audience(["notes-api"]).rfc9068();
    /// # drop(issuer);
    /// ```
    pub fn rfc9068(self) -> Self {
        self.step(TrustedIssuer::rfc9068)
    }

    /// The paths to scopes. See [`TrustedIssuer::scopes`].
    ///
    /// ```
    /// # use jwt_auth_oidc::Issuer;
    /// let issuer = Issuer::auth0("acme.eu.auth0.com").scopes([["permissions"]]);
    /// # drop(issuer);
    /// ```
    pub fn scopes<N: Into<String>, P: IntoIterator<Item = N>>(
        self,
        paths: impl IntoIterator<Item = P>,
    ) -> Self {
        let paths = collect(paths);
        self.step(|issuer| issuer.scopes(paths))
    }

    /// The paths to roles. See [`TrustedIssuer::roles`].
    ///
    /// ```
    /// # use jwt_auth_oidc::Issuer;
    /// let issuer = Issuer::keycloak("https://login.example.com", "staff")
    ///     .roles([["resource_access", "notes-api", "roles"]]);
    /// # drop(issuer);
    /// ```
    pub fn roles<N: Into<String>, P: IntoIterator<Item = N>>(
        self,
        paths: impl IntoIterator<Item = P>,
    ) -> Self {
        let paths = collect(paths);
        self.step(|issuer| issuer.roles(paths))
    }

    /// The algorithm of RSA keys that name none. Default: RS256.
    ///
    /// ```
    /// # use jwt_auth_oidc::Issuer;
    /// let issuer = Issuer::discover("https://login.example.com").algorithm(jwt_auth::Algorithm::PS256);
    /// # drop(issuer);
    /// ```
    pub fn algorithm(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// Fetches with this client instead of [`HttpClient`](crate::HttpClient). [`Fetch`] has an example.
    ///
    /// ```
    /// # use jwt_auth_oidc::{Fetch, FetchError, Fetched, Issuer};
    /// struct Offline;
    ///
    /// impl Fetch for Offline {
    ///     async fn get(&self, _: &str) -> Result<Fetched, FetchError> {
    ///         Err(FetchError::new("this machine is offline"))
    ///     }
    /// }
    ///
    /// let issuer = Issuer::discover("https://login.example.com").fetch_with(Offline);
    /// # drop(issuer);
    /// ```
    pub fn fetch_with(mut self, fetch: impl Fetch) -> Self {
        self.fetcher = Some(Fetcher::new(fetch));
        self
    }

    /// Fetches the keys now, so that a mistake in the configuration is an error at the start. If its tokens are
    /// introspected, finds the endpoint.
    ///
    /// Without it the first token waits.
    ///
    /// # Errors
    ///
    /// If nothing can be fetched, or the set has no usable key.
    ///
    /// ```no_run
    /// # use jwt_auth_oidc::Issuer;
    /// # async fn start() -> Result<(), jwt_auth_oidc::FetchError> {
    /// let issuer = Issuer::keycloak("https://login.example.com", "staff").audience(["notes-api"]).prefetch().await?;
    /// # drop(issuer);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn prefetch(mut self) -> Result<Self, FetchError> {
        if let Some(client) = self.introspection_client() {
            return Ok(self.introspect_at(client.address().await?));
        }
        self.key_client().first().await?;
        Ok(self)
    }

    fn fetcher(&mut self) -> Fetcher {
        self.fetcher.get_or_insert_with(default_fetcher).clone()
    }

    fn key_client(&mut self) -> Arc<KeyClient> {
        let fetcher = self.fetcher();
        let client = self.keys.get_or_insert_with(|| {
            Arc::new(KeyClient::new(Source {
                issuer: self.name.clone(),
                keys_at: self.keys_at.clone(),
                algorithm: self.algorithm,
                fetcher,
            }))
        });
        Arc::clone(client)
    }

    fn introspection_client(&mut self) -> Option<IntrospectionClient> {
        let Introspection { url, credentials, cache_for } = self.introspection.clone()?;
        let (issuer, fetcher) = (self.name.clone(), self.fetcher());
        Some(IntrospectionClient::new(Endpoints { issuer, url, credentials, fetcher, cache_for }))
    }

    /// The addresses that are fetched.
    fn addresses(&self) -> impl Iterator<Item = &str> {
        let of_keys = match &self.keys_at {
            _ if self.introspection.is_some() => None,
            KeysAt::Url(url) => Some(url.as_str()),
            KeysAt::Discovery => Some(self.name.as_str()),
        };
        let endpoint = self.introspection.as_ref();
        let endpoint = endpoint.map(|one| one.url.as_deref().unwrap_or(&self.name));
        of_keys.into_iter().chain(endpoint)
    }
}

fn collect<N: Into<String>, P: IntoIterator<Item = N>>(
    paths: impl IntoIterator<Item = P>,
) -> Vec<Vec<String>> {
    paths.into_iter().map(|path| path.into_iter().map(Into::into).collect()).collect()
}

/// A client that could not be made: every fetch has its error.
struct NoClient(FetchError);

impl Fetch for NoClient {
    async fn get(&self, _: &str) -> Result<Fetched, FetchError> {
        Err(self.0.clone())
    }
}

#[cfg(feature = "http")]
fn default_fetcher() -> Fetcher {
    match crate::HttpClient::new() {
        Ok(client) => Fetcher::new(client),
        Err(error) => Fetcher::new(NoClient(error)),
    }
}

#[cfg(not(feature = "http"))]
fn default_fetcher() -> Fetcher {
    Fetcher::new(NoClient(FetchError::new("turn on the feature `http`, or call `.fetch_with(…)`")))
}

impl From<Issuer> for TrustedIssuer {
    fn from(mut issuer: Issuer) -> Self {
        let trusted = match issuer.introspection_client() {
            Some(client) => Self::with_introspection(issuer.name.clone(), client),
            None => Self::with_keys(issuer.name.clone(), FetchedKeys(issuer.key_client())),
        };
        let wrong = issuer.addresses().filter_map(|address| fetch::check(address).err());
        let trusted = wrong.fold(trusted, |trusted, error| {
            trusted.problem(
                error.to_string(),
                "write the whole address: `https://login.example.com/…`",
            )
        });
        issuer.steps.into_iter().fold(trusted, |trusted, step| step(trusted))
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer")
            .field("name", &self.name)
            .field("keys_at", &self.keys_at)
            .finish_non_exhaustive()
    }
}
