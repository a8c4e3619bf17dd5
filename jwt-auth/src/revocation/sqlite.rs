//! The store of one machine: a SQLite file, durable when a call returns, and read by every process that opens it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteRow, SqliteSynchronous,
};
use sqlx::{Executor as _, Row as _};

use crate::revocation::family::{Family, decide};
use crate::revocation::record::{About, Record, Second, end, second};
use crate::revocation::replicated::{Batch, Log, MAX_STALENESS, Replicated, replicated};
use crate::revocation::{BoxFuture, NewSession, Rotate, Rotation, Session, StoreError};

/// A file of SQLite: one machine, durable.
///
/// A call that has returned is on the disk: the process may be killed at any moment, and nothing that was
/// answered is lost. Several processes may open the same file; each answers from its own memory and sees what
/// the others wrote within 250 ms. A file on a network drive is no place for it: SQLite's locks do not hold there.
///
/// ```
/// use jwt_auth::{Config, SqliteStore};
///
/// # let folder = std::env::temp_dir().join(format!("jwt-auth-doc-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// # let path = folder.join("sessions.db");
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
/// # runtime.block_on(async {
/// let store = SqliteStore::open(&path).await?; // made if it is not there
/// let auth = Config::hs256([7; 32]).revocation(store).build()?;
/// # drop(auth);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # std::fs::remove_dir_all(folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SqliteStore(Replicated<SqliteLog>);

/// What a [`SqliteStore`] is opened with.
#[derive(Clone, Debug)]
#[must_use = "a builder opens nothing before `.open()`"]
pub struct SqliteStoreBuilder {
    path: PathBuf,
    max_staleness: Duration,
    serve_stale: bool,
}

impl SqliteStore {
    /// Opens the file, makes it or brings it up to date, and reads what it holds.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened, or a newer release made it.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::builder(path).open().await
    }

    /// Options, and then [`open`](SqliteStoreBuilder::open).
    ///
    /// ```no_run
    /// use jwt_auth::SqliteStore;
    /// use std::time::Duration;
    ///
    /// # async fn store() -> Result<SqliteStore, jwt_auth::StoreError> {
    /// SqliteStore::builder("sessions.db").max_staleness(Duration::from_secs(2)).open().await
    /// # }
    /// ```
    pub fn builder(path: impl AsRef<Path>) -> SqliteStoreBuilder {
        let path = path.as_ref().to_owned();
        SqliteStoreBuilder { path, max_staleness: MAX_STALENESS, serve_stale: false }
    }
}

impl SqliteStoreBuilder {
    /// How old what is in memory may be before requests are refused with 503. Default: 5 seconds, twenty missed
    /// reads of the file.
    pub fn max_staleness(mut self, age: Duration) -> Self {
        self.max_staleness = age;
        self
    }

    /// Whether memory answers however old it is; [`danger`](crate::danger) opens it.
    pub(crate) fn stale(mut self, serve: bool) -> Self {
        self.serve_stale = serve;
        self
    }

    /// Opens the file.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened, or a newer release made it.
    pub async fn open(self) -> Result<SqliteStore, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(&self.path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // Written through to the disk before a call returns: a revocation that was answered holds.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(1));
        let pool = first_connection(&options).await.map_err(StoreError::new)?;
        migrate(&pool).await?;
        let log = SqliteLog { pool };
        Replicated::start(log, self.max_staleness, self.serve_stale).await.map(SqliteStore)
    }
}

replicated!(SqliteStore);

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SqliteStore").field(&self.0).finish()
    }
}

struct SqliteLog {
    pool: SqlitePool,
}

/// The version of the tables below; a file of a later one is refused.
const VERSION: i64 = 1;

