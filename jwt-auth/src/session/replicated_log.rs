//! A shared store behind a replica: checks are answered from memory, and a task reads the store's log.
//!
//! Reading the log is also the node's heartbeat. Each answer, empty or not, proves that the replica contains
//! everything written before the read was sent. The age of the last answered read is the age of the replica.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::clock::{Clock as _, SystemClock};
use crate::session::erased_store::BoxFuture;
use crate::session::record::{Millis, Record, RecordKey, Second, from_millis, second};
use crate::session::replica::Replica;
use crate::session::rotation::is_adoptable;
use crate::session::{
    NewSession, Registered, Revocation, RotationOutcome, RotationRequest, Session, StoreError,
    StoreStatus, TokenIdentity, TokenStatus,
};
use crate::token_kind::TokenKind;

/// How often the log is read if nothing wakes the node earlier.
pub(super) const HEARTBEAT: Duration = Duration::from_millis(250);
/// A read that takes longer is abandoned and repeated. The first read may return a million rows; each of its
/// commands has a shorter timeout.
const READ_DEADLINE: Duration = Duration::from_secs(60);
/// How often expired rows are deleted.
const PRUNE_EVERY: Duration = Duration::from_secs(60);
/// The default of `max_staleness`.
pub(super) const MAX_STALENESS: Duration = Duration::from_secs(5);
/// A store that lost writes gets back the records of this time.
const REMEMBER: Duration = Duration::from_secs(60);
/// At most this many records are remembered for a store that lost writes.
const REMEMBERED: usize = 100_000;
/// How many records are looked up at once after a store lost writes.
const RESTORE_BATCH: usize = 500;

/// A row of the log: the text of its key, the epoch, the end.
pub(super) type Row = (String, Millis, Second);

/// What one read of a log returns.
pub(super) struct Batch<C> {
    pub(super) rows: Vec<Row>,
    /// Where to continue.
    pub(super) cursor: C,
    /// Whether these are all rows in force, and not only those since the cursor.
    pub(super) is_whole: bool,
}

/// What a strict look-up returns.
pub(super) struct Found {
    /// The rows of the requested keys.
    pub(super) rows: Vec<Row>,
    /// Whether the requested session exists.
    pub(super) is_session_known: bool,
    /// When the store was created.
    pub(super) created: Millis,
}

/// What a rotation returns.
pub(super) struct Rotation {
    pub(super) outcome: RotationOutcome,
    /// The record of the session, if the rotation ended it.
    pub(super) record: Option<Record>,
}

/// What a registration returns.
pub(super) struct Registration {
    /// The start stamp.
    pub(super) started: Millis,
    /// The records of the sessions that ended, because the subject had too many.
    pub(super) ended: Vec<Record>,
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

