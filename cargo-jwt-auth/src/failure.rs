//! How a command ends without success.

use std::fmt::Display;
use std::io;

/// Each kind has an exit code of its own.
#[derive(Debug)]
pub(crate) enum Failure {
    /// 1: the answer is no.
    Refused(String),
    /// 2: it could not be done.
    Usage(String),
    /// The reader of stdout has gone away.
    ClosedPipe,
}

impl Failure {
    pub(crate) fn usage(reason: impl Display) -> Self {
        Self::Usage(reason.to_string())
    }

    pub(crate) fn refused(reason: impl Display) -> Self {
        Self::Refused(reason.to_string())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::ClosedPipe;
        }
        Self::usage(error)
    }
}
