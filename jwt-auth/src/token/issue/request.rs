//! The values that a builder collected, and the drafts made from them.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::clock::{HUNDRED_YEARS, since_1970, since_epoch, to_system_time};
use crate::config::{Additional, GrantKind, GrantRequest, Grants};
use crate::error::{AuthErrorKind, Refusal, contain_async};
use crate::keys::Thumbprint;
use crate::secret::Secret;
use crate::session::{NewSession, Revocation, StoreError};
use crate::token::claims::Freshness;
use crate::token::issue::draft::{Draft, KeyChoice, ROOM_TO_GROW};
use crate::token::issue::writer::{Issuer, random_id};
use crate::token::issue::{IssuedToken, SessionGeneration, TokenPair};
use crate::token::verify::Verified;
use crate::token_kind::{PerKind, TokenKind};

/// How long a token lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    Configured,
    For(Duration),
    Forever,
}

/// The parts of a session's previous token that the next one copies, as written there.
#[derive(Clone, Default)]
pub(crate) struct Inherited {
    pub(crate) scope: Option<String>,
    /// Names, and values as JSON text.
    pub(crate) custom: Vec<(String, String)>,
    pub(crate) csrf: Option<String>,
}

/// The terms of one session that differ from the configuration.
#[derive(Clone, Copy, Default)]
pub(crate) struct SessionTerms {
    pub(crate) idle: Option<Duration>,
    /// How long the session lasts.
    pub(crate) life: Option<Duration>,
    /// Its absolute end, as a token says.
    pub(crate) ends_at: Option<Duration>,
    pub(crate) is_temporary: bool,
    pub(crate) cookie_age: Option<Duration>,
}

impl SessionTerms {
    pub(crate) fn of(verified: &Verified) -> Self {
        let claims = verified.claims();
        Self {
            idle: claims.session_idle,
            life: None,
            ends_at: claims.session_ends_at,
            is_temporary: claims.is_temporary,
            cookie_age: claims.cookie_age,
        }
    }

    fn check(&self) -> Result<(), Refusal> {
        let allowed = Duration::from_secs(1)..=HUNDRED_YEARS;
        if [self.idle, self.life].iter().flatten().all(|life| allowed.contains(life)) {
            return Ok(());
        }
        Err(Refusal::cannot_issue("a session lasts, and may be idle, from 1s to 36500d"))
    }
}

/// All values from which a token is issued.
#[derive(Clone)]
pub(super) struct TokenRequest<'a> {
    pub(super) issuer: Issuer<'a>,
    pub(super) subject: String,
    pub(super) fresh: bool,
    /// How long the token counts as fresh, if not for its life.
    pub(super) fresh_for: Option<Duration>,
    pub(super) auth_time: Option<Duration>,
    pub(super) life: Life,
    pub(super) audience: Option<Vec<String>>,
    pub(super) scopes: Vec<String>,
    pub(super) roles: Vec<String>,
    pub(super) claims: Result<Map<String, Value>, Refusal>,
    pub(super) inherited: Inherited,
    pub(super) header: Map<String, Value>,
    pub(super) key: KeyChoice,
    /// The position of a pair in its session; `None` for a new session.
    pub(super) generation: Option<SessionGeneration>,
    /// The session of a single access token.
    pub(super) session_id: Option<String>,
    /// The start stamp of that session.
    pub(super) session_started_at: Option<Duration>,
    /// The generation of the previous access token of that session.
    pub(super) access_generation: u64,
    /// The terms of a session, as its log-in or its previous token says.
    pub(super) terms: SessionTerms,
    /// `None` for the time when it is issued.
    pub(super) issued_at: Option<Duration>,
    pub(super) device: Option<String>,
    /// The key to which the tokens are bound.
    pub(super) bound_to: Option<Thumbprint>,
}

impl<'a> TokenRequest<'a> {
    pub(super) fn new(issuer: Issuer<'a>, subject: String) -> Self {
        Self {
            issuer,
            subject,
            fresh: false,
            fresh_for: None,
            auth_time: None,
            life: Life::Configured,
            audience: None,
            scopes: Vec::new(),
            roles: Vec::new(),
            claims: Ok(Map::new()),
            inherited: Inherited::default(),
            header: Map::new(),
            key: KeyChoice::First,
            generation: None,
            session_id: None,
            session_started_at: None,
            access_generation: 0,
            terms: SessionTerms::default(),
            issued_at: None,
            device: None,
            bound_to: None,
        }
    }

