//! The public keys of a ring as a JWK set (RFC 7517 §5), for services that verify our tokens.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::keys::{Algorithm, RingKey, backend};

/// The members of a public key. There is no variant for a shared secret, so a set cannot contain one.
pub(super) enum PublicMembers {
    Rsa { n: String, e: String },
    Ec { crv: &'static str, x: String, y: String },
    Ed25519 { x: String },
}

impl PublicMembers {
    /// The required members in alphabetical order, as the thumbprint hashes them (RFC 7638 §3.2).
    pub(super) fn to_json(&self) -> String {
        match self {
            Self::Rsa { n, e } => format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#),
            Self::Ec { crv, x, y } => {
                format!(r#"{{"crv":"{crv}","kty":"EC","x":"{x}","y":"{y}"}}"#)
            }
            Self::Ed25519 { x } => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#),
        }
    }
}

/// The public keys of a configuration, as JSON (RFC 7517 §5).
///
/// It contains every key that verifies, the next and the previous ones included, and never a shared secret.
/// [`routing::jwks`](crate::routing::jwks) serves it.
///
/// ```
/// use jwt_auth::{Config, KeyMaterial};
///
/// let auth = Config::hs256(KeyMaterial::ephemeral()).build()?;
/// assert_eq!(auth.jwks().to_string(), r#"{"keys":[]}"#, "a shared secret is not published");
/// # Ok::<(), jwt_auth::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct JwkSet {
    json: Arc<str>,
    etag: Arc<str>,
    is_empty: bool,
}

impl JwkSet {
    /// The set of these keys, without the shared secrets among them.
    pub(crate) fn of<'r>(keys: impl Iterator<Item = &'r RingKey>) -> Self {
        let keys: Vec<String> = keys
            .filter_map(|key| {
                let members = key.public_members()?.to_json();
                let id = key.id.as_deref().map(|id| format!(r#""kid":{},"#, serde_json::json!(id)));
                let (id, alg) = (id.unwrap_or_default(), key.algorithm.name());
                // After the opening brace.
                Some(format!(r#"{{{id}"alg":"{alg}","use":"sig",{}"#, &members[1..]))
            })
            .collect();
        let json = format!(r#"{{"keys":[{}]}}"#, keys.join(","));
        let etag = format!("\"{}\"", backend::sha256_text(json.as_bytes()).unwrap_or_default());
        Self { json: json.into(), etag: etag.into(), is_empty: keys.is_empty() }
    }

    /// Whether the set has no key, for example because the configuration has shared secrets only.
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial};
    /// assert!(Config::hs256(KeyMaterial::ephemeral()).build()?.jwks().is_empty());
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn is_empty(&self) -> bool {
        self.is_empty
    }

    /// A value for the header `ETag`: the hash of the set.
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial};
    /// let auth = Config::hs256(KeyMaterial::ephemeral()).build()?;
    /// assert!(auth.jwks().etag().starts_with('"'));
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn etag(&self) -> &str {
        &self.etag
    }
}

/// The JSON.
impl fmt::Display for JwkSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.json)
    }
}

impl fmt::Debug for JwkSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("JwkSet").field(&self.json).finish()
    }
}

impl Serialize for JwkSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let value: serde_json::Value =
            serde_json::from_str(&self.json).map_err(serde::ser::Error::custom)?;
        value.serialize(serializer)
    }
}

/// The name of the curve in a JWK (RFC 7518 §6.2.1.1).
pub(super) fn curve(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::ES256 => "P-256",
        Algorithm::ES384 => "P-384",
        _ => "P-521",
    }
}
