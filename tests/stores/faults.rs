//! Faults of a shared store: 503 in time, back within a second, and no revoked token is admitted.

use std::time::{Duration, Instant};

use jwt_auth::session::RevocationStore;
use jwt_auth::{AuthError, AuthErrorKind, Config, JwtAuth};
use jwt_auth_redis::RedisStore;
use jwt_auth_sqlx::PostgresStore;
use tests::postgres::PostgresServer;
use tests::proxy::{Fault, Proxy};
use tests::redis::RedisServer;

/// `max_staleness` of these tests.
const STALE: Duration = Duration::from_millis(600);
/// A call of a store has 250 ms; the rest is for a slow machine.
const IN_TIME: Duration = Duration::from_millis(600);

fn auth(store: impl RevocationStore) -> JwtAuth {
    Config::hs256(tests::SECRET).revocation(store).build().expect("a valid configuration")
}

fn is_unavailable<T>(outcome: &Result<T, AuthError>) -> bool {
    outcome.as_ref().is_err_and(|error| error.kind() == AuthErrorKind::Unavailable)
}

/// Tokens that are verified all the time while faults come and go.
struct Watch {
    auth: JwtAuth,
    access: String,
    refresh: String,
    revoked: String,
}

impl Watch {
    async fn new(auth: JwtAuth) -> Self {
        let pair = auth.log_in("alice").await.expect("a pair");
        let bad = auth.log_in("mallory").await.expect("a pair");
        let token = auth.verify_access(bad.access_token()).await.expect("a valid token");
        auth.log_out(token).await.expect("recorded");
        Self {
            auth,
            access: pair.access_token().to_owned(),
            refresh: pair.refresh_token().to_owned(),
            revoked: bad.access_token().to_owned(),
        }
    }

    /// Whether the valid token is admitted now. The revoked one never is.
    async fn is_admitted(&self) -> bool {
        assert!(self.auth.verify_access(&self.revoked).await.is_err(), "a revoked token");
        let outcome = self.auth.verify_access(&self.access).await;
        assert!(outcome.is_ok() || is_unavailable(&outcome), "admitted, or 503");
        outcome.is_ok()
    }

    /// Waits until the valid token is admitted, or until it is 503.
    async fn wait_until(&self, is_admitted: bool, within: Duration, fault: &str) {
        let start = Instant::now();
        while self.is_admitted().await != is_admitted {
            assert!(
                start.elapsed() < within,
                "{fault}: not {} within {within:?}",
                if is_admitted { "back" } else { "503" }
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Checks that every call that needs the store is 503 in time.
    async fn assert_every_call_is_503(&self, fault: &str) {
        let start = Instant::now();
        assert!(is_unavailable(&self.auth.log_in("bob").await), "{fault}: a log-in");
        assert!(start.elapsed() < IN_TIME, "{fault}: a log-in took {:?}", start.elapsed());
        let start = Instant::now();
        assert!(is_unavailable(&self.auth.log_out_everywhere("bob").await), "{fault}: a log-out");
        assert!(start.elapsed() < IN_TIME, "{fault}: a log-out took {:?}", start.elapsed());
        let start = Instant::now();
        assert!(is_unavailable(&self.auth.sessions("bob").await), "{fault}: a list");
        assert!(start.elapsed() < IN_TIME, "{fault}: a list took {:?}", start.elapsed());
    }

    /// Rotates the session: no failed call has used its refresh token up.
    async fn rotate(&mut self, fault: &str) {
        let token = self.auth.verify_refresh(&self.refresh).await.expect(fault);
        let pair = self.auth.rotate(token).await.expect(fault);
        pair.access_token().clone_into(&mut self.access);
        pair.refresh_token().clone_into(&mut self.refresh);
    }

    /// Runs through every fault of the proxy.
    async fn run_faults(&mut self, proxy: &Proxy) {
        for fault in [Fault::Refused, Fault::BlackHole, Fault::Torn] {
            let name = format!("{fault:?}");
            assert!(self.is_admitted().await);
            let token = self.auth.verify_refresh(&self.refresh).await.expect("a valid token");
            proxy.set(fault);
            self.assert_every_call_is_503(&name).await;
            let start = Instant::now();
            assert!(is_unavailable(&self.auth.rotate(token).await), "{name}: a rotation");
            assert!(start.elapsed() < IN_TIME, "{name}: a rotation took {:?}", start.elapsed());
            self.wait_until(false, STALE + Duration::from_millis(400), &name).await;
            assert!(is_unavailable(&self.auth.ready()), "{name}: not ready");
            let status = self.auth.store_status();
            assert!(!status.is_fresh() && status.age() > STALE, "{name}: {status:?}");
            assert!(status.last_error().is_some(), "{name}: {status:?}");
            proxy.set(Fault::None);
            self.wait_until(true, Duration::from_secs(1), &name).await;
            assert!(self.auth.ready().is_ok(), "{name}: {:?}", self.auth.store_status());
            self.rotate(&name).await;
        }
        proxy.set(Fault::Slow(Duration::from_millis(300)));
        self.assert_every_call_is_503("slow").await;
        proxy.set(Fault::None);
        self.wait_until(true, Duration::from_secs(1), "slow").await;
        let start = Instant::now();
        while is_unavailable(&self.auth.sessions("alice").await) {
            assert!(
                start.elapsed() < Duration::from_secs(1),
                "slow: calls are not back within a second"
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.rotate("slow").await;
    }
}

#[tokio::test]
async fn faults_of_redis_are_503_in_time_and_recover_within_a_second() {
    let Some(server) = RedisServer::start() else { return };
    let proxy = Proxy::start(server.address()).await;
    let store = RedisStore::builder(&format!("redis://{}", proxy.address)).max_staleness(STALE);
    let mut watch = Watch::new(auth(store.connect().await.expect("connected"))).await;
    watch.run_faults(&proxy).await;
}

#[tokio::test]
async fn faults_of_postgres_are_503_in_time_and_recover_within_a_second() {
    let Some(server) = PostgresServer::start() else { return };
    let proxy = Proxy::start(server.address()).await;
    let url = format!("postgres://postgres@{}/postgres", proxy.address);
    let store = PostgresStore::builder(&url).table_prefix("faults").max_staleness(STALE);
    let mut watch = Watch::new(auth(store.connect().await.expect("connected"))).await;
    watch.run_faults(&proxy).await;
}
