//! A chat over WebSockets: the guard runs before the upgrade, and a socket is closed when its token expires or is
//! revoked.

#[cfg(test)]
mod tests;

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{FromRef, State};
use axum::http::StatusCode;
use axum::response::Response;
use jwt_auth::routing::{any, post};
use jwt_auth::ws::GuardedSocket;
use jwt_auth::{
    AccessToken, AuthError, Config, GuardedRouter, JwtAuth, TokenLocation, jwt_required,
    load_config, public,
};
use tokio::sync::broadcast;

#[load_config]
fn auth(config: Config) -> Config {
    // With cookies as a location, tokens contain the CSRF value that an upgrade with a cookie must repeat.
    config.token_location([TokenLocation::Header, TokenLocation::Cookie])
}

#[derive(Clone, FromRef)]
struct App {
    auth: JwtAuth,
    room: Room,
}

/// A message goes to every socket in the room, including the sender's.
type Room = broadcast::Sender<String>;

/// The script of a page sends its token with `new WebSocket(url, ["bearer", token])`, or, with a session in cookies, the
/// CSRF value with `new WebSocket(url, ["csrf", value])`.
#[jwt_required(locations(header, cookie, websocket_protocol))]
async fn chat(
    auth: JwtAuth,
    token: AccessToken,
    State(room): State<Room>,
    upgrade: WebSocketUpgrade,
) -> Response {
    // The response names one of the offered protocols, or the browser drops the connection.
    upgrade.protocols(["bearer", "csrf"]).max_message_size(MAX_MESSAGE_SIZE).on_upgrade(
        move |socket| async move {
            let name = token.subject().to_owned();
            talk(GuardedSocket::new(socket, auth, token), &name, &room).await;
        },
    )
}

const MAX_MESSAGE_SIZE: usize = 16 * 1024;

/// Runs until the peer leaves, or until the session ends and the socket is closed with code 1008.
async fn talk(mut socket: GuardedSocket, name: &str, room: &Room) {
    let mut messages = room.subscribe();
    loop {
        tokio::select! {
            received = socket.recv() => match received {
                Some(Ok(Message::Text(text))) => {
                    // This fails only if there are no receivers, and this socket is one.
                    let _ = room.send(format!("{name}: {text}"));
                }
                Some(Ok(_)) => {}
                _ => return,
            },
            line = messages.recv() => match line {
                Ok(line) => {
                    if socket.send(Message::from(line)).await.is_err() {
                        return;
                    }
                }
                // A peer that reads too slowly misses messages.
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return,
            },
        }
    }
}

/// For clients that can send a token only in a message. The upgrade is public, so anyone can hold a socket open for five
/// seconds. Prefer `/chat`.
#[public]
async fn late_chat(auth: JwtAuth, State(room): State<Room>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.max_message_size(MAX_MESSAGE_SIZE).on_upgrade(move |mut socket| async move {
        match first_message(&auth, &mut socket).await {
            Ok(token) => {
                let name = token.subject().to_owned();
                talk(GuardedSocket::new(socket, auth, token), &name, &room).await;
            }
            Err(reason) => {
                let frame = CloseFrame { code: 1008, reason: reason.into() };
                // The peer may have left already.
                let _ = socket.send(Message::Close(Some(frame))).await;
            }
        }
    })
}

/// The token in the first message, verified as a guard would.
async fn first_message(auth: &JwtAuth, socket: &mut WebSocket) -> Result<AccessToken, String> {
    match tokio::time::timeout(Duration::from_secs(5), socket.recv()).await {
        Ok(Some(Ok(Message::Text(token)))) => {
            auth.verify_access(&token).await.map_err(|error| error.detail().to_owned())
        }
        _ => Err("The first message must be an access token".to_owned()),
    }
}

/// Also closes the sockets of the session.
#[jwt_required]
async fn logout(auth: JwtAuth, token: AccessToken) -> Result<StatusCode, AuthError> {
    auth.log_out(token).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn router() -> GuardedRouter<App> {
    GuardedRouter::new()
        .route("/chat", any(chat))
        .route("/late-chat", any(late_chat))
        .route("/logout", post(logout))
}

fn app(auth: JwtAuth) -> axum::Router {
    router().with_state(App { auth, room: broadcast::channel(64).0 })
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port: u16 = match std::env::var("PORT") {
        Ok(port) => port.parse().map_err(|_| "PORT must be a number from 0 to 65535")?,
        Err(_) => 3000,
    };
    let auth = auth(Config::from_env())?;
    // The quickstart has a log-in route; this example prints tokens to paste.
    let [alice, bob] = [auth.log_in("alice").await?, auth.log_in("bob").await?];
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    let address = listener.local_addr()?;
    println!("Listening on http://{address}. Paste into three terminals:\n");
    for pair in [&alice, &bob] {
        let token = pair.access_token();
        println!("websocat ws://{address}/chat -H 'Authorization: Bearer {token}'\n");
    }
    let token = bob.access_token();
    println!("curl -i -X POST {address}/logout -H 'Authorization: Bearer {token}'");
    axum::serve(listener, app(auth)).await?;
    Ok(())
}
