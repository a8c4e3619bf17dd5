//! WebSockets on a real port: refused before the upgrade, and closed when the session ends.

use std::time::Duration;

use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::response::Response;
use futures_util::SinkExt as _;
use jwt_auth::routing::any;
use jwt_auth::ws::GuardedSocket;
use jwt_auth::{
    AccessToken, Config, GuardedRouter, JwtAuth, ManualClock, SessionEnd, TokenLocation,
    jwt_required,
};
use tests::config;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{self, Error};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

#[jwt_required]
async fn echo(auth: JwtAuth, token: AccessToken, upgrade: WebSocketUpgrade) -> Response {
    upgrade.protocols(["bearer", "csrf", "chat"]).on_upgrade(move |socket| async move {
        let mut socket = GuardedSocket::new(socket, auth, token);
        while let Some(Ok(message)) = socket.recv().await {
            if socket.send(message).await.is_err() {
                break;
            }
        }
    })
}

/// Sends on its own, and never listens: the end is seen there too.
#[jwt_required]
async fn ticks(auth: JwtAuth, token: AccessToken, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(move |socket| async move {
        let mut socket = GuardedSocket::new(socket, auth.clone(), token.clone());
        socket.send(Message::text("one")).await.expect("open");
        auth.revoke(&token).await.expect("held");
        assert!(socket.send(Message::text("two")).await.is_err());
        assert_eq!(socket.ended(), Some(SessionEnd::Revoked));
        assert!(socket.recv().await.is_none());
    })
}

async fn serve(change: impl FnOnce(Config) -> Config) -> (String, JwtAuth, ManualClock) {
    use TokenLocation::{Cookie, Header, Query, WebSocketProtocol};
    let (config, clock) = config();
    let config = config.token_location([Header, Cookie, Query, WebSocketProtocol]);
    let auth = change(config).build().expect("good");
    let app: axum::Router = GuardedRouter::new()
        .route("/echo", any(echo))
        .route("/ticks", any(ticks))
        .with_state(auth.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    (at.to_string(), auth, clock)
}

async fn connect(at: &str, path: &str, lines: &[(&str, &str)]) -> Result<Socket, (u16, String)> {
    let mut request = format!("ws://{at}{path}").into_client_request().expect("a request");
    for (name, value) in lines {
        let name: tungstenite::http::HeaderName = name.parse().expect("a name");
        request.headers_mut().append(name, value.parse().expect("a value"));
    }
    match connect_async(request).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(answer)) => {
            let body = answer.body().clone().unwrap_or_default();
            Err((answer.status().as_u16(), String::from_utf8_lossy(&body).into_owned()))
        }
        Err(error) => panic!("{error}"),
    }
}

async fn next(socket: &mut Socket) -> tungstenite::Message {
    use futures_util::StreamExt as _;
    let message = tokio::time::timeout(Duration::from_secs(10), socket.next()).await;
    message.expect("in time").expect("open").expect("a message")
}

async fn is_open(socket: &mut Socket) -> bool {
    socket.send(tungstenite::Message::text("hello")).await.expect("sent");
    next(socket).await == tungstenite::Message::text("hello")
}

fn close_code(message: tungstenite::Message) -> Option<u16> {
    match message {
        tungstenite::Message::Close(Some(frame)) => Some(frame.code.into()),
        _ => None,
    }
}

#[tokio::test]
async fn refused_before_the_upgrade_and_let_in_from_every_place() {
    let (at, auth, _) = serve(|config| config).await;
    let refused = |answer: Result<Socket, (u16, String)>| answer.err().map(|(status, _)| status);
    assert_eq!(refused(connect(&at, "/echo", &[]).await), Some(401));
    let pair = auth.log_in("alice").await.expect("a pair");
    let token = pair.access_token();
    let header = format!("Bearer {token}");
    let (query, protocol) = (format!("/echo?access_token={token}"), format!("bearer, {token}"));
    for (path, lines) in [
        ("/echo", vec![("authorization", header.as_str())]),
        (query.as_str(), vec![]),
        ("/echo", vec![("sec-websocket-protocol", protocol.as_str())]),
    ] {
        let mut socket = connect(&at, path, &lines).await.expect("let in");
        assert!(is_open(&mut socket).await, "{path} {lines:?}");
    }
    for bad in [pair.refresh_token(), "junk"] {
        let protocol = format!("bearer, {bad}");
        let answer = connect(&at, "/echo", &[("sec-websocket-protocol", &protocol)]).await;
        assert_eq!(refused(answer), Some(401));
    }
}

