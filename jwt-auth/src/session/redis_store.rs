//! `RedisStore`: revocations and sessions in Redis or Valkey, for several nodes.
//!
//! Nodes read new revocations from a stream. Scripts decide rotations in one round trip.

use std::collections::HashMap;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::io::tcp::TcpSettings;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, IntoConnectionInfo as _, Pipeline, RedisError,
    RedisFuture, RedisResult, RetryMethod, Script, Value,
};
use tokio::sync::Mutex;

use crate::session::erased_store::BoxFuture;
use crate::session::record::{Record, RecordKey, SESSION_MARGIN, end_second};
use crate::session::replicated_log::{
    Batch, Log, MAX_STALENESS, ReplicatedLog, Row, delegate_to_log,
};
use crate::session::{NewSession, RotationOutcome, RotationRequest, Session, StoreError};

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
        let script = |body: &str| Script::new(&format!("{COMMON}{body}"));
        let log = RedisLog {
            connection: Connection::new(&self.url).map_err(store_error)?,
            prefix: format!("{{{}}}", self.prefix),
            append: script(APPEND),
            rotate: script(ROTATE),
            register: script(REGISTER),
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
    append: Script,
    rotate: Script,
    register: Script,
    read: Script,
    prune: Script,
}

// The keys. All have the same hash tag, so that a script may use more keys than it is given:
// `{p}:log`          the stream: `k`, `b` and `u` of each record, for an hour
// `{p}:e:<key>`      a record, `before:until`, for a strict look-up
// `{p}:m:<minute>`   the records that end in that minute, by key, for a node that starts
// `{p}:minutes`      those minutes
// `{p}:f:<session>`  a session
// `{p}:s:<subject>`  the sessions of a subject, by their ends
// Times to live are computed from the caller's time, plus a day, because the clocks of caller and server may differ.
// A script can fail halfway, for example at a key of another type. Then it has used up no token. It may have written
// the record, which is safe: a revocation that is visible too early admits no token.
const COMMON: &str = r"
local base = string.match(KEYS[1], '^{[^}]*}')
local function whole(number) return string.format('%.0f', number) end
local function millis_left(ends, now) return math.min(math.max(ends - now, 0) + 86400000, 3.2e13) end
local function extend(key, millis)
  if redis.call('PTTL', key) < millis then redis.call('PEXPIRE', key, whole(millis)) end
end
local function entry(key)
  local found = redis.call('GET', base .. ':e:' .. key)
  if not found then return 0, 0, false end
  local before, till = string.match(found, '^(%d+):(%d+)$')
  if not before then error('a record is malformed') end
  return tonumber(before), tonumber(till), true
end
local function append(key, before, till, now)
  local old_before, old_till, known = entry(key)
  before, till = math.max(before, old_before), math.max(till, old_till)
  local value = whole(before) .. ':' .. whole(till)
  local log = base .. ':log'
  local last = redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1)[1]
  local id = redis.call('XADD', log, '*', 'k', key, 'b', whole(before), 'u', whole(till))
  -- The trim spares the entry before this one, at any age: it is the cursor of the readers.
  local oldest = whole(tonumber(string.match(id, '^%d+')) - 3600000)
  if last and tonumber(string.match(last[1], '^%d+')) < tonumber(oldest) then oldest = last[1] end
  redis.call('XTRIM', log, 'MINID', '~', oldest)
  local minute, old = math.floor(till / 60), whole(math.floor(old_till / 60))
  if known and old ~= whole(minute) then
    redis.call('HDEL', base .. ':m:' .. old, key)
    if redis.call('EXISTS', base .. ':m:' .. old) == 0 then redis.call('ZREM', base .. ':minutes', old) end
  end
  redis.call('ZADD', base .. ':minutes', whole(minute), whole(minute))
  redis.call('HSET', base .. ':m:' .. whole(minute), key, value)
  extend(base .. ':m:' .. whole(minute), millis_left((minute + 1) * 60000, now))
  redis.call('SET', base .. ':e:' .. key, value, 'KEEPTTL')
  extend(base .. ':e:' .. key, millis_left(till * 1000, now))
end
local function list(subject, session, ends, now)
  local sessions = base .. ':s:' .. subject
  redis.call('ZADD', sessions, whole(ends), session)
  redis.call('ZREMRANGEBYSCORE', sessions, '-inf', whole(now - 60000))
  extend(sessions, millis_left(ends, now))
end
";

const APPEND: &str = r"
local till = tonumber(ARGV[3])
if ARGV[5] then
  local ends = tonumber(redis.call('HGET', base .. ':f:' .. ARGV[5], 'ends') or '0')
  if ends then till = math.max(till, math.floor(ends / 1000) + tonumber(ARGV[6])) end
end
append(ARGV[1], tonumber(ARGV[2]), till, tonumber(ARGV[4]))
";

