//! How the time of a verification grows: with the token and its claims, the ring, the revoked ids, the cached tokens.
//!
//! `cargo bench -p benches --bench growth`, or one part of it with `-- revoked`. HS256, where the signature
//! takes the smallest part; no HTTP.

#![allow(clippy::cast_precision_loss, reason = "counts")]

use std::hint::black_box;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use benches::measure::{Lane, measure_interleaved, run_ready};
use benches::peers::by_hand::ByHand;
use benches::report::{self, Goal, format_short, format_thousands, round};
use benches::tokens;
use jsonwebtoken::{EncodingKey, Header};
use jwt_auth::session::{Revocation, RevocationStore};
use jwt_auth::{Algorithm, Config, JwtAuth, Key, KeyRing, MemoryStore};
use serde::Deserialize;
use serde_json::{Value, json};

const ROUNDS: usize = 100;
/// The number of tokens that take turns, because a single one would stay in the caches of the processor.
const TOKENS: usize = 1_000;

/// The claims of an application that needs the subject and the expiry only.
#[derive(Clone, Deserialize)]
#[allow(dead_code, reason = "read from the token, as an application would")]
struct Little {
    sub: String,
    exp: u64,
    #[serde(rename = "type")]
    kind: String,
}

/// One line of a table.
struct Line {
    at: String,
    figures: Vec<f64>,
}

struct Part {
    name: &'static str,
    columns: &'static [&'static str],
    lines: Vec<Line>,
}

impl Part {
    fn print(&self) {
        print!("\n{:24}", self.name);
        for column in self.columns {
            print!(" {column:>24}");
        }
        println!();
        for line in &self.lines {
            print!("{:24}", line.at);
            for (figure, first) in line.figures.iter().zip(&self.lines[0].figures) {
                let text =
                    format!("{} ({} ×)", format_thousands(*figure), format_short(figure / first));
                print!(" {text:>24}");
            }
            println!();
        }
    }

    fn to_json(&self) -> Value {
        let lines = self.lines.iter().map(|line| {
            let figures: Vec<f64> = line.figures.iter().copied().map(round).collect();
            json!({ "at": line.at, "figures": figures })
        });
        json!({ "by": self.name, "columns": self.columns, "lines": lines.collect::<Vec<_>>() })
    }
}

fn build(config: Config) -> JwtAuth {
    config.build().expect("a valid configuration")
}

fn secret(number: usize) -> String {
    format!("an example secret of 32 bytes, number {number:08}")
}

/// Verifies tokens in turn.
fn verify<'a>(auth: &'a JwtAuth, tokens: &'a [String]) -> Lane<'a> {
    // Each once, so that every token is in the cache, if there is one.
    for token in tokens {
        run_ready(auth.verify_access(token)).expect("a valid token");
    }
    let mut turn = tokens.iter().cycle();
    Lane::new(move || {
        run_ready(auth.verify_access(black_box(turn.next().expect("endless")))).is_ok()
    })
}

fn many(auth: &JwtAuth, count: usize) -> Vec<String> {
    let token = |number| {
        auth.access_token(format!("user-{number:09}")).issue().expect("a token").as_str().to_owned()
    };
    (0..count).map(token).collect()
}

#[allow(clippy::disallowed_methods, reason = "a token that is valid now")]
fn today() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

/// Measures a token with these claims beyond the usual ones, and compares with a decoder that needs three of them.
fn against_by_hand(at: impl FnOnce(usize) -> String, more: &Value) -> Line {
    let uncached = build(Config::hs256(tokens::SECRET).verified_cache(0));
    let cached = build(Config::hs256(tokens::SECRET).verified_cache(1_000));
    let by_hand = ByHand::lenient();
    let key = EncodingKey::from_secret(tokens::SECRET.as_bytes());
    let now = today();
    let mut claims =
        json!({ "sub": "u", "iat": now, "exp": now + 86_400, "type": "access", "jti": "1" });
    let all = claims.as_object_mut().expect("claims");
    all.extend(more.as_object().expect("claims").clone());
    let header = Header::new(jsonwebtoken::Algorithm::HS256);
    let token = [jsonwebtoken::encode(&header, &claims, &key).expect("a token")];
    assert!(by_hand.decode_any::<Little>(&token[0]).is_some(), "by hand");
    let mut lanes = [
        verify(&uncached, &token),
        verify(&cached, &token),
        Lane::new(|| by_hand.decode_any::<Little>(black_box(&token[0])).is_some()),
    ];
    Line { at: at(token[0].len()), figures: measure_interleaved(&mut lanes, ROUNDS) }
}

const AGAINST_BY_HAND: &[&str] = &["no cache, ns", "cached", "jsonwebtoken::decode"];

/// That many claims that are not read, with values of the same length.
fn unread(count: usize) -> Value {
    let text = Value::from("forty letters of a claim that is not read");
    (0..count).map(|at| (format!("claim{at:03}"), text.clone())).collect()
}

fn by_size() -> Part {
    let line = |size: usize| {
        // The token without them has 176 bytes.
        let claims = unread(size.saturating_sub(176) * 3 / 4 / 55);
        against_by_hand(|bytes| format!("{} bytes", format_thousands(bytes as f64)), &claims)
    };
    let lines = [200, 400, 1_000, 2_000, 4_000, 8_000].map(line).into();
    Part { name: "size of the token", columns: AGAINST_BY_HAND, lines }
}

fn by_claims() -> Part {
    let line = |count: usize| {
        against_by_hand(|bytes| format!("{count} ({bytes} bytes)"), &unread(count - 5))
    };
    let lines = [5, 10, 25, 50, 100].map(line).into();
    Part { name: "claims", columns: AGAINST_BY_HAND, lines }
}

