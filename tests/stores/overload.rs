//! Overload of a shared store: no bystander is refused, and the store goes on rotating.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use jwt_auth::session::RevocationStore;
use jwt_auth::{Config, JwtAuth};
use jwt_auth_redis::RedisStore;
use jwt_auth_sqlx::{PostgresStore, SqliteStore};
use tests::folder::Folder;
use tests::postgres::PostgresServer;
use tests::redis::RedisServer;

/// How long the overload lasts: longer than `max_staleness`, after which a starved reader would refuse everybody.
const LONG: Duration = Duration::from_millis(5_500);

/// How long the store may take to come back: far more than it needs, since a slow disk is no fault.
const RECOVERY: Duration = Duration::from_secs(30);

fn auth(store: impl RevocationStore) -> JwtAuth {
    Config::hs256(tests::SECRET).revocation(store).build().expect("a valid configuration")
}

/// Logs in once the store has done what the previous overload left behind. Returns the access token.
async fn log_in_when_free(node: &JwtAuth, subject: String, what: &str) -> String {
    let start = Instant::now();
    loop {
        match node.log_in(subject.as_str()).await {
            Ok(pair) => return pair.access_token().to_owned(),
            Err(error) => assert!(start.elapsed() < RECOVERY, "{what}: {error:?}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Makes 512 calls at once, again and again. Returns how many succeeded, and checks that no bystander is refused.
async fn overload<F>(node: &JwtAuth, what: &str, call: impl Fn(JwtAuth) -> F) -> usize
where
    F: Future<Output = bool> + Send + 'static,
{
    let mut bystanders = Vec::new();
    for n in 0..10 {
        bystanders.push(log_in_when_free(node, format!("bystander-{n}"), what).await);
    }
    let mut crowd = tokio::task::JoinSet::new();
    for _ in 0..512 {
        crowd.spawn(call(node.clone()));
    }
    let (start, mut succeeded, mut requests) = (Instant::now(), 0, 0_usize);
    while start.elapsed() < LONG {
        for token in &bystanders {
            let outcome = node.verify_access(token).await;
            assert!(
                outcome.is_ok(),
                "{what}: a bystander is refused after {requests}: {outcome:?}"
            );
            requests += 1;
        }
        while let Some(done) = crowd.try_join_next() {
            succeeded += usize::from(done.expect("no panic"));
            crowd.spawn(call(node.clone()));
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(requests > 0, "{what}: no bystander was served");
    succeeded
}

/// Overloads a node with refreshes of one account, with look-ups, and with log-ins.
async fn assert_that_overload_refuses_no_bystander(node: &JwtAuth) {
    let busy = node.log_in("busy").await.expect("a pair");
    let refresh = Arc::new(busy.refresh_token().to_owned());
    overload(node, "refreshes of one account", |node| {
        let refresh = Arc::clone(&refresh);
        async move {
            match node.verify_refresh(&refresh).await {
                Ok(token) => node.rotate(token).await.is_ok(),
                Err(_) => false,
            }
        }
    })
    .await;
    let listed =
        overload(node, "look-ups", |node| async move { node.sessions("busy").await.is_ok() }).await;
    assert!(listed > 0, "no look-up succeeded");
    let count = Arc::new(AtomicUsize::new(0));
    let log_ins = overload(node, "log-ins", |node| {
        let number = count.fetch_add(1, Ordering::Relaxed);
        async move { node.log_in(format!("user-{number}")).await.is_ok() }
    })
    .await;
    assert!(log_ins > 0, "no log-in succeeded");
    log_in_when_free(node, "afterwards".to_owned(), "after the overload").await;
    assert!(node.ready().is_ok(), "{:?}", node.store_status());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s1_overload_of_postgres_refuses_no_bystander() {
    let Some(server) = PostgresServer::start() else { return };
    let store = PostgresStore::connect(&server.url()).await.expect("connected");
    assert_that_overload_refuses_no_bystander(&auth(store)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s1_overload_of_redis_refuses_no_bystander() {
    let Some(server) = RedisServer::start() else { return };
    let store = RedisStore::connect(&server.url()).await.expect("connected");
    assert_that_overload_refuses_no_bystander(&auth(store)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s1_overload_of_sqlite_refuses_no_bystander() {
    let folder = Folder::new("overload");
    let store = SqliteStore::open(folder.file()).await.expect("opened");
    assert_that_overload_refuses_no_bystander(&auth(store)).await;
}