/// [`decide`](super::rotation::decide), in Lua.
const ROTATE: &str = r"
local session, subject, presented, successor = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local generation, session_ends, revoked_until = ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7])
local grace, now, key = tonumber(ARGV[8]), tonumber(ARGV[9]), ARGV[10]
local _, till = entry(key)
if math.floor(now / 1000) < till then return { 'unknown' } end
local hash = base .. ':f:' .. session
local known = redis.call('HMGET', hash, 'current', 'parent', 'rotated', 'ends')
local current, parent, rotated, ends = known[1], known[2], tonumber(known[3] or ''), tonumber(known[4] or '')
if not (known[1] or known[2] or known[3] or known[4]) then
  if now >= session_ends or generation ~= '0' then return { 'unknown' } end
  list(subject, session, session_ends, now)
  redis.call('HSET', hash, 'subject', subject, 'current', successor, 'parent', presented,
    'began', whole(now), 'rotated', whole(now), 'ends', whole(session_ends))
  extend(hash, millis_left(session_ends, now))
  return { 'rotated', whole(session_ends) }
end
if not (current and parent and rotated and ends) then error('a session is malformed') end
if now >= ends then return { 'unknown' } end
if current == presented then
  redis.call('HSET', hash, 'current', successor, 'parent', presented, 'rotated', whole(now))
  return { 'rotated', whole(ends) }
end
if parent ~= '' and parent == presented and math.max(now - rotated, 0) < grace then
  return { 'replayed', whole(ends), current, whole(rotated) }
end
append(key, 0, math.max(revoked_until, math.floor(ends / 1000) + tonumber(ARGV[11])), now)
return { 'reused' }
";

const REGISTER: &str = r"
local session, subject, presented, ends, now = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local hash = base .. ':f:' .. session
list(subject, session, ends, now)
redis.call('DEL', hash)
redis.call('HSET', hash, 'subject', subject, 'current', presented, 'parent', '',
  'began', whole(now), 'rotated', whole(now), 'ends', whole(ends))
if ARGV[6] then redis.call('HSET', hash, 'device', ARGV[6]) end
extend(hash, millis_left(ends, now))
";

/// Returns the reader's new cursor, `more` or an empty string, the id of the end of the stream, and records; an
/// empty list if the cursor is not valid. A valid cursor is the id of an existing entry, or of the end. An id
/// below the end is not enough: a server that lost the end of its stream, and has a slow clock, assigns such ids a
/// second time.
const READ: &str = r"
local from, to, count = ARGV[1], ARGV[2], tonumber(ARGV[3])
-- A replica may be behind its primary by any time. It refuses every write, even this one, which deletes nothing.
redis.call('DEL', base .. ':nothing')
local last = '0-0'
if redis.call('EXISTS', KEYS[1]) == 1 then
  local info = redis.call('XINFO', 'STREAM', KEYS[1])
  for at = 1, #info - 1, 2 do
    if info[at] == 'last-generated-id' then last = info[at + 1] end
  end
end
if from == '' then return { last, '', last } end
if from ~= last and #redis.call('XRANGE', KEYS[1], from, from) == 0 then return {} end
local entries = redis.call('XRANGE', KEYS[1], '(' .. from, to, 'COUNT', count)
local reply = { from, #entries == count and 'more' or '', last }
for _, one in ipairs(entries) do
  reply[1] = one[1]
  local fields = {}
  for at = 1, #one[2] - 1, 2 do fields[one[2][at]] = one[2][at + 1] end
  if fields.k and fields.b and fields.u then
    for _, name in ipairs({ 'k', 'b', 'u' }) do reply[#reply + 1] = fields[name] end
  end
end
return reply
";

/// Removes from the list the minutes whose records have expired.
const PRUNE: &str = r"
local minutes = redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[1], ARGV[2], 'LIMIT', 0, ARGV[3])
local removed = 0
for _, minute in ipairs(minutes) do
  if redis.call('EXISTS', base .. ':m:' .. minute) == 0 then
    removed = removed + redis.call('ZREM', KEYS[1], minute)
  end
end
return { #minutes, removed, minutes[#minutes] or '' }
";

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

fn whole_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(MAX_EXACT).min(MAX_EXACT)
}

fn millis(time: SystemTime) -> u64 {
    whole_millis(time.duration_since(UNIX_EPOCH).unwrap_or_default())
}

fn parse_time(millis: &str) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_millis(millis.parse().ok()?))
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

