//! `PostgreSQL`: a fleet, durable; the table of entries is its own outbox, and a notification only wakes.

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

use crate::revocation::family::{Family, decide};
use crate::revocation::record::{About, Record, Second, end, second};
use crate::revocation::replicated::{Batch, HEARTBEAT, Log, MAX_STALENESS, Replicated, replicated};
use crate::revocation::{BoxFuture, NewSession, Rotate, Rotation, Session, StoreError};

/// No statement takes longer, nor the wait for a connection.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long start-up may take, other nodes' migrations included.
const START: Duration = Duration::from_secs(10);
/// A listener that hears nothing for so long asks whether its connection still stands.
const SILENCE: Duration = Duration::from_secs(15);
/// Notifications that come close together wake once.
const GATHER: Duration = Duration::from_millis(20);
const CONNECTIONS: u32 = 8;
/// Rows of one read, and of one deletion.
const PORTION: usize = 10_000;
const PRUNED: usize = 1_000;
/// What has died stays for a day: clocks differ, and so do leeways.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);
/// Each failed attempt of a rotation is another's success; more than a few in a row are no accident.
const ATTEMPTS: usize = 16;

/// What the names of tables begin with, and what the statements below are written with.
const PREFIX: &str = "jwt_auth";
/// Names of `PostgreSQL` end at 63 letters.
const MAX_PREFIX: usize = 40;

