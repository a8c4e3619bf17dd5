//! Wraps private keys for a store with a key-encryption key: AES-256-GCM (NIST SP 800-38D).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::base64url;
use crate::keys::backend::{self, Cipher};
use crate::keys::{KeyMaterial, KeyProblem};

/// A key-encryption key of 256 bits.
pub(crate) struct WrappingKey {
    /// Names the key in records. It is a hash of a hash, so it says nothing about the key.
    id: String,
    cipher: Cipher,
}

impl WrappingKey {
    pub(crate) fn load(material: &KeyMaterial) -> Result<Self, KeyProblem> {
        let bytes = material.read()?;
        let problem = || {
            KeyProblem::new(
                format!("a key-encryption key has exactly 32 bytes; this one has {}", bytes.len()),
                "create one: openssl rand -base64 32, and load it with `KeyMaterial::base64(…)`",
            )
        };
        let key: &[u8; 32] = bytes.as_slice().try_into().map_err(|_| problem())?;
        if key.iter().all(|byte| *byte == key[0]) {
            return Err(KeyProblem::new(
                "all bytes of the key-encryption key are equal",
                "create one: openssl rand -base64 32",
            ));
        }
        let named = [&b"jwt-auth key-encryption key id"[..], key].concat();
        let digest = backend::sha256(&named).and_then(|first| backend::sha256(&first));
        let digest = digest.unwrap_or_default();
        let mut id = String::new();
        base64url::encode(digest.get(..9).unwrap_or_default(), &mut id);
        Ok(Self { id, cipher: Cipher::new(key).ok_or_else(problem)? })
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Encrypts a private key. `context` is authenticated: a record cannot be moved to another name.
    pub(crate) fn wrap(&self, private: &str, context: &str) -> Option<String> {
        let sealed = self.cipher.seal(private.as_bytes(), context.as_bytes())?;
        Some(STANDARD.encode(sealed))
    }

    /// Decrypts a private key. `None` if it was changed, or wrapped by another key.
    pub(crate) fn unwrap(&self, wrapped: &str, context: &str) -> Option<Zeroizing<String>> {
        let sealed = STANDARD.decode(wrapped).ok()?;
        let opened = self.cipher.open(&sealed, context.as_bytes())?;
        std::str::from_utf8(&opened).ok().map(|text| Zeroizing::new(text.to_owned()))
    }
}

impl fmt::Debug for WrappingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WrappingKey").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> WrappingKey {
        let mut bytes = *b"a key-encryption key of 32 bytes";
        bytes[0] = byte;
        WrappingKey::load(&KeyMaterial::raw(bytes)).unwrap()
    }

    #[test]
    fn only_the_same_key_and_context_unwrap() {
        let wrapped = key(1).wrap("a private key", "2026-12-01").unwrap();
        assert!(!wrapped.contains("private"));
        assert_ne!(wrapped, key(1).wrap("a private key", "2026-12-01").unwrap(), "a new nonce");
        assert_eq!(&**key(1).unwrap(&wrapped, "2026-12-01").unwrap(), "a private key");
        assert!(key(2).unwrap(&wrapped, "2026-12-01").is_none());
        assert!(key(1).unwrap(&wrapped, "2027-01-01").is_none());
        assert_ne!(key(1).id(), key(2).id());
        for at in 0..STANDARD.decode(&wrapped).unwrap().len() {
            let mut sealed = STANDARD.decode(&wrapped).unwrap();
            sealed[at] ^= 1;
            assert!(key(1).unwrap(&STANDARD.encode(sealed), "2026-12-01").is_none(), "{at}");
        }
        assert!(key(1).unwrap("", "2026-12-01").is_none());
    }

    #[test]
    fn a_key_of_another_length_or_without_entropy_is_refused() {
        for bad in [vec![1_u8; 16], vec![7; 32], vec![1; 33], vec![]] {
            assert!(WrappingKey::load(&KeyMaterial::raw(bad)).is_err());
        }
    }
}