/// Parses the hash of a session; `None` if it is incomplete, or belongs to another subject.
fn parse_session(id: &str, subject: &str, fields: &HashMap<Vec<u8>, Vec<u8>>) -> Option<Session> {
    let field = |name: &str| fields.get(name.as_bytes()).and_then(|value| utf8(value));
    let at = |name: &str| parse_time(field(name)?);
    if field("subject")? != subject {
        return None;
    }
    let session = Session::new(id, at("began")?, at("rotated")?, at("ends")?);
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
        for script in [&self.append, &self.rotate, &self.register, &self.read, &self.prune] {
            script.load_async(&mut &self.connection).await.map_err(store_error)?;
        }
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
        Ok(Some(Batch { rows: read.rows, cursor: read.cursor }))
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
            let Some(last) = minutes.last() else { return Ok(Batch { rows, cursor }) };
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
        command.arg(self.key(&format!("s:{subject}"))).arg(format!("({}", millis(now))).arg("+inf");
        let ids: Vec<String> =
            command.query_async(&mut &self.connection).await.map_err(store_error)?;
        let mut sessions = Vec::new();
        for ids in ids.chunks(PIPELINE) {
            let mut pipeline = redis::pipe();
            for id in ids {
                pipeline.cmd("HGETALL").arg(self.key(&format!("f:{id}")));
            }
            let hashes: Vec<HashMap<Vec<u8>, Vec<u8>>> =
                pipeline.query_async(&mut &self.connection).await.map_err(store_error)?;
            let found = ids.iter().zip(&hashes);
            sessions.extend(found.filter_map(|(id, hash)| parse_session(id, subject, hash)));
        }
        sessions.retain(|session| now < session.ends_at);
        sessions.sort_by_key(|session| std::cmp::Reverse(session.last_used_at));
        Ok(sessions)
    }
}

/// Parses the answer of the rotation script.
fn parse_outcome(answer: &[String]) -> Option<RotationOutcome> {
    let words: Vec<&str> = answer.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["rotated", ends] => Some(RotationOutcome::Rotated { session_ends: parse_time(ends)? }),
        ["replayed", ends, successor, rotated] => Some(RotationOutcome::Replayed {
            successor: (*successor).to_owned(),
            rotated_at: parse_time(rotated)?,
            session_ends: parse_time(ends)?,
        }),
        ["reused"] => Some(RotationOutcome::Reused),
        ["unknown"] => Some(RotationOutcome::Unknown),
        _ => None,
    }
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
        Box::pin(async move {
            let mut call = self.append.key(self.key("log"));
            call.arg(record.key.text()).arg(record.before.min(MAX_EXACT));
            call.arg(record.until.min(MAX_EXACT)).arg(millis(now));
            if let Some(id) = record.key.session_id() {
                call.arg(id).arg(SESSION_MARGIN);
            }
            call.invoke_async(&mut &self.connection).await.map_err(store_error)
        })
    }

    fn find(&self, keys: Vec<String>) -> BoxFuture<'_, Vec<Row>> {
        Box::pin(async move {
            // Not `MGET`, which returns nothing, and no error, for a key of another type.
            let mut pipeline = redis::pipe();
            // A write that deletes nothing, as in `READ`: a server that became a replica refuses it.
            pipeline.cmd("DEL").arg(self.key("nothing")).ignore();
            for key in &keys {
                pipeline.cmd("GET").arg(self.key(&format!("e:{key}")));
            }
            let found: Vec<Option<Vec<u8>>> =
                pipeline.query_async(&mut &self.connection).await.map_err(store_error)?;
            let found = keys.iter().zip(found).filter_map(|(key, value)| Some((key, value?)));
            found
                .map(|(key, value)| parse_record(key.as_bytes(), &value).ok_or_else(malformed))
                .collect()
        })
    }

    fn rotate<'a>(&'a self, request: &'a RotationRequest<'a>) -> BoxFuture<'a, RotationOutcome> {
        Box::pin(async move {
            let mut call = self.rotate.key(self.key("log"));
            call.arg(request.session_id).arg(request.subject).arg(request.presented);
            call.arg(request.successor).arg(request.generation).arg(millis(request.session_ends));
            call.arg(end_second(request.revoked_until).min(MAX_EXACT))
                .arg(whole_millis(request.grace));
            call.arg(millis(request.now))
                .arg(RecordKey::Session(request.session_id.to_owned()).text())
                .arg(SESSION_MARGIN);
            let answer: Vec<String> =
                call.invoke_async(&mut &self.connection).await.map_err(store_error)?;
            parse_outcome(&answer).ok_or_else(malformed)
        })
    }

    fn register<'a>(&'a self, session: &'a NewSession<'a>) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let mut call = self.register.key(self.key("log"));
            call.arg(session.id).arg(session.subject).arg(session.refresh_id);
            call.arg(millis(session.ends)).arg(millis(session.now)).arg(session.device);
            call.invoke_async(&mut &self.connection).await.map_err(store_error)
        })
    }

    fn sessions<'a>(&'a self, subject: &'a str, now: SystemTime) -> BoxFuture<'a, Vec<Session>> {
        Box::pin(self.list_sessions(subject, now))
    }

    /// Removes empty minutes. The server expires records and sessions, and each log-in cleans the list of its
    /// subject.
    fn prune(&self, now: SystemTime) -> BoxFuture<'_, u64> {
        Box::pin(async move {
            let (mut from, mut removed) = ("-inf".to_owned(), 0);
            loop {
                let mut call = self.prune.key(self.key("minutes"));
                call.arg(&from).arg(millis(now) / 60_000).arg(PIPELINE);
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
