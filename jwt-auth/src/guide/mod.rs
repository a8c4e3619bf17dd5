//! The guide: chapters on topics that involve more than one item.
//!
//! - [`security`]: what the crate trusts, and every rule with its threat, its default and how to weaken it.
//! - [`cookies_and_csrf`]: sessions in a browser's cookies, and how they are protected from other sites.
//! - [`routers`]: groups of routes, services, middleware, states of other frameworks, and tests of handlers.
//! - [`authorization`]: checks that see the path and the database: owners, tenants, policy engines.
//! - [`locations`]: where a request can carry a token, and which location decides.
//! - [`websockets`]: guards before the upgrade, and sockets that close with their token.
//! - [`revoking`]: log-outs and revocations, and what happens when the store cannot answer.
//! - [`sessions`]: the life of a session: refreshes, what ends it, remember me, roles that change.
//! - [`stores`]: where revocations and sessions are stored: one process, one machine, a fleet.
//! - [`operating`]: what to watch, and what to do: store down, failover, wrong clock, leaked key, a user with a 401.
//! - [`keys`]: keys that change on a schedule or by hand, a leaked key, another algorithm, several services, KMS.
//! - [`issuers`]: tokens of Keycloak, Auth0, Entra and others under the same attributes.
//! - [`dpop`]: tokens that are bound to a key of the client (RFC 9449).
//! - [`testing`]: tokens, requests and an issuer for your tests, and a test of every route at once.
//! - [`compile_errors`]: what the compiler says, and the line to write.
//! - [`errors`]: every refusal, by code, status and challenge.
//! - [`why_401`]: what each code means, where to look, and what to do.
//! - [`other_libraries`]: tokens of PyJWT, python-jose, joserfc, npm jose and jsonwebtoken, in both directions.
//! - [`coming_from_jsonwebtoken`]: from a hand-written extractor to guards, without a log-out.
//! - [`coming_from_fastapi_jwt_auth`]: each name of that module next to ours, and how to migrate a live system.
//! - [`coming_from_flask_jwt_extended`]: the same for users of flask-jwt-extended and AuthX.
//! - [`upgrading`]: versions, minimum Rust version, deprecations, rolling upgrades.

#[doc = include_str!("security.md")]
pub mod security {}

#[doc = include_str!("cookies_and_csrf.md")]
pub mod cookies_and_csrf {}

#[doc = include_str!("routers.md")]
pub mod routers {}

#[doc = include_str!("authorization.md")]
pub mod authorization {}

#[doc = include_str!("locations.md")]
pub mod locations {}

#[cfg_attr(feature = "ws", doc = include_str!("websockets.md"))]
#[cfg_attr(not(feature = "ws"), doc = "Turn on the feature `ws` to read this chapter.")]
pub mod websockets {}

#[doc = include_str!("frameworks.md")]
pub mod frameworks {}

#[doc = include_str!("sessions.md")]
pub mod sessions {}

#[doc = include_str!("revoking.md")]
pub mod revoking {}

#[cfg_attr(feature = "testing", doc = include_str!("stores.md"))]
#[cfg_attr(not(feature = "testing"), doc = "Turn on the feature `testing` to read this chapter.")]
pub mod stores {}

#[doc = include_str!("operating.md")]
pub mod operating {}

#[doc = include_str!("keys.md")]
pub mod keys {}

#[doc = include_str!("issuers.md")]
pub mod issuers {}

#[doc = include_str!("dpop.md")]
pub mod dpop {}

#[cfg_attr(feature = "testing", doc = include_str!("testing.md"))]
#[cfg_attr(not(feature = "testing"), doc = "Turn on the feature `testing` to read this chapter.")]
pub mod testing {}

#[doc = include_str!("compile_errors.md")]
pub mod compile_errors {}

#[doc = include_str!("errors.md")]
pub mod errors {}

#[doc = include_str!("why_401.md")]
pub mod why_401 {}

#[doc = include_str!("other_libraries.md")]
pub mod other_libraries {}

#[doc = include_str!("coming_from_jsonwebtoken.md")]
pub mod coming_from_jsonwebtoken {}

#[doc = include_str!("coming_from_fastapi_jwt_auth.md")]
pub mod coming_from_fastapi_jwt_auth {}

#[doc = include_str!("coming_from_flask_jwt_extended.md")]
pub mod coming_from_flask_jwt_extended {}

#[doc = include_str!("upgrading.md")]
pub mod upgrading {}
