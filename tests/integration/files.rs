//! The configuration from files, by figment, config, TOML and JSON: errors name the path of the field.

use figment::Figment;
use figment::providers::{Env, Format as _, Toml};
use jwt_auth::{Config, JwtAuth};
use serde::Deserialize;

use crate::app::app;

#[derive(Debug, Deserialize)]
struct Settings {
    port: u16,
    auth: Config,
}

const GOOD: &str = r#"
port = 3000

[auth]
secret_key = "the secret of these tests: 32 bytes"
issuer = "https://auth.example"
access_token_expires = "5m"
token_location = ["cookie", "header"]
cookie_secure = false
verified_cache = 0
max_sessions_per_subject = 3
verify_keys = ["2025=the secret of the year before: 32", "base64:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="]
"#;

fn with_line(line: &str) -> String {
    format!("{GOOD}{line}\n")
}

fn built(settings: Settings) -> JwtAuth {
    assert_eq!(settings.port, 3000);
    settings.auth.build().expect("a valid configuration")
}

#[tokio::test]
async fn a_toml_file_sets_options_with_values_of_their_own_types() {
    let settings: Settings = toml::from_str(GOOD).expect("valid");
    let (_, auth) = app(settings.auth);
    let pair = auth.log_in("alice").await.expect("a pair");
    let token = auth.verify_access(pair.access_token()).await.expect("valid");
    assert_eq!(token.issuer(), Some("https://auth.example"));
    let life = token.expires_at().expect("exp").duration_since(token.issued_at().expect("iat"));
    assert_eq!(life.expect("later").as_secs(), 300);
    assert!(token.csrf_token().is_some(), "the cookie is a location");
    for _ in 0..4 {
        auth.log_in("alice").await.expect("a pair");
    }
    assert_eq!(auth.sessions("alice").await.expect("listed").len(), 3);
}

#[test]
#[expect(clippy::result_large_err, reason = "the error type of figment")]
fn figment_and_config_read_the_same_file_and_the_environment_overrides_it() {
    figment::Jail::expect_with(|jail| {
        jail.create_file("app.toml", GOOD)?;
        jail.set_env("APP_AUTH__ISSUER", "https://other.example");
        jail.set_env("APP_AUTH__MAX_SESSIONS_PER_SUBJECT", "7");
        let figment =
            Figment::from(Toml::file("app.toml")).merge(Env::prefixed("APP_").split("__"));
        let auth = built(figment.extract()?);
        let token = auth.access_token("alice").issue().expect("a token");
        let claims = jwt_auth::danger::decode_unverified(&token).expect("a token").claims;
        assert_eq!(claims["iss"], "https://other.example");

        let file = config::Config::builder()
            .add_source(config::File::from_str(GOOD, config::FileFormat::Toml))
            .set_override("auth.issuer", "https://other.example")
            .and_then(|builder| builder.build()?.try_deserialize());
        let auth = built(file.expect("valid"));
        let token = auth.access_token("alice").issue().expect("a token");
        let claims = jwt_auth::danger::decode_unverified(&token).expect("a token").claims;
        assert_eq!(claims["iss"], "https://other.example");
        Ok(())
    });
}

#[test]
fn an_error_names_the_path_of_the_field_and_what_to_write() {
    for (line, field, words) in [
        ("session_expires = 90", "session_expires", "`90s` for seconds"),
        ("cookie_samesite = \"Laxx\"", "cookie_samesite", "write cookie_samesite = \"strict\""),
        ("csrf_in_cookies = \"yes\"", "csrf_in_cookies", "expected `true` or `false`"),
        ("algorithm = \"none\"", "algorithm", "write one of HS256"),
        ("store_deadline = 1.5", "store_deadline", "write a whole number and a unit"),
        ("encode_issuer = [\"a\", \"b\"]", "encode_issuer", "write its value in quotes"),
        ("header_name = \" X\"", "header_name", "white space at an end"),
        ("key_id = \"\"", "key_id", "set but blank"),
        ("trusted_origins = [\"https://a.example,https://b.example\"]", "trusted_origins", "comma"),
        ("audience = [true, [1]]", "audience", "expected a string"),
        ("key_id = 2026", "key_id", "write its value in quotes"),
        ("header_type = false", "header_type", "write its value in quotes"),
    ] {
        let file = with_line(line);
        let error = toml::from_str::<Settings>(&file).expect_err("refused").to_string();
        assert!(error.contains(words) && error.contains(line), "{line}: {error}");

        let error = Figment::from(Toml::string(&file)).extract::<Settings>().expect_err("refused");
        let path = error.path.join(".");
        assert!(path.starts_with(&format!("auth.{field}")), "{line}: {path}: {error}");
        assert!(error.to_string().contains(words), "{line}: {error}");

        let file = config::File::from_str(&file, config::FileFormat::Toml);
        let config = config::Config::builder().add_source(file).build().expect("TOML");
        let error = config.try_deserialize::<Settings>().expect_err("refused").to_string();
        assert!(error.contains(field), "{line}: {error}");
    }
}

