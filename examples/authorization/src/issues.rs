//! The issues, in SQLite.

use jwt_auth::{AuthError, AuthErrorKind};
use serde::Serialize;
use sqlx::sqlite::{SqlitePool, SqlitePoolOptions};

#[derive(Clone)]
pub(crate) struct Issues(SqlitePool);

#[derive(Serialize)]
pub(crate) struct Issue {
    pub(crate) id: i64,
    pub(crate) tenant: String,
    pub(crate) owner: String,
    pub(crate) title: String,
    pub(crate) state: String,
}

impl Issues {
    /// A database in memory, with a few issues.
    pub(crate) async fn in_memory() -> Result<Self, sqlx::Error> {
        // Each connection would have a database of its own.
        let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
        sqlx::query("CREATE TABLE issues (id INTEGER PRIMARY KEY, tenant TEXT, owner TEXT, title TEXT, state TEXT)")
            .execute(&pool)
            .await?;
        for (tenant, owner, title) in [
            ("acme", "alice", "The door squeaks"),
            ("acme", "bob", "The lamp flickers"),
            ("globex", "carol", "The laser is too warm"),
        ] {
            sqlx::query(
                "INSERT INTO issues (tenant, owner, title, state) VALUES (?, ?, ?, 'open')",
            )
            .bind(tenant)
            .bind(owner)
            .bind(title)
            .execute(&pool)
            .await?;
        }
        Ok(Self(pool))
    }

    /// The issue, if the tenant has one of that id.
    pub(crate) async fn find(&self, tenant: &str, id: i64) -> Result<Option<Issue>, AuthError> {
        let row: Option<(String, String, String)> =
            sqlx::query_as("SELECT owner, title, state FROM issues WHERE tenant = ? AND id = ?")
                .bind(tenant)
                .bind(id)
                .fetch_optional(&self.0)
                .await
                .map_err(|error| unavailable(&error))?;
        let tenant = tenant.to_owned();
        Ok(row.map(|(owner, title, state)| Issue { id, tenant, owner, title, state }))
    }

    pub(crate) async fn delete(&self, issue: &Issue) -> Result<(), AuthError> {
        let deleted = sqlx::query("DELETE FROM issues WHERE id = ? AND tenant = ?")
            .bind(issue.id)
            .bind(&issue.tenant)
            .execute(&self.0)
            .await;
        deleted.map(drop).map_err(|error| unavailable(&error))
    }

    /// Closes the issue, unless it has changed since it was loaded. Returns whether it did.
    pub(crate) async fn close(&self, issue: &Issue) -> Result<bool, AuthError> {
        let closed = sqlx::query(
            "UPDATE issues SET state = 'closed' WHERE id = ? AND tenant = ? AND owner = ? AND state = ?",
        )
        .bind(issue.id)
        .bind(&issue.tenant)
        .bind(&issue.owner)
        .bind(&issue.state)
        .execute(&self.0)
        .await;
        closed.map(|result| result.rows_affected() == 1).map_err(|error| unavailable(&error))
    }

    /// Ends the connection, so that each call fails.
    #[cfg(test)]
    pub(crate) async fn break_down(&self) {
        self.0.close().await;
    }
}

/// The database did not answer: 503, never an answer without the check.
fn unavailable(error: &sqlx::Error) -> AuthError {
    eprintln!("the database failed: {error}");
    AuthErrorKind::Unavailable.into()
}
