//! The store in `PostgreSQL`.

mod lanes;
mod log;
mod names;
mod news;
mod reader;
mod sql;
mod store;
mod tables;

pub use store::{PostgresStore, PostgresStoreBuilder};
