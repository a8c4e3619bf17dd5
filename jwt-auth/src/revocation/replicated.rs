//! A shared store behind a replica: requests are answered from memory, and a task tails the store's log.
//!
//! The node knows how stale it is: the reads of the log are its heartbeat, since each that comes back, empty or
//! not, vouches for everything written before it was sent.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::clock::{Clock as _, SystemClock};
use crate::revocation::filed::keys_of;
use crate::revocation::record::{About, Record, Second, second};
use crate::revocation::replica::Replica;
use crate::revocation::{
    BoxFuture, NewSession, Revocation, Rotate, Rotation, Session, Standing, StoreError,
    TokenIdentity,
};

/// How often the log is read when nothing wakes the node earlier.
pub(super) const HEARTBEAT: Duration = Duration::from_millis(250);
/// A read that takes longer is given up, and tried again. It may be of everything, which may be a million rows;
/// each command of it has a shorter patience of its own.
const READ_DEADLINE: Duration = Duration::from_secs(60);
/// How often what has died is thrown out.
const PRUNE_EVERY: Duration = Duration::from_secs(60);
/// The default of `max_staleness`.
pub(super) const MAX_STALENESS: Duration = Duration::from_secs(5);

/// What is read of a log: records, and where to read on.
pub(super) struct Batch<C> {
    /// Keys, epochs and ends, as they stand in the store.
    pub(super) rows: Vec<(String, Second, Second)>,
    pub(super) cursor: C,
}

/// A shared store, as its log.
pub(super) trait Log: Send + Sync + 'static {
    /// Where a reader stands.
    type Cursor: Clone + Send + Sync + 'static;

    /// Everything that was written since the cursor, at least once; everything that lives, for a reader that has
    /// none, or whose cursor is too old.
    fn read(&self, after: Option<Self::Cursor>) -> BoxFuture<'_, Batch<Self::Cursor>>;

    /// Writes a record, combined with the one of the same key by the later epoch and the later end. When it
    /// returns the record is durable.
    fn append<'a>(&'a self, record: &'a Record, now: SystemTime) -> BoxFuture<'a, ()>;

    /// The rows of these keys that there are.
    fn find(&self, keys: Vec<String>) -> BoxFuture<'_, Vec<(String, Second, Second)>>;

    /// [`decide`](super::family::decide) in one atomic step, the revocation that a reuse asks for included.
    fn rotate<'a>(&'a self, request: &'a Rotate<'a>) -> BoxFuture<'a, Rotation>;

    /// Remembers a session.
    fn begin<'a>(&'a self, session: &'a NewSession<'a>) -> BoxFuture<'a, ()>;

    /// The sessions of a subject that have not ended, the one used last first; those that were revoked may be
    /// among them.
    fn sessions<'a>(&'a self, subject: &'a str, now: SystemTime) -> BoxFuture<'a, Vec<Session>>;

    /// Throws out rows that have died, in small batches.
    fn prune(&self, now: SystemTime) -> BoxFuture<'_, u64>;

    /// Returns when there may be news, or after [`HEARTBEAT`].
    fn news(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            tokio::time::sleep(HEARTBEAT).await;
            Ok(())
        })
    }
}

/// The replica, the log behind it, and the task between them.
pub(super) struct Replicated<L: Log> {
    shared: Arc<Shared<L>>,
    tail: JoinHandle<()>,
}

struct Shared<L> {
    log: L,
    replica: Replica,
    started: Instant,
    /// When the last read that came back was sent, in milliseconds since the start.
    fresh: AtomicU64,
    /// The configured clock's last word, in seconds: what has died is judged by it.
    now: AtomicU64,
    max_staleness: Duration,
    serve_stale: bool,
    warned: AtomicBool,
}

