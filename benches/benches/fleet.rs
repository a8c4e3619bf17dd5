//! A fleet of eight nodes on one store: how soon each sees a revocation, what overload does to bystanders, rotations
//! against the same statements by hand, and the start with a million entries.
//!
//! `cargo bench -p benches --bench fleet` starts PostgreSQL and Redis itself, in private folders; a store whose server is
//! not installed is left out. `-- PostgreSQL` measures one store. It prints each figure beside its target, and writes
//! `results/fleet.json`.

#![allow(clippy::cast_precision_loss, reason = "figures")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use jwt_auth::danger::DangerousConfig as _;
use jwt_auth::session::{NewSession, Revocation, RevocationStore, RotationRequest, TokenStatus};
use jwt_auth::{Config, JwtAuth, TokenKind};
use jwt_auth_redis::RedisStore;
use jwt_auth_sqlx::{PostgresStore, SqliteStore};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _, Row as _};
use tests::postgres::PostgresServer;
use tests::redis::RedisServer;
use tokio::sync::{Mutex, mpsc};

const NODES: usize = 8;
const REVOCATIONS_A_SECOND: usize = 1_000;
const INTERVAL: Duration = Duration::from_millis(1);
const SECONDS: usize = 10;
const ENTRIES: usize = 1_000_000;
const TASKS: usize = 64;

/// A figure, with its target.
struct Report {
    store: &'static str,
    figures: BTreeMap<&'static str, f64>,
}

impl Report {
    fn add(&mut self, name: &'static str, value: f64, target: &str) {
        println!("{:<12} {name:<44} {value:>10.1}   {target}", self.store);
        self.figures.insert(name, (value * 10.0).round() / 10.0);
    }
}

#[allow(clippy::disallowed_methods, reason = "the stores use the system clock")]
fn now() -> SystemTime {
    SystemTime::now()
}

fn percentile(times: &mut [Duration], percent: usize) -> f64 {
    times.sort();
    let at = (times.len() * percent / 100).min(times.len().saturating_sub(1));
    times.get(at).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
}

/// The resident memory of this process, in bytes.
fn resident() -> f64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: f64 =
        text.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(f64::NAN);
    pages * 4096.0
}

fn is_revoked(store: &impl RevocationStore, id: &str) -> bool {
    let token = RotationRequest::new("bench", "bench", id, "", SystemTime::UNIX_EPOCH).token;
    matches!(store.check(&token, now()), Ok(TokenStatus::Revoked))
}

