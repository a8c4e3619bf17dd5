//! The log in Redis: its keys and scripts are described in `scripts.rs`.

use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jwt_auth::errors::StoreError;
use jwt_auth::session::log::{
    Batch, Decision, Found, HEARTBEAT, Heartbeats, Log, Registration, Row, SessionState,
    epoch_keys, keys_that_name, session_key,
};
use jwt_auth::session::{
    NewSession, Revocation, RotationOutcome, RotationRequest, Session, SharedKeys,
};
use redis::{ErrorKind, RedisError, RedisResult, Script, Value};
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use crate::connection::{Address, Connection, TIMEOUT};
use crate::scripts::{
    CREATE, PRUNE, READ, REGISTER, REMEMBER, REPLACE_KEYS, REVOKE, ROTATE, SESSION_MARGIN, script,
};

/// The largest number of entries of one read of the stream.
const PAGE: usize = 1_000;
/// The largest number of buckets, or sessions, of one pipeline.
const PIPELINE: usize = 200;
/// About how many records one pipeline reads, so that a large answer arrives within the timeout.
const PIPELINE_RECORDS: usize = 20_000;
/// The largest integer that a script represents exactly, because Lua's numbers are doubles.
const MAX_EXACT: u64 = (1 << 53) - 1;

/// How long the server waits for the next entry of the stream.
const BLOCK: Duration = HEARTBEAT;
/// How long the heartbeat of a node is stored.
const HEARTBEAT_LIFE: Duration = Duration::from_secs(600);
/// The shortest time between two reads, so that many revocations cause one read.
const READ_INTERVAL: Duration = Duration::from_millis(2);

/// The replicas that must confirm each write, and how long they may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Replicas {
    pub(super) count: u32,
    pub(super) timeout: Duration,
}

