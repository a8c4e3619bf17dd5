//! Paths for generated code. Nothing here is for people, and anything may change.

pub use core;

pub use crate::auth::{JwtAuth, Lookup};
use crate::config::Config;
use crate::config::ConfigProblem;
pub use crate::config::{ConfigError, TokenLocation, variables};
pub use crate::error::AuthError;
pub use crate::guard::{
    Access, Guard, GuardKind, GuardSpec, OtherParameter, Parameter, Permission, Policy, Probe,
    Proof, Public, Refresh, settle,
};

/// What a function under `#[load_config]` may return.
#[diagnostic::on_unimplemented(
    message = "`#[load_config]` goes on a function that returns a configuration, and `{Self}` is none",
    label = "not a configuration",
    note = "return `Config`, `Result<Config, E>`, or a type of yours that implements `Into<Config>`"
)]
pub trait Loaded<Marker> {
    /// The configuration, or what kept it from being read.
    ///
    /// # Errors
    ///
    /// The user's own error, as one problem.
    fn into_config(self) -> Result<Config, ConfigError>;
}

/// By `Into<Config>`.
#[derive(Debug)]
pub enum Direct {}
/// By a `Result`.
#[derive(Debug)]
pub enum Fallible {}

#[diagnostic::do_not_recommend]
impl<T: Into<Config>> Loaded<Direct> for T {
    fn into_config(self) -> Result<Config, ConfigError> {
        Ok(self.into())
    }
}

#[diagnostic::do_not_recommend]
impl<T, E> Loaded<Fallible> for Result<T, E>
where
    T: Into<Config>,
    E: core::fmt::Display + 'static,
{
    fn into_config(self) -> Result<Config, ConfigError> {
        self.map(Into::into).map_err(|error| {
            let any: &dyn core::any::Any = &error;
            any.downcast_ref::<ConfigError>().cloned().unwrap_or_else(|| {
                ConfigError::new(vec![ConfigProblem::new(
                    "load_config",
                    error.to_string(),
                    "mend what the function under `#[load_config]` reports",
                )])
            })
        })
    }
}

/// Builds what a function under `#[load_config]` returned.
///
/// # Errors
///
/// Every problem at once.
pub fn build<M, T: Loaded<M>>(loaded: T) -> Result<JwtAuth, ConfigError> {
    loaded.into_config()?.build()
}
