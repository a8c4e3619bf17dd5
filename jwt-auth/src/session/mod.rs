//! Sessions and revocation: what a store remembers, and the stores.
//!
//! A store implements [`RevocationStore`]; the feature `testing` has the conformance suite for it.

mod erased_store;
mod identity;
mod memory_store;
#[cfg(feature = "postgres")]
mod postgres_sql;
#[cfg(feature = "postgres")]
mod postgres_store;
#[cfg(feature = "postgres")]
mod postgres_tables;
pub(crate) mod record;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "redis"))]
mod record_key;
#[cfg(feature = "redis")]
mod redis_scripts;
#[cfg(feature = "redis")]
mod redis_store;
mod replica;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "redis"))]
mod replicated_log;
mod revocation;
pub(crate) mod rotation;
mod session_end;
mod session_list;
#[cfg(feature = "sqlite")]
mod sqlite_store;
mod store;
mod store_status;
mod wakers;
mod watched_store;

pub(crate) use erased_store::{ErasedStore, within_deadline};
pub use identity::{TokenIdentity, TokenStatus};
pub use memory_store::MemoryStore;
#[cfg(feature = "postgres")]
#[cfg_attr(docsrs, doc(cfg(feature = "postgres")))]
pub use postgres_store::{PostgresStore, PostgresStoreBuilder};
pub(crate) use record::{MAX_NAME, MAX_TOKEN_ID, is_revocable, whole_millis};
#[cfg(feature = "redis")]
#[cfg_attr(docsrs, doc(cfg(feature = "redis")))]
pub use redis_store::{RedisStore, RedisStoreBuilder};
pub use revocation::Revocation;
pub use rotation::{RotationOutcome, RotationRequest};
pub use session_end::SessionEnd;
pub use session_list::{NewSession, Registered, Session};
#[cfg(feature = "sqlite")]
#[cfg_attr(docsrs, doc(cfg(feature = "sqlite")))]
pub use sqlite_store::{SqliteStore, SqliteStoreBuilder};
pub use store::{RevocationStore, StoreError};
pub use store_status::StoreStatus;
pub(crate) use watched_store::{Health, WatchedStore};
