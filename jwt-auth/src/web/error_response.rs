//! The only place where an error becomes a response, and where a refusal gets its settings and its request.

use std::cell::Cell;
use std::fmt::Write as _;
use std::sync::Arc;

use axum_core::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use serde::Serialize;

use crate::auth::JwtAuth;
use crate::config::TokenLocation;
use crate::error::{AuthError, AuthErrorKind, Demand, ErrorSettings, Refusal};
use crate::token::{IssuedToken, TokenPair};
use crate::token_kind::TokenKind;
use crate::web::compat;

thread_local! {
    /// Whether this thread is inside a hook.
    static IN_HOOK: Cell<bool> = const { Cell::new(false) };
}

impl JwtAuth {
    /// The same `JwtAuth`, with errors that are rendered for one request.
    pub(crate) fn for_request(self, parts: &Parts) -> Self {
        // The request is copied only if a hook reads it. The copy is never reused: a layer can change the request
        // between two extractors.
        let has_hook = self.web().errors.on_error.is_some();
        self.with_request(has_hook.then(|| Arc::new(parts.clone())))
    }
}

/// The error of a refused request: the refusal with its sentence, the settings, and the request.
pub(crate) fn refuse(
    refusal: Refusal,
    auth: &JwtAuth,
    parts: &Parts,
    kind: TokenKind,
    locations: &[TokenLocation],
) -> AuthError {
    let settings = auth.web();
    let refusal = match settings.errors.compat {
        Some(_) => compat::with_its_sentence(refusal, parts, settings, kind, locations),
        None => refusal,
    };
    refusal.attach(auth.clone().for_request(parts).context())
}

fn status(kind: AuthErrorKind) -> StatusCode {
    match kind {
        AuthErrorKind::AmbiguousRequest | AuthErrorKind::NotRevocable => StatusCode::BAD_REQUEST,
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
        // No token was sent, or the CSRF value is missing: another token would not help.
        AuthErrorKind::Missing | AuthErrorKind::CsrfMissing | AuthErrorKind::CsrfMismatch => None,
        AuthErrorKind::AmbiguousRequest | AuthErrorKind::NotRevocable => Some("invalid_request"),
        AuthErrorKind::InsufficientScope | AuthErrorKind::Forbidden => Some("insufficient_scope"),
        AuthErrorKind::FreshRequired | AuthErrorKind::ReauthenticationRequired => {
            Some("insufficient_user_authentication")
        }
        _ => Some("invalid_token"),
    }
}

fn challenge(error: &AuthError, scheme: &str) -> Option<HeaderValue> {
    let kind = error.kind();
    if matches!(
        kind,
        AuthErrorKind::Unavailable | AuthErrorKind::CannotIssue | AuthErrorKind::CrossSite
    ) {
        return None;
    }
    let mut text = scheme.to_owned();
    if let Some(code) = challenge_error(kind) {
        // The sentence of the kind, never a string from the application or the token (W6).
        let _ = write!(text, " error=\"{code}\", error_description=\"{}\"", kind.detail());
    }
    match error.demand() {
        Demand::Nothing => {}
        Demand::MaxAge(age) => {
            let _ = write!(text, ", max_age=\"{}\"", age.as_secs());
        }
        Demand::Scopes(names) => {
            let is_quotable = |name: &&String| {
                name.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\')
            };
            let names: Vec<_> = names.iter().filter(is_quotable).map(String::as_str).collect();
            let _ = write!(text, ", scope=\"{}\"", names.join(" "));
        }
    }
    HeaderValue::from_str(&text).ok()
}

/// The response of the application's hook, if there is one.
fn hook_response(error: &AuthError) -> Option<Response> {
    /// Ends the call of the hook, also when it panics.
    struct Call;
    impl Drop for Call {
        fn drop(&mut self) {
            IN_HOOK.set(false);
        }
    }

    let context = error.context()?;
    let hook = context.settings.on_error.as_ref()?;
    IN_HOOK.set(true);
    let _call = Call;
    Some(match &context.request {
        Some(parts) => hook(error, parts),
        None => hook(error, &http::Request::new(()).into_parts().0),
    })
}

/// The response without a hook.
fn default_response(error: &AuthError) -> Response {
    let kind = error.kind();
    let defaults = ErrorSettings::default();
    let settings = error.context().map_or(&defaults, |context| &*context.settings);
    let detail = match kind {
        // A mistake of the application is for the log, not for the client.
        AuthErrorKind::CannotIssue => kind.detail(),
        _ => error.detail(),
    };
    let key = settings.body_key.as_str();
    let (status, body) = if settings.compat.is_some() {
        let status = compat::status(kind).unwrap_or_else(|| status(kind));
        (status, serde_json::json!({ key: detail }))
    } else {
        (status(kind), serde_json::json!({ "code": error.code(), key: detail }))
    };
    let mut response = (status, body.to_string()).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let scheme = settings.scheme.as_deref().unwrap_or("Bearer");
    if let Some(challenge) =
        challenge(error, scheme).filter(|_| status != StatusCode::UNPROCESSABLE_ENTITY)
    {
        headers.insert(WWW_AUTHENTICATE, challenge);
    }
    if kind == AuthErrorKind::Unavailable {
        headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

impl IntoResponse for AuthError {
    fn into_response(self) -> Response {
        // A hook that renders an error gets the default response: otherwise it would call itself.
        if IN_HOOK.get() {
            return default_response(&self);
        }
        if self.kind() == AuthErrorKind::CannotIssue {
            tracing::error!(target: "jwt_auth", reason = self.detail(), "a token could not be issued");
        } else {
            tracing::debug!(target: "jwt_auth", code = self.code(), reason = self.detail(), "refused");
        }
        hook_response(&self).unwrap_or_else(|| default_response(&self))
    }
}

/// JSON with `Cache-Control: no-store` (RFC 6749 §5.1). If you wrap the value in `Json`, add the header yourself.
impl IntoResponse for TokenPair {
    fn into_response(self) -> Response {
        token_response(&self)
    }
}

/// JSON with `Cache-Control: no-store` (RFC 6749 §5.1). If you wrap the value in `Json`, add the header yourself.
impl IntoResponse for IssuedToken {
    fn into_response(self) -> Response {
        token_response(&self)
    }
}

fn token_response(tokens: &impl Serialize) -> Response {
    let Ok(body) = serde_json::to_string(tokens) else {
        return AuthError::from(AuthErrorKind::CannotIssue).into_response();
    };
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")];
    (headers, body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_status_and_a_challenge() {
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
            "account_refused 401 invalid_token",
            "scope_insufficient 403 insufficient_scope",
            "forbidden 403 insufficient_scope",
            "token_not_revocable 400 invalid_request",
            "store_unavailable 503 -",
            "cannot_issue 500 -",
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn w6_the_description_is_never_a_text_of_the_application() {
        let response = AuthError::forbidden("\"quote\" and more").into_response();
        let challenge = response.headers()[WWW_AUTHENTICATE].to_str().unwrap();
        assert_eq!(
            challenge,
            "Bearer error=\"insufficient_scope\", error_description=\"This request is not allowed\""
        );
    }
}
