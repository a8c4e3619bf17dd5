//! The server beside a real provider, called by the MCP client of others.

use std::process::Command;

use serde_json::{Value, json};
use tests::identity_provider::IdentityProvider;
use tests::process::Running;

fn start(provider: &IdentityProvider) -> Running {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcp-server"));
    command.env("ISSUER", &provider.issuer).env("PORT", "0");
    Running::spawn(command, None, |line| line.starts_with("Listening"))
}

/// What the client prints.
fn call(provider: &IdentityProvider, server: &str, token: Option<&str>) -> Value {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/interop/mcp_client.mjs");
    let mut command = Command::new("node");
    command.arg(script).arg(server).args(token).env("ISSUER", &provider.issuer);
    let output = command.output().expect("node runs");
    let error = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("no JSON; {error}"))
}

#[tokio::test]
async fn a_client_that_knows_only_the_address_finds_the_provider_and_calls_the_tools() {
    let Some(provider) = IdentityProvider::start() else { return };
    let server = start(&provider);
    let address = format!("{}/mcp", server.url());
    let answers = call(&provider, &address, None);
    assert_eq!(answers["tools"], json!(["add", "list"]));
    // It requested the scope that the challenge names, which does not suffice to write.
    assert_eq!(answers["add"], "the scope notes:write is missing");
    assert_eq!(answers["list"], "");
    let requests = answers["requests"].as_array().expect("a list");
    assert_eq!(
        requests[..5],
        [
            json!("POST /mcp 401"),
            json!("GET /.well-known/oauth-protected-resource/mcp 200"),
            json!("GET /.well-known/oauth-authorization-server 200"),
            json!("POST /token 200"),
            json!("POST /mcp 200"),
        ]
    );
}

#[tokio::test]
async fn a_tool_reads_the_token_and_tokens_of_other_services_are_refused() {
    let Some(provider) = IdentityProvider::start() else { return };
    let server = start(&provider);
    let address = format!("{}/mcp", server.url());
    let resource = address.replace(':', "%3A").replace('/', "%2F");
    let form = "grant_type=client_credentials&scope=notes%3Aread+notes%3Awrite&resource=";
    let answer = provider.form("/token", format!("{form}{resource}")).await;
    let answer: Value = answer.json().await.expect("JSON");
    let token = answer["access_token"].as_str().expect("a token");
    let answers = call(&provider, &address, Some(token));
    assert_eq!(
        (&answers["add"], &answers["list"]),
        (&json!("a note of service"), &json!("a note of service"))
    );

    let client = reqwest::Client::new();
    for other in [provider.token().await, "no-token".to_owned(), String::new()] {
        let refused = client.post(&address).bearer_auth(&other).send().await.expect("an answer");
        assert_eq!(refused.status(), 401, "{other}");
        assert!(refused.headers().contains_key("www-authenticate"));
    }
}