impl<L: Log> Replicated<L> {
    /// Catches up, and only then is a store.
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
        let tail = tokio::spawn(Arc::clone(&shared).tail(cursor));
        Ok(Self { shared, tail })
    }

    pub(super) fn standing(
        &self,
        token: &TokenIdentity<'_>,
        now: SystemTime,
    ) -> Result<Standing, StoreError> {
        let shared = &*self.shared;
        shared.heard(now);
        let stale = shared.staleness();
        if stale > shared.max_staleness && !shared.serve_stale {
            return Err(StoreError::new(format_args!("no news for {} ms", stale.as_millis())));
        }
        Ok(shared.replica.standing(token, second(now)))
    }

    pub(super) async fn ask(
        &self,
        token: &TokenIdentity<'_>,
        now: SystemTime,
    ) -> Result<Standing, StoreError> {
        let keys = keys_of(token).iter().map(About::key).collect();
        let rows = self.shared.log.find(keys).await?;
        // What the store says, and what this node knew before: the later of the two.
        for record in rows.into_iter().filter_map(|row| self.shared.read_row(row)) {
            self.shared.replica.apply(&record, second(now));
        }
        Ok(self.shared.replica.standing(token, second(now)))
    }

    pub(super) async fn revoke(
        &self,
        revocation: Revocation<'_>,
        now: SystemTime,
    ) -> Result<(), StoreError> {
        let record = Record::of(&revocation);
        self.shared.heard(now);
        self.shared.log.append(&record, now).await?;
        self.shared.replica.apply(&record, second(now));
        Ok(())
    }

    pub(super) async fn rotate(&self, request: Rotate<'_>) -> Result<Rotation, StoreError> {
        self.shared.heard(request.now);
        let rotation = self.shared.log.rotate(&request).await?;
        if rotation == Rotation::Reused {
            let family = Revocation::Family { family: request.family, until: request.dead_until };
            self.shared.replica.apply(&Record::of(&family), second(request.now));
        }
        Ok(rotation)
    }

    pub(super) async fn begin(&self, session: NewSession<'_>) -> Result<(), StoreError> {
        self.shared.heard(session.now);
        self.shared.log.begin(&session).await
    }

    pub(super) async fn sessions(
        &self,
        subject: &str,
        now: SystemTime,
    ) -> Result<Vec<Session>, StoreError> {
        let mut found = self.shared.log.sessions(subject, now).await?;
        found.retain(|session| !self.shared.replica.is_dead(&session.family, second(now)));
        Ok(found)
    }

    pub(super) async fn prune(&self, now: SystemTime) -> Result<u64, StoreError> {
        self.shared.log.prune(now).await
    }
}

impl<L: Log> Shared<L> {
    /// How long ago the store last vouched for what is in memory.
    fn staleness(&self) -> Duration {
        let fresh = Duration::from_millis(self.fresh.load(Ordering::Acquire));
        self.started.elapsed().saturating_sub(fresh)
    }

    fn heard(&self, now: SystemTime) {
        let now = second(now);
        if self.now.load(Ordering::Relaxed) != now {
            self.now.store(now, Ordering::Relaxed);
        }
    }

    /// What has died is judged by the clock that is behind: of the configuration's and the system's.
    fn now(&self) -> Second {
        self.now.load(Ordering::Relaxed).min(second(SystemClock.now()))
    }

    /// Reads the log once, and takes in what it says.
    async fn read(&self, after: Option<L::Cursor>) -> Result<L::Cursor, StoreError> {
        let sent = self.started.elapsed();
        let read = tokio::time::timeout(READ_DEADLINE, self.log.read(after)).await;
        let batch = read.unwrap_or_else(|_| Err(StoreError::new("no answer within a minute")))?;
        let now = self.now();
        for row in batch.rows {
            if let Some(record) = self.read_row(row) {
                self.replica.apply(&record, now);
            }
        }
        let sent = u64::try_from(sent.as_millis()).unwrap_or(u64::MAX);
        self.fresh.fetch_max(sent, Ordering::Release);
        Ok(batch.cursor)
    }

    /// A row as a record; what a newer release wrote is passed over, with one warning.
    fn read_row(&self, (key, before, until): (String, Second, Second)) -> Option<Record> {
        let about = About::read(&key);
        if about.is_none() && !self.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(target: "jwt_auth", "the store holds records of a newer release; they are passed over");
        }
        about.map(|about| Record { about, before, until })
    }

    async fn tail(self: Arc<Self>, mut cursor: L::Cursor) {
        let mut pruned = Instant::now();
        let mut failing = false;
        loop {
            if self.log.news().await.is_err() {
                tokio::time::sleep(HEARTBEAT).await;
            }
            match self.read(Some(cursor.clone())).await {
                Ok(next) => {
                    cursor = next;
                    if failing {
                        tracing::info!(target: "jwt_auth", "the store answers again");
                    }
                    failing = false;
                }
                Err(error) => {
                    if !failing {
                        tracing::warn!(target: "jwt_auth", %error, "the store does not answer");
                    }
                    failing = true;
                }
            }
            let now = self.now();
            if pruned.elapsed() >= PRUNE_EVERY && now > 0 {
                pruned = Instant::now();
                let now = SystemTime::UNIX_EPOCH + Duration::from_secs(now);
                let gone = tokio::time::timeout(HEARTBEAT, self.log.prune(now)).await;
                if let Ok(Err(error)) = gone {
                    tracing::debug!(target: "jwt_auth", %error, "nothing was pruned");
                }
            }
        }
    }
}

impl<L: Log> Drop for Replicated<L> {
    fn drop(&mut self) {
        self.tail.abort();
    }
}

impl<L: Log> fmt::Debug for Replicated<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replicated")
            .field("replica", &self.shared.replica)
            .field("staleness", &self.shared.staleness())
            .finish_non_exhaustive()
    }
}

