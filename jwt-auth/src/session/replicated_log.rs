//! A shared store behind a replica: checks are answered from memory, and a task reads the store's log.
//!
//! Reading the log is also the node's heartbeat. Each answer, empty or not, proves that the replica contains
//! everything written before the read was sent. The age of the last answered read is the age of the replica.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::clock::{Clock as _, SystemClock};
use crate::session::erased_store::BoxFuture;
use crate::session::record::{Record, RecordKey, Second, second};
use crate::session::replica::Replica;
use crate::session::{
    NewSession, Revocation, RotationOutcome, RotationRequest, Session, StoreError, TokenIdentity,
    TokenStatus,
};

/// How often the log is read if nothing wakes the node earlier.
pub(super) const HEARTBEAT: Duration = Duration::from_millis(250);
/// A read that takes longer is abandoned and repeated. The first read may return a million rows; each of its
/// commands has a shorter timeout.
const READ_DEADLINE: Duration = Duration::from_secs(60);
/// How often expired rows are deleted.
const PRUNE_EVERY: Duration = Duration::from_secs(60);
/// The default of `max_staleness`.
pub(super) const MAX_STALENESS: Duration = Duration::from_secs(5);

/// A row of the log: the text of its key, the epoch, the end.
pub(super) type Row = (String, Second, Second);

/// What one read of a log returns: rows, and where to continue.
pub(super) struct Batch<C> {
    pub(super) rows: Vec<Row>,
    pub(super) cursor: C,
}

/// A shared store, as its log.
pub(super) trait Log: Send + Sync + 'static {
    /// The position of a reader.
    type Cursor: Clone + Send + Sync + 'static;

    /// Everything written since the cursor, at least once. For a reader without a cursor, or with one that is too
    /// old: every row in force.
    fn read(&self, after: Option<Self::Cursor>) -> BoxFuture<'_, Batch<Self::Cursor>>;

    /// Writes a record. If one of the same key exists, the later epoch and the later end of the two are stored.
    /// The record is durable when the future resolves.
    fn append<'a>(&'a self, record: &'a Record, now: SystemTime) -> BoxFuture<'a, ()>;

    /// The rows of these keys that exist.
    fn find(&self, keys: Vec<String>) -> BoxFuture<'_, Vec<Row>>;

    /// Runs [`decide`](super::rotation::decide) in one atomic step, and writes the revocation that a reuse requires.
    fn rotate<'a>(&'a self, request: &'a RotationRequest<'a>) -> BoxFuture<'a, RotationOutcome>;

    /// Remembers a session.
    fn register<'a>(&'a self, session: &'a NewSession<'a>) -> BoxFuture<'a, ()>;

    /// The sessions of a subject that have not ended, the most recently used first. Revoked ones may be among
    /// them.
    fn sessions<'a>(&'a self, subject: &'a str, now: SystemTime) -> BoxFuture<'a, Vec<Session>>;

    /// Deletes expired rows in small batches.
    fn prune(&self, now: SystemTime) -> BoxFuture<'_, u64>;

    /// Returns when there may be new rows, or after [`HEARTBEAT`].
    fn wait_for_news(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            tokio::time::sleep(HEARTBEAT).await;
            Ok(())
        })
    }
}

/// The replica, the log behind it, and the task that copies one to the other.
pub(super) struct ReplicatedLog<L: Log> {
    shared: Arc<Shared<L>>,
    reader: JoinHandle<()>,
}

struct Shared<L> {
    log: L,
    replica: Replica,
    started: Instant,
    /// When the last answered read was sent, in milliseconds since the start.
    fresh: AtomicU64,
    /// The last time read from the configured clock, in seconds. It decides what has expired.
    now: AtomicU64,
    max_staleness: Duration,
    serve_stale: bool,
    warned: AtomicBool,
}

