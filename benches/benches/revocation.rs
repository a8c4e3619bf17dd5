//! The memory store: the time of a check and the memory of an entry, with zero to a million revoked ids.
//!
//! `cargo bench -p benches --bench revocation`; medians of one run.

#![allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "figures")]

use std::hint::black_box;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use allocation_counter::measure;
use benches::measure::run_ready;
use benches::report::{self, Goal, round};
use jwt_auth::session::{Revocation, RevocationStore};
use jwt_auth::{AccessToken, Config, ManualClock, MemoryStore};
use serde_json::json;

const NOW: u64 = 1_700_000_000;
const TOKENS: usize = 4096;
const ROUNDS: usize = 200;

fn at(second: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(second)
}

/// Ids like those of our tokens: 128 bits in base64url.
fn ids(count: usize) -> Vec<String> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let id = |_| {
        let bits = u128::from(next()) << 64 | u128::from(next());
        let letters = (0..22).map(|at| {
            let six = if at == 21 { (bits << 4) & 0x30 } else { (bits >> (122 - at * 6)) & 0x3f };
            char::from(ALPHABET[six as usize])
        });
        letters.collect()
    };
    (0..count).map(id).collect()
}

fn main() {
    let clock = ManualClock::at(NOW);
    let auth = Config::hs256(jwt_auth::KeyMaterial::ephemeral())
        .clock(clock)
        .build()
        .expect("a valid configuration");
    let tokens: Vec<AccessToken> = (0..TOKENS)
        .map(|n| {
            let pair = run_ready(auth.log_in(format!("user-{n}")).into_future()).expect("a pair");
            run_ready(auth.verify_access(pair.access_token())).expect("a valid token")
        })
        .collect();
    let (mut rows, mut goals) = (Vec::new(), Vec::new());
    println!("{:>10} {:>12} {:>14}", "revoked", "ns a check", "bytes an entry");
    for count in [0, 1, 1_000, 100_000, 1_000_000] {
        let ids = ids(count);
        let store = MemoryStore::new();
        let memory = measure(|| {
            for id in &ids {
                let entry = Revocation::Token { issuer: None, id, until: at(NOW + 900) };
                run_ready(store.revoke(entry, at(NOW))).expect("recorded");
            }
        });
        let mut times: Vec<f64> = (0..ROUNDS)
            .map(|_| {
                let start = Instant::now();
                for token in &tokens {
                    let _ = black_box(store.check(&token.identity(), at(NOW)));
                }
                start.elapsed().as_nanos() as f64 / TOKENS as f64
            })
            .collect();
        times.sort_by(f64::total_cmp);
        let weight = memory.bytes_current as f64 / count.max(1) as f64;
        println!("{count:>10} {:>12.1} {weight:>14.1}", times[ROUNDS / 2]);
        let (time, weight) = (round(times[ROUNDS / 2]), round(weight));
        if count == 1_000_000 {
            goals.push(Goal::at_most("1 M revoked ids: ns a check", time, 60.0));
            goals.push(Goal::at_most("1 M revoked ids: bytes an entry", weight, 48.0));
        }
        rows.push(json!({ "revoked": count, "ns": time, "bytes": weight }));
    }
    report::print_goals(&goals);
    report::save_json(
        "revocation.json",
        &json!({
            "command": "cargo bench -p benches --bench revocation",
            "unit": "ns a check, bytes an entry",
            "rows": rows,
            "goals": goals,
        }),
    );
}
