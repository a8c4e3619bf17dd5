#![doc = include_str!("../README.md")]
//!
//! # What a document gets
//!
//! | of the route | in the document |
//! |---|---|
//! | a guard | `security`: one alternative for each location of the token, with the scopes; `any_scope("a", "b")` has one for each scope |
//! | a guard whose locations the settings do not describe | the scheme `access_other` or `refresh_other`; never an empty `security` |
//! | `optional` | also the empty alternative `{}` |
//! | `#[public]` | `security: []`, written out, so that no default of the document applies |
//! | a guard | the responses 401 and 503, and 403 where the guard has a scope, a role or a check; those that you describe yourself stay |
//! | a token in a cookie | the header that repeats the CSRF value, for methods that change something |
//! | the rest | `x-jwt-auth`, with what OpenAPI has no words for: roles, `fresh`, `max_age`, the check … |
//!
//! [`OpenApiRouter`] builds router and document together. For a document that is built another way,
//! [`describe`](DescribeManifest::describe) adds the same, and returns what does not match. [`document`] needs the routes
//! alone.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod describe;
mod document;
mod documented;
mod drift;
mod operation;
mod router;
mod schemes;

pub use describe::DescribeManifest;
pub use document::document;
pub use documented::Documented;
pub use drift::Drift;
pub use router::OpenApiRouter;
pub use schemes::Schemes;

/// Paths for the macro. Not public API.
#[doc(hidden)]
pub mod __private {
    pub use utoipa_axum;
}
