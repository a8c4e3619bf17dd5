//! Redis and Valkey: a fleet; a stream that nodes tail, and scripts that decide in one round trip.

use std::collections::HashMap;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, RedisResult, Script};

use crate::revocation::family::Family;
use crate::revocation::record::{About, Record, Second, end, second};
use crate::revocation::replicated::{Batch, Log, MAX_STALENESS, Replicated, replicated};
use crate::revocation::{BoxFuture, NewSession, Rotate, Rotation, Session, StoreError};

/// No answer and no connection is waited for longer.
const PATIENCE: Duration = Duration::from_secs(1);
/// A portion of a stream, or of a bucket.
const PORTION: usize = 1_000;

/// A fleet on Redis (6.2 or later) or Valkey: each node answers from its own memory and sees what the others
/// wrote within 250 ms.
///
/// A record is as durable as the server is told to be: `appendonly yes` with `appendfsync always` loses nothing
/// that was answered, `everysec` up to a second of it, no persistence everything at a restart (what nodes have in
/// memory stays refused there). The server must not evict: `maxmemory-policy noeviction`, since an evicted record
/// is a revocation undone; a start-up check warns. Every key bears the prefix as a hash tag, so that a Redis
/// Cluster keeps them in one slot.
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
    /// When the address is none, the prefix has a brace, or the server does not answer.
    pub async fn connect(self) -> Result<RedisStore, StoreError> {
        if self.prefix.is_empty() || self.prefix.contains(['{', '}']) {
            return Err(StoreError::new("a prefix is a name without braces"));
        }
        let client =
            Client::open(self.url).map_err(|_| StoreError::new("the address is none of Redis"))?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE))
            .set_number_of_retries(2)
            .set_min_delay(Duration::from_millis(20))
            .set_max_delay(Duration::from_millis(200));
        let connection =
            ConnectionManager::new_with_config(client, config).await.map_err(failed)?;
        let prefix = format!("{{{}}}", self.prefix);
        let script = |body: &str| Script::new(&format!("{PUT}{body}"));
        let log = RedisLog {
            connection,
            prefix,
            append: script(APPEND),
            rotate: script(ROTATE),
            begin: Script::new(BEGIN),
        };
        log.warn_of_eviction().await;
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

struct RedisLog {
    connection: ConnectionManager,
    prefix: String,
    append: Script,
    rotate: Script,
    begin: Script,
}

/// `put(p, key, before, until, now)`: a record, combined with the one that is there by the later epoch and end;
/// filed by itself for a strict look-up, in the bucket of its last minute for a node that starts, and in the log.
/// Ends are relative to the caller's now, whose clock need not be the server's. `KEYS[1]` is the log: it names
/// the slot, and every other key has the same hash tag.
const PUT: &str = r"
local function whole(n) return string.format('%.0f', n) end
local function put(p, key, before, till, now)
  local e = p .. ':e:' .. key
  local old = redis.call('GET', e)
  if old then
    local b, u = string.match(old, '^(%d+):(%d+)$')
    if b then
      local minute = whole(math.floor(tonumber(u) / 60))
      before = math.max(before, tonumber(b))
      till = math.max(till, tonumber(u))
      if minute ~= whole(math.floor(till / 60)) then redis.call('HDEL', p .. ':m:' .. minute, key) end
    end
  end
  local value = whole(before) .. ':' .. whole(till)
  local ttl = math.max(till - now, 0) + 60
  local minute = whole(math.floor(till / 60))
  redis.call('SET', e, value, 'EX', whole(ttl))
  redis.call('HSET', p .. ':m:' .. minute, key, value)
  redis.call('EXPIRE', p .. ':m:' .. minute, whole(ttl + 60))
  redis.call('ZADD', p .. ':minutes', minute, minute)
  local time = redis.call('TIME')
  local hour_ago = whole((tonumber(time[1]) - 3600) * 1000)
  redis.call('XADD', KEYS[1], 'MINID', '~', hour_ago, '*', 'k', key, 'b', whole(before), 'u', whole(till))
end
";

const APPEND: &str = r"
put(ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]))
";

