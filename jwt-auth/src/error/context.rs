//! What the rendering of an error depends on: settings, and the refused request.

use std::fmt;
use std::sync::Arc;

use axum_core::response::Response;
use http::request::Parts;

use crate::error::AuthError;

/// A framework whose responses can be reproduced.
///
/// Clients that were written for that framework then continue to work.
///
/// ```
/// use jwt_auth::{Compat, Config};
///
/// let config = Config::hs256([7; 32]).compat(Compat::FastApiJwtAuth);
/// # drop(config);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compat {
    /// fastapi-jwt-auth 0.5.
    ///
    /// Its statuses (422 for most bad tokens) and sentences, bodies with `{"detail": …}` only, and cookie names
    /// without `__Host-`. A header with another scheme is refused instead of ignored.
    FastApiJwtAuth,
}

/// The application's function that replaces the whole response.
pub(crate) type ErrorHook = dyn Fn(&AuthError, &Parts) -> Response + Send + Sync;

/// How errors are rendered.
#[derive(Clone)]
pub(crate) struct ErrorSettings {
    /// The scheme of the challenge; `None` for a header that carries a bare token.
    pub(crate) scheme: Option<String>,
    pub(crate) body_key: String,
    pub(crate) compat: Option<Compat>,
    pub(crate) on_error: Option<Arc<ErrorHook>>,
}

impl Default for ErrorSettings {
    fn default() -> Self {
        Self {
            scheme: Some("Bearer".to_owned()),
            body_key: "detail".to_owned(),
            compat: None,
            on_error: None,
        }
    }
}

impl fmt::Debug for ErrorSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ErrorSettings")
            .field("scheme", &self.scheme)
            .field("body_key", &self.body_key)
            .field("compat", &self.compat)
            .field("on_error", &self.on_error.is_some())
            .finish()
    }
}

/// Attached to an error, so that it renders the same wherever it is returned.
#[derive(Clone)]
pub(crate) struct ErrorContext {
    pub(crate) settings: Arc<ErrorSettings>,
    /// The request, if a hook wants to see it.
    pub(crate) request: Option<Arc<Parts>>,
}
