//! Keys: a loaded key has one algorithm and keeps its rules, and no message contains a secret.
#![no_main]

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD_NO_PAD};
use fuzz::json::{Reading, object};
use fuzz::token::{CANARY, NOW, base64url, insert_canary, run_ready};
use jwt_auth::{Algorithm, Config, JwtAuth, Key, KeyMaterial, KeyRing, ManualClock};
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};

use Algorithm::{
    ES256, ES384, ES512, EdDSA, HS256, HS384, HS512, PS256, PS384, PS512, RS256, RS384, RS512,
};

const ALGORITHMS: [Algorithm; 13] =
    [HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA];

fuzz_target!(|input: &str| {
    // Keys, separated by `---`: `jwk`, `secret HS256`, `public ES256` or `private ES256`, a line break, the material.
    let mut ring: Option<KeyRing> = None;
    let mut all_loaded_alone = true;
    for text in input.split("\n---\n").take(4) {
        let Some((head, material)) = text.split_once('\n') else { return };
        let material = insert_canary(material);
        let Some(key) = key(head, &material) else { return };
        all_loaded_alone &= is_loaded_alone(head, key.clone(), &material);
        ring = Some(match ring {
            None => KeyRing::new(key),
            Some(ring) => ring.also_verify(key),
        });
    }
    if let Some(ring) = ring {
        assert!(
            build(ring).is_none() || all_loaded_alone,
            "a ring loaded a key that is refused alone"
        );
    }
});

/// The material of a text with a prefix, as a variable may have it. `file:` is refused in code.
fn material_of(text: &str) -> KeyMaterial {
    if let Some(encoded) = text.strip_prefix("base64:") {
        return KeyMaterial::base64(encoded);
    }
    if let Some(digits) = text.strip_prefix("hex:") {
        return KeyMaterial::hex(digits);
    }
    text.into()
}

/// Whether the `kid` contains the secret. It is public, and messages show it.
fn has_public_canary(jwk: &str) -> bool {
    let Ok(Value::Object(members)) = serde_json::from_str(jwk) else { return false };
    members.get("kid").and_then(Value::as_str).is_some_and(|kid| kid.contains(CANARY))
}

fn key(head: &str, material: &str) -> Option<Key> {
    if head == "jwk" && has_public_canary(material) {
        return None;
    }
    let material = material_of(material);
    if head == "jwk" {
        return Some(Key::jwk(material));
    }
    let (kind, algorithm) = head.split_once(' ')?;
    let algorithm = algorithm.parse().ok()?;
    match kind {
        "secret" => Some(Key::secret(algorithm, material)),
        "public" => Some(Key::public_pem(algorithm, material)),
        "private" => Some(Key::private_pem(algorithm, material)),
        _ => None,
    }
}

fn build(ring: KeyRing) -> Option<JwtAuth> {
    let config = Config::with_keys(ring).clock(ManualClock::at(NOW));
    let text = format!("{config:?}");
    assert!(!text.contains(CANARY), "{text}");
    match config.build() {
        Ok(auth) => {
            let text = format!("{auth:?}");
            assert!(!text.contains(CANARY), "{text}");
            Some(auth)
        }
        Err(error) => {
            let text = format!("{error} {error:?}");
            assert!(!text.contains(CANARY) && error.problems().count() > 0, "{text}");
            None
        }
    }
}

/// Whether the key alone is loaded. Checks the rules of a loaded key.
fn is_loaded_alone(head: &str, key: Key, material: &str) -> bool {
    let Some(auth) = build(KeyRing::new(key)) else { return false };
    let issue = |algorithm: &Algorithm| auth.access_token("alice").algorithm(*algorithm).issue();
    let signs: Vec<_> = ALGORITHMS.iter().filter_map(|a| Some((*a, issue(a).ok()?))).collect();
    assert!(signs.len() <= 1, "{signs:?}");
    for (algorithm, token) in &signs {
        let token = run_ready(auth.verify_access(token)).expect("a token of its own key");
        assert_eq!(token.header()["alg"], algorithm.name());
    }
    let (algorithm, secret) = if head == "jwk" {
        jwk(material)
    } else {
        let algorithm: Algorithm =
            head.split_once(' ').expect("two words").1.parse().expect("known");
        let secret = head.starts_with("secret").then(|| secret(material));
        assert!(head.starts_with("public") == signs.is_empty());
        (algorithm, secret)
    };
    assert!(signs.iter().all(|(signs, _)| *signs == algorithm));
    if let Some(secret) = secret {
        assert!(secret.len() >= min_secret_len(algorithm), "{} bytes", secret.len());
        let same = build(KeyRing::new(Key::secret(algorithm, secret))).expect("the same secret");
        let token = same.access_token("alice").issue().expect("a token");
        run_ready(auth.verify_access(&token)).expect("the same secret");
    } else {
        assert_eq!(min_secret_len(algorithm), 0);
    }
    true
}

