//! The page through its router: who gets it, and what it answers.
#![cfg(debug_assertions)]

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use http_body_util::BodyExt as _;
use jwt_auth::config::TrustedIssuer;
use jwt_auth::routing::{get, post};
use jwt_auth::{
    AccessToken, Algorithm, Config, GuardedRouter, JwtAuth, Key, KeyMaterial, KeyRing,
    jwt_required, public,
};
use jwt_auth_dashboard::Dashboard as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

const SECRET: &str = "correct-horse-battery-staple-0123456789";
const OTHER_SECRET: &str = "another-horse-battery-staple-0123456789";
const PAGES: [&str; 6] = ["", "/style.css", "/script.js", "/routes", "/keys", "/decisions"];

#[public]
async fn health() -> &'static str {
    "ok"
}

#[jwt_required(fresh, scopes("notes:write"), any_role("editor", "admin"))]
async fn write(token: AccessToken) -> String {
    token.subject().to_owned()
}

#[jwt_required(optional)]
async fn home() {}

fn config(secret: &str) -> Config {
    let set = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    let issuer =
        TrustedIssuer::new("https://login.example", KeyRing::jwk_set(set)).audience(["notes"]);
    let key = Key::secret(Algorithm::HS256, KeyMaterial::raw(secret.as_bytes())).id("2026");
    Config::with_keys(KeyRing::new(key)).trust(issuer)
}

fn router() -> GuardedRouter<JwtAuth> {
    GuardedRouter::new()
        .route("/", get(home))
        .route("/health", get(health))
        .route("/notes", post(write))
}

fn app() -> (Router, JwtAuth) {
    let auth = config(SECRET).build().unwrap();
    (router().dashboard().with_state(auth.clone()), auth)
}

