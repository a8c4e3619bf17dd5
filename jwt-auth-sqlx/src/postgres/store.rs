//! `PostgresStore`: revocations and sessions in `PostgreSQL`, durable, for several nodes.

use std::fmt;
use std::str::FromStr as _;
use std::time::Duration;

use jwt_auth::danger::DangerousStore;
use jwt_auth::errors::StoreError;
use jwt_auth::session::log::{LogOptions, ReplicatedStore};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use tokio::time::timeout;

use crate::postgres::lanes::{Route, TIMEOUT};
use crate::postgres::log::PostgresLog;
use crate::postgres::names::Names;
use crate::postgres::reader::Reader;
use crate::postgres::tables::{migrations, prepare};

/// The timeout of the migration at startup, which may wait for another node's migration.
const START_TIMEOUT: Duration = Duration::from_secs(10);
/// The default size of the store's own pool.
const CONNECTIONS: u32 = 8;

/// A store in `PostgreSQL` (13 or later): durable, for several nodes.
///
/// Each node answers from an in-memory replica. A revocation is written to a table, and a notification makes the other
/// nodes read it at once; if the notification is lost, they read it within 250 ms. A node that has not read the table
/// for [`max_staleness`](PostgresStoreBuilder::max_staleness) refuses tokens with 503.
///
/// A node has a connection that reads the log, one that listens for notifications, and a pool of at most 8 for log-ins,
/// refreshes and log-outs, which is empty while there are none.
///
/// The first [`connect`](Self::connect) creates the tables. After that a role needs only the privileges that
/// [`migrations`](Self::migrations) lists; `connect` tries each of them. TLS is built in: write `?sslmode=verify-full`.
///
/// ```no_run
/// use jwt_auth::Config;
/// use jwt_auth_sqlx::PostgresStore;
///
/// # async fn start() -> Result<(), Box<dyn std::error::Error>> {
/// let store = PostgresStore::connect("postgres://app:secret@db.example.com/app?sslmode=verify-full").await?;
/// let auth = Config::from_env().revocation(store).build()?;
/// # drop(auth);
/// # Ok(())
/// # }
/// ```
pub struct PostgresStore(ReplicatedStore<PostgresLog>);

jwt_auth::delegate_store!(PostgresStore);

impl PostgresStore {
    /// Connects with the default options.
    ///
    /// Creates missing tables, and reads every revocation.
    ///
    /// # Errors
    ///
    /// If the server does not answer, if a newer release created the tables, or if the role lacks a privilege.
    ///
    /// ```no_run
    /// use jwt_auth_sqlx::PostgresStore;
    ///
    /// # async fn store() -> Result<PostgresStore, jwt_auth::errors::StoreError> {
    /// PostgresStore::connect("postgres://app:secret@db.example.com/app").await
    /// # }
    /// ```
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        Self::builder(url).connect().await
    }

    /// Uses the application's pool for log-ins, refreshes and log-outs.
    ///
    /// The reader and the listener open a connection each, with the options of the pool. Give the pool's statements a
    /// timeout below 30 seconds: a revocation that commits later may be read late.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    ///
    /// ```no_run
    /// use jwt_auth_sqlx::PostgresStore;
    ///
    /// # async fn store(pool: sqlx::PgPool) -> Result<PostgresStore, jwt_auth::errors::StoreError> {
    /// PostgresStore::from_pool(pool).await
    /// # }
    /// ```
    pub async fn from_pool(pool: PgPool) -> Result<Self, StoreError> {
        Self::builder_from_pool(pool).connect().await
    }

    /// A builder, to change options before [`connect`](PostgresStoreBuilder::connect).
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use jwt_auth_sqlx::PostgresStore;
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
        PostgresStoreBuilder::new(Source::Url(url.into()))
    }

    /// A builder with the application's pool; see [`from_pool`](Self::from_pool).
    ///
    /// ```no_run
    /// use jwt_auth_sqlx::PostgresStore;
    ///
    /// # async fn store(pool: sqlx::PgPool) -> Result<PostgresStore, jwt_auth::errors::StoreError> {
    /// PostgresStore::builder_from_pool(pool).schema("auth").connect().await
    /// # }
    /// ```
    pub fn builder_from_pool(pool: PgPool) -> PostgresStoreBuilder {
        PostgresStoreBuilder::new(Source::Pool(pool))
    }

    /// The statements that create the tables, and the grants for the role `app`, as text.
    ///
    /// Use it if your own migrations create tables: apply the text, and connect with
    /// [`migrate(false)`](PostgresStoreBuilder::migrate). The builder has the same method, for other names.
    ///
    /// ```
    /// use jwt_auth_sqlx::PostgresStore;
    /// let text = PostgresStore::migrations();
    /// assert!(text.contains("create table jwt_auth_sessions") && text.contains("to app;"));
    /// ```
    pub fn migrations() -> String {
        migrations(&Names::default(), "app")
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PostgresStore").field(&self.0).finish()
    }
}

/// Where connections come from.
#[derive(Clone)]
enum Source {
    Url(String),
    Pool(PgPool),
}

