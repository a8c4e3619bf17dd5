//! Properties of tokens over random cases. `PROPTEST_CASES` sets their number, 10 000 in a full run.

mod bit_flips;
mod cache_agreement;
mod round_trips;
mod rules;
mod sessions;
mod times;

use jwt_auth::{Algorithm, AuthErrorKind, Config, JwtAuth, Key, KeyRing, ManualClock};
use tests::NOW;

/// A key pair of the tests, in PEM.
fn pem(algorithm: Algorithm) -> (&'static str, &'static str) {
    match algorithm {
        Algorithm::ES256 => {
            (include_str!("../keys/p256.pem"), include_str!("../keys/p256.pub.pem"))
        }
        Algorithm::ES384 => {
            (include_str!("../keys/p384.pem"), include_str!("../keys/p384.pub.pem"))
        }
        Algorithm::ES512 => {
            (include_str!("../keys/p521.pem"), include_str!("../keys/p521.pub.pem"))
        }
        Algorithm::EdDSA => (include_str!("../keys/ed.pem"), include_str!("../keys/ed.pub.pem")),
        _ => (include_str!("../keys/rsa.pem"), include_str!("../keys/rsa.pub.pem")),
    }
}

/// In the order of the enum, which is their index.
const ALL: [Algorithm; 13] = [
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
    Algorithm::ES512,
    Algorithm::EdDSA,
];

/// A configuration with a key of the algorithm, whose clock is at [`NOW`].
fn config_for(algorithm: Algorithm) -> (Config, ManualClock) {
    let clock = ManualClock::at(NOW);
    let key = match algorithm {
        Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => {
            Key::secret(algorithm, jwt_auth::KeyMaterial::ephemeral())
        }
        _ => {
            let (private, public) = pem(algorithm);
            Key::pem_pair(algorithm, private, public)
        }
    };
    (Config::with_keys(KeyRing::new(key)).clock(clock.clone()), clock)
}

/// The subject of an access token, or why the token is refused.
fn verdict(auth: &JwtAuth, token: &str) -> Result<String, AuthErrorKind> {
    match tests::run_ready(auth.verify_access(token)) {
        Ok(token) => Ok(token.subject().to_owned()),
        Err(error) => Err(error.kind()),
    }
}
