//! A request: its token is found where an independent parser finds it, and no other request is admitted.
#![no_main]

use std::sync::LazyLock;
use std::time::Duration;

use TokenLocation::{Cookie, Header, Query, WebSocketProtocol};
use axum::http::request::Parts;
use fuzz::request::{cookies, header_values, read};
use fuzz::response::{self, TestResponse};
use fuzz::token::{config, run_ready};
use jwt_auth::{
    AccessToken, IssuedToken, JwtAuth, RefreshToken, TokenLocation, jwt_required, refresh_required,
};
use libfuzzer_sys::fuzz_target;

const ORDERS: [&[TokenLocation]; 3] = [
    &[Header, Cookie, Query, WebSocketProtocol],
    &[WebSocketProtocol, Query, Cookie, Header],
    &[Header],
];

static VERIFIERS: LazyLock<Vec<JwtAuth>> = LazyLock::new(|| {
    let build = |order: &&[TokenLocation]| config().token_location(order.to_vec()).build();
    ORDERS.iter().map(|order| build(order).expect("a valid configuration")).collect()
});

/// What an input may name: `{A}` an access token, `{R}` a refresh token, `{X}` an expired one, `{C}` a CSRF value.
static KNOWN: LazyLock<[(&str, String); 4]> = LazyLock::new(|| {
    let auth = &VERIFIERS[0];
    let access = auth.access_token("alice").issue().expect("a token");
    let csrf = run_ready(auth.verify_access(&access))
        .expect("a valid token")
        .csrf_token()
        .map(str::to_owned);
    let expired = auth.access_token("alice").expires_in(Duration::ZERO).issue().expect("a token");
    let refresh = auth.refresh_token("alice").issue().expect("a token");
    let csrf = csrf.expect("a CSRF value");
    let text = |token: IssuedToken| token.as_str().to_owned();
    [("A", text(access)), ("R", text(refresh)), ("X", text(expired)), ("C", csrf)]
});

#[jwt_required]
async fn required(token: AccessToken) -> &'static str {
    token.location().expect("a request").name()
}

#[jwt_required(optional)]
async fn optional(token: Option<AccessToken>) -> &'static str {
    token.map_or("anonymous", |token| token.location().expect("a request").name())
}

#[refresh_required]
async fn refresh(token: RefreshToken) -> &'static str {
    token.location().expect("a request").name()
}

fuzz_target!(|input: &[u8]| {
    let Some(parts) = read(input, &*KNOWN) else { return };
    for (auth, order) in VERIFIERS.iter().zip(ORDERS) {
        let response = response::read(response::call(required, &parts, auth));
        check(&parts, order, "access", &KNOWN[0].1, &response);
        let response = response::read(response::call(refresh, &parts, auth));
        check(&parts, order, "refresh", &KNOWN[1].1, &response);
        let response = response::read(response::call(optional, &parts, auth));
        match find(&parts, order, "access") {
            Ok(None) => assert_eq!(response.text, "anonymous"),
            _ => check(&parts, order, "access", &KNOWN[0].1, &response),
        }
    }
});

fn check(parts: &Parts, order: &[TokenLocation], kind: &str, valid: &str, response: &TestResponse) {
    match find(parts, order, kind) {
        Err(code) => assert_eq!(response.text, code),
        Ok(None) => assert_eq!(response.text, "token_missing"),
        Ok(Some((token, Cookie))) if token == valid.as_bytes() => {
            // The target `cookie` tests whether the request may use it.
            assert!(
                response.text == "cookie"
                    || response.text.starts_with("csrf")
                    || response.text.starts_with("request"),
                "{response:?}"
            );
        }
        Ok(Some((token, location))) if token == valid.as_bytes() => {
            assert_eq!(response.text, location.name());
        }
        Ok(Some((_, Cookie))) => assert!(response.status.is_client_error(), "{response:?}"),
        // A text that is not one word is malformed.
        Ok(Some((token, _))) if !token.iter().all(u8::is_ascii_graphic) => {
            assert_eq!(response.text, "token_malformed");
        }
        Ok(Some(_)) => assert!(response.status.is_client_error(), "{response:?}"),
    }
}

type Found = Result<Option<(Vec<u8>, TokenLocation)>, &'static str>;

/// The token of the first location that has one.
fn find(parts: &Parts, order: &[TokenLocation], kind: &str) -> Found {
    for location in order {
        let found = match location {
            Header => header(&header_values(parts, "authorization").collect::<Vec<_>>()),
            Cookie => only(&cookies(parts, &format!("__Host-{kind}_token_cookie"))),
            Query => query(parts.uri.query().unwrap_or_default()),
            _ => protocol(parts),
        };
        if let Some(token) = found? {
            return Ok(Some((token, *location)));
        }
    }
    Ok(None)
}

/// A token; an empty one is malformed.
fn some(bytes: &[u8]) -> Result<Option<Vec<u8>>, &'static str> {
    if bytes.is_empty() { Err("token_malformed") } else { Ok(Some(bytes.to_vec())) }
}

/// The only value; an empty one counts as absent.
fn only(values: &[Vec<u8>]) -> Result<Option<Vec<u8>>, &'static str> {
    match values {
        [] => Ok(None),
        [one] if one.is_empty() => Ok(None),
        [one] => Ok(Some(one.clone())),
        _ => Err("request_ambiguous"),
    }
}

fn header(values: &[&[u8]]) -> Result<Option<Vec<u8>>, &'static str> {
    let value = match values {
        [] => return Ok(None),
        [value] => *value,
        _ => return Err("request_ambiguous"),
    };
    let Some((scheme, rest)) = value.split_at_checked(6) else { return Ok(None) };
    if !scheme.eq_ignore_ascii_case(b"bearer") {
        return Ok(None);
    }
    match rest.first() {
        Some(b' ') => {
            let blanks = rest.iter().take_while(|byte| **byte == b' ').count();
            some(&rest[blanks..])
        }
        // A longer word is another scheme.
        Some(byte) if byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte) => Ok(None),
        _ => Err("token_malformed"),
    }
}

fn query(query: &str) -> Result<Option<Vec<u8>>, &'static str> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let values = pairs.filter(|(name, _)| *name == "access_token");
    only(&values.map(|(_, value)| value.into()).collect::<Vec<_>>())
}

fn protocol(parts: &Parts) -> Result<Option<Vec<u8>>, &'static str> {
    let all = header_values(parts, "sec-websocket-protocol").collect::<Vec<_>>();
    let all = all.iter().flat_map(|line| line.split(|byte| *byte == b','));
    let all: Vec<_> = all.map(<[u8]>::trim_ascii).collect();
    let mut found = None;
    let mut position = 0;
    while position < all.len() {
        if all[position].eq_ignore_ascii_case(b"bearer") {
            if found.is_some() {
                return Err("request_ambiguous");
            }
            position += 1;
            found = some(all.get(position).copied().unwrap_or_default())?;
        }
        position += 1;
    }
    Ok(found)
}
