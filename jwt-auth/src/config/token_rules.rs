//! Options of tokens: what is written into them, what verification requires, how long they live.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, HUNDRED_YEARS, SystemClock};
use crate::config::{Config, ConfigProblem, LegacyRules, duration};
use crate::error::Compat;
use crate::session::{MAX_NAME, is_revocable};
use crate::token_kind::PerKind;

/// The maximum size of a token. Larger ones are refused without being read.
pub(crate) const MAX_TOKEN: usize = 8 * 1024;
/// The largest number of sessions of one subject, because a list of them is read as a whole.
const MOST_SESSIONS: usize = 10_000;
/// The longest time for which the answer to a refresh may be lost.
const MOST_GRACE_UNTIL_USED: Duration = Duration::from_secs(30 * 86_400);
/// The maximum leeway. A longer one would make `exp` meaningless.
const MOST_LEEWAY: Duration = Duration::from_secs(600);
/// The maximum tolerance for issue times. A clock that is further off needs to be set.
const MOST_ISSUED_AT_LEEWAY: Duration = Duration::from_secs(60);
/// The maximum deadline. A client has given up by then.
const MOST_DEADLINE: Duration = Duration::from_secs(10);
/// The maximum size of the cache: ten gigabytes of tokens. A larger number is a mistake in the unit.
const MOST_CACHED: usize = 10_000_000;

/// The rules of tokens and sessions. They know nothing of HTTP.
#[derive(Clone)]
pub(crate) struct TokenRules {
    pub(crate) encode_issuer: Option<String>,
    pub(crate) decode_issuer: Option<String>,
    /// Written into tokens.
    pub(crate) audience: Vec<String>,
    /// Required of tokens.
    pub(crate) decode_audience: Vec<String>,
    pub(crate) leeway: Duration,
    pub(crate) issued_at_leeway: Duration,
    pub(crate) expires: PerKind<Duration>,
    pub(crate) session_expires: Duration,
    pub(crate) refresh_grace: Duration,
    /// How long a rotated token gets its successor again while that was never used; zero for not at all.
    pub(crate) grace_until_used: Duration,
    /// How many sessions a subject may have.
    pub(crate) max_sessions: usize,
    /// A store that has not answered by then is treated as failed.
    pub(crate) store_deadline: Duration,
    /// The same for the application's denylist.
    pub(crate) denylist_deadline: Duration,
    /// How long any other function of the application may take.
    pub(crate) hook_deadline: Duration,
    /// Whether tokens of the kind are checked for revocation.
    pub(crate) checks_revocation: PerKind<bool>,
    /// The number of verified tokens to cache; `None` for the default.
    pub(crate) verified_cache: Option<usize>,
    /// The tokens of an earlier implementation that are accepted.
    pub(crate) legacy: Option<LegacyRules>,
    /// Whether a scope of a token such as `notes:*` covers others.
    pub(crate) scope_wildcards: bool,
    /// `danger`: tokens without `exp` are accepted.
    pub(crate) exp_optional: bool,
    pub(crate) clock: Arc<dyn Clock>,
    /// The framework whose tokens are read as well; set by `build` from the web settings.
    pub(crate) compat: Option<Compat>,
    /// Whether tokens carry a CSRF value; set by `build` from the web settings.
    pub(crate) csrf_claim: bool,
    /// The longest token to issue, in bytes; set by `build` from the web settings.
    pub(crate) longest_token: PerKind<usize>,
}

impl Default for TokenRules {
    fn default() -> Self {
        Self {
            encode_issuer: None,
            decode_issuer: None,
            audience: Vec::new(),
            decode_audience: Vec::new(),
            leeway: Duration::ZERO,
            issued_at_leeway: Duration::from_secs(5),
            expires: PerKind {
                access: Duration::from_secs(15 * 60),
                refresh: Duration::from_secs(30 * 86_400),
            },
            session_expires: Duration::from_secs(90 * 86_400),
            refresh_grace: Duration::from_secs(10),
            grace_until_used: Duration::ZERO,
            max_sessions: 100,
            store_deadline: Duration::from_millis(250),
            denylist_deadline: Duration::from_millis(250),
            hook_deadline: Duration::from_secs(5),
            checks_revocation: PerKind { access: true, refresh: true },
            verified_cache: None,
            legacy: None,
            scope_wildcards: false,
            exp_optional: false,
            clock: Arc::new(SystemClock),
            compat: None,
            csrf_claim: false,
            longest_token: PerKind::default(),
        }
    }
}

