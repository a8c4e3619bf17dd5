//! The scripts of the Redis store. Each runs as one atomic step.
//!
//! The keys. All have the same hash tag, so that a script may use more keys than it is given:
//!
//! | key | value |
//! |---|---|
//! | `{p}:log` | the stream: `k`, `b` and `u` of each record, for an hour |
//! | `{p}:e:<key>` | a record, `before:until`, for a strict look-up |
//! | `{p}:m:<minute>` | the records that end in that minute, by key, for a node that starts |
//! | `{p}:minutes` | those minutes |
//! | `{p}:f:<session>` | a session |
//! | `{p}:s:<subject>` | the sessions of a subject, by their ends |
//! | `{p}:created` | when the store was created, in milliseconds |
//! | `{p}:access` | the longest life of an access token, in seconds |
//! | `{p}:keys` | the document of the shared keys, and its version |
//! | `{p}:used:<id>` | an id that was used, until it expires |
//! | `{p}:latest` | the highest start stamp of a session |
//! | `{p}:beat:<node>` | the last heartbeat of a node that reads from a replica |
//!
//! Times to live are computed from the caller's time, plus a day, because the clocks of caller and server may differ.
//! A script can fail halfway, for example at a key of another type. Then it has used up no token. It may have written
//! the record, which is safe: a revocation that is visible too early admits no token.

use redis::Script;

/// How long the record of a session outlasts its access tokens, in seconds: the longest `decode_leeway`.
pub(super) const SESSION_MARGIN: u64 = 600;

/// A script, with the functions that all of them use.
pub(super) fn script(body: &str) -> Script {
    Script::new(&format!("local margin = {SESSION_MARGIN}{COMMON}{body}"))
}

const COMMON: &str = r"
local base = string.match(KEYS[1], '^{[^}]*}')
local function whole(number) return string.format('%.0f', number) end
local function millis_left(ends, now) return math.min(math.max(ends - now, 0) + 86400000, 3.2e13) end
local function extend(key, millis)
  if redis.call('PTTL', key) < millis then redis.call('PEXPIRE', key, whole(millis)) end
end
local function server_millis()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local function created()
  local at = tonumber(redis.call('GET', base .. ':created') or '')
  if not at then
    at = server_millis()
    redis.call('SET', base .. ':created', whole(at))
  end
  return at
end
local function raise(name, value)
  if tonumber(redis.call('GET', base .. name) or '0') < value then redis.call('SET', base .. name, whole(value)) end
end
local function entry(key)
  local found = redis.call('GET', base .. ':e:' .. key)
  if not found then return 0, 0, false end
  local before, till = string.match(found, '^(%d+):(%d+)$')
  if not before then error('a record is malformed') end
  return tonumber(before), tonumber(till), true
end
local function latest_epoch(of_subject, of_all)
  local subject, _, has_subject = entry(of_subject)
  local all, _, has_all = entry(of_all)
  if has_subject or has_all then return math.max(subject, all) end
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
  return { whole(before), whole(till) }
end
local function list(subject, session, ends, now)
  local sessions = base .. ':s:' .. subject
  redis.call('ZADD', sessions, whole(ends), session)
  redis.call('ZREMRANGEBYSCORE', sessions, '-inf', whole(now - 60000))
  extend(sessions, millis_left(ends, now))
end
-- Deletes a session, and writes the record that its access tokens need. `till` is the end of the record of an unknown
-- session. The later one of the clocks of caller and server counts, so that a clock that is behind ends no record early.
local function finish(session, key, stamp, till, now)
  local hash = base .. ':f:' .. session
  local known = redis.call('HMGET', hash, 'subject', 'started', 'ends', 'adopted')
  local started, ends, at = tonumber(known[2] or ''), tonumber(known[3] or ''), created()
  local life = tonumber(redis.call('GET', base .. ':access') or '0')
  local second = math.max(math.floor(now / 1000) + 1, math.floor(server_millis() / 1000))
  if started and ends then
    if known[4] == '1' or started <= at then till = math.ceil(ends / 1000) + margin
    else till = second + life + margin end
  elseif stamp and stamp > at then
    till = second + life + margin
  end
  local written = append(key, 0, till, now)
  redis.call('DEL', hash)
  if known[1] then redis.call('ZREM', base .. ':s:' .. known[1], session) end
  return written
