//! The builders of access tokens, refresh tokens, pairs and log-ins.

use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::config::GrantKind;
use crate::error::{AuthError, ErrorContext, Refusal};
use crate::event::{AuthEvent, emit};
use crate::keys::Algorithm;
use crate::token::DpopProof;
use crate::token::issue::draft::KeyChoice;
use crate::token::issue::request::{Inherited, Life, SessionTerms, TokenRequest};
use crate::token::issue::{IssuedToken, Issuer, SessionGeneration, TokenPair};
use crate::token::verify::Verified;

/// The kind of token that a [`TokenBuilder`] issues. Sealed.
///
/// ```
/// use jwt_auth::AuthError;
/// use jwt_auth::token::{BuilderKind, TokenBuilder};
///
/// /// Issues the builder's token or pair, with the role of an editor.
/// fn issue_for_editor<K: BuilderKind>(builder: TokenBuilder<'_, K>) -> Result<K::Output, AuthError> {
///     builder.roles(["editor"]).issue()
/// }
///
/// # let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
/// let token = issue_for_editor(auth.access_token("alice"))?;
/// let pair = issue_for_editor(auth.token_pair("alice"))?;
/// # drop((token, pair));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait BuilderKind: Sized {
    /// What `issue` returns.
    type Output;
    #[doc(hidden)]
    fn issue(builder: TokenBuilder<'_, Self>, _: sealed::Token) -> Result<Self::Output, AuthError>;
}

mod sealed {
    /// Only this module can name it, so only this module can implement or call [`super::BuilderKind`].
    #[derive(Debug)]
    pub struct Token;
}

/// A [`TokenBuilder`] of one access token.
///
/// ```
/// use jwt_auth::token::{AccessKind, TokenBuilder};
///
/// # let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
/// let builder: TokenBuilder<'_, AccessKind> = auth.access_token("alice");
/// assert!(builder.issue()?.expires_at().is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub enum AccessKind {}

/// A [`TokenBuilder`] of one refresh token, whose session the store does not know before its first rotation.
///
/// ```
/// use jwt_auth::token::{RefreshKind, TokenBuilder};
///
/// # let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
/// let builder: TokenBuilder<'_, RefreshKind> = auth.refresh_token("alice");
/// assert!(builder.issue()?.expires_at().is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub enum RefreshKind {}

/// A [`TokenBuilder`] of an access token and a refresh token, whose session the store does not know before the first
/// rotation.
///
/// ```
/// use jwt_auth::token::{PairKind, TokenBuilder};
///
/// # let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
/// let builder: TokenBuilder<'_, PairKind> = auth.token_pair("alice");
/// assert_eq!(builder.issue()?.expires_in().as_secs(), 900);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub enum PairKind {}

/// A [`TokenBuilder`] of a log-in.
///
/// It is awaited, because it registers the session in the store.
///
/// ```
/// use jwt_auth::token::{LogInKind, TokenBuilder};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// # let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
/// let builder: TokenBuilder<'_, LogInKind> = auth.log_in("alice");
/// builder.await?;
/// assert_eq!(auth.sessions("alice").await?.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// `issue` does not compile, because nothing would register the session:
///
/// ```compile_fail
/// # let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build().unwrap();
/// let pair = auth.log_in("alice").issue();
/// ```
#[derive(Debug)]
pub enum LogInKind {}

macro_rules! kinds {
    ($($kind:ident $output:ident $issue:ident $issue_async:ident),*) => {$(
        impl BuilderKind for $kind {
            type Output = $output;

            fn issue(
                builder: TokenBuilder<'_, Self>,
                _: sealed::Token,
            ) -> Result<$output, AuthError> {
                let issued = if builder.request.issuer.hooks.run_while_issuing() {
                    Err(Refusal::cannot_issue(
                        "the configuration has an async hook; `.await` the builder instead of `.issue()`",
                    ))
                } else {
                    builder.request.$issue()
                };
                issued.map_err(|refusal| refusal.attach(builder.context))
            }
        }

        /// Runs the configuration's hooks, then issues.
        impl<'a> IntoFuture for TokenBuilder<'a, $kind> {
            type Output = Result<$output, AuthError>;
            type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

            fn into_future(self) -> Self::IntoFuture {
                Box::pin(async move {
                    let issued = match self.request.run_hooks().await {
                        Ok(request) => request.$issue_async().await,
                        Err(refusal) => Err(refusal),
                    };
                    issued.map_err(|refusal| refusal.attach(self.context))
                })
            }
        }
    )*};
}