/// What makes each version of the tables of the one before.
const MIGRATIONS: [&str; 1] = ["
    create sequence jwt_auth_seq;
    create table jwt_auth_entries (
        key text primary key,
        before bigint not null,
        until bigint not null,
        seq bigint not null default nextval('jwt_auth_seq'),
        written timestamptz not null default clock_timestamp()
    );
    create index jwt_auth_entries_seq on jwt_auth_entries (seq);
    create index jwt_auth_entries_written on jwt_auth_entries (written);
    create index jwt_auth_entries_until on jwt_auth_entries (until);
    create table jwt_auth_families (
        family text primary key,
        subject text not null,
        device text,
        current text not null,
        parent text not null,
        began bigint not null,
        rotated bigint not null,
        ends bigint not null
    );
    create index jwt_auth_families_subject on jwt_auth_families (subject);
    create index jwt_auth_families_ends on jwt_auth_families (ends);
    create table jwt_auth_version (version int not null);
    insert into jwt_auth_version values (0);
"];

// Not `to_regclass`, whose cache may not yet know what another node has made while this one waited for the lock.
const TABLES: &str = "
    select exists (
        select from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = relnamespace
        where relname = 'jwt_auth_version' and nspname = any (current_schemas(false))
    )";

const APPEND: &str = "
    with put as (
        insert into jwt_auth_entries as kept (key, before, until) values ($1, $2, $3)
        on conflict (key) do update set
            before = greatest(kept.before, excluded.before),
            until = greatest(kept.until, excluded.until),
            seq = nextval('jwt_auth_seq'),
            written = clock_timestamp()
        returning 1
    )
    select pg_notify('jwt_auth_news', '') from put";

// A number of the sequence may become visible after a later one; so the last ten seconds before the last read are
// read again. No transaction of ours lives as long.
const READ: &str = "
    select key, before, until, seq,
        (extract(epoch from statement_timestamp()) * 1000000)::bigint as asked
    from jwt_auth_entries
    where (
        seq > $1
        or written > least(to_timestamp($2::bigint / 1e6::float8), statement_timestamp())
            - interval '10 seconds'
    ) and seq > $3
    order by seq
    limit $4";

const FIND: &str = "
    select key, before, until, pg_is_in_recovery() as standby
    from (select) as asked left join jwt_auth_entries on key = any($1)";

const FAMILY: &str = "
    select subject, device, current, parent, began, rotated, ends,
        exists (select from jwt_auth_entries where key = $2 and until > $3) as revoked
    from (select $1::text as family) as asked left join jwt_auth_families using (family)";

const START_FAMILY: &str = "
    insert into jwt_auth_families (family, subject, device, current, parent, began, rotated, ends)
    select $1, $4, null, $5, $6, $7, $7, $8
    where not exists (select from jwt_auth_entries where key = $2 and until > $3)
    on conflict (family) do nothing
    returning 1";

const ROTATE: &str = "
    update jwt_auth_families set current = $4, parent = $5, rotated = $6
    where family = $1 and current = $7 and parent = $8
        and not exists (select from jwt_auth_entries where key = $2 and until > $3)
    returning 1";

const BEGIN: &str = "
    insert into jwt_auth_families (family, subject, device, current, parent, began, rotated, ends)
    values ($1, $2, $3, $4, '', $5, $5, $6)
    on conflict (family) do update set
        subject = excluded.subject, device = excluded.device, current = excluded.current,
        parent = excluded.parent, began = excluded.began, rotated = excluded.rotated,
        ends = excluded.ends";

const SESSIONS: &str = "
    select family, device, began, rotated, ends from jwt_auth_families
    where subject = $1 and ends > $2
    order by rotated desc";

const PRUNE_ENTRIES: &str = "
    delete from jwt_auth_entries
    where until < $1 and ctid = any (array(
        select ctid from jwt_auth_entries where until < $1 limit $2 for update skip locked
    ))
    returning 1";

const PRUNE_FAMILIES: &str = "
    delete from jwt_auth_families
    where ends < $1 and ctid = any (array(
        select ctid from jwt_auth_families where ends < $1 limit $2 for update skip locked
    ))
    returning 1";

/// The store for a fleet that has `PostgreSQL` (13 or later): durable, and seen by every node within a second.
///
/// Each node answers from memory. A revocation is written to a table, and the other nodes are notified; a
/// notification that is lost costs a quarter of a second. A node that has no news for longer than
/// [`max_staleness`](PostgresStoreBuilder::max_staleness) refuses tokens with 503.
///
/// The tables are made at the first [`connect`](Self::connect). A role that may not make tables is enough once
/// they are there. For TLS turn on a TLS feature of `sqlx` in your own `Cargo.toml`, and write
/// `?sslmode=verify-full`. A pooler in transaction mode passes no notifications: connect past it.
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
pub struct PostgresStore(Replicated<PostgresLog>);

replicated!(PostgresStore);

impl PostgresStore {
    /// Connects, makes the tables where they are missing, and reads what was revoked.
    ///
    /// # Errors
    ///
    /// When the server does not answer, or the tables are of a newer release.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        Self::builder(url).connect().await
    }

    /// The same, with more to say.
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use jwt_auth::PostgresStore;
    ///
    /// # async fn start() -> Result<(), jwt_auth::StoreError> {
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

/// A [`PostgresStore`] before it connects; made by [`PostgresStore::builder`].
#[derive(Clone)]
#[must_use = "a builder connects nothing before `.connect()`"]
pub struct PostgresStoreBuilder {
    url: String,
    table_prefix: String,
    max_staleness: Duration,
    serve_stale: bool,
}

impl PostgresStoreBuilder {
    /// What the names of the tables begin with: letters, digits and `_`, no digit first, 40 at most. Default:
    /// `jwt_auth`.
    pub fn table_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.table_prefix = prefix.into();
        self
    }

    /// How old the node's knowledge may be before it refuses to vouch. Default: 5 s.
    pub fn max_staleness(mut self, staleness: Duration) -> Self {
        self.max_staleness = staleness;
        self
    }

    /// Whether memory answers however old it is; [`danger`](crate::danger) opens it.
    pub(crate) fn stale(mut self, serve: bool) -> Self {
        self.serve_stale = serve;
        self
    }

    /// Connects, makes the tables where they are missing, and reads what was revoked.
    ///
    /// # Errors
    ///
    /// When the server does not answer, the tables are of a newer release, or the prefix is no name.
    pub async fn connect(self) -> Result<PostgresStore, StoreError> {
        let prefix = checked(&self.table_prefix)?;
        let options = options(&self.url)?;
        let migrated = timeout(START, migrate(&options, &prefix)).await;
        migrated.unwrap_or_else(|_| Err(StoreError::new("no answer within 10 s")))?;
        let log = PostgresLog::start(&options, &prefix);
        Replicated::start(log, self.max_staleness, self.serve_stale).await.map(PostgresStore)
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

/// The prefix as `PostgreSQL` reads a name that is not quoted.
fn checked(prefix: &str) -> Result<String, StoreError> {
    let letters = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let first = prefix.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !first || prefix.len() > MAX_PREFIX || !prefix.chars().all(letters) {
        return Err(StoreError::new(format_args!(
            "`{}` is no table prefix; write letters, digits and `_`, no digit first, {MAX_PREFIX} at most",
            prefix.escape_debug(),
        )));
    }
    Ok(prefix.to_ascii_lowercase())
}

/// A statement with the names of this store's tables.
fn named(sql: &str, prefix: &str) -> String {
    sql.replace("jwt_auth_", &format!("{prefix}_"))
}

fn options(url: &str) -> Result<PgConnectOptions, StoreError> {
    let options = PgConnectOptions::from_str(url).map_err(failed)?;
    // A transaction that ends soon is what the trailing window of `READ` counts on; and a plan that does not know
    // the cursor reads the whole table.
    Ok(options.options([
        ("statement_timeout", "1000"),
        ("idle_in_transaction_session_timeout", "2000"),
        ("default_transaction_isolation", "read\\ committed"),
        ("plan_cache_mode", "force_custom_plan"),
    ]))
}

#[allow(clippy::needless_pass_by_value, reason = "`map_err` gives it away")]
fn failed(error: sqlx::Error) -> StoreError {
    StoreError::new(error)
}

/// Brings the tables to this release's version. Of nodes that start at once one does it, and the others wait.
async fn migrate(options: &PgConnectOptions, prefix: &str) -> Result<(), StoreError> {
    let mut connection = options.connect().await.map_err(failed)?;
    if missing(version(&mut connection, prefix).await?)?.is_empty() {
        return connection.close().await.map_err(failed);
    }
    let mut transaction = connection.begin().await.map_err(failed)?;
    let lock = "set local statement_timeout = 0;
        select pg_advisory_xact_lock(hashtextextended('jwt_auth_version', 0))";
    transaction.execute(named(lock, prefix).as_str()).await.map_err(failed)?;
    let version = version(&mut transaction, prefix).await?;
    for migration in missing(version)? {
        transaction.execute(named(migration, prefix).as_str()).await.map_err(failed)?;
    }
    let sql = named("update jwt_auth_version set version = $1", prefix);
    let ours = i32::try_from(MIGRATIONS.len()).unwrap_or(i32::MAX);
    sqlx::query(&sql).bind(ours).execute(&mut *transaction).await.map_err(failed)?;
    transaction.commit().await.map_err(failed)?;
    connection.close().await.map_err(failed)
}

/// The version of the tables; 0 when there are none.
async fn version(connection: &mut PgConnection, prefix: &str) -> Result<i32, StoreError> {
    let sql = named(TABLES, prefix);
    let row = sqlx::query(&sql).fetch_one(&mut *connection).await.map_err(failed)?;
    if !row.try_get::<bool, _>(0).map_err(failed)? {
        return Ok(0);
    }
    let sql = named("select coalesce(max(version), 0) from jwt_auth_version", prefix);
    let row = sqlx::query(&sql).fetch_one(connection).await.map_err(failed)?;
    row.try_get(0).map_err(failed)
}

fn missing(version: i32) -> Result<&'static [&'static str], StoreError> {
    let done = usize::try_from(version).ok().and_then(|done| MIGRATIONS.get(done..));
    done.ok_or_else(|| {
        StoreError::new(format_args!(
            "the tables are of version {version}, and this release knows version {} and older; \
             update jwt-auth on this node",
            MIGRATIONS.len(),
        ))
    })
}

/// The tables.
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
    family: String,
    start_family: String,
    rotate: String,
    begin: String,
    sessions: String,
    prune_entries: String,
    prune_families: String,
}

