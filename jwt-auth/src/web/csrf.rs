//! CSRF protection: whether our own page sent a request whose token came in a cookie.
//!
//! Other sites can make a browser send its cookies. The request therefore repeats a value from the signed token,
//! which no other site can read. The headers in which the browser reports the origin of the request are checked as
//! well.

use http::HeaderMap;
use http::header::{HOST, ORIGIN, UPGRADE};
use http::request::Parts;

use crate::config::{CsrfSettings, TokenLocation, WebSettings, is_safe};
use crate::error::AuthErrorKind;
use crate::secret::same_bytes;
use crate::token::Verified;
use crate::token_kind::TokenKind;
use crate::web::location::{FoundToken, at_most_one, in_query, protocol_after};

/// The value of the configured form field, read from the body by a layer.
#[derive(Clone)]
pub(crate) struct FormValue(pub(crate) Box<[u8]>);

/// The value that the request repeats; `None` if it need not repeat one.
///
/// This runs before the token is verified, so that a forged request costs no signature check.
pub(crate) fn presented_csrf<'a>(
    parts: &'a Parts,
    settings: &WebSettings,
    kind: TokenKind,
    found: FoundToken<'_>,
) -> Result<Option<&'a [u8]>, AuthErrorKind> {
    if found.location != TokenLocation::Cookie {
        return Ok(None);
    }
    let csrf = &settings.csrf;
    let is_upgrade = is_upgrade(parts);
    let is_required = csrf.is_on && (is_upgrade || csrf.covers(&parts.method));
    if is_upgrade && !may_upgrade(parts, csrf) {
        return Err(AuthErrorKind::CrossSite);
    }
    if (is_required || !is_safe(&parts.method)) && is_foreign(parts, csrf) {
        return Err(AuthErrorKind::CrossSite);
    }
    if !is_required {
        return Ok(None);
    }
    let lines = parts.headers.get_all(csrf.header(kind)).iter();
    let value = match at_most_one(lines)? {
        Some(line) => Some(line.as_bytes()),
        None if is_upgrade => match protocol_after(&parts.headers, "csrf")? {
            None => match &csrf.query_name {
                Some(name) => in_query(parts.uri.query(), name)?,
                None => None,
            },
            value => value,
        },
        None if csrf.form_field.is_some() => {
            parts.extensions.get::<FormValue>().map(|value| &*value.0)
        }
        None => None,
    };
    // An absent value never equals an absent claim.
    value.filter(|value| !value.is_empty()).map(Some).ok_or(AuthErrorKind::CsrfMissing)
}

/// Compares the repeated value with the claim of the token.
pub(crate) fn compare_csrf(
    presented: Option<&[u8]>,
    verified: &Verified,
) -> Result<(), AuthErrorKind> {
    let Some(presented) = presented else { return Ok(()) };
    let claim = verified.csrf().ok_or(AuthErrorKind::CsrfClaimMissing)?;
    if !claim.is_empty() && same_bytes(presented, claim.as_bytes()) {
        Ok(())
    } else {
        Err(AuthErrorKind::CsrfMismatch)
    }
}

/// Whether the request opens a WebSocket, over HTTP/1.1 (RFC 6455 §4.1) or HTTP/2 (RFC 8441 §4).
fn is_upgrade(parts: &Parts) -> bool {
    let names_websocket = |line: &http::HeaderValue| {
        line.as_bytes()
            .split(|b| *b == b',')
            .any(|word| word.trim_ascii().eq_ignore_ascii_case(b"websocket"))
    };
    parts.method == http::Method::CONNECT
        || parts.headers.get_all(UPGRADE).iter().any(names_websocket)
}

/// Whether a WebSocket may be opened. A browser sends the page's `Origin` with every upgrade, and lets any page
/// open one. A client without `Origin` is not a browser; it must present the CSRF value, and is refused if the
/// protection is off.
fn may_upgrade(parts: &Parts, csrf: &CsrfSettings) -> bool {
    match origin(&parts.headers) {
        None => csrf.is_on,
        Some(origin) => is_own(origin, parts) || is_trusted(origin, csrf),
    }
}

/// Whether a page of another origin sent the request, which has an unsafe method (X7).
///
/// A browser says so in `Sec-Fetch-Site` (Fetch Metadata). A page of a sibling host, such as a blog, is `same-site`,
/// and foreign unless its `Origin` is trusted. A browser without that header sends `Origin`, which is compared with the
/// host. A client that sends neither is not a browser.
pub(crate) fn is_foreign(parts: &Parts, csrf: &CsrfSettings) -> bool {
    let origin = origin(&parts.headers);
    if origin.is_some_and(|origin| is_trusted(origin, csrf)) {
        return false;
    }
    let is_own = || origin.map(|origin| is_own(origin, parts));
    let mut sites = parts.headers.get_all("sec-fetch-site").iter().peekable();
    if sites.peek().is_none() {
        return is_own() == Some(false);
    }
    sites.any(|site| match site.as_bytes().trim_ascii().to_ascii_lowercase().as_slice() {
        b"same-origin" | b"none" => false,
        b"same-site" => is_own() != Some(true),
        _ => true,
    })
}

