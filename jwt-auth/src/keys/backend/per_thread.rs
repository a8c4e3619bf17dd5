//! Keys that jsonwebtoken makes: each thread keeps its own, since they are neither `Send` nor `Sync`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use jsonwebtoken::crypto::{JwtSigner, JwtVerifier};
use jsonwebtoken::{DecodingKey, EncodingKey};

use super::DEFAULT_PROVIDER;
use crate::keys::{Algorithm, Family};

/// What a thread keeps for each key in use.
struct Kept<T: ?Sized> {
    tool: Box<T>,
    alive: Weak<()>,
}

type Shelf<T> = RefCell<HashMap<u64, Kept<T>>>;

thread_local! {
    static VERIFIERS: Shelf<dyn JwtVerifier> = RefCell::default();
    static SIGNERS: Shelf<dyn JwtSigner> = RefCell::default();
}

/// What tells a thread which tool is whose, and whether its key still lives.
struct Label {
    id: u64,
    alive: Arc<()>,
}

impl Label {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self { id: NEXT.fetch_add(1, Ordering::Relaxed), alive: Arc::new(()) }
    }

    /// Asks this thread's tool, which is made when there is none; false when it cannot be made.
    fn ask<Tool: ?Sized>(
        &self,
        kept: &Shelf<Tool>,
        make: impl FnOnce() -> Option<Box<Tool>>,
        ask: impl FnOnce(&Tool) -> bool,
    ) -> bool {
        let mut tools = kept.borrow_mut();
        if !tools.contains_key(&self.id) {
            // Keys of configurations that are gone leave with the next new one.
            tools.retain(|_, kept| kept.alive.strong_count() > 0);
            let Some(tool) = make() else { return false };
            tools.insert(self.id, Kept { tool, alive: Arc::downgrade(&self.alive) });
        }
        tools.get(&self.id).is_some_and(|kept| ask(&kept.tool))
    }
}

/// Checks signatures of one key under one algorithm.
pub(in crate::keys) struct Verifier {
    label: Label,
    algorithm: Algorithm,
    key: DecodingKey,
    /// The modulus of RSA, which no signature reaches.
    modulus: Option<Vec<u8>>,
}

impl Verifier {
    fn new(algorithm: Algorithm, key: DecodingKey) -> Option<Self> {
        // Made once for nothing, so that what the backend refuses is found before serving.
        (DEFAULT_PROVIDER.verifier_factory)(&algorithm.backend(), &key).ok()?;
        Some(Self { label: Label::new(), algorithm, key, modulus: None })
    }

    pub(in crate::keys) fn secret(algorithm: Algorithm, secret: &[u8]) -> Option<Self> {
        Self::new(algorithm, DecodingKey::from_secret(secret))
    }

    /// Modulus and exponent without leading zeros.
    pub(in crate::keys) fn rsa(algorithm: Algorithm, n: &[u8], e: &[u8]) -> Option<Self> {
        let verifier = Self::new(algorithm, DecodingKey::from_rsa_raw_components(n, e))?;
        Some(Self { modulus: Some(n.to_vec()), ..verifier })
    }

    /// A point of EC in SEC1, or the 32 bytes of Ed25519.
    pub(in crate::keys) fn point(algorithm: Algorithm, point: &[u8]) -> Option<Self> {
        let key = match algorithm.family() {
            Family::Ec => DecodingKey::from_ec_der(point),
            _ => DecodingKey::from_ed_der(point),
        };
        Self::new(algorithm, key)
    }

    /// True when the signature verifies; false on any failure whatever.
    pub(in crate::keys) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        // RFC 8017 §5.2.2 refuses a number out of range; `rsa` does so for PKCS#1 v1.5 and not for PSS. Both are as
        // long as one another, so bytes compare as numbers do.
        if self.modulus.as_ref().is_some_and(|n| signature >= n.as_slice()) {
            return false;
        }
        VERIFIERS.with(|shelf| {
            let make =
                || (DEFAULT_PROVIDER.verifier_factory)(&self.algorithm.backend(), &self.key).ok();
            self.label.ask(shelf, make, |tool| tool.verify(message, &signature.to_vec()).is_ok())
        })
    }
}

/// Signs by one key under one algorithm.
pub(in crate::keys) struct Signer {
    label: Label,
    algorithm: Algorithm,
    key: EncodingKey,
}

impl Signer {
    fn new(algorithm: Algorithm, key: EncodingKey) -> Option<Self> {
        (DEFAULT_PROVIDER.signer_factory)(&algorithm.backend(), &key).ok()?;
        Some(Self { label: Label::new(), algorithm, key })
    }

    pub(in crate::keys) fn secret(algorithm: Algorithm, secret: &[u8]) -> Option<Self> {
        Self::new(algorithm, EncodingKey::from_secret(secret))
    }

    /// A private key in DER: PKCS#1 for RSA, PKCS#8 for the others.
    pub(in crate::keys) fn private(algorithm: Algorithm, der: &[u8]) -> Option<Self> {
        let key = match algorithm.family() {
            Family::Rsa => EncodingKey::from_rsa_der(der),
            Family::Ec => EncodingKey::from_ec_der(der),
            _ => EncodingKey::from_ed_der(der),
        };
        Self::new(algorithm, key)
    }

    /// Fills the room with the signature, which is as long; false when the backend refuses.
    pub(in crate::keys) fn sign(&self, message: &[u8], room: &mut [u8]) -> bool {
        SIGNERS.with(|shelf| {
            let make =
                || (DEFAULT_PROVIDER.signer_factory)(&self.algorithm.backend(), &self.key).ok();
            self.label.ask(shelf, make, |tool| {
                tool.try_sign(message).is_ok_and(|signature| {
                    let fits = signature.len() == room.len();
                    if fits {
                        room.copy_from_slice(&signature);
                    }
                    fits
                })
            })
        })
    }
}
