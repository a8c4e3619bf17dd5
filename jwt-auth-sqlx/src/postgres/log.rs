//! The log in `PostgreSQL`, and the statements of its calls.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jwt_auth::errors::StoreError;
use jwt_auth::session::log::{
    Batch, Decision, Facts, Found, HEARTBEAT, Log, Registration, Row, SessionState, decide,
    epoch_keys, keys_that_name,
};
use jwt_auth::session::{
    NewSession, Revocation, RotationOutcome, RotationRequest, Session, SharedKeys,
};
use sqlx::Row as _;
use sqlx::postgres::{PgConnectOptions, PgPool, PgRow};
use tokio::sync::{Mutex, Notify};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};

use crate::numbers::{SESSION_MARGIN, from_millis, millis, second, to_i64, to_u64};
use crate::postgres::lanes::{Lane, Lanes, Route};
use crate::postgres::names::{Names, Statement};
use crate::postgres::news::listen;
use crate::postgres::reader::{Cursor, Reader, read_row};
use crate::postgres::sql::{
    ADOPT, APPEND, END_ALL, END_SESSION, END_SUBJECT, FIND, KEYS, PRUNE_BEATS, PRUNE_ENTRIES,
    PRUNE_SESSIONS, PRUNE_USED, RAISE_ACCESS_LIFE, REGISTER, REPLACE_KEYS, ROTATE, ROTATE_CURRENT,
    SESSION, SESSIONS, SETTLE, USE_ONCE,
};

/// The shortest time between two reads, so that many notifications cause one read.
const READ_INTERVAL: Duration = Duration::from_millis(8);
/// The largest number of rows of one deletion.
const PRUNE_BATCH: usize = 1_000;
/// The maximum number of attempts to rotate. An attempt fails only if another rotation succeeded, so more than a
/// few failures in a row are not chance.
const ATTEMPTS: usize = 16;

/// The log in `PostgreSQL`, and the connections to it.
pub(super) struct PostgresLog {
    lanes: Lanes,
    reader: Reader,
    sql: Statements,
    news: Arc<Notify>,
    listener: Option<JoinHandle<()>>,
    last_read: Mutex<Instant>,
}

struct Statements {
    append: Statement,
    end_session: Statement,
    end_subject: Statement,
    end_all: Statement,
    find: Statement,
    session: Statement,
    adopt: Statement,
    rotate: Statement,
    rotate_current: Statement,
    register: Statement,
    settle: Statement,
    sessions: Statement,
    raise_access_life: Statement,
    keys: Statement,
    replace_keys: Statement,
    use_once: Statement,
    prune_beats: Statement,
    prune_entries: Statement,
    prune_sessions: Statement,
    prune_used: Statement,
}

impl Statements {
    fn new(names: &Names) -> Self {
        Self {
            append: names.statement(APPEND),
            end_session: names.statement(END_SESSION),
            end_subject: names.statement(END_SUBJECT),
            end_all: names.statement(END_ALL),
            find: names.statement(FIND),
            session: names.statement(SESSION),
            adopt: names.statement(ADOPT),
            rotate: names.statement(ROTATE),
            rotate_current: names.statement(ROTATE_CURRENT),
            register: names.statement(REGISTER),
            settle: names.statement(SETTLE),
            sessions: names.statement(SESSIONS),
            raise_access_life: names.statement(RAISE_ACCESS_LIFE),
            keys: names.statement(KEYS),
            replace_keys: names.statement(REPLACE_KEYS),
            use_once: names.statement(USE_ONCE),
            prune_beats: names.statement(PRUNE_BEATS),
            prune_entries: names.statement(PRUNE_ENTRIES),
            prune_sessions: names.statement(PRUNE_SESSIONS),
            prune_used: names.statement(PRUNE_USED),
        }
    }
}

impl PostgresLog {
    /// Starts the listener, if it has a server to listen to.
    pub(super) fn start(
        pool: PgPool,
        route: Route,
        reader: Reader,
        listener: Option<PgConnectOptions>,
        names: &Names,
    ) -> Self {
        let news = Arc::new(Notify::new());
        let listener = listener
            .map(|options| tokio::spawn(listen(options, names.channel(), Arc::clone(&news))));
        Self {
            lanes: Lanes::new(pool, route),
            reader,
            sql: Statements::new(names),
            news,
            listener,
            last_read: Mutex::new(Instant::now()),
        }
    }

