//! The floor of one verification: its parts alone, their sum, and the ratio of the whole to this sum.
//!
//! `cargo bench -p benches --bench parts`. The floor is a prepared key of AWS-LC, one base64url decoding,
//! one JSON parse, one comparison of the header and one reading of the clock.

use std::hint::black_box;
use std::time::SystemTime;

use aws_lc_rs::signature::{self, ParsedPublicKey};
use aws_lc_rs::{hmac, signature::VerificationAlgorithm};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use benches::measure::{Lane, measure_interleaved, run_ready};
use benches::peers::by_hand::ByHand;
use benches::report::{self, Goal, format_short, format_thousands, round};
use benches::tokens::{self, Claims};
use jwt_auth::Algorithm;
use serde_json::json;

const ROUNDS: usize = 300;

/// A prepared key, as an application that verifies many tokens has it.
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
        Self::Public(ParsedPublicKey::new(with, der).expect("a valid key"))
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
    let (mut rows, mut goals) = (Vec::new(), Vec::new());
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
    for algorithm in tokens::ALGORITHMS.into_iter().filter(|it| report::is_selected(it.name())) {
        let token = tokens::token(algorithm);
        let (message, signature) = token.rsplit_once('.').expect("three segments");
        let (header, payload) = message.split_once('.').expect("three segments");
        let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
        let text = URL_SAFE_NO_PAD.decode(payload).expect("base64url");
        let known = header.to_owned();
        let key = Prepared::new(algorithm);
        assert!(key.verify(message.as_bytes(), &signature), "a valid signature");
        let mut buffer = [0; 1024];
        let auth =
            tokens::config(algorithm).verified_cache(0).build().expect("a valid configuration");
        assert!(run_ready(auth.verify_access(&token)).is_ok());
        let by_hand = ByHand::new(algorithm);
        assert!(by_hand.decode(&token).is_some());
        let mut lanes = [
            Lane::new(|| key.verify(black_box(message.as_bytes()), &signature)),
            Lane::new(|| URL_SAFE_NO_PAD.decode_slice(black_box(payload), &mut buffer)),
            Lane::new(|| serde_json::from_slice::<Claims>(black_box(&text))),
            Lane::new(|| black_box(header) == known),
            Lane::new(SystemTime::now),
            Lane::new(|| run_ready(auth.verify_access(black_box(&token)))),
            Lane::new(|| by_hand.decode(black_box(&token))),
        ];
        let figures = measure_interleaved(&mut lanes, ROUNDS);
        let floor: f64 = figures[..5].iter().sum();
        let over = |figure: f64| {
            format!("{} ({} ×)", format_thousands(figure), format_short(figure / floor))
        };
        println!(
            "{:6} {:>9} {:>7} {:>5} {:>7} {:>6} {:>9}   {:>22} {:>26}",
            algorithm.name(),
            format_thousands(figures[0]),
            format_thousands(figures[1]),
            format_thousands(figures[2]),
            format_short(figures[3]),
            format_short(figures[4]),
            format_thousands(floor),
            over(figures[5]),
            over(figures[6])
        );
        if algorithm != Algorithm::HS256 {
            let what = format!("{}: over the bare signature check", algorithm.name());
            goals.push(Goal::at_most(what, round(figures[5] / figures[0]), 1.02));
        }
        rows.push(json!({
            "algorithm": algorithm.name(),
            "signature": round(figures[0]),
            "base64": round(figures[1]),
            "json": round(figures[2]),
            "header": round(figures[3]),
            "clock": round(figures[4]),
            "floor": round(floor),
            "verify_access": round(figures[5]),
            "jsonwebtoken_decode": round(figures[6]),
        }));
    }
    report::print_goals(&goals);
    report::save_json(
        "parts.json",
        &json!({
            "command": "cargo bench -p benches --bench parts",
            "unit": "ns",
            "rows": rows,
            "goals": goals,
        }),
    );
}
