//! Authentication of a presented token: the only place that decides the order of the checks.

use std::time::{Duration, SystemTime};

use crate::auth::JwtAuth;
use crate::clock::{since_epoch, to_system_time};
use crate::config::{ClaimsCheck, TokenQuery};
use crate::error::{AuthErrorKind, BoxError, Refusal, contain, contain_async};
use crate::session::{StoreError, TokenIdentity, TokenStatus, within_deadline};
use crate::token::{
    Expected, MAX_TOKEN, Possession, Verification, Verified, diagnose, refused_token, verify,
};
use crate::token_kind::TokenKind;

/// What a caller requires of a presented token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Requirements<'a> {
    pub(crate) kind: TokenKind,
    /// The audience of the route, instead of the configured ones.
    pub(crate) audience: Option<&'a str>,
    pub(crate) revocation: Lookup,
}

impl<'a> Requirements<'a> {
    fn expected(self) -> Expected<'a> {
        Expected { kind: self.kind, audience: self.audience }
    }
}

/// Where a token is checked for revocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lookup {
    /// Nowhere (`danger`).
    Skip,
    /// In memory; for a shared store this is the replica.
    Replica,
    /// In the store itself.
    Strict,
}

impl Lookup {
    /// The word of the attribute, if it is not the default.
    pub(crate) const fn name(self) -> Option<&'static str> {
        match self {
            Self::Skip => Some("skip"),
            Self::Replica => None,
            Self::Strict => Some("strict"),
        }
    }
}

/// How far the verification of a token is.
pub(crate) enum Progress {
    Done(Result<Verification, Refusal>),
    /// No key has verified it. There may be newer keys, or its issuer may know it.
    Unknown(AuthErrorKind),
    /// The checks that wait are left: of the store itself, and of the application.
    Unchecked(Verification),
}

impl JwtAuth {
    /// Verifies a presented token: signature and claims, then the request (`check_request`, for example the CSRF
    /// value), then revocation, then the application's own checks.
    ///
    /// `check_request` returns what the sender has shown beside the token, which is compared with what the token is bound to.
    pub(crate) async fn authenticate(
        &self,
        token: &[u8],
        required: Requirements<'_>,
        mut check_request: impl FnMut(&Verified) -> Result<Possession, Refusal> + Send,
    ) -> Result<Verification, Refusal> {
        match self.authenticate_now(token, required, &mut check_request) {
            Progress::Done(verification) => verification,
            // Boxed, because it is rare, and every future of a handler contains this one.
            progress => {
                Box::pin(self.authenticate_later(progress, token, required, &mut check_request))
                    .await
            }
        }
    }

    /// The part of [`authenticate`](Self::authenticate) that does not wait. Usually it is all of it.
    pub(crate) fn authenticate_now(
        &self,
        token: &[u8],
        required: Requirements<'_>,
        check_request: impl FnOnce(&Verified) -> Result<Possession, Refusal>,
    ) -> Progress {
        let (rules, now) = (self.rules(), since_epoch(&*self.rules().clock));
        let expected = required.expected();
        match verify(token, self.all_keys(), self.cache(), rules, expected, now) {
            Err(kind) if self.keys_change() => Progress::Unknown(kind),
            verification => self.check_now(verification, token, required, now, check_request),
        }
    }

    /// The part of [`authenticate`](Self::authenticate) that waits.
    pub(crate) async fn authenticate_later(
        &self,
        mut progress: Progress,
        token: &[u8],
        required: Requirements<'_>,
        check_request: &mut (impl FnMut(&Verified) -> Result<Possession, Refusal> + Send),
    ) -> Result<Verification, Refusal> {
        loop {
            progress = match progress {
                Progress::Done(verification) => return verification,
                Progress::Unchecked(verification) => {
                    let checked = self.check_later(&verification.verified, required).await;
                    return match checked {
                        Ok(()) => Ok(verification),
                        Err(refusal) => Err(self.refused(refusal, &verification, required)),
                    };
                }
                Progress::Unknown(kind) => {
                    let now = since_epoch(&*self.rules().clock);
                    let verification = self.verify_unknown(token, required, now, kind).await?;
                    self.check_now(verification, token, required, now, &mut *check_request)
                }
            };
        }
    }

    /// Verifies a token again that no key has verified, with newer keys or by its issuer's response.
    async fn verify_unknown(
        &self,
        token: &[u8],
        required: Requirements<'_>,
        now: Duration,
        kind: AuthErrorKind,
    ) -> Result<Result<Verification, AuthErrorKind>, Refusal> {
        let expected = required.expected();
        // The key may have been created a moment ago, by another node or by the issuer.
        let verification = self.verify_with_newer_keys(token, expected, now, kind).await?;
        // Any other error is about a response that is cached.
        let is_unknown =
            matches!(verification, Err(AuthErrorKind::Malformed | AuthErrorKind::Unavailable));
        if is_unknown
            && required.kind == TokenKind::Access
            && let Some(question) = self.all_keys().to_introspect(token)
        {
            return Ok(Ok(self.introspect(&question, expected, now).await?));
        }
        Ok(verification)
    }

