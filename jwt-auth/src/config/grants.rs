//! Grants: what the application gives a subject at each log-in and at each refresh.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::config::AsyncHook;
use crate::config::hooks::hook_failed;
use crate::error::{BoxError, Refusal};

/// When [`Config::grants`](crate::Config::grants) is called.
///
/// ```
/// use jwt_auth::config::GrantKind;
/// assert_ne!(GrantKind::LogIn, GrantKind::Rotation);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GrantKind {
    /// A log-in.
    LogIn,
    /// The rotation of a refresh token.
    Rotation,
    /// The renewal of an access cookie by [`JwtAuth::implicit_refresh`](crate::JwtAuth::implicit_refresh).
    ImplicitRefresh,
}

/// The question of [`Config::grants`](crate::Config::grants): which roles, scopes and claims does the new token get?
///
/// ```
/// use jwt_auth::config::{GrantRequest, Grants};
///
/// /// Gives a subject the roles that the database has for it now.
/// async fn current(request: &GrantRequest<'_>) -> Result<Option<Grants>, std::io::Error> {
///     Ok(match request.subject() {
///         "mallory" => None, // the account is locked
///         "alice" => Some(request.grants().roles(["admin"])),
///         _ => Some(request.grants()),
///     })
/// }
/// # let _ = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).grants(current);
/// ```
#[derive(Clone, Debug)]
pub struct GrantRequest<'a> {
    kind: GrantKind,
    subject: &'a str,
    session_id: &'a str,
    grants: Grants,
}

impl<'a> GrantRequest<'a> {
    pub(crate) fn new(
        kind: GrantKind,
        subject: &'a str,
        session_id: &'a str,
        grants: Grants,
    ) -> Self {
        Self { kind, subject, session_id, grants }
    }

    /// Whether this is a log-in or a refresh.
    ///
    /// ```
    /// # use jwt_auth::config::{GrantKind, GrantRequest};
    /// fn is_new(request: &GrantRequest<'_>) -> bool {
    ///     request.kind() == GrantKind::LogIn
    /// }
    /// ```
    pub fn kind(&self) -> GrantKind {
        self.kind
    }

    /// `sub`
    ///
    /// ```
    /// # use jwt_auth::config::GrantRequest;
    /// fn is_root(request: &GrantRequest<'_>) -> bool {
    ///     request.subject() == "root"
    /// }
    /// ```
    pub fn subject(&self) -> &'a str {
        self.subject
    }

    /// The id of the session.
    ///
    /// ```
    /// # use jwt_auth::config::GrantRequest;
    /// fn log(request: &GrantRequest<'_>) {
    ///     println!("{} in session {}", request.subject(), request.session_id());
    /// }
    /// ```
    pub fn session_id(&self) -> &'a str {
        self.session_id
    }

    /// The grants that the token gets otherwise: those of the previous token, or of the call.
    ///
    /// `log_in("alice").roles(["editor"])` names roles for this call.
    ///
    /// ```
    /// # use jwt_auth::config::{GrantRequest, Grants};
    /// fn unchanged(request: &GrantRequest<'_>) -> Grants {
    ///     request.grants()
    /// }
    /// ```
    pub fn grants(&self) -> Grants {
        self.grants.clone()
    }
}

/// The roles, scopes and custom claims of a new token.
///
/// ```
/// use jwt_auth::config::Grants;
///
/// let grants = Grants::default().roles(["editor"]).scopes(["notes:read"]);
/// assert_eq!(grants.current_roles(), ["editor"]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Grants {
    pub(crate) roles: Vec<String>,
    pub(crate) scopes: Vec<String>,
    claims: Map<String, Value>,
    /// Whether the claims that were given are no JSON object.
    is_invalid: bool,
}

impl Grants {
    pub(crate) fn new(roles: Vec<String>, scopes: Vec<String>, claims: Map<String, Value>) -> Self {
        Self { roles, scopes, claims, is_invalid: false }
    }