kinds!(
    AccessKind IssuedToken issue_access issue_access_async,
    RefreshKind IssuedToken issue_refresh issue_refresh_async,
    PairKind TokenPair issue_pair issue_pair_async
);

/// Runs the configuration's hooks, registers the session in the store, and issues its pair.
impl<'a> IntoFuture for TokenBuilder<'a, LogInKind> {
    type Output = Result<TokenPair, AuthError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let pair =
                self.request.log_in().await.map_err(|refusal| refusal.attach(self.context))?;
            emit(AuthEvent::LoggedIn);
            Ok(pair)
        })
    }
}

/// Collects the content of a token, and issues it.
///
/// Returned by [`JwtAuth::access_token`](crate::JwtAuth::access_token),
/// [`refresh_token`](crate::JwtAuth::refresh_token), [`token_pair`](crate::JwtAuth::token_pair) and
/// [`log_in`](crate::JwtAuth::log_in). Finish it with [`issue`](Self::issue) or `.await`; a log-in is always
/// awaited.
///
/// ```
/// use jwt_auth::{Config, KeyMaterial};
/// use std::time::Duration;
///
/// let auth = Config::hs256(KeyMaterial::ephemeral()).build()?;
/// let token = auth
///     .access_token("alice")
///     .scopes(["notes:read"])
///     .expires_in(Duration::from_secs(60))
///     .issue()?;
/// assert_eq!(token.split('.').count(), 3);
///
/// // A custom claim with a reserved name is an error. It never overwrites the registered claim.
/// let claims = serde_json::json!({ "exp": 0 });
/// assert!(auth.access_token("alice").claims(&claims).issue().is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a builder issues nothing before `.issue()` or `.await`"]
pub struct TokenBuilder<'a, K> {
    request: TokenRequest<'a>,
    context: ErrorContext,
    kind: PhantomData<fn() -> K>,
}

impl<'a, K> TokenBuilder<'a, K> {
    pub(crate) fn new(issuer: Issuer<'a>, context: ErrorContext, subject: String) -> Self {
        Self { request: TokenRequest::new(issuer, subject), context, kind: PhantomData }
    }

