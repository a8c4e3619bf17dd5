//! The chat on a real port, with a real client.

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
    at: String,
    app: axum::Router,
    auth: JwtAuth,
    clock: ManualClock,
    alice: TokenPair,
}

impl Server {
    async fn start() -> Self {
        let clock = ManualClock::at(1_700_000_000);
        let auth = super::auth(Config::hs256([7; 32]).clock(clock.clone())).unwrap();
        let alice = auth.log_in("alice").await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap().to_string();
        let app = super::app(auth.clone());
        let served = app.clone();
        tokio::spawn(async move { axum::serve(listener, served).await });
        Self { at, app, auth, clock, alice }
    }

    /// A socket, or the status and the body of the refusal.
    async fn open(&self, path: &str, headers: &[(&str, &str)]) -> Result<Socket, (u16, String)> {
        let mut request = format!("ws://{}{path}", self.at).into_client_request().unwrap();
        for (name, value) in headers {
            let name = name.parse::<HeaderName>().unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        match connect_async(request).await {
            Ok((socket, _)) => Ok(socket),
            Err(Error::Http(answer)) => {
                let body = answer.body().clone().unwrap_or_default();
                Err((answer.status().as_u16(), String::from_utf8(body).unwrap()))
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

async fn say(socket: &mut Socket, text: &str) {
    socket.send(Message::text(text)).await.unwrap();
}

async fn hear(socket: &mut Socket) -> String {
    socket.next().await.unwrap().unwrap().into_text().unwrap().to_string()
}

/// The code and the reason that the server closed with.
async fn closed(socket: &mut Socket) -> (u16, String) {
    let Message::Close(Some(frame)) = socket.next().await.unwrap().unwrap() else {
        panic!("not closed");
    };
    (frame.code.into(), frame.reason.to_string())
}

#[tokio::test]
async fn a_stranger_is_refused_before_the_upgrade() {
    let server = Server::start().await;
    let (status, body) = server.open("/chat", &[]).await.unwrap_err();
    assert_eq!(status, 401);
    assert!(body.contains("token_missing"), "{body}");
    let refresh = format!("Bearer {}", server.alice.refresh_token());
    let headers = [("authorization", refresh.as_str())];
    assert_eq!(server.open("/chat", &headers).await.unwrap_err().0, 401);
}

#[tokio::test]
async fn a_program_sends_its_token_in_the_header() {
    let server = Server::start().await;
    let mut alice = server.open_by_header().await;
    say(&mut alice, "hello").await;
    assert_eq!(hear(&mut alice).await, "alice: hello");
    let bob = server.auth.log_in("bob").await.unwrap();
    let header = format!("Bearer {}", bob.access_token());
    let mut bob = server.open("/chat", &[("authorization", &header)]).await.unwrap();
    say(&mut bob, "hi").await;
    assert_eq!(hear(&mut bob).await, "bob: hi");
    assert_eq!(hear(&mut alice).await, "bob: hi");
}

#[tokio::test]
async fn a_script_sends_its_token_as_a_subprotocol() {
    let server = Server::start().await;
    let offered = format!("bearer, {}", server.alice.access_token());
    // The client insists that one of the protocols is named back.
    let mut alice = server.open("/chat", &[("sec-websocket-protocol", &offered)]).await.unwrap();
    say(&mut alice, "hello").await;
    assert_eq!(hear(&mut alice).await, "alice: hello");
}

#[tokio::test]
async fn a_cookie_counts_for_pages_of_this_host_with_the_csrf_value() {
    let server = Server::start().await;
    let cookie = format!("__Host-access_token_cookie={}", server.alice.access_token());
    let value = format!("csrf, {}", server.alice.access_csrf_token().unwrap());
    let own = format!("http://{}", server.at);
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
    say(&mut alice, "hello").await;
    assert_eq!(hear(&mut alice).await, "alice: hello");
}

#[tokio::test]
async fn a_token_may_come_in_the_first_message() {
    let server = Server::start().await;
    let mut alice = server.open("/late-chat", &[]).await.unwrap();
    say(&mut alice, server.alice.access_token()).await;
    say(&mut alice, "hello").await;
    assert_eq!(hear(&mut alice).await, "alice: hello");
    for (text, reason) in [
        ("hello", "The token is malformed"),
        (server.alice.refresh_token(), "Only access tokens are allowed"),
    ] {
        let mut stranger = server.open("/late-chat", &[]).await.unwrap();
        say(&mut stranger, text).await;
        assert_eq!(closed(&mut stranger).await, (1008, reason.to_owned()));
    }
}

#[tokio::test]
async fn a_log_out_closes_the_sockets_of_the_session_and_no_others() {
    let server = Server::start().await;
    let [mut first, mut second] = [server.open_by_header().await, server.open_by_header().await];
    let other = server.auth.log_in("alice").await.unwrap();
    let header = format!("Bearer {}", other.access_token());
    let mut other = server.open("/chat", &[("authorization", &header)]).await.unwrap();
    let request = Request::post("/logout").header("authorization", server.bearer());
    let answer = server.app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    for socket in [&mut first, &mut second] {
        assert_eq!(closed(socket).await, (1008, "Token has been revoked".to_owned()));
    }
    let bearer = server.bearer();
    assert_eq!(server.open("/chat", &[("authorization", &bearer)]).await.unwrap_err().0, 401);
    say(&mut other, "still here").await;
    assert_eq!(hear(&mut other).await, "alice: still here");
}

#[tokio::test]
async fn a_socket_is_closed_when_its_token_expires() {
    let server = Server::start().await;
    let mut alice = server.open_by_header().await;
    say(&mut alice, "hello").await;
    assert_eq!(hear(&mut alice).await, "alice: hello");
    server.clock.advance(Duration::from_secs(16 * 60));
    // The guard looks again within a second.
    assert_eq!(closed(&mut alice).await, (1008, "Signature has expired".to_owned()));
}
