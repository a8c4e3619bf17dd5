//! `PostgresStore`: revocations and sessions in `PostgreSQL`, durable, for several nodes.
//!
//! Nodes read the table of entries by its sequence numbers. A notification contains no data; it makes the nodes
//! read at once.

use std::fmt;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sqlx::pool::PoolConnection;
use sqlx::postgres::{
    PgArguments, PgConnectOptions, PgConnection, PgListener, PgPool, PgPoolOptions, PgRow, Postgres,
};
use sqlx::query::Query;
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, Row as _};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::session::erased_store::BoxFuture;
use crate::session::postgres_sql::{
    APPEND, FIND, MAX_PREFIX, MIGRATIONS, PREFIX, PRUNE_ENTRIES, PRUNE_SESSIONS, READ, REGISTER,
    ROTATE, SESSION, SESSIONS, START_SESSION, TABLES_EXIST,
};
use crate::session::record::{Record, RecordKey, SESSION_MARGIN, Second, end_second, second};
use crate::session::replicated_log::{
    Batch, HEARTBEAT, Log, MAX_STALENESS, ReplicatedLog, Row, delegate_to_log,
};
use crate::session::rotation::{SessionState, decide};
use crate::session::{NewSession, RotationOutcome, RotationRequest, Session, StoreError};

/// The timeout of each statement, and of waiting for a connection.
const TIMEOUT: Duration = Duration::from_secs(1);
/// The timeout of the migration at startup, which may wait for another node's migration.
const START_TIMEOUT: Duration = Duration::from_secs(10);
/// After this long without a notification, a listener checks that its connection is alive.
const LISTENER_IDLE: Duration = Duration::from_secs(15);
/// The delay between a notification and the read, so that several notifications cause one read.
const DEBOUNCE: Duration = Duration::from_millis(20);
const CONNECTIONS: u32 = 8;
/// The largest number of rows of one query.
const PAGE: usize = 10_000;
/// The largest number of rows of one deletion.
const PRUNE_BATCH: usize = 1_000;
/// Expired rows stay this long, because the clocks and leeways of nodes may differ.
const RETENTION: Duration = Duration::from_secs(24 * 60 * 60);
/// The maximum number of attempts to rotate. An attempt fails only if another rotation succeeded, so more than a
/// few failures in a row are not chance.
const ATTEMPTS: usize = 16;

/// A store in `PostgreSQL` (13 or later): durable, for several nodes.
///
/// Each node answers from an in-memory replica. A revocation is written to a table, and a notification makes the
/// other nodes read it at once; if the notification is lost, they read it within 250 ms. A node that has not read
/// the table for [`max_staleness`](PostgresStoreBuilder::max_staleness) refuses tokens with 503.
///
/// The first [`connect`](Self::connect) creates the tables. After that a role without the privilege to create
/// tables is enough. For TLS turn on a TLS feature of `sqlx` in your own `Cargo.toml`, and write
/// `?sslmode=verify-full`. A pooler in transaction mode drops notifications: connect directly.
///
/// ```no_run
/// use jwt_auth::{Config, PostgresStore};
///
/// # async fn start() -> Result<(), Box<dyn std::error::Error>> {
/// let store = PostgresStore::connect("postgres://app:secret@db.example.com/app").await?;
/// let auth = Config::hs256([7; 32]).revocation(store).build()?;
/// # drop(auth);
/// # Ok(())
/// # }
/// ```
pub struct PostgresStore(ReplicatedLog<PostgresLog>);

delegate_to_log!(PostgresStore);

impl PostgresStore {
    /// Connects with the default options.
    ///
    /// Creates missing tables, and reads every revocation.
    ///
    /// # Errors
    ///
    /// If the server does not answer, or if a newer release created the tables.
    ///
    /// ```no_run
    /// use jwt_auth::PostgresStore;
    ///
    /// # async fn store() -> Result<PostgresStore, jwt_auth::errors::StoreError> {
    /// PostgresStore::connect("postgres://app:secret@db.example.com/app").await
    /// # }
    /// ```
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        Self::builder(url).connect().await
    }

    /// A builder, to change options before [`connect`](PostgresStoreBuilder::connect).
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use jwt_auth::PostgresStore;
    ///
    /// # async fn start() -> Result<(), jwt_auth::errors::StoreError> {
    /// let store = PostgresStore::builder("postgres://app:secret@db.example.com/app")
    ///     .table_prefix("shop_auth")
    ///     .max_staleness(Duration::from_secs(2))
    ///     .connect()
    ///     .await?;
    /// # drop(store);
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder(url: impl Into<String>) -> PostgresStoreBuilder {
        PostgresStoreBuilder {
            url: url.into(),
            table_prefix: PREFIX.to_owned(),
            max_staleness: MAX_STALENESS,
            serve_stale: false,
        }
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PostgresStore").field(&self.0).finish()
    }
}

