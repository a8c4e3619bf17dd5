//! `JwtAuth`: the keys, the rules and the store of one configuration.

use std::fmt;
use std::sync::{Arc, Weak};

use http::request::Parts;

use crate::auth::key_rotation::Rotating;
use crate::auth::{Lookup, Requirements};
use crate::clock::since_epoch;
use crate::config::{Checked, Config, ConfigError, Hooks, TokenRules, WebSettings};
use crate::error::{AuthError, AuthErrorKind, ErrorContext, Refusal};
use crate::event::Events;
use crate::keys::{JwkSet, LiveRing, RingKey, next_version};
use crate::session::{Health, StoreStatus, WatchedStore};
use crate::token::{
    AccessKind, AccessToken, AllKeys, Cache, Issuer, LogInKind, PairKind, Possession, RefreshKind,
    RefreshToken, TokenBuilder, Trusted, Verification, Verified,
};
use crate::token_kind::TokenKind;

/// Issues, verifies, refreshes and revokes tokens, with one configuration.
///
/// A clone is cheap. It is the router's state, or a field of it with `#[derive(FromRef)]`; guards find it there.
/// It is also an extractor, so a handler can take `auth: JwtAuth`.
///
/// ```
/// use jwt_auth::{Config, KeyMaterial};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let auth = Config::hs256(KeyMaterial::ephemeral()).build()?;
/// let pair = auth.log_in("alice").await?;
/// let token = auth.verify_access(pair.access_token()).await?;
/// assert_eq!(token.subject(), "alice");
/// assert!(auth.verify_access(pair.refresh_token()).await.is_err(), "a refresh token opens no route");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct JwtAuth {
    inner: Arc<Inner>,
    /// The request that this clone was extracted from, if there is an error hook.
    request: Option<Arc<Parts>>,
}

/// A handle that does not keep the `JwtAuth`.
pub(super) struct WeakJwtAuth(Weak<Inner>);

struct Inner {
    /// A number that no other one of this process has.
    id: u64,
    ring: Arc<LiveRing>,
    trusted: Vec<Trusted>,
    rotating: Option<Rotating>,
    cache: Option<Cache>,
    rules: TokenRules,
    hooks: Hooks,
    web: WebSettings,
    store: WatchedStore,
    denylist_health: Health,
}

/// # Build
impl Config {
    /// Checks every option and returns the [`JwtAuth`].
    ///
    /// # Errors
    ///
    /// Every problem at once, each with the line to write.
    ///
    /// ```
    /// let error = jwt_auth::Config::hs256("too short").build().unwrap_err();
    /// assert!(error.to_string().contains("at least 32 bytes"));
    /// ```
    pub fn build(self) -> Result<JwtAuth, ConfigError> {
        let auth = JwtAuth::new(self.check()?);
        let problems = auth.needs_start();
        if problems.is_empty() { Ok(auth) } else { Err(ConfigError::new(problems)) }
    }
}

impl JwtAuth {
    pub(super) fn new(checked: Checked) -> Self {
        let keys_change = checked.rotation.is_some() || !checked.trusted.is_empty();
        let trusted = checked.trusted.into_iter();
        let inner = Inner {
            id: next_version(),
            cache: Cache::new(checked.rules.verified_cache, &checked.ring, keys_change),
            ring: Arc::new(LiveRing::new(checked.ring)),
            trusted: trusted.map(|(rules, source)| Trusted::new(rules, source)).collect(),
            rotating: checked.rotation.map(Rotating::new),
            rules: checked.rules,
            hooks: checked.hooks,
            web: checked.web,
            store: checked.store,
            denylist_health: Health::new("the denylist"),
        };
        Self { inner: Arc::new(inner), request: None }
    }

    pub(super) fn downgrade(&self) -> WeakJwtAuth {
        WeakJwtAuth(Arc::downgrade(&self.inner))
    }

    pub(super) fn upgrade(weak: &WeakJwtAuth) -> Option<Self> {
        Some(Self { inner: weak.0.upgrade()?, request: None })
    }

