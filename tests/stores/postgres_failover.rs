//! `PostgreSQL` with a standby: a failover that loses writes, and a node that reads from the standby.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use jwt_auth::testing::store_conformance;
use jwt_auth::{AuthErrorKind, Config, JwtAuth, TokenPair};
use jwt_auth_sqlx::PostgresStore;
use sqlx::{Connection as _, PgConnection, Row as _};
use tests::postgres::PostgresServer;

use crate::redis_faults::Forwarder;

/// No server listens there.
const NOWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 1);

fn auth(store: PostgresStore) -> JwtAuth {
    Config::hs256(tests::SECRET).revocation(store).build().expect("a valid configuration")
}

async fn number(server: &PostgresServer, sql: &'static str) -> i64 {
    let mut connection = PgConnection::connect(&server.url()).await.expect("connected");
    sqlx::query(sql).fetch_one(&mut connection).await.expect("a row").get(0)
}

/// Waits until the condition holds.
async fn wait_until(what: &str, within: Duration, mut holds: impl AsyncFnMut() -> bool) {
    let start = Instant::now();
    while !holds().await {
        assert!(start.elapsed() < within, "{what}: not within {within:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn url(address: SocketAddr) -> String {
    format!("postgres://postgres@{address}/postgres")
}

/// Logs users in, and returns their tokens.
async fn log_in_all(node: &JwtAuth, name: &str, count: usize) -> Vec<TokenPair> {
    let mut pairs = Vec::new();
    for n in 0..count {
        pairs.push(node.log_in(format!("{name}-{n}")).await.expect("a pair"));
    }
    pairs
}

async fn log_out(node: &JwtAuth, pair: &TokenPair) {
    let token = node.verify_access(pair.access_token()).await.expect("a valid token");
    node.log_out(token).await.expect("recorded");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s5_a_failover_that_lost_writes_revives_no_session_and_ends_none() {
    let Some(mut primary) = PostgresServer::start() else { return };
    let (clients, replication) =
        (Forwarder::start(primary.address()).await, Forwarder::start(primary.address()).await);
    let standby = primary.start_standby(replication.address);
    let connect =
        || async { auth(PostgresStore::connect(&url(clients.address)).await.expect("connected")) };
    let (a, b) = (connect().await, connect().await);
    let owner = a.log_in("owner").await.expect("a pair");
    // More than the 32 numbers of a sequence that a promoted standby skips.
    let leavers = log_in_all(&a, "leaver", 60).await;
    let later = log_in_all(&a, "later", 60).await;
    wait_until("the standby has the sessions", Duration::from_secs(10), async || {
        let exist = "select count(*) from pg_class where relname = 'jwt_auth_sessions'";
        number(&standby, exist).await == 1
            && number(&standby, "select count(*) from jwt_auth_sessions").await == 121
    })
    .await;
    // The standby is cut off: what is written now is lost with the primary.
    replication.set_target(NOWHERE);
    replication.stall_connections();
    let token = a.verify_refresh(owner.refresh_token()).await.expect("a valid token");
    let next = a.rotate(token).await.expect("rotated");
    for pair in &leavers {
        log_out(&a, pair).await;
    }
    wait_until("the other node knows the log-outs", Duration::from_secs(5), async || {
        b.verify_access(leavers[59].access_token()).await.is_err()
    })
    .await;
    primary.stop();
    standby.promote();
    // A node that reaches the new primary first writes rows with the numbers of the lost ones.
    let c = auth(PostgresStore::connect(&standby.url()).await.expect("connected"));
    for pair in &later {
        log_out(&c, pair).await;
    }
    clients.set_target(standby.address());
    wait_until("a log-in succeeds", Duration::from_secs(10), async || {
        a.log_in("new").await.is_ok() && b.ready().is_ok()
    })
    .await;
    for pair in &later {
        wait_until("the other node sees every row", Duration::from_secs(5), async || {
            b.verify_access(pair.access_token()).await.is_err()
        })
        .await;
    }
    let token = a.verify_refresh(next.refresh_token()).await.expect("a valid token");
    a.rotate(token).await.expect("the store moves forward");
    // The log-outs are repaired: a node that starts now knows them, and their sessions are gone.
    wait_until("the log-outs are written again", Duration::from_secs(10), async || {
        let sql = "select count(*) from jwt_auth_sessions where subject like 'leaver-%'";
        number(&standby, sql).await == 0
    })
    .await;
    let fresh = connect().await;
    for pair in &leavers {
        let error = fresh.verify_access(pair.access_token()).await.expect_err("logged out");
        assert_eq!(error.kind(), AuthErrorKind::Revoked);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_reads_from_a_standby_is_as_old_as_its_heartbeats() {
    let Some(primary) = PostgresServer::start() else { return };
    let replication = Forwarder::start(primary.address()).await;
    let a = auth(PostgresStore::connect(&primary.url()).await.expect("connected"));
    let standby = primary.start_standby(replication.address);
    let reading = PostgresStore::builder(primary.url()).read_from(standby.url());
    let reading = reading.max_staleness(Duration::from_secs(1)).connect().await;
    let reading = reading.expect("connected");
    store_conformance(&reading).await;
    let b = auth(reading);
    let (first, second) = (a.log_in("alice").await, a.log_in("bob").await);
    let (first, second) = (first.expect("a pair"), second.expect("a pair"));
    log_out(&a, &first).await;
    wait_until("the node sees the log-out", Duration::from_secs(2), async || {
        b.verify_access(first.access_token()).await.is_err()
    })
    .await;
    // The standby answers, and does not follow its primary.
    replication.set_target(NOWHERE);
    replication.stall_connections();
    log_out(&a, &second).await;
    wait_until("the node is stale", Duration::from_secs(3), async || b.ready().is_err()).await;
    let error = b.verify_access(second.access_token()).await.expect_err("stale");
    assert_eq!(error.kind(), AuthErrorKind::Unavailable);
    replication.set_target(primary.address());
    wait_until("the node is ready again", Duration::from_secs(10), async || b.ready().is_ok())
        .await;
    let error = b.verify_access(second.access_token()).await.expect_err("logged out");
    assert_eq!(error.kind(), AuthErrorKind::Revoked);
}