const TABLES: &str = "
    CREATE TABLE jwt_auth_entries (
        key TEXT PRIMARY KEY, before INTEGER NOT NULL, until INTEGER NOT NULL, seq INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX jwt_auth_entries_seq ON jwt_auth_entries (seq);
    CREATE INDEX jwt_auth_entries_until ON jwt_auth_entries (until);
    CREATE TABLE jwt_auth_families (
        family TEXT PRIMARY KEY, subject TEXT NOT NULL, device TEXT, current TEXT NOT NULL,
        parent TEXT NOT NULL, began INTEGER NOT NULL, rotated INTEGER NOT NULL, ends INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX jwt_auth_families_subject ON jwt_auth_families (subject);
    CREATE INDEX jwt_auth_families_ends ON jwt_auth_families (ends);
    CREATE TABLE jwt_auth_state (version INTEGER NOT NULL, seq INTEGER NOT NULL);
    INSERT INTO jwt_auth_state VALUES (1, 0);
";

/// Opens the file. Who makes it switches it to WAL, and for that SQLite waits for nobody: a process that starts at
/// the same moment tries again.
async fn first_connection(options: &SqliteConnectOptions) -> Result<SqlitePool, sqlx::Error> {
    let mut left = 100;
    loop {
        let pool = SqlitePoolOptions::new()
            .max_connections(4)
            .acquire_timeout(Duration::from_secs(1))
            .connect_with(options.clone())
            .await;
        match pool {
            Err(sqlx::Error::Database(error))
                if left > 0 && error.code().as_deref() == Some("5") =>
            {
                left -= 1;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            done => return done,
        }
    }
}

/// In one transaction that takes the lock first, so that two processes may start at once.
async fn migrate(pool: &SqlitePool) -> Result<(), StoreError> {
    let mut tx = pool.begin_with("BEGIN IMMEDIATE").await.map_err(StoreError::new)?;
    let there = sqlx::query("SELECT 1 FROM sqlite_master WHERE name = 'jwt_auth_state'")
        .fetch_optional(&mut *tx)
        .await
        .map_err(StoreError::new)?;
    if there.is_none() {
        tx.execute(TABLES).await.map_err(StoreError::new)?;
    }
    let version: i64 = sqlx::query("SELECT version FROM jwt_auth_state")
        .fetch_one(&mut *tx)
        .await
        .and_then(|row| row.try_get(0))
        .map_err(StoreError::new)?;
    if version > VERSION {
        return Err(StoreError::new(format_args!(
            "the file is of version {version}, made by a newer release; this one reads up to {VERSION}"
        )));
    }
    tx.commit().await.map_err(StoreError::new)
}

/// A row of entries; what is no row of ours is passed over.
fn entry(row: &SqliteRow) -> Option<(String, Second, Second)> {
    let count = |at: usize| row.try_get::<i64, _>(at).ok().and_then(|n| Second::try_from(n).ok());
    Some((row.try_get(0).ok()?, count(1)?, count(2)?))
}

fn millis(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn time(millis: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(millis).unwrap_or_default())
}

fn stored(seconds: Second) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

const FAMILY: &str =
    "SELECT family, subject, device, current, parent, began, rotated, ends FROM jwt_auth_families";

fn family(row: &SqliteRow) -> Result<(String, Family), sqlx::Error> {
    let text = |at: usize| row.try_get::<String, _>(at).map(String::into_boxed_str);
    let family = Family {
        subject: text(1)?,
        device: row.try_get::<Option<String>, _>(2)?.map(String::into_boxed_str),
        current: text(3)?,
        parent: text(4)?,
        began: time(row.try_get(5)?),
        rotated_at: time(row.try_get(6)?),
        ends: time(row.try_get(7)?),
    };
    Ok((row.try_get(0)?, family))
}

async fn write_entry(tx: &mut SqliteConnection, record: &Record) -> Result<(), sqlx::Error> {
    let seq: i64 = sqlx::query("UPDATE jwt_auth_state SET seq = seq + 1 RETURNING seq")
        .fetch_one(&mut *tx)
        .await?
        .try_get(0)?;
    sqlx::query(
        "INSERT INTO jwt_auth_entries VALUES (?1, ?2, ?3, ?4) ON CONFLICT (key) DO UPDATE SET
         before = max(before, excluded.before), until = max(until, excluded.until), seq = excluded.seq",
    )
    .bind(record.about.key())
    .bind(stored(record.before))
    .bind(stored(record.until))
    .bind(seq)
    .execute(&mut *tx)
    .await?;
    Ok(())
}

async fn write_family(
    tx: &mut SqliteConnection,
    name: &str,
    family: &Family,
) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT OR REPLACE INTO jwt_auth_families VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
        .bind(name)
        .bind(&*family.subject)
        .bind(family.device.as_deref())
        .bind(&*family.current)
        .bind(&*family.parent)
        .bind(millis(family.began))
        .bind(millis(family.rotated_at))
        .bind(millis(family.ends))
        .execute(&mut *tx)
        .await?;
    Ok(())
}

impl SqliteLog {
    async fn rotated(&self, request: &Rotate<'_>) -> Result<Rotation, sqlx::Error> {
        // The lock is taken first: of any number of presentations each sees what the one before it left.
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let dead = About::Family(request.family.to_owned());
        let revoked = sqlx::query("SELECT 1 FROM jwt_auth_entries WHERE key = ?1 AND until > ?2")
            .bind(dead.key())
            .bind(stored(second(request.now)))
            .fetch_optional(&mut *tx)
            .await?
            .is_some();
        let mut kept = sqlx::query(&format!("{FAMILY} WHERE family = ?1"))
            .bind(request.family)
            .fetch_optional(&mut *tx)
            .await?
            .map(|row| family(&row).map(|(_, family)| family))
            .transpose()?;
        let rotation = decide(&mut kept, revoked, request);
        match (&rotation, &kept) {
            (Rotation::Rotated { .. }, Some(kept)) => {
                write_family(&mut tx, request.family, kept).await?;
            }
            (Rotation::Reused, kept) => {
                let ends = kept.as_ref().map_or(request.dead_until, |kept| kept.ends);
                let until = end(request.dead_until.max(ends));
                write_entry(&mut tx, &Record { about: dead, before: 0, until }).await?;
            }
            _ => {}
        }
        tx.commit().await?;
        Ok(rotation)
    }

    async fn appended(&self, record: &Record) -> Result<(), sqlx::Error> {
        let mut tx = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        write_entry(&mut tx, record).await?;
        tx.commit().await
    }

    async fn pruned(&self, now: SystemTime) -> Result<u64, sqlx::Error> {
        // A day of margin: a clock that is ahead throws out nothing that one behind still asks for.
        let entries = stored(second(now).saturating_sub(86_400));
        let families = millis(now).saturating_sub(86_400_000);
        let mut gone = 0;
        for (statement, before) in [
            (
                "DELETE FROM jwt_auth_entries WHERE key IN (SELECT key FROM jwt_auth_entries WHERE until < ?1 LIMIT 1000)",
                entries,
            ),
            (
                "DELETE FROM jwt_auth_families WHERE family IN (SELECT family FROM jwt_auth_families WHERE ends < ?1 LIMIT 1000)",
                families,
            ),
        ] {
            loop {
                let batch = sqlx::query(statement).bind(before).execute(&self.pool).await?;
                gone += batch.rows_affected();
                if batch.rows_affected() < 1000 {
                    break;
                }
            }
        }
        Ok(gone)
    }
}

/// Rows read at once.
const PORTION: i64 = 10_000;

impl Log for SqliteLog {
    /// The number of the last row that was read.
    type Cursor = i64;

    fn read(&self, after: Option<i64>) -> BoxFuture<'_, Batch<i64>> {
        Box::pin(async move {
            let mut cursor = after.unwrap_or(0);
            let mut rows = Vec::new();
            loop {
                let portion = sqlx::query(
                    "SELECT key, before, until, seq FROM jwt_auth_entries WHERE seq > ?1 ORDER BY seq LIMIT ?2",
                )
                .bind(cursor)
                .bind(PORTION)
                .fetch_all(&self.pool)
                .await
                .map_err(StoreError::new)?;
                if let Some(last) = portion.last() {
                    cursor = last.try_get(3).map_err(StoreError::new)?;
                }
                rows.extend(portion.iter().filter_map(entry));
                if portion.len() < usize::try_from(PORTION).unwrap_or(usize::MAX) {
                    return Ok(Batch { rows, cursor });
                }
            }
        })
    }

    fn append<'a>(&'a self, record: &'a Record, _: SystemTime) -> BoxFuture<'a, ()> {
        Box::pin(async move { self.appended(record).await.map_err(StoreError::new) })
    }

    fn find(&self, keys: Vec<String>) -> BoxFuture<'_, Vec<(String, Second, Second)>> {
        Box::pin(async move {
            let marks = vec!["?"; keys.len()].join(", ");
            let statement =
                format!("SELECT key, before, until FROM jwt_auth_entries WHERE key IN ({marks})");
            let query = keys.iter().fold(sqlx::query(&statement), sqlx::query::Query::bind);
            let rows = query.fetch_all(&self.pool).await.map_err(StoreError::new)?;
            Ok(rows.iter().filter_map(entry).collect())
        })
    }

    fn rotate<'a>(&'a self, request: &'a Rotate<'a>) -> BoxFuture<'a, Rotation> {
        Box::pin(async move { self.rotated(request).await.map_err(StoreError::new) })
    }

    fn begin<'a>(&'a self, session: &'a NewSession<'a>) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let mut connection = self.pool.acquire().await.map_err(StoreError::new)?;
            let family = Family::begin(session);
            write_family(&mut connection, session.family, &family).await.map_err(StoreError::new)
        })
    }

    fn sessions<'a>(&'a self, subject: &'a str, now: SystemTime) -> BoxFuture<'a, Vec<Session>> {
        Box::pin(async move {
            let statement =
                format!("{FAMILY} WHERE subject = ?1 AND ends > ?2 ORDER BY rotated DESC");
            let rows = sqlx::query(&statement)
                .bind(subject)
                .bind(millis(now))
                .fetch_all(&self.pool)
                .await
                .map_err(StoreError::new)?;
            let sessions = rows.iter().filter_map(|row| family(row).ok());
            Ok(sessions.map(|(name, family)| family.session(&name)).collect())
        })
    }

    fn prune(&self, now: SystemTime) -> BoxFuture<'_, u64> {
        Box::pin(async move { self.pruned(now).await.map_err(StoreError::new) })
    }
}
