//! Redis under faults: failovers, silently dead connections, differing clocks, and many records.

#![allow(clippy::disallowed_methods, reason = "the server uses the system clock")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jwt_auth::session::{Revocation, RevocationStore as _};
use jwt_auth::{Config, JwtAuth};
use jwt_auth_redis::RedisStore;
use tests::redis::RedisServer;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

const SOON: Duration = Duration::from_secs(1);

fn auth(store: RedisStore) -> JwtAuth {
    Config::hs256(tests::SECRET).revocation(store).build().expect("a valid configuration")
}

async fn connect(url: &str) -> RedisStore {
    let store = RedisStore::builder(url).max_staleness(Duration::from_millis(600));
    store.connect().await.expect("connected")
}

async fn command<T: redis::FromRedisValue>(server: &RedisServer, words: &[&str]) -> T {
    let client = redis::Client::open(server.url()).expect("an address");
    let mut connection = client.get_multiplexed_async_connection().await.expect("connected");
    connection.set_response_timeout(Duration::from_secs(30));
    let mut command = redis::cmd(words[0]);
    command.arg(&words[1..]);
    command.query_async(&mut connection).await.expect("done")
}

/// Waits until a token is admitted, or until it is refused.
async fn wait_until(auth: &JwtAuth, token: &str, is_admitted: bool, within: Duration) {
    let reached = async {
        while auth.verify_access(token).await.is_ok() != is_admitted {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(within, reached).await.expect("in time");
}

/// Forwards connections to a server, and later to another one. Open connections stay with their server.
pub(crate) struct Forwarder {
    pub(crate) address: SocketAddr,
    target: Arc<Mutex<SocketAddr>>,
    /// Connections with a lower number forward nothing, and stay open.
    dead_before: watch::Sender<u64>,
}

impl Forwarder {
    pub(crate) async fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let target = Arc::new(Mutex::new(server));
        let (dead_before, mut dead) = watch::channel(0);
        let shared_target = Arc::clone(&target);
        tokio::spawn(async move {
            let mut number = 0;
            while let Ok((mut client, _)) = listener.accept().await {
                let to = *shared_target.lock().unwrap_or_else(PoisonError::into_inner);
                number = u64::max(number, *dead.borrow_and_update());
                let (own_number, mut dead) = (number, dead.clone());
                tokio::spawn(async move {
                    let Ok(mut server) = TcpStream::connect(to).await else { return };
                    let died = async { dead.wait_for(|dead| *dead > own_number).await.is_ok() };
                    let copied = tokio::io::copy_bidirectional(&mut client, &mut server);
                    let is_dead = tokio::select! { _ = copied => false, is_dead = died => is_dead };
                    if is_dead {
                        std::future::pending::<()>().await;
                    }
                });
            }
        });
        Self { address, target, dead_before }
    }

    /// Lets every open connection die silently: it stays open, and forwards nothing.
    pub(crate) fn stall_connections(&self) {
        self.dead_before.send_modify(|dead| *dead += 1);
    }

    pub(crate) fn set_target(&self, server: SocketAddr) {
        *self.target.lock().unwrap_or_else(PoisonError::into_inner) = server;
    }

    fn url(&self) -> String {
        format!("redis://{}", self.address)
    }
}

#[tokio::test]
async fn a_silently_dead_connection_is_replaced() {
    let Some(server) = RedisServer::start() else { return };
    let forwarder = Forwarder::start(server.address()).await;
    let a = auth(connect(&forwarder.url()).await);
    let pair = a.log_in("alice").await.expect("a pair");
    forwarder.stall_connections();
    tokio::time::timeout(2 * SOON, async { while a.log_in("bob").await.is_err() {} })
        .await
        .expect("writes are back");
    wait_until(&a, pair.access_token(), true, SOON).await;
}

#[tokio::test]
async fn a_primary_that_became_a_replica_is_abandoned() {
    let (Some(old), Some(new)) = (RedisServer::start(), RedisServer::start()) else { return };
    let port = |server: &RedisServer| server.address().port().to_string();
    let forwarder = Forwarder::start(old.address()).await;
    let a = auth(connect(&forwarder.url()).await);
    let pair = a.log_in("alice").await.expect("a pair");
    let () = command(&new, &["REPLICAOF", "127.0.0.1", &port(&old)]).await;
    let replicated = async {
        while command::<i64>(&new, &["DBSIZE"]).await < 2 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), replicated).await.expect("replicated");
    let () = command(&new, &["REPLICAOF", "NO", "ONE"]).await;
    forwarder.set_target(new.address());
    let () = command(&old, &["REPLICAOF", "127.0.0.1", &port(&new)]).await;
    tokio::time::timeout(2 * SOON, async { while a.log_in("bob").await.is_err() {} })
        .await
        .expect("writes go to the new one");
    wait_until(&a, pair.access_token(), true, SOON).await;
}

