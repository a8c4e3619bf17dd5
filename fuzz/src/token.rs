//! Tokens that the targets sign themselves, and an independent parser of the compact form.

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

/// The time that the clock shows.
pub const NOW: u64 = 1_700_000_000;
/// The secret of the key that signs; it has no id.
pub const SECRET: [u8; 32] = *b"a secret of this target, 32 byte";
/// The secret of the key `k`.
pub const OTHER: [u8; 32] = *b"another secret of this target, 3";
/// The public key `e` (RFC 7515 A.3.1), which must never be used for HMAC.
pub const POINT: &str = r#"{"kty":"EC","crv":"P-256","kid":"e","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;

/// Part of a secret that no message may contain. Its letters are valid in every encoding.
pub const CANARY: &str = "d0notPr1ntTh1sC4naryHere";

/// The text with the canary in place of `{S}`.
#[must_use]
pub fn insert_canary(text: &str) -> String {
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

/// Runs a future that is ready at once.
pub fn run_ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => panic!("the future is not ready"),
    }
}

/// The message with its HMAC.
#[must_use]
pub fn sign(secret: &[u8], message: &str) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag))
}

/// The signed part of a token: header and payload, encoded.
#[must_use]
pub fn message(header: &[u8], payload: &[u8]) -> String {
    format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload))
}

/// The decoded segments of a token; `None` if encoding them does not return the same text.
#[must_use]
pub fn segments(token: &str) -> Option<[Vec<u8>; 3]> {
    if token.len() > 8 * 1024 {
        return None;
    }
    let all: Option<Vec<_>> = token.split('.').map(base64url).collect();
    all?.try_into().ok()
}

/// The decoded bytes of base64url; `None` if encoding them does not return the same text.
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

/// The expected result before the claims are read: header and payload, or the kind of the refusal.
#[must_use]
pub fn read_signed(token: &str) -> Reading<Result<(Header, Vec<u8>), AuthErrorKind>> {
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
        // The key without an id is the candidate of every other `kid`.
        (Some("e"), _) if header.alg != "ES256" => return refuse(AuthErrorKind::WrongAlgorithm),
        (_, "HS256") => Some(SECRET),
        // The only key of its algorithm.
        (Some("e") | None, "ES256") => None,
        (Some(kid), "ES256") if kid != "k" => return refuse(AuthErrorKind::UnknownKey),
        _ => return refuse(AuthErrorKind::WrongAlgorithm),
    };
    let message = &token.as_bytes()[..token.rfind('.').expect("three segments")];
    let is_valid = if let Some(secret) = secret {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
        hmac::verify(&key, message, &signature).is_ok()
    } else {
        let jwk: serde_json::Value = serde_json::from_str(POINT).expect("JSON");
        let coordinate =
            |name: &str| base64url(jwk[name].as_str().expect("text")).expect("base64url");
        let point = [vec![4], coordinate("x"), coordinate("y")].concat();
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
        key.verify(message, &signature).is_ok()
    };
    if is_valid {
        Reading::Good(Ok((header, payload)))
    } else {
        refuse(AuthErrorKind::InvalidSignature)
    }
}
