//! The only place where an error becomes a response, and where a refusal gets its settings and its request.

use std::cell::Cell;
use std::sync::Arc;

use axum_core::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, SET_COOKIE, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::{Value, json};

use crate::auth::JwtAuth;
use crate::config::{CsrfSettings, TokenLocation};
use crate::error::{
    AuthError, AuthErrorKind, Demand, ErrorContext, ErrorSettings, Refusal, RefusedToken,
    RenderingScope, contain,
};
use crate::event::{AuthEvent, RequestLine, emit, has_listeners};
use crate::token::{IssuedToken, TokenPair};
use crate::token_kind::TokenKind;
use crate::web::original_uri::original_uri;
use crate::web::stale_cookies::stray_cookies;
use crate::web::{compat, find_token};

/// The page that explains each code, with the code as its anchor.
const PROBLEM_TYPES: &str = "https://docs.rs/jwt-auth/latest/jwt_auth/guide/why_401/index.html";

/// Marks the refusals of this crate, so that a test can distinguish them from responses of a handler.
#[cfg(feature = "testing")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct OurRefusal;

thread_local! {
    /// Whether this thread is inside a hook.
    static IN_HOOK: Cell<bool> = const { Cell::new(false) };
}

impl JwtAuth {
    /// The same `JwtAuth`, with errors that are rendered for one request.
    pub(crate) fn for_request(self, parts: &Parts) -> Self {
        let request = self.request_for_hooks(parts);
        self.with_request(request)
    }

    /// The context of errors that are rendered for one request.
    pub(crate) fn context_for(&self, parts: &Parts) -> ErrorContext {
        ErrorContext { request: self.request_for_hooks(parts), ..self.context() }
    }

    /// The request, if a hook reads it.
    fn request_for_hooks(&self, parts: &Parts) -> Option<Arc<Parts>> {
        // The request is copied only if a hook reads it. The copy is never reused: a layer can change the request
        // between two extractors.
        let is_read = self.web().errors.read_request() || has_listeners();
        let as_sent = || {
            let mut sent = parts.clone();
            sent.uri = original_uri(parts).clone();
            Arc::new(sent)
        };
        is_read.then(as_sent)
    }

    /// Lets the errors that the handler of this request makes itself be rendered with these settings, and the response
    /// delete the cookies of an earlier configuration.
    pub(crate) fn prepare_response(&self, parts: &Parts) {
        if self.web().has_own_errors {
            RenderingScope::set_context(|| self.context_for(parts));
        }
        self.delete_previous_cookies(parts);
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
        Some(compat) => {
            compat::with_its_sentence(compat, refusal, parts, settings, kind, locations)
        }
        None if refusal.kind() == AuthErrorKind::CsrfMissing => {
            let sentence = missing_csrf(&settings.csrf, kind);
            refusal.with_detail(sentence.into())
        }
        None => refusal,
    };
    let mut context = auth.context_for(parts);
    let mut deleted = Vec::new();
    if refusal.ends_session() {
        let found = find_token(parts, settings, kind, locations);
        if matches!(found, Ok(Some(found)) if found.location == TokenLocation::Cookie) {
            deleted = auth.deleted_cookies();
        }
    } else if refusal.kind() == AuthErrorKind::AmbiguousRequest {
        deleted = stray_cookies(parts, settings, kind);
    }
    if !deleted.is_empty() && !RenderingScope::delete_cookies(deleted.iter().cloned()) {
        context.deleted_cookies = Some(deleted.into());
    }
    refusal.attach(context)
}

fn missing_csrf(csrf: &CsrfSettings, kind: TokenKind) -> String {
    // As people write it: `X-CSRF-Token`, not `x-csrf-token`.
    let header = csrf.header_text(kind);
    match &csrf.form_field {
        Some(field) => format!(
            "Missing CSRF token; expected the header `{header}` or the form field `{field}`"
        ),
        None => format!("Missing CSRF token; expected the header `{header}`"),
    }
}