fn min_secret_len(algorithm: Algorithm) -> usize {
    match algorithm {
        HS256 => 32,
        HS384 => 48,
        HS512 => 64,
        _ => 0,
    }
}

/// The bytes that a text with a prefix means.
fn secret(text: &str) -> Vec<u8> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    if let Some(encoded) = text.strip_prefix("base64:") {
        let plain = encoded.trim().replace('-', "+").replace('_', "/");
        let bytes = LENIENT.decode(plain.trim_end_matches('=')).expect("base64");
        assert_eq!(STANDARD_NO_PAD.encode(&bytes), plain.trim_end_matches('='));
        return bytes;
    }
    if let Some(digits) = text.strip_prefix("hex:") {
        let digits = digits.trim();
        let pairs = (0..digits.len()).step_by(2).map(|at| &digits[at..at + 2]);
        return pairs.map(|pair| u8::from_str_radix(pair, 16).expect("hexadecimal")).collect();
    }
    text.as_bytes().to_vec()
}

/// The algorithm and the secret of an accepted JWK. Checks the rules of RFC 7517 and RFC 7518.
fn jwk(material: &str) -> (Algorithm, Option<Vec<u8>>) {
    let text = secret(material);
    let Reading::Good(members) = object(&text) else { panic!("not strict JSON: {material}") };
    let text = |name: &str| members.get(name).map(|value| value.as_str().expect("text"));
    assert!(text("use").is_none_or(|purpose| purpose == "sig"));
    if let Some(ops) = members.get("key_ops") {
        let ops = ops.as_array().expect("a list");
        assert!(ops.iter().any(|op| op == "verify") && ops.len() <= 2);
        assert!(ops.iter().all(|op| op == "verify" || op == "sign"));
    }
    assert!(text("kid").is_none_or(|id| (1..=256).contains(&id.len())));
    let named = text("alg").map(|name| if name == "Ed25519" { "EdDSA" } else { name });
    let named: Option<Algorithm> = named.map(|name| name.parse().expect("known"));
    let kty = text("kty").expect("a kind");
    let algorithm = match (kty, text("crv")) {
        ("oct" | "RSA", _) => named.expect("named"),
        ("EC", Some("P-256")) => ES256,
        ("EC", Some("P-384")) => ES384,
        ("EC", Some("P-521")) => ES512,
        ("OKP", Some("Ed25519")) => EdDSA,
        other => panic!("{other:?}"),
    };
    assert!(named.is_none_or(|named| named == algorithm));
    match (kty, algorithm) {
        ("oct", HS256 | HS384 | HS512) => return (algorithm, Some(bytes(&members, "k"))),
        ("RSA", RS256 | RS384 | RS512 | PS256 | PS384 | PS512) => {
            let n = bytes(&members, "n");
            let n: Vec<_> = n.into_iter().skip_while(|byte| *byte == 0).collect();
            assert!((256..=1024).contains(&n.len()) && (n.len() > 256 || n[0] >= 0x80));
            assert!(bytes(&members, "e").last().is_some_and(|last| last % 2 == 1));
        }
        ("EC", ES256) => {
            assert_eq!((bytes(&members, "x").len(), bytes(&members, "y").len()), (32, 32));
        }
        ("EC", ES384) => {
            assert_eq!((bytes(&members, "x").len(), bytes(&members, "y").len()), (48, 48));
        }
        ("EC", ES512) => {
            assert_eq!((bytes(&members, "x").len(), bytes(&members, "y").len()), (66, 66));
        }
        ("OKP", EdDSA) => assert_eq!(bytes(&members, "x").len(), 32),
        other => panic!("{other:?}"),
    }
    (algorithm, None)
}

fn bytes(members: &Map<String, Value>, name: &str) -> Vec<u8> {
    base64url(members[name].as_str().expect("text")).expect("base64url")
}