    /// Whether the user has just logged in.
    ///
    /// Default: `false`, and `true` for a log-in. `true` also writes `auth_time`, which `max_age = "…"`
    /// requires.
    ///
    /// ```
    /// # let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
    /// let token = auth.access_token("alice").fresh(true).issue()?;
    /// assert!(jwt_auth::danger::decode_unverified(&token)?.claims.contains_key("auth_time"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn fresh(mut self, fresh: bool) -> Self {
        self.request.fresh = fresh;
        self.request.fresh_for = None;
        self
    }

    /// How long after its issue the token counts as fresh, instead of for its life.
    ///
    /// The claim `fresh` is then the time of the end, as flask-jwt-extended writes it. Sets [`fresh`](Self::fresh).
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial, ManualClock};
    /// use std::time::Duration;
    ///
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let clock = ManualClock::at(1_700_000_000);
    /// let auth = Config::hs256(KeyMaterial::ephemeral()).clock(clock.clone()).build()?;
    /// let token = auth.access_token("alice").fresh_for(Duration::from_secs(60)).issue()?;
    /// assert!(auth.verify_access(&token).await?.is_fresh());
    /// clock.advance(Duration::from_secs(61));
    /// assert!(!auth.verify_access(&token).await?.is_fresh());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn fresh_for(mut self, life: Duration) -> Self {
        self.request.fresh = true;
        self.request.fresh_for = Some(life);
        self
    }

    /// How long the token lives.
    ///
    /// Default: the configured lifetime. In a pair this is the lifetime of the access token; after a refresh it is
    /// the configured one again. For a refresh token it is the idle time of its session; a shorter one than
    /// configured stays the same at each refresh.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
    /// let token = auth.access_token("alice").expires_in(Duration::from_secs(60)).issue()?;
    /// assert_eq!(serde_json::to_value(&token)?["expires_in"], 60);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn expires_in(mut self, life: Duration) -> Self {
        self.request.life = Life::For(life);
        self
    }

    /// `aud`, instead of the configured one.
    ///
    /// ```
    /// # let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
    /// let token = auth.access_token("alice").audience(["https://reports.example"]).issue()?;
    /// assert_eq!(jwt_auth::danger::decode_unverified(&token)?.claims["aud"], "https://reports.example");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn audience<A: Into<String>>(mut self, audience: impl IntoIterator<Item = A>) -> Self {
        self.request.audience = Some(audience.into_iter().map(Into::into).collect());
        self
    }

    /// `scope`, which `#[jwt_required(scopes(…))]` checks. Default: none.
    ///
    /// RFC 8693 §4.2 defines the claim.
    ///
    /// ```
    /// # let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
    /// assert!(auth.access_token("alice").scopes(["notes:read", "notes:write"]).issue().is_ok());
    /// assert!(auth.access_token("alice").scopes(["two words"]).issue().is_err());
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn scopes<A: Into<String>>(mut self, scopes: impl IntoIterator<Item = A>) -> Self {
        self.request.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// `roles`, which `#[jwt_required(roles(…))]` checks. Default: none.
    ///
    /// RFC 9068 §2.2.3.1 defines the claim.
    ///
    /// ```
    /// # let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
    /// let token = auth.access_token("alice").roles(["editor"]).issue()?;
    /// assert_eq!(jwt_auth::danger::decode_unverified(&token)?.claims["roles"][0], "editor");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn roles<A: Into<String>>(mut self, roles: impl IntoIterator<Item = A>) -> Self {
        self.request.roles = roles.into_iter().map(Into::into).collect();
        self
    }

    /// Custom claims, from a value that serialises as a JSON object.
    ///
    /// A second call adds to the first. A reserved name is an error of [`issue`](Self::issue).
    ///
    /// ```
    /// #[derive(serde::Serialize)]
    /// struct Tenant { tenant: u64 }
    ///
    /// # let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
    /// let token = auth.access_token("alice").claims(&Tenant { tenant: 7 }).issue()?;
    /// assert_eq!(jwt_auth::danger::decode_unverified(&token)?.claims["tenant"], 7);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn claims<C: Serialize + ?Sized>(mut self, claims: &C) -> Self {
        self.request.claims = with_claims(self.request.claims, claims);
        self
    }

    /// Binds the token to the key of a DPoP proof (RFC 9449): it is accepted with a proof by this key alone.
    ///
    /// Default: bound to none. In a pair both tokens are bound, and so are those of its refreshes. See
    /// [the chapter on DPoP](crate::guide::dpop).
    ///
    /// ```
    /// use jwt_auth::{AuthError, DpopProof, JwtAuth, TokenPair, public};
    ///
    /// #[public]
    /// async fn log_in(auth: JwtAuth, proof: Option<DpopProof>) -> Result<TokenPair, AuthError> {
    ///     match &proof {
    ///         Some(proof) => auth.log_in("alice").bound_to(proof).await,
    ///         None => auth.log_in("alice").await, // a client without DPoP
    ///     }
    /// }
    /// ```
    pub fn bound_to(mut self, proof: &DpopProof) -> Self {
        self.request.bound_to = Some(proof.key);
        self
    }

    /// A header parameter. A reserved name is an error of [`issue`](Self::issue).
    ///
    /// ```
    /// # let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
    /// let token = auth.access_token("alice").header("region", "eu").issue()?;
    /// assert_eq!(jwt_auth::danger::decode_unverified(&token)?.header["region"], "eu");
    /// assert!(auth.access_token("alice").header("alg", "none").issue().is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.request.header.insert(name.into(), value.into());
        self
    }

    /// Signs with the ring's first key of that algorithm, unless that one is retired.
    ///
    /// Default: the key that signs now ([`KeyRing`](crate::KeyRing)).
    ///
    /// ```
    /// use jwt_auth::Algorithm;
    ///
    /// # let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
    /// assert!(auth.access_token("alice").algorithm(Algorithm::HS256).issue().is_ok());
    /// assert!(auth.access_token("alice").algorithm(Algorithm::ES256).issue().is_err(), "no such key");
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn algorithm(mut self, algorithm: Algorithm) -> Self {
        self.request.key = KeyChoice::Algorithm(algorithm);
        self
    }

    /// Signs with the key of that id, such as the key of a tenant.
    ///
    /// Default: the key that signs now ([`KeyRing`](crate::KeyRing)), which also signs what a rotation issues.
    ///
    /// ```
    /// use jwt_auth::{Algorithm, Config, Key, KeyMaterial};
    ///
    /// # let secret = *b"the secret of one hidden example";
    /// let acme = Key::secret(Algorithm::HS256, secret).id("acme");
    /// let auth = Config::hs256(KeyMaterial::ephemeral()).also_verify(acme).build()?;
    /// assert!(auth.access_token("alice").key_id("acme").issue().is_ok());
    /// assert!(auth.access_token("alice").key_id("initech").issue().is_err(), "no such key");
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn key_id(mut self, id: impl Into<String>) -> Self {
        self.request.key = KeyChoice::Id(id.into());
        self
    }

    /// Copies from a verified token: its roles, scopes, audience, custom claims and time of log-in.
    pub(crate) fn continuing(mut self, verified: &Verified) -> Self {
        self.request.auth_time = verified.claims().auth_time;
        self.request.bound_to = verified.claims().confirmation.key();
        self.request.inherited = Inherited {
            scope: verified.scope_text().map(str::to_owned),
            custom: verified.custom_members(),
            csrf: None,
        };
        self.roles(verified.roles()).audience(verified.audience())
    }

    pub(crate) fn life(mut self, life: Life) -> Self {
        self.request.life = life;
        self
    }
}

