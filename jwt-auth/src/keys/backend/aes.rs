//! AES-256-GCM of the RustCrypto backend.

use aes_gcm::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use zeroize::Zeroizing;

/// AES-256-GCM with one key.
pub(in crate::keys) struct Cipher(Aes256Gcm);

impl Cipher {
    pub(in crate::keys) fn new(key: &[u8; 32]) -> Option<Self> {
        Aes256Gcm::new_from_slice(key).ok().map(Self)
    }

    /// A random nonce of 12 bytes, the encrypted text, and a tag of 16 bytes.
    pub(in crate::keys) fn seal(&self, text: &[u8], context: &[u8]) -> Option<Vec<u8>> {
        let mut nonce = [0_u8; 12];
        getrandom::fill(&mut nonce).ok()?;
        let payload = Payload { msg: text, aad: context };
        let sealed = self.0.encrypt(&Nonce::from(nonce), payload).ok()?;
        Some([&nonce[..], &sealed].concat())
    }

    pub(in crate::keys) fn open(
        &self,
        sealed: &[u8],
        context: &[u8],
    ) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, sealed) = sealed.split_first_chunk::<12>()?;
        let payload = Payload { msg: sealed, aad: context };
        self.0.decrypt(&Nonce::from(*nonce), payload).ok().map(Zeroizing::new)
    }
}
