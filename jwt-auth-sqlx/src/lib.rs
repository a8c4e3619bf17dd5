//! Stores of [jwt-auth](jwt_auth) in PostgreSQL and SQLite: revocations and sessions that survive a restart.
//!
//! | store | feature | for |
//! |---|---|---|
//! | [`PostgresStore`] | `postgres` | several machines |
//! | [`SqliteStore`] | `sqlite` | the processes of one machine |
//!
//! Both are on by default, and so is `tls`, for connections to PostgreSQL. jwt-auth's chapter on
//! [stores](jwt_auth::guide::stores) explains how to choose, and what each can lose.
//!
//! ```no_run
//! use jwt_auth::Config;
//! use jwt_auth_sqlx::SqliteStore;
//!
//! # async fn start() -> Result<(), Box<dyn std::error::Error>> {
//! let store = SqliteStore::open("sessions.db").await?;
//! let auth = Config::from_env().revocation(store).build()?;
//! # drop(auth);
//! # Ok(())
//! # }
//! ```
#![cfg_attr(docsrs, feature(doc_cfg))]

mod numbers;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "sqlite")]
mod sqlite;

#[cfg(feature = "postgres")]
#[cfg_attr(docsrs, doc(cfg(feature = "postgres")))]
pub use postgres::{PostgresStore, PostgresStoreBuilder};
#[cfg(feature = "sqlite")]
#[cfg_attr(docsrs, doc(cfg(feature = "sqlite")))]
pub use sqlite::{SqliteStore, SqliteStoreBuilder};