end
";

/// Creates the store, if it does not exist.
pub(super) const CREATE: &str = r"
return whole(created())
";

/// Writes a record, and deletes the sessions that it covers. Returns the record.
pub(super) const REVOKE: &str = r"
local type, key, before, till, now = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
if type == 'session' then return finish(ARGV[6], key, tonumber(ARGV[7] or ''), till, now) end
if type == 'all' then
  before = math.max(before, tonumber(redis.call('GET', base .. ':latest') or '0'))
elseif type == 'subject' then
  local sessions = base .. ':s:' .. ARGV[6]
  local hashes = {}
  for _, session in ipairs(redis.call('ZRANGE', sessions, 0, -1)) do
    local hash = base .. ':f:' .. session
    before = math.max(before, tonumber(redis.call('HGET', hash, 'started') or '0'))
    hashes[#hashes + 1] = hash
  end
  local written = append(key, before, till, now)
  for _, hash in ipairs(hashes) do redis.call('DEL', hash) end
  redis.call('DEL', sessions)
  return written
end
return append(key, before, till, now)
";

/// [`decide`](jwt_auth::session::log::decide), in Lua.
pub(super) const ROTATE: &str = r"
local session, subject, presented, successor = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local generation, session_ends, token_ends = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local idle, grace, now = tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])
local stamp, issued_at, tolerance, key = tonumber(ARGV[11]), tonumber(ARGV[12]), tonumber(ARGV[13]), ARGV[14]
for at = 17, #ARGV do
  local _, till = entry(ARGV[at])
  if math.floor(now / 1000) < till then return { 'unknown' } end
end
local epoch = latest_epoch(ARGV[15], ARGV[16])
if epoch then
  if stamp then
    if stamp <= epoch then return { 'unknown' } end
  elseif not issued_at or issued_at <= math.floor((epoch + tolerance) / 1000) then
    return { 'unknown' }
  end
end
local hash = base .. ':f:' .. session
local fields = { 'subject', 'current', 'parent', 'generation', 'started', 'rotated', 'ends', 'adopted' }
local known = redis.call('HMGET', hash, unpack(fields))
local is_known = false
for at = 1, #fields do is_known = is_known or known[at] end
if not is_known then
  local ends = math.max(session_ends, token_ends)
  local is_adoptable = generation == 0
  if stamp then is_adoptable = stamp <= created() end
  if not is_adoptable or now >= ends then return { 'unknown' } end
  local started = stamp or math.max((issued_at or 0) * 1000 - tolerance, (epoch or -1) + 1)
  list(subject, session, ends, now)
  redis.call('HSET', hash, 'subject', subject, 'current', successor, 'parent', presented,
    'generation', whole(generation + 1), 'started', whole(started), 'rotated', whole(now),
    'ends', whole(ends), 'expires', whole(ends), 'adopted', '1')
  extend(hash, millis_left(ends, now))
  raise(':latest', started)
  return { 'rotated', whole(started), whole(ends), 'current' }
end
local current, parent, known_generation = known[2], known[3], tonumber(known[4] or '')
local started, rotated, ends = tonumber(known[5] or ''), tonumber(known[6] or ''), tonumber(known[7] or '')
if not (known[1] and current and parent and known_generation and started and rotated and ends) then
  error('a session is malformed')
end
if now >= ends or known[1] ~= subject then return { 'unknown' } end
local is_current = current == presented
if is_current or generation > known_generation then
  local expires = known[8] == '1' and ends or math.min(now + idle, ends)
  redis.call('HSET', hash, 'current', successor, 'parent', presented, 'generation', whole(generation + 1),
    'rotated', whole(now), 'expires', whole(expires))
  extend(hash, millis_left(expires, now))
  return { 'rotated', whole(started), whole(ends), is_current and 'current' or 'behind' }
end
if parent ~= '' and parent == presented and math.max(now - rotated, 0) < grace then
  return { 'replayed', whole(started), whole(ends), current, whole(rotated) }
