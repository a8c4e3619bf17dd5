//! `Debug` and errors contain no secret, no key and no whole token: `guide::security`, "Secrets".

use jwt_auth::{Algorithm, Config, Key, KeyMaterial, KeyRing};
use serde_json::json;
use tests::{SECRET, config};

fn secret_text() -> &'static str {
    std::str::from_utf8(SECRET).expect("text")
}

#[tokio::test]
async fn debug_prints_no_secret_and_no_token() {
    let key = Key::secret(Algorithm::HS256, secret_text());
    let ring = KeyRing::new(key.clone());
    let (config, _) = config();
    let config_text = format!("{config:?}");
    let auth = config.build().expect("a valid configuration");
    let pair = auth.log_in("alice").await.expect("a pair");
    let token = auth.verify_access(pair.access_token()).await.expect("a valid token");
    let refresh = auth.verify_refresh(pair.refresh_token()).await.expect("a valid token");
    let builder = format!("{:?}", auth.access_token("alice").claims(&json!({ "pin": "1234" })));
    let texts = [
        format!("{key:?}"),
        format!("{:?}", KeyMaterial::from(secret_text())),
        format!("{:?}", auth.access_token("alice").issue()),
        format!("{ring:?}"),
        config_text,
        format!("{auth:?}"),
        format!("{pair:?}"),
        format!("{token:?}"),
        format!("{refresh:?}"),
        format!("{:?}", token.encoded()),
        format!("{:?}", auth.verify_access("a.b.c").await),
        format!("{:?}", Config::hs256("hunter2").build()),
        builder,
    ];
    for text in texts {
        for secret in [secret_text(), pair.access_token(), pair.refresh_token(), "hunter2", "1234"]
        {
            assert!(!text.contains(secret), "{text}");
        }
        let signature = pair.access_token().rsplit('.').next().expect("a signature");
        assert!(!text.contains(signature), "{text}");
    }
    assert_eq!(token.encoded().expose(), pair.access_token());
}
