//! What a function under `#[load_config]` may return, for the code that the attribute generates.

use std::error::Error;

use crate::config::{Config, ConfigError, ConfigProblem};

/// What a function under `#[load_config]` may return.
#[diagnostic::on_unimplemented(
    message = "`#[load_config]` goes on a function that returns a configuration, but this one returns `{Self}`",
    label = "expected a configuration",
    note = "return `Config`, `Result<Config, E>`, or your own type that implements `Into<Config>`"
)]
pub trait Loaded<Marker> {
    /// The configuration, or the error of the function.
    ///
    /// # Errors
    ///
    /// The function's error, as one problem.
    fn into_config(self) -> Result<Config, ConfigError>;
}

/// Marks a return type that implements `Into<Config>`.
#[derive(Debug)]
pub enum Direct {}
/// Marks a `Result`, by the way its error is converted.
#[derive(Debug)]
pub struct Fallible<Marker>(Marker);
/// Marks an error that implements `Into<Box<dyn Error>>`.
#[derive(Debug)]
pub enum AnyError {}
/// Marks `Box<dyn Error + Send + Sync>`, which does not.
#[derive(Debug)]
pub enum SendError {}

#[diagnostic::do_not_recommend]
impl<T: Into<Config>> Loaded<Direct> for T {
    fn into_config(self) -> Result<Config, ConfigError> {
        Ok(self.into())
    }
}

#[diagnostic::do_not_recommend]
impl<T, E, M> Loaded<Fallible<M>> for Result<T, E>
where
    T: Into<Config>,
    E: IntoConfigError<M>,
{
    fn into_config(self) -> Result<Config, ConfigError> {
        self.map(Into::into).map_err(IntoConfigError::into_config_error)
    }
}

/// The error of a function under `#[load_config]`.
#[diagnostic::on_unimplemented(
    message = "`#[load_config]` cannot report the error `{Self}`",
    label = "not an error",
    note = "return an error that implements `std::error::Error`, a `String`, or a `Box<dyn Error>`"
)]
pub trait IntoConfigError<Marker> {
    /// A [`ConfigError`] as it is; any other error as one problem.
    fn into_config_error(self) -> ConfigError;
}

#[diagnostic::do_not_recommend]
impl<E: Into<Box<dyn Error>>> IntoConfigError<AnyError> for E {
    fn into_config_error(self) -> ConfigError {
        self.into().downcast::<ConfigError>().map_or_else(|error| problem(&*error), |error| *error)
    }
}

#[diagnostic::do_not_recommend]
impl IntoConfigError<SendError> for Box<dyn Error + Send + Sync> {
    fn into_config_error(self) -> ConfigError {
        self.downcast::<ConfigError>().map_or_else(|error| problem(&*error), |error| *error)
    }
}

fn problem(error: &dyn Error) -> ConfigError {
    ConfigError::new(vec![ConfigProblem::new(
        "load_config",
        error.to_string(),
        "fix what the function under `#[load_config]` reports",
    )])
}

/// The configuration that a function under `#[load_config]` returned.
///
/// # Errors
///
/// The error of the function.
pub fn load<M, T: Loaded<M>>(loaded: T) -> Result<Config, ConfigError> {
    loaded.into_config()
}
