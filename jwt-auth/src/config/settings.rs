//! The settings that a configuration comes down to, their defaults, and the rules they keep.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::claims::TokenKind;
use crate::clock::{Clock, SystemClock};
use crate::config::cookies::CookieSettings;
use crate::config::error::ConfigProblem;
use crate::config::hooks::Hooks;
use crate::config::{Compat, TokenLocation, duration};

/// Leeway beyond this makes `exp` a suggestion.
const MOST_LEEWAY: Duration = Duration::from_secs(600);
/// A hundred years: `exp` stays within the calendar.
const LONGEST_LIFE: Duration = Duration::from_secs(36_500 * 86_400);
/// Ten gigabytes of tokens: whoever asks for more has mistaken the unit.
const MOST_CACHED: usize = 10_000_000;

/// Plain data, built by `Config` and read by every floor above.
pub(crate) struct Settings {
    pub(crate) encode_issuer: Option<String>,
    pub(crate) decode_issuer: Option<String>,
    /// What goes into tokens.
    pub(crate) audience: Vec<String>,
    /// What is asked of tokens.
    pub(crate) decode_audience: Vec<String>,
    pub(crate) decode_leeway: Duration,
    pub(crate) access_token_expires: Duration,
    pub(crate) refresh_token_expires: Duration,
    pub(crate) refresh_family_expires: Duration,
    pub(crate) refresh_grace: Duration,
    pub(crate) token_location: Vec<TokenLocation>,
    pub(crate) header_name: String,
    pub(crate) header_type: Option<String>,
    pub(crate) query_name: String,
    pub(crate) cookies: CookieSettings,
    pub(crate) denylist_token_checks: Vec<TokenKind>,
    /// Tokens to keep once verified; `None` where nobody said.
    pub(crate) verified_cache: Option<usize>,
    pub(crate) error_body_key: String,
    pub(crate) compat: Option<Compat>,
    /// `danger`: a token without `exp` is read.
    pub(crate) exp_optional: bool,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) hooks: Hooks,
    /// The error hook, of a type that only the floor that knows HTTP can name.
    pub(crate) on_error: Option<Arc<dyn Any + Send + Sync>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            encode_issuer: None,
            decode_issuer: None,
            audience: Vec::new(),
            decode_audience: Vec::new(),
            decode_leeway: Duration::ZERO,
            access_token_expires: Duration::from_secs(15 * 60),
            refresh_token_expires: Duration::from_secs(30 * 86_400),
            refresh_family_expires: Duration::from_secs(90 * 86_400),
            refresh_grace: Duration::from_secs(10),
            token_location: vec![TokenLocation::Header],
            header_name: "Authorization".to_owned(),
            header_type: Some("Bearer".to_owned()),
            query_name: "access_token".to_owned(),
            cookies: CookieSettings::default(),
            verified_cache: None,
            denylist_token_checks: vec![TokenKind::Access, TokenKind::Refresh],
            error_body_key: "detail".to_owned(),
            compat: None,
            exp_optional: false,
            clock: Arc::new(SystemClock),
            hooks: Hooks::default(),
            on_error: None,
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("encode_issuer", &self.encode_issuer)
            .field("decode_issuer", &self.decode_issuer)
            .field("audience", &self.audience)
            .field("decode_audience", &self.decode_audience)
            .field("decode_leeway", &self.decode_leeway)
            .field("access_token_expires", &self.access_token_expires)
            .field("refresh_token_expires", &self.refresh_token_expires)
            .field("refresh_family_expires", &self.refresh_family_expires)
            .field("refresh_grace", &self.refresh_grace)
            .field("token_location", &self.token_location)
            .field("header_name", &self.header_name)
            .field("header_type", &self.header_type)
            .field("cookies", &self.cookies)
            .field("query_name", &self.query_name)
            .field("denylist_token_checks", &self.denylist_token_checks)
            .field("verified_cache", &self.verified_cache)
            .field("error_body_key", &self.error_body_key)
            .field("compat", &self.compat)
            .field("exp_optional", &self.exp_optional)
            .finish_non_exhaustive()
    }
}

impl Settings {
    /// Whether tokens may come in this place by configuration.
    pub(crate) fn reads(&self, location: TokenLocation) -> bool {
        self.token_location.contains(&location)
    }

    /// Whether tokens are made with a CSRF value.
    pub(crate) fn writes_csrf(&self) -> bool {
        self.reads(TokenLocation::Cookie) && self.cookies.csrf_protect
    }

