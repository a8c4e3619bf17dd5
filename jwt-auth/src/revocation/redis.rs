//! Redis and Valkey: a fleet; a stream that nodes tail, and scripts that decide in one round trip.

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

use crate::revocation::record::{About, Record, Second, end};
use crate::revocation::replicated::{Batch, Log, MAX_STALENESS, Replicated, replicated};
use crate::revocation::{BoxFuture, NewSession, Rotate, Rotation, Session, StoreError};

/// No answer and no connection is waited for longer.
const PATIENCE: Duration = Duration::from_millis(400);
/// Entries of one read of the stream.
const PORTION: usize = 1_000;
/// Buckets, or sessions, of one pipeline; and records of one, so that an answer is never late for its size.
const PIPELINE: usize = 200;
const RECORDS: usize = 20_000;
/// The largest number that a script knows exactly.
const EXACT: u64 = (1 << 53) - 1;

/// A fleet on Redis (6.2 or later) or Valkey: each node answers from its own memory, and hears within 250 ms
/// what the others took back.
///
/// What the server has to be told:
///
/// - `maxmemory-policy noeviction`: a record that is evicted is a revocation undone. A check at the start warns.
///   For the same reason the database is no bounded cache of anything else either; what has died goes by its time
///   to live.
/// - A record is as durable as the server: `appendonly yes` with `appendfsync always` loses nothing that was
///   answered, `everysec` up to a second of it at a crash, no persistence everything at a restart, and a failover
///   what the replica had not yet. Nodes that run remember what they knew; one that starts does not.
///
/// Every key begins with the prefix as a hash tag, so that a Redis Cluster keeps all of them in one slot;
/// redirections are not followed, and so the address is that of the slot's primary, or of a proxy. After a
/// failover the address is resolved again.
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
pub struct RedisStore(Replicated<RedisLog>);

/// What a [`RedisStore`] is connected with.
#[derive(Clone)]
#[must_use = "a builder connects to nothing before `.connect()`"]
pub struct RedisStoreBuilder {
    url: String,
    prefix: String,
    max_staleness: Duration,
    serve_stale: bool,
}

impl RedisStore {
    /// Connects, and reads what the server holds.
    ///
    /// # Errors
    ///
    /// When the address is none, or the server does not answer.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        Self::builder(url).connect().await
    }

    /// Options, and then [`connect`](RedisStoreBuilder::connect).
    ///
    /// ```no_run
    /// use jwt_auth::RedisStore;
    /// use std::time::Duration;
    ///
    /// # async fn store() -> Result<RedisStore, jwt_auth::StoreError> {
    /// RedisStore::builder("redis://127.0.0.1:6379").prefix("shop").max_staleness(Duration::from_secs(2)).connect().await
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
    /// What every key begins with, in braces. Default: `jwt-auth`. Deployments that share a server and no users
    /// have one each.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// How old what is in memory may be before requests are refused with 503. Default: 5 seconds, twenty missed
    /// reads of the log.
    pub fn max_staleness(mut self, age: Duration) -> Self {
        self.max_staleness = age;
        self
    }

    /// Whether memory answers however old it is; [`danger`](crate::danger) opens it.
    pub(crate) fn stale(mut self, serve: bool) -> Self {
        self.serve_stale = serve;
        self
    }

    /// Connects, and reads what the server holds.
    ///
    /// # Errors
    ///
    /// When the address is none, the prefix is empty or has a brace, or the server does not answer.
    pub async fn connect(self) -> Result<RedisStore, StoreError> {
        if self.prefix.is_empty() || self.prefix.contains(['{', '}']) {
            return Err(StoreError::new("a prefix is a name without braces"));
        }
        let script = |body: &str| Script::new(&format!("{COMMON}{body}"));
        let log = RedisLog {
            line: Line::to(&self.url).map_err(failed)?,
            prefix: format!("{{{}}}", self.prefix),
            append: script(APPEND),
            rotate: script(ROTATE),
            begin: script(BEGIN),
            read: script(READ),
            prune: script(PRUNE),
        };
        log.prepare().await?;
        Replicated::start(log, self.max_staleness, self.serve_stale).await.map(RedisStore)
    }
}

replicated!(RedisStore);

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RedisStore").field(&self.0).finish()
    }
}

/// Without the address, which may hold a password.
impl fmt::Debug for RedisStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStoreBuilder").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

/// One connection, made anew after whatever leaves it in doubt. The manager of the `redis` crate keeps one that
/// timed out, or leads to a server that has become a replica.
struct Line {
    client: Client,
    config: AsyncConnectionConfig,
    made: Mutex<Made>,
}

