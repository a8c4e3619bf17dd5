//! Guards: they run before everything else in a handler, and decide whether it runs.
//!
//! Handlers get theirs from the attributes. A service that is no handler gets one as a value: [`required`].

mod admission;
mod check;
mod checked;
mod dpop;
mod extractors;
mod json_refresh_token;
mod log_out;
mod memo;
mod parameter;
mod policy;
mod poll_memo;
mod require;
mod user;

#[doc(hidden)]
pub use admission::Guard;
#[doc(hidden)]
pub use check::{
    AnyOf, Body, Check, CheckContext, CheckParameter, CheckRefusal, CheckResult, HasCheck,
    MayHaveCheck, NoBody, OfAccess, OfRefresh, PlainCheck, Proof, Refused, RefusedByApplication,
    Returned, ReturnedValue, RunCheck, RunChecks, ServiceChecks, is_same_function,
};
#[doc(hidden)]
pub use checked::Checked;
#[doc(hidden)]
pub use extractors::HoldsJwtAuth;
#[doc(hidden)]
pub use json_refresh_token::JsonRefreshToken;
#[doc(hidden)]
pub use log_out::LogOut;
pub(crate) use memo::{RenewalSlot, RequestMemo};
#[doc(hidden)]
pub use parameter::{ChecksOf, NoChecks, OtherParameter, Parameter, Probe};
#[doc(hidden)]
pub use policy::{Access, GuardKind, GuardSpec, Policy, Public, Refresh};
pub(crate) use poll_memo::WithPollMemo;
#[doc(hidden)]
pub use require::Require;
pub use require::{ServiceGuard, required};
#[doc(hidden)]
pub use user::{CurrentUser, LoadUser};
