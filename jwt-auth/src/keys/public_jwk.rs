//! Loads the public key of one JWK from outside (RFC 7517 §4).

use crate::json::{self, Value};
use crate::keys::load::{self, Leniency};
use crate::keys::{Algorithm, Family, Key, LoadedKey};

/// The members of private keys and of secrets (RFC 7518 §6.2.2, §6.3.2 and §6.4.1).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// The key of a JWK. An RSA key that names no algorithm gets the given one; other keys have that of their curve.
pub(super) fn key_of(jwk: &str, algorithm: Algorithm) -> Key {
    if names_no_algorithm(jwk) {
        Key::jwk(format!("{{\"alg\":\"{}\",{}", algorithm.name(), &jwk[1..]))
    } else {
        Key::jwk(jwk)
    }
}

/// The public key of a JWK, for this algorithm. `None` for a secret, for a JWK that contains the private half, and for a key
/// that breaks a rule of its algorithm.
pub(crate) fn public_jwk(jwk: &str, algorithm: Algorithm) -> Option<LoadedKey> {
    if algorithm.family() == Family::Hmac || has_private_member(jwk) {
        return None;
    }
    let key = load::load(&key_of(jwk, algorithm), Leniency::default()).ok()?;
    (key.algorithm == algorithm).then_some(key)
}

fn has_private_member(jwk: &str) -> bool {
    let mut found = false;
    let read = json::object(jwk, |name, _, _| {
        found |= PRIVATE.contains(&name);
        Ok(())
    });
    read.is_err() || found
}

/// Whether a JWK is an RSA key without `alg`.
fn names_no_algorithm(jwk: &str) -> bool {
    let (mut is_rsa, mut has_algorithm) = (false, false);
    let read = json::object(jwk, |name, value, _| {
        match (name, value) {
            ("kty", Value::String(kty)) => is_rsa = kty.value() == "RSA",
            ("alg", _) => has_algorithm = true,
            _ => {}
        }
        Ok(())
    });
    read.is_ok() && is_rsa && !has_algorithm
}
