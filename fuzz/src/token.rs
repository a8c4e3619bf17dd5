//! Tokens that the targets sign themselves, and the compact form as another reader sees it.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, URL_SAFE_NO_PAD};
use jwt_auth::{Algorithm, AuthErrorKind, Config, Key, KeyRing, ManualClock};

use crate::json::{self, Header, Reading};

/// What the clock shows.
pub const NOW: u64 = 1_700_000_000;
/// The secret of the key without an id, which signs.
pub const SECRET: [u8; 32] = *b"a secret of this target, 32 byte";
/// The secret of the key `k`.
pub const OTHER: [u8; 32] = *b"another secret of this target, 3";
/// The public key `e` (RFC 7515 A.3.1), which HMAC must never be given.
pub const POINT: &str = r#"{"kty":"EC","crv":"P-256","kid":"e","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;

/// A piece of a secret that no message may hold; every way to encode one takes its letters.
pub const CANARY: &str = "d0notPr1ntTh1sC4naryHere";

/// The text with its secrets filled in.
#[must_use]
pub fn canary(text: &str) -> String {
    text.replace("{S}", CANARY)
}

/// A configuration with the three keys and the clock.
#[must_use]
pub fn config() -> Config {
    let ring = KeyRing::new(Key::secret(Algorithm::HS256, SECRET))
        .also_verify(Key::secret(Algorithm::HS256, OTHER).id("k"))
        .also_verify(Key::jwk(POINT));
    Config::with_keys(ring).clock(ManualClock::at(NOW))
}

/// The outcome of a future that has nothing to wait for.
pub fn settled<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => panic!("the future waits"),
    }
}

/// The message with its HMAC under one of the secrets.
#[must_use]
pub fn sign(secret: &[u8], message: &str) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag))
}

/// Header and payload as they stand before their signature.
#[must_use]
pub fn message(header: &[u8], payload: &[u8]) -> String {
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload))
}

/// The three segments of a token; `None` where the text is not exactly what encoding them gives.
#[must_use]
pub fn segments(token: &str) -> Option<[Vec<u8>; 3]> {
    if token.len() > 8 * 1024 {
        return None;
    }
    let all: Option<Vec<_>> = token.split('.').map(base64url).collect();
    all?.try_into().ok()
}

/// The bytes of base64url, if the text is exactly what encoding them gives.
#[must_use]
pub fn base64url(segment: &str) -> Option<Vec<u8>> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &URL_SAFE,
        GeneralPurposeConfig::new()
            .with_decode_allow_trailing_bits(true)
            .with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let bytes = LENIENT.decode(segment).ok()?;
    (URL_SAFE_NO_PAD.encode(&bytes) == segment).then_some(bytes)
}

/// What should come of a token before its claims are looked at: its header and payload, or the refusal.
#[must_use]
pub fn signed(token: &str) -> Reading<Result<(Header, Vec<u8>), AuthErrorKind>> {
    let refuse = |kind| Reading::Good(Err(kind));
    let Some([header, payload, signature]) = segments(token) else {
        return refuse(AuthErrorKind::Malformed);
    };
    let header = match json::header(&header) {
        Reading::Good(header) => header,
        Reading::Bad => return refuse(AuthErrorKind::Malformed),
        Reading::Unsure => return Reading::Unsure,
    };
    let secret = match (header.kid.as_deref(), header.alg.as_str()) {
        (Some("k"), "HS256") => Some(OTHER),
        (None, "HS256") => Some(SECRET),
        // By the one key of its algorithm.
        (Some("e") | None, "ES256") => None,
        (Some("k" | "e") | None, _) => return refuse(AuthErrorKind::WrongAlgorithm),
        (Some(_), alg) if alg.parse::<Algorithm>().is_err() => {
            return refuse(AuthErrorKind::WrongAlgorithm);
        }
        (Some(_), _) => return refuse(AuthErrorKind::UnknownKey),
    };
    let message = &token.as_bytes()[..token.rfind('.').expect("three segments")];
    let good = if let Some(secret) = secret {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
        hmac::verify(&key, message, &signature).is_ok()
    } else {
        let jwk: serde_json::Value = serde_json::from_str(POINT).expect("JSON");
        let half = |name: &str| base64url(jwk[name].as_str().expect("text")).expect("base64url");
        let point = [vec![4], half("x"), half("y")].concat();
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
        key.verify(message, &signature).is_ok()
    };
    if good {
        Reading::Good(Ok((header, payload)))
    } else {
        refuse(AuthErrorKind::InvalidSignature)
    }
}