fn status(kind: AuthErrorKind) -> StatusCode {
    match kind {
        AuthErrorKind::AmbiguousRequest | AuthErrorKind::NotRevocable => StatusCode::BAD_REQUEST,
        AuthErrorKind::InsufficientScope | AuthErrorKind::Forbidden | AuthErrorKind::CrossSite => {
            StatusCode::FORBIDDEN
        }
        AuthErrorKind::NotFound => StatusCode::NOT_FOUND,
        AuthErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        AuthErrorKind::CannotIssue => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::UNAUTHORIZED,
    }
}

/// The `error` of RFC 6750 §3.1, RFC 9470 §3 and RFC 9449 §7.1.
fn challenge_error(kind: AuthErrorKind) -> Option<&'static str> {
    match kind {
        // No token was sent, or the CSRF value is missing: another token would not help.
        AuthErrorKind::Missing | AuthErrorKind::CsrfMissing | AuthErrorKind::CsrfMismatch => None,
        AuthErrorKind::AmbiguousRequest | AuthErrorKind::NotRevocable => Some("invalid_request"),
        AuthErrorKind::InvalidDpopProof => Some("invalid_dpop_proof"),
        AuthErrorKind::DpopNonceRequired => Some("use_dpop_nonce"),
        AuthErrorKind::InsufficientScope | AuthErrorKind::Forbidden => Some("insufficient_scope"),
        AuthErrorKind::FreshRequired | AuthErrorKind::ReauthenticationRequired => {
            Some("insufficient_user_authentication")
        }
        _ => Some("invalid_token"),
    }
}

fn challenge_of(
    error: &AuthError,
    scheme: &str,
    resource_metadata: Option<&str>,
) -> Option<HeaderValue> {
    let kind = error.kind();
    if matches!(
        kind,
        AuthErrorKind::Unavailable
            | AuthErrorKind::CannotIssue
            | AuthErrorKind::CrossSite
            | AuthErrorKind::NotFound
    ) {
        return None;
    }
    // One string, because a flood of bad tokens costs this for each of them.
    let mut line = String::with_capacity(160);
    line.push_str(scheme);
    let mut separator = " ";
    let mut add = |name: &str, value: &str| {
        for part in [separator, name, "=\"", value, "\""] {
            line.push_str(part);
        }
        separator = ", ";
    };
    if let Some(code) = challenge_error(kind) {
        add("error", code);
        // The sentence of the kind, never a string from the application or the token (W6).
        add("error_description", kind.detail());
    }
    match error.demand() {
        Demand::Nothing => {}
        Demand::MaxAge(age) => add("max_age", &age.as_secs().to_string()),
        Demand::Scopes(names) => {
            let is_quotable = |name: &&String| {
                name.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\')
            };
            let names: Vec<_> = names.iter().filter(is_quotable).map(String::as_str).collect();
            add("scope", &names.join(" "));
        }
    }
    if let Some(dpop) = error.dpop() {
        add("algs", &dpop.algorithms);
    }
    if let Some(url) = resource_metadata {
        add("resource_metadata", url);
    }
    HeaderValue::from_str(&line).ok()
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
    let settings = &context.settings;
    if settings.on_error.is_none() && settings.on_refusal.is_none() {
        return None;
    }
    let empty;
    let parts = if let Some(parts) = &context.request {
        parts
    } else {
        empty = http::Request::new(()).into_parts().0;
        &empty
    };
    IN_HOOK.set(true);
    let _call = Call;
    if let Some(observe) = &settings.on_refusal {
        let _ = contain("on_refusal", || observe(error, parts));
    }
    settings.on_error.as_ref().and_then(|hook| contain("on_error", || hook(error, parts)).ok())
}

/// The body of a refusal, in the order of its members.
struct ErrorBody<'a> {
    code: Option<&'static str>,
    /// The name of the member with the sentence.
    key: &'a str,
    text: &'a str,
    hint: Option<String>,
}

impl Serialize for ErrorBody<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(None)?;
        if let Some(code) = self.code {
            members.serialize_entry("code", code)?;
        }
        members.serialize_entry(self.key, self.text)?;
        if let Some(hint) = &self.hint {
            members.serialize_entry("hint", hint)?;
        }
        members.end()
    }
}

