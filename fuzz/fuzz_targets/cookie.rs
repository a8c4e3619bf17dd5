//! Cookies: exactly one cookie of ours with its CSRF value admits a request, and a cookie that we set admits too.
#![no_main]

use std::sync::LazyLock;

use axum::http::request::Parts;
use axum::response::IntoResponse;
use cookie::{Cookie, SameSite};
use fuzz::request::{cookies, header_values, read};
use fuzz::response;
use fuzz::token::{config, run_ready};
use jwt_auth::{AccessToken, IssuedToken, JwtAuth, TokenLocation, jwt_required};
use libfuzzer_sys::fuzz_target;

const NAME: &str = "__Host-access_token_cookie";
const TRUSTED: &str = "https://trusted.example";

static AUTH: LazyLock<JwtAuth> = LazyLock::new(|| {
    let config = config().token_location([TokenLocation::Cookie]).trusted_origins([TRUSTED]);
    config.build().expect("a valid configuration")
});

/// `{A}` an access token, `{C}` its CSRF value, `{B}` a token without one, `{N}` the cookie's name.
static KNOWN: LazyLock<[(&str, String); 4]> = LazyLock::new(|| {
    let access = AUTH.access_token("alice").issue().expect("a token");
    let csrf = run_ready(AUTH.verify_access(&access))
        .expect("a valid token")
        .csrf_token()
        .map(str::to_owned);
    let other = config().build().expect("a valid configuration");
    let bare = other.access_token("bob").issue().expect("a token");
    let text = |token: IssuedToken| token.as_str().to_owned();
    let csrf = csrf.expect("a CSRF value");
    [("A", text(access)), ("C", csrf), ("B", text(bare)), ("N", NAME.to_owned())]
});

#[jwt_required]
async fn me(token: AccessToken) -> String {
    token.subject().to_owned()
}

fuzz_target!(|input: &[u8]| {
    match read(input, &*KNOWN) {
        Some(parts) => check_request(&parts),
        None => check_set_cookies(&String::from_utf8_lossy(input)),
    }
});

fn check_request(parts: &Parts) {
    let response = response::read(response::call(me, parts, &AUTH));
    let values = cookies(parts, NAME);
    let is = |token: &str| values.len() == 1 && values[0] == token.as_bytes();
    let [(_, access), (_, csrf), (_, bare), _] = &*KNOWN;
    let is_upgrade = parts.method == "CONNECT" || has_word(parts, "upgrade", b',', "websocket");
    let needs_value = is_upgrade || !["GET", "HEAD", "OPTIONS"].contains(&parts.method.as_str());
    let origins: Vec<_> = header_values(parts, "origin").collect();
    let is_trusted = origins == [TRUSTED.as_bytes()];
    if response.status.is_success() {
        assert!(is(access) || is(bare));
        if needs_value {
            // In the header, or in the subprotocols, where a script cannot set headers.
            let repeated: Vec<_> = header_values(parts, "x-csrf-token").collect();
            let by_protocol = is_upgrade
                && repeated.is_empty()
                && has_word(parts, "sec-websocket-protocol", b',', csrf);
            assert!(is(access) && (repeated == [csrf.as_bytes()] || by_protocol));
            assert!(is_trusted || !has_word(parts, "sec-fetch-site", 0, "cross-site"));
        }
        if is_upgrade {
            assert!(
                origins.is_empty() || is_trusted || is_own_origin(parts, &origins),
                "{origins:?}"
            );
        }
    } else if values.len() > 1 {
        assert_eq!(response.text, "request_ambiguous");
    } else if values.is_empty() || values[0].is_empty() {
        assert_eq!(response.text, "token_missing");
    } else {
        assert!(!(is(access) || is(bare)) || needs_value, "{response:?}");
    }
}

/// Whether a header of that name has this word.
fn has_word(parts: &Parts, name: &str, between: u8, word: &str) -> bool {
    header_values(parts, name)
        .flat_map(|line| line.split(move |byte| *byte == between))
        .any(|found| found.trim_ascii().eq_ignore_ascii_case(word.as_bytes()))
}

/// Whether there is one origin, and it is that of the host of the request.
fn is_own_origin(parts: &Parts, origins: &[&[u8]]) -> bool {
    let hosts: Vec<_> = header_values(parts, "host").collect();
    let authority = parts.uri.authority().map(|authority| authority.as_str().as_bytes());
    let host = hosts.first().copied().or(authority).unwrap_or_default();
    let host = String::from_utf8_lossy(host).to_ascii_lowercase();
    let origin = String::from_utf8_lossy(origins[0]).to_ascii_lowercase();
    let fits = |scheme: &str, port: &str| {
        origin.strip_prefix(scheme).is_some_and(|origin| {
            origin == host || host.strip_suffix(port).is_some_and(|host| host == origin)
        })
    };
    origins.len() == 1 && hosts.len() <= 1 && (fits("http://", ":80") || fits("https://", ":443"))
}

/// Checks that the cookies of any subject are well-formed, and admit a request.
fn check_set_cookies(subject: &str) {
    let Ok(pair) = AUTH.token_pair(subject).issue() else { return };
    let response = AUTH.set_cookies(&pair).into_response();
    assert!(response.status().is_success());
    let mut sent = Vec::new();
    let mut csrf = None;
    for line in response.headers().get_all("set-cookie") {
        let cookie = Cookie::parse(line.to_str().expect("ASCII")).expect("a cookie");
        assert_eq!(cookie.to_string(), line.to_str().expect("ASCII"));
        assert_eq!((cookie.path(), cookie.secure()), (Some("/"), Some(true)));
        assert_eq!((cookie.domain(), cookie.same_site()), (None, Some(SameSite::Lax)));
        assert!(line.len() <= 4096 && cookie.max_age().is_some());
        let (name, value) = cookie.name_value();
        match name {
            "__Host-access_token_cookie" => assert_eq!(value, pair.access_token()),
            "__Host-refresh_token_cookie" => assert_eq!(value, pair.refresh_token()),
            "__Host-csrf_access_token" => csrf = Some(value.to_owned()),
            "__Host-csrf_refresh_token" => {}
            other => panic!("{other}"),
        }
        assert_eq!(cookie.http_only().is_some(), !name.contains("csrf"));
        sent.push(format!("{name}={value}"));
    }
    assert_eq!(sent.len(), 4);
    let csrf = csrf.expect("a CSRF value");
    let request = format!("POST /\ncookie: {}\nx-csrf-token: {csrf}", sent.join("; "));
    let parts = read(request.as_bytes(), &[]).expect("a request");
    let response = response::call(me, &parts, &AUTH);
    assert_eq!(response::read(response).text, subject);
}
