//! The AWS-LC backend and the jsonwebtoken backend accept the same signatures.

use jsonwebtoken::jwk::EllipticCurve;
use proptest::prelude::*;
use zeroize::Zeroizing;

use super::{LONGEST_SIGNATURE, aws_lc, per_thread, utils};
use crate::keys::pem::{Half, Pem};
use crate::keys::{Algorithm, Family};

/// Every algorithm that both have.
const ALL: [Algorithm; 12] = [
    Algorithm::HS256,
    Algorithm::HS384,
    Algorithm::HS512,
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

struct Both {
    verifiers: (aws_lc::Verifier, per_thread::Verifier),
    signers: (aws_lc::Signer, per_thread::Signer),
    len: usize,
}

fn both(algorithm: Algorithm) -> Option<Both> {
    use aws_lc as ours;
    use per_thread as theirs;
    let (verifiers, der, len) = match algorithm.family() {
        Family::Hmac => {
            let secret = [7; 64];
            return Some(Both {
                verifiers: (
                    ours::Verifier::secret(algorithm, &secret)?,
                    theirs::Verifier::secret(algorithm, &secret)?,
                ),
                signers: (
                    ours::Signer::secret(algorithm, &secret)?,
                    theirs::Signer::secret(algorithm, &secret)?,
                ),
                len: algorithm.size(),
            });
        }
        Family::Rsa => {
            let der = private(include_bytes!("../../../../tests/keys/rsa.pem"));
            let (n, e) = (utils().rsa_pub_components_from_private_key)(&der).ok()?;
            let verifiers = (
                ours::Verifier::rsa(algorithm, &n, &e)?,
                theirs::Verifier::rsa(algorithm, &n, &e)?,
            );
            (verifiers, der, n.len())
        }
        family => {
            let (der, point) = if family == Family::Ec {
                let der = private(match algorithm {
                    Algorithm::ES256 => include_bytes!("../../../../tests/keys/p256.pem"),
                    _ => include_bytes!("../../../../tests/keys/p384.pem"),
                });
                let point = ours::public_point(algorithm, &der)?;
                (der, point)
            } else {
                let der = private(include_bytes!("../../../../tests/keys/ed.pem"));
                let public = utils().ed_pub_components_from_private_key;
                let x = public(&der, &EllipticCurve::Ed25519).ok()?;
                (der, x)
            };
            let verifiers = (
                ours::Verifier::point(algorithm, &point)?,
                theirs::Verifier::point(algorithm, &point)?,
            );
            (verifiers, der, 2 * algorithm.size())
        }
    };
    let signers =
        (ours::Signer::private(algorithm, &der)?, theirs::Signer::private(algorithm, &der)?);
    Some(Both { verifiers, signers, len })
}

fn private(pem: &[u8]) -> Zeroizing<Vec<u8>> {
    let Ok(pem) = Pem::parse(pem, &[Half::Private]) else { panic!("no private key") };
    pem.content
}

proptest! {
    #[test]
    fn both_backends_accept_the_same_signatures(
        algorithm in prop::sample::select(&ALL[..]),
        message in prop::collection::vec(any::<u8>(), 0..600),
        by_ours in any::<bool>(),
        flip in prop::option::of(any::<prop::sample::Index>()),
        end in prop_oneof![3 => Just(0_isize), 1 => -3_isize..3],
        other_message in prop::bool::weighted(0.2),
    ) {
        let at = ALL.iter().position(|known| *known == algorithm).unwrap();
        thread_local!(static KEYS: Vec<Both> = ALL.iter().map(|algorithm| both(*algorithm).unwrap()).collect());
        KEYS.with(|keys| {
            let keys = &keys[at];
            let mut buffer = [0; LONGEST_SIGNATURE];
            let into = &mut buffer[..keys.len];
            let is_signed = if by_ours {
                keys.signers.0.sign(&message, into)
            } else {
                keys.signers.1.sign(&message, into)
            };
            prop_assert!(is_signed);
            if let Some(bit) = &flip {
                let bit = bit.index(keys.len * 8);
                buffer[bit / 8] ^= 1 << (bit % 8);
            }
            let signature = &buffer[..keys.len.saturating_add_signed(end)];
            let mut message = message.clone();
            if other_message {
                message.push(0);
            }
            let ours = keys.verifiers.0.verify(&message, signature);
            prop_assert_eq!(ours, keys.verifiers.1.verify(&message, signature));
            prop_assert_eq!(ours, flip.is_none() && end == 0 && !other_message);
            Ok(())
        })?;
    }
}

#[test]
fn aws_lc_refuses_what_is_not_a_key_of_the_algorithm() {
    for algorithm in [Algorithm::ES256, Algorithm::ES384] {
        let mut off_curve = vec![0x55; 1 + 2 * algorithm.size()];
        off_curve[0] = 4;
        assert!(aws_lc::Verifier::point(algorithm, &off_curve).is_none(), "{algorithm}");
    }
    for algorithm in ALL {
        assert!(aws_lc::Signer::private(algorithm, b"not a key").is_none(), "{algorithm}");
        if algorithm.family() != Family::Hmac {
            assert!(aws_lc::Verifier::secret(algorithm, &[7; 64]).is_none());
            assert!(aws_lc::Signer::secret(algorithm, &[7; 64]).is_none());
        }
        if algorithm.family() != Family::Rsa {
            assert!(aws_lc::Verifier::rsa(algorithm, &[0xff; 256], &[1, 0, 1]).is_none());
        }
    }
}

#[cfg(feature = "rust_crypto")]
#[test]
fn one_backend_decrypts_what_the_other_encrypted() {
    let key = b"a key-encryption key of 32 bytes";
    let ours = aws_lc::Cipher::new(key).unwrap();
    let theirs = super::aes::Cipher::new(key).unwrap();
    let sealed = ours.seal(b"a private key", b"its id").unwrap();
    assert_eq!(&**theirs.open(&sealed, b"its id").unwrap(), b"a private key");
    assert!(theirs.open(&sealed, b"another id").is_none());
    let sealed = theirs.seal(b"a private key", b"its id").unwrap();
    assert_eq!(&**ours.open(&sealed, b"its id").unwrap(), b"a private key");
    assert!(ours.open(&sealed, b"another id").is_none());
}
