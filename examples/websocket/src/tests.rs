//! The chat on a real port, with a WebSocket client.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderName, Request, StatusCode};
use futures_util::{SinkExt as _, StreamExt as _};
use jwt_auth::{Config, JwtAuth, ManualClock, TokenPair};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use tower::ServiceExt as _;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

struct Server {
    address: String,
    app: axum::Router,
    auth: JwtAuth,
    clock: ManualClock,
    alice: TokenPair,
}

impl Server {
    async fn start() -> Self {
        let clock = ManualClock::at(1_700_000_000);
        let auth =
            super::auth(Config::hs256(jwt_auth::KeyMaterial::ephemeral()).clock(clock.clone()))
                .unwrap();
        let alice = auth.log_in("alice").await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let app = super::app(auth.clone());
        let router = app.clone();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, app, auth, clock, alice }
    }

    /// Opens a socket, or returns the status and the body of the refusal.
    async fn open(&self, path: &str, headers: &[(&str, &str)]) -> Result<Socket, (u16, String)> {
        let mut request = format!("ws://{}{path}", self.address).into_client_request().unwrap();
        for (name, value) in headers {
            let name = name.parse::<HeaderName>().unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        match connect_async(request).await {
            Ok((socket, _)) => Ok(socket),
            Err(Error::Http(response)) => {
                let body = response.body().clone().unwrap_or_default();
                Err((response.status().as_u16(), String::from_utf8(body).unwrap()))
            }
            Err(other) => panic!("{other}"),
        }
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.alice.access_token())
    }

    async fn open_by_header(&self) -> Socket {
        self.open("/chat", &[("authorization", &self.bearer())]).await.unwrap()
    }
}

async fn send(socket: &mut Socket, text: &str) {
    socket.send(Message::text(text)).await.unwrap();
}

async fn receive(socket: &mut Socket) -> String {
    socket.next().await.unwrap().unwrap().into_text().unwrap().to_string()
}

/// Receives the close frame of the server: its code and reason.
async fn receive_close(socket: &mut Socket) -> (u16, String) {
    let Message::Close(Some(frame)) = socket.next().await.unwrap().unwrap() else {
        panic!("not closed");
    };
    (frame.code.into(), frame.reason.to_string())
}

#[tokio::test]
async fn a_request_without_an_access_token_is_refused_before_the_upgrade() {
    let server = Server::start().await;
    let (status, body) = server.open("/chat", &[]).await.unwrap_err();
    assert_eq!(status, 401);
    assert!(body.contains("token_missing"), "{body}");
    let refresh = format!("Bearer {}", server.alice.refresh_token());
    let headers = [("authorization", refresh.as_str())];
    assert_eq!(server.open("/chat", &headers).await.unwrap_err().0, 401);
}

#[tokio::test]
async fn a_token_in_the_header_opens_a_socket() {
    let server = Server::start().await;
    let mut alice = server.open_by_header().await;
    send(&mut alice, "hello").await;
    assert_eq!(receive(&mut alice).await, "alice: hello");
    let bob = server.auth.log_in("bob").await.unwrap();
    let header = format!("Bearer {}", bob.access_token());
    let mut bob = server.open("/chat", &[("authorization", &header)]).await.unwrap();
    send(&mut bob, "hi").await;
    assert_eq!(receive(&mut bob).await, "bob: hi");
    assert_eq!(receive(&mut alice).await, "bob: hi");
}

#[tokio::test]
async fn a_token_as_a_subprotocol_opens_a_socket() {
    let server = Server::start().await;
    let offered = format!("bearer, {}", server.alice.access_token());
    // The client requires that the response names one of the protocols.
    let mut alice = server.open("/chat", &[("sec-websocket-protocol", &offered)]).await.unwrap();
    send(&mut alice, "hello").await;
    assert_eq!(receive(&mut alice).await, "alice: hello");
}

#[tokio::test]
async fn a_cookie_opens_a_socket_for_pages_of_this_host_with_the_csrf_value() {
    let server = Server::start().await;
    let cookie = format!("__Host-access_token_cookie={}", server.alice.access_token());
    let value = format!("csrf, {}", server.alice.access_csrf_token().unwrap());
    let own = format!("http://{}", server.address);
    let foreign = [
        ("cookie", cookie.as_str()),
        ("origin", "https://evil.example"),
        ("sec-websocket-protocol", value.as_str()),
    ];
    let (status, body) = server.open("/chat", &foreign).await.unwrap_err();
    assert_eq!(status, 403);
    assert!(body.contains("request_cross_site"), "{body}");
    let without = [foreign[0], ("origin", own.as_str())];
    let (status, body) = server.open("/chat", &without).await.unwrap_err();
    assert_eq!(status, 401);
    assert!(body.contains("csrf_missing"), "{body}");
    let ours = [foreign[0], without[1], foreign[2]];
    let mut alice = server.open("/chat", &ours).await.unwrap();
    send(&mut alice, "hello").await;
    assert_eq!(receive(&mut alice).await, "alice: hello");
}

#[tokio::test]
async fn a_token_in_the_first_message_opens_the_late_chat() {
    let server = Server::start().await;
    let mut alice = server.open("/late-chat", &[]).await.unwrap();
    send(&mut alice, server.alice.access_token()).await;
    send(&mut alice, "hello").await;
    assert_eq!(receive(&mut alice).await, "alice: hello");
    for (text, reason) in [
        ("hello", "The token is malformed"),
        (server.alice.refresh_token(), "Only access tokens are allowed"),
    ] {
        let mut socket = server.open("/late-chat", &[]).await.unwrap();
        send(&mut socket, text).await;
        assert_eq!(receive_close(&mut socket).await, (1008, reason.to_owned()));
    }
}

#[tokio::test]
async fn a_log_out_closes_the_sockets_of_its_session_only() {
    let server = Server::start().await;
    let [mut first, mut second] = [server.open_by_header().await, server.open_by_header().await];
    let other = server.auth.log_in("alice").await.unwrap();
    let header = format!("Bearer {}", other.access_token());
    let mut other = server.open("/chat", &[("authorization", &header)]).await.unwrap();
    let request = Request::post("/logout").header("authorization", server.bearer());
    let response = server.app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    for socket in [&mut first, &mut second] {
        assert_eq!(receive_close(socket).await, (1008, "Token has been revoked".to_owned()));
    }
    let bearer = server.bearer();
    assert_eq!(server.open("/chat", &[("authorization", &bearer)]).await.unwrap_err().0, 401);
    send(&mut other, "still here").await;
    assert_eq!(receive(&mut other).await, "alice: still here");
}

#[tokio::test]
async fn a_socket_is_closed_when_its_token_expires() {
    let server = Server::start().await;
    let mut alice = server.open_by_header().await;
    send(&mut alice, "hello").await;
    assert_eq!(receive(&mut alice).await, "alice: hello");
    server.clock.advance(Duration::from_secs(16 * 60));
    // The expiry is checked again within a second.
    assert_eq!(receive_close(&mut alice).await, (1008, "Signature has expired".to_owned()));
}

#[tokio::test]
async fn every_route_is_guarded() {
    let server = Server::start().await;
    let manifest = super::router().manifest();
    jwt_auth::testing::assert_manifest(&manifest, "routes.json");
    jwt_auth::testing::assert_guarded(server.app, &manifest).await;
}
