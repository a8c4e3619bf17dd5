//! Revocation: one token, one session, or everything of a subject.

use std::fmt::Display;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::auth::JwtAuth;
use crate::auth::authenticate::unavailable;
use crate::auth::rotate::session_revoked_until;
use crate::clock::{HUNDRED_YEARS, since_epoch, to_system_time};
use crate::config::TokenRules;
use crate::error::{AuthError, AuthErrorKind, Refusal};
use crate::event::{AuthEvent, RevokedWhat, emit};
use crate::session::{MAX_NAME, Revocation, Session, TokenIdentity, is_revocable};
use crate::token::{Expected, LAST_SECOND, SessionGeneration, Verified, VerifiedToken, verify};
use crate::token_kind::TokenKind;

/// The largest `decode_leeway`, with which other nodes may accept a token.
const LONGEST_LEEWAY: Duration = Duration::from_secs(600);

impl JwtAuth {
    /// Revokes one token, until it expires.
    ///
    /// This process refuses the token once the future resolves.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](AuthErrorKind::Unavailable) if the store does not record it;
    /// [`NotRevocable`](AuthErrorKind::NotRevocable) if the token has no `jti`;
    /// the error of a failed verification, such as [`InvalidSignature`](AuthErrorKind::InvalidSignature), if another
    /// `JwtAuth` verified the token and this one does not accept it.
    ///
    /// ```
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
    /// let token = auth.access_token("alice").issue()?;
    /// auth.revoke(&auth.verify_access(&token).await?).await?;
    /// assert!(auth.verify_access(&token).await.is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn revoke(&self, token: &impl VerifiedToken) -> Result<(), AuthError> {
        self.attach(self.try_revoke_own(token.verified()).await)
    }

    /// Revokes a token by its id (`jti`), until the given time, which is its `exp`.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](AuthErrorKind::Unavailable) if the store does not record it;
    /// [`NotRevocable`](AuthErrorKind::NotRevocable) if the id has more than 1024 bytes or contains NUL.
    ///
    /// ```
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
    /// let token = auth.access_token("alice").issue()?;
    /// let (id, until) = {
    ///     let token = auth.verify_access(&token).await?;
    ///     (token.id().to_owned(), token.expires_at().expect("it expires"))
    /// };
    /// auth.revoke_id(&id, until).await?;
    /// assert!(auth.verify_access(&token).await.is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn revoke_id(&self, id: &str, expires_at: SystemTime) -> Result<(), AuthError> {
        let until = expires_at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let until = self.record_end(Some(until));
        self.attach(self.record(Revocation::Token { issuer: None, id, until }).await)
    }

    /// Ends the session of the token, and so revokes every token of the session.
    ///
    /// For a token without a session, such as one from `auth.access_token(…)`, only that token is revoked.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](AuthErrorKind::Unavailable) if the store does not record it;
    /// [`NotRevocable`](AuthErrorKind::NotRevocable) if the token has neither a session nor a `jti`;
    /// the error of a failed verification, such as [`InvalidSignature`](AuthErrorKind::InvalidSignature), if another
    /// `JwtAuth` verified the token and this one does not accept it.
    ///
    /// ```
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
    /// let pair = auth.log_in("alice").await?;
    /// auth.log_out(auth.verify_access(pair.access_token()).await?).await?;
    /// assert!(auth.verify_refresh(pair.refresh_token()).await.is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn log_out(&self, token: impl VerifiedToken) -> Result<(), AuthError> {
        self.attach(self.try_log_out_own(token.verified()).await)
    }

    /// Ends every other session of the token's subject, for example after a change of the password.
    ///
    /// The session of this token continues. The others are those that [`sessions`](Self::sessions) lists; tokens
    /// without a session, such as those of `auth.access_token(…)`, are valid until they expire.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](AuthErrorKind::Unavailable) if the store does not answer; some sessions may have ended;
    /// the error of a failed verification, such as [`InvalidSignature`](AuthErrorKind::InvalidSignature), if another
    /// `JwtAuth` verified the token and this one does not accept it.
    ///
    /// ```
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
    /// let (phone, laptop) = (auth.log_in("alice").await?, auth.log_in("alice").await?);
    /// auth.log_out_others(&auth.verify_access(laptop.access_token()).await?).await?;
    /// assert!(auth.verify_access(phone.access_token()).await.is_err());
    /// assert!(auth.verify_access(laptop.access_token()).await.is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn log_out_others(&self, token: &impl VerifiedToken) -> Result<(), AuthError> {
        self.attach(self.try_log_out_others(token.verified()).await)
    }

    /// Ends a session of this subject, and returns whether the subject had it.
    ///
    /// Use it for a session id that a user sent: the session of another subject is not ended.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](AuthErrorKind::Unavailable) if the store does not answer.
    ///
    /// ```
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
    /// let pair = auth.log_in("alice").await?;
    /// let session = auth.sessions("alice").await?.remove(0);
    /// assert!(!auth.end_session("mallory", session.id()).await?);
    /// assert!(auth.verify_access(pair.access_token()).await.is_ok());
    /// assert!(auth.end_session("alice", session.id()).await?);
    /// assert!(auth.verify_access(pair.access_token()).await.is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn end_session(&self, subject: impl Display, id: &str) -> Result<bool, AuthError> {
        self.attach(self.try_end_session(&subject.to_string(), id).await)
    }

    /// Ends a session by its id.
    ///
    /// The id is the `sid` of its tokens; [`sessions`](Self::sessions) lists the ids. This does not check which
    /// user the session belongs to; [`end_session`](Self::end_session) does.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](AuthErrorKind::Unavailable) if the store does not record it;
    /// [`NotRevocable`](AuthErrorKind::NotRevocable) if the id has more than 1024 bytes or contains NUL.
    ///
    /// ```
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
    /// let pair = auth.log_in("alice").await?;
    /// let session = auth.sessions("alice").await?.remove(0);
    /// auth.revoke_session(session.id()).await?;
    /// assert!(auth.verify_access(pair.access_token()).await.is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn revoke_session(&self, id: &str) -> Result<(), AuthError> {
        self.attach(self.try_revoke_session(id, None).await)
    }

    /// Revokes every token that a key signed, by the key's id.
    ///
    /// Use it for a stolen key. The key signs nothing more, is no longer published, and its tokens are refused on every
    /// node, also those in the cache. If it was the signing key, the next key of the ring
    /// ([pending](crate::keys::KeyState::Pending)) signs from now on; with a
    /// [`KeyRotation`](crate::KeyRotation) there always is one, and the revocation is written beside the key. Without another key, log-ins fail until one is
    /// configured.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](AuthErrorKind::Unavailable) if the store does not record it;
    /// [`NotRevocable`](AuthErrorKind::NotRevocable) if the id has more than 1024 bytes or contains NUL.
    ///
    /// ```
    /// use jwt_auth::{Algorithm, Config, Key, KeyMaterial, KeyRing};
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let ring = KeyRing::new(Key::secret(Algorithm::HS256, KeyMaterial::ephemeral()).id("2026-01"));
    /// let auth = Config::with_keys(ring).build()?;
    /// let token = auth.access_token("alice").issue()?;
    /// auth.revoke_key("2026-01").await?;
    /// assert!(auth.verify_access(&token).await.is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn revoke_key(&self, kid: &str) -> Result<(), AuthError> {
        let until = to_system_time(self.now().saturating_add(HUNDRED_YEARS));
        self.attach(self.record(Revocation::Key { id: kid, until }).await)?;
        let marked = self.revoke_shared_key(kid).await;
        self.attach(marked.map_err(|problem| unavailable(problem.rule)))?;
        // If that key was the one that signs, its successor signs from now on, and needs one itself.
        self.refresh_keys_and_log().await;
        Ok(())
    }

    /// Ends every session of every subject.
    ///
    /// It ends every session that was registered before, on any node. A [`log_in`](Self::log_in) right after it starts
    /// a new session. Tokens without a session are revoked if they were issued up to now; because clocks differ, also
    /// if they are issued within [`issued_at_leeway`](crate::Config::issued_at_leeway) (5 seconds) afterwards.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](AuthErrorKind::Unavailable) if the store does not record it.
    ///
    /// ```
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
    /// let token = auth.access_token("alice").issue()?;
    /// auth.revoke_all().await?;
    /// assert!(auth.verify_access(&token).await.is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn revoke_all(&self) -> Result<(), AuthError> {
        self.attach(self.try_revoke_all().await)
    }

    /// The active sessions of a subject, the most recently used first.
    ///
    /// A page can show them to the user, and end them by their ids.
    ///
    /// Sessions of [`log_in`](Self::log_in) are listed at once. Sessions of `token_pair(…)` and `refresh_token(…)`
    /// are listed after their first refresh.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](AuthErrorKind::Unavailable) if the store does not answer.
    ///
    /// ```
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
    /// auth.log_in("alice").device("phone").await?;
    /// auth.log_in("alice").device("laptop").await?;
    /// assert_eq!(auth.sessions("alice").await?.len(), 2);
    /// auth.log_out_everywhere("alice").await?;
    /// assert!(auth.sessions("alice").await?.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn sessions(&self, subject: impl Display) -> Result<Vec<Session>, AuthError> {
        self.attach(self.try_sessions(&subject.to_string()).await)
    }

    /// Ends every session of a subject.
    ///
    /// It ends every session that was registered before, on any node, whatever the clock of that node shows. A
    /// [`log_in`](Self::log_in) right after it starts a new session. Tokens without a session are revoked if they
    /// were issued up to now; because clocks differ, also if they are issued within
    /// [`issued_at_leeway`](crate::Config::issued_at_leeway) (5 seconds) afterwards.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](AuthErrorKind::Unavailable) if the store does not record it;
    /// [`NotRevocable`](AuthErrorKind::NotRevocable) if the subject has more than 1024 bytes or contains NUL.
    ///
    /// ```
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// let auth = jwt_auth::Config::hs256(jwt_auth::KeyMaterial::ephemeral()).build()?;
    /// let (phone, laptop) = (auth.log_in("alice").await?, auth.log_in("alice").await?);
    /// auth.log_out_everywhere("alice").await?;
    /// assert!(auth.verify_access(phone.access_token()).await.is_err());
    /// assert!(auth.verify_refresh(laptop.refresh_token()).await.is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn log_out_everywhere(&self, subject: impl Display) -> Result<(), AuthError> {
        self.attach(self.try_log_out_everywhere(&subject.to_string()).await)
    }

    fn now(&self) -> Duration {
        since_epoch(&*self.rules().clock)
    }

    /// Refuses a token that this `JwtAuth` does not accept: a record in this store would not revoke it elsewhere.
    fn check_own(&self, verified: &Verified) -> Result<(), Refusal> {
        if !self.has_verified(verified) {
            self.verify_expired(verified.token().as_bytes(), verified.identity().kind())?;
        }
        Ok(())
    }

    /// Verifies a token for a log-out: it may have expired.
    pub(crate) fn verify_expired(
        &self,
        token: &[u8],
        kind: TokenKind,
    ) -> Result<Arc<Verified>, AuthErrorKind> {
        let rules = TokenRules { leeway: HUNDRED_YEARS, ..self.rules().clone() };
        let expected = Expected { kind, audience: None };
        Ok(verify(token, self.all_keys(), None, &rules, expected, self.now())?.verified)
    }

    /// Ends the sessions of these tokens. A token that has no id to record is left to expire.
    pub(crate) async fn end_sessions(&self, tokens: &[Arc<Verified>]) -> Result<(), AuthError> {
        let mut ended = Vec::new();
        for token in tokens {
            let identity = token.identity();
            if identity.session_id.is_some() && ended.contains(&identity.session_id) {
                continue;
            }
            match self.try_log_out(&identity).await {
                Err(refusal) if refusal.kind() != AuthErrorKind::NotRevocable => {
                    return self.attach(Err(refusal));
                }
                _ => ended.push(identity.session_id),
            }
        }
        Ok(())
    }

    async fn try_log_out_others(&self, verified: &Verified) -> Result<(), Refusal> {
        self.check_own(verified)?;
        let identity = verified.identity();
        for session in self.try_sessions(identity.subject).await? {
            if identity.session_id != Some(session.id()) {
                self.try_end_listed(&session).await?;
            }
        }
        Ok(())
    }

    async fn try_end_session(&self, subject: &str, id: &str) -> Result<bool, Refusal> {
        let sessions = self.try_sessions(subject).await?;
        let Some(session) = sessions.iter().find(|session| session.id() == id) else {
            return Ok(false);
        };
        self.try_end_listed(session).await?;
        Ok(true)
    }

    async fn try_end_listed(&self, session: &Session) -> Result<(), Refusal> {
        self.try_revoke_session(session.id(), Some(session.began_at)).await
    }

    async fn try_revoke_session(
        &self,
        id: &str,
        started_at: Option<SystemTime>,
    ) -> Result<(), Refusal> {
        let until = to_system_time(session_revoked_until(self.rules(), self.now()));
        self.record(Revocation::Session { id, started_at, until }).await
    }

    async fn try_revoke_own(&self, verified: &Verified) -> Result<(), Refusal> {
        self.check_own(verified)?;
        self.try_revoke(&verified.identity()).await
    }

    async fn try_log_out_own(&self, verified: &Verified) -> Result<(), Refusal> {
        self.check_own(verified)?;
        self.try_log_out(&verified.identity()).await
    }

    async fn try_revoke(&self, identity: &TokenIdentity<'_>) -> Result<(), Refusal> {
        let id = identity.id.ok_or(AuthErrorKind::NotRevocable)?;
        let until = self.record_end(identity.expires_at);
        self.record(Revocation::Token { issuer: identity.issuer, id, until }).await
    }

    async fn try_log_out(&self, identity: &TokenIdentity<'_>) -> Result<(), Refusal> {
        let Some(id) = identity.session_id else { return self.try_revoke(identity).await };
        let until = to_system_time(session_revoked_until(self.rules(), self.now()));
        let until = until.max(self.record_end(identity.expires_at));
        let started_at = identity.session_started_at();
        self.record(Revocation::Session { id, started_at, until }).await
    }

    /// Ends the session of a token whose account was refused.
    pub(super) async fn end_session_of(&self, identity: &TokenIdentity<'_>) -> Result<(), Refusal> {
        self.try_log_out(identity).await
    }

    /// Revokes the access tokens that a session had before this generation.
    pub(super) async fn revoke_earlier_access(
        &self,
        next: &SessionGeneration,
    ) -> Result<(), Refusal> {
        let life = self.store().announced_access_life();
        let until = self.now().saturating_add(life).saturating_add(LONGEST_LEEWAY);
        self.record(Revocation::EarlierAccess {
            session: &next.session_id,
            generation: next.generation,
            until: to_system_time(until),
        })
        .await
    }

    async fn try_sessions(&self, subject: &str) -> Result<Vec<Session>, Refusal> {
        let now = to_system_time(self.now());
        self.store().sessions(subject, now).await.map_err(unavailable)
    }

    async fn try_revoke_all(&self) -> Result<(), Refusal> {
        let (before, until) = self.epoch();
        self.record(Revocation::All { before, until }).await
    }

    async fn try_log_out_everywhere(&self, subject: &str) -> Result<(), Refusal> {
        let (before, until) = self.epoch();
        self.record(Revocation::Subject { subject, before, until }).await
    }

    /// The epoch now, and the end of its record.
    fn epoch(&self) -> (SystemTime, SystemTime) {
        let now = self.now();
        (to_system_time(now), to_system_time(now.saturating_add(HUNDRED_YEARS)))
    }

    /// When the record of a token may be deleted: at its `exp`, plus the leeway.
    fn record_end(&self, expires_at: Option<Duration>) -> SystemTime {
        let end = expires_at.unwrap_or_else(|| self.now().saturating_add(HUNDRED_YEARS));
        // No token lives longer.
        let end = end.min(Duration::from_secs(LAST_SECOND));
        to_system_time(end.saturating_add(self.rules().leeway))
    }

    async fn record(&self, revocation: Revocation<'_>) -> Result<(), Refusal> {
        let names = match revocation {
            Revocation::Token { issuer, id, .. } => [id, issuer.unwrap_or_default()],
            Revocation::Session { id: name, .. }
            | Revocation::EarlierAccess { session: name, .. }
            | Revocation::Subject { subject: name, .. }
            | Revocation::Key { id: name, .. } => [name, ""],
            Revocation::All { .. } => ["", ""],
        };
        // No valid token has such a name, and no store can record it.
        if !names.into_iter().all(|name| is_revocable(name, MAX_NAME)) {
            return Err(AuthErrorKind::NotRevocable.into());
        }
        let now = to_system_time(self.now());
        let what = match revocation {
            Revocation::Token { .. } => Some(RevokedWhat::Token),
            Revocation::Session { .. } => Some(RevokedWhat::Session),
            Revocation::Subject { .. } => Some(RevokedWhat::Subject),
            Revocation::Key { .. } => Some(RevokedWhat::Key),
            Revocation::All { .. } => Some(RevokedWhat::Everything),
            Revocation::EarlierAccess { .. } => None,
        };
        self.store().revoke(revocation, now).await.map_err(unavailable)?;
        if let Some(what) = what {
            emit(AuthEvent::Revoked { what });
        }
        Ok(())
    }
}
