#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod auth;
mod base64url;
mod clock;
pub mod config;
pub mod danger;
mod dpop;
mod error;
mod event;
pub mod guard;
pub mod guide;
mod identity_hasher;
mod json;
pub mod keys;
pub mod layer;
pub mod router;
#[cfg(feature = "utoipa")]
mod schemas;
mod secret;
pub mod session;
#[cfg(feature = "testing")]
#[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
pub mod testing;
pub mod token;
mod token_kind;
mod web;
#[cfg(feature = "ws")]
#[cfg_attr(docsrs, doc(cfg(feature = "ws")))]
pub mod ws;

pub use auth::{JwtAuth, Keys, Rotation};
pub use clock::{Clock, ManualClock};
#[doc(inline)]
pub use config::{
    Compat, Config, ConfigError, GrantRequest, Grants, KeyRotation, PreviousCookie, SameSite,
    TokenLocation,
};
pub use error::{AuthError, AuthErrorKind};
pub use guard::{Checked, CurrentUser, JsonRefreshToken, LoadUser, LogOut};
pub use jwt_auth_macros::{Permission, check, jwt_required, load_config, public, refresh_required};
#[doc(inline)]
pub use keys::{Algorithm, Key, KeyMaterial, KeyRing};
#[doc(inline)]
pub use router::{GuardedRouter, routing};
#[doc(inline)]
pub use session::{MemoryStore, TokenIdentity};
#[doc(inline)]
pub use token::{
    AccessToken, DpopProof, IssuedToken, Permission, RefreshToken, TokenKind, TokenPair,
};
pub use web::SetCookies;

/// What happens to tokens and requests, as events.
pub mod events {
    pub use crate::event::{AuthEvent, Events, RequestLine, RevokedWhat};
}

/// The errors of every module.
pub mod errors {
    pub use crate::config::{ConfigError, ConfigProblem};
    pub use crate::error::{AuthError, AuthErrorKind, BoxError, RefusedToken, UnknownName};
    pub use crate::session::StoreError;
}

/// Paths for generated code. Not public API: anything may change.
#[doc(hidden)]
pub mod __private {
    pub use core;
    pub use std::string::String;

    pub use http::request::Parts;

    pub use crate::auth::{JwtAuth, Lookup};
    pub use crate::config::environment::{OptionRow, options};
    pub use crate::config::load::{Loaded, load};
    pub use crate::config::{ConfigError, TokenLocation};
    pub use crate::error::{AuthError, Verdict};
    pub use crate::event::emit;
    pub use crate::guard::{
        Access, AnyOf, Body, Check, CheckContext, CheckParameter, CheckRefusal, CheckResult,
        ChecksOf, Guard, GuardKind, GuardSpec, HasCheck, MayHaveCheck, NoBody, NoChecks, OfAccess,
        OfRefresh, OtherParameter, Parameter, PlainCheck, Policy, Probe, Public, Refresh, Refused,
        RefusedByApplication, Returned, ReturnedValue, RunCheck, RunChecks, is_same_function,
    };
    pub use crate::keys::new_private_key;
    pub use crate::token::Permission;

    /// Builds the configuration that a function under `#[load_config]` returned.
    ///
    /// # Errors
    ///
    /// Every problem at once.
    pub fn build<M, T: Loaded<M>>(loaded: T) -> Result<JwtAuth, ConfigError> {
        load(loaded)?.build()
    }

    /// Starts the configuration that an `async` function under `#[load_config]` returned.
    ///
    /// # Errors
    ///
    /// Every problem at once.
    pub async fn start<M, T: Loaded<M>>(loaded: T) -> Result<JwtAuth, ConfigError> {
        load(loaded)?.start().await
    }
}
