//! A shared store behind a replica: checks are answered from memory, and a task reads the store's log.
//!
//! Reading the log also shows how old the replica is. Each answer, empty or not, states up to which time the replica
//! contains everything, which is usually when the read was sent. The time since then is the age of the replica.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::clock::{Clock as _, SystemClock};
use crate::session::admission::Admission;
use crate::session::log::{Batch, Decision, HEARTBEAT, Log, Registration, Row};
use crate::session::record::{Record, RecordKey, Second, from_millis, second};
use crate::session::replica::Replica;
use crate::session::rotation::is_adoptable;
use crate::session::{
    NewSession, Registered, Revocation, RevocationStore, RotationOutcome, RotationRequest, Session,
    SharedKeys, StoreError, StoreStatus, TokenIdentity, TokenStatus,
};
use crate::token_kind::TokenKind;

/// A read that takes longer is abandoned and repeated. The first read may return a million rows; each of its
/// commands has a shorter timeout.
const READ_DEADLINE: Duration = Duration::from_secs(60);
/// How long the first read may wait for a server that cannot tell yet how old its answer is.
const START_DEADLINE: Duration = Duration::from_secs(10);
/// How often the first read is repeated until then.
const START_INTERVAL: Duration = Duration::from_millis(50);
/// How often expired rows are deleted.
const PRUNE_EVERY: Duration = Duration::from_secs(60);
/// A store that lost writes gets back the records of this time.
const REMEMBER: Duration = Duration::from_secs(60);
/// At most this many records are remembered for a store that lost writes.
const REMEMBERED: usize = 100_000;
/// How many records are looked up at once after a store lost writes.
const RESTORE_BATCH: usize = 500;

/// The options of a [`ReplicatedStore`].
///
/// ```
/// use jwt_auth::session::log::LogOptions;
/// use std::time::Duration;
///
/// let options = LogOptions::default().max_staleness(Duration::from_secs(2));
/// # drop(options);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct LogOptions {
    max_staleness: Duration,
    serves_stale: bool,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self { max_staleness: Duration::from_secs(5), serves_stale: false }
    }
}

impl LogOptions {
    /// How old the replica may be before tokens are refused with 503.
    ///
    /// Default: 5 seconds, which is twenty missed reads of the log.
    ///
    /// ```
    /// # use jwt_auth::session::log::LogOptions;
    /// # use std::time::Duration;
    /// let options = LogOptions::default().max_staleness(Duration::from_secs(1));
    /// # drop(options);
    /// ```
    #[must_use]
    pub fn max_staleness(mut self, age: Duration) -> Self {
        self.max_staleness = age;
        self
    }

    /// Whether the replica answers at any age; public only in [`danger`](crate::danger).
    pub(crate) fn stale(mut self, serve: bool) -> Self {
        self.serves_stale = serve;
        self
    }
}

/// A store on a [`Log`]: the replica, and the task that copies the log to it.
///
/// Checks are answered from the replica. The task reads the log whenever there is news, and at least every
/// [`HEARTBEAT`](crate::session::log::HEARTBEAT); it ends with the store.
///
/// ```
/// use jwt_auth::errors::StoreError;
/// use jwt_auth::session::log::{Log, LogOptions, ReplicatedStore};
///
/// async fn open<L: Log>(log: L) -> Result<ReplicatedStore<L>, StoreError> {
///     ReplicatedStore::start(log, LogOptions::default()).await
/// }
/// ```
pub struct ReplicatedStore<L: Log> {
    shared: Arc<Shared<L>>,
    reader: JoinHandle<()>,
}

struct Shared<L> {
    log: L,
    replica: Replica,
    started: Instant,
    /// Up to when the replica contains everything, in milliseconds since the start.
    fresh: AtomicU64,
    /// The last time read from the configured clock, in seconds. It decides what has expired.
    now: AtomicU64,
    options: LogOptions,
    admission: Admission,
    warned: AtomicBool,
    /// The error of the last read of the log, if it failed.
    last_error: Mutex<Option<String>>,
    /// The rows of the last minute.
    recent: Mutex<VecDeque<(Instant, Row)>>,
}

