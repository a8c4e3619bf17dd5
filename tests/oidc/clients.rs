//! Other people's clients get tokens of a real provider and call a service of ours: bearer tokens, DPoP, discovery.

use std::process::Command;

use axum::Router;
use axum::extract::FromRef;
use jwt_auth::routing::{get, post, protected_resource};
use jwt_auth::{AccessToken, Config, GuardedRouter, JwtAuth, KeyMaterial, jwt_required};
use jwt_auth_oidc::Issuer;
use serde_json::{Value, json};
use tests::identity_provider::IdentityProvider;
use tokio::net::TcpListener;

#[jwt_required(scopes("notes:read"))]
async fn notes(token: AccessToken) -> String {
    format!("notes of {}", token.subject())
}

#[jwt_required(dpop, scopes("notes:read"))]
async fn pay(token: AccessToken) -> String {
    token.dpop_thumbprint().expect("a bound token")
}

#[derive(Clone, FromRef)]
struct App {
    auth: JwtAuth,
}

/// Starts a service that trusts the provider. Returns its address.
async fn serve(provider: &IdentityProvider, change: impl FnOnce(Config) -> Config) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", listener.local_addr().expect("an address"));
    let issuer =
        Issuer::discover(provider.issuer.as_str()).audience(["https://api.example"]).rfc9068();
    let config = Config::hs256(KeyMaterial::ephemeral())
        .trust(issuer)
        .resource(address.as_str())
        .authorization_servers([provider.issuer.as_str()]);
    let app: Router = GuardedRouter::new()
        .route("/notes", get(notes))
        .route("/pay", post(pay))
        .route("/.well-known/oauth-protected-resource", protected_resource())
        .with_state(App { auth: change(config).build().expect("valid") });
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// The JSON that a script prints.
async fn run(mut command: Command) -> Value {
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/interop"));
    let output = tokio::task::spawn_blocking(move || command.output());
    let output = output.await.expect("no panic").expect("the script runs");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("no JSON; {error}"))
}

#[tokio::test]
async fn openid_client_and_oauth4webapi_call_with_dpop() {
    let Some(provider) = IdentityProvider::start() else { return };
    let plain = serve(&provider, |config| config).await;
    let nonces = serve(&provider, |config| config.dpop_nonces(KeyMaterial::ephemeral())).await;
    let mut command = Command::new("node");
    command.args(["clients.mjs", &provider.issuer, &plain, &nonces]);
    let answers = run(command).await;
    assert_eq!(
        answers["openid"],
        json!({ "type": "dpop", "bearer": 200, "dpop": 200, "nonce": 200,
            "plainWhereBoundIsRequired": "401 dpop invalid_token", "boundAsBearer": "401 dpop invalid_token" })
    );
    let by_oauth4webapi = &answers["oauth4webapi"];
    assert_eq!(by_oauth4webapi["dpop"], json!([200, "at once"]));
    assert_eq!(by_oauth4webapi["nonce"], json!([200, "with a nonce"]));
    assert_eq!(by_oauth4webapi["servers"], json!([provider.issuer]));
    let algorithms = by_oauth4webapi["algorithms"].as_array().expect("a list");
    assert!(algorithms.contains(&json!("ES256")) && algorithms.contains(&json!("EdDSA")));

    // A second implementation of RFC 9068 and RFC 9449 has the same verdict, but for these.
    let compared = &by_oauth4webapi["differences"];
    assert_eq!(
        compared["differences"],
        json!(["2 min old: 401 here, accepted there"]),
        "it accepts proofs of the last 5 minutes, we those of the last minute"
    );
    println!("{} requests were judged alike", compared["judged"].as_u64().expect("a number") - 1);
}

#[tokio::test]
async fn authlib_calls_with_a_bearer_token() {
    let Some(provider) = IdentityProvider::start() else { return };
    let service = serve(&provider, |config| config).await;
    let python = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/python/bin/python");
    let mut command = Command::new(python);
    command.args(["authlib_client.py", &provider.issuer, &service]);
    // The provider of the tests listens on this machine, without TLS.
    command.env("AUTHLIB_INSECURE_TRANSPORT", "1");
    assert_eq!(
        run(command).await,
        json!({ "typ": "at+jwt", "subject": "service", "notes": "notes of service", "pay": 401 })
    );
}