    /// Logs a user in. Returns a builder to `.await`.
    ///
    /// The result is a fresh access token and the first refresh token of a new session.
    ///
    /// ```
    /// # async fn login(auth: jwt_auth::JwtAuth) -> Result<(), jwt_auth::AuthError> {
    /// let pair = auth.log_in("alice").await?;
    /// let pair = auth.log_in("alice").scopes(["notes:read"]).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// The future fails with [`CannotIssue`](crate::AuthErrorKind::CannotIssue) if the configuration has no key
    /// that signs, or if a token cannot contain what the builder was given. It fails with
    /// [`Unavailable`](crate::AuthErrorKind::Unavailable) if the store does not register the session.
    pub fn log_in(&self, subject: impl fmt::Display) -> TokenBuilder<'_, LogInKind> {
        self.builder(subject).fresh(true).remember(!self.web().cookies.end_with_browser)
    }

    /// The public keys, for services that verify our tokens.
    ///
    /// Every key that verifies is in the set: the next key, so that others know it before it signs, and the previous ones,
    /// so that their tokens verify until they expire. Shared secrets and revoked keys never are. [`routing::jwks`](crate::routing::jwks) serves it.
    ///
    /// ```
    /// use jwt_auth::{Algorithm, Config, Key, KeyRing};
    ///
    /// let pem = "-----BEGIN PUBLIC KEY-----
    /// MCowBQYDK2VwAyEALLXm3iXBb5ftNuAPVaO8qzgcF7zUl4WH6U4E2a+kg4M=
    /// -----END PUBLIC KEY-----"; // or `KeyMaterial::file("public.pem")`
    /// let auth = Config::with_keys(KeyRing::new(Key::public_pem(Algorithm::EdDSA, pem).id("2026"))).build()?;
    /// let expected = r#"{"keys":[{"kid":"2026","alg":"EdDSA","use":"sig","crv":"Ed25519","kty":"OKP","x":"LLXm3iXBb5ftNuAPVaO8qzgcF7zUl4WH6U4E2a-kg4M"}]}"#;
    /// assert_eq!(auth.jwks().to_string(), expected);
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn jwks(&self) -> JwkSet {
        let now = since_epoch(&*self.rules().clock);
        let ring = self.ring().load();
        let published = |key: &&RingKey| key.verifies_at(now) && !self.is_key_revoked(key, now);
        JwkSet::of(ring.keys().filter(published))
    }

    /// A builder of one access token that belongs to no session.
    ///
    /// ```
    /// let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
    /// let token = auth.access_token("alice").scopes(["notes:read"]).issue()?;
    /// # drop(token);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn access_token(&self, subject: impl fmt::Display) -> TokenBuilder<'_, AccessKind> {
        self.builder(subject)
    }

    /// A builder of one refresh token.
    ///
    /// The store does not know the session before the first refresh, so neither
    /// [`sessions`](Self::sessions) nor [`log_out_everywhere`](Self::log_out_everywhere) finds it; see
    /// [`token_pair`](Self::token_pair).
    ///
    /// ```
    /// let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
    /// let token = auth.refresh_token("alice").issue()?;
    /// # drop(token);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn refresh_token(&self, subject: impl fmt::Display) -> TokenBuilder<'_, RefreshKind> {
        self.builder(subject)
    }

    /// A builder of an access token and a refresh token, without a log-in.
    ///
    /// The store does not know the session before its first refresh, so these tokens are compared with
    /// [`log_out_everywhere`](Self::log_out_everywhere) by the second in which they were issued, and by the difference
    /// between clocks that [`issued_at_leeway`](crate::Config::issued_at_leeway) tolerates: tokens issued within that
    /// time afterwards (5 seconds) are revoked too. [`log_in`](Self::log_in) has no such limit.
    ///
    /// ```
    /// let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
    /// let pair = auth.token_pair("alice").roles(["editor"]).issue()?;
    /// # drop(pair);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn token_pair(&self, subject: impl fmt::Display) -> TokenBuilder<'_, PairKind> {
        self.builder(subject)
    }

    /// Verifies an access token that did not arrive in a guarded request.
    ///
    /// For example a token in a WebSocket message, a JSON body or a queue. A token that is bound to a key is refused, because
    /// only a request can show the key: take it as an extractor.
    ///
    /// # Errors
    ///
    /// The [kind](AuthError::kind) says why: malformed, expired, revoked …
    ///
    /// ```
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
    /// let token = auth.access_token("alice").issue()?;
    /// assert_eq!(auth.verify_access(&token).await?.subject(), "alice");
    /// assert!(auth.verify_access("a.b.c").await.is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn verify_access(&self, token: &str) -> Result<AccessToken, AuthError> {
        let verified = self.authenticate(token.as_bytes(), required(TokenKind::Access), |_| {
            Ok(Possession::Nothing)
        });
        self.attach(match verified.await {
            Ok(Verification { verified, .. }) => {
                let is_fresh = verified.is_fresh(self.rules());
                AccessToken::new(verified, None, self.context(), is_fresh)
            }
            Err(refusal) => Err(refusal),
        })
    }

    /// Verifies a refresh token that did not arrive in a guarded request. One that is bound to a key is refused.
    ///
    /// # Errors
    ///
    /// The [kind](AuthError::kind) says why: malformed, expired, revoked …
    ///
    /// ```
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
    /// let pair = auth.log_in("alice").await?;
    /// assert!(auth.verify_refresh(pair.refresh_token()).await.is_ok());
    /// assert!(auth.verify_refresh(pair.access_token()).await.is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn verify_refresh(&self, token: &str) -> Result<RefreshToken, AuthError> {
        let verified = self.authenticate(token.as_bytes(), required(TokenKind::Refresh), |_| {
            Ok(Possession::Nothing)
        });
        self.attach(match verified.await {
            Ok(Verification { verified, .. }) => {
                let is_fresh = verified.is_fresh(self.rules());
                RefreshToken::new(verified, None, self.context(), is_fresh)
            }
            Err(refusal) => Err(refusal),
        })
    }

    /// The state of the store, as this process sees it: fresh or too old, its last error, its entries.
    ///
    /// It does not wait.
    ///
    /// ```
    /// let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
    /// println!("{:?}", auth.store_status());
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn store_status(&self) -> StoreStatus {
        self.store().status()
    }

    /// Whether this process can check tokens, for a readiness probe.
    ///
    /// It does not wait. Put it on a public route; a load balancer then sends requests to other nodes while this one
    /// cannot read the store.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](crate::AuthErrorKind::Unavailable), 503, while the store's memory is too old to decide.
    ///
    /// ```
    /// use jwt_auth::{AuthError, JwtAuth, public};
    ///
    /// #[public]
    /// async fn ready(auth: JwtAuth) -> Result<&'static str, AuthError> {
    ///     auth.ready()?;
    ///     Ok("ready")
    /// }
    /// ```
    pub fn ready(&self) -> Result<(), AuthError> {
        let status = self.store_status();
        if status.is_fresh() {
            return Ok(());
        }
        let reason = status.last_error().unwrap_or("the store's memory is too old").to_owned();
        self.attach(Err(Refusal::from(AuthErrorKind::Unavailable).with_source(reason)))
    }

    fn builder<K>(&self, subject: impl fmt::Display) -> TokenBuilder<'_, K> {
        TokenBuilder::new(self.issuer(), self.context(), subject.to_string())
    }

    pub(crate) fn issuer(&self) -> Issuer<'_> {
        Issuer { rules: self.rules(), ring: self.ring(), hooks: self.hooks(), store: self.store() }
    }

    /// The context with which errors of this `JwtAuth` are rendered.
    pub(crate) fn context(&self) -> ErrorContext {
        ErrorContext {
            settings: Arc::clone(&self.inner.web.errors),
            request: self.request.clone(),
            deleted_cookies: None,
        }
    }

    /// Turns a refusal of the lower modules into an error that is rendered with these settings.
    pub(crate) fn attach<T>(&self, result: Result<T, Refusal>) -> Result<T, AuthError> {
        result.map_err(|refusal| refusal.attach(self.context()))
    }

    /// Whether a hook or a log reads which token was refused, and why.
    pub(crate) fn diagnoses(&self) -> bool {
        cfg!(debug_assertions)
            || self.web().errors.on_refusal.is_some()
            || tracing::enabled!(target: "jwt_auth", tracing::Level::DEBUG)
    }

    pub(crate) fn with_request(mut self, request: Option<Arc<Parts>>) -> Self {
        self.request = request;
        self
    }

    /// Whether both are clones of one `JwtAuth`.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    /// A number that only the clones of this `JwtAuth` have.
    pub(crate) fn id(&self) -> u64 {
        self.inner.id
    }

    pub(crate) fn rules(&self) -> &TokenRules {
        &self.inner.rules
    }

    pub(crate) fn hooks(&self) -> &Hooks {
        &self.inner.hooks
    }

    pub(crate) fn web(&self) -> &WebSettings {
        &self.inner.web
    }

    pub(super) fn ring(&self) -> &LiveRing {
        &self.inner.ring
    }

    /// Our keys and those of the trusted issuers.
    pub(super) fn all_keys(&self) -> AllKeys<'_> {
        AllKeys { own: self.ring(), trusted: &self.inner.trusted }
    }

    /// Whether one of our own keys verified the token.
    pub(super) fn is_own(&self, verified: &Verified) -> bool {
        verified.was_verified_by(&self.ring().load())
    }

    /// Whether this `JwtAuth` verified the token, with our keys or with those of a trusted issuer.
    pub(super) fn has_verified(&self, verified: &Verified) -> bool {
        self.is_own(verified) || self.inner.trusted.iter().any(|trusted| trusted.issued(verified))
    }

    /// The events from now on: log-ins, refusals, reuses, revocations, failures of the store.
    ///
    /// They are those of the whole process, also of other configurations. See [`AuthEvent`](crate::events::AuthEvent).
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial};
    /// let auth = Config::hs256(KeyMaterial::ephemeral()).build()?;
    /// let events = auth.events();
    /// # drop(events);
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    #[allow(clippy::unused_self, reason = "the configuration that events come from")]
    pub fn events(&self) -> Events {
        Events::of_process()
    }

    /// Every name of the issuers that [`Config::trust`] has added.
    ///
    /// ```
    /// use jwt_auth::config::TrustedIssuer;
    /// use jwt_auth::{Config, KeyMaterial, KeyRing};
    ///
    /// # let set = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    /// let issuer = TrustedIssuer::new("https://login.example", KeyRing::jwk_set(set)).audience(["notes"]);
    /// let auth = Config::hs256(KeyMaterial::ephemeral()).trust(issuer).build()?;
    /// assert_eq!(auth.trusted_issuers().collect::<Vec<_>>(), ["https://login.example"]);
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn trusted_issuers(&self) -> impl Iterator<Item = &str> {
        self.inner.trusted.iter().flat_map(|trusted| trusted.rules.names())
    }

    /// Every name of the trusted issuers, and whether there are keys for its tokens now. For the crates of this workspace.
    #[doc(hidden)]
    pub fn issuer_states(&self) -> impl Iterator<Item = (&str, &'static str)> {
        self.inner.trusted.iter().flat_map(|trusted| {
            let state = trusted.source.state();
            trusted.rules.names().map(move |name| (name, state))
        })
    }

    pub(super) fn shared_ring(&self) -> &Arc<LiveRing> {
        &self.inner.ring
    }

    /// Whether keys may arrive while the service runs.
    pub(super) fn keys_change(&self) -> bool {
        self.rotating().is_some() || !self.inner.trusted.is_empty()
    }

    pub(super) fn rotating(&self) -> Option<&Rotating> {
        self.inner.rotating.as_ref()
    }

    pub(super) fn cache(&self) -> Option<&Cache> {
        self.inner.cache.as_ref()
    }

    pub(super) fn store(&self) -> &WatchedStore {
        &self.inner.store
    }

    pub(super) fn denylist_health(&self) -> &Health {
        &self.inner.denylist_health
    }
}

/// A valid token of the kind, by the configured rules.
fn required(kind: TokenKind) -> Requirements<'static> {
    Requirements { kind, audience: None, revocation: Lookup::Replica }
}

impl fmt::Debug for JwtAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwtAuth")
            .field("ring", &self.inner.ring)
            .field("rules", &self.inner.rules)
            .field("web", &self.inner.web)
            .finish_non_exhaustive()
    }
}