impl<L: Log> ReplicatedStore<L> {
    /// Reads the whole log, then starts the reader task. It needs a Tokio runtime.
    ///
    /// # Errors
    ///
    /// If the log cannot be read, or does not show within 10 seconds how old it is.
    ///
    /// ```
    /// use jwt_auth::session::log::{Log, LogOptions, ReplicatedStore};
    /// use std::time::Duration;
    ///
    /// # async fn open<L: Log>(log: L) -> Result<(), jwt_auth::errors::StoreError> {
    /// let options = LogOptions::default().max_staleness(Duration::from_secs(2));
    /// let store = ReplicatedStore::start(log, options).await?;
    /// # drop(store);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn start(log: L, options: LogOptions) -> Result<Self, StoreError> {
        let shared = Arc::new(Shared {
            log,
            replica: Replica::new(),
            started: Instant::now(),
            fresh: AtomicU64::new(0),
            now: AtomicU64::new(0),
            options,
            admission: Admission::new(),
            warned: AtomicBool::new(false),
            last_error: Mutex::default(),
            recent: Mutex::default(),
        });
        let mut first = shared.read(None).await?;
        while first.as_of.is_none() {
            if shared.started.elapsed() > START_DEADLINE {
                return Err(StoreError::new("the read replica shows no heartbeat of this node"));
            }
            tokio::time::sleep(START_INTERVAL).await;
            first = shared.read(Some(first.cursor)).await?;
        }
        // A large log takes long to read, and the replica is as old as the start of its last read.
        if shared.staleness() > HEARTBEAT {
            first = shared.read(Some(first.cursor)).await?;
        }
        let reader = tokio::spawn(Arc::clone(&shared).follow(first.cursor));
        Ok(Self { shared, reader })
    }
}

impl<L: Log> RevocationStore for ReplicatedStore<L> {
    fn check(&self, token: &TokenIdentity<'_>, now: SystemTime) -> Result<TokenStatus, StoreError> {
        let shared = &*self.shared;
        shared.observe_clock(now);
        let stale = shared.staleness();
        if stale > shared.options.max_staleness && !shared.options.serves_stale {
            return Err(StoreError::new(format_args!(
                "the replica is {} ms old",
                stale.as_millis()
            )));
        }
        Ok(shared.replica.check(token, second(now)))
    }

    fn status(&self) -> StoreStatus {
        let shared = &*self.shared;
        let age = shared.staleness();
        let error = shared.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let status = if age <= shared.options.max_staleness || shared.options.serves_stale {
            StoreStatus::fresh()
        } else {
            StoreStatus::stale("")
        };
        status.with_age(age).with_entries(shared.replica.len()).with_last_error(error)
    }

    async fn check_strict(
        &self,
        token: &TokenIdentity<'_>,
        now: SystemTime,
    ) -> Result<TokenStatus, StoreError> {
        let keys = RecordKey::that_cover(token).iter().map(RecordKey::text).collect();
        let session = token.session_id.filter(|_| token.kind == TokenKind::Refresh);
        let found = self.shared.call(self.shared.log.find(keys, session)).await?;
        // The replica may know more than a store that lost writes, so the later record counts.
        for record in found.rows.iter().filter_map(|row| self.shared.parse(row)) {
            self.shared.replica.apply(&record, second(now));
        }
        let is_gone = session.is_some() && !found.is_session_known;
        if is_gone && !is_adoptable(token, found.created) {
            return Ok(TokenStatus::Revoked);
        }
        Ok(self.shared.replica.check(token, second(now)))
    }

    async fn revoke(&self, revocation: Revocation<'_>, now: SystemTime) -> Result<(), StoreError> {
        self.shared.observe_clock(now);
        let row = self.shared.call(self.shared.log.revoke(&revocation, now)).await?;
        self.shared.apply(row, second(now));
        Ok(())
    }

    async fn rotate(&self, request: RotationRequest<'_>) -> Result<RotationOutcome, StoreError> {
        self.shared.observe_clock(request.now);
        let Decision { outcome, row } = self.shared.call(self.shared.log.rotate(&request)).await?;
        if let Some(row) = row {
            self.shared.apply(row, second(request.now));
        }
        Ok(outcome)
    }

