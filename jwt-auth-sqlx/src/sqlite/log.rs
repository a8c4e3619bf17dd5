//! The log in a SQLite file.

use std::time::{Duration, SystemTime};

use jwt_auth::errors::StoreError;
use jwt_auth::session::log::{
    Batch, Decision, Ending, Facts, Found, Log, Registration, Row, SessionState, decide,
    epoch_keys, keys_that_name,
};
use jwt_auth::session::{
    NewSession, Revocation, RotationOutcome, RotationRequest, Session, SharedKeys,
};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqlitePool, SqlitePoolOptions, SqliteRow,
};
use sqlx::{AssertSqlSafe, Connection as _, Row as _};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use crate::numbers::{millis, second, to_i64, to_u64};
use crate::sqlite::tables::migrate;
use crate::sqlite::writer::Writer;

/// The largest number of rows of one query.
const PAGE: i64 = 10_000;
/// The connections for strict look-ups and lists.
const CONNECTIONS: u32 = 2;
/// How often the log is read. A file sends no notification, and a read costs some microseconds.
const READ_EVERY: Duration = Duration::from_millis(80);
/// The largest number of rows of one deletion.
const PRUNE_BATCH: u64 = 1_000;

pub(super) struct SqliteLog {
    writer: Writer,
    /// Reads the log, and nothing else: no other call delays it.
    reader: Mutex<SqliteConnection>,
    pool: SqlitePool,
}

/// The clock of the machine, by which expired rows are deleted.
#[allow(clippy::disallowed_methods, reason = "the clock of the store")]
pub(super) fn now() -> SystemTime {
    SystemTime::now()
}

/// Opens the file. The process that creates the file switches it to WAL. SQLite's busy timeout does not apply to
/// that switch, so a process that starts at the same moment gets `SQLITE_BUSY` (5) and has to retry.
async fn connect(options: &SqliteConnectOptions) -> Result<SqliteConnection, StoreError> {
    let mut retries = 100;
    loop {
        match SqliteConnection::connect_with(options).await {
            Err(sqlx::Error::Database(error))
                if retries > 0 && error.code().as_deref() == Some("5") =>
            {
                retries -= 1;
                sleep(Duration::from_millis(20)).await;
            }
            connection => return connection.map_err(StoreError::new),
        }
    }
}

impl SqliteLog {
    /// Opens the file, creates missing tables, and starts the writer.
    pub(super) async fn open(options: &SqliteConnectOptions) -> Result<Self, StoreError> {
        let patient = options.clone().busy_timeout(Duration::from_secs(1));
        let mut reader = connect(&patient).await?;
        migrate(&mut reader).await?;
        // The writer waits in its own way.
        let writer = connect(&options.clone().busy_timeout(Duration::ZERO)).await?;
        let pool = SqlitePoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(Duration::from_secs(1))
            .test_before_acquire(false)
            .connect_lazy_with(patient);
        Ok(Self { writer: Writer::start(writer), reader: Mutex::new(reader), pool })
    }

    async fn read_rows(&self, after: Option<i64>) -> Result<Batch<i64>, sqlx::Error> {
        let as_of = Some(Instant::now());
        let mut reader = self.reader.lock().await;
        let mut cursor = after.unwrap_or(0);
        let mut rows = Vec::new();
        loop {
            let page = sqlx::query(
                "SELECT key, before, until, seq FROM jwt_auth_entries WHERE seq > ?1 ORDER BY seq LIMIT ?2",
            )
            .bind(cursor)
            .bind(PAGE)
            .fetch_all(&mut *reader)
            .await?;
            if let Some(last) = page.last() {
                cursor = last.try_get(3)?;
            }
            rows.extend(page.iter().filter_map(read_entry));
            if page.len() < usize::try_from(PAGE).unwrap_or(usize::MAX) {
                return Ok(Batch { rows, cursor, is_whole: after.is_none(), as_of });
            }
        }
    }

