//! PostgreSQL: to be written.

/// To be written.
#[derive(Debug)]
pub struct PostgresStore;
