//! The jsonwebtoken backend. Its keys are neither `Send` nor `Sync`, so each thread has its own.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use jsonwebtoken::crypto::{JwtSigner, JwtVerifier};
use jsonwebtoken::{DecodingKey, EncodingKey};

use super::DEFAULT_PROVIDER;
use crate::keys::{Algorithm, Family};

/// The signer or verifier of a key in one thread.
struct Tool<T: ?Sized> {
    tool: Box<T>,
    /// Dangling once the key is dropped.
    key: Weak<()>,
}

/// The tools of a thread, by the number of their key.
type Tools<T> = RefCell<HashMap<u64, Tool<T>>>;

thread_local! {
    static VERIFIERS: Tools<dyn JwtVerifier> = RefCell::default();
    static SIGNERS: Tools<dyn JwtSigner> = RefCell::default();
}

/// The number of a key, which each thread uses to find its tool. Tools are removed after the key is dropped.
struct KeyNumber {
    number: u64,
    alive: Arc<()>,
}

impl KeyNumber {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self { number: NEXT.fetch_add(1, Ordering::Relaxed), alive: Arc::new(()) }
    }

    /// Calls `run` with this thread's tool. If there is none yet, `create` creates it; `false` if that fails.
    fn with_tool<T: ?Sized>(
        &self,
        tools: &Tools<T>,
        create: impl FnOnce() -> Option<Box<T>>,
        run: impl FnOnce(&T) -> bool,
    ) -> bool {
        let mut tools = tools.borrow_mut();
        if !tools.contains_key(&self.number) {
            // The tools of dropped keys are removed when a new one is created.
            tools.retain(|_, tool| tool.key.strong_count() > 0);
            let Some(tool) = create() else { return false };
            tools.insert(self.number, Tool { tool, key: Arc::downgrade(&self.alive) });
        }
        tools.get(&self.number).is_some_and(|tool| run(&tool.tool))
    }
}

/// Verifies signatures with one key and one algorithm.
pub(in crate::keys) struct Verifier {
    number: KeyNumber,
    algorithm: jsonwebtoken::Algorithm,
    key: DecodingKey,
    /// The RSA modulus, which is greater than every signature.
    modulus: Option<Vec<u8>>,
}

impl Verifier {
    fn new(algorithm: Algorithm, key: DecodingKey) -> Option<Self> {
        // Created once and dropped, so that a key that the backend refuses is an error at startup.
        let algorithm = known(algorithm)?;
        (DEFAULT_PROVIDER.verifier_factory)(&algorithm, &key).ok()?;
        Some(Self { number: KeyNumber::new(), algorithm, key, modulus: None })
    }

    pub(in crate::keys) fn secret(algorithm: Algorithm, secret: &[u8]) -> Option<Self> {
        Self::new(algorithm, DecodingKey::from_secret(secret))
    }

    /// An RSA key; modulus and exponent have no leading zeros.
    pub(in crate::keys) fn rsa(algorithm: Algorithm, n: &[u8], e: &[u8]) -> Option<Self> {
        let verifier = Self::new(algorithm, DecodingKey::from_rsa_raw_components(n, e))?;
        Some(Self { modulus: Some(n.to_vec()), ..verifier })
    }

    /// A SEC1 point for EC, or the 32 bytes for Ed25519.
    pub(in crate::keys) fn point(algorithm: Algorithm, point: &[u8]) -> Option<Self> {
        let key = match algorithm.family() {
            Family::Ec => DecodingKey::from_ec_der(point),
            _ => DecodingKey::from_ed_der(point),
        };
        Self::new(algorithm, key)
    }

    /// Whether the signature verifies; `false` after any error.
    pub(in crate::keys) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        // RFC 8017 §5.2.2 refuses a signature that is not less than the modulus. The crate `rsa` checks that for
        // PKCS#1 v1.5, but not for PSS. Both numbers have the same length, so comparing their bytes compares them.
        if self.modulus.as_ref().is_some_and(|n| signature >= n.as_slice()) {
            return false;
        }
        VERIFIERS.with(|tools| {
            let create = || (DEFAULT_PROVIDER.verifier_factory)(&self.algorithm, &self.key).ok();
            self.number
                .with_tool(tools, create, |tool| tool.verify(message, &signature.to_vec()).is_ok())
        })
    }
}

/// Signs with one key and one algorithm.
pub(in crate::keys) struct Signer {
    number: KeyNumber,
    algorithm: jsonwebtoken::Algorithm,
    key: EncodingKey,
}

impl Signer {
    fn new(algorithm: Algorithm, key: EncodingKey) -> Option<Self> {
        let algorithm = known(algorithm)?;
        (DEFAULT_PROVIDER.signer_factory)(&algorithm, &key).ok()?;
        Some(Self { number: KeyNumber::new(), algorithm, key })
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

    /// Writes the signature into the buffer, which is exactly as long; `false` if the backend cannot sign.
    pub(in crate::keys) fn sign(&self, message: &[u8], buffer: &mut [u8]) -> bool {
        SIGNERS.with(|tools| {
            let create = || (DEFAULT_PROVIDER.signer_factory)(&self.algorithm, &self.key).ok();
            self.number.with_tool(tools, create, |tool| {
                tool.try_sign(message).is_ok_and(|signature| {
                    let fits = signature.len() == buffer.len();
                    if fits {
                        buffer.copy_from_slice(&signature);
                    }
                    fits
                })
            })
        })
    }
}

/// The algorithm of jsonwebtoken; `None` if it lacks it.
pub(super) fn known(algorithm: Algorithm) -> Option<jsonwebtoken::Algorithm> {
    algorithm.name().parse().ok()
}

#[cfg(not(feature = "aws_lc_rs"))]
pub(super) fn public_point(algorithm: Algorithm, der: &[u8]) -> Option<Vec<u8>> {
    let components = DEFAULT_PROVIDER.key_utils.ec_pub_components_from_private_key;
    let (_, x, y) = components(der, known(algorithm)?).ok()?;
    Some([&[4], x.as_slice(), &y].concat())
}