    async fn find_rows(
        &self,
        keys: &[String],
        session: Option<&str>,
    ) -> Result<Found, sqlx::Error> {
        let placeholders = vec!["?"; keys.len()].join(", ");
        let statement = format!(
            "SELECT key, before, until FROM jwt_auth_entries WHERE key IN ({placeholders})"
        );
        let query = sqlx::query(AssertSqlSafe(statement));
        let query = keys.iter().fold(query, sqlx::query::Query::bind);
        // One transaction, so that a session and its time are seen together.
        let mut tx = self.pool.begin().await?;
        let rows = query.fetch_all(&mut *tx).await?;
        let state = match session {
            Some(id) => find_session(&mut tx, id).await?,
            None => None,
        };
        let (created, _) = read_state(&mut tx).await?;
        let rows = rows.iter().filter_map(read_entry).collect();
        Ok(Found { rows, is_session_known: state.is_some(), created })
    }

    async fn list_sessions(
        &self,
        subject: &str,
        now: SystemTime,
    ) -> Result<Vec<Session>, sqlx::Error> {
        let mut tx = self.pool.begin().await?;
        let found = find_sessions(&mut tx, subject, now).await?;
        let epoch = read_epoch(&mut tx, subject).await?;
        let is_active = |state: &SessionState| epoch.is_none_or(|epoch| epoch < state.started);
        let active = found.iter().filter(|(_, state)| is_active(state));
        Ok(active.map(|(id, state)| state.listed(id)).collect())
    }

    /// Deletes one batch of expired rows.
    async fn prune_batch(&self, statement: &'static str, before: u64) -> Result<u64, StoreError> {
        let mut operation = self.writer.begin().await?;
        let deleted = sqlx::query(statement)
            .bind(to_i64(before))
            .execute(operation.connection())
            .await
            .map(|deleted| deleted.rows_affected());
        operation.end(deleted).await
    }
}

/// Reads a row of entries; `None` for a malformed row, which is ignored.
fn read_entry(row: &SqliteRow) -> Option<Row> {
    let number = |at: usize| row.try_get::<i64, _>(at).ok().and_then(|n| u64::try_from(n).ok());
    Some(Row { key: row.try_get(0).ok()?, before: number(1)?, until: number(2)? })
}

const SESSION: &str = "SELECT id, subject, device, current, parent, generation, started, rotated, ends, expires, \
     adopted FROM jwt_auth_sessions WHERE id = ?1";
const SESSIONS: &str = "SELECT id, subject, device, current, parent, generation, started, rotated, ends, expires, \
     adopted FROM jwt_auth_sessions WHERE subject = ?1 AND expires > ?2 ORDER BY rotated DESC";

fn read_session_state(row: &SqliteRow) -> Result<(String, SessionState), sqlx::Error> {
    let text = |at: usize| row.try_get::<String, _>(at).map(String::into_boxed_str);
    let number = |at: usize| row.try_get::<i64, _>(at).map(to_u64);
    let state = SessionState {
        subject: text(1)?,
        device: row.try_get::<Option<String>, _>(2)?.map(String::into_boxed_str),
        current: text(3)?,
        parent: text(4)?,
        generation: number(5)?,
        started: number(6)?,
        rotated: number(7)?,
        ends: number(8)?,
        expires: number(9)?,
        is_adopted: row.try_get(10)?,
    };
    Ok((row.try_get(0)?, state))
}

async fn find_session(
    tx: &mut SqliteConnection,
    id: &str,
) -> Result<Option<SessionState>, sqlx::Error> {
    let row = sqlx::query(SESSION).bind(id).fetch_optional(tx).await?;
    row.map(|row| read_session_state(&row).map(|(_, state)| state)).transpose()
}

/// The sessions of a subject that have not expired, the most recently used first. Malformed ones are ignored.
async fn find_sessions(
    tx: &mut SqliteConnection,
    subject: &str,
    now: SystemTime,
) -> Result<Vec<(String, SessionState)>, sqlx::Error> {
    let query = sqlx::query(SESSIONS).bind(subject).bind(to_i64(millis(now)));
    let rows = query.fetch_all(tx).await?;
    Ok(rows.iter().filter_map(|row| read_session_state(row).ok()).collect())
}

