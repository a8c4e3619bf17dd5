//! `SqliteStore`: revocations and sessions in a SQLite file, durable, for the processes of one machine.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jwt_auth::danger::DangerousStore;
use jwt_auth::errors::StoreError;
use jwt_auth::session::log::{LogOptions, ReplicatedStore};
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};

use crate::sqlite::log::SqliteLog;

/// A store in a SQLite file: durable, for one machine.
///
/// Each call returns when its record is on disk, so a process that is killed loses nothing that was confirmed.
/// Several processes may open the same file: each answers from an in-memory replica, and sees the revocations of
/// the others within 250 ms. The writes of a process that arrive together share one transaction. Do not put the file on a network drive, because SQLite's locks do not work there.
///
/// ```
/// use jwt_auth::Config;
/// use jwt_auth_sqlx::SqliteStore;
///
/// # let folder = std::env::temp_dir().join(format!("jwt-auth-doc-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// # let path = folder.join("sessions.db");
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
/// # runtime.block_on(async {
/// let store = SqliteStore::open(&path).await?; // created if it does not exist
/// # let secret = jwt_auth::KeyMaterial::ephemeral();
/// let auth = Config::hs256(secret).revocation(store).build()?;
/// # drop(auth);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # std::fs::remove_dir_all(folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct SqliteStore(ReplicatedStore<SqliteLog>);

/// The options of a [`SqliteStore`] before it is opened.
///
/// Created by [`SqliteStore::builder`].
///
/// ```no_run
/// use jwt_auth_sqlx::SqliteStoreBuilder;
/// use jwt_auth::Config;
/// use jwt_auth_sqlx::SqliteStore;
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
    options: LogOptions,
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
    /// use jwt_auth_sqlx::SqliteStore;
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
    /// use jwt_auth_sqlx::SqliteStore;
    /// use std::time::Duration;
    ///
    /// # async fn store() -> Result<SqliteStore, jwt_auth::errors::StoreError> {
    /// SqliteStore::builder("sessions.db").max_staleness(Duration::from_secs(2)).open().await
    /// # }
    /// ```
    pub fn builder(path: impl AsRef<Path>) -> SqliteStoreBuilder {
        let path = path.as_ref().to_owned();
        SqliteStoreBuilder { path, options: LogOptions::default() }
    }
}

impl SqliteStore {
    /// Opens the file of the application's own pool.
    ///
    /// The tables have the prefix `jwt_auth`. The store opens connections of its own, so that it does not wait for the
    /// application's queries. The file must be in WAL mode, and is switched to it otherwise.
    ///
    /// # Errors
    ///
    /// If the file cannot be opened, or a newer release created the tables.
    ///
    /// ```no_run
    /// use jwt_auth_sqlx::SqliteStore;
    ///
    /// # async fn start(pool: sqlx::SqlitePool) -> Result<(), jwt_auth::errors::StoreError> {
    /// let store = SqliteStore::from_pool(&pool).await?;
    /// # drop(store);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn from_pool(pool: &SqlitePool) -> Result<Self, StoreError> {
        let options = pool.connect_options().as_ref().clone();
        let options =
            options.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full);
        let log = SqliteLog::open(&options).await?;
        ReplicatedStore::start(log, LogOptions::default()).await.map(Self)
    }
}

impl SqliteStoreBuilder {
    /// How old the replica may be before tokens are refused with 503.
    ///
    /// Default: 5 seconds, which is twenty missed reads of the file.
    ///
    /// ```no_run
    /// use jwt_auth_sqlx::SqliteStore;
    /// use std::time::Duration;
    ///
    /// # async fn store() -> Result<SqliteStore, jwt_auth::errors::StoreError> {
    /// SqliteStore::builder("sessions.db").max_staleness(Duration::from_secs(1)).open().await
    /// # }
    /// ```
    pub fn max_staleness(mut self, age: Duration) -> Self {
        self.options = self.options.max_staleness(age);
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
    /// use jwt_auth_sqlx::SqliteStore;
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
            .synchronous(SqliteSynchronous::Full);
        let log = SqliteLog::open(&options).await?;
        ReplicatedStore::start(log, self.options).await.map(SqliteStore)
    }
}

jwt_auth::delegate_store!(SqliteStore);

impl DangerousStore for SqliteStoreBuilder {
    fn serve_stale(mut self) -> Self {
        self.options = self.options.serve_stale();
        self
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SqliteStore").field(&self.0).finish()
    }
}
