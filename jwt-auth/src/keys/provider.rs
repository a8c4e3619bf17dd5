//! Signing and checking through the chosen backend, with verifiers and signers kept per thread.
//!
//! The provider's statics are named, never the process default of jsonwebtoken: that one panics when
//! no backend or both are on.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Weak;

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier};
use jsonwebtoken::{Algorithm as Backend, DecodingKey, EncodingKey};

#[cfg(feature = "aws_lc_rs")]
use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
#[cfg(all(feature = "rust_crypto", not(feature = "aws_lc_rs")))]
use jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER;

#[cfg(not(any(feature = "aws_lc_rs", feature = "rust_crypto")))]
compile_error!(
    "jwt-auth needs a backend for cryptography; write `jwt-auth = { version = \"0.1\", features = [\"aws_lc_rs\"] }` or `features = [\"rust_crypto\"]`"
);
#[cfg(not(any(feature = "aws_lc_rs", feature = "rust_crypto")))]
static DEFAULT_PROVIDER: CryptoProvider = unreachable!();

pub(super) fn provider() -> &'static CryptoProvider {
    &DEFAULT_PROVIDER
}

/// What a thread keeps for each key in use: the boxes of jsonwebtoken are neither `Send` nor `Sync`.
struct Kept<T: ?Sized> {
    tool: Box<T>,
    key: Weak<()>,
}

struct Shelf<T: ?Sized>(HashMap<u64, Kept<T>>);

impl<T: ?Sized> Shelf<T> {
    fn tool(
        &mut self,
        id: u64,
        alive: impl FnOnce() -> Weak<()>,
        make: impl FnOnce() -> Option<Box<T>>,
    ) -> Option<&T> {
        if !self.0.contains_key(&id) {
            // Keys of configurations that are gone leave with the next new one.
            self.0.retain(|_, kept| kept.key.strong_count() > 0);
            self.0.insert(id, Kept { tool: make()?, key: alive() });
        }
        self.0.get(&id).map(|kept| &*kept.tool)
    }
}

thread_local! {
    static VERIFIERS: RefCell<Shelf<dyn JwtVerifier>> = RefCell::new(Shelf(HashMap::new()));
    static SIGNERS: RefCell<Shelf<dyn JwtSigner>> = RefCell::new(Shelf(HashMap::new()));
}

/// True when the signature verifies; false on any failure whatever.
#[allow(clippy::ptr_arg, reason = "jsonwebtoken's verifiers take `&Vec<u8>`")]
pub(super) fn verify(
    id: u64,
    alive: impl FnOnce() -> Weak<()>,
    algorithm: Backend,
    key: &DecodingKey,
    message: &[u8],
    signature: &Vec<u8>,
) -> bool {
    VERIFIERS.with_borrow_mut(|shelf| {
        shelf
            .tool(id, alive, || (provider().verifier_factory)(&algorithm, key).ok())
            .is_some_and(|verifier| verifier.verify(message, signature).is_ok())
    })
}

/// The signature, or `None` when the backend refuses.
pub(super) fn sign(
    id: u64,
    alive: impl FnOnce() -> Weak<()>,
    algorithm: Backend,
    key: &EncodingKey,
    message: &[u8],
) -> Option<Vec<u8>> {
    SIGNERS.with_borrow_mut(|shelf| {
        shelf
            .tool(id, alive, || (provider().signer_factory)(&algorithm, key).ok())
            .and_then(|signer| signer.try_sign(message).ok())
    })
}

/// Whether the bytes are a public key on the curve, which jsonwebtoken leaves to the first signature.
pub(super) fn is_on_curve(algorithm: Backend, key: &DecodingKey) -> bool {
    #[cfg(feature = "aws_lc_rs")]
    {
        use aws_lc_rs::signature::{
            ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey,
        };
        let Ok(bytes) = key.try_get_as_bytes() else { return false };
        match algorithm {
            Backend::ES256 => ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, bytes).is_ok(),
            Backend::ES384 => ParsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, bytes).is_ok(),
            Backend::EdDSA => ParsedPublicKey::new(&ED25519, bytes).is_ok(),
            _ => false,
        }
    }
    #[cfg(not(feature = "aws_lc_rs"))]
    {
        (provider().verifier_factory)(&algorithm, key).is_ok()
    }
}
