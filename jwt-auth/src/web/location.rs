//! Finds the token in a request. Whether the token is valid is decided elsewhere.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{COOKIE, SEC_WEBSOCKET_PROTOCOL};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};

use crate::config::{TokenLocation, WebSettings, is_token_byte};
use crate::error::{AuthErrorKind, Compat};
use crate::token::{Claims, Verified};
use crate::token_kind::TokenKind;

/// The bytes found at a token's location, for the verifier.
#[derive(Clone, Copy)]
pub(crate) struct FoundToken<'a> {
    pub(crate) token: &'a [u8],
    pub(crate) location: TokenLocation,
    /// Whether it was sent with the scheme DPoP, which comes with a proof.
    pub(crate) is_dpop: bool,
}

impl FoundToken<'_> {
    /// Whether it is this token, sent as a token of its kind is: a bound one with a proof, another without.
    pub(crate) fn is_same_as(&self, verified: &Verified) -> bool {
        let is_bound = verified.claims().confirmation.key().is_some();
        verified.token().as_bytes() == self.token && self.is_dpop == is_bound
    }
}

/// Finds the token of the first location that contains one (W8). Later locations are ignored, whether the token is
/// valid or not.
///
/// A location with two tokens is ambiguous, because a proxy could choose the other one.
pub(crate) fn find_token<'a>(
    parts: &'a Parts,
    settings: &WebSettings,
    kind: TokenKind,
    locations: &[TokenLocation],
) -> Result<Option<FoundToken<'a>>, AuthErrorKind> {
    for location in settings.locations_or(locations).iter().copied() {
        let mut is_dpop = false;
        let token = match location {
            TokenLocation::Header => {
                let bound = bound_in_header(&parts.headers, settings)?;
                is_dpop = bound.is_some();
                bound
                    .map_or_else(|| in_header(&parts.headers, settings), |token| Ok(Some(token)))?
            }
            TokenLocation::Cookie => in_cookie(&parts.headers, settings, kind)?,
            TokenLocation::Query => in_query(parts.uri.query(), &settings.query_name)?,
            TokenLocation::WebSocketProtocol => protocol_after(&parts.headers, "bearer")?,
        };
        if let Some(token) = token {
            return Ok(Some(FoundToken { token, location, is_dpop }));
        }
    }
    Ok(None)
}

/// Whether the request has a token in the query, valid or not, so that no cache may store the response (W9).
pub(crate) fn concerns_query(
    parts: &Parts,
    settings: &WebSettings,
    locations: &[TokenLocation],
    found: &Result<Option<FoundToken<'_>>, AuthErrorKind>,
) -> bool {
    match found {
        Ok(None) => false,
        Ok(Some(found)) => found.location == TokenLocation::Query,
        Err(_) => {
            settings.locations_or(locations).contains(&TokenLocation::Query)
                && parts.uri.query().is_some()
        }
    }
}

/// The token after the scheme DPoP (RFC 9449 §7.1), where the address of this service is known. Without it no proof could be
/// checked.
fn bound_in_header<'a>(
    headers: &'a HeaderMap,
    settings: &WebSettings,
) -> Result<Option<&'a [u8]>, AuthErrorKind> {
    if settings.resource.is_none() {
        return Ok(None);
    }
    let line = at_most_one(headers.get_all(&settings.header_name).iter())?;
    line.map_or(Ok(None), |line| after_scheme(line.as_bytes(), "DPoP"))
}

fn in_header<'a>(
    headers: &'a HeaderMap,
    settings: &WebSettings,
) -> Result<Option<&'a [u8]>, AuthErrorKind> {
    let lines = headers.get_all(&settings.header_name).iter();
    let Some(line) = at_most_one(lines)? else { return Ok(None) };
    let line = line.as_bytes();
    let token = match settings.errors.scheme.as_deref() {
        None => Some(line).filter(|line| !line.is_empty()),
        Some(scheme) => {
            let mut found = after_scheme(line, scheme)?;
            for scheme in &settings.other_schemes {
                found = found.or(after_scheme(line, scheme)?);
            }
            found
        }
    };
    // fastapi-jwt-auth refuses another scheme as a bad header, where we ignore it.
    let refuses_others = settings.errors.compat == Some(Compat::FastApiJwtAuth);
    if token.is_none() && refuses_others && !line.is_empty() {
        return Err(AuthErrorKind::Malformed);
    }
    Ok(token)
}

/// Whether the request has the header of tokens, with any value.
pub(super) fn sends_header(headers: &HeaderMap, settings: &WebSettings) -> bool {
    headers.get(&settings.header_name).is_some_and(|line| !line.as_bytes().trim_ascii().is_empty())
}

