//! What a key of the ring does at a time.

use std::fmt;

/// What a key does now. Every process derives it from its clock and the times of the key.
///
/// ```text
/// pending -> signing -> retired -> gone      revoked, from any state
/// ```
///
/// ```
/// use jwt_auth::keys::KeyState;
/// use jwt_auth::{Config, KeyMaterial};
///
/// let auth = Config::hs256(KeyMaterial::ephemeral()).build()?;
/// assert_eq!(auth.keys().list()[0].state(), KeyState::Signing);
/// # Ok::<(), jwt_auth::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyState {
    /// It is published and verifies, and will sign later.
    Pending,
    /// It signs, and verifies.
    Signing,
    /// It verifies, and signs nothing that does not name it.
    Retired,
    /// Every token that it signed has expired. It does not verify.
    Gone,
    /// [`revoke_key`](crate::JwtAuth::revoke_key) named it, or a file `*.revoked` of its directory. It neither signs nor
    /// verifies.
    Revoked,
}

impl fmt::Display for KeyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pending => "pending",
            Self::Signing => "signing",
            Self::Retired => "retired",
            Self::Gone => "gone",
            Self::Revoked => "revoked",
        })
    }
}
