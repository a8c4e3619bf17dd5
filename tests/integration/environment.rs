//! The environment that Kubernetes, Docker and shells produce: read, ignored, or refused with the fix.

use jwt_auth::{Config, ConfigError, JwtAuth, KeyMaterial, ManualClock};
use tests::NOW;

const SECRET: (&str, &str) = ("JWT_AUTH_SECRET_KEY", "the secret of these tests: 32 bytes");

fn build(more: &[(&str, &str)]) -> Result<JwtAuth, ConfigError> {
    Config::from_vars(more.iter().copied()).clock(ManualClock::at(NOW)).build()
}

fn problem(more: &[(&str, &str)]) -> String {
    let error = build(more).expect_err("refused");
    assert_eq!(error.problems().count(), 1, "{error}");
    error.to_string()
}

#[test]
fn variables_of_services_named_like_the_prefix_are_ignored() {
    // What the kubelet sets for the services `jwt-auth` and `jwt-auth-redis`, and Docker for a link.
    let injected = [
        ("JWT_AUTH_SERVICE_HOST", "10.96.14.2"),
        ("JWT_AUTH_SERVICE_PORT", "80"),
        ("JWT_AUTH_SERVICE_PORT_HTTP", "80"),
        ("JWT_AUTH_PORT", "tcp://10.96.14.2:80"),
        ("JWT_AUTH_PORT_80_TCP", "tcp://10.96.14.2:80"),
        ("JWT_AUTH_PORT_80_TCP_PROTO", "tcp"),
        ("JWT_AUTH_PORT_80_TCP_PORT", "80"),
        ("JWT_AUTH_PORT_80_TCP_ADDR", "10.96.14.2"),
        ("JWT_AUTH_REDIS_SERVICE_HOST", "10.96.14.3"),
        ("JWT_AUTH_REDIS_SERVICE_PORT_REDIS", "6379"),
        ("JWT_AUTH_REDIS_PORT_6379_TCP_ADDR", "10.96.14.3"),
        ("JWT_AUTH_NAME", "/web/jwt-auth"),
        ("JWT_AUTH_ENV_LANG", "C.UTF-8"),
    ];
    let vars = [&[SECRET], &injected[..]].concat();
    build(&vars).expect("a valid configuration");
    // A typo is still an error beside them.
    let error = problem(&[&vars[..], &[("JWT_AUTH_ISUER", "me")]].concat());
    assert!(error.contains("JWT_AUTH_ISSUER"), "{error}");
    let error = problem(&[SECRET, ("JWT_AUTH_ENV_LANG", "C.UTF-8")]);
    assert!(error.contains("unknown variable"), "no link explains it: {error}");
}

#[test]
fn values_in_quotes_or_with_white_space_are_refused() {
    for (value, words) in [
        ("\"the secret of these tests: 32 bytes\"", "is in quotes"),
        ("'the secret of these tests: 32 bytes'", "is in quotes"),
        ("the secret of these tests: 32 bytes\n", "white space at an end"),
        (" the secret of these tests: 32 bytes", "white space at an end"),
        ("the secret of these tests: 32 bytes\r", "white space at an end"),
        ("\u{feff}the secret of these tests: 32 bytes", "white space at an end"),
        ("$(JWT_AUTH_SECRET_KEY_FROM_THE_VAULT)", "is a reference"),
        ("${JWT_AUTH_SECRET_KEY_FROM_THE_VAULT}", "is a reference"),
        ("", "set but blank"),
        ("   ", "set but blank"),
    ] {
        let error = problem(&[("JWT_AUTH_SECRET_KEY", value)]);
        assert!(
            error.contains(words) && error.contains("JWT_AUTH_SECRET_KEY"),
            "{value:?}: {error}"
        );
        assert!(!error.contains("these tests"), "{error}");
    }
    for (name, value) in [
        ("JWT_AUTH_ISSUER", "'https://auth.example'"),
        ("JWT_AUTH_ACCESS_TOKEN_EXPIRES", "\"5m\""),
        ("JWT_AUTH_ACCESS_TOKEN_EXPIRES", "5m "),
        ("JWT_AUTH_TOKEN_LOCATION", " cookie"),
        ("JWT_AUTH_COOKIE_DOMAIN", "example.com\r"),
        ("JWT_AUTH_ALGORITHM", "HS256\n"),
        ("JWT_AUTH_KEY_ID", "\"2026\""),
        ("JWT_AUTH_VERIFY_KEYS", "'2025=file:old.key'"),
    ] {
        let error = problem(&[SECRET, (name, value)]);
        assert!(error.contains(name), "{error}");
    }
    // A quote inside of a value is a part of it.
    build(&[("JWT_AUTH_SECRET_KEY", "it's \"quoted\" inside, with 32 bytes")]).expect("valid");
}

#[test]
fn a_pem_in_a_variable_may_end_with_a_line_break() {
    let pem = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/keys/ed.pem"));
    let pem = pem.expect("a key");
    for text in [format!("{pem}\n"), pem.clone(), pem.trim_end().replace('\n', "\\n")] {
        let vars = [("JWT_AUTH_ALGORITHM", "EdDSA"), ("JWT_AUTH_PRIVATE_KEY", text.as_str())];
        build(&vars).expect("a valid configuration");
    }
}

