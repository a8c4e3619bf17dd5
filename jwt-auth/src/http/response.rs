//! The one place where an error becomes a status, headers and a body.

use std::any::Any;
use std::fmt::Write as _;
use std::sync::Arc;

use axum_core::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderValue, StatusCode};

use crate::config::{Config, Settings};
use crate::error::{AuthError, AuthErrorKind, Demand};
use crate::http::compat;
use crate::issue::TokenPair;

type Hook = Box<dyn Fn(&AuthError, &Parts) -> Response + Send + Sync>;

/// The hook of a configuration, behind the `Any` that lower floors carry.
struct OnError(Hook);

impl Config {
    /// Replaces the whole answer to a refusal, everywhere: guards, extractors, and the errors that
    /// handlers return. Default: RFC 6750's statuses and challenges with a JSON body.
    ///
    /// The parts are those of the refused request. For an error of a [`JwtAuth`](crate::JwtAuth) that did
    /// not come from an extractor they are those of an empty request. An error that no `JwtAuth` made, such
    /// as [`AuthError::forbidden`] returned by a handler, knows of no hook and answers by default.
    ///
    /// ```
    /// use axum::response::IntoResponse;
    /// use jwt_auth::Config;
    ///
    /// let config = Config::hs256([7; 32]).on_error(|error, parts| {
    ///     (axum::http::StatusCode::UNAUTHORIZED, format!("{}: {}", parts.uri.path(), error.code())).into_response()
    /// });
    /// # drop(config);
    /// ```
    pub fn on_error(
        mut self,
        answer: impl Fn(&AuthError, &Parts) -> Response + Send + Sync + 'static,
    ) -> Self {
        self.settings.on_error = Some(Arc::new(OnError(Box::new(answer))));
        self
    }
}

/// Whether a refusal has to carry its request along, for the hook.
pub(crate) fn wants_request(settings: &Settings) -> bool {
    settings.on_error.is_some()
}

fn status(kind: AuthErrorKind) -> StatusCode {
    match kind {
        AuthErrorKind::AmbiguousRequest => StatusCode::BAD_REQUEST,
        AuthErrorKind::InsufficientScope | AuthErrorKind::Forbidden | AuthErrorKind::CrossSite => {
            StatusCode::FORBIDDEN
        }
        AuthErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        AuthErrorKind::CannotIssue => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::UNAUTHORIZED,
    }
}

/// The `error` of RFC 6750 §3.1 and RFC 9470 §3.
fn challenge_error(kind: AuthErrorKind) -> Option<&'static str> {
    match kind {
        // Nothing was sent, or the page's half of it was not: another token would not help.
        AuthErrorKind::Missing | AuthErrorKind::CsrfMissing | AuthErrorKind::CsrfMismatch => None,
        AuthErrorKind::AmbiguousRequest => Some("invalid_request"),
        AuthErrorKind::InsufficientScope | AuthErrorKind::Forbidden => Some("insufficient_scope"),
        AuthErrorKind::FreshRequired | AuthErrorKind::ReauthenticationRequired => {
            Some("insufficient_user_authentication")
        }
        _ => Some("invalid_token"),
    }
}

fn challenge(error: &AuthError, settings: Option<&Settings>) -> Option<HeaderValue> {
    let kind = error.kind();
    if matches!(
        kind,
        AuthErrorKind::Unavailable | AuthErrorKind::CannotIssue | AuthErrorKind::CrossSite
    ) {
        return None;
    }
    let scheme = settings.and_then(|settings| settings.header_type.as_deref()).unwrap_or("Bearer");
    let mut text = scheme.to_owned();
    if let Some(code) = challenge_error(kind) {
        // The sentence of the kind, never an application's or a token's text (W6).
        let _ = write!(text, " error=\"{code}\", error_description=\"{}\"", kind.detail());
    }
    match error.demand() {
        Demand::Nothing => {}
        Demand::MaxAge(age) => {
            let _ = write!(text, ", max_age=\"{}\"", age.as_secs());
        }
        Demand::Scopes(names) => {
            let plain = |name: &&String| {
                name.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\')
            };
            let names: Vec<_> = names.iter().filter(plain).map(String::as_str).collect();
            let _ = write!(text, ", scope=\"{}\"", names.join(" "));
        }
    }
    HeaderValue::from_str(&text).ok()
}

fn settings(error: &AuthError) -> Option<&Settings> {
    error.answer()[0].and_then(|settings| settings.downcast_ref())
}

