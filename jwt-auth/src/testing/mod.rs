//! Tests for stores of your own.

mod conformance;
mod model;
mod shared_keys;

pub use conformance::store_conformance;
