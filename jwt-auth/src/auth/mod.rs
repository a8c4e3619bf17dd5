//! `JwtAuth`: issues, verifies, refreshes and revokes tokens.

mod authenticate;
mod description;
mod ended;
mod handle;
mod introspect;
mod key_rotation;
mod keys;
mod renew;
mod revoke;
mod rotate;
mod rotation;
mod start;

pub use authenticate::Lookup;
pub(crate) use authenticate::{Progress, Requirements};
pub use handle::JwtAuth;
pub use keys::Keys;
pub use rotation::Rotation;