/// Where a reader stands: the greatest number it saw, and the server's time of that read in microseconds.
#[derive(Clone)]
struct Cursor {
    seq: i64,
    asked: i64,
}

impl Cursor {
    const START: Self = Self { seq: i64::MIN, asked: 0 };
}

impl PostgresLog {
    fn start(options: &PgConnectOptions, prefix: &str) -> Self {
        let named = |sql| named(sql, prefix);
        let news = Arc::new(Notify::new());
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(PATIENCE)
            .test_before_acquire(true)
            .connect_lazy_with(options.clone());
        let listening = listen(options.clone(), named("jwt_auth_news"), Arc::clone(&news));
        Self {
            pool,
            sql: Statements {
                append: named(APPEND),
                read: named(READ),
                find: named(FIND),
                family: named(FAMILY),
                start_family: named(START_FAMILY),
                rotate: named(ROTATE),
                begin: named(BEGIN),
                sessions: named(SESSIONS),
                prune_entries: named(PRUNE_ENTRIES),
                prune_families: named(PRUNE_FAMILIES),
            },
            news,
            listener: tokio::spawn(listening),
        }
    }

    /// One statement, which is a transaction of its own.
    async fn fetch(
        &self,
        query: Query<'_, Postgres, PgArguments>,
    ) -> Result<Vec<PgRow>, StoreError> {
        let fetched = timeout(PATIENCE, async {
            let mut lease = Lease(Some(self.pool.acquire().await?));
            let rows = match &mut lease.0 {
                Some(connection) => query.fetch_all(&mut **connection).await,
                None => Ok(Vec::new()),
            };
            // Whatever it answered, it answered: the connection is good.
            drop(lease.0.take());
            rows
        });
        fetched.await.map_or_else(
            |_| Err(StoreError::new("no answer within 1 s")),
            |rows| rows.map_err(failed),
        )
    }

