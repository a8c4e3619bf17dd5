//! Chapters: what takes more than one item to explain.
//!
//! - [`cookies_and_csrf`]: sessions in a browser's cookies, and what keeps other sites from using them.
//! - [`locations`]: where a token may stand in a request, and which place decides.
//! - [`websockets`]: guards before the upgrade, and sockets that end with their token.
//! - [`revoking`]: taking tokens back, and what happens when nobody can say whether one was.
//! - [`stores`]: where that is remembered: one process, one machine, a fleet; what each promises.
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

#[cfg_attr(
    all(feature = "sqlite", feature = "postgres", feature = "redis", feature = "testing"),
    doc = include_str!("stores.md")
)]
#[cfg_attr(
    not(all(feature = "sqlite", feature = "postgres", feature = "redis", feature = "testing")),
    doc = "Written for the features `sqlite`, `postgres`, `redis` and `testing`: turn them on to read this chapter."
)]
pub mod stores {}

#[doc = include_str!("errors.md")]
pub mod errors {}

#[doc = include_str!("coming_from_fastapi_jwt_auth.md")]
pub mod coming_from_fastapi_jwt_auth {}
