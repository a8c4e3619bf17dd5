//! The shared stores, each against a real server or file.

mod clocks;
mod faults;
mod key_rotation;
mod overload;
mod postgres;
mod postgres_access;
mod postgres_failover;
mod redis;
mod redis_access;
mod redis_faults;
mod sqlite;
mod tls;

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use jwt_auth::JwtAuth;

/// The log of a test, in memory.
#[derive(Clone, Default)]
struct LogBuffer(Arc<Mutex<Vec<u8>>>);

impl io::Write for LogBuffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Captures the log of this thread until the guard is dropped. The function returns the text so far.
fn capture_logs() -> (impl Fn() -> String, tracing::subscriber::DefaultGuard) {
    let buffer = LogBuffer::default();
    let bytes = Arc::clone(&buffer.0);
    let subscriber =
        tracing_subscriber::fmt().with_ansi(false).with_writer(move || buffer.clone()).finish();
    let read = move || {
        let bytes = bytes.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).into_owned()
    };
    (read, tracing::subscriber::set_default(subscriber))
}

/// Changes a password several times in a row: every earlier session ends, and the new one is valid on both nodes.
async fn assert_that_a_log_in_after_log_out_everywhere_is_valid(a: &JwtAuth, b: &JwtAuth) {
    let mut earlier: Vec<jwt_auth::TokenPair> = Vec::new();
    for _ in 0..4 {
        a.log_out_everywhere("carol").await.expect("recorded");
        let pair = a.log_in("carol").await.expect("a pair");
        for node in [a, b] {
            node.verify_access(pair.access_token()).await.expect("the new session is valid");
        }
        let token = a.verify_refresh(pair.refresh_token()).await.expect("a valid token");
        let next = a.rotate(token).await.expect("a successor");
        for old in &earlier {
            assert!(a.verify_access(old.access_token()).await.is_err(), "an earlier session");
            assert!(a.verify_refresh(old.refresh_token()).await.is_err(), "an earlier session");
        }
        earlier.extend([pair, next]);
    }
    assert_eq!(a.sessions("carol").await.expect("a list").len(), 1);
}

#[test]
fn every_store_can_be_opened_in_a_spawned_task() {
    fn assert_send(_: impl Future + Send) {}
    assert_send(jwt_auth_sqlx::SqliteStore::open(""));
    assert_send(jwt_auth_sqlx::PostgresStore::connect(""));
    assert_send(jwt_auth_redis::RedisStore::connect(""));
}
