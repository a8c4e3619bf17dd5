//! The quickstart example as a process on a real port, called by an HTTP client.

use std::path::Path;
use std::process::Command;

use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tests::process::{Running, binary};

/// A running quickstart in a private folder.
struct Quickstart {
    running: Running,
    url: String,
    client: Client,
}

impl Quickstart {
    fn start(name: &str) -> Self {
        // The last line that it prints before it serves.
        let is_last = |line: &str| line.starts_with("curl -i") && !line.contains("Bearer");
        let running = Running::start("quickstart", name, is_last);
        let url = running.url();
        Self { running, url, client: Client::new() }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    async fn status(&self, method: Method, path: &str, token: &str) -> StatusCode {
        let request = self.request(method, path).bearer_auth(token).body("a note");
        request.send().await.expect("a response").status()
    }

    async fn log_in(&self, username: &str, password: &str) -> (StatusCode, Value) {
        let form = json!({ "username": username, "password": password });
        let response =
            self.request(Method::POST, "/login").json(&form).send().await.expect("a response");
        (response.status(), response.json().await.unwrap_or_default())
    }
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().expect(name)
}

#[tokio::test]
async fn log_in_call_refusal_scopes_refresh_and_freshness_work() {
    let app = Quickstart::start("story");
    let (status, pair) = app.log_in("alice", "wonderland").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!((text(&pair, "token_type"), pair["expires_in"].as_u64()), ("Bearer", Some(900)));
    let token = text(&pair, "access_token");
    let me = app.request(Method::GET, "/me").bearer_auth(token).send().await.expect("a response");
    assert_eq!(me.text().await.expect("text"), "Welcome, alice!");

    let refused = app.request(Method::GET, "/me").send().await.expect("a response");
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
    let refused =
        app.request(Method::POST, "/notes").bearer_auth(bob).send().await.expect("a response");
    assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    let challenge = refused.headers()["www-authenticate"].to_str().expect("text");
    assert!(challenge.contains("scope=\"notes:write\""), "{challenge}");

    let refresh = text(&pair, "refresh_token");
    assert_eq!(app.status(Method::GET, "/me", refresh).await, StatusCode::UNAUTHORIZED);
    let renewed = app
        .request(Method::POST, "/refresh")
        .bearer_auth(refresh)
        .send()
        .await
        .expect("a response");
    let renewed: Value = renewed.json().await.expect("json");
    let stale = text(&renewed, "access_token");
    assert_eq!(
        app.status(Method::GET, "/notes", stale).await,
        StatusCode::OK,
        "the refreshed token keeps its scopes"
    );
    assert_eq!(app.status(Method::DELETE, "/account", stale).await, StatusCode::UNAUTHORIZED);
    assert_eq!(app.status(Method::DELETE, "/account", token).await, StatusCode::OK);
    assert_eq!(app.status(Method::POST, "/logout", token).await, StatusCode::NO_CONTENT);
    assert_eq!(app.status(Method::GET, "/notes", stale).await, StatusCode::UNAUTHORIZED);
    assert_eq!(app.status(Method::POST, "/logout", token).await, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_changed_password_ends_the_other_sessions_only() {
    let app = Quickstart::start("password");
    let (_, here) = app.log_in("bob", "builder").await;
    let (_, there) = app.log_in("bob", "builder").await;
    let (here, there) = (text(&here, "access_token"), text(&there, "access_token"));
    let change = async |current: &str| {
        let form = json!({ "current": current, "new": "can he fix it" });
        let request = app.request(Method::POST, "/password").bearer_auth(here).json(&form);
        request.send().await.expect("a response").status()
    };
    assert_eq!(change("wrong").await, StatusCode::UNAUTHORIZED);
    assert_eq!(app.status(Method::GET, "/me", there).await, StatusCode::OK);
    assert_eq!(change("builder").await, StatusCode::NO_CONTENT);
    assert_eq!(app.status(Method::GET, "/me", here).await, StatusCode::OK);
    assert_eq!(app.status(Method::GET, "/me", there).await, StatusCode::UNAUTHORIZED);
    assert_eq!(app.log_in("bob", "builder").await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(app.log_in("bob", "can he fix it").await.0, StatusCode::OK);
}

#[tokio::test]
async fn the_printed_curl_commands_work() {
    let app = Quickstart::start("paste");
    let manifest: Vec<&str> =
        app.running.output.iter().map(String::as_str).take_while(|line| !line.is_empty()).collect();
    assert_eq!(
        manifest,
        [
            "DELETE /account   access  fresh",
            "POST   /login     public",
            "POST   /logout    public",
            "GET    /me        access",
            "GET    /notes     access  scopes(notes:read)",
            "POST   /notes     access  scopes(notes:write)",
            "POST   /password  access",
            "POST   /refresh   refresh",
        ]
    );
    let script = app.running.output[app.running.output.len() - 3..].join("\n");
    let pasted = Command::new("sh").args(["-c", &script]).output().expect("a shell with curl");
    let output = String::from_utf8_lossy(&pasted.stdout).into_owned();
    assert!(output.contains("HTTP/1.1 200 OK") && output.contains("Welcome, alice!"), "{output}");
    assert!(
        output.contains("HTTP/1.1 401 Unauthorized") && output.contains("token_missing"),
        "{output}"
    );
}

#[test]
fn a_misconfigured_app_does_not_start() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    let folder = std::env::temp_dir().join(format!("quickstart-wrong-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    for (name, value, words) in [
        ("JWT_AUTH_SECRET_KEY", &b"hunter2"[..], "at least 32 bytes"),
        ("JWT_AUTH_ALGORITHM", b"none", "write one of HS256"),
        ("JWT_AUTH_ACCESS_TOKEN_EXPIRE", b"15m", "did you mean JWT_AUTH_ACCESS_TOKEN_EXPIRES?"),
        ("JWT_AUTH_ISSUER", b"\xff\xfe", "not UTF-8"),
    ] {
        let run = Command::new(binary("quickstart"))
            .current_dir(&folder)
            .env("PORT", "0")
            .env(name, OsStr::from_bytes(value))
            .output()
            .expect("the quickstart runs");
        let stderr = String::from_utf8_lossy(&run.stderr).into_owned();
        assert!(
            !run.status.success() && stderr.contains(words) && stderr.contains(name),
            "{stderr}"
        );
        assert!(!stderr.contains("hunter2"), "{stderr}");
        assert!(!String::from_utf8_lossy(&run.stdout).contains("Listening"));
    }
    std::fs::remove_dir_all(folder).expect("removed");
}

#[tokio::test]
async fn the_curl_output_in_the_readme_is_correct() {
    let app = Quickstart::start("readme");
    let readme = include_str!("../README.md");
    let lines = readme
        .split("## Call it")
        .nth(1)
        .and_then(|rest| rest.split("```sh").nth(1))
        .expect("the shell block");
    let lines = lines.split("```").next().expect("the end of the block");
    let address = app.url.strip_prefix("http://").expect("an address");
    let script = lines.replace("localhost:3000", address);
    let pasted = Command::new("sh").args(["-c", &script]).output().expect("a shell with curl");
    let printed = String::from_utf8_lossy(&pasted.stdout).into_owned();
    let documented: Vec<&str> = lines.lines().filter_map(|line| line.strip_prefix("# ")).collect();
    assert_eq!(documented.len(), 3);
    assert_eq!(printed.lines().collect::<Vec<_>>(), documented);
}

#[test]
fn the_quickstart_without_jwt_required_does_not_compile() {
    // The source of the quickstart without one line, in a crate like a user's.
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
    let stderr = String::from_utf8_lossy(&built.stderr).into_owned();
    assert!(!built.status.success(), "an unprotected route compiled");
    assert!(stderr.contains("this handler does not say who may call it"), "{stderr}");
    assert!(
        stderr.contains("annotate it with `#[jwt_required]`, `#[refresh_required]` or `#[public]`"),
        "{stderr}"
    );
    assert_eq!(stderr.matches("error[").count(), 1, "{stderr}");
    // The README shows the same line and column.
    let position =
        stderr.lines().find_map(|line| line.trim().strip_prefix("--> src/")).expect("a position");
    assert!(include_str!("../README.md").contains(position), "the README does not have {position}");
}
