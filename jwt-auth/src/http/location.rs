//! Finding the token in a request; which token, never whether it is good.

use http::header::{AUTHORIZATION, COOKIE, SEC_WEBSOCKET_PROTOCOL};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};

use crate::claims::TokenKind;
use crate::config::{Settings, TokenLocation};
use crate::error::AuthErrorKind;

/// A token as it stands in the request, and whatever bytes stand in its place: the verifier reads them.
#[derive(Clone, Copy)]
pub(crate) struct Found<'a> {
    pub(crate) token: &'a [u8],
    pub(crate) location: TokenLocation,
}

impl<'a> Found<'a> {
    /// The token, where it is one word of ASCII as every token is.
    pub(crate) fn word(self) -> Option<&'a str> {
        let word = std::str::from_utf8(self.token).ok()?;
        word.bytes().all(|byte| byte.is_ascii_graphic()).then_some(word)
    }
}

/// The token of the first place that bears one (W8): later places are not looked at, whatever it is worth.
///
/// A place that bears two is ambiguous: which one a proxy or the next reader takes is anyone's guess.
pub(crate) fn find<'a>(
    parts: &'a Parts,
    settings: &Settings,
    kind: TokenKind,
    locations: &[TokenLocation],
) -> Result<Option<Found<'a>>, AuthErrorKind> {
    let locations = if locations.is_empty() { &settings.token_location } else { locations };
    for location in locations.iter().copied() {
        let token = match location {
            TokenLocation::Header => in_header(&parts.headers, settings)?,
            TokenLocation::Cookie => in_cookie(&parts.headers, &settings.cookies.of(kind).key)?,
            TokenLocation::Query => in_query(parts.uri.query(), &settings.query_name)?,
            TokenLocation::WebSocketProtocol => behind(&parts.headers, "bearer")?,
        };
        if let Some(token) = token {
            return Ok(Some(Found { token, location }));
        }
    }
    Ok(None)
}

/// Whether the answer is one to a token in the query, good or bad: no cache may keep it (W9).
pub(crate) fn concerns_query(
    parts: &Parts,
    settings: &Settings,
    locations: &[TokenLocation],
    found: &Result<Option<Found<'_>>, AuthErrorKind>,
) -> bool {
    match found {
        Ok(None) => false,
        Ok(Some(found)) => found.location == TokenLocation::Query,
        Err(_) => {
            let locations = if locations.is_empty() { &settings.token_location } else { locations };
            locations.contains(&TokenLocation::Query) && parts.uri.query().is_some()
        }
    }
}

fn in_header<'a>(
    headers: &'a HeaderMap,
    settings: &Settings,
) -> Result<Option<&'a [u8]>, AuthErrorKind> {
    let name = settings.header_name.as_str();
    let lines = if name == "Authorization" || name.eq_ignore_ascii_case("authorization") {
        headers.get_all(AUTHORIZATION).iter()
    } else {
        headers.get_all(name).iter()
    };
    let Some(line) = only(lines)? else { return Ok(None) };
    let line = line.as_bytes();
    let token = match settings.header_type.as_deref() {
        None => Some(line).filter(|line| !line.is_empty()),
        Some(scheme) => after_scheme(line, scheme)?,
    };
    // The framework that is reproduced takes another scheme for a bad header, and not for none.
    if token.is_none() && settings.compat.is_some() && !line.is_empty() {
        return Err(AuthErrorKind::Malformed);
    }
    Ok(token)
}

/// The one value that there is, if any; two are ambiguous.
pub(crate) fn only<T>(mut values: impl Iterator<Item = T>) -> Result<Option<T>, AuthErrorKind> {
    let first = values.next();
    if values.next().is_some() { Err(AuthErrorKind::AmbiguousRequest) } else { Ok(first) }
}

/// `credentials = auth-scheme [ 1*SP token68 ]` (RFC 9110 §11.4); the scheme compares without case.
fn after_scheme<'a>(line: &'a [u8], scheme: &str) -> Result<Option<&'a [u8]>, AuthErrorKind> {
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    let Some((word, rest)) = line.split_at_checked(scheme.len()) else { return Ok(None) };
    if !word.eq_ignore_ascii_case(scheme.as_bytes()) || rest.first().is_some_and(is_token) {
        return Ok(None);
    }
    let blanks = rest.iter().take_while(|byte| **byte == b' ').count();
    if blanks == 0 {
        return Err(AuthErrorKind::Malformed);
    }
    some(&rest[blanks..]).map(Some)
}

