//! WebSockets on a real port: refused before the upgrade, and closed when their session ends.

use std::time::Duration;

use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::response::Response;
use futures_util::SinkExt as _;
use jwt_auth::routing::any;
use jwt_auth::session::SessionEnd;
use jwt_auth::ws::GuardedSocket;
use jwt_auth::{
    AccessToken, Config, GuardedRouter, JwtAuth, ManualClock, TokenLocation, jwt_required,
};
use tests::{bearer, config};
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

/// Sends without receiving: a send notices the end of the session too.
#[jwt_required]
async fn ticks(auth: JwtAuth, token: AccessToken, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(move |socket| async move {
        let mut socket = GuardedSocket::new(socket, auth.clone(), token.clone());
        socket.send(Message::text("one")).await.expect("open");
        auth.revoke(&token).await.expect("recorded");
        assert!(socket.send(Message::text("two")).await.is_err());
        assert_eq!(socket.ended(), Some(SessionEnd::Revoked));
        assert!(socket.recv().await.is_none());
    })
}

async fn serve(change: impl FnOnce(Config) -> Config) -> (String, JwtAuth, ManualClock) {
    use TokenLocation::{Cookie, Header, Query, WebSocketProtocol};
    let (config, clock) = config();
    let config = config.token_location([Header, Cookie, Query, WebSocketProtocol]);
    let auth = change(config).build().expect("a valid configuration");
    let app: axum::Router = GuardedRouter::new()
        .route("/echo", any(echo))
        .route("/ticks", any(ticks))
        .with_state(auth.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    (address.to_string(), auth, clock)
}

async fn connect(
    address: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> Result<Socket, (u16, String)> {
    let mut request = format!("ws://{address}{path}").into_client_request().expect("a request");
    for (name, value) in headers {
        let name: tungstenite::http::HeaderName = name.parse().expect("a name");
        request.headers_mut().append(name, value.parse().expect("a value"));
    }
    match connect_async(request).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(response)) => {
            let body = response.body().clone().unwrap_or_default();
            Err((response.status().as_u16(), String::from_utf8_lossy(&body).into_owned()))
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
async fn a_bad_token_is_refused_before_the_upgrade_and_a_good_one_is_read_from_every_location() {
    let (address, auth, _) = serve(|config| config).await;
    let status = |outcome: Result<Socket, (u16, String)>| outcome.err().map(|(status, _)| status);
    assert_eq!(status(connect(&address, "/echo", &[]).await), Some(401));
    let pair = auth.log_in("alice").await.expect("a pair");
    let token = pair.access_token();
    let header = bearer(token);
    let (query, protocol) = (format!("/echo?access_token={token}"), format!("bearer, {token}"));
    for (path, headers) in [
        ("/echo", vec![("authorization", header.as_str())]),
        (query.as_str(), vec![]),
        ("/echo", vec![("sec-websocket-protocol", protocol.as_str())]),
    ] {
        let mut socket = connect(&address, path, &headers).await.expect("admitted");
        assert!(is_open(&mut socket).await, "{path} {headers:?}");
    }
    for bad in [pair.refresh_token(), "junk"] {
        let protocol = format!("bearer, {bad}");
        let outcome = connect(&address, "/echo", &[("sec-websocket-protocol", &protocol)]).await;
        assert_eq!(status(outcome), Some(401));
    }
}

#[tokio::test]
async fn x6_an_upgrade_with_a_cookie_and_a_foreign_origin_or_no_csrf_value_is_refused() {
    let (address, auth, _) = serve(|config| config).await;
    let pair = auth.log_in("alice").await.expect("a pair");
    let cookie = format!("__Host-access_token_cookie={}", pair.access_token());
    let csrf = pair.access_csrf_token().expect("a value");
    let (own, by_protocol) = (format!("http://{address}"), format!("csrf, {csrf}"));
    let cookie = ("cookie", cookie.as_str());
    for headers in [
        vec![cookie, ("origin", own.as_str()), ("x-csrf-token", csrf)],
        vec![cookie, ("origin", own.as_str()), ("sec-websocket-protocol", by_protocol.as_str())],
        vec![cookie, ("x-csrf-token", csrf)],
    ] {
        let mut socket = connect(&address, "/echo", &headers).await.expect("admitted");
        assert!(is_open(&mut socket).await);
    }
    for (headers, status, code) in [
        (
            vec![cookie, ("origin", "https://evil.example"), ("x-csrf-token", csrf)],
            403,
            "request_cross_site",
        ),
        (vec![cookie, ("origin", own.as_str())], 401, "csrf_missing"),
        (vec![cookie, ("origin", own.as_str()), ("x-csrf-token", "x")], 401, "csrf_mismatch"),
        (vec![cookie], 401, "csrf_missing"),
    ] {
        let (refused, body) = connect(&address, "/echo", &headers).await.expect_err("refused");
        assert_eq!(refused, status);
        assert!(body.contains(code), "{body}");
    }
    let (address, auth, _) = serve(|config| config.trusted_origins(["https://app.example"])).await;
    let pair = auth.log_in("alice").await.expect("a pair");
    let cookie = format!("__Host-access_token_cookie={}", pair.access_token());
    let csrf = pair.access_csrf_token().expect("a value");
    let headers =
        [("cookie", cookie.as_str()), ("origin", "https://app.example"), ("x-csrf-token", csrf)];
    assert!(connect(&address, "/echo", &headers).await.is_ok());
}

#[tokio::test]
async fn an_open_socket_is_closed_with_1008_when_its_session_is_revoked() {
    let (address, auth, _) = serve(|config| config).await;
    let pair = auth.log_in("alice").await.expect("a pair");
    let header = bearer(pair.access_token());
    let mut socket =
        connect(&address, "/echo", &[("authorization", &header)]).await.expect("admitted");
    assert!(is_open(&mut socket).await);
    auth.log_out(auth.verify_access(pair.access_token()).await.expect("a valid token"))
        .await
        .expect("recorded");
    assert_eq!(close_code(next(&mut socket).await), Some(1008));
    let header = bearer(&auth.access_token("bob").issue().expect("a token"));
    let mut socket =
        connect(&address, "/ticks", &[("authorization", &header)]).await.expect("admitted");
    assert_eq!(next(&mut socket).await, tungstenite::Message::text("one"));
    assert_eq!(close_code(next(&mut socket).await), Some(1008));
}

#[tokio::test]
async fn an_open_socket_is_closed_with_1008_when_its_token_expires() {
    let (address, auth, clock) = serve(|config| config).await;
    let header = bearer(&auth.access_token("alice").issue().expect("a token"));
    let mut socket =
        connect(&address, "/echo", &[("authorization", &header)]).await.expect("admitted");
    assert!(is_open(&mut socket).await);
    clock.advance(Duration::from_secs(900));
    assert_eq!(close_code(next(&mut socket).await), Some(1008));
}

#[tokio::test(start_paused = true)]
async fn ended_reports_whether_the_token_expired_was_revoked_or_cannot_be_checked() {
    let (config, clock) = config();
    let is_broken = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let flag = std::sync::Arc::clone(&is_broken);
    let auth = config
        .decode_leeway(Duration::from_secs(5))
        .denylist(move |_: &jwt_auth::TokenIdentity<'_>| {
            let is_broken = flag.load(std::sync::atomic::Ordering::Relaxed);
            async move { if is_broken { Err("down") } else { Ok(false) } }
        })
        .build()
        .expect("a valid configuration");
    let token = auth
        .verify_access(&auth.access_token("a").issue().expect("a token"))
        .await
        .expect("a valid token");
    let wait_for_end = async |auth: JwtAuth| {
        tokio::time::timeout(Duration::from_secs(2), auth.ended(&token)).await.ok()
    };
    assert_eq!(wait_for_end(auth.clone()).await, None);
    clock.advance(Duration::from_secs(904));
    assert_eq!(wait_for_end(auth.clone()).await, None, "within the leeway");
    is_broken.store(true, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(wait_for_end(auth.clone()).await, Some(SessionEnd::Unavailable));
    assert_eq!(SessionEnd::Unavailable.close_code(), 1013);
    is_broken.store(false, std::sync::atomic::Ordering::Relaxed);
    auth.log_out_everywhere("a").await.expect("recorded");
    assert_eq!(wait_for_end(auth.clone()).await, Some(SessionEnd::Revoked));
    clock.advance(Duration::from_secs(1));
    assert_eq!(wait_for_end(auth.clone()).await, Some(SessionEnd::Expired));
}