/// The options of a [`PostgresStore`] before it connects.
///
/// Created by [`PostgresStore::builder`].
///
/// ```no_run
/// use jwt_auth::session::PostgresStoreBuilder;
/// use jwt_auth::{Config, PostgresStore};
///
/// # async fn start() -> Result<(), Box<dyn std::error::Error>> {
/// let builder: PostgresStoreBuilder = PostgresStore::builder("postgres://app:secret@db.example.com/app");
/// let auth = Config::from_env().revocation(builder.connect().await?).build()?;
/// # drop(auth);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "a builder connects to nothing before `.connect()`"]
pub struct PostgresStoreBuilder {
    url: String,
    table_prefix: String,
    max_staleness: Duration,
    serve_stale: bool,
}

impl PostgresStoreBuilder {
    /// The prefix of the table names. Default: `jwt_auth`.
    ///
    /// It consists of letters, digits and `_`, does not start with a digit, and has at most 40 characters.
    ///
    /// ```no_run
    /// use jwt_auth::PostgresStore;
    ///
    /// # async fn store() -> Result<PostgresStore, jwt_auth::errors::StoreError> {
    /// let builder = PostgresStore::builder("postgres://app:secret@db.example.com/app");
    /// builder.table_prefix("shop_auth").connect().await
    /// # }
    /// ```
    pub fn table_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.table_prefix = prefix.into();
        self
    }

    /// How old the replica may be before tokens are refused with 503.
    ///
    /// Default: 5 seconds, which is twenty missed reads of the table.
    ///
    /// ```no_run
    /// use jwt_auth::PostgresStore;
    /// use std::time::Duration;
    ///
    /// # async fn store() -> Result<PostgresStore, jwt_auth::errors::StoreError> {
    /// let builder = PostgresStore::builder("postgres://app:secret@db.example.com/app");
    /// builder.max_staleness(Duration::from_secs(2)).connect().await
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

    /// Connects, creates missing tables, and reads every revocation.
    ///
    /// # Errors
    ///
    /// If the server does not answer, if a newer release created the tables, or if the prefix is invalid.
    ///
    /// ```no_run
    /// use jwt_auth::PostgresStore;
    ///
    /// # async fn store() -> Result<PostgresStore, jwt_auth::errors::StoreError> {
    /// PostgresStore::builder("postgres://app:secret@db.example.com/app").connect().await
    /// # }
    /// ```
    pub async fn connect(self) -> Result<PostgresStore, StoreError> {
        let prefix = check_prefix(&self.table_prefix)?;
        let options = parse_url(&self.url)?;
        let migration = timeout(START_TIMEOUT, migrate(&options, &prefix)).await;
        migration.unwrap_or_else(|_| Err(StoreError::new("no answer within 10 s")))?;
        let log = PostgresLog::start(&options, &prefix);
        ReplicatedLog::start(log, self.max_staleness, self.serve_stale).await.map(PostgresStore)
    }
}

impl fmt::Debug for PostgresStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStoreBuilder")
            .field("table_prefix", &self.table_prefix)
            .field("max_staleness", &self.max_staleness)
            .finish_non_exhaustive()
    }
}

/// Checks the prefix, and returns it in lower case, as `PostgreSQL` reads a name without quotes.
fn check_prefix(prefix: &str) -> Result<String, StoreError> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let starts_a_name = prefix.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !starts_a_name || prefix.len() > MAX_PREFIX || !prefix.chars().all(is_allowed) {
        return Err(StoreError::new(format_args!(
            "invalid table prefix `{}`; expected letters, digits and `_`, no digit first, at most {MAX_PREFIX} characters",
            prefix.escape_debug(),
        )));
    }
    Ok(prefix.to_ascii_lowercase())
}

/// Replaces the default prefix in a statement with the prefix of this store.
fn rename_tables(sql: &str, prefix: &str) -> String {
    sql.replace("jwt_auth_", &format!("{prefix}_"))
}

