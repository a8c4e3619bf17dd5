//! Keys from files: names, formats, and files that are wrong or vanish while the service runs.

use std::path::{Path, PathBuf};

use jwt_auth::danger::decode_unverified;
use jwt_auth::{Algorithm, AuthErrorKind, Config, JwtAuth, Key, KeyMaterial, KeyRing, ManualClock};
use tests::folder::Folder;

/// 2026-11-27T12:00:00Z.
const NOON: u64 = 1_795_780_800;

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("keys").join(name)
}

/// A directory with copies of these keys, under other names.
fn directory(folder: &Folder, files: &[(&str, &str)]) -> PathBuf {
    let path = folder.file();
    std::fs::create_dir_all(&path).expect("a directory");
    for (from, to) in files {
        std::fs::copy(source(from), path.join(to)).expect("a copy");
    }
    path
}

fn build(path: &Path) -> Result<JwtAuth, jwt_auth::ConfigError> {
    Config::with_keys(KeyRing::directory(path)).clock(ManualClock::at(NOON)).build()
}

fn states(auth: &JwtAuth) -> Vec<String> {
    auth.keys().list().iter().map(ToString::to_string).collect()
}

fn refusal(path: &Path) -> String {
    build(path).expect_err("refused").to_string()
}

#[tokio::test]
async fn names_of_files_are_ids_and_times() {
    let folder = Folder::new("names");
    let path = directory(
        &folder,
        &[
            ("ed.pem", "2026-11-01.pem"),
            ("ed.pub.pem", "2026-11-01.pub.pem"),
            ("p256.pem", "2026-12-01T08-30-00Z.pem"),
            ("rsa.pem", "first.pem"),
            ("p384.pub.pem", "partner.pem"),
        ],
    );
    std::fs::create_dir(path.join("..data")).expect("as Kubernetes has it");
    std::fs::write(path.join(".hidden"), "not a key").expect("a file");
    let auth = build(&path).expect("valid");
    assert_eq!(
        states(&auth),
        [
            "2026-11-01 EdDSA signing",
            "2026-12-01T08-30-00Z ES256 pending",
            "first RS256 retired",
            "partner ES384 retired",
        ]
    );
    let token = auth.access_token("alice").issue().expect("a token");
    assert_eq!(decode_unverified(&token).expect("a token").header["kid"], "2026-11-01");
    assert!(auth.verify_access(&token).await.is_ok());
}