/// The only value, if there is one. Two are ambiguous.
pub(super) fn at_most_one<T>(
    mut values: impl Iterator<Item = T>,
) -> Result<Option<T>, AuthErrorKind> {
    let first = values.next();
    if values.next().is_some() { Err(AuthErrorKind::AmbiguousRequest) } else { Ok(first) }
}

/// `credentials = auth-scheme [ 1*SP token68 ]` (RFC 9110 §11.4); the scheme is compared without case.
fn after_scheme<'a>(line: &'a [u8], scheme: &str) -> Result<Option<&'a [u8]>, AuthErrorKind> {
    let Some((word, rest)) = line.split_at_checked(scheme.len()) else { return Ok(None) };
    // Most clients write it as the standard does.
    let is_scheme = word == scheme.as_bytes() || word.eq_ignore_ascii_case(scheme.as_bytes());
    if !is_scheme || rest.first().copied().is_some_and(is_token_byte) {
        return Ok(None);
    }
    let blanks = rest.iter().take_while(|byte| **byte == b' ').count();
    if blanks == 0 {
        return Err(AuthErrorKind::Malformed);
    }
    not_empty(&rest[blanks..]).map(Some)
}

/// The cookie of that name, in any number of `Cookie` lines (RFC 6265 §5.4, RFC 9113 §8.2.3). An empty one counts as
/// absent.
fn in_cookie<'a>(
    headers: &'a HeaderMap,
    settings: &WebSettings,
    kind: TokenKind,
) -> Result<Option<&'a [u8]>, AuthErrorKind> {
    let name = &settings.cookies.of(kind).token.name;
    let values = || cookie_values(headers, name);
    let one = match at_most_one(values()) {
        Err(_) if settings.previous_cookies.iter().any(|previous| previous.name == *name) => Some(
            newest_token(values(), settings.errors.compat)
                .ok_or(AuthErrorKind::AmbiguousRequest)?,
        ),
        one => one?,
    };
    Ok(one.filter(|value| !value.is_empty()))
}

/// The newest of several tokens of one subject, of which the older ones are in cookies of an earlier configuration.
/// `None` if their subjects differ, because another host could have set one of them.
///
/// The claims are read before the signature is checked. They only decide which of the tokens is verified.
fn newest_token<'a>(
    tokens: impl Iterator<Item = &'a [u8]>,
    compat: Option<Compat>,
) -> Option<&'a [u8]> {
    let mut newest: Option<(&[u8], String, Duration)> = None;
    for token in tokens.filter(|token| !token.is_empty()) {
        let payload = std::str::from_utf8(token).ok()?.split('.').nth(1)?;
        let payload = String::from_utf8(URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
        let claims = Claims::read(&payload, compat).ok()?;
        let (subject, issued_at) = (claims.sub.as_ref()?.of(&payload).to_owned(), claims.iat?);
        match &newest {
            Some((_, other, _)) if *other != subject => return None,
            Some((.., at)) if *at >= issued_at => {}
            _ => newest = Some((token, subject, issued_at)),
        }
    }
    newest.map(|(token, ..)| token)
}

/// The value of `name=value`, if the pair has that name.
pub(crate) fn cookie_value<'a>(pair: &'a [u8], name: &str) -> Option<&'a [u8]> {
    pair.trim_ascii().strip_prefix(name.as_bytes())?.strip_prefix(b"=")
}

/// The values of the cookies of that name.
pub(crate) fn cookie_values<'a, 'n>(
    headers: &'a HeaderMap,
    name: &'n str,
) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
    let pairs = headers.get_all(COOKIE).iter().flat_map(|line| pairs(line.as_bytes()));
    pairs.filter_map(move |pair| cookie_value(pair, name))
}

/// The parts between semicolons. A line of cookies is often a thousand bytes long, so the search is one that uses wide
/// instructions.
fn pairs(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let line = rest?;
        let Some(end) = memchr::memchr(b';', line) else { return rest.take() };
        rest = Some(&line[end + 1..]);
        Some(&line[..end])
    })
}

/// The query parameter of that name. A token needs no percent-encoding (RFC 3986 §2.3), so none is decoded.
pub(super) fn in_query<'a>(
    query: Option<&'a str>,
    name: &str,
) -> Result<Option<&'a [u8]>, AuthErrorKind> {
    let pairs = query.unwrap_or_default().split('&');
    let values = pairs.filter_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    Ok(at_most_one(values)?.filter(|value| !value.is_empty()).map(str::as_bytes))
}

