//! The application's own functions that are asked while tokens are made and read.

use std::any::Any;
use std::fmt::Display;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::claims::TokenKind;
use crate::config::Config;
use crate::error::{AuthError, AuthErrorKind};
use crate::revocation::{StoreError, TokenIdentity};

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// An `async fn` of the application's, or a closure that returns a future; sealed by what it is.
#[diagnostic::on_unimplemented(
    message = "a hook is an `async fn`, and `{Self}` is none of the right shape",
    note = "write `async fn hook(subject: &str) -> Result<…, …>`, or a closure whose parameter has its type: `|token: &TokenIdentity<'_>| {{ … async move {{ … }} }}`"
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

/// A source of the application's own that knows what was revoked.
pub(crate) trait Denylist: Send + Sync {
    fn holds<'a>(&'a self, token: &'a TokenIdentity<'a>)
    -> BoxFuture<'a, Result<bool, StoreError>>;
}

/// What the application adds to a token, for a subject.
pub(crate) trait Additional: Send + Sync {
    fn members<'a>(
        &'a self,
        subject: &'a str,
    ) -> BoxFuture<'a, Result<Map<String, Value>, AuthError>>;
}

pub(crate) type ClaimsCheck = dyn Fn(&TokenIdentity<'_>, &Map<String, Value>) -> bool + Send + Sync;

/// Every hook that a configuration was given.
#[derive(Clone, Default)]
pub(crate) struct Hooks {
    pub(crate) denylist: Option<Arc<dyn Denylist>>,
    pub(crate) claims: Option<Arc<dyn Additional>>,
    pub(crate) headers: Option<Arc<dyn Additional>>,
    pub(crate) check: Option<Arc<ClaimsCheck>>,
}

/// A hook, and what its future resolves to.
struct Asked<F, T>(F, PhantomData<fn() -> T>);

impl<F, E> Denylist for Asked<F, E>
where
    F: for<'t> AsyncHook<&'t TokenIdentity<'t>, Output = Result<bool, E>>,
    E: Display + 'static,
{
    fn holds<'a>(
        &'a self,
        token: &'a TokenIdentity<'a>,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        let asked = self.0.call(token);
        Box::pin(async move { asked.await.map_err(StoreError::new) })
    }
}

impl<F, C, E> Additional for Asked<F, (C, E)>
where
    F: for<'s> AsyncHook<&'s str, Output = Result<C, E>>,
    C: Serialize + 'static,
    E: Display + 'static,
{
    fn members<'a>(
        &'a self,
        subject: &'a str,
    ) -> BoxFuture<'a, Result<Map<String, Value>, AuthError>> {
        let asked = self.0.call(subject);
        Box::pin(async move {
            let members = asked.await.map_err(|error| {
                let any: &dyn Any = &error;
                if let Some(refusal) = any.downcast_ref::<AuthError>() {
                    return refusal.clone();
                }
                tracing::warn!(target: "jwt_auth", %error, "a hook failed; no token is made");
                AuthError::from(AuthErrorKind::Unavailable)
            })?;
            match serde_json::to_value(members) {
                Ok(Value::Object(members)) => Ok(members),
                _ => Err(AuthError::cannot_issue("what a hook adds serialises as a JSON object")),
            }
        })
    }
}

impl Config {
    /// Asks a source of your own whether a token was revoked, after its signature, its claims and its CSRF
    /// value were checked, and after the [store](Self::revocation) was asked. Default: none.
    ///
    /// It has 250 ms; when it fails or takes longer the request is refused with 503, since nobody can vouch
    /// for the token. It is asked for every request, so a source that is far away costs its round trip.
    ///
    /// It is asked beside the store, and told nothing: [`log_out`](crate::JwtAuth::log_out) writes to the store
    /// alone, so write your own row as well. Nor does it make rotation durable: which refresh tokens were used
    /// is known to the store, and the default one forgets it with its process.
    ///
    /// ```
    /// use jwt_auth::{Config, TokenIdentity};
    ///
    /// async fn revoked(token: &TokenIdentity<'_>) -> Result<bool, std::io::Error> {
    ///     Ok(token.id() == Some("a stolen one")) // here you ask your database
    /// }
    ///
    /// let auth = Config::hs256([7; 32]).denylist(revoked).build()?;
    /// # drop(auth);
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn denylist<F, E>(mut self, revoked: F) -> Self
    where
        F: for<'t> AsyncHook<&'t TokenIdentity<'t>, Output = Result<bool, E>>,
        E: Display + 'static,
    {
        self.settings.hooks.denylist = Some(Arc::new(Asked(revoked, PhantomData)));
        self
    }

