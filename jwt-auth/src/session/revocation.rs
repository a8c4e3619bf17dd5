//! A revocation, as the application passes it to a store.

use std::time::SystemTime;

/// One revocation for a store to record.
///
/// Records commute: a store may apply them twice and in any order. Revocations of tokens, sessions and keys form a
/// set of entries that expire; epochs only rise.
///
/// ```
/// use jwt_auth::session::{MemoryStore, Revocation, RevocationStore as _};
/// use std::time::{Duration, UNIX_EPOCH};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
/// # runtime.block_on(async {
/// let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
/// let revocation = Revocation::Token { issuer: None, id: "a-jti", until: now + Duration::from_secs(900) };
/// MemoryStore::new().revoke(revocation, now).await?;
/// # Ok::<(), jwt_auth::errors::StoreError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Revocation<'a> {
    /// One token, until it expires.
    Token {
        /// `iss`; `None` covers the token with that id from any issuer.
        issuer: Option<&'a str>,
        /// `jti`.
        id: &'a str,
        /// When the store may drop the record.
        until: SystemTime,
    },
    /// One session: every token with this session id.
    ///
    /// The store deletes the session. It needs a record only for the access tokens of the session, which are checked
    /// from memory: until the longest of them has expired. A session that the store may adopt again needs one until
    /// its absolute end; see [`RotationRequest`](crate::session::RotationRequest).
    Session {
        /// `sid`, or the `jti` of a refresh token without `sid`.
        id: &'a str,
        /// The start stamp of the session, if the caller knows it.
        started_at: Option<SystemTime>,
        /// When the store may delete the record, if it knows neither the session nor its start stamp.
        until: SystemTime,
    },
    /// The access tokens of one session that were issued before a generation.
    ///
    /// Two records combine to the later generation.
    EarlierAccess {
        /// `sid`
        session: &'a str,
        /// How many rotations precede the first tokens that stay valid.
        generation: u64,
        /// When the store may drop the record: the access tokens have expired.
        until: SystemTime,
    },
    /// Every token of a subject up to an epoch.
    ///
    /// The store raises the epoch to the latest of: `before`, the previous epoch, and the start stamps of the
    /// subject's sessions, which it deletes. It does so in one atomic step.
    Subject {
        /// `sub`, from any issuer.
        subject: &'a str,
        /// The earliest epoch: the time now.
        before: SystemTime,
        /// When the store may drop the record.
        until: SystemTime,
    },
    /// Every token that a key signed, for example a stolen key.
    Key {
        /// `kid`.
        id: &'a str,
        /// When the store may drop the record.
        until: SystemTime,
    },
    /// Every token up to an epoch.
    ///
    /// The store raises the epoch to the latest of: `before`, the previous epoch, and the start stamps of all
    /// sessions. It does so in one atomic step.
    All {
        /// The earliest epoch: the time now.
        before: SystemTime,
        /// When the store may drop the record.
        until: SystemTime,
    },
}
