//! The cookies example in a headless Chromium: what a browser really does with `__Host-`, `SameSite` and deletion.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::{Value, json};
use tests::process::Running;

/// A browser session, and the driver process with the profile folder.
struct Browser {
    client: Client,
    _driver: Running,
}

/// Whether a program is installed.
fn is_installed(program: &str) -> bool {
    let status =
        Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

impl Browser {
    /// Starts a browser. `None`, with a message, if Chromium is not installed; an error if `TESTS_BROWSER` is set.
    async fn start(name: &str) -> Option<Self> {
        for program in ["chromedriver", "chromium"] {
            if !is_installed(program) {
                assert!(std::env::var_os("TESTS_BROWSER").is_none(), "{program} is not installed");
                eprintln!("skipped: {program} is not installed");
                return None;
            }
        }
        let folder: PathBuf =
            std::env::temp_dir().join(format!("chromium-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").current_dir(&folder).env("HOME", &folder);
        let is_started = |line: &str| line.contains("started successfully on port");
        let driver = Running::spawn(command, folder.clone(), is_started);
        let line = driver.output.last().expect("a line");
        let port: String = line.chars().filter(char::is_ascii_digit).collect();
        let profile = format!("--user-data-dir={}", folder.join("profile").display());
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            &profile,
        ];
        let mut capabilities = serde_json::Map::new();
        capabilities.insert("goog:chromeOptions".to_owned(), json!({ "args": arguments }));
        let client = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .expect("a session");
        Some(Self { client, _driver: driver })
    }

    /// Clicks a button, waits until the page shows the status of the request, and returns the status.
    async fn press(&self, button: &str) -> String {
        let button = self.client.find(Locator::Id(button)).await.expect("a button");
        button.click().await.expect("clicked");
        let shown =
            Locator::XPath("//*[@id='status' and string-length(normalize-space(text())) > 0]");
        let status = self.client.wait().for_element(shown).await.expect("a status");
        status.text().await.expect("text")
    }

    async fn text(&self, id: &str) -> String {
        self.client.find(Locator::Id(id)).await.expect("an element").text().await.expect("text")
    }

    async fn fill(&self, id: &str, text: &str) {
        let field = self.client.find(Locator::Id(id)).await.expect("a field");
        field.clear().await.expect("cleared");
        field.send_keys(text).await.expect("typed");
    }

    /// The stored cookies: name, and (`HttpOnly`, `Secure`, `SameSite`, path, domain).
    async fn cookies(&self) -> BTreeMap<String, (bool, bool, String, String, String)> {
        let cookies = self.client.get_all_cookies().await.expect("cookies");
        let shape = |cookie: fantoccini::cookies::Cookie<'static>| {
            let shape = (
                cookie.http_only().unwrap_or_default(),
                cookie.secure().unwrap_or_default(),
                cookie.same_site().map(|same_site| same_site.to_string()).unwrap_or_default(),
                cookie.path().unwrap_or_default().to_owned(),
                cookie.domain().unwrap_or_default().to_owned(),
            );
            (cookie.name().to_owned(), shape)
        };
        cookies.into_iter().map(shape).collect()
    }

    /// The status of a request by a script of the page, or its error.
    async fn fetch(&self, url: &str, options: Value) -> Value {
        let script = "const [url, options, done] = arguments;\
            fetch(url, options).then((answer) => done(answer.status), (error) => done(String(error)));";
        self.client.execute_async(script, vec![json!(url), options]).await.expect("an outcome")
    }

    async fn run(&self, script: &str) -> Value {
        self.client.execute(script, vec![]).await.expect("an outcome")
    }
}

fn serve(name: &str) -> (Running, String, String) {
    let running = Running::start("cookies", name, |line| line.contains("The user is"));
    let url = running.url();
    let port = url.rsplit(':').next().expect("a port").to_owned();
    (running, format!("http://localhost:{port}"), url)
}

const COOKIES: [&str; 4] = [
    "__Host-access_token_cookie",
    "__Host-csrf_access_token",
    "__Host-csrf_refresh_token",
    "__Host-refresh_token_cookie",
];

