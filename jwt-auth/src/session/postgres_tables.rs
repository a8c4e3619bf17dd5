//! The tables of the `PostgreSQL` store: their names, their version, and the migration to this release.

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, Row as _};

use crate::session::StoreError;
use crate::session::postgres_sql::{MAX_PREFIX, MIGRATIONS, TABLES_EXIST};

/// Checks the prefix, and returns it in lower case, as `PostgreSQL` reads a name without quotes.
pub(super) fn check_prefix(prefix: &str) -> Result<String, StoreError> {
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
pub(super) fn rename_tables(sql: &str, prefix: &str) -> String {
    sql.replace("jwt_auth_", &format!("{prefix}_"))
}

/// Migrates the tables to this release's version. If several nodes start at once, one migrates and the others
/// wait.
pub(super) async fn migrate(options: &PgConnectOptions, prefix: &str) -> Result<(), StoreError> {
    let mut connection = options.connect().await.map_err(StoreError::new)?;
    if missing_migrations(read_version(&mut connection, prefix).await?)?.is_empty() {
        return connection.close().await.map_err(StoreError::new);
    }
    let mut transaction = connection.begin().await.map_err(StoreError::new)?;
    let lock = "set local statement_timeout = 0;
        select pg_advisory_xact_lock(hashtextextended('jwt_auth_state', 0))";
    transaction.execute(rename_tables(lock, prefix).as_str()).await.map_err(StoreError::new)?;
    let version = read_version(&mut transaction, prefix).await?;
    for migration in missing_migrations(version)? {
        transaction
            .execute(rename_tables(migration, prefix).as_str())
            .await
            .map_err(StoreError::new)?;
    }
    let sql = rename_tables("update jwt_auth_state set version = $1", prefix);
    let ours = i32::try_from(MIGRATIONS.len()).unwrap_or(i32::MAX);
    sqlx::query(&sql).bind(ours).execute(&mut *transaction).await.map_err(StoreError::new)?;
    transaction.commit().await.map_err(StoreError::new)?;
    connection.close().await.map_err(StoreError::new)
}

/// Reads the version of the tables; 0 if there are none.
async fn read_version(connection: &mut PgConnection, prefix: &str) -> Result<i32, StoreError> {
    let sql = rename_tables(TABLES_EXIST, prefix);
    let row = sqlx::query(&sql).fetch_one(&mut *connection).await.map_err(StoreError::new)?;
    if !row.try_get::<bool, _>(0).map_err(StoreError::new)? {
        return Ok(0);
    }
    let sql = rename_tables("select coalesce(max(version), 0) from jwt_auth_state", prefix);
    let row = sqlx::query(&sql).fetch_one(connection).await.map_err(StoreError::new)?;
    row.try_get(0).map_err(StoreError::new)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::postgres_sql::{
        ADOPT, APPEND, PREFIX, PRUNE_ENTRIES, READ, ROTATE, SESSION,
    };

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
        for sql in [APPEND, READ, SESSION, ADOPT, ROTATE, PRUNE_ENTRIES, MIGRATIONS[0]] {
            let renamed = rename_tables(sql, "shop");
            assert!(renamed.contains("shop_") && !renamed.contains(PREFIX), "{renamed}");
        }
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
}
