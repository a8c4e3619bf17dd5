//! The tables of the `PostgreSQL` store: their version, the migration to this release, and the privileges.

use jwt_auth::errors::StoreError;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, Row as _};

use crate::postgres::names::Names;
use crate::postgres::sql::{GRANTS, MIGRATIONS, PROBE, TABLES_EXIST};

/// Prepares the tables, and proves that the role may do everything that the store will do.
///
/// If several nodes start at once, one migrates and the others wait.
pub(super) async fn prepare(
    options: &PgConnectOptions,
    names: &Names,
    may_migrate: bool,
) -> Result<(), StoreError> {
    // A pooler may give each transaction another connection to the server, so all of it is one transaction.
    let mut connection = options.connect().await.map_err(StoreError::new)?;
    let mut transaction = connection.begin().await.map_err(StoreError::new)?;
    let mut version = read_version(&mut transaction, names).await?;
    if !missing_migrations(version)?.is_empty() {
        if !may_migrate {
            return Err(StoreError::new(format_args!(
                "the tables are of version {version}, and this release needs version {}; apply \
                 `PostgresStore::migrations()`",
                MIGRATIONS.len(),
            )));
        }
        let lock = "set local statement_timeout = 0;
            select pg_advisory_xact_lock(hashtextextended('jwt_auth_state', 0))";
        run(&mut transaction, names, lock).await?;
        version = read_version(&mut transaction, names).await?;
        for migration in missing_migrations(version)? {
            run(&mut transaction, names, migration).await?;
        }
        let version = format!("update {{s}}jwt_auth_state set version = {}", MIGRATIONS.len());
        run(&mut transaction, names, &version).await?;
    }
    transaction.commit().await.map_err(StoreError::new)?;
    warn_about_plain_text(&mut connection, options).await;
    let mut transaction = connection.begin().await.map_err(StoreError::new)?;
    run(&mut transaction, names, PROBE).await.map_err(|error| {
        StoreError::new(format_args!(
            "the role cannot use the tables ({error}); `PostgresStore::migrations()` lists the grants"
        ))
    })?;
    transaction.rollback().await.map_err(StoreError::new)?;
    connection.close().await.map_err(StoreError::new)
}

/// The statements that create the tables, and the grants for another role.
pub(super) fn migrations(names: &Names, role: &str) -> String {
    let mut text = MIGRATIONS.map(|migration| names.text(migration)).concat();
    let version = format!("update {{s}}jwt_auth_state set version = {};\n", MIGRATIONS.len());
    text.push_str(&names.text(&version));
    text.push_str(&names.text(GRANTS).replace("{role}", role));
    text
}

/// Runs statements of this crate, with checked names.
async fn run(connection: &mut PgConnection, names: &Names, sql: &str) -> Result<(), StoreError> {
    let statements = sqlx::raw_sql(names.statement(sql).sql());
    connection.execute(statements).await.map(drop).map_err(StoreError::new)
}

/// Reads the version of the tables; 0 if there are none.
async fn read_version(connection: &mut PgConnection, names: &Names) -> Result<i32, StoreError> {
    let query = sqlx::query(names.statement(TABLES_EXIST).sql()).bind(names.schema());
    let row = query.persistent(false).fetch_one(&mut *connection).await.map_err(StoreError::new)?;
    if !row.try_get::<bool, _>(0).map_err(StoreError::new)? {
        return Ok(0);
    }
    let sql = "select coalesce(max(version), 0) from {s}jwt_auth_state";
    let query = sqlx::query(names.statement(sql).sql()).persistent(false);
    let row = query.fetch_one(connection).await.map_err(StoreError::new)?;
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

/// Logs a warning if a connection to another machine is not encrypted.
async fn warn_about_plain_text(connection: &mut PgConnection, options: &PgConnectOptions) {
    let host = options.get_host();
    let is_local = options.get_socket().is_some()
        || host.starts_with('/')
        || host == "localhost"
        || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
    if is_local {
        return;
    }
    let ssl = "select coalesce((select ssl from pg_stat_ssl where pid = pg_backend_pid()), false)";
    let row = sqlx::query(ssl).persistent(false).fetch_one(connection).await;
    if row.is_ok_and(|row| matches!(row.try_get::<bool, _>(0), Ok(false))) {
        tracing::warn!(
            target: "jwt_auth",
            host,
            "the connection to PostgreSQL is not encrypted; write `?sslmode=verify-full`"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn the_migrations_have_the_grants_of_the_role() {
        let text = migrations(&Names::default(), "app");
        assert!(text.contains("create table jwt_auth_entries"), "{text}");
        assert!(text.contains("on sequence jwt_auth_seq to app"), "{text}");
        assert!(!text.contains('{'), "{text}");
    }
}
