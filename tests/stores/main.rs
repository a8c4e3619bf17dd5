//! The stores, each against a real server of its own.

mod faults;
mod postgres;
mod redis;
mod redis_faults;
mod sqlite;

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What this thread logs from now on, for as long as the second is kept.
fn said() -> (impl Fn() -> String, tracing::subscriber::DefaultGuard) {
    let lines = Lines::default();
    let said = Arc::clone(&lines.0);
    let subscriber =
        tracing_subscriber::fmt().with_ansi(false).with_writer(move || lines.clone()).finish();
    let read = move || {
        let said = said.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&said).into_owned()
    };
    (read, tracing::subscriber::set_default(subscriber))
}

#[test]
fn every_store_can_be_opened_in_a_task() {
    fn task(_: impl Future + Send) {}
    task(jwt_auth::SqliteStore::open(""));
    task(jwt_auth::PostgresStore::connect(""));
    task(jwt_auth::RedisStore::connect(""));
}
