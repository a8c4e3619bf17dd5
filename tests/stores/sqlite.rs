//! SQLite: a file that survives a killed process, and that several processes share.

#![allow(clippy::disallowed_methods, reason = "the log reader compares with the system clock")]

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jwt_auth::session::{Revocation, RevocationStore as _};
use jwt_auth::{Config, JwtAuth, testing};
use jwt_auth_sqlx::SqliteStore;
use sqlx::{Connection as _, Row as _};
use tests::folder::Folder;

fn auth(store: SqliteStore) -> JwtAuth {
    Config::hs256(tests::SECRET).revocation(store).build().expect("a valid configuration")
}

/// A connection to the database itself, to read and to damage it.
async fn connect(folder: &Folder) -> sqlx::SqliteConnection {
    let url = format!("sqlite:{}", folder.file().display());
    sqlx::SqliteConnection::connect(&url).await.expect("opened")
}

#[tokio::test]
async fn sqlite_passes_the_conformance_suite() {
    let folder = Folder::new("conformance");
    testing::store_conformance(&SqliteStore::open(folder.file()).await.expect("opened")).await;
}

#[tokio::test]
async fn a_reopened_file_has_every_acknowledged_record() {
    let folder = Folder::new("again");
    let first = auth(SqliteStore::open(folder.file()).await.expect("opened"));
    let (alice, bob) =
        (first.log_in("alice").await.expect("a pair"), first.log_in("bob").await.expect("a pair"));
    let token = first.verify_access(alice.access_token()).await.expect("a valid token");
    first.log_out(token).await.expect("recorded");
    let token = first.verify_refresh(bob.refresh_token()).await.expect("a valid token");
    let next = first.rotate(token).await.expect("a pair");
    drop(first);
    let second = auth(SqliteStore::open(folder.file()).await.expect("opened"));
    for revoked in [alice.access_token(), alice.refresh_token()] {
        let outcome = second
            .verify_access(revoked)
            .await
            .map(drop)
            .or(second.verify_refresh(revoked).await.map(drop));
        assert!(outcome.is_err());
    }
    let token = second.verify_refresh(next.refresh_token()).await.expect("the session continues");
    second.rotate(token).await.expect("a pair");
    assert_eq!(second.sessions("bob").await.expect("a list").len(), 1);
    assert!(second.sessions("alice").await.expect("a list").is_empty());
}

#[tokio::test]
async fn two_nodes_on_one_file_share_revocations_and_rotate_once() {
    let folder = Folder::new("two");
    let (a, b) = tokio::join!(SqliteStore::open(folder.file()), SqliteStore::open(folder.file()));
    let (a, b) = (auth(a.expect("both start at once")), auth(b.expect("both start at once")));
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
    let mut ids = std::collections::HashSet::new();
    for one in all {
        let pair = one.await.expect("no panic").expect("within the grace");
        ids.insert(
            b.verify_refresh(pair.refresh_token()).await.expect("a valid token").id().to_owned(),
        );
    }
    assert_eq!(ids.len(), 1, "exactly one successor");
    a.log_out_everywhere("alice").await.expect("recorded");
    let refused = async {
        while b.verify_access(pair.access_token()).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(1), refused).await.expect("within a second");
}

/// The child process of the test below: it prints a line after each acknowledged call, until it is killed.
#[tokio::test]
async fn child_that_is_killed() {
    let Ok(file) = std::env::var("TESTS_SQLITE_FILE") else { return };
    let store = SqliteStore::open(file).await.expect("opened");
    for n in 0.. {
        let (id, now) = (format!("id-{n}"), SystemTime::now());
        let until = now + Duration::from_secs(3600);
        store
            .revoke(Revocation::Token { issuer: None, id: &id, until }, now)
            .await
            .expect("recorded");
        println!("recorded {n}");
    }
}

