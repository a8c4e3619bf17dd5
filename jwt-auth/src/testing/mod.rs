//! Tests for stores of your own.

mod conformance;
mod model;

pub use conformance::store_conformance;
