//! A table of one user, with a password hashed by argon2.

use argon2::Argon2;
use argon2::password_hash::PasswordVerifier as _;
use argon2::password_hash::phc::PasswordHash;

pub(crate) struct User {
    pub(crate) name: &'static str,
    hash: &'static str,
}

static USERS: [User; 1] = [User {
    name: "alice",
    hash: "$argon2id$v=19$m=19456,t=2,p=1$qA01Tjb4CswW1+/ukj1RLw$ETkxs49OyBjRNfuJfXPwqVvTB8n7dO0YejtNABWYclo",
}];

/// The hash that is checked for an unknown name, so that the response time does not reveal which names exist.
const DUMMY_HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$bFbSErccQXWh/rqHtmVibQ$76qsL4+rMG5t2NVXVw7/yHmTOpZwWdbSbjusLiL5W7U";

/// All users. A real application has a database here.
#[derive(Clone, Copy)]
pub(crate) struct Users(&'static [User]);

impl Users {
    pub(crate) const TABLE: Self = Self(&USERS);

    fn find(self, name: &str) -> Option<&'static User> {
        self.0.iter().find(|user| user.name == name)
    }

    /// The user with that name and password. Hashing is slow, so it runs on a blocking thread.
    pub(crate) async fn check(self, name: String, password: String) -> Option<&'static User> {
        tokio::task::spawn_blocking(move || {
            let user = self.find(&name);
            let hash = PasswordHash::new(user.map_or(DUMMY_HASH, |user| user.hash)).ok()?;
            Argon2::default().verify_password(password.as_bytes(), &hash).ok()?;
            user
        })
        .await
        .ok()?
    }
}
