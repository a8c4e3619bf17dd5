//! A WebSocket that ends with the token that opened it.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};

use crate::auth::{JwtAuth, SessionEnd, VerifiedToken};

/// A [`WebSocket`] that is closed with code 1008 when its token expires or is revoked, and then gives and
/// takes no more messages.
///
/// ```
/// use axum::extract::ws::WebSocketUpgrade;
/// use axum::response::Response;
/// use jwt_auth::{AccessToken, JwtAuth, jwt_required, ws::GuardedSocket};
///
/// #[jwt_required(locations(header, cookie))] // refused before the upgrade
/// async fn echo(auth: JwtAuth, token: AccessToken, upgrade: WebSocketUpgrade) -> Response {
///     upgrade.on_upgrade(move |socket| async move {
///         let mut socket = GuardedSocket::new(socket, auth, token);
///         while let Some(Ok(message)) = socket.recv().await {
///             if socket.send(message).await.is_err() {
///                 break;
///             }
///         }
///     })
/// }
/// ```
pub struct GuardedSocket {
    socket: WebSocket,
    end: Pin<Box<dyn Future<Output = SessionEnd> + Send>>,
    ended: Option<SessionEnd>,
    closed: bool,
}

/// How long a peer may take to read the goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

impl GuardedSocket {
    /// Watches the token from now on.
    pub fn new<T>(socket: WebSocket, auth: JwtAuth, token: T) -> Self
    where
        T: VerifiedToken + Send + 'static,
    {
        let end = Box::pin(async move { auth.ended(&token).await });
        Self { socket, end, ended: None, closed: false }
    }

    /// The next message; `None` when the peer is gone, or the session is over and the socket was closed.
    pub async fn recv(&mut self) -> Option<Result<Message, axum::Error>> {
        if self.ended.is_none() {
            let end = tokio::select! {
                biased;
                end = &mut self.end => end,
                message = self.socket.recv() => return message,
            };
            self.ended = Some(end);
        }
        self.close().await;
        None
    }

    /// Sends a message.
    ///
    /// # Errors
    ///
    /// When the peer is gone, or the session is over: then the socket was closed, and whether the peer still
    /// got the message is not known.
    pub async fn send(&mut self, message: Message) -> Result<(), axum::Error> {
        if self.ended.is_none() {
            // The end is looked at first, and watched while a slow peer reads.
            let end = tokio::select! {
                biased;
                end = &mut self.end => end,
                sent = self.socket.send(message) => return sent,
            };
            self.ended = Some(end);
        }
        self.close().await;
        Err(axum::Error::new(Over))
    }

    /// Why the session is over, when it is.
    pub fn ended(&self) -> Option<SessionEnd> {
        self.ended
    }

    async fn close(&mut self) {
        let Some(end) = self.ended.filter(|_| !self.closed) else { return };
        let frame = CloseFrame { code: end.close_code(), reason: end.reason().into() };
        // A peer that is gone, or does not read, gets no goodbye.
        let goodbye = self.socket.send(Message::Close(Some(frame)));
        let _ = tokio::time::timeout(GOODBYE, goodbye).await;
        self.closed = true;
    }
}

/// The session of a socket is over.
#[derive(Debug, thiserror::Error)]
#[error("the session of this socket is over")]
struct Over;

impl fmt::Debug for GuardedSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardedSocket").field("ended", &self.ended).finish_non_exhaustive()
    }
}
