//! Sends each event to the log, to the metrics and to listeners.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::broadcast;

use crate::event::{AuthEvent, RequestLine};

/// How many events a listener may be behind.
const WAITING: usize = 1024;

static LISTENERS: AtomicUsize = AtomicUsize::new(0);
static CHANNEL: LazyLock<broadcast::Sender<AuthEvent>> =
    LazyLock::new(|| broadcast::Sender::new(WAITING));

/// Whether there is a listener. The request of a decision is copied only then.
pub(crate) fn has_listeners() -> bool {
    LISTENERS.load(Ordering::Relaxed) > 0
}

/// A registered listener.
pub(super) struct Listener(pub(super) broadcast::Receiver<AuthEvent>);

impl Listener {
    pub(super) fn new() -> Self {
        LISTENERS.fetch_add(1, Ordering::Relaxed);
        Self(CHANNEL.subscribe())
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        LISTENERS.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A guard admitted a request. It is not part of [`emit`], because it must cost little: it happens with each request.
pub(crate) fn admitted(guard: &'static str, request: impl FnOnce() -> RequestLine) {
    #[cfg(feature = "metrics")]
    crate::event::metrics::count_admitted(guard);
    if has_listeners() {
        let _ = CHANNEL.send(AuthEvent::Admitted { guard, request: Some(request()) });
    }
}

/// Counts an event, delivers it, and logs it unless the caller does. For the crates of this workspace.
#[doc(hidden)]
pub fn emit(event: AuthEvent) {
    log(&event);
    #[cfg(feature = "metrics")]
    crate::event::metrics::count(&event);
    if has_listeners() {
        let _ = CHANNEL.send(event);
    }
}

/// Writes an event to the log, by its name in the OWASP Logging Vocabulary. The others are logged by their callers, which know
/// more about them.
fn log(event: &AuthEvent) {
    match event {
        AuthEvent::LoggedIn => {
            tracing::debug!(target: "jwt_auth", event = "authn_login_success", "a user logged in");
        }
        AuthEvent::Issued { kind } => {
            tracing::debug!(target: "jwt_auth", event = "authn_token_created", %kind, "a token was issued");
        }
        AuthEvent::Refreshed => {
            tracing::debug!(target: "jwt_auth", event = "authn_token_refreshed", "a session was refreshed");
        }
        AuthEvent::Revoked { what } => {
            let what = what.name();
            tracing::info!(target: "jwt_auth", event = "authn_token_revoked", what, "tokens were revoked");
        }
        AuthEvent::Admitted { .. }
        | AuthEvent::Refused { .. }
        | AuthEvent::Reused
        | AuthEvent::KeyCreated { .. }
        | AuthEvent::StoreFailed { .. }
        | AuthEvent::StoreRecovered { .. }
        | AuthEvent::IssuerFetched { .. }
        | AuthEvent::Lost { .. } => {}
    }
}
