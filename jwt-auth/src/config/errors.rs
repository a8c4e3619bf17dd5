//! Options of errors: how a refusal is rendered.

use std::sync::Arc;

use axum_core::response::Response;
use http::request::Parts;

use crate::config::Config;
use crate::error::{AuthError, Compat};

/// # Errors
///
/// How a refusal becomes a response. Default: the statuses and challenges of RFC 6750, with a JSON body.
impl Config {
    /// Replaces the whole response to a refusal. Default: none.
    ///
    /// The function runs for the refusals of guards and extractors, and for errors that handlers return. An error that a
    /// handler made itself, such as [`AuthError::forbidden`], is included if its route is in a
    /// [`GuardedRouter`](crate::GuardedRouter), or below a [`NoStoreLayer`](crate::layer::NoStoreLayer).
    ///
    /// It receives the head of the refused request with the URI that the client sent, also below `nest`; or an empty
    /// request if the [`JwtAuth`](crate::JwtAuth) that returned the error was not extracted from one.
    ///
    /// Inside the function, [`error.default_response()`](AuthError::default_response) and
    /// `error.clone().into_response()` return the default response, and never call the function again. If it panics, the
    /// default response is sent, and the panic is logged. The deletion of the cookies of a session that is over is added
    /// to its response.
    ///
    /// ```
    /// use axum::response::IntoResponse;
    /// use jwt_auth::{Config, KeyMaterial};
    ///
    /// let config = Config::hs256(KeyMaterial::ephemeral()).on_error(|error, parts| {
    ///     (axum::http::StatusCode::UNAUTHORIZED, format!("{}: {}", parts.uri.path(), error.code())).into_response()
    /// });
    /// # drop(config);
    /// ```
    pub fn on_error(
        mut self,
        respond: impl Fn(&AuthError, &Parts) -> Response + Send + Sync + 'static,
    ) -> Self {
        self.web.errors.on_error = Some(Arc::new(respond));
        self
    }

    /// Observes every refusal, for metrics or an audit log. Default: none.
    ///
    /// The function runs where [`on_error`](Self::on_error) would, and before it; it changes nothing. It sees the refused
    /// token ([`AuthError::token`]) and what was [expected](AuthError::expected) and [found](AuthError::found), once the
    /// signature of the token was checked. If it panics, the panic is logged.
    ///
    /// ```
    /// use jwt_auth::{Config, KeyMaterial};
    /// use std::sync::atomic::{AtomicU64, Ordering};
    ///
    /// static REFUSED: AtomicU64 = AtomicU64::new(0);
    ///
    /// let config = Config::hs256(KeyMaterial::ephemeral()).on_refusal(|error, request| {
    ///     REFUSED.fetch_add(1, Ordering::Relaxed);
    ///     let subject = error.token().map(|token| token.subject());
    ///     println!("{} {} {subject:?} {:?}", request.method, error.code(), error.expected());
    /// });
    /// # drop(config);
    /// ```
    pub fn on_refusal(
        mut self,
        observe: impl Fn(&AuthError, &Parts) + Send + Sync + 'static,
    ) -> Self {
        self.web.errors.on_refusal = Some(Arc::new(observe));
        self
    }

    /// Renders errors as `application/problem+json` (RFC 9457). Default: a JSON object of two members.
    ///
    /// The body has `type`, a stable URL that explains the code; `title`; `status`; `detail`; `instance`, the path of the
    /// request without its query; and `code`. It cannot be combined with [`compat`](Self::compat).
    ///
    /// ```
    /// use jwt_auth::{Compat, Config, KeyMaterial};
    ///
    /// let config = || Config::hs256(KeyMaterial::ephemeral()).problem_details();
    /// assert!(config().build().is_ok());
    /// assert!(config().compat(Compat::FastApiJwtAuth).build().is_err());
    /// ```
    pub fn problem_details(mut self) -> Self {
        self.web.errors.has_problem_details = true;
        self
    }

    /// The key of the sentence in the body of an error.
    ///
    /// Default: `detail`, as in `FastAPI`; `msg` under [`Compat::FlaskJwtExtended`].
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial};
    /// # let config = || Config::hs256(KeyMaterial::ephemeral());
    /// assert!(config().error_body_key("message").build().is_ok());
    /// assert!(config().error_body_key("code").build().is_err(), "`code` is in every body");
    /// ```
    pub fn error_body_key(mut self, key: impl Into<String>) -> Self {
        self.web.errors.body_key = Some(key.into());
        self
    }

    /// Responds as another framework does. Default: none; responses follow RFC 6750.
    ///
    /// Statuses, sentences and bodies become those of the framework, cookies lose `__Host-`, and ids of tokens become
    /// UUIDs. What is refused stays refused. The chapters [for users of
    /// fastapi-jwt-auth](crate::guide::coming_from_fastapi_jwt_auth) and [of
    /// flask-jwt-extended](crate::guide::coming_from_flask_jwt_extended) list what differs.
    ///
    /// ```
    /// use jwt_auth::{Compat, Config, KeyMaterial};
    ///
    /// assert!(Config::hs256(KeyMaterial::ephemeral()).compat(Compat::FastApiJwtAuth).build().is_ok());
    /// ```
    pub fn compat(mut self, compat: Compat) -> Self {
        self.web.errors.compat = Some(compat);
        self
    }
}