    /// Replaces the roles.
    ///
    /// ```
    /// # use jwt_auth::config::Grants;
    /// let grants = Grants::default().roles(["editor"]).roles(["reader"]);
    /// assert_eq!(grants.current_roles(), ["reader"]);
    /// ```
    #[must_use]
    pub fn roles<R: Into<String>>(mut self, roles: impl IntoIterator<Item = R>) -> Self {
        self.roles = roles.into_iter().map(Into::into).collect();
        self
    }

    /// Replaces the scopes.
    ///
    /// ```
    /// # use jwt_auth::config::Grants;
    /// assert_eq!(Grants::default().scopes(["notes:read"]).current_scopes(), ["notes:read"]);
    /// ```
    #[must_use]
    pub fn scopes<R: Into<String>>(mut self, scopes: impl IntoIterator<Item = R>) -> Self {
        self.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// Replaces the custom claims, by a value that serialises as a JSON object.
    ///
    /// Anything else is an error of the log-in or the refresh
    /// ([`CannotIssue`](crate::AuthErrorKind::CannotIssue)), and so is a reserved name.
    ///
    /// ```
    /// # use jwt_auth::config::Grants;
    /// let grants = Grants::default().claims(&serde_json::json!({ "tenant": 7 }));
    /// assert_eq!(grants.current_claims()["tenant"], 7);
    /// ```
    #[must_use]
    pub fn claims<C: Serialize + ?Sized>(mut self, claims: &C) -> Self {
        match serde_json::to_value(claims) {
            Ok(Value::Object(claims)) => self.claims = claims,
            _ => self.is_invalid = true,
        }
        self
    }

    /// The roles so far.
    ///
    /// ```
    /// # use jwt_auth::config::{GrantRequest, Grants};
    /// fn without_admin(request: &GrantRequest<'_>) -> Grants {
    ///     let grants = request.grants();
    ///     let roles: Vec<_> = grants.current_roles().iter().filter(|role| *role != "admin").cloned().collect();
    ///     grants.roles(roles)
    /// }
    /// ```
    pub fn current_roles(&self) -> &[String] {
        &self.roles
    }

    /// The scopes so far.
    ///
    /// ```
    /// # use jwt_auth::config::Grants;
    /// assert!(Grants::default().current_scopes().is_empty());
    /// ```
    pub fn current_scopes(&self) -> &[String] {
        &self.scopes
    }

    /// The custom claims so far.
    ///
    /// ```
    /// # use jwt_auth::config::Grants;
    /// assert!(Grants::default().current_claims().is_empty());
    /// ```
    pub fn current_claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    pub(crate) fn into_claims(self) -> Result<Map<String, Value>, Refusal> {
        if self.is_invalid {
            return Err(Refusal::cannot_issue(
                "the claims of the grants do not serialise as a JSON object",
            ));
        }
        Ok(self.claims)
    }
}

type Answer<'a> = Pin<Box<dyn Future<Output = Result<Option<Grants>, Refusal>> + Send + 'a>>;

/// The application's grants; `None` refuses the account.
pub(crate) trait GrantsHook: Send + Sync {
    fn grants<'a>(&'a self, request: &'a GrantRequest<'a>) -> Answer<'a>;
}

/// A hook, with the type of its error.
struct Typed<F, E>(F, PhantomData<fn() -> E>);

impl<F, E> GrantsHook for Typed<F, E>
where
    F: for<'r> AsyncHook<&'r GrantRequest<'r>, Output = Result<Option<Grants>, E>>,
    E: Into<BoxError> + 'static,
{
    fn grants<'a>(&'a self, request: &'a GrantRequest<'a>) -> Answer<'a> {
        let answer = self.0.call(request);
        Box::pin(async move { answer.await.map_err(|error| hook_failed(error.into())) })
    }
}

/// The hook as the configuration holds it.
pub(super) fn shared<F, E>(grants: F) -> Arc<dyn GrantsHook>
where
    F: for<'r> AsyncHook<&'r GrantRequest<'r>, Output = Result<Option<Grants>, E>>,
    E: Into<BoxError> + 'static,
{
    Arc::new(Typed(grants, PhantomData))
}
