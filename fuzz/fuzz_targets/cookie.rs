//! Cookies: a request is let in by exactly one of ours and its CSRF value, and what we set comes back.
#![no_main]

use std::sync::LazyLock;

use axum::http::request::Parts;
use axum::response::IntoResponse;
use cookie::{Cookie, SameSite};
use fuzz::answer;
use fuzz::request::{cookies, lines, read};
use fuzz::token::{config, settled};
use jwt_auth::{AccessToken, JwtAuth, TokenLocation, jwt_required};
use libfuzzer_sys::fuzz_target;

const NAME: &str = "__Host-access_token_cookie";
const TRUSTED: &str = "https://trusted.example";

static AUTH: LazyLock<JwtAuth> = LazyLock::new(|| {
    let config = config().token_location([TokenLocation::Cookie]).trusted_origins([TRUSTED]);
    config.build().expect("good")
});

/// `{A}` an access token, `{C}` its CSRF value, `{B}` a token without one, `{N}` the cookie's name.
static KNOWN: LazyLock<[(&str, String); 4]> = LazyLock::new(|| {
    let access = AUTH.access_token("alice").issue().expect("a token");
    let csrf = settled(AUTH.verify_access(&access)).expect("good").csrf_token().map(str::to_owned);
    let bare = config().build().expect("good").access_token("bob").issue().expect("a token");
    [("A", access), ("C", csrf.expect("cookies bear tokens")), ("B", bare), ("N", NAME.to_owned())]
});

#[jwt_required]
async fn me(token: AccessToken) -> String {
    token.subject().to_owned()
}

fuzz_target!(|input: &[u8]| {
    match read(input, &*KNOWN) {
        Some(parts) => ask(&parts),
        None => set(&String::from_utf8_lossy(input)),
    }
});

fn ask(parts: &Parts) {
    let answer = answer::read(answer::of(me, parts, &AUTH));
    let values = cookies(parts, NAME);
    let is = |token: &str| values.len() == 1 && values[0] == token.as_bytes();
    let [(_, access), (_, csrf), (_, bare), _] = &*KNOWN;
    let upgrade = parts.method == "CONNECT" || says(parts, "upgrade", b',', "websocket");
    let asked = upgrade || !["GET", "HEAD", "OPTIONS"].contains(&parts.method.as_str());
    let origins: Vec<_> = lines(parts, "origin").collect();
    let trusted = origins == [TRUSTED.as_bytes()];
    if answer.status.is_success() {
        assert!(is(access) || is(bare));
        if asked {
            // By the header, or, where a script can set none, behind its marker.
            let repeated: Vec<_> = lines(parts, "x-csrf-token").collect();
            let by_protocol =
                upgrade && repeated.is_empty() && says(parts, "sec-websocket-protocol", b',', csrf);
            assert!(is(access) && (repeated == [csrf.as_bytes()] || by_protocol));
            assert!(trusted || !says(parts, "sec-fetch-site", 0, "cross-site"));
        }
        if upgrade {
            assert!(origins.is_empty() || trusted || own(parts, &origins), "{origins:?}");
        }
    } else if values.len() > 1 {
        assert_eq!(answer.text, "request_ambiguous");
    } else if values.is_empty() || values[0].is_empty() {
        assert_eq!(answer.text, "token_missing");
    } else {
        assert!(!(is(access) || is(bare)) || asked, "{answer:?}");
    }
}

/// Whether a word of such a line is this one.
fn says(parts: &Parts, name: &str, between: u8, word: &str) -> bool {
    lines(parts, name)
        .flat_map(|line| line.split(move |byte| *byte == between))
        .any(|said| said.trim_ascii().eq_ignore_ascii_case(word.as_bytes()))
}

/// Whether the one origin is of the host that the request names.
fn own(parts: &Parts, origins: &[&[u8]]) -> bool {
    let hosts: Vec<_> = lines(parts, "host").collect();
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

/// Whatever a subject is called, its cookies are whole, and let it in again.
fn set(subject: &str) {
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
    let answer = answer::of(me, &parts, &AUTH);
    assert_eq!(answer::read(answer).text, subject);
}
