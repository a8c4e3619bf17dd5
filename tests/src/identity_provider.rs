//! A certified identity provider (npm `oidc-provider`) in a process of its own.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::process::Running;

/// The default audience of tokens.
pub const AUDIENCE: &str = "https://api.example";

/// The client that the provider knows, and its secret.
pub const CLIENT: (&str, &str) = ("service", "the-secret-of-the-service");

/// The running provider.
#[derive(Debug)]
pub struct IdentityProvider {
    _process: Running,
    /// Its address, which is its name.
    pub issuer: String,
}

impl IdentityProvider {
    /// Starts it, if Node and the package are installed.
    ///
    /// # Panics
    ///
    /// If they are not, and `TESTS_INTEROP=required`.
    pub fn start() -> Option<Self> {
        const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/interop");
        let has_node = Command::new("node").arg("--version").output().is_ok();
        let is_installed =
            has_node && std::path::Path::new(FOLDER).join("node_modules/oidc-provider").exists();
        if !is_installed {
            let is_required = std::env::var("TESTS_INTEROP").as_deref() == Ok("required");
            assert!(!is_required, "the provider is not installed; run scripts/interop.sh");
            eprintln!("skipped: the provider is not installed; run scripts/interop.sh");
            return None;
        }
        let mut command = Command::new("node");
        command.current_dir(FOLDER).arg("provider.mjs").stderr(Stdio::null());
        let process = Running::spawn(command, None, |line| line.starts_with("http://"));
        let issuer = process.output.last().cloned().unwrap_or_default();
        Some(Self { _process: process, issuer })
    }

    /// Calls an address of the provider.
    ///
    /// # Panics
    ///
    /// If the answer is no success.
    pub async fn post(&self, path: &str) {
        let response = reqwest::Client::new().post(format!("{}{path}", self.issuer)).send().await;
        assert!(response.expect("an answer").status().is_success(), "{path}");
    }

    /// Posts a form as the client.
    ///
    /// # Panics
    ///
    /// If there is no answer.
    pub async fn form(&self, path: &str, form: String) -> reqwest::Response {
        let request = reqwest::Client::new()
            .post(format!("{}{path}", self.issuer))
            .basic_auth(CLIENT.0, Some(CLIENT.1))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form);
        request.send().await.expect("an answer")
    }

    /// An access token with the scope `notes:read`, which the client gets for itself.
    ///
    /// # Panics
    ///
    /// If the provider gives none.
    pub async fn token(&self) -> String {
        self.token_for(AUDIENCE).await
    }

    /// The same, for another service.
    ///
    /// # Panics
    ///
    /// If the provider gives none.
    pub async fn token_for(&self, service: &str) -> String {
        let service = service.replace(':', "%3A").replace('/', "%2F");
        let form = format!("grant_type=client_credentials&scope=notes%3Aread&resource={service}");
        let answer = self.form("/token", form).await;
        let answer: Value = answer.json().await.expect("JSON");
        answer["access_token"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }
}
