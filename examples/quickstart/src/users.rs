//! A table of two users, with passwords hashed by argon2.

use std::sync::{Arc, PoisonError, RwLock};

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};

#[derive(Clone)]
pub(crate) struct User {
    pub(crate) name: &'static str,
    pub(crate) scopes: &'static [&'static str],
    hash: String,
}

/// The hash that is checked for an unknown name, so that the response time does not reveal which names exist.
const DUMMY_HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$bFbSErccQXWh/rqHtmVibQ$76qsL4+rMG5t2NVXVw7/yHmTOpZwWdbSbjusLiL5W7U";
const ALICE: &str = "$argon2id$v=19$m=19456,t=2,p=1$qA01Tjb4CswW1+/ukj1RLw$ETkxs49OyBjRNfuJfXPwqVvTB8n7dO0YejtNABWYclo";
const BOB: &str = "$argon2id$v=19$m=19456,t=2,p=1$hNqA3+3nW4QQSVvgCB91XQ$EPACM/XKZRuA386oNXxNmAK5HKd+p49PMXo7rLqKnIk";

/// All users. A real application has a database here.
#[derive(Clone)]
pub(crate) struct Users(Arc<RwLock<[User; 2]>>);

impl Users {
    pub(crate) fn new() -> Self {
        Self(Arc::new(RwLock::new([
            User { name: "alice", scopes: &["notes:read", "notes:write"], hash: ALICE.to_owned() },
            User { name: "bob", scopes: &["notes:read"], hash: BOB.to_owned() },
        ])))
    }

    pub(crate) fn find(&self, name: &str) -> Option<User> {
        let users = self.0.read().unwrap_or_else(PoisonError::into_inner);
        users.iter().find(|user| user.name == name).cloned()
    }

    /// The user with that name and password. Hashing is slow, so it runs on a blocking thread.
    pub(crate) async fn check(&self, name: &str, password: String) -> Option<User> {
        let user = self.find(name);
        tokio::task::spawn_blocking(move || {
            let hash = user.as_ref().map_or(DUMMY_HASH, |user| &user.hash);
            let hash = PasswordHash::new(hash).ok()?;
            Argon2::default().verify_password(password.as_bytes(), &hash).ok()?;
            user
        })
        .await
        .ok()?
    }

    /// Stores the hash of a new password, and returns whether it did.
    pub(crate) async fn set_password(&self, name: &str, password: String) -> bool {
        let hash = tokio::task::spawn_blocking(move || {
            Argon2::default().hash_password(password.as_bytes()).map(|hash| hash.to_string()).ok()
        });
        let Ok(Some(hash)) = hash.await else { return false };
        let mut users = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let Some(user) = users.iter_mut().find(|user| user.name == name) else { return false };
        user.hash = hash;
        true
    }
}
