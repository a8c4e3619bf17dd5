//! The AWS-LC backend: its keys are parsed once, and shared by all threads.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, ParsedPublicKey, RsaEncoding, RsaKeyPair,
    RsaParameters, RsaPublicKeyComponents,
};
use aws_lc_rs::{aead, hmac};

use zeroize::Zeroizing;

use crate::keys::Algorithm;

/// Verifies signatures with one key and one algorithm.
pub(in crate::keys) enum Verifier {
    Secret(Box<hmac::Key>),
    Public(ParsedPublicKey),
}

impl Verifier {
    pub(in crate::keys) fn secret(algorithm: Algorithm, secret: &[u8]) -> Option<Self> {
        Some(Self::Secret(Box::new(hmac::Key::new(hash(algorithm)?, secret))))
    }

    /// An RSA key; modulus and exponent have no leading zeros.
    pub(in crate::keys) fn rsa(algorithm: Algorithm, n: &[u8], e: &[u8]) -> Option<Self> {
        // Below 2048 bits. Such a key is refused before, unless `danger` admits it.
        let is_short = n.len() < 256 || (n.len() == 256 && n[0] < 0x80);
        let parameters = match algorithm {
            Algorithm::RS256 if is_short => {
                &signature::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY
            }
            Algorithm::RS512 if is_short => {
                &signature::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY
            }
            _ => padding(algorithm)?.0,
        };
        let key = RsaPublicKeyComponents { n, e }.to_parsed_public_key(parameters);
        key.ok().map(Self::Public)
    }

    /// A SEC1 point for EC, or the 32 bytes for Ed25519. `None` for an EC point that is not on its curve.
    pub(in crate::keys) fn point(algorithm: Algorithm, point: &[u8]) -> Option<Self> {
        let key = match algorithm {
            Algorithm::ES256 => ParsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point),
            Algorithm::ES384 => ParsedPublicKey::new(&signature::ECDSA_P384_SHA384_FIXED, point),
            Algorithm::ES512 => ParsedPublicKey::new(&signature::ECDSA_P521_SHA512_FIXED, point),
            Algorithm::EdDSA => ParsedPublicKey::new(&signature::ED25519, point),
            _ => return None,
        };
        key.ok().map(Self::Public)
    }

    /// Whether the signature verifies; `false` after any error.
    pub(in crate::keys) fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Secret(key) => hmac::verify(key, message, signature).is_ok(),
            Self::Public(key) => key.verify_sig(message, signature).is_ok(),
        }
    }
}

/// Signs with one key and one algorithm.
pub(in crate::keys) enum Signer {
    Secret(Box<hmac::Key>),
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

impl Signer {
    pub(in crate::keys) fn secret(algorithm: Algorithm, secret: &[u8]) -> Option<Self> {
        Some(Self::Secret(Box::new(hmac::Key::new(hash(algorithm)?, secret))))
    }

    /// A private key in DER: PKCS#1 for RSA, PKCS#8 for the others.
    pub(in crate::keys) fn private(algorithm: Algorithm, der: &[u8]) -> Option<Self> {
        match algorithm {
            Algorithm::ES256 | Algorithm::ES384 | Algorithm::ES512 => {
                ec_pair(algorithm, der).map(Self::Ec)
            }
            Algorithm::EdDSA => Ed25519KeyPair::from_pkcs8(der).ok().map(Self::Ed),
            _ => {
                let encoding = padding(algorithm)?.1;
                RsaKeyPair::from_der(der).ok().map(|key| Self::Rsa(key, encoding))
            }
        }
    }