    async fn register(&self, session: NewSession<'_>) -> Result<Registered, StoreError> {
        self.shared.observe_clock(session.now);
        let Registration { started, ended } =
            self.shared.call(self.shared.log.register(&session)).await?;
        let mut registered = Registered::at(from_millis(started));
        for (id, row) in ended {
            registered.ended.push(id);
            self.shared.apply(row, second(session.now));
        }
        Ok(registered)
    }

    async fn sessions(&self, subject: &str, now: SystemTime) -> Result<Vec<Session>, StoreError> {
        let mut found = self.shared.call(self.shared.log.sessions(subject, now)).await?;
        found.retain(|session| !self.shared.replica.is_session_revoked(&session.id, second(now)));
        Ok(found)
    }

    async fn remember_access_life(&self, life: Duration) -> Result<(), StoreError> {
        self.shared.log.remember_access_life(life).await
    }

    async fn shared_keys(&self) -> Result<SharedKeys, StoreError> {
        self.shared.log.shared_keys().await
    }

    async fn replace_shared_keys(&self, version: u64, document: &str) -> Result<bool, StoreError> {
        self.shared.log.replace_shared_keys(version, document).await
    }

    async fn use_once(&self, id: &str, life: Duration, _: SystemTime) -> Result<bool, StoreError> {
        self.shared.call(self.shared.log.use_once(id, life)).await
    }

    async fn prune(&self, _: SystemTime) -> Result<u64, StoreError> {
        self.shared.log.prune().await
    }
}

impl<L: Log> Shared<L> {
    /// Makes a call to the log, unless it would wait longer than its caller does.
    async fn call<T>(
        &self,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let Some(admitted) = self.admission.admit() else {
            return Err(StoreError::new("too many calls are waiting for the store"));
        };
        let answer = call.await;
        admitted.answered();
        answer
    }

    /// The age of the replica.
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

    /// Applies a row, and remembers it for a store that loses it.
    fn apply(&self, row: Row, now: Second) {
        let Some(record) = self.parse(&row) else { return };
        self.replica.apply(&record, now);
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        while recent.len() >= REMEMBERED
            || recent.front().is_some_and(|(at, _)| at.elapsed() > REMEMBER)
        {
            recent.pop_front();
        }
        recent.push_back((Instant::now(), row));
    }

    /// Reads the log once, and applies what it returns.
    async fn read(&self, after: Option<L::Cursor>) -> Result<Batch<L::Cursor>, StoreError> {
        let is_first = after.is_none();
        let read = tokio::time::timeout(READ_DEADLINE, self.log.read(after)).await;
        let mut batch =
            read.unwrap_or_else(|_| Err(StoreError::new("no answer within a minute")))?;
        let now = self.now();
        for row in std::mem::take(&mut batch.rows) {
            if !is_first && !batch.is_whole {
                self.apply(row, now);
            } else if let Some(record) = self.parse(&row) {
                self.replica.apply(&record, now);
            }
        }
        if let Some(as_of) = batch.as_of {
            let fresh = as_of.saturating_duration_since(self.started).as_millis();
            self.fresh.fetch_max(u64::try_from(fresh).unwrap_or(u64::MAX), Ordering::Release);
        }
        Ok(batch)
    }