#[test]
fn an_unknown_option_is_an_error_with_a_suggestion() {
    for (name, known) in [
        ("acces_token_expires", "access_token_expires"),
        ("jwt_auth_issuer", "issuer"),
        ("ISSUER", "issuer"),
        ("secret", "secret_key"),
    ] {
        let error = toml::from_str::<Settings>(&with_line(&format!("{name} = \"x\"")));
        let error = error.expect_err("refused").to_string();
        let words = format!("unknown option `{name}`; did you mean `");
        assert!(error.contains(&words), "{error}");
        assert!(known == "issuer" || error.contains(known), "{error}");
    }
}

#[test]
fn what_build_reports_has_the_names_of_the_file_and_no_secret() {
    let file = r#"
        secret_key = "hunter2"
        private_key = "file:private.pem"
        verify_keys = ["two words"]
        decode_leeway = "1h"
    "#;
    let config: Config = toml::from_str::<Config>(&file.replace("verify_keys", "#")).expect("read");
    let error = config.build().expect_err("refused").to_string();
    assert!(error.contains("remove secret_key, or private_key and public_key"), "{error}");
    assert!(error.contains("decode_leeway") && !error.contains("JWT_AUTH_"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");

    // A parser would quote the line of a key.
    for line in ["secret_key = \" hunter2\"", "verify_keys = [\"2025=hunter2\", \"bad one\"]"] {
        let error = toml::from_str::<Config>(line).expect("read").build().expect_err("refused");
        assert!(!error.to_string().contains("hunter2"), "{error}");
        let field = line.split(' ').next().expect("a name");
        assert!(error.to_string().contains(field), "{error}");
    }

    let error = toml::from_str::<Config>("secret_key = \"hunter2\"").expect("read").build();
    let error = error.expect_err("refused").to_string();
    assert!(error.contains("secret_key: the secret of HS256 has at least 32 bytes"), "{error}");

    let error = toml::from_str::<Config>("issuer = \"me\"").expect("read").build();
    let error = error.expect_err("refused").to_string();
    assert!(error.contains("secret_key: "), "a key is never created: {error}");
}

/// The environment has no types: figment takes digits for a number, and drops zeros in front.
#[test]
#[expect(clippy::result_large_err, reason = "the error type of figment")]
fn a_secret_of_digits_is_refused_unless_it_is_quoted() {
    figment::Jail::expect_with(|jail| {
        jail.set_env("APP_SECRET_KEY", "00000000000000000000000000012345");
        let read = || Figment::from(Env::prefixed("APP_")).extract::<Config>();
        let error = read().expect_err("refused");
        assert!(error.to_string().contains("write its value in quotes"), "{error}");
        assert!(!error.to_string().contains("12345"), "{error}");
        jail.set_env("APP_SECRET_KEY", "\"00000000000000000000000000012345\"");
        assert!(read()?.build().is_ok());
        Ok(())
    });
}

#[tokio::test]
async fn null_leaves_the_default() {
    let json = r#"{ "secret_key": "the secret of these tests: 32 bytes", "issuer": null }"#;
    let auth = serde_json::from_str::<Config>(json).expect("read").build().expect("valid");
    let token = auth.access_token("alice").issue().expect("a token");
    assert!(
        !jwt_auth::danger::decode_unverified(&token).expect("a token").claims.contains_key("iss")
    );
    // But for the word before the token, which `null` turns off: a file could not say that otherwise.
    let json = r#"{ "secret_key": "the secret of these tests: 32 bytes", "header_type": null }"#;
    let (app, auth) = app(serde_json::from_str::<Config>(json).expect("valid"));
    let token = auth.access_token("alice").issue().expect("a token");
    for (value, status) in [((*token).to_owned(), 200), (format!("Bearer {}", &*token), 401)] {
        let request = axum::http::Request::get("/me").header("authorization", value);
        let request = request.body(axum::body::Body::empty()).expect("valid");
        assert_eq!(tests::send(&app, request).await.status, status);
    }
}
