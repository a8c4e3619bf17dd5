//! `PostgreSQL`: several nodes on one server, restarts, standbys, and malformed data.

use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant, SystemTime};

use jwt_auth::session::{
    NewSession, Registered, Revocation, RevocationStore, RotationOutcome, RotationRequest, Session,
    StoreError, TokenStatus,
};
use jwt_auth::testing::store_conformance;
use jwt_auth::{AuthError, AuthErrorKind, Config, JwtAuth, TokenIdentity};
use jwt_auth_sqlx::PostgresStore;
use sqlx::{Connection as _, PgConnection, Row as _};
use tests::postgres::PostgresServer;

use crate::redis_faults::Forwarder;

/// A revocation by one node reaches the other within this time.
const SOON: Duration = Duration::from_secs(1);

/// The server that the tests share. It stops with the last test that uses it.
fn server() -> Option<Arc<PostgresServer>> {
    static SHARED: Mutex<Weak<PostgresServer>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(server) = shared.upgrade() {
        return Some(server);
    }
    let server = Arc::new(PostgresServer::start()?);
    *shared = Arc::downgrade(&server);
    Some(server)
}

async fn store(server: &PostgresServer, prefix: &str) -> PostgresStore {
    let store = PostgresStore::builder(server.url()).table_prefix(prefix).connect().await;
    store.expect("connected")
}

fn auth(store: impl RevocationStore) -> JwtAuth {
    Config::hs256(tests::SECRET).revocation(store).build().expect("a valid configuration")
}

async fn node(server: &PostgresServer, prefix: &str) -> JwtAuth {
    auth(store(server, prefix).await)
}

async fn open_connection(server: &PostgresServer) -> PgConnection {
    PgConnection::connect(&server.url()).await.expect("connected")
}

async fn run(connection: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql)).execute(connection).await.expect(sql);
}

fn is_kind(outcome: Result<impl Sized, AuthError>, kind: AuthErrorKind) -> bool {
    outcome.is_err_and(|error| error.kind() == kind)
}

