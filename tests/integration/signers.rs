//! Keys whose private half is in another process: tokens, start, deadline and faults.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use jsonwebtoken::EncodingKey;
use jwt_auth::keys::{SignError, Signature, Signer};
use jwt_auth::{
    Algorithm, AuthError, AuthErrorKind, Config, GuardedRouter, JwtAuth, Key, KeyMaterial, KeyRing,
    ManualClock, TokenPair, public, routing,
};
use tests::NOW;

/// How the signer behaves.
const GOOD: u8 = 0;
const FAILS: u8 = 1;
const HANGS: u8 = 2;
const SIGNS_ANOTHER_MESSAGE: u8 = 3;
const RETURNS_NONSENSE: u8 = 4;

/// A key-management service, in this process. Its signatures are DER for ECDSA, as those of the large clouds.
#[derive(Clone)]
struct Kms {
    key: Arc<EncodingKey>,
    algorithm: jsonwebtoken::Algorithm,
    mode: Arc<AtomicU8>,
}

impl Kms {
    fn new(algorithm: Algorithm) -> Self {
        let read = |name: &str| {
            std::fs::read(format!("{}/keys/{name}", env!("CARGO_MANIFEST_DIR"))).expect("a key")
        };
        let (key, algorithm) = match algorithm {
            Algorithm::ES256 => (EncodingKey::from_ec_pem(&read("p256.pem")), "ES256"),
            Algorithm::ES384 => (EncodingKey::from_ec_pem(&read("p384.pem")), "ES384"),
            Algorithm::EdDSA => (EncodingKey::from_ed_pem(&read("ed.pem")), "EdDSA"),
            _ => (EncodingKey::from_rsa_pem(&read("rsa.pem")), "PS256"),
        };
        Self {
            key: Arc::new(key.expect("a key")),
            algorithm: algorithm.parse().expect("known"),
            mode: Arc::new(AtomicU8::new(GOOD)),
        }
    }

    fn set(&self, mode: u8) {
        self.mode.store(mode, Ordering::Relaxed);
    }
}

/// A DER integer.
fn integer(bytes: &[u8]) -> Vec<u8> {
    let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len() - 1);
    let mut digits = bytes[start..].to_vec();
    if digits[0] >= 0x80 {
        digits.insert(0, 0);
    }
    [&[2, u8::try_from(digits.len()).expect("short")][..], &digits].concat()
}

impl Signer for Kms {
    async fn sign(&self, message: &[u8]) -> Result<Signature, SignError> {
        let mut message = message.to_vec();
        match self.mode.load(Ordering::Relaxed) {
            FAILS => return Err(SignError::new("429 Too Many Requests")),
            HANGS => std::future::pending().await,
            SIGNS_ANOTHER_MESSAGE => message.push(b'x'),
            RETURNS_NONSENSE => return Ok(Signature::der([0x30, 0x02, 0x05, 0x00])),
            _ => {}
        }
        let signed = tests::sign_bytes(&message, &self.key, self.algorithm);
        if !matches!(
            self.algorithm,
            jsonwebtoken::Algorithm::ES256 | jsonwebtoken::Algorithm::ES384
        ) {
            return Ok(Signature::raw(signed));
        }
        let (r, s) = signed.split_at(signed.len() / 2);
        let both = [integer(r), integer(s)].concat();
        let header = match u8::try_from(both.len()).expect("short") {
            len @ ..0x80 => vec![0x30, len],
            len => vec![0x30, 0x81, len],
        };
        Ok(Signature::der([header, both].concat()))
    }
}

fn public_key(algorithm: Algorithm) -> Key {
    let name = match algorithm {
        Algorithm::ES256 => "p256.pub.pem",
        Algorithm::ES384 => "p384.pub.pem",
        Algorithm::EdDSA => "ed.pub.pem",
        _ => "rsa.pub.pem",
    };
    let path = format!("{}/keys/{name}", env!("CARGO_MANIFEST_DIR"));
    Key::public_pem(algorithm, KeyMaterial::file(path)).id("kms")
}

fn config(algorithm: Algorithm, kms: &Kms) -> Config {
    let ring = KeyRing::new(public_key(algorithm).signed_by(kms.clone()));
    Config::with_keys(ring).clock(ManualClock::at(NOW)).hook_deadline(Duration::from_secs(1))
}

