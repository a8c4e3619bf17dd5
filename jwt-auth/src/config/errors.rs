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
    /// The function runs for the refusals of guards and extractors, and for errors that handlers return.
    ///
    /// It receives the head of the refused request, or of an empty request if the [`JwtAuth`](crate::JwtAuth) that
    /// returned the error was not extracted from one. An error that no `JwtAuth` created, such as an
    /// [`AuthError::forbidden`] that a handler returns, gets the default response.
    ///
    /// Inside the function, `error.clone().into_response()` returns the default response.
    ///
    /// ```
    /// use axum::response::IntoResponse;
    /// use jwt_auth::Config;
    ///
    /// let config = Config::hs256([7; 32]).on_error(|error, parts| {
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

    /// The key of the sentence in the body of an error.
    ///
    /// Default: `detail`, as in `FastAPI`.
    ///
    /// ```
    /// # use jwt_auth::Config;
    /// # let config = || Config::hs256([7; 32]);
    /// assert!(config().error_body_key("message").build().is_ok());
    /// assert!(config().error_body_key("code").build().is_err(), "`code` is in every body");
    /// ```
    pub fn error_body_key(mut self, key: impl Into<String>) -> Self {
        self.web.errors.body_key = key.into();
        self
    }

    /// Responds as another framework does. Default: none; responses follow RFC 6750.
    ///
    /// ```
    /// use jwt_auth::{Compat, Config};
    ///
    /// assert!(Config::hs256([7; 32]).compat(Compat::FastApiJwtAuth).build().is_ok());
    /// ```
    pub fn compat(mut self, compat: Compat) -> Self {
        self.web.errors.compat = Some(compat);
        self
    }
}
