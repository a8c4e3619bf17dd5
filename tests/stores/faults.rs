//! Faults of a shared store: always 503 in time, back within a second, and nothing revoked let in.

use std::time::{Duration, Instant};

use jwt_auth::{AuthError, AuthErrorKind, Config, JwtAuth, PostgresStore, RedisStore};
use tests::postgres::PostgresServer;
use tests::proxy::{Fault, Proxy};
use tests::redis::RedisServer;

/// How old memory may be in these tests.
const STALE: Duration = Duration::from_millis(600);
/// A call of a store has 250 ms; the rest is this machine's.
const IN_TIME: Duration = Duration::from_millis(600);

fn auth(store: impl jwt_auth::RevocationStore) -> JwtAuth {
    Config::hs256(tests::SECRET).revocation(store).build().expect("good")
}

fn unavailable<T>(outcome: &Result<T, AuthError>) -> bool {
    outcome.as_ref().is_err_and(|error| error.kind() == AuthErrorKind::Unavailable)
}

/// Sessions that are looked at all the time while faults come and go.
struct Watch {
    auth: JwtAuth,
    good: String,
    refresh: String,
    revoked: String,
}

impl Watch {
    async fn new(auth: JwtAuth) -> Self {
        let pair = auth.log_in("alice").await.expect("a pair");
        let bad = auth.log_in("mallory").await.expect("a pair");
        let token = auth.verify_access(bad.access_token()).await.expect("good");
        auth.log_out(token).await.expect("held");
        Self {
            auth,
            good: pair.access_token().to_owned(),
            refresh: pair.refresh_token().to_owned(),
            revoked: bad.access_token().to_owned(),
        }
    }

    async fn is_good(&self) -> bool {
        assert!(self.auth.verify_access(&self.revoked).await.is_err(), "nothing revoked is let in");
        let outcome = self.auth.verify_access(&self.good).await;
        assert!(outcome.is_ok() || unavailable(&outcome), "let in, or 503");
        outcome.is_ok()
    }

    /// Waits until the good token is let in, or is not any more.
    async fn until(&self, good: bool, within: Duration, what: &str) {
        let began = Instant::now();
        while self.is_good().await != good {
            assert!(
                began.elapsed() < within,
                "{what}: not {} within {within:?}",
                if good { "back" } else { "503" }
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Every call that has to reach the store is 503, and in time.
    async fn every_call_is_503(&self, what: &str) {
        let calls = async {
            let began = Instant::now();
            assert!(unavailable(&self.auth.log_in("bob").await), "{what}: a log-in");
            assert!(began.elapsed() < IN_TIME, "{what}: a log-in took {:?}", began.elapsed());
            let began = Instant::now();
            assert!(unavailable(&self.auth.log_out_everywhere("bob").await), "{what}: a log-out");
            assert!(began.elapsed() < IN_TIME, "{what}: a log-out took {:?}", began.elapsed());
            let began = Instant::now();
            assert!(unavailable(&self.auth.sessions("bob").await), "{what}: a list");
            assert!(began.elapsed() < IN_TIME, "{what}: a list took {:?}", began.elapsed());
        };
        calls.await;
    }

    /// The session was not used up by anything that failed.
    async fn still_rotates(&mut self, what: &str) {
        let token = self.auth.verify_refresh(&self.refresh).await.expect(what);
        let pair = self.auth.rotate(token).await.expect(what);
        pair.access_token().clone_into(&mut self.good);
        pair.refresh_token().clone_into(&mut self.refresh);
    }

    async fn through(&mut self, proxy: &Proxy) {
        for fault in [Fault::Refused, Fault::BlackHole, Fault::Torn] {
            let what = format!("{fault:?}");
            assert!(self.is_good().await);
            let token = self.auth.verify_refresh(&self.refresh).await.expect("good");
            proxy.set(fault);
            self.every_call_is_503(&what).await;
            let began = Instant::now();
            assert!(unavailable(&self.auth.rotate(token).await), "{what}: a rotation");
            assert!(began.elapsed() < IN_TIME, "{what}: a rotation took {:?}", began.elapsed());
            self.until(false, STALE + Duration::from_millis(400), &what).await;
            proxy.set(Fault::None);
            self.until(true, Duration::from_secs(1), &what).await;
            self.still_rotates(&what).await;
        }
        proxy.set(Fault::Slow(Duration::from_millis(300)));
        self.every_call_is_503("slow").await;
        proxy.set(Fault::None);
        self.until(true, Duration::from_secs(1), "slow").await;
        let back = Instant::now();
        while unavailable(&self.auth.sessions("alice").await) {
            assert!(
                back.elapsed() < Duration::from_secs(1),
                "slow: calls are back within a second"
            );
        }
        self.still_rotates("slow").await;
    }
}

#[tokio::test]
async fn redis_through_a_proxy() {
    let Some(server) = RedisServer::start() else { return };
    let proxy = Proxy::start(server.at()).await;
    let store = RedisStore::builder(&format!("redis://{}", proxy.at)).max_staleness(STALE);
    let mut watch = Watch::new(auth(store.connect().await.expect("connected"))).await;
    watch.through(&proxy).await;
}

#[tokio::test]
async fn postgres_through_a_proxy() {
    let Some(server) = PostgresServer::start() else { return };
    let proxy = Proxy::start(server.at()).await;
    let url = format!("postgres://postgres@{}/postgres", proxy.at);
    let store = PostgresStore::builder(&url).table_prefix("faults").max_staleness(STALE);
    let mut watch = Watch::new(auth(store.connect().await.expect("connected"))).await;
    watch.through(&proxy).await;
}
