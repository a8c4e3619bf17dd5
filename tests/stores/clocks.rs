//! Clocks that differ by a minute, and one that is set back: no ended session returns, and no live one is lost.

use std::time::{Duration, SystemTime};

use jwt_auth::session::RevocationStore;
use jwt_auth::{Clock as _, Config, JwtAuth, ManualClock};
use jwt_auth_redis::RedisStore;
use jwt_auth_sqlx::{PostgresStore, SqliteStore};
use tests::postgres::PostgresServer;
use tests::redis::RedisServer;

const MINUTE: Duration = Duration::from_secs(60);

#[allow(clippy::disallowed_methods, reason = "durable stores have clocks of their own")]
fn now() -> SystemTime {
    SystemTime::now()
}

fn node(store: impl RevocationStore, clock: &ManualClock) -> JwtAuth {
    // Two minutes lie between the clocks of two nodes.
    let config = Config::hs256(tests::SECRET).decode_leeway(2 * MINUTE).clock(clock.clone());
    config.revocation(store).build().expect("a valid configuration")
}

async fn rotate(node: &JwtAuth, refresh: &str) -> Result<String, jwt_auth::AuthError> {
    let pair = node.rotate(node.verify_refresh(refresh).await?).await?;
    Ok(pair.refresh_token().to_owned())
}

async fn assert_that_clocks_do_not_matter<S: RevocationStore>(open: impl AsyncFn() -> S) {
    let clocks = [now(), now() + MINUTE, now() - MINUTE].map(ManualClock::new);
    let mut nodes = Vec::new();
    for clock in &clocks {
        nodes.push(node(open().await, clock));
    }
    for (a, logs_in) in nodes.iter().enumerate() {
        for (b, logs_out) in nodes.iter().enumerate() {
            let case = format!("logged in by {a}, logged out by {b}");
            let subject = format!("user-{a}-{b}");
            let pair = logs_in.log_in(&subject).await.expect("a pair");
            // The session is refreshed by every node in turn.
            let mut refresh = pair.refresh_token().to_owned();
            for node in &nodes {
                refresh = rotate(node, &refresh).await.expect(&case);
            }
            logs_out.log_out_everywhere(&subject).await.expect("recorded");
            for node in &nodes {
                assert!(rotate(node, &refresh).await.is_err(), "{case}: it is refreshed");
                let refused = async {
                    while node.verify_access(pair.access_token()).await.is_ok() {
                        tokio::time::sleep(Duration::from_millis(2)).await;
                    }
                };
                tokio::time::timeout(Duration::from_secs(1), refused).await.expect(&case);
            }
            // The next log-in is valid on every node, whichever starts it.
            for node in &nodes {
                let pair = node.log_in(&subject).await.expect("a pair");
                for other in &nodes {
                    other.verify_access(pair.access_token()).await.expect(&case);
                }
                rotate(node, pair.refresh_token()).await.expect(&case);
            }
        }
    }
    // One clock is set back by a minute, and forward again.
    let pair = nodes[0].log_in("set-back").await.expect("a pair");
    clocks[0].set(clocks[0].now() - MINUTE);
    let refresh = rotate(&nodes[0], pair.refresh_token()).await.expect("it continues");
    let other = nodes[0].log_in("set-back").await.expect("a pair");
    clocks[0].set(clocks[0].now() + 2 * MINUTE);
    let refresh = rotate(&nodes[0], &refresh).await.expect("it continues");
    nodes[0].log_out_everywhere("set-back").await.expect("recorded");
    assert!(rotate(&nodes[0], &refresh).await.is_err());
    assert!(rotate(&nodes[0], other.refresh_token()).await.is_err());
}

#[tokio::test]
async fn s3_clocks_do_not_matter_to_postgres() {
    let Some(server) = PostgresServer::start() else { return };
    let open = async || PostgresStore::connect(&server.url()).await.expect("connected");
    assert_that_clocks_do_not_matter(open).await;
}

#[tokio::test]
async fn s3_clocks_do_not_matter_to_redis() {
    let Some(server) = RedisServer::start() else { return };
    let open = async || RedisStore::connect(&server.url()).await.expect("connected");
    assert_that_clocks_do_not_matter(open).await;
}

#[tokio::test]
async fn s3_clocks_do_not_matter_to_sqlite() {
    let folder = tests::folder::Folder::new("clocks");
    let open = async || SqliteStore::open(folder.file()).await.expect("opened");
    assert_that_clocks_do_not_matter(open).await;
}
