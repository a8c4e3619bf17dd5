//! `PostgresStore`: revocations and sessions in `PostgreSQL`, durable, for several nodes.
//!
//! Nodes read the table of entries by its sequence numbers. A notification contains no data; it makes the nodes
//! read at once.

use std::fmt;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use sqlx::pool::PoolConnection;
use sqlx::postgres::{
    PgArguments, PgConnectOptions, PgListener, PgPool, PgPoolOptions, PgRow, Postgres,
};
use sqlx::query::Query;
use sqlx::{Connection as _, Row as _};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::session::erased_store::BoxFuture;
use crate::session::postgres_sql::{
    ADOPT, APPEND, END_ALL, END_SESSION, END_SUBJECT, FIND, PREFIX, PRUNE_ENTRIES, PRUNE_SESSIONS,
    RAISE_ACCESS_LIFE, READ, REGISTER, ROTATE, SESSION, SESSIONS, SETTLE,
};
use crate::session::postgres_tables::{check_prefix, migrate, rename_tables};
use crate::session::record::{
    Millis, Record, RecordKey, SESSION_MARGIN, end_second, from_millis, millis, second,
};
use crate::session::record_key::epoch_keys;
use crate::session::replicated_log::{
    Batch, Found, HEARTBEAT, Log, MAX_STALENESS, Registration, ReplicatedLog, Rotation, Row,
    delegate_to_log,
};
use crate::session::rotation::{Facts, SessionState, decide};
use crate::session::{
    NewSession, Revocation, RotationOutcome, RotationRequest, Session, StoreError,
};

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

/// The log in `PostgreSQL`, and the connections to it.
struct PostgresLog {
    pool: PgPool,
    sql: Statements,
    news: Arc<Notify>,
    listener: JoinHandle<()>,
}

struct Statements {
    append: String,
    end_session: String,
    end_subject: String,
    end_all: String,
    read: String,
    find: String,
    session: String,
    adopt: String,
    rotate: String,
    register: String,
    settle: String,
    sessions: String,
    raise_access_life: String,
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
                end_session: rename(END_SESSION),
                end_subject: rename(END_SUBJECT),
                end_all: rename(END_ALL),
                read: rename(READ),
                find: rename(FIND),
                session: rename(SESSION),
                adopt: rename(ADOPT),
                rotate: rename(ROTATE),
                register: rename(REGISTER),
                settle: rename(SETTLE),
                sessions: rename(SESSIONS),
                raise_access_life: rename(RAISE_ACCESS_LIFE),
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

    /// Reads the state of a session, and what else decides about the token. `keys` name the token.
    async fn read_session(
        &self,
        request: &RotationRequest<'_>,
        keys: &[String],
    ) -> Result<(Option<SessionState>, Facts), StoreError> {
        let query = sqlx::query(&self.sql.session)
            .bind(request.session_id())
            .bind(keys)
            .bind(to_i64(second(request.now)))
            .bind(epoch_texts(request.token.subject));
        let rows = self.fetch(query).await?;
        require_primary(&rows)?;
        let row = rows.first().ok_or_else(|| StoreError::new("the table of the state is empty"))?;
        let facts = Facts {
            is_named: row.try_get("named").map_err(store_error)?,
            epoch: row.try_get::<Option<i64>, _>("epoch").map_err(store_error)?.map(to_u64),
            created: number(row, "created").map_err(store_error)?,
        };
        Ok((read_session_state(row).map_err(store_error)?, facts))
    }

    /// Writes the new state of a session, unless the session was changed or revoked after `previous` was read.
    /// Returns whether it wrote.
    async fn replace(
        &self,
        request: &RotationRequest<'_>,
        keys: &[String],
        previous: Option<&SessionState>,
        state: &SessionState,
    ) -> Result<bool, StoreError> {
        let sql = if previous.is_some() { &self.sql.rotate } else { &self.sql.adopt };
        let query = sqlx::query(sql)
            .bind(request.session_id())
            .bind(keys)
            .bind(to_i64(second(request.now)));
        let query = match previous {
            Some(previous) => query
                .bind(&*state.current)
                .bind(&*state.parent)
                .bind(to_i64(state.generation))
                .bind(to_i64(state.rotated))
                .bind(to_i64(state.expires))
                .bind(&*previous.current)
                .bind(&*previous.parent)
                .bind(to_i64(previous.generation)),
            None => query
                .bind(&*state.subject)
                .bind(&*state.current)
                .bind(&*state.parent)
                .bind(to_i64(state.generation))
                .bind(to_i64(state.started))
                .bind(to_i64(state.rotated))
                .bind(to_i64(state.ends))
                .bind(to_i64(state.expires)),
        };
        Ok(!self.fetch(query).await?.is_empty())
    }

