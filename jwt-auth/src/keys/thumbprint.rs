//! The thumbprint of a key (RFC 7638): the hash of its required members, in alphabetical order.

use jsonwebtoken::jwk::ThumbprintHash;

use crate::base64url;
use crate::keys::{Algorithm, Family, backend};

/// SHA-256 of the public members: modulus and exponent without leading zeros, or the point. `None` for a shared
/// secret, because anyone who sees the hash can test guesses of the secret (RFC 7638 §7).
pub(super) fn thumbprint(
    algorithm: Algorithm,
    public: &[u8],
    modulus_len: usize,
) -> Option<String> {
    let text = |bytes: &[u8]| {
        let mut text = String::new();
        base64url::encode(bytes, &mut text);
        text
    };
    let size = algorithm.size();
    let members = match algorithm.family() {
        Family::Hmac => return None,
        Family::Rsa => {
            let (n, e) = public.split_at_checked(modulus_len)?;
            format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, text(e), text(n))
        }
        Family::Ec => {
            let (x, y) = public.get(1..)?.split_at_checked(size)?;
            let curve = match algorithm {
                Algorithm::ES256 => "P-256",
                Algorithm::ES384 => "P-384",
                _ => "P-521",
            };
            format!(r#"{{"crv":"{curve}","kty":"EC","x":"{}","y":"{}"}}"#, text(x), text(y))
        }
        Family::Ed => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, text(public)),
    };
    let hash = (backend::utils().compute_digest)(members.as_bytes(), ThumbprintHash::SHA256);
    hash.ok().map(|hash| text(&hash))
}
