//! Tests for stores of your own.

mod conformance;
mod model;
mod shared_keys;
mod used_ids;

pub use conformance::store_conformance;