fn hooked(error: &AuthError) -> Option<Response> {
    let hook = settings(error)?.on_error.as_ref()?.downcast_ref::<OnError>()?;
    let request: Option<&Parts> = error.answer()[1].and_then(|request| request.downcast_ref());
    Some(match request {
        Some(parts) => (hook.0)(error, parts),
        None => (hook.0)(error, &http::Request::new(()).into_parts().0),
    })
}

impl IntoResponse for AuthError {
    fn into_response(self) -> Response {
        if self.kind() == AuthErrorKind::CannotIssue {
            tracing::error!(target: "jwt_auth", reason = self.detail(), "a token could not be issued");
        } else {
            tracing::debug!(target: "jwt_auth", code = self.code(), reason = self.detail(), "refused");
        }
        if let Some(response) = hooked(&self) {
            return response;
        }
        let settings = settings(&self);
        let key = settings.map_or("detail", |settings| settings.error_body_key.as_str());
        let detail = match self.kind() {
            // What a developer got wrong is for the log, not for the client.
            AuthErrorKind::CannotIssue => AuthErrorKind::CannotIssue.detail(),
            _ => self.detail(),
        };
        let compat = settings.is_some_and(|settings| settings.compat.is_some());
        let (status, body) = if compat {
            let status = compat::status(self.kind()).unwrap_or_else(|| status(self.kind()));
            (status, serde_json::json!({ key: detail }))
        } else {
            (status(self.kind()), serde_json::json!({ "code": self.code(), key: detail }))
        };
        let mut response = (status, body.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(challenge) =
            challenge(&self, settings).filter(|_| status != StatusCode::UNPROCESSABLE_ENTITY)
        {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        if self.kind() == AuthErrorKind::Unavailable {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

/// As a response by itself a pair is JSON that no cache keeps (RFC 6749 §5.1); inside of `Json` that
/// header is yours to add.
impl IntoResponse for TokenPair {
    fn into_response(self) -> Response {
        let Ok(body) = serde_json::to_string(&self) else {
            return AuthError::from(AuthErrorKind::CannotIssue).into_response();
        };
        let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")];
        (headers, body).into_response()
    }
}

/// A request's head for the hook, behind the `Any` that lower floors carry.
pub(crate) fn kept(parts: &Parts) -> Arc<dyn Any + Send + Sync> {
    Arc::new(parts.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_mapped() {
        let mut seen = Vec::new();
        for kind in AuthErrorKind::ALL {
            let response = AuthError::from(kind).into_response();
            let challenge =
                response.headers().get(WWW_AUTHENTICATE).map(|v| v.to_str().unwrap().to_owned());
            let error = challenge.as_deref().and_then(|c| c.split('"').nth(1)).unwrap_or("-");
            seen.push(format!("{} {} {error}", kind.code(), response.status().as_u16()));
        }
        let expected = [
            "token_missing 401 -",
            "request_ambiguous 400 invalid_request",
            "token_malformed 401 invalid_token",
            "algorithm_not_allowed 401 invalid_token",
            "key_unknown 401 invalid_token",
            "signature_invalid 401 invalid_token",
            "token_expired 401 invalid_token",
            "token_not_yet_valid 401 invalid_token",
            "token_issued_in_the_future 401 invalid_token",
            "issuer_invalid 401 invalid_token",
            "audience_invalid 401 invalid_token",
            "access_token_required 401 invalid_token",
            "refresh_token_required 401 invalid_token",
            "claims_invalid 401 invalid_token",
            "token_revoked 401 invalid_token",
            "refresh_token_reused 401 invalid_token",
            "fresh_token_required 401 insufficient_user_authentication",
            "reauthentication_required 401 insufficient_user_authentication",
            "csrf_missing 401 -",
            "csrf_mismatch 401 -",
            "csrf_claim_missing 401 invalid_token",
            "request_cross_site 403 -",
            "user_unknown 401 invalid_token",
            "scope_insufficient 403 insufficient_scope",
            "forbidden 403 insufficient_scope",
            "store_unavailable 503 -",
            "cannot_issue 500 -",
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn w6_the_description_is_never_the_applications_text() {
        let response = AuthError::forbidden("\"quote\" and more").into_response();
        let challenge = response.headers()[WWW_AUTHENTICATE].to_str().unwrap();
        assert_eq!(
            challenge,
            "Bearer error=\"insufficient_scope\", error_description=\"This request is not allowed\""
        );
    }
}
