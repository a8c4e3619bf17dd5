//! A WebSocket that closes when its token expires or is revoked.

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};

use crate::auth::JwtAuth;
use crate::session::SessionEnd;
use crate::token::VerifiedToken;

/// A [`WebSocket`] that closes when its token expires or is revoked.
///
/// It closes with code 1008, or with 1013 if the store can no longer check the token. After that it neither
/// receives nor sends messages.
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

/// How long a peer may take to read the close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

impl GuardedSocket {
    /// Wraps a socket that was opened with the token.
    ///
    /// ```
    /// use axum::extract::ws::WebSocket;
    /// use jwt_auth::{AccessToken, JwtAuth, ws::GuardedSocket};
    ///
    /// fn guard(socket: WebSocket, auth: JwtAuth, token: AccessToken) -> GuardedSocket {
    ///     GuardedSocket::new(socket, auth, token)
    /// }
    /// ```
    pub fn new<T>(socket: WebSocket, auth: JwtAuth, token: T) -> Self
    where
        T: VerifiedToken + Send + 'static,
    {
        let end = Box::pin(async move { auth.ended(&token).await });
        Self { socket, end, ended: None, closed: false }
    }

    /// Receives the next message.
    ///
    /// Returns `None` if the peer disconnected, or if the session ended and the socket was closed.
    ///
    /// ```
    /// use axum::extract::ws::Message;
    /// use jwt_auth::ws::GuardedSocket;
    ///
    /// async fn count_texts(mut socket: GuardedSocket) -> usize {
    ///     let mut texts = 0;
    ///     while let Some(Ok(message)) = socket.recv().await {
    ///         texts += usize::from(matches!(message, Message::Text(_)));
    ///     }
    ///     texts
    /// }
    /// ```
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
    /// If the peer disconnected, or the session ended. The socket is then closed, and the peer may or may not have
    /// received the message.
    ///
    /// ```
    /// # use jwt_auth::ws::GuardedSocket;
    /// async fn send_news(mut socket: GuardedSocket, news: Vec<String>) -> Result<(), axum::Error> {
    ///     for line in news {
    ///         socket.send(line.into()).await?; // an error once the session ended
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub async fn send(&mut self, message: Message) -> Result<(), axum::Error> {
        if self.ended.is_none() {
            // The end of the session is checked first, and again while a slow peer reads.
            let end = tokio::select! {
                biased;
                end = &mut self.end => end,
                sent = self.socket.send(message) => return sent,
            };
            self.ended = Some(end);
        }
        self.close().await;
        Err(axum::Error::new(Ended))
    }

    /// Why the session ended, if it did.
    ///
    /// ```
    /// # use jwt_auth::{session::SessionEnd, ws::GuardedSocket};
    /// async fn read_all(mut socket: GuardedSocket) {
    ///     while let Some(Ok(_)) = socket.recv().await {}
    ///     if socket.ended() == Some(SessionEnd::Revoked) {
    ///         println!("the user logged out");
    ///     }
    /// }
    /// ```
    pub fn ended(&self) -> Option<SessionEnd> {
        self.ended
    }

    async fn close(&mut self) {
        let Some(end) = self.ended.filter(|_| !self.closed) else { return };
        let frame = CloseFrame { code: end.close_code(), reason: end.reason().into() };
        // A peer that disconnected or does not read gets no close frame.
        let sent = self.socket.send(Message::Close(Some(frame)));
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, sent).await;
        self.closed = true;
    }
}

/// The session of a socket ended.
#[derive(Debug, thiserror::Error)]
#[error("the session of this socket ended")]
struct Ended;

impl fmt::Debug for GuardedSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardedSocket").field("ended", &self.ended).finish_non_exhaustive()
    }
}