pub(super) struct RedisLog {
    /// For every call but the reads of the log.
    connection: Connection,
    /// Reads the log, and waits for its next entry.
    reader: Connection,
    /// Proves how old the answers of the reader are, if it reads from a replica.
    heartbeats: Option<Heartbeats>,
    /// The position of the reader, from which it waits.
    position: Mutex<String>,
    replicas: Option<Replicas>,
    is_cluster: bool,
    /// The prefix in braces.
    prefix: String,
    create: Script,
    revoke: Script,
    rotate: Script,
    register: Script,
    remember: Script,
    replace_keys: Script,
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

fn millis(time: SystemTime) -> u64 {
    whole_millis(time.duration_since(UNIX_EPOCH).unwrap_or_default())
}

fn whole_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn from_millis(millis: u64) -> SystemTime {
    UNIX_EPOCH.checked_add(Duration::from_millis(millis)).unwrap_or(UNIX_EPOCH)
}

fn parse_time(text: &str) -> Option<SystemTime> {
    Some(from_millis(text.parse().ok()?))
}

fn utf8(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

fn parse_row(key: &[u8], before: &[u8], until: &[u8]) -> Option<Row> {
    let number = |bytes| utf8(bytes)?.parse().ok();
    Some(Row { key: utf8(key)?.to_owned(), before: number(before)?, until: number(until)? })
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
    as_of: Option<Instant>,
    rows: Vec<Row>,
}

impl RedisLog {
    fn key(&self, name: &str) -> String {
        format!("{}:{name}", self.prefix)
    }

    /// Connects, so that a wrong address is an error at startup, loads the scripts, and checks the eviction policy.
    pub(super) async fn open(
        address: &Address,
        prefix: &str,
        replicas: Option<Replicas>,
        read_from: Option<&Address>,
    ) -> Result<Self, StoreError> {
        let reader = Connection::new(read_from.unwrap_or(address), TIMEOUT + BLOCK);
        let log = Self {
            connection: Connection::new(address, TIMEOUT).map_err(store_error)?,
            reader: reader.map_err(store_error)?,
            heartbeats: read_from.map(|_| Heartbeats::new()).transpose()?,
            position: Mutex::new("0-0".to_owned()),
            replicas,
            is_cluster: matches!(address, Address::Cluster(_)),
            prefix: format!("{{{prefix}}}"),
            create: script(CREATE),
            revoke: script(REVOKE),
            rotate: script(ROTATE),
            register: script(REGISTER),
            remember: script(REMEMBER),
            replace_keys: script(REPLACE_KEYS),
            read: script(READ),
            prune: script(PRUNE),
        };
        log.prepare().await?;
        Ok(log)
    }

    async fn prepare(&self) -> Result<(), StoreError> {
        let scripts = [
            &self.create,
            &self.revoke,
            &self.rotate,
            &self.register,
            &self.remember,
            &self.replace_keys,
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

    /// Waits until enough replicas have received the earlier writes of this connection.
    async fn wait_for_replicas(&self) -> Result<(), StoreError> {
        let Some(Replicas { count, timeout }) = self.replicas.filter(|_| !self.is_cluster) else {
            return Ok(());
        };
        let mut command = redis::cmd("WAIT");
        command.arg(count).arg(whole_millis(timeout).max(1));
        let confirmed: u32 =
            command.query_async(&mut &self.connection).await.map_err(store_error)?;
        if confirmed >= count {
            return Ok(());
        }
        Err(StoreError::new(format_args!(
            "{confirmed} of {count} replicas confirmed the write within {} ms",
            timeout.as_millis()
        )))
    }

    /// Writes a heartbeat to the primary, if the node reads from a replica and one is due.
    async fn write_heartbeat(&self) -> Result<(), StoreError> {
        let Some(heartbeats) = &self.heartbeats else { return Ok(()) };
        let Some(number) = heartbeats.next() else { return Ok(()) };
        let mut command = redis::cmd("SET");
        command.arg(self.key(&format!("beat:{}", heartbeats.name()))).arg(number);
        command.arg("PX").arg(whole_millis(HEARTBEAT_LIFE));
        command.query_async(&mut &self.connection).await.map_err(store_error)
    }

    /// Reads entries of the stream up to an id; `None` if the cursor is not valid.
    async fn read_stream(&self, from: &str, to: &str) -> Result<Option<Tail>, StoreError> {
        let sent = Instant::now();
        let mut call = self.read.key(self.key("log"));
        call.arg(from).arg(to).arg(PAGE);
        call.arg(self.heartbeats.as_ref().map_or("", Heartbeats::name));
        let reply: Vec<Vec<u8>> =
            call.invoke_async(&mut &self.reader).await.map_err(store_error)?;
        let [cursor, more, end, beat, records @ ..] = reply.as_slice() else { return Ok(None) };
        let as_of = match &self.heartbeats {
            Some(sent) => utf8(beat).and_then(|beat| sent.sent_at(beat.parse().ok()?)),
            None => Some(sent),
        };
        let id = |bytes| utf8(bytes).map(str::to_owned).ok_or_else(malformed);
        // Malformed records are ignored.
        let rows = records.chunks_exact(3).filter_map(|one| parse_row(&one[0], &one[1], &one[2]));
        let (cursor, end, rows) = (id(cursor)?, id(end)?, rows.collect());
        Ok(Some(Tail { cursor, more: !more.is_empty(), end, as_of, rows }))
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
        let (rows, cursor, as_of) = (read.rows, read.cursor, read.as_of);
        Ok(Some(Batch { rows, cursor, is_whole: false, as_of }))
    }

    /// Reads every record in force. The end of the stream is read first, so that records written meanwhile are
    /// read from the stream, whichever minute they are in.
    async fn read_snapshot(&self) -> Result<Batch<String>, StoreError> {
        let Tail { cursor, as_of, .. } = self.read_stream("", "+").await?.ok_or_else(malformed)?;
        let connected = self.reader.number().await;
        let mut rows = Vec::new();
        let mut from = "-inf".to_owned();
        loop {
            let mut command = redis::cmd("ZRANGEBYSCORE");
            command.arg(self.key("minutes")).arg(&from).arg("+inf");
            command.arg("LIMIT").arg(0).arg(PIPELINE);
            let minutes: Vec<String> =
                command.query_async(&mut &self.reader).await.map_err(store_error)?;
            let Some(last) = minutes.last() else {
                // A balanced address may lead to another replica, which does not have what this one had.
                if self.reader.number().await != connected {
                    return Err(StoreError::new("the connection was lost while reading"));
                }
                return Ok(Batch { rows, cursor, is_whole: true, as_of });
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
            pipeline.query_async(&mut &self.reader).await.map_err(store_error)?;
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
        let epochs = self.find(epoch_keys(subject).to_vec(), None).await?.rows;
        let epoch = epochs.iter().map(|row| from_millis(row.before)).max();
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
        sessions.retain(|session| epoch.is_none_or(|epoch| epoch < session.began_at()));
        sessions.sort_by_key(|session| std::cmp::Reverse(session.last_used_at()));
        Ok(sessions)
    }

    /// Writes a row. `of` is the subject or the session that it covers, and the start stamp of the session.
    async fn write(
        &self,
        kind: &str,
        row: Row,
        now: SystemTime,
        of: (&str, Option<SystemTime>),
    ) -> Result<Row, StoreError> {
        let mut call = self.revoke.key(self.key("log"));
        call.arg(kind).arg(&row.key).arg(exact(row.before));
        call.arg(exact(row.until)).arg(exact(millis(now))).arg(of.0);
        call.arg(of.1.map(|at| exact(millis(at))));
        let (before, until): (u64, u64) =
            call.invoke_async(&mut &self.connection).await.map_err(store_error)?;
        self.wait_for_replicas().await?;
        Ok(Row { before, until, ..row })
    }
}

/// Parses the answer of the rotation script.
fn parse_rotation(session_id: &str, answer: &[String]) -> Option<Decision> {
    let words: Vec<&str> = answer.iter().map(String::as_str).collect();
    let mut row = None;
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
            row = Some(Row::of_session(session_id, until.parse().ok()?));
            RotationOutcome::Reused
        }
        ["unknown"] => RotationOutcome::Unknown,
        _ => return None,
    };
    Some(Decision { outcome, row })
}

impl Log for RedisLog {
    /// The id of the last entry that was read.
    type Cursor = String;

    async fn read(&self, after: Option<String>) -> Result<Batch<String>, StoreError> {
        let read = async {
            let since = match after {
                Some(cursor) => self.read_since(&cursor).await?,
                None => None,
            };
            match since {
                Some(batch) => Ok(batch),
                None => self.read_snapshot().await,
            }
        };
        // A primary that does not answer is an error also if the replica does: it may have lost writes.
        let (written, batch) = tokio::join!(self.write_heartbeat(), read);
        written?;
        let batch = batch?;
        self.position.lock().await.clone_from(&batch.cursor);
        Ok(batch)
    }

    async fn append(&self, row: &Row, now: SystemTime) -> Result<(), StoreError> {
        self.write("record", row.clone(), now, ("", None)).await.map(drop)
    }

    async fn revoke(
        &self,
        revocation: &Revocation<'_>,
        now: SystemTime,
    ) -> Result<Row, StoreError> {
        let (kind, of) = match *revocation {
            Revocation::Session { id, started_at, .. } => ("session", (id, started_at)),
            Revocation::Subject { subject, .. } => ("subject", (subject, None)),
            Revocation::All { .. } => ("all", ("", None)),
            _ => ("record", ("", None)),
        };
        self.write(kind, Row::new(revocation), now, of).await
    }

    async fn find(&self, keys: Vec<String>, session: Option<&str>) -> Result<Found, StoreError> {
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
        let created = found.pop().flatten().map_or(Some(u64::MAX), |at| utf8(&at)?.parse().ok());
        let found = keys.iter().zip(found).filter_map(|(key, value)| Some((key, value?)));
        let rows = found
            .map(|(key, value)| parse_record(key.as_bytes(), &value).ok_or_else(malformed))
            .collect::<Result<_, _>>()?;
        Ok(Found { rows, is_session_known, created: created.ok_or_else(malformed)? })
    }

    async fn rotate(&self, request: &RotationRequest<'_>) -> Result<Decision, StoreError> {
        let token = &request.token;
        let id = request.session_id();
        let time = |of: Option<SystemTime>| of.map_or(0, |at| exact(millis(at)));
        let life = |of: Duration| exact(whole_millis(of));
        let mut call = self.rotate.key(self.key("log"));
        call.arg(id).arg(token.subject()).arg(request.presented()).arg(request.successor);
        call.arg(exact(token.generation())).arg(exact(millis(request.session_ends)));
        call.arg(time(token.expires_at())).arg(life(request.idle)).arg(life(request.grace));
        call.arg(exact(millis(request.now)));
        // An empty argument is no number.
        let stamp = token.session_started_at().map(|at| exact(millis(at)).to_string());
        let issued_at = token.issued_at().map(|at| exact(millis(at) / 1_000).to_string());
        call.arg(stamp.unwrap_or_default()).arg(issued_at.unwrap_or_default());
        call.arg(life(token.clock_tolerance())).arg(session_key(id));
        for key in epoch_keys(token.subject()).into_iter().chain(keys_that_name(token)) {
            call.arg(key);
        }
        let answer: Vec<String> =
            call.invoke_async(&mut &self.connection).await.map_err(store_error)?;
        self.wait_for_replicas().await?;
        parse_rotation(id, &answer).ok_or_else(malformed)
    }

    async fn register(&self, session: &NewSession<'_>) -> Result<Registration, StoreError> {
        let state = SessionState::begin(session, None);
        let mut call = self.register.key(self.key("log"));
        call.arg(session.id).arg(session.subject).arg(session.refresh_id);
        call.arg(exact(state.ends)).arg(exact(state.rotated)).arg(exact(state.expires));
        for key in epoch_keys(session.subject) {
            call.arg(key);
        }
        call.arg(session.max_sessions.max(1)).arg(session.device);
        let answer: Vec<String> =
            call.invoke_async(&mut &self.connection).await.map_err(store_error)?;
        self.wait_for_replicas().await?;
        let (started, extra) = answer.split_first().ok_or_else(malformed)?;
        let mut ended = Vec::new();
        for id in extra {
            let row = Row::of_session(id, millis(session.ends) / 1_000 + 1 + SESSION_MARGIN);
            let row = self.write("session", row, session.now, (id, None)).await?;
            ended.push((id.clone(), row));
        }
        Ok(Registration { started: started.parse().map_err(|_| malformed())?, ended })
    }

    async fn sessions(&self, subject: &str, now: SystemTime) -> Result<Vec<Session>, StoreError> {
        self.list_sessions(subject, now).await
    }

    async fn remember_access_life(&self, life: Duration) -> Result<(), StoreError> {
        let mut call = self.remember.key(self.key("access"));
        call.arg(exact(life.as_secs()));
        let _: u64 = call.invoke_async(&mut &self.connection).await.map_err(store_error)?;
        self.wait_for_replicas().await
    }

    async fn shared_keys(&self) -> Result<SharedKeys, StoreError> {
        let mut pipeline = redis::pipe();
        // A write that deletes nothing, as in `READ`: a server that became a replica refuses it.
        pipeline.cmd("DEL").arg(self.key("nothing")).ignore();
        pipeline.cmd("HMGET").arg(self.key("keys")).arg("version").arg("document");
        let ((version, document),): ((Option<u64>, Option<String>),) =
            pipeline.query_async(&mut &self.connection).await.map_err(store_error)?;
        Ok(SharedKeys::new(version.unwrap_or_default(), document.unwrap_or_default()))
    }

    async fn replace_shared_keys(&self, version: u64, document: &str) -> Result<bool, StoreError> {
        let mut call = self.replace_keys.key(self.key("keys"));
        call.arg(exact(version)).arg(document);
        let replaced: u64 = call.invoke_async(&mut &self.connection).await.map_err(store_error)?;
        self.wait_for_replicas().await?;
        Ok(replaced == 1)
    }

    async fn use_once(&self, id: &str, life: Duration) -> Result<bool, StoreError> {
        let mut command = redis::cmd("SET");
        command.arg(self.key(&format!("used:{id}"))).arg("1");
        command.arg("NX").arg("EX").arg(life.as_secs() + 1);
        let answer: Option<String> =
            command.query_async(&mut &self.connection).await.map_err(store_error)?;
        self.wait_for_replicas().await?;
        Ok(answer.is_some())
    }

    /// Removes empty minutes. The server expires records and sessions, and each log-in cleans the list of its
    /// subject.
    async fn prune(&self) -> Result<u64, StoreError> {
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
    }

    /// Waits for the next entry of the stream, with the connection that reads it.
    async fn wait_for_news(&self) -> Result<(), StoreError> {
        sleep(READ_INTERVAL).await;
        let position = self.position.lock().await.clone();
        let mut command = redis::cmd("XREAD");
        command.arg("COUNT").arg(1).arg("BLOCK").arg(whole_millis(BLOCK));
        command.arg("STREAMS").arg(self.key("log")).arg(position);
        let _: Value = command.query_async(&mut &self.reader).await.map_err(store_error)?;
        Ok(())
    }
}