fn parse_url(url: &str) -> Result<PgConnectOptions, StoreError> {
    let options = PgConnectOptions::from_str(url).map_err(store_error)?;
    // `READ` covers the last ten seconds again, so every transaction must end within them. A generic plan, which
    // does not know the cursor's value, would read the whole table.
    Ok(options.options([
        ("statement_timeout", "1000"),
        ("idle_in_transaction_session_timeout", "2000"),
        ("default_transaction_isolation", "read\\ committed"),
        ("plan_cache_mode", "force_custom_plan"),
    ]))
}

#[allow(clippy::needless_pass_by_value, reason = "the signature that `map_err` needs")]
fn store_error(error: sqlx::Error) -> StoreError {
    StoreError::new(error)
}

/// Migrates the tables to this release's version. If several nodes start at once, one migrates and the others
/// wait.
async fn migrate(options: &PgConnectOptions, prefix: &str) -> Result<(), StoreError> {
    let mut connection = options.connect().await.map_err(store_error)?;
    if missing_migrations(read_version(&mut connection, prefix).await?)?.is_empty() {
        return connection.close().await.map_err(store_error);
    }
    let mut transaction = connection.begin().await.map_err(store_error)?;
    let lock = "set local statement_timeout = 0;
        select pg_advisory_xact_lock(hashtextextended('jwt_auth_version', 0))";
    transaction.execute(rename_tables(lock, prefix).as_str()).await.map_err(store_error)?;
    let version = read_version(&mut transaction, prefix).await?;
    for migration in missing_migrations(version)? {
        transaction
            .execute(rename_tables(migration, prefix).as_str())
            .await
            .map_err(store_error)?;
    }
    let sql = rename_tables("update jwt_auth_version set version = $1", prefix);
    let ours = i32::try_from(MIGRATIONS.len()).unwrap_or(i32::MAX);
    sqlx::query(&sql).bind(ours).execute(&mut *transaction).await.map_err(store_error)?;
    transaction.commit().await.map_err(store_error)?;
    connection.close().await.map_err(store_error)
}

/// Reads the version of the tables; 0 if there are none.
async fn read_version(connection: &mut PgConnection, prefix: &str) -> Result<i32, StoreError> {
    let sql = rename_tables(TABLES_EXIST, prefix);
    let row = sqlx::query(&sql).fetch_one(&mut *connection).await.map_err(store_error)?;
    if !row.try_get::<bool, _>(0).map_err(store_error)? {
        return Ok(0);
    }
    let sql = rename_tables("select coalesce(max(version), 0) from jwt_auth_version", prefix);
    let row = sqlx::query(&sql).fetch_one(connection).await.map_err(store_error)?;
    row.try_get(0).map_err(store_error)
}

/// The migrations after a version; an error if this release does not know the version.
fn missing_migrations(version: i32) -> Result<&'static [&'static str], StoreError> {
    let missing = usize::try_from(version).ok().and_then(|version| MIGRATIONS.get(version..));
    missing.ok_or_else(|| {
        StoreError::new(format_args!(
            "the tables are of version {version}, and this release knows version {} and older; \
             update jwt-auth on this node",
            MIGRATIONS.len(),
        ))
    })
}

/// The log in `PostgreSQL`, and the connections to it.
struct PostgresLog {
    pool: PgPool,
    sql: Statements,
    news: Arc<Notify>,
    listener: JoinHandle<()>,
}

struct Statements {
    append: String,
    read: String,
    find: String,
    session: String,
    start_session: String,
    rotate: String,
    register: String,
    sessions: String,
    prune_entries: String,
    prune_sessions: String,
}

/// The position of a reader: the greatest `seq` that it has seen, and the server's time at that read, in
/// microseconds.
#[derive(Clone)]
struct Cursor {
    seq: i64,
    read_at: i64,
}

impl Cursor {
    const START: Self = Self { seq: i64::MIN, read_at: 0 };
}

impl PostgresLog {
    fn start(options: &PgConnectOptions, prefix: &str) -> Self {
        let rename = |sql| rename_tables(sql, prefix);
        let news = Arc::new(Notify::new());
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(TIMEOUT)
            .test_before_acquire(true)
            .connect_lazy_with(options.clone());
        let listener = listen(options.clone(), rename("jwt_auth_news"), Arc::clone(&news));
        Self {
            pool,
            sql: Statements {
                append: rename(APPEND),
                read: rename(READ),
                find: rename(FIND),
                session: rename(SESSION),
                start_session: rename(START_SESSION),
                rotate: rename(ROTATE),
                register: rename(REGISTER),
                sessions: rename(SESSIONS),
                prune_entries: rename(PRUNE_ENTRIES),
                prune_sessions: rename(PRUNE_SESSIONS),
            },
            news,
            listener: tokio::spawn(listener),
        }
    }

