//! Renewal: the access token that continues a session shortly before the current one expires.

use std::time::Duration;

use crate::auth::JwtAuth;
use crate::auth::authenticate::unavailable;
use crate::clock::since_epoch;
use crate::error::{AuthErrorKind, Refusal};
use crate::token::{AccessKind, IssuedToken, Life, TokenBuilder, Verified};

impl JwtAuth {
    /// The next access token of the same session, with the scopes, roles, custom claims and CSRF value of this
    /// one. `None` if this one does not expire soon, or cannot be renewed.
    pub(crate) async fn renew(
        &self,
        verified: &Verified,
        within: Option<Duration>,
    ) -> Result<Option<IssuedToken>, Refusal> {
        let rules = self.rules();
        let claims = verified.claims();
        // The time is read before the revocation check, so that a revocation in between also covers the new token.
        let now = since_epoch(&*rules.clock);
        // A token of another `JwtAuth` is not ours to continue, and one without a session could not be revoked
        // with it.
        if !self.is_own(verified) || verified.identity().session_id.is_none() {
            return Ok(None);
        }
        // Without the time of the log-in, the end of the session is unknown.
        let (Some(exp), Some(logged_in)) = (claims.exp, claims.auth_time) else { return Ok(None) };
        let issued_at = claims.iat.unwrap_or(logged_in);
        let within = within.unwrap_or(exp.saturating_sub(issued_at) / 2);
        // At most as long as the refresh token of the log-in lives, because nothing revokes a session after that.
        let usual_end = logged_in.saturating_add(rules.session_expires);
        let idle = claims.session_idle.unwrap_or(rules.expires.refresh);
        let session_ends = claims.session_ends_at.unwrap_or(usual_end);
        let session_left = session_ends.min(logged_in.saturating_add(idle)).saturating_sub(now);
        let life = rules.expires.access.min(session_left);
        if exp.saturating_sub(now) > within || now.saturating_add(life) <= exp {
            return Ok(None);
        }
        self.check_revocation(verified, now).await?;
        // This node may lag behind: a session that another node ended must not continue either.
        self.check_store(verified).await?;
        self.store().announce_access_life(life).await.map_err(unavailable)?;
        let subject = verified.subject().to_owned();
        let builder = TokenBuilder::<AccessKind>::new(self.issuer(), self.context(), subject)
            .continuing(verified)
            .in_session_of(verified, now)
            .life(Life::For(life));
        let issued = builder.issue_continued().await;
        if let Err(refusal) = &issued
            && refusal.kind() == AuthErrorKind::AccountRefused
        {
            self.end_session_of(&verified.identity()).await?;
        }
        issued.map(Some)
    }
}
