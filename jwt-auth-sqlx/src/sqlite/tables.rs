//! The tables of the SQLite store, and their migration to this release.

use jwt_auth::errors::StoreError;
use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection as _, Executor as _, Row as _};

use crate::numbers::{millis, to_i64};
use crate::sqlite::log::now;

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
    CREATE TABLE jwt_auth_keys (
        id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL, document TEXT NOT NULL
    );
    CREATE TABLE jwt_auth_used (id TEXT PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID;
    CREATE INDEX jwt_auth_used_until ON jwt_auth_used (until);
    CREATE TABLE jwt_auth_state (
        version INTEGER NOT NULL, seq INTEGER NOT NULL, created INTEGER NOT NULL,
        access_life INTEGER NOT NULL
    );
    INSERT INTO jwt_auth_state VALUES (1, 0, 0, 0);
";

/// Creates missing tables. The transaction takes the write lock first, so that several processes may start at
/// once.
pub(super) async fn migrate(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let mut tx = connection.begin_with("BEGIN IMMEDIATE").await.map_err(StoreError::new)?;
    let existing = sqlx::query("SELECT 1 FROM sqlite_master WHERE name = 'jwt_auth_state'")
        .fetch_optional(&mut *tx)
        .await
        .map_err(StoreError::new)?;
    if existing.is_none() {
        tx.execute(TABLES).await.map_err(StoreError::new)?;
        sqlx::query("UPDATE jwt_auth_state SET created = ?1")
            .bind(to_i64(millis(now())))
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