#[tokio::test]
async fn a_log_that_continues_with_lower_ids_is_read() {
    let Some(server) = RedisServer::start() else { return };
    let (a, b) = (auth(connect(&server.url()).await), auth(connect(&server.url()).await));
    let pair = a.log_in("alice").await.expect("a pair");
    let ahead = ["XADD", "{jwt-auth}:log", "9999999999999-0", "k", "x", "b", "0", "u", "1"];
    let _: String = command(&server, &ahead).await;
    // Once B knows the next record, both have read this one.
    let other = a.log_in("bob").await.expect("a pair");
    let token = a.verify_access(other.access_token()).await.expect("a valid token");
    a.log_out(token).await.expect("recorded");
    wait_until(&b, other.access_token(), false, SOON).await;
    let _: i64 = command(&server, &["DEL", "{jwt-auth}:log"]).await;
    // A new log exists before a node notices that the old one is gone.
    let token = a.verify_access(pair.access_token()).await.expect("a valid token");
    a.log_out(token).await.expect("recorded");
    wait_until(&b, pair.access_token(), false, SOON).await;
}

#[tokio::test]
async fn a_node_whose_clock_is_ahead_prunes_no_record_in_force() {
    let Some(server) = RedisServer::start() else { return };
    let store = connect(&server.url()).await;
    let (now, hour) = (SystemTime::now(), Duration::from_secs(3600));
    let pair = auth(connect(&server.url()).await).log_in("alice").await.expect("a pair");
    let entry = Revocation::Subject { subject: "alice", before: now, until: now + hour };
    store.revoke(entry, now).await.expect("recorded");
    store.prune(now + 9_999 * hour).await.expect("pruned");
    let fresh = auth(connect(&server.url()).await);
    let outcome = fresh.verify_access(pair.access_token()).await;
    assert!(outcome.is_err_and(|error| error.code() == "token_revoked"));
}

#[tokio::test]
async fn expired_minutes_and_sessions_are_pruned() {
    let Some(server) = RedisServer::start() else { return };
    let store = connect(&server.url()).await;
    for minute in 1..500_u32 {
        let minute = minute.to_string();
        let _: i64 = command(&server, &["ZADD", "{jwt-auth}:minutes", &minute, &minute]).await;
    }
    let _: i64 = command(&server, &["ZADD", "{jwt-auth}:minutes", "99999999", "99999999"]).await;
    let _: i64 = command(&server, &["ZADD", "{jwt-auth}:s:alice", "60000", "long-expired"]).await;
    let minute_600 = UNIX_EPOCH + Duration::from_secs(600 * 60);
    assert_eq!(store.prune(minute_600).await.expect("pruned"), 499);
    auth(store).log_in("alice").await.expect("a pair");
    assert_eq!(command::<i64>(&server, &["ZCARD", "{jwt-auth}:s:alice"]).await, 1);
}

#[tokio::test]
async fn a_session_ends_at_its_own_end_whatever_the_list_says() {
    let Some(server) = RedisServer::start() else { return };
    let store = connect(&server.url()).await;
    let _: i64 = command(&server, &["ZADD", "{jwt-auth}:s:alice", "9999999999999", "f"]).await;
    let hash = ["HSET", "{jwt-auth}:f:f", "subject", "alice", "started", "1000", "rotated", "1000"];
    let ends = ["ends", "5000", "expires", "5000"];
    let _: i64 = command(&server, &[&hash[..], &ends].concat()).await;
    for (now, count) in [(4_999, 1), (5_000, 0)] {
        let now = UNIX_EPOCH + Duration::from_millis(now);
        assert_eq!(store.sessions("alice", now).await.expect("a list").len(), count, "{now:?}");
    }
}

#[tokio::test]
async fn a_node_that_keeps_up_reads_the_log_only() {
    let Some(server) = RedisServer::start() else { return };
    let (a, b) = (auth(connect(&server.url()).await), auth(connect(&server.url()).await));
    // A node that started with an empty log has no cursor yet, so each node reads once before it counts.
    for (one, other) in [(&a, &b), (&b, &a), (&a, &b)] {
        let pair = one.log_in("alice").await.expect("a pair");
        let token = one.verify_access(pair.access_token()).await.expect("a valid token");
        let () = command(&server, &["CONFIG", "RESETSTAT"]).await;
        one.log_out(token).await.expect("recorded");
        wait_until(other, pair.access_token(), false, SOON).await;
    }
    let commands: String = command(&server, &["INFO", "commandstats"]).await;
    assert!(
        commands.contains("cmdstat_xrange:") && !commands.contains("cmdstat_hscan:"),
        "{commands}"
    );
}

#[tokio::test]
async fn a_strict_look_up_of_malformed_data_is_an_error() {
    let Some(server) = RedisServer::start() else { return };
    let store = connect(&server.url()).await;
    let a = auth(connect(&server.url()).await);
    let pair = a.log_in("alice").await.expect("a pair");
    let token = a.verify_access(pair.access_token()).await.expect("a valid token");
    let now = SystemTime::now();
    assert!(store.check_strict(&token.identity(), now).await.is_ok());
    let key = "{jwt-auth}:e:[\"subject\",\"alice\"]";
    let _: i64 = command(&server, &["HSET", key, "x", "y"]).await;
    assert!(store.check_strict(&token.identity(), now).await.is_err());
    let _: i64 = command(&server, &["DEL", key]).await;
    let () = command(&server, &["SET", key, "junk"]).await;
    let error = store.check_strict(&token.identity(), now).await.expect_err("junk");
    assert!(error.to_string().ends_with("the data on the server is malformed"), "{error}");
}

