//! Properties of tokens over cases made by chance: `PROPTEST_CASES` says how many, 10 000 in a full run.

mod flips;
mod rules;
mod times;
mod together;
mod trips;

use jwt_auth::{Algorithm, AuthErrorKind, Config, JwtAuth, Key, KeyRing, ManualClock};
use tests::NOW;

/// A key pair of the tests' own, in PEM.
fn pem(algorithm: Algorithm) -> (&'static str, &'static str) {
    match algorithm {
        Algorithm::ES256 => {
            (include_str!("../keys/p256.pem"), include_str!("../keys/p256.pub.pem"))
        }
        Algorithm::ES384 => {
            (include_str!("../keys/p384.pem"), include_str!("../keys/p384.pub.pem"))
        }
        Algorithm::EdDSA => (include_str!("../keys/ed.pem"), include_str!("../keys/ed.pub.pem")),
        _ => (include_str!("../keys/rsa.pem"), include_str!("../keys/rsa.pub.pem")),
    }
}

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

/// A configuration of one algorithm whose clock stands at [`NOW`].
fn of(algorithm: Algorithm) -> (Config, ManualClock) {
    let clock = ManualClock::at(NOW);
    let key = match algorithm {
        Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => Key::secret(algorithm, [7; 64]),
        _ => {
            let (private, public) = pem(algorithm);
            Key::pem_pair(algorithm, private, public)
        }
    };
    (Config::with_keys(KeyRing::new(key)).clock(clock.clone()), clock)
}

/// What the verifier says of an access token: whose it is, or why not.
fn verdict(auth: &JwtAuth, token: &str) -> Result<String, AuthErrorKind> {
    match tests::now(auth.verify_access(token)) {
        Ok(token) => Ok(token.subject().to_owned()),
        Err(error) => Err(error.kind()),
    }
}
