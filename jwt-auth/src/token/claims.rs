//! The claims: registered claims, read in one pass, typed, and stored as positions in the payload.

use std::time::Duration;

use crate::clock::{Clock, since_epoch};
use crate::error::Compat;
use crate::json::{self, NotStrict, Number, Reader, Text, Value};
use crate::token::confirmation::Confirmation;
use crate::token_kind::TokenKind;

/// The names of the claims that jwt-auth writes and reads. A custom claim cannot have one of them.
pub(crate) const RESERVED: [&str; 21] = [
    "sub",
    "iat",
    "nbf",
    "exp",
    "jti",
    "type",
    "fresh",
    "csrf",
    "iss",
    "aud",
    "cnf",
    "scope",
    "roles",
    "auth_time",
    "sid",
    "gen",
    "s_at",
    "s_exp",
    "s_idle",
    "s_tmp",
    "s_age",
];

/// The names that only jwt-auth gives a meaning, which follow those of RFC 7519 and fastapi-jwt-auth. An application of that
/// module may use them for custom claims of another type.
pub(crate) const OWN: &[&str] = RESERVED.split_at(11).1;

/// 9999-12-31T23:59:59Z, the last second with a four-digit year.
pub(crate) const LAST_SECOND: u64 = 253_402_300_799;

/// A string of the payload: its position, or an owned copy if it contains an escape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Str {
    At(u32, u32),
    Own(Box<str>),
}

impl Str {
    pub(crate) fn of<'a>(&'a self, payload: &'a str) -> &'a str {
        match self {
            Self::At(start, len) => {
                payload.get(*start as usize..(*start + *len) as usize).unwrap_or_default()
            }
            Self::Own(text) => text,
        }
    }

    /// Whether the text has an escape in the payload.
    pub(super) fn has_escape(&self) -> bool {
        matches!(self, Self::Own(_))
    }

    /// The size of the text on the heap, in bytes.
    fn heap(&self) -> usize {
        match self {
            Self::At(..) => 0,
            Self::Own(text) => text.len(),
        }
    }

    fn at(start: usize, len: usize) -> Result<Self, NotStrict> {
        Ok(Self::At(
            u32::try_from(start).map_err(|_| NotStrict)?,
            u32::try_from(len).map_err(|_| NotStrict)?,
        ))
    }

    #[inline]
    fn read(text: Text<'_>) -> Result<Self, NotStrict> {
        match text.span() {
            Some((start, len)) => Self::at(start, len),
            None => Ok(Self::Own(text.value().into())),
        }
    }
}

/// `aud`: a string or an array of strings (RFC 7519 §4.1.3).
#[derive(Clone, Debug, Default)]
pub(crate) enum Audience {
    #[default]
    Absent,
    One(Str),
    Many(Vec<Str>),
}