/// The entry of `Sec-WebSocket-Protocol` that follows a marker. Scripts can set no other header of an upgrade; the
/// server repeats the marker in its response, never the value.
pub(super) fn protocol_after<'a>(
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
        found = Some(not_empty(entries.next().ok_or(AuthErrorKind::Malformed)?)?);
    }
    Ok(found)
}

/// A location that announces a token must contain one.
fn not_empty(bytes: &[u8]) -> Result<&[u8], AuthErrorKind> {
    if bytes.is_empty() { Err(AuthErrorKind::Malformed) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    type Answer = Result<Option<String>, AuthErrorKind>;

    fn look(
        settings: &WebSettings,
        uri: &str,
        lines: &[(&str, &[u8])],
    ) -> Result<Option<(String, TokenLocation)>, AuthErrorKind> {
        let mut request = Request::builder().uri(uri);
        for (name, line) in lines {
            request = request.header(*name, HeaderValue::from_bytes(line).unwrap());
        }
        let parts = request.body(()).unwrap().into_parts().0;
        let found = find_token(&parts, settings, TokenKind::Access, &[])?;
        let word = |found: FoundToken<'_>| {
            let word = String::from_utf8(found.token.to_vec()).ok();
            word.filter(|word| word.bytes().all(|byte| byte.is_ascii_graphic()))
                .ok_or(AuthErrorKind::Malformed)
        };
        found.map(|found| Ok((word(found)?, found.location))).transpose()
    }

    fn search(lines: &[&[u8]], scheme: Option<&str>) -> Answer {
        let scheme = scheme.map(str::to_owned);
        let settings = WebSettings::with(|options| options.errors.scheme = scheme);
        let lines: Vec<_> = lines.iter().map(|line| ("authorization", *line)).collect();
        look(&settings, "/", &lines).map(|found| found.map(|(token, _)| token))
    }

    fn at(locations: &[TokenLocation]) -> WebSettings {
        WebSettings::with(|options| options.token_location = locations.to_vec())
    }

    #[test]
    fn w7_the_scheme_is_compared_without_case_and_takes_one_word() {
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
    fn w3_two_authorization_lines_are_ambiguous() {
        for second in ["Bearer a.b.c", "Basic x", ""] {
            let lines = [b"Bearer a.b.c".as_slice(), second.as_bytes()];
            assert_eq!(search(&lines, Some("Bearer")), Err(AuthErrorKind::AmbiguousRequest));
        }
    }

    #[test]
    fn a_header_without_a_type_contains_the_token_alone() {
        assert_eq!(search(&[b"a.b.c"], None), Ok(Some("a.b.c".into())));
        assert_eq!(search(&[b""], None), Ok(None));
        assert_eq!(search(&[b"Bearer a.b.c"], None), Err(AuthErrorKind::Malformed));
    }

    #[test]
    fn c6_a_cookie_matches_by_its_whole_name_and_two_are_ambiguous() {
        let settings = at(&[TokenLocation::Cookie]);
        let find = |lines: &[&[u8]]| {
            let lines: Vec<_> = lines.iter().map(|line| ("cookie", *line)).collect();
            look(&settings, "/", &lines).map(|found| found.map(|(token, _)| token))
        };
        for good in [
            &[&b"__Host-access_token_cookie=a.b.c"[..]][..],
            &[b"x=1;__Host-access_token_cookie=a.b.c;y=2"],
            &[b"x=\xff; __Host-access_token_cookie=a.b.c"],
            &[b"x=1", b"__Host-access_token_cookie=a.b.c"],
            &[b"x__Host-access_token_cookie=1; __Host-access_token_cookie=a.b.c; __Host-access_token_cookie2=2"],
        ] {
            assert_eq!(find(good), Ok(Some("a.b.c".into())), "{good:?}");
        }
        for none in [
            &[][..],
            &[&b"__Host-access_token_cookie"[..]][..],
            &[b"__Host-access_token_cookie="],
            &[b"Access_Token_Cookie=a.b.c"],
            &[b"refresh_token_cookie=a.b.c"],
            &[b"x=__Host-access_token_cookie=a.b.c"],
        ] {
            assert_eq!(find(none), Ok(None), "{none:?}");
        }
        for two in [
            &[&b"__Host-access_token_cookie=a.b.c; __Host-access_token_cookie=a.b.c"[..]][..],
            &[b"__Host-access_token_cookie=a.b.c", b"__Host-access_token_cookie="],
            &[b"__Host-access_token_cookie=; __Host-access_token_cookie=a.b.c"],
        ] {
            assert_eq!(find(two), Err(AuthErrorKind::AmbiguousRequest), "{two:?}");
        }
        for bad in [&b"__Host-access_token_cookie=a b"[..], b"__Host-access_token_cookie=a\xff"] {
            assert_eq!(find(&[bad]), Err(AuthErrorKind::Malformed), "{bad:?}");
        }
    }

    #[test]
    fn w9_a_query_parameter_matches_by_its_whole_name() {
        let settings = at(&[TokenLocation::Query]);
        let find = |uri: &str| look(&settings, uri, &[]).map(|found| found.map(|(token, _)| token));
        assert_eq!(find("/?access_token=a.b.c"), Ok(Some("a.b.c".into())));
        assert_eq!(find("/?x=1&access_token=a.b.c&y"), Ok(Some("a.b.c".into())));
        for none in [
            "/",
            "/?",
            "/?access_token",
            "/?access_token=",
            "/?Access_Token=a",
            "/?xaccess_token=a",
        ] {
            assert_eq!(find(none), Ok(None), "{none}");
        }
        let two = "/?access_token=a.b.c&access_token=a.b.c";
        assert_eq!(find(two), Err(AuthErrorKind::AmbiguousRequest));
    }

    #[test]
    fn w9_only_responses_to_a_possible_token_in_the_query_are_not_cached() {
        use TokenLocation::{Header, Query};
        let concerns = |uri: &str, locations: &[TokenLocation], found| {
            let parts = Request::get(uri).body(()).unwrap().into_parts().0;
            concerns_query(&parts, &at(&[Header]), locations, &found)
        };
        let found = |location| Ok(Some(FoundToken { token: b"a.b.c", location, is_dpop: false }));
        let bad = || Err(AuthErrorKind::Malformed);
        let (uri, both) = ("/?access_token=a", &[Header, Query][..]);
        assert!(concerns(uri, both, found(Query)));
        assert!(concerns(uri, both, bad()), "either of the two may be the bad one");
        assert!(!concerns(uri, both, found(Header)));
        assert!(!concerns(uri, both, Ok(None)));
        assert!(!concerns("/", both, bad()));
        assert!(!concerns(uri, &[], bad()), "the query is not read");
    }

    #[test]
    fn a_subprotocol_token_follows_its_marker() {
        let settings = at(&[TokenLocation::WebSocketProtocol]);
        let find = |lines: &[&[u8]]| {
            let lines: Vec<_> =
                lines.iter().map(|line| ("sec-websocket-protocol", *line)).collect();
            look(&settings, "/", &lines).map(|found| found.map(|(token, _)| token))
        };
        assert_eq!(find(&[b"bearer, a.b.c"]), Ok(Some("a.b.c".into())));
        assert_eq!(find(&[b"chat,Bearer,a.b.c,x"]), Ok(Some("a.b.c".into())));
        assert_eq!(find(&[b"chat", b"bearer", b"a.b.c"]), Ok(Some("a.b.c".into())));
        assert_eq!(find(&[b"chat, a.b.c"]), Ok(None));
        for bad in [&b"bearer"[..], b"bearer,", b"bearer, a b"] {
            assert_eq!(find(&[bad]), Err(AuthErrorKind::Malformed), "{bad:?}");
        }
        let two = find(&[b"bearer, a.b.c, bearer, a.b.c"]);
        assert_eq!(two, Err(AuthErrorKind::AmbiguousRequest));
    }

    #[test]
    fn w8_the_first_location_with_a_token_decides() {
        use TokenLocation::{Cookie, Header, Query};
        let lines = [
            ("authorization", &b"Bearer h.h.h"[..]),
            ("cookie", b"__Host-access_token_cookie=c.c.c"),
        ];
        let uri = "/?access_token=q.q.q";
        for (order, token) in [
            ([Header, Cookie, Query], "h.h.h"),
            ([Cookie, Header, Query], "c.c.c"),
            ([Query, Cookie, Header], "q.q.q"),
        ] {
            let found = look(&at(&order), uri, &lines);
            assert_eq!(found, Ok(Some((token.to_owned(), order[0]))));
        }
        // A bad token is final: later locations are not read.
        let bad = [("authorization", &b"Bearer"[..]), lines[1]];
        assert_eq!(look(&at(&[Header, Cookie]), uri, &bad), Err(AuthErrorKind::Malformed));
        assert_eq!(look(&at(&[Cookie, Header]), uri, &bad), Ok(Some(("c.c.c".into(), Cookie))));
        // Another scheme is not a token, so the next location is read.
        let other = [("authorization", &b"Basic eA=="[..]), lines[1]];
        assert_eq!(look(&at(&[Header, Cookie]), uri, &other), Ok(Some(("c.c.c".into(), Cookie))));
    }
}
