//! The quickstart on a real port, driven by an HTTP client as a person would drive it.

use std::path::Path;
use std::process::Command;

use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tests::process::{Running, binary};

/// A quickstart that runs in a folder of its own until it is dropped.
struct Quickstart {
    running: Running,
    url: String,
    client: Client,
}

impl Quickstart {
    fn start(name: &str) -> Self {
        // The last line that is printed before it serves.
        let last = |line: &str| line.starts_with("curl -i") && !line.contains("Bearer");
        let running = Running::start("quickstart", name, last);
        let url = running.url();
        Self { running, url, client: Client::new() }
    }

    fn ask(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    async fn status(&self, method: Method, path: &str, token: &str) -> StatusCode {
        let request = self.ask(method, path).bearer_auth(token).body("a note");
        request.send().await.expect("an answer").status()
    }

    async fn log_in(&self, username: &str, password: &str) -> (StatusCode, Value) {
        let form = json!({ "username": username, "password": password });
        let answer = self.ask(Method::POST, "/login").json(&form).send().await.expect("an answer");
        (answer.status(), answer.json().await.unwrap_or_default())
    }
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().expect(name)
}

#[tokio::test]
async fn the_whole_story() {
    let app = Quickstart::start("story");
    let (status, pair) = app.log_in("alice", "wonderland").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!((text(&pair, "token_type"), pair["expires_in"].as_u64()), ("Bearer", Some(900)));
    let token = text(&pair, "access_token");
    let me = app.ask(Method::GET, "/me").bearer_auth(token).send().await.expect("an answer");
    assert_eq!(me.text().await.expect("text"), "Welcome, alice!");

    let refused = app.ask(Method::GET, "/me").send().await.expect("an answer");
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(refused.headers()["www-authenticate"], "Bearer");

    for (name, password) in [("alice", "builder"), ("mallory", "wonderland"), ("", "")] {
        assert_eq!(app.log_in(name, password).await.0, StatusCode::UNAUTHORIZED);
    }

    assert_eq!(app.status(Method::POST, "/notes", token).await, StatusCode::CREATED);
    assert_eq!(app.status(Method::GET, "/notes", token).await, StatusCode::OK);
    let (_, bob) = app.log_in("bob", "builder").await;
    let bob = text(&bob, "access_token");
    assert_eq!(app.status(Method::GET, "/notes", bob).await, StatusCode::OK);
    let refused = app.ask(Method::POST, "/notes").bearer_auth(bob).send().await.expect("an answer");
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    let challenge = refused.headers()["www-authenticate"].to_str().expect("text");
    assert!(challenge.contains("scope=\"notes:write\""), "{challenge}");

    let refresh = text(&pair, "refresh_token");
    assert_eq!(app.status(Method::GET, "/me", refresh).await, StatusCode::UNAUTHORIZED);
    let renewed =
        app.ask(Method::POST, "/refresh").bearer_auth(refresh).send().await.expect("an answer");
    let renewed: Value = renewed.json().await.expect("json");
    let stale = text(&renewed, "access_token");
    assert_eq!(app.status(Method::GET, "/notes", stale).await, StatusCode::OK, "scopes are kept");
    assert_eq!(app.status(Method::DELETE, "/account", stale).await, StatusCode::UNAUTHORIZED);
    assert_eq!(app.status(Method::DELETE, "/account", token).await, StatusCode::OK);
}

#[tokio::test]
async fn it_says_what_to_paste_and_that_works() {
    let app = Quickstart::start("paste");
    let manifest: Vec<&str> =
        app.running.said.iter().map(String::as_str).take_while(|line| !line.is_empty()).collect();
    assert_eq!(
        manifest,
        [
            "DELETE /account  access  fresh",
            "POST   /login    public",
            "GET    /me       access",
            "GET    /notes    access  scopes(notes:read)",
            "POST   /notes    access  scopes(notes:write)",
            "POST   /refresh  refresh",
        ]
    );
    let script = app.running.said[app.running.said.len() - 3..].join("\n");
    let pasted = Command::new("sh").args(["-c", &script]).output().expect("a shell with curl");
    let output = String::from_utf8_lossy(&pasted.stdout).into_owned();
    assert!(output.contains("HTTP/1.1 200 OK") && output.contains("Welcome, alice!"), "{output}");
    assert!(
        output.contains("HTTP/1.1 401 Unauthorized") && output.contains("token_missing"),
        "{output}"
    );
}

#[test]
fn a_misconfigured_app_serves_nothing() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    let folder = std::env::temp_dir().join(format!("quickstart-wrong-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    for (name, value, words) in [
        ("JWT_AUTH_SECRET_KEY", &b"hunter2"[..], "at least 32 bytes"),
        ("JWT_AUTH_ALGORITHM", b"none", "write one of HS256"),
        ("JWT_AUTH_ACCESS_TOKEN_EXPIRE", b"15m", "the nearest is JWT_AUTH_ACCESS_TOKEN_EXPIRES"),
        ("JWT_AUTH_ISSUER", b"\xff\xfe", "not UTF-8"),
    ] {
        let run = Command::new(binary("quickstart"))
            .current_dir(&folder)
            .env("PORT", "0")
            .env(name, OsStr::from_bytes(value))
            .output()
            .expect("it runs");
        let said = String::from_utf8_lossy(&run.stderr).into_owned();
        assert!(!run.status.success() && said.contains(words) && said.contains(name), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
        assert!(!String::from_utf8_lossy(&run.stdout).contains("Listening"));
    }
    std::fs::remove_dir_all(folder).expect("removed");
}

#[tokio::test]
async fn the_readme_says_what_curl_prints() {
    let app = Quickstart::start("readme");
    let readme = include_str!("../README.md");
    let lines = readme
        .split("## Call it")
        .nth(1)
        .and_then(|rest| rest.split("```sh").nth(1))
        .expect("the lines");
    let lines = lines.split("```").next().expect("their end");
    let address = app.url.strip_prefix("http://").expect("an address");
    let script = lines.replace("localhost:3000", address);
    let pasted = Command::new("sh").args(["-c", &script]).output().expect("a shell with curl");
    let printed = String::from_utf8_lossy(&pasted.stdout).into_owned();
    let promised: Vec<&str> = lines.lines().filter_map(|line| line.strip_prefix("# ")).collect();
    assert_eq!(promised.len(), 3);
    assert_eq!(printed.lines().collect::<Vec<_>>(), promised);
}

#[test]
fn without_jwt_required_it_does_not_compile() {
    // The quickstart's own source with one line taken out, in a crate that stands for a user's.
    let source = include_str!("../examples/quickstart/src/main.rs");
    let mutated = source.replacen("#[jwt_required]\nasync fn me(", "async fn me(", 1);
    assert_ne!(source, mutated);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folder = root.join("target/tests/quickstart-unguarded");
    let src = folder.join("src");
    std::fs::create_dir_all(&src).expect("a folder");
    let manifest = include_str!("../examples/quickstart/Cargo.toml");
    let workspace = std::fs::read_to_string(root.join("Cargo.toml")).expect("text");
    let workspace = workspace
        .replace("default-members = [", "ignored-too = [")
        .replace("members = [", "members = [\".\"]\nignored = [")
        .replace("path = \"jwt-auth", "path = \"../../../jwt-auth");
    std::fs::write(folder.join("Cargo.toml"), format!("{manifest}\n{workspace}")).expect("written");
    std::fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock")).expect("copied");
    std::fs::write(src.join("main.rs"), mutated).expect("written");
    std::fs::write(src.join("users.rs"), include_str!("../examples/quickstart/src/users.rs"))
        .expect("written");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .current_dir(&folder)
        .env("CARGO_TARGET_DIR", root.join("target"))
        .args(["build", "--quiet"])
        .output()
        .expect("cargo runs");
    let said = String::from_utf8_lossy(&built.stderr).into_owned();
    assert!(!built.status.success(), "an unprotected route compiled");
    assert!(said.contains("this handler does not say who may call it"), "{said}");
    assert!(
        said.contains("annotate it with `#[jwt_required]`, `#[refresh_required]` or `#[public]`"),
        "{said}"
    );
    assert_eq!(said.matches("error[").count(), 1, "{said}");
    // The README shows this very error.
    let place =
        said.lines().find_map(|line| line.trim().strip_prefix("--> src/")).expect("a place");
    assert!(include_str!("../README.md").contains(place), "the README does not say {place}");
}
