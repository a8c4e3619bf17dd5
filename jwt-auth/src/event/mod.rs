//! What happens to tokens and requests, as events: for logs, for metrics and for listeners.

mod auth_event;
mod emit;
mod events;
#[cfg(feature = "metrics")]
mod metrics;

pub use auth_event::{AuthEvent, RequestLine, RevokedWhat};
pub use emit::emit;
pub(crate) use emit::{admitted, has_listeners};
pub use events::Events;
