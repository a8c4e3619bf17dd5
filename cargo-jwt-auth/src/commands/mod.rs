//! The commands.

pub(crate) mod completions;
pub(crate) mod doctor;
pub(crate) mod init;
pub(crate) mod inspect;
pub(crate) mod issuer;
pub(crate) mod key;
pub(crate) mod routes;
pub(crate) mod token;
pub(crate) mod verify;