    /// Verifies a refused token again, if there may be newer keys now that change the verdict.
    async fn verify_with_newer_keys(
        &self,
        token: &[u8],
        expected: Expected<'_>,
        now: Duration,
        kind: AuthErrorKind,
    ) -> Result<Result<Verification, AuthErrorKind>, Refusal> {
        if !self.wait_for_newer_keys(token, kind).await? {
            return Ok(Err(kind));
        }
        Ok(verify(token, self.all_keys(), self.cache(), self.rules(), expected, now))
    }

    /// Waits for newer keys of the issuer of a token, if they could change the verdict. Returns whether there may be some.
    async fn wait_for_newer_keys(
        &self,
        token: &[u8],
        kind: AuthErrorKind,
    ) -> Result<bool, Refusal> {
        let names_unknown_key =
            matches!(kind, AuthErrorKind::UnknownKey | AuthErrorKind::WrongAlgorithm);
        // Another issuer may have no keys yet, or use an id again for another key.
        let may_be_new = names_unknown_key
            || matches!(kind, AuthErrorKind::InvalidSignature | AuthErrorKind::Unavailable);
        if !may_be_new {
            return Ok(false);
        }
        if let Some(issuer) = self.all_keys().issuer_of_token(token) {
            return Ok(issuer.source.newer().await);
        }
        if self.rotating().is_none() || !names_unknown_key {
            return Ok(false);
        }
        self.read_newer_keys().await.map_err(|problem| unavailable(problem.rule))?;
        Ok(true)
    }

    /// Whether not only this token was revoked, but its session, its subject or its key. The cookies of a session that
    /// continues must not be deleted.
    fn is_session_over(&self, verified: &Verified) -> bool {
        let now = since_epoch(&*self.rules().clock);
        let identity = TokenIdentity { id: None, generation: u64::MAX, ..verified.identity() };
        matches!(self.store().check(&identity, to_system_time(now)), Ok(TokenStatus::Revoked))
    }

    /// The checks of a token whose signature and claims are good, up to the first one that waits.
    fn check_now(
        &self,
        verification: Result<Verification, AuthErrorKind>,
        token: &[u8],
        required: Requirements<'_>,
        now: Duration,
        check_request: impl FnOnce(&Verified) -> Result<Possession, Refusal>,
    ) -> Progress {
        let verification = match verification {
            Ok(verification) => verification,
            Err(kind) => {
                return Progress::Done(Err(self.diagnosed(kind, token, required.expected(), now)));
            }
        };
        let verified = &verification.verified;
        let waits = self.waits(required);
        let check = || {
            let shown = check_request(verified)?;
            verified.claims().confirmation.check(shown)?;
            if self.checks_replica(required) {
                self.check_replica(verified, now)?;
            }
            match &self.hooks().check {
                Some(check) if !waits => check_claims(&**check, verified),
                _ => Ok(()),
            }
        };
        match check() {
            Ok(()) if waits => Progress::Unchecked(verification),
            Ok(()) => Progress::Done(Ok(verification)),
            Err(refusal) => Progress::Done(Err(self.refused(refusal, &verification, required))),
        }
    }

    /// Whether one of the checks waits.
    fn waits(&self, required: Requirements<'_>) -> bool {
        self.queries_store(required)
            || self.queries_denylist(required)
            || self.hooks().async_check.is_some()
    }

    /// The checks that wait, and those that follow them.
    async fn check_later(
        &self,
        verified: &Verified,
        required: Requirements<'_>,
    ) -> Result<(), Refusal> {
        let hooks = self.hooks();
        if self.queries_store(required) {
            self.check_store(verified).await?;
        }
        if let Some(denylist) = &hooks.denylist
            && self.queries_denylist(required)
        {
            self.check_denylist(&**denylist, verified).await?;
        }
        if let Some(check) = &hooks.check {
            check_claims(&**check, verified)?;
        }
        if let Some(check) = &hooks.async_check {
            check_claims_async(&**check, verified, self.rules().hook_deadline).await?;
        }
        Ok(())
    }

    /// The refusal of a request whose token has a good signature.
    fn refused(
        &self,
        refusal: Refusal,
        verification: &Verification,
        required: Requirements<'_>,
    ) -> Refusal {
        let verified = &verification.verified;
        let is_over = refusal.kind() == AuthErrorKind::Revoked
            && (required.kind == TokenKind::Refresh || self.is_session_over(verified));
        self.about(refusal, verified).ending_session(is_over)
    }