    /// Rotates the current token of a session. `None` if it is not the current one, or if anything else needs a decision.
    async fn rotate_current(
        &self,
        lane: &mut Lane<'_>,
        request: &RotationRequest<'_>,
        keys: &[String],
    ) -> Result<Option<RotationOutcome>, StoreError> {
        let token = &request.token;
        let Some(started_at) = token.session_started_at() else { return Ok(None) };
        let query = sqlx::query(self.sql.rotate_current.sql())
            .bind(request.session_id())
            .bind(token.subject())
            .bind(request.presented())
            .bind(request.successor)
            .bind(to_i64(token.generation().saturating_add(1)))
            .bind(to_i64(millis(started_at)))
            .bind(to_i64(millis(request.now)))
            .bind(to_i64(millis(request.now + request.idle)))
            .bind(keys)
            .bind(epoch_keys(token.subject()).to_vec());
        let rows = lane.fetch(query).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let at = |column| row.try_get(column).map(to_u64).map(from_millis).map_err(StoreError::new);
        Ok(Some(RotationOutcome::Rotated {
            started_at: at(0)?,
            session_ends: at(1)?,
            was_behind: false,
        }))
    }

    /// Reads the state of a session, and what else decides about the token. `keys` name the token.
    async fn read_session(
        &self,
        lane: &mut Lane<'_>,
        request: &RotationRequest<'_>,
        keys: &[String],
    ) -> Result<(Option<SessionState>, Facts), StoreError> {
        let query = sqlx::query(self.sql.session.sql())
            .bind(request.session_id())
            .bind(keys)
            .bind(to_i64(second(request.now)))
            .bind(epoch_keys(request.token.subject()).to_vec());
        let rows = lane.fetch(query).await?;
        let row = state_row(&rows)?;
        let facts = Facts {
            is_named: row.try_get("named").map_err(StoreError::new)?,
            epoch: row.try_get::<Option<i64>, _>("epoch").map_err(StoreError::new)?.map(to_u64),
            created: number(row, "created").map_err(StoreError::new)?,
        };
        Ok((read_session_state(row).map_err(StoreError::new)?, facts))
    }

    /// Writes the new state of a session, unless the session was changed or revoked after `previous` was read.
    /// Returns whether it wrote.
    async fn replace(
        &self,
        lane: &mut Lane<'_>,
        request: &RotationRequest<'_>,
        keys: &[String],
        previous: Option<&SessionState>,
        state: &SessionState,
    ) -> Result<bool, StoreError> {
        let sql = if previous.is_some() { &self.sql.rotate } else { &self.sql.adopt };
        let query = sqlx::query(sql.sql())
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
        Ok(!lane.fetch(query).await?.is_empty())
    }

    /// Deletes a session, and writes the record that its access tokens need. `until` is the end of the record of an
    /// unknown session.
    async fn end_session(
        &self,
        lane: &mut Lane<'_>,
        id: &str,
        started_at: Option<SystemTime>,
        until: SystemTime,
        now: SystemTime,
    ) -> Result<Row, StoreError> {
        let row = Row::of_session(id, second(until).saturating_add(1));
        let query = sqlx::query(self.sql.end_session.sql())
            .bind(&row.key)
            .bind(id)
            .bind(started_at.map(|at| to_i64(millis(at))))
            .bind(to_i64(row.until))
            .bind(to_i64(second(now).saturating_add(1)))
            .bind(SESSION_MARGIN);
        let rows = lane.fetch(query).await?;
        read_written(&row, &rows)
    }

    /// Writes a record that is not of a session, in the way of the statement.
    async fn write(
        &self,
        sql: &Statement,
        row: Row,
        subject: Option<&str>,
    ) -> Result<Row, StoreError> {
        let mut lane = self.lanes.lease().await?;
        let query =
            sqlx::query(sql.sql()).bind(&row.key).bind(to_i64(row.before)).bind(to_i64(row.until));
        let query = match subject {
            Some(subject) => query.bind(subject),
            None => query,
        };
        let rows = lane.fetch(query).await?;
        read_written(&row, &rows)
    }

    async fn register_session(&self, session: &NewSession<'_>) -> Result<Registration, StoreError> {
        let mut lane = self.lanes.lease().await?;
        let epochs = epoch_keys(session.subject).to_vec();
        let state = SessionState::begin(session, None);
        let query = sqlx::query(self.sql.register.sql())
            .bind(session.id)
            .bind(session.subject)
            .bind(session.device)
            .bind(session.refresh_id)
            .bind(to_i64(state.rotated))
            .bind(to_i64(state.ends))
            .bind(to_i64(state.expires))
            .bind(&epochs);
        let rows = lane.fetch(query).await?;
        let row = rows.first().ok_or_else(|| StoreError::new("the session was not written"))?;
        let mut started = number(row, "started").map_err(StoreError::new)?;
        let query = sqlx::query(self.sql.settle.sql())
            .bind(session.id)
            .bind(session.subject)
            .bind(&epochs)
            .bind(to_i64(state.rotated))
            .bind(limit(session.max_sessions.max(1) - 1));
        let mut ended = Vec::new();
        let rows = lane.fetch(query).await?;
        for row in rows {
            let later = row.try_get::<Option<i64>, _>("started").map_err(StoreError::new)?;
            started = later.map_or(started, to_u64);
            if let Some(id) = row.try_get::<Option<String>, _>("id").map_err(StoreError::new)? {
                let lane = &mut lane;
                let row = self.end_session(lane, &id, None, session.ends, session.now).await?;
                ended.push((id, row));
            }
        }
        Ok(Registration { started, ended })
    }

