//! The default HTTP client and discovery, against real servers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::http::StatusCode;
use axum::response::Redirect;
use axum::routing::get;
use jwt_auth_oidc::Issuer;
use serde_json::json;
use tests::provider::ED;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

use crate::{auth, set, verdict};

async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

async fn error(issuer: Issuer) -> String {
    issuer.prefetch().await.expect_err("refused").to_string()
}

#[tokio::test]
async fn a_provider_is_discovered_and_its_keys_are_fetched() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let issuer = format!("http://{}/tenant", listener.local_addr().expect("an address"));
    let document = json!({ "issuer": issuer, "jwks_uri": format!("{issuer}/keys") }).to_string();
    let fetches = Arc::new(AtomicUsize::new(0));
    let (counted, wrong) = (Arc::clone(&fetches), document.replace("/tenant\"", "/other\""));
    let app = Router::new()
        .route("/tenant/.well-known/openid-configuration", get(move || async move { document }))
        .route("/wrong/.well-known/openid-configuration", get(move || async move { wrong }))
        .route(
            "/tenant/keys",
            get(move || async move {
                counted.fetch_add(1, Ordering::SeqCst);
                set(&[ED.jwk()])
            }),
        );
    tokio::spawn(async move { axum::serve(listener, app).await });

    let trusted = Issuer::discover(issuer.as_str()).audience(["notes"]).prefetch().await;
    let auth = auth(trusted.expect("fetched"));
    let mut claims = crate::claims();
    claims["iss"] = issuer.as_str().into();
    for _ in 0..10 {
        assert_eq!(verdict(&auth, &ED.sign(Some("at+jwt"), &claims)).await, Ok(()));
    }
    assert_eq!(fetches.load(Ordering::SeqCst), 1);
    let wrong = error(Issuer::discover(issuer.replace("/tenant", "/wrong"))).await;
    assert!(wrong.contains("the document is that of the issuer"), "{wrong}");
    let missing = error(Issuer::discover(issuer.replace("/tenant", "/missing"))).await;
    assert!(missing.contains("the status is 404"), "{missing}");
}

#[tokio::test]
async fn what_a_server_may_do_wrong_is_an_error_that_says_so() {
    let app = Router::new()
        .route("/redirect", get(|| async { Redirect::temporary("/keys") }))
        .route("/keys", get(|| async { set(&[ED.jwk()]) }))
        .route("/error", get(|| async { StatusCode::INTERNAL_SERVER_ERROR }))
        .route("/large", get(|| async { "x".repeat(100_000_000) }))
        .route("/html", get(|| async { "<html>log in</html>" }));
    let address = serve(app).await;
    let at = |path: &str| Issuer::jwks("https://login.example", format!("http://{address}{path}"));
    assert!(at("/keys").prefetch().await.is_ok());
    for (path, expected) in [
        ("/redirect", "the status is 307"),
        ("/error", "the status is 500"),
        ("/large", "the body has more than 512 KiB"),
        ("/html", "the JWK set is not a JSON object"),
    ] {
        let error = error(at(path)).await;
        assert!(error.contains(expected), "{path}: {error}");
    }
    let plain = Issuer::jwks("https://login.example", "http://login.example/keys");
    assert!(error(plain).await.contains("an issuer needs an `https` address"));
    let closed = Issuer::jwks("https://login.example", "http://127.0.0.1:1/keys");
    assert!(error(closed).await.contains("refused"));
}

#[tokio::test]
async fn a_server_that_sends_one_byte_a_second_is_given_up_after_five() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let head = "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n";
                let _ = stream.write_all(head.as_bytes()).await;
                while stream.write_all(b"{").await.is_ok() {
                    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
                }
            });
        }
    });
    let slow = Issuer::jwks("https://login.example", format!("http://{address}/keys"));
    assert!(error(slow).await.contains("no answer within 5 s"));
}