    /// Deletes a session, and writes the record that its access tokens need. `until` is the end of the record of an
    /// unknown session.
    async fn end_session(
        &self,
        id: &str,
        started_at: Option<SystemTime>,
        until: SystemTime,
        now: SystemTime,
    ) -> Result<Record, StoreError> {
        let record = Record::of_session(id, end_second(until));
        let query = sqlx::query(&self.sql.end_session)
            .bind(record.key.text())
            .bind(id)
            .bind(started_at.map(|at| to_i64(millis(at))))
            .bind(to_i64(record.until))
            .bind(to_i64(second(now).saturating_add(1)))
            .bind(to_i64(SESSION_MARGIN));
        let rows = self.fetch(query).await?;
        read_written(record, &rows)
    }

    /// Writes a record that is not of a session, in the way of the statement.
    async fn write(
        &self,
        sql: &str,
        record: Record,
        subject: Option<&str>,
    ) -> Result<Record, StoreError> {
        let query = sqlx::query(sql)
            .bind(record.key.text())
            .bind(to_i64(record.before))
            .bind(to_i64(record.until));
        let query = match subject {
            Some(subject) => query.bind(subject),
            None => query,
        };
        let rows = self.fetch(query).await?;
        read_written(record, &rows)
    }

    async fn register_session(&self, session: &NewSession<'_>) -> Result<Registration, StoreError> {
        let epochs = epoch_texts(session.subject);
        let state = SessionState::begin(session, None);
        let query = sqlx::query(&self.sql.register)
            .bind(session.id)
            .bind(session.subject)
            .bind(session.device)
            .bind(session.refresh_id)
            .bind(to_i64(state.rotated))
            .bind(to_i64(state.ends))
            .bind(to_i64(state.expires))
            .bind(&epochs);
        let rows = self.fetch(query).await?;
        let row = rows.first().ok_or_else(|| StoreError::new("the session was not written"))?;
        let mut started = number(row, "started").map_err(store_error)?;
        let query = sqlx::query(&self.sql.settle)
            .bind(session.id)
            .bind(session.subject)
            .bind(&epochs)
            .bind(to_i64(state.rotated))
            .bind(limit(session.max_sessions.max(1) - 1));
        let mut ended = Vec::new();
        for row in self.fetch(query).await? {
            let later = row.try_get::<Option<i64>, _>("started").map_err(store_error)?;
            started = later.map_or(started, to_u64);
            if let Some(id) = row.try_get::<Option<String>, _>("id").map_err(store_error)? {
                ended.push(self.end_session(&id, None, session.ends, session.now).await?);
            }
        }
        Ok(Registration { started, ended })
    }