#[derive(Default)]
struct Made {
    /// Which one it is, so that a late failure of the one before does not end it.
    number: u64,
    connection: Option<MultiplexedConnection>,
}

impl Line {
    fn to(url: &str) -> RedisResult<Self> {
        let info = url.into_connection_info()?;
        let info = info.set_tcp_settings(TcpSettings::default().set_nodelay(true));
        Ok(Self {
            client: Client::open(info)?,
            config: AsyncConnectionConfig::new()
                .set_connection_timeout(Some(PATIENCE))
                .set_response_timeout(Some(PATIENCE)),
            made: Mutex::default(),
        })
    }

    async fn connection(&self) -> RedisResult<(u64, MultiplexedConnection)> {
        let mut made = self.made.lock().await;
        if let Some(connection) = &made.connection {
            return Ok((made.number, connection.clone()));
        }
        let connection =
            self.client.get_multiplexed_async_connection_with_config(&self.config).await?;
        made.number += 1;
        made.connection = Some(connection.clone());
        Ok((made.number, connection))
    }

    async fn judge(&self, number: u64, error: Option<RedisError>) {
        let in_doubt = error.is_some_and(|error| {
            error.is_io_error() || !matches!(error.retry_method(), RetryMethod::NoRetry)
        });
        if in_doubt {
            let mut made = self.made.lock().await;
            if made.number == number {
                made.connection = None;
            }
        }
    }
}

impl ConnectionLike for &Line {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        Box::pin(async move {
            let (number, mut connection) = self.connection().await?;
            let answer = connection.req_packed_command(command).await;
            let error = match &answer {
                Ok(Value::ServerError(error)) => Some(error.clone().into()),
                Ok(_) => None,
                Err(error) => Some(error.clone()),
            };
            self.judge(number, error).await;
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
            let (number, mut connection) = self.connection().await?;
            let answers = connection.req_packed_commands(pipeline, offset, count).await;
            self.judge(number, answers.as_ref().err().cloned()).await;
            answers
        })
    }

    fn get_db(&self) -> i64 {
        self.client.get_connection_info().redis_settings().db()
    }
}

struct RedisLog {
    line: Line,
    /// In braces.
    prefix: String,
    append: Script,
    rotate: Script,
    begin: Script,
    read: Script,
    prune: Script,
}

// The keys. Every one has the same hash tag, so that a script may name more than it was given:
// `{p}:log`          the stream: `k`, `b` and `u` of each record, for an hour
// `{p}:e:<key>`      a record, `before:until`, for a strict look-up
// `{p}:m:<minute>`   the records whose end is in that minute, by key, for a node that starts
// `{p}:minutes`      those minutes
// `{p}:f:<family>`   a session
// `{p}:s:<subject>`  the sessions of a subject, by their ends
// Times to live are counted from the caller's now, whose clock need not be the server's; a day more is given.
// Nothing is used up by halves: of a script that fails, as one that meets another type does, at most the record
// was written, and a record that is heard of too early errs on the safe side.
const COMMON: &str = r"
local base = string.match(KEYS[1], '^{[^}]*}')
local function whole(number) return string.format('%.0f', number) end
local function millis_left(ends, now) return math.min(math.max(ends - now, 0) + 86400000, 3.2e13) end
local function keep(key, millis)
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
  -- The last one before this one stays, whatever its age: readers stand there.
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
  keep(base .. ':m:' .. whole(minute), millis_left((minute + 1) * 60000, now))
  redis.call('SET', base .. ':e:' .. key, value, 'KEEPTTL')
  keep(base .. ':e:' .. key, millis_left(till * 1000, now))
end
local function list(subject, family, ends, now)
  local sessions = base .. ':s:' .. subject
  redis.call('ZADD', sessions, whole(ends), family)
  redis.call('ZREMRANGEBYSCORE', sessions, '-inf', whole(now - 60000))
  keep(sessions, millis_left(ends, now))
end
";

const APPEND: &str = r"
append(ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]))
";

