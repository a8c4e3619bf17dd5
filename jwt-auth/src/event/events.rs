//! `Events`: the events from now on.

use std::fmt;

use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use crate::event::AuthEvent;
use crate::event::emit::Listener;

/// The events of this process from now on. [`JwtAuth::events`](crate::JwtAuth::events) returns it.
///
/// Requests never wait for a listener. One that is more than 1024 events behind loses the oldest, and gets
/// [`AuthEvent::Lost`] instead of them.
///
/// ```
/// use jwt_auth::events::AuthEvent;
/// use jwt_auth::{Config, KeyMaterial};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let auth = Config::hs256(KeyMaterial::ephemeral()).build()?;
/// let mut events = auth.events();
/// auth.log_in("alice").await?;
/// while let Some(event) = events.next().await {
///     if event == AuthEvent::LoggedIn {
///         break;
///     }
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Events(Listener);

impl Events {
    /// Those of this process, before there is a `JwtAuth`. For the crates of this workspace.
    #[doc(hidden)]
    pub fn of_process() -> Self {
        Self(Listener::new())
    }

    /// Waits for the next event. Never returns `None`: the channel lives as long as the process.
    ///
    /// The example of [`Events`] calls it.
    ///
    /// ```
    /// # async fn watch(mut events: jwt_auth::events::Events) {
    /// while let Some(event) = events.next().await {
    ///     println!("{event:?}");
    /// }
    /// # }
    /// ```
    pub async fn next(&mut self) -> Option<AuthEvent> {
        match self.0.0.recv().await {
            Ok(event) => Some(event),
            Err(RecvError::Lagged(count)) => Some(AuthEvent::Lost { count }),
            Err(RecvError::Closed) => None,
        }
    }

    /// The next event, if there is one already.
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial};
    /// let auth = Config::hs256(KeyMaterial::ephemeral()).build()?;
    /// let mut events = auth.events();
    /// while let Some(event) = events.try_next() {
    ///     println!("{event:?}");
    /// }
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// ```
    pub fn try_next(&mut self) -> Option<AuthEvent> {
        match self.0.0.try_recv() {
            Ok(event) => Some(event),
            Err(TryRecvError::Lagged(count)) => Some(AuthEvent::Lost { count }),
            Err(TryRecvError::Empty | TryRecvError::Closed) => None,
        }
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}
