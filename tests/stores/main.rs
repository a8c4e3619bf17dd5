//! The shared stores, each against a real server or file.

mod faults;
mod postgres;
mod redis;
mod redis_faults;
mod sqlite;

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

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

#[test]
fn every_store_can_be_opened_in_a_spawned_task() {
    fn assert_send(_: impl Future + Send) {}
    assert_send(jwt_auth::SqliteStore::open(""));
    assert_send(jwt_auth::PostgresStore::connect(""));
    assert_send(jwt_auth::RedisStore::connect(""));
}