/// Waits until a node refuses a token with this error kind, and returns how long it took.
async fn wait_for_refusal(auth: &JwtAuth, token: &str, kind: AuthErrorKind) -> Duration {
    let start = Instant::now();
    while !is_kind(auth.verify_access(token).await, kind) {
        assert!(start.elapsed() < SOON, "not {kind:?} within a second");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    start.elapsed()
}

async fn session_id(auth: &JwtAuth, token: &str) -> String {
    let token = auth.verify_access(token).await.expect("a valid token");
    token.session_id().expect("a session").to_owned()
}

/// A store that records the outcome of each rotation.
struct Recording(PostgresStore, Arc<Mutex<Vec<RotationOutcome>>>);

impl RevocationStore for Recording {
    fn check(&self, token: &TokenIdentity<'_>, now: SystemTime) -> Result<TokenStatus, StoreError> {
        self.0.check(token, now)
    }

    async fn revoke(&self, revocation: Revocation<'_>, now: SystemTime) -> Result<(), StoreError> {
        self.0.revoke(revocation, now).await
    }

    async fn rotate(&self, request: RotationRequest<'_>) -> Result<RotationOutcome, StoreError> {
        let outcome = self.0.rotate(request).await?;
        self.1.lock().expect("no panic").push(outcome.clone());
        Ok(outcome)
    }

    async fn register(&self, session: NewSession<'_>) -> Result<Registered, StoreError> {
        self.0.register(session).await
    }

    async fn sessions(&self, subject: &str, now: SystemTime) -> Result<Vec<Session>, StoreError> {
        self.0.sessions(subject, now).await
    }
}

#[tokio::test]
async fn postgres_passes_the_conformance_suite() {
    let Some(server) = server() else { return };
    let store = store(&server, "Conformance").await;
    store_conformance(&store).await;
    store_conformance(&store).await;
    assert!(!format!("{store:?}").contains("127.0.0.1"), "{store:?}");
}

#[tokio::test]
async fn a_revocation_by_one_node_reaches_the_other() {
    let Some(server) = server() else { return };
    let (a, b) = (node(&server, "two_nodes").await, node(&server, "two_nodes").await);
    let mut waited = Duration::ZERO;
    for _ in 0..10 {
        let pair = a.log_in("alice").await.expect("a pair");
        let token = b.verify_access(pair.access_token()).await.expect("a valid token");
        a.log_out(token).await.expect("recorded");
        waited += wait_for_refusal(&b, pair.access_token(), AuthErrorKind::Revoked).await;
    }
    // Without notifications each of the ten would wait for the next heartbeat, up to 250 ms.
    assert!(
        waited < Duration::from_millis(1_500),
        "a notification wakes the other node: {waited:?}"
    );
    assert!(b.sessions("alice").await.expect("an answer").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_presentations_on_two_nodes_exactly_one_is_rotated() {
    let Some(server) = server() else { return };
    let outcomes = Arc::new(Mutex::new(Vec::new()));
    let recording_node =
        async || auth(Recording(store(&server, "many").await, Arc::clone(&outcomes)));
    let nodes = [recording_node().await, recording_node().await];
    for is_registered in [true, false] {
        let refresh = if is_registered {
            nodes[0].log_in("alice").await.expect("a pair").refresh_token().to_owned()
        } else {
            // The store does not know the session: the first presentation starts it.
            nodes[0].refresh_token("alice").issue().expect("a token").as_str().to_owned()
        };
        outcomes.lock().expect("no panic").clear();
        let presented: Vec<_> = (0..32)
            .map(|n| {
                let (auth, refresh) = (nodes[n % 2].clone(), refresh.clone());
                tokio::spawn(async move {
                    // More calls wait than a node has connections. 503 uses no token up.
                    loop {
                        let token = auth.verify_refresh(&refresh).await.expect("a valid token");
                        match auth.rotate(token).await {
                            Err(error) if error.kind() == AuthErrorKind::Unavailable => {}
                            other => {
                                return other
                                    .expect("the same successor")
                                    .refresh_token()
                                    .to_owned();
                            }
                        }
                    }
                })
            })
            .collect();
        let mut successors = Vec::new();
        for one in presented {
            let successor = one.await.expect("no panic");
            let token = nodes[0].verify_refresh(&successor).await.expect("a valid token");
            successors.push(token.identity().id().expect("an id").to_owned());
        }
        successors.dedup();
        assert_eq!(successors.len(), 1, "all get the same successor");
        let outcomes = outcomes.lock().expect("no panic");
        let rotated =
            outcomes.iter().filter(|one| matches!(one, RotationOutcome::Rotated { .. })).count();
        let replayed =
            outcomes.iter().filter(|one| matches!(one, RotationOutcome::Replayed { .. })).count();
        assert_eq!((rotated, rotated + replayed), (1, outcomes.len()), "{outcomes:?}");
    }
}

#[tokio::test]
async fn a_reuse_on_one_node_ends_the_session_on_both() {
    let Some(server) = server() else { return };
    let (a, b) = (node(&server, "reuse").await, node(&server, "reuse").await);
    let first = a.log_in("alice").await.expect("a pair");
    let mut pair = first.clone();
    for auth in [&a, &b] {
        let token = auth.verify_refresh(pair.refresh_token()).await.expect("a valid token");
        pair = auth.rotate(token).await.expect("rotated");
    }
    let stolen = b.verify_refresh(first.refresh_token()).await.expect("a valid token");
    assert!(is_kind(b.rotate(stolen).await, AuthErrorKind::RefreshTokenReused));
    assert!(is_kind(b.verify_access(pair.access_token()).await, AuthErrorKind::Revoked));
    wait_for_refusal(&a, pair.access_token(), AuthErrorKind::Revoked).await;
}

#[tokio::test]
async fn a_node_starts_with_every_earlier_revocation() {
    let Some(server) = server() else { return };
    let a = node(&server, "before").await;
    let pair = a.log_in("alice").await.expect("a pair");
    let token = a.verify_access(pair.access_token()).await.expect("a valid token");
    a.log_out(token).await.expect("recorded");
    // More rows than one read returns, all written within the window that is read again.
    let mut connection = open_connection(&server).await;
    let many = "insert into before_entries (key, before, until)
        select '[\"token\",null,\"' || n || '\"]', 0, 9999999999 from generate_series(1, 25000) as n;
        insert into before_entries (key, before, until) values ('[\"subject\",\"last\"]', 9999999999999, 9999999999)";
    let last = a.access_token("last").issue().expect("a token");
    run(&mut connection, many).await;
    let b = node(&server, "before").await;
    assert!(is_kind(b.verify_access(pair.access_token()).await, AuthErrorKind::Revoked));
    assert!(is_kind(b.verify_access(&last).await, AuthErrorKind::Revoked), "the last row too");
    let pair = a.log_in("bob").await.expect("a pair");
    let token = a.verify_access(pair.access_token()).await.expect("a valid token");
    let entry = format!(
        "insert into before_entries (key, before, until) values ('[\"token\",null,\"{}\"]', 0, 9999999999)",
        token.identity().id().expect("an id")
    );
    run(&mut connection, &entry).await;
    wait_for_refusal(&b, pair.access_token(), AuthErrorKind::Revoked).await;
}

#[tokio::test]
async fn nodes_that_migrate_at_once_all_start() {
    let Some(server) = server() else { return };
    let nodes: Vec<_> = (0..8)
        .map(|_| {
            let server = Arc::clone(&server);
            tokio::spawn(async move { node(&server, "at_once").await })
        })
        .collect();
    for node in nodes {
        let node = node.await.expect("no panic");
        node.log_in("alice").await.expect("a pair");
    }
    let mut connection = open_connection(&server).await;
    let rows = sqlx::query("select version from at_once_state").fetch_all(&mut connection).await;
    let rows = rows.expect("rows");
    assert_eq!(rows.iter().map(|row| row.get::<i32, _>(0)).collect::<Vec<_>>(), [1]);
}

#[tokio::test]
async fn tables_of_a_newer_release_invalid_prefixes_and_refused_connections_are_errors() {
    let Some(server) = server() else { return };
    drop(store(&server, "newer").await);
    run(&mut open_connection(&server).await, "update newer_state set version = 2").await;
    let connect = async |prefix: &str| {
        let store = PostgresStore::builder(server.url()).table_prefix(prefix).connect().await;
        store.expect_err("refused").to_string()
    };
    let error = connect("newer").await;
    assert!(error.contains("of version 2, and this release knows version 1 and older"), "{error}");
    let error = connect("a; drop table x").await;
    assert!(error.contains("invalid table prefix `a; drop table x`"), "{error}");
    let unused = "postgres://app:hunter2@127.0.0.1:1/app";
    let error = PostgresStore::connect(unused).await.expect_err("no server").to_string();
    assert!(error.contains("refused") && !error.contains("hunter2"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_restart_is_503_and_loses_no_revocation() {
    let Some(mut server) = PostgresServer::start() else { return };
    let stale = Duration::from_millis(600);
    let store = PostgresStore::builder(server.url()).max_staleness(stale).connect().await;
    let auth = auth(store.expect("connected"));
    let valid = auth.log_in("alice").await.expect("a pair");
    let revoked = auth.log_in("mallory").await.expect("a pair");
    let token = auth.verify_access(revoked.access_token()).await.expect("a valid token");
    auth.log_out(token).await.expect("recorded");
    for _ in 0..2 {
        server.stop();
        let stopped = Instant::now();
        while auth.verify_access(valid.access_token()).await.is_ok() {
            assert!(
                auth.verify_access(revoked.access_token()).await.is_err(),
                "a revoked token is never admitted"
            );
            assert!(stopped.elapsed() < stale + Duration::from_millis(400), "not 503 in time");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(is_kind(
            auth.verify_access(revoked.access_token()).await,
            AuthErrorKind::Unavailable
        ));
        assert!(is_kind(
            auth.verify_access(valid.access_token()).await,
            AuthErrorKind::Unavailable
        ));
        assert!(is_kind(auth.log_in("bob").await, AuthErrorKind::Unavailable));
        server.restart();
        let restarted = Instant::now();
        while auth.verify_access(valid.access_token()).await.is_err() {
            assert!(restarted.elapsed() < SOON, "not back within a second");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(is_kind(auth.verify_access(revoked.access_token()).await, AuthErrorKind::Revoked));
        auth.log_in("bob").await.expect("a pair");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_is_refused_as_a_store() {
    let Some(mut server) = PostgresServer::start() else { return };
    let (store, auth) = (store(&server, "a_").await, node(&server, "a_").await);
    let pair = auth.log_in("alice").await.expect("a pair");
    let token = auth.verify_access(pair.access_token()).await.expect("a valid token");
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(tests::NOW);
    assert!(store.check_strict(&token.identity(), now).await.is_ok());
    server.demote();
    let recovers = sqlx::query("select pg_is_in_recovery()")
        .fetch_one(&mut open_connection(&server).await)
        .await;
    assert!(recovers.expect("a row").get::<bool, _>(0), "the server is a standby");
    for _ in 0..5 {
        assert!(store.check_strict(&token.identity(), now).await.is_err(), "a strict look-up");
    }
    let late = PostgresStore::builder(server.url()).table_prefix("a_").connect().await;
    assert!(late.is_err(), "a node does not start on it");
}

#[tokio::test]
async fn s17_a_late_commit_is_not_missed() {
    let Some(server) = server() else { return };
    let (a, b) = (node(&server, "late").await, node(&server, "late").await);
    let early = a.log_in("alice").await.expect("a pair");
    let late = a.log_in("bob").await.expect("a pair");
    let mut connection = open_connection(&server).await;
    let entry = format!(
        "begin; insert into late_entries (key, before, until) values ('[\"session\",\"{}\"]', 0, 9999999999)",
        session_id(&a, late.access_token()).await
    );
    run(&mut connection, &entry).await;
    let token = a.verify_access(early.access_token()).await.expect("a valid token");
    a.log_out(token).await.expect("recorded");
    wait_for_refusal(&b, early.access_token(), AuthErrorKind::Revoked).await;
    let numbers =
        sqlx::query("select max(seq), (select last_value from late_seq) from late_entries")
            .fetch_one(&mut connection)
            .await
            .expect("a row");
    assert_eq!(
        numbers.get::<i64, _>(0),
        numbers.get::<i64, _>(1),
        "b has read past the number of the late row"
    );
    b.verify_access(late.access_token()).await.expect("not committed yet");
    run(&mut connection, "commit").await;
    wait_for_refusal(&b, late.access_token(), AuthErrorKind::Revoked).await;
    wait_for_refusal(&a, late.access_token(), AuthErrorKind::Revoked).await;
}

#[tokio::test]
async fn malformed_rows_are_ignored() {
    let Some(server) = server() else { return };
    let a = node(&server, "odd").await;
    let pair = a.log_in("alice").await.expect("a pair");
    let id = session_id(&a, pair.access_token()).await;
    let mut connection = open_connection(&server).await;
    let rows = format!(
        "insert into odd_entries (key, before, until) values
            ('', 0, 9999999999), ('x', 0, 9999999999), ('[\"session\"', 0, 9999999999),
            ('[\"tenant\",\"x\"]', 0, 9999999999), ('[\"all\"]', -5, 9999999999),
            ('[\"subject\",\"alice\"]', 9999999999, -1), ('[\"session\",\"{id}\"]', 0, -1);
        insert into odd_entries (key, before, until, seq) values
            ('[\"key\",\"k\"]', -9223372036854775808, -9223372036854775808, -7);
        insert into odd_sessions values
            ('half', 'alice', null, '', '', -1, -1, -9223372036854775808, -1, -1, false, 0),
            ('far', 'alice', null, '', '', -1, 99999999999, -1, 9223372036854775807, 9223372036854775807, true, 2147483647);"
    );
    run(&mut connection, &rows).await;
    let b = node(&server, "odd").await;
    for auth in [&a, &b] {
        auth.verify_access(pair.access_token()).await.expect("a valid token");
        assert_eq!(auth.sessions("alice").await.expect("an answer").len(), 2);
        let next = auth.log_in("bob").await.expect("a pair");
        let token = auth.verify_refresh(next.refresh_token()).await.expect("a valid token");
        auth.rotate(token).await.expect("rotated");
    }
    a.revoke_session(&id).await.expect("recorded");
    wait_for_refusal(&b, pair.access_token(), AuthErrorKind::Revoked).await;
}

#[tokio::test]
async fn s8_pruning_deletes_expired_records_only() {
    let Some(server) = server() else { return };
    let store = store(&server, "pruned").await;
    let mut connection = open_connection(&server).await;
    let rows = "insert into pruned_entries (key, before, until)
            select '[\"key\",\"' || n || '\"]', 0, n from generate_series(1, 3000) as n;
        insert into pruned_entries (key, before, until)
            select '[\"key\",\"recent-' || n || '\"]', 0, extract(epoch from now())::bigint - 86000
            from generate_series(1, 500) as n;
        insert into pruned_sessions
            select n::text, 'alice', null, 'a', '', 0, 0, 0, n, n, false, 2 from generate_series(1, 1500) as n;
        insert into pruned_sessions
            values ('recent', 'alice', null, 'a', '', 0, 0, 0, 9, 9, false, extract(epoch from now())::bigint / 86400);";
    run(&mut connection, rows).await;
    let far_ahead = SystemTime::UNIX_EPOCH + Duration::from_secs(99_999_999_999);
    for (now, count) in [(SystemTime::UNIX_EPOCH, 4_500), (far_ahead, 0)] {
        let pruned = store.prune(now).await.expect("pruned");
        assert_eq!(pruned, count, "by the clock of the server, and a day late");
    }
    for (table, count) in [("entries", 500), ("sessions", 1)] {
        let left = sqlx::query(sqlx::AssertSqlSafe(format!("select count(*) from pruned_{table}")))
            .fetch_one(&mut connection)
            .await
            .expect("a row");
        assert_eq!(left.get::<i64, _>(0), count, "{table}");
    }
}

#[tokio::test]
async fn a_node_without_its_listener_reads_within_a_heartbeat() {
    let Some(server) = server() else { return };
    let (a, b) = (node(&server, "deaf").await, node(&server, "deaf").await);
    let mut connection = open_connection(&server).await;
    for _ in 0..3 {
        let pair = a.log_in("alice").await.expect("a pair");
        let token = a.verify_access(pair.access_token()).await.expect("a valid token");
        let terminate = "select pg_terminate_backend(pid) from pg_stat_activity where query like 'LISTEN \"deaf%'";
        // A listener connects again after a while, which is longer on a busy machine.
        let start = Instant::now();
        while sqlx::query(terminate).fetch_all(&mut connection).await.expect("rows").is_empty() {
            assert!(start.elapsed() < Duration::from_secs(30), "the nodes have listeners");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        a.log_out(token).await.expect("recorded");
        wait_for_refusal(&b, pair.access_token(), AuthErrorKind::Revoked).await;
    }
}

#[tokio::test]
async fn silently_dead_connections_are_replaced() {
    let Some(server) = server() else { return };
    let forwarder = Forwarder::start(server.address()).await;
    let url = format!("postgres://postgres@{}/postgres", forwarder.address);
    let store = PostgresStore::builder(url).table_prefix("died").connect().await;
    let auth = auth(store.expect("connected"));
    // More calls wait than the node has connections, and then the connections die.
    let mut connection = open_connection(&server).await;
    run(&mut connection, "begin; lock table died_sessions").await;
    let waiting = (0..16).map(|_| {
        let auth = auth.clone();
        tokio::spawn(async move { auth.log_in("alice").await })
    });
    for one in waiting.collect::<Vec<_>>() {
        assert!(is_kind(one.await.expect("no panic"), AuthErrorKind::Unavailable));
    }
    forwarder.stall_connections();
    run(&mut connection, "rollback").await;
    let back = async { while auth.log_in("bob").await.is_err() {} };
    tokio::time::timeout(5 * SOON, back).await.expect("log-ins are back");
}

#[tokio::test]
async fn dropping_the_store_closes_its_listener() {
    let Some(server) = server() else { return };
    let (store, mut connection) = (store(&server, "leaves").await, open_connection(&server).await);
    let mut count_listeners = async || {
        let listen = "select 1 from pg_stat_activity where query like 'LISTEN \"leaves%'";
        sqlx::query(listen).fetch_all(&mut connection).await.expect("rows").len()
    };
    let start = Instant::now();
    let mut wait_until = async |count| {
        while count_listeners().await != count {
            assert!(start.elapsed() < 2 * SOON, "not {count} listeners");
        }
    };
    wait_until(1).await;
    drop(store);
    wait_until(0).await;
}

#[test]
fn a_store_may_outlive_its_runtime() {
    let Some(server) = server() else { return };
    for threads in [true, false] {
        let mut builder = if threads {
            tokio::runtime::Builder::new_multi_thread()
        } else {
            tokio::runtime::Builder::new_current_thread()
        };
        let runtime = builder.enable_all().build().expect("a runtime");
        let store = runtime.block_on(store(&server, "outlives"));
        drop(runtime);
        drop(store);
    }
}

#[tokio::test]
async fn a_log_in_after_log_out_everywhere_is_valid() {
    let Some(server) = server() else { return };
    let (a, b) = (node(&server, "password").await, node(&server, "password").await);
    crate::assert_that_a_log_in_after_log_out_everywhere_is_valid(&a, &b).await;
}