#[tokio::test]
async fn log_in_note_refresh_and_log_out_work_in_a_browser() {
    let Some(browser) = Browser::start("story").await else { return };
    let (_running, page, _) = serve("story");
    browser.client.goto(&page).await.expect("the page");
    assert_eq!(browser.text("me").await, "");
    browser.fill("username", "alice").await;
    browser.fill("password", "wrong").await;
    assert_eq!(browser.press("login").await, "401");
    assert!(browser.cookies().await.is_empty());
    browser.fill("password", "wonderland").await;
    assert_eq!(browser.press("login").await, "204");
    assert_eq!(browser.text("me").await, "Welcome, alice!");

    // C1: the cookies as the browser stored them.
    let stored = browser.cookies().await;
    assert_eq!(stored.keys().collect::<Vec<_>>(), COOKIES);
    for (name, (http_only, secure, same_site, path, domain)) in &stored {
        assert_eq!(*http_only, name.ends_with("cookie"), "{name}");
        assert!(*secure, "{name}");
        assert_eq!((same_site.as_str(), path.as_str(), domain.as_str()), ("Lax", "/", "localhost"));
    }
    let visible = browser.run("return document.cookie").await;
    let visible = visible.as_str().expect("text");
    assert!(!visible.contains("token_cookie"), "no script can read a token: {visible}");
    assert!(visible.contains("__Host-csrf_access_token="));

    browser.fill("note", "milk").await;
    assert_eq!(browser.press("add").await, "201");
    assert_eq!(browser.text("notes").await, "alice: milk");
    // X1–X3: the same request without the value, or with another one, is refused.
    let post = |value: Option<&str>| {
        let headers = value.map_or(json!({}), |value| json!({ "X-CSRF-Token": value }));
        json!({ "method": "POST", "body": "stolen", "headers": headers })
    };
    assert_eq!(browser.fetch("/notes", post(None)).await, 401);
    assert_eq!(browser.fetch("/notes", post(Some("guess"))).await, 401);
    // A script can neither read nor replace the cookie of a token.
    browser.run("document.cookie = '__Host-access_token_cookie=x; Secure; Path=/'").await;
    assert_eq!(browser.fetch("/me", json!({})).await, 200);

    let before = visible.to_owned();
    assert_eq!(browser.press("refresh").await, "204");
    assert_eq!(browser.text("me").await, "Welcome, alice!");
    assert_ne!(browser.run("return document.cookie").await.as_str().expect("text"), before);
    assert_eq!(browser.cookies().await.len(), 4, "replaced, not added");

    // C5: every cookie is deleted.
    assert_eq!(browser.press("logout").await, "204");
    assert!(browser.cookies().await.is_empty());
    assert_eq!(browser.text("me").await, "");
    assert_eq!(browser.press("refresh").await, "401");
    browser.client.close().await.expect("closed");
}

#[tokio::test]
async fn requests_from_another_site_have_no_effect() {
    let Some(browser) = Browser::start("evil").await else { return };
    let (_running, page, _) = serve("victim");
    let (_other, _, evil) = serve("evil");
    browser.client.goto(&page).await.expect("the page");
    browser.fill("username", "alice").await;
    browser.fill("password", "wonderland").await;
    assert_eq!(browser.press("login").await, "204");
    // `localhost` and `127.0.0.1` are different sites. The content security policy of the example allows no request to
    // other sites, so the attack starts from a resource without a policy.
    browser.client.goto(&format!("{evil}/page.js")).await.expect("the other site's page");
    let simple =
        json!({ "method": "POST", "body": "stolen", "mode": "no-cors", "credentials": "include" });
    assert_eq!(
        browser.fetch(&format!("{page}/notes"), simple).await,
        0,
        "sent, but the response is opaque"
    );
    let preflighted =
        json!({ "method": "POST", "credentials": "include", "headers": { "X-CSRF-Token": "x" } });
    let outcome = browser.fetch(&format!("{page}/notes"), preflighted).await;
    assert!(outcome.as_str().is_some_and(|error| error.contains("Failed to fetch")), "{outcome}");
    let form = format!(
        "document.body.innerHTML = '<form method=POST enctype=text/plain action={page}/notes><input name=a></form>';\
         document.forms[0].submit()"
    );
    browser.run(&form).await;
    browser
        .client
        .wait()
        .for_url(&page.parse::<url::Url>().expect("a URL").join("/notes").expect("a URL"))
        .await
        .expect("navigated");
    let body = browser
        .client
        .find(Locator::Css("body"))
        .await
        .expect("a body")
        .text()
        .await
        .expect("text");
    assert!(body.contains("token_missing"), "the browser sent no cookies: {body}");
    // No note was added, and the session continues.
    browser.client.goto(&page).await.expect("the page");
    let me = Locator::XPath("//*[@id='me' and contains(text(), 'alice')]");
    browser.client.wait().for_element(me).await.expect("still logged in");
    assert_eq!(browser.text("notes").await, "");
    browser.client.close().await.expect("closed");
}
