//! A certified provider (npm `oidc-provider`) in a process of its own: discovery, tokens, a rotation of its keys, an outage.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use jwt_auth::{AccessToken, AuthErrorKind, Config, JwtAuth, KeyMaterial};
use jwt_auth_oidc::Issuer;
use serde_json::Value;

use crate::verdict;

struct Provider {
    child: Child,
    issuer: String,
}

impl Provider {
    /// Starts it, if Node and the package are installed.
    ///
    /// # Panics
    ///
    /// If they are not, and `TESTS_INTEROP=required`.
    fn start() -> Option<Self> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/interop/provider.mjs");
        let child =
            Command::new("node").arg(script).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut line = String::new();
        let started = child.ok().and_then(|mut child| {
            BufReader::new(child.stdout.take()?).read_line(&mut line).ok()?;
            Some(Self { child, issuer: line.trim().to_owned() })
        });
        if let Some(provider) = started.filter(|provider| !provider.issuer.is_empty()) {
            return Some(provider);
        }
        assert!(
            std::env::var("TESTS_INTEROP").as_deref() != Ok("required"),
            "the provider does not run; install it with scripts/interop.sh"
        );
        eprintln!("skipped: the provider does not run; install it with scripts/interop.sh");
        None
    }

    async fn post(&self, path: &str) {
        let url = format!("{}{path}", self.issuer);
        let response = reqwest::Client::new().post(url).send().await.expect("an answer");
        assert!(response.status().is_success());
    }

    /// A token that the client gets for itself.
    async fn token(&self) -> String {
        let response = reqwest::Client::new()
            .post(format!("{}/token", self.issuer))
            .basic_auth("service", Some("the-secret-of-the-service"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body("grant_type=client_credentials&scope=notes%3Aread")
            .send()
            .await
            .expect("an answer");
        let answer: Value = response.json().await.expect("JSON");
        answer["access_token"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    fn auth(&self, change: impl FnOnce(Issuer) -> Issuer) -> JwtAuth {
        let issuer = Issuer::discover(self.issuer.as_str()).audience(["https://api.example"]);
        let config = Config::hs256(KeyMaterial::ephemeral()).trust(change(issuer));
        config.build().expect("valid")
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn a_certified_provider_is_followed_through_a_rotation_and_an_outage() {
    let Some(provider) = Provider::start() else { return };
    let auth = provider.auth(Issuer::rfc9068);
    let first = provider.token().await;
    let read: AccessToken = auth.verify_access(&first).await.expect("valid");
    assert_eq!(read.issuer(), Some(provider.issuer.as_str()));
    assert_eq!(read.subject(), "service");
    assert_eq!(read.scopes().collect::<Vec<_>>(), ["notes:read"]);
    // The same token is for no other service.
    let other = provider.auth(|issuer| issuer.audience(["https://other.example"]));
    assert_eq!(verdict(&other, &first).await, Err(AuthErrorKind::WrongAudience));

    provider.post("/test/rotate").await;
    let second = provider.token().await;
    assert_eq!(verdict(&auth, &second).await, Ok(()), "the first request with the new key");
    assert_eq!(verdict(&auth, &first).await, Ok(()), "the old key is published still");
    provider.post("/test/drop").await;
    let late = provider.auth(|issuer| issuer);
    assert_eq!(verdict(&late, &second).await, Ok(()));
    assert_eq!(verdict(&late, &first).await, Err(AuthErrorKind::UnknownKey));

    // The provider is gone. What was known goes on, and a service that starts now answers 503.
    let issuer = provider.issuer.clone();
    drop(provider);
    assert_eq!(verdict(&auth, &second).await, Ok(()));
    let starting = Config::hs256(KeyMaterial::ephemeral())
        .trust(Issuer::discover(issuer).audience(["https://api.example"]));
    let starting = starting.build().expect("valid");
    assert_eq!(verdict(&starting, &second).await, Err(AuthErrorKind::Unavailable));
}
