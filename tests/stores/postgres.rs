//! `PostgreSQL`.

use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant, SystemTime};

use jwt_auth::testing::store_conformance;
use jwt_auth::{
    AuthError, AuthErrorKind, Config, JwtAuth, NewSession, PostgresStore, Revocation,
    RevocationStore, Rotate, Rotation, Session, Standing, StoreError, TokenIdentity,
};
use sqlx::{Connection as _, PgConnection, Row as _};
use tests::postgres::PostgresServer;

use crate::redis_faults::Name;

/// What one node does, the other knows within this time.
const SOON: Duration = Duration::from_secs(1);

/// The server that the tests share; it goes with the last test that holds it.
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
    Config::hs256(tests::SECRET).revocation(store).build().expect("good")
}

async fn node(server: &PostgresServer, prefix: &str) -> JwtAuth {
    auth(store(server, prefix).await)
}

async fn raw(server: &PostgresServer) -> PgConnection {
    PgConnection::connect(&server.url()).await.expect("connected")
}

async fn run(connection: &mut PgConnection, sql: &str) {
    sqlx::raw_sql(sql).execute(connection).await.expect(sql);
}

fn is(outcome: Result<impl Sized, AuthError>, kind: AuthErrorKind) -> bool {
    outcome.is_err_and(|error| error.kind() == kind)
}

