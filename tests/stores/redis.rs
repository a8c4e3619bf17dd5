//! Redis: one log that every node tails, and rotations that one script decides.

use std::collections::HashSet;
use std::time::Duration;

use jwt_auth::{
    Clock as _, Config, JwtAuth, RedisStore, Revocation, RevocationStore as _, SystemClock, testing,
};
use tests::redis::RedisServer;

fn auth(store: RedisStore) -> JwtAuth {
    Config::hs256(tests::SECRET).revocation(store).build().expect("good")
}

async fn connect(server: &RedisServer) -> RedisStore {
    let store = RedisStore::builder(&server.url()).max_staleness(Duration::from_millis(600));
    store.connect().await.expect("connected")
}

/// A client of the tests' own, to look and to break things.
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

/// Waits until a token is let in, or is not any more.
async fn until(auth: &JwtAuth, token: &str, good: bool, within: Duration) {
    let reached = async {
        while auth.verify_access(token).await.is_ok() != good {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(within, reached).await.expect("in time");
}

#[tokio::test]
async fn conformance() {
    let Some(server) = RedisServer::start() else { return };
    testing::store_conformance(&connect(&server).await).await;
}

#[tokio::test]
async fn two_nodes_see_each_other_within_a_second_and_rotate_once() {
    let Some(server) = RedisServer::start() else { return };
    let (a, b) = (auth(connect(&server).await), auth(connect(&server).await));
    let pair = a.log_in("alice").await.expect("a pair");
    let mut all = Vec::new();
    for n in 0..32 {
        let node = if n % 2 == 0 { a.clone() } else { b.clone() };
        let text = pair.refresh_token().to_owned();
        all.push(tokio::spawn(async move {
            let token = node.verify_refresh(&text).await.expect("good");
            node.rotate(token).await
        }));
    }
    let mut ids = HashSet::new();
    for one in all {
        let pair = one.await.expect("no panic").expect("within the grace");
        ids.insert(b.verify_refresh(pair.refresh_token()).await.expect("good").id().to_owned());
    }
    assert_eq!(ids.len(), 1, "exactly one successor");
    let token = a.verify_access(pair.access_token()).await.expect("good");
    a.log_out(token).await.expect("held");
    until(&b, pair.access_token(), false, Duration::from_secs(1)).await;
    assert!(b.sessions("alice").await.expect("a list").is_empty());
}

#[tokio::test]
async fn a_new_node_and_one_that_was_left_behind_know_what_the_log_no_longer_holds() {
    let Some(server) = RedisServer::start() else { return };
    let (a, b) = (auth(connect(&server).await), auth(connect(&server).await));
    let pair = a.log_in("alice").await.expect("a pair");
    until(&b, pair.access_token(), true, Duration::from_secs(1)).await;
    // B hears nothing while A writes and the log is trimmed: what is lost to the log stands in the buckets.
    let token = a.verify_access(pair.access_token()).await.expect("good");
    a.log_out(token).await.expect("held");
    let _: i64 =
        command(&server, &["XTRIM", "{jwt-auth}:log", "MAXLEN", "0"]).await.expect("trimmed");
    a.log_out_everywhere("nobody").await.expect("held");
    until(&b, pair.access_token(), false, Duration::from_secs(1)).await;
    let c = auth(connect(&server).await);
    assert_eq!(
        c.verify_access(pair.access_token()).await.expect_err("revoked").code(),
        "token_revoked"
    );
}

#[tokio::test]
async fn a_restart_of_the_server_forgets_nothing_and_the_store_is_back_within_a_second() {
    let Some(mut server) = RedisServer::start() else { return };
    let a = auth(connect(&server).await);
    let (alice, bob) =
        (a.log_in("alice").await.expect("a pair"), a.log_in("bob").await.expect("a pair"));
    let token = a.verify_access(alice.access_token()).await.expect("good");
    a.log_out(token).await.expect("held");
    server.stop();
    until(&a, bob.access_token(), false, Duration::from_secs(2)).await;
    let error = a.verify_access(bob.access_token()).await.expect_err("nobody vouches");
    assert_eq!(error.code(), "store_unavailable");
    assert!(a.verify_access(alice.access_token()).await.is_err());
    server.start_again();
    until(&a, bob.access_token(), true, Duration::from_secs(1)).await;
    assert!(a.verify_access(alice.access_token()).await.is_err());
    let fresh = auth(connect(&server).await);
    assert_eq!(
        fresh.verify_access(alice.access_token()).await.expect_err("revoked").code(),
        "token_revoked"
    );
    assert_eq!(fresh.sessions("bob").await.expect("a list").len(), 1);
}

#[tokio::test]
async fn a_server_that_is_full_or_read_only_refuses_writes_and_reads_go_on() {
    let Some(server) = RedisServer::start() else { return };
    let (a, store) = (auth(connect(&server).await), connect(&server).await);
    for (broken, mended, said) in [
        (vec!["CONFIG", "SET", "maxmemory", "1"], vec!["CONFIG", "SET", "maxmemory", "0"], "OOM"),
        (
            vec!["CONFIG", "SET", "min-replicas-to-write", "1"],
            vec!["CONFIG", "SET", "min-replicas-to-write", "0"],
            "NOREPLICAS",
        ),
    ] {
        let pair = a.log_in("alice").await.expect("a pair");
        let _: () = command(&server, &broken).await.expect("set");
        let now = SystemClock.now();
        let entry = Revocation::Subject { subject: "bob", before: now, until: now };
        let error = store.revoke(entry, now).await.expect_err("not held");
        assert!(error.to_string().ends_with(&format!("the server says {said}")), "{error}");
        let token = a.verify_access(pair.access_token()).await.expect("reads go on");
        assert_eq!(
            a.log_out(token).await.expect_err("not held").code(),
            "store_unavailable",
            "{broken:?}"
        );
        let token = a.verify_refresh(pair.refresh_token()).await.expect("reads go on");
        assert_eq!(
            a.rotate(token).await.expect_err("not decided").code(),
            "store_unavailable",
            "{broken:?}"
        );
        assert_eq!(
            a.log_in("bob").await.expect_err("not kept").code(),
            "store_unavailable",
            "{broken:?}"
        );
        let _: () = command(&server, &mended).await.expect("set");
        let token = a.verify_refresh(pair.refresh_token()).await.expect("reads go on");
        let used = a.rotate(token).await;
        assert!(used.is_ok(), "nothing was used up: {broken:?}");
    }
}

#[tokio::test]
async fn what_is_of_the_wrong_type_or_half_written_is_no_panic_and_no_open_door() {
    let Some(server) = RedisServer::start() else { return };
    let a = auth(connect(&server).await);
    let pair = a.log_in("alice").await.expect("a pair");
    // Odd entries are passed over …
    let odd =
        ["XADD", "{jwt-auth}:log", "*", "k", "[\"tenant\",\"x\"]", "b", "0", "u", "99999999999"];
    let _: String = command(&server, &odd).await.expect("written");
    let half = ["XADD", "{jwt-auth}:log", "*", "k", "[\"all\"]"];
    let _: String = command(&server, &half).await.expect("written");
    let junk = ["HSET", "{jwt-auth}:m:1", "[\"all\"]", "junk"];
    let _: i64 = command(&server, &junk).await.expect("written");
    let _: i64 =
        command(&server, &["ZADD", "{jwt-auth}:minutes", "1", "1"]).await.expect("written");
    let fresh = auth(connect(&server).await);
    assert!(fresh.verify_access(pair.access_token()).await.is_ok());
    let family = a.sessions("alice").await.expect("a list")[0].family().to_owned();
    let _: i64 = command(&server, &["HDEL", &format!("{{jwt-auth}}:f:{family}"), "ends"])
        .await
        .expect("gone");
    assert!(a.sessions("alice").await.expect("a list").is_empty(), "half a session is none");
    let token = a.verify_refresh(pair.refresh_token()).await.expect("good");
    assert_eq!(a.rotate(token).await.expect_err("half a session").code(), "store_unavailable");
    // … and a log that is none is a store that does not answer.
    let _: () = command(&server, &["SET", "{jwt-auth}:log", "junk"]).await.expect("written");
    until(&a, pair.access_token(), false, Duration::from_secs(2)).await;
    let error = a.verify_access(pair.access_token()).await.expect_err("nobody vouches");
    assert_eq!(error.code(), "store_unavailable");
    assert_eq!(
        a.log_out_everywhere("alice").await.expect_err("not held").code(),
        "store_unavailable"
    );
    let _: i64 = command(&server, &["DEL", "{jwt-auth}:log"]).await.expect("gone");
    until(&a, pair.access_token(), true, Duration::from_secs(1)).await;
}

#[tokio::test]
async fn a_prefix_with_braces_and_an_address_that_is_none_are_refused() {
    let Some(server) = RedisServer::start() else { return };
    assert!(RedisStore::builder(&server.url()).prefix("a{b}").connect().await.is_err());
    let error = RedisStore::connect("http://user:hunter2@nowhere").await.expect_err("none");
    assert!(error.to_string().ends_with("the address is none of Redis"), "{error}");
    let builder = format!("{:?}", RedisStore::builder("redis://:hunter2@127.0.0.1:1"));
    assert!(!builder.contains("hunter2"), "{builder}");
    let other =
        RedisStore::builder(&server.url()).prefix("shop").connect().await.expect("connected");
    let (a, b) = (auth(connect(&server).await), auth(other));
    let pair = a.log_in("alice").await.expect("a pair");
    a.log_out_everywhere("alice").await.expect("held");
    assert!(b.verify_access(pair.access_token()).await.is_ok(), "another deployment's log");
}
