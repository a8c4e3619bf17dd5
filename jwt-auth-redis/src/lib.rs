//! A store of [jwt-auth](jwt_auth) in Redis or Valkey: revocations and sessions for several nodes.
//!
//! [`RedisStore`] connects to one server, by Sentinel, or to a Cluster, with TLS (`rediss://`). jwt-auth's chapter on
//! [stores](jwt_auth::guide::stores) explains how to choose, which settings the server needs, and what it can lose.
//!
//! ```no_run
//! use jwt_auth::Config;
//! use jwt_auth_redis::RedisStore;
//!
//! # async fn start() -> Result<(), Box<dyn std::error::Error>> {
//! let store = RedisStore::connect("rediss://redis.example.com").await?;
//! let auth = Config::from_env().revocation(store).build()?;
//! # drop(auth);
//! # Ok(())
//! # }
//! ```
#![cfg_attr(docsrs, feature(doc_cfg))]

mod connection;
mod log;
mod scripts;
mod store;

pub use store::{RedisStore, RedisStoreBuilder};
