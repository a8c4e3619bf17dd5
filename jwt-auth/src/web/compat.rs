//! The statuses and sentences of another framework, for clients that were written for it.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::StatusCode;
use http::request::Parts;
use serde_json::Value;

use crate::config::{TokenLocation, WebSettings};
use crate::error::{AuthErrorKind, Refusal};
use crate::token::MAX_TOKEN;
use crate::token_kind::TokenKind;
use crate::web::location::find_token;

/// The status of fastapi-jwt-auth; `None` where it has no such refusal.
pub(super) fn status(kind: AuthErrorKind) -> Option<StatusCode> {
    match kind {
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

/// The refusal with the sentence of fastapi-jwt-auth. The sentence depends on the locations of the route and, for
/// a malformed token, on the first problem that a lenient reader finds. All sentences come from a fixed set (W6).
pub(super) fn with_its_sentence(
    refusal: Refusal,
    parts: &Parts,
    settings: &WebSettings,
    kind: TokenKind,
    locations: &[TokenLocation],
) -> Refusal {
    let found = find_token(parts, settings, kind, locations);
    let sentence: Cow<'static, str> = match refusal.kind() {
        AuthErrorKind::Missing => missing(settings, kind, locations),
        AuthErrorKind::Malformed => match found {
            Ok(Some(found)) => found.word().map_or_else(|| bad_header(settings), malformed),
            _ => bad_header(settings),
        },
        AuthErrorKind::UnknownKey => AuthErrorKind::InvalidSignature.detail().into(),
        _ => return refusal,
    };
    refusal.with_detail(sentence)
}

fn missing(
    settings: &WebSettings,
    kind: TokenKind,
    locations: &[TokenLocation],
) -> Cow<'static, str> {
    let locations = settings.locations_or(locations);
    if locations.contains(&TokenLocation::Cookie) {
        format!("Missing cookie {}", settings.cookies.of(kind).token.name).into()
    } else if locations.contains(&TokenLocation::Header) {
        format!("Missing {} Header", settings.header_text).into()
    } else {
        format!("Missing {} token from Query or Path", kind.claim()).into()
    }
}

fn bad_header(settings: &WebSettings) -> Cow<'static, str> {
    let name = &settings.header_text;
    match &settings.errors.scheme {
        Some(scheme) => format!("Bad {name} header. Expected value '{scheme} <JWT>'").into(),
        None => format!("Bad {name} header. Expected value '<JWT>'").into(),
    }
}

/// The first problem that `PyJWT` reports of a malformed token.
fn malformed(token: &str) -> Cow<'static, str> {
    // A token over the size limit is not read.
    if token.len() > MAX_TOKEN {
        return AuthErrorKind::Malformed.detail().into();
    }
    let segments: Vec<&str> = token.split('.').collect();
    let [header, payload, .., signature] = segments.as_slice() else {
        return "Not enough segments".into();
    };
    let Some(header) = decoded(header) else { return "Invalid header padding".into() };
    match serde_json::from_slice::<Value>(&header) {
        Err(_) => return "Invalid header string: Expecting value: line 1 column 1 (char 0)".into(),
        Ok(Value::Object(_)) => {}
        Ok(_) => return "Invalid header string: must be a json object".into(),
    }
    if decoded(payload).is_none() {
        return "Invalid payload padding".into();
    }
    if decoded(signature).is_none() {
        return "Invalid crypto padding".into();
    }
    AuthErrorKind::Malformed.detail().into()
}

/// Decodes base64 as leniently as Python does; padding is optional.
fn decoded(segment: impl AsRef<[u8]>) -> Option<Vec<u8>> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &alphabet::URL_SAFE,
        GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    LENIENT.decode(segment).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_malformed_token_has_the_sentence_of_pyjwt() {
        for (token, sentence) in [
            ("test", "Not enough segments"),
            ("a.b", "Not enough segments"),
            ("aaaaa.b.c", "Invalid header padding"),
            ("a?aa.b.c", "Invalid header padding"),
            ("aGk.b.c", "Invalid header string: Expecting value: line 1 column 1 (char 0)"),
            ("W10.b.c", "Invalid header string: must be a json object"),
            ("e30.a.c", "Invalid payload padding"),
            ("e30.e30.a", "Invalid crypto padding"),
            ("e30.e30.e30", "The token is malformed"),
            (&"a".repeat(MAX_TOKEN + 1), "The token is malformed"),
        ] {
            assert_eq!(malformed(token), sentence, "{token}");
        }
    }
}
