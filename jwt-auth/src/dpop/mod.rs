//! DPoP (RFC 9449): proofs by which the sender of a request shows that it has the key of its token.

mod proof;
mod target;

pub(crate) use proof::{Expected, Proof, algorithms};
