//! The shared stores: the time of a revocation and of a rotation, the delay until another node refuses, and file size.
//!
//! `cargo bench -p benches --bench stores` measures SQLite in a temporary file; with `REDIS_URL` or
//! `POSTGRES_URL` set it measures these servers too. Medians of one run.

#![allow(clippy::cast_precision_loss, reason = "figures")]

use std::time::{Duration, Instant, SystemTime};

use jwt_auth::session::{Revocation, RevocationStore};
use jwt_auth::{Config, JwtAuth};
use jwt_auth_redis::RedisStore;
use jwt_auth_sqlx::PostgresStore;
use jwt_auth_sqlx::SqliteStore;

const ROUNDS: usize = 200;

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

#[allow(clippy::disallowed_methods, reason = "the stores use the system clock")]
fn system_time() -> SystemTime {
    SystemTime::now()
}

/// Measures two nodes of one store.
async fn measure<S: RevocationStore>(name: &str, here: S, there: S) {
    let mut revocations = Vec::new();
    for n in 0..ROUNDS {
        let id = format!("bench-{n}");
        let entry = Revocation::Token {
            issuer: None,
            id: &id,
            until: system_time() + Duration::from_secs(60),
        };
        let start = Instant::now();
        here.revoke(entry, system_time()).await.expect("recorded");
        revocations.push(start.elapsed());
    }
    let node = |store: S| {
        Config::hs256(jwt_auth::KeyMaterial::ephemeral())
            .revocation(store)
            .build()
            .expect("a valid configuration")
    };
    let (here, there): (JwtAuth, JwtAuth) = (node(here), node(there));
    let mut rotations = Vec::new();
    let mut text = here.log_in("alice").await.expect("a pair").refresh_token().to_owned();
    for _ in 0..ROUNDS {
        let token = here.verify_refresh(&text).await.expect("a valid token");
        let start = Instant::now();
        let next = here.rotate(token).await.expect("a pair");
        next.refresh_token().clone_into(&mut text);
        rotations.push(start.elapsed());
    }
    let mut lags = Vec::new();
    for n in 0..10 {
        let pair = here.log_in(format!("user-{n}")).await.expect("a pair");
        let token = here.verify_access(pair.access_token()).await.expect("a valid token");
        let start = Instant::now();
        here.log_out(token).await.expect("recorded");
        while there.verify_access(pair.access_token()).await.is_ok() {
            tokio::task::yield_now().await;
        }
        lags.push(start.elapsed());
    }
    println!(
        "{name:<12} {:>12.0} {:>12.0} {:>16.0}",
        median(revocations).as_secs_f64() * 1e6,
        median(rotations).as_secs_f64() * 1e6,
        median(lags).as_secs_f64() * 1e3,
    );
}

#[tokio::main]
async fn main() {
    println!(
        "{:<12} {:>12} {:>12} {:>16}",
        "store", "µs to revoke", "µs to rotate", "ms to the other"
    );
    let folder = std::env::temp_dir().join(format!("jwt-auth-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let file = folder.join("bench.db");
    let open = async || SqliteStore::open(&file).await.expect("opened");
    measure("SQLite", open().await, open().await).await;
    println!("  {} bytes on disk for {ROUNDS} revocations and {ROUNDS} rotations", size(&folder));
    std::fs::remove_dir_all(&folder).expect("removed");
    if let Ok(url) = std::env::var("REDIS_URL") {
        let connect = async || RedisStore::connect(&url).await.expect("connected");
        measure("Redis", connect().await, connect().await).await;
    }
    if let Ok(url) = std::env::var("POSTGRES_URL") {
        let connect = async || PostgresStore::connect(&url).await.expect("connected");
        measure("PostgreSQL", connect().await, connect().await).await;
    }
}

fn size(folder: &std::path::Path) -> u64 {
    let entries = std::fs::read_dir(folder).expect("a folder");
    entries.filter_map(|entry| entry.ok()?.metadata().ok()).map(|data| data.len()).sum()
}
