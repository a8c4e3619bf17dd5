//! Redis as it is deployed: Sentinel and its failover, a Cluster that moves its slots, replicas, a least-privilege user.

use std::time::{Duration, Instant};

use jwt_auth::testing::store_conformance;
use jwt_auth::{AuthErrorKind, Config, JwtAuth, TokenPair};
use jwt_auth_redis::RedisStore;
use tests::redis::{RedisServer, Sentinel};

fn auth(store: RedisStore) -> JwtAuth {
    Config::hs256(tests::SECRET).revocation(store).build().expect("a valid configuration")
}

async fn command<T: redis::FromRedisValue>(server: &RedisServer, words: &[&str]) -> T {
    let client = redis::Client::open(server.url()).expect("an address");
    let mut connection = client.get_multiplexed_async_connection().await.expect("connected");
    let mut command = redis::cmd(words[0]);
    for word in &words[1..] {
        command.arg(*word);
    }
    command.query_async(&mut connection).await.unwrap_or_else(|error| panic!("{words:?}: {error}"))
}

async fn follow(replica: &RedisServer, primary: &RedisServer) {
    let port = primary.address().port().to_string();
    let () = command(replica, &["REPLICAOF", "127.0.0.1", &port]).await;
    let start = Instant::now();
    loop {
        let info: String = command(replica, &["INFO", "replication"]).await;
        if info.contains("master_link_status:up") {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(10), "{info}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until the condition holds.
async fn wait_until(what: &str, within: Duration, mut holds: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !holds().await {
        assert!(start.elapsed() < within, "{what}: not within {within:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s5_a_sentinel_failover_that_lost_writes_revives_no_session_and_ends_none() {
    let (Some(mut primary), Some(replica)) = (RedisServer::start(), RedisServer::start()) else {
        return;
    };
    follow(&replica, &primary).await;
    let sentinel = Sentinel::start(&primary);
    wait_until("the Sentinel knows the replica", Duration::from_secs(15), async || {
        let client = redis::Client::open(sentinel.url()).expect("an address");
        let mut connection = client.get_multiplexed_async_connection().await.expect("connected");
        let replicas: redis::RedisResult<Vec<redis::Value>> = redis::cmd("SENTINEL")
            .arg("REPLICAS")
            .arg("mymaster")
            .query_async(&mut connection)
            .await;
        replicas.is_ok_and(|replicas| !replicas.is_empty())
    })
    .await;
    let connect = || async {
        RedisStore::sentinel([sentinel.url()], "mymaster").connect().await.expect("connected")
    };
    let (a, b) = (auth(connect().await), auth(connect().await));
    let owner = a.log_in("owner").await.expect("a pair");
    let leaver = a.log_in("leaver").await.expect("a pair");
    wait_until("the replica has the sessions", Duration::from_secs(5), async || {
        let waits: i64 = command(&primary, &["WAIT", "1", "100"]).await;
        waits == 1
    })
    .await;
    // The link to the replica is cut: what is written now is lost with the primary.
    let () = command(&replica, &["REPLICAOF", "127.0.0.1", "1"]).await;
    let token = a.verify_refresh(owner.refresh_token()).await.expect("a valid token");
    let owner_session = token.session_id().expect("a session").to_owned();
    let next = a.rotate(token).await.expect("rotated");
    let token = a.verify_access(leaver.access_token()).await.expect("a valid token");
    let ended = token.session_id().expect("a session").to_owned();
    a.log_out(token).await.expect("recorded");
    wait_until("the other node knows the log-out", Duration::from_secs(2), async || {
        b.verify_access(leaver.access_token()).await.is_err()
    })
    .await;
    primary.stop();
    wait_until("a log-in succeeds", Duration::from_secs(30), async || {
        a.log_in("new").await.is_ok() && b.ready().is_ok()
    })
    .await;
    // The owner continues with the token that the new primary has never seen.
    let token = a.verify_refresh(next.refresh_token()).await.expect("a valid token");
    a.rotate(token).await.expect("the store moves forward");
    // The log-out is repaired: also a node that starts now knows it.
    wait_until("the log-out is written again", Duration::from_secs(10), async || {
        let fresh = auth(connect().await);
        fresh.verify_access(leaver.access_token()).await.is_err()
    })
    .await;
    let error = a.verify_access(leaver.access_token()).await.expect_err("logged out");
    assert_eq!(error.kind(), AuthErrorKind::Revoked);
    // The refresh token outlives the record, so the session itself must be gone.
    let keys: Vec<String> = command(&replica, &["KEYS", "*"]).await;
    assert!(keys.iter().any(|key| key.ends_with(&format!(":f:{owner_session}"))), "{keys:?}");
    assert!(!keys.iter().any(|key| key.ends_with(&format!(":f:{ended}"))), "{keys:?}");
}

#[tokio::test]
async fn s5_with_wait_for_replicas_a_write_that_no_replica_has_is_an_error() {
    let (Some(primary), Some(mut replica)) = (RedisServer::start(), RedisServer::start()) else {
        return;
    };
    follow(&replica, &primary).await;
    let store = RedisStore::builder(&primary.url());
    let store = store.wait_for_replicas(1, Duration::from_millis(100)).connect().await;
    let auth = auth(store.expect("connected"));
    let pair = auth.log_in("alice").await.expect("a replica confirms");
    replica.stop();
    let token = auth.verify_access(pair.access_token()).await.expect("a valid token");
    let error = auth.log_out(token).await.expect_err("no replica confirms");
    assert_eq!(error.kind(), AuthErrorKind::Unavailable);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_reads_from_a_replica_is_as_old_as_its_heartbeats() {
    let (Some(primary), Some(replica)) = (RedisServer::start(), RedisServer::start()) else {
        return;
    };
    follow(&replica, &primary).await;
    let a = auth(RedisStore::connect(&primary.url()).await.expect("connected"));
    let reading = RedisStore::builder(&primary.url()).read_from(replica.url());
    let reading = reading.max_staleness(Duration::from_secs(1)).connect().await;
    let reading = reading.expect("connected");
    store_conformance(&reading).await;
    let b = auth(reading);
    let (first, second) = (a.log_in("alice").await, a.log_in("bob").await);
    let (first, second) = (first.expect("a pair"), second.expect("a pair"));
    let log_out = async |pair: &TokenPair| {
        let token = a.verify_access(pair.access_token()).await.expect("a valid token");
        a.log_out(token).await.expect("recorded");
    };
    log_out(&first).await;
    wait_until("the node sees the log-out", Duration::from_secs(2), async || {
        b.verify_access(first.access_token()).await.is_err()
    })
    .await;
    // The replica answers, and does not follow its primary.
    let () = command(&replica, &["REPLICAOF", "127.0.0.1", "1"]).await;
    log_out(&second).await;
    wait_until("the node is stale", Duration::from_secs(3), async || b.ready().is_err()).await;
    let error = b.verify_access(second.access_token()).await.expect_err("stale");
    assert_eq!(error.kind(), AuthErrorKind::Unavailable);
    follow(&replica, &primary).await;
    wait_until("the node is ready again", Duration::from_secs(5), async || b.ready().is_ok()).await;
    let error = b.verify_access(second.access_token()).await.expect_err("logged out");
    assert_eq!(error.kind(), AuthErrorKind::Revoked);
}

#[tokio::test]
async fn a_server_that_is_no_replica_of_the_primary_is_refused() {
    let (Some(primary), Some(other)) = (RedisServer::start(), RedisServer::start()) else {
        return;
    };
    let _other = RedisStore::connect(&other.url()).await.expect("connected");
    let store = RedisStore::builder(&primary.url()).read_from(other.url()).connect().await;
    let error = store.expect_err("another primary").to_string();
    assert!(error.contains("no heartbeat"), "{error}");
    let cluster = RedisStore::cluster([primary.url()]).read_from(other.url()).connect().await;
    let error = cluster.expect_err("not in a Cluster").to_string();
    assert!(error.contains("remove it"), "{error}");
}

/// Three servers as a Cluster. The first one has all slots.
async fn cluster() -> Option<[RedisServer; 3]> {
    let start = || RedisServer::start_with(&["--cluster-enabled", "yes"]);
    let nodes = [start()?, start()?, start()?];
    for node in &nodes[1..] {
        let port = node.address().port().to_string();
        let () = command(&nodes[0], &["CLUSTER", "MEET", "127.0.0.1", &port]).await;
    }
    let () = command(&nodes[0], &["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]).await;
    for node in &nodes {
        wait_until("the Cluster is up", Duration::from_secs(30), async || {
            let info: String = command(node, &["CLUSTER", "INFO"]).await;
            info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3")
        })
        .await;
    }
    Some(nodes)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_whose_slot_moves_is_followed() {
    let Some(nodes) = cluster().await else { return };
    let urls: Vec<String> = nodes.iter().map(RedisServer::url).collect();
    let store = RedisStore::cluster(urls.clone()).connect().await.expect("connected");
    store_conformance(&store).await;
    let (a, b) = (auth(store), auth(RedisStore::cluster(urls).connect().await.expect("connected")));
    let pair = a.log_in("alice").await.expect("a pair");
    // The slot of every key moves to another node.
    let slot: i64 = command(&nodes[0], &["CLUSTER", "KEYSLOT", "{jwt-auth}:log"]).await;
    let slot = slot.to_string();
    let from: String = command(&nodes[0], &["CLUSTER", "MYID"]).await;
    let to: String = command(&nodes[1], &["CLUSTER", "MYID"]).await;
    let () = command(&nodes[1], &["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from]).await;
    let () = command(&nodes[0], &["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to]).await;
    let port = nodes[1].address().port().to_string();
    loop {
        let keys: Vec<String> =
            command(&nodes[0], &["CLUSTER", "GETKEYSINSLOT", &slot, "100"]).await;
        if keys.is_empty() {
            break;
        }
        let mut words = vec!["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS"];
        words.extend(keys.iter().map(String::as_str));
        let _: redis::Value = command(&nodes[0], &words).await;
    }
    for node in &nodes {
        let () = command(node, &["CLUSTER", "SETSLOT", &slot, "NODE", &to]).await;
    }
    wait_until("the new node serves", Duration::from_secs(10), async || {
        let Ok(token) = a.verify_refresh(pair.refresh_token()).await else { return false };
        a.rotate(token).await.is_ok() && b.ready().is_ok()
    })
    .await;
    a.log_out_everywhere("alice").await.expect("recorded");
    wait_until("the other node knows", Duration::from_secs(5), async || {
        b.verify_access(pair.access_token()).await.is_err()
    })
    .await;
}

/// The commands and keys that the documentation of `RedisStore` lists.
const ACL: &str = "on >secret resetkeys ~{jwt-auth}:* -@all \
     +evalsha +eval +script|load +get +set +del +exists +expire +pexpire +pttl +ping +time \
     +hget +hmget +hset +hdel +hgetall +hscan +zadd +zrem +zcard +zrange +zrangebyscore +zremrangebyscore \
     +xadd +xtrim +xrange +xrevrange +xread +xinfo|stream +wait +config|get +select";

#[tokio::test]
async fn a_user_with_the_listed_commands_and_keys_is_enough() {
    let Some(server) = RedisServer::start() else { return };
    let mut words = vec!["ACL", "SETUSER", "app"];
    words.extend(ACL.split_ascii_whitespace());
    let () = command(&server, &words).await;
    let docs = include_str!("../../jwt-auth-redis/src/store.rs");
    for word in ACL.split_ascii_whitespace() {
        assert!(docs.contains(word), "the documentation lists {word}");
    }
    let url = format!("redis://app:secret@{}", server.address());
    let store = RedisStore::connect(&url).await.expect("connected");
    store_conformance(&store).await;
}
