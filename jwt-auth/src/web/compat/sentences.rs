//! The status and the sentence that another framework has for a refusal.

use std::borrow::Cow;

use http::StatusCode;
use http::request::Parts;

use crate::config::{TokenLocation, WebSettings};
use crate::error::{AuthErrorKind, Compat, Refusal};
use crate::token::MAX_TOKEN;
use crate::token_kind::TokenKind;
use crate::web::compat::pyjwt::first_problem;
use crate::web::location::{FoundToken, find_token, sends_header};

/// The status of the framework; `None` if it has no such refusal.
pub(in crate::web) fn status(compat: Compat, kind: AuthErrorKind) -> Option<StatusCode> {
    match kind {
        AuthErrorKind::Expired if compat == Compat::FlaskJwtExtended => {
            Some(StatusCode::UNAUTHORIZED)
        }
        AuthErrorKind::Malformed
        | AuthErrorKind::WrongAlgorithm
        | AuthErrorKind::UnknownKey
        | AuthErrorKind::InvalidSignature
        | AuthErrorKind::Expired
        | AuthErrorKind::NotYetValid
        | AuthErrorKind::IssuedInTheFuture
        | AuthErrorKind::WrongIssuer
        | AuthErrorKind::IssuerMissing
        | AuthErrorKind::WrongAudience
        | AuthErrorKind::AudienceMissing
        | AuthErrorKind::AccessTokenRequired
        | AuthErrorKind::RefreshTokenRequired
        | AuthErrorKind::InvalidClaims
        | AuthErrorKind::CsrfClaimMissing => Some(StatusCode::UNPROCESSABLE_ENTITY),
        _ => None,
    }
}

/// The sentence of the framework, where it does not depend on the request.
pub(in crate::web) fn sentence(compat: Compat, kind: AuthErrorKind) -> &'static str {
    match (compat, kind) {
        (_, AuthErrorKind::UnknownKey) => AuthErrorKind::InvalidSignature.detail(),
        (Compat::FlaskJwtExtended, AuthErrorKind::Expired) => "Token has expired",
        (Compat::FlaskJwtExtended, AuthErrorKind::WrongAudience) => "Audience doesn't match",
        (Compat::FlaskJwtExtended, AuthErrorKind::AccessTokenRequired) => {
            "Only non-refresh tokens are allowed"
        }
        (Compat::FlaskJwtExtended, AuthErrorKind::CsrfMissing) => "Missing CSRF token",
        (_, kind) => kind.detail(),
    }
}

/// The refusal with the sentence of the framework. The sentence depends on the locations of the route and, for a bad
/// token, on the first problem that `PyJWT` finds. All sentences come from a fixed set (W6).
pub(in crate::web) fn with_its_sentence(
    compat: Compat,
    refusal: Refusal,
    parts: &Parts,
    settings: &WebSettings,
    kind: TokenKind,
    locations: &[TokenLocation],
) -> Refusal {
    let refused = refusal.kind();
    let sentence = match refused {
        AuthErrorKind::Missing => missing(compat, parts, settings, kind, locations).into(),
        AuthErrorKind::Malformed
        | AuthErrorKind::WrongAlgorithm
        | AuthErrorKind::InvalidSignature
        | AuthErrorKind::UnknownKey
        | AuthErrorKind::InvalidClaims => match find_token(parts, settings, kind, locations) {
            Ok(Some(found)) if !is_several_words(found) => {
                match first_problem(found.token, refused, compat) {
                    Some(problem) => Cow::Borrowed(problem),
                    // A token over the size limit has a sentence of its own.
                    None if found.token.len() > MAX_TOKEN => return refusal,
                    None => sentence(compat, refused).into(),
                }
            }
            _ => bad_header(compat, settings).into(),
        },
        _ if refusal.detail() == refused.detail() => sentence(compat, refused).into(),
        _ => return refusal,
    };
    refusal.with_detail(sentence)
}

/// Whether the header has more than the token after its scheme.
fn is_several_words(found: FoundToken<'_>) -> bool {
    found.location == TokenLocation::Header && found.token.iter().any(u8::is_ascii_whitespace)
}

fn missing(
    compat: Compat,
    parts: &Parts,
    settings: &WebSettings,
    kind: TokenKind,
    locations: &[TokenLocation],
) -> String {
    let locations = settings.locations_or(locations);
    match compat {
        Compat::FastApiJwtAuth => missing_in_fastapi(settings, kind, locations),
        Compat::FlaskJwtExtended => missing_in_flask(parts, settings, kind, locations),
    }
}

fn missing_in_fastapi(
    settings: &WebSettings,
    kind: TokenKind,
    locations: &[TokenLocation],
) -> String {
    if locations.contains(&TokenLocation::Cookie) {
        format!("Missing cookie {}", settings.cookies.of(kind).token.name)
    } else if locations.contains(&TokenLocation::Header) {
        format!("Missing {} Header", settings.header_text)
    } else {
        format!("Missing {} token from Query or Path", kind.claim())
    }
}

/// Each location has a sentence. Several of them are joined.
fn missing_in_flask(
    parts: &Parts,
    settings: &WebSettings,
    kind: TokenKind,
    locations: &[TokenLocation],
) -> String {
    let sentences: Vec<_> = locations
        .iter()
        .map(|location| match location {
            TokenLocation::Header => missing_header_in_flask(parts, settings),
            TokenLocation::Cookie => {
                format!("Missing cookie \"{}\"", settings.cookies.of(kind).token.name)
            }
            // The framework misspells the word.
            TokenLocation::Query => format!("Missing '{}' query paramater", settings.query_name),
            TokenLocation::WebSocketProtocol => {
                "Missing 'bearer' in 'Sec-WebSocket-Protocol' header".to_owned()
            }
        })
        .collect();
    let names: Vec<_> = locations
        .iter()
        .map(|location| match location {
            TokenLocation::Header => "headers",
            TokenLocation::Cookie => "cookies",
            TokenLocation::Query => "query_string",
            TokenLocation::WebSocketProtocol => "websocket_protocol",
        })
        .collect();
    match (sentences.as_slice(), names.as_slice()) {
        ([one], _) => one.clone(),
        (_, [first @ .., last]) => {
            format!("Missing JWT in {} or {last} ({})", first.join(", "), sentences.join("; "))
        }
        (_, []) => AuthErrorKind::Missing.detail().to_owned(),
    }
}

fn missing_header_in_flask(parts: &Parts, settings: &WebSettings) -> String {
    let name = &settings.header_text;
    match &settings.errors.scheme {
        Some(scheme) if sends_header(&parts.headers, settings) => {
            format!("Missing '{scheme}' type in '{name}' header. Expected '{name}: {scheme} <JWT>'")
        }
        _ => format!("Missing {name} Header"),
    }
}

fn bad_header(compat: Compat, settings: &WebSettings) -> String {
    let name = &settings.header_text;
    let scheme = settings.errors.scheme.as_ref().map(|scheme| format!("{scheme} "));
    let scheme = scheme.unwrap_or_default();
    match compat {
        Compat::FastApiJwtAuth => {
            format!("Bad {name} header. Expected value '{scheme}<JWT>'")
        }
        Compat::FlaskJwtExtended => {
            format!("Bad {name} header. Expected '{name}: {scheme}<JWT>'")
        }
    }
}