    /// What is kept of a family, and whether it was revoked.
    async fn family(
        &self,
        request: &Rotate<'_>,
        key: &str,
    ) -> Result<(Option<Family>, bool), StoreError> {
        let query = sqlx::query(&self.sql.family).bind(request.family).bind(key);
        let rows = self.fetch(query.bind(signed(second(request.now)))).await?;
        let row = rows.first().ok_or_else(|| StoreError::new("no row where there is one"))?;
        let revoked = row.try_get("revoked").map_err(failed)?;
        Ok((read_family(row).map_err(failed)?, revoked))
    }

    /// Writes a family back, unless somebody was faster.
    async fn replace(
        &self,
        request: &Rotate<'_>,
        key: &str,
        kept: Option<&Family>,
        family: &Family,
    ) -> Result<bool, StoreError> {
        let sql = if kept.is_some() { &self.sql.rotate } else { &self.sql.start_family };
        let query =
            sqlx::query(sql).bind(request.family).bind(key).bind(signed(second(request.now)));
        let query = match kept {
            Some(kept) => query
                .bind(&*family.current)
                .bind(&*family.parent)
                .bind(millis(family.rotated_at))
                .bind(&*kept.current)
                .bind(&*kept.parent),
            None => query
                .bind(&*family.subject)
                .bind(&*family.current)
                .bind(&*family.parent)
                .bind(millis(family.rotated_at))
                .bind(millis(family.ends)),
        };
        Ok(!self.fetch(query).await?.is_empty())
    }

    /// Deletes in small batches, so that nobody waits for a lock.
    async fn delete(&self, sql: &str, before: i64) -> Result<u64, StoreError> {
        let mut gone = 0;
        loop {
            let query = sqlx::query(sql).bind(before).bind(limit(PRUNED));
            let rows = self.fetch(query).await?.len();
            gone += rows as u64;
            if rows < PRUNED {
                return Ok(gone);
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
            let asked = "select pg_is_in_recovery() as standby";
            primary(&self.fetch(sqlx::query(asked)).await?)?;
            let mut cursor = after.unwrap_or(Cursor::START);
            let from = cursor.clone();
            let mut rows = Vec::new();
            let mut portion = i64::MIN;
            loop {
                let query = sqlx::query(&self.sql.read).bind(from.seq).bind(from.asked);
                let read = self.fetch(query.bind(portion).bind(limit(PORTION))).await?;
                if let (Some(first), i64::MIN) = (read.first(), portion) {
                    cursor.asked = first.try_get("asked").map_err(failed)?;
                }
                if let Some(last) = read.last() {
                    portion = last.try_get("seq").map_err(failed)?;
                    cursor.seq = cursor.seq.max(portion);
                }
                rows.extend(read.iter().filter_map(read_entry));
                if read.len() < PORTION {
                    return Ok(Batch { rows, cursor });
                }
            }
        })
    }

