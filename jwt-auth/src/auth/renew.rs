//! Going on: the access token that follows one before it expires, and the end that comes all the same.

use std::fmt;
use std::time::Duration;

use tokio::time::Instant;

use crate::auth::{JwtAuth, VerifiedToken};
use crate::clock::since_epoch;
use crate::config::TokenLocation;
use crate::error::{AuthError, AuthErrorKind};
use crate::issue::{AccessKind, Life, TokenBuilder};
use crate::validation;
use crate::verify::Verified;

/// How often an open session looks whether it was ended elsewhere.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Why a session is over.
///
/// ```
/// use jwt_auth::SessionEnd;
/// assert_eq!(SessionEnd::Expired.close_code(), 1008);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SessionEnd {
    /// The token's time is up.
    Expired,
    /// The token, its session or its subject was revoked.
    Revoked,
    /// The store cannot vouch for the token now.
    Unavailable,
}

impl SessionEnd {
    /// The close code of a WebSocket: 1008, policy violation (RFC 6455 §7.4.1); 1013, try again later, when
    /// nobody can vouch.
    pub const fn close_code(self) -> u16 {
        match self {
            Self::Expired | Self::Revoked => 1008,
            Self::Unavailable => 1013,
        }
    }

    /// One sentence for the peer.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Expired => AuthErrorKind::Expired.detail(),
            Self::Revoked => AuthErrorKind::Revoked.detail(),
            Self::Unavailable => AuthErrorKind::Unavailable.detail(),
        }
    }
}

impl fmt::Display for SessionEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason())
    }
}

impl JwtAuth {
    /// Waits until a token that opened something long-lived is no longer good: it expired, or was revoked.
    ///
    /// A revocation by this process is seen at once, one from elsewhere within a second of its being read here:
    /// this process's memory of the store, and a [denylist](crate::Config::denylist) of your own, are asked
    /// that often for each token that is waited for. It needs a Tokio runtime with its timer on, which
    /// `#[tokio::main]` gives.
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
        let settings = self.settings();
        let looks_up = self.looks_up(verified.identity().kind());
        // The application's own source is asked once a second, however often others' log-outs wake this up: else
        // they would be questions for each socket, or would put off its own question for ever.
        let mut ask_at = Instant::now();
        loop {
            // Listening starts before the look, so that nothing falls between the two.
            let changed = self.inner.changed.notified();
            let mut changed = std::pin::pin!(changed);
            changed.as_mut().enable();
            let now = since_epoch(&*settings.clock);
            if validation::expired(verified.claims(), settings, now) {
                return SessionEnd::Expired;
            }
            let due = ask_at <= Instant::now();
            if due {
                ask_at = Instant::now() + LOOK_AGAIN;
            }
            let standing = match (looks_up, due) {
                (false, _) => Ok(()),
                (true, false) => self.kept(verified, now),
                (true, true) => self.standing(verified, now).await,
            };
            match standing {
                Ok(()) => {}
                Err(error) if error.kind() == AuthErrorKind::Revoked => return SessionEnd::Revoked,
                Err(_) => return SessionEnd::Unavailable,
            }
            let end = verified.claims().exp.map(|exp| exp.saturating_add(settings.decode_leeway));
            let left = end.map_or(LOOK_AGAIN, |end| end.saturating_sub(now));
            let left = left.min(ask_at.saturating_duration_since(Instant::now()));
            let _ = tokio::time::timeout(left, changed).await;
        }
    }

    /// The access token that goes on where this one ends, when that is near: of the same session, with its
    /// scopes, roles, custom claims and CSRF value. `None` when it is not near, or nothing may go on.
    pub(crate) async fn renewed(
        &self,
        verified: &Verified,
        within: Option<Duration>,
    ) -> Result<Option<String>, AuthError> {
        let settings = self.settings();
        let claims = verified.claims();
        // Asked before the look, so that what is ended meanwhile ends the new token too.
        let now = since_epoch(&*settings.clock);
        // Where cookies are no place for tokens, there is none to hand the new one over in.
        if !settings.reads(TokenLocation::Cookie) {
            return Ok(None);
        }
        // Another's token is not ours to prolong, and one without a session could be ended by nobody.
        if !verified.is_of(&self.inner.ring) || verified.identity().family().is_none() {
            return Ok(None);
        }
        // Without the time of the log-in nobody knows when the session ends for good.
        let (Some(exp), Some(began)) = (claims.exp, claims.auth_time) else { return Ok(None) };
        let made = claims.iat.unwrap_or(began);
        let within = within.unwrap_or(exp.saturating_sub(made) / 2);
        // No longer than the refresh token of the log-in: a session that nobody can log out of is none.
        let session = settings.refresh_family_expires.min(settings.refresh_token_expires);
        let session_left = began.saturating_add(session).saturating_sub(now);
        let life = settings.access_token_expires.min(session_left);
        if exp.saturating_sub(now) > within || now.saturating_add(life) <= exp {
            return Ok(None);
        }
        self.standing(verified, now).await?;
        // This node may lag: what was ended elsewhere does not go on either.
        self.asked(verified).await?;
        let payload = verified.payload();
        let builder = TokenBuilder::<AccessKind>::new(self.issuer(), verified.subject().to_owned())
            .auth_time(claims.auth_time)
            .roles(verified.roles())
            .audience(claims.aud.values().iter().map(|aud| aud.of(payload)))
            .carry(verified.scope_text(), verified.custom_members())
            .csrf(verified.csrf())
            .family(verified.identity().family())
            .issued_at(now)
            .life(Life::For(life));
        builder.await.map(Some)
    }
}
