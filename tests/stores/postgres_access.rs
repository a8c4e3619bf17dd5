//! `PostgreSQL` as it is deployed: the application's pool, a least-privilege role, a schema, a pooler, and overload.

use std::time::{Duration, Instant};

use jwt_auth::testing::store_conformance;
use jwt_auth::{Config, JwtAuth};
use jwt_auth_sqlx::PostgresStore;
use sqlx::postgres::PgPoolOptions;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};
use tests::postgres::{PgBouncer, PostgresServer};

fn auth(store: PostgresStore) -> JwtAuth {
    Config::hs256(tests::SECRET).revocation(store).build().expect("a valid configuration")
}

async fn run(server: &PostgresServer, sql: &str) {
    let mut connection = PgConnection::connect(&server.url()).await.expect("connected");
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.expect(sql);
}

async fn number(server: &PostgresServer, sql: &'static str) -> i64 {
    let mut connection = PgConnection::connect(&server.url()).await.expect("connected");
    sqlx::query(sql).fetch_one(&mut connection).await.expect("a row").get(0)
}

#[tokio::test]
async fn the_pool_of_the_application_serves_as_well() {
    let Some(server) = PostgresServer::start() else { return };
    let pool = PgPoolOptions::new().max_connections(3).connect(&server.url()).await;
    let pool = pool.expect("connected");
    store_conformance(&PostgresStore::from_pool(pool.clone()).await.expect("connected")).await;
    assert!(pool.acquire().await.is_ok(), "its connections are returned");
}

#[tokio::test]
async fn a_pooler_in_transaction_mode_serves_as_well() {
    let Some(server) = PostgresServer::start() else { return };
    let Some(pooler) = PgBouncer::start(&server) else { return };
    let store = PostgresStore::builder(pooler.url()).behind_pooler().connect().await;
    store_conformance(&store.expect("connected")).await;
    // Two nodes, one of which also listens at the server itself.
    let node = || PostgresStore::builder(pooler.url()).behind_pooler();
    let a = auth(node().connect().await.expect("connected"));
    let b = auth(node().listen_at(server.url()).connect().await.expect("connected"));
    for (writer, reader) in [(&a, &b), (&b, &a)] {
        let pair = writer.log_in("alice").await.expect("a pair");
        reader.verify_access(pair.access_token()).await.expect("a valid token");
        writer.log_out_everywhere("alice").await.expect("recorded");
        let start = Instant::now();
        while reader.verify_access(pair.access_token()).await.is_ok() {
            assert!(start.elapsed() < Duration::from_secs(1), "not within a second");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

#[tokio::test]
async fn s15_a_role_with_the_listed_grants_is_enough_and_connect_finds_a_missing_one() {
    let Some(server) = PostgresServer::start() else { return };
    let builder = PostgresStore::builder(server.url()).schema("auth").table_prefix("shop");
    let migrations = builder.migrations("web");
    run(&server, "create role web login; create schema auth; grant usage on schema auth to web")
        .await;
    let url = server.url().replace("postgres@", "web@");
    let connect = || async {
        let builder = PostgresStore::builder(&url).schema("auth").table_prefix("shop");
        builder.migrate(false).connect().await
    };
    let error = connect().await.expect_err("no tables").to_string();
    assert!(error.contains("apply `PostgresStore::migrations()`"), "{error}");
    run(&server, &migrations).await;
    store_conformance(&connect().await.expect("the grants are enough")).await;
    for missing in [
        "insert on auth.shop_entries",
        "update on auth.shop_entries",
        "delete on auth.shop_entries",
        "usage on sequence auth.shop_seq",
        "insert on auth.shop_beats",
        "update on auth.shop_beats",
        "insert on auth.shop_sessions",
        "delete on auth.shop_sessions",
        "insert on auth.shop_keys",
        "update on auth.shop_keys",
        "update on auth.shop_state",
    ] {
        run(&server, &format!("revoke {missing} from web")).await;
        let error = connect().await.expect_err(missing).to_string();
        assert!(
            error.contains("permission denied") && error.contains("lists the grants"),
            "{missing}: {error}"
        );
        run(&server, &format!("grant {missing} to web")).await;
    }
    assert_eq!(
        number(&server, "select count(*) from auth.shop_entries where key = '[\"probe\"]'").await,
        0
    );
}

#[tokio::test]
async fn s18_an_idle_node_holds_two_connections_and_asks_four_times_a_second() {
    let Some(server) = PostgresServer::start() else { return };
    let node = auth(PostgresStore::connect(&server.url()).await.expect("connected"));
    for n in 0..50 {
        node.log_in(format!("user-{n}")).await.expect("a pair");
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let transactions = "select xact_commit from pg_stat_database where datname = 'postgres'";
    let before = number(&server, transactions).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let during = number(&server, transactions).await - before;
    // The two queries of this test, and their connections, count as well.
    assert!(during <= 3 * 4 + 10, "{during} transactions in three seconds");
    drop(node);
}
