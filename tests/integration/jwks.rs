//! The public keys that we publish: complete, cacheable, and never a secret.

use axum::body::Body;
use axum::http::Request;
use jwt_auth::{Algorithm, Config, GuardedRouter, JwtAuth, Key, KeyMaterial, KeyRing, routing};
use serde_json::{Value, json};

fn pem(name: &str) -> KeyMaterial {
    KeyMaterial::file(format!("{}/keys/{name}", env!("CARGO_MANIFEST_DIR")))
}

fn ring() -> KeyRing {
    let secret = KeyMaterial::raw((0..64).collect::<Vec<u8>>());
    KeyRing::new(Key::private_pem(Algorithm::ES256, pem("p256.pem")).id("now"))
        .also_verify(Key::public_pem(Algorithm::EdDSA, pem("ed.pub.pem")).id("next"))
        .also_verify(Key::public_pem(Algorithm::RS256, pem("rsa.pub.pem")).thumbprint_id())
        .also_verify(Key::public_pem(Algorithm::ES384, pem("p384.pub.pem")))
        .also_verify(Key::secret(Algorithm::HS512, secret).id("a shared secret"))
}

async fn serve(auth: JwtAuth, etag: Option<&str>) -> tests::TestResponse {
    let app: axum::Router =
        GuardedRouter::new().route("/.well-known/jwks.json", routing::jwks()).with_state(auth);
    let mut request = Request::get("/.well-known/jwks.json");
    if let Some(etag) = etag {
        request = request.header("if-none-match", etag);
    }
    tests::send(&app, request.body(Body::empty()).expect("valid")).await
}

#[tokio::test]
async fn every_public_key_is_published_and_no_secret() {
    let auth = Config::with_keys(ring()).build().expect("valid");
    let response = serve(auth.clone(), None).await;
    assert_eq!(response.status, 200);
    assert_eq!(response.headers["content-type"], "application/jwk-set+json");
    assert_eq!(response.headers["cache-control"], "public, max-age=3600");
    let set: Value = serde_json::from_str(&response.body).expect("JSON");
    assert_eq!(set, serde_json::to_value(auth.jwks()).expect("serialises"));
    let keys = set["keys"].as_array().expect("an array");
    let names: Vec<_> = keys.iter().map(|key| (&key["kty"], &key["alg"], &key["crv"])).collect();
    assert_eq!(
        names,
        [
            (&json!("EC"), &json!("ES256"), &json!("P-256")),
            (&json!("OKP"), &json!("EdDSA"), &json!("Ed25519")),
            (&json!("RSA"), &json!("RS256"), &Value::Null),
            (&json!("EC"), &json!("ES384"), &json!("P-384")),
        ]
    );
    assert_eq!((&keys[0]["kid"], &keys[1]["kid"]), (&json!("now"), &json!("next")));
    assert!(keys[3].get("kid").is_none() && keys.iter().all(|key| key["use"] == "sig"));
    // No private member of RFC 7518, and nothing of the secret.
    for member in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        assert!(keys.iter().all(|key| key.get(member).is_none()), "{member}");
    }
    assert!(!response.body.contains("oct") && !response.body.contains("a shared secret"));
}

#[tokio::test]
async fn a_service_that_loads_the_published_keys_verifies_our_tokens() {
    let auth = Config::with_keys(ring()).build().expect("valid");
    let token = auth.access_token("alice").issue().expect("a token");
    let set: Value = serde_json::from_str(&auth.jwks().to_string()).expect("JSON");
    let keys = set["keys"].as_array().expect("an array");
    let loaded = keys.iter().map(|jwk| Key::jwk(jwk.to_string()));
    let ring = loaded.fold(KeyRing::default(), KeyRing::also_verify);
    let other = Config::with_keys(ring).build().expect("the set is a valid ring");
    assert!(other.verify_access(&token).await.is_ok());
    assert_eq!(other.jwks().to_string(), auth.jwks().to_string());
}

#[tokio::test]
async fn a_client_that_has_the_set_gets_304() {
    let auth = Config::with_keys(ring()).build().expect("valid");
    let etag = serve(auth.clone(), None).await.headers["etag"].to_str().expect("text").to_owned();
    assert_eq!(etag, auth.jwks().etag());
    for sent in [etag.clone(), format!("W/{etag}"), format!("\"x\", {etag}"), "*".to_owned()] {
        let response = serve(auth.clone(), Some(&sent)).await;
        assert_eq!((response.status.as_u16(), &*response.body), (304, ""), "{sent}");
        assert_eq!(response.headers["etag"], etag);
    }
    assert_eq!(serve(auth, Some("\"another\"")).await.status, 200);
}

#[tokio::test]
async fn a_configuration_of_secrets_publishes_nothing() {
    let auth = tests::config().0.build().expect("valid");
    let response = serve(auth.clone(), None).await;
    assert_eq!((response.status.as_u16(), &*response.body), (404, ""));
    assert!(auth.jwks().is_empty());
}