#[tokio::test]
async fn x6_by_cookie_a_foreign_origin_and_a_missing_value_stay_out() {
    let (at, auth, _) = serve(|config| config).await;
    let pair = auth.log_in("alice").await.expect("a pair");
    let cookie = format!("__Host-access_token_cookie={}", pair.access_token());
    let csrf = pair.access_csrf_token().expect("a value");
    let (own, by_protocol) = (format!("http://{at}"), format!("csrf, {csrf}"));
    let cookie = ("cookie", cookie.as_str());
    for lines in [
        vec![cookie, ("origin", own.as_str()), ("x-csrf-token", csrf)],
        vec![cookie, ("origin", own.as_str()), ("sec-websocket-protocol", by_protocol.as_str())],
        vec![cookie, ("x-csrf-token", csrf)],
    ] {
        let mut socket = connect(&at, "/echo", &lines).await.expect("let in");
        assert!(is_open(&mut socket).await);
    }
    for (lines, status, code) in [
        (
            vec![cookie, ("origin", "https://evil.example"), ("x-csrf-token", csrf)],
            403,
            "request_cross_site",
        ),
        (vec![cookie, ("origin", own.as_str())], 401, "csrf_missing"),
        (vec![cookie, ("origin", own.as_str()), ("x-csrf-token", "x")], 401, "csrf_mismatch"),
        (vec![cookie], 401, "csrf_missing"),
    ] {
        let (refused, body) = connect(&at, "/echo", &lines).await.expect_err("refused");
        assert_eq!(refused, status);
        assert!(body.contains(code), "{body}");
    }
    let trusted = auth_with_trust().await;
    let pair = trusted.1.log_in("alice").await.expect("a pair");
    let cookie = format!("__Host-access_token_cookie={}", pair.access_token());
    let csrf = pair.access_csrf_token().expect("a value");
    let lines =
        [("cookie", cookie.as_str()), ("origin", "https://app.example"), ("x-csrf-token", csrf)];
    assert!(connect(&trusted.0, "/echo", &lines).await.is_ok());
}

async fn auth_with_trust() -> (String, JwtAuth) {
    let (at, auth, _) = serve(|config| config.trusted_origins(["https://app.example"])).await;
    (at, auth)
}

#[tokio::test]
async fn an_open_socket_is_closed_with_1008_when_its_session_is_revoked() {
    let (at, auth, _) = serve(|config| config).await;
    let pair = auth.log_in("alice").await.expect("a pair");
    let header = format!("Bearer {}", pair.access_token());
    let mut socket = connect(&at, "/echo", &[("authorization", &header)]).await.expect("let in");
    assert!(is_open(&mut socket).await);
    auth.log_out(auth.verify_access(pair.access_token()).await.expect("good")).await.expect("held");
    assert_eq!(close_code(next(&mut socket).await), Some(1008));
    let header = format!("Bearer {}", auth.access_token("bob").issue().expect("a token"));
    let mut socket = connect(&at, "/ticks", &[("authorization", &header)]).await.expect("let in");
    assert_eq!(next(&mut socket).await, tungstenite::Message::text("one"));
    assert_eq!(close_code(next(&mut socket).await), Some(1008));
}

#[tokio::test]
async fn an_open_socket_is_closed_with_1008_when_its_token_expires() {
    let (at, auth, clock) = serve(|config| config).await;
    let header = format!("Bearer {}", auth.access_token("alice").issue().expect("a token"));
    let mut socket = connect(&at, "/echo", &[("authorization", &header)]).await.expect("let in");
    assert!(is_open(&mut socket).await);
    clock.advance(Duration::from_secs(900));
    assert_eq!(close_code(next(&mut socket).await), Some(1008));
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_session_is_told_apart() {
    let (config, clock) = config();
    let broken = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let seen = std::sync::Arc::clone(&broken);
    let auth = config
        .decode_leeway(Duration::from_secs(5))
        .denylist(move |_: &jwt_auth::TokenIdentity<'_>| {
            let broken = seen.load(std::sync::atomic::Ordering::Relaxed);
            async move { if broken { Err("down") } else { Ok(false) } }
        })
        .build()
        .expect("good");
    let token =
        auth.verify_access(&auth.access_token("a").issue().expect("a token")).await.expect("good");
    let waiting = async |auth: JwtAuth| {
        tokio::time::timeout(Duration::from_secs(2), auth.ended(&token)).await.ok()
    };
    assert_eq!(waiting(auth.clone()).await, None);
    clock.advance(Duration::from_secs(904));
    assert_eq!(waiting(auth.clone()).await, None, "within the leeway");
    broken.store(true, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(waiting(auth.clone()).await, Some(SessionEnd::Unavailable));
    assert_eq!(SessionEnd::Unavailable.close_code(), 1013);
    broken.store(false, std::sync::atomic::Ordering::Relaxed);
    auth.log_out_everywhere("a").await.expect("held");
    assert_eq!(waiting(auth.clone()).await, Some(SessionEnd::Revoked));
    clock.advance(Duration::from_secs(1));
    assert_eq!(waiting(auth.clone()).await, Some(SessionEnd::Expired));
}