    /// The kinds of token that are looked up as revoked. Default: both. Leaving one out saves a look-up
    /// and lets revoked tokens of that kind in until they expire; a session that was ended still cannot be
    /// refreshed.
    ///
    /// ```
    /// use jwt_auth::{Config, TokenKind};
    ///
    /// let config = || Config::hs256([7; 32]);
    /// assert!(config().denylist_token_checks([TokenKind::Refresh]).build().is_ok());
    /// assert!(config().denylist_token_checks([]).build().is_err(), "that would revoke nothing");
    /// ```
    pub fn denylist_token_checks(mut self, kinds: impl IntoIterator<Item = TokenKind>) -> Self {
        self.settings.denylist_token_checks = kinds.into_iter().collect();
        self
    }

    /// Adds claims to every token that is made, for its subject: what your database knows of the user.
    /// Default: none.
    ///
    /// The hook is asked once for a log-in and once for each refresh, so that claims stay true; what a
    /// builder's `.claims(…)` says goes before. It may wait, so builders are awaited and not `issue`d: with
    /// a hook, [`issue`](crate::TokenBuilder::issue) is an error. When it fails no token is made and none is
    /// used up (503); an [`AuthError`] of its own stands as it is, such as
    /// [`UserUnknown`](AuthErrorKind::UserUnknown) for a user who is gone (401).
    ///
    /// ```
    /// use jwt_auth::Config;
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// async fn tenant(subject: &str) -> Result<serde_json::Value, std::io::Error> {
    ///     Ok(serde_json::json!({ "tenant": format!("{subject}'s") }))
    /// }
    ///
    /// let auth = Config::hs256([7; 32]).additional_claims(tenant).build()?;
    /// let token = auth.access_token("alice").await?;
    /// assert_eq!(auth.verify_access(&token).await?.claims()["tenant"], "alice's");
    /// assert!(auth.access_token("alice").issue().is_err(), "the hook could not be asked");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn additional_claims<F, C, E>(mut self, claims: F) -> Self
    where
        F: for<'s> AsyncHook<&'s str, Output = Result<C, E>>,
        C: Serialize + 'static,
        E: Display + 'static,
    {
        self.settings.hooks.claims = Some(additional(claims));
        self
    }

    /// Adds header parameters to every token that is made, as
    /// [`additional_claims`](Self::additional_claims) adds claims. Default: none.
    ///
    /// ```
    /// use jwt_auth::Config;
    ///
    /// async fn region(_: &str) -> Result<serde_json::Value, std::io::Error> {
    ///     Ok(serde_json::json!({ "region": "eu" }))
    /// }
    ///
    /// let auth = Config::hs256([7; 32]).additional_headers(region).build()?;
    /// # drop(auth);
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn additional_headers<F, C, E>(mut self, headers: F) -> Self
    where
        F: for<'s> AsyncHook<&'s str, Output = Result<C, E>>,
        C: Serialize + 'static,
        E: Display + 'static,
    {
        self.settings.hooks.headers = Some(additional(headers));
        self
    }

    /// A rule of your own over the claims of every token, of both kinds and on every route, asked last.
    /// Default: none. What it says no to is refused with 403, as by a route's own `check = …`.
    ///
    /// ```
    /// use jwt_auth::Config;
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let auth = Config::hs256([7; 32]).claims_check(|token, claims| {
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
        self.settings.hooks.check = Some(Arc::new(check));
        self
    }
}

fn additional<F, C, E>(hook: F) -> Arc<dyn Additional>
where
    F: for<'s> AsyncHook<&'s str, Output = Result<C, E>>,
    C: Serialize + 'static,
    E: Display + 'static,
{
    Arc::new(Asked(hook, PhantomData))
}