impl fmt::Debug for TokenRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenRules")
            .field("encode_issuer", &self.encode_issuer)
            .field("decode_issuer", &self.decode_issuer)
            .field("audience", &self.audience)
            .field("decode_audience", &self.decode_audience)
            .field("leeway", &self.leeway)
            .field("issued_at_leeway", &self.issued_at_leeway)
            .field("expires", &self.expires)
            .field("session_expires", &self.session_expires)
            .field("refresh_grace", &self.refresh_grace)
            .field("refresh_grace_until_used", &self.grace_until_used)
            .field("max_sessions_per_subject", &self.max_sessions)
            .field("store_deadline", &self.store_deadline)
            .field("denylist_deadline", &self.denylist_deadline)
            .field("hook_deadline", &self.hook_deadline)
            .field("checks_revocation", &self.checks_revocation)
            .field("verified_cache", &self.verified_cache)
            .field("legacy", &self.legacy)
            .field("scope_wildcards", &self.scope_wildcards)
            .field("exp_optional", &self.exp_optional)
            .finish_non_exhaustive()
    }
}

impl TokenRules {
    /// The latest time of issue that is accepted at `now`: the issuer's clock may be ahead of this one.
    pub(crate) fn latest_issue(&self, now: Duration) -> Duration {
        now.saturating_add(self.clock_tolerance())
    }

    /// How far ahead the clock that issued an accepted token may be.
    pub(crate) fn clock_tolerance(&self) -> Duration {
        self.leeway.max(self.issued_at_leeway)
    }

    /// Every option that breaks its rule.
    pub(super) fn problems(&self) -> Vec<ConfigProblem> {
        let mut problems = Vec::new();
        let mut report = |field: &str, is_broken: bool, rule: String, fix: &str| {
            if is_broken {
                problems.push(ConfigProblem::new(field, rule, fix));
            }
        };
        self.report_names(&mut report);
        self.report_audiences(&mut report);
        self.report_times(&mut report);
        report(
            "denylist_token_checks",
            !self.checks_revocation.access && !self.checks_revocation.refresh,
            "the list is empty, so no token could be revoked".to_owned(),
            "remove the option: both kinds are then checked",
        );
        report(
            "verified_cache",
            self.verified_cache.is_some_and(|entries| entries > MOST_CACHED),
            format!("the cache has at most {MOST_CACHED} tokens, of about a kilobyte each"),
            "write `.verified_cache(10_000)`, or remove the option",
        );
        problems
    }

    fn report_names(&self, report: &mut Report<'_>) {
        for (field, issuer) in
            [("encode_issuer", &self.encode_issuer), ("decode_issuer", &self.decode_issuer)]
        {
            report(
                field,
                issuer.as_deref().is_some_and(|issuer| issuer.trim().is_empty()),
                "the issuer is blank".to_owned(),
                "write `.issuer(\"https://auth.example\")`, or remove the option",
            );
            report(
                field,
                issuer.as_deref().is_some_and(|issuer| !is_revocable(issuer, MAX_NAME)),
                "an issuer has at most 1024 bytes and no NUL, so that its tokens can be revoked"
                    .to_owned(),
                "write `.issuer(\"https://auth.example\")`, or remove the option",
            );
        }
        for (field, audience) in
            [("audience", &self.audience), ("decode_audience", &self.decode_audience)]
        {
            // `audience` sets both options: one mistake, one problem.
            let is_repeated = field == "decode_audience" && self.audience == self.decode_audience;
            report(
                field,
                !is_repeated && audience.iter().any(|audience| audience.trim().is_empty()),
                "an audience is blank".to_owned(),
                &format!("write `.{field}([\"https://api.example\"])`, or remove the option"),
            );
        }
    }

