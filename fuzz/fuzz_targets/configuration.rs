//! Variables: a configuration that is accepted admits its own tokens, and no message holds a secret.
#![no_main]

use std::collections::BTreeMap;

use axum::response::IntoResponse;
use cookie::Cookie;
use fuzz::answer;
use fuzz::request::read;
use fuzz::token::{CANARY, NOW, canary, settled};
use jwt_auth::{AccessToken, Config, JwtAuth, ManualClock, TokenPair, jwt_required};
use libfuzzer_sys::fuzz_target;

const KEYS: [&str; 3] = ["SECRET_KEY", "PRIVATE_KEY", "PUBLIC_KEY"];

#[jwt_required]
async fn me(token: AccessToken) -> String {
    token.subject().to_owned()
}

/// The variables, without their prefix.
struct Vars(BTreeMap<String, String>);

impl Vars {
    /// `NAME=VALUE` by lines; a later one replaces an earlier one.
    fn read(input: &str) -> Self {
        let pairs = input.split('\n').filter_map(|line| line.split_once('='));
        Self(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    fn get<'a>(&'a self, name: &str, default: &'a str) -> &'a str {
        self.0.get(name).map_or(default, String::as_str)
    }

    fn is(&self, name: &str, word: &str) -> bool {
        self.get(name, "").trim().eq_ignore_ascii_case(word)
    }
}

fuzz_target!(|input: &str| {
    let mut vars = Vars::read(input);
    for name in KEYS {
        let Some(value) = vars.0.get_mut(name) else { continue };
        *value = canary(value).replace("\\n", "\n");
        // Nothing is read from the disk.
        if value.starts_with("file:") {
            return;
        }
    }
    let pairs = vars.0.iter().map(|(name, value)| (format!("JWT_AUTH_{name}"), value.as_str()));
    let config = Config::from_vars(pairs).clock(ManualClock::at(NOW));
    let shown = format!("{config:?}");
    assert!(!shown.contains(CANARY), "{shown}");
    match config.build() {
        Err(error) => {
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains(CANARY) && error.problems().count() > 0, "{shown}");
        }
        Ok(auth) => accepted(&auth, &vars),
    }
});

fn accepted(auth: &JwtAuth, vars: &Vars) {
    let known: Vec<_> = jwt_auth::__private::variables().collect();
    assert!(vars.0.keys().all(|name| known.contains(&format!("JWT_AUTH_{name}"))));
    assert!(KEYS.iter().any(|name| vars.0.contains_key(*name)), "there is no key");
    let Ok(pair) = auth.token_pair("alice").issue() else { return };
    let locations = vars.get("TOKEN_LOCATION", "header").to_ascii_lowercase();
    let mut places = locations.split(',').map(str::trim);
    let answer = auth.set_cookies(&pair).into_response();
    let reads = places.clone().any(|place| place == "cookie");
    assert_eq!(answer.status().is_success(), reads);
    let mut cookies = Vec::new();
    for line in answer.headers().get_all("set-cookie") {
        cookies.push(set(line.to_str().expect("ASCII"), &pair, vars));
    }
    // Who writes another issuer or audience than is asked for writes for somebody else.
    if ["ENCODE_ISSUER", "DECODE_ISSUER", "DECODE_AUDIENCE"]
        .iter()
        .any(|name| vars.0.contains_key(*name))
    {
        return;
    }
    let token = settled(auth.verify_access(pair.access_token())).expect("its own");
    settled(auth.verify_refresh(pair.refresh_token())).expect("its own");
    let csrf_header = vars.get("ACCESS_CSRF_HEADER_NAME", "X-CSRF-Token");
    let csrf =
        token.csrf_token().map(|csrf| format!("\n{csrf_header}: {csrf}")).unwrap_or_default();
    let bearer = pair.access_token();
    let request = match places.next() {
        Some("header") => {
            let scheme = vars.get("HEADER_TYPE", "Bearer");
            let scheme =
                if scheme.eq_ignore_ascii_case("none") { "" } else { &format!("{scheme} ") };
            format!("GET /\n{}: {scheme}{bearer}", vars.get("HEADER_NAME", "Authorization"))
        }
        Some("cookie") => {
            // A header that means something else already.
            let others = ["cookie", "host", "origin", "upgrade", "sec-fetch-site"];
            if others.iter().any(|name| csrf_header.eq_ignore_ascii_case(name)) {
                return;
            }
            format!("GET /\ncookie: {}{csrf}", cookies.join("; "))
        }
        Some("query") => format!("GET /?{}={bearer}", vars.get("QUERY_NAME", "access_token")),
        _ => format!("GET /\nsec-websocket-protocol: chat, bearer, {bearer}"),
    };
    let parts = read(request.as_bytes(), &[]).expect("a request");
    let answer = answer::of(me, &parts, auth);
    assert!(answer.status().is_success(), "{request} {}", answer.status());
}

/// A cookie that is set, as the browser sends it back.
fn set(line: &str, pair: &TokenPair, vars: &Vars) -> String {
    let cookie = Cookie::parse(line).expect("a cookie");
    let (name, value) = cookie.name_value();
    let token = value == pair.access_token() || value == pair.refresh_token();
    assert_eq!(cookie.http_only().is_some(), token, "{line}");
    assert_eq!(cookie.secure().is_some(), !vars.is("COOKIE_SECURE", "false"), "{line}");
    let same_site = cookie.same_site().expect("an attribute").to_string();
    let asked = vars.get("COOKIE_SAMESITE", "lax").trim();
    assert!(same_site.eq_ignore_ascii_case(asked), "{line}");
    assert_eq!(cookie.domain(), vars.0.get("COOKIE_DOMAIN").map(String::as_str));
    if token {
        let kind = if value == pair.access_token() { "ACCESS" } else { "REFRESH" };
        assert_eq!(cookie.path(), Some(vars.get(&format!("{kind}_COOKIE_PATH"), "/")));
        let own = format!("{}_token_cookie", kind.to_ascii_lowercase());
        let key = vars.get(&format!("{kind}_COOKIE_KEY"), &own);
        assert!(name == key || name.strip_prefix("__Host-") == Some(key), "{line}");
    }
    if name.starts_with("__Host-") {
        assert!(
            cookie.secure().is_some() && cookie.domain().is_none() && cookie.path() == Some("/")
        );
    }
    format!("{name}={value}")
}
