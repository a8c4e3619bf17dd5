//! Why a session ended, for connections that outlive their request.

use std::fmt;

use crate::error::AuthErrorKind;

/// Why a session ended.
///
/// ```
/// use jwt_auth::session::SessionEnd;
/// assert_eq!(SessionEnd::Expired.close_code(), 1008);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SessionEnd {
    /// The token expired.
    Expired,
    /// The token, its session, its subject's tokens or its key was revoked.
    Revoked,
    /// The store cannot check the token at the moment.
    Unavailable,
}

impl SessionEnd {
    /// The close code of a WebSocket: 1008, or 1013 if the store cannot check.
    ///
    /// 1008 is a policy violation, and 1013 asks the client to try again later (RFC 6455 §7.4.1).
    ///
    /// ```
    /// # use jwt_auth::session::SessionEnd;
    /// assert_eq!(SessionEnd::Revoked.close_code(), 1008);
    /// assert_eq!(SessionEnd::Unavailable.close_code(), 1013);
    /// ```
    pub const fn close_code(self) -> u16 {
        match self {
            Self::Expired | Self::Revoked => 1008,
            Self::Unavailable => 1013,
        }
    }

    /// One sentence for the peer.
    ///
    /// ```
    /// # use jwt_auth::session::SessionEnd;
    /// assert_eq!(SessionEnd::Revoked.reason(), "Token has been revoked");
    /// ```
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Expired => AuthErrorKind::Expired.detail(),
            Self::Revoked => AuthErrorKind::Revoked.detail(),
            Self::Unavailable => AuthErrorKind::Unavailable.detail(),
        }
    }
}

impl fmt::Display for SessionEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason())
    }
}
