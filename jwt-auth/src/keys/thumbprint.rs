//! The public members of a key, and their hash: its thumbprint (RFC 7638).

use std::fmt;

use crate::base64url;
use crate::keys::jwk_set::{PublicMembers, curve};
use crate::keys::{Algorithm, Family, backend};

/// The public members: modulus and exponent without leading zeros, or the point. `None` for a shared secret.
pub(super) fn public_members(
    algorithm: Algorithm,
    public: &[u8],
    modulus_len: usize,
) -> Option<PublicMembers> {
    let text = |bytes: &[u8]| {
        let mut text = String::new();
        base64url::encode(bytes, &mut text);
        text
    };
    match algorithm.family() {
        Family::Hmac => None,
        Family::Rsa => {
            let (n, e) = public.split_at_checked(modulus_len)?;
            Some(PublicMembers::Rsa { n: text(n), e: text(e) })
        }
        Family::Ec => {
            let (x, y) = public.get(1..)?.split_at_checked(algorithm.size())?;
            Some(PublicMembers::Ec { crv: curve(algorithm), x: text(x), y: text(y) })
        }
        Family::Ed => Some(PublicMembers::Ed25519 { x: text(public) }),
    }
}

/// SHA-256 of the public members of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Thumbprint([u8; 32]);

impl Thumbprint {
    /// `None` for a shared secret, because anyone who sees the hash can test guesses of the secret (RFC 7638 §7).
    pub(super) fn of(algorithm: Algorithm, public: &[u8], modulus_len: usize) -> Option<Self> {
        let members = public_members(algorithm, public, modulus_len)?.to_json();
        let hash = backend::sha256(members.as_bytes())?;
        hash.try_into().ok().map(Self)
    }

    /// Reads its text: base64url, as in `jkt`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut bytes = Vec::new();
        base64url::decode(text, &mut bytes).ok()?.try_into().ok().map(Self)
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        base64url::encode(&self.0, &mut text);
        f.write_str(&text)
    }
}