impl<L: Log> ReplicatedLog<L> {
    /// Reads the whole log, then starts the reader task.
    pub(super) async fn start(
        log: L,
        max_staleness: Duration,
        serve_stale: bool,
    ) -> Result<Self, StoreError> {
        let shared = Arc::new(Shared {
            log,
            replica: Replica::new(),
            started: Instant::now(),
            fresh: AtomicU64::new(0),
            now: AtomicU64::new(0),
            max_staleness,
            serve_stale,
            warned: AtomicBool::new(false),
        });
        let cursor = shared.read(None).await?;
        let reader = tokio::spawn(Arc::clone(&shared).follow(cursor));
        Ok(Self { shared, reader })
    }

    pub(super) fn check(
        &self,
        token: &TokenIdentity<'_>,
        now: SystemTime,
    ) -> Result<TokenStatus, StoreError> {
        let shared = &*self.shared;
        shared.observe_clock(now);
        let stale = shared.staleness();
        if stale > shared.max_staleness && !shared.serve_stale {
            return Err(StoreError::new(format_args!(
                "the log was last read {} ms ago",
                stale.as_millis()
            )));
        }
        Ok(shared.replica.check(token, second(now)))
    }

    pub(super) async fn check_strict(
        &self,
        token: &TokenIdentity<'_>,
        now: SystemTime,
    ) -> Result<TokenStatus, StoreError> {
        let keys = RecordKey::that_cover(token).iter().map(RecordKey::text).collect();
        let rows = self.shared.log.find(keys).await?;
        // The replica may know more than a store that lost writes, so the later record counts.
        for record in rows.into_iter().filter_map(|row| self.shared.parse(row)) {
            self.shared.replica.apply(&record, second(now));
        }
        Ok(self.shared.replica.check(token, second(now)))
    }

    pub(super) async fn revoke(
        &self,
        revocation: Revocation<'_>,
        now: SystemTime,
    ) -> Result<(), StoreError> {
        let record = Record::new(&revocation);
        self.shared.observe_clock(now);
        self.shared.log.append(&record, now).await?;
        self.shared.replica.apply(&record, second(now));
        Ok(())
    }

    pub(super) async fn rotate(
        &self,
        request: RotationRequest<'_>,
    ) -> Result<RotationOutcome, StoreError> {
        self.shared.observe_clock(request.now);
        let outcome = self.shared.log.rotate(&request).await?;
        if outcome == RotationOutcome::Reused {
            let (id, until) = (request.session_id, request.revoked_until);
            let record = Record::new(&Revocation::Session { id, until });
            self.shared.replica.apply(&record, second(request.now));
        }
        Ok(outcome)
    }

    pub(super) async fn register(&self, session: NewSession<'_>) -> Result<(), StoreError> {
        self.shared.observe_clock(session.now);
        self.shared.log.register(&session).await
    }

    pub(super) async fn sessions(
        &self,
        subject: &str,
        now: SystemTime,
    ) -> Result<Vec<Session>, StoreError> {
        let mut found = self.shared.log.sessions(subject, now).await?;
        found.retain(|session| !self.shared.replica.is_session_revoked(&session.id, second(now)));
        Ok(found)
    }

    pub(super) async fn prune(&self, now: SystemTime) -> Result<u64, StoreError> {
        self.shared.log.prune(now).await
    }
}

impl<L: Log> Shared<L> {
    /// The age of the last answered read.
    fn staleness(&self) -> Duration {
        let fresh = Duration::from_millis(self.fresh.load(Ordering::Acquire));
        self.started.elapsed().saturating_sub(fresh)
    }

    fn observe_clock(&self, now: SystemTime) {
        let now = second(now);
        if self.now.load(Ordering::Relaxed) != now {
            self.now.store(now, Ordering::Relaxed);
        }
    }

    /// The earlier of the configured clock and the system clock, so that a clock that is ahead deletes nothing early.
    fn now(&self) -> Second {
        self.now.load(Ordering::Relaxed).min(second(SystemClock.now()))
    }

    /// Reads the log once, and applies what it returns.
    async fn read(&self, after: Option<L::Cursor>) -> Result<L::Cursor, StoreError> {
        let sent = self.started.elapsed();
        let read = tokio::time::timeout(READ_DEADLINE, self.log.read(after)).await;
        let batch = read.unwrap_or_else(|_| Err(StoreError::new("no answer within a minute")))?;
        let now = self.now();
        for row in batch.rows {
            if let Some(record) = self.parse(row) {
                self.replica.apply(&record, now);
            }
        }
        let sent = u64::try_from(sent.as_millis()).unwrap_or(u64::MAX);
        self.fresh.fetch_max(sent, Ordering::Release);
        Ok(batch.cursor)
    }

