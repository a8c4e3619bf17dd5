//! The vectors of Wycheproof for signatures and for keys, held against the reader: all but those named here.
//!
//! The vectors are not part of the project: `WYCHEPROOF_DIR` names their folder, or they lie in
//! `shared/vectors/wycheproof` beside the checkout.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Scratch, Segments, checked_payload};
use crate::keys::{Key, KeyRing, Leniency, LoadedRing};

/// Vectors whose verdict is another one here, and why.
const EXCLUDED: [(u64, &str); 8] = [
    (346, "the key is of PS256, the token of PS384: a key has one algorithm"),
    (350, "the key is of PS256, the token of PS384: a key has one algorithm"),
    (347, "ES512 is none of ours"),
    (351, "ES512 is none of ours"),
    (367, "marked invalid, and identical to a valid one"),
    (370, "marked invalid, and identical to a valid one"),
    (372, "marked valid, and holds a `?`, which is not base64url"),
    (373, "marked valid, and holds a `?`, which is not base64url"),
];

fn vectors(name: &str) -> Option<Value> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/vectors/wycheproof");
    let folder = std::env::var_os("WYCHEPROOF_DIR").map_or(beside, PathBuf::from);
    let Ok(text) = std::fs::read_to_string(folder.join(name)) else {
        assert!(std::env::var_os("CI").is_none(), "CI needs the vectors: set WYCHEPROOF_DIR");
        // Past the test runner, which keeps what a passing test prints.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: no {name}; clone C2SP/wycheproof and set WYCHEPROOF_DIR to its testvectors_v1"
        );
        return None;
    };
    Some(serde_json::from_str(&text).unwrap())
}

/// Whether the reader takes the token under the group's key, or under its set of keys.
fn accepts(group: &Value, jws: &str) -> bool {
    let key = group.get("public").filter(|key| !key.is_null()).unwrap_or(&group["private"]);
    let alone = [key.clone()];
    let keys = key["keys"].as_array().map_or(&alone[..], Vec::as_slice);
    let ring = keys
        .iter()
        .fold(KeyRing::default(), |ring, key| ring.also_verify(Key::jwk(key.to_string())));
    let Ok(ring) = LoadedRing::load(&ring, Leniency::default()) else { return false };
    let mut scratch = Scratch::default();
    Segments::split(jws)
        .and_then(|segments| checked_payload(jws, segments, &ring, &mut scratch).map(drop))
        .is_ok()
}

/// Every vector of the file, but those excluded; how many held.
fn held(name: &str, excluded: &[(u64, &str)]) -> Option<usize> {
    let file = vectors(name)?;
    let (mut held, mut wrong) = (0, Vec::new());
    for group in file["testGroups"].as_array().unwrap() {
        for test in group["tests"].as_array().unwrap() {
            let id = test["tcId"].as_u64().unwrap();
            // A serialisation that is no text is JSON, which the reader gets as text too.
            let jws = test["jws"].as_str().map_or_else(|| test["jws"].to_string(), str::to_owned);
            let agrees = accepts(group, &jws) == (test["result"] == "valid");
            match excluded.iter().any(|(excluded, _)| *excluded == id) {
                true if agrees => wrong.push(format!("{id} needs no exclusion")),
                false if !agrees => wrong.push(format!("{id} {}", test["comment"])),
                true => {}
                false => held += 1,
            }
        }
    }
    let _ = writeln!(
        std::io::stderr(),
        "Wycheproof {name}: {held} vectors held, {} excluded by name",
        excluded.len()
    );
    assert!(wrong.is_empty(), "{wrong:#?}");
    Some(held)
}

#[test]
fn json_web_signature() {
    if let Some(held) = held("json_web_signature_test.json", &EXCLUDED) {
        assert_eq!(held, 393);
    }
}

#[test]
fn json_web_key() {
    if let Some(held) = held("json_web_key_test.json", &[]) {
        assert_eq!(held, 26);
    }
}
