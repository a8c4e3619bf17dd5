//! HTTP: where a token stands in a request, and how a refusal is answered.

mod location;
mod response;

pub(crate) use location::{Found, find};
pub(crate) use response::{kept, wants_request};