/// What tokens of applications and of identity providers contain.
fn by_content() -> Part {
    let names = |count: usize, of: &str| -> Vec<String> {
        (0..count).map(|n| format!("{of}-{n:03}")).collect()
    };
    let nested = json!({
        "realm_access": { "roles": names(5, "role") },
        "resource_access": {
            "notes": { "roles": names(3, "role") },
            "account": { "roles": ["manage-account", "view-profile"] },
        },
        "address": { "city": "Vienna", "geo": { "lat": 48.2, "lon": 16.37 } },
    });
    let scope = names(60, "https://api.example/notes:read").join(" ");
    let lines = [
        ("10 scopes", json!({ "scope": names(10, "notes").join(" ") })),
        ("60 long scopes", json!({ "scope": scope })),
        ("3 roles", json!({ "roles": names(3, "role") })),
        ("200 roles", json!({ "roles": names(200, "role") })),
        ("200 groups", json!({ "groups": names(200, "group") })),
        ("nested objects", nested),
    ];
    let line = |(name, claims): &(&str, Value)| {
        against_by_hand(|bytes| format!("{name} ({bytes} bytes)"), claims)
    };
    let lines = lines.iter().map(line).collect();
    Part { name: "content", columns: AGAINST_BY_HAND, lines }
}

fn goals(parts: &[Part]) -> Vec<Goal> {
    let compared = parts.iter().filter(|part| part.columns == AGAINST_BY_HAND);
    let lines = compared.flat_map(|part| part.lines.iter().map(move |line| (part.name, line)));
    lines
        .map(|(name, line)| {
            let what = format!("{name}, {}: over `jsonwebtoken::decode`", line.at);
            Goal::at_most(what, round(line.figures[0] / line.figures[2]), 0.4)
        })
        .collect()
}

fn by_keys() -> Part {
    let line = |(count, has_ids): (usize, bool)| {
        let key = |number| {
            let key = Key::secret(Algorithm::HS256, secret(number));
            if has_ids { key.id(format!("key-{number}")) } else { key }
        };
        let ring = (0..count).fold(None, |ring: Option<KeyRing>, number| match ring {
            None => Some(KeyRing::new(key(number))),
            Some(ring) => Some(ring.also_verify(key(number))),
        });
        let ring = ring.expect("at least one");
        // Signed with the last key of the ring.
        let token = many(&build(Config::with_keys(KeyRing::new(key(count - 1)))), 1);
        let uncached = build(Config::with_keys(ring.clone()).verified_cache(0));
        let cached = build(Config::with_keys(ring).verified_cache(1_000));
        let mut lanes = [verify(&uncached, &token), verify(&cached, &token)];
        Line {
            at: format!("{count}, {}", if has_ids { "with ids" } else { "without ids" }),
            figures: measure_interleaved(&mut lanes, ROUNDS),
        }
    };
    let lines = [(1, true), (10, true), (100, true), (1, false), (3, false)].map(line).into();
    Part { name: "keys in the ring", columns: &["no cache, ns", "cached"], lines }
}

fn by_revoked() -> Part {
    let line = |count: usize| {
        let store = || {
            let store = MemoryStore::new();
            let now = UNIX_EPOCH + Duration::from_secs(today());
            let until = now + Duration::from_secs(86_400);
            for number in 0..count as u64 {
                // 128 bits in base64url, like our ids.
                let bits =
                    u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
                let id = base64::Engine::encode(
                    &base64::engine::general_purpose::URL_SAFE_NO_PAD,
                    bits.to_be_bytes(),
                );
                let entry = Revocation::Token { issuer: None, id: &id, until };
                run_ready(store.revoke(entry, now)).expect("recorded");
            }
            store
        };
        let config = || Config::hs256(tokens::SECRET).revocation(store());
        let (uncached, cached) =
            (build(config().verified_cache(0)), build(config().verified_cache(10 * TOKENS)));
        let tokens = many(&uncached, TOKENS);
        let mut lanes = [verify(&uncached, &tokens), verify(&cached, &tokens)];
        Line {
            at: format_thousands(count as f64),
            figures: measure_interleaved(&mut lanes, ROUNDS),
        }
    };
    let lines = [0, 1, 1_000, 100_000, 1_000_000].map(line).into();
    Part { name: "revoked ids", columns: &["no cache, ns", "cached"], lines }
}

fn by_cached() -> Part {
    let line = |count: usize| {
        let config = || Config::hs256(tokens::SECRET);
        let (uncached, cached) =
            (build(config().verified_cache(0)), build(config().verified_cache(2 * count)));
        let tokens = many(&uncached, count);
        let mut lanes = [verify(&uncached, &tokens), verify(&cached, &tokens)];
        Line {
            at: format_thousands(count as f64),
            figures: measure_interleaved(&mut lanes, ROUNDS),
        }
    };
    let lines = [1, 10_000, 1_000_000].map(line).into();
    Part { name: "tokens in turn", columns: &["no cache, ns", "cached"], lines }
}

fn main() {
    tokens::install_backend();
    let all = [by_size as fn() -> Part, by_claims, by_content, by_keys, by_revoked, by_cached];
    let names = ["size", "claims", "content", "keys", "revoked", "cached"];
    let mut parts = Vec::new();
    for (measure, _) in all.iter().zip(names).filter(|(_, name)| report::is_selected(name)) {
        let part = measure();
        part.print();
        parts.push(part);
    }
    let goals = goals(&parts);
    report::print_goals(&goals);
    report::save_json(
        "growth.json",
        &json!({
            "command": "cargo bench -p benches --bench growth",
            "unit": "ns a verification, HS256, no HTTP",
            "tables": parts.iter().map(Part::to_json).collect::<Vec<_>>(),
            "goals": goals,
        }),
    );
}