    /// Calls the hook for the grants of the subject, and replaces roles, scopes and custom claims with them.
    pub(super) async fn apply_grants(
        mut self,
        kind: GrantKind,
        session_id: &str,
    ) -> Result<Self, Refusal> {
        let Some(hook) = &self.issuer.hooks.grants else { return Ok(self) };
        let scopes = match &self.inherited.scope {
            Some(text) => text.split_ascii_whitespace().map(str::to_owned).collect(),
            None => std::mem::take(&mut self.scopes),
        };
        let mut claims = self.claims?;
        for (name, value) in std::mem::take(&mut self.inherited.custom) {
            let value = serde_json::from_str(&value).map_err(|_| AuthErrorKind::InvalidClaims)?;
            claims.entry(name).or_insert(value);
        }
        let current = Grants::new(std::mem::take(&mut self.roles), scopes, claims);
        let request = GrantRequest::new(kind, &self.subject, session_id, current);
        let deadline = self.issuer.rules.hook_deadline;
        let grants = contain_async("grants", deadline, || hook.grants(&request)).await??;
        let Some(grants) = grants else {
            return Err(AuthErrorKind::AccountRefused.into());
        };
        self.inherited.scope = None;
        (self.roles, self.scopes) = (grants.roles.clone(), grants.scopes.clone());
        self.claims = Ok(grants.into_claims()?);
        Ok(self)
    }

    /// Runs the hooks. A builder's own claims take precedence over a hook's, and a hook's over inherited ones.
    pub(super) async fn run_hooks(mut self) -> Result<Self, Refusal> {
        let (hooks, deadline) = (self.issuer.hooks, self.issuer.rules.hook_deadline);
        if let Some(hook) = &hooks.claims {
            let members = || Additional::members(&**hook, &self.subject);
            let members = contain_async("additional_claims", deadline, members).await??;
            self.inherited.custom.retain(|(name, _)| !members.contains_key(name));
            if let Ok(claims) = &mut self.claims {
                insert_missing(claims, members);
            }
        }
        if let Some(hook) = &hooks.headers {
            let members = || Additional::members(&**hook, &self.subject);
            let members = contain_async("additional_headers", deadline, members).await??;
            insert_missing(&mut self.header, members);
        }
        Ok(self)
    }

    /// Issues one access token.
    pub(super) fn issue_access(self) -> Result<IssuedToken, Refusal> {
        let issuer = self.issuer;
        issuer.write(&self.access_draft()?)
    }

    pub(super) async fn issue_access_async(self) -> Result<IssuedToken, Refusal> {
        let issuer = self.issuer;
        issuer.write_async(&self.access_draft()?).await
    }

    fn access_draft(self) -> Result<Draft, Refusal> {
        let now = self.issued_at.unwrap_or_else(|| since_epoch(&*self.issuer.rules.clock));
        self.draft(TokenKind::Access, now)
    }

    /// Issues one refresh token of a new session.
    pub(super) fn issue_refresh(self) -> Result<IssuedToken, Refusal> {
        let issuer = self.issuer;
        issuer.write(&self.refresh_draft()?)
    }

    pub(super) async fn issue_refresh_async(self) -> Result<IssuedToken, Refusal> {
        let issuer = self.issuer;
        issuer.write_async(&self.refresh_draft()?).await
    }

    fn refresh_draft(self) -> Result<Draft, Refusal> {
        let issuer = self.issuer;
        let now = since_epoch(&*issuer.rules.clock);
        let session_ends = now.saturating_add(issuer.rules.session_expires);
        let mut draft = self.draft(TokenKind::Refresh, now)?;
        draft.expires_at = Some(earlier(draft.expires_at, session_ends));
        draft.session_ends_at = Some(session_ends);
        issuer.check_fits(&draft.as_successor(), ROOM_TO_GROW)?;
        Ok(draft)
    }

    /// Issues a pair that no store knows.
    pub(super) fn issue_pair(self) -> Result<TokenPair, Refusal> {
        let issuer = self.issuer;
        let drafts = self.start_session()?.pair_drafts()?;
        issuer.store.warn_if_default();
        let access = issuer.write(&drafts.access)?;
        let refresh = issuer.write(&drafts.refresh)?;
        Ok(pair(drafts, PerKind { access, refresh }))
    }

    pub(super) async fn issue_pair_async(self) -> Result<TokenPair, Refusal> {
        self.start_session()?.write_pair().await
    }

    fn start_session(mut self) -> Result<Self, Refusal> {
        self.generation = Some(SessionGeneration::first(self.issuer.rules)?);
        self.check_start()?;
        Ok(self)
    }