/// The cookie of that name, from however many lines (RFC 6265 §5.4, RFC 9113 §8.2.3). An empty one is none.
fn in_cookie<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a [u8]>, AuthErrorKind> {
    let pairs =
        headers.get_all(COOKIE).iter().flat_map(|line| line.as_bytes().split(|b| *b == b';'));
    let values = pairs.filter_map(|pair| {
        let pair = pair.trim_ascii();
        pair.strip_prefix(name.as_bytes())?.strip_prefix(b"=")
    });
    Ok(only(values)?.filter(|value| !value.is_empty()))
}

/// The parameter of that name. A token needs no percent-encoding (RFC 3986 §2.3), so none is undone.
fn in_query<'a>(query: Option<&'a str>, name: &str) -> Result<Option<&'a [u8]>, AuthErrorKind> {
    let pairs = query.unwrap_or_default().split('&');
    let values = pairs.filter_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    Ok(only(values)?.filter(|value| !value.is_empty()).map(str::as_bytes))
}

/// The entry of `Sec-WebSocket-Protocol` that follows a marker: scripts can set no other header of an
/// upgrade, and a server names the marker back, never the value.
pub(crate) fn behind<'a>(
    headers: &'a HeaderMap,
    marker: &str,
) -> Result<Option<&'a [u8]>, AuthErrorKind> {
    let entries =
        |line: &'a HeaderValue| line.as_bytes().split(|b| *b == b',').map(<[u8]>::trim_ascii);
    let mut entries = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().flat_map(entries);
    let mut found = None;
    while let Some(entry) = entries.next() {
        if !entry.eq_ignore_ascii_case(marker.as_bytes()) {
            continue;
        }
        if found.is_some() {
            return Err(AuthErrorKind::AmbiguousRequest);
        }
        found = Some(some(entries.next().ok_or(AuthErrorKind::Malformed)?)?);
    }
    Ok(found)
}