#[tokio::test]
async fn a_replica_of_redis_is_refused_as_a_store() {
    let (Some(server), Some(primary)) = (RedisServer::start(), RedisServer::start()) else {
        return;
    };
    let store = connect(&server.url()).await;
    let a = auth(connect(&server.url()).await);
    let pair = a.log_in("alice").await.expect("a pair");
    let token = a.verify_access(pair.access_token()).await.expect("a valid token");
    assert!(store.check_strict(&token.identity(), SystemTime::now()).await.is_ok());
    let unused_port = primary.address().port().to_string();
    drop(primary);
    let () = command(&server, &["REPLICAOF", "127.0.0.1", &unused_port]).await;
    for _ in 0..2 {
        assert!(
            store.check_strict(&token.identity(), SystemTime::now()).await.is_err(),
            "a strict look-up"
        );
    }
    assert!(RedisStore::connect(&server.url()).await.is_err(), "a node does not start on it");
}

#[tokio::test]
async fn a_revocation_with_a_distant_end_is_recorded() {
    let Some(server) = RedisServer::start() else { return };
    let store = connect(&server.url()).await;
    let now = SystemTime::now();
    for (id, seconds) in [("a", 100 * 366 * 86_400 + 1_700_000_000), ("b", 1 << 52), ("c", 1 << 62)]
    {
        let until = UNIX_EPOCH + Duration::from_secs(seconds);
        let entry = Revocation::Token { issuer: None, id, until };
        store.revoke(entry, now).await.expect("recorded");
    }
    assert_eq!(command::<i64>(&server, &["ZCARD", "{jwt-auth}:minutes"]).await, 3);
    let farthest: String = command(&server, &["GET", "{jwt-auth}:e:[\"token\",null,\"c\"]"]).await;
    assert_eq!(
        farthest,
        format!("0:{}", (1_u64 << 53) - 1),
        "the largest integer that a script represents exactly"
    );
}

#[tokio::test]
async fn a_node_starts_with_a_hundred_thousand_records() {
    for minutes in ["43200", "1"] {
        start_with_records(minutes).await;
    }
}

async fn start_with_records(minutes: &str) {
    let Some(server) = RedisServer::start() else { return };
    let fill = "
        local now = math.floor(redis.call('TIME')[1] / 60)
        for n = 1, 100000 do
            local minute = string.format('%.0f', now + 1 + n % tonumber(ARGV[1]))
            redis.call('HSET', '{jwt-auth}:m:' .. minute, '[\"token\",null,\"' .. n .. '\"]', '0:9999999999')
            redis.call('ZADD', '{jwt-auth}:minutes', minute, minute)
        end";
    let () = command(&server, &["EVAL", fill, "0", minutes]).await;
    let start = Instant::now();
    let store = connect(&server.url()).await;
    println!("100 000 records of {minutes} minutes in {:?}", start.elapsed());
    assert!(format!("{store:?}").contains("100000"), "{store:?}");
}

#[tokio::test]
async fn an_eviction_policy_is_logged_as_a_warning() {
    let Some(server) = RedisServer::start() else { return };
    let (logs, _guard) = crate::capture_logs();
    let has_warning = || logs().contains("noeviction");
    connect(&server.url()).await;
    assert!(!has_warning(), "the default does not evict");
    let () = command(&server, &["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]).await;
    connect(&server.url()).await;
    assert!(has_warning(), "a policy that evicts");
}

#[tokio::test]
async fn a_rotation_is_one_command() {
    let Some(server) = RedisServer::start() else { return };
    let a = auth(connect(&server.url()).await);
    let pair = a.log_in("alice").await.expect("a pair");
    let id = a.sessions("alice").await.expect("a list")[0].id().to_owned();
    let token = a.verify_refresh(pair.refresh_token()).await.expect("a valid token");
    let () = command(&server, &["CONFIG", "SET", "slowlog-max-len", "1000"]).await;
    let () = command(&server, &["CONFIG", "SET", "slowlog-log-slower-than", "0"]).await;
    a.rotate(token).await.expect("a pair");
    let log: Vec<(i64, i64, i64, Vec<String>, String, String)> =
        command(&server, &["SLOWLOG", "GET", "-1"]).await;
    // Commands that a script calls inside the server are excluded.
    let sent: Vec<&Vec<String>> = log
        .iter()
        .map(|entry| &entry.3)
        .filter(|words| words[0] == "SCRIPT" || words.iter().any(|word| word.contains(&id)))
        .filter(|words| ["SCRIPT", "EVAL", "EVALSHA"].contains(&words[0].as_str()))
        .collect();
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert_eq!(sent[0][0], "EVALSHA");
}
