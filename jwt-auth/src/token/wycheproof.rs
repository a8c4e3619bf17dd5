//! The Wycheproof vectors for signatures and keys, except those excluded here by name.
//!
//! The vectors are not part of the repository: `WYCHEPROOF_DIR` names their folder, or they are in
//! `shared/vectors/wycheproof` next to the checkout.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::compact::Segments;
use super::verify::{Scratch, checked_payload};
use crate::keys::{Key, KeyRing, Leniency, LoadedRing, RingTerms};

/// Vectors whose result differs here, and why.
const EXCLUDED: [(u64, &str); 8] = [
    (346, "the key is for PS256 and the token uses PS384; a key has one algorithm"),
    (350, "the key is for PS256 and the token uses PS384; a key has one algorithm"),
    (347, "the `alg` of the key is `ES521`, which no RFC defines"),
    (351, "the `alg` of the key is `ES521`, which no RFC defines"),
    (367, "marked invalid, but identical to a valid vector"),
    (370, "marked invalid, but identical to a valid vector"),
    (372, "marked valid, but contains a `?`, which is not base64url"),
    (373, "marked valid, but contains a `?`, which is not base64url"),
];

fn read_vectors(name: &str) -> Option<Value> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/vectors/wycheproof");
    let folder = std::env::var_os("WYCHEPROOF_DIR").map_or(beside, PathBuf::from);
    let Ok(text) = std::fs::read_to_string(folder.join(name)) else {
        assert!(std::env::var_os("CI").is_none(), "CI needs the vectors: set WYCHEPROOF_DIR");
        // Written to stderr directly, because the test runner hides what a passing test prints.
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: no {name}; clone C2SP/wycheproof and set WYCHEPROOF_DIR to its testvectors_v1"
        );
        return None;
    };
    Some(serde_json::from_str(&text).unwrap())
}

/// Whether the token verifies with the group's key, or with one of its keys.
fn accepts(group: &Value, jws: &str) -> bool {
    let key = group.get("public").filter(|key| !key.is_null()).unwrap_or(&group["private"]);
    let alone = [key.clone()];
    let keys = key["keys"].as_array().map_or(&alone[..], Vec::as_slice);
    let ring = keys
        .iter()
        .fold(KeyRing::default(), |ring, key| ring.also_verify(Key::jwk(key.to_string())));
    let leniency = Leniency { uniform_secrets: true, ..Leniency::default() };
    let terms = RingTerms { leniency, ..RingTerms::default() };
    let Ok(ring) = LoadedRing::load(&ring, terms) else { return false };
    let mut scratch = Scratch::default();
    Segments::split(jws)
        .and_then(|segments| {
            checked_payload(jws, segments, &ring, &mut scratch, Duration::ZERO).map(drop)
        })
        .is_ok()
}

/// Checks every vector of the file except the excluded ones, and returns how many; `None` if the file is missing.
fn check_vectors(name: &str, excluded: &[(u64, &str)]) -> Option<usize> {
    let file = read_vectors(name)?;
    let (mut checked, mut wrong) = (0, Vec::new());
    for group in file["testGroups"].as_array().unwrap() {
        for test in group["tests"].as_array().unwrap() {
            let id = test["tcId"].as_u64().unwrap();
            // A vector in the JSON serialisation is passed as its text.
            let jws = test["jws"].as_str().map_or_else(|| test["jws"].to_string(), str::to_owned);
            let agrees = accepts(group, &jws) == (test["result"] == "valid");
            match excluded.iter().any(|(excluded, _)| *excluded == id) {
                true if agrees => wrong.push(format!("{id} needs no exclusion")),
                false if !agrees => wrong.push(format!("{id} {}", test["comment"])),
                true => {}
                false => checked += 1,
            }
        }
    }
    let _ = writeln!(
        std::io::stderr(),
        "Wycheproof {name}: {checked} vectors agree, {} excluded by name",
        excluded.len()
    );
    assert!(wrong.is_empty(), "{wrong:#?}");
    Some(checked)
}

#[test]
fn signature_vectors_agree() {
    if let Some(checked) = check_vectors("json_web_signature_test.json", &EXCLUDED) {
        assert_eq!(checked, 393);
    }
}

#[test]
fn key_vectors_agree() {
    if let Some(checked) = check_vectors("json_web_key_test.json", &[]) {
        assert_eq!(checked, 26);
    }
}