/// Makes a [`RevocationStore`](super::RevocationStore) of a newtype around a [`Replicated`].
macro_rules! replicated {
    ($store:ty) => {
        impl $crate::revocation::RevocationStore for $store {
            fn standing(
                &self,
                token: &$crate::revocation::TokenIdentity<'_>,
                now: std::time::SystemTime,
            ) -> Result<$crate::revocation::Standing, $crate::revocation::StoreError> {
                self.0.standing(token, now)
            }

            async fn ask(
                &self,
                token: &$crate::revocation::TokenIdentity<'_>,
                now: std::time::SystemTime,
            ) -> Result<$crate::revocation::Standing, $crate::revocation::StoreError> {
                self.0.ask(token, now).await
            }

            async fn revoke(
                &self,
                revocation: $crate::revocation::Revocation<'_>,
                now: std::time::SystemTime,
            ) -> Result<(), $crate::revocation::StoreError> {
                self.0.revoke(revocation, now).await
            }

            async fn rotate(
                &self,
                request: $crate::revocation::Rotate<'_>,
            ) -> Result<$crate::revocation::Rotation, $crate::revocation::StoreError> {
                self.0.rotate(request).await
            }

            async fn begin(
                &self,
                session: $crate::revocation::NewSession<'_>,
            ) -> Result<(), $crate::revocation::StoreError> {
                self.0.begin(session).await
            }

            async fn sessions(
                &self,
                subject: &str,
                now: std::time::SystemTime,
            ) -> Result<Vec<$crate::revocation::Session>, $crate::revocation::StoreError> {
                self.0.sessions(subject, now).await
            }

            async fn prune(
                &self,
                now: std::time::SystemTime,
            ) -> Result<u64, $crate::revocation::StoreError> {
                self.0.prune(now).await
            }
        }
    };
}

pub(super) use replicated;

#[cfg(test)]
mod tests {
    use std::future::ready;
    use std::sync::Mutex;

    use super::*;
    use crate::claims::TokenKind;

    /// A log that is empty, and can be lost.
    #[derive(Clone, Default)]
    struct Empty(Arc<(AtomicBool, Mutex<Vec<SystemTime>>)>);

    impl Log for Empty {
        type Cursor = ();

        fn read(&self, _: Option<()>) -> BoxFuture<'_, Batch<()>> {
            let lost = self.0.0.load(Ordering::Relaxed);
            let read = if lost { Err(StoreError::new("lost")) } else { Ok(()) };
            Box::pin(ready(read.map(|()| Batch { rows: Vec::new(), cursor: () })))
        }

        fn append<'a>(&'a self, _: &'a Record, _: SystemTime) -> BoxFuture<'a, ()> {
            Box::pin(ready(Ok(())))
        }

        fn find(&self, _: Vec<String>) -> BoxFuture<'_, Vec<(String, Second, Second)>> {
            Box::pin(ready(Ok(Vec::new())))
        }

        fn rotate<'a>(&'a self, _: &'a Rotate<'a>) -> BoxFuture<'a, Rotation> {
            Box::pin(ready(Ok(Rotation::Unknown)))
        }

        fn begin<'a>(&'a self, _: &'a NewSession<'a>) -> BoxFuture<'a, ()> {
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
        family: None,
        issued_at: None,
        expires_at: None,
    };

    fn at(second: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(second)
    }

    /// Lets time go by in steps, as the tail of the log does.
    async fn pass(millis: u64) {
        for _ in 0..millis / 50 {
            tokio::time::advance(Duration::from_millis(50)).await;
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_vouches_for_as_long_as_it_may_and_not_a_moment_longer() {
        for serve_stale in [false, true] {
            let log = Empty::default();
            let age = Duration::from_secs(1);
            let store = Replicated::start(log.clone(), age, serve_stale).await.unwrap();
            pass(10_000).await;
            assert!(store.standing(&TOKEN, at(1)).is_ok(), "an empty answer is news");
            log.0.0.store(true, Ordering::Relaxed);
            let last = store.shared.staleness();
            tokio::time::advance(age.saturating_sub(last)).await;
            assert!(store.standing(&TOKEN, at(1)).is_ok());
            tokio::time::advance(Duration::from_millis(1)).await;
            assert_eq!(store.standing(&TOKEN, at(1)).is_ok(), serve_stale);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_died_by_the_clock_of_the_configuration_is_thrown_out_each_minute() {
        let log = Empty::default();
        let store = Replicated::start(log.clone(), MAX_STALENESS, false).await.unwrap();
        let pruned = || log.0.1.lock().unwrap().clone();
        pass(90_000).await;
        assert!(pruned().is_empty(), "nobody has said what time it is");
        for second in [1_000, 2_000] {
            store.standing(&TOKEN, at(second)).unwrap();
        }
        pass(1_000).await;
        assert_eq!(pruned(), [at(2_000)]);
        pass(58_900).await;
        assert_eq!(pruned().len(), 1, "not yet");
        pass(60_000).await;
        assert_eq!(pruned().len(), 2);
    }

    #[tokio::test]
    async fn with_the_store_its_task_ends() {
        let log = Empty::default();
        let store = Replicated::start(log.clone(), MAX_STALENESS, false).await.unwrap();
        tokio::task::yield_now().await;
        assert_eq!(Arc::strong_count(&log.0), 2);
        drop(store);
        tokio::task::yield_now().await;
        assert_eq!(Arc::strong_count(&log.0), 1, "nobody reads a log that nobody asks for");
    }
}