impl AuthError {
    /// The status of the default response.
    ///
    /// ```
    /// use jwt_auth::{AuthError, AuthErrorKind};
    /// assert_eq!(AuthError::from(AuthErrorKind::Expired).status(), 401);
    /// assert_eq!(AuthError::forbidden("Your account is suspended").status(), 403);
    /// ```
    pub fn status(&self) -> StatusCode {
        let compat = self.settings(|settings| settings.compat);
        let of_compat = compat.and_then(|compat| compat::status(compat, self.kind()));
        of_compat.unwrap_or_else(|| status(self.kind()))
    }

    /// The value of `WWW-Authenticate` in the default response (RFC 6750 §3), if it has one.
    ///
    /// ```
    /// use jwt_auth::{AuthError, AuthErrorKind};
    /// let challenge = AuthError::from(AuthErrorKind::Missing).challenge();
    /// assert_eq!(challenge.expect("401 has one"), "Bearer");
    /// ```
    pub fn challenge(&self) -> Option<HeaderValue> {
        if self.status() == StatusCode::UNPROCESSABLE_ENTITY {
            return None;
        }
        self.settings(|settings| {
            let usual = settings.scheme.as_deref().unwrap_or("Bearer");
            let scheme = if self.dpop().is_some() { "DPoP" } else { usual };
            challenge_of(self, scheme, settings.resource_metadata.as_deref())
        })
    }

