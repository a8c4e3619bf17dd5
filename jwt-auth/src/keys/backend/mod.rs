//! Keys prepared once, to sign and to check by: AWS-LC's own, or those that jsonwebtoken makes.
//!
//! The provider's statics are named, never the process default of jsonwebtoken: that one panics when
//! no backend or both are on.

#[cfg(feature = "aws_lc_rs")]
mod aws_lc;
// Beside AWS-LC for tests alone, which hold the two to one verdict.
#[cfg(any(not(feature = "aws_lc_rs"), test))]
mod per_thread;
#[cfg(all(feature = "aws_lc_rs", test))]
mod same_verdict;

use jsonwebtoken::crypto::KeyUtils;

#[cfg(feature = "aws_lc_rs")]
use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
#[cfg(all(feature = "rust_crypto", not(feature = "aws_lc_rs")))]
use jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER;

#[cfg(feature = "aws_lc_rs")]
pub(super) use aws_lc::{Signer, Verifier};
#[cfg(not(feature = "aws_lc_rs"))]
pub(super) use per_thread::{Signer, Verifier};

#[cfg(not(any(feature = "aws_lc_rs", feature = "rust_crypto")))]
compile_error!(
    "jwt-auth needs a backend for cryptography; write `jwt-auth = { version = \"0.1\", features = [\"aws_lc_rs\"] }` or `features = [\"rust_crypto\"]`"
);
#[cfg(not(any(feature = "aws_lc_rs", feature = "rust_crypto")))]
static DEFAULT_PROVIDER: jsonwebtoken::crypto::CryptoProvider = unreachable!();

/// The bytes of the longest signature: RSA of 8192 bits.
pub(crate) const LONGEST_SIGNATURE: usize = 1024;

/// What takes the public half out of key material.
pub(super) fn utils() -> &'static KeyUtils {
    &DEFAULT_PROVIDER.key_utils
}