    fn append<'a>(&'a self, record: &'a Record, _: SystemTime) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let query = sqlx::query(&self.sql.append).bind(record.about.key());
            let query = query.bind(signed(record.before)).bind(signed(record.until));
            self.fetch(query).await.map(drop)
        })
    }

    fn find(&self, keys: Vec<String>) -> BoxFuture<'_, Vec<(String, Second, Second)>> {
        Box::pin(async move {
            let rows = self.fetch(sqlx::query(&self.sql.find).bind(keys)).await?;
            primary(&rows)?;
            Ok(rows.iter().filter_map(read_entry).collect())
        })
    }

    // Read, decide, and write back only if nothing has changed: the write is the one atomic step. No lock is held
    // while a node thinks, or dies.
    fn rotate<'a>(&'a self, request: &'a Rotate<'a>) -> BoxFuture<'a, Rotation> {
        Box::pin(async move {
            let about = About::Family(request.family.to_owned());
            let key = about.key();
            for _ in 0..ATTEMPTS {
                let (kept, revoked) = self.family(request, &key).await?;
                let mut family = kept.clone();
                let rotation = decide(&mut family, revoked, request);
                let holds = match (&rotation, &family) {
                    (Rotation::Rotated { .. }, Some(family)) => {
                        self.replace(request, &key, kept.as_ref(), family).await?
                    }
                    (Rotation::Reused, family) => {
                        let ends = family.as_ref().map_or(request.dead_until, |known| known.ends);
                        let until = end(request.dead_until.max(ends));
                        let record = Record { about: about.clone(), before: 0, until };
                        self.append(&record, request.now).await?;
                        true
                    }
                    _ => true,
                };
                if holds {
                    return Ok(rotation);
                }
            }
            Err(StoreError::new("a session was rotated again and again meanwhile"))
        })
    }

    fn begin<'a>(&'a self, session: &'a NewSession<'a>) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let query = sqlx::query(&self.sql.begin)
                .bind(session.family)
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
            rows.iter().map(|row| read_session(row).map_err(failed)).collect()
        })
    }

    fn prune(&self, now: SystemTime) -> BoxFuture<'_, u64> {
        Box::pin(async move {
            let dead = now.checked_sub(KEPT).unwrap_or(UNIX_EPOCH);
            let entries = self.delete(&self.sql.prune_entries, signed(second(dead))).await?;
            Ok(entries + self.delete(&self.sql.prune_families, millis(dead)).await?)
        })
    }

    fn news(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let woken = async {
                self.news.notified().await;
                sleep(GATHER).await;
            };
            let _ = timeout(HEARTBEAT, woken).await;
            Ok(())
        })
    }
}

/// A connection that is lent. One whose answer nobody waited for goes back once it has answered, and is thrown
/// away when it does not: the pool itself would wait for as long as TCP does.
struct Lease(Option<PoolConnection<Postgres>>);

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(mut connection) = self.0.take() else { return };
        let Ok(runtime) = Handle::try_current() else {
            drop(connection.detach());
            return;
        };
        runtime.spawn(async move {
            if !matches!(timeout(PATIENCE, connection.ping()).await, Ok(Ok(()))) {
                drop(connection.detach());
            }
        });
    }
}

/// Wakes the reader at each notification, for ever.
async fn listen(options: PgConnectOptions, channel: String, news: Arc<Notify>) {
    loop {
        if let Err(error) = hear(&options, &channel, &news).await {
            tracing::debug!(target: "jwt_auth", %error, "no notifications for now");
        }
        sleep(HEARTBEAT).await;
    }
}