/// `decide` of `family.rs`, in one step of the server.
const ROTATE: &str = r"
local p, family, subject, presented, successor = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local generation, ends, dead_until = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local grace, now, dead = tonumber(ARGV[9]), tonumber(ARGV[10]), ARGV[11]
local revoked = redis.call('GET', p .. ':e:' .. dead)
if revoked then
  local till = string.match(revoked, ':(%d+)$')
  if not till or tonumber(till) > math.floor(now / 1000) then return {'unknown'} end
end
local f = p .. ':f:' .. family
local function keep(kept_ends)
  redis.call('PEXPIRE', f, whole(math.max(kept_ends - now, 0) + 60000))
end
local kept = redis.call('HMGET', f, 'current', 'parent', 'rotated', 'ends')
if not kept[1] then
  if now >= ends or generation > 0 then return {'unknown'} end
  redis.call('HSET', f, 'subject', subject, 'current', successor, 'parent', presented,
    'began', whole(now), 'rotated', whole(now), 'ends', whole(ends))
  keep(ends)
  local s = p .. ':s:' .. subject
  redis.call('ZADD', s, whole(ends), family)
  redis.call('PEXPIRE', s, whole(math.max(redis.call('PTTL', s), ends - now + 60000)))
  return {'rotated', whole(ends)}
end
local rotated, kept_ends = tonumber(kept[3]), tonumber(kept[4])
if now >= kept_ends then return {'unknown'} end
if kept[1] == presented then
  redis.call('HSET', f, 'current', successor, 'parent', presented, 'rotated', whole(now))
  return {'rotated', whole(kept_ends)}
end
if kept[2] ~= '' and kept[2] == presented and math.max(now - rotated, 0) < grace then
  return {'replayed', whole(kept_ends), kept[1], whole(rotated)}
end
local till = math.max(dead_until, math.ceil(kept_ends / 1000))
put(p, dead, 0, till, math.floor(now / 1000))
return {'reused'}
";

const BEGIN: &str = r"
local p, family, subject, device, refresh, ends, now = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7]
local f, s = p .. ':f:' .. family, p .. ':s:' .. subject
local ttl = string.format('%.0f', math.max(tonumber(ends) - tonumber(now), 0) + 60000)
redis.call('HSET', f, 'subject', subject, 'device', device, 'current', refresh, 'parent', '',
  'began', now, 'rotated', now, 'ends', ends)
redis.call('PEXPIRE', f, ttl)
redis.call('ZADD', s, ends, family)
if redis.call('PTTL', s) < tonumber(ttl) then redis.call('PEXPIRE', s, ttl) end
";

/// What went wrong, without a key's or a record's text.
#[allow(clippy::needless_pass_by_value, reason = "the shape of `map_err`")]
fn failed(error: redis::RedisError) -> StoreError {
    match error.code() {
        Some(code) => StoreError::new(format_args!("the server says {code}")),
        None => StoreError::new(error.category()),
    }
}

fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn time(millis: &str) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_millis(millis.parse().ok()?))
}

/// `before:until`.
fn row(key: String, value: &str) -> Option<(String, Second, Second)> {
    let (before, until) = value.split_once(':')?;
    Some((key, before.parse().ok()?, until.parse().ok()?))
}

/// An entry of the log; one that is half written, or none of ours, is passed over.
fn entry(fields: &[String]) -> Option<(String, Second, Second)> {
    let field =
        |name: &str| fields.chunks_exact(2).find(|pair| pair[0] == name).map(|pair| &pair[1]);
    Some((field("k")?.clone(), field("b")?.parse().ok()?, field("u")?.parse().ok()?))
}

/// An id of a stream, comparable.
fn id(text: &str) -> (u64, u64) {
    let (time, count) = text.split_once('-').unwrap_or((text, "0"));
    (time.parse().unwrap_or(0), count.parse().unwrap_or(0))
}

type Entries = Vec<(String, Vec<String>)>;

impl RedisLog {
    fn key(&self, name: &str) -> String {
        format!("{}:{name}", self.prefix)
    }

    async fn warn_of_eviction(&self) {
        let mut connection = self.connection.clone();
        let asked: RedisResult<Vec<String>> = redis::cmd("CONFIG")
            .arg("GET")
            .arg("maxmemory-policy")
            .query_async(&mut connection)
            .await;
        // A server that does not let itself be asked is its keeper's to know.
        if let Ok([_, policy]) = asked.as_deref()
            && policy != "noeviction"
        {
            tracing::warn!(
                target: "jwt_auth",
                policy,
                "the server may evict records, which un-revokes tokens; set `maxmemory-policy noeviction`"
            );
        }
    }

