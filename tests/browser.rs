//! The cookies example in a real headless Chromium: only a browser tells the truth about `__Host-`,
//! `SameSite` and deletion.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::{Value, json};
use tests::process::Running;

/// Chromium's driver, a browser that it drives, and the folder of its profile.
struct Browser {
    client: Client,
    _driver: Running,
}

/// Whether a program is there; `TESTS_BROWSER=required`, as the checks say, makes its absence an error.
fn has(program: &str) -> bool {
    let there =
        Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    there.is_ok_and(|status| status.success())
}

impl Browser {
    async fn start(name: &str) -> Option<Self> {
        for program in ["chromedriver", "chromium"] {
            if !has(program) {
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
        let started = |line: &str| line.contains("started successfully on port");
        let driver = Running::spawn(command, folder.clone(), started);
        let line = driver.said.last().expect("a line");
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

    /// Clicks a button, waits until the page shows the status of its request, and gives it.
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

    /// What the browser keeps: name, and (`HttpOnly`, `Secure`, `SameSite`, path, domain).
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

    /// What a script of the page gets for a request: its status, or the error.
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
async fn a_person_logs_in_writes_a_note_refreshes_and_logs_out() {
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

    // C1: what the browser made of the cookies.
    let kept = browser.cookies().await;
    assert_eq!(kept.keys().collect::<Vec<_>>(), COOKIES);
    for (name, (http_only, secure, same_site, path, domain)) in &kept {
        assert_eq!(*http_only, name.ends_with("cookie"), "{name}");
        assert!(*secure, "{name}");
        assert_eq!((same_site.as_str(), path.as_str(), domain.as_str()), ("Lax", "/", "localhost"));
    }
    let seen = browser.run("return document.cookie").await;
    let seen = seen.as_str().expect("text");
    assert!(!seen.contains("token_cookie"), "no script sees a token: {seen}");
    assert!(seen.contains("__Host-csrf_access_token="));

    browser.fill("note", "milk").await;
    assert_eq!(browser.press("add").await, "201");
    assert_eq!(browser.text("notes").await, "alice: milk");
    // X1 to X3: the same request without the value, or with another, is refused.
    let post = |value: Option<&str>| {
        let headers = value.map_or(json!({}), |value| json!({ "X-CSRF-Token": value }));
        json!({ "method": "POST", "body": "stolen", "headers": headers })
    };
    assert_eq!(browser.fetch("/notes", post(None)).await, 401);
    assert_eq!(browser.fetch("/notes", post(Some("guess"))).await, 401);
    // A script can neither read nor replace a token's cookie.
    browser.run("document.cookie = '__Host-access_token_cookie=x; Secure; Path=/'").await;
    assert_eq!(browser.fetch("/me", json!({})).await, 200);

    let before = seen.to_owned();
    assert_eq!(browser.press("refresh").await, "204");
    assert_eq!(browser.text("me").await, "Welcome, alice!");
    assert_ne!(browser.run("return document.cookie").await.as_str().expect("text"), before);
    assert_eq!(browser.cookies().await.len(), 4, "replaced, and not added to");

    // C5: deletion reaches each of them.
    assert_eq!(browser.press("logout").await, "204");
    assert!(browser.cookies().await.is_empty());
    assert_eq!(browser.text("me").await, "");
    assert_eq!(browser.press("refresh").await, "401");
    browser.client.close().await.expect("closed");
}

#[tokio::test]
async fn another_site_gets_nothing_done() {
    let Some(browser) = Browser::start("evil").await else { return };
    let (_running, page, _) = serve("victim");
    let (_other, _, evil) = serve("evil");
    browser.client.goto(&page).await.expect("the page");
    browser.fill("username", "alice").await;
    browser.fill("password", "wonderland").await;
    assert_eq!(browser.press("login").await, "204");
    // `localhost` and `127.0.0.1` are two sites. Its policy is the example's own, which allows no request
    // elsewhere, so the attack comes from a page without one.
    browser.client.goto(&format!("{evil}/page.js")).await.expect("the other site's page");
    let simple =
        json!({ "method": "POST", "body": "stolen", "mode": "no-cors", "credentials": "include" });
    assert_eq!(
        browser.fetch(&format!("{page}/notes"), simple).await,
        0,
        "sent, and not to be read"
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
        .expect("it navigated");
    let body = browser
        .client
        .find(Locator::Css("body"))
        .await
        .expect("a body")
        .text()
        .await
        .expect("text");
    assert!(body.contains("token_missing"), "the browser kept the cookies to itself: {body}");
    // Nothing was written, and the session is as it was.
    browser.client.goto(&page).await.expect("the page");
    let me = Locator::XPath("//*[@id='me' and contains(text(), 'alice')]");
    browser.client.wait().for_element(me).await.expect("still logged in");
    assert_eq!(browser.text("notes").await, "");
    browser.client.close().await.expect("closed");
}
