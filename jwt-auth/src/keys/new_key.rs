//! Creates private keys, and writes them to files that nobody else can read.

use std::io::Write as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::keys::Algorithm;

/// What PKCS#8 (RFC 5208, RFC 8410 §7) puts before the 32 bytes of an Ed25519 key.
const ED25519: &[u8] = &[
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];
/// The same for P-256, with an `ECPrivateKey` (RFC 5915) that has no public key.
const P256: &[u8] = &[
    0x30, 0x41, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
    0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x04, 0x27, 0x30, 0x25, 0x02, 0x01,
    0x01, 0x04, 0x20,
];

/// A new private key as PEM; `None` for an algorithm whose keys are not created here, or without random bytes.
#[doc(hidden)]
pub fn new_private_key(algorithm: Algorithm) -> Option<Zeroizing<String>> {
    let before = match algorithm {
        Algorithm::EdDSA => ED25519,
        Algorithm::ES256 => P256,
        _ => return None,
    };
    let mut der = Zeroizing::new(before.to_vec());
    let mut secret = Zeroizing::new([0_u8; 32]);
    getrandom::fill(&mut *secret).ok()?;
    der.extend_from_slice(&*secret);
    let text = Zeroizing::new(STANDARD.encode(&*der));
    let mut pem = Zeroizing::new(String::from("-----BEGIN PRIVATE KEY-----\n"));
    for (at, character) in text.char_indices() {
        if at > 0 && at % 64 == 0 {
            pem.push('\n');
        }
        pem.push(character);
    }
    pem.push_str("\n-----END PRIVATE KEY-----\n");
    Some(pem)
}

/// Writes a file that only its owner can read (0600), complete or not at all. Returns whether there was none before.
pub(crate) fn write_new_file(directory: &Path, name: &str, content: &str) -> std::io::Result<bool> {
    std::fs::create_dir_all(directory)?;
    let mut random = [0_u8; 8];
    getrandom::fill(&mut random).map_err(std::io::Error::other)?;
    // Hidden, so that no reader takes it for a key.
    let temporary = directory.join(format!(".{name}.{:016x}", u64::from_ne_bytes(random)));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&temporary).and_then(|mut file| {
        file.write_all(content.as_bytes())?;
        file.sync_all()
    });
    // A link is made only if the name is free, so of several processes one succeeds.
    let linked = written.and_then(|()| std::fs::hard_link(&temporary, directory.join(name)));
    let removed = std::fs::remove_file(&temporary);
    match linked {
        Ok(()) => removed.map(|()| true),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::load::{Leniency, load};
    use crate::keys::{Key, KeyMaterial};

    #[test]
    fn new_keys_sign_and_differ() {
        for algorithm in [Algorithm::EdDSA, Algorithm::ES256] {
            let keys = [0, 1].map(|_| {
                let pem = new_private_key(algorithm).unwrap();
                load(&Key::private_pem(algorithm, pem.as_str()), Leniency::default()).unwrap()
            });
            assert!(keys[0].can_sign() && !keys[0].same_material(&keys[1]));
        }
        assert!(new_private_key(Algorithm::RS256).is_none());
        let _ = KeyMaterial::ephemeral();
    }
}
