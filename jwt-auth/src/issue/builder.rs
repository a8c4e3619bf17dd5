//! The builders of access tokens, refresh tokens and pairs.

use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::claims::TokenKind;
use crate::clock::{since_epoch, to_system_time};
use crate::config::{Additional, Settings};
use crate::error::{AuthError, AuthErrorKind};
use crate::issue::TokenPair;
use crate::issue::write::{Draft, Issuer, random_id};
use crate::keys::Algorithm;
use crate::revocation::{Engine, NewSession, within_deadline};
use crate::secret::Secret;

/// What a [`TokenBuilder`] makes; sealed.
pub trait BuilderKind: sealed::Sealed {
    /// What `issue` returns.
    type Output;
    #[doc(hidden)]
    fn issue(builder: TokenBuilder<'_, Self>) -> Result<Self::Output, AuthError>
    where
        Self: Sized;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::AccessKind {}
    impl Sealed for super::RefreshKind {}
    impl Sealed for super::PairKind {}
}

/// One access token.
#[derive(Debug)]
pub enum AccessKind {}

/// One refresh token, the first of its family.
#[derive(Debug)]
pub enum RefreshKind {}

/// An access token and a refresh token of one new session.
#[derive(Debug)]
pub enum PairKind {}

/// A pair of a log-in; it is awaited, and not issued, since a store may be told of the session.
#[derive(Debug)]
pub enum LogInKind {}

/// How long the token lives, where the builder was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    Configured,
    For(Duration),
    Forever,
}

/// Where a pair stands in its session: a new one, or a successor.
#[derive(Clone, Debug)]
pub(crate) struct Lineage {
    pub(crate) family: String,
    pub(crate) family_ends: Duration,
    pub(crate) generation: u64,
    pub(crate) refresh_id: String,
    /// When the refresh token was made.
    pub(crate) refresh_issued_at: Duration,
    /// When the access token is made.
    pub(crate) issued_at: Duration,
    /// How long the session may lie idle.
    pub(crate) idle: Duration,
}

impl Lineage {
    /// Where a new session begins.
    fn first(settings: &Settings) -> Result<Self, AuthError> {
        let now = since_epoch(&*settings.clock);
        Ok(Self {
            family: random_id()?,
            family_ends: now.saturating_add(settings.refresh_family_expires),
            generation: 0,
            refresh_id: random_id()?,
            refresh_issued_at: now,
            issued_at: now,
            idle: settings.refresh_token_expires,
        })
    }
}

/// Names everything that goes into a token, then [`issue`](Self::issue)s it.
///
/// Made by [`JwtAuth::access_token`](crate::JwtAuth::access_token),
/// [`refresh_token`](crate::JwtAuth::refresh_token) and [`token_pair`](crate::JwtAuth::token_pair); by
/// [`log_in`](crate::JwtAuth::log_in) as a builder that is awaited.
///
/// ```
/// use jwt_auth::Config;
/// use std::time::Duration;
///
/// let auth = Config::hs256([7; 32]).build()?;
/// let token = auth
///     .access_token("alice")
///     .scopes(["notes:read"])
///     .expires_in(Duration::from_secs(60))
///     .issue()?;
/// assert_eq!(token.split('.').count(), 3);
///
/// // A custom claim that bears a reserved name is an error, never an overwrite.
/// let claims = serde_json::json!({ "exp": 0 });
/// assert!(auth.access_token("alice").claims(&claims).issue().is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "nothing is made before `.issue()`, or `.await` of a log-in"]
pub struct TokenBuilder<'a, K> {
    wanted: Wanted<'a>,
    kind: PhantomData<fn() -> K>,
}