async fn write_session(
    tx: &mut SqliteConnection,
    id: &str,
    state: &SessionState,
) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT OR REPLACE INTO jwt_auth_sessions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
        .bind(id)
        .bind(&*state.subject)
        .bind(state.device.as_deref())
        .bind(&*state.current)
        .bind(&*state.parent)
        .bind(to_i64(state.generation))
        .bind(to_i64(state.started))
        .bind(to_i64(state.rotated))
        .bind(to_i64(state.ends))
        .bind(to_i64(state.expires))
        .bind(state.is_adopted)
        .execute(tx)
        .await
        .map(drop)
}

/// Writes a record, and returns what the file then contains.
async fn write_row(tx: &mut SqliteConnection, row: Row) -> Result<Row, sqlx::Error> {
    let seq: i64 = sqlx::query("UPDATE jwt_auth_state SET seq = seq + 1 RETURNING seq")
        .fetch_one(&mut *tx)
        .await?
        .try_get(0)?;
    let written = sqlx::query(
        "INSERT INTO jwt_auth_entries VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (key) DO UPDATE SET
         before = max(before, excluded.before), until = max(until, excluded.until), seq = excluded.seq
         RETURNING before, until",
    )
    .bind(&row.key)
    .bind(to_i64(row.before))
    .bind(to_i64(row.until))
    .bind(seq)
    .fetch_one(tx)
    .await?;
    let (before, until) = (to_u64(written.try_get(0)?), to_u64(written.try_get(1)?));
    Ok(Row { before, until, ..row })
}

/// When the file was created, and the longest life of an access token.
async fn read_state(tx: &mut SqliteConnection) -> Result<(u64, Duration), sqlx::Error> {
    let row = sqlx::query("SELECT created, access_life FROM jwt_auth_state").fetch_one(tx).await?;
    Ok((to_u64(row.try_get(0)?), Duration::from_secs(to_u64(row.try_get(1)?))))
}

/// The later one of the epoch of the subject and the epoch of all.
async fn read_epoch(tx: &mut SqliteConnection, subject: &str) -> Result<Option<u64>, sqlx::Error> {
    let [of_subject, of_all] = epoch_keys(subject);
    let row = sqlx::query("SELECT max(before) FROM jwt_auth_entries WHERE key IN (?1, ?2)")
        .bind(of_subject)
        .bind(of_all)
        .fetch_one(tx)
        .await?;
    Ok(row.try_get::<Option<i64>, _>(0)?.map(to_u64))
}

/// The later one of two clocks, so that a clock that is behind ends no record early.
fn latest(now: SystemTime) -> SystemTime {
    now.max(self::now())
}

/// Deletes a session, and writes the record that its access tokens need. `until` is the end of the record of an
/// unknown session.
async fn end_session(
    tx: &mut SqliteConnection,
    id: &str,
    started_at: Option<SystemTime>,
    until: SystemTime,
    now: SystemTime,
) -> Result<Row, sqlx::Error> {
    let (created, access_life) = read_state(tx).await?;
    let session = find_session(tx, id).await?;
    let ending = Ending { started_at, until, created, access_life, now: latest(now) };
    sqlx::query("DELETE FROM jwt_auth_sessions WHERE id = ?1").bind(id).execute(&mut *tx).await?;
    write_row(tx, Row::of_session(id, ending.record_end(session.as_ref()))).await
}

