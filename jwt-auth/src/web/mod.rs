//! The web layer: where a request carries its token, CSRF protection, cookies, and how errors are rendered.

mod compat;
mod cookies;
mod csrf;
mod error_response;
mod location;
mod original_uri;
mod stale_cookies;

pub use cookies::SetCookies;
pub(crate) use csrf::{
    FormValue, compare_csrf, is_foreign, is_from_another_origin, presented_csrf,
};
#[cfg(feature = "testing")]
pub(crate) use error_response::OurRefusal;
pub(crate) use error_response::refuse;
pub(crate) use location::{FoundToken, concerns_query, cookie_value, cookie_values, find_token};
pub(crate) use original_uri::original_uri;
