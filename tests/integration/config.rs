//! The configuration: from code, from variables, from files; every problem at once.

use std::time::Duration;

use jwt_auth::{Config, ConfigError, JwtAuth, load_config};
use tests::SECRET;

#[test]
fn secrets_raw_base64_hex_and_file() {
    let folder = std::env::temp_dir().join(format!("jwt-auth-secrets-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let file = |name: &str, content: &[u8]| {
        std::fs::write(folder.join(name), content).expect("a file");
        format!("file:{}", folder.join(name).display())
    };
    let text = "an example secret of 32 bytes :)";
    let same = [
        text.to_owned(),
        "base64:YW4gZXhhbXBsZSBzZWNyZXQgb2YgMzIgYnl0ZXMgOik=".to_owned(),
        "base64:YW4gZXhhbXBsZSBzZWNyZXQgb2YgMzIgYnl0ZXMgOik".to_owned(),
        "hex:616e206578616d706c6520736563726574206f66203332206279746573203a29".to_owned(),
        file("raw", text.as_bytes()),
        file("line", format!("{text}\n").as_bytes()),
        file("crlf", format!("{text}\r\n").as_bytes()),
        file("base64", b"base64:YW4gZXhhbXBsZSBzZWNyZXQgb2YgMzIgYnl0ZXMgOik=\n"),
    ];
    let reader = Config::hs256(SECRET).build().expect("good");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    for secret in same {
        let vars = [("JWT_AUTH_SECRET_KEY", secret.clone())];
        for config in [Config::hs256(secret), Config::from_vars(vars)] {
            let token =
                config.build().expect("good").access_token("alice").issue().expect("a token");
            assert!(runtime.block_on(reader.verify_access(&token)).is_ok());
        }
    }
    for bad in ["base64:*", "hex:zz", "hex:abc", "file:/no/such/file", "base64:", "hex:"] {
        assert!(Config::hs256(bad).build().is_err(), "{bad}");
    }
    std::fs::remove_dir_all(folder).expect("removed");
}

#[test]
fn every_problem_at_once_in_words_that_hold_no_secret() {
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
fn limits_of_durations() {
    let day = Duration::from_secs(86_400);
    let good = || Config::hs256(SECRET);
    let seconds = Duration::from_secs;
    assert!(good().access_token_expires(36_500 * day).build().is_ok());
    assert!(good().refresh_grace(seconds(300)).decode_leeway(seconds(600)).build().is_ok());
    for bad in [
        good().access_token_expires(36_501 * day),
        good().refresh_token_expires(36_501 * day),
        good().refresh_family_expires(Duration::from_millis(999)),
        good().refresh_grace(seconds(301)),
        good().decode_leeway(seconds(601)),
    ] {
        assert_eq!(bad.build().expect_err("out of bounds").problems().count(), 1);
    }
}

#[test]
fn variables_change_what_they_name() {
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
    .expect("good");
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
fn pem_in_one_line_of_the_environment() {
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

/// Documented, and public.
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
    const SECRET: [u8; 32] = [9; 32];
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
fn converted() -> Mine {
    Mine
}

#[tokio::test]
async fn load_config_takes_what_api_md_says() {
    assert!(plain().is_ok());
    assert!(generic::<Vault, 3>().is_ok());
    assert!(boxed().expect_err("no vault").to_string().contains("no vault today"));
    assert!(converted().is_ok());
    assert!(asynchronous(SECRET, "", "me".into()).await.is_ok());
    assert!(asynchronous(&[], "", "me".into()).await.is_err());
    assert!(fallible("5").is_ok());
    assert!(fallible("five").expect_err("no number").to_string().contains("invalid digit"));
    let error = nested().expect_err("short");
    assert_eq!(error.problems().next().map(|p| p.field().to_owned()), Some("secret_key".into()));
}

#[test]
fn two_configurations_live_in_one_process() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let (one, two) = (
        Config::hs256([1; 32]).build().expect("good"),
        Config::hs256([2; 32]).build().expect("good"),
    );
    let token = one.access_token("alice").issue().expect("a token");
    assert!(runtime.block_on(one.verify_access(&token)).is_ok());
    assert!(runtime.block_on(two.verify_access(&token)).is_err());
}