    /// A row as a record. Rows of a newer release are ignored, with one warning.
    fn parse(&self, (key, before, until): Row) -> Option<Record> {
        let key = RecordKey::parse(&key);
        if key.is_none() && !self.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                target: "jwt_auth",
                "the store contains records of a newer release; this release ignores them"
            );
        }
        key.map(|key| Record { key, before, until })
    }

    /// Reads the log until the store is dropped.
    async fn follow(self: Arc<Self>, mut cursor: L::Cursor) {
        let mut pruned = Instant::now();
        let mut failing = false;
        loop {
            if self.log.wait_for_news().await.is_err() {
                tokio::time::sleep(HEARTBEAT).await;
            }
            match self.read(Some(cursor.clone())).await {
                Ok(next) => {
                    cursor = next;
                    if failing {
                        tracing::info!(target: "jwt_auth", "the session store answers again");
                    }
                    failing = false;
                }
                Err(error) => {
                    if !failing {
                        tracing::warn!(target: "jwt_auth", %error, "the session store does not answer");
                    }
                    failing = true;
                }
            }
            let now = self.now();
            if pruned.elapsed() >= PRUNE_EVERY && now > 0 {
                pruned = Instant::now();
                let now = SystemTime::UNIX_EPOCH + Duration::from_secs(now);
                let result = tokio::time::timeout(HEARTBEAT, self.log.prune(now)).await;
                if let Ok(Err(error)) = result {
                    tracing::debug!(target: "jwt_auth", %error, "expired records were not deleted");
                }
            }
        }
    }
}

impl<L: Log> Drop for ReplicatedLog<L> {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl<L: Log> fmt::Debug for ReplicatedLog<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplicatedLog")
            .field("replica", &self.shared.replica)
            .field("staleness", &self.shared.staleness())
            .finish_non_exhaustive()
    }
}

/// Implements [`RevocationStore`](super::RevocationStore) for a newtype around a [`ReplicatedLog`].
macro_rules! delegate_to_log {
    ($store:ty) => {
        impl $crate::session::RevocationStore for $store {
            fn check(
                &self,
                token: &$crate::session::TokenIdentity<'_>,
                now: std::time::SystemTime,
            ) -> Result<$crate::session::TokenStatus, $crate::session::StoreError> {
                self.0.check(token, now)
            }

            async fn check_strict(
                &self,
                token: &$crate::session::TokenIdentity<'_>,
                now: std::time::SystemTime,
            ) -> Result<$crate::session::TokenStatus, $crate::session::StoreError> {
                self.0.check_strict(token, now).await
            }

            async fn revoke(
                &self,
                revocation: $crate::session::Revocation<'_>,
                now: std::time::SystemTime,
            ) -> Result<(), $crate::session::StoreError> {
                self.0.revoke(revocation, now).await
            }

            async fn rotate(
                &self,
                request: $crate::session::RotationRequest<'_>,
            ) -> Result<$crate::session::RotationOutcome, $crate::session::StoreError> {
                self.0.rotate(request).await
            }

            async fn register(
                &self,
                session: $crate::session::NewSession<'_>,
            ) -> Result<(), $crate::session::StoreError> {
                self.0.register(session).await
            }

            async fn sessions(
                &self,
                subject: &str,
                now: std::time::SystemTime,
            ) -> Result<Vec<$crate::session::Session>, $crate::session::StoreError> {
                self.0.sessions(subject, now).await
            }

            async fn prune(
                &self,
                now: std::time::SystemTime,
            ) -> Result<u64, $crate::session::StoreError> {
                self.0.prune(now).await
            }
        }
    };
}

pub(super) use delegate_to_log;

#[cfg(test)]
mod tests {
    use std::future::ready;
    use std::sync::Mutex;

    use super::*;
    use crate::token_kind::TokenKind;

