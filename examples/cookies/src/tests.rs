//! The example as a browser sees it, with a cookie jar instead of a browser.

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use jwt_auth::{Clock as _, Config, ManualClock};
use tower::ServiceExt as _;

const ALICE: &str = r#"{"username":"alice","password":"wonderland"}"#;

const NOW: u64 = 1_700_000_000;

struct Browser {
    app: Router,
    clock: ManualClock,
    jar: BTreeMap<String, String>,
    /// The headers of the last response.
    headers: HeaderMap,
}

impl Browser {
    fn new() -> Self {
        let clock = ManualClock::at(NOW);
        let auth =
            super::auth(Config::hs256(jwt_auth::KeyMaterial::ephemeral()).clock(clock.clone()))
                .unwrap();
        let app = super::app(auth);
        Self { app, clock, jar: BTreeMap::new(), headers: HeaderMap::new() }
    }

    /// A browser with a session.
    async fn with_session() -> Self {
        let mut browser = Self::new();
        let (status, _) = browser.send("POST", "/login", &[JSON], ALICE).await;
        assert_eq!(status, StatusCode::NO_CONTENT);
        browser
    }

    async fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &'static str,
    ) -> (StatusCode, String) {
        let jar: Vec<_> = self.jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request =
            Request::builder().method(method).uri(path).header("cookie", jar.join("; "));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body)).unwrap();
        let (parts, body) = self.app.clone().oneshot(request).await.unwrap().into_parts();
        self.headers = parts.headers;
        for line in self.headers.get_all("set-cookie") {
            let (name, rest) = line.to_str().unwrap().split_once('=').unwrap();
            if rest.contains("Max-Age=0") {
                self.jar.remove(name);
            } else {
                let value = rest.split(';').next().unwrap();
                self.jar.insert(name.to_owned(), value.to_owned());
            }
        }
        let body = body.collect().await.unwrap().to_bytes();
        (parts.status, String::from_utf8(body.to_vec()).unwrap())
    }

    async fn get(&mut self, path: &str) -> (StatusCode, String) {
        self.send("GET", path, &[], "").await
    }

    /// Sends a POST like the script of the page.
    async fn post(&mut self, path: &str, kind: &str, body: &'static str) -> StatusCode {
        let csrf = self.jar.get(&format!("__Host-csrf_{kind}_token")).cloned().unwrap_or_default();
        self.send("POST", path, &[("x-csrf-token", &csrf)], body).await.0
    }
}

const JSON: (&str, &str) = ("content-type", "application/json");