    /// Signs a pair.
    pub(super) async fn write_pair(self) -> Result<TokenPair, Refusal> {
        let issuer = self.issuer;
        issuer.store.warn_if_default();
        let drafts = self.pair_drafts()?;
        let access = issuer.write_async(&drafts.access).await?;
        let refresh = issuer.write_async(&drafts.refresh).await?;
        Ok(pair(drafts, PerKind { access, refresh }))
    }

    /// Runs the hooks, registers the session of a log-in, and issues its pair.
    pub(super) async fn log_in(self) -> Result<TokenPair, Refusal> {
        let store = self.issuer.store;
        let unavailable =
            |error: StoreError| Refusal::from(AuthErrorKind::Unavailable).with_source(error);
        self.terms.check()?;
        let mut first = SessionGeneration::first(self.issuer.rules)?;
        if let Some(idle) = self.terms.idle {
            (first.idle, first.has_own_idle) = (idle, true);
        }
        if let Some(life) = self.terms.life {
            first.session_ends = first.issued_at.saturating_add(life);
        }
        first.is_temporary = self.terms.is_temporary;
        first.cookie_age = self.terms.cookie_age;
        // The stamp of the store has as many digits.
        first.started_at = Some(first.issued_at);
        let request = self.apply_grants(GrantKind::LogIn, &first.session_id).await?;
        let mut request = request.run_hooks().await?;
        request.generation = Some(first.clone());
        // A pair that cannot be issued leaves no session behind.
        let access_life = request.check_start()?;
        store.announce_access_life(access_life).await.map_err(unavailable)?;
        let device = request.device.take();
        let session = NewSession {
            id: &first.session_id,
            subject: &request.subject,
            device: device.as_deref(),
            refresh_id: &first.refresh_id,
            ends: to_system_time(first.session_ends),
            idle: first.idle,
            max_sessions: request.issuer.rules.max_sessions,
            now: to_system_time(first.issued_at),
        };
        let registered = store.register(session).await.map_err(unavailable)?;
        first.started_at = Some(since_1970(registered.started_at));
        let (id, ends) = (first.session_id.clone(), to_system_time(first.session_ends));
        request.generation = Some(first);
        let now = to_system_time(since_epoch(&*request.issuer.rules.clock));
        let pair = request.write_pair().await;
        if pair.is_err() {
            // A service that signs has failed. Nobody has a token of the session, so it should not be listed.
            let started_at = Some(registered.started_at);
            let session = Revocation::Session { id: &id, started_at, until: ends };
            let _ = store.revoke(session, now).await;
        }
        pair
    }

    /// Checks that the first pair of a session, and its successors, can be written. Returns the life of the access
    /// token.
    fn check_start(&self) -> Result<Duration, Refusal> {
        let PerKind { access, refresh } = self.clone().pair_drafts()?;
        for draft in [&access, &refresh] {
            self.issuer.check_fits(draft, 0)?;
            self.issuer.check_fits(&draft.as_successor(), ROOM_TO_GROW)?;
        }
        Ok(access.life())
    }

    /// Checks that the pair can be issued, without signing, and returns the life of the access token. A token whose
    /// successor would be invalid is refused; a configuration that cannot sign remains an error of the application.
    pub(super) fn rehearse_pair(&self) -> Result<Duration, Refusal> {
        let issuer = self.issuer;
        issuer.check_key(&self.key)?;
        let PerKind { access, refresh } = self.clone().pair_drafts()?;
        let fits = [&access, &refresh].iter().try_for_each(|draft| issuer.check_fits(draft, 0));
        fits.map_err(|_| Refusal::from(AuthErrorKind::InvalidClaims))?;
        Ok(access.life())
    }