    /// An empty log that can be made unavailable.
    #[derive(Clone, Default)]
    struct Empty(Arc<(AtomicBool, Mutex<Vec<SystemTime>>)>);

    impl Log for Empty {
        type Cursor = ();

        fn read(&self, _: Option<()>) -> BoxFuture<'_, Batch<()>> {
            let down = self.0.0.load(Ordering::Relaxed);
            let read = if down { Err(StoreError::new("down")) } else { Ok(()) };
            Box::pin(ready(read.map(|()| Batch { rows: Vec::new(), cursor: () })))
        }

        fn append<'a>(&'a self, _: &'a Record, _: SystemTime) -> BoxFuture<'a, ()> {
            Box::pin(ready(Ok(())))
        }

        fn find(&self, _: Vec<String>) -> BoxFuture<'_, Vec<Row>> {
            Box::pin(ready(Ok(Vec::new())))
        }

        fn rotate<'a>(&'a self, _: &'a RotationRequest<'a>) -> BoxFuture<'a, RotationOutcome> {
            Box::pin(ready(Ok(RotationOutcome::Unknown)))
        }

        fn register<'a>(&'a self, _: &'a NewSession<'a>) -> BoxFuture<'a, ()> {
            Box::pin(ready(Ok(())))
        }

        fn sessions<'a>(&'a self, _: &'a str, _: SystemTime) -> BoxFuture<'a, Vec<Session>> {
            Box::pin(ready(Ok(Vec::new())))
        }

        fn prune(&self, now: SystemTime) -> BoxFuture<'_, u64> {
            self.0.1.lock().unwrap().push(now);
            Box::pin(ready(Ok(0)))
        }
    }

    const TOKEN: TokenIdentity<'static> = TokenIdentity {
        issuer: None,
        id: Some("x"),
        subject: "alice",
        kind: TokenKind::Access,
        key_id: None,
        session_id: None,
        issued_at: None,
        expires_at: None,
    };

    fn at(second: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(second)
    }

    /// Advances time in steps, so that the reader task runs in between.
    async fn advance(millis: u64) {
        for _ in 0..millis / 50 {
            tokio::time::advance(Duration::from_millis(50)).await;
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_answers_until_max_staleness_and_not_longer() {
        for serve_stale in [false, true] {
            let log = Empty::default();
            let age = Duration::from_secs(1);
            let store = ReplicatedLog::start(log.clone(), age, serve_stale).await.unwrap();
            advance(10_000).await;
            assert!(store.check(&TOKEN, at(1)).is_ok(), "an empty answer is a heartbeat");
            log.0.0.store(true, Ordering::Relaxed);
            let last = store.shared.staleness();
            tokio::time::advance(age.saturating_sub(last)).await;
            assert!(store.check(&TOKEN, at(1)).is_ok());
            tokio::time::advance(Duration::from_millis(1)).await;
            assert_eq!(store.check(&TOKEN, at(1)).is_ok(), serve_stale);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn records_expired_by_the_configured_clock_are_deleted_every_minute() {
        let log = Empty::default();
        let store = ReplicatedLog::start(log.clone(), MAX_STALENESS, false).await.unwrap();
        let pruned = || log.0.1.lock().unwrap().clone();
        advance(90_000).await;
        assert!(pruned().is_empty(), "the configured clock was not read yet");
        for second in [1_000, 2_000] {
            store.check(&TOKEN, at(second)).unwrap();
        }
        advance(1_000).await;
        assert_eq!(pruned(), [at(2_000)]);
        advance(58_900).await;
        assert_eq!(pruned().len(), 1, "not yet");
        advance(60_000).await;
        assert_eq!(pruned().len(), 2);
    }

    #[tokio::test]
    async fn dropping_the_store_ends_its_reader() {
        let log = Empty::default();
        let store = ReplicatedLog::start(log.clone(), MAX_STALENESS, false).await.unwrap();
        tokio::task::yield_now().await;
        assert_eq!(Arc::strong_count(&log.0), 2);
        drop(store);
        tokio::task::yield_now().await;
        assert_eq!(Arc::strong_count(&log.0), 1, "the reader task is gone");
    }
}