    /// Runs one statement in its own transaction.
    async fn fetch(
        &self,
        query: Query<'_, Postgres, PgArguments>,
    ) -> Result<Vec<PgRow>, StoreError> {
        let result = timeout(TIMEOUT, async {
            let mut lease = Lease(Some(self.pool.acquire().await?));
            let rows = match &mut lease.0 {
                Some(connection) => query.fetch_all(&mut **connection).await,
                None => Ok(Vec::new()),
            };
            // The server answered, with rows or an error, so the connection works.
            drop(lease.0.take());
            rows
        });
        result.await.map_or_else(
            |_| Err(StoreError::new("no answer within 1 s")),
            |rows| rows.map_err(store_error),
        )
    }

    /// Reads the state of a session, and whether it is revoked.
    async fn read_session(
        &self,
        request: &RotationRequest<'_>,
        key: &str,
    ) -> Result<(Option<SessionState>, bool), StoreError> {
        let query = sqlx::query(&self.sql.session).bind(request.session_id).bind(key);
        let rows = self.fetch(query.bind(to_i64(second(request.now)))).await?;
        let row = rows.first().ok_or_else(|| {
            StoreError::new("the query for a session returned no row; expected one")
        })?;
        let revoked = row.try_get("revoked").map_err(store_error)?;
        Ok((read_session_state(row).map_err(store_error)?, revoked))
    }

    /// Writes the new state of a session, unless the session was changed or revoked after `previous` was read.
    /// Returns whether it wrote.
    async fn replace(
        &self,
        request: &RotationRequest<'_>,
        key: &str,
        previous: Option<&SessionState>,
        state: &SessionState,
    ) -> Result<bool, StoreError> {
        let sql = if previous.is_some() { &self.sql.rotate } else { &self.sql.start_session };
        let query =
            sqlx::query(sql).bind(request.session_id).bind(key).bind(to_i64(second(request.now)));
        let query = match previous {
            Some(previous) => query
                .bind(&*state.current)
                .bind(&*state.parent)
                .bind(millis(state.rotated_at))
                .bind(&*previous.current)
                .bind(&*previous.parent),
            None => query
                .bind(&*state.subject)
                .bind(&*state.current)
                .bind(&*state.parent)
                .bind(millis(state.rotated_at))
                .bind(millis(state.ends)),
        };
        Ok(!self.fetch(query).await?.is_empty())
    }

    /// Deletes rows in small batches, so that no other statement waits long for a lock.
    async fn delete(&self, sql: &str, before: i64) -> Result<u64, StoreError> {
        let mut deleted = 0;
        loop {
            let query = sqlx::query(sql).bind(before).bind(limit(PRUNE_BATCH));
            let rows = self.fetch(query).await?.len();
            deleted += rows as u64;
            if rows < PRUNE_BATCH {
                return Ok(deleted);
            }
        }
    }
}

impl Drop for PostgresLog {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

impl Log for PostgresLog {
    type Cursor = Cursor;

    fn read(&self, after: Option<Cursor>) -> BoxFuture<'_, Batch<Cursor>> {
        Box::pin(async move {
            let recovery = "select pg_is_in_recovery() as standby";
            require_primary(&self.fetch(sqlx::query(recovery)).await?)?;
            let mut cursor = after.unwrap_or(Cursor::START);
            let from = cursor.clone();
            let mut rows = Vec::new();
            let mut last_seq = i64::MIN;
            loop {
                let query = sqlx::query(&self.sql.read).bind(from.seq).bind(from.read_at);
                let read = self.fetch(query.bind(last_seq).bind(limit(PAGE))).await?;
                if let (Some(first), i64::MIN) = (read.first(), last_seq) {
                    cursor.read_at = first.try_get("read_at").map_err(store_error)?;
                }
                if let Some(last) = read.last() {
                    last_seq = last.try_get("seq").map_err(store_error)?;
                    cursor.seq = cursor.seq.max(last_seq);
                }
                rows.extend(read.iter().filter_map(read_entry));
                if read.len() < PAGE {
                    return Ok(Batch { rows, cursor });
                }
            }
        })
    }

