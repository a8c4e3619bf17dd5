//! The service beside a real provider, as the commands in its help start them.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

/// A program, which is stopped when it is dropped.
struct Program {
    child: Child,
    /// The first line that it printed.
    line: String,
    /// Kept open, because the program writes on.
    _output: BufReader<ChildStdout>,
}

impl Program {
    fn start(command: &mut Command) -> Option<Self> {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
        let mut output = BufReader::new(child.stdout.take()?);
        let mut line = String::new();
        output.read_line(&mut line).ok()?;
        let line = line.trim().to_owned();
        let program = Self { child, line, _output: output };
        Some(program).filter(|program| !program.line.is_empty())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn tokens_of_the_provider_open_the_routes_that_their_scopes_name() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/interop/provider.mjs");
    let Some(provider) = Program::start(Command::new("node").arg(script)) else {
        let is_required = std::env::var("TESTS_INTEROP").as_deref() == Ok("required");
        assert!(!is_required, "the provider does not run; install it with scripts/interop.sh");
        eprintln!("skipped: the provider does not run; install it with scripts/interop.sh");
        return;
    };
    let issuer = provider.line.as_str();
    let mut command = Command::new(env!("CARGO_BIN_EXE_resource-server"));
    let service =
        Program::start(command.env("ISSUER", issuer).env("PORT", "0")).expect("it starts");
    let words = service.line.split_whitespace();
    let address = words.into_iter().find(|word| word.starts_with("http://")).expect("an address");
    let notes = format!("{}/notes", address.trim_end_matches('.'));

    let client = reqwest::Client::new();
    let answer = client
        .post(format!("{issuer}/token"))
        .basic_auth("service", Some("the-secret-of-the-service"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body("grant_type=client_credentials&scope=notes%3Aread")
        .send()
        .await
        .expect("an answer");
    let answer: Value = answer.json().await.expect("JSON");
    let token = answer["access_token"].as_str().expect("a token");
    let read = client.get(&notes).bearer_auth(token).send().await.expect("an answer");
    assert_eq!(read.text().await.expect("text"), "Notes for service");
    let write = client.post(&notes).bearer_auth(token).send().await.expect("an answer");
    assert_eq!(write.status(), 403);
    let refused = client.get(&notes).send().await.expect("an answer");
    let challenge = refused.headers()["www-authenticate"].to_str().expect("text").to_owned();
    assert!(
        challenge.starts_with("Bearer scope=\"notes:read\", resource_metadata=\""),
        "{challenge}"
    );
    let document = challenge.rsplit('"').nth(1).expect("an address");
    let document = client.get(document).send().await.expect("an answer");
    let document: Value = document.json().await.expect("JSON");
    assert_eq!(document["authorization_servers"][0], issuer);
}

#[test]
fn a_wrong_address_is_an_error_at_the_start() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_resource-server"));
    let output = command.env("ISSUER", "http://127.0.0.1:1").env("PORT", "0").output();
    let output = output.expect("it ends");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && error.contains("refused"), "{error}");
    assert!(error.contains("node tests/interop/provider.mjs"), "{error}");
}