    /// The response that no hook has changed.
    ///
    /// Use it in [`Config::on_error`](crate::Config::on_error), to change a part of it.
    ///
    /// ```
    /// use jwt_auth::{Config, KeyMaterial};
    ///
    /// let config = Config::hs256(KeyMaterial::ephemeral()).on_error(|error, _| {
    ///     let mut response = error.default_response();
    ///     response.headers_mut().insert("x-error", error.code().parse().expect("a header value"));
    ///     response
    /// });
    /// # drop(config);
    /// ```
    pub fn default_response(&self) -> Response {
        let kind = self.kind();
        let detail = match kind {
            // A mistake of the application is for the log, not for the client.
            AuthErrorKind::CannotIssue => kind.detail(),
            _ => self.detail(),
        };
        let status = self.status();
        let (content_type, body) = self.settings(|settings| {
            let hint = cfg!(debug_assertions) && settings.compat.is_none();
            let hint = hint.then(|| self.hint());
            if settings.has_problem_details {
                return ("application/problem+json", self.problem(detail, hint).to_string());
            }
            let text = match settings.compat {
                // An error that a handler made has the sentence of its kind.
                Some(compat) if detail == kind.detail() => compat::sentence(compat, kind),
                _ => detail,
            };
            let code = settings.compat.is_none().then(|| self.code());
            let body = ErrorBody { code, key: settings.body_key(), text, hint };
            ("application/json", serde_json::to_string(&body).unwrap_or_default())
        });
        let mut response = Response::new(body.into());
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        if let Some(challenge) = self.challenge() {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        if kind == AuthErrorKind::Unavailable {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }

    /// The body by RFC 9457.
    fn problem(&self, detail: &str, hint: Option<String>) -> Value {
        let mut problem = json!({
            "type": format!("{PROBLEM_TYPES}#{}", self.code()),
            "title": self.kind().detail(),
            "status": self.status().as_u16(),
            "detail": detail,
            "code": self.code(),
        });
        // Without the query, which may contain a token.
        if let Some(parts) = self.context().and_then(|context| context.request.as_ref()) {
            problem["instance"] = parts.uri.path().into();
        }
        if let Some(hint) = hint {
            problem["hint"] = hint.into();
        }
        problem
    }

    fn settings<T>(&self, read: impl FnOnce(&ErrorSettings) -> T) -> T {
        match self.context() {
            Some(context) => read(&context.settings),
            None => read(&ErrorSettings::default()),
        }
    }

    /// The check that failed, and what to do about it. Only debug builds send it, because it quotes the token. For the
    /// crates of this workspace.
    #[doc(hidden)]
    pub fn hint(&self) -> String {
        let what_to_do = self.kind().hint();
        match (self.expected(), self.found()) {
            (Some(expected), Some(found)) => {
                format!("expected {expected}, found {found}: {what_to_do}")
            }
            _ => what_to_do.to_owned(),
        }
    }

    fn log(&self) {
        if cfg!(debug_assertions) {
            let (status, code) = (self.status().as_u16(), self.code());
            // A client chooses parts of it, which could move the cursor of a terminal.
            let hint: String = self.hint().chars().filter(|c| !c.is_control()).collect();
            eprintln!(
                "jwt-auth: {status} {code}: {hint} (https://docs.rs/jwt-auth/latest/jwt_auth/guide/why_401/#{code})"
            );
        }
        if self.kind() == AuthErrorKind::CannotIssue {
            tracing::error!(target: "jwt_auth", reason = self.detail(), "a token could not be issued");
            return;
        }
        let request = self.context().and_then(|context| context.request.as_ref());
        let line = |parts: &Arc<Parts>| RequestLine::new(parts.method.as_str(), parts.uri.path());
        emit(AuthEvent::Refused {
            code: self.code(),
            status: self.status().as_u16(),
            request: request.map(line),
        });
        let token = self.token();
        let event = match self.kind() {
            AuthErrorKind::InsufficientScope
            | AuthErrorKind::Forbidden
            | AuthErrorKind::NotFound => "authz_fail",
            _ => "authn_token_refused",
        };
        tracing::debug!(
            target: "jwt_auth",
            event,
            code = self.code(),
            reason = self.detail(),
            subject = token.map(RefusedToken::subject),
            token = token.and_then(RefusedToken::id),
            session = token.and_then(RefusedToken::session_id),
            key = token.and_then(RefusedToken::key_id),
            expected = self.expected(),
            found = self.found(),
            "refused"
        );
    }
}

impl IntoResponse for AuthError {
    fn into_response(mut self) -> Response {
        self.attach_missing(RenderingScope::context);
        // A hook that renders an error gets the default response: otherwise it would call itself.
        if IN_HOOK.get() {
            return self.default_response();
        }
        self.log();
        let mut response = hook_response(&self).unwrap_or_else(|| self.default_response());
        let deleted = self.context().and_then(|context| context.deleted_cookies.as_ref());
        for line in deleted.into_iter().flat_map(|lines| lines.iter()) {
            response.headers_mut().append(SET_COOKIE, line.clone());
        }
        let nonce = self.dpop().and_then(|dpop| dpop.nonce.as_ref());
        if let Some(nonce) = nonce.and_then(|nonce| HeaderValue::from_str(nonce).ok()) {
            response.headers_mut().insert("dpop-nonce", nonce);
        }
        #[cfg(feature = "testing")]
        response.extensions_mut().insert(OurRefusal);
        response
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
            "issuer_invalid 401 invalid_token",
            "audience_invalid 401 invalid_token",
            "audience_invalid 401 invalid_token",
            "access_token_required 401 invalid_token",
            "refresh_token_required 401 invalid_token",
            "claims_invalid 401 invalid_token",
            "token_revoked 401 invalid_token",
            "token_not_active 401 invalid_token",
            "refresh_token_reused 401 invalid_token",
            "fresh_token_required 401 insufficient_user_authentication",
            "reauthentication_required 401 insufficient_user_authentication",
            "csrf_missing 401 -",
            "csrf_mismatch 401 -",
            "csrf_claim_missing 401 invalid_token",
            "request_cross_site 403 -",
            "dpop_required 401 invalid_token",
            "dpop_proof_invalid 401 invalid_dpop_proof",
            "dpop_nonce_required 401 use_dpop_nonce",
            "user_unknown 401 invalid_token",
            "account_refused 401 invalid_token",
            "scope_insufficient 403 insufficient_scope",
            "forbidden 403 insufficient_scope",
            "not_found 404 -",
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
