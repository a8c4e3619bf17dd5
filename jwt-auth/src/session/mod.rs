//! Sessions and revocation: what a store remembers, and the stores.
//!
//! A store implements [`RevocationStore`]; the feature `testing` has the conformance suite for it.

mod admission;
mod delegate;
mod erased_store;
mod identity;
pub mod log;
mod memory_store;
pub(crate) mod record;
mod record_key;
mod replica;
mod revocation;
pub(crate) mod rotation;
mod session_end;
mod session_list;
mod session_table;
mod shared_keys;
mod store;
mod store_status;
mod used_ids;
mod wakers;
mod watched_store;

pub(crate) use erased_store::{ErasedStore, within_deadline};
pub(crate) use identity::Payload;
pub use identity::{TokenIdentity, TokenStatus};
pub use memory_store::MemoryStore;
pub(crate) use record::{MAX_NAME, MAX_TOKEN_ID, is_revocable, whole_millis};
pub use revocation::Revocation;
pub use rotation::{RotationOutcome, RotationRequest};
pub use session_end::SessionEnd;
pub use session_list::{NewSession, Registered, Session};
pub use shared_keys::SharedKeys;
pub use store::{RevocationStore, StoreError};
pub use store_status::StoreStatus;
pub(crate) use watched_store::{Health, WatchedStore};