#[tokio::test]
async fn every_format_is_read() {
    let folder = Folder::new("formats");
    let path = directory(&folder, &[("ed.pem", "now.pem")]);
    let auth = build(&path).expect("valid");
    let token = auth.access_token("alice").issue().expect("a token");
    let jwks = auth.jwks().to_string();
    let jwk = jwks.trim_start_matches(r#"{"keys":["#).trim_end_matches("]}");
    let der = |name: &str| {
        let pem = std::fs::read_to_string(source(name)).expect("a key");
        let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        base64::Engine::decode(&base64::engine::general_purpose::STANDARD, body).expect("base64")
    };
    for (name, content) in [
        ("now.json", jwks.clone().into_bytes()),
        ("now.jwk", jwk.as_bytes().to_vec()),
        ("now.der", der("ed.pem")),
        ("now.pub", std::fs::read(source("ed.pub.pem")).expect("a key")),
        ("now.der", der("ed.pub.pem")),
    ] {
        let folder = Folder::new("format");
        let path = directory(&folder, &[]);
        std::fs::write(path.join(name), content).expect("a file");
        let other = build(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(other.verify_access(&token).await.is_ok(), "{name}");
        assert_eq!(
            other.access_token("alice").issue().is_ok(),
            path.join("now.der").exists() && {
                std::fs::read(path.join(name)).expect("a file") == der("ed.pem")
            }
        );
    }
    // A certificate, in PEM and in DER, and of a key that another algorithm may use.
    for (name, content) in [
        ("issuer.crt", std::fs::read(source("cert.pem")).expect("a file")),
        ("issuer.cer", der("cert.pem")),
    ] {
        let folder = Folder::new("certificate");
        let path = directory(&folder, &[]);
        std::fs::write(path.join(name), content).expect("a file");
        let listed = states(&build(&path).unwrap_or_else(|error| panic!("{name}: {error}")));
        assert!(listed[0].starts_with("issuer "), "{listed:?}");
    }
    let pem = || KeyMaterial::file(source("cert.pem"));
    let listed = |key: Key| Config::with_keys(KeyRing::new(key)).build().map(|auth| states(&auth));
    let algorithm = algorithm_of_certificate();
    assert!(listed(Key::certificate(algorithm, pem())).is_ok());
    assert!(listed(Key::certificate(Algorithm::EdDSA, pem())).is_err());
    assert!(listed(Key::certificate(algorithm, KeyMaterial::file(source("rsa.pem")))).is_err());
    let error = listed(Key::public_pem(algorithm, pem())).expect_err("it is a certificate");
    assert!(error.to_string().contains("Key::certificate"), "{error}");
}

/// The algorithm of the certificate of the tests.
fn algorithm_of_certificate() -> Algorithm {
    let folder = Folder::new("algorithm");
    let path = directory(&folder, &[("cert.pem", "a.crt")]);
    build(&path).expect("valid").keys().list()[0].algorithm()
}

#[test]
fn a_directory_with_a_mistake_is_refused_by_name() {
    let private = std::fs::read(source("ed.pem")).expect("a key");
    for (name, content, expected) in [
        ("2026-13-01.pem", &private[..], "begins like a date, and is none"),
        ("notes.txt", b"x", "has not the ending of a key file"),
        ("half.pem", &private[..60], "the file"),
        ("empty.pem", b"", "it contains no PEM"),
        ("short.pem", b"bad", "it contains no PEM"),
        ("set.json", br#"{"keys":[{"kty":"oct","alg":"HS256","k":"aGlkZGVuIGV4YW1wbGUgd2l0aCAzMiBieXRlcyBvZiBpdA"}]}"#, "contains a shared secret"),
        ("set.json", br#"{"keys":[]}"#, "contains no key"),
        ("one.json", br#"{"kty":"OKP"}"#, "the file"),
        ("bytes.der", b"0123456789", "in DER"),
    ] {
        let folder = Folder::new("mistake");
        let path = directory(&folder, &[("p256.pem", "good.pem")]);
        std::fs::write(path.join(name), content).expect("a file");
        let error = refusal(&path);
        assert!(error.contains(expected) && error.contains(name), "{name}: {error}");
    }
    let folder = Folder::new("two");
    let path = directory(&folder, &[("ed.pem", "a.pem"), ("p256.pem", "b.pem")]);
    assert!(refusal(&path).contains("both `a` and `b` would sign"));
    let folder = Folder::new("twice");
    let path = directory(&folder, &[("ed.pem", "2026-01-01.pem"), ("ed.pem", "2026-01-02.pem")]);
    assert!(refusal(&path).contains("a key is in the ring once"));
    let folder = Folder::new("empty");
    assert!(refusal(&directory(&folder, &[])).contains("contains no key"));
    assert!(refusal(Path::new("no/such/directory")).contains("cannot read the key directory"));
}

#[tokio::test]
async fn a_reload_replaces_the_keys_and_a_bad_one_changes_nothing() {
    let folder = Folder::new("reload");
    let path = directory(&folder, &[("ed.pem", "2026-11-01.pem")]);
    let clock = ManualClock::at(NOON);
    let config = Config::with_keys(KeyRing::directory(&path)).clock(clock.clone());
    let auth = config.verified_cache(100).build().expect("valid");
    let old = auth.access_token("alice").issue().expect("a token");
    assert!(auth.verify_access(&old).await.is_ok(), "and cached");

    // A new file is being written.
    let whole = std::fs::read(source("p256.pem")).expect("a key");
    std::fs::write(path.join("2026-11-27.pem"), &whole[..whole.len() / 2]).expect("a file");
    let error = auth.keys().reload_from(&path).await.expect_err("half of a file");
    assert!(error.to_string().contains("2026-11-27.pem"), "{error}");
    assert_eq!(states(&auth), ["2026-11-01 EdDSA signing"]);
    std::fs::write(path.join("2026-11-27.pem"), &whole).expect("a file");
    auth.keys().reload_from(&path).await.expect("valid");
    assert_eq!(states(&auth), ["2026-11-01 EdDSA retired", "2026-11-27 ES256 signing"]);
    assert!(auth.verify_access(&old).await.is_ok());

    // The old file vanishes too early: its tokens are valid on.
    std::fs::remove_file(path.join("2026-11-01.pem")).expect("removed");
    auth.keys().reload_from(&path).await.expect("valid");
    assert!(auth.verify_access(&old).await.is_ok());
    assert!(auth.access_token("alice").key_id("2026-11-01").issue().is_err());
    let until = auth.keys().list()[0].verifies_until().expect("an end");
    clock.set(until);
    auth.keys().reload_from(&path).await.expect("valid");
    assert_eq!(states(&auth), ["2026-11-27 ES256 signing"], "and then it is gone");

    // The file of the signing key vanishes, or all of them: nothing changes.
    std::fs::rename(path.join("2026-11-27.pem"), path.join("2099-01-01.pem")).expect("renamed");
    let error = auth.keys().reload_from(&path).await.expect_err("none would sign");
    assert!(error.to_string().contains("none would sign"), "{error}");
    std::fs::remove_dir_all(&path).expect("removed");
    assert!(auth.keys().reload_from(&path).await.is_err());
    assert_eq!(states(&auth), ["2026-11-27 ES256 signing"]);
    assert!(auth.access_token("alice").issue().is_ok());
}

#[tokio::test]
async fn an_empty_file_revokes_a_key() {
    let folder = Folder::new("mark");
    let files = [("ed.pem", "2026-11-01.pem"), ("p256.pem", "2026-12-01.pem")];
    let path = directory(&folder, &files);
    let auth = build(&path).expect("valid");
    let stolen = auth.access_token("alice").issue().expect("a token");
    std::fs::write(path.join("2026-11-01.revoked"), "").expect("a file");
    auth.keys().reload_from(&path).await.expect("valid");
    let expected = ["2026-11-01 EdDSA revoked", "2026-12-01 ES256 signing"];
    assert_eq!(states(&auth), expected);
    let error = auth.verify_access(&stolen).await.expect_err("refused");
    assert_eq!(error.kind(), AuthErrorKind::Revoked);
    let forged = tests::tamper_with_signature(&stolen);
    let error = auth.verify_access(&forged).await.expect_err("refused");
    assert_eq!(error.kind(), AuthErrorKind::InvalidSignature, "the key is checked nevertheless");
    assert!(auth.access_token("alice").key_id("2026-11-01").issue().is_err());
    // Without its file the next key does not sign either: the reload is refused.
    let next = path.join("2026-12-01.pem");
    std::fs::rename(&next, path.join("2026-12-01.bak")).expect("renamed");
    assert!(auth.keys().reload_from(&path).await.is_err());
    std::fs::rename(path.join("2026-12-01.bak"), &next).expect("renamed");
    // The mark counts also after its file is gone, and at the next start as long as it is there.
    assert_eq!(states(&build(&path).expect("valid")), expected);
    std::fs::remove_file(path.join("2026-11-01.revoked")).expect("removed");
    auth.keys().reload_from(&path).await.expect("valid");
    assert_eq!(states(&auth), expected);
}

#[test]
fn a_set_of_another_service_is_read_without_the_keys_that_are_not_for_us() {
    let good = r#"{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    let set = |others: &str| format!(r#"{{"keys":[{others}{good}]}}"#);
    let ids =
        |json: &str| Config::with_keys(KeyRing::jwk_set(json)).build().map(|auth| states(&auth));
    for other in [
        "",
        r#"{"kty":"new","kid":"b"},"#,
        r#"{"kty":"RSA","use":"enc","kid":"b"},"#,
        r#"{"kty":"OKP","crv":"X25519","kid":"b","x":"AA"},"#,
    ] {
        assert_eq!(ids(&set(other)).expect("valid"), ["a EdDSA retired"], "{other}");
    }
    for bad in [
        "",
        "{}",
        r#"{"keys":{}}"#,
        r#"{"keys":[1]}"#,
        r#"{"keys":[],"keys":[]}"#,
        r#"{"keys":[{"kty":"new"}]}"#,
    ] {
        assert!(ids(bad).is_err(), "{bad}");
    }
}
