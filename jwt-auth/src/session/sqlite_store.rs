//! `SqliteStore`: revocations and sessions in a SQLite file, durable, for the processes of one machine.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteRow, SqliteSynchronous,
};
use sqlx::{Executor as _, Row as _};

use crate::session::erased_store::BoxFuture;
use crate::session::record::{Record, RecordKey, SESSION_MARGIN, Second, end_second, second};
use crate::session::replicated_log::{
    Batch, Log, MAX_STALENESS, ReplicatedLog, Row, delegate_to_log,
};
use crate::session::rotation::{SessionState, decide};
use crate::session::{NewSession, RotationOutcome, RotationRequest, Session, StoreError};

/// A store in a SQLite file: durable, for one machine.
///
/// Each call returns when its record is on disk, so a process that is killed loses nothing that was confirmed.
/// Several processes may open the same file: each answers from an in-memory replica, and sees the revocations of
/// the others within 250 ms. Do not put the file on a network drive, because SQLite's locks do not work there.
///
/// ```
/// use jwt_auth::{Config, SqliteStore};
///
/// # let folder = std::env::temp_dir().join(format!("jwt-auth-doc-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// # let path = folder.join("sessions.db");
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
/// # runtime.block_on(async {
/// let store = SqliteStore::open(&path).await?; // created if it does not exist
/// let auth = Config::hs256([7; 32]).revocation(store).build()?;
/// # drop(auth);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # std::fs::remove_dir_all(folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SqliteStore(ReplicatedLog<SqliteLog>);

/// The options of a [`SqliteStore`] before it is opened.
///
/// Created by [`SqliteStore::builder`].
///
/// ```no_run
/// use jwt_auth::session::SqliteStoreBuilder;
/// use jwt_auth::{Config, SqliteStore};
///
/// # async fn start() -> Result<(), Box<dyn std::error::Error>> {
/// let builder: SqliteStoreBuilder = SqliteStore::builder("sessions.db");
/// let auth = Config::from_env().revocation(builder.open().await?).build()?;
/// # drop(auth);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder opens nothing before `.open()`"]
pub struct SqliteStoreBuilder {
    path: PathBuf,
    max_staleness: Duration,
    serve_stale: bool,
}

impl SqliteStore {
    /// Opens the file with the default options.
    ///
    /// Creates the file if it does not exist, and reads every revocation.
    ///
    /// # Errors
    ///
    /// If the file cannot be opened, or a newer release created it.
    ///
    /// ```no_run
    /// use jwt_auth::SqliteStore;
    ///
    /// # async fn store() -> Result<SqliteStore, jwt_auth::errors::StoreError> {
    /// SqliteStore::open("sessions.db").await
    /// # }
    /// ```
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::builder(path).open().await
    }

    /// A builder, to change options before [`open`](SqliteStoreBuilder::open).
    ///
    /// ```no_run
    /// use jwt_auth::SqliteStore;
    /// use std::time::Duration;
    ///
    /// # async fn store() -> Result<SqliteStore, jwt_auth::errors::StoreError> {
    /// SqliteStore::builder("sessions.db").max_staleness(Duration::from_secs(2)).open().await
    /// # }
    /// ```
    pub fn builder(path: impl AsRef<Path>) -> SqliteStoreBuilder {
        let path = path.as_ref().to_owned();
        SqliteStoreBuilder { path, max_staleness: MAX_STALENESS, serve_stale: false }
    }
}

impl SqliteStoreBuilder {
    /// How old the replica may be before tokens are refused with 503.
    ///
    /// Default: 5 seconds, which is twenty missed reads of the file.
    ///
    /// ```no_run
    /// use jwt_auth::SqliteStore;
    /// use std::time::Duration;
    ///
    /// # async fn store() -> Result<SqliteStore, jwt_auth::errors::StoreError> {
    /// SqliteStore::builder("sessions.db").max_staleness(Duration::from_secs(1)).open().await
    /// # }
    /// ```
    pub fn max_staleness(mut self, age: Duration) -> Self {
        self.max_staleness = age;
        self
    }

    /// Whether the replica answers at any age; public only in [`danger`](crate::danger).
    pub(crate) fn stale(mut self, serve: bool) -> Self {
        self.serve_stale = serve;
        self
    }

