//! Time as a parameter: the source of "now", and a clock that tests can set.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The source of the current time.
///
/// Every rule about time (`exp`, `nbf`, `iat`, `max_age`, the grace of a rotation) reads the configured
/// clock, so a test sets the time instead of sleeping. Default: the clock of the operating system.
///
/// ```
/// use jwt_auth::{Clock, ManualClock};
/// use std::time::{Duration, UNIX_EPOCH};
///
/// let clock = ManualClock::at(1_700_000_000);
/// clock.advance(Duration::from_secs(60));
/// assert_eq!(clock.now(), UNIX_EPOCH + Duration::from_secs(1_700_000_060));
/// ```
pub trait Clock: Send + Sync + 'static {
    /// The current time.
    fn now(&self) -> SystemTime;
}

impl<T: Clock + ?Sized> Clock for Arc<T> {
    fn now(&self) -> SystemTime {
        (**self).now()
    }
}

/// The time since 1970; zero for an earlier time.
pub(crate) fn since_1970(time: SystemTime) -> Duration {
    time.duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// The clock of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "the only reader of the system clock")]
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// A clock for tests: only `advance` and `set` change its time.
///
/// Clones share one time.
///
/// ```
/// use jwt_auth::{Config, KeyMaterial, ManualClock};
/// use std::time::Duration;
///
/// let clock = ManualClock::at(1_700_000_000);
/// let auth = Config::hs256(KeyMaterial::ephemeral()).clock(clock.clone()).build()?;
/// clock.advance(Duration::from_secs(3600)); // `auth` is now an hour later
/// # drop(auth);
/// # Ok::<(), jwt_auth::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct ManualClock(Arc<Mutex<SystemTime>>);

impl ManualClock {
    /// A clock that shows the given time.
    ///
    /// ```
    /// # use jwt_auth::{Clock as _, ManualClock};
    /// # use std::time::UNIX_EPOCH;
    /// assert_eq!(ManualClock::new(UNIX_EPOCH).now(), UNIX_EPOCH);
    /// ```
    pub fn new(now: SystemTime) -> Self {
        Self(Arc::new(Mutex::new(now)))
    }

    /// A clock that shows the given number of seconds since 1970-01-01T00:00:00Z.
    ///
    /// ```
    /// # use jwt_auth::{Clock as _, ManualClock};
    /// # use std::time::{Duration, UNIX_EPOCH};
    /// let clock = ManualClock::at(1_700_000_000); // 2023-11-14T22:13:20Z
    /// assert_eq!(clock.now(), UNIX_EPOCH + Duration::from_secs(1_700_000_000));
    /// ```
    pub fn at(unix_seconds: u64) -> Self {
        Self::new(UNIX_EPOCH + Duration::from_secs(unix_seconds))
    }

    /// Moves the clock forward.
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial, ManualClock};
    /// # use std::time::Duration;
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// # let clock = ManualClock::at(1_700_000_000);
    /// # let auth = Config::hs256(KeyMaterial::ephemeral()).clock(clock.clone()).build()?;
    /// let token = auth.access_token("alice").issue()?;
    /// assert!(auth.verify_access(&token).await.is_ok());
    /// clock.advance(Duration::from_secs(15 * 60)); // the default lifetime
    /// assert!(auth.verify_access(&token).await.is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn advance(&self, by: Duration) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *now = now.checked_add(by).unwrap_or(*now);
    }

    /// Sets the clock, forward or back.
    ///
    /// ```
    /// # use jwt_auth::{AuthErrorKind, Config, KeyMaterial, ManualClock};
    /// # use std::time::UNIX_EPOCH;
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// # let clock = ManualClock::at(1_700_000_000);
    /// # let auth = Config::hs256(KeyMaterial::ephemeral()).clock(clock.clone()).build()?;
    /// let token = auth.access_token("alice").issue()?;
    /// clock.set(UNIX_EPOCH);
    /// let error = auth.verify_access(&token).await.unwrap_err();
    /// assert_eq!(error.kind(), AuthErrorKind::NotYetValid);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn set(&self, now: SystemTime) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> SystemTime {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ManualClock").field(&self.now()).finish()
    }
}

/// The time since 1970, as in claims. A clock before 1970 reads as the end of time, so that all tokens are expired
/// instead of none.
pub(crate) fn since_epoch(clock: &dyn Clock) -> Duration {
    clock.now().duration_since(UNIX_EPOCH).unwrap_or(Duration::MAX)
}

/// The inverse of [`since_epoch`], for the public accessors.
pub(crate) fn to_system_time(since_epoch: Duration) -> SystemTime {
    UNIX_EPOCH.checked_add(since_epoch).unwrap_or(UNIX_EPOCH)
}

/// A hundred years: the longest lifetime of a token, and of a record that must outlive every token.
pub(crate) const HUNDRED_YEARS: Duration = Duration::from_secs(36_500 * 86_400);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_before_1970_expires_every_token() {
        let clock = ManualClock::new(UNIX_EPOCH - Duration::from_secs(1));
        assert_eq!(since_epoch(&clock), Duration::MAX);
    }

    #[test]
    fn clones_share_one_time() {
        let clock = ManualClock::at(10);
        clock.clone().advance(Duration::from_secs(5));
        assert_eq!(since_epoch(&clock), Duration::from_secs(15));
    }
}
