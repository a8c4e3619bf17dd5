//! The router that accepts only guarded handlers, and the manifest of its routes.

mod grpc;
mod guarded_handler;
mod guarded_router;
mod guarded_service;
mod manifest;
mod no_store_handler;
mod require_layer;
mod route_access;
pub mod routing;
mod well_known;

pub use guarded_handler::{GuardedArguments, GuardedHandler, IsGuard};
pub use guarded_router::GuardedRouter;
pub use manifest::{Manifest, ManifestEntry};
pub use route_access::RouteAccess;

pub use crate::guard::{HoldsJwtAuth, Require};