#[tokio::test]
async fn every_kind_of_token_is_signed_elsewhere() {
    for algorithm in [Algorithm::ES256, Algorithm::ES384, Algorithm::EdDSA, Algorithm::PS256] {
        let kms = Kms::new(algorithm);
        let auth = config(algorithm, &kms).start().await.expect("it signs");
        for _ in 0..32 {
            let token = auth.access_token("alice").issue_remote().await.expect("a token");
            assert!(auth.verify_access(&token).await.is_ok(), "{algorithm}");
        }
        let token = auth.access_token("alice").await.expect("a token");
        assert!(auth.verify_access(&token).await.is_ok());
        assert!(auth.refresh_token("alice").issue_remote().await.is_ok());
        assert!(auth.token_pair("alice").issue_remote().await.is_ok());
        let pair = auth.log_in("alice").await.expect("a pair");
        let refresh = auth.verify_refresh(pair.refresh_token()).await.expect("valid");
        let next = auth.rotate(refresh).await.expect("a pair");
        assert!(auth.verify_access(next.access_token()).await.is_ok());
        let error = auth.access_token("alice").issue().expect_err("it cannot wait");
        assert_eq!(error.kind(), AuthErrorKind::CannotIssue);
        assert!(error.to_string().contains(".await"), "{error}");
        assert_eq!(auth.keys().list()[0].to_string(), format!("kms {algorithm} signing"));
        assert!(!auth.jwks().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_signer_that_does_not_sign_does_not_start() {
    let kms = Kms::new(Algorithm::ES256);
    for (mode, expected) in [
        (FAILS, "429 Too Many Requests"),
        (HANGS, "no answer within 1000 ms"),
        (SIGNS_ANOTHER_MESSAGE, "does not verify with the public key"),
        (RETURNS_NONSENSE, "no signature of ES256"),
    ] {
        kms.set(mode);
        let error = config(Algorithm::ES256, &kms).start().await.expect_err("it does not sign");
        assert!(error.to_string().contains(expected), "{error}");
    }
    kms.set(GOOD);
    let other = KeyRing::new(public_key(Algorithm::EdDSA).signed_by(kms.clone()));
    assert!(Config::with_keys(other).start().await.is_err(), "DER for Ed25519");
    let error = config(Algorithm::ES256, &kms).build().expect_err("it is tested at the start");
    assert!(error.to_string().contains("write `.start().await`"), "{error}");
    let secret = Key::secret(Algorithm::HS256, KeyMaterial::ephemeral()).signed_by(kms.clone());
    let error =
        Config::with_keys(KeyRing::new(secret)).start().await.expect_err("not a public key");
    assert!(error.to_string().contains("Key::public_pem(…).signed_by(…)"), "{error}");
}

#[public]
async fn log_in(auth: JwtAuth) -> Result<TokenPair, AuthError> {
    auth.log_in("alice").await
}

#[tokio::test(start_paused = true)]
async fn a_signer_that_fails_later_is_503_within_the_deadline() {
    let kms = Kms::new(Algorithm::ES256);
    let auth = config(Algorithm::ES256, &kms).start().await.expect("it signs");
    let app: axum::Router =
        GuardedRouter::new().route("/login", routing::post(log_in)).with_state(auth.clone());
    let request = || Request::post("/login").body(Body::empty()).expect("valid");
    let pair = auth.log_in("bob").await.expect("a pair");
    for mode in [FAILS, HANGS, SIGNS_ANOTHER_MESSAGE, RETURNS_NONSENSE] {
        kms.set(mode);
        let start = tokio::time::Instant::now();
        let response = tests::send(&app, request()).await;
        assert_eq!(
            (response.status.as_u16(), &*response.code()),
            (503, "store_unavailable"),
            "{mode}"
        );
        assert_eq!(response.headers["retry-after"], "1");
        assert_eq!(response.detail(), "No token can be issued now, try again");
        // The clock of the runtime moves by its timers only.
        assert!(start.elapsed() <= Duration::from_millis(1001), "{mode}");
        assert!(auth.verify_access(pair.access_token()).await.is_ok(), "verifying needs no signer");
        // A refresh token whose exchange failed is exchanged again.
        let refresh = auth.verify_refresh(pair.refresh_token()).await.expect("valid");
        assert_eq!(auth.rotate(refresh).await.expect_err("503").kind(), AuthErrorKind::Unavailable);
    }
    kms.set(GOOD);
    assert_eq!(tests::send(&app, request()).await.status, 200);
    let refresh = auth.verify_refresh(pair.refresh_token()).await.expect("valid");
    assert!(auth.rotate(refresh).await.is_ok());
    assert_eq!(auth.sessions("alice").await.expect("listed").len(), 1, "failed log-ins leave none");
}

#[tokio::test]
async fn a_ring_changes_from_a_local_key_to_a_signer() {
    let kms = Kms::new(Algorithm::ES256);
    let clock = ManualClock::at(NOW);
    let start = std::time::UNIX_EPOCH + Duration::from_secs(NOW + 60);
    let remote = public_key(Algorithm::ES256).signed_by(kms).signs_from(start);
    let config = Config::hs256(tests::SECRET).also_verify(remote).clock(clock.clone());
    let auth = config.start().await.expect("it signs");
    let pair = auth.log_in("alice").await.expect("a pair");
    clock.set(start);
    let refresh = auth.verify_refresh(pair.refresh_token()).await.expect("valid");
    let next = auth.rotate(refresh).await.expect("the session continues");
    let header = jwt_auth::danger::decode_unverified(next.access_token()).expect("a token").header;
    assert_eq!((&header["alg"], &header["kid"]), (&"ES256".into(), &"kms".into()));
}