    fn report_audiences(&self, report: &mut Report<'_>) {
        report(
            "decode_audience",
            !self.audience.is_empty() && self.decode_audience.is_empty(),
            "tokens are issued with an audience, and none is accepted: this service would refuse its own tokens"
                .to_owned(),
            "remove `.decode_audience([])`, or write the audiences that this service accepts",
        );
    }

    fn report_times(&self, report: &mut Report<'_>) {
        report(
            "decode_leeway",
            self.leeway > MOST_LEEWAY,
            format!("the leeway is at most 10m; this one is {}", duration::write(self.leeway)),
            "write `.decode_leeway(Duration::from_secs(30))`, and synchronise the clocks with NTP",
        );
        report(
            "issued_at_leeway",
            self.issued_at_leeway > MOST_ISSUED_AT_LEEWAY,
            format!(
                "the tolerance for issue times is at most 1m; this one is {}",
                duration::write(self.issued_at_leeway)
            ),
            "write `.issued_at_leeway(Duration::from_secs(5))`, and synchronise the clocks with NTP",
        );
        for (field, life) in [
            ("access_token_expires", self.expires.access),
            ("refresh_token_expires", self.expires.refresh),
            ("session_expires", self.session_expires),
        ] {
            report(
                field,
                life < Duration::from_secs(1) || life > HUNDRED_YEARS,
                format!("a lifetime is 1s to 36500d; this one is {}", duration::write(life)),
                &format!("write `.{field}(Duration::from_secs(900))`"),
            );
        }
        report(
            "refresh_grace",
            self.refresh_grace > Duration::from_secs(300),
            format!("the grace is at most 5m; this one is {}", duration::write(self.refresh_grace)),
            "write `.refresh_grace(Duration::from_secs(10))`, enough for two tabs that refresh at once",
        );
        report(
            "refresh_grace_until_used",
            self.grace_until_used > MOST_GRACE_UNTIL_USED,
            format!("it is at most 30d; this one is {}", duration::write(self.grace_until_used)),
            "write `.refresh_grace_until_used(Duration::from_secs(3600))`, or remove the option",
        );
        report(
            "max_sessions_per_subject",
            !(1..=MOST_SESSIONS).contains(&self.max_sessions),
            format!(
                "a subject has 1 to {MOST_SESSIONS} sessions; this limit is {}",
                self.max_sessions
            ),
            "write `.max_sessions_per_subject(100)`",
        );
        for (field, deadline) in [
            ("store_deadline", self.store_deadline),
            ("denylist_deadline", self.denylist_deadline),
            ("hook_deadline", self.hook_deadline),
        ] {
            report(
                field,
                deadline.is_zero() || deadline > MOST_DEADLINE,
                format!("a deadline is 1ms to 10s; this one is {}", duration::write(deadline)),
                &format!("write `.{field}(Duration::from_millis(250))`"),
            );
        }
    }
}

/// Reports an option that breaks its rule: the option, whether it is broken, the rule, and the line to write.
type Report<'a> = dyn FnMut(&str, bool, String, &str) + 'a;

