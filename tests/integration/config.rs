//! The configuration: from code, variables and files, and every problem at once.

use std::time::Duration;

use jwt_auth::{Algorithm, Config, ConfigError, JwtAuth, KeyMaterial, load_config};
use tests::SECRET;

const SECRET_TEXT: &str = "an example secret of 32 bytes :)";
const SECRET_BASE64: &str = "YW4gZXhhbXBsZSBzZWNyZXQgb2YgMzIgYnl0ZXMgOik=";
const SECRET_HEX: &str = "616e206578616d706c6520736563726574206f66203332206279746573203a29";

/// Checks that the configuration signs with [`SECRET`].
fn assert_signs_with_secret(config: Config) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let reader = Config::hs256(SECRET).build().expect("a valid configuration");
    let auth = config.build().expect("a valid configuration");
    let token = auth.access_token("alice").issue().expect("a token");
    assert!(runtime.block_on(reader.verify_access(&token)).is_ok());
}

#[test]
fn a_secret_is_text_base64_hex_or_a_file() {
    let folder = std::env::temp_dir().join(format!("jwt-auth-secrets-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let file = |name: &str, content: &[u8]| {
        std::fs::write(folder.join(name), content).expect("a file");
        folder.join(name)
    };
    let files = [
        file("raw", SECRET_TEXT.as_bytes()),
        file("line", format!("{SECRET_TEXT}\n").as_bytes()),
        file("crlf", format!("{SECRET_TEXT}\r\n").as_bytes()),
        file("base64", format!("base64:{SECRET_BASE64}\n").as_bytes()),
    ];
    let unpadded = SECRET_BASE64.trim_end_matches('=');
    let mut materials = vec![
        KeyMaterial::from(SECRET_TEXT),
        KeyMaterial::raw(SECRET_TEXT),
        KeyMaterial::base64(SECRET_BASE64),
        KeyMaterial::base64(unpadded),
        KeyMaterial::hex(SECRET_HEX),
    ];
    materials.extend(files.iter().map(KeyMaterial::file));
    for material in materials {
        assert_signs_with_secret(Config::hs256(material));
    }
    let mut values = vec![
        SECRET_TEXT.to_owned(),
        format!("base64:{SECRET_BASE64}"),
        format!("base64:{unpadded}"),
        format!("hex:{SECRET_HEX}"),
    ];
    values.extend(files.iter().map(|file| format!("file:{}", file.display())));
    for value in values {
        assert_signs_with_secret(Config::from_vars([("JWT_AUTH_SECRET_KEY", value)]));
    }
    for bad in ["base64:*", "hex:zz", "hex:abc", "file:/no/such/file", "base64:", "hex:"] {
        let vars = [("JWT_AUTH_SECRET_KEY", bad)];
        assert!(Config::from_vars(vars).build().is_err(), "{bad}");
    }
    let pointer = file("pointer", b"file:/run/secrets/jwt-signing-key-of-production\n");
    for bad in [
        KeyMaterial::base64("*"),
        KeyMaterial::base64(""),
        KeyMaterial::hex("zz"),
        KeyMaterial::hex("abc"),
        KeyMaterial::hex(""),
        KeyMaterial::file("/no/such/file"),
        // A key file that names another file is not a key.
        KeyMaterial::file(&pointer),
    ] {
        assert!(Config::hs256(bad).build().is_err());
    }
    std::fs::remove_dir_all(folder).expect("removed");
}

#[test]
fn a_prefix_in_code_is_refused_with_the_constructor_to_write() {
    for (prefix, constructor) in [
        ("file:", "KeyMaterial::file("),
        ("base64:", "KeyMaterial::base64("),
        ("hex:", "KeyMaterial::hex("),
    ] {
        let text = format!("{prefix}{SECRET_HEX}");
        for config in [
            Config::hs256(text.as_str()),
            Config::hs256(text.clone()),
            Config::from_pem(Algorithm::ES256, text.as_str(), text.as_str()),
        ] {
            let error = config.build().expect_err(prefix);
            let problem = error.problems().next().expect("a problem");
            assert!(problem.rule().contains(prefix), "{error}");
            assert!(problem.fix().contains(constructor), "{error}");
            assert!(!error.to_string().contains(SECRET_HEX), "{error}");
        }
    }
}

#[test]
fn a_clone_of_a_configuration_builds_the_same() {
    let config = Config::hs256(SECRET).issuer("me");
    for config in [config.clone(), config] {
        let auth = config.build().expect("a valid configuration");
        let token = auth.access_token("alice").issue().expect("a token");
        let claims = jwt_auth::danger::decode_unverified(&token).expect("a token").claims;
        assert_eq!(claims["iss"], "me");
    }
    let bad = Config::hs256("short");
    let problems = [bad.clone(), bad].map(|config| config.build().expect_err("too short"));
    assert_eq!(problems[0], problems[1]);
}

#[test]
fn build_reports_every_problem_at_once_and_no_secret() {
    let error = Config::hs256("hunter2")
        .issuer(" ")
        .audience([""])
        .decode_leeway(Duration::from_secs(601))
        .access_token_expires(Duration::ZERO)
        .header_name("X Auth")
        .header_type(Some("two words"))
        .error_body_key("code")
        .build()
        .expect_err("bad");
    let fields: Vec<_> = error.problems().map(|problem| problem.field().to_owned()).collect();
    assert_eq!(
        fields,
        [
            "secret_key",
            "encode_issuer",
            "decode_issuer",
            "audience",
            "decode_leeway",
            "access_token_expires",
            "header_name",
            "header_type",
            "error_body_key",
        ]
    );
    for text in [format!("{error}"), format!("{error:?}")] {
        assert!(!text.contains("hunter2"), "{text}");
        assert!(text.contains("write `.decode_leeway("), "{text}");
    }
}

#[test]
fn durations_out_of_bounds_are_refused() {
    let day = Duration::from_secs(86_400);
    let good = || Config::hs256(SECRET);
    let seconds = Duration::from_secs;
    assert!(good().access_token_expires(36_500 * day).build().is_ok());
    assert!(good().refresh_grace(seconds(300)).decode_leeway(seconds(600)).build().is_ok());
    for bad in vec![
        good().access_token_expires(36_501 * day),
        good().refresh_token_expires(36_501 * day),
        good().session_expires(Duration::from_millis(999)),
        good().refresh_grace(seconds(301)),
        good().decode_leeway(seconds(601)),
        good().issued_at_leeway(seconds(61)),
        good().refresh_grace_until_used(seconds(30 * 86_400 + 1)),
        good().max_sessions_per_subject(0),
        good().max_sessions_per_subject(10_001),
        good().store_deadline(seconds(0)),
        good().store_deadline(seconds(11)),
        good().denylist_deadline(seconds(0)),
        good().encode_issuer("x".repeat(1025)),
        good().decode_issuer("a\0b"),
    ] {
        assert_eq!(bad.build().expect_err("out of bounds").problems().count(), 1);
    }
}

#[test]
fn each_variable_sets_its_option() {
    let auth = Config::from_vars([
        ("JWT_AUTH_SECRET_KEY", "an example secret of 64 bytes, twice as long as the other one .."),
        ("JWT_AUTH_ALGORITHM", "HS512"),
        ("JWT_AUTH_KEY_ID", "k1"),
        ("JWT_AUTH_ISSUER", "me"),
        ("JWT_AUTH_AUDIENCE", "a, b"),
        ("JWT_AUTH_ACCESS_TOKEN_EXPIRES", "90s"),
        ("UNRELATED", "x"),
    ])
    .build()
    .expect("a valid configuration");
    let token = auth.access_token("alice").issue().expect("a token");
    let token = jwt_auth::danger::decode_unverified(&token).expect("a token");
    assert_eq!((&token.header["alg"], &token.header["kid"]), (&"HS512".into(), &"k1".into()));
    assert_eq!(token.claims["iss"], "me");
    assert_eq!(token.claims["aud"], serde_json::json!(["a", "b"]));
    let life =
        token.claims["exp"].as_u64().zip(token.claims["iat"].as_u64()).map(|(exp, iat)| exp - iat);
    assert_eq!(life, Some(90));
}

#[test]
fn a_variable_takes_a_pem_in_one_line_or_a_file() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/keys/p256.pem");
    let line = std::fs::read_to_string(path).expect("a key").replace('\n', "\\n");
    for private in [line, format!("file:{path}")] {
        let vars = [("JWT_AUTH_PRIVATE_KEY", private.as_str()), ("JWT_AUTH_ALGORITHM", "ES256")];
        assert!(Config::from_vars(vars).build().is_ok());
    }
}

