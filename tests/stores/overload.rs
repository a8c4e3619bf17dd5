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

fn auth(store: impl RevocationStore) -> JwtAuth {
    Config::hs256(tests::SECRET).revocation(store).build().expect("a valid configuration")
}

/// Makes 512 calls at once, again and again. Returns how many succeeded, and checks that no bystander is refused.
async fn overload<F>(node: &JwtAuth, what: &str, call: impl Fn(JwtAuth) -> F) -> usize
where
    F: Future<Output = bool> + Send + 'static,
{
    let mut bystanders = Vec::new();
    for n in 0..10 {
        let start = Instant::now();
        let pair = loop {
            match node.log_in(format!("bystander-{n}")).await {
                Ok(pair) => break pair,
                Err(error) => {
                    assert!(start.elapsed() < Duration::from_secs(1), "{what}: {error:?}");
                }
            }
        };
        bystanders.push(pair.access_token().to_owned());
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
    assert!(requests > 1_000, "{what}: {requests} requests of bystanders");
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
    assert!(listed > 1_000, "{listed} look-ups succeeded");
    let count = Arc::new(AtomicUsize::new(0));
    let log_ins = overload(node, "log-ins", |node| {
        let number = count.fetch_add(1, Ordering::Relaxed);
        async move { node.log_in(format!("user-{number}")).await.is_ok() }
    })
    .await;
    assert!(log_ins > 200, "{log_ins} log-ins succeeded");
    let start = Instant::now();
    while node.log_in("afterwards").await.is_err() {
        assert!(start.elapsed() < Duration::from_secs(1), "the store is back within a second");
    }
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