/// What the setters were given.
#[derive(Clone)]
struct Wanted<'a> {
    issuer: Issuer<'a>,
    subject: String,
    fresh: bool,
    auth_time: Option<Duration>,
    life: Life,
    audience: Option<Vec<String>>,
    scopes: Vec<String>,
    roles: Vec<String>,
    claims: Result<Map<String, Value>, AuthError>,
    /// `scope` and custom claims of the token before, as they stood.
    carried: (Option<String>, Vec<(String, String)>),
    header: Map<String, Value>,
    algorithm: Option<Algorithm>,
    lineage: Option<Lineage>,
    /// The CSRF value of the token before, where it goes on.
    csrf: Option<String>,
    /// The family of the token before, where an access token goes on alone.
    family: Option<String>,
    issued_at: Option<Duration>,
    /// Where a log-in is registered, and as what.
    registry: Option<&'a dyn Engine>,
    device: Option<String>,
    /// Whether the lineage is that of a log-in, and no successor's.
    first: bool,
    /// Whether the hooks have been asked.
    hooked: bool,
}

impl<'a, K> TokenBuilder<'a, K> {
    pub(crate) fn new(issuer: Issuer<'a>, subject: String) -> Self {
        let wanted = Wanted {
            issuer,
            subject,
            fresh: false,
            auth_time: None,
            life: Life::Configured,
            audience: None,
            scopes: Vec::new(),
            roles: Vec::new(),
            claims: Ok(Map::new()),
            carried: (None, Vec::new()),
            header: Map::new(),
            algorithm: None,
            lineage: None,
            csrf: None,
            family: None,
            issued_at: None,
            registry: None,
            device: None,
            first: false,
            hooked: false,
        };
        Self { wanted, kind: PhantomData }
    }

    /// Whether the user has just logged in. Default: false. True also writes `auth_time`, which
    /// `max_age = "…"` asks for.
    pub fn fresh(mut self, fresh: bool) -> Self {
        self.wanted.fresh = fresh;
        self
    }

    /// How long the access token lives, or the refresh token when that is what is made. Default: the
    /// configured lifetime. After a refresh the access token has the configured lifetime again; a session
    /// that was given less than the configured time to lie idle keeps it.
    pub fn expires_in(mut self, life: Duration) -> Self {
        self.wanted.life = Life::For(life);
        self
    }

    /// `aud`, in place of the configured one.
    pub fn audience<A: Into<String>>(mut self, audience: impl IntoIterator<Item = A>) -> Self {
        self.wanted.audience = Some(audience.into_iter().map(Into::into).collect());
        self
    }

    /// `scope`: what `#[jwt_required(scopes(…))]` asks for (RFC 8693 §4.2).
    pub fn scopes<A: Into<String>>(mut self, scopes: impl IntoIterator<Item = A>) -> Self {
        self.wanted.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// `roles`: what `#[jwt_required(roles(…))]` asks for (RFC 9068 §2.2.3.1).
    pub fn roles<A: Into<String>>(mut self, roles: impl IntoIterator<Item = A>) -> Self {
        self.wanted.roles = roles.into_iter().map(Into::into).collect();
        self
    }

    /// Custom claims: a type that serialises as a JSON object. A second call adds to the first. A
    /// reserved name is an error of [`issue`](Self::issue).
    pub fn claims<C: Serialize + ?Sized>(mut self, claims: &C) -> Self {
        self.wanted.claims =
            self.wanted.claims.and_then(|mut all| match serde_json::to_value(claims) {
                Ok(Value::Object(more)) => {
                    all.extend(more);
                    Ok(all)
                }
                _ => Err(AuthError::cannot_issue("custom claims serialise as a JSON object")),
            });
        self
    }

    /// A header parameter of your own. A reserved name is an error of [`issue`](Self::issue).
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.wanted.header.insert(name.into(), value.into());
        self
    }

    /// Signs with the ring's first key of that algorithm. Default: the ring's first key.
    pub fn algorithm(mut self, algorithm: Algorithm) -> Self {
        self.wanted.algorithm = Some(algorithm);
        self
    }

    pub(crate) fn auth_time(mut self, at: Option<Duration>) -> Self {
        self.wanted.auth_time = at;
        self
    }

    pub(crate) fn carry(mut self, scope: Option<&str>, custom: Vec<(String, String)>) -> Self {
        self.wanted.carried = (scope.map(str::to_owned), custom);
        self
    }