    /// Everything that lives: where the log stands first, so that nothing falls between the two.
    async fn snapshot(&self) -> RedisResult<Batch<String>> {
        let mut connection = self.connection.clone();
        let last: Entries = redis::cmd("XREVRANGE")
            .arg(self.key("log"))
            .arg("+")
            .arg("-")
            .arg("COUNT")
            .arg(1)
            .query_async(&mut connection)
            .await?;
        let cursor = last.into_iter().next().map_or_else(|| "0-0".to_owned(), |(id, _)| id);
        let minutes: Vec<String> = redis::cmd("ZRANGE")
            .arg(self.key("minutes"))
            .arg(0)
            .arg(-1)
            .query_async(&mut connection)
            .await?;
        let mut rows = Vec::new();
        for minute in minutes {
            let mut at = 0_u64;
            loop {
                let (next, portion): (u64, Vec<String>) = redis::cmd("HSCAN")
                    .arg(self.key(&format!("m:{minute}")))
                    .arg(at)
                    .arg("COUNT")
                    .arg(PORTION)
                    .query_async(&mut connection)
                    .await?;
                let pairs = portion.chunks_exact(2);
                rows.extend(pairs.filter_map(|pair| row(pair[0].clone(), &pair[1])));
                at = next;
                if at == 0 {
                    break;
                }
            }
        }
        Ok(Batch { rows, cursor })
    }

    async fn since(&self, mut cursor: String) -> RedisResult<Batch<String>> {
        let mut connection = self.connection.clone();
        let log = self.key("log");
        let mut rows = Vec::new();
        loop {
            let (first, portion): (Entries, Entries) = redis::pipe()
                .cmd("XRANGE")
                .arg(&log)
                .arg("-")
                .arg("+")
                .arg("COUNT")
                .arg(1)
                .cmd("XRANGE")
                .arg(&log)
                .arg(format!("({cursor}"))
                .arg("+")
                .arg("COUNT")
                .arg(PORTION)
                .query_async(&mut connection)
                .await?;
            // The place where this node stood was trimmed away, and perhaps more behind it.
            let lost = match first.first() {
                Some((first, _)) => id(first) > id(&cursor),
                None => cursor != "0-0",
            };
            if lost {
                let mut whole = self.snapshot().await?;
                whole.rows.extend(rows);
                return Ok(whole);
            }
            if let Some((last, _)) = portion.last() {
                cursor.clone_from(last);
            }
            rows.extend(portion.iter().filter_map(|(_, fields)| entry(fields)));
            if portion.len() < PORTION {
                return Ok(Batch { rows, cursor });
            }
        }
    }

    async fn rotated(&self, request: &Rotate<'_>) -> RedisResult<Option<Rotation>> {
        let mut connection = self.connection.clone();
        let answer: Vec<String> = self
            .rotate
            .key(self.key("log"))
            .arg(&self.prefix)
            .arg(request.family)
            .arg(request.subject)
            .arg(request.presented)
            .arg(request.successor)
            .arg(request.generation)
            .arg(millis(request.family_ends))
            .arg(end(request.dead_until))
            .arg(u64::try_from(request.grace.as_millis()).unwrap_or(u64::MAX))
            .arg(millis(request.now))
            .arg(About::Family(request.family.to_owned()).key())
            .invoke_async(&mut connection)
            .await?;
        let words: Vec<&str> = answer.iter().map(String::as_str).collect();
        Ok(match words.as_slice() {
            ["rotated", ends] => time(ends).map(|family_ends| Rotation::Rotated { family_ends }),
            ["replayed", ends, successor, rotated] => {
                time(ends).zip(time(rotated)).map(|(family_ends, rotated_at)| Rotation::Replayed {
                    successor: (*successor).to_owned(),
                    rotated_at,
                    family_ends,
                })
            }
            ["reused"] => Some(Rotation::Reused),
            ["unknown"] => Some(Rotation::Unknown),
            _ => None,
        })
    }

