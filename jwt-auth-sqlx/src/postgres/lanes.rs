//! The connections for operations: one for each operation under way, without a ping before or after.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jwt_auth::errors::StoreError;
use sqlx::Executor as _;
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgPool, PgRow, Postgres};
use sqlx::query::Query;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout};

/// The timeout of each statement, and of waiting for a connection.
pub(super) const TIMEOUT: Duration = Duration::from_secs(1);
/// A connection that was idle for this long goes back to the pool.
const IDLE: Duration = Duration::from_secs(1);

/// How the connections lead to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// Directly, by connections of the store's own.
    Own,
    /// By the application's pool, whose connections are returned after each operation.
    Shared,
    /// By a pooler in transaction mode: a prepared statement is valid within one transaction.
    Pooler,
}

pub(super) struct Lanes {
    pool: PgPool,
    route: Route,
    /// Connections that the next operations take without asking the pool, which pings each that is returned.
    idle: Mutex<Vec<(PoolConnection<Postgres>, Instant)>>,
    /// As many as the pool has connections, so that an operation waits for a lane and not for the pool.
    permits: Semaphore,
}

impl Lanes {
    pub(super) fn new(pool: PgPool, route: Route) -> Self {
        let size = pool.options().get_max_connections();
        let permits = Semaphore::new(usize::try_from(size).unwrap_or(usize::MAX));
        Self { pool, route, idle: Mutex::default(), permits }
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<(PoolConnection<Postgres>, Instant)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection for one operation.
    pub(super) async fn lease(&self) -> Result<Lane<'_>, StoreError> {
        let permit = timeout(TIMEOUT, self.permits.acquire()).await;
        let Ok(Ok(permit)) = permit else {
            return Err(StoreError::new("no connection became free within 1 s"));
        };
        let idle = self.idle().pop();
        let connection = match idle {
            Some((connection, _)) => connection,
            None => self.pool.acquire().await.map_err(StoreError::new)?,
        };
        Ok(Lane { lanes: self, connection: Some(connection), is_idle: true, _permit: permit })
    }

    /// Returns connections to the pool that were idle for a while.
    pub(super) fn release_idle(&self) {
        self.idle().retain(|(_, since)| since.elapsed() < IDLE);
    }
}

/// The connection of one operation.
pub(super) struct Lane<'a> {
    lanes: &'a Lanes,
    connection: Option<PoolConnection<Postgres>>,
    /// Whether no statement is under way.
    is_idle: bool,
    /// Dropped last, when the connection is back.
    _permit: SemaphorePermit<'a>,
}

impl Lane<'_> {
    /// Runs one statement in its own transaction.
    pub(super) async fn fetch(
        &mut self,
        query: Query<'_, Postgres, PgArguments>,
    ) -> Result<Vec<PgRow>, StoreError> {
        self.is_idle = false;
        let Ok(rows) = timeout(TIMEOUT, self.run(query)).await else {
            return Err(StoreError::new("no answer within 1 s"));
        };
        // An answer, also an error of the server, means that the connection works.
        self.is_idle = !matches!(rows, Err(sqlx::Error::Io(_) | sqlx::Error::Protocol(_)));
        rows.map_err(StoreError::new)
    }

    async fn run(
        &mut self,
        query: Query<'_, Postgres, PgArguments>,
    ) -> Result<Vec<PgRow>, sqlx::Error> {
        let Some(connection) = &mut self.connection else { return Err(sqlx::Error::PoolClosed) };
        if self.lanes.route != Route::Pooler {
            return query.fetch_all(&mut **connection).await;
        }
        connection.execute("begin").await?;
        let rows = query.persistent(false).fetch_all(&mut **connection).await;
        let end = if rows.is_ok() { "commit" } else { "rollback" };
        connection.execute(end).await?;
        rows
    }
}

impl Drop for Lane<'_> {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        if !self.is_idle {
            // The statement is still under way: the connection is closed, and the pool opens another one.
            drop(connection.detach());
        } else if self.lanes.route == Route::Own {
            self.lanes.idle().push((connection, Instant::now()));
        } else if tokio::runtime::Handle::try_current().is_err() {
            // Without a runtime the pool cannot ping it.
            drop(connection.detach());
        }
    }
}

impl Drop for Lanes {
    fn drop(&mut self) {
        if tokio::runtime::Handle::try_current().is_err() {
            for (connection, _) in self.idle().drain(..) {
                drop(connection.detach());
            }
        }
    }
}
