//! CSRF: whether a request that bears its token in a cookie was made by our own page.
//!
//! A browser sends its cookies along with what other sites ask it to send. So the request repeats a value
//! that stands in the signed token, and that no other site can read; browsers' own words about where a
//! request comes from are listened to as well.

use http::HeaderMap;
use http::header::{HOST, ORIGIN, UPGRADE};
use http::request::Parts;

use crate::claims::TokenKind;
use crate::config::{CookieSettings, Settings, TokenLocation, is_safe};
use crate::error::AuthErrorKind;
use crate::http::Found;
use crate::http::location::{behind, only};
use crate::secret::same_bytes;
use crate::verify::Verified;

/// The value of the configured form field, which a layer read from the body.
#[derive(Clone)]
pub(crate) struct FormValue(pub(crate) Box<[u8]>);

/// What the request repeats; `None` when nothing is asked of it.
///
/// Asked before the token is verified, so that a forged request costs no signature check.
pub(crate) fn presented<'a>(
    parts: &'a Parts,
    settings: &Settings,
    kind: TokenKind,
    found: Found<'_>,
) -> Result<Option<&'a [u8]>, AuthErrorKind> {
    if found.location != TokenLocation::Cookie {
        return Ok(None);
    }
    let cookies = &settings.cookies;
    let (method, upgrade) = (parts.method.as_str(), is_upgrade(parts));
    let asked = cookies.csrf_protect && (upgrade || cookies.asks(method));
    if upgrade && !may_upgrade(parts, cookies) {
        return Err(AuthErrorKind::CrossSite);
    }
    if (asked || !is_safe(method)) && is_cross_site(parts, cookies) {
        return Err(AuthErrorKind::CrossSite);
    }
    if !asked {
        return Ok(None);
    }
    let lines = parts.headers.get_all(cookies.of(kind).csrf_header.as_str()).iter();
    let value = match only(lines)? {
        Some(line) => Some(line.as_bytes()),
        None if upgrade => behind(&parts.headers, "csrf")?,
        None if cookies.csrf_form_field.is_some() => {
            parts.extensions.get::<FormValue>().map(|value| &*value.0)
        }
        None => None,
    };
    // Absent never equals absent.
    value.filter(|value| !value.is_empty()).map(Some).ok_or(AuthErrorKind::CsrfMissing)
}

/// Whether what the request repeats is what stands in the token.
pub(crate) fn compare(presented: Option<&[u8]>, verified: &Verified) -> Result<(), AuthErrorKind> {
    let Some(presented) = presented else { return Ok(()) };
    let claim = verified.csrf().ok_or(AuthErrorKind::CsrfClaimMissing)?;
    if !claim.is_empty() && same_bytes(presented, claim.as_bytes()) {
        Ok(())
    } else {
        Err(AuthErrorKind::CsrfMismatch)
    }
}

/// Whether the request asks for a WebSocket: by HTTP/1.1 (RFC 6455 §4.1), or by HTTP/2 (RFC 8441 §4).
fn is_upgrade(parts: &Parts) -> bool {
    let asks = |line: &http::HeaderValue| {
        line.as_bytes()
            .split(|b| *b == b',')
            .any(|word| word.trim_ascii().eq_ignore_ascii_case(b"websocket"))
    };
    parts.method == http::Method::CONNECT || parts.headers.get_all(UPGRADE).iter().any(asks)
}

/// A browser names the page's origin in every upgrade, and lets any page of any site ask for one. A client
/// that names none is no browser; it has to bring the CSRF value, and where none is asked it stays out.
fn may_upgrade(parts: &Parts, cookies: &CookieSettings) -> bool {
    match origin(&parts.headers) {
        None => cookies.csrf_protect,
        Some(origin) => is_own(origin, parts) || is_trusted(origin, cookies),
    }
}

/// Whether the browser says that another site made the request (Fetch Metadata, `Sec-Fetch-Site`).
fn is_cross_site(parts: &Parts, cookies: &CookieSettings) -> bool {
    let says =
        |line: &http::HeaderValue| line.as_bytes().trim_ascii().eq_ignore_ascii_case(b"cross-site");
    parts.headers.get_all("sec-fetch-site").iter().any(says)
        && !origin(&parts.headers).is_some_and(|origin| is_trusted(origin, cookies))
}