    /// Deletes rows in small batches, so that no other statement waits long for a lock.
    async fn delete(&self, sql: &Statement) -> Result<u64, StoreError> {
        let mut lane = self.lanes.lease().await?;
        let mut deleted = 0;
        loop {
            let rows = lane.fetch(sqlx::query(sql.sql()).bind(limit(PRUNE_BATCH))).await?.len();
            deleted += rows as u64;
            if rows < PRUNE_BATCH {
                return Ok(deleted);
            }
        }
    }
}

impl Drop for PostgresLog {
    fn drop(&mut self) {
        if let Some(listener) = &self.listener {
            listener.abort();
        }
    }
}

impl Log for PostgresLog {
    type Cursor = Cursor;

    async fn read(&self, after: Option<Cursor>) -> Result<Batch<Cursor>, StoreError> {
        self.lanes.release_idle();
        *self.last_read.lock().await = Instant::now();
        self.reader.read(after).await
    }

    async fn append(&self, row: &Row, _: SystemTime) -> Result<(), StoreError> {
        self.write(&self.sql.append, row.clone(), None).await.map(drop)
    }

    async fn revoke(
        &self,
        revocation: &Revocation<'_>,
        now: SystemTime,
    ) -> Result<Row, StoreError> {
        let row = Row::new(revocation);
        match *revocation {
            Revocation::Session { id, started_at, until } => {
                let mut lane = self.lanes.lease().await?;
                self.end_session(&mut lane, id, started_at, until, now).await
            }
            Revocation::Subject { subject, .. } => {
                self.write(&self.sql.end_subject, row, Some(subject)).await
            }
            Revocation::All { .. } => self.write(&self.sql.end_all, row, None).await,
            _ => self.write(&self.sql.append, row, None).await,
        }
    }

    async fn find(&self, keys: Vec<String>, session: Option<&str>) -> Result<Found, StoreError> {
        let mut lane = self.lanes.lease().await?;
        let query = sqlx::query(self.sql.find.sql()).bind(keys).bind(session);
        let rows = lane.fetch(query).await?;
        let row = state_row(&rows)?;
        Ok(Found {
            is_session_known: row.try_get("session_known").map_err(StoreError::new)?,
            created: number(row, "created").map_err(StoreError::new)?,
            rows: rows.iter().filter_map(read_row).collect(),
        })
    }

    // One statement for the usual case. Otherwise it reads, decides, and writes only if nothing has changed: the write is
    // the atomic step. No lock is held in between, so a node that dies does not block the others.
    async fn rotate(&self, request: &RotationRequest<'_>) -> Result<Decision, StoreError> {
        let mut lane = self.lanes.lease().await?;
        let lane = &mut lane;
        let keys = keys_that_name(&request.token);
        if let Some(outcome) = self.rotate_current(lane, request, &keys).await? {
            return Ok(Decision { outcome, row: None });
        }
        for _ in 0..ATTEMPTS {
            let (previous, facts) = self.read_session(lane, request, &keys).await?;
            let mut state = previous.clone();
            let outcome = decide(&mut state, facts, request);
            let mut row = None;
            let is_final = match (&outcome, &state) {
                (RotationOutcome::Rotated { .. }, Some(state)) => {
                    self.replace(lane, request, &keys, previous.as_ref(), state).await?
                }
                (RotationOutcome::Reused, _) => {
                    let (id, until) = (request.session_id(), request.session_ends);
                    row = Some(self.end_session(lane, id, None, until, request.now).await?);
                    true
                }
                _ => true,
            };
            if is_final {
                return Ok(Decision { outcome, row });
            }
        }
        Err(StoreError::new(format_args!(
            "the session changed during each of {ATTEMPTS} attempts to rotate it"
        )))
    }

    async fn register(&self, session: &NewSession<'_>) -> Result<Registration, StoreError> {
        self.register_session(session).await
    }

