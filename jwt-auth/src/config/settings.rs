//! The settings that a configuration comes down to, their defaults, and the rules they keep.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, SystemClock};
use crate::config::duration;
use crate::config::error::ConfigProblem;

/// Leeway beyond this makes `exp` a suggestion.
const MOST_LEEWAY: Duration = Duration::from_secs(600);
/// A hundred years: `exp` stays within the calendar.
const LONGEST_LIFE: Duration = Duration::from_secs(36_500 * 86_400);

/// Plain data, built by `Config` and read by every floor above.
pub(crate) struct Settings {
    pub(crate) encode_issuer: Option<String>,
    pub(crate) decode_issuer: Option<String>,
    pub(crate) audience: Vec<String>,
    pub(crate) decode_leeway: Duration,
    pub(crate) access_token_expires: Duration,
    pub(crate) refresh_token_expires: Duration,
    pub(crate) refresh_family_expires: Duration,
    pub(crate) refresh_grace: Duration,
    pub(crate) header_name: String,
    pub(crate) header_type: Option<String>,
    pub(crate) error_body_key: String,
    /// `danger`: a token without `exp` is read.
    pub(crate) exp_optional: bool,
    pub(crate) clock: Arc<dyn Clock>,
    /// The error hook, of a type that only the floor that knows HTTP can name.
    pub(crate) on_error: Option<Arc<dyn Any + Send + Sync>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            encode_issuer: None,
            decode_issuer: None,
            audience: Vec::new(),
            decode_leeway: Duration::ZERO,
            access_token_expires: Duration::from_secs(15 * 60),
            refresh_token_expires: Duration::from_secs(30 * 86_400),
            refresh_family_expires: Duration::from_secs(90 * 86_400),
            refresh_grace: Duration::from_secs(10),
            header_name: "Authorization".to_owned(),
            header_type: Some("Bearer".to_owned()),
            error_body_key: "detail".to_owned(),
            exp_optional: false,
            clock: Arc::new(SystemClock),
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
            .field("decode_leeway", &self.decode_leeway)
            .field("access_token_expires", &self.access_token_expires)
            .field("refresh_token_expires", &self.refresh_token_expires)
            .field("refresh_family_expires", &self.refresh_family_expires)
            .field("refresh_grace", &self.refresh_grace)
            .field("header_name", &self.header_name)
            .field("header_type", &self.header_type)
            .finish_non_exhaustive()
    }
}

impl Settings {
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
        say(
            "audience",
            self.audience.iter().any(|audience| audience.trim().is_empty()),
            "an audience is a name, and one of these is blank".to_owned(),
            "write `.audience([\"https://api.example\"])`, or leave the option out",
        );
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
        problems
    }
}

/// A `token` of RFC 9110 §5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}