impl TokenBuilder<'_, AccessKind> {
    /// Issues the next access token of the same session, with the same CSRF value.
    pub(crate) fn in_session_of(mut self, verified: &Verified, now: Duration) -> Self {
        self.request.session_id = verified.identity().session_id.map(str::to_owned);
        self.request.session_started_at = verified.claims().session_started_at;
        self.request.access_generation = verified.claims().generation;
        self.request.terms = SessionTerms::of(verified);
        self.request.inherited.csrf = verified.csrf().map(str::to_owned);
        self.request.issued_at = Some(now);
        self
    }

    /// Gets the grants of an implicit refresh, runs the hooks, and issues the token.
    pub(crate) async fn issue_continued(self) -> Result<IssuedToken, Refusal> {
        let session_id = self.request.session_id.clone().unwrap_or_default();
        let request = self.request.apply_grants(GrantKind::ImplicitRefresh, &session_id).await?;
        request.run_hooks().await?.issue_access_async().await
    }
}

impl TokenBuilder<'_, PairKind> {
    /// Sets the position of the pair in its session.
    pub(crate) fn at(mut self, generation: SessionGeneration) -> Self {
        self.request.generation = Some(generation);
        self
    }

    /// Gets the grants of a rotation, and runs the hooks.
    pub(crate) async fn run_hooks(mut self, session_id: &str) -> Result<Self, Refusal> {
        let request = self.request.apply_grants(GrantKind::Rotation, session_id).await?;
        self.request = request.run_hooks().await?;
        Ok(self)
    }

    /// Replaces what the previous token says by what the rotation names.
    pub(crate) fn named(mut self, named: Named) -> Self {
        if let Some(roles) = named.roles {
            self.request.roles = roles;
        }
        if let Some(scopes) = named.scopes {
            self.request.inherited.scope = None;
            self.request.scopes = scopes;
        }
        if let Ok(claims) = &named.claims {
            self.request.inherited.custom.retain(|(name, _)| !claims.contains_key(name));
        }
        self.request.claims = named.claims;
        self
    }

    /// Checks that the pair can be issued, without signing, and returns the life of the access token.
    pub(crate) fn rehearse(&self) -> Result<Duration, Refusal> {
        self.request.rehearse_pair()
    }

    pub(crate) async fn write_pair(self) -> Result<TokenPair, Refusal> {
        self.request.write_pair().await
    }
}

