//! A request: its token is found where another reader finds it, and nobody else is let in.
#![no_main]

use std::sync::LazyLock;
use std::time::Duration;

use TokenLocation::{Cookie, Header, Query, WebSocketProtocol};
use axum::http::request::Parts;
use fuzz::answer::{self, Answer};
use fuzz::request::{cookies, lines, read};
use fuzz::token::{config, settled};
use jwt_auth::{AccessToken, JwtAuth, RefreshToken, TokenLocation, jwt_required, refresh_required};
use libfuzzer_sys::fuzz_target;

const ORDERS: [&[TokenLocation]; 3] = [
    &[Header, Cookie, Query, WebSocketProtocol],
    &[WebSocketProtocol, Query, Cookie, Header],
    &[Header],
];

static READERS: LazyLock<Vec<JwtAuth>> = LazyLock::new(|| {
    let build = |order: &&[TokenLocation]| config().token_location(order.to_vec()).build();
    ORDERS.iter().map(|order| build(order).expect("good")).collect()
});

/// What an input may name: `{A}` an access token, `{R}` a refresh token, `{X}` an expired one, `{C}` a CSRF value.
static KNOWN: LazyLock<[(&str, String); 4]> = LazyLock::new(|| {
    let auth = &READERS[0];
    let access = auth.access_token("alice").issue().expect("a token");
    let csrf = settled(auth.verify_access(&access)).expect("good").csrf_token().map(str::to_owned);
    let late = auth.access_token("alice").expires_in(Duration::ZERO).issue().expect("a token");
    let refresh = auth.refresh_token("alice").issue().expect("a token");
    [("A", access), ("R", refresh), ("X", late), ("C", csrf.expect("cookies bear tokens"))]
});

#[jwt_required]
async fn required(token: AccessToken) -> &'static str {
    token.location().expect("a request").name()
}

#[jwt_required(optional)]
async fn optional(token: Option<AccessToken>) -> &'static str {
    token.map_or("nobody", |token| token.location().expect("a request").name())
}

#[refresh_required]
async fn refresh(token: RefreshToken) -> &'static str {
    token.location().expect("a request").name()
}

fuzz_target!(|input: &[u8]| {
    let Some(parts) = read(input, &*KNOWN) else { return };
    for (auth, order) in READERS.iter().zip(ORDERS) {
        let answer = answer::read(answer::of(required, &parts, auth));
        check(&parts, order, "access", &KNOWN[0].1, &answer);
        let answer = answer::read(answer::of(refresh, &parts, auth));
        check(&parts, order, "refresh", &KNOWN[1].1, &answer);
        let answer = answer::read(answer::of(optional, &parts, auth));
        match find(&parts, order, "access") {
            Ok(None) => assert_eq!(answer.text, "nobody"),
            _ => check(&parts, order, "access", &KNOWN[0].1, &answer),
        }
    }
});

fn check(parts: &Parts, order: &[TokenLocation], kind: &str, good: &str, answer: &Answer) {
    match find(parts, order, kind) {
        Err(code) => assert_eq!(answer.text, code),
        Ok(None) => assert_eq!(answer.text, "token_missing"),
        Ok(Some((token, Cookie))) if token == good.as_bytes() => {
            // Whether the request may use it is the target `cookie`'s question.
            assert!(
                answer.text == "cookie"
                    || answer.text.starts_with("csrf")
                    || answer.text.starts_with("request"),
                "{answer:?}"
            );
        }
        Ok(Some((token, at))) if token == good.as_bytes() => assert_eq!(answer.text, at.name()),
        Ok(Some((_, Cookie))) => assert!(answer.status.is_client_error(), "{answer:?}"),
        // What is no word is no token, whoever looks at it first.
        Ok(Some((token, _))) if !token.iter().all(u8::is_ascii_graphic) => {
            assert_eq!(answer.text, "token_malformed");
        }
        Ok(Some(_)) => assert!(answer.status.is_client_error(), "{answer:?}"),
    }
}

type Found = Result<Option<(Vec<u8>, TokenLocation)>, &'static str>;

/// The token of the first place that bears one.
fn find(parts: &Parts, order: &[TokenLocation], kind: &str) -> Found {
    for place in order {
        let found = match place {
            Header => header(&lines(parts, "authorization").collect::<Vec<_>>()),
            Cookie => only(&cookies(parts, &format!("__Host-{kind}_token_cookie"))),
            Query => query(parts.uri.query().unwrap_or_default()),
            _ => protocol(parts),
        };
        if let Some(token) = found? {
            return Ok(Some((token, *place)));
        }
    }
    Ok(None)
}

fn some(bytes: &[u8]) -> Result<Option<Vec<u8>>, &'static str> {
    if bytes.is_empty() { Err("token_malformed") } else { Ok(Some(bytes.to_vec())) }
}

/// One value, where an empty one is none.
fn only(values: &[Vec<u8>]) -> Result<Option<Vec<u8>>, &'static str> {
    match values {
        [] => Ok(None),
        [one] if one.is_empty() => Ok(None),
        [one] => Ok(Some(one.clone())),
        _ => Err("request_ambiguous"),
    }
}

fn header(lines: &[&[u8]]) -> Result<Option<Vec<u8>>, &'static str> {
    let line = match lines {
        [] => return Ok(None),
        [line] => *line,
        _ => return Err("request_ambiguous"),
    };
    let Some((scheme, rest)) = line.split_at_checked(6) else { return Ok(None) };
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
    let all = lines(parts, "sec-websocket-protocol").collect::<Vec<_>>();
    let all = all.iter().flat_map(|line| line.split(|byte| *byte == b','));
    let all: Vec<_> = all.map(<[u8]>::trim_ascii).collect();
    let mut found = None;
    let mut at = 0;
    while at < all.len() {
        if all[at].eq_ignore_ascii_case(b"bearer") {
            if found.is_some() {
                return Err("request_ambiguous");
            }
            at += 1;
            found = some(all.get(at).copied().unwrap_or_default())?;
        }
        at += 1;
    }
    Ok(found)
}
