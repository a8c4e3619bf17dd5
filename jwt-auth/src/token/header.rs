//! The header: the few parameters that verification depends on.

use std::borrow::Cow;

use crate::error::AuthErrorKind;
use crate::json::{self, NotStrict, Value};
use crate::token_kind::TokenKind;

/// The parameters that verification depends on.
#[derive(Debug, Default)]
pub(super) struct Header<'a> {
    pub(super) alg: Cow<'a, str>,
    pub(super) kid: Option<Cow<'a, str>>,
    /// The kind that `typ` names, if any.
    pub(super) typ: Option<TokenKind>,
}

impl<'a> Header<'a> {
    /// Reads a decoded header. `jwk`, `jku`, `x5u`, `x5c` and unknown parameters are ignored (R4, R8). Parameters
    /// that would change the meaning of the token are refused (R7, R16).
    pub(super) fn read(text: &'a str) -> Result<Self, AuthErrorKind> {
        let mut header = Self::default();
        let mut alg = None;
        json::object(text, |name, value, _| {
            match name {
                "alg" => alg = Some(string(value)?),
                "kid" => header.kid = Some(string(value)?),
                "typ" => header.typ = kind(&string(value)?)?,
                "crit" | "zip" | "enc" => return Err(NotStrict),
                "b64" if !matches!(value, Value::Bool(true)) => return Err(NotStrict),
                _ => {}
            }
            Ok(())
        })
        .map_err(|NotStrict| AuthErrorKind::Malformed)?;
        header.alg = alg.ok_or(AuthErrorKind::Malformed)?;
        Ok(header)
    }
}

fn string(value: Value<'_>) -> Result<Cow<'_, str>, NotStrict> {
    match value {
        Value::String(text) => Ok(text.value()),
        _ => Err(NotStrict),
    }
}

/// Media types are compared without case, and `application/` may be omitted (RFC 7515 §4.1.9).
fn kind(typ: &str) -> Result<Option<TokenKind>, NotStrict> {
    const PREFIX: &str = "application/";
    let short = match typ.get(..PREFIX.len()) {
        Some(prefix) if prefix.eq_ignore_ascii_case(PREFIX) => &typ[PREFIX.len()..],
        _ => typ,
    };
    if short.eq_ignore_ascii_case("JWT") {
        return Ok(None);
    }
    TokenKind::ALL
        .into_iter()
        .find(|kind| short.eq_ignore_ascii_case(kind.typ()))
        .map(Some)
        .ok_or(NotStrict)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(String, Option<String>, Option<TokenKind>), AuthErrorKind> {
        Header::read(text).map(|h| (h.alg.into_owned(), h.kid.map(Cow::into_owned), h.typ))
    }

    #[test]
    fn alg_kid_and_typ_are_read() {
        let ok = read(r#"{"typ":"at+jwt","alg":"HS256","kid":"k","x":1,"jwk":{"kty":"oct"}}"#);
        assert_eq!(ok, Ok(("HS256".into(), Some("k".into()), Some(TokenKind::Access))));
        assert_eq!(read(r#"{"alg":"HS256"}"#), Ok(("HS256".into(), None, None)));
        assert_eq!(read(r#"{"alg":"x","typ":"jwt"}"#), Ok(("x".into(), None, None)));
        let long = read(r#"{"alg":"x","typ":"Application/RT+JWT"}"#);
        assert_eq!(long, Ok(("x".into(), None, Some(TokenKind::Refresh))));
    }

    #[test]
    fn r5_r7_r16_parameters_that_change_the_meaning_are_refused() {
        for bad in [
            r#"{"alg":{"HS256":null}}"#,
            r#"{"alg":["HS256"]}"#,
            r#"{"alg":null}"#,
            r#"{"alg":1}"#,
            "{}",
            r#"{"alg":"HS256","crit":["exp"]}"#,
            r#"{"alg":"HS256","crit":[]}"#,
            r#"{"alg":"HS256","b64":false}"#,
            r#"{"alg":"HS256","zip":"DEF"}"#,
            r#"{"alg":"dir","enc":"A256GCM"}"#,
            r#"{"alg":"HS256","kid":1}"#,
            r#"{"alg":"HS256","typ":1}"#,
            r#"{"alg":"HS256","typ":"JWE"}"#,
            r#"{"alg":"HS256","typ":"dpop+jwt"}"#,
            r#"{"alg":"HS256","alg":"HS256"}"#,
            r#"["HS256"]"#,
            r#"{"alg":"HS256"} "x""#,
        ] {
            assert_eq!(read(bad), Err(AuthErrorKind::Malformed), "{bad}");
        }
    }
}
