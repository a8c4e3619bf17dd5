//! The gate: requests that do not come from this machine, or come from another site, are refused.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Request};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, FORWARDED, HOST, HeaderName, ORIGIN,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// What proxies add.
const OF_PROXIES: [HeaderName; 4] = [
    FORWARDED,
    HeaderName::from_static("x-forwarded-for"),
    HeaderName::from_static("x-forwarded-host"),
    HeaderName::from_static("x-real-ip"),
];

/// The headers of every response.
const HEADERS: [(HeaderName, &str); 5] = [
    (CACHE_CONTROL, "no-store"),
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Refuses a request that must not reach the page, and adds the headers that protect every response.
pub(crate) async fn gate(request: Request, next: Next) -> Response {
    let mut response = match check(&request) {
        Ok(()) => next.run(request).await,
        Err(why) => (StatusCode::FORBIDDEN, why).into_response(),
    };
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn check(request: &Request) -> Result<(), &'static str> {
    let headers = request.headers();
    if let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>()
        && !peer.ip().to_canonical().is_loopback()
    {
        return Err("The developer's page is served to this machine only.");
    }
    if OF_PROXIES.iter().any(|name| headers.contains_key(name)) {
        return Err("The developer's page is not served through a proxy: open it directly.");
    }
    let host = local_host(request).ok_or(
        "The developer's page needs the host localhost, 127.0.0.1 or [::1]: open it by one of these names.",
    )?;
    if !is_same_origin(request, host) {
        return Err("The developer's page accepts no requests from other sites.");
    }
    if request.method() == Method::POST && !is_json(headers) {
        return Err(
            "The developer's page accepts JSON only: send `Content-Type: application/json`.",
        );
    }
    Ok(())
}

/// The `Host`, with its port, if it and the address of the request name this machine. Another name is one of an attacker
/// that resolves to 127.0.0.1 (DNS rebinding).
fn local_host(request: &Request) -> Option<&str> {
    let mut hosts = request.headers().get_all(HOST).iter();
    let of_header = hosts.next().map(HeaderValue::to_str).transpose().ok()?;
    if hosts.next().is_some() {
        return None;
    }
    // HTTP/2 has the host in the address.
    let of_address = request.uri().authority().map(Authority::as_str);
    let is_local = |host: &str| {
        let authority: Option<Authority> = host.parse().ok();
        authority.is_some_and(|authority| {
            let names = ["localhost", "127.0.0.1", "[::1]"];
            !host.contains('@')
                && names.iter().any(|name| authority.host().eq_ignore_ascii_case(name))
        })
    };
    let all_local = of_header.into_iter().chain(of_address).all(is_local);
    of_header.or(of_address).filter(|_| all_local)
}

/// Whether a page of this origin sent the request, or the user opened the page. A request that changes something must say so.
fn is_same_origin(request: &Request, host: &str) -> bool {
    let headers = request.headers();
    let every = |name: &HeaderName, is_right: &dyn Fn(&str) -> bool| {
        headers.get_all(name).iter().all(|value| value.to_str().is_ok_and(is_right))
    };
    let is_own = |origin: &str| {
        let rest = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        rest.is_some_and(|rest| rest.eq_ignore_ascii_case(host))
    };
    if !every(&ORIGIN, &is_own) {
        return false;
    }
    if [Method::GET, Method::HEAD].contains(request.method()) {
        let is_navigation = headers.get(FETCH_MODE).is_some_and(|mode| mode == "navigate");
        return is_navigation || every(&FETCH_SITE, &|site| matches!(site, "same-origin" | "none"));
    }
    (headers.contains_key(ORIGIN) || headers.contains_key(FETCH_SITE))
        && every(&FETCH_SITE, &|site| site == "same-origin")
}

/// Whether the body is JSON by its type. A form of another site cannot send that.
fn is_json(headers: &HeaderMap) -> bool {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    media_type
        .and_then(|text| text.split(';').next())
        .is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case("application/json"))
}