#[tokio::test]
async fn the_page_is_public_and_runs_nothing_inline() {
    let mut browser = Browser::new();
    let (status, page) = browser.get("/").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(browser.headers["content-security-policy"], super::POLICY);
    assert!(page.contains("<script src=\"/page.js\" defer></script>"));
    let ids = ["username", "password", "login", "logout", "refresh", "everywhere", "add", "note"];
    for id in ids.into_iter().chain(["status", "me", "notes", "session", "why", "log"]) {
        assert!(page.contains(&format!("id=\"{id}\"")), "{id}");
    }
    assert_eq!(browser.get("/page.js").await.0, StatusCode::OK);
    assert_eq!(browser.headers["content-type"], "text/javascript; charset=utf-8");
    assert_eq!(browser.get("/me").await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_wrong_password_sets_no_cookie() {
    let mut browser = Browser::new();
    let wrong = r#"{"username":"alice","password":"looking-glass"}"#;
    assert_eq!(browser.send("POST", "/login", &[JSON], wrong).await.0, StatusCode::UNAUTHORIZED);
    let form = [("content-type", "text/plain")];
    let (status, _) = browser.send("POST", "/login", &form, ALICE).await;
    assert_eq!(
        status,
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "a form of another site can send this content type"
    );
    assert!(browser.jar.is_empty());
}

#[tokio::test]
async fn a_log_in_sets_four_cookies() {
    let browser = Browser::with_session().await;
    let lines = browser.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap());
    let cookies: Vec<_> =
        lines.map(|line| (line.split('=').next().unwrap(), line.contains("HttpOnly"))).collect();
    let expected = [
        ("__Host-access_token_cookie", true),
        ("__Host-csrf_access_token", false),
        ("__Host-refresh_token_cookie", true),
        ("__Host-csrf_refresh_token", false),
    ];
    assert_eq!(cookies, expected);
}

#[tokio::test]
async fn a_change_needs_the_csrf_value_and_a_read_does_not() {
    let mut browser = Browser::with_session().await;
    assert_eq!(browser.get("/me").await, (StatusCode::OK, "Welcome, alice!".to_owned()));
    let (status, body) = browser.send("POST", "/notes", &[], "forged").await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(body.contains("csrf_missing"), "{body}");
    assert_eq!(browser.post("/notes", "refresh", "forged").await, StatusCode::UNAUTHORIZED);
    assert_eq!(browser.post("/notes", "access", "milk").await, StatusCode::CREATED);
    let notes = r#"[{"author":"alice","text":"milk"}]"#.to_owned();
    assert_eq!(browser.get("/notes").await, (StatusCode::OK, notes));
}

#[tokio::test]
async fn a_refresh_sets_new_cookies() {
    let mut browser = Browser::with_session().await;
    let before = browser.jar.clone();
    assert_eq!(browser.post("/refresh", "access", "").await, StatusCode::UNAUTHORIZED);
    assert_eq!(browser.jar, before);
    assert_eq!(browser.post("/refresh", "refresh", "").await, StatusCode::NO_CONTENT);
    assert!(before.iter().all(|(name, value)| browser.jar[name] != *value));
    assert_eq!(browser.get("/me").await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_log_out_revokes_copies_of_the_cookies() {
    let mut browser = Browser::with_session().await;
    let copies = browser.jar.clone();
    assert_eq!(browser.post("/logout", "refresh", "").await, StatusCode::NO_CONTENT);
    assert!(browser.jar.is_empty());
    browser.jar = copies;
    assert_eq!(browser.get("/me").await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(browser.post("/refresh", "refresh", "").await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_session_in_use_continues_and_an_idle_one_ends() {
    let mut browser = Browser::with_session().await;
    browser.get("/me").await;
    assert!(!browser.headers.contains_key("set-cookie"), "the token is young");
    for _ in 0..5 {
        browser.clock.advance(Duration::from_secs(10 * 60));
        assert_eq!(browser.get("/me").await.0, StatusCode::OK);
        assert!(browser.headers.contains_key("set-cookie"));
    }
    assert_eq!(browser.post("/notes", "access", "milk").await, StatusCode::CREATED);
    browser.clock.advance(Duration::from_secs(16 * 60));
    assert_eq!(browser.get("/me").await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(browser.post("/logout", "refresh", "").await, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_user_can_log_out_until_the_end_of_the_session() {
    let mut browser = Browser::with_session().await;
    let ten_minutes = Duration::from_secs(10 * 60);
    let steps = super::SESSION.as_secs() / ten_minutes.as_secs();
    for _ in 1..steps {
        browser.clock.advance(ten_minutes);
        assert_eq!(browser.get("/me").await.0, StatusCode::OK);
    }
    assert_eq!(browser.post("/logout", "refresh", "").await, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_session_in_use_ends_at_its_absolute_end() {
    let mut browser = Browser::with_session().await;
    while browser.get("/me").await.0 == StatusCode::OK {
        browser.clock.advance(Duration::from_secs(10 * 60));
    }
    assert_eq!(browser.clock.now(), UNIX_EPOCH + Duration::from_secs(NOW) + super::SESSION);
}

#[tokio::test]
async fn the_page_tells_a_visitor_from_a_stranger_and_when_the_token_ends() {
    let mut browser = Browser::new();
    assert_eq!(browser.get("/session").await.1, r#"{"code":"token_missing"}"#);
    let mut browser = Browser::with_session().await;
    let signed_in = format!(r#"{{"name":"alice","issued_at":{NOW},"ends_at":{}}}"#, NOW + 900);
    assert_eq!(browser.get("/session").await.1, signed_in);
    assert!(!browser.headers.contains_key("set-cookie"), "looking does not prolong the session");
    browser.clock.advance(Duration::from_secs(16 * 60));
    assert_eq!(browser.get("/session").await.1, r#"{"code":"token_expired"}"#);
}

#[tokio::test]
async fn after_a_log_out_everywhere_the_next_answer_deletes_the_cookies() {
    let mut browser = Browser::with_session().await;
    assert_eq!(browser.post("/logout-everywhere", "access", "").await, StatusCode::NO_CONTENT);
    assert_eq!(browser.jar.len(), 4);
    assert_eq!(browser.get("/session").await.1, r#"{"code":"token_revoked"}"#);
    assert!(browser.jar.is_empty());
}

#[tokio::test]
async fn without_remember_me_the_cookies_end_with_the_browser() {
    let mut browser = Browser::new();
    let form = r#"{"username":"alice","password":"wonderland","remember":false}"#;
    assert_eq!(browser.send("POST", "/login", &[JSON], form).await.0, StatusCode::NO_CONTENT);
    for _ in 0..2 {
        let mut lines = browser.headers.get_all("set-cookie").iter();
        assert!(lines.all(|line| !line.to_str().unwrap().contains("Max-Age")));
        assert_eq!(browser.post("/refresh", "refresh", "").await, StatusCode::NO_CONTENT);
    }
}

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

#[tokio::test]
async fn the_page_without_scripts_logs_in_writes_and_logs_out() {
    let mut browser = Browser::new();
    let own = ("sec-fetch-site", "same-origin");
    assert!(browser.get("/plain").await.1.contains(r#"action="/plain/login""#));
    let login = "username=alice&password=wonderland";
    let foreign = [FORM, ("sec-fetch-site", "cross-site")];
    let (status, _) = browser.send("POST", "/plain/login", &foreign, login).await;
    assert_eq!((status, browser.jar.len()), (StatusCode::FORBIDDEN, 0), "another site's form");
    let (status, _) = browser.send("POST", "/plain/login", &[FORM, own], login).await;
    assert_eq!((status, browser.jar.len()), (StatusCode::SEE_OTHER, 4));
    let (_, page) = browser.get("/plain").await;
    let value =
        page.split(r#"name="csrf_token" value=""#).nth(1).unwrap().split('"').next().unwrap();
    let body = format!("note=%3Cmilk%3E&csrf_token={value}").leak();
    let length = body.len().to_string();
    let headers = [FORM, own, ("content-length", &*length)];
    assert_eq!(browser.send("POST", "/plain/notes", &headers, body).await.0, StatusCode::SEE_OTHER);
    assert!(browser.get("/plain").await.1.contains("<li>alice: &lt;milk&gt;</li>"));
    let without = [FORM, own, ("content-length", "6")];
    let (status, _) = browser.send("POST", "/plain/notes", &without, "note=x").await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(
        browser.send("POST", "/plain/logout", &headers, body).await.0,
        StatusCode::SEE_OTHER
    );
    assert!(browser.jar.is_empty());
}

#[tokio::test]
async fn every_route_is_guarded() {
    let auth = super::auth(Config::hs256(jwt_auth::KeyMaterial::ephemeral())).unwrap();
    let manifest = super::router(&auth).manifest();
    jwt_auth::testing::assert_manifest(&manifest, "routes.json");
    jwt_auth::testing::assert_guarded(super::app(auth), &manifest).await;
}
