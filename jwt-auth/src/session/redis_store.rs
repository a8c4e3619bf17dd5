//! `RedisStore`: revocations and sessions in Redis or Valkey, for several nodes.
//!
//! Nodes read new revocations from a stream. Scripts decide rotations in one round trip.

use std::collections::HashMap;
use std::fmt;
use std::time::{Duration, SystemTime};

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::io::tcp::TcpSettings;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, IntoConnectionInfo as _, Pipeline, RedisError,
    RedisFuture, RedisResult, RetryMethod, Script, Value,
};
use tokio::sync::Mutex;

use crate::session::erased_store::BoxFuture;
use crate::session::record::{
    Millis, Record, RecordKey, SESSION_MARGIN, Second, end_second, from_millis, millis,
    whole_millis,
};
use crate::session::record_key::epoch_keys;
use crate::session::redis_scripts::{
    CREATE, PRUNE, READ, REGISTER, REMEMBER, REVOKE, ROTATE, script,
};
use crate::session::replicated_log::{
    Batch, Found, Log, MAX_STALENESS, Registration, ReplicatedLog, Rotation, Row, delegate_to_log,
};
use crate::session::rotation::SessionState;
use crate::session::{
    NewSession, Revocation, RotationOutcome, RotationRequest, Session, StoreError,
};

/// The timeout of each answer, and of each attempt to connect.
const TIMEOUT: Duration = Duration::from_millis(400);
/// The largest number of entries of one read of the stream.
const PAGE: usize = 1_000;
/// The largest number of buckets, or sessions, of one pipeline.
const PIPELINE: usize = 200;
/// About how many records one pipeline reads, so that a large answer arrives within the timeout.
const PIPELINE_RECORDS: usize = 20_000;
/// The largest integer that a script represents exactly, because Lua's numbers are doubles.
const MAX_EXACT: u64 = (1 << 53) - 1;

/// A store in Redis (6.2 or later) or Valkey, for several nodes.
///
/// Each node answers from an in-memory replica, and sees the revocations of other nodes within 250 ms.
///
/// The server needs this configuration:
///
/// - `maxmemory-policy noeviction`: an evicted record is an undone revocation. The store checks the policy at
///   startup, and logs a warning if it is a different one. For the same reason, do not use the database as a
///   bounded cache for anything else. Expired records are removed by their time to live.
/// - Persistence, because a record is as durable as the server. `appendonly yes` with `appendfsync always` loses
///   nothing that was confirmed; `everysec` may lose the last second in a power cut; without persistence a restart
///   of the server loses everything. A failover loses what the new primary had not received. Running nodes
///   remember what they have read; a node that starts later does not know it.
///
/// Every key starts with the prefix as a hash tag, so that a Redis Cluster has all of them in one slot. The store
/// does not follow redirections: use the address of the slot's primary, or of a proxy. After a failover the
/// address is resolved again.
///
/// ```no_run
/// use jwt_auth::{Config, RedisStore};
///
/// # async fn auth() -> Result<(), Box<dyn std::error::Error>> {
/// let store = RedisStore::connect("redis://127.0.0.1:6379").await?;
/// let auth = Config::from_env().revocation(store).build()?;
/// # drop(auth);
/// # Ok(())
/// # }
/// ```
pub struct RedisStore(ReplicatedLog<RedisLog>);

/// The options of a [`RedisStore`] before it connects.
///
/// Created by [`RedisStore::builder`].
///
/// ```no_run
/// use jwt_auth::session::RedisStoreBuilder;
/// use jwt_auth::{Config, RedisStore};
///
/// # async fn start() -> Result<(), Box<dyn std::error::Error>> {
/// let builder: RedisStoreBuilder = RedisStore::builder("redis://127.0.0.1:6379");
/// let auth = Config::from_env().revocation(builder.connect().await?).build()?;
/// # drop(auth);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "a builder connects to nothing before `.connect()`"]
pub struct RedisStoreBuilder {
    url: String,
    prefix: String,
    max_staleness: Duration,
    serve_stale: bool,
}

