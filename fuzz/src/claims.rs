//! The claims of a token, and what should come of them, as RFC 7519 has it.

use std::collections::BTreeMap;
use std::time::Duration;

use jwt_auth::{AuthErrorKind, TokenKind};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::json::{self, Reading};
use crate::token::NOW;

/// What a configuration asks of tokens.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The kind.
    pub kind: TokenKind,
    /// `iss`
    pub issuer: Option<&'a str>,
    /// `aud`, one of these.
    pub audience: &'a [&'a str],
    /// Seconds.
    pub leeway: u64,
}

/// The claims that a token is asked for.
#[derive(Debug, Default)]
pub struct Claims {
    /// `sub`
    pub sub: Option<String>,
    /// `iss`
    pub iss: Option<String>,
    /// `jti`
    pub jti: Option<String>,
    /// `csrf`
    pub csrf: Option<String>,
    /// `scope`
    pub scope: Option<String>,
    /// `aud`
    pub aud: Option<Vec<String>>,
    /// `roles`
    pub roles: Vec<String>,
    /// `fresh`
    pub fresh: bool,
    /// `exp`
    pub exp: Option<Duration>,
    nbf: Option<Duration>,
    iat: Option<Duration>,
    kind: Option<TokenKind>,
}

impl Claims {
    /// Reads a payload.
    #[must_use]
    pub fn read(payload: &str) -> Reading<Self> {
        match json::object(payload.as_bytes()) {
            Reading::Good(_) => {}
            Reading::Bad => return Reading::Bad,
            Reading::Unsure => return Reading::Unsure,
        }
        let members: BTreeMap<String, &RawValue> =
            serde_json::from_str(payload).expect("it was read just now");
        let mut claims = Self::default();
        let all = members.iter().try_for_each(|(name, raw)| claims.member(name, raw.get()));
        all.map_or(Reading::Bad, |()| Reading::Good(claims))
    }

    fn member(&mut self, name: &str, raw: &str) -> Option<()> {
        let value: Value = serde_json::from_str(raw).ok()?;
        match name {
            "sub" if raw.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') => {
                self.sub = Some(raw.to_owned());
            }
            "sub" => self.sub = Some(text(&value)?),
            "iss" => self.iss = Some(text(&value)?),
            "jti" => self.jti = Some(text(&value)?),
            "csrf" => self.csrf = Some(text(&value)?),
            "scope" => self.scope = Some(text(&value)?),
            "fam" => drop(text(&value)?),
            "gen" => drop(value.as_u64()?),
            "fresh" => self.fresh = value.as_bool()?,
            "roles" => self.roles = texts(&value)?,
            "aud" => self.aud = Some(text(&value).map(|one| vec![one]).or_else(|| texts(&value))?),
            "exp" => self.exp = Some(date(raw)?),
            "nbf" => self.nbf = Some(date(raw)?),
            "iat" => self.iat = Some(date(raw)?),
            "auth_time" => drop(date(raw)?),
            "type" => {
                self.kind = match value.as_str()? {
                    "access" => Some(TokenKind::Access),
                    "refresh" => Some(TokenKind::Refresh),
                    _ => None,
                };
            }
            _ => {}
        }
        Some(())
    }

    /// What should come of a token with these claims, whose header names that kind.
    ///
    /// # Errors
    ///
    /// The refusal.
    pub fn judged(&self, typ: Option<TokenKind>, asked: Asked<'_>) -> Result<(), AuthErrorKind> {
        let (now, leeway) = (Duration::from_secs(NOW), Duration::from_secs(asked.leeway));
        let exp = self.exp.ok_or(AuthErrorKind::InvalidClaims)?;
        let later = |at: Option<Duration>| at.is_some_and(|at| at > now + leeway);
        let aud = self.aud.as_deref();
        let named = |aud: &[String]| aud.iter().any(|aud| asked.audience.contains(&aud.as_str()));
        let another = match asked.kind {
            TokenKind::Access => AuthErrorKind::AccessTokenRequired,
            TokenKind::Refresh => AuthErrorKind::RefreshTokenRequired,
        };
        let rules = [
            (exp + leeway <= now, AuthErrorKind::Expired),
            (later(self.nbf), AuthErrorKind::NotYetValid),
            (later(self.iat), AuthErrorKind::IssuedInTheFuture),
            (
                asked.issuer.is_some() && self.iss.as_deref() != asked.issuer,
                AuthErrorKind::WrongIssuer,
            ),
            (asked.audience.is_empty() && aud.is_some(), AuthErrorKind::WrongAudience),
            (!asked.audience.is_empty() && !aud.is_some_and(named), AuthErrorKind::WrongAudience),
            (self.kind != Some(asked.kind), another),
            (typ.is_some_and(|typ| typ != asked.kind), another),
            (self.sub.is_none(), AuthErrorKind::InvalidClaims),
            (self.jti.as_ref().is_some_and(|id| id.len() > 128), AuthErrorKind::InvalidClaims),
            (asked.kind == TokenKind::Refresh && self.jti.is_none(), AuthErrorKind::InvalidClaims),
        ];
        match rules.into_iter().find(|(broken, _)| *broken) {
            Some((_, kind)) => Err(kind),
            None => Ok(()),
        }
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn texts(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(text).collect()
}

/// Every whole second of the calendar is a double.
fn date(raw: &str) -> Option<Duration> {
    let seconds: f64 = raw.parse().ok()?;
    (0.0..=253_402_300_799.0).contains(&seconds).then(|| Duration::from_secs_f64(seconds))
}
