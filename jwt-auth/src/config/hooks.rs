//! Hooks: the application's own functions that run while tokens are issued and verified.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::config::grants::{self, GrantsHook};
use crate::config::{Config, GrantRequest, Grants};
use crate::error::{AuthErrorKind, BoxError, Refusal};
use crate::session::TokenIdentity;

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// An `async fn` of the application, or a closure that returns a future.
///
/// It is implemented for all of these functions. You never implement it yourself.
///
/// ```
/// use jwt_auth::{Config, KeyMaterial, TokenIdentity};
///
/// async fn is_revoked(token: &TokenIdentity<'_>) -> Result<bool, String> {
///     Ok(token.subject() == "mallory")
/// }
///
/// # let config = || Config::hs256(KeyMaterial::ephemeral());
/// assert!(config().denylist(is_revoked).build().is_ok());
/// let closure = |token: &TokenIdentity<'_>| {
///     let is_revoked = token.subject() == "mallory";
///     async move { Ok::<_, String>(is_revoked) }
/// };
/// assert!(config().denylist(closure).build().is_ok());
/// ```
#[diagnostic::on_unimplemented(
    message = "expected an async function with the parameter of this hook, found `{Self}`",
    label = "not an async function",
    note = "write `async fn hook(subject: &str) -> Result<…, …>`, or a closure with the type of its parameter: `|token: &TokenIdentity<'_>| {{ … async move {{ … }} }}`"
)]
pub trait AsyncHook<Argument>: Send + Sync + 'static {
    /// What the future resolves to.
    type Output;
    /// The future.
    type Future: Future<Output = Self::Output> + Send;
    /// Calls the hook.
    fn call(&self, argument: Argument) -> Self::Future;
}

impl<F, Argument, Fut> AsyncHook<Argument> for F
where
    F: Fn(Argument) -> Fut + Send + Sync + 'static,
    Fut: Future + Send,
{
    type Output = Fut::Output;
    type Future = Fut;

    fn call(&self, argument: Argument) -> Fut {
        self(argument)
    }
}

/// A function of the application that answers a question about a token: whether it is revoked, or whether its claims are
/// acceptable.
pub(crate) trait TokenQuery: Send + Sync {
    fn answer<'a>(&'a self, token: &'a TokenIdentity<'a>) -> BoxFuture<'a, Result<bool, BoxError>>;
}

/// The claims or headers that the application adds to the tokens of a subject.
pub(crate) trait Additional: Send + Sync {
    fn members<'a>(
        &'a self,
        subject: &'a str,
    ) -> BoxFuture<'a, Result<Map<String, Value>, Refusal>>;
}

pub(crate) type ClaimsCheck = dyn Fn(&TokenIdentity<'_>, &Map<String, Value>) -> bool + Send + Sync;

pub(crate) type ReuseHook = dyn Fn(&str, &str) + Send + Sync;

/// The hooks of a configuration.
#[derive(Clone, Default)]
pub(crate) struct Hooks {
    pub(crate) denylist: Option<Arc<dyn TokenQuery>>,
    pub(crate) claims: Option<Arc<dyn Additional>>,
    pub(crate) headers: Option<Arc<dyn Additional>>,
    pub(crate) check: Option<Arc<ClaimsCheck>>,
    pub(crate) async_check: Option<Arc<dyn TokenQuery>>,
    pub(crate) grants: Option<Arc<dyn GrantsHook>>,
    pub(crate) reuse: Option<Arc<ReuseHook>>,
}

impl Hooks {
    /// Whether issuing a token must wait for a hook.
    pub(crate) fn run_while_issuing(&self) -> bool {
        self.claims.is_some() || self.headers.is_some()
    }

    /// Whether verifying a token runs a hook.
    pub(crate) fn run_while_verifying(&self) -> bool {
        self.denylist.is_some() || self.check.is_some() || self.async_check.is_some()
    }
}

/// A hook, with the type that its future resolves to.
struct Typed<F, T>(F, PhantomData<fn() -> T>);

impl<F, E> TokenQuery for Typed<F, E>
where
    F: for<'t> AsyncHook<&'t TokenIdentity<'t>, Output = Result<bool, E>>,
    E: Into<BoxError> + 'static,
{
    fn answer<'a>(&'a self, token: &'a TokenIdentity<'a>) -> BoxFuture<'a, Result<bool, BoxError>> {
        let answer = self.0.call(token);
        Box::pin(async move { answer.await.map_err(Into::into) })
    }
}