#[tokio::test]
async fn kill_9_loses_no_acknowledged_revocation() {
    use std::io::{BufRead as _, BufReader};

    let folder = Folder::new("kill");
    for round in 0..5 {
        let mut child = Command::new(std::env::current_exe().expect("this test"))
            .args(["--exact", "sqlite::child_that_is_killed", "--nocapture"])
            .env("TESTS_SQLITE_FILE", folder.file())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .expect("the child runs");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut last = None;
        for line in lines.map_while(Result::ok) {
            if let Some(n) = line.split("recorded ").nth(1) {
                last = n.parse::<u32>().ok();
            }
            if last.is_some_and(|last| last >= 20 + round * 7) {
                // SIGKILL. Only the call in progress was not acknowledged.
                child.kill().expect("killed");
            }
        }
        let _ = child.wait();
        let last = last.expect("some acknowledged calls");
        let auth = auth(SqliteStore::open(folder.file()).await.expect("an intact file"));
        for n in 0..=last {
            let mut claims = tests::claims();
            let now = SystemTime::now()
                .duration_since(SystemTime::UNIX_EPOCH)
                .expect("after 1970")
                .as_secs();
            for (claim, value) in [("iat", now), ("nbf", now), ("exp", now + 900)] {
                claims[claim] = value.into();
            }
            claims["jti"] = format!("id-{n}").into();
            let token = tests::forge(&tests::plain_header(), &claims);
            assert_eq!(
                auth.verify_access(&token).await.expect_err("revoked").code(),
                "token_revoked",
                "{n}"
            );
        }
    }
}

#[tokio::test]
async fn a_file_of_a_newer_release_is_refused_and_malformed_rows_are_ignored() {
    let folder = Folder::new("newer");
    drop(SqliteStore::open(folder.file()).await.expect("opened"));
    let mut raw = connect(&folder).await;
    let malformed = "INSERT INTO jwt_auth_entries VALUES ('[\"tenant\",\"x\"]', 0, 99999999999, 1), ('', -5, -5, 2),
               ('x', 0, 'text', 3), ('[\"all\"]', -1, 99999999999, 4), ('[\"tenant\",\"y\"]', 0, 99999999999, 5),
               ('y', 0, 99999999999, 6), ('[\"key\",\"k\"]', 0, 99999999999, 7);
               INSERT INTO jwt_auth_sessions VALUES ('f', 'bob', NULL, 'a', '', 'x', -1, 0, 99999999999999, 99999999999999, 0)";
    sqlx::raw_sql(malformed).execute(&mut raw).await.expect("written");
    let (logs, guard) = crate::capture_logs();
    let auth = auth(SqliteStore::open(folder.file()).await.expect("opened"));
    drop(guard);
    assert_eq!(logs().matches("records of a newer release").count(), 1, "one warning: {}", logs());
    let pair = auth.log_in("alice").await.expect("a pair");
    assert!(auth.verify_access(pair.access_token()).await.is_ok());
    assert_eq!(auth.sessions("alice").await.expect("a list").len(), 1);
    assert!(auth.sessions("bob").await.expect("a list").is_empty(), "a malformed session");
    drop(auth);
    sqlx::raw_sql("UPDATE jwt_auth_state SET version = 2")
        .execute(&mut raw)
        .await
        .expect("written");
    let error = SqliteStore::open(folder.file()).await.expect_err("newer");
    assert!(error.to_string().contains("newer release"), "{error}");
}

#[tokio::test]
async fn s8_expired_records_are_pruned_in_batches_and_others_stay() {
    let folder = Folder::new("prune");
    let store = Arc::new(SqliteStore::open(folder.file()).await.expect("opened"));
    let now = SystemTime::now();
    for n in 0..50 {
        let id = format!("expired-{n}");
        let entry = Revocation::Token { issuer: None, id: &id, until: now };
        store.revoke(entry, now).await.expect("recorded");
    }
    let far_ahead = now + Duration::from_secs(100 * 86_400);
    assert_eq!(store.prune(far_ahead).await.expect("pruned"), 0, "records stay a day longer");
    // More than one batch of entries and of sessions, and one of each that has not expired.
    let mut raw = connect(&folder).await;
    let many = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 2500)
        INSERT INTO jwt_auth_entries SELECT 'long-ago-' || n, 0, 9, n FROM n;
        WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 1000)
        INSERT INTO jwt_auth_sessions SELECT 'long-ago-' || n, 'alice', NULL, 'a', '', 0, 0, 0, 9999, 9999, 0 FROM n;
        INSERT INTO jwt_auth_sessions VALUES ('valid', 'alice', NULL, 'a', '', 0, 0, 0, 99999999999999, 99999999999999, 0)";
    sqlx::raw_sql(many).execute(&mut raw).await.expect("written");
    assert_eq!(store.prune(SystemTime::UNIX_EPOCH).await.expect("pruned"), 3_500);
    for (table, count) in [("jwt_auth_entries", 50), ("jwt_auth_sessions", 1)] {
        let left = sqlx::query(sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}")))
            .fetch_one(&mut raw)
            .await;
        assert_eq!(left.expect("a row").get::<i64, _>(0), count, "{table}");
    }
}

