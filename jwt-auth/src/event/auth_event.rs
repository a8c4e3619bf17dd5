//! `AuthEvent`: one thing that happened.

use crate::token_kind::TokenKind;

/// One thing that happened to a token, a request or a part that they depend on.
///
/// It contains no token, no id of one, and no claim. [`JwtAuth::events`](crate::JwtAuth::events) delivers events; the guide's
/// chapter on [operating](crate::guide::operating) lists them with their fields in the log and their metrics.
///
/// ```
/// use jwt_auth::events::AuthEvent;
///
/// fn alarm(event: &AuthEvent) -> bool {
///     matches!(event, AuthEvent::Reused | AuthEvent::StoreFailed { .. })
/// }
/// # assert!(alarm(&AuthEvent::Reused));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthEvent {
    /// A guard admitted a request. It is delivered to listeners and counted, and not logged.
    Admitted {
        /// `access` or `refresh`.
        guard: &'static str,
        /// The request; `None` if there was no listener.
        request: Option<RequestLine>,
    },
    /// A request was refused.
    Refused {
        /// The code of the response.
        code: &'static str,
        /// Its status.
        status: u16,
        /// The request; `None` if there was no listener.
        request: Option<RequestLine>,
    },
    /// A user logged in: a session began.
    LoggedIn,
    /// A token was issued.
    Issued {
        /// Its kind.
        kind: TokenKind,
    },
    /// A session was refreshed.
    Refreshed,
    /// A refresh token was used twice, and its session ended.
    Reused,
    /// Tokens were revoked.
    Revoked {
        /// What was revoked.
        what: RevokedWhat,
    },
    /// A signing key was created.
    KeyCreated {
        /// The name of its algorithm.
        algorithm: &'static str,
    },
    /// The store, or another source on which answers depend, failed: requests are refused with 503.
    StoreFailed {
        /// Which one.
        source: &'static str,
    },
    /// It answers again.
    StoreRecovered {
        /// Which one.
        source: &'static str,
    },
    /// The keys of a trusted issuer were fetched, or could not be.
    IssuerFetched {
        /// The issuer, as it is configured.
        issuer: String,
        /// Whether the fetch succeeded. The keys may be the same as before.
        succeeded: bool,
    },
    /// This listener was more than 1024 events behind, and the oldest are lost to it. They were still logged and counted.
    Lost {
        /// How many.
        count: u64,
    },
}

/// The first line of a request, without its query.
///
/// ```
/// let line = jwt_auth::events::RequestLine::new("GET", "/notes");
/// assert_eq!((line.method(), line.path()), ("GET", "/notes"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestLine {
    method: String,
    path: String,
}

impl RequestLine {
    /// A method and a path.
    ///
    /// ```
    /// let line = jwt_auth::events::RequestLine::new("GET", "/notes");
    /// # drop(line);
    /// ```
    pub fn new(method: impl Into<String>, path: impl Into<String>) -> Self {
        Self { method: method.into(), path: path.into() }
    }

    /// The method.
    ///
    /// ```
    /// assert_eq!(jwt_auth::events::RequestLine::new("GET", "/notes").method(), "GET");
    /// ```
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The path, as the client sent it, without the query.
    ///
    /// ```
    /// assert_eq!(jwt_auth::events::RequestLine::new("GET", "/notes").path(), "/notes");
    /// ```
    pub fn path(&self) -> &str {
        &self.path
    }
}

/// What a revocation ended.
///
/// ```
/// assert_eq!(jwt_auth::events::RevokedWhat::Session.name(), "session");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RevokedWhat {
    /// One token.
    Token,
    /// One session.
    Session,
    /// Every token of a subject.
    Subject,
    /// Every token of a key.
    Key,
    /// Every token.
    Everything,
}

impl RevokedWhat {
    /// As the log and the metrics name it.
    ///
    /// ```
    /// assert_eq!(jwt_auth::events::RevokedWhat::Key.name(), "key");
    /// ```
    pub const fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Session => "session",
            Self::Subject => "subject",
            Self::Key => "key",
            Self::Everything => "everything",
        }
    }
}
