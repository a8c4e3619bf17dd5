//! The store in a SQLite file.

mod log;
mod store;
mod tables;
mod writer;

pub use store::{SqliteStore, SqliteStoreBuilder};
