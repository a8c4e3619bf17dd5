//! `SqliteStore`: revocations and sessions in a SQLite file, durable, for the processes of one machine.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteRow, SqliteSynchronous,
};
use sqlx::{Executor as _, Row as _, Sqlite, Transaction};

use crate::clock::{Clock as _, SystemClock};
use crate::session::erased_store::BoxFuture;
use crate::session::record::{Millis, Record, RecordKey, millis, second};
use crate::session::record_key::epoch_keys;
use crate::session::replicated_log::{
    Batch, Found, Log, MAX_STALENESS, Registration, ReplicatedLog, Rotation, Row, delegate_to_log,
};
use crate::session::rotation::{Facts, SessionState, decide, unknown_record_end};
use crate::session::{
    NewSession, Revocation, RotationOutcome, RotationRequest, Session, StoreError,
};

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
        parent TEXT NOT NULL, generation INTEGER NOT NULL, started INTEGER NOT NULL,
        rotated INTEGER NOT NULL, ends INTEGER NOT NULL, expires INTEGER NOT NULL,
        adopted INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX jwt_auth_sessions_subject ON jwt_auth_sessions (subject);
    CREATE INDEX jwt_auth_sessions_started ON jwt_auth_sessions (started);
    CREATE INDEX jwt_auth_sessions_expires ON jwt_auth_sessions (expires);
    CREATE TABLE jwt_auth_state (
        version INTEGER NOT NULL, seq INTEGER NOT NULL, created INTEGER NOT NULL,
        access_life INTEGER NOT NULL
    );
    INSERT INTO jwt_auth_state VALUES (1, 0, 0, 0);
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
        sqlx::query("UPDATE jwt_auth_state SET created = ?1")
            .bind(to_i64(millis(SystemClock.now())))
            .execute(&mut *tx)
            .await
            .map_err(StoreError::new)?;
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
    let number = |at: usize| row.try_get::<i64, _>(at).ok().and_then(|n| u64::try_from(n).ok());
    Some((row.try_get(0).ok()?, number(1)?, number(2)?))
}