#[test]
fn a_secret_in_a_file_loses_one_line_break_and_keeps_its_rules() {
    let folder = tests::folder::Folder::new("secret-files");
    let write = |name: &str, text: &str| {
        let path = folder.file().with_file_name(name);
        std::fs::write(&path, text).expect("written");
        format!("file:{}", path.display())
    };
    let secret = "the secret of these tests: 32 bytes";
    for (name, end) in [("plain", ""), ("unix", "\n"), ("windows", "\r\n")] {
        let file = write(name, &format!("{secret}{end}"));
        let auth = build(&[("JWT_AUTH_SECRET_KEY", &file)]).expect("a valid configuration");
        let token = auth.access_token("alice").issue().expect("a token");
        let same = Config::hs256(secret).clock(ManualClock::at(NOW)).build().expect("valid");
        assert!(same.verify(&token), "{name}");
    }
    for (name, text) in [("quoted", format!("\"{secret}\"")), ("blanks", format!("{secret}  \n"))] {
        let error = problem(&[("JWT_AUTH_SECRET_KEY", &write(name, &text))]);
        assert!(error.contains("JWT_AUTH_SECRET_KEY"), "{error}");
    }
}

/// Whether a token verifies.
trait Verify {
    fn verify(&self, token: &str) -> bool;
}

impl Verify for JwtAuth {
    fn verify(&self, token: &str) -> bool {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(self.verify_access(token)).is_ok()
    }
}

#[test]
fn a_key_change_by_variables_keeps_every_token_valid() {
    let old = "the secret of last year: 32 bytes or more";
    let hex = old.bytes().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    let before = build(&[("JWT_AUTH_SECRET_KEY", old)]).expect("a valid configuration");
    let token = before.access_token("alice").issue().expect("a token");
    let named = build(&[("JWT_AUTH_SECRET_KEY", old), ("JWT_AUTH_KEY_ID", "2025")]);
    let named_token = named.expect("valid").access_token("alice").issue().expect("a token");
    // The old key with the id that it had, with a new one, and without.
    for entry in [format!("2025={old}"), format!("2025=hex:{hex}"), format!("hex:{hex}")] {
        for id in [&[][..], &[("JWT_AUTH_KEY_ID", "2026")]] {
            let change = [SECRET, ("JWT_AUTH_VERIFY_KEYS", entry.as_str())];
            let after = build(&[&change[..], id].concat()).expect("a valid configuration");
            assert!(after.verify(&token), "{entry} {id:?}");
            assert!(after.verify(&named_token), "{entry} {id:?}");
            let ours = after.access_token("alice").issue().expect("a token");
            assert!(after.verify(&ours) && !before.verify(&ours), "the new key signs");
        }
    }
    // From a secret to a key pair: the algorithm of each follows from its key.
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/keys");
    let pair = format!("file:{folder}/ed.pem");
    let keys = format!("2025={old}, rsa=file:{folder}/rsa.pub.pem, file:{folder}/p256.pem");
    let after = build(&[
        ("JWT_AUTH_ALGORITHM", "EdDSA"),
        ("JWT_AUTH_PRIVATE_KEY", &pair),
        ("JWT_AUTH_VERIFY_KEYS", &keys),
    ]);
    let after = after.expect("a valid configuration");
    assert!(after.verify(&token) && after.verify(&named_token));
    for (algorithm, private) in
        [(jwt_auth::Algorithm::RS256, "rsa.pem"), (jwt_auth::Algorithm::ES256, "p256.pem")]
    {
        let key =
            jwt_auth::Key::private_pem(algorithm, KeyMaterial::file(format!("{folder}/{private}")));
        let signer = Config::with_keys(jwt_auth::KeyRing::new(key)).clock(ManualClock::at(NOW));
        let signer = signer.build().expect("a valid configuration");
        assert!(after.verify(&signer.access_token("bob").issue().expect("a token")), "{algorithm}");
    }
}

#[test]
fn each_bad_entry_of_the_keys_that_verify_is_named() {
    for (entries, words) in [
        ("no-id-and-no-prefix-but-32-bytes-long", "(number 1)"),
        ("=the secret of last year, with no id", "(number 1)"),
        ("a=file:no-such-file", "cannot read the file"),
        ("a=short", "at least 32 bytes"),
        ("a=hex:zz", "not valid hex"),
        ("a=", "(number 1)"),
        ("a=\"file:old.key\"", "is in quotes"),
        ("a='base64:dGhlIHNlY3JldCBvZiBsYXN0IHllYXIgLi4u'", "is in quotes"),
        ("\"a\"=hex:6c617374", "is in quotes"),
        ("a=$(THE_SECRET_OF_LAST_YEAR_IN_THE_VAULT)", "is a reference"),
        ("a=the secret of last year, 32 bytes or more", "`base64:…`"),
        ("a=the secret of last year and 32 bytes,", "(number 2)"),
    ] {
        let error = build(&[SECRET, ("JWT_AUTH_VERIFY_KEYS", entries)]).expect_err("refused");
        let text = error.to_string();
        assert!(text.contains("JWT_AUTH_VERIFY_KEYS") && text.contains(words), "{entries}: {text}");
        assert!(!text.contains("last year"), "{text}");
    }
    let same = format!("a={}", SECRET.1);
    let error = problem(&[SECRET, ("JWT_AUTH_VERIFY_KEYS", &same)]);
    assert!(error.contains("in the ring once"), "{error}");
}
