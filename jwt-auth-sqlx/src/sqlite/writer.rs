//! The writer of one process: operations that arrive together share one transaction.
//!
//! SQLite allows one writer, and each commit waits for the disk. Operations queue in order. Each runs within a savepoint
//! of the open transaction; once no more are waiting the transaction is committed, and then they all return.

use std::sync::Arc;
use std::time::Duration;

use jwt_auth::errors::StoreError;
use sqlx::Executor as _;
use sqlx::sqlite::SqliteConnection;
use tokio::sync::{Mutex, MutexGuard, Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

/// How long a process waits for the write lock of another one.
const LOCK_DEADLINE: Duration = Duration::from_secs(1);
/// How long it waits before it tries again. SQLite's own waits grow to 100 ms, which starves one of two processes.
const LOCK_RETRY: Duration = Duration::from_millis(1);
/// The largest number of operations of one transaction, so that other processes get their turn.
const MOST_OPERATIONS: usize = 256;
/// After this long without a pause a writer lets another process have its turn.
const LONGEST_ROW: Duration = Duration::from_millis(40);
/// How long its turn takes to begin: longer than a writer waits before it tries again.
const TURN: Duration = Duration::from_millis(3);

/// The result of a transaction: `None` while it is open.
type Committed = Option<Result<(), StoreError>>;

pub(super) struct Writer {
    state: Arc<Mutex<State>>,
    work: Arc<Notify>,
    committer: JoinHandle<()>,
}

struct State {
    connection: SqliteConnection,
    group: Option<Group>,
    /// Whether an operation was abandoned within its savepoint.
    is_dirty: bool,
    /// Since when transactions follow each other without a pause, and when the last one ended.
    row_began: Instant,
    last_commit: Instant,
}

/// The operations of the open transaction.
struct Group {
    operations: usize,
    committed: watch::Sender<Committed>,
}

impl Writer {
    pub(super) fn start(connection: SqliteConnection) -> Self {
        let last_commit = Instant::now();
        let row_began = last_commit;
        let state = State { connection, group: None, is_dirty: false, row_began, last_commit };
        let (state, work) = (Arc::new(Mutex::new(state)), Arc::new(Notify::new()));
        let committer = tokio::spawn(commit_groups(Arc::clone(&state), Arc::clone(&work)));
        Self { state, work, committer }
    }

    /// Waits for the turn of an operation, and starts it within a transaction.
    pub(super) async fn begin(&self) -> Result<Operation<'_>, StoreError> {
        let mut state = self.state.lock().await;
        state.open().await?;
        // Until its end: an operation that is dropped halfway is undone.
        state.is_dirty = true;
        state.connection.execute("SAVEPOINT operation").await.map_err(StoreError::new)?;
        Ok(Operation { state, work: &self.work })
    }
}

/// An operation that writes.
pub(super) struct Operation<'a> {
    state: MutexGuard<'a, State>,
    work: &'a Notify,
}

impl Operation<'_> {
    pub(super) fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.state.connection
    }

    /// Ends the operation, and returns its result once it is on disk. An error undoes it.
    pub(super) async fn end<T>(mut self, result: Result<T, sqlx::Error>) -> Result<T, StoreError> {
        let state = &mut *self.state;
        let end = if result.is_ok() { "RELEASE operation" } else { ABANDON };
        state.connection.execute(end).await.map_err(StoreError::new)?;
        state.is_dirty = false;
        let value = result.map_err(StoreError::new)?;
        let Some(group) = &mut state.group else {
            return Err(StoreError::new("the transaction is closed"));
        };
        group.operations += 1;
        let is_full = group.operations >= MOST_OPERATIONS;
        let mut committed = group.committed.subscribe();
        if is_full {
            state.commit().await;
        }
        self.work.notify_one();
        drop(self);
        let result = committed.wait_for(Option::is_some).await;
        let result = result.ok().and_then(|result| result.clone());
        result.unwrap_or_else(|| Err(StoreError::new("the store was closed")))?;
        Ok(value)
    }
}

/// Ends a savepoint without its changes.
const ABANDON: &str = "ROLLBACK TO operation; RELEASE operation";

impl State {
    /// Opens a transaction, if none is open. It takes the write lock first, so that all writers are decided one after
    /// another.
    async fn open(&mut self) -> Result<(), StoreError> {
        if self.is_dirty && self.group.is_some() {
            // There may be no savepoint, if it was abandoned before it existed.
            let _ = self.connection.execute(ABANDON).await;
        }
        self.is_dirty = false;
        if self.group.is_some() {
            return Ok(());
        }
        // The lock itself is not fair: a process that takes it again at once would starve the others.
        if self.last_commit.elapsed() >= TURN {
            self.row_began = Instant::now();
        } else if self.row_began.elapsed() >= LONGEST_ROW {
            sleep(TURN).await;
            self.row_began = Instant::now();
        }
        let start = Instant::now();
        loop {
            match self.connection.execute("BEGIN IMMEDIATE").await {
                Ok(_) => break,
                Err(error) if is_busy(&error) && start.elapsed() < LOCK_DEADLINE => {
                    sleep(LOCK_RETRY).await;
                }
                Err(error) if is_open(&error) => {
                    let _ = self.connection.execute("ROLLBACK").await;
                }
                Err(error) => return Err(StoreError::new(error)),
            }
        }
        self.group = Some(Group { operations: 0, committed: watch::Sender::new(None) });
        Ok(())
    }

    /// Commits the open transaction, and completes its operations.
    async fn commit(&mut self) {
        if self.is_dirty {
            let _ = self.connection.execute(ABANDON).await;
            self.is_dirty = false;
        }
        let Some(group) = self.group.take() else { return };
        let committed = self.connection.execute("COMMIT").await;
        self.last_commit = Instant::now();
        if committed.is_err() {
            let _ = self.connection.execute("ROLLBACK").await;
        }
        group.committed.send_replace(Some(committed.map(drop).map_err(StoreError::new)));
    }
}

/// Another process has the write lock (`SQLITE_BUSY`).
fn is_busy(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(error) if error.code().as_deref() == Some("5"))
}

/// A transaction whose `BEGIN` was abandoned is open.
fn is_open(error: &sqlx::Error) -> bool {
    matches!(error, sqlx::Error::Database(error) if error.message().contains("within a transaction"))
}

/// Commits each group, after the operations that were already waiting.
async fn commit_groups(state: Arc<Mutex<State>>, work: Arc<Notify>) {
    loop {
        work.notified().await;
        // The lock is fair, so every operation that was waiting is part of the group.
        state.lock().await.commit().await;
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.committer.abort();
    }
}
