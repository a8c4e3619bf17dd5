//! Issuing tokens: builders collect the content of a token, and one writer signs it.

mod builder;
mod draft;
mod issued_token;
mod request;
mod session_generation;
mod token_pair;
mod writer;

pub use builder::{AccessKind, BuilderKind, LogInKind, PairKind, RefreshKind, TokenBuilder};
pub(crate) use builder::{Named, with_claims};
pub use issued_token::IssuedToken;
pub(crate) use request::Life;
pub(crate) use session_generation::SessionGeneration;
pub use token_pair::TokenPair;
pub(crate) use writer::{Issuer, random_id};