impl RedisStore {
    /// Connects with the default options, and reads every revocation.
    ///
    /// # Errors
    ///
    /// If the URL is invalid, or if the server does not answer.
    ///
    /// ```no_run
    /// use jwt_auth::RedisStore;
    ///
    /// # async fn store() -> Result<RedisStore, jwt_auth::errors::StoreError> {
    /// RedisStore::connect("redis://127.0.0.1:6379").await
    /// # }
    /// ```
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        Self::builder(url).connect().await
    }

    /// A builder, to change options before [`connect`](RedisStoreBuilder::connect).
    ///
    /// ```no_run
    /// use jwt_auth::RedisStore;
    /// use std::time::Duration;
    ///
    /// # async fn store() -> Result<RedisStore, jwt_auth::errors::StoreError> {
    /// RedisStore::builder("redis://127.0.0.1:6379")
    ///     .prefix("shop")
    ///     .max_staleness(Duration::from_secs(2))
    ///     .connect()
    ///     .await
    /// # }
    /// ```
    pub fn builder(url: &str) -> RedisStoreBuilder {
        RedisStoreBuilder {
            url: url.to_owned(),
            prefix: "jwt-auth".to_owned(),
            max_staleness: MAX_STALENESS,
            serve_stale: false,
        }
    }
}

impl RedisStoreBuilder {
    /// The prefix of every key. Default: `jwt-auth`.
    ///
    /// Applications that share a server, but not their users, need different prefixes. The store puts the prefix
    /// in braces.
    ///
    /// ```no_run
    /// use jwt_auth::RedisStore;
    ///
    /// # async fn store() -> Result<RedisStore, jwt_auth::errors::StoreError> {
    /// RedisStore::builder("redis://127.0.0.1:6379").prefix("shop").connect().await
    /// # }
    /// ```
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How old the replica may be before tokens are refused with 503.
    ///
    /// Default: 5 seconds, which is twenty missed reads of the stream.
    ///
    /// ```no_run
    /// use jwt_auth::RedisStore;
    /// use std::time::Duration;
    ///
    /// # async fn store() -> Result<RedisStore, jwt_auth::errors::StoreError> {
    /// let builder = RedisStore::builder("redis://127.0.0.1:6379");
    /// builder.max_staleness(Duration::from_secs(2)).connect().await
    /// # }
    /// ```
    pub fn max_staleness(mut self, age: Duration) -> Self {
        self.max_staleness = age;
        self
    }

    /// Whether the replica answers at any age; public only in [`danger`](crate::danger).
    pub(crate) fn stale(mut self, serve: bool) -> Self {
        self.serve_stale = serve;
        self
    }

    /// Connects, and reads every revocation.
    ///
    /// # Errors
    ///
    /// If the URL is invalid, if the prefix is empty or contains a brace, or if the server does not answer.
    ///
    /// ```no_run
    /// use jwt_auth::RedisStore;
    ///
    /// # async fn store() -> Result<RedisStore, jwt_auth::errors::StoreError> {
    /// RedisStore::builder("redis://127.0.0.1:6379").connect().await
    /// # }
    /// ```
    pub async fn connect(self) -> Result<RedisStore, StoreError> {
        if self.prefix.is_empty() || self.prefix.contains(['{', '}']) {
            return Err(StoreError::new(format_args!(
                "invalid key prefix `{}`; expected at least one character, and no `{{` or `}}`",
                self.prefix.escape_debug(),
            )));
        }
        let log = RedisLog {
            connection: Connection::new(&self.url).map_err(store_error)?,
            prefix: format!("{{{}}}", self.prefix),
            create: script(CREATE),
            revoke: script(REVOKE),
            rotate: script(ROTATE),
            register: script(REGISTER),
            remember: script(REMEMBER),
            read: script(READ),
            prune: script(PRUNE),
        };
        log.prepare().await?;
        ReplicatedLog::start(log, self.max_staleness, self.serve_stale).await.map(RedisStore)
    }
}

