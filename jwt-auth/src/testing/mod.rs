//! For tests: of your routes, of services that trust an issuer, and of stores of your own.
//!
//! The [guide](crate::guide::testing) shows them together.

mod assert_guarded;
mod assert_manifest;
mod bad_token;
mod conformance;
mod model;
mod shared_keys;
mod test_auth;
mod test_issuer;
mod used_ids;

pub use assert_guarded::assert_guarded;
pub use assert_manifest::assert_manifest;
pub use bad_token::BadToken;
pub use conformance::store_conformance;
pub use test_auth::TestAuth;
pub use test_issuer::TestIssuer;

/// The time at which the clocks of tests start: a second of the year 2033.
const START: u64 = 2_000_000_000;
