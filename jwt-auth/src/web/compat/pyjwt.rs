//! The first problem that `PyJWT` reports of a refused token.
//!
//! Nothing here decides about a request: the token was refused before.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value};

use crate::error::{AuthErrorKind, Compat};
use crate::token::MAX_TOKEN;

/// The sentence, if `PyJWT` would refuse the token for something that it reads before or after the signature.
///
/// fastapi-jwt-auth uses version 1.7, which decodes base64 leniently and reads the claims after the signature.
/// flask-jwt-extended uses version 2, which decodes strictly and reads the claims first.
pub(super) fn first_problem(
    token: &[u8],
    kind: AuthErrorKind,
    compat: Compat,
) -> Option<&'static str> {
    if token.len() > MAX_TOKEN {
        let is_dot = |byte: &u8| *byte == b'.';
        let (first, last) = (token.iter().position(is_dot), token.iter().rposition(is_dot));
        return (first == last).then_some("Not enough segments");
    }
    let reads_claims = match compat {
        Compat::FastApiJwtAuth => {
            matches!(kind, AuthErrorKind::Malformed | AuthErrorKind::InvalidClaims)
        }
        Compat::FlaskJwtExtended => true,
    };
    // The modules read a request as Latin-1 and write the token as UTF-8: a byte beyond ASCII becomes two.
    let doubled = |byte: &u8| std::iter::repeat_n(*byte, if byte.is_ascii() { 1 } else { 2 });
    let token: Vec<u8> = token.iter().flat_map(doubled).collect();
    let dots: Vec<usize> = (0..token.len()).filter(|at| token[*at] == b'.').collect();
    let (Some(&first), Some(&last)) = (dots.first(), dots.last()) else {
        return Some("Not enough segments");
    };
    if first == last {
        return Some("Not enough segments");
    }
    let segments = [&token[..first], &token[first + 1..last], &token[last + 1..]];
    let [header, payload, signature] = segments.map(|segment| decode(segment, compat));

    let Some(header) = header else { return Some("Invalid header padding") };
    let header = match object(&header) {
        Ok(header) => header,
        Err(NotObject::NotJson) => {
            return Some("Invalid header string: Expecting value: line 1 column 1 (char 0)");
        }
        Err(NotObject::OtherType) => return Some("Invalid header string: must be a json object"),
    };
    let Some(payload) = payload else { return Some("Invalid payload padding") };
    if signature.is_none() {
        return Some("Invalid crypto padding");
    }
    if header.get("kid").is_some_and(|kid| !kid.is_string()) {
        return Some("Key ID header parameter must be a string");
    }
    if reads_claims {
        match object(&payload) {
            Ok(claims) if kind == AuthErrorKind::InvalidClaims => {
                return bad_claim(&claims, compat);
            }
            Ok(_) => {}
            Err(NotObject::NotJson) => {
                return Some("Invalid payload string: Expecting value: line 1 column 1 (char 0)");
            }
            Err(NotObject::OtherType) => {
                return Some("Invalid payload string: must be a json object");
            }
        }
    }
    if kind != AuthErrorKind::Malformed {
        return None;
    }
    match header.get("alg") {
        None if compat == Compat::FlaskJwtExtended => return Some("Algorithm not specified"),
        Some(Value::String(_)) => {}
        _ => return Some(AuthErrorKind::WrongAlgorithm.detail()),
    }
    if header.contains_key("crit") {
        return Some("Unsupported critical extension");
    }
    // A segment that only a lenient reader decodes. The signature was made for other characters.
    let is_strict = |segment: &[u8]| STRICT_UNPADDED.decode(segment).is_ok();
    let is_lenient = segments.into_iter().any(|segment| !is_strict(segment));
    is_lenient.then(|| AuthErrorKind::InvalidSignature.detail())
}