    /// Every rule of every option.
    pub(super) fn problems(&self) -> Vec<ConfigProblem> {
        let mut problems = Vec::new();
        let mut say = |field: &str, broken: bool, rule: String, fix: &str| {
            if broken {
                problems.push(ConfigProblem::new(field, rule, fix));
            }
        };
        for (field, issuer) in
            [("encode_issuer", &self.encode_issuer), ("decode_issuer", &self.decode_issuer)]
        {
            say(
                field,
                issuer.as_deref().is_some_and(|issuer| issuer.trim().is_empty()),
                "an issuer is a name, and this one is blank".to_owned(),
                "write `.issuer(\"https://auth.example\")`, or leave the option out",
            );
        }
        for (field, audience) in
            [("audience", &self.audience), ("decode_audience", &self.decode_audience)]
        {
            // `audience` sets both; it is one mistake, and not two.
            let again = field == "decode_audience" && self.audience == self.decode_audience;
            say(
                field,
                !again && audience.iter().any(|audience| audience.trim().is_empty()),
                "an audience is a name, and one of these is blank".to_owned(),
                &format!("write `.{field}([\"https://api.example\"])`, or leave the option out"),
            );
        }
        say(
            "decode_leeway",
            self.decode_leeway > MOST_LEEWAY,
            format!(
                "the leeway is at most 10m; this one is {}",
                duration::write(self.decode_leeway)
            ),
            "write `.decode_leeway(Duration::from_secs(30))`, and set the clocks of your machines by NTP",
        );
        for (field, life) in [
            ("access_token_expires", self.access_token_expires),
            ("refresh_token_expires", self.refresh_token_expires),
            ("refresh_family_expires", self.refresh_family_expires),
        ] {
            say(
                field,
                life < Duration::from_secs(1) || life > LONGEST_LIFE,
                format!("a lifetime is 1s to 36500d; this one is {}", duration::write(life)),
                &format!("write `.{field}(Duration::from_secs(900))`"),
            );
        }
        say(
            "refresh_grace",
            self.refresh_grace > Duration::from_secs(300),
            format!("the grace is at most 5m; this one is {}", duration::write(self.refresh_grace)),
            "write `.refresh_grace(Duration::from_secs(10))`: it has to outlast a race of two tabs, no more",
        );
        let repeated = |(at, place)| self.token_location[..at].contains(place);
        say(
            "token_location",
            self.token_location.is_empty() || self.token_location.iter().enumerate().any(repeated),
            "a token is looked for in at least one place, and in each once".to_owned(),
            "write `.token_location([TokenLocation::Header])`",
        );
        say(
            "query_name",
            !is_word(&self.query_name),
            "a parameter's name is letters, digits, `-` and `_`".to_owned(),
            "write `.query_name(\"access_token\")`",
        );
        say(
            "denylist_token_checks",
            self.denylist_token_checks.is_empty(),
            "at least one kind of token is looked up, or nothing could be revoked".to_owned(),
            "write `.denylist_token_checks([TokenKind::Access, TokenKind::Refresh])`",
        );
        say(
            "verified_cache",
            self.verified_cache.is_some_and(|entries| entries > MOST_CACHED),
            format!("the cache holds at most {MOST_CACHED} tokens, of about a kilobyte each"),
            "write `.verified_cache(10_000)`, or leave the option out",
        );
        say(
            "header_name",
            !is_token(&self.header_name),
            "a header name is letters, digits and `-` (RFC 9110 §5.1)".to_owned(),
            "write `.header_name(\"Authorization\")`",
        );
        say(
            "header_type",
            self.header_type.as_deref().is_some_and(|scheme| !is_token(scheme)),
            "a header type is one word (RFC 9110 §11.1)".to_owned(),
            "write `.header_type(Some(\"Bearer\"))`, or `.header_type(None)` for a bare token",
        );
        say(
            "error_body_key",
            self.error_body_key.is_empty() || self.error_body_key == "code",
            "the key of the sentence in an error's body is a name other than `code`".to_owned(),
            "write `.error_body_key(\"detail\")`",
        );
        self.cookies.problems(&mut problems);
        problems
    }
}

/// A name that needs no encoding in a query or a form (RFC 3986 §2.3).
pub(super) fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
}

/// A `token` of RFC 9110 §5.6.2.
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}
