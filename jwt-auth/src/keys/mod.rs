//! Keys: each has one algorithm, is checked when it is loaded, and is selected by its id when a token arrives.

mod algorithm;
mod backend;
mod jwk;
mod jwk_set;
mod key;
mod key_ring;
mod load;
mod loaded_ring;
mod material;
mod own_headers;
mod pem;
mod thumbprint;
mod weak_keys;

pub use algorithm::Algorithm;
pub(crate) use algorithm::Family;
pub(crate) use backend::LONGEST_SIGNATURE;
pub use jwk_set::JwkSet;
pub use key::Key;
pub use key_ring::KeyRing;
pub(crate) use load::{KeyProblem, Leniency, LoadedKey, secret_command};
pub(crate) use loaded_ring::{LoadedRing, MOST_WITHOUT_ID};
pub use material::KeyMaterial;
pub(crate) use material::stray_ends;

pub use crate::error::UnknownName;
