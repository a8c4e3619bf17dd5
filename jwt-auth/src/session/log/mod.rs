//! Shared stores: a log of revocations, the replica that follows it, and the rules that a log applies.
//!
//! Implement [`Log`] for an engine, and start a [`ReplicatedStore`] on it: that gives it the replica in each process,
//! the refusal of tokens when the replica is too old, strict look-ups, the repair after lost writes, and the status.
//! The crates `jwt-auth-sqlx` and `jwt-auth-redis` do so.

mod heartbeats;
mod keys;
mod ledger;
mod replicated_store;
mod row;
mod store_log;

pub use heartbeats::Heartbeats;
pub use keys::{epoch_keys, keys_that_name, session_key};
pub use ledger::Ledger;
pub use replicated_store::{LogOptions, ReplicatedStore};
pub use row::{Batch, Decision, Found, Registration, Row};
pub use store_log::{HEARTBEAT, Log};

pub use crate::session::rotation::{Ending, Facts, SessionState, decide};