    fn append<'a>(&'a self, record: &'a Record, _: SystemTime) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let query = sqlx::query(&self.sql.append).bind(record.key.text());
            let query = query.bind(to_i64(record.before)).bind(to_i64(record.until));
            let query = query.bind(record.key.session_id()).bind(to_i64(SESSION_MARGIN));
            self.fetch(query).await.map(drop)
        })
    }

    fn find(&self, keys: Vec<String>) -> BoxFuture<'_, Vec<Row>> {
        Box::pin(async move {
            let rows = self.fetch(sqlx::query(&self.sql.find).bind(keys)).await?;
            require_primary(&rows)?;
            Ok(rows.iter().filter_map(read_entry).collect())
        })
    }

    // Reads, decides, and writes only if nothing has changed: the write is the atomic step. No lock is held in
    // between, so a node that dies does not block the others.
    fn rotate<'a>(&'a self, request: &'a RotationRequest<'a>) -> BoxFuture<'a, RotationOutcome> {
        Box::pin(async move {
            let key = RecordKey::Session(request.session_id.to_owned());
            let key_text = key.text();
            for _ in 0..ATTEMPTS {
                let (previous, revoked) = self.read_session(request, &key_text).await?;
                let mut state = previous.clone();
                let outcome = decide(&mut state, revoked, request);
                let is_final = match (&outcome, &state) {
                    (RotationOutcome::Rotated { .. }, Some(state)) => {
                        self.replace(request, &key_text, previous.as_ref(), state).await?
                    }
                    (RotationOutcome::Reused, _) => {
                        let until = end_second(request.revoked_until);
                        let record = Record { key: key.clone(), before: 0, until };
                        self.append(&record, request.now).await?;
                        true
                    }
                    _ => true,
                };
                if is_final {
                    return Ok(outcome);
                }
            }
            Err(StoreError::new(format_args!(
                "the session changed during each of {ATTEMPTS} attempts to rotate it"
            )))
        })
    }

    fn register<'a>(&'a self, session: &'a NewSession<'a>) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let query = sqlx::query(&self.sql.register)
                .bind(session.id)
                .bind(session.subject)
                .bind(session.device)
                .bind(session.refresh_id)
                .bind(millis(session.now))
                .bind(millis(session.ends));
            self.fetch(query).await.map(drop)
        })
    }

    fn sessions<'a>(&'a self, subject: &'a str, now: SystemTime) -> BoxFuture<'a, Vec<Session>> {
        Box::pin(async move {
            let query = sqlx::query(&self.sql.sessions).bind(subject).bind(millis(now));
            let rows = self.fetch(query).await?;
            rows.iter().map(|row| read_listed_session(row).map_err(store_error)).collect()
        })
    }

    fn prune(&self, now: SystemTime) -> BoxFuture<'_, u64> {
        Box::pin(async move {
            let cutoff = now.checked_sub(RETENTION).unwrap_or(UNIX_EPOCH);
            let entries = self.delete(&self.sql.prune_entries, to_i64(second(cutoff))).await?;
            Ok(entries + self.delete(&self.sql.prune_sessions, millis(cutoff)).await?)
        })
    }

    fn wait_for_news(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let notification = async {
                self.news.notified().await;
                sleep(DEBOUNCE).await;
            };
            let _ = timeout(HEARTBEAT, notification).await;
            Ok(())
        })
    }
}

/// A connection borrowed from the pool. After a timeout, it must answer a ping before it returns to the pool;
/// otherwise it is closed. The pool itself would wait for the TCP timeout.
struct Lease(Option<PoolConnection<Postgres>>);

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(mut connection) = self.0.take() else { return };
        let Ok(runtime) = Handle::try_current() else {
            drop(connection.detach());
            return;
        };
        runtime.spawn(async move {
            if !matches!(timeout(TIMEOUT, connection.ping()).await, Ok(Ok(()))) {
                drop(connection.detach());
            }
        });
    }
}

/// Wakes the reader at each notification, and reconnects whenever the connection is lost.
async fn listen(options: PgConnectOptions, channel: String, news: Arc<Notify>) {
    loop {
        if let Err(error) = receive_notifications(&options, &channel, &news).await {
            tracing::debug!(target: "jwt_auth", %error, "cannot receive notifications; connecting again");
        }
        sleep(HEARTBEAT).await;
    }
}

