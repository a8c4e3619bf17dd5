//! Redis where it is worst: failovers, connections that die without a word, clocks that differ, and many records.

#![allow(clippy::disallowed_methods, reason = "the server's clock shows now")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jwt_auth::{Config, JwtAuth, RedisStore, Revocation, RevocationStore as _};
use tests::redis::RedisServer;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

const SOON: Duration = Duration::from_secs(1);

fn auth(store: RedisStore) -> JwtAuth {
    Config::hs256(tests::SECRET).revocation(store).build().expect("good")
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

/// Waits until a token is let in, or is not any more.
async fn until(auth: &JwtAuth, token: &str, good: bool, within: Duration) {
    let reached = async {
        while auth.verify_access(token).await.is_ok() != good {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(within, reached).await.expect("in time");
}

/// A name that leads to a server, and later to another. Connections that are there stay where they are.
pub(crate) struct Name {
    pub(crate) at: SocketAddr,
    server: Arc<Mutex<SocketAddr>>,
    /// Connections of an earlier number than this are dead, and nobody is told.
    pub(crate) dead_before: watch::Sender<u64>,
}

impl Name {
    pub(crate) async fn of(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let at = listener.local_addr().expect("an address");
        let server = Arc::new(Mutex::new(server));
        let (dead_before, mut dead) = watch::channel(0);
        let leads_to = Arc::clone(&server);
        tokio::spawn(async move {
            let mut number = 0;
            while let Ok((mut client, _)) = listener.accept().await {
                let to = *leads_to.lock().unwrap_or_else(PoisonError::into_inner);
                number = u64::max(number, *dead.borrow_and_update());
                let (mine, mut dead) = (number, dead.clone());
                tokio::spawn(async move {
                    let mut server = TcpStream::connect(to).await.expect("a server");
                    let over = async { dead.wait_for(|dead| *dead > mine).await.is_err() };
                    let copied = tokio::io::copy_bidirectional(&mut client, &mut server);
                    let over = tokio::select! { _ = copied => true, over = over => over };
                    if !over {
                        std::future::pending::<()>().await;
                    }
                });
            }
        });
        Self { at, server, dead_before }
    }

    fn leads_to(&self, server: SocketAddr) {
        *self.server.lock().unwrap_or_else(PoisonError::into_inner) = server;
    }

    fn url(&self) -> String {
        format!("redis://{}", self.at)
    }
}

#[tokio::test]
async fn a_connection_that_died_without_a_word_is_given_up() {
    let Some(server) = RedisServer::start() else { return };
    let name = Name::of(server.at()).await;
    let a = auth(connect(&name.url()).await);
    let pair = a.log_in("alice").await.expect("a pair");
    name.dead_before.send_modify(|dead| *dead += 1);
    tokio::time::timeout(2 * SOON, async { while a.log_in("bob").await.is_err() {} })
        .await
        .expect("writes are back");
    until(&a, pair.access_token(), true, SOON).await;
}

#[tokio::test]
async fn a_primary_that_was_made_a_replica_is_left() {
    let (Some(old), Some(new)) = (RedisServer::start(), RedisServer::start()) else { return };
    let port = |server: &RedisServer| server.at().port().to_string();
    let name = Name::of(old.at()).await;
    let a = auth(connect(&name.url()).await);
    let pair = a.log_in("alice").await.expect("a pair");
    let () = command(&new, &["REPLICAOF", "127.0.0.1", &port(&old)]).await;
    let replicated = async {
        while command::<i64>(&new, &["DBSIZE"]).await < 2 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), replicated).await.expect("replicated");
    let () = command(&new, &["REPLICAOF", "NO", "ONE"]).await;
    name.leads_to(new.at());
    let () = command(&old, &["REPLICAOF", "127.0.0.1", &port(&new)]).await;
    tokio::time::timeout(2 * SOON, async { while a.log_in("bob").await.is_err() {} })
        .await
        .expect("writes go to the new one");
    until(&a, pair.access_token(), true, SOON).await;
}

#[tokio::test]
async fn a_log_that_lost_its_end_and_goes_on_by_a_slower_clock_is_heard() {
    let Some(server) = RedisServer::start() else { return };
    let (a, b) = (auth(connect(&server.url()).await), auth(connect(&server.url()).await));
    let pair = a.log_in("alice").await.expect("a pair");
    let ahead = ["XADD", "{jwt-auth}:log", "9999999999999-0", "k", "x", "b", "0", "u", "1"];
    let _: String = command(&server, &ahead).await;
    // Both have read it once they know what was written next.
    let other = a.log_in("bob").await.expect("a pair");
    let token = a.verify_access(other.access_token()).await.expect("good");
    a.log_out(token).await.expect("held");
    until(&b, other.access_token(), false, SOON).await;
    let _: i64 = command(&server, &["DEL", "{jwt-auth}:log"]).await;
    // Another log has come before anybody sees that there was none.
    let token = a.verify_access(pair.access_token()).await.expect("good");
    a.log_out(token).await.expect("held");
    until(&b, pair.access_token(), false, SOON).await;
}

#[tokio::test]
async fn a_node_whose_clock_is_wrong_prunes_nothing_that_lives() {
    let Some(server) = RedisServer::start() else { return };
    let store = connect(&server.url()).await;
    let (now, hour) = (SystemTime::now(), Duration::from_secs(3600));
    let pair = auth(connect(&server.url()).await).log_in("alice").await.expect("a pair");
    let entry = Revocation::Subject { subject: "alice", before: now, until: now + hour };
    store.revoke(entry, now).await.expect("held");
    store.prune(now + 9_999 * hour).await.expect("pruned");
    let fresh = auth(connect(&server.url()).await);
    let outcome = fresh.verify_access(pair.access_token()).await;
    assert!(outcome.is_err_and(|error| error.code() == "token_revoked"));
}

#[tokio::test]
async fn dead_minutes_and_dead_sessions_go() {
    let Some(server) = RedisServer::start() else { return };
    let store = connect(&server.url()).await;
    for minute in 1..500_u32 {
        let minute = minute.to_string();
        let _: i64 = command(&server, &["ZADD", "{jwt-auth}:minutes", &minute, &minute]).await;
    }
    let _: i64 = command(&server, &["ZADD", "{jwt-auth}:minutes", "99999999", "99999999"]).await;
    let _: i64 = command(&server, &["ZADD", "{jwt-auth}:s:alice", "60000", "long-gone"]).await;
    let minute_600 = UNIX_EPOCH + Duration::from_secs(600 * 60);
    assert_eq!(store.prune(minute_600).await.expect("pruned"), 499);
    auth(store).log_in("alice").await.expect("a pair");
    assert_eq!(command::<i64>(&server, &["ZCARD", "{jwt-auth}:s:alice"]).await, 1);
}

#[tokio::test]
async fn a_session_is_over_by_its_own_word_whatever_the_list_says() {
    let Some(server) = RedisServer::start() else { return };
    let store = connect(&server.url()).await;
    let _: i64 = command(&server, &["ZADD", "{jwt-auth}:s:alice", "9999999999999", "f"]).await;
    let hash = ["HSET", "{jwt-auth}:f:f", "subject", "alice", "began", "1000", "rotated", "1000"];
    let _: i64 = command(&server, &[&hash[..], &["ends", "5000"]].concat()).await;
    for (now, alive) in [(4_999, 1), (5_000, 0)] {
        let now = UNIX_EPOCH + Duration::from_millis(now);
        assert_eq!(store.sessions("alice", now).await.expect("a list").len(), alive, "{now:?}");
    }
}

#[tokio::test]
async fn a_node_that_keeps_up_reads_the_log_and_not_everything() {
    let Some(server) = RedisServer::start() else { return };
    let (a, b) = (auth(connect(&server.url()).await), auth(connect(&server.url()).await));
    // Who started with an empty log has no place in it yet.
    for (one, other) in [(&a, &b), (&b, &a), (&a, &b)] {
        let pair = one.log_in("alice").await.expect("a pair");
        let token = one.verify_access(pair.access_token()).await.expect("good");
        let () = command(&server, &["CONFIG", "RESETSTAT"]).await;
        one.log_out(token).await.expect("held");
        until(other, pair.access_token(), false, SOON).await;
    }
    let called: String = command(&server, &["INFO", "commandstats"]).await;
    assert!(called.contains("cmdstat_xrange:") && !called.contains("cmdstat_hscan:"), "{called}");
}

#[tokio::test]
async fn a_strict_look_up_that_finds_another_type_is_an_error() {
    let Some(server) = RedisServer::start() else { return };
    let store = connect(&server.url()).await;
    let a = auth(connect(&server.url()).await);
    let pair = a.log_in("alice").await.expect("a pair");
    let token = a.verify_access(pair.access_token()).await.expect("good");
    let now = SystemTime::now();
    assert!(store.ask(&token.identity(), now).await.is_ok());
    let key = "{jwt-auth}:e:[\"subject\",\"alice\"]";
    let _: i64 = command(&server, &["HSET", key, "x", "y"]).await;
    assert!(store.ask(&token.identity(), now).await.is_err());
    let _: i64 = command(&server, &["DEL", key]).await;
    let () = command(&server, &["SET", key, "junk"]).await;
    let error = store.ask(&token.identity(), now).await.expect_err("junk");
    assert!(error.to_string().ends_with("what the server holds is malformed"), "{error}");
}

#[tokio::test]
async fn a_replica_vouches_for_nothing() {
    let (Some(server), Some(primary)) = (RedisServer::start(), RedisServer::start()) else {
        return;
    };
    let store = connect(&server.url()).await;
    let a = auth(connect(&server.url()).await);
    let pair = a.log_in("alice").await.expect("a pair");
    let token = a.verify_access(pair.access_token()).await.expect("good");
    assert!(store.ask(&token.identity(), SystemTime::now()).await.is_ok());
    let nobody = primary.at().port().to_string();
    drop(primary);
    let () = command(&server, &["REPLICAOF", "127.0.0.1", &nobody]).await;
    for _ in 0..2 {
        assert!(store.ask(&token.identity(), SystemTime::now()).await.is_err(), "a strict look-up");
    }
    assert!(RedisStore::connect(&server.url()).await.is_err(), "nor does a node start on it");
}

#[tokio::test]
async fn an_end_far_away_is_held() {
    let Some(server) = RedisServer::start() else { return };
    let store = connect(&server.url()).await;
    let now = SystemTime::now();
    for (id, seconds) in [("a", 100 * 366 * 86_400 + 1_700_000_000), ("b", 1 << 52), ("c", 1 << 62)]
    {
        let until = UNIX_EPOCH + Duration::from_secs(seconds);
        let entry = Revocation::Token { issuer: None, id, until };
        store.revoke(entry, now).await.expect("held");
    }
    assert_eq!(command::<i64>(&server, &["ZCARD", "{jwt-auth}:minutes"]).await, 3);
    let farthest: String = command(&server, &["GET", "{jwt-auth}:e:[\"token\",null,\"c\"]"]).await;
    assert_eq!(
        farthest,
        format!("0:{}", (1_u64 << 53) - 1),
        "the last that a script counts exactly"
    );
}

#[tokio::test]
async fn a_node_starts_in_time_with_a_hundred_thousand_records() {
    for minutes in ["43200", "1"] {
        starts_with(minutes).await;
    }
}

async fn starts_with(minutes: &str) {
    let Some(server) = RedisServer::start() else { return };
    let fill = "
        local now = math.floor(redis.call('TIME')[1] / 60)
        for n = 1, 100000 do
            local minute = string.format('%.0f', now + 1 + n % tonumber(ARGV[1]))
            redis.call('HSET', '{jwt-auth}:m:' .. minute, '[\"token\",null,\"' .. n .. '\"]', '0:9999999999')
            redis.call('ZADD', '{jwt-auth}:minutes', minute, minute)
        end";
    let () = command(&server, &["EVAL", fill, "0", minutes]).await;
    let began = Instant::now();
    let store = connect(&server.url()).await;
    println!("100 000 records of {minutes} minutes in {:?}", began.elapsed());
    assert!(format!("{store:?}").contains("100000"), "{store:?}");
}

#[tokio::test]
async fn a_server_that_may_evict_is_warned_of() {
    let Some(server) = RedisServer::start() else { return };
    let (said, _here) = crate::said();
    let heard = || said().contains("noeviction");
    connect(&server.url()).await;
    assert!(!heard(), "the default does not evict");
    let () = command(&server, &["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]).await;
    connect(&server.url()).await;
    assert!(heard(), "one that evicts is warned of");
}

#[tokio::test]
async fn a_rotation_is_one_command() {
    let Some(server) = RedisServer::start() else { return };
    let a = auth(connect(&server.url()).await);
    let pair = a.log_in("alice").await.expect("a pair");
    let family = a.sessions("alice").await.expect("a list")[0].family().to_owned();
    let token = a.verify_refresh(pair.refresh_token()).await.expect("good");
    let () = command(&server, &["CONFIG", "SET", "slowlog-max-len", "1000"]).await;
    let () = command(&server, &["CONFIG", "SET", "slowlog-log-slower-than", "0"]).await;
    a.rotate(token).await.expect("a pair");
    let log: Vec<(i64, i64, i64, Vec<String>, String, String)> =
        command(&server, &["SLOWLOG", "GET", "-1"]).await;
    // What a script calls within the server has no client's address.
    let sent: Vec<&Vec<String>> = log
        .iter()
        .map(|entry| &entry.3)
        .filter(|words| words[0] == "SCRIPT" || words.iter().any(|word| word.contains(&family)))
        .filter(|words| ["SCRIPT", "EVAL", "EVALSHA"].contains(&words[0].as_str()))
        .collect();
    assert_eq!(sent.len(), 1, "{sent:?}");
    assert_eq!(sent[0][0], "EVALSHA");
}
