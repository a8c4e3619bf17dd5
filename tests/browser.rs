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
        Self::start_with(name, json!({})).await
    }

    /// The same, with more options of Chromium.
    async fn start_with(name: &str, options: Value) -> Option<Self> {
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
        let driver = Running::spawn(command, Some(folder.clone()), is_started);
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
        let mut chrome = options;
        let more = chrome["args"].as_array().cloned().unwrap_or_default();
        let arguments = arguments.into_iter().map(|argument| json!(argument)).chain(more);
        chrome["args"] = arguments.collect();
        capabilities.insert("goog:chromeOptions".to_owned(), chrome);
        // The certificate of the test signs itself.
        capabilities.insert("acceptInsecureCerts".to_owned(), json!(true));
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
    serve_with(name, &[])
}

/// Starts the example with variables of its environment.
fn serve_with(name: &str, variables: &[(&str, &str)]) -> (Running, String, String) {
    let is_started = |line: &str| line.contains("The user is");
    let running = Running::start_with("cookies", name, variables, is_started);
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

impl Browser {
    async fn log_in(&self, page: &str) {
        self.client.goto(page).await.expect("the page");
        self.fill("username", "alice").await;
        self.fill("password", "wonderland").await;
        assert_eq!(self.press("login").await, "204");
    }

    /// Waits until an element contains a text.
    async fn wait_for(&self, id: &str, text: &str) {
        let shown = format!("//*[@id='{id}' and contains(., \"{text}\")]");
        self.client.wait().for_element(Locator::XPath(&shown)).await.expect(text);
    }

    /// The lines of what was sent and answered, the oldest first.
    async fn log(&self) -> Vec<String> {
        let script = "return [...document.querySelectorAll('#log li')].map((line) => line.textContent).reverse()";
        serde_json::from_value(self.run(script).await).expect("lines")
    }
}

#[tokio::test]
async fn a_page_whose_token_has_ended_refreshes_once_for_all_tabs_and_repeats_its_request() {
    let Some(browser) = Browser::start("tabs").await else { return };
    let (_running, page, _) = serve_with("tabs", &[("JWT_AUTH_ACCESS_TOKEN_EXPIRES", "3s")]);
    browser.log_in(&page).await;
    browser.wait_for("session", "The access token ends in").await;
    let first = browser.client.window().await.expect("a tab");
    let second = browser.client.new_window(true).await.expect("a second tab").handle;
    browser.client.switch_to_window(second.clone()).await.expect("switched");
    browser.client.goto(&page).await.expect("the page");
    browser.wait_for("me", "Welcome, alice!").await;
    for tab in [&first, &second] {
        browser.client.switch_to_window(tab.clone()).await.expect("switched");
        browser.wait_for("session", "has ended").await;
    }
    let mut logs = Vec::new();
    for (tab, note) in [(&first, "milk"), (&second, "bread")] {
        browser.client.switch_to_window(tab.clone()).await.expect("switched");
        browser.fill("note", note).await;
        let script = "document.getElementById('note-form').requestSubmit()";
        browser.run(script).await;
    }
    for tab in [&first, &second] {
        browser.client.switch_to_window(tab.clone()).await.expect("switched");
        browser.wait_for("status", "201").await;
        logs.push(browser.log().await.join("\n"));
    }
    let refreshes: usize = logs.iter().map(|log| log.matches("POST /refresh").count()).sum();
    assert_eq!(refreshes, 1, "one refresh for both tabs: {logs:#?}");
    assert!(logs[0].contains("token_expired: the token has ended"), "{logs:#?}");
    assert!(logs[0].contains("POST /refresh → 204  with the CSRF value"), "{logs:#?}");
    browser.wait_for("notes", "alice: milk").await;
    browser.wait_for("notes", "alice: bread").await;
    browser.client.close().await.expect("closed");
}

#[tokio::test]
async fn a_session_that_was_ended_elsewhere_says_why_and_leaves_no_cookies() {
    let Some(browser) = Browser::start("ended").await else { return };
    let (_running, page, _) = serve("ended");
    browser.log_in(&page).await;
    assert_eq!(browser.press("everywhere").await, "204");
    browser.wait_for("why", "Your session is over: the session was ended.").await;
    assert!(browser.cookies().await.is_empty(), "the refusal has deleted them");
    // The form is back, and the next log-in works.
    browser.log_in(&page).await;
    assert_eq!(browser.text("me").await, "Welcome, alice!");
    assert_eq!(browser.text("why").await, "");
    browser.client.close().await.expect("closed");
}

#[tokio::test]
async fn the_page_without_scripts_works_in_a_browser_without_scripts() {
    let no_scripts =
        json!({ "prefs": { "profile.managed_default_content_settings.javascript": 2 } });
    let Some(browser) = Browser::start_with("plain", no_scripts).await else { return };
    let (_running, page, _) = serve("plain");
    let click = async |id: &str| {
        let button = browser.client.find(Locator::Id(id)).await.expect("a button");
        button.click().await.expect("clicked");
    };
    browser.client.goto(&format!("{page}/plain")).await.expect("the page");
    browser.fill("username", "alice").await;
    browser.fill("password", "wonderland").await;
    click("login").await;
    browser.wait_for("me", "Welcome, alice!").await;
    browser.fill("note", "<b>milk</b>").await;
    click("add").await;
    browser.wait_for("notes", "alice: <b>milk</b>").await;
    click("logout").await;
    browser.client.wait().for_element(Locator::Id("username")).await.expect("the form");
    assert!(browser.cookies().await.is_empty());
    browser.client.close().await.expect("closed");
}

/// Terminates TLS in front of a server, with a certificate that signs itself. Returns its port.
async fn terminate_tls(server: String) -> u16 {
    use tokio_rustls::TlsAcceptor;
    use tokio_rustls::rustls::ServerConfig;
    use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = std::sync::Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("a certificate and its key");
    let acceptor = TlsAcceptor::from(std::sync::Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (acceptor, server) = (acceptor.clone(), server.clone());
            tokio::spawn(async move {
                let Ok(mut client) = acceptor.accept(client).await else { return };
                let mut server = tokio::net::TcpStream::connect(server).await.expect("a server");
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    port
}

#[tokio::test]
async fn the_session_works_over_https_with_a_local_certificate() {
    let Some(browser) = Browser::start("https").await else { return };
    let (_running, _, url) = serve("https");
    let server = url.strip_prefix("http://").expect("an address").to_owned();
    let page = format!("https://localhost:{}", terminate_tls(server).await);
    browser.log_in(&page).await;
    assert_eq!(browser.run("return location.protocol").await, "https:");
    assert_eq!(browser.text("me").await, "Welcome, alice!");
    assert_eq!(browser.cookies().await.keys().collect::<Vec<_>>(), COOKIES);
    browser.fill("note", "milk").await;
    assert_eq!(browser.press("add").await, "201");
    assert_eq!(browser.press("refresh").await, "204");
    assert_eq!(browser.press("logout").await, "204");
    assert!(browser.cookies().await.is_empty());
    browser.client.close().await.expect("closed");
}

impl Browser {
    /// Waits for the element, and clicks it.
    async fn click(&self, css: &str) {
        let element = self.client.wait().for_element(Locator::Css(css)).await.expect(css);
        element.click().await.expect(css);
    }

    /// Waits until an element has text, and returns it.
    async fn text_of(&self, css: &str) -> String {
        let element = self.client.wait().for_element(Locator::Css(css)).await.expect(css);
        element.text().await.expect("text")
    }

    /// Saves the dashboard as a picture of its README, and as text for its documentation, which has no files beside it.
    async fn save_dashboard(&self, name: &str, label: &str) {
        use base64::Engine as _;
        use base64::engine::general_purpose::STANDARD;

        let path = format!("jwt-auth-dashboard/{name}.png");
        self.save_screenshot(&path).await;
        let root = format!("{}/..", env!("CARGO_MANIFEST_DIR"));
        let png = std::fs::read(format!("{root}/{path}")).expect("a picture");
        let text = format!("[{label}]: data:image/png;base64,{}\n", STANDARD.encode(png));
        let docs = format!("{root}/jwt-auth-dashboard/docs/{name}.md");
        if std::env::var_os("UPDATE_SCREENSHOTS").is_some() {
            std::fs::write(docs, text).expect("written");
        } else {
            let saved = std::fs::read_to_string(docs).expect("text");
            assert!(saved == text, "run this test with UPDATE_SCREENSHOTS=1");
        }
    }

    /// Saves what the page shows, if `UPDATE_SCREENSHOTS` is set.
    async fn save_screenshot(&self, path: &str) {
        if std::env::var_os("UPDATE_SCREENSHOTS").is_some() {
            let png = self.client.screenshot().await.expect("a picture");
            let path = format!("{}/../{path}", env!("CARGO_MANIFEST_DIR"));
            std::fs::write(path, png).expect("written");
        }
    }
}

#[tokio::test]
async fn swagger_ui_calls_guarded_routes_after_authorize() {
    let Some(browser) = Browser::start("swagger").await else { return };
    let example = Running::start("openapi", "browser", |line| line.contains("/docs"));
    let url = example.url();
    browser.client.set_window_size(1100, 1000).await.expect("resized");
    browser.client.goto(&format!("{url}/docs/")).await.expect("opened");
    let script = "const [url, done] = arguments;\
        const body = JSON.stringify({ username: 'alice' });\
        const headers = { 'content-type': 'application/json' };\
        fetch(url, { method: 'POST', headers, body }).then((a) => a.json()).then((a) => done(a.access_token));";
    let login = vec![json!(format!("{url}/login"))];
    let token = browser.client.execute_async(script, login).await.expect("a token");

    // Without a token, `GET /notes` is refused as the document says.
    let get = ".opblock-get";
    browser.click(&format!("{get} .opblock-summary-control")).await;
    browser.click(&format!("{get} .try-out__btn")).await;
    browser.click(&format!("{get} .execute")).await;
    let status = format!("{get} .live-responses-table .response td.response-col_status");
    assert!(browser.text_of(&status).await.starts_with("401"));

    browser.click(".scheme-container .authorize").await;
    let field = browser.client.wait().for_element(Locator::Css(".auth-container input")).await;
    let field = field.expect("a field for the token");
    field.send_keys(token.as_str().expect("text")).await.expect("typed");
    browser.click(".auth-btn-wrapper .authorize").await;
    browser.click(".auth-btn-wrapper .btn-done").await;
    browser.click(&format!("{get} .btn-clear")).await;
    browser.click(&format!("{get} .execute")).await;
    assert!(browser.text_of(&status).await.starts_with("200"));
    let body = browser.text_of(&format!("{get} .live-responses-table .highlight-code")).await;
    assert!(body.contains("notes of alice"), "{body}");
    browser.save_screenshot("jwt-auth-openapi/swagger-ui.png").await;

    // The token lacks the scope of `POST /notes`, which the document names.
    let post = "#operations-default-add, .opblock-post[id$='add']";
    browser.click(&format!("{post} .opblock-summary-control")).await;
    browser.client.close().await.expect("closed");
}

impl Browser {
    /// Presses a button, waits until an element contains a text, and returns all of its text.
    async fn click_and_read(&self, button: &str, id: &str, text: &str) -> String {
        self.click(button).await;
        self.wait_for(id, text).await;
        self.text(id).await
    }

    /// Whether the page is wider than the window.
    async fn scrolls_sideways(&self) -> bool {
        let script =
            "const page = document.documentElement; return page.scrollWidth > page.clientWidth";
        self.run(script).await == json!(true)
    }

    /// Chooses a route of the dashboard, mints a token with the scopes, and sends it. Returns the status.
    async fn try_route(&self, route: &str, scopes: &str, status: &str) -> String {
        let script = format!(
            "const select = document.getElementById('route');\
            select.value = [...select.options].find((one) => one.text === '{route}').value;\
            select.dispatchEvent(new Event('change'));\
            document.getElementById('mint-status').textContent = '';"
        );
        self.run(&script).await;
        self.fill("scopes", scopes).await;
        self.click_and_read("#mint", "mint-status", "Minted").await;
        self.click_and_read("#send", "status", status).await
    }

    /// The token in the field of the dashboard.
    async fn minted(&self) -> String {
        let token = self.run("return document.getElementById('sent').value").await;
        token.as_str().expect("text").to_owned()
    }
}

#[tokio::test]
async fn dashboard_shows_decisions_as_they_happen_and_tries_tokens() {
    let Some(browser) = Browser::start("dashboard").await else { return };
    let example = Running::start("dashboard", "browser", |line| line.contains("/_jwt-auth"));
    let url = example.url();
    browser.client.set_window_size(1100, 1000).await.expect("resized");
    browser.client.goto(&format!("{url}/_jwt-auth")).await.expect("opened");
    browser.wait_for("route-rows", "with the scope notes:read").await;
    browser.wait_for("live", "live").await;
    browser.wait_for("key-rows", "signing").await;

    // A request from elsewhere is shown as it happens.
    let response = reqwest::Client::new().get(format!("{url}/notes")).send().await;
    assert_eq!(response.expect("an answer").status(), 401);
    for text in ["refused 401", "token_missing", "send a token where the route looks for it"] {
        browser.wait_for("decision-rows", text).await;
    }

    // Without the scope, the token is refused; with it, the route answers.
    browser.click("#has-session").await;
    browser.try_route("GET /notes", "", "403").await;
    assert!(browser.text("answer").await.contains("scope_insufficient"));
    browser.try_route("GET /notes", "notes:read", "200").await;
    assert_eq!(browser.text("answer").await, "notes of alice");
    browser.wait_for("decision-rows", "the access token was accepted").await;
    let field_type = "return document.getElementById('sent').type";
    assert_eq!(browser.run(field_type).await, "password", "the token is masked");
    browser.click("#show").await;
    assert_eq!(browser.run(field_type).await, "text");
    browser.click("#show").await;

    // The token is accepted; changed, it is refused, with the rule.
    let token = browser.minted().await;
    browser.fill("pasted", &token).await;
    browser.click_and_read("#verify", "verdict", "accepted").await;
    let (before, after) = token.split_at(token.len() - 8);
    let changed = if after.starts_with('A') { "B" } else { "A" };
    browser.fill("pasted", &format!("{before}{changed}{}", &after[1..])).await;
    browser.click_and_read("#verify", "verdict", "signature_invalid").await;
    browser.wait_for("rules", "another key signed the token").await;
    assert!(browser.text("rules").await.contains("not checked"));

    // Both sessions are listed. One ends, and the other stays.
    browser.click("#list").await;
    browser.wait_for("session-rows", "the developer's page").await;
    let count = "return document.querySelectorAll('#session-rows tr').length";
    assert_eq!(browser.run(count).await, 2);
    assert!(!browser.scrolls_sideways().await);
    // The picture ends after the section about the token.
    let height = "scrollTo(0, 0); document.activeElement.blur();\
        const end = document.getElementById('token').getBoundingClientRect().bottom;\
        return Math.ceil(end) + 16 + outerHeight - innerHeight";
    let height = browser.run(height).await.as_u64().and_then(|height| u32::try_from(height).ok());
    browser.client.set_window_size(1100, height.expect("a height")).await.expect("resized");
    browser.save_dashboard("dashboard", "wide").await;
    browser
        .click_and_read("#session-rows button", "sessions-status", "The session has ended")
        .await;
    assert_eq!(browser.run(count).await, 1);
    browser.click("#session-rows button").await;
    let gone = Locator::Css("#session-table[hidden]");
    browser.client.wait().for_element(gone).await.expect("no session");
    browser.click_and_read("#send", "status", "401").await;
    assert!(browser.text("answer").await.contains("token_revoked"));
    browser.client.close().await.expect("closed");
}

#[tokio::test]
async fn dashboard_is_readable_on_a_phone_in_the_dark() {
    let metrics = json!({ "width": 360, "height": 1500, "pixelRatio": 1.0 });
    let phone = json!({
        "mobileEmulation": { "deviceMetrics": metrics },
        "args": ["--blink-settings=preferredColorScheme=0"],
    });
    let Some(browser) = Browser::start_with("dashboard-phone", phone).await else { return };
    let example = Running::start("dashboard", "phone", |line| line.contains("/_jwt-auth"));
    browser.client.goto(&format!("{}/_jwt-auth", example.url())).await.expect("opened");
    browser.wait_for("live", "live").await;
    assert_eq!(browser.run("return innerWidth").await, 360);
    let is_dark = "return matchMedia('(prefers-color-scheme: dark)').matches";
    assert_eq!(browser.run(is_dark).await, true);
    browser.try_route("GET /notes", "notes:read", "200").await;
    browser.fill("pasted", &browser.minted().await).await;
    browser.click_and_read("#verify", "verdict", "accepted").await;
    browser.try_route("DELETE /notes/{id}", "notes:read", "403").await;
    browser.click("#list").await;
    browser.wait_for("sessions-status", "alice has no active session").await;
    assert!(!browser.scrolls_sideways().await, "tables scroll in themselves");
    browser.wait_for("decision-rows", "scope_insufficient").await;
    browser.run("scrollTo(0, 0); document.activeElement.blur()").await;
    browser.save_dashboard("dashboard-phone", "phone").await;
    browser.client.close().await.expect("closed");
}
