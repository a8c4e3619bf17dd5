//! `JwtAuth`: issues, verifies, refreshes and revokes tokens.

mod authenticate;
mod ended;
mod handle;
mod renew;
mod revoke;
mod rotate;
mod rotation;

pub use authenticate::Lookup;
pub(crate) use authenticate::Requirements;
pub use handle::JwtAuth;
pub use rotation::Rotation;
