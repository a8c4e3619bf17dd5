//! Variables: an accepted configuration admits its own tokens, and no message contains a secret.
#![no_main]

use std::collections::BTreeMap;

use axum::response::IntoResponse;
use cookie::Cookie;
use fuzz::request::read;
use fuzz::response;
use fuzz::token::{CANARY, NOW, insert_canary, run_ready};
use jwt_auth::{AccessToken, Config, JwtAuth, ManualClock, TokenPair, jwt_required};
use libfuzzer_sys::fuzz_target;

/// The variables with the key that signs, or that verifies alone.
const KEYS: [&str; 3] = ["SECRET_KEY", "PRIVATE_KEY", "PUBLIC_KEY"];
const VERIFY_KEYS: &str = "VERIFY_KEYS";

#[jwt_required]
async fn me(token: AccessToken) -> String {
    token.subject().to_owned()
}

/// The variables, without their prefix.
struct Vars(BTreeMap<String, String>);

impl Vars {
    /// Lines `NAME=VALUE`; a later one replaces an earlier one.
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
    // The name of a variable is no secret.
    if input.contains(CANARY) {
        return;
    }
    let mut vars = Vars::read(input);
    for name in KEYS.into_iter().chain([VERIFY_KEYS]) {
        let Some(value) = vars.0.get_mut(name) else { continue };
        *value = insert_canary(value).replace("\\n", "\n");
        // The target reads nothing from the disk.
        if value.contains("file:") {
            return;
        }
    }
    // The id of a key is public, and messages show it.
    if vars.0.get(VERIFY_KEYS).is_some_and(|keys| keys.contains(CANARY)) {
        return;
    }
    let pairs = vars.0.iter().map(|(name, value)| (format!("JWT_AUTH_{name}"), value.as_str()));
    let config = Config::from_vars(pairs).clock(ManualClock::at(NOW));
    let text = format!("{config:?}");
    assert!(!text.contains(CANARY), "{text}");
    match config.build() {
        Err(error) => {
            let text = format!("{error} {error:?}");
            assert!(!text.contains(CANARY) && error.problems().count() > 0, "{text}");
        }
        Ok(auth) => check_accepted(&auth, &vars),
    }
});

fn check_accepted(auth: &JwtAuth, vars: &Vars) {
    let known: Vec<_> = jwt_auth::__private::options().map(|option| option.variable).collect();
    let is_known = |name: &str| known.contains(&format!("JWT_AUTH_{name}"));
    assert!(vars.0.iter().all(|(name, value)| is_known(name) || is_of_a_service(name, value)));
    assert!(KEYS.iter().any(|name| vars.0.contains_key(*name)), "there is no key");
    let Ok(pair) = auth.token_pair("alice").issue() else { return };
    let locations = vars.get("TOKEN_LOCATION", "header").to_ascii_lowercase();
    let mut remaining = locations.split(',').map(str::trim);
    let response = auth.set_cookies(&pair).into_response();
    let reads = remaining.clone().any(|location| location == "cookie");
    assert_eq!(response.status().is_success(), reads);
    let mut cookies = Vec::new();
    for line in response.headers().get_all("set-cookie") {
        cookies.push(check_cookie(line.to_str().expect("ASCII"), &pair, vars));
    }
    // A configuration may write another issuer or audience than it requires, for another service.
    if ["ENCODE_ISSUER", "DECODE_ISSUER", "DECODE_AUDIENCE"]
        .iter()
        .any(|name| vars.0.contains_key(*name))
    {
        return;
    }
    let token = run_ready(auth.verify_access(pair.access_token())).expect("a token of its own key");
    run_ready(auth.verify_refresh(pair.refresh_token())).expect("a token of its own key");
    let csrf_header = vars.get("ACCESS_CSRF_HEADER_NAME", "X-CSRF-Token");
    let csrf =
        token.csrf_token().map(|csrf| format!("\n{csrf_header}: {csrf}")).unwrap_or_default();
    let bearer = pair.access_token();
    let request = match remaining.next() {
        Some("header") => {
            let scheme = vars.get("HEADER_TYPE", "Bearer");
            let scheme =
                if scheme.eq_ignore_ascii_case("none") { "" } else { &format!("{scheme} ") };
            // Several schemes replace it; each of them is accepted.
            let last = vars.0.get("HEADER_TYPES").and_then(|types| types.rsplit(',').next());
            let scheme = last.map_or(scheme.to_owned(), |last| format!("{} ", last.trim()));
            format!("GET /\n{}: {scheme}{bearer}", vars.get("HEADER_NAME", "Authorization"))
        }
        Some("cookie") => {
            // This header already has another meaning.
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
    let response = response::call(me, &parts, auth);
    assert!(response.status().is_success(), "{request} {}", response.status());
}

/// Whether Kubernetes or Docker could set the variable for a service whose name starts with the prefix.
fn is_of_a_service(name: &str, value: &str) -> bool {
    let ends = ["PORT", "SERVICE_HOST", "_TCP", "_UDP", "_SCTP"];
    let parts = ["SERVICE_PORT_", "_TCP_", "_UDP_", "_SCTP_", "ENV_"];
    ends.iter().any(|end| name.ends_with(end))
        || parts.iter().any(|part| name.contains(part))
        || (name.ends_with("NAME") && value.starts_with('/'))
}

/// Checks a cookie that is set, and returns it as the browser sends it.
fn check_cookie(line: &str, pair: &TokenPair, vars: &Vars) -> String {
    let cookie = Cookie::parse(line).expect("a cookie");
    let (name, value) = cookie.name_value();
    let token = value == pair.access_token() || value == pair.refresh_token();
    assert_eq!(cookie.http_only().is_some(), token, "{line}");
    assert_eq!(cookie.secure().is_some(), !vars.is("COOKIE_SECURE", "false"), "{line}");
    let same_site = cookie.same_site().expect("an attribute").to_string();
    let configured = vars.get("COOKIE_SAMESITE", "lax").trim();
    assert!(same_site.eq_ignore_ascii_case(configured), "{line}");
    let domain = vars.0.get("COOKIE_DOMAIN").map(String::as_str);
    assert_eq!(cookie.domain(), domain.map(|domain| domain.strip_prefix('.').unwrap_or(domain)));
    let is_prefixed = name.starts_with("__Host-");
    assert!(!is_prefixed || !vars.is("COOKIE_PREFIX", "none"), "{line}");
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