#[load_config]
fn plain() -> Config {
    Config::hs256(SECRET)
}

/// Has documentation and a visibility.
#[load_config]
pub(crate) async fn asynchronous<'a, 'b: 'a, const N: usize>(
    secret: &'a [u8; N],
    _unused: &'b str,
    mut issuer: String,
) -> Config
where
    [u8; N]: Sized,
{
    tokio::task::yield_now().await;
    issuer.push('!');
    if N == 0 {
        return Config::hs256("");
    }
    Config::hs256(secret).issuer(issuer)
}

#[load_config]
fn fallible(number: &str) -> Result<Config, std::num::ParseIntError> {
    let minutes: u64 = number.parse()?;
    Ok(Config::hs256(SECRET).access_token_expires(Duration::from_secs(minutes * 60)))
}

#[load_config]
fn nested() -> Result<Config, ConfigError> {
    let _checked: JwtAuth = plain()?;
    Err(Config::hs256("short").build().expect_err("short"))
}

#[load_config]
fn boxed() -> Result<Config, Box<dyn std::error::Error>> {
    Err("no vault today".into())
}

trait Source {
    const SECRET: [u8; 32];
}

struct Vault;

impl Source for Vault {
    const SECRET: [u8; 32] = *b"secret number 9, with 32 bytes .";
}