end
return { 'reused', finish(session, key, nil, math.ceil(session_ends / 1000) + margin, now)[2] }
";

/// Writes a session. Returns its start stamp, and the sessions beyond the limit.
pub(super) const REGISTER: &str = r"
local session, subject, presented, ends, now = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local expires, most = tonumber(ARGV[6]), tonumber(ARGV[9])
local hash = base .. ':f:' .. session
local started = math.max(now, (latest_epoch(ARGV[7], ARGV[8]) or -1) + 1)
created()
list(subject, session, ends, now)
redis.call('DEL', hash)
redis.call('HSET', hash, 'subject', subject, 'current', presented, 'parent', '', 'generation', '0',
  'started', whole(started), 'rotated', whole(now), 'ends', whole(ends), 'expires', whole(expires), 'adopted', '0')
if ARGV[10] then redis.call('HSET', hash, 'device', ARGV[10]) end
extend(hash, millis_left(expires, now))
raise(':latest', started)
local reply = { whole(started) }
local sessions = base .. ':s:' .. subject
if redis.call('ZCARD', sessions) <= most then return reply end
local others = {}
for _, other in ipairs(redis.call('ZRANGE', sessions, 0, -1)) do
  local known = redis.call('HMGET', base .. ':f:' .. other, 'rotated', 'expires')
  local rotated, expires = tonumber(known[1] or ''), tonumber(known[2] or '')
  if other == session then
  elseif rotated and expires and now < expires then others[#others + 1] = { other, rotated }
  elseif not known[1] then redis.call('ZREM', sessions, other) end
end
table.sort(others, function(a, b) return a[2] > b[2] end)
for at = most, #others do reply[#reply + 1] = others[at][1] end
return reply
";

/// Raises the longest life of an access token.
pub(super) const REMEMBER: &str = r"
raise(':access', tonumber(ARGV[1]))
return 1
";

/// Replaces the document of the shared keys if its version is still the given one. Returns 1 if it did.
pub(super) const REPLACE_KEYS: &str = r"
local version = tonumber(redis.call('HGET', KEYS[1], 'version') or '0')
if version ~= tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'version', whole(version + 1), 'document', ARGV[2])
return 1
";

/// Returns the reader's new cursor, `more` or an empty string, the id of the end of the stream, the last heartbeat of
/// the node or an empty string, and records; an empty list if the cursor is not valid. A valid cursor is the id of an existing entry, or of the end. An id
/// below the end is not enough: a server that lost the end of its stream, and has a slow clock, assigns such ids a
/// second time.
pub(super) const READ: &str = r"
local from, to, count, node = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
local beat = ''
if node ~= '' then
  beat = redis.call('GET', base .. ':beat:' .. node) or ''
else
  -- A replica may be behind its primary by any time. It refuses every write, even this one, which deletes nothing.
  redis.call('DEL', base .. ':nothing')
end
local last = '0-0'
if redis.call('EXISTS', KEYS[1]) == 1 then
  local info = redis.call('XINFO', 'STREAM', KEYS[1])
  for at = 1, #info - 1, 2 do
    if info[at] == 'last-generated-id' then last = info[at + 1] end
  end
end
if from == '' then return { last, '', last, beat } end
if from ~= last and #redis.call('XRANGE', KEYS[1], from, from) == 0 then return {} end
local entries = redis.call('XRANGE', KEYS[1], '(' .. from, to, 'COUNT', count)
local reply = { from, #entries == count and 'more' or '', last, beat }
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

/// Removes from the list the minutes whose records have expired, by the server's clock.
pub(super) const PRUNE: &str = r"
local minute = whole(math.floor(server_millis() / 60000))
local minutes = redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[1], minute, 'LIMIT', 0, ARGV[2])
local removed = 0
for _, minute in ipairs(minutes) do
  if redis.call('EXISTS', base .. ':m:' .. minute) == 0 then
    removed = removed + redis.call('ZREM', KEYS[1], minute)
  end
end
return { #minutes, removed, minutes[#minutes] or '' }
";
