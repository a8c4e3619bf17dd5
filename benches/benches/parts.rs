//! The floor of one verification: its parts alone, their sum, and how far above it the whole is.
//!
//! `cargo bench -p benches --bench parts`. The floor is a prepared key of AWS-LC, one base64url decoding,
//! one reading of the JSON, one look at the header and one at the clock.

use std::hint::black_box;
use std::time::SystemTime;

use aws_lc_rs::signature::{self, ParsedPublicKey};
use aws_lc_rs::{hmac, signature::VerificationAlgorithm};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use benches::measure::{Lane, interleaved, now};
use benches::peers::by_hand::ByHand;
use benches::report::{self, rounded, short, thousands};
use benches::tokens::{self, Claims};
use jwt_auth::Algorithm;
use serde_json::json;

const ROUNDS: usize = 300;

/// A prepared key, as whoever verifies many tokens holds it.
#[allow(clippy::large_enum_variant, reason = "four of them")]
enum Prepared {
    Hmac(hmac::Key),
    Public(ParsedPublicKey),
}

impl Prepared {
    fn new(algorithm: Algorithm) -> Self {
        let with: &'static dyn VerificationAlgorithm = match algorithm {
            Algorithm::HS256 => {
                return Self::Hmac(hmac::Key::new(hmac::HMAC_SHA256, tokens::SECRET.as_bytes()));
            }
            Algorithm::ES256 => &signature::ECDSA_P256_SHA256_FIXED,
            Algorithm::RS256 => &signature::RSA_PKCS1_2048_8192_SHA256,
            _ => &signature::ED25519,
        };
        let body: String =
            tokens::pem(algorithm).1.lines().filter(|line| !line.starts_with("---")).collect();
        let der = STANDARD.decode(body).expect("a PEM");
        Self::Public(ParsedPublicKey::new(with, der).expect("a good key"))
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Hmac(key) => hmac::verify(key, message, signature).is_ok(),
            Self::Public(key) => key.verify_sig(message, signature).is_ok(),
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "the clock itself is measured")]
fn main() {
    tokens::install_backend();
    let mut kept = Vec::new();
    println!(
        "{:6} {:>9} {:>7} {:>5} {:>7} {:>6} {:>9}   {:>22} {:>26}",
        "ns",
        "signature",
        "base64",
        "JSON",
        "header",
        "clock",
        "floor",
        "verify_access",
        "jsonwebtoken::decode"
    );
    for algorithm in tokens::ALGORITHMS.into_iter().filter(|it| report::wanted(it.name())) {
        let token = tokens::token(algorithm);
        let (message, signature) = token.rsplit_once('.').expect("three parts");
        let (header, payload) = message.split_once('.').expect("three parts");
        let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
        let text = URL_SAFE_NO_PAD.decode(payload).expect("base64url");
        let known = header.to_owned();
        let key = Prepared::new(algorithm);
        assert!(key.verify(message.as_bytes(), &signature), "a good signature");
        let mut buffer = [0; 1024];
        let auth = tokens::config(algorithm).verified_cache(0).build().expect("good");
        assert!(now(auth.verify_access(&token)).is_ok());
        let by_hand = ByHand::new(algorithm);
        assert!(by_hand.decode(&token).is_some());
        let mut lanes = [
            Lane::new(|| key.verify(black_box(message.as_bytes()), &signature)),
            Lane::new(|| URL_SAFE_NO_PAD.decode_slice(black_box(payload), &mut buffer)),
            Lane::new(|| serde_json::from_slice::<Claims>(black_box(&text))),
            Lane::new(|| black_box(header) == known),
            Lane::new(SystemTime::now),
            Lane::new(|| now(auth.verify_access(black_box(&token)))),
            Lane::new(|| by_hand.decode(black_box(&token))),
        ];
        let figures = interleaved(&mut lanes, ROUNDS);
        let floor: f64 = figures[..5].iter().sum();
        let over = |figure: f64| format!("{} ({} ×)", thousands(figure), short(figure / floor));
        println!(
            "{:6} {:>9} {:>7} {:>5} {:>7} {:>6} {:>9}   {:>22} {:>26}",
            algorithm.name(),
            thousands(figures[0]),
            thousands(figures[1]),
            thousands(figures[2]),
            short(figures[3]),
            short(figures[4]),
            thousands(floor),
            over(figures[5]),
            over(figures[6])
        );
        kept.push(json!({
            "algorithm": algorithm.name(),
            "signature": rounded(figures[0]),
            "base64": rounded(figures[1]),
            "json": rounded(figures[2]),
            "header": rounded(figures[3]),
            "clock": rounded(figures[4]),
            "floor": rounded(floor),
            "verify_access": rounded(figures[5]),
            "jsonwebtoken_decode": rounded(figures[6]),
        }));
    }
    report::keep_json(
        "parts.json",
        &json!({ "command": "cargo bench -p benches --bench parts", "unit": "ns", "rows": kept }),
    );
}
