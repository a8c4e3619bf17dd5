//! HTTP: where a token stands in a request, whose request it is, and how it is answered.

mod compat;
mod cookie;
mod csrf;
mod location;
mod response;

pub use cookie::SetCookies;

pub(crate) use compat::worded;
pub(crate) use csrf::{FormValue, compare, presented};
pub(crate) use location::{Found, concerns_query, find};
pub(crate) use response::{kept, wants_request};
