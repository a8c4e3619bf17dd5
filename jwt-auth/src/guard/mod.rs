//! Guards: extractors that run before every other one, and decide whether a handler runs.

mod admission;
mod check;
mod extractors;
mod log_out;
mod memo;
mod parameter;
mod permission;
mod policy;
mod user;

pub use admission::Guard;
pub use check::{Proof, settle};
pub use extractors::HoldsJwtAuth;
pub use log_out::LogOut;
pub(crate) use memo::{RenewalSlot, RequestMemo};
pub use parameter::{OtherParameter, Parameter, Probe};
pub use permission::Permission;
pub use policy::{Access, GuardKind, GuardSpec, Policy, Public, Refresh};
pub use user::{CurrentUser, LoadUser};