    /// Deletes rows in small batches, so that no other statement waits long for a lock.
    async fn delete(&self, sql: &str) -> Result<u64, StoreError> {
        let mut deleted = 0;
        loop {
            let rows = self.fetch(sqlx::query(sql).bind(limit(PRUNE_BATCH))).await?.len();
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
            let is_whole = after.is_none();
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
                    return Ok(Batch { rows, cursor, is_whole });
                }
            }
        })
    }

    fn append<'a>(&'a self, record: &'a Record, _: SystemTime) -> BoxFuture<'a, ()> {
        Box::pin(async move { self.write(&self.sql.append, record.clone(), None).await.map(drop) })
    }

    fn revoke<'a>(
        &'a self,
        revocation: &'a Revocation<'a>,
        now: SystemTime,
    ) -> BoxFuture<'a, Record> {
        Box::pin(async move {
            let record = Record::new(revocation);
            match *revocation {
                Revocation::Session { id, started_at, until } => {
                    self.end_session(id, started_at, until, now).await
                }
                Revocation::Subject { subject, .. } => {
                    self.write(&self.sql.end_subject, record, Some(subject)).await
                }
                Revocation::All { .. } => self.write(&self.sql.end_all, record, None).await,
                Revocation::Token { .. }
                | Revocation::EarlierAccess { .. }
                | Revocation::Key { .. } => self.write(&self.sql.append, record, None).await,
            }
        })
    }

    fn find<'a>(&'a self, keys: Vec<String>, session: Option<&'a str>) -> BoxFuture<'a, Found> {
        Box::pin(async move {
            let rows = self.fetch(sqlx::query(&self.sql.find).bind(keys).bind(session)).await?;
            require_primary(&rows)?;
            let row =
                rows.first().ok_or_else(|| StoreError::new("the table of the state is empty"))?;
            Ok(Found {
                is_session_known: row.try_get("session_known").map_err(store_error)?,
                created: number(row, "created").map_err(store_error)?,
                rows: rows.iter().filter_map(read_entry).collect(),
            })
        })
    }

    // Reads, decides, and writes only if nothing has changed: the write is the atomic step. No lock is held in
    // between, so a node that dies does not block the others.
    fn rotate<'a>(&'a self, request: &'a RotationRequest<'a>) -> BoxFuture<'a, Rotation> {
        Box::pin(async move {
            let keys = RecordKey::that_name(&request.token);
            let keys: Vec<String> = keys.iter().map(RecordKey::text).collect();
            for _ in 0..ATTEMPTS {
                let (previous, facts) = self.read_session(request, &keys).await?;
                let mut state = previous.clone();
                let outcome = decide(&mut state, facts, request);
                let mut record = None;
                let is_final = match (&outcome, &state) {
                    (RotationOutcome::Rotated { .. }, Some(state)) => {
                        self.replace(request, &keys, previous.as_ref(), state).await?
                    }
                    (RotationOutcome::Reused, _) => {
                        let (id, until) = (request.session_id(), request.session_ends);
                        record = Some(self.end_session(id, None, until, request.now).await?);
                        true
                    }
                    _ => true,
                };
                if is_final {
                    return Ok(Rotation { outcome, record });
                }
            }
            Err(StoreError::new(format_args!(
                "the session changed during each of {ATTEMPTS} attempts to rotate it"
            )))
        })
    }

    fn register<'a>(&'a self, session: &'a NewSession<'a>) -> BoxFuture<'a, Registration> {
        Box::pin(self.register_session(session))
    }

    fn sessions<'a>(&'a self, subject: &'a str, now: SystemTime) -> BoxFuture<'a, Vec<Session>> {
        Box::pin(async move {
            let query = sqlx::query(&self.sql.sessions)
                .bind(subject)
                .bind(to_i64(millis(now)))
                .bind(epoch_texts(subject));
            let rows = self.fetch(query).await?;
            rows.iter().map(|row| read_listed_session(row).map_err(store_error)).collect()
        })
    }

    fn remember_access_life(&self, life: Duration) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let query = sqlx::query(&self.sql.raise_access_life).bind(to_i64(life.as_secs()));
            self.fetch(query).await.map(drop)
        })
    }

    fn prune(&self) -> BoxFuture<'_, u64> {
        Box::pin(async move {
            let entries = self.delete(&self.sql.prune_entries).await?;
            Ok(entries + self.delete(&self.sql.prune_sessions).await?)
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
    let number = |column| u64::try_from(row.try_get::<i64, _>(column).ok()?).ok();
    Some((row.try_get("key").ok()?, number("before")?, number("until")?))
}

/// The record as the table contains it after a write.
fn read_written(record: Record, rows: &[PgRow]) -> Result<Record, StoreError> {
    let row = rows.first().ok_or_else(|| StoreError::new("the record was not written"))?;
    let column = |name| number(row, name).map_err(store_error);
    Ok(Record { before: column("before")?, until: column("until")?, ..record })
}

/// Reads a row of sessions; `None` if the session does not exist.
fn read_session_state(row: &PgRow) -> Result<Option<SessionState>, sqlx::Error> {
    let Some(subject) = row.try_get::<Option<String>, _>("subject")? else { return Ok(None) };
    Ok(Some(SessionState {
        subject: subject.into(),
        device: row.try_get::<Option<String>, _>("device")?.map(Into::into),
        current: row.try_get::<String, _>("current")?.into(),
        parent: row.try_get::<String, _>("parent")?.into(),
        generation: number(row, "generation")?,
        started: number(row, "started")?,
        rotated: number(row, "rotated")?,
        ends: number(row, "ends")?,
        expires: number(row, "expires")?,
        is_adopted: row.try_get("adopted")?,
    }))
}

/// Reads a row of a list of sessions.
fn read_listed_session(row: &PgRow) -> Result<Session, sqlx::Error> {
    let at = |column| number(row, column).map(from_millis);
    let id: String = row.try_get("id")?;
    let session = Session::new(id, at("started")?, at("rotated")?, at("ends")?);
    Ok(session.on_device(row.try_get("device")?))
}

fn epoch_texts(subject: &str) -> Vec<String> {
    epoch_keys(subject).iter().map(RecordKey::text).collect()
}

fn number(row: &PgRow, column: &str) -> Result<Millis, sqlx::Error> {
    row.try_get(column).map(to_u64)
}

fn to_i64(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number that this store wrote. A negative one, which it never writes, counts as zero.
fn to_u64(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_and_errors_contain_no_password() {
        let url = "postgres://app:hunter2@db.example.com:notaport/app";
        let builder = PostgresStore::builder(url).stale(true);
        assert!(!format!("{builder:?}").contains("hunter2"), "{builder:?}");
        let error = parse_url(url).unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn numbers_survive_a_round_trip() {
        assert_eq!(to_u64(to_i64(1_700_000_000_123)), 1_700_000_000_123);
        assert_eq!(to_u64(-1), 0);
        assert_eq!(to_i64(u64::MAX), i64::MAX);
    }
}
