//! Keys are judged when they are loaded: R10 and R11.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jwt_auth::{Algorithm, AuthErrorKind, Config, ConfigError, JwtAuth, Key, KeyRing, ManualClock};
use tests::NOW;

fn pem(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("keys").join(name);
    std::fs::read_to_string(path).expect("a key of the tests")
}

fn pair(algorithm: Algorithm, private: &str, public: &str) -> Result<JwtAuth, ConfigError> {
    Config::from_pem(algorithm, pem(private), pem(public)).clock(ManualClock::at(NOW)).build()
}

fn ring(keys: impl IntoIterator<Item = Key>) -> Result<JwtAuth, ConfigError> {
    let ring = keys.into_iter().fold(KeyRing::default(), KeyRing::also_verify);
    Config::with_keys(ring).clock(ManualClock::at(NOW)).build()
}

fn rule(result: Result<JwtAuth, ConfigError>) -> String {
    result.expect_err("refused").to_string()
}

const PAIRS: [(Algorithm, &str, &str); 9] = [
    (Algorithm::RS256, "rsa.pem", "rsa.pub.pem"),
    (Algorithm::RS384, "rsa.pkcs1.pem", "rsa.pkcs1.pub.pem"),
    (Algorithm::RS512, "rsa.pem", "rsa.pkcs1.pub.pem"),
    (Algorithm::PS256, "rsa.pem", "rsa.pub.pem"),
    (Algorithm::PS384, "rsa.pem", "rsa.pub.pem"),
    (Algorithm::PS512, "rsa.pem", "rsa.pub.pem"),
    (Algorithm::ES256, "p256.pem", "p256.pub.pem"),
    (Algorithm::ES384, "p384.pem", "p384.pub.pem"),
    (Algorithm::EdDSA, "ed.pem", "ed.pub.pem"),
];

#[tokio::test]
async fn every_algorithm_signs_and_verifies_and_refuses_a_changed_token() {
    let secrets = [(Algorithm::HS256, 32), (Algorithm::HS384, 48), (Algorithm::HS512, 64)];
    let secrets =
        secrets.map(|(algorithm, size)| (algorithm, ring([Key::secret(algorithm, vec![7; size])])));
    let pairs =
        PAIRS.map(|(algorithm, private, public)| (algorithm, pair(algorithm, private, public)));
    for (algorithm, auth) in secrets.into_iter().chain(pairs) {
        let auth = auth.unwrap_or_else(|error| panic!("{algorithm}: {error}"));
        let token = auth.access_token("alice").issue().expect("a token");
        assert_eq!(
            auth.verify_access(&token).await.expect("good").header()["alg"],
            algorithm.name()
        );
        let dot = token.rfind('.').expect("a dot");
        let forged = format!(
            "{}{}{}",
            &token[..=dot],
            if &token[dot + 1..dot + 2] == "A" { "B" } else { "A" },
            &token[dot + 2..]
        );
        let error = auth.verify_access(&forged).await.expect_err("forged");
        assert_eq!(error.kind(), AuthErrorKind::InvalidSignature, "{algorithm}");
        for cut in ["", "AA", &token[dot + 1..token.len() - 4]] {
            let short = format!("{}{cut}", &token[..=dot]);
            assert!(auth.verify_access(&short).await.is_err(), "{algorithm}");
        }
    }
}

#[tokio::test]
async fn a_public_key_verifies_and_issues_nothing() {
    for (algorithm, private, public) in PAIRS {
        let signer = pair(algorithm, private, public).expect("good");
        let token = signer.access_token("alice").issue().expect("a token");
        let reader = ring([Key::public_pem(algorithm, pem(public))]).expect("good");
        assert_eq!(reader.verify_access(&token).await.expect("good").subject(), "alice");
        let error = reader.access_token("alice").issue().expect_err("no private key");
        assert_eq!(error.kind(), AuthErrorKind::CannotIssue);
        let derived = ring([Key::private_pem(algorithm, pem(private))]).expect("good");
        assert_eq!(derived.verify_access(&token).await.expect("good").subject(), "alice");
    }
}

