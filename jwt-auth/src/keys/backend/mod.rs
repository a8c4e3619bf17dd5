//! The cryptography backends: AWS-LC keys or jsonwebtoken keys, which sign and verify.
//!
//! The provider is one of jsonwebtoken's statics and never its process default, which panics if no backend or both
//! are enabled.

#[cfg(all(feature = "rust_crypto", any(not(feature = "aws_lc_rs"), test)))]
mod aes;
#[cfg(feature = "aws_lc_rs")]
mod aws_lc;
// The tests compare the two backends, so both are compiled for them.
#[cfg(all(feature = "aws_lc_rs", test))]
mod backends_agree;
#[cfg(any(not(feature = "aws_lc_rs"), test))]
mod per_thread;

use jsonwebtoken::crypto::KeyUtils;
use jsonwebtoken::jwk::ThumbprintHash;

use crate::base64url;
use crate::keys::Algorithm;

#[cfg(feature = "aws_lc_rs")]
use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
#[cfg(all(feature = "rust_crypto", not(feature = "aws_lc_rs")))]
use jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER;

#[cfg(all(feature = "rust_crypto", not(feature = "aws_lc_rs")))]
pub(super) use aes::Cipher;
#[cfg(feature = "aws_lc_rs")]
pub(super) use aws_lc::{Cipher, Signer, Verifier};
#[cfg(not(feature = "aws_lc_rs"))]
pub(super) use per_thread::{Signer, Verifier};

#[cfg(not(any(feature = "aws_lc_rs", feature = "rust_crypto")))]
compile_error!(
    "jwt-auth needs a backend for cryptography; write `jwt-auth = { version = \"0.1\", features = [\"aws_lc_rs\"] }` or `features = [\"rust_crypto\"]`"
);
#[cfg(not(any(feature = "aws_lc_rs", feature = "rust_crypto")))]
static DEFAULT_PROVIDER: jsonwebtoken::crypto::CryptoProvider = unreachable!();

/// The length of the longest signature in bytes: RSA with 8192 bits.
pub(crate) const LONGEST_SIGNATURE: usize = 1024;

/// The functions that derive the public key from key material.
pub(super) fn utils() -> &'static KeyUtils {
    &DEFAULT_PROVIDER.key_utils
}

/// SHA-256 of the bytes.
pub(super) fn sha256(bytes: &[u8]) -> Option<Vec<u8>> {
    (utils().compute_digest)(bytes, ThumbprintHash::SHA256).ok()
}

/// SHA-256 of the bytes, as base64url.
pub(crate) fn sha256_text(bytes: &[u8]) -> Option<String> {
    let mut text = String::new();
    base64url::encode(&sha256(bytes)?, &mut text);
    Some(text)
}

/// The point on the curve that belongs to a private EC key in PKCS#8.
pub(super) fn public_point(algorithm: Algorithm, der: &[u8]) -> Option<Vec<u8>> {
    #[cfg(feature = "aws_lc_rs")]
    return aws_lc::public_point(algorithm, der);
    #[cfg(not(feature = "aws_lc_rs"))]
    return per_thread::public_point(algorithm, der);
}
