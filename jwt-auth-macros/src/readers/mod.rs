//! Readers: each checks one kind of argument and turns it into a value.

mod audience;
mod checks;
mod duration;
mod flag;
mod locations;
mod path;
mod permissions;
mod revocation;

pub(crate) use audience::read_audience;
pub(crate) use checks::{Checks, read_checks};
pub(crate) use duration::read_duration;
pub(crate) use flag::read_flag;
pub(crate) use locations::read_locations;
pub(crate) use path::read_path;
pub(crate) use permissions::read_permissions;
pub(crate) use revocation::{Revocation, read_danger, read_revocation};
