//! Starts a configuration that needs more than its own values: keys of a store or a directory, signers elsewhere.

use std::sync::Arc;

use crate::auth::JwtAuth;
use crate::auth::key_rotation::READ_EVERY;
use crate::auth::keys::config_error;
use crate::config::{Config, ConfigError, ConfigProblem};
use crate::keys::KeyProblem;

impl Config {
    /// Checks every option like [`build`](Self::build), and starts what needs a runtime.
    ///
    /// It lets the service of each [`Key::signed_by`](crate::Key::signed_by) sign once and verifies the signature. It
    /// reads the keys of a [`key_rotation`](Self::key_rotation), creates those that are missing, and starts the task that
    /// does so every ten seconds; the task ends with the last clone of the [`JwtAuth`]. It needs a Tokio runtime with its
    /// timer enabled, as under `#[tokio::main]`.
    ///
    /// # Errors
    ///
    /// Every problem of the options at once; a signer that does not sign; keys that cannot be read or created.
    ///
    /// ```
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    /// # runtime.block_on(async {
    /// let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).start().await?;
    /// assert!(auth.access_token("alice").issue().is_ok());
    /// assert!(jwt_auth::Config::hs256("too short").start().await.is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn start(self) -> Result<JwtAuth, ConfigError> {
        let auth = JwtAuth::new(self.check()?);
        auth.test_signers().await?;
        if auth.rotating().is_some() {
            auth.keys().refresh().await?;
            spawn_task(&auth);
        }
        Ok(auth)
    }
}

impl JwtAuth {
    /// The problems of a configuration that `build` cannot start.
    pub(super) fn needs_start(&self) -> Vec<ConfigProblem> {
        let mut problems = Vec::new();
        let mut report = |field: &str, rule: &str| {
            problems.push(ConfigProblem::new(
                field,
                rule,
                "write `.start().await` instead of `.build()`",
            ));
        };
        if self.rotating().is_some() {
            report("key_rotation", "the keys of a rotation are read asynchronously");
        }
        if self.ring().load().keys().any(|key| key.signs_remotely()) {
            report("signed_by", "a service that signs is tested at the start");
        }
        problems
    }

    /// Lets every service that signs do so once.
    async fn test_signers(&self) -> Result<(), ConfigError> {
        let ring = self.ring().load_full();
        let mut problems = Vec::new();
        for key in ring.keys().filter(|key| key.signs_remotely()) {
            let signed = key.sign_remotely(b"probe", self.rules().hook_deadline).await;
            if let Err(error) = signed {
                let id = key.id.as_deref().unwrap_or("without an id");
                problems.push(KeyProblem::new(
                    format!("the key {id}: {error}"),
                    "check the service, its key, and that it gets the message and not a hash",
                ));
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(config_error("signed_by", problems)) }
    }
}

/// The task that reads the shared keys again, as long as the `JwtAuth` exists.
fn spawn_task(auth: &JwtAuth) {
    let (inner, ring) = (auth.downgrade(), Arc::clone(auth.shared_ring()));
    tokio::spawn(async move {
        loop {
            // Without a key that signs, it does not wait.
            let _ = tokio::time::timeout(READ_EVERY, ring.wait_until_missing()).await;
            let Some(auth) = JwtAuth::upgrade(&inner) else { return };
            auth.refresh_keys_and_log().await;
        }
    });
}
