//! The service beside a real provider, as the commands in its help start them.

use std::process::Command;

use serde_json::Value;
use tests::identity_provider::IdentityProvider;
use tests::process::Running;

#[tokio::test]
async fn tokens_of_the_provider_open_the_routes_that_their_scopes_name() {
    let Some(provider) = IdentityProvider::start() else { return };
    let issuer = provider.issuer.as_str();
    let mut command = Command::new(env!("CARGO_BIN_EXE_resource-server"));
    command.env("ISSUER", issuer).env("PORT", "0");
    let service = Running::spawn(command, None, |line| line.starts_with("Listening"));
    let address = service.url();
    let notes = format!("{address}/notes");

    let client = reqwest::Client::new();
    let token = provider.token().await;
    let read = client.get(&notes).bearer_auth(&token).send().await.expect("an answer");
    assert_eq!(read.text().await.expect("text"), "Notes for service");
    let write = client.post(&notes).bearer_auth(&token).send().await.expect("an answer");
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
