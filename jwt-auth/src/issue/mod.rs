//! Making tokens: builders that name everything, over one writer that signs.

mod builder;
mod pair;
mod write;

pub use builder::{AccessKind, BuilderKind, LogInKind, PairKind, RefreshKind, TokenBuilder};
pub use pair::TokenPair;

pub(crate) use builder::{Life, Lineage};
pub(crate) use write::{Issuer, MAX_COOKIE, random_id};
