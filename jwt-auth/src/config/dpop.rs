//! The option for nonces of DPoP: texts of this service that a proof must contain (RFC 9449 §8).

use std::fmt;
use std::time::Duration;

use crate::base64url;
use crate::config::{Config, ConfigProblem};
use crate::keys::{Algorithm, Key, KeyMaterial, LONGEST_SIGNATURE, Leniency, LoadedKey, load};
use crate::secret::same_bytes;

/// A nonce is dated by the slot in which it was created.
const SLOT: Duration = Duration::from_secs(150);
/// Bytes of the slot, then of its HMAC.
const LENGTHS: (usize, usize) = (8, 16);

/// # DPoP
///
/// See [the chapter on DPoP](crate::guide::dpop).
impl Config {
    /// Requires in each proof of DPoP a nonce that this service has created in the last minutes (RFC 9449 §8).
    ///
    /// Default: no nonces; the `iat` of a proof may be 60 seconds old, so the clock of each client must be right. With nonces
    /// the clocks of clients do not matter, and no proof can be made in advance. A request without a current nonce gets a 401
    /// with the error `use_dpop_nonce` and one in the header `DPoP-Nonce`; clients of DPoP then repeat the request.
    ///
    /// The nodes of a service need the same secret, of at least 32 bytes. No node remembers a nonce: it is a time with its
    /// HMAC, and is valid for 2.5 to 5 minutes.
    ///
    /// ```
    /// use jwt_auth::{Config, KeyMaterial};
    ///
    /// let config = Config::hs256(KeyMaterial::ephemeral())
    ///     .resource("https://api.example")
    ///     .dpop_nonces(KeyMaterial::ephemeral()); // `KeyMaterial::env("DPOP_NONCE_SECRET")` for several nodes
    /// assert!(config.build().is_ok());
    /// ```
    pub fn dpop_nonces(mut self, secret: KeyMaterial) -> Self {
        self.web.dpop_nonces = Some(secret);
        self
    }
}

/// Creates nonces, and checks them.
pub(crate) struct DpopNonces(LoadedKey);

impl DpopNonces {
    /// The time after which no nonce is valid, even on a node whose clock is a slot behind.
    pub(crate) const LIFE: Duration = Duration::from_secs(3 * SLOT.as_secs());

    pub(super) fn parse(secret: KeyMaterial, problems: &mut Vec<ConfigProblem>) -> Option<Self> {
        match load(&Key::secret(Algorithm::HS256, secret), Leniency::default()) {
            Ok(key) => Some(Self(key)),
            Err(problem) => {
                problems.push(ConfigProblem::new("dpop_nonces", problem.rule, problem.fix));
                None
            }
        }
    }

    /// The nonce of a slot.
    fn of_slot(&self, slot: u64) -> Option<String> {
        let slot = slot.to_be_bytes();
        let message = [b"dpop-nonce ".as_slice(), &slot].concat();
        let mut mac = [0; LONGEST_SIGNATURE];
        let len = self.0.sign(&message, &mut mac)?;
        let mut text = String::new();
        let bytes = [slot.as_slice(), mac[..len].get(..LENGTHS.1)?].concat();
        base64url::encode(&bytes, &mut text);
        Some(text)
    }

    /// The nonce for requests from now on.
    pub(crate) fn current(&self, now: Duration) -> Option<String> {
        self.of_slot(now.as_secs() / SLOT.as_secs())
    }

    /// Whether the nonce is of this slot, of the one before, or of the next one, if another node is ahead.
    pub(crate) fn is_current(&self, nonce: &str, now: Duration) -> bool {
        let slot = now.as_secs() / SLOT.as_secs();
        [slot, slot.saturating_sub(1), slot + 1].into_iter().any(|slot| {
            self.of_slot(slot)
                .is_some_and(|of_slot| same_bytes(of_slot.as_bytes(), nonce.as_bytes()))
        })
    }
}

impl fmt::Debug for DpopNonces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DpopNonces")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nonces(secret: &str) -> DpopNonces {
        DpopNonces::parse(secret.into(), &mut Vec::new()).expect("a secret")
    }

    #[test]
    fn a_nonce_is_valid_for_minutes_on_every_node_with_the_secret() {
        let at = Duration::from_secs;
        let secret = "one secret of thirty-two bytes!!";
        let (one, same) = (nonces(secret), nonces(secret));
        let other = nonces("another secret of 32 bytes, yes!");
        let nonce = one.current(at(15_000)).unwrap();
        assert_eq!(nonce.len(), 32);
        for time in [14_850, 15_000, 15_149, 15_150, 15_299] {
            assert!(same.is_current(&nonce, at(time)), "{time}");
            assert!(!other.is_current(&nonce, at(time)), "{time}");
        }
        for time in [0, 14_849, 15_300, 100_000] {
            assert!(!one.is_current(&nonce, at(time)), "{time}");
        }
        for bad in ["", "x", &nonce[1..], &format!("{nonce}A"), &"A".repeat(32)] {
            assert!(!one.is_current(bad, at(15_000)), "{bad}");
        }
    }

    #[test]
    fn a_short_secret_is_a_problem_of_the_configuration() {
        let mut problems = Vec::new();
        assert!(DpopNonces::parse("short".into(), &mut problems).is_none());
        assert_eq!(problems[0].field(), "dpop_nonces");
    }
}
