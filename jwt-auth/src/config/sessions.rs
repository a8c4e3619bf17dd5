//! Options of sessions: how long they last, how refresh tokens rotate, which store remembers them.

use std::sync::Arc;
use std::time::Duration;

use crate::config::Config;
use crate::session::RevocationStore;

/// # Sessions
///
/// A log-in starts a session. Each refresh rotates its refresh token; log-out, reuse or its end revoke it.
impl Config {
    /// How long a session lasts at most, however often it is refreshed.
    ///
    /// Default: 90 days; then the user logs in again.
    ///
    /// ```
    /// # use jwt_auth::Config;
    /// # use std::time::Duration;
    /// # let config = || Config::hs256([7; 32]);
    /// assert!(config().session_expires(Duration::from_secs(365 * 86_400)).build().is_ok());
    /// assert!(config().session_expires(Duration::ZERO).build().is_err());
    /// ```
    pub fn session_expires(mut self, life: Duration) -> Self {
        self.rules.session_expires = life;
        self
    }

    /// For how long a rotated refresh token gets the same successor again.
    ///
    /// Only the token that was just rotated gets it. Default: 10 seconds, so that two tabs which refresh at the
    /// same time both stay logged in. Zero turns it off; at most 5 minutes.
    ///
    /// ```
    /// # use jwt_auth::Config;
    /// # use std::time::Duration;
    /// # let config = || Config::hs256([7; 32]);
    /// assert!(config().refresh_grace(Duration::ZERO).build().is_ok(), "off");
    /// assert!(config().refresh_grace(Duration::from_secs(301)).build().is_err());
    /// ```
    pub fn refresh_grace(mut self, grace: Duration) -> Self {
        self.rules.refresh_grace = grace;
        self
    }

    /// The store of revocations and sessions.
    ///
    /// Default: a [`MemoryStore`](crate::MemoryStore), which serves one process and forgets everything at a
    /// restart.
    ///
    /// ```
    /// use jwt_auth::{Config, MemoryStore};
    ///
    /// assert!(Config::hs256([7; 32]).revocation(MemoryStore::new()).build().is_ok());
    /// ```
    pub fn revocation(mut self, store: impl RevocationStore) -> Self {
        self.store = Some(Arc::new(store));
        self
    }
}
