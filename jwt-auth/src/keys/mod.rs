//! Keys: each has one algorithm, is checked when it is loaded, and is selected by its id when a token arrives.

mod algorithm;
mod backend;
mod jwk;
mod jwk_set;
mod key;
mod key_directory;
mod key_ring;
mod key_state;
mod key_status;
mod live_ring;
mod load;
mod loaded_ring;
mod material;
mod new_key;
mod own_headers;
mod pem;
mod public_jwk;
mod read_jwk_set;
mod remote;
mod ring_key;
mod thumbprint;
mod weak_keys;
mod wrapping;

pub use algorithm::Algorithm;
pub(crate) use algorithm::Family;
pub(crate) use backend::{LONGEST_SIGNATURE, digest};
pub use jwk_set::JwkSet;
pub use key::Key;
pub(crate) use key_directory::{REVOKED, name_of};
pub use key_ring::KeyRing;
pub use key_state::KeyState;
pub use key_status::KeyStatus;
pub(crate) use live_ring::LiveRing;
pub(crate) use load::{KeyProblem, Leniency, LoadedKey, load, secret_command};
pub(crate) use loaded_ring::{LoadedRing, MOST_WITHOUT_ID, RingTerms, next_version};
pub use material::KeyMaterial;
pub(crate) use material::stray_ends;
pub(crate) use new_key::{new_private_key, write_new_file};
pub(crate) use public_jwk::public_jwk;
pub(crate) use remote::RemoteSigner;
pub use remote::{SignError, Signature, Signer};
pub(crate) use ring_key::RingKey;
pub(crate) use thumbprint::Thumbprint;
pub(crate) use wrapping::WrappingKey;

pub use crate::error::UnknownName;
