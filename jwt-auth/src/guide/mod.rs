//! Chapters: what takes more than one item to explain.
//!
//! - [`cookies_and_csrf`]: sessions in a browser's cookies, and what keeps other sites from using them.
//! - [`locations`]: where a token may stand in a request, and which place decides.
//! - [`websockets`]: guards before the upgrade, and sockets that end with their token.
//! - [`revoking`]: taking tokens back, and what happens when nobody can say whether one was.
//! - [`errors`]: every refusal, by code, status and challenge.
//! - [`coming_from_fastapi_jwt_auth`]: every name of that module and ours, and how to move a live system.

#[doc = include_str!("cookies_and_csrf.md")]
pub mod cookies_and_csrf {}

#[doc = include_str!("locations.md")]
pub mod locations {}

#[cfg_attr(feature = "ws", doc = include_str!("websockets.md"))]
#[cfg_attr(
    not(feature = "ws"),
    doc = "Written for the feature `ws`: turn it on to read this chapter."
)]
pub mod websockets {}

#[doc = include_str!("revoking.md")]
pub mod revoking {}

#[doc = include_str!("errors.md")]
pub mod errors {}

#[doc = include_str!("coming_from_fastapi_jwt_auth.md")]
pub mod coming_from_fastapi_jwt_auth {}
