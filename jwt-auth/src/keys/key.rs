//! A key as the user describes it: where its material is, which algorithm it has, which id.

use std::fmt;

use crate::keys::Algorithm;
use crate::secret::{Secret, SecretBytes};

/// Where key material comes from.
///
/// Made by `Into`: bytes (`&[u8]`, `[u8; N]`, `Vec<u8>`) are the material itself; a text is the
/// material itself unless it begins with
///
/// | prefix | meaning |
/// |---|---|
/// | `base64:` | base64, either alphabet, padded or not |
/// | `hex:` | pairs of hexadecimal digits |
/// | `file:` | the path of a file; its content, one trailing line break taken off, is read by these same rules |
///
/// ```
/// use jwt_auth::KeyMaterial;
/// let material = KeyMaterial::from("base64:c2VjcmV0");
/// assert_eq!(format!("{material:?}"), "[redacted]");
/// ```
#[derive(Clone)]
pub struct KeyMaterial(pub(crate) Material);

#[derive(Clone)]
pub(crate) enum Material {
    Bytes(SecretBytes),
    Text(Secret),
}

impl fmt::Debug for KeyMaterial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl From<&str> for KeyMaterial {
    fn from(text: &str) -> Self {
        Self(Material::Text(text.into()))
    }
}

impl From<String> for KeyMaterial {
    fn from(text: String) -> Self {
        Self(Material::Text(text.into()))
    }
}

impl From<&String> for KeyMaterial {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<Vec<u8>> for KeyMaterial {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Material::Bytes(SecretBytes::new(bytes)))
    }
}

impl From<&[u8]> for KeyMaterial {
    fn from(bytes: &[u8]) -> Self {
        bytes.to_vec().into()
    }
}

impl<const N: usize> From<&[u8; N]> for KeyMaterial {
    fn from(bytes: &[u8; N]) -> Self {
        bytes.to_vec().into()
    }
}

impl<const N: usize> From<[u8; N]> for KeyMaterial {
    fn from(bytes: [u8; N]) -> Self {
        bytes.to_vec().into()
    }
}

/// A key of one algorithm, not yet judged: [`Config::build`](crate::Config::build) loads it and
/// reports what is wrong with it.
///
/// ```
/// use jwt_auth::{Algorithm, Config, Key, KeyRing};
///
/// let now = Key::secret(Algorithm::HS256, "the secret of this year, 32 bytes").id("2026");
/// let before = Key::secret(Algorithm::HS256, "the secret of last year, 32 bytes").id("2025");
/// let auth = Config::with_keys(KeyRing::new(now).also_verify(before)).build()?;
/// # drop(auth);
/// # Ok::<(), jwt_auth::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Key {
    pub(crate) source: Source,
    pub(crate) id: Option<String>,
    /// The id is what RFC 7638 makes of the key.
    pub(crate) thumbprint_id: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Source {
    Secret(Algorithm, KeyMaterial),
    Pem { algorithm: Algorithm, private: Option<KeyMaterial>, public: Option<KeyMaterial> },
    Jwk(KeyMaterial),
}

impl Key {
    /// A shared secret for an HMAC algorithm: at least as many bytes as the hash puts out (RFC 7518
    /// §3.2), 32 for HS256, 48 for HS384, 64 for HS512.
    pub fn secret(algorithm: Algorithm, secret: impl Into<KeyMaterial>) -> Self {
        Self { source: Source::Secret(algorithm, secret.into()), id: None, thumbprint_id: false }
    }

    /// A private key in PEM that signs, and verifies by the public key within it.
    pub fn private_pem(algorithm: Algorithm, private: impl Into<KeyMaterial>) -> Self {
        Self {
            source: Source::Pem { algorithm, private: Some(private.into()), public: None },
            id: None,
            thumbprint_id: false,
        }
    }

    /// A public key in PEM that verifies only.
    pub fn public_pem(algorithm: Algorithm, public: impl Into<KeyMaterial>) -> Self {
        Self {
            source: Source::Pem { algorithm, private: None, public: Some(public.into()) },
            id: None,
            thumbprint_id: false,
        }
    }

    /// A pair in PEM; the two halves must belong together.
    pub fn pem_pair(
        algorithm: Algorithm,
        private: impl Into<KeyMaterial>,
        public: impl Into<KeyMaterial>,
    ) -> Self {
        let (private, public) = (Some(private.into()), Some(public.into()));
        Self { source: Source::Pem { algorithm, private, public }, id: None, thumbprint_id: false }
    }

    /// A JSON Web Key (RFC 7517), public or `oct`. Its `alg`, `use`, `key_ops` and `kid` are honoured;
    /// `alg` is required where `kty` and `crv` leave it open.
    pub fn jwk(json: impl Into<KeyMaterial>) -> Self {
        Self { source: Source::Jwk(json.into()), id: None, thumbprint_id: false }
    }

    /// The key's id, written into the header of tokens it signs and asked for by theirs (`kid`, RFC
    /// 7515 §4.1.4). Ids in a ring are unique.
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self.thumbprint_id = false;
        self
    }

    /// The key's thumbprint as its id (RFC 7638, SHA-256): the same for whoever has the key, so that nobody
    /// has to agree on names. Not for a shared secret, whose hash would let others try secrets.
    ///
    /// ```
    /// use jwt_auth::{Algorithm, Config, Key, KeyRing};
    ///
    /// let jwk = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    /// let public = Key::jwk(jwk).thumbprint_id(); // kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k
    /// assert!(Config::with_keys(KeyRing::new(public)).build().is_ok());
    /// let secret = Key::secret(Algorithm::HS256, [7; 32]).thumbprint_id();
    /// assert!(Config::with_keys(KeyRing::new(secret)).build().is_err());
    /// ```
    pub fn thumbprint_id(mut self) -> Self {
        self.thumbprint_id = true;
        self
    }
}
