//! The end of a session: a future that resolves when a token expires or is revoked.

use std::time::Duration;

use tokio::time::Instant;

use crate::auth::JwtAuth;
use crate::clock::since_epoch;
use crate::error::AuthErrorKind;
use crate::session::SessionEnd;
use crate::token::{VerifiedToken, is_expired};

/// How often an open session is checked for revocations of other processes.
const CHECK_EVERY: Duration = Duration::from_secs(1);

impl JwtAuth {
    /// Waits until a token expires or is revoked.
    ///
    /// Use it for connections that outlive the request that opened them.
    ///
    /// A revocation by this process resolves the future at once. A revocation by another process resolves it
    /// within a second after this process has read it, because the store's memory and a
    /// [denylist](crate::Config::denylist) are checked once a second for each waiting future. It needs a Tokio
    /// runtime with its timer enabled, as under `#[tokio::main]`.
    ///
    /// ```
    /// use jwt_auth::{AccessToken, JwtAuth};
    ///
    /// async fn feed(auth: JwtAuth, token: AccessToken) {
    ///     tokio::select! {
    ///         end = auth.ended(&token) => println!("close with {}", end.close_code()),
    ///         () = send_news() => {}
    ///     }
    /// }
    /// # async fn send_news() {}
    /// ```
    pub async fn ended(&self, token: &impl VerifiedToken) -> SessionEnd {
        let verified = token.verified();
        let rules = self.rules();
        let checks_revocation = *rules.checks_revocation.get(verified.identity().kind());
        // The denylist is queried once a second, however often revocations of the subject wake this future.
        let mut query_at = Instant::now();
        // It exists before the check, so that no revocation in between is missed.
        let waiter = self.store().wait_for(&verified.identity());
        loop {
            let now = since_epoch(&*rules.clock);
            if is_expired(verified.claims(), rules, now) {
                return SessionEnd::Expired;
            }
            let is_due = query_at <= Instant::now();
            if is_due {
                query_at = Instant::now() + CHECK_EVERY;
            }
            let checked = match (checks_revocation, is_due) {
                (false, _) => Ok(()),
                (true, false) => self.check_replica(verified, now),
                (true, true) => self.check_revocation(verified, now).await,
            };
            match checked {
                Ok(()) => {}
                Err(refusal) if refusal.kind() == AuthErrorKind::Revoked => {
                    return SessionEnd::Revoked;
                }
                Err(_) => return SessionEnd::Unavailable,
            }
            let end = verified.claims().exp.map(|exp| exp.saturating_add(rules.leeway));
            let left = end.map_or(CHECK_EVERY, |end| end.saturating_sub(now));
            let left = left.min(query_at.saturating_duration_since(Instant::now()));
            let _ = tokio::time::timeout(left, waiter.woken()).await;
        }
    }
}