    /// The refusal of a token that verification refused, with its diagnosis if anyone reads it.
    fn diagnosed(
        &self,
        kind: AuthErrorKind,
        token: &[u8],
        expected: Expected<'_>,
        now: Duration,
    ) -> Refusal {
        // An expired access token is renewed with the refresh token. Of a revoked key, neither is valid any more.
        let is_over = kind == AuthErrorKind::Revoked
            || (kind == AuthErrorKind::Expired && expected.kind == TokenKind::Refresh);
        let mut refusal = Refusal::from(kind).ending_session(is_over);
        if token.len() > MAX_TOKEN {
            refusal =
                refusal.with_detail(format!("The token is longer than {MAX_TOKEN} bytes").into());
        }
        if !self.diagnoses() {
            return refusal;
        }
        match diagnose(kind, token, &self.ring().load(), self.rules(), expected, now) {
            Some(found) => refusal.with_token(|| found.token).with_mismatch(found.mismatch),
            None => refusal,
        }
    }

    /// The refusal of a request after its token was verified, with the token if anyone reads it.
    pub(crate) fn about(&self, refusal: Refusal, verified: &Verified) -> Refusal {
        if self.diagnoses() { refusal.with_token(|| refused_token(verified)) } else { refusal }
    }

    /// Whether the store itself is queried. The replica has only what access tokens need, and a refresh token may live
    /// longer.
    fn queries_store(&self, required: Requirements<'_>) -> bool {
        required.revocation == Lookup::Strict
            || (required.kind == TokenKind::Refresh && self.checks_replica(required))
    }

    /// Whether the application's denylist is queried.
    fn queries_denylist(&self, required: Requirements<'_>) -> bool {
        self.hooks().denylist.is_some()
            && (required.revocation == Lookup::Strict || self.checks_replica(required))
    }

    /// Whether the token is checked against the replica.
    fn checks_replica(&self, required: Requirements<'_>) -> bool {
        required.revocation == Lookup::Replica && *self.rules().checks_revocation.get(required.kind)
    }

    /// Checks the replica and the application's denylist. Code that issues a token in exchange for this one calls
    /// it for both kinds, so that a revoked session never continues.
    pub(super) async fn check_revocation(
        &self,
        verified: &Verified,
        now: Duration,
    ) -> Result<(), Refusal> {
        self.check_replica(verified, now)?;
        match &self.hooks().denylist {
            Some(denylist) => self.check_denylist(&**denylist, verified).await,
            None => Ok(()),
        }
    }

    /// Checks the store itself.
    pub(super) async fn check_store(&self, verified: &Verified) -> Result<(), Refusal> {
        let now = to_system_time(since_epoch(&*self.rules().clock));
        let identity = verified.identity();
        status(self.store().check_strict(&identity, now).await)
    }

    /// Checks the store's memory.
    pub(super) fn check_replica(&self, verified: &Verified, now: Duration) -> Result<(), Refusal> {
        let store = self.store();
        if store.is_empty() {
            return Ok(());
        }
        status(store.check(&verified.identity(), to_system_time(now)))
    }

    /// Whether an id is used for the first time.
    pub(crate) async fn use_once(
        &self,
        id: &str,
        life: Duration,
        now: SystemTime,
    ) -> Result<bool, Refusal> {
        self.store().use_once(id, life, now).await.map_err(unavailable)
    }

    async fn check_denylist(
        &self,
        denylist: &dyn TokenQuery,
        verified: &Verified,
    ) -> Result<(), Refusal> {
        let identity = verified.identity();
        let deadline = self.rules().denylist_deadline;
        let start = || within_deadline(denylist.answer(&identity), deadline);
        let answer = contain_async("denylist", 2 * deadline, start).await;
        let answer = answer.unwrap_or_else(|refusal| Err(refusal.into_source()));
        self.denylist_health().observe(&answer);
        match answer {
            Ok(false) => Ok(()),
            Ok(true) => Err(AuthErrorKind::Revoked.into()),
            Err(error) => Err(unavailable(error)),
        }
    }
}

fn check_claims(check: &ClaimsCheck, verified: &Verified) -> Result<(), Refusal> {
    let claims =
        serde_json::from_str(verified.payload()).map_err(|_| AuthErrorKind::InvalidClaims)?;
    let is_allowed = contain("claims_check", || check(&verified.identity(), &claims))?;
    if is_allowed { Ok(()) } else { Err(AuthErrorKind::Forbidden.into()) }
}

async fn check_claims_async(
    check: &dyn TokenQuery,
    verified: &Verified,
    deadline: Duration,
) -> Result<(), Refusal> {
    let identity = verified.identity();
    match contain_async("async_claims_check", deadline, || check.answer(&identity)).await? {
        Ok(true) => Ok(()),
        Ok(false) => Err(AuthErrorKind::Forbidden.into()),
        Err(error) => Err(Refusal::from_application(error, AuthErrorKind::Unavailable)),
    }
}

pub(super) fn status(answer: Result<TokenStatus, StoreError>) -> Result<(), Refusal> {
    match answer {
        Ok(TokenStatus::Valid) => Ok(()),
        Ok(TokenStatus::Revoked) => Err(AuthErrorKind::Revoked.into()),
        Err(error) => Err(unavailable(error)),
    }
}

/// The refusal for a store that failed: the token cannot be checked.
pub(super) fn unavailable(error: impl Into<BoxError>) -> Refusal {
    Refusal::from(AuthErrorKind::Unavailable).with_source(error)
}