/// The first claim that `PyJWT` refuses, in its order. The signature is valid.
fn bad_claim(claims: &Map<String, Value>, compat: Compat) -> Option<&'static str> {
    let is_not_number = |name| claims.get(name).is_some_and(|value| !value.is_number());
    let is_not_text = |name| claims.get(name).is_some_and(|value| !value.is_string());
    let is_flask = compat == Compat::FlaskJwtExtended;
    if is_not_number("iat") {
        return Some("Issued At claim (iat) must be an integer.");
    }
    if is_not_number("nbf") {
        return Some("Not Before claim (nbf) must be an integer.");
    }
    if is_not_number("exp") {
        return Some("Expiration Time claim (exp) must be an integer.");
    }
    if !claims.contains_key("exp") {
        return Some("Token is missing the \"exp\" claim");
    }
    if is_not_text("iss") {
        return Some(if is_flask {
            "Payload Issuer (iss) must be a string"
        } else {
            AuthErrorKind::WrongIssuer.detail()
        });
    }
    match claims.get("aud") {
        None | Some(Value::String(_)) => {}
        Some(Value::Null) if is_flask => return Some(AuthErrorKind::AudienceMissing.detail()),
        Some(Value::Array(list)) if list.iter().all(Value::is_string) => {}
        Some(_) => return Some("Invalid claim format in token"),
    }
    if is_not_text("sub") {
        return Some("Subject must be a string");
    }
    if is_not_text("jti") {
        return Some("JWT ID must be a string");
    }
    (!claims.contains_key("sub")).then_some("Missing claim: sub")
}

enum NotObject {
    NotJson,
    OtherType,
}

fn object(text: &[u8]) -> Result<Map<String, Value>, NotObject> {
    match serde_json::from_slice(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(NotObject::OtherType),
        Err(_) => Err(NotObject::NotJson),
    }
}

const fn engine(config: GeneralPurposeConfig) -> GeneralPurpose {
    GeneralPurpose::new(&alphabet::URL_SAFE, config)
}

const STRICT: GeneralPurpose =
    engine(GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent));
const STRICT_UNPADDED: GeneralPurpose =
    engine(GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::RequireNone));
const LENIENT: GeneralPurpose = engine(
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

fn decode(segment: &[u8], compat: Compat) -> Option<Vec<u8>> {
    match compat {
        Compat::FastApiJwtAuth => decode_as_python(segment),
        Compat::FlaskJwtExtended => STRICT.decode(segment).ok(),
    }
}

/// Decodes as Python's `base64` does without validation: it skips characters outside of the alphabet, and stops at
/// padding that completes a group of four. Version 1.7 of `PyJWT` computes the padding from the length of the text.
fn decode_as_python(segment: &[u8]) -> Option<Vec<u8>> {
    let added = (4 - segment.len() % 4) % 4;
    let padded = segment.iter().copied().chain(std::iter::repeat_n(b'=', added));
    let (mut characters, mut pads) = (Vec::with_capacity(segment.len()), 0);
    let mut is_complete = false;
    for byte in padded {
        let position = characters.len() % 4;
        match byte {
            b'=' if position >= 2 => {
                pads += 1;
                if position + pads >= 4 {
                    is_complete = true;
                    break;
                }
            }
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => {
                characters.push(byte);
                pads = 0;
            }
            b'+' => characters.push(b'-'),
            b'/' => characters.push(b'_'),
            _ => {}
        }
    }
    if characters.len() % 4 != 0 && !is_complete {
        return None;
    }
    LENIENT.decode(characters).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_malformed_token_has_the_sentence_of_pyjwt() {
        let fastapi = |token: &str| {
            first_problem(token.as_bytes(), AuthErrorKind::Malformed, Compat::FastApiJwtAuth)
        };
        for (token, sentence) in [
            ("test", "Not enough segments"),
            ("a.b", "Not enough segments"),
            ("aaaaa.b.c", "Invalid header padding"),
            ("aGk.b.c", "Invalid header string: Expecting value: line 1 column 1 (char 0)"),
            ("W10.b.c", "Invalid header string: must be a json object"),
            ("e30.a.c", "Invalid payload padding"),
            ("e30.e30.a", "Invalid crypto padding"),
            ("e30.W10.aaaa", "Invalid payload string: must be a json object"),
        ] {
            assert_eq!(fastapi(token), Some(sentence), "{token}");
        }
        let good = "eyJhbGciOiJIUzI1NiJ9.e30.aaaa";
        assert_eq!(fastapi(good), None);
        assert_eq!(fastapi(&format!("{good}!!!!")), Some("Signature verification failed"));
    }

    #[test]
    fn base64_is_decoded_as_python_does() {
        for (text, bytes) in [
            ("", Some("")),
            ("YQ", Some("a")),
            ("YR", Some("a")),
            ("YQ=", Some("a")),
            ("YQ==", Some("a")),
            ("YQ==YQ", Some("a")),
            ("YWI", Some("ab")),
            ("!!!!", Some("")),
            ("Y!Q", None),
            ("Y", None),
            ("YWJjY", None),
        ] {
            assert_eq!(
                decode_as_python(text.as_bytes()).as_deref(),
                bytes.map(str::as_bytes),
                "{text}"
            );
        }
    }
}
