//! Redis: a log that every node reads, and rotations that a script decides.

#![allow(clippy::disallowed_methods, reason = "the log reader compares with the system clock")]

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use jwt_auth::session::{Revocation, RevocationStore as _};
use jwt_auth::{Config, JwtAuth, testing};
use jwt_auth_redis::RedisStore;
use tests::redis::RedisServer;

fn auth(store: RedisStore) -> JwtAuth {
    Config::hs256(tests::SECRET).revocation(store).build().expect("a valid configuration")
}

async fn connect(server: &RedisServer) -> RedisStore {
    let store = RedisStore::builder(&server.url()).max_staleness(Duration::from_millis(600));
    store.connect().await.expect("connected")
}

/// Sends a command to the server itself, to read and to damage its data.
async fn command<T: redis::FromRedisValue>(
    server: &RedisServer,
    words: &[&str],
) -> redis::RedisResult<T> {
    let client = redis::Client::open(server.url()).expect("an address");
    let mut connection = client.get_multiplexed_async_connection().await.expect("connected");
    let mut command = redis::cmd(words[0]);
    for word in &words[1..] {
        command.arg(*word);
    }
    command.query_async(&mut connection).await
}

/// Waits until a token is admitted, or until it is refused.
async fn wait_until(auth: &JwtAuth, token: &str, is_admitted: bool, within: Duration) {
    let reached = async {
        while auth.verify_access(token).await.is_ok() != is_admitted {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(within, reached).await.expect("in time");
}

#[tokio::test]
async fn redis_passes_the_conformance_suite() {
    let Some(server) = RedisServer::start() else { return };
    testing::store_conformance(&connect(&server).await).await;
}

#[tokio::test]
async fn two_nodes_share_revocations_within_a_second_and_rotate_once() {
    let Some(server) = RedisServer::start() else { return };
    let (a, b) = (auth(connect(&server).await), auth(connect(&server).await));
    let pair = a.log_in("alice").await.expect("a pair");
    let mut all = Vec::new();
    for n in 0..32 {
        let node = if n % 2 == 0 { a.clone() } else { b.clone() };
        let text = pair.refresh_token().to_owned();
        all.push(tokio::spawn(async move {
            let token = node.verify_refresh(&text).await.expect("a valid token");
            node.rotate(token).await
        }));
    }
    let mut ids = HashSet::new();
    for one in all {
        let pair = one.await.expect("no panic").expect("within the grace");
        ids.insert(
            b.verify_refresh(pair.refresh_token()).await.expect("a valid token").id().to_owned(),
        );
    }
    assert_eq!(ids.len(), 1, "exactly one successor");
    let token = a.verify_access(pair.access_token()).await.expect("a valid token");
    a.log_out(token).await.expect("recorded");
    wait_until(&b, pair.access_token(), false, Duration::from_secs(1)).await;
    assert!(b.sessions("alice").await.expect("a list").is_empty());
}

#[tokio::test]
async fn nodes_that_start_or_lag_know_revocations_that_the_log_no_longer_has() {
    let Some(server) = RedisServer::start() else { return };
    let (a, b) = (auth(connect(&server).await), auth(connect(&server).await));
    let pair = a.log_in("alice").await.expect("a pair");
    wait_until(&b, pair.access_token(), true, Duration::from_secs(1)).await;
    // A writes and the log is trimmed before B reads it. The buckets still have the record.
    let token = a.verify_access(pair.access_token()).await.expect("a valid token");
    a.log_out(token).await.expect("recorded");
    let _: i64 =
        command(&server, &["XTRIM", "{jwt-auth}:log", "MAXLEN", "0"]).await.expect("trimmed");
    a.log_out_everywhere("unknown").await.expect("recorded");
    wait_until(&b, pair.access_token(), false, Duration::from_secs(1)).await;
    let c = auth(connect(&server).await);
    assert_eq!(
        c.verify_access(pair.access_token()).await.expect_err("revoked").code(),
        "token_revoked"
    );
}

#[tokio::test]
async fn a_server_restart_loses_nothing_and_the_store_is_back_within_a_second() {
    let Some(mut server) = RedisServer::start() else { return };
    let a = auth(connect(&server).await);
    let (alice, bob) =
        (a.log_in("alice").await.expect("a pair"), a.log_in("bob").await.expect("a pair"));
    let token = a.verify_access(alice.access_token()).await.expect("a valid token");
    a.log_out(token).await.expect("recorded");
    server.stop();
    wait_until(&a, bob.access_token(), false, Duration::from_secs(2)).await;
    let error = a.verify_access(bob.access_token()).await.expect_err("too old");
    assert_eq!(error.code(), "store_unavailable");
    assert!(a.verify_access(alice.access_token()).await.is_err());
    server.restart();
    wait_until(&a, bob.access_token(), true, Duration::from_secs(1)).await;
    assert!(a.verify_access(alice.access_token()).await.is_err());
    let fresh = auth(connect(&server).await);
    assert_eq!(
        fresh.verify_access(alice.access_token()).await.expect_err("revoked").code(),
        "token_revoked"
    );
    assert_eq!(fresh.sessions("bob").await.expect("a list").len(), 1);
}

#[tokio::test]
async fn a_full_or_read_only_server_refuses_writes_and_answers_reads() {
    let Some(server) = RedisServer::start() else { return };
    let (a, store) = (auth(connect(&server).await), connect(&server).await);
    for (fault, fix, code) in [
        (vec!["CONFIG", "SET", "maxmemory", "1"], vec!["CONFIG", "SET", "maxmemory", "0"], "OOM"),
        (
            vec!["CONFIG", "SET", "min-replicas-to-write", "1"],
            vec!["CONFIG", "SET", "min-replicas-to-write", "0"],
            "NOREPLICAS",
        ),
    ] {
        let pair = a.log_in("alice").await.expect("a pair");
        let refresh = a.verify_refresh(pair.refresh_token()).await.expect("a valid token");
        let _: () = command(&server, &fault).await.expect("set");
        let now = SystemTime::now();
        let entry = Revocation::Subject { subject: "bob", before: now, until: now };
        let error = store.revoke(entry, now).await.expect_err("not recorded");
        assert!(error.to_string().ends_with(&format!("the server says {code}")), "{error}");
        let token = a.verify_access(pair.access_token()).await.expect("reads are answered");
        assert_eq!(
            a.log_out(token).await.expect_err("not recorded").code(),
            "store_unavailable",
            "{fault:?}"
        );
        assert_eq!(
            a.rotate(refresh).await.expect_err("not decided").code(),
            "store_unavailable",
            "{fault:?}"
        );
        assert_eq!(
            a.log_in("bob").await.expect_err("not registered").code(),
            "store_unavailable",
            "{fault:?}"
        );
        let _: () = command(&server, &fix).await.expect("set");
        let token = a.verify_refresh(pair.refresh_token()).await.expect("a valid token");
        let outcome = a.rotate(token).await;
        assert!(outcome.is_ok(), "the failed call used no token up: {fault:?}");
    }
}

#[tokio::test]
async fn malformed_entries_are_ignored_and_a_malformed_session_or_log_is_503() {
    let Some(server) = RedisServer::start() else { return };
    let a = auth(connect(&server).await);
    let pair = a.log_in("alice").await.expect("a pair");
    // Malformed entries are ignored.
    let unknown =
        ["XADD", "{jwt-auth}:log", "*", "k", "[\"tenant\",\"x\"]", "b", "0", "u", "99999999999"];
    let _: String = command(&server, &unknown).await.expect("written");
    let incomplete = ["XADD", "{jwt-auth}:log", "*", "k", "[\"all\"]"];
    let _: String = command(&server, &incomplete).await.expect("written");
    let junk = ["HSET", "{jwt-auth}:m:1", "[\"all\"]", "junk"];
    let _: i64 = command(&server, &junk).await.expect("written");
    let _: i64 =
        command(&server, &["ZADD", "{jwt-auth}:minutes", "1", "1"]).await.expect("written");
    let fresh = auth(connect(&server).await);
    assert!(fresh.verify_access(pair.access_token()).await.is_ok());
    let id = a.sessions("alice").await.expect("a list")[0].id().to_owned();
    let _: i64 = command(&server, &["HDEL", &format!("{{jwt-auth}}:f:{id}"), "ends"])
        .await
        .expect("deleted");
    assert!(
        a.sessions("alice").await.expect("a list").is_empty(),
        "an incomplete session is not listed"
    );
    let token = a.verify_refresh(pair.refresh_token()).await.expect("a valid token");
    assert_eq!(
        a.rotate(token).await.expect_err("an incomplete session").code(),
        "store_unavailable"
    );
    // If the log's key has another type, the store counts as one that does not answer.
    let _: () = command(&server, &["SET", "{jwt-auth}:log", "junk"]).await.expect("written");
    wait_until(&a, pair.access_token(), false, Duration::from_secs(2)).await;
    let error = a.verify_access(pair.access_token()).await.expect_err("too old");
    assert_eq!(error.code(), "store_unavailable");
    assert_eq!(
        a.log_out_everywhere("alice").await.expect_err("not recorded").code(),
        "store_unavailable"
    );
    let _: i64 = command(&server, &["DEL", "{jwt-auth}:log"]).await.expect("deleted");
    wait_until(&a, pair.access_token(), true, Duration::from_secs(1)).await;
}

#[tokio::test]
async fn an_invalid_prefix_or_address_is_refused_and_prefixes_separate_deployments() {
    let Some(server) = RedisServer::start() else { return };
    assert!(RedisStore::builder(&server.url()).prefix("a{b}").connect().await.is_err());
    let error = RedisStore::connect("http://user:hunter2@nowhere")
        .await
        .expect_err("not an address of Redis");
    assert!(error.to_string().ends_with("invalid Redis URL"), "{error}");
    let builder = format!("{:?}", RedisStore::builder("redis://:hunter2@127.0.0.1:1"));
    assert!(!builder.contains("hunter2"), "{builder}");
    let other =
        RedisStore::builder(&server.url()).prefix("shop").connect().await.expect("connected");
    let (a, b) = (auth(connect(&server).await), auth(other));
    let pair = a.log_in("alice").await.expect("a pair");
    a.log_out_everywhere("alice").await.expect("recorded");
    assert!(b.verify_access(pair.access_token()).await.is_ok(), "the log of another deployment");
}

#[tokio::test]
async fn a_log_in_after_log_out_everywhere_is_valid() {
    let Some(server) = RedisServer::start() else { return };
    let (a, b) = (auth(connect(&server).await), auth(connect(&server).await));
    crate::assert_that_a_log_in_after_log_out_everywhere_is_valid(&a, &b).await;
}
