//! One line of the decisions: an event in words.

use jwt_auth::AuthErrorKind;
use jwt_auth::events::{AuthEvent, RequestLine};
use serde::Serialize;

/// One line of the decisions.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Decision {
    /// `allowed`, `refused`, or `event` for what belongs to no request.
    what: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    why: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    todo: Option<&'static str>,
}

impl Decision {
    pub(crate) fn of(event: AuthEvent) -> Self {
        match event {
            AuthEvent::Admitted { guard, request } => {
                Self::about("allowed", request.as_ref(), format!("the {guard} token was accepted"))
            }
            AuthEvent::Refused { code, status, request } => {
                let kind = AuthErrorKind::ALL.into_iter().find(|kind| kind.code() == code);
                let why = kind.map_or(code, AuthErrorKind::detail);
                Self {
                    status: Some(status),
                    code: Some(code),
                    todo: kind.map(AuthErrorKind::hint),
                    ..Self::about("refused", request.as_ref(), why.to_owned())
                }
            }
            other => Self::about("event", None, words(&other)),
        }
    }

    fn about(what: &'static str, line: Option<&RequestLine>, why: String) -> Self {
        Self {
            what,
            method: line.map(|line| line.method().to_owned()),
            path: line.map(|line| line.path().to_owned()),
            status: None,
            code: None,
            why,
            todo: None,
        }
    }
}

/// An event that belongs to no request.
fn words(event: &AuthEvent) -> String {
    match event {
        AuthEvent::LoggedIn => "a user logged in".to_owned(),
        AuthEvent::Issued { kind } => format!("one {kind} token was issued"),
        AuthEvent::Refreshed => "a session was refreshed".to_owned(),
        AuthEvent::Reused => "a refresh token was used twice, and its session ended".to_owned(),
        AuthEvent::Revoked { what } => format!("tokens were revoked: {}", what.name()),
        AuthEvent::KeyCreated { algorithm } => format!("a key was created: {algorithm}"),
        AuthEvent::StoreFailed { source } => {
            format!("{source} failed, and requests are refused with 503")
        }
        AuthEvent::StoreRecovered { source } => format!("{source} answers again"),
        AuthEvent::IssuerFetched { issuer, succeeded: true } => {
            format!("the keys of {issuer} were fetched")
        }
        AuthEvent::IssuerFetched { issuer, succeeded: false } => {
            format!("the keys of {issuer} could not be fetched")
        }
        AuthEvent::Lost { count } => format!("{count} events were too fast for this page"),
        other => format!("{other:?}"),
    }
}
