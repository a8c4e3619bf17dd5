//! The claims of a token, and the expected verdict on them by RFC 7519.

use std::collections::BTreeMap;
use std::time::Duration;

use jwt_auth::{AuthErrorKind, TokenKind};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::json::{self, Reading};
use crate::token::NOW;

/// What a configuration requires of tokens.
#[derive(Clone, Copy, Debug)]
pub struct Requirements<'a> {
    /// The kind.
    pub kind: TokenKind,
    /// `iss`
    pub issuer: Option<&'a str>,
    /// `aud`: one of these.
    pub audience: &'a [&'a str],
    /// The leeway in seconds.
    pub leeway: u64,
}

/// The claims that verification reads.
#[derive(Debug, Default)]
pub struct Claims {
    /// `sub`
    pub sub: Option<String>,
    /// `iss`
    pub iss: Option<String>,
    /// `jti`
    pub jti: Option<String>,
    /// `sid`
    pub sid: Option<String>,
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
    generation: u64,
    started: Option<u64>,
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
            serde_json::from_str(payload).expect("a valid object");
        let mut claims = Self::default();
        let all = members.iter().try_for_each(|(name, raw)| claims.member(name, raw.get()));
        all.map_or(Reading::Bad, |()| Reading::Good(claims))
    }

    fn member(&mut self, name: &str, raw: &str) -> Option<()> {
        let value: Value = serde_json::from_str(raw).ok()?;
        match name {
            "sub" => self.sub = Some(text(&value)?),
            "iss" => self.iss = Some(text(&value)?),
            "jti" => self.jti = Some(text(&value)?),
            "csrf" => self.csrf = Some(text(&value)?),
            "scope" => self.scope = Some(text(&value)?),
            "sid" => self.sid = Some(text(&value)?),
            "gen" => self.generation = value.as_u64()?,
            "s_at" => {
                let stamp = value.as_u64().filter(|stamp| *stamp / 1_000 <= 253_402_300_799);
                self.started = Some(stamp?);
            }
            "s_exp" | "s_idle" | "s_age" => drop(date(raw)?),
            "s_tmp" => drop(value.as_bool()?),
            "fresh" => {
                self.fresh = match value.as_bool() {
                    Some(fresh) => fresh,
                    None => date(raw)? >= Duration::from_secs(NOW),
                };
            }
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

    /// The expected verdict on a token with these claims, whose header names this kind.
    ///
    /// # Errors
    ///
    /// The kind of the refusal.
    pub fn expected_verdict(
        &self,
        typ: Option<TokenKind>,
        required: Requirements<'_>,
    ) -> Result<(), AuthErrorKind> {
        let (now, leeway) = (Duration::from_secs(NOW), Duration::from_secs(required.leeway));
        let exp = self.exp.ok_or(AuthErrorKind::InvalidClaims)?;
        // The default of `issued_at_leeway`, which a longer `decode_leeway` replaces.
        let latest = now + leeway.max(Duration::from_secs(5));
        let is_future = |at: Option<Duration>| at.is_some_and(|at| at > latest);
        let aud = self.aud.as_deref();
        let is_named =
            |aud: &[String]| aud.iter().any(|aud| required.audience.contains(&aud.as_str()));
        let wrong_kind = match required.kind {
            TokenKind::Access => AuthErrorKind::AccessTokenRequired,
            TokenKind::Refresh => AuthErrorKind::RefreshTokenRequired,
        };
        let rules = [
            (exp + leeway <= now, AuthErrorKind::Expired),
            (is_future(self.nbf), AuthErrorKind::NotYetValid),
            (is_future(self.iat), AuthErrorKind::IssuedInTheFuture),
            (required.issuer.is_some() && self.iss.is_none(), AuthErrorKind::IssuerMissing),
            (
                required.issuer.is_some() && self.iss.as_deref() != required.issuer,
                AuthErrorKind::WrongIssuer,
            ),
            (required.audience.is_empty() && aud.is_some(), AuthErrorKind::WrongAudience),
            (!required.audience.is_empty() && aud.is_none(), AuthErrorKind::AudienceMissing),
            (
                !required.audience.is_empty() && !aud.is_some_and(is_named),
                AuthErrorKind::WrongAudience,
            ),
            (self.kind != Some(required.kind), wrong_kind),
            (typ.is_some_and(|typ| typ != required.kind), wrong_kind),
            (self.sub.is_none(), AuthErrorKind::InvalidClaims),
            (!self.is_revocable(), AuthErrorKind::InvalidClaims),
            (
                required.kind == TokenKind::Refresh && self.jti.is_none(),
                AuthErrorKind::InvalidClaims,
            ),
            (required.kind == TokenKind::Refresh && !self.is_adoptable(), AuthErrorKind::Revoked),
        ];
        match rules.into_iter().find(|(is_broken, _)| *is_broken) {
            Some((_, kind)) => Err(kind),
            None => Ok(()),
        }
    }
}

impl Claims {
    /// Whether a store that was created at `NOW`, and has no session, continues the session of this refresh token.
    fn is_adoptable(&self) -> bool {
        self.started.map_or(self.generation == 0, |started| started <= NOW * 1_000)
    }

    /// Whether every name has a length that stores can record, and no NUL.
    fn is_revocable(&self) -> bool {
        let names = [(&self.sub, 1024), (&self.iss, 1024), (&self.sid, 1024), (&self.jti, 128)];
        names.into_iter().all(|(name, longest)| {
            name.as_ref().is_none_or(|name| name.len() <= longest && !name.contains('\0'))
        })
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn texts(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(text).collect()
}

/// A double represents every whole second of the calendar exactly.
fn date(raw: &str) -> Option<Duration> {
    let seconds: f64 = raw.parse().ok()?;
    (0.0..=253_402_300_799.0).contains(&seconds).then(|| Duration::from_secs_f64(seconds))
}
