//! Options of sessions: how long they last, how refresh tokens rotate, which store remembers them.

use std::sync::Arc;
use std::time::Duration;

use crate::config::Config;
use crate::session::RevocationStore;

/// # Sessions
///
/// A log-in starts a session, and each refresh rotates its refresh token. A log-out, the reuse of a refresh token
/// and the absolute end of the session end it.
impl Config {
    /// How long a session lasts at most, however often it is refreshed.
    ///
    /// Default: 90 days; then the user logs in again.
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial};
    /// # use std::time::Duration;
    /// # let config = || Config::hs256(KeyMaterial::ephemeral());
    /// assert!(config().session_expires(Duration::from_secs(365 * 86_400)).build().is_ok());
    /// assert!(config().session_expires(Duration::ZERO).build().is_err());
    /// ```
    pub fn session_expires(mut self, life: Duration) -> Self {
        self.rules.session_expires = life;
        self
    }

    /// How long a rotated refresh token gets the same successor again.
    ///
    /// Default: 10 seconds, so that two tabs that refresh at the same time both stay logged in. Zero turns the
    /// grace off; the maximum is 5 minutes. Only the token that was rotated last has it.
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial};
    /// # use std::time::Duration;
    /// # let config = || Config::hs256(KeyMaterial::ephemeral());
    /// assert!(config().refresh_grace(Duration::ZERO).build().is_ok(), "off");
    /// assert!(config().refresh_grace(Duration::from_secs(301)).build().is_err());
    /// ```
    pub fn refresh_grace(mut self, grace: Duration) -> Self {
        self.rules.refresh_grace = grace;
        self
    }

    /// How long a rotated refresh token gets the same successor again, while the successor was never used.
    ///
    /// Default: off. With it, a client whose answer was lost (a phone that lost its network in the middle of a refresh)
    /// can repeat the refresh after [`refresh_grace`](Self::refresh_grace) as well. It lets the holder of a stolen
    /// parent token obtain the same successor, so a reuse is detected later: when the owner and the thief both use the
    /// successor. The maximum is 30 days.
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial, ManualClock};
    /// # use std::time::Duration;
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// # let clock = ManualClock::at(1_700_000_000);
    /// let config = Config::hs256(KeyMaterial::ephemeral()).refresh_grace_until_used(Duration::from_secs(3600));
    /// # let auth = config.clock(clock.clone()).build()?;
    /// let pair = auth.log_in("alice").await?;
    /// let lost = auth.rotate(auth.verify_refresh(pair.refresh_token()).await?).await?;
    /// clock.advance(Duration::from_secs(1800));
    /// let again = auth.rotate(auth.verify_refresh(pair.refresh_token()).await?).await?;
    /// assert_eq!(again.refresh_token(), lost.refresh_token());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn refresh_grace_until_used(mut self, longest: Duration) -> Self {
        self.rules.grace_until_used = longest;
        self
    }

    /// How many sessions a subject may have at once.
    ///
    /// When a log-in exceeds the number, the least recently used session ends. Default: 100, so that a client that
    /// logs in without ever logging out does not fill the store. The maximum is 10 000.
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial};
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let auth = Config::hs256(KeyMaterial::ephemeral()).max_sessions_per_subject(2).build()?;
    /// for device in ["phone", "laptop", "tablet"] {
    ///     auth.log_in("alice").device(device).await?;
    /// }
    /// assert_eq!(auth.sessions("alice").await?.len(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn max_sessions_per_subject(mut self, sessions: usize) -> Self {
        self.rules.max_sessions = sessions;
        self
    }

    /// How long a call to the store may take.
    ///
    /// A store that has not answered by then is treated as failed, and the request is refused with 503. Requests
    /// that are checked from memory do not wait for the store. Default: 250 milliseconds, because a client waits
    /// for it. The maximum is 10 seconds.
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial};
    /// # use std::time::Duration;
    /// # let config = || Config::hs256(KeyMaterial::ephemeral());
    /// assert!(config().store_deadline(Duration::from_secs(1)).build().is_ok());
    /// assert!(config().store_deadline(Duration::ZERO).build().is_err());
    /// ```
    pub fn store_deadline(mut self, deadline: Duration) -> Self {
        self.rules.store_deadline = deadline;
        self
    }

    /// How long a call to your [`denylist`](Self::denylist) may take.
    ///
    /// A denylist that has not answered by then is treated as failed, and the request is refused with 503.
    /// Default: 250 milliseconds, because every request with a token waits for it. The maximum is 10 seconds.
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial};
    /// # use std::time::Duration;
    /// # let config = || Config::hs256(KeyMaterial::ephemeral());
    /// assert!(config().denylist_deadline(Duration::from_millis(500)).build().is_ok());
    /// assert!(config().denylist_deadline(Duration::from_secs(11)).build().is_err());
    /// ```
    pub fn denylist_deadline(mut self, deadline: Duration) -> Self {
        self.rules.denylist_deadline = deadline;
        self
    }

    /// How long any other function of yours may take: [`grants`](Self::grants),
    /// [`additional_claims`](Self::additional_claims), [`additional_headers`](Self::additional_headers), a
    /// [`LoadUser`](crate::LoadUser) and a `check = …`.
    ///
    /// One that has not finished by then is treated as failed, and the request is refused with 503, and so is one that
    /// panics. Either is logged, and takes down no other request. Default: 5 seconds, because they query databases. The
    /// maximum is 10 seconds.
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial};
    /// # use std::time::Duration;
    /// # let config = || Config::hs256(KeyMaterial::ephemeral());
    /// assert!(config().hook_deadline(Duration::from_secs(1)).build().is_ok());
    /// assert!(config().hook_deadline(Duration::from_secs(11)).build().is_err());
    /// ```
    pub fn hook_deadline(mut self, deadline: Duration) -> Self {
        self.rules.hook_deadline = deadline;
        self
    }

    /// The store of revocations and sessions.
    ///
    /// Default: a [`MemoryStore`](crate::MemoryStore), which is for one process and loses everything at a restart.
    ///
    /// ```
    /// use jwt_auth::{Config, KeyMaterial, MemoryStore};
    ///
    /// assert!(Config::hs256(KeyMaterial::ephemeral()).revocation(MemoryStore::new()).build().is_ok());
    /// ```
    pub fn revocation(mut self, store: impl RevocationStore) -> Self {
        self.store = Some(Arc::new(store));
        self
    }
}