#[load_config]
fn generic<T: Source, const N: usize>() -> Config {
    Config::hs256(T::SECRET).issuer("x".repeat(N))
}

struct Mine;

impl From<Mine> for Config {
    fn from(_: Mine) -> Self {
        Self::hs256(SECRET)
    }
}

#[load_config]
fn convertible() -> Mine {
    Mine
}

#[tokio::test]
async fn load_config_accepts_every_documented_return_type() {
    assert!(plain().is_ok());
    assert!(generic::<Vault, 3>().is_ok());
    assert!(boxed().expect_err("no vault").to_string().contains("no vault today"));
    assert!(convertible().is_ok());
    assert!(asynchronous(SECRET, "", "me".into()).await.is_ok());
    assert!(asynchronous(&[], "", "me".into()).await.is_err());
    assert!(fallible("5").is_ok());
    assert!(fallible("five").expect_err("not a number").to_string().contains("invalid digit"));
    let error = nested().expect_err("short");
    assert_eq!(error.problems().next().map(|p| p.field().to_owned()), Some("secret_key".into()));
}

#[test]
fn two_configurations_in_one_process_are_independent() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let (one, two) = (
        Config::hs256(*b"secret number 1, with 32 bytes .").build().expect("a valid configuration"),
        Config::hs256(*b"secret number 2, with 32 bytes .").build().expect("a valid configuration"),
    );
    let token = one.access_token("alice").issue().expect("a token");
    assert!(runtime.block_on(one.verify_access(&token)).is_ok());
    assert!(runtime.block_on(two.verify_access(&token)).is_err());
}