/// Listens until the connection is lost. It has a pool of its own, since a connection that hangs never leaves its
/// pool.
async fn hear(options: &PgConnectOptions, channel: &str, news: &Notify) -> Result<(), sqlx::Error> {
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(PATIENCE)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_lazy_with(options.clone());
    let timed_out = |_| sqlx::Error::PoolTimedOut;
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.eager_reconnect(false);
    timeout(PATIENCE, listener.listen(channel)).await.map_err(timed_out)??;
    loop {
        // What was notified before we listened, or while the connection was away, is read now.
        news.notify_one();
        while let Ok(heard) = timeout(SILENCE, listener.try_recv()).await {
            if heard?.is_none() {
                return Ok(());
            }
            news.notify_one();
        }
        let asked = sqlx::query("select 1").execute(&mut listener);
        timeout(PATIENCE, asked).await.map_err(timed_out)??;
    }
}

/// A standby may be behind by any time, and vouches for nothing.
fn primary(rows: &[PgRow]) -> Result<(), StoreError> {
    match rows.first().map(|row| row.try_get("standby")) {
        Some(Ok(false)) => Ok(()),
        _ => Err(StoreError::new("the server is a standby")),
    }
}

/// A row of entries; `None` for one that cannot be ours.
fn read_entry(row: &PgRow) -> Option<(String, Second, Second)> {
    let number = |column| Second::try_from(row.try_get::<i64, _>(column).ok()?).ok();
    Some((row.try_get("key").ok()?, number("before")?, number("until")?))
}

/// A row of families; `None` where there is none.
fn read_family(row: &PgRow) -> Result<Option<Family>, sqlx::Error> {
    let Some(subject) = row.try_get::<Option<String>, _>("subject")? else { return Ok(None) };
    Ok(Some(Family {
        subject: subject.into(),
        device: row.try_get::<Option<String>, _>("device")?.map(Into::into),
        current: row.try_get::<String, _>("current")?.into(),
        parent: row.try_get::<String, _>("parent")?.into(),
        began: time(row.try_get("began")?),
        rotated_at: time(row.try_get("rotated")?),
        ends: time(row.try_get("ends")?),
    }))
}

fn read_session(row: &PgRow) -> Result<Session, sqlx::Error> {
    let at = |column| row.try_get(column).map(time);
    let family: String = row.try_get("family")?;
    let session = Session::new(family, at("began")?, at("rotated")?, at("ends")?);
    Ok(session.on_device(row.try_get("device")?))
}

fn signed(second: Second) -> i64 {
    i64::try_from(second).unwrap_or(i64::MAX)
}

fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

fn millis(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// The way back; a time before 1970 is none of ours, and long over.
fn time(millis: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(millis).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_a_name_and_nothing_else() {
        for good in ["Shop_2", "_x", &"x".repeat(40)] {
            assert_eq!(checked(good).unwrap(), good.to_ascii_lowercase());
        }
        for bad in ["", "2shop", "a-b", "a b", "a;drop", "a\"", "\u{e9}", &"x".repeat(41)] {
            let error = checked(bad).unwrap_err().to_string();
            assert!(error.contains("is no table prefix"), "{error}");
        }
    }

    #[test]
    fn statements_name_the_tables_of_their_prefix() {
        for sql in [APPEND, READ, FAMILY, START_FAMILY, ROTATE, PRUNE_ENTRIES, MIGRATIONS[0]] {
            let named = named(sql, "shop");
            assert!(named.contains("shop_") && !named.contains(PREFIX), "{named}");
        }
    }

    #[test]
    fn no_debug_output_and_no_error_shows_the_password() {
        let url = "postgres://app:hunter2@db.example.com:notaport/app";
        let builder = PostgresStore::builder(url).stale(true);
        assert!(!format!("{builder:?}").contains("hunter2"), "{builder:?}");
        let error = options(url).unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }

    #[test]
    fn tables_of_a_newer_release_are_refused_with_words() {
        assert_eq!(missing(0).unwrap().len(), 1);
        assert!(missing(1).unwrap().is_empty());
        for odd in [2, -1] {
            let error = missing(odd).unwrap_err().to_string();
            assert!(error.contains("update jwt-auth on this node"), "{error}");
        }
    }

    #[test]
    fn times_go_there_and_back() {
        let at = UNIX_EPOCH + Duration::from_millis(1_700_000_000_123);
        assert_eq!(time(millis(at)), at);
        assert_eq!(time(-1), UNIX_EPOCH);
        assert_eq!(signed(u64::MAX), i64::MAX);
    }
}