fn with_headers(method: &str, path: &str, headers: &[(&str, &str)], body: &Value) -> Request {
    let mut request = Request::builder().method(method).uri(format!("/_jwt-auth{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
    request.body(body).unwrap()
}

const OF_PAGE: [(&str, &str); 4] = [
    ("host", "localhost:3000"),
    ("origin", "http://localhost:3000"),
    ("sec-fetch-site", "same-origin"),
    ("content-type", "application/json"),
];

fn get_page(path: &str) -> Request {
    with_headers("GET", path, &[("host", "127.0.0.1:3000")], &Value::Null)
}

async fn send(app: &Router, request: Request) -> Response {
    app.clone().oneshot(request).await.unwrap()
}

async fn text(response: Response) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

async fn get_json(app: &Router, path: &str) -> Value {
    let response = send(app, get_page(path)).await;
    assert_eq!(response.status(), 200);
    serde_json::from_str(&text(response).await).unwrap()
}

/// Sends a request as the page does.
async fn call(app: &Router, path: &str, body: Value) -> (StatusCode, Value) {
    let response = send(app, with_headers("POST", path, &OF_PAGE, &body)).await;
    let status = response.status();
    (status, serde_json::from_str(&text(response).await).unwrap())
}

/// The first bytes of a stream, up to a text in them.
async fn stream_until(response: Response, expected: &str) -> String {
    let (mut body, mut seen) = (response.into_body(), String::new());
    while !seen.contains(expected) {
        let frame = tokio::time::timeout(Duration::from_secs(5), body.frame()).await;
        let frame = frame.unwrap_or_else(|_| panic!("{expected} is not in {seen}"));
        let frame = frame.expect("the stream is open").unwrap();
        seen.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
    }
    seen
}

fn assert_protected(headers: &HeaderMap) {
    assert_eq!(headers["cache-control"], "no-store");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert_eq!(headers["referrer-policy"], "no-referrer");
    let policy = headers["content-security-policy"].to_str().unwrap();
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
    *address.uri_mut() = "http://evil.example/_jwt-auth".parse().unwrap();
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
        let peer: SocketAddr = peer.parse().unwrap();
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

#[tokio::test]
async fn the_routes_are_listed_with_who_may_call_them() {
    let (app, _) = app();
    let listed = get_json(&app, "/routes").await;
    let who = |path: &str| {
        let routes = listed["routes"].as_array().unwrap();
        routes.iter().find(|route| route["path"] == path).unwrap()["who"].clone()
    };
    assert_eq!(listed["routes"].as_array().unwrap().len(), 3, "the page itself is not listed");
    assert_eq!(who("/health"), json!(["anyone"]));
    assert_eq!(who("/"), json!(["anyone; if there is an access token, it must be valid"]));
    assert_eq!(
        who("/notes"),
        json!([
            "an access token",
            "from a log-in, not from a refresh",
            "with the scope notes:write",
            "with the role editor or admin",
        ])
    );
    assert_eq!(listed["access"], json!({ "name": "authorization", "scheme": "Bearer" }));
}

#[tokio::test]
async fn the_manifest_shows_the_page_with_its_reason() {
    let manifest = router().dashboard().manifest().to_string();
    assert!(
        manifest.contains("why(the developer's page, debug builds on this machine only)"),
        "{manifest}"
    );
    assert!(!router().manifest().to_string().contains("developer"));
}

#[tokio::test]
async fn a_nested_router_has_its_page_below_its_path() {
    let auth = config(SECRET).build().unwrap();
    let app: Router = GuardedRouter::new().nest("/api", router().dashboard()).with_state(auth);
    let request =
        |path: &str| Request::get(path).header("host", "localhost").body(Body::empty()).unwrap();
    assert_eq!(send(&app, request("/api/_jwt-auth")).await.status(), 200);
    assert_eq!(send(&app, request("/api/_jwt-auth/script.js")).await.status(), 200);
    assert_eq!(send(&app, request("/_jwt-auth")).await.status(), 404);
    // The gate is not in front of other paths.
    let unknown = Request::get("/api/unknown").header("host", "app.example");
    let response = send(&app, unknown.body(Body::empty()).unwrap()).await;
    assert_eq!(response.status(), 404);
}

/// The rule that failed, with its fix, after checking the verdicts around it.
fn failed_rule(report: &Value) -> (String, String) {
    let rules = report["rules"].as_array().unwrap();
    let at = rules.iter().position(|rule| rule["verdict"] == "no").unwrap();
    assert!(rules[..at].iter().all(|rule| rule["verdict"] == "yes"), "{report}");
    assert!(rules[at + 1..].iter().all(|rule| rule["verdict"] == "not checked"), "{report}");
    let text = |name: &str| rules[at][name].as_str().unwrap().to_owned();
    (text("rule"), text("fix"))
}

#[tokio::test]
async fn a_pasted_token_gets_a_verdict_for_each_rule() {
    let (app, auth) = app();
    let token = auth.access_token("alice").issue().unwrap();
    let good = format!(" Bearer {}\n", &*token);
    let (status, report) = call(&app, "/verify", json!({ "token": good })).await;
    assert_eq!((status, &report["valid"]), (StatusCode::OK, &json!(true)));
    assert!(report["rules"].as_array().unwrap().iter().all(|rule| rule["verdict"] == "yes"));

    let other = config(OTHER_SECRET).build().unwrap();
    let pair = auth.log_in("alice").await.unwrap();
    let revoked = auth.log_in("bob").await.unwrap();
    auth.log_out_everywhere("bob").await.unwrap();
    let foreign = auth.access_token("alice").audience(["https://other.example"]).issue().unwrap();
    for (token, is_refresh, code, rule) in [
        ("no token", false, "token_malformed", "compact JWS"),
        (&other.access_token("alice").issue().unwrap(), false, "signature_invalid", "signature"),
        (&foreign, false, "audience_invalid", "for this service"),
        (pair.refresh_token(), false, "access_token_required", "right kind"),
        (pair.access_token(), true, "refresh_token_required", "right kind"),
        (revoked.access_token(), false, "token_revoked", "not revoked"),
    ] {
        let body = json!({ "token": token, "is_refresh": is_refresh });
        let (_, report) = call(&app, "/verify", body).await;
        assert_eq!(report["code"], code, "{report}");
        let (failed, fix) = failed_rule(&report);
        assert!(failed.contains(rule) && !fix.is_empty(), "{report}");
        assert!(!report.to_string().contains(token), "the token is not echoed");
        if code == "audience_invalid" {
            assert!(fix.contains("https://other.example"), "{fix}");
        }
    }
    let (_, report) =
        call(&app, "/verify", json!({ "token": pair.refresh_token(), "is_refresh": true })).await;
    assert_eq!(report["valid"], true, "checking a refresh token does not use it");
    assert!(auth.verify_refresh(pair.refresh_token()).await.is_ok());
}

#[tokio::test]
async fn a_minted_token_opens_the_route_that_asks_for_its_claims() {
    let (app, auth) = app();
    let wanted = json!({
        "subject": "alice", "scopes": ["notes:write"], "roles": ["editor"], "expires_in": 60, "is_fresh": true,
    });
    let (status, minted) = call(&app, "/mint", wanted).await;
    assert_eq!(status, 200);
    let token = minted["token"].as_str().unwrap();
    let request = Request::post("/notes").header("authorization", format!("Bearer {token}"));
    let response = send(&app, request.body(Body::empty()).unwrap()).await;
    assert_eq!(text(response).await, "alice");
    assert!(auth.sessions("alice").await.unwrap().is_empty());

    let (_, minted) = call(&app, "/mint", json!({ "subject": "bob", "has_session": true })).await;
    let token = auth.verify_access(minted["token"].as_str().unwrap()).await.unwrap();
    assert_eq!(auth.sessions("bob").await.unwrap()[0].id(), token.session_id().unwrap());
    assert!(!token.is_fresh());

    for wrong in [
        json!({ "subject": "" }),
        json!({ "subject": "alice", "expires_in": 0 }),
        json!({ "subject": "alice", "expires_in": 90_000 }),
        json!({ "scopes": [] }),
    ] {
        let (status, problem) = call(&app, "/mint", wrong).await;
        assert_eq!(status, 422);
        assert!(problem["error"].is_string(), "{problem}");
    }
    let (status, problem) =
        call(&app, "/mint", json!({ "subject": "alice", "scopes": ["two words"] })).await;
    assert_eq!(status, 500);
    assert!(problem["error"].as_str().unwrap().contains("scope"), "{problem}");
}

#[tokio::test]
async fn a_session_is_listed_and_ended() {
    let (app, auth) = app();
    let pair = auth.log_in("alice").device("phone").await.unwrap();
    let (_, sessions) = call(&app, "/sessions", json!({ "subject": "alice" })).await;
    assert_eq!(sessions[0]["device"], "phone");
    let id = sessions[0]["id"].clone();
    let (_, of_other) = call(&app, "/sessions/end", json!({ "subject": "bob", "id": id })).await;
    assert_eq!(of_other, json!({ "ended": false }));
    assert!(auth.verify_access(pair.access_token()).await.is_ok());
    let (_, ended) = call(&app, "/sessions/end", json!({ "subject": "alice", "id": id })).await;
    assert_eq!(ended, json!({ "ended": true }));
    assert!(auth.verify_access(pair.access_token()).await.is_err());
    let (_, sessions) = call(&app, "/sessions", json!({ "subject": "alice" })).await;
    assert_eq!(sessions, json!([]));
}

#[tokio::test]
async fn keys_issuers_and_store_are_listed_with_their_states() {
    let (app, _) = app();
    let states = get_json(&app, "/keys").await;
    assert_eq!(states["keys"][0]["id"], "2026");
    assert_eq!(states["keys"][0]["algorithm"], "HS256");
    assert_eq!(states["keys"][0]["state"], "signing");
    assert_eq!(states["issuers"][0]["name"], "https://login.example");
    assert_eq!(states["issuers"][0]["state"], "has keys, from the configuration");
    assert_eq!(states["store"]["is_fresh"], true);
}

/// The lines of a stream: number and decision.
fn lines(stream: &str) -> Vec<(u64, Value)> {
    let line = |event: &str| {
        let id = event.lines().find_map(|line| line.strip_prefix("id: "))?;
        let data = event.lines().find_map(|line| line.strip_prefix("data: "))?;
        Some((id.parse().ok()?, serde_json::from_str(data).ok()?))
    };
    stream.split("\n\n").filter_map(line).collect()
}

#[tokio::test]
async fn decisions_arrive_as_they_happen_and_those_before_are_not_lost() {
    let (app, auth) = app();
    let request = |path: &str, token: Option<&str>| {
        let mut request = Request::post(path);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        request.body(Body::empty()).unwrap()
    };
    // Before anybody has opened the page.
    send(&app, request("/notes?early=secret", None)).await;
    let response = send(&app, get_page("/decisions")).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let live = tokio::spawn(stream_until(response, "\"allowed\""));
    let token = auth.access_token("alice").scopes(["notes:write"]).roles(["admin"]).fresh(true);
    let token = token.issue().unwrap();
    send(&app, request("/notes", Some(&token))).await;
    let seen = live.await.unwrap();
    assert!(!seen.contains("early=secret"), "the query is not shown");
    assert!(!seen.contains(&*token));

    let all = lines(&seen);
    // Events are those of the process, also of other tests.
    let is_of_notes = |what: &str| {
        let found = all.iter().find(|(_, one)| one["what"] == what && one["path"] == "/notes");
        found.unwrap_or_else(|| panic!("{what} is not in {seen}")).clone()
    };
    let (number, refused) = is_of_notes("refused");
    assert_eq!((&refused["status"], &refused["code"]), (&json!(401), &json!("token_missing")));
    assert_eq!((&refused["method"], &refused["why"]), (&json!("POST"), &json!("Missing token")));
    assert!(refused["todo"].as_str().unwrap().contains("Authorization: Bearer"), "{refused}");
    assert!(refused.get("ago").is_none(), "nobody knows when");
    let (later, allowed) = is_of_notes("allowed");
    assert!(later > number && allowed["ago"].is_u64(), "{allowed}");

    // The browser connects again, and gets what it has not seen.
    let last = number.to_string();
    let headers = [("host", "localhost"), ("last-event-id", last.as_str())];
    let response = send(&app, with_headers("GET", "/decisions", &headers, &Value::Null)).await;
    let again = lines(&stream_until(response, "\"allowed\"").await);
    assert!(again.iter().all(|(other, _)| *other > number));
}

#[tokio::test]
async fn no_answer_contains_a_secret() {
    let (app, auth) = app();
    let pair = auth.log_in("alice").await.unwrap();
    let stored = auth.sessions("alice").await.unwrap();
    let mut answers = Vec::new();
    for path in &PAGES[..5] {
        answers.push(text(send(&app, get_page(path)).await).await);
    }
    let response = send(&app, get_page("/decisions")).await;
    answers.push(stream_until(response, "a user logged in").await);
    for (path, body) in [
        ("/verify", json!({ "token": pair.access_token() })),
        ("/verify", json!({ "token": pair.refresh_token() })),
        ("/verify", json!({ "token": pair.refresh_token(), "is_refresh": true })),
        ("/verify", json!({ "token": { "text": pair.access_token() } })),
        ("/mint", json!({ "subject": "bob" })),
        ("/mint", json!({ "subject": "bob", "expires_in": pair.access_token() })),
        ("/sessions", json!({ "subject": "alice" })),
        ("/sessions/end", json!({ "subject": "alice", "id": stored[0].id() })),
    ] {
        answers.push(call(&app, path, body).await.1.to_string());
    }
    let base64 = "Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5LXN0YXBsZS0wMTIzNDU2Nzg5";
    for answer in &answers {
        for secret in [SECRET, base64, pair.access_token(), pair.refresh_token()] {
            assert!(!answer.contains(secret), "{answer}");
        }
    }
}
