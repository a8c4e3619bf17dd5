//! Middleware: what a guard alone cannot do, since it sees the request's head and never the answer.
//!
//! ```
//! use jwt_auth::{Config, GuardedRouter, JwtAuth, TokenLocation};
//!
//! let auth = Config::hs256([7; 32]).token_location([TokenLocation::Cookie]).build()?;
//! let router: GuardedRouter<JwtAuth> = GuardedRouter::new().layer(auth.implicit_refresh());
//! # drop(router);
//! # Ok::<(), jwt_auth::ConfigError>(())
//! ```

mod csrf_form;
mod implicit_refresh;
mod no_store;

pub use csrf_form::{CsrfForm, CsrfFormLayer};
pub use implicit_refresh::{ImplicitRefresh, ImplicitRefreshLayer, NoImplicitRefresh};
pub(crate) use no_store::Noting;
pub use no_store::{NoStore, NoStoreLayer};
