//! Recorded tokens of fastapi-jwt-auth verify here, with all their claims.

use jwt_auth::{
    AccessToken, Algorithm, Config, Key, KeyMaterial, KeyRing, RefreshToken, TokenLocation,
};
use serde_json::{Map, Value, json};

const SECRET: &str = "an example secret of 32 bytes :)";

fn path(name: &str) -> String {
    format!("{}/keys/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn text(name: &str) -> String {
    std::fs::read_to_string(path(name)).expect("a key")
}

/// A configuration for an algorithm, and the key with which Python verifies.
fn config(algorithm: Algorithm) -> (Config, String) {
    let pair = |private: &str, public: &str| {
        let pair = Key::pem_pair(
            algorithm,
            KeyMaterial::file(path(private)),
            KeyMaterial::file(path(public)),
        );
        (Config::with_keys(KeyRing::new(pair)), text(public))
    };
    let secret = |text: String| {
        (Config::with_keys(KeyRing::new(Key::secret(algorithm, text.as_str()))), text)
    };
    match algorithm {
        Algorithm::HS256 => secret(SECRET.to_owned()),
        Algorithm::HS384 | Algorithm::HS512 => secret(SECRET.repeat(2)),
        Algorithm::ES256 => pair("p256.pem", "p256.pub.pem"),
        Algorithm::ES384 => pair("p384.pem", "p384.pub.pem"),
        Algorithm::EdDSA => pair("ed.pem", "ed.pub.pem"),
        _ => pair("rsa.pem", "rsa.pub.pem"),
    }
}

fn with_clock(config: Config) -> Config {
    config.clock(jwt_auth::ManualClock::at(tests::NOW + 1))
}

#[tokio::test]
async fn tokens_of_fastapi_jwt_auth_verify_with_all_their_claims() {
    let golden =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/golden/tokens.json"));
    let golden: Vec<Value> = serde_json::from_str(&golden.expect("the file")).expect("JSON");
    assert_eq!(golden.len(), 19, "every algorithm and option");
    for case in &golden {
        let algorithm: Algorithm =
            case["algorithm"].as_str().expect("text").parse().expect("known");
        let claims = case["claims"].as_object().expect("claims");
        let mut config = with_clock(config(algorithm).0).token_location([TokenLocation::Cookie]);
        if claims["sub"].is_number() {
            let auth = config.clone().build().expect("a valid configuration");
            let token = case["token"].as_str().expect("text");
            assert!(auth.verify_access(token).await.is_err(), "r21: {case}");
            config = config.compat(jwt_auth::Compat::FastApiJwtAuth);
        }
        if claims.contains_key("aud") {
            config = config.decode_audience(["foo"]);
        }
        if claims.contains_key("iss") {
            config = config.decode_issuer("urn:foo");
        }
        let auth = config.build().expect("a valid configuration");
        let token = case["token"].as_str().expect("text");
        let subject =
            claims["sub"].as_str().map_or_else(|| claims["sub"].to_string(), str::to_owned);
        let read: (Map<String, Value>, String, Option<String>, bool) = if claims["type"] == "access"
        {
            assert!(auth.verify_refresh(token).await.is_err(), "{case}");
            let token: AccessToken = auth.verify_access(token).await.expect("a valid token");
            assert_eq!(token.header().get("access").is_some(), case["name"] == "custom headers");
            let csrf = token.csrf_token().map(str::to_owned);
            (token.claims(), token.subject().to_owned(), csrf, token.is_fresh())
        } else {
            assert!(auth.verify_access(token).await.is_err(), "{case}");
            let token: RefreshToken = auth.verify_refresh(token).await.expect("a valid token");
            assert_eq!(
                token.identity().session_id(),
                Some(token.id()),
                "its `jti` names its session"
            );
            let csrf = token.csrf_token().map(str::to_owned);
            (token.claims(), token.subject().to_owned(), csrf, token.is_fresh())
        };
        assert_eq!((&read.0, &read.1), (claims, &subject), "{case}");
        assert_eq!(read.2.as_deref(), claims.get("csrf").and_then(Value::as_str));
        assert_eq!(read.3, claims.get("fresh") == Some(&json!(true)));
        let broken = format!("{}{}", &token[..token.len() - 6], "AAAAAA");
        assert!(
            auth.verify_access(&broken).await.is_err()
                && auth.verify_refresh(&broken).await.is_err()
        );
    }
}

#[tokio::test]
async fn a_refresh_token_of_fastapi_jwt_auth_is_rotated_once_and_its_reuse_is_detected() {
    let golden =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/golden/tokens.json"));
    let golden: Vec<Value> = serde_json::from_str(&golden.expect("the file")).expect("JSON");
    let case = golden.iter().find(|case| case["name"] == "refresh").expect("a refresh token");
    let auth = with_clock(config(Algorithm::HS256).0)
        .refresh_grace(std::time::Duration::ZERO)
        .build()
        .expect("a valid configuration");
    let token = case["token"].as_str().expect("text");
    let first = auth.verify_refresh(token).await.expect("a valid token");
    assert!(auth.rotate(first.clone()).await.is_ok());
    let error = auth.rotate(first).await.expect_err("used");
    assert_eq!(error.code(), "refresh_token_reused");
}