    /// Opens the file, or creates it if it does not exist.
    ///
    /// Reads every revocation that the file contains.
    ///
    /// # Errors
    ///
    /// If the file cannot be opened, or a newer release created it.
    ///
    /// ```no_run
    /// use jwt_auth::SqliteStore;
    ///
    /// # async fn store() -> Result<SqliteStore, jwt_auth::errors::StoreError> {
    /// SqliteStore::builder("sessions.db").open().await
    /// # }
    /// ```
    pub async fn open(self) -> Result<SqliteStore, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(&self.path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // Each commit is on disk before the call returns: a confirmed revocation survives a power cut.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(1));
        let pool = open_pool(&options).await.map_err(StoreError::new)?;
        migrate(&pool).await?;
        let log = SqliteLog { pool };
        ReplicatedLog::start(log, self.max_staleness, self.serve_stale).await.map(SqliteStore)
    }
}

delegate_to_log!(SqliteStore);

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SqliteStore").field(&self.0).finish()
    }
}

struct SqliteLog {
    pool: SqlitePool,
}

/// The version of the tables below. A file with a later version is refused.
const VERSION: i64 = 1;

const TABLES: &str = "
    CREATE TABLE jwt_auth_entries (
        key TEXT PRIMARY KEY, before INTEGER NOT NULL, until INTEGER NOT NULL, seq INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX jwt_auth_entries_seq ON jwt_auth_entries (seq);
    CREATE INDEX jwt_auth_entries_until ON jwt_auth_entries (until);
    CREATE TABLE jwt_auth_sessions (
        id TEXT PRIMARY KEY, subject TEXT NOT NULL, device TEXT, current TEXT NOT NULL,
        parent TEXT NOT NULL, began INTEGER NOT NULL, rotated INTEGER NOT NULL, ends INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX jwt_auth_sessions_subject ON jwt_auth_sessions (subject);
    CREATE INDEX jwt_auth_sessions_ends ON jwt_auth_sessions (ends);
    CREATE TABLE jwt_auth_state (version INTEGER NOT NULL, seq INTEGER NOT NULL);
    INSERT INTO jwt_auth_state VALUES (1, 0);
";

/// Opens the file. The process that creates the file switches it to WAL. SQLite's busy timeout does not apply to
/// that switch, so a process that starts at the same moment gets `SQLITE_BUSY` (5) and has to retry.
async fn open_pool(options: &SqliteConnectOptions) -> Result<SqlitePool, sqlx::Error> {
    let mut retries = 100;
    loop {
        let pool = SqlitePoolOptions::new()
            .max_connections(4)
            .acquire_timeout(Duration::from_secs(1))
            .connect_with(options.clone())
            .await;
        match pool {
            Err(sqlx::Error::Database(error))
                if retries > 0 && error.code().as_deref() == Some("5") =>
            {
                retries -= 1;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            result => return result,
        }
    }
}

/// Creates missing tables. The transaction takes the write lock first, so that several processes may start at
/// once.
async fn migrate(pool: &SqlitePool) -> Result<(), StoreError> {
    let mut tx = pool.begin_with("BEGIN IMMEDIATE").await.map_err(StoreError::new)?;
    let existing = sqlx::query("SELECT 1 FROM sqlite_master WHERE name = 'jwt_auth_state'")
        .fetch_optional(&mut *tx)
        .await
        .map_err(StoreError::new)?;
    if existing.is_none() {
        tx.execute(TABLES).await.map_err(StoreError::new)?;
    }
    let version: i64 = sqlx::query("SELECT version FROM jwt_auth_state")
        .fetch_one(&mut *tx)
        .await
        .and_then(|row| row.try_get(0))
        .map_err(StoreError::new)?;
    if version > VERSION {
        return Err(StoreError::new(format_args!(
            "a newer release created the file (version {version}; this release knows version {VERSION} and older); \
             update jwt-auth on this node"
        )));
    }
    tx.commit().await.map_err(StoreError::new)
}

/// Reads a row of entries; `None` for a malformed row, which is ignored.
fn read_entry(row: &SqliteRow) -> Option<Row> {
    let number = |at: usize| row.try_get::<i64, _>(at).ok().and_then(|n| Second::try_from(n).ok());
    Some((row.try_get(0).ok()?, number(1)?, number(2)?))
}

fn millis(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn time(millis: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(millis).unwrap_or_default())
}

fn to_i64(seconds: Second) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

const SELECT_SESSION: &str =
    "SELECT id, subject, device, current, parent, began, rotated, ends FROM jwt_auth_sessions";

fn read_session_state(row: &SqliteRow) -> Result<(String, SessionState), sqlx::Error> {
    let text = |at: usize| row.try_get::<String, _>(at).map(String::into_boxed_str);
    let state = SessionState {
        subject: text(1)?,
        device: row.try_get::<Option<String>, _>(2)?.map(String::into_boxed_str),
        current: text(3)?,
        parent: text(4)?,
        began: time(row.try_get(5)?),
        rotated_at: time(row.try_get(6)?),
        ends: time(row.try_get(7)?),
    };
    Ok((row.try_get(0)?, state))
}

async fn write_entry(tx: &mut SqliteConnection, record: &Record) -> Result<(), sqlx::Error> {
    let seq: i64 = sqlx::query("UPDATE jwt_auth_state SET seq = seq + 1 RETURNING seq")
        .fetch_one(&mut *tx)
        .await?
        .try_get(0)?;
    sqlx::query(
        "INSERT INTO jwt_auth_entries VALUES (?1, ?2,
            max(?3, coalesce((SELECT ends / 1000 + ?6 FROM jwt_auth_sessions WHERE id = ?5), 0)), ?4)
         ON CONFLICT (key) DO UPDATE SET
         before = max(before, excluded.before), until = max(until, excluded.until), seq = excluded.seq",
    )
    .bind(record.key.text())
    .bind(to_i64(record.before))
    .bind(to_i64(record.until))
    .bind(seq)
    .bind(record.key.session_id())
    .bind(to_i64(SESSION_MARGIN))
    .execute(&mut *tx)
    .await?;
    Ok(())
}

async fn write_session(
    tx: &mut SqliteConnection,
    id: &str,
    state: &SessionState,
) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT OR REPLACE INTO jwt_auth_sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
        .bind(id)
        .bind(&*state.subject)
        .bind(state.device.as_deref())
        .bind(&*state.current)
        .bind(&*state.parent)
        .bind(millis(state.began))
        .bind(millis(state.rotated_at))
        .bind(millis(state.ends))
        .execute(&mut *tx)
        .await?;
    Ok(())
}

impl SqliteLog {
    async fn rotate_session(
        &self,
        request: &RotationRequest<'_>,
    ) -> Result<RotationOutcome, sqlx::Error> {
        // The write lock is taken first, so that concurrent uses of a token are decided one after another.
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let key = RecordKey::Session(request.session_id.to_owned());
        let revoked = sqlx::query("SELECT 1 FROM jwt_auth_entries WHERE key = ?1 AND until > ?2")
            .bind(key.text())
            .bind(to_i64(second(request.now)))
            .fetch_optional(&mut *tx)
            .await?
            .is_some();
        let mut state = sqlx::query(&format!("{SELECT_SESSION} WHERE id = ?1"))
            .bind(request.session_id)
            .fetch_optional(&mut *tx)
            .await?
            .map(|row| read_session_state(&row).map(|(_, state)| state))
            .transpose()?;
        let outcome = decide(&mut state, revoked, request);
        match (&outcome, &state) {
            (RotationOutcome::Rotated { .. }, Some(state)) => {
                write_session(&mut tx, request.session_id, state).await?;
            }
            (RotationOutcome::Reused, _) => {
                let until = end_second(request.revoked_until);
                write_entry(&mut tx, &Record { key, before: 0, until }).await?;
            }
            _ => {}
        }
        tx.commit().await?;
        Ok(outcome)
    }

    async fn append_record(&self, record: &Record) -> Result<(), sqlx::Error> {
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        write_entry(&mut tx, record).await?;
        tx.commit().await
    }

    async fn delete_expired(&self, now: SystemTime) -> Result<u64, sqlx::Error> {
        // A day of margin, so that a node whose clock is ahead deletes nothing that another node still needs.
        let entries = to_i64(second(now).saturating_sub(86_400));
        let sessions = millis(now).saturating_sub(86_400_000);
        let mut deleted = 0;
        for (statement, before) in [
            (
                "DELETE FROM jwt_auth_entries WHERE key IN (SELECT key FROM jwt_auth_entries WHERE until < ?1 LIMIT 1000)",
                entries,
            ),
            (
                "DELETE FROM jwt_auth_sessions WHERE id IN (SELECT id FROM jwt_auth_sessions WHERE ends < ?1 LIMIT 1000)",
                sessions,
            ),
        ] {
            loop {
                let batch = sqlx::query(statement).bind(before).execute(&self.pool).await?;
                deleted += batch.rows_affected();
                if batch.rows_affected() < 1000 {
                    break;
                }
            }
        }
        Ok(deleted)
    }
}

/// The largest number of rows of one query.
const PAGE: i64 = 10_000;

impl Log for SqliteLog {
    /// The `seq` of the last row that was read.
    type Cursor = i64;

    fn read(&self, after: Option<i64>) -> BoxFuture<'_, Batch<i64>> {
        Box::pin(async move {
            let mut cursor = after.unwrap_or(0);
            let mut rows = Vec::new();
            loop {
                let page = sqlx::query(
                    "SELECT key, before, until, seq FROM jwt_auth_entries WHERE seq > ?1 ORDER BY seq LIMIT ?2",
                )
                .bind(cursor)
                .bind(PAGE)
                .fetch_all(&self.pool)
                .await
                .map_err(StoreError::new)?;
                if let Some(last) = page.last() {
                    cursor = last.try_get(3).map_err(StoreError::new)?;
                }
                rows.extend(page.iter().filter_map(read_entry));
                if page.len() < usize::try_from(PAGE).unwrap_or(usize::MAX) {
                    return Ok(Batch { rows, cursor });
                }
            }
        })
    }

    fn append<'a>(&'a self, record: &'a Record, _: SystemTime) -> BoxFuture<'a, ()> {
        Box::pin(async move { self.append_record(record).await.map_err(StoreError::new) })
    }

    fn find(&self, keys: Vec<String>) -> BoxFuture<'_, Vec<Row>> {
        Box::pin(async move {
            let placeholders = vec!["?"; keys.len()].join(", ");
            let statement = format!(
                "SELECT key, before, until FROM jwt_auth_entries WHERE key IN ({placeholders})"
            );
            let query = keys.iter().fold(sqlx::query(&statement), sqlx::query::Query::bind);
            let rows = query.fetch_all(&self.pool).await.map_err(StoreError::new)?;
            Ok(rows.iter().filter_map(read_entry).collect())
        })
    }

    fn rotate<'a>(&'a self, request: &'a RotationRequest<'a>) -> BoxFuture<'a, RotationOutcome> {
        Box::pin(async move { self.rotate_session(request).await.map_err(StoreError::new) })
    }

    fn register<'a>(&'a self, session: &'a NewSession<'a>) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let mut connection = self.pool.acquire().await.map_err(StoreError::new)?;
            let state = SessionState::begin(session);
            write_session(&mut connection, session.id, &state).await.map_err(StoreError::new)
        })
    }

    fn sessions<'a>(&'a self, subject: &'a str, now: SystemTime) -> BoxFuture<'a, Vec<Session>> {
        Box::pin(async move {
            let statement =
                format!("{SELECT_SESSION} WHERE subject = ?1 AND ends > ?2 ORDER BY rotated DESC");
            let rows = sqlx::query(&statement)
                .bind(subject)
                .bind(millis(now))
                .fetch_all(&self.pool)
                .await
                .map_err(StoreError::new)?;
            let sessions = rows.iter().filter_map(|row| read_session_state(row).ok());
            Ok(sessions.map(|(id, state)| state.listed(&id)).collect())
        })
    }

    fn prune(&self, now: SystemTime) -> BoxFuture<'_, u64> {
        Box::pin(async move { self.delete_expired(now).await.map_err(StoreError::new) })
    }
}