impl Audience {
    pub(crate) fn values(&self) -> &[Str] {
        match self {
            Self::Absent => &[],
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

/// `fresh`: whether the token comes from a log-in, or until when it counts as such (flask-jwt-extended).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Freshness {
    #[default]
    No,
    Always,
    Until(Duration),
}

impl Freshness {
    pub(crate) fn is_fresh(self, clock: &dyn Clock) -> bool {
        match self {
            Self::No => false,
            Self::Always => true,
            Self::Until(end) => since_epoch(clock) <= end,
        }
    }
}

/// The registered claims of one token.
#[derive(Clone, Debug, Default)]
pub(crate) struct Claims {
    pub(crate) sub: Option<Str>,
    pub(crate) iss: Option<Str>,
    pub(crate) aud: Audience,
    pub(crate) jti: Option<Str>,
    pub(crate) exp: Option<Duration>,
    pub(crate) nbf: Option<Duration>,
    pub(crate) iat: Option<Duration>,
    /// `None` if the claim is absent or names an unknown kind.
    pub(crate) kind: Option<TokenKind>,
    pub(crate) fresh: Freshness,
    pub(crate) auth_time: Option<Duration>,
    pub(crate) scope: Option<Str>,
    pub(crate) roles: Vec<Str>,
    pub(crate) sid: Option<Str>,
    pub(crate) generation: u64,
    /// `s_at`: the start stamp of the session.
    pub(crate) session_started_at: Option<Duration>,
    /// `s_exp`: the absolute end of the session.
    pub(crate) session_ends_at: Option<Duration>,
    /// `s_idle`: how long the session may be idle, if its log-in said so.
    pub(crate) session_idle: Option<Duration>,
    /// `s_tmp`: whether the session ends with the browser.
    pub(crate) is_temporary: bool,
    /// `s_age`: how long browsers store the cookies of the session, if its log-in said so.
    pub(crate) cookie_age: Option<Duration>,
    /// The value that a request with the token in a cookie must repeat.
    pub(crate) csrf: Option<Str>,
    /// `cnf`: the key to which the token is bound.
    pub(crate) confirmation: Confirmation,
    /// The names of custom claims that have a name of ours and another type.
    pub(crate) foreign: Vec<&'static str>,
}

impl Claims {
    /// Reads a payload. A claim of the wrong JSON type is an error, never "absent" (R15).
    ///
    /// Under `compat`, an integer is a subject (R21), and a claim of ours with another type is a custom claim, because the
    /// other framework lets applications write it. It is never a permission.
    pub(crate) fn read(payload: &str, compat: Option<Compat>) -> Result<Self, NotStrict> {
        let mut claims = Self::default();
        json::members(payload, |reader, name, _| {
            let start = *reader;
            let read = claims.read_one(name, reader, compat);
            if read.is_err()
                && compat.is_some()
                && let Some(own) = OWN.iter().find(|own| own.as_bytes() == name)
            {
                claims.foreign.push(own);
                *reader = start;
                return reader.value().map(|_| ());
            }
            read
        })?;
        Ok(claims)
    }

    fn read_one(
        &mut self,
        name: &[u8],
        value: &mut Reader<'_>,
        compat: Option<Compat>,
    ) -> Result<(), NotStrict> {
        match name {
            b"sub" => self.sub = Some(subject(value, compat)?),
            b"iss" => self.iss = Some(string(value)?),
            b"aud" => self.aud = audience(value)?,
            b"jti" => self.jti = Some(string(value)?),
            b"exp" => self.exp = Some(numeric_date(value.number()?)?),
            b"nbf" => self.nbf = Some(numeric_date(value.number()?)?),
            b"iat" => self.iat = Some(numeric_date(value.number()?)?),
            b"type" => self.kind = kind(value.string()?),
            b"fresh" => self.fresh = freshness(value.value()?)?,
            b"auth_time" => self.auth_time = Some(numeric_date(value.number()?)?),
            b"scope" => self.scope = Some(string(value)?),
            b"roles" => self.roles = strings(value)?,
            b"sid" => self.sid = Some(string(value)?),
            b"gen" => self.generation = value.number()?.natural.ok_or(NotStrict)?,
            b"s_at" => self.session_started_at = Some(stamp(value.number()?)?),
            b"s_exp" => self.session_ends_at = Some(numeric_date(value.number()?)?),
            b"s_idle" => self.session_idle = Some(numeric_date(value.number()?)?),
            b"s_tmp" => self.is_temporary = value.boolean()?,
            b"s_age" => self.cookie_age = Some(numeric_date(value.number()?)?),
            b"csrf" => self.csrf = Some(string(value)?),
            b"cnf" => self.confirmation = Confirmation::read(value.value()?)?,
            _ => value.skip_value()?,
        }
        Ok(())
    }
}

impl Claims {
    /// The size of the claims on the heap, in bytes.
    pub(crate) fn heap(&self) -> usize {
        let listed = match &self.aud {
            Audience::Many(many) => many.capacity(),
            Audience::Absent | Audience::One(_) => 0,
        };
        let single = [&self.sub, &self.iss, &self.jti, &self.scope, &self.sid, &self.csrf];
        let texts = single.into_iter().flatten().chain(self.aud.values()).chain(&self.roles);
        (listed + self.roles.capacity()) * size_of::<Str>() + texts.map(Str::heap).sum::<usize>()
    }
}

#[inline]
fn string(value: &mut Reader<'_>) -> Result<Str, NotStrict> {
    Str::read(value.string()?)
}

/// `sub` is a string; other frameworks also write integers.
fn subject(value: &mut Reader<'_>, compat: Option<Compat>) -> Result<Str, NotStrict> {
    if compat.is_none() || value.peek() == Some(b'"') {
        return string(value);
    }
    let number = value.number()?;
    let (start, len) = number.span();
    if number.is_integer() { Str::at(start, len) } else { Err(NotStrict) }
}

fn strings(value: &mut Reader<'_>) -> Result<Vec<Str>, NotStrict> {
    let mut all = Vec::with_capacity(4);
    value.elements(|element| {
        if all.len() == all.capacity() {
            // One more than the commas before the next bracket: an estimate, because a string may contain both.
            let rest = element.rest();
            let end = memchr::memchr(b']', rest).ok_or(NotStrict)?;
            all.reserve(1 + memchr::memchr_iter(b',', &rest[..end]).count());
        }
        all.push(string(element)?);
        Ok(())
    })?;
    Ok(all)
}

fn audience(value: &mut Reader<'_>) -> Result<Audience, NotStrict> {
    match value.peek() {
        Some(b'[') => strings(value).map(Audience::Many),
        _ => string(value).map(Audience::One),
    }
}

fn freshness(value: Value<'_>) -> Result<Freshness, NotStrict> {
    match value {
        Value::Bool(true) => Ok(Freshness::Always),
        Value::Bool(false) => Ok(Freshness::No),
        Value::Number(end) => numeric_date(end).map(Freshness::Until),
        _ => Err(NotStrict),
    }
}

/// A start stamp: whole milliseconds between 1970 and 9999.
fn stamp(number: Number<'_>) -> Result<Duration, NotStrict> {
    let stamp = Duration::from_millis(number.natural.ok_or(NotStrict)?);
    if stamp.as_secs() <= LAST_SECOND { Ok(stamp) } else { Err(NotStrict) }
}

fn kind(text: Text<'_>) -> Option<TokenKind> {
    TokenKind::ALL.into_iter().find(|kind| kind.claim() == text.value())
}

/// A `NumericDate` (RFC 7519 §2): seconds between 1970 and 9999, with an optional fraction.
pub(crate) fn numeric_date(number: Number<'_>) -> Result<Duration, NotStrict> {
    if let Some(seconds) = number.natural {
        return if seconds <= LAST_SECOND {
            Ok(Duration::from_secs(seconds))
        } else {
            Err(NotStrict)
        };
    }
    #[allow(clippy::cast_precision_loss, reason = "the last second is well below 2^53")]
    let last = LAST_SECOND as f64;
    match number.raw().parse::<f64>() {
        Ok(seconds) if (0.0..=last).contains(&seconds) => {
            Duration::try_from_secs_f64(seconds).map_err(|_| NotStrict)
        }
        _ => Err(NotStrict),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(raw: &str) -> Option<Duration> {
        Claims::read(&format!("{{\"exp\":{raw}}}"), None).ok().and_then(|claims| claims.exp)
    }

    #[test]
    fn r12_numeric_dates_are_finite_and_within_the_calendar() {
        assert_eq!(date("0"), Some(Duration::ZERO));
        assert_eq!(date("253402300799"), Some(Duration::from_secs(LAST_SECOND)));
        assert_eq!(date("1.5"), Some(Duration::from_millis(1500)));
        assert_eq!(date("1e3"), Some(Duration::from_secs(1000)));
        for bad in [
            "253402300800",
            "-1",
            "1e400",
            "1e12",
            "18446744073709551616",
            "\"1\"",
            "null",
            "true",
            "[1]",
            "253402300799.5",
        ] {
            assert_eq!(date(bad), None, "{bad}");
        }
    }

    #[test]
    fn r15_a_claim_of_the_wrong_json_type_is_an_error() {
        for bad in [
            r#"{"sub":1.5}"#,
            r#"{"sub":{}}"#,
            r#"{"sub":null}"#,
            r#"{"iss":{}}"#,
            r#"{"iss":1}"#,
            r#"{"aud":123}"#,
            r#"{"aud":["a",1]}"#,
            r#"{"aud":{}}"#,
            r#"{"aud":null}"#,
            r#"{"jti":7}"#,
            r#"{"type":1}"#,
            r#"{"fresh":"true"}"#,
            r#"{"fresh":-1}"#,
            r#"{"fresh":null}"#,
            r#"{"scope":["a"]}"#,
            r#"{"roles":"admin"}"#,
            r#"{"roles":[1]}"#,
            r#"{"sid":1}"#,
            r#"{"gen":-1}"#,
            r#"{"gen":"1"}"#,
            r#"{"s_at":"1"}"#,
            r#"{"s_at":1.5}"#,
            r#"{"s_at":-1}"#,
            r#"{"s_at":253402300800000}"#,
            r#"{"s_exp":"1"}"#,
            r#"{"s_idle":"1"}"#,
            r#"{"s_tmp":1}"#,
            r#"{"s_age":"1"}"#,
            r#"{"csrf":1}"#,
            r#"{"auth_time":"1"}"#,
        ] {
            assert!(Claims::read(bad, None).is_err(), "{bad}");
        }
    }

    #[test]
    fn strings_are_read_with_and_without_escapes() {
        let payload =
            r#"{"sub":"al\u0069ce","iss":"me","aud":["a","b"],"roles":["x"],"type":"access"}"#;
        let claims = Claims::read(payload, None).unwrap();
        assert_eq!(claims.sub.unwrap().of(payload), "alice");
        assert_eq!(claims.iss.unwrap().of(payload), "me");
        let aud: Vec<_> = claims.aud.values().iter().map(|a| a.of(payload)).collect();
        assert_eq!(aud, ["a", "b"]);
        assert_eq!(claims.roles[0].of(payload), "x");
        assert_eq!(claims.kind, Some(TokenKind::Access));
    }

    #[test]
    fn numbers_of_any_length_are_read_exactly() {
        let claims = Claims::read(r#"{"gen":18446744073709551615,"s_at":1700000000123}"#, None);
        let claims = claims.unwrap();
        assert_eq!(claims.generation, u64::MAX);
        assert_eq!(claims.session_started_at, Some(Duration::from_millis(1_700_000_000_123)));
        for (raw, expected) in [("0", 0), ("999999999999999", 999_999_999_999_999)] {
            let claims = Claims::read(&format!("{{\"gen\":{raw}}}"), None).unwrap();
            assert_eq!(claims.generation, expected);
        }
        for bad in ["-1", "-0", "1.0", "1e2", "18446744073709551616"] {
            assert!(Claims::read(&format!("{{\"gen\":{bad}}}"), None).is_err(), "{bad}");
        }
    }

    #[test]
    fn r21_an_integer_subject_is_read_as_its_digits_under_compat_only() {
        let payload = r#"{"sub":42}"#;
        let claims = Claims::read(payload, Some(Compat::FastApiJwtAuth)).unwrap();
        assert_eq!(claims.sub.unwrap().of(payload), "42");
        assert!(Claims::read(payload, None).is_err());
    }

    #[test]
    fn a_claim_of_ours_with_another_type_is_a_custom_claim_under_compat_only() {
        assert_eq!((OWN[0], OWN.len()), ("scope", 10), "the order of the reserved names");
        let compat = Some(Compat::FastApiJwtAuth);
        let claims = Claims::read(r#"{"roles":"admin","scope":["a"],"gen":"x"}"#, compat).unwrap();
        assert_eq!(claims.foreign, ["roles", "scope", "gen"]);
        assert!(claims.roles.is_empty() && claims.scope.is_none());
        for strict in
            [r#"{"roles":[1,{"a":1,"a":2}]}"#, r#"{"roles":[1],"roles":[]}"#, r#"{"gen":x}"#]
        {
            assert!(Claims::read(strict, compat).is_err(), "{strict}");
        }
        for registered in [r#"{"exp":"1"}"#, r#"{"jti":1}"#, r#"{"fresh":"x"}"#, r#"{"csrf":1}"#] {
            assert!(Claims::read(registered, compat).is_err(), "{registered}");
        }
    }

    #[test]
    fn fresh_is_a_flag_or_an_end() {
        let clock = crate::clock::ManualClock::at(100);
        let is_fresh = |value: &str| {
            let claims = Claims::read(&format!("{{\"fresh\":{value}}}"), None).unwrap();
            claims.fresh.is_fresh(&clock)
        };
        assert!(is_fresh("true") && is_fresh("100") && is_fresh("100.5"));
        assert!(!is_fresh("false") && !is_fresh("99") && !is_fresh("0"));
    }
}
