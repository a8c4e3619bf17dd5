//! Checks of keys when they are loaded: `guide::security`, rules R5, R10 and R11.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jwt_auth::{Algorithm, AuthErrorKind, Config, ConfigError, JwtAuth, Key, KeyRing, ManualClock};
use tests::NOW;

fn pem(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("keys").join(name);
    std::fs::read_to_string(path).expect("a key file")
}

fn pair(algorithm: Algorithm, private: &str, public: &str) -> Result<JwtAuth, ConfigError> {
    Config::from_pem(algorithm, pem(private), pem(public)).clock(ManualClock::at(NOW)).build()
}

fn ring(keys: impl IntoIterator<Item = Key>) -> Result<JwtAuth, ConfigError> {
    let ring = keys.into_iter().fold(KeyRing::default(), KeyRing::also_verify);
    Config::with_keys(ring).clock(ManualClock::at(NOW)).build()
}

fn error_text(result: Result<JwtAuth, ConfigError>) -> String {
    result.expect_err("refused").to_string()
}

/// A secret of that size.
fn secret(size: usize) -> Vec<u8> {
    (0..size).map(|at| u8::try_from(at % 251).expect("a byte")).collect()
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
async fn every_algorithm_signs_verifies_and_refuses_a_changed_token() {
    let secrets = [(Algorithm::HS256, 32), (Algorithm::HS384, 48), (Algorithm::HS512, 64)];
    let secrets =
        secrets.map(|(algorithm, size)| (algorithm, ring([Key::secret(algorithm, secret(size))])));
    let pairs =
        PAIRS.map(|(algorithm, private, public)| (algorithm, pair(algorithm, private, public)));
    for (algorithm, auth) in secrets.into_iter().chain(pairs) {
        let auth = auth.unwrap_or_else(|error| panic!("{algorithm}: {error}"));
        let token = auth.access_token("alice").issue().expect("a token");
        assert_eq!(
            auth.verify_access(&token).await.expect("a valid token").header()["alg"],
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
async fn a_public_key_verifies_and_issues_no_token() {
    for (algorithm, private, public) in PAIRS {
        let signer = pair(algorithm, private, public).expect("valid keys");
        let token = signer.access_token("alice").issue().expect("a token");
        let reader = ring([Key::public_pem(algorithm, pem(public))]).expect("valid keys");
        assert_eq!(reader.verify_access(&token).await.expect("a valid token").subject(), "alice");
        let error = reader.access_token("alice").issue().expect_err("no private key");
        assert_eq!(error.kind(), AuthErrorKind::CannotIssue);
        let derived = ring([Key::private_pem(algorithm, pem(private))]).expect("valid keys");
        assert_eq!(derived.verify_access(&token).await.expect("a valid token").subject(), "alice");
    }
}

#[tokio::test]
async fn a_public_key_is_not_used_as_an_hmac_secret() {
    // Algorithm confusion: the attacker signs with HMAC and the verifier's public key as the secret.
    let auth = pair(Algorithm::RS256, "rsa.pem", "rsa.pub.pem").expect("valid keys");
    let public = pem("rsa.pub.pem");
    let token = tests::sign_with(public.as_bytes(), &tests::plain_header(), &tests::claims());
    assert_eq!(
        auth.verify_access(&token).await.expect_err("algorithm confusion").kind(),
        AuthErrorKind::WrongAlgorithm
    );
}

#[test]
fn r10_a_pem_is_refused_as_a_secret() {
    let error = error_text(Config::hs256(pem("rsa.pub.pem")).build());
    assert!(error.contains("not a shared secret"), "{error}");
}

#[test]
fn r10_a_pem_after_other_text_is_refused_as_a_secret() {
    for before in ["\n", " ", "\u{feff}", "# public key\n"] {
        assert!(
            Config::hs256(format!("{before}{}", pem("rsa.pub.pem"))).build().is_err(),
            "{before:?}"
        );
    }
}

#[test]
fn r11_ed25519_keys_of_small_order_are_refused() {
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
        assert!(error_text(jwk(&point)).contains("not a point"), "{point:x?}");
        point[31] |= 0x80;
        assert!(error_text(jwk(&point)).contains("not a point"), "{point:x?} with its sign");
    }
}

#[test]
fn r10_rsa_jwks_with_a_bad_size_modulus_or_exponent_are_refused() {
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
        let error = error_text(jwk(bits, last, e));
        assert!(error.contains(words), "{bits} {last} {e:?}: {error}");
    }
}

#[test]
fn r10_key_ops_decide_whether_a_secret_signs() {
    let oct = |ops: &str| {
        ring([Key::jwk(format!(
            r#"{{"kty":"oct","alg":"HS256","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"{ops}}}"#
        ))])
        .expect("valid keys")
    };
    assert!(oct("").access_token("a").issue().is_ok());
    assert!(oct(r#","key_ops":["sign","verify"]"#).access_token("a").issue().is_ok());
    assert!(oct(r#","key_ops":["verify"]"#).access_token("a").issue().is_err());
}

#[tokio::test]
async fn r5_a_kid_does_not_select_its_key_for_another_algorithm() {
    let auth = ring([Key::secret(Algorithm::HS256, tests::SECRET).id("k")]).expect("valid keys");
    let token =
        |alg: &str| tests::forge(&serde_json::json!({ "alg": alg, "kid": "k" }), &tests::claims());
    assert!(auth.verify_access(&token("HS256")).await.is_ok());
    for alg in ["HS384", "HS512", "RS256"] {
        let error = auth.verify_access(&token(alg)).await.expect_err("another algorithm");
        assert_eq!(error.kind(), AuthErrorKind::WrongAlgorithm, "{alg}");
    }
}

#[tokio::test]
async fn a_token_without_kid_is_tried_against_every_key_without_an_id() {
    let (old, new) = (
        Key::secret(Algorithm::HS256, *b"secret number 1, with 32 bytes ."),
        Key::secret(Algorithm::HS256, *b"secret number 2, with 32 bytes ."),
    );
    let token =
        ring([old.clone()]).expect("valid keys").access_token("alice").issue().expect("a token");
    let both = ring([new, old]).expect("valid keys");
    assert_eq!(both.verify_access(&token).await.expect("a valid token").subject(), "alice");
}

#[test]
fn r10_short_secrets_are_refused() {
    for (algorithm, size) in
        [(Algorithm::HS256, 32), (Algorithm::HS384, 48), (Algorithm::HS512, 64)]
    {
        assert!(ring([Key::secret(algorithm, secret(size))]).is_ok());
        let error = error_text(ring([Key::secret(algorithm, secret(size - 1))]));
        assert!(
            error.contains(&format!("at least {size} bytes")) && error.contains("head -c"),
            "{error}"
        );
    }
    assert!(error_text(Config::hs256("").build()).contains("this one has 0"));
}

#[test]
fn r10_unusable_key_pairs_are_refused() {
    for (algorithm, private, public, words) in [
        (Algorithm::RS256, "rsa1024.pem", "rsa1024.pub.pem", "2048"),
        (Algorithm::ES256, "p384.pem", "p384.pub.pem", "no key for ES256, but an EC key on P-384"),
        (Algorithm::ES384, "p256.pem", "p256.pub.pem", "write `Algorithm::ES256` or"),
        (Algorithm::ES256, "k256.pem", "k256.pub.pem", "but an EC key on secp256k1"),
        (Algorithm::ES256, "ed.pem", "ed.pub.pem", "JWT_AUTH_ALGORITHM=EdDSA"),
        (Algorithm::EdDSA, "p256.pem", "p256.pub.pem", "no key for EdDSA"),
        (Algorithm::RS256, "p256.pem", "p256.pub.pem", "no key for RS256"),
        (Algorithm::ES256, "rsa.pem", "rsa.pub.pem", "but an RSA key"),
        (Algorithm::ES256, "p256.pem", "other.pub.pem", "does not belong"),
        (Algorithm::ES256, "p256.pub.pem", "p256.pem", "PEM of"),
        (Algorithm::ES256, "p256.pem", "cert.pem", "openssl x509"),
        (Algorithm::HS256, "p256.pem", "p256.pub.pem", "shared secret"),
    ] {
        let error = error_text(pair(algorithm, private, public));
        assert!(error.contains(words), "{private} {public}: {error}");
    }
    for algorithm in [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA] {
        assert!(error_text(Config::from_pem(algorithm, "", "").build()).contains("PEM"));
        assert!(
            error_text(Config::from_pem(algorithm, "-----BEGIN PRIVATE KEY-----", "x").build())
                .contains("PEM")
        );
        assert!(
            error_text(ring([Key::secret(algorithm, jwt_auth::KeyMaterial::ephemeral())]))
                .contains("key pair")
        );
    }
}

#[test]
fn r10_an_rsa_key_of_a_broken_generator_is_refused() {
    // A modulus of the generator of CVE-2017-15361, whose keys can be factored.
    let roca = "AanFpofbj7KjD4Lf-N2hVMKR7yewSyXhhbirIMTGpfYEhZ_lnt5UoK98DnKIgArXGTu3MaW_HhFw16HGaTDUHqPrId7fe4r11CqRw09yBFuW79V8sYIwHdzCaWflUI6auImYbVfoN9_nD5n8N8SY9DwXw7mwZM9wREPXoDPgOoIWl6q_MPsp7n0zs3Z5ZaiQWOOzl1S9OhwAfSiiOwz6efnXEaxuTEtPd7BjSx7NaFka8Dx9U7YqXy2RFj1O9PjyaDGuRh7YXsX3iMUSP_wSyHQg_c_qHRtKUsNSGCT7OZg0hzm2KphtjnayKJvC64vAbROBR4Ubg6Bxg9IQVZ-QYyE";
    let jwk = |n: &str| Key::jwk(format!(r#"{{"kty":"RSA","alg":"RS256","e":"AQAB","n":"{n}"}}"#));
    let error = error_text(ring([jwk(roca)]));
    assert!(error.contains("CVE-2017-15361"), "{error}");
    // With one bit changed it is not from that generator.
    assert!(ring([jwk(&roca.replace("QYyE", "QYyM"))]).is_ok());
}

#[test]
fn r10_public_jwks_and_jwks_of_shared_secrets_are_not_mixed() {
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
    let error = error_text(ring([public(), shared()]));
    assert!(error.contains("a set of JWKs has public keys or shared secrets"), "{error}");
    // A secret that is not a JWK may be in the ring beside public JWKs.
    assert!(
        ring([public(), Key::secret(Algorithm::HS256, jwt_auth::KeyMaterial::ephemeral())]).is_ok()
    );
}

#[tokio::test]
async fn a_thumbprint_id_is_the_kid_of_issued_tokens() {
    let key = || Key::pem_pair(Algorithm::ES256, pem("p256.pem"), pem("p256.pub.pem"));
    let auth = ring([key().thumbprint_id()]).expect("valid keys");
    let token = auth.access_token("alice").issue().expect("a token");
    let header = auth.verify_access(&token).await.expect("a valid token").header();
    let kid = header["kid"].as_str().expect("a kid");
    assert_eq!(kid.len(), 43);
    // The public half alone has the same thumbprint.
    let public = Key::public_pem(Algorithm::ES256, pem("p256.pub.pem")).thumbprint_id();
    assert!(ring([public]).expect("valid keys").verify_access(&token).await.is_ok());
    // The last call wins.
    let named = ring([key().thumbprint_id().id("2026")]).expect("valid keys");
    let error = named.verify_access(&token).await.expect_err("another id");
    assert_eq!(error.kind(), AuthErrorKind::UnknownKey);
    let error =
        error_text(ring([
            Key::secret(Algorithm::HS256, jwt_auth::KeyMaterial::ephemeral()).thumbprint_id()
        ]));
    assert!(error.contains("RFC 7638"), "{error}");
}

#[test]
fn r10_rings_with_conflicting_keys_are_refused() {
    let secret = |byte: u8| {
        let mut bytes = *b"secret number 0, with 32 bytes .";
        bytes[14] = byte;
        Key::secret(Algorithm::HS256, bytes)
    };
    assert!(ring([secret(1).id("a"), secret(2).id("b")]).is_ok());
    assert!(error_text(ring([secret(1).id("a"), secret(2).id("a")])).contains("ids are unique"));
    assert!(
        error_text(ring([secret(1).id("a"), secret(1).id("b")])).contains("is in the ring once")
    );
    let mut filled = b"secret number \x01, with 32 bytes .".to_vec();
    filled.resize(64, 0);
    let same = [secret(1).id("a"), Key::secret(Algorithm::HS512, filled).id("b")];
    assert!(
        error_text(ring(same)).contains("once"),
        "HMAC pads a key with zeros, so both are the same key"
    );
    let rsa = |algorithm| Key::public_pem(algorithm, pem("rsa.pub.pem"));
    assert!(
        error_text(ring([rsa(Algorithm::RS256).id("a"), rsa(Algorithm::PS256).id("b")]))
            .contains("once")
    );
    assert!(ring((1..=4).map(secret)).is_ok());
    assert!(error_text(ring((1..=5).map(secret))).contains("at most 4"));
    assert!(error_text(ring([])).contains("has no key"));
    assert!(error_text(ring([secret(1).id("")])).contains("key id"));
    assert!(error_text(ring([secret(1).id("x".repeat(257))])).contains("key id"));
    // Four candidates in all, with and without ids.
    let also = |byte: u8| secret(byte).id(byte.to_string()).also_without_id();
    assert!(ring([secret(1), secret(2), also(3), also(4), secret(5).id("e")]).is_ok());
    assert!(error_text(ring((1..=5).map(also))).contains("at most 4"));
}

#[test]
fn r22_published_secrets_and_uniform_bytes_are_refused() {
    use jwt_auth::danger::DangerousConfig as _;
    for uniform in [vec![0; 32], vec![7; 32], vec![0xff; 64], vec![b'a'; 1]] {
        let error = error_text(Config::hs256(uniform).allow_short_secret().build());
        assert!(error.contains("all bytes of the secret are equal"), "{error}");
    }
    for published in [
        "an example secret of 32 bytes ...",
        "your-256-bit-secret",
        "a-string-secret-at-least-256-bits-long",
        "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
    ] {
        let error = error_text(Config::hs256(published).allow_short_secret().build());
        assert!(error.contains("printed in public documentation"), "{error}");
        assert!(!error.contains(published), "{error}");
    }
}

#[test]
fn r22_the_documentation_prints_no_secret_that_works() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = vec![root.join("README.md"), root.join(".env.example")];
    let mut folders = vec![root.join("jwt-auth/src"), root.join("jwt-auth-macros/src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() { &mut folders } else { &mut files }.push(path);
        }
    }
    for file in files {
        let is_rust = file.extension().is_some_and(|extension| extension == "rs");
        let text = std::fs::read_to_string(&file).expect("text");
        for line in text.lines().map(str::trim_start) {
            let docs = line.strip_prefix("///").or_else(|| line.strip_prefix("//!"));
            let Some(shown) = docs.or((!is_rust).then_some(line)).map(str::trim_start) else {
                continue;
            };
            if shown.starts_with("# ") {
                continue;
            }
            for literal in shown.split('"').skip(1).step_by(2) {
                let may_sign = shown.contains("hs256(")
                    || shown.contains("Key::secret(")
                    || shown.contains("SECRET_KEY")
                    || shown.contains("KeyMaterial::raw(");
                let works = may_sign && Config::hs256(literal).build().is_ok();
                assert!(!works, "{}: {shown}", file.display());
            }
        }
    }
}

/// What `openssl` writes for these arguments.
fn openssl(arguments: &[&str], input: &str) -> String {
    String::from_utf8(openssl_bytes(arguments, input)).expect("text")
}

fn openssl_bytes(arguments: &[&str], input: &str) -> Vec<u8> {
    use std::io::Write as _;
    use std::process::{Command, Stdio};
    let mut child = Command::new("openssl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("openssl is installed");
    child.stdin.take().expect("piped").write_all(input.as_bytes()).expect("written");
    child.wait_with_output().expect("it exits").stdout
}

#[tokio::test]
async fn r10_every_key_that_openssl_writes_is_read_or_refused_with_the_fix() {
    let curve = |name| {
        openssl(
            &["genpkey", "-algorithm", "EC", "-pkeyopt", &format!("ec_paramgen_curve:{name}")],
            "",
        )
    };
    let public = |private: &str| openssl(&["pkey", "-pubout"], private);
    let sec1 = openssl(&["ecparam", "-name", "prime256v1", "-genkey"], "");
    assert!(sec1.starts_with("-----BEGIN EC PARAMETERS-----"), "{sec1}");
    let (p256, p384, p521) = (curve("P-256"), curve("P-384"), curve("P-521"));
    let rsa = openssl(&["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], "");
    let ed = openssl(&["genpkey", "-algorithm", "ED25519"], "");
    let reads = [
        (Algorithm::ES256, sec1.clone()),
        (Algorithm::ES256, openssl(&["ec"], &sec1)),
        (Algorithm::ES384, openssl(&["ecparam", "-name", "secp384r1", "-genkey"], "")),
        (Algorithm::ES256, p256.clone()),
        (Algorithm::ES384, p384),
        (Algorithm::RS256, rsa.clone()),
        (Algorithm::PS256, openssl(&["rsa", "-traditional"], &rsa)),
        (Algorithm::EdDSA, ed.clone()),
        (
            Algorithm::ES256,
            format!(
                "Bag Attributes\n    friendlyName: key\nKey Attributes: <No Attributes>\n{p256}"
            ),
        ),
        (Algorithm::EdDSA, format!("# created 2026-01-05\r\n{}", ed.replace('\n', "\r\n"))),
        (Algorithm::EdDSA, ed.trim_end().replace('\n', "\\n")),
        (Algorithm::RS256, format!("{rsa}{}", pem("cert.pem"))),
        (Algorithm::RS256, format!("{}{rsa}", public(&rsa))),
    ];
    for (algorithm, private) in reads {
        let auth = ring([Key::private_pem(algorithm, private.as_str())])
            .unwrap_or_else(|error| panic!("{algorithm}: {error}"));
        let token = auth.access_token("alice").issue().expect("a token");
        let public = Key::public_pem(algorithm, public(&private.replace("\\n", "\n")));
        let reader = ring([public]).unwrap_or_else(|error| panic!("{algorithm}: {error}"));
        assert!(reader.verify_access(&token).await.is_ok(), "{algorithm}");
    }
    let es512 = Config::from_pem(Algorithm::ES512, p521.as_str(), public(&p521));
    if cfg!(feature = "aws_lc_rs") {
        let auth = es512.clock(ManualClock::at(NOW)).build().expect("valid keys");
        let token = auth.access_token("alice").issue().expect("a token");
        let token = auth.verify_access(&token).await.expect("a valid token");
        assert_eq!(token.header()["alg"], "ES512");
        let sec1 = openssl(&["ecparam", "-name", "secp521r1", "-genkey"], "");
        assert!(ring([Key::private_pem(Algorithm::ES512, sec1).thumbprint_id()]).is_ok());
    } else {
        let error = error_text(es512.build());
        assert!(error.contains("aws_lc_rs"), "{error}");
    }
    let explicit =
        openssl(&["ecparam", "-name", "prime256v1", "-genkey", "-param_enc", "explicit"], "");
    let pss =
        openssl(&["genpkey", "-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"], "");
    let encrypted = openssl(&["pkcs8", "-topk8", "-passout", "pass:secret"], &p256);
    let old_encrypted =
        openssl(&["rsa", "-traditional", "-aes128", "-passout", "pass:secret"], &rsa);
    for (algorithm, private, words) in [
        (Algorithm::ES256, explicit, "-param_enc named_curve"),
        (Algorithm::PS256, pss, "a key of the type RSA-PSS"),
        (Algorithm::EdDSA, openssl(&["genpkey", "-algorithm", "ED448"], ""), "but an Ed448 key"),
        (
            Algorithm::EdDSA,
            openssl(&["genpkey", "-algorithm", "X25519"], ""),
            "a key for encryption",
        ),
        (Algorithm::ES256, encrypted, "decrypt it: openssl pkey"),
        (Algorithm::RS256, old_encrypted, "decrypt it: openssl pkey"),
        (Algorithm::ES256, format!("{p256}{sec1}"), "contains 2 private keys"),
        (Algorithm::ES256, p256.replace("MIG", "MI G!"), "damaged"),
        (Algorithm::ES256, public(&p256), "PEM of `PRIVATE KEY`"),
    ] {
        let error = error_text(ring([Key::private_pem(algorithm, private.as_str())]));
        assert!(error.contains(words), "{words}: {error}");
        for line in private.lines().filter(|line| line.len() > 40) {
            assert!(!error.contains(line), "key material in {error}");
        }
    }
    let compressed = openssl(&["pkey", "-pubout", "-ec_conv_form", "compressed"], &p256);
    let error = error_text(ring([Key::public_pem(Algorithm::ES256, compressed)]));
    assert!(error.contains("-conv_form uncompressed"), "{error}");
    let utf16: Vec<u8> =
        [0xfeff].into_iter().chain(ed.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let error = error_text(ring([Key::private_pem(Algorithm::EdDSA, utf16)]));
    assert!(error.contains("UTF-16"), "{error}");
    let body: String = ed.lines().filter(|line| !line.starts_with('-')).collect();
    let der = STANDARD.decode(body).expect("base64");
    let error = error_text(ring([Key::private_pem(Algorithm::EdDSA, der)]));
    assert!(error.contains("-inform DER"), "{error}");
}

#[tokio::test]
async fn short_rsa_keys_verify_under_danger_and_never_sign() {
    use jwt_auth::danger::DangerousConfig as _;
    let config = |algorithm, key| {
        Config::with_keys(KeyRing::new(key))
            .clock(ManualClock::at(NOW))
            .allow_short_rsa_keys()
            .issuer(format!("{algorithm}"))
    };
    for algorithm in [Algorithm::RS256, Algorithm::RS512] {
        let public = Key::public_pem(algorithm, pem("rsa1024.pub.pem"));
        assert!(error_text(ring([public.clone()])).contains("2048"));
        let auth = config(algorithm, public).build().expect("a valid configuration");
        let message = {
            let encode = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
            let mut claims = tests::claims();
            claims["iss"] = algorithm.name().into();
            format!(
                "{}.{}",
                encode(&serde_json::json!({ "alg": algorithm.name() })),
                encode(&claims)
            )
        };
        let hash = if algorithm == Algorithm::RS256 { "-sha256" } else { "-sha512" };
        let key = Path::new(env!("CARGO_MANIFEST_DIR")).join("keys/rsa1024.pem");
        let signed =
            openssl_bytes(&["dgst", hash, "-sign", key.to_str().expect("UTF-8")], &message);
        let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(signed));
        assert_eq!(auth.verify_access(&token).await.expect("a valid token").subject(), "alice");
        let private = Key::private_pem(algorithm, pem("rsa1024.pem"));
        assert!(error_text(config(algorithm, private).build()).contains("2048"));
    }
    let pss = Key::public_pem(Algorithm::PS256, pem("rsa1024.pub.pem"));
    assert!(error_text(config(Algorithm::PS256, pss).build()).contains("2048"));
}

#[tokio::test]
async fn r20_both_names_of_ed25519_are_read() {
    let auth = ring([Key::public_pem(Algorithm::EdDSA, pem("ed.pub.pem"))]).expect("valid keys");
    let ours = pair(Algorithm::EdDSA, "ed.pem", "ed.pub.pem").expect("valid keys");
    let token = ours.access_token("alice").issue().expect("a token");
    assert!(auth.verify_access(&token).await.is_ok());
    let message = {
        let encode = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let header = serde_json::json!({ "alg": "Ed25519" });
        format!("{}.{}", encode(&header), encode(&tests::claims()))
    };
    let file = std::env::temp_dir().join(format!("jwt-auth-r20-{}", std::process::id()));
    std::fs::write(&file, &message).expect("written");
    let key = Path::new(env!("CARGO_MANIFEST_DIR")).join("keys/ed.pem");
    let (key, path) = (key.to_str().expect("UTF-8"), file.to_str().expect("UTF-8"));
    let signed = openssl_bytes(&["pkeyutl", "-sign", "-rawin", "-inkey", key, "-in", path], "");
    std::fs::remove_file(&file).expect("removed");
    let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(signed));
    assert_eq!(auth.verify_access(&token).await.expect("a valid token").subject(), "alice");
    let jwk = r#"{"kty":"OKP","crv":"Ed25519","alg":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    assert!(ring([Key::jwk(jwk)]).is_ok());
}

#[tokio::test]
async fn tokens_of_a_previous_secret_without_an_id_are_accepted() {
    let (old, new) = (
        Key::secret(Algorithm::HS256, *b"secret number 1, with 32 bytes ."),
        Key::secret(Algorithm::HS256, *b"secret number 2, with 32 bytes ."),
    );
    let before = ring([old.clone()]).expect("valid keys");
    let token = before.access_token("alice").issue().expect("a token");
    let after = ring([new.id("2026"), old]).expect("valid keys");
    assert_eq!(after.verify_access(&token).await.expect("a valid token").subject(), "alice");
}

#[tokio::test]
async fn jwks_are_parsed_strictly() {
    // The EC key of RFC 7517 A.1, and the key of RFC 8037 A.2.
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
        (oct.replace("\"alg\":\"HS256\",", ""), "has no `alg`"),
        (oct.replace("HS256", "RS256"), "agree"),
        (ec.replace("\"use\":\"sig\"", r#""key_ops":["verify","verify"]"#), "each once"),
        (ec.replace("\"use\":\"sig\"", r#""key_ops":["verify","encrypt"]"#), "each once"),
        (oct.replace("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow", "AyM1"), "at least 32"),
        ("[]".to_owned(), "JSON object"),
        ("{}".to_owned(), "`kty`"),
    ] {
        let error = error_text(ring([Key::jwk(bad.clone())]));
        assert!(error.contains(words), "{bad}: {error}");
    }
}

#[tokio::test]
async fn a_public_key_in_the_environment_verifies_and_issues_no_token() {
    let issuer = pair(Algorithm::ES256, "p256.pem", "p256.pub.pem").expect("valid keys");
    let vars =
        [("JWT_AUTH_ALGORITHM", "ES256".to_owned()), ("JWT_AUTH_PUBLIC_KEY", pem("p256.pub.pem"))];
    let auth =
        Config::from_vars(vars).clock(ManualClock::at(NOW)).build().expect("a valid configuration");
    let token = issuer.access_token("alice").issue().expect("a token");
    assert_eq!(auth.verify_access(&token).await.expect("a valid token").subject(), "alice");
    let error = auth.access_token("alice").issue().expect_err("no key that signs");
    assert_eq!(error.kind(), AuthErrorKind::CannotIssue);
}

/// The 2048-bit modulus of the RSA key of the tests: the first number of its PKCS#1 form.
fn modulus() -> Vec<u8> {
    let text = pem("rsa.pkcs1.pub.pem");
    let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    let der = STANDARD.decode(body).expect("base64");
    assert_eq!(der[..9], [0x30, 0x82, 0x01, 0x0a, 0x02, 0x82, 0x01, 0x01, 0]);
    der[9..9 + 256].to_vec()
}

/// The sum of two big-endian numbers of equal length; `None` if it is longer.
fn sum(one: &[u8], other: &[u8]) -> Option<Vec<u8>> {
    let (mut sum, mut carry) = (one.to_vec(), 0);
    for (digit, more) in sum.iter_mut().zip(other).rev() {
        let total = u16::from(*digit) + u16::from(*more) + carry;
        (*digit, carry) = ((total & 0xff) as u8, total >> 8);
    }
    (carry == 0).then_some(sum)
}

#[tokio::test]
async fn r11_an_rsa_signature_that_is_not_less_than_its_modulus_is_refused() {
    let n = modulus();
    for algorithm in [Algorithm::RS256, Algorithm::PS256, Algorithm::PS384, Algorithm::PS512] {
        let auth = pair(algorithm, "rsa.pem", "rsa.pub.pem").expect("valid keys");
        // The sum with the modulus fits for about one signature in four.
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

#[tokio::test]
async fn danger_lets_one_secret_serve_the_listed_algorithms_and_no_other() {
    use Algorithm::{HS256, HS384, HS512};
    use jwt_auth::danger::DangerousConfig as _;

    let secret = || jwt_auth::KeyMaterial::raw(secret(64));
    let config = || Config::hs384(secret());
    let issue = |auth: &JwtAuth, algorithm| {
        auth.access_token("alice").algorithm(algorithm).issue().map(|token| token.to_string())
    };
    let strict = config().build().expect("valid");
    assert!(issue(&strict, HS512).is_err(), "a key has one algorithm");
    assert!(config().also_verify(Key::secret(HS512, secret())).build().is_err());

    let shared = config().decode_algorithms([HS384, HS512]).build().expect("valid");
    for algorithm in [HS384, HS512] {
        let token = issue(&shared, algorithm).expect("a key for each");
        assert!(shared.verify_access(&token).await.is_ok(), "{algorithm}");
    }
    let foreign = Config::hs256(secret()).build().expect("valid");
    let token = issue(&foreign, HS256).expect("its own algorithm");
    let refused = shared.verify_access(&token).await.unwrap_err();
    assert_eq!(refused.kind(), AuthErrorKind::WrongAlgorithm);

    // The module honours a list without the algorithm that signs.
    let foreign_only = config().decode_algorithms([HS512]).build().expect("valid");
    let own = issue(&foreign_only, HS384).expect("it signs");
    let refused = foreign_only.verify_access(&own).await.unwrap_err();
    assert_eq!(refused.kind(), AuthErrorKind::WrongAlgorithm);
    let listed = issue(&shared, HS512).expect("a key");
    assert!(foreign_only.verify_access(&listed).await.is_ok());

    for list in [vec![], vec![HS384, Algorithm::RS256]] {
        let error = config().decode_algorithms(list).build().unwrap_err().to_string();
        assert!(error.contains("decode_algorithms"), "{error}");
    }
}
