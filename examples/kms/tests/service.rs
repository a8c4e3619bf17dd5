//! The service and its signing process, as `cargo run -p kms` starts them.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

/// The running service, which is stopped when it is dropped.
struct Service {
    child: Child,
    url: String,
    /// Kept open, because the service writes on.
    _output: BufReader<ChildStdout>,
}

impl Service {
    fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_kms"))
            .env("PORT", "0")
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut output = BufReader::new(child.stdout.take().expect("piped"));
        let mut line = String::new();
        output.read_line(&mut line).expect("a line");
        let url = line.split_whitespace().find_map(|word| word.strip_prefix("http://"));
        let address = url.expect("an address").trim_end_matches('.').to_owned();
        Self { child, url: format!("http://{address}"), _output: output }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn tokens_are_signed_by_the_other_process() {
    let service = Service::start();
    let url = |path: &str| format!("{}{path}", service.url);
    let client = reqwest::Client::new();
    let form = json!({ "username": "alice", "password": "wonderland" });
    let response = client.post(url("/login")).json(&form).send().await.expect("an answer");
    assert_eq!(response.status(), 200);
    let pair: Value = response.json().await.expect("JSON");
    let token = |name: &str| pair[name].as_str().expect("a token").to_owned();
    let me = client.get(url("/me")).bearer_auth(token("access_token")).send().await;
    assert_eq!(me.expect("an answer").text().await.expect("text"), "Welcome, alice!");
    let refreshed = client.post(url("/refresh")).bearer_auth(token("refresh_token")).send().await;
    assert_eq!(refreshed.expect("an answer").status(), 200);
    let set = client.get(url("/.well-known/jwks.json")).send().await.expect("an answer");
    let set: Value = set.json().await.expect("JSON");
    assert_eq!(set["keys"][0]["crv"], "P-256");
}
