//! Finding the token in a request; which token, never whether it is good.

use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::config::{Settings, TokenLocation};
use crate::error::AuthErrorKind;

/// A token as it stands in the request.
#[derive(Clone, Copy)]
pub(crate) struct Found<'a> {
    pub(crate) token: &'a str,
    pub(crate) location: TokenLocation,
}

/// The token of the configured header; `None` when there is none, or the header's scheme is another's.
///
/// Two lines of the header are ambiguous: which one a proxy or the next reader takes is anyone's guess.
pub(crate) fn find<'a>(
    headers: &'a HeaderMap,
    settings: &Settings,
) -> Result<Option<Found<'a>>, AuthErrorKind> {
    let name = settings.header_name.as_str();
    let mut lines = if name.eq_ignore_ascii_case("authorization") {
        headers.get_all(AUTHORIZATION).iter()
    } else {
        headers.get_all(name).iter()
    };
    let Some(line) = lines.next() else { return Ok(None) };
    if lines.next().is_some() {
        return Err(AuthErrorKind::AmbiguousRequest);
    }
    let token = match settings.header_type.as_deref() {
        None => bare(line.as_bytes())?,
        Some(scheme) => after_scheme(line.as_bytes(), scheme)?,
    };
    Ok(token.map(|token| Found { token, location: TokenLocation::Header }))
}

fn bare(line: &[u8]) -> Result<Option<&str>, AuthErrorKind> {
    if line.is_empty() { Ok(None) } else { one_word(line).map(Some) }
}

/// `credentials = auth-scheme [ 1*SP token68 ]` (RFC 9110 §11.4); the scheme compares without case.
fn after_scheme<'a>(line: &'a [u8], scheme: &str) -> Result<Option<&'a str>, AuthErrorKind> {
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    let end = line.iter().position(|byte| !is_token(byte)).unwrap_or(line.len());
    let (word, rest) = line.split_at(end);
    if !word.eq_ignore_ascii_case(scheme.as_bytes()) {
        return Ok(None);
    }
    let blanks = rest.iter().take_while(|byte| **byte == b' ').count();
    if blanks == 0 {
        return Err(AuthErrorKind::Malformed);
    }
    one_word(&rest[blanks..]).map(Some)
}

fn one_word(bytes: &[u8]) -> Result<&str, AuthErrorKind> {
    // Every byte is looked at, so that the loop has no way out and runs many bytes at a time.
    let graphic = bytes.iter().fold(true, |so_far, byte| so_far & byte.is_ascii_graphic());
    match std::str::from_utf8(bytes) {
        Ok(word) if graphic && !word.is_empty() => Ok(word),
        _ => Err(AuthErrorKind::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn search(lines: &[&[u8]], scheme: Option<&str>) -> Result<Option<String>, AuthErrorKind> {
        let header_type = scheme.map(str::to_owned);
        let settings = Settings { header_type, ..Settings::default() };
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("authorization", HeaderValue::from_bytes(line).unwrap());
        }
        find(&headers, &settings).map(|found| found.map(|found| found.token.to_owned()))
    }

    #[test]
    fn w7_scheme_without_case_and_one_word() {
        let bearer = Some("Bearer");
        for line in ["Bearer a.b.c", "bearer a.b.c", "BEARER   a.b.c"] {
            assert_eq!(search(&[line.as_bytes()], bearer), Ok(Some("a.b.c".into())), "{line}");
        }
        for line in ["Basic YWJj", "Bearerx a.b.c", "", "a.b.c", "\u{e9} x"] {
            assert_eq!(search(&[line.as_bytes()], bearer), Ok(None), "{line}");
        }
        for line in
            [&b"Bearer"[..], b"Bearer ", b"Bearer a b", b"Bearer a ", b"Bearer \xff", b"Bearer \ta"]
        {
            assert_eq!(search(&[line], bearer), Err(AuthErrorKind::Malformed), "{line:?}");
        }
    }

    #[test]
    fn w3_two_lines_are_ambiguous_whatever_they_say() {
        for second in ["Bearer a.b.c", "Basic x", ""] {
            let lines = [b"Bearer a.b.c".as_slice(), second.as_bytes()];
            assert_eq!(search(&lines, Some("Bearer")), Err(AuthErrorKind::AmbiguousRequest));
        }
    }

    #[test]
    fn a_header_without_a_type_bears_the_token_alone() {
        assert_eq!(search(&[b"a.b.c"], None), Ok(Some("a.b.c".into())));
        assert_eq!(search(&[b""], None), Ok(None));
        assert_eq!(search(&[b"Bearer a.b.c"], None), Err(AuthErrorKind::Malformed));
    }
}