/// Revokes at a fixed rate, on each node in turn, and measures when every other node refuses.
async fn measure_visibility<S: RevocationStore>(report: &mut Report, nodes: &[Arc<S>]) {
    let delays = Arc::new(Mutex::new(Vec::new()));
    let refused = Arc::new(AtomicUsize::new(0));
    let mut watchers = Vec::new();
    let mut senders = Vec::new();
    for node in nodes {
        let (sender, mut receiver) = mpsc::unbounded_channel::<(String, Instant)>();
        senders.push(sender);
        let (node, delays) = (Arc::clone(node), Arc::clone(&delays));
        watchers.push(tokio::spawn(async move {
            let (mut waiting, mut seen, mut is_open) = (Vec::new(), Vec::new(), true);
            while is_open || !waiting.is_empty() {
                while is_open {
                    match receiver.try_recv() {
                        Ok(one) => waiting.push(one),
                        Err(mpsc::error::TryRecvError::Empty) => break,
                        Err(mpsc::error::TryRecvError::Disconnected) => is_open = false,
                    }
                }
                waiting.retain(|(id, start)| {
                    let is_seen = is_revoked(&*node, id);
                    if is_seen {
                        seen.push(start.elapsed());
                    }
                    !is_seen && start.elapsed() < Duration::from_secs(10)
                });
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            delays.lock().await.extend(seen);
        }));
    }
    let mut ticks = tokio::time::interval(INTERVAL);
    let mut calls = tokio::task::JoinSet::new();
    for n in 0..REVOCATIONS_A_SECOND * SECONDS {
        ticks.tick().await;
        let id = format!("fleet-{n}");
        let start = Instant::now();
        for sender in &senders {
            let _ = sender.send((id.clone(), start));
        }
        let (node, refused) = (Arc::clone(&nodes[n % nodes.len()]), Arc::clone(&refused));
        calls.spawn(async move {
            let until = now() + Duration::from_secs(900);
            let revocation = Revocation::Token { issuer: None, id: &id, until };
            let call = node.revoke(revocation, now());
            let outcome = tokio::time::timeout(Duration::from_millis(250), call).await;
            refused.fetch_add(usize::from(!matches!(outcome, Ok(Ok(())))), Ordering::Relaxed);
        });
    }
    while calls.join_next().await.is_some() {}
    drop(senders);
    for watcher in watchers {
        watcher.await.expect("no panic");
    }
    let mut delays = delays.lock().await;
    let expected = REVOCATIONS_A_SECOND * SECONDS * nodes.len();
    let targets = match report.store {
        "PostgreSQL" => ["<= 10", "<= 50"],
        "Redis" => ["<= 5", "<= 25"],
        _ => ["<= 100", "<= 250"],
    };
    report.add("visible on all nodes, p50, ms", percentile(&mut delays, 50), targets[0]);
    report.add("visible on all nodes, p99, ms", percentile(&mut delays, 99), targets[1]);
    let refused = refused.load(Ordering::Relaxed);
    report.add("revocations refused, at 1000 a second", refused as f64, "0");
    let missed = expected.saturating_sub(delays.len() + refused * nodes.len());
    report.add("deliveries missed", missed as f64, "0");
}

/// The rate of rotations, of different sessions, by many tasks at once.
async fn rotations_a_second(auth: &JwtAuth, tasks: usize) -> f64 {
    let done = Arc::new(AtomicUsize::new(0));
    let stop = Arc::new(AtomicBool::new(false));
    let mut running = Vec::new();
    for n in 0..tasks {
        let pair = auth.log_in(format!("rotates-{n}")).await;
        let Ok(pair) = pair else { continue };
        let (auth, done, stop) = (auth.clone(), Arc::clone(&done), Arc::clone(&stop));
        running.push(tokio::spawn(async move {
            let mut refresh = pair.refresh_token().to_owned();
            let Ok(mut token) = auth.verify_refresh(&refresh).await else { return };
            while !stop.load(Ordering::Relaxed) {
                match auth.rotate(token.clone()).await {
                    Ok(pair) => {
                        done.fetch_add(1, Ordering::Relaxed);
                        pair.refresh_token().clone_into(&mut refresh);
                        let Ok(next) = auth.verify_refresh(&refresh).await else { return };
                        token = next;
                    }
                    Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
                }
            }
        }));
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (before, start) = (done.load(Ordering::Relaxed), Instant::now());
    tokio::time::sleep(Duration::from_secs(3)).await;
    let rate = (done.load(Ordering::Relaxed) - before) as f64 / start.elapsed().as_secs_f64();
    stop.store(true, Ordering::Relaxed);
    for task in running {
        let _ = task.await;
    }
    rate
}

fn config() -> Config {
    Config::hs256(jwt_auth::KeyMaterial::ephemeral())
}

/// Requests of bystanders that are refused while a crowd makes a call.
async fn refused_bystanders<F>(auth: &JwtAuth, call: impl Fn(JwtAuth) -> F) -> f64
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut bystanders = Vec::new();
    for n in 0..20 {
        bystanders.push(auth.log_in(format!("bystander-{n}")).await.expect("a pair"));
    }
    let end = Instant::now() + Duration::from_secs(7);
    let mut crowd = tokio::task::JoinSet::new();
    for _ in 0..512 {
        crowd.spawn(call(auth.clone()));
    }
    let mut refused = 0;
    while Instant::now() < end {
        for pair in &bystanders {
            refused += usize::from(auth.verify_access(pair.access_token()).await.is_err());
        }
        while crowd.try_join_next().is_some() {
            crowd.spawn(call(auth.clone()));
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    refused as f64
}

async fn measure_overload(report: &mut Report, auth: &JwtAuth) {
    let busy = auth.log_in("busy").await.expect("a pair");
    let refresh = Arc::new(busy.refresh_token().to_owned());
    let refused = refused_bystanders(auth, |auth| {
        let refresh = Arc::clone(&refresh);
        async move {
            if let Ok(token) = auth.verify_refresh(&refresh).await {
                let _ = auth.rotate(token).await;
            }
        }
    });
    report.add("bystanders refused, 512 rotations at once", refused.await, "0");
    let refused = refused_bystanders(auth, |auth| async move {
        let _ = auth.sessions("busy").await;
    });
    report.add("bystanders refused, 512 look-ups at once", refused.await, "0");
}

async fn measure_start<S: RevocationStore>(report: &mut Report, open: impl AsyncFn() -> S) {
    let (memory, start) = (resident(), Instant::now());
    let store = open().await;
    report.add("start with 1 M entries, s", start.elapsed().as_secs_f64(), "<= 3");
    let bytes = (resident() - memory) / ENTRIES as f64;
    report.add("resident bytes an entry, after the start", bytes, "<= 100");
    assert!(is_revoked(&store, &entry_id(ENTRIES - 1)), "the last entry");
}

/// An id like those that jwt-auth issues: 22 characters of base64url.
fn entry_id(n: usize) -> String {
    format!("{n:021}A")
}

async fn measure<S: RevocationStore>(report: &mut Report, open: impl AsyncFn() -> S) {
    let mut nodes = Vec::new();
    for _ in 0..NODES {
        nodes.push(Arc::new(open().await));
    }
    measure_visibility(report, &nodes).await;
    drop(nodes);
    // Refresh tokens are verified without the store, so that a rotation queries it once.
    let config = config().denylist_token_checks([TokenKind::Access]);
    let auth = config.revocation(open().await).build().expect("a valid configuration");
    let rate = rotations_a_second(&auth, TASKS).await;
    report.add("rotations a second", rate, "");
    let overloaded = rotations_a_second(&auth, 10 * TASKS).await;
    report.add("of which remain under 10 x the load, %", 100.0 * overloaded / rate, ">= 80");
    measure_overload(report, &auth).await;
}

/// The rate of rotations that a store decides, without the tokens around them: eight sessions at once.
async fn decisions_a_second(store: impl RevocationStore) -> f64 {
    let (store, done) = (Arc::new(store), Arc::new(AtomicUsize::new(0)));
    let mut running = tokio::task::JoinSet::new();
    for n in 0..8 {
        let (store, done) = (Arc::clone(&store), Arc::clone(&done));
        running.spawn(async move {
            let (id, mut current) = (format!("decided-{n}"), "0".to_owned());
            let ends = now() + Duration::from_secs(86_400);
            let session = NewSession::new(&id, "decided", &current, now(), ends);
            let started = store.register(session).await.expect("registered").started_at;
            for next in 1.. {
                let next = format!("{next}");
                let mut request = RotationRequest::new(&id, "decided", &current, &next, now());
                request.token = request.token.of_session(&id, started);
                store.rotate(request).await.expect("decided");
                done.fetch_add(1, Ordering::Relaxed);
                current = next;
            }
        });
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (before, start) = (done.load(Ordering::Relaxed), Instant::now());
    tokio::time::sleep(Duration::from_secs(3)).await;
    (done.load(Ordering::Relaxed) - before) as f64 / start.elapsed().as_secs_f64()
}

/// The statements of a rotation by hand: one read and one conditional write, on eight connections.
async fn rotations_by_hand(url: &str) -> f64 {
    let done = Arc::new(AtomicUsize::new(0));
    let mut running = tokio::task::JoinSet::new();
    for n in 0..8 {
        let mut connection = sqlx::PgConnection::connect(url).await.expect("connected");
        let id = format!("by-hand-{n}");
        let insert = "insert into jwt_auth_sessions values ($1, 'a', null, '0', '', 0, 0, 0, 9e15, 9e15, false, 0)";
        sqlx::query(insert).bind(&id).execute(&mut connection).await.expect("inserted");
        let done = Arc::clone(&done);
        running.spawn(async move {
            for generation in 0_i64.. {
                let read =
                    "select subject, current, parent, generation, created, pg_is_in_recovery(),
                        exists (select from jwt_auth_entries where key = any($2) and until > $3),
                        (select max(before) from jwt_auth_entries where key = any($4))
                    from jwt_auth_state left join jwt_auth_sessions on id = $1";
                let keys = vec![format!("a-{id}"), format!("b-{id}")];
                let query = sqlx::query(read).bind(&id).bind(keys.clone()).bind(1_i64).bind(keys);
                let row = query.fetch_one(&mut connection).await.expect("a row");
                let current: String = row.get(1);
                let write = "update jwt_auth_sessions
                    set current = $2, parent = $3, generation = $4, rotated = 1, expires = 9e15
                    where id = $1 and current = $3 and not exists (
                        select from jwt_auth_entries where key = $5 and until > 1
                    ) returning 1";
                let query = sqlx::query(write).bind(&id).bind(generation.to_string()).bind(current);
                let query = query.bind(generation).bind("none");
                query.fetch_one(&mut connection).await.expect("rotated");
                done.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (before, start) = (done.load(Ordering::Relaxed), Instant::now());
    tokio::time::sleep(Duration::from_secs(3)).await;
    (done.load(Ordering::Relaxed) - before) as f64 / start.elapsed().as_secs_f64()
}

/// The commands of a rotation on Redis by hand, in one script: one read and one write, by eight clients of one connection.
async fn redis_rotations_by_hand(url: &str) -> f64 {
    let script = redis::Script::new(
        "local known = redis.call('HMGET', KEYS[1], 'subject', 'current', 'parent', 'generation', 'started', 'ends')
        for at = 2, 4 do if redis.call('GET', KEYS[1] .. ':' .. ARGV[at]) then return 'unknown' end end
        if known[2] and known[2] ~= ARGV[1] then return 'reused' end
        redis.call('HSET', KEYS[1], 'subject', 'a', 'current', ARGV[2], 'parent', ARGV[1], 'generation', ARGV[3],
            'started', 1, 'rotated', 1, 'ends', 9, 'expires', 9)
        redis.call('PTTL', KEYS[1])
        redis.call('PEXPIRE', KEYS[1], 99999999)
        return 'rotated'",
    );
    let client = redis::Client::open(url).expect("an address");
    let connection = client.get_multiplexed_async_connection().await.expect("connected");
    let done = Arc::new(AtomicUsize::new(0));
    let mut running = tokio::task::JoinSet::new();
    for n in 0..8 {
        let (mut connection, script, done) =
            (connection.clone(), script.clone(), Arc::clone(&done));
        running.spawn(async move {
            for generation in 0_u64.. {
                let mut call = script.key(format!("by-hand-{n}"));
                call.arg(generation).arg(generation + 1).arg(generation).arg(n);
                let answer: String = call.invoke_async(&mut connection).await.expect("an answer");
                assert_eq!(answer, "rotated");
                done.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (before, start) = (done.load(Ordering::Relaxed), Instant::now());
    tokio::time::sleep(Duration::from_secs(3)).await;
    (done.load(Ordering::Relaxed) - before) as f64 / start.elapsed().as_secs_f64()
}

/// The statements of a rotation on SQLite by hand: one transaction each, on one connection, as eight clients would wait
/// for it.
async fn sqlite_rotations_by_hand(url: &str) -> f64 {
    let mut connection = sqlx::SqliteConnection::connect(url).await.expect("opened");
    for setup in ["PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL"] {
        sqlx::query(setup).execute(&mut connection).await.expect("set");
    }
    let table =
        "CREATE TABLE by_hand (id TEXT PRIMARY KEY, current TEXT, parent TEXT, generation INTEGER)";
    sqlx::query(table).execute(&mut connection).await.expect("created");
    let insert = "INSERT INTO by_hand VALUES ('a', '0', '', 0)";
    sqlx::query(insert).execute(&mut connection).await.expect("inserted");
    let (start, mut done) = (Instant::now(), 0_u32);
    while start.elapsed() < Duration::from_secs(3) {
        sqlx::query("BEGIN IMMEDIATE").execute(&mut connection).await.expect("begun");
        let read = sqlx::query("SELECT current FROM by_hand WHERE id = 'a'");
        let current: String = read.fetch_one(&mut connection).await.expect("a row").get(0);
        let write = "UPDATE by_hand SET current = ?1, parent = ?2, generation = generation + 1 WHERE id = 'a'";
        let write = sqlx::query(write).bind(done.to_string()).bind(current);
        write.execute(&mut connection).await.expect("written");
        sqlx::query("COMMIT").execute(&mut connection).await.expect("committed");
        done += 1;
    }
    f64::from(done) / start.elapsed().as_secs_f64()
}

async fn postgres() -> Option<Report> {
    let server = PostgresServer::start()?;
    let url = server.url();
    let mut report = Report { store: "PostgreSQL", figures: BTreeMap::new() };
    let open = async || PostgresStore::connect(&url).await.expect("connected");
    measure(&mut report, open).await;
    let by_hand = rotations_by_hand(&url).await;
    let rate = decisions_a_second(open().await).await;
    report.add("rotations, against statements by hand, %", 100.0 * rate / by_hand, ">= 80");
    let mut connection = sqlx::PgConnection::connect(&url).await.expect("connected");
    let fill = format!(
        "insert into jwt_auth_entries (key, before, until)
         select '[\"token\",null,\"' || lpad(n::text, 21, '0') || 'A\"]', 0, 9999999999
         from generate_series(0, {}) as n",
        ENTRIES - 1
    );
    sqlx::query(AssertSqlSafe(fill)).execute(&mut connection).await.expect("filled");
    measure_start(&mut report, open).await;
    Some(report)
}

async fn redis() -> Option<Report> {
    let server = RedisServer::start()?;
    let url = server.url();
    let mut report = Report { store: "Redis", figures: BTreeMap::new() };
    let open = async || RedisStore::connect(&url).await.expect("connected");
    measure(&mut report, open).await;
    let by_hand = redis_rotations_by_hand(&url).await;
    let rate = decisions_a_second(open().await).await;
    report.add("rotations, against statements by hand, %", 100.0 * rate / by_hand, ">= 80");
    let client = redis::Client::open(url.as_str()).expect("an address");
    let mut connection = client.get_multiplexed_async_connection().await.expect("connected");
    for part in 0..100 {
        let fill = "local minute = math.floor(redis.call('TIME')[1] / 60) + 20 + tonumber(ARGV[1]) % 25
            redis.call('ZADD', '{jwt-auth}:minutes', minute, minute)
            for n = tonumber(ARGV[1]) * 10000, tonumber(ARGV[1]) * 10000 + 9999 do
                local id = string.format('%021.0fA', n)
                redis.call('HSET', '{jwt-auth}:m:' .. minute, '[\"token\",null,\"' .. id .. '\"]', '0:9999999999')
            end";
        let mut command = redis::cmd("EVAL");
        command.arg(fill).arg(0).arg(part);
        let () = command.query_async(&mut connection).await.expect("filled");
    }
    measure_start(&mut report, open).await;
    Some(report)
}

async fn sqlite() -> Report {
    let folder = std::env::temp_dir().join(format!("jwt-auth-fleet-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join("fleet.db");
    let mut report = Report { store: "SQLite", figures: BTreeMap::new() };
    let open = async || SqliteStore::open(&path).await.expect("opened");
    measure(&mut report, open).await;
    let url = format!("sqlite://{}", path.display());
    let by_hand_url = format!("sqlite://{}?mode=rwc", folder.join("by-hand.db").display());
    let by_hand = sqlite_rotations_by_hand(&by_hand_url).await;
    let rate = decisions_a_second(open().await).await;
    report.add("rotations, against statements by hand, %", 100.0 * rate / by_hand, ">= 80");
    let mut connection = sqlx::SqliteConnection::connect(&url).await.expect("opened");
    let fill = format!(
        "WITH RECURSIVE n (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < {})
         INSERT INTO jwt_auth_entries
         SELECT '[\"token\",null,\"' || printf('%021d', n) || 'A\"]', 0, 9999999999, n FROM n",
        ENTRIES - 1
    );
    sqlx::query(AssertSqlSafe(fill)).execute(&mut connection).await.expect("filled");
    measure_start(&mut report, open).await;
    let _ = std::fs::remove_dir_all(&folder);
    report
}

#[tokio::main]
async fn main() {
    let only: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let is_on = |store: &str| only.is_empty() || only.iter().any(|name| name == store);
    println!("{:<12} {:<44} {:>10}   target", "store", "figure", "measured");
    let mut reports = Vec::new();
    if is_on("PostgreSQL") {
        reports.extend(postgres().await);
    }
    if is_on("Redis") {
        reports.extend(redis().await);
    }
    if is_on("SQLite") {
        reports.push(sqlite().await);
    }
    // A run of one store replaces its figures only.
    let results_file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("results/fleet.json");
    let earlier = std::fs::read_to_string(&results_file).unwrap_or_default();
    let mut results: BTreeMap<String, serde_json::Value> =
        serde_json::from_str(&earlier).unwrap_or_default();
    for report in &reports {
        results.insert(report.store.to_owned(), json!(report.figures));
    }
    let text = serde_json::to_string_pretty(&results).expect("JSON") + "\n";
    std::fs::write(results_file, text).expect("written");
}
