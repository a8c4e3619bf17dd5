//! Tokens of identity providers for [jwt-auth](jwt_auth): their keys over HTTP, and presets for well-known ones.
//!
//! [`Issuer`] describes a provider. [`Config::trust`](jwt_auth::Config::trust) accepts its access tokens under the same
//! attributes as our own.
//!
//! ```
//! use jwt_auth::{Config, KeyMaterial};
//! use jwt_auth_oidc::Issuer;
//!
//! let auth0 = Issuer::auth0("acme.eu.auth0.com").audience(["https://api.example.com"]);
//! let auth = Config::hs256(KeyMaterial::ephemeral()).trust(auth0).build()?;
//! # drop(auth);
//! # Ok::<(), jwt_auth::ConfigError>(())
//! ```
//!
//! # When keys are fetched
//!
//! | what | how |
//! |---|---|
//! | the first time | with the first token of the issuer, which waits; or by [`Issuer::prefetch`] |
//! | again | in the background, at 80 % of their life: `Cache-Control: max-age` between a minute and a day, else 10 minutes, ±10 % |
//! | a token of an unknown key | at most every 30 seconds, counted from the attempt; the token waits for it, at most 2 seconds |
//! | a fetch that fails | the last keys count for an hour longer; then tokens of the issuer are 503, not 401 |
//! | limits | 5 seconds and 512 KiB for a response, 100 keys, no redirects, `https` but for loopback addresses |
//!
//! For opaque tokens, [`Issuer::introspect`] queries the issuer about each token instead (RFC 7662).
//!
//! A fetch is a task of its own: a client that goes away does not cancel it for the others.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod discovery;
mod fetch;
#[cfg(feature = "http")]
mod http_client;
mod introspection_client;
mod issuer;
mod key_client;
mod presets;

pub use fetch::{Fetch, FetchError, Fetched};
#[cfg(feature = "http")]
#[cfg_attr(docsrs, doc(cfg(feature = "http")))]
pub use http_client::HttpClient;
pub use issuer::Issuer;

/// For `cargo jwt-auth`. Not public API.
#[doc(hidden)]
pub mod __private {
    pub use crate::discovery::document;
    pub use crate::fetch::Fetcher;
}
