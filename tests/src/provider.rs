//! An identity provider without HTTP: a key, the set that it publishes, and the tokens that it signs.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::EncodingKey;
use jwt_auth::{Algorithm, Config, Key, KeyMaterial, KeyRing};
use serde_json::{Value, json};

/// The path of a key of the tests.
pub fn file(name: &str) -> String {
    format!("{}/keys/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// A provider with one key.
#[derive(Clone, Copy, Debug)]
pub struct Provider {
    /// The algorithm of its tokens.
    pub algorithm: Algorithm,
    private: &'static str,
    public: &'static str,
    /// The id of its key.
    pub kid: &'static str,
}

/// A provider that signs with Ed25519.
pub const ED: Provider =
    Provider { algorithm: Algorithm::EdDSA, private: "ed.pem", public: "ed.pub.pem", kid: "k1" };
/// A provider that signs with P-256.
pub const EC: Provider = Provider {
    algorithm: Algorithm::ES256,
    private: "p256.pem",
    public: "p256.pub.pem",
    kid: "k1",
};
/// A provider that signs with RSA.
pub const RSA: Provider =
    Provider { algorithm: Algorithm::RS256, private: "rsa.pem", public: "rsa.pub.pem", kid: "k1" };

impl Provider {
    /// The same key under another id.
    #[must_use]
    pub const fn named(self, kid: &'static str) -> Self {
        Self { kid, ..self }
    }

    /// Its key, as its set lists it.
    ///
    /// # Panics
    ///
    /// If the key cannot be read.
    pub fn jwk(self) -> Value {
        let key = Key::public_pem(self.algorithm, KeyMaterial::file(file(self.public)));
        let publisher = Config::with_keys(KeyRing::new(key.id(self.kid))).build().expect("valid");
        serde_json::to_value(publisher.jwks()).expect("serialises")["keys"][0].take()
    }

    /// The ring of its public key.
    pub fn keys(self) -> KeyRing {
        KeyRing::jwk_set(&json!({ "keys": [self.jwk()] }).to_string())
    }

    /// A token with these claims.
    pub fn sign(self, typ: Option<&str>, claims: &Value) -> String {
        let mut header = json!({ "alg": self.algorithm.to_string(), "kid": self.kid });
        if let Some(typ) = typ {
            header["typ"] = typ.into();
        }
        self.sign_text(&header.to_string(), &claims.to_string())
    }

    /// A token with this header and these claims as text.
    ///
    /// # Panics
    ///
    /// If the key cannot be read.
    pub fn sign_text(self, header: &str, claims: &str) -> String {
        let pem = std::fs::read(file(self.private)).expect("a key");
        let key = match self.algorithm {
            Algorithm::EdDSA => EncodingKey::from_ed_pem(&pem),
            Algorithm::ES256 => EncodingKey::from_ec_pem(&pem),
            _ => EncodingKey::from_rsa_pem(&pem),
        };
        let message =
            format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let algorithm = self.algorithm.to_string().parse().expect("known");
        let signature = crate::sign_bytes(message.as_bytes(), &key.expect("a key"), algorithm);
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}