/// Whether a record in force has one of the keys.
async fn is_revoked(
    tx: &mut SqliteConnection,
    keys: &[String],
    now: SystemTime,
) -> Result<bool, sqlx::Error> {
    for key in keys {
        let row = sqlx::query("SELECT 1 FROM jwt_auth_entries WHERE key = ?1 AND until > ?2")
            .bind(key)
            .bind(to_i64(second(now)))
            .fetch_optional(&mut *tx)
            .await?;
        if row.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn rotate_session(
    tx: &mut SqliteConnection,
    request: &RotationRequest<'_>,
) -> Result<Decision, sqlx::Error> {
    let id = request.session_id();
    let facts = Facts {
        is_named: is_revoked(tx, &keys_that_name(&request.token), request.now).await?,
        epoch: read_epoch(tx, request.token.subject()).await?,
        created: read_state(tx).await?.0,
    };
    let mut state = find_session(tx, id).await?;
    let outcome = decide(&mut state, facts, request);
    let mut row = None;
    match (&outcome, &state) {
        (RotationOutcome::Rotated { .. }, Some(state)) => write_session(tx, id, state).await?,
        (RotationOutcome::Reused, _) => {
            row = Some(end_session(tx, id, None, request.session_ends, request.now).await?);
        }
        _ => {}
    }
    Ok(Decision { outcome, row })
}

async fn register_session(
    tx: &mut SqliteConnection,
    session: &NewSession<'_>,
) -> Result<Registration, sqlx::Error> {
    let state = SessionState::begin(session, read_epoch(tx, session.subject).await?);
    write_session(tx, session.id, &state).await?;
    let all = find_sessions(tx, session.subject, session.now).await?;
    let others = all.into_iter().filter(|(id, _)| id != session.id);
    let mut ended = Vec::new();
    for (id, _) in others.skip(session.max_sessions.max(1) - 1) {
        let row = end_session(tx, &id, None, session.ends, session.now).await?;
        ended.push((id, row));
    }
    Ok(Registration { started: state.started, ended })
}

async fn write_revocation(
    tx: &mut SqliteConnection,
    revocation: &Revocation<'_>,
    now: SystemTime,
) -> Result<Row, sqlx::Error> {
    if let Revocation::Session { id, started_at, until } = *revocation {
        return end_session(tx, id, started_at, until, now).await;
    }
    let mut row = Row::new(revocation);
    if matches!(revocation, Revocation::Subject { .. } | Revocation::All { .. }) {
        row.before = row.before.max(end_covered_sessions(tx, revocation).await?);
    }
    write_row(tx, row).await
}

/// Deletes the sessions of a subject, or no session for an epoch of all, which may have a million; their tokens are
/// covered. Returns the highest start stamp of the covered sessions.
async fn end_covered_sessions(
    tx: &mut SqliteConnection,
    revocation: &Revocation<'_>,
) -> Result<u64, sqlx::Error> {
    let Revocation::Subject { subject, .. } = revocation else {
        let row = sqlx::query("SELECT max(started) FROM jwt_auth_sessions").fetch_one(tx).await?;
        return Ok(to_u64(row.try_get::<Option<i64>, _>(0)?.unwrap_or_default()));
    };
    let rows = sqlx::query("DELETE FROM jwt_auth_sessions WHERE subject = ?1 RETURNING started")
        .bind(*subject)
        .fetch_all(tx)
        .await?;
    let mut started = rows.iter().map(|row| row.try_get::<i64, _>(0).map(to_u64));
    started.try_fold(0, |highest, started| Ok(started?.max(highest)))
}

impl Log for SqliteLog {
    /// The `seq` of the last row that was read.
    type Cursor = i64;

    async fn read(&self, after: Option<i64>) -> Result<Batch<i64>, StoreError> {
        self.read_rows(after).await.map_err(StoreError::new)
    }

    async fn append(&self, row: &Row, _: SystemTime) -> Result<(), StoreError> {
        let mut operation = self.writer.begin().await?;
        let written = write_row(operation.connection(), row.clone()).await;
        operation.end(written).await.map(drop)
    }

    async fn revoke(
        &self,
        revocation: &Revocation<'_>,
        now: SystemTime,
    ) -> Result<Row, StoreError> {
        let mut operation = self.writer.begin().await?;
        let row = write_revocation(operation.connection(), revocation, now).await;
        operation.end(row).await
    }

    async fn find(&self, keys: Vec<String>, session: Option<&str>) -> Result<Found, StoreError> {
        self.find_rows(&keys, session).await.map_err(StoreError::new)
    }

    async fn rotate(&self, request: &RotationRequest<'_>) -> Result<Decision, StoreError> {
        let mut operation = self.writer.begin().await?;
        let decision = rotate_session(operation.connection(), request).await;
        operation.end(decision).await
    }

    async fn register(&self, session: &NewSession<'_>) -> Result<Registration, StoreError> {
        let mut operation = self.writer.begin().await?;
        let registration = register_session(operation.connection(), session).await;
        operation.end(registration).await
    }

    async fn sessions(&self, subject: &str, now: SystemTime) -> Result<Vec<Session>, StoreError> {
        self.list_sessions(subject, now).await.map_err(StoreError::new)
    }

    async fn remember_access_life(&self, life: Duration) -> Result<(), StoreError> {
        let mut operation = self.writer.begin().await?;
        let raised =
            sqlx::query("UPDATE jwt_auth_state SET access_life = ?1 WHERE access_life < ?1")
                .bind(to_i64(life.as_secs()))
                .execute(operation.connection())
                .await;
        operation.end(raised).await.map(drop)
    }

    async fn shared_keys(&self) -> Result<SharedKeys, StoreError> {
        let row = sqlx::query("SELECT version, document FROM jwt_auth_keys")
            .fetch_optional(&self.pool)
            .await
            .map_err(StoreError::new)?;
        let Some(row) = row else { return Ok(SharedKeys::default()) };
        let version = row.try_get(0).map(to_u64).map_err(StoreError::new)?;
        let document: String = row.try_get(1).map_err(StoreError::new)?;
        Ok(SharedKeys::new(version, document))
    }

    async fn replace_shared_keys(&self, version: u64, document: &str) -> Result<bool, StoreError> {
        let mut operation = self.writer.begin().await?;
        let replaced = sqlx::query(
            "INSERT INTO jwt_auth_keys (id, version, document)
             SELECT 1, ?1 + 1, ?2 WHERE ?1 = 0 OR EXISTS (SELECT 1 FROM jwt_auth_keys)
             ON CONFLICT (id) DO UPDATE SET version = excluded.version, document = excluded.document
             WHERE jwt_auth_keys.version = ?1",
        )
        .bind(to_i64(version))
        .bind(document)
        .execute(operation.connection())
        .await;
        operation.end(replaced).await.map(|done| done.rows_affected() > 0)
    }

    async fn use_once(&self, id: &str, life: Duration) -> Result<bool, StoreError> {
        let mut operation = self.writer.begin().await?;
        let until = second(now()).saturating_add(life.as_secs() + 1);
        let used =
            sqlx::query("INSERT INTO jwt_auth_used VALUES (?1, ?2) ON CONFLICT (id) DO NOTHING")
                .bind(id)
                .bind(to_i64(until))
                .execute(operation.connection())
                .await;
        operation.end(used).await.map(|done| done.rows_affected() > 0)
    }

    async fn wait_for_news(&self) -> Result<(), StoreError> {
        sleep(READ_EVERY).await;
        Ok(())
    }

    async fn prune(&self) -> Result<u64, StoreError> {
        // By the clock of the machine, and with a day of margin.
        let now = now();
        let mut deleted = 0;
        for (statement, before) in [
            (
                "DELETE FROM jwt_auth_entries WHERE key IN (SELECT key FROM jwt_auth_entries WHERE until < ?1 LIMIT 1000)",
                second(now).saturating_sub(86_400),
            ),
            (
                "DELETE FROM jwt_auth_sessions WHERE id IN (SELECT id FROM jwt_auth_sessions WHERE expires < ?1 LIMIT 1000)",
                millis(now).saturating_sub(86_400_000),
            ),
            (
                "DELETE FROM jwt_auth_used WHERE id IN (SELECT id FROM jwt_auth_used WHERE until < ?1 LIMIT 1000)",
                second(now),
            ),
        ] {
            loop {
                let batch = self.prune_batch(statement, before).await?;
                deleted += batch;
                if batch < PRUNE_BATCH {
                    break;
                }
            }
        }
        Ok(deleted)
    }
}
