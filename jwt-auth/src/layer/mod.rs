//! Layers for tasks that guards cannot do: a guard sees only the head of a request, and never the response.
//!
//! ```
//! use jwt_auth::{Config, GuardedRouter, JwtAuth, KeyMaterial, TokenLocation};
//!
//! let auth = Config::hs256(KeyMaterial::ephemeral()).token_location([TokenLocation::Cookie]).build()?;
//! let router: GuardedRouter<JwtAuth> = GuardedRouter::new().layer(auth.implicit_refresh());
//! # drop(router);
//! # Ok::<(), jwt_auth::ConfigError>(())
//! ```

mod csrf_form;
mod implicit_refresh;
mod no_store;
mod request_span;

pub use csrf_form::{CsrfForm, CsrfFormFuture, CsrfFormLayer};
pub use implicit_refresh::{
    ImplicitRefresh, ImplicitRefreshFuture, ImplicitRefreshLayer, NoImplicitRefresh,
};
pub use no_store::{NoStore, NoStoreFuture, NoStoreLayer, Storable};