/// `decide` of `family.rs`.
const ROTATE: &str = r"
local family, subject, presented, successor = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local generation, family_ends, dead_until = ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7])
local grace, now, key = tonumber(ARGV[8]), tonumber(ARGV[9]), ARGV[10]
local _, dead = entry(key)
if math.floor(now / 1000) < dead then return { 'unknown' } end
local hash = base .. ':f:' .. family
local kept = redis.call('HMGET', hash, 'current', 'parent', 'rotated', 'ends')
local current, parent, rotated, ends = kept[1], kept[2], tonumber(kept[3] or ''), tonumber(kept[4] or '')
if not (kept[1] or kept[2] or kept[3] or kept[4]) then
  if now >= family_ends or generation ~= '0' then return { 'unknown' } end
  list(subject, family, family_ends, now)
  redis.call('HSET', hash, 'subject', subject, 'current', successor, 'parent', presented,
    'began', whole(now), 'rotated', whole(now), 'ends', whole(family_ends))
  keep(hash, millis_left(family_ends, now))
  return { 'rotated', whole(family_ends) }
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
append(key, 0, math.max(dead_until, math.ceil(ends / 1000)), now)
return { 'reused' }
";

const BEGIN: &str = r"
local family, subject, presented, ends, now = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local hash = base .. ':f:' .. family
list(subject, family, ends, now)
redis.call('DEL', hash)
redis.call('HSET', hash, 'subject', subject, 'current', presented, 'parent', '',
  'began', whole(now), 'rotated', whole(now), 'ends', whole(ends))
if ARGV[6] then redis.call('HSET', hash, 'device', ARGV[6]) end
keep(hash, millis_left(ends, now))
";

/// Where the reader stands now, `more` or nothing, where the stream ends, and records; nothing at all for a
/// reader whose place is gone. That is where it read last, or the end: an id that is merely lower proves nothing,
/// since a server that lost the end of its log and has a slow clock gives ids below it again.
const READ: &str = r"
local from, to, portion = ARGV[1], ARGV[2], tonumber(ARGV[3])
-- A replica may be behind by any time: it refuses a write, even one of nothing.
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
local entries = redis.call('XRANGE', KEYS[1], '(' .. from, to, 'COUNT', portion)
local reply = { from, #entries == portion and 'more' or '', last }
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

/// Minutes whose records have gone by their time to live go from the list of minutes.
const PRUNE: &str = r"
local minutes = redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[1], ARGV[2], 'LIMIT', 0, ARGV[3])
local gone = 0
for _, minute in ipairs(minutes) do
  if redis.call('EXISTS', base .. ':m:' .. minute) == 0 then
    gone = gone + redis.call('ZREM', KEYS[1], minute)
  end
end
return { #minutes, gone, minutes[#minutes] or '' }
";

/// What went wrong, without the text of a key or of an address.
#[allow(clippy::needless_pass_by_value, reason = "the shape of `map_err`")]
fn failed(error: RedisError) -> StoreError {
    match (error.kind(), error.code()) {
        (ErrorKind::InvalidClientConfig, _) => StoreError::new("the address is none of Redis"),
        (_, Some(code)) => StoreError::new(format_args!("the server says {code}")),
        _ => StoreError::new(error.category()),
    }
}

fn malformed() -> StoreError {
    StoreError::new("what the server holds is malformed")
}

fn whole_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(EXACT).min(EXACT)
}

fn millis(time: SystemTime) -> u64 {
    whole_millis(time.duration_since(UNIX_EPOCH).unwrap_or_default())
}

fn time(millis: &str) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_millis(millis.parse().ok()?))
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

fn row(key: &[u8], before: &[u8], until: &[u8]) -> Option<(String, Second, Second)> {
    let number = |bytes| text(bytes)?.parse().ok();
    Some((text(key)?.to_owned(), number(before)?, number(until)?))
}

/// Of a value that reads `before:until`.
fn filed(key: &[u8], value: &[u8]) -> Option<(String, Second, Second)> {
    let colon = value.iter().position(|byte| *byte == b':')?;
    row(key, &value[..colon], &value[colon + 1..])
}

/// A session, of the hash that keeps it. One that is half written, or another's, is none.
fn session(family: &str, subject: &str, fields: &HashMap<Vec<u8>, Vec<u8>>) -> Option<Session> {
    let field = |name: &str| fields.get(name.as_bytes()).and_then(|value| text(value));
    let at = |name: &str| time(field(name)?);
    if field("subject")? != subject {
        return None;
    }
    let session = Session::new(family, at("began")?, at("rotated")?, at("ends")?);
    Some(session.on_device(field("device").map(str::to_owned)))
}

/// What one read of the stream says.
struct Tail {
    cursor: String,
    more: bool,
    end: String,
    rows: Vec<(String, Second, Second)>,
}

impl RedisLog {
    fn key(&self, name: &str) -> String {
        format!("{}:{name}", self.prefix)
    }