impl<F, C, E> Additional for Typed<F, (C, E)>
where
    F: for<'s> AsyncHook<&'s str, Output = Result<C, E>>,
    C: Serialize + 'static,
    E: Into<BoxError> + 'static,
{
    fn members<'a>(
        &'a self,
        subject: &'a str,
    ) -> BoxFuture<'a, Result<Map<String, Value>, Refusal>> {
        let answer = self.0.call(subject);
        Box::pin(async move {
            let members = answer.await.map_err(|error| hook_failed(error.into()))?;
            match serde_json::to_value(members) {
                Ok(Value::Object(members)) => Ok(members),
                _ => Err(Refusal::cannot_issue(
                    "additional claims or headers do not serialise as a JSON object",
                )),
            }
        })
    }
}

pub(super) fn hook_failed(error: BoxError) -> Refusal {
    if !error.is::<crate::error::AuthError>() {
        tracing::warn!(target: "jwt_auth", %error, "a hook failed, so no token is issued");
    }
    Refusal::from_application(error, AuthErrorKind::Unavailable)
}

/// # Hooks
///
/// Functions of the application that run while tokens are issued and verified. Their errors may be any
/// [`std::error::Error`], a `String`, a `&str` or an `anyhow::Error` ([`BoxError`]).
impl Config {
    /// Checks tokens against the application's own list of revoked tokens.
    ///
    /// Default: none.
    ///
    /// It runs for every request, after the signature, the claims, the CSRF value and the
    /// [store](Self::revocation) were checked. If it fails or takes longer than
    /// [`denylist_deadline`](Self::denylist_deadline), the request is refused with 503, because the token may be
    /// revoked.
    ///
    /// [`log_out`](crate::JwtAuth::log_out) and the other revocations write only to the store; write to your list
    /// as well. The list does not make rotation durable: the store remembers which refresh tokens were used, and
    /// the default store loses that at a restart.
    ///
    /// ```
    /// use jwt_auth::{Config, KeyMaterial, TokenIdentity};
    ///
    /// async fn is_revoked(token: &TokenIdentity<'_>) -> Result<bool, std::io::Error> {
    ///     Ok(token.id() == Some("a-stolen-jti")) // query your database here
    /// }
    ///
    /// let auth = Config::hs256(KeyMaterial::ephemeral()).denylist(is_revoked).build()?;
    /// # drop(auth);
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn denylist<F, E>(mut self, is_revoked: F) -> Self
    where
        F: for<'t> AsyncHook<&'t TokenIdentity<'t>, Output = Result<bool, E>>,
        E: Into<BoxError> + 'static,
    {
        self.hooks.denylist = Some(Arc::new(Typed(is_revoked, PhantomData)));
        self
    }

