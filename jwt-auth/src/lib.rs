#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[doc(hidden)]
pub mod __private;
mod auth;
mod base64url;
mod claims;
mod clock;
mod config;
pub mod danger;
mod error;
mod guard;
pub mod guide;
mod http;
mod issue;
mod json;
mod keys;
pub mod layer;
mod no_store;
mod refresh;
mod revocation;
mod router;
mod secret;
#[cfg(feature = "testing")]
#[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
pub mod testing;
mod token;
mod validation;
mod verify;
#[cfg(feature = "ws")]
#[cfg_attr(docsrs, doc(cfg(feature = "ws")))]
pub mod ws;

pub use auth::{JwtAuth, SessionEnd, VerifiedToken};
pub use claims::TokenKind;
pub use clock::{Clock, ManualClock, SystemClock};
pub use config::{AsyncHook, Compat, Config, ConfigError, ConfigProblem, SameSite, TokenLocation};
pub use error::{AuthError, AuthErrorKind};
pub use guard::{CurrentUser, HoldsJwtAuth, LoadUser, Permission};
pub use http::SetCookies;
pub use issue::{
    AccessKind, BuilderKind, LogInKind, PairKind, RefreshKind, TokenBuilder, TokenPair,
};
pub use jwt_auth_macros::{jwt_required, load_config, public, refresh_required};
pub use keys::{Algorithm, Key, KeyMaterial, KeyRing, UnknownAlgorithm};
pub use revocation::{
    MemoryStore, NewSession, Revocation, RevocationStore, Rotate, Rotation, Session, Standing,
    StoreError, TokenIdentity,
};
#[cfg(feature = "postgres")]
#[cfg_attr(docsrs, doc(cfg(feature = "postgres")))]
pub use revocation::{PostgresStore, PostgresStoreBuilder};
#[cfg(feature = "redis")]
#[cfg_attr(docsrs, doc(cfg(feature = "redis")))]
pub use revocation::{RedisStore, RedisStoreBuilder};
#[cfg(feature = "sqlite")]
#[cfg_attr(docsrs, doc(cfg(feature = "sqlite")))]
pub use revocation::{SqliteStore, SqliteStoreBuilder};
pub use router::{
    Caller, GuardedArguments, GuardedHandler, GuardedRouter, IsGuard, Manifest, ManifestEntry,
    routing,
};
pub use secret::Secret;
pub use token::{AccessToken, NoClaims, RefreshToken};