#[tokio::test]
async fn a_node_starts_with_every_record_of_a_large_file() {
    let folder = Folder::new("large");
    let first = auth(SqliteStore::open(folder.file()).await.expect("opened"));
    let pair = first.log_in("alice").await.expect("a pair");
    drop(first);
    // A full portion of one read, and one more record that revokes the token.
    let many = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 10000)
        INSERT INTO jwt_auth_entries SELECT '[\"key\",\"' || n || '\"]', 0, 9999999999, n FROM n;
        INSERT INTO jwt_auth_entries VALUES ('[\"subject\",\"alice\"]', 9999999999999, 9999999999, 10001);
        UPDATE jwt_auth_state SET seq = 10001";
    sqlx::raw_sql(many).execute(&mut connect(&folder).await).await.expect("written");
    let second = auth(SqliteStore::open(folder.file()).await.expect("opened"));
    let error = second.verify_access(pair.access_token()).await.expect_err("revoked");
    assert_eq!(error.code(), "token_revoked");
}

#[tokio::test]
async fn nodes_that_create_the_file_at_once_all_start() {
    for round in 0..5 {
        let folder = Folder::new(&format!("at-once-{round}"));
        let opening = (0..8).map(|_| tokio::spawn(SqliteStore::open(folder.file())));
        for opened in opening.collect::<Vec<_>>() {
            opened.await.expect("no panic").expect("opened");
        }
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_opened_is_an_error_at_once() {
    let folder = Folder::new("nowhere");
    let opened = SqliteStore::open(folder.file().with_file_name("no folder").join("sessions.db"));
    let opened = tokio::time::timeout(Duration::from_secs(1), opened).await.expect("at once");
    assert!(opened.expect_err("no folder").to_string().contains("unable to open"));
}

#[tokio::test]
async fn a_database_that_cannot_be_read_is_503_until_it_can_be_read_again() {
    let folder = Folder::new("gone");
    // Several reads fail before the replica is too old.
    let store = SqliteStore::builder(folder.file()).max_staleness(Duration::from_secs(1));
    let (logs, _guard) = crate::capture_logs();
    let auth = auth(store.open().await.expect("opened"));
    let pair = auth.log_in("alice").await.expect("a pair");
    // Without the table every read fails, and after `max_staleness` the answer is 503.
    let mut raw = connect(&folder).await;
    let away = "ALTER TABLE jwt_auth_entries RENAME TO away";
    sqlx::raw_sql(away).execute(&mut raw).await.expect("renamed");
    let wait_until = async |is_admitted: bool| {
        let reached = async {
            while auth.verify_access(pair.access_token()).await.is_ok() != is_admitted {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(3), reached).await.expect("in time");
    };
    wait_until(false).await;
    let error = auth.verify_access(pair.access_token()).await.expect_err("too old");
    assert_eq!(error.code(), "store_unavailable");
    let token = auth.verify_refresh(pair.refresh_token()).await;
    assert_eq!(token.expect_err("too old").code(), "store_unavailable");
    sqlx::raw_sql("ALTER TABLE away RENAME TO jwt_auth_entries")
        .execute(&mut raw)
        .await
        .expect("renamed");
    wait_until(true).await;
    for line in ["the session store does not answer", "the session store answers again"] {
        assert_eq!(logs().matches(line).count(), 1, "logged once, not at each read: {}", logs());
    }
}

#[tokio::test]
async fn a_log_in_after_log_out_everywhere_is_valid() {
    let folder = Folder::new("password");
    let open = || async { auth(SqliteStore::open(folder.file()).await.expect("opened")) };
    let (a, b) = (open().await, open().await);
    crate::assert_that_a_log_in_after_log_out_everywhere_is_valid(&a, &b).await;
}