/// The options of a [`PostgresStore`] before it connects.
///
/// Created by [`PostgresStore::builder`].
///
/// ```no_run
/// use jwt_auth::Config;
/// use jwt_auth_sqlx::{PostgresStore, PostgresStoreBuilder};
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
    source: Source,
    names: Names,
    options: LogOptions,
    migrates: bool,
    max_connections: u32,
    is_pooled: bool,
    listener_url: Option<String>,
    standby_url: Option<String>,
}

impl PostgresStoreBuilder {
    fn new(source: Source) -> Self {
        Self {
            source,
            names: Names::default(),
            options: LogOptions::default(),
            migrates: true,
            max_connections: CONNECTIONS,
            is_pooled: false,
            listener_url: None,
            standby_url: None,
        }
    }

    /// The prefix of the table names. Default: `jwt_auth`.
    ///
    /// It consists of letters, digits and `_`, does not start with a digit, and has at most 40 characters.
    ///
    /// ```no_run
    /// use jwt_auth_sqlx::PostgresStore;
    ///
    /// # async fn store() -> Result<PostgresStore, jwt_auth::errors::StoreError> {
    /// let builder = PostgresStore::builder("postgres://app:secret@db.example.com/app");
    /// builder.table_prefix("shop_auth").connect().await
    /// # }
    /// ```
    pub fn table_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.names.set_prefix(prefix.into());
        self
    }

    /// The schema of the tables. Default: the first one of the connection's `search_path`.
    ///
    /// It must exist, and has the characters of a [`table_prefix`](Self::table_prefix).
    ///
    /// ```no_run
    /// use jwt_auth_sqlx::PostgresStore;
    ///
    /// # async fn store() -> Result<PostgresStore, jwt_auth::errors::StoreError> {
    /// let builder = PostgresStore::builder("postgres://app:secret@db.example.com/app");
    /// builder.schema("auth").connect().await
    /// # }
    /// ```
    pub fn schema(mut self, schema: impl Into<String>) -> Self {
        self.names.set_schema(schema.into());
        self
    }

    /// Whether missing tables are created. Default: `true`.
    ///
    /// With `false`, missing tables are an error of [`connect`](Self::connect).
    ///
    /// ```no_run
    /// use jwt_auth_sqlx::PostgresStore;
    ///
    /// # async fn store() -> Result<PostgresStore, jwt_auth::errors::StoreError> {
    /// let builder = PostgresStore::builder("postgres://app:secret@db.example.com/app");
    /// builder.migrate(false).connect().await
    /// # }
    /// ```
    pub fn migrate(mut self, migrate: bool) -> Self {
        self.migrates = migrate;
        self
    }

    /// The statements that create the tables under these names, and the grants for a role.
    ///
    /// ```
    /// use jwt_auth_sqlx::PostgresStore;
    ///
    /// let builder = PostgresStore::builder("postgres://localhost/app").schema("auth");
    /// assert!(builder.migrations("web").contains("on auth.jwt_auth_state to web;"));
    /// ```
    pub fn migrations(&self, role: &str) -> String {
        migrations(&self.names, role)
    }

    /// How many connections the store's own pool has at most. Default: 8.
    ///
    /// The reader and the listener have one more each. It does not apply to a pool of the application.
    ///
    /// ```no_run
    /// use jwt_auth_sqlx::PostgresStore;
    ///
    /// # async fn store() -> Result<PostgresStore, jwt_auth::errors::StoreError> {
    /// let builder = PostgresStore::builder("postgres://app:secret@db.example.com/app");
    /// builder.max_connections(4).connect().await
    /// # }
    /// ```
    pub fn max_connections(mut self, connections: u32) -> Self {
        self.max_connections = connections.max(1);
        self
    }

    /// Connects through a pooler in transaction mode, such as `PgBouncer`.
    ///
    /// Each statement then runs in a transaction of its own, and no session setting is used. A pooler passes on no
    /// notifications: nodes see revocations within 250 ms, or at once with [`listen_at`](Self::listen_at).
    ///
    /// ```no_run
    /// use jwt_auth_sqlx::PostgresStore;
    ///
    /// # async fn store() -> Result<PostgresStore, jwt_auth::errors::StoreError> {
    /// let builder = PostgresStore::builder("postgres://app:secret@pgbouncer.example.com:6432/app");
    /// builder.behind_pooler().connect().await
    /// # }
    /// ```
    pub fn behind_pooler(mut self) -> Self {
        self.is_pooled = true;
        self
    }

    /// The address at which to listen for notifications. Default: that of the store, or none behind a pooler.
    ///
    /// ```no_run
    /// use jwt_auth_sqlx::PostgresStore;
    ///
    /// # async fn store() -> Result<PostgresStore, jwt_auth::errors::StoreError> {
    /// let builder = PostgresStore::builder("postgres://app:secret@pgbouncer.example.com:6432/app").behind_pooler();
    /// builder.listen_at("postgres://app:secret@db.example.com/app").connect().await
    /// # }
    /// ```
    pub fn listen_at(mut self, url: impl Into<String>) -> Self {
        self.listener_url = Some(url.into());
        self
    }

    /// Reads the log from a standby of the server, which may be the address of several.
    ///
    /// Use it when one server no longer delivers every revocation to every node; the chapter
    /// [stores](jwt_auth::guide::stores#past-one-server) has figures. Log-ins, refreshes, log-outs and strict look-ups
    /// go to the primary. The node writes a heartbeat to the primary four times a second, with one more connection, and
    /// its replica of the log is as old as the last heartbeat that the standby shows. Default: the primary.
    ///
    /// ```no_run
    /// use jwt_auth_sqlx::PostgresStore;
    ///
    /// # async fn store() -> Result<PostgresStore, jwt_auth::errors::StoreError> {
    /// let builder = PostgresStore::builder("postgres://app:secret@primary.example.com/app");
    /// builder.read_from("postgres://app:secret@standby.example.com/app").connect().await
    /// # }
    /// ```
    pub fn read_from(mut self, url: impl Into<String>) -> Self {
        self.standby_url = Some(url.into());
        self
    }

    /// How old the replica may be before tokens are refused with 503.
    ///
    /// Default: 5 seconds, which is twenty missed reads of the table.
    ///
    /// ```no_run
    /// use jwt_auth_sqlx::PostgresStore;
    /// use std::time::Duration;
    ///
    /// # async fn store() -> Result<PostgresStore, jwt_auth::errors::StoreError> {
    /// let builder = PostgresStore::builder("postgres://app:secret@db.example.com/app");
    /// builder.max_staleness(Duration::from_secs(2)).connect().await
    /// # }
    /// ```
    pub fn max_staleness(mut self, age: Duration) -> Self {
        self.options = self.options.max_staleness(age);
        self
    }

    /// The options of the store's own connections.
    fn own_options(&self, options: PgConnectOptions) -> PgConnectOptions {
        if self.is_pooled { options.statement_cache_capacity(0) } else { bounded(options) }
    }

    /// Connects, creates missing tables, and reads every revocation.
    ///
    /// # Errors
    ///
    /// If the server does not answer, if a newer release created the tables, if the role lacks a privilege, if a name is
    /// invalid, or if the server of [`read_from`](Self::read_from) is no standby of it.
    ///
    /// ```no_run
    /// use jwt_auth_sqlx::PostgresStore;
    ///
    /// # async fn store() -> Result<PostgresStore, jwt_auth::errors::StoreError> {
    /// PostgresStore::builder("postgres://app:secret@db.example.com/app").connect().await
    /// # }
    /// ```
    pub async fn connect(self) -> Result<PostgresStore, StoreError> {
        let names = self.names.clone().check()?;
        let base = match &self.source {
            Source::Url(url) => parse_url(url)?,
            Source::Pool(pool) => pool.connect_options().as_ref().clone(),
        };
        let own = self.own_options(base.clone());
        let standby = self.standby_url.as_deref().map(parse_url).transpose()?;
        let standby = standby.map(|options| self.own_options(options));
        let reader = Reader::new(own.clone(), standby, self.is_pooled, &names)?;
        let prepared = timeout(START_TIMEOUT, prepare(&own, &names, self.migrates)).await;
        prepared.unwrap_or_else(|_| Err(StoreError::new("no answer within 10 s")))?;
        let listener = match self.listener_url {
            Some(url) => Some(parse_url(&url)?),
            None => Some(base).filter(|_| !self.is_pooled),
        };
        let (pool, route) = match self.source {
            Source::Pool(pool) => {
                (pool, if self.is_pooled { Route::Pooler } else { Route::Shared })
            }
            Source::Url(_) => {
                let pool = PgPoolOptions::new()
                    .max_connections(self.max_connections)
                    .acquire_timeout(TIMEOUT)
                    .test_before_acquire(false)
                    .idle_timeout(Duration::from_mins(1))
                    .connect_lazy_with(own.clone());
                (pool, if self.is_pooled { Route::Pooler } else { Route::Own })
            }
        };
        let log = PostgresLog::start(pool, route, reader, listener, &names);
        ReplicatedStore::start(log, self.options).await.map(PostgresStore)
    }
}

impl DangerousStore for PostgresStoreBuilder {
    fn serve_stale(mut self) -> Self {
        self.options = self.options.serve_stale();
        self
    }
}

/// Omits the address, which may contain a password.
impl fmt::Debug for PostgresStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStoreBuilder")
            .field("names", &self.names)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

fn parse_url(url: &str) -> Result<PgConnectOptions, StoreError> {
    PgConnectOptions::from_str(url).map_err(StoreError::new)
}

/// The options of the store's own connections: no statement takes longer than a second.
fn bounded(options: PgConnectOptions) -> PgConnectOptions {
    options.options([
        ("statement_timeout", "1000"),
        ("idle_in_transaction_session_timeout", "2000"),
        ("default_transaction_isolation", "read committed"),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_and_errors_contain_no_password() {
        let url = "postgres://app:hunter2@db.example.com:notaport/app";
        let builder = PostgresStore::builder(url).serve_stale();
        assert!(!format!("{builder:?}").contains("hunter2"), "{builder:?}");
        let error = parse_url(url).unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}