/// Waits until a node refuses a token for that reason, and says how long it took.
async fn refused(auth: &JwtAuth, token: &str, kind: AuthErrorKind) -> Duration {
    let began = Instant::now();
    while !is(auth.verify_access(token).await, kind) {
        assert!(began.elapsed() < SOON, "not {kind:?} within a second");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    began.elapsed()
}

async fn family(auth: &JwtAuth, token: &str) -> String {
    let token = auth.verify_access(token).await.expect("good");
    token.identity().family().expect("a family").to_owned()
}

/// A store that writes down how rotations ended.
struct Counted(PostgresStore, Arc<Mutex<Vec<Rotation>>>);

impl RevocationStore for Counted {
    fn standing(&self, token: &TokenIdentity<'_>, now: SystemTime) -> Result<Standing, StoreError> {
        self.0.standing(token, now)
    }

    async fn revoke(&self, revocation: Revocation<'_>, now: SystemTime) -> Result<(), StoreError> {
        self.0.revoke(revocation, now).await
    }

    async fn rotate(&self, request: Rotate<'_>) -> Result<Rotation, StoreError> {
        let rotation = self.0.rotate(request).await?;
        self.1.lock().expect("no panic").push(rotation.clone());
        Ok(rotation)
    }

    async fn begin(&self, session: NewSession<'_>) -> Result<(), StoreError> {
        self.0.begin(session).await
    }

    async fn sessions(&self, subject: &str, now: SystemTime) -> Result<Vec<Session>, StoreError> {
        self.0.sessions(subject, now).await
    }
}

#[tokio::test]
async fn it_conforms() {
    let Some(server) = server() else { return };
    let store = store(&server, "Conformance").await;
    store_conformance(&store).await;
    store_conformance(&store).await;
    assert!(!format!("{store:?}").contains("127.0.0.1"), "{store:?}");
}

#[tokio::test]
async fn what_one_node_takes_back_the_other_refuses() {
    let Some(server) = server() else { return };
    let (a, b) = (node(&server, "two_nodes").await, node(&server, "two_nodes").await);
    let mut waited = Duration::ZERO;
    for _ in 0..10 {
        let pair = a.log_in("alice").await.expect("a pair");
        let token = b.verify_access(pair.access_token()).await.expect("good");
        a.log_out(token).await.expect("held");
        waited += refused(&b, pair.access_token(), AuthErrorKind::Revoked).await;
    }
    // Without notifications each of the ten would wait for the next beat, 250 ms away.
    assert!(
        waited < Duration::from_millis(1_500),
        "a notification wakes the other node: {waited:?}"
    );
    assert!(b.sessions("alice").await.expect("an answer").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_presentations_on_two_nodes_one_is_rotated() {
    let Some(server) = server() else { return };
    let outcomes = Arc::new(Mutex::new(Vec::new()));
    let counted = async || auth(Counted(store(&server, "many").await, Arc::clone(&outcomes)));
    let nodes = [counted().await, counted().await];
    for known in [true, false] {
        let refresh = if known {
            nodes[0].log_in("alice").await.expect("a pair").refresh_token().to_owned()
        } else {
            // A family that no store has seen: the first presentation begins it.
            nodes[0].refresh_token("alice").issue().expect("a token")
        };
        outcomes.lock().expect("no panic").clear();
        let presented: Vec<_> = (0..32)
            .map(|n| {
                let (auth, refresh) = (nodes[n % 2].clone(), refresh.clone());
                tokio::spawn(async move {
                    // More wait at once than a node has connections: 503 is an answer, and uses nothing up.
                    loop {
                        let token = auth.verify_refresh(&refresh).await.expect("good");
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
            let token = nodes[0].verify_refresh(&successor).await.expect("good");
            successors.push(token.identity().id().expect("an id").to_owned());
        }
        successors.dedup();
        assert_eq!(successors.len(), 1, "and all get the same successor");
        let outcomes = outcomes.lock().expect("no panic");
        let rotated = outcomes.iter().filter(|one| matches!(one, Rotation::Rotated { .. })).count();
        let replayed =
            outcomes.iter().filter(|one| matches!(one, Rotation::Replayed { .. })).count();
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
        let token = auth.verify_refresh(pair.refresh_token()).await.expect("good");
        pair = auth.rotate(token).await.expect("rotated");
    }
    let stolen = b.verify_refresh(first.refresh_token()).await.expect("good");
    assert!(is(b.rotate(stolen).await, AuthErrorKind::RefreshTokenReused));
    assert!(is(b.verify_access(pair.access_token()).await, AuthErrorKind::Revoked));
    refused(&a, pair.access_token(), AuthErrorKind::Revoked).await;
}

#[tokio::test]
async fn a_node_starts_with_what_was_taken_back_before() {
    let Some(server) = server() else { return };
    let a = node(&server, "before").await;
    let pair = a.log_in("alice").await.expect("a pair");
    let token = a.verify_access(pair.access_token()).await.expect("good");
    a.log_out(token).await.expect("held");
    // More than one read brings, in one second and so in the trailing window.
    let mut raw = raw(&server).await;
    let many = "insert into before_entries (key, before, until)
        select '[\"token\",null,\"' || n || '\"]', 0, 9999999999 from generate_series(1, 25000) as n;
        insert into before_entries (key, before, until) values ('[\"subject\",\"last\"]', 9999999999, 9999999999)";
    let last = a.access_token("last").issue().expect("a token");
    run(&mut raw, many).await;
    let b = node(&server, "before").await;
    assert!(is(b.verify_access(pair.access_token()).await, AuthErrorKind::Revoked));
    assert!(is(b.verify_access(&last).await, AuthErrorKind::Revoked), "what was written last too");
    let pair = a.log_in("bob").await.expect("a pair");
    let token = a.verify_access(pair.access_token()).await.expect("good");
    let entry = format!(
        "insert into before_entries (key, before, until) values ('[\"token\",null,\"{}\"]', 0, 9999999999)",
        token.identity().id().expect("an id")
    );
    run(&mut raw, &entry).await;
    refused(&b, pair.access_token(), AuthErrorKind::Revoked).await;
}

#[tokio::test]
async fn nodes_that_start_at_once_all_come_up() {
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
    let mut raw = raw(&server).await;
    let rows = sqlx::query("select version from at_once_version").fetch_all(&mut raw).await;
    let rows = rows.expect("rows");
    assert_eq!(rows.iter().map(|row| row.get::<i32, _>(0)).collect::<Vec<_>>(), [1]);
}

#[tokio::test]
async fn tables_of_a_newer_release_and_odd_prefixes_are_refused_with_words() {
    let Some(server) = server() else { return };
    drop(store(&server, "newer").await);
    run(&mut raw(&server).await, "update newer_version set version = 2").await;
    let connect = async |prefix: &str| {
        let store = PostgresStore::builder(server.url()).table_prefix(prefix).connect().await;
        store.expect_err("refused").to_string()
    };
    let said = connect("newer").await;
    assert!(said.contains("of version 2, and this release knows version 1 and older"), "{said}");
    let said = connect("a; drop table x").await;
    assert!(said.contains("`a; drop table x` is no table prefix"), "{said}");
    let nobody = "postgres://app:hunter2@127.0.0.1:1/app";
    let said = PostgresStore::connect(nobody).await.expect_err("nobody is there").to_string();
    assert!(said.contains("refused") && !said.contains("hunter2"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_of_the_server_is_503_and_nothing_is_forgotten() {
    let Some(mut server) = PostgresServer::start() else { return };
    let stale = Duration::from_millis(600);
    let store = PostgresStore::builder(server.url()).max_staleness(stale).connect().await;
    let auth = auth(store.expect("connected"));
    let good = auth.log_in("alice").await.expect("a pair");
    let bad = auth.log_in("mallory").await.expect("a pair");
    let token = auth.verify_access(bad.access_token()).await.expect("good");
    auth.log_out(token).await.expect("held");
    for _ in 0..2 {
        server.stop();
        let stopped = Instant::now();
        while auth.verify_access(good.access_token()).await.is_ok() {
            assert!(auth.verify_access(bad.access_token()).await.is_err(), "never let in");
            assert!(stopped.elapsed() < stale + Duration::from_millis(400), "not 503 in time");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(is(auth.verify_access(bad.access_token()).await, AuthErrorKind::Unavailable));
        assert!(is(auth.verify_access(good.access_token()).await, AuthErrorKind::Unavailable));
        assert!(is(auth.log_in("bob").await, AuthErrorKind::Unavailable));
        server.start_again();
        let back = Instant::now();
        while auth.verify_access(good.access_token()).await.is_err() {
            assert!(back.elapsed() < SOON, "not back within a second");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(is(auth.verify_access(bad.access_token()).await, AuthErrorKind::Revoked));
        auth.log_in("bob").await.expect("a pair");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_vouches_for_nothing() {
    let Some(mut server) = PostgresServer::start() else { return };
    let (asked, auth) = (store(&server, "a_").await, node(&server, "a_").await);
    let pair = auth.log_in("alice").await.expect("a pair");
    let token = auth.verify_access(pair.access_token()).await.expect("good");
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(tests::NOW);
    assert!(asked.ask(&token.identity(), now).await.is_ok());
    server.demote();
    let recovers =
        sqlx::query("select pg_is_in_recovery()").fetch_one(&mut raw(&server).await).await;
    assert!(recovers.expect("it reads").get::<bool, _>(0), "it is a standby that answers");
    for _ in 0..5 {
        assert!(asked.ask(&token.identity(), now).await.is_err(), "a strict look-up");
    }
    let late = PostgresStore::builder(server.url()).table_prefix("a_").connect().await;
    assert!(late.is_err(), "nor does a node start on it");
}

#[tokio::test]
async fn what_is_committed_late_is_not_missed() {
    let Some(server) = server() else { return };
    let (a, b) = (node(&server, "late").await, node(&server, "late").await);
    let early = a.log_in("alice").await.expect("a pair");
    let late = a.log_in("bob").await.expect("a pair");
    let mut raw = raw(&server).await;
    let entry = format!(
        "begin; insert into late_entries (key, before, until) values ('[\"family\",\"{}\"]', 0, 9999999999)",
        family(&a, late.access_token()).await
    );
    run(&mut raw, &entry).await;
    let token = a.verify_access(early.access_token()).await.expect("good");
    a.log_out(token).await.expect("held");
    refused(&b, early.access_token(), AuthErrorKind::Revoked).await;
    let numbers =
        sqlx::query("select max(seq), (select last_value from late_seq) from late_entries")
            .fetch_one(&mut raw)
            .await
            .expect("a row");
    assert_eq!(numbers.get::<i64, _>(0), numbers.get::<i64, _>(1), "b stands behind the late one");
    b.verify_access(late.access_token()).await.expect("not yet");
    run(&mut raw, "commit").await;
    refused(&b, late.access_token(), AuthErrorKind::Revoked).await;
    refused(&a, late.access_token(), AuthErrorKind::Revoked).await;
}

#[tokio::test]
async fn odd_rows_are_passed_over() {
    let Some(server) = server() else { return };
    let a = node(&server, "odd").await;
    let pair = a.log_in("alice").await.expect("a pair");
    let family = family(&a, pair.access_token()).await;
    let mut raw = raw(&server).await;
    let rows = format!(
        "insert into odd_entries (key, before, until) values
            ('', 0, 9999999999), ('x', 0, 9999999999), ('[\"family\"', 0, 9999999999),
            ('[\"tenant\",\"x\"]', 0, 9999999999), ('[\"all\"]', -5, 9999999999),
            ('[\"subject\",\"alice\"]', 9999999999, -1), ('[\"family\",\"{family}\"]', 0, -1);
        insert into odd_entries (key, before, until, seq) values
            ('[\"key\",\"k\"]', -9223372036854775808, -9223372036854775808, -7);
        insert into odd_families values
            ('half', 'alice', null, '', '', -1, -9223372036854775808, -1),
            ('far', 'alice', null, '', '', -1, -1, 9223372036854775807);"
    );
    run(&mut raw, &rows).await;
    let b = node(&server, "odd").await;
    for auth in [&a, &b] {
        auth.verify_access(pair.access_token()).await.expect("good");
        assert_eq!(auth.sessions("alice").await.expect("an answer").len(), 2);
        let next = auth.log_in("bob").await.expect("a pair");
        let token = auth.verify_refresh(next.refresh_token()).await.expect("good");
        auth.rotate(token).await.expect("rotated");
    }
    a.revoke_family(&family).await.expect("held");
    refused(&b, pair.access_token(), AuthErrorKind::Revoked).await;
}

#[tokio::test]
async fn the_dead_are_thrown_out_and_none_of_the_living() {
    let Some(server) = server() else { return };
    let store = store(&server, "pruned").await;
    let mut raw = raw(&server).await;
    let rows = "insert into pruned_entries (key, before, until)
            select '[\"key\",\"' || n || '\"]', 0, n from generate_series(1, 3500) as n;
        insert into pruned_families
            select n::text, 'alice', null, 'a', '', 0, 0, n from generate_series(1, 1500) as n;";
    run(&mut raw, rows).await;
    let day = Duration::from_secs(24 * 60 * 60);
    let at = |second| SystemTime::UNIX_EPOCH + day + Duration::from_secs(second);
    assert_eq!(store.prune(at(0)).await.expect("pruned"), 0);
    assert_eq!(
        store.prune(at(1)).await.expect("pruned"),
        999,
        "families that ended within a second"
    );
    assert_eq!(store.prune(at(3_001)).await.expect("pruned"), 3_000 + 501);
    let left = sqlx::query("select min(until), count(*) from pruned_entries");
    let left = left.fetch_one(&mut raw).await.expect("a row");
    assert_eq!((left.get::<i64, _>(0), left.get::<i64, _>(1)), (3_001, 500));
}

#[tokio::test]
async fn a_node_without_its_listener_hears_within_a_beat() {
    let Some(server) = server() else { return };
    let (a, b) = (node(&server, "deaf").await, node(&server, "deaf").await);
    let mut raw = raw(&server).await;
    for _ in 0..3 {
        let pair = a.log_in("alice").await.expect("a pair");
        let token = a.verify_access(pair.access_token()).await.expect("good");
        let deaf = "select pg_terminate_backend(pid) from pg_stat_activity where query like 'LISTEN \"deaf%'";
        let ended = sqlx::query(deaf).fetch_all(&mut raw).await.expect("rows");
        assert!(!ended.is_empty(), "they listen");
        a.log_out(token).await.expect("held");
        refused(&b, pair.access_token(), AuthErrorKind::Revoked).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

#[tokio::test]
async fn connections_that_died_without_a_word_are_given_up() {
    let Some(server) = server() else { return };
    let name = Name::of(server.at()).await;
    let url = format!("postgres://postgres@{}/postgres", name.at);
    let store = PostgresStore::builder(url).table_prefix("died").connect().await;
    let auth = auth(store.expect("connected"));
    // More wait for an answer than the node has connections, and then nobody is there to answer.
    let mut raw = raw(&server).await;
    run(&mut raw, "begin; lock table died_families").await;
    let waiting = (0..16).map(|_| {
        let auth = auth.clone();
        tokio::spawn(async move { auth.log_in("alice").await })
    });
    for one in waiting.collect::<Vec<_>>() {
        assert!(is(one.await.expect("no panic"), AuthErrorKind::Unavailable));
    }
    name.dead_before.send_modify(|dead| *dead += 1);
    run(&mut raw, "rollback").await;
    let back = async { while auth.log_in("bob").await.is_err() {} };
    tokio::time::timeout(5 * SOON, back).await.expect("log-ins are back");
}

#[tokio::test]
async fn with_the_store_its_listener_goes() {
    let Some(server) = server() else { return };
    let (store, mut raw) = (store(&server, "leaves").await, raw(&server).await);
    let mut listeners = async || {
        let listen = "select 1 from pg_stat_activity where query like 'LISTEN \"leaves%'";
        sqlx::query(listen).fetch_all(&mut raw).await.expect("rows").len()
    };
    let began = Instant::now();
    let mut until = async |count| {
        while listeners().await != count {
            assert!(began.elapsed() < 2 * SOON, "not {count} that listen");
        }
    };
    until(1).await;
    drop(store);
    until(0).await;
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