    pub(crate) fn lineage(mut self, lineage: Lineage) -> Self {
        self.wanted.lineage = Some(lineage);
        self
    }

    pub(crate) fn csrf(mut self, csrf: Option<&str>) -> Self {
        self.wanted.csrf = csrf.map(str::to_owned);
        self
    }

    pub(crate) fn family(mut self, family: Option<&str>) -> Self {
        self.wanted.family = family.map(str::to_owned);
        self
    }

    pub(crate) fn registered_in(mut self, store: &'a dyn Engine) -> Self {
        self.wanted.registry = Some(store);
        self
    }

    pub(crate) fn issued_at(mut self, now: Duration) -> Self {
        self.wanted.issued_at = Some(now);
        self
    }

    /// See [`Wanted::hooked`].
    pub(crate) async fn hooked(self) -> Result<Self, AuthError> {
        Ok(Self { wanted: self.wanted.hooked().await?, kind: self.kind })
    }

    /// Lets the life be chosen by `danger`.
    pub(crate) fn life(mut self, life: Life) -> Self {
        self.wanted.life = life;
        self
    }
}

impl TokenBuilder<'_, LogInKind> {
    /// What the user knows the device by, in the list of [sessions](crate::JwtAuth::sessions): what a browser
    /// calls itself, for example; at most 200 bytes of it are kept. Default: none.
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
        self.wanted.device = Some(name);
        self
    }
}

/// A device's name comes from a header as often as not.
const LONGEST_DEVICE: usize = 200;

impl Wanted<'_> {
    fn draft_now(self, kind: TokenKind) -> Result<Draft, AuthError> {
        let now = self.issued_at.unwrap_or_else(|| since_epoch(&*self.issuer.settings.clock));
        self.draft(kind, now)
    }

    fn draft(self, kind: TokenKind, now: Duration) -> Result<Draft, AuthError> {
        let settings = self.issuer.settings;
        let configured = match kind {
            TokenKind::Access => settings.access_token_expires,
            TokenKind::Refresh => settings.refresh_token_expires,
        };
        let expires_at = match self.life {
            Life::Configured => Some(now.saturating_add(configured)),
            Life::For(life) => Some(now.saturating_add(life)),
            Life::Forever => None,
        };
        Ok(Draft {
            kind,
            subject: self.subject,
            id: random_id()?,
            issued_at: now,
            expires_at,
            fresh: self.fresh,
            auth_time: self.auth_time.or(self.fresh.then_some(now)),
            audience: self.audience.unwrap_or_else(|| settings.audience.clone()),
            scope: scope_text(self.carried.0, &self.scopes)?,
            roles: self.roles,
            family: self.family,
            generation: 0,
            csrf: if settings.writes_csrf() {
                Some(self.csrf.map_or_else(random_id, Ok)?)
            } else {
                None
            },
            custom: custom_members(self.carried.1, self.claims?),
            header: self.header,
            algorithm: self.algorithm,
        })
    }
}

impl<K: BuilderKind> TokenBuilder<'_, K> {
    /// Makes the token.
    ///
    /// # Errors
    ///
    /// [`CannotIssue`](crate::AuthErrorKind::CannotIssue): a reserved claim or header name, custom claims
    /// that are no object, a scope with a space, no key that signs, a token of more than 8 KiB.
    ///
    /// Where the configuration has [additional claims](crate::Config::additional_claims) or headers, the
    /// builder is awaited instead, so that they can be asked for.
    pub fn issue(self) -> Result<K::Output, AuthError> {
        let issuer = self.wanted.issuer;
        let hooks = &issuer.settings.hooks;
        if !self.wanted.hooked && (hooks.claims.is_some() || hooks.headers.is_some()) {
            return issuer.told(Err(AuthError::cannot_issue(
                "the configuration has an async hook; `.await` the builder in place of `.issue()`",
            )));
        }
        issuer.told(K::issue(self))
    }
}

