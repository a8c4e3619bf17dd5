//! The trait for logs, which shared stores implement for their engines.

use std::future::{Future, ready};
use std::time::{Duration, SystemTime};

use crate::session::log::{Batch, Decision, Found, Registration, Row};
use crate::session::{NewSession, Revocation, RotationRequest, Session, SharedKeys, StoreError};

/// How often a log is read if nothing wakes the reader earlier: 250 milliseconds.
pub const HEARTBEAT: Duration = Duration::from_millis(250);

/// A shared store, as a log of revocations and a table of sessions.
///
/// Every call returns when what it wrote is durable. The rules of sessions are those of [`decide`](super::decide) and
/// [`Ending`](super::Ending), or of a whole [`Ledger`](super::Ledger). The chapter
/// [stores](crate::guide::stores#a-store-for-another-engine) has an example, and `testing::store_conformance` (feature
/// `testing`) tests it.
///
/// ```
/// use jwt_auth::session::log::{Log, LogOptions, ReplicatedStore};
/// use jwt_auth::{Config, JwtAuth};
///
/// async fn start(log: impl Log) -> Result<JwtAuth, Box<dyn std::error::Error>> {
///     let store = ReplicatedStore::start(log, LogOptions::default()).await?;
///     Ok(Config::from_env().revocation(store).build()?)
/// }
/// ```
pub trait Log: Send + Sync + 'static {
    /// The position of a reader.
    type Cursor: Clone + Send + Sync + 'static;

    /// Everything written since the cursor, at least once. For a reader without a cursor, or with one that is too
    /// old: every row in force.
    ///
    /// An answer, also an empty one, states in [`Batch::as_of`] up to which time the reader has seen everything. A server
    /// that may be behind another one must not answer, unless [`Heartbeats`](super::Heartbeats) prove that time.
    fn read(
        &self,
        after: Option<Self::Cursor>,
    ) -> impl Future<Output = Result<Batch<Self::Cursor>, StoreError>> + Send;

    /// Writes a row, or combines it with the one of the same key.
    fn append(
        &self,
        row: &Row,
        now: SystemTime,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Deletes the sessions that the revocation covers, and writes its row, in one atomic step. Returns what was
    /// written.
    fn revoke(
        &self,
        revocation: &Revocation<'_>,
        now: SystemTime,
    ) -> impl Future<Output = Result<Row, StoreError>> + Send;

    /// The rows of these keys that exist, and whether the session does.
    fn find(
        &self,
        keys: Vec<String>,
        session: Option<&str>,
    ) -> impl Future<Output = Result<Found, StoreError>> + Send;

    /// Runs [`decide`](super::decide) in one atomic step, and ends the session after a reuse.
    fn rotate(
        &self,
        request: &RotationRequest<'_>,
    ) -> impl Future<Output = Result<Decision, StoreError>> + Send;

    /// Remembers a session, gives it a start stamp, and ends the least recently used ones beyond its limit.
    ///
    /// The session starts after every epoch that was written before.
    fn register(
        &self,
        session: &NewSession<'_>,
    ) -> impl Future<Output = Result<Registration, StoreError>> + Send;

    /// The sessions of a subject that neither ended nor expired, the most recently used first.
    fn sessions(
        &self,
        subject: &str,
        now: SystemTime,
    ) -> impl Future<Output = Result<Vec<Session>, StoreError>> + Send;

    /// Raises the longest life of an access token, which [`Ending`](super::Ending) needs.
    fn remember_access_life(
        &self,
        life: Duration,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// The document of the keys that all nodes share; version 0 if there is none yet.
    ///
    /// Default: an error, for a log without room for keys.
    fn shared_keys(&self) -> impl Future<Output = Result<SharedKeys, StoreError>> + Send {
        ready(Err(StoreError::without_keys()))
    }

    /// Replaces that document in one atomic step, if its version is still this one, and returns whether it did.
    ///
    /// Default: an error, for a log without room for keys.
    fn replace_shared_keys(
        &self,
        version: u64,
        document: &str,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        let _ = (version, document);
        ready(Err(StoreError::without_keys()))
    }

    /// Remembers an id for that long by the store's own clock, in one atomic step, and returns whether it was not known
    /// before.
    ///
    /// Default: an error, for a log without room for ids.
    fn use_once(
        &self,
        id: &str,
        life: Duration,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        let _ = (id, life);
        ready(Err(StoreError::without_used_ids()))
    }

    /// Deletes rows and sessions that expired by the store's own clock, in small batches, and returns how many.
    fn prune(&self) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Returns when there may be new rows, or after [`HEARTBEAT`].
    fn wait_for_news(&self) -> impl Future<Output = Result<(), StoreError>> + Send {
        async {
            tokio::time::sleep(HEARTBEAT).await;
            Ok(())
        }
    }
}