    async fn sessions(&self, subject: &str, now: SystemTime) -> Result<Vec<Session>, StoreError> {
        let mut lane = self.lanes.lease().await?;
        let query = sqlx::query(self.sql.sessions.sql())
            .bind(subject)
            .bind(to_i64(millis(now)))
            .bind(epoch_keys(subject).to_vec());
        let rows = lane.fetch(query).await?;
        rows.iter().map(|row| read_listed_session(row).map_err(StoreError::new)).collect()
    }

    async fn remember_access_life(&self, life: Duration) -> Result<(), StoreError> {
        let mut lane = self.lanes.lease().await?;
        let query = sqlx::query(self.sql.raise_access_life.sql()).bind(to_i64(life.as_secs()));
        lane.fetch(query).await.map(drop)
    }

    async fn shared_keys(&self) -> Result<SharedKeys, StoreError> {
        let mut lane = self.lanes.lease().await?;
        let rows = lane.fetch(sqlx::query(self.sql.keys.sql())).await?;
        let row = state_row(&rows)?;
        let version: Option<i64> = row.try_get("version").map_err(StoreError::new)?;
        let document: Option<String> = row.try_get("document").map_err(StoreError::new)?;
        Ok(SharedKeys::new(version.map_or(0, to_u64), document.unwrap_or_default()))
    }

    async fn replace_shared_keys(&self, version: u64, document: &str) -> Result<bool, StoreError> {
        let mut lane = self.lanes.lease().await?;
        let query = sqlx::query(self.sql.replace_keys.sql()).bind(to_i64(version)).bind(document);
        Ok(!lane.fetch(query).await?.is_empty())
    }

    async fn use_once(&self, id: &str, life: Duration) -> Result<bool, StoreError> {
        let mut lane = self.lanes.lease().await?;
        let query = sqlx::query(self.sql.use_once.sql()).bind(id).bind(to_i64(life.as_secs()));
        Ok(!lane.fetch(query).await?.is_empty())
    }

    async fn prune(&self) -> Result<u64, StoreError> {
        let mut lane = self.lanes.lease().await?;
        lane.fetch(sqlx::query(self.sql.prune_beats.sql())).await?;
        drop(lane);
        let entries = self.delete(&self.sql.prune_entries).await?;
        let sessions = self.delete(&self.sql.prune_sessions).await?;
        Ok(entries + sessions + self.delete(&self.sql.prune_used).await?)
    }

    async fn wait_for_news(&self) -> Result<(), StoreError> {
        let notification = async {
            self.news.notified().await;
            sleep_until(*self.last_read.lock().await + READ_INTERVAL).await;
        };
        let _ = timeout(HEARTBEAT, notification).await;
        Ok(())
    }
}

/// The first row, which has the state of the store. The answer of a standby is refused: it may lag behind its primary by
/// any amount of time.
fn state_row(rows: &[PgRow]) -> Result<&PgRow, StoreError> {
    let row = rows.first().ok_or_else(|| StoreError::new("the table of the state is empty"))?;
    match row.try_get("standby") {
        Ok(false) => Ok(row),
        _ => Err(StoreError::new("the server is a standby; expected the primary")),
    }
}

/// The row as the table contains it after a write.
fn read_written(row: &Row, rows: &[PgRow]) -> Result<Row, StoreError> {
    let written = rows.first().ok_or_else(|| StoreError::new("the record was not written"))?;
    let column = |name| number(written, name).map_err(StoreError::new);
    Ok(Row { before: column("before")?, until: column("until")?, key: row.key.clone() })
}

/// Reads a row of `SESSION`, by the positions of its columns; `None` if the session does not exist.
fn read_session_state(row: &PgRow) -> Result<Option<SessionState>, sqlx::Error> {
    let text = |column: usize| row.try_get::<&str, _>(column).map(Into::into);
    let number = |column: usize| row.try_get(column).map(to_u64);
    let Some(subject) = row.try_get::<Option<&str>, _>(0)? else { return Ok(None) };
    Ok(Some(SessionState {
        subject: subject.into(),
        device: row.try_get::<Option<&str>, _>(1)?.map(Into::into),
        current: text(2)?,
        parent: text(3)?,
        generation: number(4)?,
        started: number(5)?,
        rotated: number(6)?,
        ends: number(7)?,
        expires: number(8)?,
        is_adopted: row.try_get(9)?,
    }))
}

/// Reads a row of a list of sessions.
fn read_listed_session(row: &PgRow) -> Result<Session, sqlx::Error> {
    let at = |column| number(row, column).map(from_millis);
    let id: String = row.try_get("id")?;
    let session = Session::new(id, at("started")?, at("rotated")?, at("ends")?);
    Ok(session.on_device(row.try_get("device")?))
}

fn number(row: &PgRow, column: &str) -> Result<u64, sqlx::Error> {
    row.try_get(column).map(to_u64)
}

fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