/// Listens until the connection is lost. It has its own pool, because a connection that hangs never leaves its pool.
async fn receive_notifications(
    options: &PgConnectOptions,
    channel: &str,
    news: &Notify,
) -> Result<(), sqlx::Error> {
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_lazy_with(options.clone());
    let timed_out = |_| sqlx::Error::PoolTimedOut;
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.eager_reconnect(false);
    timeout(TIMEOUT, listener.listen(channel)).await.map_err(timed_out)??;
    loop {
        // Rows may have been written before this connection started to listen.
        news.notify_one();
        while let Ok(notification) = timeout(LISTENER_IDLE, listener.try_recv()).await {
            if notification?.is_none() {
                return Ok(());
            }
            news.notify_one();
        }
        let probe = sqlx::query("select 1").execute(&mut listener);
        timeout(TIMEOUT, probe).await.map_err(timed_out)??;
    }
}

/// Refuses the answer of a standby, which may lag behind its primary by any amount of time.
fn require_primary(rows: &[PgRow]) -> Result<(), StoreError> {
    match rows.first().map(|row| row.try_get("standby")) {
        Some(Ok(false)) => Ok(()),
        _ => Err(StoreError::new("the server is a standby; expected the primary")),
    }
}

/// Reads a row of entries; `None` for a malformed row, which is ignored.
fn read_entry(row: &PgRow) -> Option<Row> {
    let number = |column| Second::try_from(row.try_get::<i64, _>(column).ok()?).ok();
    Some((row.try_get("key").ok()?, number("before")?, number("until")?))
}

/// Reads a row of sessions; `None` if the session does not exist.
fn read_session_state(row: &PgRow) -> Result<Option<SessionState>, sqlx::Error> {
    let Some(subject) = row.try_get::<Option<String>, _>("subject")? else { return Ok(None) };
    Ok(Some(SessionState {
        subject: subject.into(),
        device: row.try_get::<Option<String>, _>("device")?.map(Into::into),
        current: row.try_get::<String, _>("current")?.into(),
        parent: row.try_get::<String, _>("parent")?.into(),
        began: time(row.try_get("began")?),
        rotated_at: time(row.try_get("rotated")?),
        ends: time(row.try_get("ends")?),
    }))
}

/// Reads a row of a list of sessions.
fn read_listed_session(row: &PgRow) -> Result<Session, sqlx::Error> {
    let at = |column| row.try_get(column).map(time);
    let id: String = row.try_get("id")?;
    let session = Session::new(id, at("began")?, at("rotated")?, at("ends")?);
    Ok(session.on_device(row.try_get("device")?))
}

fn to_i64(second: Second) -> i64 {
    i64::try_from(second).unwrap_or(i64::MAX)
}

fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

fn millis(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// The time of a number of milliseconds. A negative number, which this store never writes, counts as 1970.
fn time(millis: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(millis).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_prefix_is_validated_and_lowercased() {
        for good in ["Shop_2", "_x", &"x".repeat(40)] {
            assert_eq!(check_prefix(good).unwrap(), good.to_ascii_lowercase());
        }
        for bad in ["", "2shop", "a-b", "a b", "a;drop", "a\"", "\u{e9}", &"x".repeat(41)] {
            let error = check_prefix(bad).unwrap_err().to_string();
            assert!(error.contains("invalid table prefix"), "{error}");
        }
    }

    #[test]
    fn statements_use_the_configured_prefix() {
        for sql in [APPEND, READ, SESSION, START_SESSION, ROTATE, PRUNE_ENTRIES, MIGRATIONS[0]] {
            let renamed = rename_tables(sql, "shop");
            assert!(renamed.contains("shop_") && !renamed.contains(PREFIX), "{renamed}");
        }
    }

    #[test]
    fn debug_output_and_errors_contain_no_password() {
        let url = "postgres://app:hunter2@db.example.com:notaport/app";
        let builder = PostgresStore::builder(url).stale(true);
        assert!(!format!("{builder:?}").contains("hunter2"), "{builder:?}");
        let error = parse_url(url).unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn tables_of_an_unknown_version_are_refused() {
        assert_eq!(missing_migrations(0).unwrap().len(), 1);
        assert!(missing_migrations(1).unwrap().is_empty());
        for unknown in [2, -1] {
            let error = missing_migrations(unknown).unwrap_err().to_string();
            assert!(error.contains("update jwt-auth on this node"), "{error}");
        }
    }

    #[test]
    fn times_survive_a_round_trip() {
        let at = UNIX_EPOCH + Duration::from_millis(1_700_000_000_123);
        assert_eq!(time(millis(at)), at);
        assert_eq!(time(-1), UNIX_EPOCH);
        assert_eq!(to_i64(u64::MAX), i64::MAX);
    }
}
