//! Who gets the page, and with which headers.

use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use axum::http::HeaderMap;
use serde_json::{Value, json};

use crate::client::{PAGES, app, get_page, send, text, with_headers};

fn assert_protected(headers: &HeaderMap) {
    assert_eq!(headers["cache-control"], "no-store");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert_eq!(headers["referrer-policy"], "no-referrer");
    let policy = headers["content-security-policy"].to_str().expect("valid");
    for part in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
}

#[tokio::test]
async fn every_page_is_served_with_headers_that_protect_it() {
    let (app, _) = app();
    for path in PAGES {
        let response = send(&app, get_page(path)).await;
        assert_eq!(response.status(), 200, "{path}");
        assert_protected(response.headers());
    }
    let html = text(send(&app, get_page("")).await).await;
    let inline = ["style=", "onclick", "<style", "<script>"];
    assert!(!inline.iter().any(|inline| html.contains(inline)), "the policy forbids inline code");
    let script = text(send(&app, get_page("/script.js")).await).await;
    for forbidden in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("] {
        assert!(!script.contains(forbidden), "{forbidden}");
    }
    let response = send(&app, get_page("/")).await;
    assert_eq!(response.headers()["location"], "../_jwt-auth");
}

#[tokio::test]
async fn only_hosts_of_this_machine_are_served() {
    let (app, _) = app();
    for host in ["localhost", "LOCALHOST:1", "127.0.0.1", "127.0.0.1:3000", "[::1]", "[::1]:80"] {
        let request = with_headers("GET", "", &[("host", host)], &Value::Null);
        assert_eq!(send(&app, request).await.status(), 200, "{host}");
    }
    let wrong = [
        "evil.example",
        "localhost.evil.example",
        "evil.example:3000",
        "127.0.0.1.evil.example",
        "127.0.0.2",
        "0.0.0.0:3000",
        "192.168.1.2",
        "localhost@evil.example",
        "evil.example@localhost",
        "",
    ];
    for host in wrong {
        for path in PAGES {
            let request = with_headers("GET", path, &[("host", host)], &Value::Null);
            let response = send(&app, request).await;
            assert_eq!(response.status(), 403, "{host} {path}");
            assert_protected(response.headers());
            assert!(text(response).await.starts_with("The developer's page"));
        }
    }
    let none = with_headers("GET", "", &[], &Value::Null);
    assert_eq!(send(&app, none).await.status(), 403);
    let two =
        with_headers("GET", "", &[("host", "localhost"), ("host", "a.example")], &Value::Null);
    assert_eq!(send(&app, two).await.status(), 403);
    let mut address = with_headers("GET", "", &[("host", "localhost")], &Value::Null);
    *address.uri_mut() = "http://evil.example/_jwt-auth".parse().expect("valid");
    assert_eq!(send(&app, address).await.status(), 403);
}

#[tokio::test]
async fn clients_of_other_machines_and_of_proxies_are_refused() {
    let (app, _) = app();
    for (peer, expected) in [
        ("127.0.0.1:5", 200),
        ("[::1]:5", 200),
        ("[::ffff:127.0.0.1]:5", 200),
        ("192.168.1.2:5", 403),
        ("[2001:db8::1]:5", 403),
    ] {
        let mut request = get_page("");
        let peer: SocketAddr = peer.parse().expect("valid");
        request.extensions_mut().insert(ConnectInfo(peer));
        assert_eq!(send(&app, request).await.status(), expected, "{peer}");
    }
    for name in ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip"] {
        let headers = [("host", "localhost"), (name, "127.0.0.1")];
        let response = send(&app, with_headers("GET", "/keys", &headers, &Value::Null)).await;
        assert_eq!(response.status(), 403, "{name}");
    }
}

#[tokio::test]
async fn requests_of_other_sites_are_refused() {
    let (app, _) = app();
    let host = ("host", "localhost:3000");
    let json_type = ("content-type", "application/json");
    let body = json!({ "subject": "alice" });
    let refused: [&[(&str, &str)]; 8] = [
        &[host, json_type],
        &[host, json_type, ("origin", "https://evil.example")],
        &[host, json_type, ("origin", "http://localhost:3001")],
        &[host, json_type, ("origin", "null")],
        &[host, json_type, ("sec-fetch-site", "same-site")],
        &[host, json_type, ("origin", "http://localhost:3000"), ("sec-fetch-site", "cross-site")],
        &[host, ("sec-fetch-site", "same-origin"), ("content-type", "text/plain")],
        &[host, ("sec-fetch-site", "same-origin")],
    ];
    for headers in refused {
        for path in ["/verify", "/mint", "/sessions", "/sessions/end"] {
            let response = send(&app, with_headers("POST", path, headers, &body)).await;
            assert_eq!(response.status(), 403, "{path} {headers:?}");
        }
    }
    for own in [("origin", "http://localhost:3000"), ("sec-fetch-site", "same-origin")] {
        let request = with_headers("POST", "/mint", &[host, json_type, own], &body);
        assert_eq!(send(&app, request).await.status(), 200, "{own:?}");
    }
    for (headers, expected) in [
        (&[host, ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "cors")][..], 403),
        (&[host, ("sec-fetch-site", "same-site"), ("sec-fetch-mode", "no-cors")], 403),
        (&[host, ("origin", "https://evil.example")], 403),
        (&[host, ("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate")], 200),
        (&[host, ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")], 200),
        (&[host, ("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "cors")], 200),
    ] {
        let response = send(&app, with_headers("GET", "/keys", headers, &Value::Null)).await;
        assert_eq!(response.status(), expected, "{headers:?}");
    }
}