/// Whether a route for our own pages only refuses the request (X8).
pub(crate) fn is_from_another_origin(parts: &Parts, csrf: &CsrfSettings) -> bool {
    let is_refused_upgrade = is_upgrade(parts) && !may_upgrade(parts, csrf);
    is_refused_upgrade || (!is_safe(&parts.method) && is_foreign(parts, csrf))
}

/// `Origin`. Two of them, or one that is not text, become an origin that matches nothing.
fn origin(headers: &HeaderMap) -> Option<&str> {
    match at_most_one(headers.get_all(ORIGIN).iter()) {
        Ok(None) => None,
        Ok(Some(line)) => Some(line.to_str().unwrap_or_default()),
        Err(_) => Some(""),
    }
}

fn is_trusted(origin: &str, csrf: &CsrfSettings) -> bool {
    csrf.trusted_origins.iter().any(|trusted| trusted == origin)
}

/// Whether an origin is the host that the request was sent to.
fn is_own(origin: &str, parts: &Parts) -> bool {
    let Some((scheme, host)) = origin.split_once("://") else { return false };
    let default = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return false,
    };
    let sent_to = match at_most_one(parts.headers.get_all(HOST).iter()) {
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
    use crate::config::CsrfOptions;

    fn present(
        method: &str,
        lines: &[(&str, &[u8])],
        change: impl FnOnce(&mut CsrfOptions),
    ) -> Result<Option<Vec<u8>>, AuthErrorKind> {
        let mut request = Request::builder().method(method).uri("/").header("host", "app.example");
        for (name, line) in lines {
            request = request.header(*name, HeaderValue::from_bytes(line).unwrap());
        }
        let parts = request.body(()).unwrap().into_parts().0;
        let settings = WebSettings::with(|options| change(&mut options.csrf));
        let found = FoundToken { token: b"a.b.c", location: TokenLocation::Cookie, is_dpop: false };
        presented_csrf(&parts, &settings, TokenKind::Access, found)
            .map(|value| value.map(<[u8]>::to_vec))
    }

    fn default(method: &str, lines: &[(&str, &[u8])]) -> Result<Option<Vec<u8>>, AuthErrorKind> {
        present(method, lines, |_| {})
    }

    #[test]
    fn x3_every_method_but_the_safe_ones_has_to_repeat_the_value() {
        for method in ["GET", "HEAD", "OPTIONS"] {
            assert_eq!(default(method, &[]), Ok(None), "{method}");
        }
        for method in ["POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PURGE", "post", "get"]
        {
            assert_eq!(default(method, &[]), Err(AuthErrorKind::CsrfMissing), "{method}");
        }
        let some = |csrf: &mut CsrfOptions| csrf.methods = Some(vec!["GET".into()]);
        assert_eq!(present("POST", &[], some), Ok(None));
        assert_eq!(present("GET", &[], some), Err(AuthErrorKind::CsrfMissing));
    }

    #[test]
    fn x2_an_absent_empty_or_repeated_value_is_refused() {
        assert_eq!(default("POST", &[("x-csrf-token", b"")]), Err(AuthErrorKind::CsrfMissing));
        assert_eq!(default("POST", &[("x-csrf-token", b"\xff")]), Ok(Some(vec![0xff])));
        let twice = [("x-csrf-token", &b"a"[..]), ("x-csrf-token", b"a")];
        assert_eq!(default("POST", &twice), Err(AuthErrorKind::AmbiguousRequest));
    }

    #[test]
    fn x5_the_value_is_read_only_where_it_is_expected() {
        // A subprotocol belongs to an upgrade: other requests cannot present the value in it.
        let by_protocol = [("sec-websocket-protocol", &b"csrf, v"[..])];
        assert_eq!(default("POST", &by_protocol), Err(AuthErrorKind::CsrfMissing));
        // The value of a form counts only if a form field is configured.
        let form = |field: Option<&str>| {
            let mut parts = Request::post("/").body(()).unwrap().into_parts().0;
            parts.extensions.insert(FormValue(b"v"[..].into()));
            let field = field.map(str::to_owned);
            let settings = WebSettings::with(|options| options.csrf.form_field = field);
            let found =
                FoundToken { token: b"a.b.c", location: TokenLocation::Cookie, is_dpop: false };
            presented_csrf(&parts, &settings, TokenKind::Access, found)
                .map(|value| value.map(<[u8]>::to_vec))
        };
        assert_eq!(form(Some("csrf")), Ok(Some(b"v".to_vec())));
        assert_eq!(form(None), Err(AuthErrorKind::CsrfMissing));
    }

    #[test]
    fn x5_another_site_is_refused_before_the_value_is_read() {
        let value = ("x-csrf-token", &b"v"[..]);
        for site in [&b"cross-site"[..], b"Cross-Site", b" cross-site "] {
            let lines = [value, ("sec-fetch-site", site)];
            assert_eq!(default("POST", &lines), Err(AuthErrorKind::CrossSite));
            assert_eq!(default("GET", &lines[1..]), Ok(None), "a link may lead here");
        }
        for site in [&b"same-origin"[..], b"none"] {
            assert!(default("POST", &[value, ("sec-fetch-site", site)]).is_ok());
        }
        for site in [&b"same-site"[..], b"", b"unknown", b"\xff"] {
            let lines = [value, ("sec-fetch-site", site)];
            assert_eq!(default("POST", &lines), Err(AuthErrorKind::CrossSite), "{site:?}");
        }
        let trusting = |csrf: &mut CsrfOptions| {
            csrf.trusted_origins = vec!["https://other.example".into()];
        };
        let from = |origin: &'static [u8]| {
            present(
                "POST",
                &[value, ("sec-fetch-site", b"cross-site"), ("origin", origin)],
                trusting,
            )
        };
        assert!(from(b"https://other.example").is_ok());
        assert_eq!(from(b"https://evil.example"), Err(AuthErrorKind::CrossSite));
        let off = |csrf: &mut CsrfOptions| csrf.is_on = false;
        let lines = [("sec-fetch-site", &b"cross-site"[..])];
        assert_eq!(
            present("POST", &lines, off),
            Err(AuthErrorKind::CrossSite),
            "without a value to repeat"
        );
        let methods = |csrf: &mut CsrfOptions| csrf.methods = Some(vec!["GET".into()]);
        let lines = [("sec-fetch-site", &b"cross-site"[..])];
        assert_eq!(present("POST", &lines, methods), Err(AuthErrorKind::CrossSite));
    }

    #[test]
    fn x7_a_sibling_host_is_foreign_unless_its_origin_is_trusted() {
        let value = ("x-csrf-token", &b"v"[..]);
        let same_site = ("sec-fetch-site", &b"same-site"[..]);
        let off = |csrf: &mut CsrfOptions| csrf.is_on = false;
        let trusting = |csrf: &mut CsrfOptions| {
            csrf.trusted_origins = vec!["https://blog.app.example".into()];
        };
        let sibling = ("origin", &b"https://blog.app.example"[..]);
        let own = ("origin", &b"https://app.example"[..]);
        let foreign = Err(AuthErrorKind::CrossSite);
        for lines in [&[value, same_site, sibling][..], &[value, sibling], &[value, same_site]] {
            assert_eq!(default("POST", lines), foreign, "{lines:?}");
            assert_eq!(present("POST", lines, off), foreign, "without double submit");
        }
        let null = ("origin", &b"null"[..]);
        for origin in [null, ("origin", &b"\xff"[..]), ("origin", &b""[..])] {
            assert_eq!(default("POST", &[value, origin]), foreign, "{origin:?}");
        }
        assert_eq!(default("POST", &[value, own, sibling]), foreign, "two origins");
        for lines in [&[value, same_site, own][..], &[value, own], &[value]] {
            assert!(default("POST", lines).is_ok(), "{lines:?}");
        }
        for lines in [&[value, same_site, sibling][..], &[value, sibling]] {
            assert!(present("POST", lines, trusting).is_ok(), "trusted");
        }
        assert_eq!(default("GET", &[same_site, sibling]), Ok(None), "a safe method");
    }

    #[test]
    fn x6_an_upgrade_checks_the_origin_and_repeats_the_value() {
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
        // With the protection off no value is repeated, and pages of other sites are still refused.
        let off = |csrf: &mut CsrfOptions| csrf.is_on = false;
        assert_eq!(present("GET", &[upgrade, ("origin", b"https://app.example")], off), Ok(None));
        for lines in [&[upgrade, ("origin", &b"https://evil.example"[..])][..], &[upgrade]] {
            assert_eq!(present("GET", lines, off), Err(AuthErrorKind::CrossSite));
        }
    }
}