macro_rules! awaited {
    ($($kind:ty),*) => {$(
        /// The configuration's hooks are asked, then the token is made.
        impl<'a> IntoFuture for TokenBuilder<'a, $kind> {
            type Output = Result<<$kind as BuilderKind>::Output, AuthError>;
            type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

            fn into_future(self) -> Self::IntoFuture {
                let issuer = self.wanted.issuer;
                Box::pin(async move { issuer.told(self.hooked().await)?.issue() })
            }
        }
    )*};
}

awaited!(AccessKind, RefreshKind, PairKind);

/// The configuration's hooks are asked, the pair is made, and the store is told of the session.
impl<'a> IntoFuture for TokenBuilder<'a, LogInKind> {
    type Output = Result<TokenPair, AuthError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.wanted.logged_in())
    }
}

impl Wanted<'_> {
    /// Asks the configuration's hooks what they add. What the builder was told goes before; what a hook says
    /// goes before what the token before said.
    async fn hooked(mut self) -> Result<Self, AuthError> {
        let hooks = &self.issuer.settings.hooks;
        self.hooked = true;
        if let Some(hook) = &hooks.claims {
            let more = ask(&**hook, &self.subject).await?;
            self.carried.1.retain(|(name, _)| !more.contains_key(name));
            if let Ok(claims) = &mut self.claims {
                add(claims, more);
            }
        }
        if let Some(hook) = &hooks.headers {
            let more = ask(&**hook, &self.subject).await?;
            add(&mut self.header, more);
        }
        Ok(self)
    }

    async fn logged_in(self) -> Result<TokenPair, AuthError> {
        let issuer = self.issuer;
        let mut wanted = issuer.told(self.hooked().await)?;
        let lineage = issuer.told(Lineage::first(issuer.settings))?;
        wanted.lineage = Some(lineage.clone());
        wanted.first = true;
        let (registry, subject, device) =
            (wanted.registry, wanted.subject.clone(), wanted.device.clone());
        // Made first: a pair that cannot be made leaves no session behind.
        let pair = TokenBuilder::<PairKind> { wanted, kind: PhantomData }.issue()?;
        if let Some(store) = registry {
            let session = NewSession {
                family: &lineage.family,
                subject: &subject,
                device: device.as_deref(),
                refresh_id: &lineage.refresh_id,
                ends: to_system_time(lineage.family_ends),
                now: to_system_time(lineage.issued_at),
            };
            issuer.told(within_deadline(store.begin(session)).await.map_err(|error| {
                tracing::warn!(target: "jwt_auth", %error, "a log-in was refused");
                AuthErrorKind::Unavailable.into()
            }))?;
        }
        Ok(pair)
    }
}

async fn ask(hook: &dyn Additional, subject: &str) -> Result<Map<String, Value>, AuthError> {
    hook.members(subject).await
}

/// Adds what is not there yet.
fn add(to: &mut Map<String, Value>, more: Map<String, Value>) {
    for (name, value) in more {
        to.entry(name).or_insert(value);
    }
}

impl BuilderKind for AccessKind {
    type Output = String;

    fn issue(builder: TokenBuilder<'_, Self>) -> Result<String, AuthError> {
        let issuer = builder.wanted.issuer;
        issuer.write(&builder.wanted.draft_now(TokenKind::Access)?)
    }
}

impl BuilderKind for RefreshKind {
    type Output = String;

    fn issue(builder: TokenBuilder<'_, Self>) -> Result<String, AuthError> {
        let issuer = builder.wanted.issuer;
        let now = since_epoch(&*issuer.settings.clock);
        let mut draft = builder.wanted.draft(TokenKind::Refresh, now)?;
        let family_ends = now.saturating_add(issuer.settings.refresh_family_expires);
        draft.expires_at = within(draft.expires_at, family_ends);
        draft.family = Some(random_id()?);
        issuer.measure(&successor_like(&draft), ROOM_TO_GROW)?;
        issuer.write(&draft)
    }
}

impl BuilderKind for PairKind {
    type Output = TokenPair;