impl TokenBuilder<'_, LogInKind> {
    /// The name by which the user recognises the device. Default: none.
    ///
    /// The list of [sessions](crate::JwtAuth::sessions) shows it. The `User-Agent` header of a browser is a good
    /// value. At most 200 bytes are stored.
    ///
    /// ```
    /// # async fn login(auth: jwt_auth::JwtAuth) -> Result<(), jwt_auth::AuthError> {
    /// let pair = auth.log_in("alice").device("Firefox on Linux").await?;
    /// # drop(pair);
    /// # Ok(())
    /// # }
    /// ```
    pub fn device(mut self, name: impl Into<String>) -> Self {
        let mut name = name.into();
        let end = (0..=LONGEST_DEVICE.min(name.len())).rev().find(|at| name.is_char_boundary(*at));
        name.truncate(end.unwrap_or(0));
        self.request.device = Some(name);
        self
    }

    /// How long the session may be idle: the life of each of its refresh tokens.
    ///
    /// Default: [`refresh_token_expires`](crate::Config::refresh_token_expires). Neither a rotation nor a
    /// changed setting changes it. It is from a second to a hundred years; another value is an error of the log-in.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// # let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
    /// let pair = auth.log_in("alice").idle_for(Duration::from_secs(3600)).await?;
    /// let token = auth.verify_refresh(pair.refresh_token()).await?;
    /// # let issued = token.identity().issued_at().expect("it was issued");
    /// assert_eq!(token.expires_at(), Some(issued + Duration::from_secs(3600)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn idle_for(mut self, idle: Duration) -> Self {
        self.request.terms.idle = Some(idle);
        self
    }

    /// How long the session lasts at most, however often it is refreshed.
    ///
    /// Default: [`session_expires`](crate::Config::session_expires). Neither a rotation nor a
    /// changed setting moves the end. It is from a second to a hundred years; another value is an error of the log-in.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// # let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
    /// auth.log_in("alice").session_ends_in(Duration::from_secs(8 * 3600)).await?;
    /// let session = auth.sessions("alice").await?.remove(0);
    /// assert_eq!(session.ends_at(), session.began_at() + Duration::from_secs(8 * 3600));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn session_ends_in(mut self, life: Duration) -> Self {
        self.request.terms.life = Some(life);
        self
    }

    /// Whether browsers keep the cookies after they are closed. Default: `true`.
    ///
    /// `false` is the log-in of a user who did not tick "remember me": the cookies of the session have no `Max-Age`, and
    /// neither have those of its refreshes. A browser that restores its tabs may keep them, so give such a session a short
    /// idle time as well.
    ///
    /// ```
    /// use axum::response::IntoResponse as _;
    /// use std::time::Duration;
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// # let config = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral());
    /// # let auth = config.token_location([jwt_auth::TokenLocation::Cookie]).build()?;
    /// let pair = auth.log_in("alice").remember(false).idle_for(Duration::from_secs(3600)).await?;
    /// let response = auth.set_cookies(&pair).into_response();
    /// let cookie = response.headers()["set-cookie"].to_str()?;
    /// assert!(!cookie.contains("Max-Age"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn remember(mut self, remember: bool) -> Self {
        self.request.terms.is_temporary = !remember;
        self
    }
}

/// What a call names for one rotation.
pub(crate) struct Named {
    pub(crate) roles: Option<Vec<String>>,
    pub(crate) scopes: Option<Vec<String>>,
    pub(crate) claims: Result<Map<String, Value>, Refusal>,
}

/// Adds the members of a value that serialises as a JSON object.
pub(crate) fn with_claims<C: Serialize + ?Sized>(
    all: Result<Map<String, Value>, Refusal>,
    claims: &C,
) -> Result<Map<String, Value>, Refusal> {
    let mut all = all?;
    match serde_json::to_value(claims) {
        Ok(Value::Object(more)) => {
            all.extend(more);
            Ok(all)
        }
        _ => Err(Refusal::cannot_issue("custom claims do not serialise as a JSON object")),
    }
}

/// The maximum length of a device name, which often comes from a request header.
const LONGEST_DEVICE: usize = 200;

impl<K: BuilderKind> TokenBuilder<'_, K> {
    /// Issues the token.
    ///
    /// # Errors
    ///
    /// [`CannotIssue`](crate::AuthErrorKind::CannotIssue): a reserved claim or header name, custom claims that are
    /// not an object, a scope with a space, no key that signs, a token of more than 8 KiB. Also if the
    /// configuration has [additional claims](crate::Config::additional_claims) or headers, or if a service
    /// [signs](crate::Key::signed_by): then `.await` the builder instead, so that they can run.
    ///
    /// ```
    /// # let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
    /// let token = auth.access_token("alice").issue()?;
    /// assert_eq!(token.split('.').count(), 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn issue(self) -> Result<K::Output, AuthError> {
        K::issue(self, sealed::Token)
    }
}

impl<K: BuilderKind> TokenBuilder<'_, K>
where
    Self: IntoFuture<Output = Result<K::Output, AuthError>>,
{
    /// Issues the token with a key that a service signs for ([`Key::signed_by`](crate::Key::signed_by)).
    ///
    /// The same as `.await`, under the name of what it waits for. It works with any key.
    ///
    /// # Errors
    ///
    /// Those of [`issue`](Self::issue); [`Unavailable`](crate::AuthErrorKind::Unavailable), 503, if the service does not
    /// sign within [`Config::hook_deadline`](crate::Config::hook_deadline).
    ///
    /// ```
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// # let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
    /// let token = auth.access_token("alice").issue_remote().await?;
    /// # drop(token);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn issue_remote(self) -> Result<K::Output, AuthError> {
        self.await
    }
}

impl<K> fmt::Debug for TokenBuilder<'_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenBuilder").field("fresh", &self.request.fresh).finish_non_exhaustive()
    }
}