delegate_to_log!(RedisStore);

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RedisStore").field(&self.0).finish()
    }
}

/// Omits the URL, which may contain a password.
impl fmt::Debug for RedisStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStoreBuilder").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

/// A connection that is replaced after an error that may have broken it. The connection manager of the `redis`
/// crate does not replace one that timed out, or that leads to a server that became a replica.
struct Connection {
    client: Client,
    config: AsyncConnectionConfig,
    current: Mutex<Current>,
}

#[derive(Default)]
struct Current {
    /// Counts the connections, so that a late failure of the previous one does not drop this one.
    number: u64,
    connection: Option<MultiplexedConnection>,
}

impl Connection {
    fn new(url: &str) -> RedisResult<Self> {
        let info = url.into_connection_info()?;
        let info = info.set_tcp_settings(TcpSettings::default().set_nodelay(true));
        Ok(Self {
            client: Client::open(info)?,
            config: AsyncConnectionConfig::new()
                .set_connection_timeout(Some(TIMEOUT))
                .set_response_timeout(Some(TIMEOUT)),
            current: Mutex::default(),
        })
    }

    /// The current connection and its number. Connects if there is none.
    async fn get(&self) -> RedisResult<(u64, MultiplexedConnection)> {
        let mut current = self.current.lock().await;
        if let Some(connection) = &current.connection {
            return Ok((current.number, connection.clone()));
        }
        let connection =
            self.client.get_multiplexed_async_connection_with_config(&self.config).await?;
        current.number += 1;
        current.connection = Some(connection.clone());
        Ok((current.number, connection))
    }

    /// Drops the connection of that number if the error may have broken it.
    async fn drop_if_broken(&self, number: u64, error: Option<RedisError>) {
        let may_be_broken = error.is_some_and(|error| {
            error.is_io_error() || !matches!(error.retry_method(), RetryMethod::NoRetry)
        });
        if may_be_broken {
            let mut current = self.current.lock().await;
            if current.number == number {
                current.connection = None;
            }
        }
    }
}

impl ConnectionLike for &Connection {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(async move {
            let (number, mut connection) = self.get().await?;
            let answer = connection.req_packed_command(command).await;
            let error = match &answer {
                Ok(Value::ServerError(error)) => Some(error.clone().into()),
                Ok(_) => None,
                Err(error) => Some(error.clone()),
            };
            self.drop_if_broken(number, error).await;
            answer
        })
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        Box::pin(async move {
            let (number, mut connection) = self.get().await?;
            let answers = connection.req_packed_commands(pipeline, offset, count).await;
            self.drop_if_broken(number, answers.as_ref().err().cloned()).await;
            answers
        })
    }

    fn get_db(&self) -> i64 {
        self.client.get_connection_info().redis_settings().db()
    }
}

struct RedisLog {
    connection: Connection,
    /// The prefix in braces.
    prefix: String,
    create: Script,
    revoke: Script,
    rotate: Script,
    register: Script,
    remember: Script,
    read: Script,
    prune: Script,
}

/// The error as its code or category, because the full message may contain a key or the URL.
#[allow(clippy::needless_pass_by_value, reason = "the signature that `map_err` needs")]
fn store_error(error: RedisError) -> StoreError {
    match (error.kind(), error.code()) {
        (ErrorKind::InvalidClientConfig, _) => StoreError::new("invalid Redis URL"),
        (_, Some(code)) => StoreError::new(format_args!("the server says {code}")),
        _ => StoreError::new(error.category()),
    }
}

fn malformed() -> StoreError {
    StoreError::new("the data on the server is malformed")
}

/// A number that a script represents exactly.
fn exact(number: u64) -> u64 {
    number.min(MAX_EXACT)
}

fn parse_time(text: &str) -> Option<SystemTime> {
    Some(from_millis(text.parse().ok()?))
}