    /// Adds claims to every issued token, for its subject. Default: none.
    ///
    /// For example the tenant or the plan that a database has for the user.
    ///
    /// The hook runs once for a log-in and once for each refresh, so the claims stay current. A builder's
    /// `.claims(…)` takes precedence. Because the hook is async, `.await` every builder:
    /// [`issue`](crate::token::TokenBuilder::issue) returns an error. If the hook fails, no token is issued and no
    /// refresh token is used up (503). An [`AuthError`](crate::AuthError) from the hook keeps its kind, such as
    /// [`UserUnknown`](AuthErrorKind::UserUnknown) for a deleted user (401).
    ///
    /// ```
    /// use jwt_auth::{Config, KeyMaterial};
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// async fn tenant(subject: &str) -> Result<serde_json::Value, std::io::Error> {
    ///     Ok(serde_json::json!({ "tenant": format!("{subject}'s") }))
    /// }
    ///
    /// let auth = Config::hs256(KeyMaterial::ephemeral()).additional_claims(tenant).build()?;
    /// let token = auth.access_token("alice").await?;
    /// assert_eq!(auth.verify_access(&token).await?.claims()["tenant"], "alice's");
    /// assert!(auth.access_token("alice").issue().is_err(), "`.await` it, so that the hook can run");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn additional_claims<F, C, E>(mut self, claims: F) -> Self
    where
        F: for<'s> AsyncHook<&'s str, Output = Result<C, E>>,
        C: Serialize + 'static,
        E: Into<BoxError> + 'static,
    {
        self.hooks.claims = Some(Arc::new(Typed(claims, PhantomData)));
        self
    }

    /// Adds header parameters to every issued token. Default: none.
    ///
    /// It works like [`additional_claims`](Self::additional_claims).
    ///
    /// ```
    /// use jwt_auth::{Config, KeyMaterial};
    ///
    /// async fn region(_: &str) -> Result<serde_json::Value, std::io::Error> {
    ///     Ok(serde_json::json!({ "region": "eu" }))
    /// }
    ///
    /// let auth = Config::hs256(KeyMaterial::ephemeral()).additional_headers(region).build()?;
    /// # drop(auth);
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn additional_headers<F, C, E>(mut self, headers: F) -> Self
    where
        F: for<'s> AsyncHook<&'s str, Output = Result<C, E>>,
        C: Serialize + 'static,
        E: Into<BoxError> + 'static,
    {
        self.hooks.headers = Some(Arc::new(Typed(headers, PhantomData)));
        self
    }

    /// Decides at each log-in and at each refresh what the new token may do. Default: what the call or the previous
    /// token says.
    ///
    /// Without it, a user who loses a role has it until the session ends, and a deleted user can still refresh. The hook
    /// is called before a log-in registers its session, before a rotation uses the refresh token up, and before
    /// [`implicit_refresh`](crate::JwtAuth::implicit_refresh) renews a cookie. It gets the [`GrantRequest`], and returns
    /// the [`Grants`] of the new token. `Ok(None)` refuses the account: the session ends, and the response is 401
    /// `account_refused`. If the hook fails, no token is issued and none is used up (503). An
    /// [`AuthError`](crate::AuthError) from the hook is returned as it is, and does not end the session.
    ///
    /// Tokens of [`access_token`](crate::JwtAuth::access_token), [`token_pair`](crate::JwtAuth::token_pair) and
    /// [`refresh_token`](crate::JwtAuth::refresh_token) are issued without the hook; their first rotation calls it.
    ///
    /// ```
    /// use jwt_auth::config::{GrantRequest, Grants};
    /// use jwt_auth::{AuthErrorKind, Config, KeyMaterial};
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// async fn grants(request: &GrantRequest<'_>) -> Result<Option<Grants>, std::io::Error> {
    ///     if request.subject() == "mallory" {
    ///         return Ok(None); // query your database here
    ///     }
    ///     Ok(Some(request.grants().roles(["editor"])))
    /// }
    ///
    /// let auth = Config::hs256(KeyMaterial::ephemeral()).grants(grants).build()?;
    /// let pair = auth.log_in("alice").await?;
    /// assert!(auth.verify_access(pair.access_token()).await?.roles().eq(["editor"]));
    /// let error = auth.log_in("mallory").await.unwrap_err();
    /// assert_eq!(error.kind(), AuthErrorKind::AccountRefused);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn grants<F, E>(mut self, hook: F) -> Self
    where
        F: for<'r> AsyncHook<&'r GrantRequest<'r>, Output = Result<Option<Grants>, E>>,
        E: Into<BoxError> + 'static,
    {
        self.hooks.grants = Some(grants::shared(hook));
        self
    }