/// `Origin`; two of them, or one that is no text, are an origin that is nobody's.
fn origin(headers: &HeaderMap) -> Option<&str> {
    match only(headers.get_all(ORIGIN).iter()) {
        Ok(None) => None,
        Ok(Some(line)) => Some(line.to_str().unwrap_or_default()),
        Err(_) => Some(""),
    }
}

fn is_trusted(origin: &str, cookies: &CookieSettings) -> bool {
    cookies.trusted_origins.iter().any(|trusted| trusted == origin)
}

/// Whether an origin is the host that the request was sent to.
fn is_own(origin: &str, parts: &Parts) -> bool {
    let Some((scheme, host)) = origin.split_once("://") else { return false };
    let default = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return false,
    };
    let sent_to = match only(parts.headers.get_all(HOST).iter()) {
        Ok(Some(line)) => line.to_str().ok(),
        Ok(None) => parts.uri.authority().map(http::uri::Authority::as_str),
        Err(_) => None,
    };
    sent_to.is_some_and(|sent_to| {
        let sent_to = sent_to.strip_suffix(default).unwrap_or(sent_to);
        !host.is_empty() && sent_to.eq_ignore_ascii_case(host)
    })
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, Request};

    use super::*;

    fn asked(
        method: &str,
        lines: &[(&str, &[u8])],
        cookies: CookieSettings,
    ) -> Result<Option<Vec<u8>>, AuthErrorKind> {
        let mut request = Request::builder().method(method).uri("/").header("host", "app.example");
        for (name, line) in lines {
            request = request.header(*name, HeaderValue::from_bytes(line).unwrap());
        }
        let parts = request.body(()).unwrap().into_parts().0;
        let settings = Settings { cookies, ..Settings::default() };
        let found = Found { token: b"a.b.c", location: TokenLocation::Cookie };
        presented(&parts, &settings, TokenKind::Access, found)
            .map(|value| value.map(<[u8]>::to_vec))
    }

    fn default(method: &str, lines: &[(&str, &[u8])]) -> Result<Option<Vec<u8>>, AuthErrorKind> {
        asked(method, lines, CookieSettings::default())
    }

    #[test]
    fn x3_every_method_but_the_safe_ones_is_asked() {
        for method in ["GET", "HEAD", "OPTIONS"] {
            assert_eq!(default(method, &[]), Ok(None), "{method}");
        }
        for method in ["POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PURGE", "post", "get"]
        {
            assert_eq!(default(method, &[]), Err(AuthErrorKind::CsrfMissing), "{method}");
        }
        let some =
            || CookieSettings { csrf_methods: Some(vec!["GET".into()]), ..Default::default() };
        assert_eq!(asked("POST", &[], some()), Ok(None));
        assert_eq!(asked("GET", &[], some()), Err(AuthErrorKind::CsrfMissing));
    }

    #[test]
    fn x2_nothing_empty_and_twice_are_no_value() {
        assert_eq!(default("POST", &[("x-csrf-token", b"")]), Err(AuthErrorKind::CsrfMissing));
        assert_eq!(default("POST", &[("x-csrf-token", b"\xff")]), Ok(Some(vec![0xff])));
        let twice = [("x-csrf-token", &b"a"[..]), ("x-csrf-token", b"a")];
        assert_eq!(default("POST", &twice), Err(AuthErrorKind::AmbiguousRequest));
    }

    #[test]
    fn x5_the_value_is_read_nowhere_but_where_it_is_expected() {
        // A subprotocol belongs to an upgrade: a request that is none may not bring its value that way.
        let by_protocol = [("sec-websocket-protocol", &b"csrf, v"[..])];
        assert_eq!(default("POST", &by_protocol), Err(AuthErrorKind::CsrfMissing));
        // What a layer read of the body counts where a form field is configured.
        let form = |field: Option<&str>| {
            let cookies = CookieSettings {
                csrf_form_field: field.map(str::to_owned),
                ..CookieSettings::default()
            };
            let mut parts = Request::post("/").body(()).unwrap().into_parts().0;
            parts.extensions.insert(FormValue(b"v"[..].into()));
            let settings = Settings { cookies, ..Settings::default() };
            let found = Found { token: b"a.b.c", location: TokenLocation::Cookie };
            presented(&parts, &settings, TokenKind::Access, found)
                .map(|value| value.map(<[u8]>::to_vec))
        };
        assert_eq!(form(Some("csrf")), Ok(Some(b"v".to_vec())));
        assert_eq!(form(None), Err(AuthErrorKind::CsrfMissing));
    }

    #[test]
    fn x5_another_site_is_refused_before_the_value_is_looked_at() {
        let value = ("x-csrf-token", &b"v"[..]);
        for site in [&b"cross-site"[..], b"Cross-Site", b" cross-site "] {
            let lines = [value, ("sec-fetch-site", site)];
            assert_eq!(default("POST", &lines), Err(AuthErrorKind::CrossSite));
            assert_eq!(default("GET", &lines[1..]), Ok(None), "a link may lead here");
        }
        for site in [&b"same-origin"[..], b"same-site", b"none"] {
            assert!(default("POST", &[value, ("sec-fetch-site", site)]).is_ok());
        }
        let trusting = || CookieSettings {
            trusted_origins: vec!["https://other.example".into()],
            ..Default::default()
        };
        let from = |origin: &'static [u8]| {
            asked(
                "POST",
                &[value, ("sec-fetch-site", b"cross-site"), ("origin", origin)],
                trusting(),
            )
        };
        assert!(from(b"https://other.example").is_ok());
        assert_eq!(from(b"https://evil.example"), Err(AuthErrorKind::CrossSite));
        let off = || CookieSettings { csrf_protect: false, ..Default::default() };
        let lines = [("sec-fetch-site", &b"cross-site"[..])];
        assert_eq!(
            asked("POST", &lines, off()),
            Err(AuthErrorKind::CrossSite),
            "with nothing to repeat"
        );
        let methods =
            || CookieSettings { csrf_methods: Some(vec!["GET".into()]), ..Default::default() };
        let lines = [("sec-fetch-site", &b"cross-site"[..])];
        assert_eq!(asked("POST", &lines, methods()), Err(AuthErrorKind::CrossSite));
    }

    #[test]
    fn x6_an_upgrade_checks_its_origin_and_repeats_the_value() {
        let upgrade = ("upgrade", &b"websocket"[..]);
        let value = ("x-csrf-token", &b"v"[..]);
        let from = |origin: &'static [u8]| default("GET", &[upgrade, value, ("origin", origin)]);
        for own in [&b"https://app.example"[..], b"http://app.example", b"https://APP.example"] {
            assert_eq!(from(own), Ok(Some(b"v".to_vec())), "{own:?}");
        }
        for foreign in [
            &b"https://evil.example"[..],
            b"https://app.example.evil.example",
            b"https://app.example:8443",
            b"null",
            b"",
            b"app.example",
            b"ftp://app.example",
            b"https://app.example/",
            b"\xff",
        ] {
            assert_eq!(from(foreign), Err(AuthErrorKind::CrossSite), "{foreign:?}");
        }
        let twice = [
            upgrade,
            value,
            ("origin", &b"https://app.example"[..]),
            ("origin", b"https://app.example"),
        ];
        assert_eq!(default("GET", &twice), Err(AuthErrorKind::CrossSite));
        assert_eq!(default("GET", &[upgrade]), Err(AuthErrorKind::CsrfMissing));
        let by_protocol = [upgrade, ("sec-websocket-protocol", &b"chat, csrf, v"[..])];
        assert_eq!(default("GET", &by_protocol), Ok(Some(b"v".to_vec())));
        assert_eq!(
            default("GET", &[("upgrade", b"h2c, WebSocket")]),
            Err(AuthErrorKind::CsrfMissing)
        );
        // With the protection off nothing is repeated, and a page of another site still stays out.
        let off = || CookieSettings { csrf_protect: false, ..Default::default() };
        assert_eq!(asked("GET", &[upgrade, ("origin", b"https://app.example")], off()), Ok(None));
        for lines in [&[upgrade, ("origin", &b"https://evil.example"[..])][..], &[upgrade]] {
            assert_eq!(asked("GET", lines, off()), Err(AuthErrorKind::CrossSite));
        }
    }
}