#[tokio::test]
async fn a_public_key_is_no_hmac_secret() {
    // The classic: the verifier's public key, used as the secret of an HMAC.
    let auth = pair(Algorithm::RS256, "rsa.pem", "rsa.pub.pem").expect("good");
    let public = pem("rsa.pub.pem");
    let token = tests::sign_with(public.as_bytes(), &tests::plain_header(), &tests::claims());
    assert_eq!(
        auth.verify_access(&token).await.expect_err("confused").kind(),
        AuthErrorKind::WrongAlgorithm
    );
}

#[test]
fn r10_a_pem_is_no_secret() {
    let error = rule(Config::hs256(pem("rsa.pub.pem")).build());
    assert!(error.contains("no shared secret"), "{error}");
}

#[test]
fn r10_a_pem_after_something_else_is_no_secret_either() {
    for before in ["\n", " ", "\u{feff}", "# public key\n"] {
        assert!(
            Config::hs256(format!("{before}{}", pem("rsa.pub.pem"))).build().is_err(),
            "{before:?}"
        );
    }
}

#[test]
fn r11_ed25519_keys_of_small_order() {
    let jwk = |bytes: &[u8; 32]| {
        let x = URL_SAFE_NO_PAD.encode(bytes);
        ring([Key::jwk(format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}"#))])
    };
    let mut points = vec![[0; 32]];
    points.push(std::array::from_fn(|at| u8::from(at == 0)));
    for first in [0xec, 0xed, 0xee] {
        points.push(std::array::from_fn(|at| {
            if at == 0 {
                first
            } else if at == 31 {
                0x7f
            } else {
                0xff
            }
        }));
    }
    for text in [
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    ] {
        points.push(std::array::from_fn(|at| {
            u8::from_str_radix(&text[2 * at..2 * at + 2], 16).expect("hex")
        }));
    }
    for mut point in points {
        assert!(rule(jwk(&point)).contains("not a point"), "{point:x?}");
        point[31] |= 0x80;
        assert!(rule(jwk(&point)).contains("not a point"), "{point:x?} with its sign");
    }
}

#[test]
fn r10_rsa_jwks() {
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let jwk = |bits: usize, last: u8, e: &[u8]| {
        let mut n = vec![0xff_u8; bits / 8];
        n[bits / 8 - 1] = last;
        let (n, e) = (encode(&n), encode(e));
        ring([Key::jwk(format!(r#"{{"kty":"RSA","alg":"RS256","n":"{n}","e":"{e}"}}"#))])
    };
    let usual = [1, 0, 1];
    assert!(jwk(2048, 0xfd, &usual).is_ok());
    let most = if cfg!(feature = "aws_lc_rs") { 8192 } else { 4096 };
    assert!(jwk(most, 0xfd, &usual).is_ok());
    for (bits, last, e, words) in [
        (2040, 0xfd, &usual[..], "2048"),
        (most + 8, 0xfd, &usual, "2048 to"),
        (2048, 0xfe, &usual, "odd"),
        (2048, 0xfd, &[1], "odd"),
        (2048, 0xfd, &[2], "odd"),
        (2048, 0xfd, &[0], "odd"),
        (2048, 0xfd, &[1, 0, 0, 0, 1], "odd"),
    ] {
        let error = rule(jwk(bits, last, e));
        assert!(error.contains(words), "{bits} {last} {e:?}: {error}");
    }
}

#[test]
fn r10_key_ops_let_a_secret_verify_or_sign() {
    let oct = |ops: &str| {
        ring([Key::jwk(format!(
            r#"{{"kty":"oct","alg":"HS256","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"{ops}}}"#
        ))])
        .expect("good")
    };
    assert!(oct("").access_token("a").issue().is_ok());
    assert!(oct(r#","key_ops":["sign","verify"]"#).access_token("a").issue().is_ok());
    assert!(oct(r#","key_ops":["verify"]"#).access_token("a").issue().is_err());
}

#[tokio::test]
async fn r5_a_kid_does_not_lend_its_key_to_another_algorithm() {
    let auth = ring([Key::secret(Algorithm::HS256, tests::SECRET).id("k")]).expect("good");
    let token =
        |alg: &str| tests::forge(&serde_json::json!({ "alg": alg, "kid": "k" }), &tests::claims());
    assert!(auth.verify_access(&token("HS256")).await.is_ok());
    for alg in ["HS384", "HS512", "RS256"] {
        let error = auth.verify_access(&token(alg)).await.expect_err("another algorithm");
        assert_eq!(error.kind(), AuthErrorKind::WrongAlgorithm, "{alg}");
    }
}

#[tokio::test]
async fn two_keys_without_an_id_write_the_same_header() {
    let (old, new) =
        (Key::secret(Algorithm::HS256, [1; 32]), Key::secret(Algorithm::HS256, [2; 32]));
    let token = ring([old.clone()]).expect("good").access_token("alice").issue().expect("a token");
    let both = ring([new, old]).expect("good");
    assert_eq!(both.verify_access(&token).await.expect("good").subject(), "alice");
}

#[test]
fn r10_short_secrets() {
    for (algorithm, size) in
        [(Algorithm::HS256, 32), (Algorithm::HS384, 48), (Algorithm::HS512, 64)]
    {
        assert!(ring([Key::secret(algorithm, vec![7; size])]).is_ok());
        let error = rule(ring([Key::secret(algorithm, vec![7; size - 1])]));
        assert!(
            error.contains(&format!("at least {size} bytes")) && error.contains("head -c"),
            "{error}"
        );
    }
    assert!(rule(Config::hs256("").build()).contains("this one has 0"));
}

#[test]
fn r10_key_pairs() {
    for (algorithm, private, public, words) in [
        (Algorithm::RS256, "rsa1024.pem", "rsa1024.pub.pem", "2048"),
        (Algorithm::ES256, "p384.pem", "p384.pub.pem", "curve of ES256"),
        (Algorithm::ES384, "p256.pem", "p256.pub.pem", "curve of ES384"),
        (Algorithm::ES256, "k256.pem", "k256.pub.pem", "curve of ES256"),
        (Algorithm::ES256, "ed.pem", "ed.pub.pem", "no key for ES256"),
        (Algorithm::EdDSA, "p256.pem", "p256.pub.pem", "no key for EdDSA"),
        (Algorithm::RS256, "p256.pem", "p256.pub.pem", "no key for RS256"),
        (Algorithm::ES256, "rsa.pem", "rsa.pub.pem", "no key for ES256"),
        (Algorithm::ES256, "p256.pem", "other.pub.pem", "does not belong"),
        (Algorithm::ES256, "p256.pub.pem", "p256.pem", "PEM of"),
        (Algorithm::ES256, "p256.sec1.pem", "p256.pub.pem", "openssl pkcs8 -topk8"),
        (Algorithm::ES256, "p256.pem", "cert.pem", "openssl x509"),
        (Algorithm::HS256, "p256.pem", "p256.pub.pem", "shared secret"),
    ] {
        let error = rule(pair(algorithm, private, public));
        assert!(error.contains(words), "{private} {public}: {error}");
    }
    for algorithm in [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA] {
        assert!(rule(Config::from_pem(algorithm, "", "").build()).contains("PEM"));
        assert!(
            rule(Config::from_pem(algorithm, "-----BEGIN PRIVATE KEY-----", "x").build())
                .contains("PEM")
        );
        assert!(rule(ring([Key::secret(algorithm, [7; 64])])).contains("key pair"));
    }
}

#[test]
fn r10_an_rsa_key_of_a_broken_generator_is_refused() {
    // CVE-2017-15361: a modulus of the generator whose keys are soon factored.
    let roca = "AanFpofbj7KjD4Lf-N2hVMKR7yewSyXhhbirIMTGpfYEhZ_lnt5UoK98DnKIgArXGTu3MaW_HhFw16HGaTDUHqPrId7fe4r11CqRw09yBFuW79V8sYIwHdzCaWflUI6auImYbVfoN9_nD5n8N8SY9DwXw7mwZM9wREPXoDPgOoIWl6q_MPsp7n0zs3Z5ZaiQWOOzl1S9OhwAfSiiOwz6efnXEaxuTEtPd7BjSx7NaFka8Dx9U7YqXy2RFj1O9PjyaDGuRh7YXsX3iMUSP_wSyHQg_c_qHRtKUsNSGCT7OZg0hzm2KphtjnayKJvC64vAbROBR4Ubg6Bxg9IQVZ-QYyE";
    let jwk = |n: &str| Key::jwk(format!(r#"{{"kty":"RSA","alg":"RS256","e":"AQAB","n":"{n}"}}"#));
    let told = rule(ring([jwk(roca)]));
    assert!(told.contains("CVE-2017-15361"), "{told}");
    // One bit away, and none of that generator's.
    assert!(ring([jwk(&roca.replace("QYyE", "QYyM"))]).is_ok());
}

#[test]
fn r10_a_set_of_jwks_is_public_or_shared_and_not_both() {
    let shared = || {
        Key::jwk(
            r#"{"kty":"oct","alg":"HS256","kid":"s","k":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"}"#,
        )
    };
    let public = || {
        Key::jwk(
            r#"{"kty":"OKP","crv":"Ed25519","kid":"p","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
        )
    };
    assert!(ring([shared()]).is_ok());
    assert!(ring([public()]).is_ok());
    let told = rule(ring([public(), shared()]));
    assert!(told.contains("a set of JWKs holds public keys or shared secrets"), "{told}");
    // A secret of the application's own beside somebody's public keys is no set.
    assert!(ring([public(), Key::secret(Algorithm::HS256, [7; 32])]).is_ok());
}

#[tokio::test]
async fn a_thumbprint_is_the_kid_that_tokens_bear() {
    let key = || Key::pem_pair(Algorithm::ES256, pem("p256.pem"), pem("p256.pub.pem"));
    let auth = ring([key().thumbprint_id()]).expect("good");
    let token = auth.access_token("alice").issue().expect("a token");
    let header = auth.verify_access(&token).await.expect("good").header();
    let kid = header["kid"].as_str().expect("a kid");
    assert_eq!(kid.len(), 43);
    // Whoever has the public half alone comes to the same name.
    let public = Key::public_pem(Algorithm::ES256, pem("p256.pub.pem")).thumbprint_id();
    assert!(ring([public]).expect("good").verify_access(&token).await.is_ok());
    // The last word counts.
    let named = ring([key().thumbprint_id().id("2026")]).expect("good");
    let error = named.verify_access(&token).await.expect_err("another id");
    assert_eq!(error.kind(), AuthErrorKind::UnknownKey);
    let told = rule(ring([Key::secret(Algorithm::HS256, [7; 32]).thumbprint_id()]));
    assert!(told.contains("RFC 7638"), "{told}");
}

#[test]
fn r10_rings() {
    let secret = |byte: u8| Key::secret(Algorithm::HS256, [byte; 32]);
    assert!(ring([secret(1).id("a"), secret(2).id("b")]).is_ok());
    assert!(rule(ring([secret(1).id("a"), secret(2).id("a")])).contains("ids are unique"));
    assert!(rule(ring([secret(1).id("a"), secret(1).id("b")])).contains("stands in the ring once"));
    let filled = [[1; 32].as_slice(), &[0; 32]].concat();
    let same = [secret(1).id("a"), Key::secret(Algorithm::HS512, filled).id("b")];
    assert!(rule(ring(same)).contains("once"), "HMAC takes the two for one");
    let rsa = |algorithm| Key::public_pem(algorithm, pem("rsa.pub.pem"));
    assert!(
        rule(ring([rsa(Algorithm::RS256).id("a"), rsa(Algorithm::PS256).id("b")])).contains("once")
    );
    assert!(ring((1..=4).map(secret)).is_ok());
    assert!(rule(ring((1..=5).map(secret))).contains("at most 4"));
    assert!(rule(ring([])).contains("has a key"));
    assert!(rule(ring([secret(1).id("")])).contains("key id"));
    assert!(rule(ring([secret(1).id("x".repeat(257))])).contains("key id"));
}

#[tokio::test]
async fn previous_secrets_without_an_id_are_tried() {
    let (old, new) =
        (Key::secret(Algorithm::HS256, [1; 32]), Key::secret(Algorithm::HS256, [2; 32]));
    let before = ring([old.clone()]).expect("good");
    let token = before.access_token("alice").issue().expect("a token");
    let after = ring([new.id("2026"), old]).expect("good");
    assert_eq!(after.verify_access(&token).await.expect("good").subject(), "alice");
}

#[tokio::test]
async fn jwks_are_read_strictly() {
    // RFC 7517 A.1's EC key, and RFC 8037 A.2's.
    let ec = r#"{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","use":"sig","kid":"1"}"#;
    let ed = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    let oct = r#"{"kty":"oct","alg":"HS256","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"}"#;
    for good in [ec, ed, oct] {
        assert!(ring([Key::jwk(good)]).is_ok(), "{good}");
    }
    for (bad, words) in [
        (ec.replace("\"sig\"", "\"enc\""), "`use`"),
        (ec.replace("\"use\":\"sig\"", "\"key_ops\":[\"sign\"]"), "`key_ops`"),
        (ec.replace("\"use\":\"sig\"", "\"alg\":\"ES384\""), "agree"),
        (ec.replace("P-256", "P-384"), "48 bytes"),
        (ec.replace("P-256", "secp256k1"), "`crv`"),
        (ec.replace("MKBC", "AAAA"), "not a point"),
        (ec.replace("\"kid\":\"1\"", "\"crv\":\"P-256\""), "unique"),
        (ec.replace("\"kid\":\"1\"", "\"kid\":1"), "typed"),
        (ed.replace("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", "11qYAYKxCrc"), "not a point"),
        (ed.replace("URo\"", "URo=\""), "base64url"),
        (oct.replace("\"alg\":\"HS256\",", ""), "names its `alg`"),
        (oct.replace("HS256", "RS256"), "agree"),
        (ec.replace("\"use\":\"sig\"", r#""key_ops":["verify","verify"]"#), "each once"),
        (ec.replace("\"use\":\"sig\"", r#""key_ops":["verify","encrypt"]"#), "each once"),
        (oct.replace("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow", "AyM1"), "at least 32"),
        ("[]".to_owned(), "JSON object"),
        ("{}".to_owned(), "`kty`"),
    ] {
        let error = rule(ring([Key::jwk(bad.clone())]));
        assert!(error.contains(words), "{bad}: {error}");
    }
}

#[tokio::test]
async fn a_public_key_in_the_environment_verifies_and_issues_nothing() {
    let issuer = pair(Algorithm::ES256, "p256.pem", "p256.pub.pem").expect("good");
    let vars =
        [("JWT_AUTH_ALGORITHM", "ES256".to_owned()), ("JWT_AUTH_PUBLIC_KEY", pem("p256.pub.pem"))];
    let auth = Config::from_vars(vars).clock(ManualClock::at(NOW)).build().expect("good");
    let token = issuer.access_token("alice").issue().expect("a token");
    assert_eq!(auth.verify_access(&token).await.expect("good").subject(), "alice");
    let error = auth.access_token("alice").issue().expect_err("no key that signs");
    assert_eq!(error.kind(), AuthErrorKind::CannotIssue);
}

/// The modulus of the tests' RSA key, of 2048 bits: the first number of its PKCS#1.
fn modulus() -> Vec<u8> {
    let text = pem("rsa.pkcs1.pub.pem");
    let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    let der = STANDARD.decode(body).expect("base64");
    assert_eq!(der[..9], [0x30, 0x82, 0x01, 0x0a, 0x02, 0x82, 0x01, 0x01, 0]);
    der[9..9 + 256].to_vec()
}

/// The sum of two numbers of one length, if it is as long.
fn sum(one: &[u8], other: &[u8]) -> Option<Vec<u8>> {
    let (mut sum, mut carry) = (one.to_vec(), 0);
    for (digit, more) in sum.iter_mut().zip(other).rev() {
        let total = u16::from(*digit) + u16::from(*more) + carry;
        (*digit, carry) = ((total & 0xff) as u8, total >> 8);
    }
    (carry == 0).then_some(sum)
}

#[tokio::test]
async fn r11_a_signature_of_rsa_is_less_than_its_modulus() {
    let n = modulus();
    for algorithm in [Algorithm::RS256, Algorithm::PS256, Algorithm::PS384, Algorithm::PS512] {
        let auth = pair(algorithm, "rsa.pem", "rsa.pub.pem").expect("good");
        // The sum fits for about one signature of four.
        let (token, other) = (0..200)
            .find_map(|_| {
                let token = auth.access_token("alice").issue().expect("a token");
                let (message, signature) = token.rsplit_once('.').expect("a token");
                let sum = sum(&URL_SAFE_NO_PAD.decode(signature).expect("base64"), &n)?;
                let other = format!("{message}.{}", URL_SAFE_NO_PAD.encode(sum));
                Some((token, other))
            })
            .expect("a signature that leaves room");
        assert!(auth.verify_access(&token).await.is_ok());
        let error = auth.verify_access(&other).await.expect_err("the same number modulo n");
        assert_eq!(error.kind(), AuthErrorKind::InvalidSignature, "{algorithm}");
    }
}