    /// Connects, so that what is wrong with the address is said at once, and brings the scripts.
    async fn prepare(&self) -> Result<(), StoreError> {
        for script in [&self.append, &self.rotate, &self.begin, &self.read, &self.prune] {
            script.load_async(&mut &self.line).await.map_err(failed)?;
        }
        let mut ask = redis::cmd("CONFIG");
        ask.arg("GET").arg("maxmemory-policy");
        let answer: RedisResult<HashMap<String, String>> = ask.query_async(&mut &self.line).await;
        // A server that does not let itself be asked is its keeper's to know.
        let policy = answer.ok().and_then(|mut answer| answer.remove("maxmemory-policy"));
        if let Some(policy) = policy.filter(|policy| policy != "noeviction") {
            tracing::warn!(
                target: "jwt_auth",
                policy,
                "the server may evict records, which un-revokes tokens; set `maxmemory-policy noeviction`"
            );
        }
        Ok(())
    }

    /// One read of the stream, up to an id; nothing when the place of the reader is gone.
    async fn tail(&self, from: &str, to: &str) -> Result<Option<Tail>, StoreError> {
        let mut call = self.read.key(self.key("log"));
        call.arg(from).arg(to).arg(PORTION);
        let reply: Vec<Vec<u8>> = call.invoke_async(&mut &self.line).await.map_err(failed)?;
        let [cursor, more, end, records @ ..] = reply.as_slice() else { return Ok(None) };
        let id = |bytes| text(bytes).map(str::to_owned).ok_or_else(malformed);
        // A record that is half written, or nobody's, is passed over.
        let rows = records.chunks_exact(3).filter_map(|one| row(&one[0], &one[1], &one[2]));
        let (cursor, end, rows) = (id(cursor)?, id(end)?, rows.collect());
        Ok(Some(Tail { cursor, more: !more.is_empty(), end, rows }))
    }

    /// What was written since, or nothing when the place of the reader is gone.
    async fn since(&self, cursor: &str) -> Result<Option<Batch<String>>, StoreError> {
        let Some(mut read) = self.tail(cursor, "+").await? else { return Ok(None) };
        // Up to the end as it was at first: a writer who never rests keeps nobody here.
        let end = read.end;
        while read.more {
            let Some(next) = self.tail(&read.cursor, &end).await? else { return Ok(None) };
            read.rows.extend(next.rows);
            (read.cursor, read.more) = (next.cursor, next.more);
        }
        Ok(Some(Batch { rows: read.rows, cursor: read.cursor }))
    }

    /// Everything that lives. Where the stream ends is asked first, so that what is written meanwhile is read from
    /// there, wherever it is filed.
    async fn snapshot(&self) -> Result<Batch<String>, StoreError> {
        let cursor = self.tail("", "+").await?.ok_or_else(malformed)?.cursor;
        let mut rows = Vec::new();
        let mut from = "-inf".to_owned();
        loop {
            let mut ask = redis::cmd("ZRANGEBYSCORE");
            ask.arg(self.key("minutes")).arg(&from).arg("+inf").arg("LIMIT").arg(0).arg(PIPELINE);
            let minutes: Vec<String> = ask.query_async(&mut &self.line).await.map_err(failed)?;
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

    /// A portion of each of some buckets; those that have more, and where it is.
    async fn scan(
        &self,
        buckets: Vec<(String, String)>,
        rows: &mut Vec<(String, Second, Second)>,
    ) -> Result<Vec<(String, String)>, StoreError> {
        let mut pipeline = redis::pipe();
        let count = RECORDS / buckets.len();
        for (bucket, from) in &buckets {
            pipeline.cmd("HSCAN").arg(bucket).arg(from).arg("COUNT").arg(count);
        }
        let portions: Vec<(String, Vec<Vec<u8>>)> =
            pipeline.query_async(&mut &self.line).await.map_err(failed)?;
        let mut left = Vec::new();
        for ((bucket, _), (next, fields)) in buckets.into_iter().zip(portions) {
            rows.extend(fields.chunks_exact(2).filter_map(|pair| filed(&pair[0], &pair[1])));
            if next != "0" {
                left.push((bucket, next));
            }
        }
        Ok(left)
    }

    async fn list(&self, subject: &str, now: SystemTime) -> Result<Vec<Session>, StoreError> {
        let mut ask = redis::cmd("ZRANGEBYSCORE");
        ask.arg(self.key(&format!("s:{subject}"))).arg(format!("({}", millis(now))).arg("+inf");
        let families: Vec<String> = ask.query_async(&mut &self.line).await.map_err(failed)?;
        let mut sessions = Vec::new();
        for families in families.chunks(PIPELINE) {
            let mut pipeline = redis::pipe();
            for family in families {
                pipeline.cmd("HGETALL").arg(self.key(&format!("f:{family}")));
            }
            let kept: Vec<HashMap<Vec<u8>, Vec<u8>>> =
                pipeline.query_async(&mut &self.line).await.map_err(failed)?;
            let kept = families.iter().zip(&kept);
            sessions.extend(kept.filter_map(|(family, kept)| session(family, subject, kept)));
        }
        sessions.retain(|session| now < session.ends);
        sessions.sort_by_key(|session| std::cmp::Reverse(session.used));
        Ok(sessions)
    }
}

/// The answer of the script as what it means.
fn rotation(answer: &[String]) -> Option<Rotation> {
    let words: Vec<&str> = answer.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["rotated", ends] => Some(Rotation::Rotated { family_ends: time(ends)? }),
        ["replayed", ends, successor, rotated] => Some(Rotation::Replayed {
            successor: (*successor).to_owned(),
            rotated_at: time(rotated)?,
            family_ends: time(ends)?,
        }),
        ["reused"] => Some(Rotation::Reused),
        ["unknown"] => Some(Rotation::Unknown),
        _ => None,
    }
}

impl Log for RedisLog {
    /// The id of the last entry that was read.
    type Cursor = String;