    /// Writes the signature into the buffer, which is exactly as long; `false` if the backend cannot sign.
    pub(in crate::keys) fn sign(&self, message: &[u8], buffer: &mut [u8]) -> bool {
        let fill = |buffer: &mut [u8], signature: &[u8]| {
            let fits = buffer.len() == signature.len();
            if fits {
                buffer.copy_from_slice(signature);
            }
            fits
        };
        match self {
            Self::Secret(key) => fill(buffer, hmac::sign(key, message).as_ref()),
            Self::Rsa(key, encoding) => {
                key.sign(*encoding, &SystemRandom::new(), message, buffer).is_ok()
            }
            Self::Ec(key) => key
                .sign(&SystemRandom::new(), message)
                .is_ok_and(|signature| fill(buffer, signature.as_ref())),
            Self::Ed(key) => fill(buffer, key.sign(message).as_ref()),
        }
    }
}

fn ec_pair(algorithm: Algorithm, der: &[u8]) -> Option<EcdsaKeyPair> {
    let curve = match algorithm {
        Algorithm::ES256 => &signature::ECDSA_P256_SHA256_FIXED_SIGNING,
        Algorithm::ES384 => &signature::ECDSA_P384_SHA384_FIXED_SIGNING,
        Algorithm::ES512 => &signature::ECDSA_P521_SHA512_FIXED_SIGNING,
        _ => return None,
    };
    EcdsaKeyPair::from_pkcs8(curve, der).ok()
}

pub(super) fn public_point(algorithm: Algorithm, der: &[u8]) -> Option<Vec<u8>> {
    ec_pair(algorithm, der).map(|pair| pair.public_key().as_ref().to_vec())
}

fn hash(algorithm: Algorithm) -> Option<hmac::Algorithm> {
    match algorithm {
        Algorithm::HS256 => Some(hmac::HMAC_SHA256),
        Algorithm::HS384 => Some(hmac::HMAC_SHA384),
        Algorithm::HS512 => Some(hmac::HMAC_SHA512),
        _ => None,
    }
}

fn padding(algorithm: Algorithm) -> Option<(&'static RsaParameters, &'static dyn RsaEncoding)> {
    Some(match algorithm {
        Algorithm::RS256 => (&signature::RSA_PKCS1_2048_8192_SHA256, &signature::RSA_PKCS1_SHA256),
        Algorithm::RS384 => (&signature::RSA_PKCS1_2048_8192_SHA384, &signature::RSA_PKCS1_SHA384),
        Algorithm::RS512 => (&signature::RSA_PKCS1_2048_8192_SHA512, &signature::RSA_PKCS1_SHA512),
        Algorithm::PS256 => (&signature::RSA_PSS_2048_8192_SHA256, &signature::RSA_PSS_SHA256),
        Algorithm::PS384 => (&signature::RSA_PSS_2048_8192_SHA384, &signature::RSA_PSS_SHA384),
        Algorithm::PS512 => (&signature::RSA_PSS_2048_8192_SHA512, &signature::RSA_PSS_SHA512),
        _ => return None,
    })
}

/// AES-256-GCM with one key.
pub(in crate::keys) struct Cipher(aead::RandomizedNonceKey);

impl Cipher {
    pub(in crate::keys) fn new(key: &[u8; 32]) -> Option<Self> {
        aead::RandomizedNonceKey::new(&aead::AES_256_GCM, key).ok().map(Self)
    }

    /// A random nonce of 12 bytes, the encrypted text, and a tag of 16 bytes.
    pub(in crate::keys) fn seal(&self, text: &[u8], context: &[u8]) -> Option<Vec<u8>> {
        let mut sealed = text.to_vec();
        let nonce = self.0.seal_in_place_append_tag(aead::Aad::from(context), &mut sealed).ok()?;
        let nonce: &[u8; 12] = nonce.as_ref();
        Some([&nonce[..], &sealed].concat())
    }

    pub(in crate::keys) fn open(
        &self,
        sealed: &[u8],
        context: &[u8],
    ) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, sealed) = sealed.split_at_checked(12)?;
        let nonce = aead::Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut buffer = Zeroizing::new(sealed.to_vec());
        let len = self.0.open_in_place(nonce, aead::Aad::from(context), &mut buffer).ok()?.len();
        buffer.truncate(len);
        Some(buffer)
    }
}
