//! Errors of the request path, and what the web layer needs to render them.

mod auth_error;
mod contain;
mod context;
mod hint;
mod kind;
mod refused_token;
mod rules;
mod unknown_name;

pub use auth_error::AuthError;
pub(crate) use auth_error::{Demand, DpopChallenge, Refusal};
pub(crate) use contain::{contain, contain_async};
pub use context::Compat;
pub(crate) use context::{ErrorContext, ErrorSettings, RenderingScope};
pub use kind::AuthErrorKind;
pub(crate) use refused_token::Mismatch;
pub use refused_token::RefusedToken;
pub use rules::Verdict;
pub use unknown_name::UnknownName;
pub(crate) use unknown_name::one_of;

/// Any error, boxed: the error type of the application's own functions.
///
/// `?` converts every [`std::error::Error`], `String`, `&str` and `anyhow::Error` into it.
///
/// ```
/// use jwt_auth::errors::BoxError;
///
/// fn quota(text: &str) -> Result<u64, BoxError> {
///     if text.is_empty() {
///         return Err("no quota".into());
///     }
///     Ok(text.parse()?)
/// }
///
/// assert!(quota("7").is_ok());
/// assert!(quota("seven").is_err());
/// ```
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
