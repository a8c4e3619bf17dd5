//! Tokens: reading turns bytes into a verified token, issuing turns claims into bytes.
//!
//! | direction | steps |
//! |---|---|
//! | reading | compact form, header, signature, claims, validation, cache |
//! | issuing | builder, request, draft, writer |

mod cache;
mod claims;
mod compact;
mod confirmation;
mod diagnosis;
mod foreign;
mod header;
mod introspection;
mod issue;
mod object_writer;
mod permission;
mod response_mark;
#[cfg(test)]
mod rfc_vectors;
mod trusted;
mod validation;
mod verified_tokens;
mod verify;
#[cfg(test)]
mod wycheproof;

pub(crate) use cache::Cache;
pub(crate) use claims::{Claims, LAST_SECOND, numeric_date};
pub(crate) use compact::{Segments, text as compact_text};
pub use confirmation::DpopProof;
pub(crate) use confirmation::Possession;
pub(crate) use diagnosis::{diagnose, refused_token};
pub use issue::{
    AccessKind, BuilderKind, IssuedToken, LogInKind, PairKind, RefreshKind, TokenBuilder, TokenPair,
};
pub(crate) use issue::{Issuer, Life, Named, SessionGeneration, random_id, with_claims};
pub use permission::Permission;
pub(crate) use response_mark::{mark_response, poll_marked};
pub(crate) use trusted::{AllKeys, Question, Trusted};
pub(crate) use validation::{Expected, is_expired};
pub use verified_tokens::{AccessToken, NoClaims, RefreshToken, VerifiedToken};
pub(crate) use verify::{Introspected, Verification, Verified, verify, verify_introspected};

pub(crate) use crate::config::MAX_TOKEN;
pub use crate::secret::Secret;
pub use crate::token_kind::TokenKind;
