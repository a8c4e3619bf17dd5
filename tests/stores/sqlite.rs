//! SQLite: a file that a killed process leaves whole, and that several processes share.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jwt_auth::{
    Clock as _, Config, JwtAuth, Revocation, RevocationStore as _, SqliteStore, SystemClock,
    testing,
};
use sqlx::{Connection as _, Row as _};

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder =
            std::env::temp_dir().join(format!("jwt-auth-sqlite-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a folder");
        Self(folder)
    }

    fn file(&self) -> PathBuf {
        self.0.join("sessions.db")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn auth(store: SqliteStore) -> JwtAuth {
    Config::hs256(tests::SECRET).revocation(store).build().expect("good")
}

/// A connection of the tests' own, to look and to break things.
async fn raw(folder: &Folder) -> sqlx::SqliteConnection {
    let url = format!("sqlite:{}", folder.file().display());
    sqlx::SqliteConnection::connect(&url).await.expect("opened")
}

#[tokio::test]
async fn conformance() {
    let folder = Folder::new("conformance");
    testing::store_conformance(&SqliteStore::open(folder.file()).await.expect("opened")).await;
}

#[tokio::test]
async fn a_file_that_is_opened_again_holds_what_was_answered() {
    let folder = Folder::new("again");
    let first = auth(SqliteStore::open(folder.file()).await.expect("opened"));
    let (alice, bob) =
        (first.log_in("alice").await.expect("a pair"), first.log_in("bob").await.expect("a pair"));
    let token = first.verify_access(alice.access_token()).await.expect("good");
    first.log_out(token).await.expect("held");
    let renewal = first.verify_refresh(bob.refresh_token()).await.expect("good");
    let next = first.rotate(renewal).await.expect("a pair");
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
    let renewal = second.verify_refresh(next.refresh_token()).await.expect("the session goes on");
    second.rotate(renewal).await.expect("a pair");
    assert_eq!(second.sessions("bob").await.expect("a list").len(), 1);
    assert!(second.sessions("alice").await.expect("a list").is_empty());
}

#[tokio::test]
async fn two_nodes_on_one_file_see_each_other_and_rotate_once() {
    let folder = Folder::new("two");
    let (a, b) = tokio::join!(SqliteStore::open(folder.file()), SqliteStore::open(folder.file()));
    let (a, b) = (auth(a.expect("both start at once")), auth(b.expect("both start at once")));
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
    let mut ids = std::collections::HashSet::new();
    for one in all {
        let pair = one.await.expect("no panic").expect("within the grace");
        ids.insert(b.verify_refresh(pair.refresh_token()).await.expect("good").id().to_owned());
    }
    assert_eq!(ids.len(), 1, "exactly one successor");
    a.log_out_everywhere("alice").await.expect("held");
    let refused = async {
        while b.verify_access(pair.access_token()).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(1), refused).await.expect("within a second");
}

/// The child of the test below: answers a line after each call that has returned, until it is killed.
#[tokio::test]
async fn child_that_is_killed() {
    let Ok(file) = std::env::var("TESTS_SQLITE_FILE") else { return };
    let store = SqliteStore::open(file).await.expect("opened");
    for n in 0.. {
        let (id, now) = (format!("id-{n}"), SystemClock.now());
        let until = now + Duration::from_secs(3600);
        store.revoke(Revocation::Token { issuer: None, id: &id, until }, now).await.expect("held");
        println!("held {n}");
    }
}

#[tokio::test]
async fn kill_9_loses_nothing_that_was_answered() {
    use std::io::{BufRead as _, BufReader};

    let folder = Folder::new("kill");
    for round in 0..5 {
        let mut child = Command::new(std::env::current_exe().expect("this test"))
            .args(["--exact", "sqlite::child_that_is_killed", "--nocapture"])
            .env("TESTS_SQLITE_FILE", folder.file())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .expect("it starts");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut last = None;
        for line in lines.map_while(Result::ok) {
            if let Some(n) = line.strip_prefix("held ").or_else(|| line.split("held ").nth(1)) {
                last = n.parse::<u32>().ok();
            }
            if last.is_some_and(|last| last >= 20 + round * 7) {
                // SIGKILL; what is on its way is the last call that nobody was answered.
                child.kill().expect("killed");
            }
        }
        let _ = child.wait();
        let last = last.expect("some calls were answered");
        let auth = auth(SqliteStore::open(folder.file()).await.expect("the file is whole"));
        for n in 0..=last {
            let mut claims = tests::claims();
            let now = SystemClock
                .now()
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
async fn a_file_of_a_newer_release_is_refused_and_odd_rows_are_passed_over() {
    let folder = Folder::new("newer");
    drop(SqliteStore::open(folder.file()).await.expect("opened"));
    let mut raw = raw(&folder).await;
    let odd = "INSERT INTO jwt_auth_entries VALUES ('[\"tenant\",\"x\"]', 0, 99999999999, 1), ('', -5, -5, 2),
               ('x', 0, 'text', 3), ('[\"all\"]', -1, 99999999999, 4), ('[\"tenant\",\"y\"]', 0, 99999999999, 5),
               ('y', 0, 99999999999, 6), ('[\"key\",\"k\"]', 0, 99999999999, 7);
               INSERT INTO jwt_auth_families VALUES ('f', 'alice', NULL, 'a', '', 'x', -1, 99999999999999)";
    sqlx::raw_sql(odd).execute(&mut raw).await.expect("written");
    let (said, here) = crate::said();
    let auth = auth(SqliteStore::open(folder.file()).await.expect("opened"));
    drop(here);
    assert_eq!(said().matches("records of a newer release").count(), 1, "said once: {}", said());
    let pair = auth.log_in("alice").await.expect("a pair");
    assert!(auth.verify_access(pair.access_token()).await.is_ok());
    assert!(auth.sessions("alice").await.is_ok());
    drop(auth);
    sqlx::raw_sql("UPDATE jwt_auth_state SET version = 2")
        .execute(&mut raw)
        .await
        .expect("written");
    let error = SqliteStore::open(folder.file()).await.expect_err("newer");
    assert!(error.to_string().contains("newer release"), "{error}");
}

#[tokio::test]
async fn what_has_died_is_thrown_out_in_batches_and_what_lives_stays() {
    let folder = Folder::new("prune");
    let store = Arc::new(SqliteStore::open(folder.file()).await.expect("opened"));
    let now = SystemClock.now();
    for n in 0..50 {
        let id = format!("dead-{n}");
        let entry = Revocation::Token { issuer: None, id: &id, until: now };
        store.revoke(entry, now).await.expect("held");
    }
    assert_eq!(store.prune(now).await.expect("pruned"), 0, "not in the first day");
    assert_eq!(store.prune(now + Duration::from_secs(90_000)).await.expect("pruned"), 50);
    // More than one batch of each, and one of each that lives.
    let mut raw = raw(&folder).await;
    let many = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 2500)
        INSERT INTO jwt_auth_entries SELECT 'dead-' || n, 0, 9, n FROM n;
        WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 1000)
        INSERT INTO jwt_auth_families SELECT 'dead-' || n, 'alice', NULL, 'a', '', 0, 0, 9999 FROM n;
        INSERT INTO jwt_auth_entries VALUES ('lives', 0, 10, 2501);
        INSERT INTO jwt_auth_families VALUES ('lives', 'alice', NULL, 'a', '', 0, 0, 10000)";
    sqlx::raw_sql(many).execute(&mut raw).await.expect("written");
    let day_later = SystemTime::UNIX_EPOCH + Duration::from_secs(10 + 86_400);
    assert_eq!(store.prune(day_later).await.expect("pruned"), 3_500);
    for table in ["jwt_auth_entries", "jwt_auth_families"] {
        let left = sqlx::query(&format!("SELECT count(*) FROM {table}")).fetch_one(&mut raw).await;
        assert_eq!(left.expect("a row").get::<i64, _>(0), 1, "{table}");
    }
}

#[tokio::test]
async fn a_node_starts_with_all_that_a_large_file_holds() {
    let folder = Folder::new("large");
    let first = auth(SqliteStore::open(folder.file()).await.expect("opened"));
    let pair = first.log_in("alice").await.expect("a pair");
    drop(first);
    // Exactly as many as are read at once, and then the one that counts.
    let many = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 10000)
        INSERT INTO jwt_auth_entries SELECT '[\"key\",\"' || n || '\"]', 0, 9999999999, n FROM n;
        INSERT INTO jwt_auth_entries VALUES ('[\"subject\",\"alice\"]', 9999999999, 9999999999, 10001);
        UPDATE jwt_auth_state SET seq = 10001";
    sqlx::raw_sql(many).execute(&mut raw(&folder).await).await.expect("written");
    let second = auth(SqliteStore::open(folder.file()).await.expect("opened"));
    let error = second.verify_access(pair.access_token()).await.expect_err("taken back");
    assert_eq!(error.code(), "token_revoked");
}

#[tokio::test]
async fn nodes_that_make_the_file_at_once_all_come_up() {
    for round in 0..5 {
        let folder = Folder::new(&format!("at-once-{round}"));
        let opening = (0..8).map(|_| tokio::spawn(SqliteStore::open(folder.file())));
        for opened in opening.collect::<Vec<_>>() {
            opened.await.expect("no panic").expect("it waits for its turn");
        }
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_opened_is_said_at_once() {
    let folder = Folder::new("nowhere");
    let opened = SqliteStore::open(folder.0.join("no folder").join("sessions.db"));
    let opened = tokio::time::timeout(Duration::from_secs(1), opened).await.expect("at once");
    assert!(opened.expect_err("no folder").to_string().contains("unable to open"));
}

#[tokio::test]
async fn a_file_that_is_gone_turns_to_503_and_comes_back() {
    let folder = Folder::new("gone");
    // More than three reads fail before nobody vouches.
    let store = SqliteStore::builder(folder.file()).max_staleness(Duration::from_secs(1));
    let (said, _here) = crate::said();
    let auth = auth(store.open().await.expect("opened"));
    let pair = auth.log_in("alice").await.expect("a pair");
    // Somebody renames the tables away: every read fails, and after the allowed age nobody vouches.
    let mut raw = raw(&folder).await;
    let away = "ALTER TABLE jwt_auth_entries RENAME TO away";
    sqlx::raw_sql(away).execute(&mut raw).await.expect("renamed");
    let wait = async |good: bool| {
        let reached = async {
            while auth.verify_access(pair.access_token()).await.is_ok() != good {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(3), reached).await.expect("in time");
    };
    wait(false).await;
    let error = auth.verify_access(pair.access_token()).await.expect_err("nobody vouches");
    assert_eq!(error.code(), "store_unavailable");
    let token = auth.verify_refresh(pair.refresh_token()).await;
    assert_eq!(token.expect_err("nobody vouches").code(), "store_unavailable");
    sqlx::raw_sql("ALTER TABLE away RENAME TO jwt_auth_entries")
        .execute(&mut raw)
        .await
        .expect("renamed");
    wait(true).await;
    for line in ["the store does not answer", "the store answers again"] {
        assert_eq!(said().matches(line).count(), 1, "said once, and not at each read: {}", said());
    }
}
