//! The option to accept, for a while, the tokens that an earlier implementation issued.

use std::time::{Duration, SystemTime};

use crate::clock::since_1970;
use crate::config::{Config, ConfigProblem, duration};
use crate::token_kind::TokenKind;

/// The longest time for which earlier tokens are accepted. They should expire, and be replaced by ours.
const LONGEST: Duration = Duration::from_secs(2 * 365 * 86_400);

/// A list of names that leads from the payload to a claim.
pub(crate) type ClaimPath = Vec<String>;

/// Where the claims are that this crate has other names for.
#[derive(Clone, Debug)]
pub(crate) struct ClaimNames {
    pub(crate) subject: ClaimPath,
    pub(crate) kind: Option<KindRule>,
    pub(crate) scopes: Vec<ClaimPath>,
    pub(crate) roles: Vec<ClaimPath>,
    /// The first of these that is present is the id of the token.
    pub(crate) ids: Vec<ClaimPath>,
    pub(crate) ignores_audience: bool,
}

/// How a token says whether it is an access token.
#[derive(Clone, Debug)]
pub(crate) enum KindRule {
    /// Every token is one.
    AllAccess,
    /// A claim says it, by one of these values.
    Claim { name: String, access: String, refresh: Option<String> },
}

impl KindRule {
    /// The kind that a value of the claim names.
    pub(crate) fn of(&self, value: &str) -> Option<TokenKind> {
        match self {
            Self::Claim { access, .. } if access == value => Some(TokenKind::Access),
            Self::Claim { refresh: Some(refresh), .. } if refresh == value => {
                Some(TokenKind::Refresh)
            }
            _ => None,
        }
    }
}

/// The tokens of an earlier implementation: which key signed them, how they name their claims, and until when they are
/// accepted.
///
/// Without it, everyone is logged out on the day of the change: hand-written tokens have no `type`, a `user_id` instead of
/// `sub`, or `role` instead of `roles`. Everything else is checked as for our own tokens: the signature, `exp`, `nbf`, `iss`,
/// `aud`, revocation. A token without `jti` gets its hash as id, so that it can be revoked. A token whose header names a kind
/// of ours (`at+jwt`, `rt+jwt`) is never read this way.
///
/// ```
/// use jwt_auth::config::Legacy;
/// use jwt_auth::{Algorithm, Clock as _, Config, Key, KeyMaterial, KeyRing, ManualClock};
/// use std::time::Duration;
///
/// # let (old_secret, new_secret) = (KeyMaterial::raw(*b"the secret of the earlier service"), KeyMaterial::ephemeral());
/// # let clock = ManualClock::at(1_700_000_000);
/// let until = clock.now() + Duration::from_secs(30 * 86_400); // the day when the last earlier token expires
/// let legacy = Legacy::until(until)
///     .signed_by("earlier")
///     .subject("user_id")
///     .kind_claim("token_use", "access", Some("refresh"))
///     .roles(["role"]);
/// let old_key = Key::secret(Algorithm::HS256, old_secret).id("earlier").also_without_id();
/// let auth = Config::hs256(new_secret).also_verify(old_key).accept_legacy(legacy).clock(clock).build()?;
/// # drop(auth);
/// # Ok::<(), jwt_auth::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "it is used by `Config::accept_legacy`"]
pub struct Legacy {
    until: Duration,
    key_id: Option<String>,
    names: ClaimNames,
}

/// Earlier tokens that passed every rule of the configuration.
#[derive(Clone, Debug)]
pub(crate) struct LegacyRules {
    pub(crate) until: Duration,
    pub(crate) key_id: String,
    pub(crate) names: ClaimNames,
}

impl Legacy {
    /// Accepts earlier tokens until this time, at most two years ahead.
    ///
    /// Choose the time when the last of them expires. After it they are refused, and a warning at each start says that the
    /// option can go.
    ///
    /// ```
    /// # use jwt_auth::config::Legacy;
    /// # use std::time::{Duration, UNIX_EPOCH};
    /// let legacy = Legacy::until(UNIX_EPOCH + Duration::from_secs(1_800_000_000));
    /// # drop(legacy);
    /// ```
    pub fn until(time: SystemTime) -> Self {
        Self {
            until: since_1970(time),
            key_id: None,
            names: ClaimNames {
                subject: vec!["sub".to_owned()],
                kind: None,
                scopes: vec![vec!["scope".to_owned()]],
                roles: vec![vec!["roles".to_owned()]],
                ids: vec![vec!["jti".to_owned()]],
                ignores_audience: false,
            },
        }
    }

    /// The id of the key in the ring that signed them. Required.
    ///
    /// The tokens need not have a `kid`: [`Key::also_without_id`](crate::Key::also_without_id).
    ///
    /// ```
    /// # use jwt_auth::config::Legacy;
    /// # use std::time::UNIX_EPOCH;
    /// let legacy = Legacy::until(UNIX_EPOCH).signed_by("earlier");
    /// # drop(legacy);
    /// ```
    pub fn signed_by(mut self, key_id: impl Into<String>) -> Self {
        self.key_id = Some(key_id.into());
        self
    }

    /// The claim that contains the subject. Default: `sub`. A whole number is read as text.
    ///
    /// ```
    /// # use jwt_auth::config::Legacy;
    /// # use std::time::UNIX_EPOCH;
    /// let legacy = Legacy::until(UNIX_EPOCH).subject("user_id");
    /// # drop(legacy);
    /// ```
    pub fn subject(mut self, claim: impl Into<String>) -> Self {
        self.names.subject = vec![claim.into()];
        self
    }