    /// Deletes the sessions that the revocation covers, and writes its record, in one atomic step. Returns what was
    /// written.
    fn revoke<'a>(
        &'a self,
        revocation: &'a Revocation<'a>,
        now: SystemTime,
    ) -> BoxFuture<'a, Record>;

    /// The rows of these keys that exist, and whether the session does.
    fn find<'a>(&'a self, keys: Vec<String>, session: Option<&'a str>) -> BoxFuture<'a, Found>;

    /// Runs [`decide`](super::rotation::decide) in one atomic step, and ends the session after a reuse.
    fn rotate<'a>(&'a self, request: &'a RotationRequest<'a>) -> BoxFuture<'a, Rotation>;

    /// Remembers a session, gives it a start stamp, and ends the least recently used ones beyond its limit.
    fn register<'a>(&'a self, session: &'a NewSession<'a>) -> BoxFuture<'a, Registration>;

    /// The sessions of a subject that neither ended nor expired, the most recently used first.
    fn sessions<'a>(&'a self, subject: &'a str, now: SystemTime) -> BoxFuture<'a, Vec<Session>>;

    /// Raises the longest life of an access token.
    fn remember_access_life(&self, life: Duration) -> BoxFuture<'_, ()>;

    /// Deletes rows that expired by the store's own clock, in small batches.
    fn prune(&self) -> BoxFuture<'_, u64>;

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
    /// The error of the last read of the log, if it failed.
    last_error: Mutex<Option<String>>,
    recent: Mutex<VecDeque<(Instant, Record)>>,
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
            last_error: Mutex::default(),
            recent: Mutex::default(),
        });
        let first = shared.read(None).await?;
        let reader = tokio::spawn(Arc::clone(&shared).follow(first.cursor));
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

    pub(super) fn status(&self) -> StoreStatus {
        let shared = &*self.shared;
        let age = shared.staleness();
        let error = shared.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let status = if age <= shared.max_staleness || shared.serve_stale {
            StoreStatus::fresh()
        } else {
            StoreStatus::stale("")
        };
        status.with_age(age).with_entries(shared.replica.len()).with_last_error(error)
    }

    pub(super) async fn check_strict(
        &self,
        token: &TokenIdentity<'_>,
        now: SystemTime,
    ) -> Result<TokenStatus, StoreError> {
        let keys = RecordKey::that_cover(token).iter().map(RecordKey::text).collect();
        let session = token.session_id.filter(|_| token.kind == TokenKind::Refresh);
        let found = self.shared.log.find(keys, session).await?;
        // The replica may know more than a store that lost writes, so the later record counts.
        for record in found.rows.into_iter().filter_map(|row| self.shared.parse(row)) {
            self.shared.replica.apply(&record, second(now));
        }
        let is_gone = session.is_some() && !found.is_session_known;
        if is_gone && !is_adoptable(token, found.created) {
            return Ok(TokenStatus::Revoked);
        }
        Ok(self.shared.replica.check(token, second(now)))
    }

    pub(super) async fn revoke(
        &self,
        revocation: Revocation<'_>,
        now: SystemTime,
    ) -> Result<(), StoreError> {
        self.shared.observe_clock(now);
        let record = self.shared.log.revoke(&revocation, now).await?;
        self.shared.apply(record, second(now));
        Ok(())
    }

    pub(super) async fn rotate(
        &self,
        request: RotationRequest<'_>,
    ) -> Result<RotationOutcome, StoreError> {
        self.shared.observe_clock(request.now);
        let Rotation { outcome, record } = self.shared.log.rotate(&request).await?;
        if let Some(record) = record {
            self.shared.apply(record, second(request.now));
        }
        Ok(outcome)
    }

    pub(super) async fn register(&self, session: NewSession<'_>) -> Result<Registered, StoreError> {
        self.shared.observe_clock(session.now);
        let Registration { started, ended } = self.shared.log.register(&session).await?;
        let mut registered = Registered::at(from_millis(started));
        for record in ended {
            registered.ended.extend(record.key.session_id().map(str::to_owned));
            self.shared.apply(record, second(session.now));
        }
        Ok(registered)
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

    pub(super) async fn remember_access_life(&self, life: Duration) -> Result<(), StoreError> {
        self.shared.log.remember_access_life(life).await
    }

    pub(super) async fn prune(&self) -> Result<u64, StoreError> {
        self.shared.log.prune().await
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

    /// Applies a record, and remembers it for a store that loses it.
    fn apply(&self, record: Record, now: Second) {
        self.replica.apply(&record, now);
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        while recent.len() >= REMEMBERED
            || recent.front().is_some_and(|(at, _)| at.elapsed() > REMEMBER)
        {
            recent.pop_front();
        }
        recent.push_back((Instant::now(), record));
    }

    /// Reads the log once, and applies what it returns.
    async fn read(&self, after: Option<L::Cursor>) -> Result<Batch<L::Cursor>, StoreError> {
        let sent = self.started.elapsed();
        let is_first = after.is_none();
        let read = tokio::time::timeout(READ_DEADLINE, self.log.read(after)).await;
        let mut batch =
            read.unwrap_or_else(|_| Err(StoreError::new("no answer within a minute")))?;
        let now = self.now();
        for record in std::mem::take(&mut batch.rows).into_iter().filter_map(|row| self.parse(row))
        {
            if is_first || batch.is_whole {
                self.replica.apply(&record, now);
            } else {
                self.apply(record, now);
            }
        }
        let sent = u64::try_from(sent.as_millis()).unwrap_or(u64::MAX);
        self.fresh.fetch_max(sent, Ordering::Release);
        Ok(batch)
    }

    /// Writes the records of the last minute again that the store does not have.
    async fn restore(&self) -> Result<(), StoreError> {
        let recent: Vec<Record> = {
            let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
            let is_recent = |(at, _): &&(Instant, Record)| at.elapsed() <= REMEMBER;
            recent.iter().filter(is_recent).map(|(_, record)| record.clone()).collect()
        };
        let mut restored = 0_u64;
        for records in recent.chunks(RESTORE_BATCH) {
            let keys = records.iter().map(|record| record.key.text()).collect();
            let known = self.log.find(keys, None).await?.rows.into_iter();
            let known: HashMap<String, (Millis, Second)> =
                known.map(|(key, before, until)| (key, (before, until))).collect();
            for record in records {
                let is_known = known.get(&record.key.text()).is_some_and(|(before, until)| {
                    *before >= record.before && *until >= record.until
                });
                if !is_known {
                    self.log.append(record, SystemClock.now()).await?;
                    restored += 1;
                }
            }
        }
        if restored > 0 {
            tracing::warn!(
                target: "jwt_auth",
                event = "session_store_restored",
                restored,
                "the store had lost revocations; this node wrote them again"
            );
        }
        Ok(())
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
        let (mut failing, mut may_have_lost) = (false, false);
        loop {
            if self.log.wait_for_news().await.is_err() {
                tokio::time::sleep(HEARTBEAT).await;
            }
            let read = self.read(Some(cursor.clone())).await;
            let error = read.as_ref().err().map(ToString::to_string);
            *self.last_error.lock().unwrap_or_else(PoisonError::into_inner) = error;
            match read {
                Ok(batch) => {
                    cursor = batch.cursor;
                    // Another server may answer now, or the same one after a restart.
                    may_have_lost |= failing || batch.is_whole;
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
            if may_have_lost && !failing {
                may_have_lost = self.restore().await.is_err();
            }
            if pruned.elapsed() >= PRUNE_EVERY {
                pruned = Instant::now();
                let result = tokio::time::timeout(HEARTBEAT, self.log.prune()).await;
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

            fn status(&self) -> $crate::session::StoreStatus {
                self.0.status()
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
            ) -> Result<$crate::session::Registered, $crate::session::StoreError> {
                self.0.register(session).await
            }

            async fn remember_access_life(
                &self,
                life: std::time::Duration,
            ) -> Result<(), $crate::session::StoreError> {
                self.0.remember_access_life(life).await
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
                _: std::time::SystemTime,
            ) -> Result<u64, $crate::session::StoreError> {
                self.0.prune().await
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

    /// A log without sessions that can be made unavailable, and that can lose its records.
    #[derive(Clone, Default)]
    struct Lossy(Arc<Inner>);

    #[derive(Default)]
    struct Inner {
        is_down: AtomicBool,
        pruned: AtomicU64,
        rows: Mutex<Vec<Record>>,
    }

    impl Lossy {
        fn rows(&self) -> Vec<Row> {
            let rows = self.0.rows.lock().unwrap();
            rows.iter().map(|row| (row.key.text(), row.before, row.until)).collect()
        }

        fn lose_everything(&self) {
            self.0.rows.lock().unwrap().clear();
        }

        fn set_down(&self, is_down: bool) {
            self.0.is_down.store(is_down, Ordering::Relaxed);
        }
    }

    impl Log for Lossy {
        type Cursor = usize;

        fn read(&self, after: Option<usize>) -> BoxFuture<'_, Batch<usize>> {
            let is_down = self.0.is_down.load(Ordering::Relaxed);
            let rows = self.rows();
            let batch = Batch {
                cursor: rows.len(),
                rows: rows.into_iter().skip(after.unwrap_or(0)).collect(),
                is_whole: after.is_none(),
            };
            Box::pin(ready(if is_down { Err(StoreError::new("down")) } else { Ok(batch) }))
        }

        fn append<'a>(&'a self, record: &'a Record, _: SystemTime) -> BoxFuture<'a, ()> {
            self.0.rows.lock().unwrap().push(record.clone());
            Box::pin(ready(Ok(())))
        }

        fn revoke<'a>(
            &'a self,
            revocation: &'a Revocation<'a>,
            _: SystemTime,
        ) -> BoxFuture<'a, Record> {
            let record = Record::new(revocation);
            self.0.rows.lock().unwrap().push(record.clone());
            Box::pin(ready(Ok(record)))
        }

        fn find<'a>(&'a self, keys: Vec<String>, _: Option<&'a str>) -> BoxFuture<'a, Found> {
            let rows = self.rows().into_iter().filter(|(key, ..)| keys.contains(key)).collect();
            Box::pin(ready(Ok(Found { rows, is_session_known: false, created: 0 })))
        }

        fn rotate<'a>(&'a self, _: &'a RotationRequest<'a>) -> BoxFuture<'a, Rotation> {
            Box::pin(ready(Ok(Rotation { outcome: RotationOutcome::Unknown, record: None })))
        }

        fn register<'a>(&'a self, _: &'a NewSession<'a>) -> BoxFuture<'a, Registration> {
            Box::pin(ready(Ok(Registration { started: 0, ended: Vec::new() })))
        }

        fn sessions<'a>(&'a self, _: &'a str, _: SystemTime) -> BoxFuture<'a, Vec<Session>> {
            Box::pin(ready(Ok(Vec::new())))
        }

        fn remember_access_life(&self, _: Duration) -> BoxFuture<'_, ()> {
            Box::pin(ready(Ok(())))
        }

        fn prune(&self) -> BoxFuture<'_, u64> {
            self.0.pruned.fetch_add(1, Ordering::Relaxed);
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
        session_started_at: None,
        generation: 0,
        issued_at: None,
        expires_at: None,
        clock_tolerance: Duration::ZERO,
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
            let log = Lossy::default();
            let age = Duration::from_secs(1);
            let store = ReplicatedLog::start(log.clone(), age, serve_stale).await.unwrap();
            advance(10_000).await;
            assert!(store.check(&TOKEN, at(1)).is_ok(), "an empty answer is a heartbeat");
            log.set_down(true);
            let last = store.shared.staleness();
            tokio::time::advance(age.saturating_sub(last)).await;
            assert!(store.check(&TOKEN, at(1)).is_ok());
            tokio::time::advance(Duration::from_millis(1)).await;
            assert_eq!(store.check(&TOKEN, at(1)).is_ok(), serve_stale);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn s8_expired_records_are_deleted_every_minute_by_the_clock_of_the_store() {
        let log = Lossy::default();
        let store = ReplicatedLog::start(log.clone(), MAX_STALENESS, false).await.unwrap();
        let pruned = || log.0.pruned.load(Ordering::Relaxed);
        advance(59_000).await;
        assert_eq!(pruned(), 0, "not yet");
        advance(2_000).await;
        assert_eq!(pruned(), 1);
        store.check(&TOKEN, at(9_999_999_999)).unwrap();
        advance(58_000).await;
        assert_eq!(pruned(), 1, "not yet");
        advance(3_000).await;
        assert_eq!(pruned(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn s5_a_store_that_lost_records_of_the_last_minute_gets_them_back() {
        let log = Lossy::default();
        let store = ReplicatedLog::start(log.clone(), MAX_STALENESS, false).await.unwrap();
        let revoke = async |id| {
            store
                .revoke(Revocation::Token { issuer: None, id, until: at(99) }, at(1))
                .await
                .unwrap();
        };
        revoke("long ago").await;
        advance(61_000).await;
        revoke("just now").await;
        log.lose_everything();
        advance(1_000).await;
        assert_eq!(log.rows().len(), 0, "nothing shows the loss");
        log.set_down(true);
        advance(500).await;
        log.set_down(false);
        advance(1_000).await;
        let rows = log.rows();
        assert_eq!(rows.len(), 1, "written again once: {rows:?}");
        assert!(rows[0].0.contains("just now"));
        log.set_down(true);
        advance(500).await;
        log.set_down(false);
        advance(1_000).await;
        assert_eq!(log.rows().len(), 1, "nothing was lost");
    }

    #[tokio::test]
    async fn dropping_the_store_ends_its_reader() {
        let log = Lossy::default();
        let store = ReplicatedLog::start(log.clone(), MAX_STALENESS, false).await.unwrap();
        tokio::task::yield_now().await;
        assert_eq!(Arc::strong_count(&log.0), 2);
        drop(store);
        tokio::task::yield_now().await;
        assert_eq!(Arc::strong_count(&log.0), 1, "the reader task is gone");
    }
}