    /// Calls a function at each reuse of a refresh token. Default: none.
    ///
    /// It gets the subject, and the id of the session that ended. Either the user or a thief used a token again, and both are logged out. The event `refresh_token_reused` is logged
    /// in any case; use the hook to notify the user. It must not block: spawn a task for anything that waits.
    ///
    /// ```
    /// use jwt_auth::{Config, KeyMaterial, ManualClock};
    /// use std::sync::mpsc;
    /// # use std::time::Duration;
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// # let clock = ManualClock::at(1_700_000_000);
    /// let (sender, reused) = mpsc::channel();
    /// let auth = Config::hs256(KeyMaterial::ephemeral())
    /// #   .clock(clock.clone())
    ///     .on_reuse(move |subject, session| drop(sender.send(format!("{subject} in {session}"))))
    ///     .build()?;
    /// # let pair = auth.log_in("alice").await?;
    /// # auth.rotate(auth.verify_refresh(pair.refresh_token()).await?).await?;
    /// # clock.advance(Duration::from_secs(60));
    /// # assert!(auth.rotate(auth.verify_refresh(pair.refresh_token()).await?).await.is_err());
    /// # assert!(reused.try_recv()?.starts_with("alice in "));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn on_reuse(mut self, notify: impl Fn(&str, &str) + Send + Sync + 'static) -> Self {
        self.hooks.reuse = Some(Arc::new(notify));
        self
    }

    /// Checks the claims of every token. Default: none.
    ///
    /// It runs for tokens of both kinds and on every route, after all other rules. `false` refuses the request
    /// with 403, as a route's own `check = …` does.
    ///
    /// ```
    /// use jwt_auth::{Config, KeyMaterial};
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let auth = Config::hs256(KeyMaterial::ephemeral()).claims_check(|token, claims| {
    ///     token.subject() != "root" && claims.get("tenant").is_none_or(|tenant| tenant == "ours")
    /// });
    /// let auth = auth.build()?;
    /// let token = auth.access_token("root").issue()?;
    /// assert!(auth.verify_access(&token).await.is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn claims_check(
        mut self,
        check: impl Fn(&TokenIdentity<'_>, &Map<String, Value>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.hooks.check = Some(Arc::new(check));
        self
    }

    /// Checks the claims of every token, with an async function. Default: none.
    ///
    /// It runs where [`claims_check`](Self::claims_check) does, and after it; [`TokenIdentity::claims`] has the claims.
    /// `Ok(false)` refuses the request with 403. An error, or an answer that is later than
    /// [`hook_deadline`](Self::hook_deadline), refuses it with 503.
    ///
    /// ```
    /// use jwt_auth::{Config, KeyMaterial, TokenIdentity};
    ///
    /// async fn has_paid(token: &TokenIdentity<'_>) -> Result<bool, std::io::Error> {
    ///     let claims = token.claims();
    ///     Ok(claims.get("plan").is_none_or(|plan| plan != "expired")) // or a query
    /// }
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
    /// let auth = Config::hs256(KeyMaterial::ephemeral()).async_claims_check(has_paid).build()?;
    /// let token = auth.access_token("alice").claims(&serde_json::json!({ "plan": "expired" })).issue()?;
    /// assert_eq!(auth.verify_access(&token).await.unwrap_err().code(), "forbidden");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn async_claims_check<F, E>(mut self, check: F) -> Self
    where
        F: for<'t> AsyncHook<&'t TokenIdentity<'t>, Output = Result<bool, E>>,
        E: Into<BoxError> + 'static,
    {
        self.hooks.async_check = Some(Arc::new(Typed(check, PhantomData)));
        self
    }
}