/// # Tokens
///
/// The claims that tokens contain, and what verification requires of them.
impl Config {
    /// The `iss` of issued tokens, which verification also requires.
    ///
    /// Default: none; any issuer is accepted, because the key already determines who signed (RFC 7519 §4.1.1).
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial};
    /// # let config = || Config::hs256(KeyMaterial::ephemeral());
    /// let auth = config().issuer("https://auth.example").build()?;
    /// let token = auth.access_token("alice").issue()?;
    /// let other = config().issuer("https://other.example").build()?;
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// assert!(auth.verify_access(&token).await.is_ok());
    /// assert!(other.verify_access(&token).await.is_err());
    /// # });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn issuer(self, issuer: impl Into<String>) -> Self {
        let issuer = issuer.into();
        self.encode_issuer(issuer.clone()).decode_issuer(issuer)
    }

    /// The `iss` of issued tokens, if it differs from the required one.
    ///
    /// Default: none.
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial};
    /// # let config = || Config::hs256(KeyMaterial::ephemeral());
    /// assert!(config().encode_issuer("https://auth.example").build().is_ok());
    /// assert!(config().encode_issuer("").build().is_err());
    /// ```
    pub fn encode_issuer(mut self, issuer: impl Into<String>) -> Self {
        self.rules.encode_issuer = Some(issuer.into());
        self
    }

    /// The `iss` that verification requires, if it differs from the issued one.
    ///
    /// Default: none; any issuer is accepted.
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial};
    /// # let config = || Config::hs256(KeyMaterial::ephemeral());
    /// assert!(config().decode_issuer("https://auth.example").build().is_ok());
    /// assert!(config().decode_issuer("").build().is_err());
    /// ```
    pub fn decode_issuer(mut self, issuer: impl Into<String>) -> Self {
        self.rules.decode_issuer = Some(issuer.into());
        self
    }

    /// The `aud` of issued tokens, which verification also requires.
    ///
    /// A token must name at least one of these. Default: none; then a token that names an audience is refused,
    /// because it was issued for another service (RFC 7519 §4.1.3).
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial};
    /// # let config = || Config::hs256(KeyMaterial::ephemeral());
    /// assert!(config().audience(["https://api.example"]).build().is_ok());
    /// assert!(config().audience([" "]).build().is_err());
    /// ```
    pub fn audience<A: Into<String>>(mut self, audience: impl IntoIterator<Item = A>) -> Self {
        self.rules.audience = audience.into_iter().map(Into::into).collect();
        self.rules.decode_audience.clone_from(&self.rules.audience);
        self
    }

    /// The `aud` that verification requires, if it differs from the issued one.
    ///
    /// Call it after [`audience`](Self::audience), which sets both. Default: none.
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial};
    /// # let config = || Config::hs256(KeyMaterial::ephemeral());
    /// assert!(config().decode_audience(["https://api.example"]).build().is_ok());
    /// assert!(config().decode_audience([""]).build().is_err());
    /// ```
    pub fn decode_audience<A: Into<String>>(
        mut self,
        audience: impl IntoIterator<Item = A>,
    ) -> Self {
        self.rules.decode_audience = audience.into_iter().map(Into::into).collect();
        self
    }

    /// How long a token is accepted after its `exp`.
    ///
    /// Default: 0, because a leeway extends the life of a stolen token. The maximum is 10 minutes. A leeway longer
    /// than [`issued_at_leeway`](Self::issued_at_leeway) also applies to `nbf` and `iat`, as in other libraries.
    /// For clocks that differ by a few seconds it is not needed: see `issued_at_leeway`.
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial};
    /// # use std::time::Duration;
    /// # let config = || Config::hs256(KeyMaterial::ephemeral());
    /// assert!(config().decode_leeway(Duration::from_secs(30)).build().is_ok());
    /// assert!(config().decode_leeway(Duration::from_secs(601)).build().is_err());
    /// ```
    pub fn decode_leeway(mut self, leeway: Duration) -> Self {
        self.rules.leeway = leeway;
        self
    }

    /// How far in the future `iat` and `nbf` may be.
    ///
    /// The clocks of two nodes are never exactly equal: without a tolerance, a node whose clock is 200 ms behind
    /// refuses the tokens that another node has just issued. The tolerance does not extend the life of a token,
    /// because `exp` has a leeway of its own ([`decode_leeway`](Self::decode_leeway)). Default: 5 seconds, far more
    /// than clocks differ under NTP. The maximum is 1 minute.
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial, ManualClock};
    /// # use std::time::Duration;
    /// # let config = || Config::hs256(KeyMaterial::ephemeral());
    /// let ahead = config().clock(ManualClock::at(1_700_000_003)).build()?;
    /// let token = ahead.access_token("alice").issue()?;
    /// let behind = || config().clock(ManualClock::at(1_700_000_000));
    /// # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// # runtime.block_on(async {
    /// assert!(behind().build()?.verify_access(&token).await.is_ok());
    /// let strict = behind().issued_at_leeway(Duration::ZERO).build()?;
    /// assert!(strict.verify_access(&token).await.is_err());
    /// # Ok::<(), jwt_auth::ConfigError>(())
    /// # })?;
    /// assert!(config().issued_at_leeway(Duration::from_secs(61)).build().is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn issued_at_leeway(mut self, leeway: Duration) -> Self {
        self.rules.issued_at_leeway = leeway;
        self
    }

    /// How long an access token lives.
    ///
    /// Default: 15 minutes, which limits how long a stolen token works.
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial};
    /// # use std::time::Duration;
    /// # let config = || Config::hs256(KeyMaterial::ephemeral());
    /// assert!(config().access_token_expires(Duration::from_secs(300)).build().is_ok());
    /// assert!(config().access_token_expires(Duration::ZERO).build().is_err());
    /// ```
    pub fn access_token_expires(mut self, life: Duration) -> Self {
        self.rules.expires.access = life;
        self
    }

    /// How long a refresh token lives, and so how long a session may be idle.
    ///
    /// Default: 30 days.
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial};
    /// # use std::time::Duration;
    /// # let config = || Config::hs256(KeyMaterial::ephemeral());
    /// assert!(config().refresh_token_expires(Duration::from_secs(7 * 86_400)).build().is_ok());
    /// assert!(config().refresh_token_expires(Duration::ZERO).build().is_err());
    /// ```
    pub fn refresh_token_expires(mut self, life: Duration) -> Self {
        self.rules.expires.refresh = life;
        self
    }

    /// Whether a scope that ends in `:*` covers every scope with the same prefix.
    ///
    /// A token with `notes:*` then has `notes:read` and `notes:archive:read`, but not `notes`; `*` alone covers nothing. It
    /// applies to tokens that this service issued, since another issuer may give the star another meaning. Default: false,
    /// since OAuth compares scopes as they are (RFC 6749 §3.3).
    ///
    /// ```
    /// use jwt_auth::{Config, KeyMaterial};
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// let auth = Config::hs256(KeyMaterial::ephemeral()).scope_wildcards(true).build()?;
    /// let token = auth.verify_access(&auth.access_token("alice").scopes(["notes:*"]).issue()?).await?;
    /// assert!(token.has("notes:read") && !token.has("admin"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn scope_wildcards(mut self, is_on: bool) -> Self {
        self.rules.scope_wildcards = is_on;
        self
    }

    /// How many verified access tokens are cached; zero turns the cache off.
    ///
    /// The next request with a cached token skips the signature check. Default: 10 000 if a key is RSA, EC or
    /// Ed25519, because checking such a signature takes 14 to 40 µs; none for HMAC, because that check takes
    /// little longer than a cache look-up. If you set a number, HMAC tokens are cached too.
    ///
    /// A token takes about a kilobyte; a larger one counts as several. A cache hit skips the signature check and
    /// nothing else: expiry, audience, revocation and every rule of the route are checked on each request. Tokens
    /// that fail verification never enter the cache, nor do refresh tokens, which are used once. A cached token
    /// stays in memory until others replace it, or until it is presented again after it expired.
    ///
    /// ```
    /// # use jwt_auth::{Config, KeyMaterial};
    /// # let config = || Config::hs256(KeyMaterial::ephemeral());
    /// assert!(config().verified_cache(100_000).build().is_ok());
    /// assert!(config().verified_cache(0).build().is_ok(), "off");
    /// assert!(config().verified_cache(usize::MAX).build().is_err());
    /// ```
    pub fn verified_cache(mut self, tokens: usize) -> Self {
        self.rules.verified_cache = Some(tokens);
        self
    }

    /// The source of the current time. Default: the clock of the operating system.
    ///
    /// ```
    /// use jwt_auth::{Config, KeyMaterial, ManualClock};
    ///
    /// assert!(Config::hs256(KeyMaterial::ephemeral()).clock(ManualClock::at(1_700_000_000)).build().is_ok());
    /// ```
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.rules.clock = Arc::new(clock);
        self
    }
}
