//! The measured tokens: their keys, their ten claims, and forged ones.

use std::time::Duration;

use axum::http::HeaderValue;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{EncodingKey, Header};
use jwt_auth::{Algorithm, Config, IssuedToken};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub const ISSUER: &str = "https://auth.example";
pub const AUDIENCE: &str = "https://api.example";
pub const SUBJECT: &str = "user-0123456789";
pub const SECRET: &str = "an example secret of 32 bytes :)";
/// The key id in the tokens of peers that require one.
pub const KEY_ID: &str = "bench";

/// The measured algorithms, in the order of the tables.
pub const ALGORITHMS: [Algorithm; 4] =
    [Algorithm::HS256, Algorithm::ES256, Algorithm::RS256, Algorithm::EdDSA];

/// The ten claims of the measured token, as an application would declare them.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Claims {
    pub sub: String,
    pub iat: u64,
    pub nbf: u64,
    pub exp: u64,
    pub jti: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub fresh: bool,
    pub iss: String,
    pub aud: String,
    pub roles: Vec<String>,
}

/// The private and the public key as PEM.
///
/// # Panics
///
/// For HMAC, which has a secret instead.
pub fn pem(algorithm: Algorithm) -> (&'static str, &'static str) {
    match algorithm {
        Algorithm::ES256 => (
            include_str!("../../tests/keys/p256.pem"),
            include_str!("../../tests/keys/p256.pub.pem"),
        ),
        Algorithm::RS256 => {
            (include_str!("../../tests/keys/rsa.pem"), include_str!("../../tests/keys/rsa.pub.pem"))
        }
        Algorithm::EdDSA => {
            (include_str!("../../tests/keys/ed.pem"), include_str!("../../tests/keys/ed.pub.pem"))
        }
        other => panic!("{other} has no key here"),
    }
}

/// Our configuration, which issues and admits the measured token.
pub fn config(algorithm: Algorithm) -> Config {
    let config = if algorithm == Algorithm::HS256 {
        Config::hs256(SECRET)
    } else {
        let (private, public) = pem(algorithm);
        Config::from_pem(algorithm, private, public)
    };
    config.issuer(ISSUER).audience([AUDIENCE]).access_token_expires(Duration::from_secs(86_400))
}

/// The measured token, issued by us.
pub fn token(algorithm: Algorithm) -> IssuedToken {
    let auth = config(algorithm).build().expect("a valid configuration");
    auth.access_token(SUBJECT).roles(["editor", "staff"]).issue().expect("a token")
}

/// The claims of a token, unverified.
pub fn claims(token: &str) -> Claims {
    jsonwebtoken::dangerous::insecure_decode(token).expect("a token").claims
}

pub fn encoding_key(algorithm: Algorithm) -> EncodingKey {
    let key = match algorithm {
        Algorithm::HS256 => return EncodingKey::from_secret(SECRET.as_bytes()),
        Algorithm::ES256 => EncodingKey::from_ec_pem(pem(algorithm).0.as_bytes()),
        Algorithm::RS256 => EncodingKey::from_rsa_pem(pem(algorithm).0.as_bytes()),
        _ => EncodingKey::from_ed_pem(pem(algorithm).0.as_bytes()),
    };
    key.expect("a valid key")
}

/// The same algorithm in the type of `jsonwebtoken`, of any version.
pub fn convert_algorithm<A: for<'de> Deserialize<'de>>(algorithm: Algorithm) -> A {
    serde_json::from_value(Value::from(algorithm.name())).expect("a name of RFC 7518")
}

/// The same claims in a token with a `kid`, and the key set with that key.
pub fn with_key_id(algorithm: Algorithm, token: &str) -> (String, Value) {
    let key = encoding_key(algorithm);
    let mut header = Header::new(convert_algorithm(algorithm));
    header.kid = Some(KEY_ID.to_owned());
    let token = jsonwebtoken::encode(&header, &claims(token), &key).expect("a token");
    let mut jwk = Jwk::from_encoding_key(&key, header.alg).expect("a key");
    jwk.common.key_id = Some(KEY_ID.to_owned());
    (token, serde_json::json!({ "keys": [jwk] }))
}

/// The same token with another first character in its signature.
pub fn tamper_with_signature(token: &str) -> String {
    let at = token.rfind('.').expect("three segments") + 1;
    let other = if token[at..].starts_with('A') { "B" } else { "A" };
    format!("{}{other}{}", &token[..at], &token[at + 1..])
}

pub fn bearer(token: &str) -> HeaderValue {
    HeaderValue::try_from(format!("Bearer {token}")).expect("visible ASCII")
}

/// Selects AWS-LC for every user of `jsonwebtoken` 11, which does not choose a backend if both are compiled in.
pub fn install_backend() {
    #[cfg(feature = "metrics")]
    {
        let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
        metrics::set_global_recorder(recorder).expect("the first recorder");
    }
    let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
}