fn to_i64(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number that this store wrote. A negative one, which it never writes, counts as zero.
fn to_u64(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

const SELECT_SESSION: &str = "SELECT id, subject, device, current, parent, generation, started, rotated, ends, \
     expires, adopted FROM jwt_auth_sessions";

fn read_session_state(row: &SqliteRow) -> Result<(String, SessionState), sqlx::Error> {
    let text = |at: usize| row.try_get::<String, _>(at).map(String::into_boxed_str);
    let number = |at: usize| row.try_get::<i64, _>(at).map(to_u64);
    let state = SessionState {
        subject: text(1)?,
        device: row.try_get::<Option<String>, _>(2)?.map(String::into_boxed_str),
        current: text(3)?,
        parent: text(4)?,
        generation: number(5)?,
        started: number(6)?,
        rotated: number(7)?,
        ends: number(8)?,
        expires: number(9)?,
        is_adopted: row.try_get(10)?,
    };
    Ok((row.try_get(0)?, state))
}

async fn find_session(
    tx: &mut SqliteConnection,
    id: &str,
) -> Result<Option<SessionState>, sqlx::Error> {
    let statement = format!("{SELECT_SESSION} WHERE id = ?1");
    let row = sqlx::query(&statement).bind(id).fetch_optional(tx).await?;
    row.map(|row| read_session_state(&row).map(|(_, state)| state)).transpose()
}

/// The sessions of a subject that have not expired, the most recently used first. Malformed ones are ignored.
async fn find_sessions(
    tx: &mut SqliteConnection,
    subject: &str,
    now: SystemTime,
) -> Result<Vec<(String, SessionState)>, sqlx::Error> {
    let statement =
        format!("{SELECT_SESSION} WHERE subject = ?1 AND expires > ?2 ORDER BY rotated DESC");
    let rows =
        sqlx::query(&statement).bind(subject).bind(to_i64(millis(now))).fetch_all(tx).await?;
    Ok(rows.iter().filter_map(|row| read_session_state(row).ok()).collect())
}

async fn write_session(
    tx: &mut SqliteConnection,
    id: &str,
    state: &SessionState,
) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT OR REPLACE INTO jwt_auth_sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
        .bind(id)
        .bind(&*state.subject)
        .bind(state.device.as_deref())
        .bind(&*state.current)
        .bind(&*state.parent)
        .bind(to_i64(state.generation))
        .bind(to_i64(state.started))
        .bind(to_i64(state.rotated))
        .bind(to_i64(state.ends))
        .bind(to_i64(state.expires))
        .bind(state.is_adopted)
        .execute(tx)
        .await
        .map(drop)
}

/// Writes a record, and returns what the file then contains.
async fn write_entry(tx: &mut SqliteConnection, record: Record) -> Result<Record, sqlx::Error> {
    let seq: i64 = sqlx::query("UPDATE jwt_auth_state SET seq = seq + 1 RETURNING seq")
        .fetch_one(&mut *tx)
        .await?
        .try_get(0)?;
    let row = sqlx::query(
        "INSERT INTO jwt_auth_entries VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (key) DO UPDATE SET
         before = max(before, excluded.before), until = max(until, excluded.until), seq = excluded.seq
         RETURNING before, until",
    )
    .bind(record.key.text())
    .bind(to_i64(record.before))
    .bind(to_i64(record.until))
    .bind(seq)
    .fetch_one(tx)
    .await?;
    let (before, until) = (to_u64(row.try_get(0)?), to_u64(row.try_get(1)?));
    Ok(Record { before, until, ..record })
}

/// When the file was created, and the longest life of an access token.
async fn read_state(tx: &mut SqliteConnection) -> Result<(Millis, Duration), sqlx::Error> {
    let row = sqlx::query("SELECT created, access_life FROM jwt_auth_state").fetch_one(tx).await?;
    Ok((to_u64(row.try_get(0)?), Duration::from_secs(to_u64(row.try_get(1)?))))
}

/// The later one of the epoch of the subject and the epoch of all.
async fn read_epoch(
    tx: &mut SqliteConnection,
    subject: &str,
) -> Result<Option<Millis>, sqlx::Error> {
    let [of_subject, of_all] = epoch_keys(subject).map(|key| key.text());
    let row = sqlx::query("SELECT max(before) FROM jwt_auth_entries WHERE key IN (?1, ?2)")
        .bind(of_subject)
        .bind(of_all)
        .fetch_one(tx)
        .await?;
    Ok(row.try_get::<Option<i64>, _>(0)?.map(to_u64))
}

/// The later one of two clocks, so that a clock that is behind ends no record early.
fn latest(now: SystemTime) -> SystemTime {
    now.max(SystemClock.now())
}

/// Deletes a session, and writes the record that its access tokens need. `until` is the end of the record of an
/// unknown session.
async fn end_session(
    tx: &mut SqliteConnection,
    id: &str,
    started_at: Option<SystemTime>,
    until: SystemTime,
    now: SystemTime,
) -> Result<Record, sqlx::Error> {
    let (created, life) = read_state(tx).await?;
    let until = match find_session(tx, id).await? {
        Some(state) => state.record_end(created, life, latest(now)),
        None => unknown_record_end(started_at, until, created, life, latest(now)),
    };
    sqlx::query("DELETE FROM jwt_auth_sessions WHERE id = ?1").bind(id).execute(&mut *tx).await?;
    write_entry(tx, Record::of_session(id, until)).await
}

/// Whether a record in force has one of the keys.
async fn is_revoked(
    tx: &mut SqliteConnection,
    keys: &[RecordKey],
    now: SystemTime,
) -> Result<bool, sqlx::Error> {
    for key in keys {
        let row = sqlx::query("SELECT 1 FROM jwt_auth_entries WHERE key = ?1 AND until > ?2")
            .bind(key.text())
            .bind(to_i64(second(now)))
            .fetch_optional(&mut *tx)
            .await?;
        if row.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

impl SqliteLog {
    /// Starts a transaction that holds the write lock, so that all writers are decided one after another.
    async fn begin(&self) -> Result<Transaction<'static, Sqlite>, sqlx::Error> {
        self.pool.begin_with("BEGIN IMMEDIATE").await
    }

    async fn rotate_session(&self, request: &RotationRequest<'_>) -> Result<Rotation, sqlx::Error> {
        let mut tx = self.begin().await?;
        let id = request.session_id();
        let facts = Facts {
            is_named: is_revoked(&mut tx, &RecordKey::that_name(&request.token), request.now)
                .await?,
            epoch: read_epoch(&mut tx, request.token.subject).await?,
            created: read_state(&mut tx).await?.0,
        };
        let mut state = find_session(&mut tx, id).await?;
        let outcome = decide(&mut state, facts, request);
        let mut record = None;
        match (&outcome, &state) {
            (RotationOutcome::Rotated { .. }, Some(state)) => {
                write_session(&mut tx, id, state).await?;
            }
            (RotationOutcome::Reused, _) => {
                let ended = end_session(&mut tx, id, None, request.session_ends, request.now).await;
                record = Some(ended?);
            }
            _ => {}
        }
        tx.commit().await?;
        Ok(Rotation { outcome, record })
    }

    async fn register_session(
        &self,
        session: &NewSession<'_>,
    ) -> Result<Registration, sqlx::Error> {
        let mut tx = self.begin().await?;
        let state = SessionState::begin(session, read_epoch(&mut tx, session.subject).await?);
        write_session(&mut tx, session.id, &state).await?;
        let all = find_sessions(&mut tx, session.subject, session.now).await?;
        let others = all.iter().filter(|(id, _)| id != session.id);
        let mut ended = Vec::new();
        for (id, _) in others.skip(session.max_sessions.max(1) - 1) {
            ended.push(end_session(&mut tx, id, None, session.ends, session.now).await?);
        }
        tx.commit().await?;
        Ok(Registration { started: state.started, ended })
    }

    async fn write_revocation(
        &self,
        revocation: &Revocation<'_>,
        now: SystemTime,
    ) -> Result<Record, sqlx::Error> {
        let mut tx = self.begin().await?;
        let record = if let Revocation::Session { id, started_at, until } = *revocation {
            end_session(&mut tx, id, started_at, until, now).await?
        } else {
            let mut record = Record::new(revocation);
            if matches!(revocation, Revocation::Subject { .. } | Revocation::All { .. }) {
                let highest = end_covered_sessions(&mut tx, revocation).await?;
                record.before = record.before.max(highest);
            }
            write_entry(&mut tx, record).await?
        };
        tx.commit().await?;
        Ok(record)
    }

    async fn append_record(&self, record: &Record) -> Result<(), sqlx::Error> {
        let mut tx = self.begin().await?;
        write_entry(&mut tx, record.clone()).await?;
        tx.commit().await
    }

    async fn delete_expired(&self) -> Result<u64, sqlx::Error> {
        // By the clock of the machine, and with a day of margin.
        let now = SystemClock.now();
        let mut deleted = 0;
        for (statement, before) in [
            (
                "DELETE FROM jwt_auth_entries WHERE key IN (SELECT key FROM jwt_auth_entries WHERE until < ?1 LIMIT 1000)",
                to_i64(second(now).saturating_sub(86_400)),
            ),
            (
                "DELETE FROM jwt_auth_sessions WHERE id IN (SELECT id FROM jwt_auth_sessions WHERE expires < ?1 LIMIT 1000)",
                to_i64(millis(now).saturating_sub(86_400_000)),
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

/// Deletes the sessions of a subject, or no session for an epoch of all, which may have a million; their tokens are
/// covered. Returns the highest start stamp of the covered sessions.
async fn end_covered_sessions(
    tx: &mut SqliteConnection,
    revocation: &Revocation<'_>,
) -> Result<Millis, sqlx::Error> {
    let Revocation::Subject { subject, .. } = revocation else {
        let row = sqlx::query("SELECT max(started) FROM jwt_auth_sessions").fetch_one(tx).await?;
        return Ok(to_u64(row.try_get::<Option<i64>, _>(0)?.unwrap_or_default()));
    };
    let rows = sqlx::query("DELETE FROM jwt_auth_sessions WHERE subject = ?1 RETURNING started")
        .bind(*subject)
        .fetch_all(tx)
        .await?;
    let mut started = rows.iter().map(|row| row.try_get::<i64, _>(0).map(to_u64));
    started.try_fold(0, |highest, started| Ok(started?.max(highest)))
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
                    return Ok(Batch { rows, cursor, is_whole: after.is_none() });
                }
            }
        })
    }

    fn append<'a>(&'a self, record: &'a Record, _: SystemTime) -> BoxFuture<'a, ()> {
        Box::pin(async move { self.append_record(record).await.map_err(StoreError::new) })
    }

    fn revoke<'a>(
        &'a self,
        revocation: &'a Revocation<'a>,
        now: SystemTime,
    ) -> BoxFuture<'a, Record> {
        Box::pin(
            async move { self.write_revocation(revocation, now).await.map_err(StoreError::new) },
        )
    }

    fn find<'a>(&'a self, keys: Vec<String>, session: Option<&'a str>) -> BoxFuture<'a, Found> {
        Box::pin(async move {
            let placeholders = vec!["?"; keys.len()].join(", ");
            let statement = format!(
                "SELECT key, before, until FROM jwt_auth_entries WHERE key IN ({placeholders})"
            );
            let query = keys.iter().fold(sqlx::query(&statement), sqlx::query::Query::bind);
            // One transaction, so that a session that is adopted meanwhile is seen with its time.
            let mut tx = self.pool.begin().await.map_err(StoreError::new)?;
            let rows = query.fetch_all(&mut *tx).await.map_err(StoreError::new)?;
            let state = match session {
                Some(id) => find_session(&mut tx, id).await.map_err(StoreError::new)?,
                None => None,
            };
            let (created, _) = read_state(&mut tx).await.map_err(StoreError::new)?;
            let rows = rows.iter().filter_map(read_entry).collect();
            Ok(Found { rows, is_session_known: state.is_some(), created })
        })
    }

    fn rotate<'a>(&'a self, request: &'a RotationRequest<'a>) -> BoxFuture<'a, Rotation> {
        Box::pin(async move { self.rotate_session(request).await.map_err(StoreError::new) })
    }

    fn register<'a>(&'a self, session: &'a NewSession<'a>) -> BoxFuture<'a, Registration> {
        Box::pin(async move { self.register_session(session).await.map_err(StoreError::new) })
    }

    fn sessions<'a>(&'a self, subject: &'a str, now: SystemTime) -> BoxFuture<'a, Vec<Session>> {
        Box::pin(async move {
            let mut tx = self.pool.begin().await.map_err(StoreError::new)?;
            let found = find_sessions(&mut tx, subject, now).await.map_err(StoreError::new)?;
            let epoch = read_epoch(&mut tx, subject).await.map_err(StoreError::new)?;
            let is_active = |state: &SessionState| epoch.is_none_or(|epoch| epoch < state.started);
            let active = found.iter().filter(|(_, state)| is_active(state));
            Ok(active.map(|(id, state)| state.listed(id)).collect())
        })
    }

    fn remember_access_life(&self, life: Duration) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let statement = "UPDATE jwt_auth_state SET access_life = ?1 WHERE access_life < ?1";
            let query = sqlx::query(statement).bind(to_i64(life.as_secs()));
            query.execute(&self.pool).await.map(drop).map_err(StoreError::new)
        })
    }

    fn prune(&self) -> BoxFuture<'_, u64> {
        Box::pin(async move { self.delete_expired().await.map_err(StoreError::new) })
    }
}
