//! The state of a store, for readiness probes and dashboards.

use std::time::Duration;

/// The state of a store, as this process sees it.
///
/// Returned by [`JwtAuth::store_status`](crate::JwtAuth::store_status).
///
/// ```
/// let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
/// let status = auth.store_status();
/// assert!(status.is_fresh() && status.age().is_zero() && status.last_error().is_none());
/// # Ok::<(), jwt_auth::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct StoreStatus {
    is_fresh: bool,
    age: Duration,
    entries: Option<usize>,
    last_error: Option<String>,
}

impl StoreStatus {
    /// A store that answers every check.
    ///
    /// ```
    /// assert!(jwt_auth::session::StoreStatus::fresh().is_fresh());
    /// ```
    pub fn fresh() -> Self {
        Self { is_fresh: true, age: Duration::ZERO, entries: None, last_error: None }
    }

    /// A store that answers no check: its memory is too old.
    ///
    /// ```
    /// use jwt_auth::session::StoreStatus;
    /// assert!(!StoreStatus::stale("connection refused").is_fresh());
    /// ```
    pub fn stale(error: impl Into<String>) -> Self {
        Self { is_fresh: false, last_error: Some(error.into()), ..Self::fresh() }
    }

    /// The status with the age of the store's memory.
    ///
    /// ```
    /// use jwt_auth::session::StoreStatus;
    /// use std::time::Duration;
    ///
    /// let status = StoreStatus::fresh().with_age(Duration::from_millis(200));
    /// assert_eq!(status.age(), Duration::from_millis(200));
    /// ```
    pub fn with_age(mut self, age: Duration) -> Self {
        self.age = age;
        self
    }

    /// The status with the number of revocations in memory.
    ///
    /// ```
    /// use jwt_auth::session::StoreStatus;
    /// assert_eq!(StoreStatus::fresh().with_entries(7).entries(), Some(7));
    /// ```
    pub fn with_entries(mut self, entries: usize) -> Self {
        self.entries = Some(entries);
        self
    }

    /// The status with the error of the last call, if it failed.
    ///
    /// ```
    /// use jwt_auth::session::StoreStatus;
    /// let status = StoreStatus::fresh().with_last_error(Some("slow".to_owned()));
    /// assert_eq!(status.last_error(), Some("slow"));
    /// ```
    pub fn with_last_error(mut self, error: Option<String>) -> Self {
        self.last_error = error;
        self
    }

    /// Whether tokens are checked. If not, every request with a token is refused with 503.
    ///
    /// ```
    /// assert!(jwt_auth::session::StoreStatus::fresh().is_fresh());
    /// ```
    pub fn is_fresh(&self) -> bool {
        self.is_fresh
    }

    /// How old the memory is from which tokens are checked. Zero for a store without a replica.
    ///
    /// ```
    /// assert!(jwt_auth::session::StoreStatus::fresh().age().is_zero());
    /// ```
    pub fn age(&self) -> Duration {
        self.age
    }

    /// The number of revocations in memory, if the store counts them.
    ///
    /// ```
    /// assert_eq!(jwt_auth::session::StoreStatus::fresh().entries(), None);
    /// ```
    pub fn entries(&self) -> Option<usize> {
        self.entries
    }

    /// The error of the store's last call, if it failed. It contains no secret.
    ///
    /// ```
    /// assert_eq!(jwt_auth::session::StoreStatus::stale("down").last_error(), Some("down"));
    /// ```
    pub fn last_error(&self) -> Option<&str> {
        self.last_error.as_deref()
    }
}