    fn read(&self, after: Option<String>) -> BoxFuture<'_, Batch<String>> {
        Box::pin(async move {
            if let Some(cursor) = after
                && let Some(batch) = self.since(&cursor).await?
            {
                return Ok(batch);
            }
            self.snapshot().await
        })
    }

    fn append<'a>(&'a self, record: &'a Record, now: SystemTime) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let mut call = self.append.key(self.key("log"));
            call.arg(record.about.key()).arg(record.before.min(EXACT));
            call.arg(record.until.min(EXACT)).arg(millis(now));
            call.invoke_async(&mut &self.line).await.map_err(failed)
        })
    }

    fn find(&self, keys: Vec<String>) -> BoxFuture<'_, Vec<(String, Second, Second)>> {
        Box::pin(async move {
            // Not `MGET`, which finds nothing where there is something of another type.
            let mut pipeline = redis::pipe();
            // As in `READ`: a replica refuses it.
            pipeline.cmd("DEL").arg(self.key("nothing")).ignore();
            for key in &keys {
                pipeline.cmd("GET").arg(self.key(&format!("e:{key}")));
            }
            let found: Vec<Option<Vec<u8>>> =
                pipeline.query_async(&mut &self.line).await.map_err(failed)?;
            let found = keys.iter().zip(found).filter_map(|(key, value)| Some((key, value?)));
            found.map(|(key, value)| filed(key.as_bytes(), &value).ok_or_else(malformed)).collect()
        })
    }

    fn rotate<'a>(&'a self, request: &'a Rotate<'a>) -> BoxFuture<'a, Rotation> {
        Box::pin(async move {
            let mut call = self.rotate.key(self.key("log"));
            call.arg(request.family).arg(request.subject).arg(request.presented);
            call.arg(request.successor).arg(request.generation).arg(millis(request.family_ends));
            call.arg(end(request.dead_until).min(EXACT)).arg(whole_millis(request.grace));
            call.arg(millis(request.now)).arg(About::Family(request.family.to_owned()).key());
            let answer: Vec<String> = call.invoke_async(&mut &self.line).await.map_err(failed)?;
            rotation(&answer).ok_or_else(malformed)
        })
    }

    fn begin<'a>(&'a self, session: &'a NewSession<'a>) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let mut call = self.begin.key(self.key("log"));
            call.arg(session.family).arg(session.subject).arg(session.refresh_id);
            call.arg(millis(session.ends)).arg(millis(session.now)).arg(session.device);
            call.invoke_async(&mut &self.line).await.map_err(failed)
        })
    }

    fn sessions<'a>(&'a self, subject: &'a str, now: SystemTime) -> BoxFuture<'a, Vec<Session>> {
        Box::pin(self.list(subject, now))
    }

    /// Records and sessions die by themselves, and a log-in clears the list of its subject.
    fn prune(&self, now: SystemTime) -> BoxFuture<'_, u64> {
        Box::pin(async move {
            let (mut from, mut all) = ("-inf".to_owned(), 0);
            loop {
                let mut call = self.prune.key(self.key("minutes"));
                call.arg(&from).arg(millis(now) / 60_000).arg(PIPELINE);
                let (seen, gone, last): (usize, u64, String) =
                    call.invoke_async(&mut &self.line).await.map_err(failed)?;
                all += gone;
                if seen < PIPELINE {
                    return Ok(all);
                }
                from = format!("({last}");
            }
        })
    }
}
