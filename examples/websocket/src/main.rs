//! A chat over WebSockets: strangers are refused before the upgrade, and a socket ends with its token.

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
    // With cookies among them, tokens are made with the CSRF value that an upgrade by cookie repeats.
    config.token_location([TokenLocation::Header, TokenLocation::Cookie])
}

#[derive(Clone, FromRef)]
struct App {
    auth: JwtAuth,
    room: Room,
}

/// What is said goes to everybody who is in the room, the speaker too.
type Room = broadcast::Sender<String>;

/// A page's script sends its token by `new WebSocket(url, ["bearer", token])`, or, with a session in
/// cookies, the CSRF value by `new WebSocket(url, ["csrf", value])`.
#[jwt_required(locations(header, cookie, websocket_protocol))]
async fn chat(
    auth: JwtAuth,
    token: AccessToken,
    State(room): State<Room>,
    upgrade: WebSocketUpgrade,
) -> Response {
    // One of the protocols that were offered is named back, else a browser drops the connection.
    upgrade.protocols(["bearer", "csrf"]).max_message_size(LONGEST).on_upgrade(
        move |socket| async move {
            let name = token.subject().to_owned();
            talk(GuardedSocket::new(socket, auth, token), &name, &room).await;
        },
    )
}

const LONGEST: usize = 16 * 1024;

/// Until the peer leaves, or the token's session is over and the socket was closed with code 1008.
async fn talk(mut socket: GuardedSocket, name: &str, room: &Room) {
    let mut heard = room.subscribe();
    loop {
        tokio::select! {
            said = socket.recv() => match said {
                Some(Ok(Message::Text(text))) => {
                    // It fails when nobody listens, and this socket does.
                    let _ = room.send(format!("{name}: {text}"));
                }
                Some(Ok(_)) => {}
                _ => return,
            },
            line = heard.recv() => match line {
                Ok(line) => {
                    if socket.send(Message::from(line)).await.is_err() {
                        return;
                    }
                }
                // A peer that reads too slowly misses lines.
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return,
            },
        }
    }
}

/// For clients that can send a token in a message alone. The upgrade is open to all, so a stranger holds a
/// socket until the token is asked for in vain: prefer `/chat`.
#[public]
async fn late_chat(auth: JwtAuth, State(room): State<Room>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.max_message_size(LONGEST).on_upgrade(move |mut socket| async move {
        match first_message(&auth, &mut socket).await {
            Ok(token) => {
                let name = token.subject().to_owned();
                talk(GuardedSocket::new(socket, auth, token), &name, &room).await;
            }
            Err(reason) => {
                let frame = CloseFrame { code: 1008, reason: reason.into() };
                // A peer that is gone needs no goodbye.
                let _ = socket.send(Message::Close(Some(frame))).await;
            }
        }
    })
}

/// The token of the first message, verified as a guard would.
async fn first_message(auth: &JwtAuth, socket: &mut WebSocket) -> Result<AccessToken, String> {
    match tokio::time::timeout(Duration::from_secs(5), socket.recv()).await {
        Ok(Some(Ok(Message::Text(token)))) => {
            auth.verify_access(&token).await.map_err(|error| error.detail().to_owned())
        }
        _ => Err("The first message is an access token".to_owned()),
    }
}

/// Closes the sockets of the session too.
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
        Ok(port) => port.parse().map_err(|_| "PORT is a number from 0 to 65535")?,
        Err(_) => 3000,
    };
    let auth = auth(Config::from_env())?;
    // The quickstart shows a log-in; here are tokens to paste.
    let [alice, bob] = [auth.log_in("alice").await?, auth.log_in("bob").await?];
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    let at = listener.local_addr()?;
    println!("Listening on http://{at}. Paste into three terminals:\n");
    for pair in [&alice, &bob] {
        let token = pair.access_token();
        println!("websocat ws://{at}/chat -H 'Authorization: Bearer {token}'\n");
    }
    let token = bob.access_token();
    println!("curl -i -X POST {at}/logout -H 'Authorization: Bearer {token}'");
    axum::serve(listener, app(auth)).await?;
    Ok(())
}