    /// Writes the rows of the last minute again that the store does not have.
    async fn restore(&self) -> Result<(), StoreError> {
        let recent: Vec<Row> = {
            let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
            let is_recent = |(at, _): &&(Instant, Row)| at.elapsed() <= REMEMBER;
            recent.iter().filter(is_recent).map(|(_, row)| row.clone()).collect()
        };
        let mut restored = 0_u64;
        for rows in recent.chunks(RESTORE_BATCH) {
            let keys = rows.iter().map(|row| row.key.clone()).collect();
            let known = self.log.find(keys, None).await?.rows.into_iter();
            let known: HashMap<String, (u64, Second)> =
                known.map(|row| (row.key, (row.before, row.until))).collect();
            for row in rows {
                let is_known = known
                    .get(&row.key)
                    .is_some_and(|(before, until)| *before >= row.before && *until >= row.until);
                if !is_known {
                    self.write_again(row).await?;
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

    /// Writes a row that the store lost, and ends its session, which the store has again.
    async fn write_again(&self, row: &Row) -> Result<(), StoreError> {
        let (now, record) = (SystemClock.now(), row.record());
        let Some(id) = record.as_ref().and_then(|record| record.key.session_id()) else {
            return self.log.append(row, now).await;
        };
        let until = from_millis(row.until.saturating_mul(1000));
        let end = Revocation::Session { id, started_at: None, until };
        self.log.revoke(&end, now).await.map(drop)
    }

    /// A row as a record. Rows of a newer release are ignored, with one warning.
    fn parse(&self, row: &Row) -> Option<Record> {
        let record = row.record();
        if record.is_none() && !self.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                target: "jwt_auth",
                "the store contains records of a newer release; this release ignores them"
            );
        }
        record
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

impl<L: Log> Drop for ReplicatedStore<L> {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl<L: Log> fmt::Debug for ReplicatedStore<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplicatedStore")
            .field("replica", &self.shared.replica)
            .field("staleness", &self.shared.staleness())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::MutexGuard;

    use super::*;
    use crate::session::log::{Found, Ledger};

    /// A log that can be made unavailable, and that can lose what was written to it.
    #[derive(Clone)]
    struct Lossy(Arc<Inner>);

    struct Inner {
        is_down: AtomicBool,
        pruned: AtomicU64,
        state: Mutex<State>,
        proof: Mutex<Proof>,
    }

    /// Up to when an answer is complete.
    #[derive(Clone, Copy, Default)]
    enum Proof {
        #[default]
        Call,
        Nothing,
        Until(Instant),
    }

    #[derive(Clone)]
    struct State {
        ledger: Ledger,
        rows: Vec<Row>,
    }

    impl State {
        fn write(&mut self, row: Row) -> Row {
            self.rows.push(row.clone());
            row
        }
    }

    impl Default for Lossy {
        fn default() -> Self {
            let state = State { ledger: Ledger::new(at(0)), rows: Vec::new() };
            let (is_down, pruned) = (AtomicBool::new(false), AtomicU64::new(0));
            let (state, proof) = (Mutex::new(state), Mutex::default());
            Self(Arc::new(Inner { is_down, pruned, state, proof }))
        }
    }

    impl Lossy {
        fn state(&self) -> MutexGuard<'_, State> {
            self.0.state.lock().unwrap()
        }

        fn rows(&self) -> Vec<Row> {
            self.state().rows.clone()
        }

        fn set_down(&self, is_down: bool) {
            self.0.is_down.store(is_down, Ordering::Relaxed);
        }

        /// Replaces the content by an earlier one, as a failover does that loses writes.
        async fn fail_over_to(&self, earlier: State) {
            self.set_down(true);
            advance(500).await;
            *self.state() = earlier;
            self.set_down(false);
            advance(1_000).await;
        }
    }

    impl Log for Lossy {
        type Cursor = usize;

        async fn read(&self, after: Option<usize>) -> Result<Batch<usize>, StoreError> {
            if self.0.is_down.load(Ordering::Relaxed) {
                return Err(StoreError::new("down"));
            }
            let (rows, is_whole) = (self.rows(), after.is_none());
            let cursor = rows.len();
            let rows = rows.into_iter().skip(after.unwrap_or(0)).collect();
            let as_of = match *self.0.proof.lock().unwrap() {
                Proof::Call => Some(Instant::now()),
                Proof::Nothing => None,
                Proof::Until(at) => Some(at),
            };
            Ok(Batch { rows, cursor, is_whole, as_of })
        }

        async fn append(&self, row: &Row, _: SystemTime) -> Result<(), StoreError> {
            let mut state = self.state();
            let row = state.ledger.append(row.clone());
            state.write(row);
            Ok(())
        }

        async fn revoke(&self, what: &Revocation<'_>, now: SystemTime) -> Result<Row, StoreError> {
            let mut state = self.state();
            let row = state.ledger.revoke(what, now);
            Ok(state.write(row))
        }

        async fn find(&self, keys: Vec<String>, id: Option<&str>) -> Result<Found, StoreError> {
            Ok(self.state().ledger.find(&keys, id, at(0)))
        }

        async fn rotate(&self, request: &RotationRequest<'_>) -> Result<Decision, StoreError> {
            let mut state = self.state();
            let decision = state.ledger.rotate(request);
            state.rows.extend(decision.row.clone());
            Ok(decision)
        }

        async fn register(&self, session: &NewSession<'_>) -> Result<Registration, StoreError> {
            Ok(self.state().ledger.register(session))
        }

        async fn sessions(&self, of: &str, now: SystemTime) -> Result<Vec<Session>, StoreError> {
            Ok(self.state().ledger.sessions(of, now))
        }

        async fn remember_access_life(&self, _: Duration) -> Result<(), StoreError> {
            Ok(())
        }

        async fn prune(&self) -> Result<u64, StoreError> {
            self.0.pruned.fetch_add(1, Ordering::Relaxed);
            Ok(0)
        }
    }

    fn options(max_staleness: Duration) -> LogOptions {
        LogOptions::default().max_staleness(max_staleness)
    }

    const TOKEN: TokenIdentity<'static> = TokenIdentity::for_test(TokenKind::Access, "alice", "x");

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
            let store =
                ReplicatedStore::start(log.clone(), options(age).stale(serve_stale)).await.unwrap();
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
    async fn a_read_replica_is_as_old_as_it_proves() {
        let log = Lossy::default();
        let prove = |proof| *log.0.proof.lock().unwrap() = proof;
        prove(Proof::Nothing);
        let store = ReplicatedStore::start(log.clone(), LogOptions::default()).await;
        let error = store.expect_err("no proof within ten seconds").to_string();
        assert!(error.contains("no heartbeat"), "{error}");
        let start = Instant::now();
        prove(Proof::Until(start));
        let age = Duration::from_secs(1);
        let store = ReplicatedStore::start(log.clone(), options(age)).await.unwrap();
        assert!(store.check(&TOKEN, at(1)).is_ok());
        advance(1_050).await;
        assert!(store.check(&TOKEN, at(1)).is_err(), "it answers, and proves nothing new");
        assert_eq!(store.status().last_error(), None);
        prove(Proof::Until(start + age));
        advance(300).await;
        assert!(store.check(&TOKEN, at(1)).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn s8_expired_records_are_deleted_every_minute_by_the_clock_of_the_store() {
        let log = Lossy::default();
        let store = ReplicatedStore::start(log.clone(), LogOptions::default()).await.unwrap();
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
        let store = ReplicatedStore::start(log.clone(), LogOptions::default()).await.unwrap();
        let revoke = async |id| {
            store
                .revoke(Revocation::Token { issuer: None, id, until: at(99) }, at(1))
                .await
                .unwrap();
        };
        let empty = log.state().clone();
        revoke("long ago").await;
        advance(61_000).await;
        revoke("just now").await;
        *log.state() = empty.clone();
        advance(1_000).await;
        assert_eq!(log.rows().len(), 0, "nothing shows the loss");
        log.fail_over_to(empty).await;
        let rows = log.rows();
        assert_eq!(rows.len(), 1, "written again once: {rows:?}");
        assert!(rows[0].key.contains("just now"));
        let complete = log.state().clone();
        log.fail_over_to(complete).await;
        assert_eq!(log.rows().len(), 1, "nothing was lost");
    }

    #[tokio::test(start_paused = true)]
    async fn s5_a_store_that_lost_the_end_of_a_session_ends_it_again() {
        let log = Lossy::default();
        let store = ReplicatedStore::start(log.clone(), LogOptions::default()).await.unwrap();
        let session = NewSession::new("a-session", "alice", "first-jti", at(1), at(9_999));
        store.register(session).await.unwrap();
        let is_alive = || log.state().ledger.sessions("alice", at(2)).len() == 1;
        let earlier = log.state().clone();
        assert!(is_alive());
        let end = Revocation::Session { id: "a-session", started_at: None, until: at(9_999) };
        store.revoke(end, at(1)).await.unwrap();
        log.fail_over_to(earlier).await;
        assert!(!is_alive(), "a refresh token outlives the record of its session");
    }

    #[tokio::test]
    async fn dropping_the_store_ends_its_reader() {
        let log = Lossy::default();
        let store = ReplicatedStore::start(log.clone(), LogOptions::default()).await.unwrap();
        tokio::task::yield_now().await;
        assert_eq!(Arc::strong_count(&log.0), 2);
        drop(store);
        tokio::task::yield_now().await;
        assert_eq!(Arc::strong_count(&log.0), 1, "the reader task is gone");
    }
}
