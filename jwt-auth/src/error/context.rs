//! What the rendering of an error depends on: settings, and the refused request.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use axum_core::response::Response;
use http::HeaderValue;
use http::request::Parts;

use crate::error::AuthError;

/// A framework whose responses can be reproduced.
///
/// Clients that were written for that framework then continue to work.
///
/// ```
/// use jwt_auth::{Compat, Config, KeyMaterial};
///
/// let config = Config::hs256(KeyMaterial::ephemeral()).compat(Compat::FastApiJwtAuth);
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
    /// flask-jwt-extended 4.7.
    ///
    /// Its statuses (401 for an expired token, 422 for most other bad tokens) and sentences, bodies with `{"msg": …}` only,
    /// and cookie names without `__Host-`.
    FlaskJwtExtended,
}

impl Compat {
    pub(crate) const ALL: [(&'static str, Self); 2] = [
        ("fastapi-jwt-auth", Self::FastApiJwtAuth),
        ("flask-jwt-extended", Self::FlaskJwtExtended),
    ];
}

/// The application's function that replaces the whole response.
pub(crate) type ErrorHook = dyn Fn(&AuthError, &Parts) -> Response + Send + Sync;

/// The application's function that observes refusals.
pub(crate) type RefusalObserver = dyn Fn(&AuthError, &Parts) + Send + Sync;

/// How errors are rendered.
#[derive(Clone)]
pub(crate) struct ErrorSettings {
    /// The scheme of the challenge; `None` for a header that carries a bare token.
    pub(crate) scheme: Option<String>,
    /// The key of the sentence in a body, if the application sets it.
    pub(crate) body_key: Option<String>,
    pub(crate) compat: Option<Compat>,
    pub(crate) on_error: Option<Arc<ErrorHook>>,
    pub(crate) on_refusal: Option<Arc<RefusalObserver>>,
    /// Whether bodies are those of RFC 9457.
    pub(crate) has_problem_details: bool,
    /// The address of the document about this service (RFC 9728 §5.1).
    pub(crate) resource_metadata: Option<String>,
}

impl ErrorSettings {
    pub(crate) fn body_key(&self) -> &str {
        match (&self.body_key, self.compat) {
            (Some(key), _) => key,
            (None, Some(Compat::FlaskJwtExtended)) => "msg",
            (None, Some(Compat::FastApiJwtAuth) | None) => "detail",
        }
    }

    /// Whether rendering reads the refused request.
    pub(crate) fn read_request(&self) -> bool {
        self.on_error.is_some() || self.on_refusal.is_some() || self.has_problem_details
    }

    /// Whether an error without these settings would be rendered differently.
    pub(crate) fn differ_from_default(&self) -> bool {
        let default = Self::default();
        self.read_request()
            || self.compat.is_some()
            || self.scheme != default.scheme
            || self.resource_metadata.is_some()
            || self.body_key() != default.body_key()
    }
}

impl Default for ErrorSettings {
    fn default() -> Self {
        Self {
            scheme: Some("Bearer".to_owned()),
            body_key: None,
            compat: None,
            on_error: None,
            on_refusal: None,
            has_problem_details: false,
            resource_metadata: None,
        }
    }
}

impl fmt::Debug for ErrorSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ErrorSettings")
            .field("scheme", &self.scheme)
            .field("body_key", &self.body_key())
            .field("compat", &self.compat)
            .field("on_error", &self.on_error.is_some())
            .field("on_refusal", &self.on_refusal.is_some())
            .field("has_problem_details", &self.has_problem_details)
            .field("resource_metadata", &self.resource_metadata)
            .finish()
    }
}

/// Attached to an error, so that it renders the same wherever it is returned.
#[derive(Clone)]
pub(crate) struct ErrorContext {
    pub(crate) settings: Arc<ErrorSettings>,
    /// The request, if a hook wants to see it.
    pub(crate) request: Option<Arc<Parts>>,
    /// The `Set-Cookie` lines that delete the cookies of a session that is over.
    pub(crate) deleted_cookies: Option<Arc<[HeaderValue]>>,
}

thread_local! {
    static CURRENT: RefCell<RenderingScope> = const { RefCell::new(RenderingScope::new(false)) };
}

/// What the response of a request depends on, apart from its handler: the context of errors that the handler made
/// itself, and cookies to delete.
///
/// A guard sets it, and the future of the handler carries it from one poll to the next.
pub(crate) struct RenderingScope {
    /// Whether a future of a handler is polled, which reads the scope afterwards.
    is_entered: bool,
    context: Option<ErrorContext>,
    deleted_cookies: Vec<HeaderValue>,
}

impl RenderingScope {
    const fn new(is_entered: bool) -> Self {
        Self { is_entered, context: None, deleted_cookies: Vec::new() }
    }

    /// Runs one poll of the future that serves the request.
    pub(crate) fn enter<T>(&mut self, poll: impl FnOnce() -> T) -> T {
        /// Restores the scope of an outer future, also after a panic.
        struct Entered<'a>(&'a mut RenderingScope);
        impl Drop for Entered<'_> {
            fn drop(&mut self) {
                CURRENT.with_borrow_mut(|current| std::mem::swap(current, self.0));
            }
        }
        CURRENT.with_borrow_mut(|current| std::mem::swap(current, self));
        let _entered = Entered(self);
        poll()
    }

    /// Sets the context of the current poll, if a future of a handler is polled. Otherwise nothing would remove it.
    pub(crate) fn set_context(context: impl FnOnce() -> ErrorContext) {
        CURRENT.with_borrow_mut(|current| {
            if current.is_entered {
                current.context = Some(context());
            }
        });
    }

    /// The context of the current poll.
    pub(crate) fn context() -> Option<ErrorContext> {
        CURRENT.with_borrow(|current| current.context.clone())
    }

    /// Lets the response of the current poll delete cookies. Returns whether it will.
    pub(crate) fn delete_cookies(lines: impl IntoIterator<Item = HeaderValue>) -> bool {
        CURRENT.with_borrow_mut(|current| {
            if current.is_entered {
                for line in lines {
                    if !current.deleted_cookies.contains(&line) {
                        current.deleted_cookies.push(line);
                    }
                }
            }
            current.is_entered
        })
    }

    /// The `Set-Cookie` lines to add to the response.
    pub(crate) fn take_deleted_cookies(&mut self) -> Vec<HeaderValue> {
        std::mem::take(&mut self.deleted_cookies)
    }
}

impl Default for RenderingScope {
    fn default() -> Self {
        Self::new(true)
    }
}

impl fmt::Debug for RenderingScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RenderingScope").finish_non_exhaustive()
    }
}