    /// The claim that says whether it is an access token or a refresh token, and its values.
    ///
    /// This or [`only_access_tokens`](Self::only_access_tokens) is required. A token with another value, or without the claim,
    /// is refused.
    ///
    /// ```
    /// # use jwt_auth::config::Legacy;
    /// # use std::time::UNIX_EPOCH;
    /// let legacy = Legacy::until(UNIX_EPOCH).kind_claim("token_type", "Bearer", None);
    /// # drop(legacy);
    /// ```
    pub fn kind_claim(
        mut self,
        claim: impl Into<String>,
        access: impl Into<String>,
        refresh: Option<&str>,
    ) -> Self {
        let refresh = refresh.map(str::to_owned);
        self.names.kind =
            Some(KindRule::Claim { name: claim.into(), access: access.into(), refresh });
        self
    }

    /// Says that the key never signed a refresh token, so that every token of it is an access token.
    ///
    /// SECURITY: if it did sign refresh tokens of the same form, each of them opens every route.
    ///
    /// ```
    /// # use jwt_auth::config::Legacy;
    /// # use std::time::UNIX_EPOCH;
    /// let legacy = Legacy::until(UNIX_EPOCH).only_access_tokens();
    /// # drop(legacy);
    /// ```
    pub fn only_access_tokens(mut self) -> Self {
        self.names.kind = Some(KindRule::AllAccess);
        self
    }

    /// The claims that contain scopes: text separated by spaces, or an array of strings. Default: `scope`.
    ///
    /// ```
    /// # use jwt_auth::config::Legacy;
    /// # use std::time::UNIX_EPOCH;
    /// let legacy = Legacy::until(UNIX_EPOCH).scopes(["permissions"]);
    /// # drop(legacy);
    /// ```
    pub fn scopes<A: Into<String>>(mut self, claims: impl IntoIterator<Item = A>) -> Self {
        self.names.scopes = claims.into_iter().map(|claim| vec![claim.into()]).collect();
        self
    }

    /// The claims that contain roles: one role as text, or an array of strings. Default: `roles`.
    ///
    /// ```
    /// # use jwt_auth::config::Legacy;
    /// # use std::time::UNIX_EPOCH;
    /// let legacy = Legacy::until(UNIX_EPOCH).roles(["role", "groups"]);
    /// # drop(legacy);
    /// ```
    pub fn roles<A: Into<String>>(mut self, claims: impl IntoIterator<Item = A>) -> Self {
        self.names.roles = claims.into_iter().map(|claim| vec![claim.into()]).collect();
        self
    }

    /// Ignores `aud`. Default: it is checked like that of our own tokens, by [`Config::audience`].
    ///
    /// For earlier tokens with an audience that nothing checked. SECURITY: a token that the same key signed for another
    /// service is accepted then.
    ///
    /// ```
    /// # use jwt_auth::config::Legacy;
    /// # use std::time::UNIX_EPOCH;
    /// let legacy = Legacy::until(UNIX_EPOCH).ignore_audience();
    /// # drop(legacy);
    /// ```
    pub fn ignore_audience(mut self) -> Self {
        self.names.ignores_audience = true;
        self
    }

    /// Checks the option. `has_key` says whether the ring has a key with an id.
    pub(super) fn parse(
        self,
        now: Duration,
        has_key: impl Fn(&str) -> bool,
        problems: &mut Vec<ConfigProblem>,
    ) -> Option<LegacyRules> {
        let before = problems.len();
        let mut report = |rule: String, fix: &str| {
            problems.push(ConfigProblem::new("accept_legacy", rule, fix));
        };
        let left = self.until.saturating_sub(now);
        if left > LONGEST {
            report(
                format!(
                    "earlier tokens are accepted for at most 730d; this is {}",
                    duration::write(left)
                ),
                "write the day when the last of them expires: `Legacy::until(…)`",
            );
        }
        match &self.key_id {
            None => report(
                "it does not say which key signed the earlier tokens".to_owned(),
                "write `.signed_by(\"its id\")`, and give the key that id: `Key::secret(…).id(\"its id\").also_without_id()`",
            ),
            Some(id) if !has_key(id) => report(
                format!("no key of the ring has the id `{}`", id.escape_debug()),
                "add it: `.also_verify(Key::secret(…).id(\"its id\").also_without_id())`",
            ),
            Some(_) => {}
        }
        if self.names.kind.is_none() {
            report(
                "it does not say which of the earlier tokens are access tokens".to_owned(),
                "write `.kind_claim(\"type\", \"access\", Some(\"refresh\"))`, or `.only_access_tokens()` if there are no others",
            );
        }
        if left.is_zero() {
            tracing::warn!(
                target: "jwt_auth",
                "the time of `accept_legacy` is over: earlier tokens are refused, and the option can be removed"
            );
        }
        if problems.len() > before {
            return None;
        }
        Some(LegacyRules { until: self.until, key_id: self.key_id?, names: self.names })
    }
}

/// # Earlier tokens
impl Config {
    /// Accepts the tokens of an earlier implementation until a given time.
    ///
    /// Default: none. See [`Legacy`].
    ///
    /// ```
    /// use jwt_auth::config::Legacy;
    /// use jwt_auth::{Config, KeyMaterial};
    /// use std::time::UNIX_EPOCH;
    ///
    /// let config = Config::hs256(KeyMaterial::ephemeral()).accept_legacy(Legacy::until(UNIX_EPOCH));
    /// let error = config.build().unwrap_err().to_string();
    /// assert!(error.contains("which key signed") && error.contains("which of the earlier tokens are access tokens"));
    /// ```
    pub fn accept_legacy(mut self, legacy: Legacy) -> Self {
        self.legacy = Some(legacy);
        self
    }
}
