//! Keys: one algorithm each, judged when they are loaded, found by id when a token comes in.

mod algorithm;
mod backend;
mod jwk;
mod key;
mod known;
mod load;
mod ring;
mod thumbprint;
mod weak;

pub use algorithm::{Algorithm, UnknownAlgorithm};
pub use key::{Key, KeyMaterial};
pub use ring::KeyRing;

pub(crate) use algorithm::Family;
pub(crate) use backend::LONGEST_SIGNATURE;
pub(crate) use load::{KeyProblem, Leniency, LoadedKey, secret_command};
pub(crate) use ring::LoadedRing;