    fn issue(builder: TokenBuilder<'_, Self>) -> Result<TokenPair, AuthError> {
        let issuer = builder.wanted.issuer;
        let first = builder.wanted.first || builder.wanted.lineage.is_none();
        let [access, refresh] = builder.wanted.drafts()?;
        if first {
            // The tokens themselves are measured when they are written.
            for draft in [&access, &refresh] {
                issuer.measure(&successor_like(draft), ROOM_TO_GROW)?;
            }
        }
        let expires_in =
            access.expires_at.map_or(Duration::MAX, |at| at.saturating_sub(access.issued_at));
        Ok(TokenPair {
            access: Secret::from(issuer.write(&access)?),
            refresh: Secret::from(issuer.write(&refresh)?),
            csrf: [access.csrf, refresh.csrf].map(|csrf| csrf.map(Secret::from)),
            expires_in,
        })
    }
}

/// What a rotation makes of a draft: the ring's first key signs, and no header is added.
fn successor_like(draft: &Draft) -> Draft {
    Draft { algorithm: None, header: Map::new(), ..draft.clone() }
}

/// What the tokens of a session may grow by: `,"gen":18446744073709551615` and `,"fresh":false`, encoded.
const ROOM_TO_GROW: usize = 64;

impl TokenBuilder<'_, PairKind> {
    /// Whether the pair could be issued, found out without signing. A token that came in and cannot be
    /// carried on is refused; a configuration that cannot sign stays the developer's mistake.
    pub(crate) fn rehearse(&self) -> Result<(), AuthError> {
        let issuer = self.wanted.issuer;
        issuer.signing_key(self.wanted.algorithm)?;
        let drafts = self.wanted.clone().drafts()?;
        let fits = drafts.iter().try_for_each(|draft| issuer.measure(draft, 0));
        fits.map_err(|_| AuthErrorKind::InvalidClaims.into())
    }
}

impl Wanted<'_> {
    /// The two tokens of a pair.
    fn drafts(self) -> Result<[Draft; 2], AuthError> {
        let settings = self.issuer.settings;
        let lineage = self.lineage.clone().map_or_else(|| Lineage::first(settings), Ok)?;
        let mut access = self.draft(TokenKind::Access, lineage.issued_at)?;
        access.expires_at = within(access.expires_at, lineage.family_ends);
        access.family = Some(lineage.family);
        let made = lineage.refresh_issued_at;
        let idle_end = made.saturating_add(lineage.idle);
        let refresh = Draft {
            kind: TokenKind::Refresh,
            id: lineage.refresh_id,
            csrf: access.csrf.is_some().then(random_id).transpose()?,
            issued_at: made,
            expires_at: within(Some(idle_end), lineage.family_ends),
            generation: lineage.generation,
            ..access.clone()
        };
        Ok([access, refresh])
    }
}

/// No token outlives its session: else a session's end would give back what was revoked.
#[allow(clippy::unnecessary_wraps, reason = "the type of a draft's field")]
fn within(expires_at: Option<Duration>, family_ends: Duration) -> Option<Duration> {
    Some(expires_at.map_or(family_ends, |at| at.min(family_ends)))
}

fn scope_text(carried: Option<String>, scopes: &[String]) -> Result<Option<String>, AuthError> {
    // `scope` is a list separated by spaces (RFC 6749 §3.3): a name with a space would be two.
    let is_scope = |name: &String| {
        !name.is_empty() && name.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
    };
    if !scopes.iter().all(is_scope) {
        return Err(AuthError::cannot_issue(
            "a scope is printable ASCII without space, quote and backslash (RFC 6749 §3.3)",
        ));
    }
    Ok(carried.or_else(|| (!scopes.is_empty()).then(|| scopes.join(" "))))
}

fn custom_members(
    mut carried: Vec<(String, String)>,
    claims: Map<String, Value>,
) -> Vec<(String, String)> {
    carried.extend(claims.into_iter().map(|(name, value)| (name, value.to_string())));
    carried
}

impl<K> fmt::Debug for TokenBuilder<'_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenBuilder").field("fresh", &self.wanted.fresh).finish_non_exhaustive()
    }
}
