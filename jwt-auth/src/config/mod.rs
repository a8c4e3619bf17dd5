//! The configuration: options with safe defaults, from code or from the environment, checked in `build`.

mod builder;
mod config_error;
mod cookies;
mod credential;
mod csrf;
#[cfg(feature = "serde-config")]
mod deserialize;
mod development_key;
mod dpop;
mod duration;
mod effective;
pub(crate) mod environment;
mod errors;
mod grants;
mod hooks;
mod introspection;
mod issuer_keys;
mod key_rotation;
mod legacy;
pub(crate) mod load;
mod locations;
mod previous_cookies;
mod resource;
mod service_variables;
mod sessions;
mod syntax;
mod token_rules;
mod trusted_issuer;
mod web_settings;

pub(crate) use builder::Checked;
pub use builder::Config;
pub use config_error::{ConfigError, ConfigProblem};
pub(crate) use cookies::{CookieName, CookieSettings, is_domain};
pub use cookies::{CookiePrefix, SameSite};
pub use credential::Credential;
#[cfg(test)]
pub(crate) use csrf::CsrfOptions;
pub(crate) use csrf::{CsrfSettings, is_safe};
pub(crate) use dpop::DpopNonces;
pub use grants::{GrantKind, GrantRequest, Grants};
pub use hooks::AsyncHook;
pub(crate) use hooks::{Additional, ClaimsCheck, Hooks, TokenQuery};
pub(crate) use introspection::ErasedIntrospect;
pub use introspection::Introspect;
pub(crate) use issuer_keys::{ErasedIssuerKeys, IssuerSource};
pub use issuer_keys::{IssuerKeySet, IssuerKeys};
pub use key_rotation::KeyRotation;
pub(crate) use key_rotation::{KeyHome, RotationPlan};
pub use legacy::Legacy;
pub(crate) use legacy::{ClaimNames, ClaimPath, KindRule, LegacyRules};
pub use locations::TokenLocation;
pub use previous_cookies::PreviousCookie;
pub(crate) use previous_cookies::deletion;
pub(crate) use resource::Resource;
pub(crate) use syntax::is_token_byte;
pub(crate) use token_rules::{MAX_TOKEN, TokenRules};
pub(crate) use trusted_issuer::IssuerRules;
pub use trusted_issuer::TrustedIssuer;
pub(crate) use web_settings::{MAX_COOKIE, WebSettings};

pub use crate::error::Compat;