/// A place that names a token holds one.
fn some(bytes: &[u8]) -> Result<&[u8], AuthErrorKind> {
    if bytes.is_empty() { Err(AuthErrorKind::Malformed) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    type Answer = Result<Option<String>, AuthErrorKind>;

    fn look(
        settings: &Settings,
        uri: &str,
        lines: &[(&str, &[u8])],
    ) -> Result<Option<(String, TokenLocation)>, AuthErrorKind> {
        let mut request = Request::builder().uri(uri);
        for (name, line) in lines {
            request = request.header(*name, HeaderValue::from_bytes(line).unwrap());
        }
        let parts = request.body(()).unwrap().into_parts().0;
        let found = find(&parts, settings, TokenKind::Access, &[])?;
        let word =
            |found: Found<'_>| found.word().map(str::to_owned).ok_or(AuthErrorKind::Malformed);
        found.map(|found| Ok((word(found)?, found.location))).transpose()
    }

    fn search(lines: &[&[u8]], scheme: Option<&str>) -> Answer {
        let header_type = scheme.map(str::to_owned);
        let settings = Settings { header_type, ..Settings::default() };
        let lines: Vec<_> = lines.iter().map(|line| ("authorization", *line)).collect();
        look(&settings, "/", &lines).map(|found| found.map(|(token, _)| token))
    }

    fn at(locations: &[TokenLocation]) -> Settings {
        Settings { token_location: locations.to_vec(), ..Settings::default() }
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

    #[test]
    fn c6_a_cookie_is_found_by_its_whole_name_and_two_are_ambiguous() {
        let settings = at(&[TokenLocation::Cookie]);
        let ask = |lines: &[&[u8]]| {
            let lines: Vec<_> = lines.iter().map(|line| ("cookie", *line)).collect();
            look(&settings, "/", &lines).map(|found| found.map(|(token, _)| token))
        };
        for good in [
            &[&b"access_token_cookie=a.b.c"[..]][..],
            &[b"x=1;access_token_cookie=a.b.c;y=2"],
            &[b"x=\xff; access_token_cookie=a.b.c"],
            &[b"x=1", b"access_token_cookie=a.b.c"],
            &[b"xaccess_token_cookie=1; access_token_cookie=a.b.c; access_token_cookie2=2"],
        ] {
            assert_eq!(ask(good), Ok(Some("a.b.c".into())), "{good:?}");
        }
        for none in [
            &[][..],
            &[&b"access_token_cookie"[..]][..],
            &[b"access_token_cookie="],
            &[b"Access_Token_Cookie=a.b.c"],
            &[b"refresh_token_cookie=a.b.c"],
            &[b"x=access_token_cookie=a.b.c"],
        ] {
            assert_eq!(ask(none), Ok(None), "{none:?}");
        }
        for two in [
            &[&b"access_token_cookie=a.b.c; access_token_cookie=a.b.c"[..]][..],
            &[b"access_token_cookie=a.b.c", b"access_token_cookie="],
            &[b"access_token_cookie=; access_token_cookie=a.b.c"],
        ] {
            assert_eq!(ask(two), Err(AuthErrorKind::AmbiguousRequest), "{two:?}");
        }
        for bad in [&b"access_token_cookie=a b"[..], b"access_token_cookie=a\xff"] {
            assert_eq!(ask(&[bad]), Err(AuthErrorKind::Malformed), "{bad:?}");
        }
    }

    #[test]
    fn w9_a_parameter_of_the_query() {
        let settings = at(&[TokenLocation::Query]);
        let ask = |uri: &str| look(&settings, uri, &[]).map(|found| found.map(|(token, _)| token));
        assert_eq!(ask("/?access_token=a.b.c"), Ok(Some("a.b.c".into())));
        assert_eq!(ask("/?x=1&access_token=a.b.c&y"), Ok(Some("a.b.c".into())));
        for none in [
            "/",
            "/?",
            "/?access_token",
            "/?access_token=",
            "/?Access_Token=a",
            "/?xaccess_token=a",
        ] {
            assert_eq!(ask(none), Ok(None), "{none}");
        }
        let two = "/?access_token=a.b.c&access_token=a.b.c";
        assert_eq!(ask(two), Err(AuthErrorKind::AmbiguousRequest));
    }

    #[test]
    fn w9_only_an_answer_to_a_query_that_may_bear_a_token_is_kept_out_of_caches() {
        use TokenLocation::{Header, Query};
        let concerns = |uri: &str, locations: &[TokenLocation], found| {
            let parts = Request::get(uri).body(()).unwrap().into_parts().0;
            concerns_query(&parts, &at(&[Header]), locations, &found)
        };
        let found = |location| Ok(Some(Found { token: b"a.b.c", location }));
        let bad = || Err(AuthErrorKind::Malformed);
        let (uri, both) = ("/?access_token=a", &[Header, Query][..]);
        assert!(concerns(uri, both, found(Query)));
        assert!(concerns(uri, both, bad()), "which of the two was bad nobody said");
        assert!(!concerns(uri, both, found(Header)));
        assert!(!concerns(uri, both, Ok(None)));
        assert!(!concerns("/", both, bad()));
        assert!(!concerns(uri, &[], bad()), "the query is not looked at");
    }

    #[test]
    fn a_subprotocol_follows_its_marker() {
        let settings = at(&[TokenLocation::WebSocketProtocol]);
        let ask = |lines: &[&[u8]]| {
            let lines: Vec<_> =
                lines.iter().map(|line| ("sec-websocket-protocol", *line)).collect();
            look(&settings, "/", &lines).map(|found| found.map(|(token, _)| token))
        };
        assert_eq!(ask(&[b"bearer, a.b.c"]), Ok(Some("a.b.c".into())));
        assert_eq!(ask(&[b"chat,Bearer,a.b.c,x"]), Ok(Some("a.b.c".into())));
        assert_eq!(ask(&[b"chat", b"bearer", b"a.b.c"]), Ok(Some("a.b.c".into())));
        assert_eq!(ask(&[b"chat, a.b.c"]), Ok(None));
        for bad in [&b"bearer"[..], b"bearer,", b"bearer, a b"] {
            assert_eq!(ask(&[bad]), Err(AuthErrorKind::Malformed), "{bad:?}");
        }
        let two = ask(&[b"bearer, a.b.c, bearer, a.b.c"]);
        assert_eq!(two, Err(AuthErrorKind::AmbiguousRequest));
    }

    #[test]
    fn w8_the_first_place_that_bears_a_token_decides() {
        use TokenLocation::{Cookie, Header, Query};
        let lines =
            [("authorization", &b"Bearer h.h.h"[..]), ("cookie", b"access_token_cookie=c.c.c")];
        let uri = "/?access_token=q.q.q";
        for (order, token) in [
            ([Header, Cookie, Query], "h.h.h"),
            ([Cookie, Header, Query], "c.c.c"),
            ([Query, Cookie, Header], "q.q.q"),
        ] {
            let found = look(&at(&order), uri, &lines);
            assert_eq!(found, Ok(Some((token.to_owned(), order[0]))));
        }
        // A bad one is final, and what stands behind it is not looked at.
        let bad = [("authorization", &b"Bearer"[..]), lines[1]];
        assert_eq!(look(&at(&[Header, Cookie]), uri, &bad), Err(AuthErrorKind::Malformed));
        assert_eq!(look(&at(&[Cookie, Header]), uri, &bad), Ok(Some(("c.c.c".into(), Cookie))));
        // Another scheme is no token, and the next place is asked.
        let other = [("authorization", &b"Basic eA=="[..]), lines[1]];
        assert_eq!(look(&at(&[Header, Cookie]), uri, &other), Ok(Some(("c.c.c".into(), Cookie))));
    }
}