    fn draft(self, kind: TokenKind, now: Duration) -> Result<Draft, Refusal> {
        let rules = self.issuer.rules;
        let expires_at = match self.life {
            Life::Configured => Some(now.saturating_add(*rules.expires.get(kind))),
            Life::For(life) => Some(now.saturating_add(life)),
            Life::Forever => None,
        };
        let csrf = if rules.csrf_claim {
            Some(self.inherited.csrf.map_or_else(|| random_id(rules), Ok)?)
        } else {
            None
        };
        let mut custom = self.inherited.custom;
        custom.extend(self.claims?.into_iter().map(|(name, value)| (name, value.to_string())));
        Ok(Draft {
            kind,
            subject: self.subject,
            id: random_id(rules)?,
            issued_at: now,
            expires_at,
            fresh: match (self.fresh, self.fresh_for) {
                (false, _) => Freshness::No,
                (true, None) => Freshness::Always,
                (true, Some(life)) => Freshness::Until(now.saturating_add(life)),
            },
            auth_time: self.auth_time.or(self.fresh.then_some(now)),
            audience: self.audience.unwrap_or_else(|| rules.audience.clone()),
            scope: scope_text(self.inherited.scope, &self.scopes)?,
            roles: self.roles,
            session_id: self.session_id,
            generation: self.access_generation,
            session_started_at: self.session_started_at,
            session_ends_at: self.terms.ends_at,
            session_idle: self.terms.idle,
            is_temporary: self.terms.is_temporary,
            cookie_age: self.terms.cookie_age,
            csrf,
            bound_to: self.bound_to,
            custom,
            header: self.header,
            key: self.key,
        })
    }

    /// The two tokens of a pair. Neither outlives its session: the record of a revoked session is deleted after
    /// the session's end, and a longer-lived token would be accepted again.
    fn pair_drafts(self) -> Result<PerKind<Draft>, Refusal> {
        let rules = self.issuer.rules;
        let longest_life = self.issuer.ring.load().longest_life();
        let position = self.generation.clone();
        let position = position.map_or_else(|| SessionGeneration::first(rules), Ok)?;
        let mut access = self.draft(TokenKind::Access, position.issued_at)?;
        access.expires_at = Some(earlier(access.expires_at, position.session_ends));
        access.session_id = Some(position.session_id.clone());
        access.session_started_at = position.started_at;
        access.generation = position.generation;
        // An end that the configuration and the time of the log-in give is not repeated.
        let usual = access.auth_time.map(|at| at.saturating_add(rules.session_expires));
        let is_usual = usual.is_some_and(|end| end.as_secs() == position.session_ends.as_secs());
        let has_own_end = position.started_at.is_some() && !is_usual;
        access.session_ends_at = has_own_end.then_some(position.session_ends);
        access.session_idle = position.has_own_idle.then_some(position.idle);
        access.is_temporary = position.is_temporary;
        access.cookie_age = position.cookie_age;
        let issued_at = position.refresh_issued_at;
        let mut idle_end = issued_at.saturating_add(position.idle);
        // A session that began before the keys changed gets tokens that do not outlive theirs.
        if position.generation > 0
            && let Some(longest) = longest_life
        {
            idle_end = idle_end.min(issued_at.saturating_add(longest));
        }
        let refresh = Draft {
            kind: TokenKind::Refresh,
            id: position.refresh_id,
            csrf: access.csrf.is_some().then(|| random_id(rules)).transpose()?,
            issued_at,
            expires_at: Some(idle_end.min(position.session_ends)),
            // Without a stamp, the `jti` is the id of the session.
            session_id: position.started_at.and(Some(position.session_id)),
            session_ends_at: Some(position.session_ends),
            ..access.clone()
        };
        Ok(PerKind { access, refresh })
    }
}

/// The pair of these drafts and their tokens.
fn pair(drafts: PerKind<Draft>, tokens: PerKind<IssuedToken>) -> TokenPair {
    TokenPair {
        expires_in: tokens.access.expires_in().unwrap_or(Duration::MAX),
        is_bound: drafts.access.bound_to.is_some(),
        tokens: PerKind {
            access: tokens.access.into_secret(),
            refresh: tokens.refresh.into_secret(),
        },
        csrf: PerKind {
            access: drafts.access.csrf.map(Secret::from),
            refresh: drafts.refresh.csrf.map(Secret::from),
        },
    }
}

fn insert_missing(to: &mut Map<String, Value>, members: Map<String, Value>) {
    for (name, value) in members {
        to.entry(name).or_insert(value);
    }
}

/// The end of a token that lives at most until `end`.
fn earlier(expires_at: Option<Duration>, end: Duration) -> Duration {
    expires_at.map_or(end, |at| at.min(end))
}

/// `scope`: a list separated by spaces (RFC 6749 §3.3), so a name with a space would become two names.
fn scope_text(inherited: Option<String>, scopes: &[String]) -> Result<Option<String>, Refusal> {
    let is_scope = |name: &String| {
        !name.is_empty() && name.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
    };
    if !scopes.iter().all(is_scope) {
        return Err(Refusal::cannot_issue(
            "a scope is printable ASCII without space, quote and backslash (RFC 6749 §3.3)",
        ));
    }
    Ok(inherited.or_else(|| (!scopes.is_empty()).then(|| scopes.join(" "))))
}