    async fn listed(&self, subject: &str, now: SystemTime) -> RedisResult<Vec<Session>> {
        let mut connection = self.connection.clone();
        let set = self.key(&format!("s:{subject}"));
        let families: Vec<String> = redis::cmd("ZRANGEBYSCORE")
            .arg(&set)
            .arg(format!("({}", millis(now)))
            .arg("+inf")
            .query_async(&mut connection)
            .await?;
        if families.is_empty() {
            return Ok(Vec::new());
        }
        let mut pipe = redis::pipe();
        for family in &families {
            pipe.cmd("HGETALL").arg(self.key(&format!("f:{family}")));
        }
        let kept: Vec<HashMap<String, String>> = pipe.query_async(&mut connection).await?;
        let mut sessions: Vec<Session> = families
            .iter()
            .zip(&kept)
            .filter_map(|(name, fields)| Some(family(fields)?.session(name)))
            .collect();
        sessions.sort_by_key(|session| std::cmp::Reverse(session.used));
        Ok(sessions)
    }
}

/// A hash as a family; one that is half written is none.
fn family(fields: &HashMap<String, String>) -> Option<Family> {
    let text = |name: &str| fields.get(name).map(|text| text.as_str().into());
    let at = |name: &str| fields.get(name).and_then(|text| time(text));
    Some(Family {
        subject: text("subject")?,
        device: fields
            .get("device")
            .filter(|name| !name.is_empty())
            .map(|name| name.as_str().into()),
        current: text("current")?,
        parent: text("parent")?,
        began: at("began")?,
        rotated_at: at("rotated")?,
        ends: at("ends")?,
    })
}

impl Log for RedisLog {
    /// The id of the last entry that was read.
    type Cursor = String;

    fn read(&self, after: Option<String>) -> BoxFuture<'_, Batch<String>> {
        Box::pin(async move {
            match after {
                None => self.snapshot().await,
                Some(cursor) => self.since(cursor).await,
            }
            .map_err(failed)
        })
    }

    fn append<'a>(&'a self, record: &'a Record, now: SystemTime) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let mut connection = self.connection.clone();
            let put: RedisResult<()> = self
                .append
                .key(self.key("log"))
                .arg(&self.prefix)
                .arg(record.about.key())
                .arg(record.before)
                .arg(record.until)
                .arg(second(now))
                .invoke_async(&mut connection)
                .await;
            put.map_err(failed)
        })
    }

    fn find(&self, keys: Vec<String>) -> BoxFuture<'_, Vec<(String, Second, Second)>> {
        Box::pin(async move {
            let mut connection = self.connection.clone();
            let mut command = redis::cmd("MGET");
            for key in &keys {
                command.arg(self.key(&format!("e:{key}")));
            }
            let found: Vec<Option<String>> =
                command.query_async(&mut connection).await.map_err(failed)?;
            let rows = keys.into_iter().zip(found);
            Ok(rows.filter_map(|(key, value)| row(key, &value?)).collect())
        })
    }

    fn rotate<'a>(&'a self, request: &'a Rotate<'a>) -> BoxFuture<'a, Rotation> {
        Box::pin(async move {
            let rotation = self.rotated(request).await.map_err(failed)?;
            rotation.ok_or_else(|| StoreError::new("the script answers what it never does"))
        })
    }

    fn begin<'a>(&'a self, session: &'a NewSession<'a>) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let mut connection = self.connection.clone();
            let kept: RedisResult<()> = self
                .begin
                .key(self.key("log"))
                .arg(&self.prefix)
                .arg(session.family)
                .arg(session.subject)
                .arg(session.device.unwrap_or_default())
                .arg(session.refresh_id)
                .arg(millis(session.ends))
                .arg(millis(session.now))
                .invoke_async(&mut connection)
                .await;
            kept.map_err(failed)
        })
    }

    fn sessions<'a>(&'a self, subject: &'a str, now: SystemTime) -> BoxFuture<'a, Vec<Session>> {
        Box::pin(async move { self.listed(subject, now).await.map_err(failed) })
    }

    /// Records and sessions die by themselves; what points at their buckets is taken away here.
    fn prune(&self, now: SystemTime) -> BoxFuture<'_, u64> {
        Box::pin(async move {
            let mut connection = self.connection.clone();
            let gone: RedisResult<u64> = redis::cmd("ZREMRANGEBYSCORE")
                .arg(self.key("minutes"))
                .arg("-inf")
                .arg(format!("({}", (second(now).saturating_sub(86_400)) / 60))
                .query_async(&mut connection)
                .await;
            gone.map_err(failed)
        })
    }
}