fn utf8(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

fn parse_row(key: &[u8], before: &[u8], until: &[u8]) -> Option<Row> {
    let number = |bytes| utf8(bytes)?.parse().ok();
    Some((utf8(key)?.to_owned(), number(before)?, number(until)?))
}

/// Parses a record whose value is `before:until`.
fn parse_record(key: &[u8], value: &[u8]) -> Option<Row> {
    let colon = value.iter().position(|byte| *byte == b':')?;
    parse_row(key, &value[..colon], &value[colon + 1..])
}

/// Parses the hash of a session; `None` if it is incomplete, has expired, or belongs to another subject.
fn parse_session(
    id: &str,
    subject: &str,
    fields: &HashMap<Vec<u8>, Vec<u8>>,
    now: SystemTime,
) -> Option<Session> {
    let field = |name: &str| fields.get(name.as_bytes()).and_then(|value| utf8(value));
    let at = |name: &str| parse_time(field(name)?);
    if field("subject")? != subject || at("expires")? <= now {
        return None;
    }
    let session = Session::new(id, at("started")?, at("rotated")?, at("ends")?);
    Some(session.on_device(field("device").map(str::to_owned)))
}

/// The result of one read of the stream.
struct Tail {
    cursor: String,
    more: bool,
    end: String,
    rows: Vec<Row>,
}

impl RedisLog {
    fn key(&self, name: &str) -> String {
        format!("{}:{name}", self.prefix)
    }

    /// Connects, so that a wrong URL is an error at startup, loads the scripts, and checks the eviction policy.
    async fn prepare(&self) -> Result<(), StoreError> {
        let scripts = [
            &self.create,
            &self.revoke,
            &self.rotate,
            &self.register,
            &self.remember,
            &self.read,
            &self.prune,
        ];
        for script in scripts {
            script.load_async(&mut &self.connection).await.map_err(store_error)?;
        }
        let call = self.create.key(self.key("created"));
        let _: u64 = call.invoke_async(&mut &self.connection).await.map_err(store_error)?;
        let mut command = redis::cmd("CONFIG");
        command.arg("GET").arg("maxmemory-policy");
        let answer: RedisResult<HashMap<String, String>> =
            command.query_async(&mut &self.connection).await;
        // If the server does not permit `CONFIG GET`, the operator must check the policy.
        let policy = answer.ok().and_then(|mut answer| answer.remove("maxmemory-policy"));
        if let Some(policy) = policy.filter(|policy| policy != "noeviction") {
            tracing::warn!(
                target: "jwt_auth",
                policy,
                "the server may evict records, so that revoked tokens are accepted again; set `maxmemory-policy noeviction`"
            );
        }
        Ok(())
    }

    /// Reads entries of the stream up to an id; `None` if the cursor is not valid.
    async fn read_stream(&self, from: &str, to: &str) -> Result<Option<Tail>, StoreError> {
        let mut call = self.read.key(self.key("log"));
        call.arg(from).arg(to).arg(PAGE);
        let reply: Vec<Vec<u8>> =
            call.invoke_async(&mut &self.connection).await.map_err(store_error)?;
        let [cursor, more, end, records @ ..] = reply.as_slice() else { return Ok(None) };
        let id = |bytes| utf8(bytes).map(str::to_owned).ok_or_else(malformed);
        // Malformed records are ignored.
        let rows = records.chunks_exact(3).filter_map(|one| parse_row(&one[0], &one[1], &one[2]));
        let (cursor, end, rows) = (id(cursor)?, id(end)?, rows.collect());
        Ok(Some(Tail { cursor, more: !more.is_empty(), end, rows }))
    }

    /// Reads everything written since the cursor; `None` if the cursor is not valid.
    async fn read_since(&self, cursor: &str) -> Result<Option<Batch<String>>, StoreError> {
        let Some(mut read) = self.read_stream(cursor, "+").await? else { return Ok(None) };
        // Reads up to the end at the time of the first read, so that constant writes do not prolong this loop.
        let end = read.end;
        while read.more {
            let Some(next) = self.read_stream(&read.cursor, &end).await? else { return Ok(None) };
            read.rows.extend(next.rows);
            (read.cursor, read.more) = (next.cursor, next.more);
        }
        Ok(Some(Batch { rows: read.rows, cursor: read.cursor, is_whole: false }))
    }

    /// Reads every record in force. The end of the stream is read first, so that records written meanwhile are
    /// read from the stream, whichever minute they are in.
    async fn read_snapshot(&self) -> Result<Batch<String>, StoreError> {
        let cursor = self.read_stream("", "+").await?.ok_or_else(malformed)?.cursor;
        let mut rows = Vec::new();
        let mut from = "-inf".to_owned();
        loop {
            let mut command = redis::cmd("ZRANGEBYSCORE");
            command.arg(self.key("minutes")).arg(&from).arg("+inf");
            command.arg("LIMIT").arg(0).arg(PIPELINE);
            let minutes: Vec<String> =
                command.query_async(&mut &self.connection).await.map_err(store_error)?;
            let Some(last) = minutes.last() else {
                return Ok(Batch { rows, cursor, is_whole: true });
            };
            from = format!("({last}");
            let buckets = minutes.iter().map(|minute| self.key(&format!("m:{minute}")));
            let mut left: Vec<(String, String)> =
                buckets.map(|bucket| (bucket, "0".to_owned())).collect();
            while !left.is_empty() {
                left = self.scan(left, &mut rows).await?;
            }
        }
    }

    /// Reads a page of each bucket. Returns the buckets that have more, with their next cursors.
    async fn scan(
        &self,
        buckets: Vec<(String, String)>,
        rows: &mut Vec<Row>,
    ) -> Result<Vec<(String, String)>, StoreError> {
        let mut pipeline = redis::pipe();
        let count = PIPELINE_RECORDS / buckets.len();
        for (bucket, from) in &buckets {
            pipeline.cmd("HSCAN").arg(bucket).arg(from).arg("COUNT").arg(count);
        }
        let pages: Vec<(String, Vec<Vec<u8>>)> =
            pipeline.query_async(&mut &self.connection).await.map_err(store_error)?;
        let mut left = Vec::new();
        for ((bucket, _), (next, fields)) in buckets.into_iter().zip(pages) {
            rows.extend(fields.chunks_exact(2).filter_map(|pair| parse_record(&pair[0], &pair[1])));
            if next != "0" {
                left.push((bucket, next));
            }
        }
        Ok(left)
    }

    async fn list_sessions(
        &self,
        subject: &str,
        now: SystemTime,
    ) -> Result<Vec<Session>, StoreError> {
        let mut command = redis::cmd("ZRANGEBYSCORE");
        command
            .arg(self.key(&format!("s:{subject}")))
            .arg(format!("({}", exact(millis(now))))
            .arg("+inf");
        let ids: Vec<String> =
            command.query_async(&mut &self.connection).await.map_err(store_error)?;
        let epochs = epoch_keys(subject).map(|key| key.text());
        let epochs = self.find(epochs.to_vec(), None).await?.rows;
        let epoch = epochs.into_iter().map(|(_, before, _)| from_millis(before)).max();
        let mut sessions = Vec::new();
        for ids in ids.chunks(PIPELINE) {
            let mut pipeline = redis::pipe();
            for id in ids {
                pipeline.cmd("HGETALL").arg(self.key(&format!("f:{id}")));
            }
            let hashes: Vec<HashMap<Vec<u8>, Vec<u8>>> =
                pipeline.query_async(&mut &self.connection).await.map_err(store_error)?;
            let found = ids.iter().zip(&hashes);
            sessions.extend(found.filter_map(|(id, hash)| parse_session(id, subject, hash, now)));
        }
        sessions.retain(|session| epoch.is_none_or(|epoch| epoch < session.began_at));
        sessions.sort_by_key(|session| std::cmp::Reverse(session.last_used_at));
        Ok(sessions)
    }

    /// Writes a record. `of` is the subject or the session that it covers, and the start stamp of the session.
    async fn write(
        &self,
        kind: &str,
        record: Record,
        now: SystemTime,
        of: (&str, Option<SystemTime>),
    ) -> Result<Record, StoreError> {
        let mut call = self.revoke.key(self.key("log"));
        call.arg(kind).arg(record.key.text()).arg(exact(record.before));
        call.arg(exact(record.until)).arg(exact(millis(now))).arg(of.0);
        call.arg(of.1.map(|at| exact(millis(at))));
        let (before, until): (Millis, Second) =
            call.invoke_async(&mut &self.connection).await.map_err(store_error)?;
        Ok(Record { before, until, ..record })
    }
}

/// Parses the answer of the rotation script.
fn parse_rotation(session_id: &str, answer: &[String]) -> Option<Rotation> {
    let words: Vec<&str> = answer.iter().map(String::as_str).collect();
    let mut record = None;
    let outcome = match words.as_slice() {
        ["rotated", started, ends, position] => RotationOutcome::Rotated {
            started_at: parse_time(started)?,
            session_ends: parse_time(ends)?,
            was_behind: *position == "behind",
        },
        ["replayed", started, ends, successor, rotated] => RotationOutcome::Replayed {
            successor: (*successor).to_owned(),
            rotated_at: parse_time(rotated)?,
            started_at: parse_time(started)?,
            session_ends: parse_time(ends)?,
        },
        ["reused", until] => {
            record = Some(Record::of_session(session_id, until.parse().ok()?));
            RotationOutcome::Reused
        }
        ["unknown"] => RotationOutcome::Unknown,
        _ => return None,
    };
    Some(Rotation { outcome, record })
}

impl Log for RedisLog {
    /// The id of the last entry that was read.
    type Cursor = String;

    fn read(&self, after: Option<String>) -> BoxFuture<'_, Batch<String>> {
        Box::pin(async move {
            if let Some(cursor) = after
                && let Some(batch) = self.read_since(&cursor).await?
            {
                return Ok(batch);
            }
            self.read_snapshot().await
        })
    }

    fn append<'a>(&'a self, record: &'a Record, now: SystemTime) -> BoxFuture<'a, ()> {
        Box::pin(
            async move { self.write("record", record.clone(), now, ("", None)).await.map(drop) },
        )
    }

    fn revoke<'a>(
        &'a self,
        revocation: &'a Revocation<'a>,
        now: SystemTime,
    ) -> BoxFuture<'a, Record> {
        let (kind, of) = match *revocation {
            Revocation::Session { id, started_at, .. } => ("session", (id, started_at)),
            Revocation::Subject { subject, .. } => ("subject", (subject, None)),
            Revocation::All { .. } => ("all", ("", None)),
            Revocation::Token { .. }
            | Revocation::EarlierAccess { .. }
            | Revocation::Key { .. } => ("record", ("", None)),
        };
        Box::pin(self.write(kind, Record::new(revocation), now, of))
    }

    fn find<'a>(&'a self, keys: Vec<String>, session: Option<&'a str>) -> BoxFuture<'a, Found> {
        Box::pin(async move {
            // Not `MGET`, which returns nothing, and no error, for a key of another type.
            let mut pipeline = redis::pipe();
            // A write that deletes nothing, as in `READ`: a server that became a replica refuses it.
            pipeline.cmd("DEL").arg(self.key("nothing")).ignore();
            for key in &keys {
                pipeline.cmd("GET").arg(self.key(&format!("e:{key}")));
            }
            pipeline.cmd("GET").arg(self.key("created"));
            let field = (self.key(&format!("f:{}", session.unwrap_or_default())), "current");
            pipeline.cmd("HGET").arg(field);
            let mut found: Vec<Option<Vec<u8>>> =
                pipeline.query_async(&mut &self.connection).await.map_err(store_error)?;
            let is_session_known = found.pop().flatten().is_some();
            // A database that was emptied is created at the next call that changes it.
            let created =
                found.pop().flatten().map_or(Some(Millis::MAX), |at| utf8(&at)?.parse().ok());
            let found = keys.iter().zip(found).filter_map(|(key, value)| Some((key, value?)));
            let rows = found
                .map(|(key, value)| parse_record(key.as_bytes(), &value).ok_or_else(malformed))
                .collect::<Result<_, _>>()?;
            Ok(Found { rows, is_session_known, created: created.ok_or_else(malformed)? })
        })
    }

    fn rotate<'a>(&'a self, request: &'a RotationRequest<'a>) -> BoxFuture<'a, Rotation> {
        Box::pin(async move {
            let token = &request.token;
            let id = request.session_id();
            let time = |of: Option<Duration>| of.map_or(0, |at| exact(whole_millis(at)));
            let mut call = self.rotate.key(self.key("log"));
            call.arg(id).arg(token.subject).arg(request.presented()).arg(request.successor);
            call.arg(exact(token.generation)).arg(exact(millis(request.session_ends)));
            call.arg(time(token.expires_at)).arg(time(Some(request.idle)));
            call.arg(time(Some(request.grace))).arg(exact(millis(request.now)));
            // An empty argument is no number.
            let stamp = token.session_started_at.map(|at| exact(whole_millis(at)).to_string());
            let issued_at = token.issued_at.map(|at| exact(at.as_secs()).to_string());
            call.arg(stamp.unwrap_or_default()).arg(issued_at.unwrap_or_default());
            call.arg(time(Some(token.clock_tolerance)));
            call.arg(RecordKey::Session(id.to_owned()).text());
            for key in epoch_keys(token.subject) {
                call.arg(key.text());
            }
            for key in RecordKey::that_name(token) {
                call.arg(key.text());
            }
            let answer: Vec<String> =
                call.invoke_async(&mut &self.connection).await.map_err(store_error)?;
            parse_rotation(id, &answer).ok_or_else(malformed)
        })
    }

    fn register<'a>(&'a self, session: &'a NewSession<'a>) -> BoxFuture<'a, Registration> {
        Box::pin(async move {
            let state = SessionState::begin(session, None);
            let mut call = self.register.key(self.key("log"));
            call.arg(session.id).arg(session.subject).arg(session.refresh_id);
            call.arg(exact(state.ends)).arg(exact(state.rotated)).arg(exact(state.expires));
            for key in epoch_keys(session.subject) {
                call.arg(key.text());
            }
            call.arg(session.max_sessions.max(1)).arg(session.device);
            let answer: Vec<String> =
                call.invoke_async(&mut &self.connection).await.map_err(store_error)?;
            let (started, extra) = answer.split_first().ok_or_else(malformed)?;
            let mut ended = Vec::new();
            for id in extra {
                let record = Record::of_session(id, end_second(session.ends) + SESSION_MARGIN);
                ended.push(self.write("session", record, session.now, (id, None)).await?);
            }
            Ok(Registration { started: started.parse().map_err(|_| malformed())?, ended })
        })
    }

    fn sessions<'a>(&'a self, subject: &'a str, now: SystemTime) -> BoxFuture<'a, Vec<Session>> {
        Box::pin(self.list_sessions(subject, now))
    }

    fn remember_access_life(&self, life: Duration) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let mut call = self.remember.key(self.key("access"));
            call.arg(exact(life.as_secs()));
            let _: u64 = call.invoke_async(&mut &self.connection).await.map_err(store_error)?;
            Ok(())
        })
    }

    /// Removes empty minutes. The server expires records and sessions, and each log-in cleans the list of its
    /// subject.
    fn prune(&self) -> BoxFuture<'_, u64> {
        Box::pin(async move {
            let (mut from, mut removed) = ("-inf".to_owned(), 0);
            loop {
                let mut call = self.prune.key(self.key("minutes"));
                call.arg(&from).arg(PIPELINE);
                let (seen, count, last): (usize, u64, String) =
                    call.invoke_async(&mut &self.connection).await.map_err(store_error)?;
                removed += count;
                if seen < PIPELINE {
                    return Ok(removed);
                }
                from = format!("({last}");
            }
        })
    }
}
