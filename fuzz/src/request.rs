//! Requests as text: a line `METHOD URI`, then lines `name: value`. `{NAME}` is replaced with a value of the target.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Method, Request, Uri, request::Parts};

/// Parses a request. Lines that are not headers are ignored. `None` if the first line is not a request line.
#[must_use]
pub fn read(text: &[u8], known: &[(&str, String)]) -> Option<Parts> {
    let text = fill_in(text, known);
    let mut lines = text.split(|byte| *byte == b'\n');
    let first = std::str::from_utf8(lines.next()?).ok()?;
    let (method, uri) = first.split_once(' ')?;
    let mut request = Request::new(Body::empty());
    *request.method_mut() = Method::from_bytes(method.as_bytes()).ok()?;
    *request.uri_mut() = Uri::try_from(uri).ok()?;
    for line in lines {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let value = line[colon + 1..].strip_prefix(b" ").unwrap_or(&line[colon + 1..]);
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(&line[..colon]), HeaderValue::from_bytes(value))
        {
            request.headers_mut().append(name, value);
        }
    }
    Some(request.into_parts().0)
}

/// The text with the value of every known `{NAME}`.
fn fill_in(text: &[u8], known: &[(&str, String)]) -> Vec<u8> {
    let mut all = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        let found = known.iter().find_map(|(name, value)| {
            let after = after.strip_prefix(name.as_bytes())?.strip_prefix(b"}")?;
            (*byte == b'{').then_some((value, after))
        });
        if let Some((value, after)) = found {
            all.extend_from_slice(value.as_bytes());
            rest = after;
        } else {
            all.push(*byte);
            rest = after;
        }
    }
    all
}

/// The values of the headers of that name.
pub fn header_values<'a>(parts: &'a Parts, name: &str) -> impl Iterator<Item = &'a [u8]> {
    parts.headers.get_all(name).iter().map(HeaderValue::as_bytes)
}

/// The values of the cookies of that name (RFC 6265 §4.2.1).
#[must_use]
pub fn cookies(parts: &Parts, name: &str) -> Vec<Vec<u8>> {
    let all = header_values(parts, "cookie").collect::<Vec<_>>().join(&b';');
    let pairs = all.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
    let halves = pairs.filter_map(|pair| {
        let equals = pair.iter().position(|byte| *byte == b'=')?;
        Some((&pair[..equals], &pair[equals + 1..]))
    });
    halves.filter(|(key, _)| *key == name.as_bytes()).map(|(_, value)| value.to_vec()).collect()
}
