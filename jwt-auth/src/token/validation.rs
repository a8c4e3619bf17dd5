//! Validation: checks the claims of a token against the clock and the rules (RFC 7519 §4.1).

use std::time::Duration;

use crate::config::TokenRules;
use crate::error::AuthErrorKind;
use crate::token::claims::{Audience, Claims};
use crate::token_kind::TokenKind;

/// What a caller requires of a token, beyond the rules.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected<'a> {
    pub(crate) kind: TokenKind,
    /// The audience of the route, instead of the configured ones.
    pub(crate) audience: Option<&'a str>,
}

/// Checks times, then `iss` and `aud`, then the kind.
pub(crate) fn validate(
    claims: &Claims,
    payload: &str,
    typ: Option<TokenKind>,
    rules: &TokenRules,
    expected: Expected<'_>,
    now: Duration,
) -> Result<(), AuthErrorKind> {
    times(claims, rules, now)?;
    issuer(claims, payload, rules)?;
    audience(claims, payload, rules, expected)?;
    kind(claims, typ, expected.kind)?;
    let too_long = claims.jti.as_ref().is_some_and(|id| id.of(payload).len() > 128);
    if claims.sub.is_none()
        || too_long
        || (expected.kind == TokenKind::Refresh && claims.jti.is_none())
    {
        return Err(AuthErrorKind::InvalidClaims);
    }
    Ok(())
}

/// Whether the token has expired. Code that holds a verified token for a while calls this again.
pub(crate) fn is_expired(claims: &Claims, rules: &TokenRules, now: Duration) -> bool {
    claims.exp.is_some_and(|exp| now >= exp.saturating_add(rules.leeway))
}

fn times(claims: &Claims, rules: &TokenRules, now: Duration) -> Result<(), AuthErrorKind> {
    if claims.exp.is_none() && !rules.exp_optional {
        return Err(AuthErrorKind::InvalidClaims);
    }
    if is_expired(claims, rules, now) {
        return Err(AuthErrorKind::Expired);
    }
    let latest = now.saturating_add(rules.leeway);
    if claims.nbf.is_some_and(|nbf| nbf > latest) {
        return Err(AuthErrorKind::NotYetValid);
    }
    if claims.iat.is_some_and(|iat| iat > latest) {
        return Err(AuthErrorKind::IssuedInTheFuture);
    }
    Ok(())
}

fn issuer(claims: &Claims, payload: &str, rules: &TokenRules) -> Result<(), AuthErrorKind> {
    let Some(required) = &rules.decode_issuer else { return Ok(()) };
    match &claims.iss {
        Some(iss) if iss.of(payload) == required => Ok(()),
        _ => Err(AuthErrorKind::WrongIssuer),
    }
}

fn audience(
    claims: &Claims,
    payload: &str,
    rules: &TokenRules,
    expected: Expected<'_>,
) -> Result<(), AuthErrorKind> {
    let mut audiences = claims.aud.values().iter().map(|aud| aud.of(payload));
    let is_accepted = match expected.audience {
        Some(required) => audiences.any(|aud| aud == required),
        None if rules.decode_audience.is_empty() => {
            matches!(claims.aud, Audience::Absent)
        }
        None => audiences.any(|aud| rules.decode_audience.iter().any(|required| required == aud)),
    };
    if is_accepted { Ok(()) } else { Err(AuthErrorKind::WrongAudience) }
}

/// The claim `type`, and the header `typ` if it names a kind, must both be the expected kind (R17).
fn kind(claims: &Claims, typ: Option<TokenKind>, expected: TokenKind) -> Result<(), AuthErrorKind> {
    if claims.kind == Some(expected) && typ.is_none_or(|typ| typ == expected) {
        return Ok(());
    }
    Err(match expected {
        TokenKind::Access => AuthErrorKind::AccessTokenRequired,
        TokenKind::Refresh => AuthErrorKind::RefreshTokenRequired,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_000;

    fn verdict(payload: &str, change: impl FnOnce(&mut TokenRules)) -> Result<(), AuthErrorKind> {
        let mut rules = TokenRules::default();
        change(&mut rules);
        let claims = Claims::read(payload).unwrap();
        let expected = Expected { kind: TokenKind::Access, audience: None };
        validate(&claims, payload, None, &rules, expected, Duration::from_secs(NOW))
    }

    fn with(rest: &str) -> String {
        format!(r#"{{"sub":"a","jti":"1","type":"access"{rest}}}"#)
    }

    #[test]
    fn r12_exp_is_required_and_exclusive() {
        let leeway = |seconds| move |s: &mut TokenRules| s.leeway = Duration::from_secs(seconds);
        assert_eq!(verdict(&with(""), |_| {}), Err(AuthErrorKind::InvalidClaims));
        assert_eq!(verdict(&with(""), |s| s.exp_optional = true), Ok(()));
        assert_eq!(verdict(&with(r#","exp":1001"#), |_| {}), Ok(()));
        assert_eq!(verdict(&with(r#","exp":1000"#), |_| {}), Err(AuthErrorKind::Expired));
        assert_eq!(verdict(&with(r#","exp":1000"#), leeway(1)), Ok(()));
        assert_eq!(verdict(&with(r#","exp":999"#), leeway(1)), Err(AuthErrorKind::Expired));
        assert_eq!(verdict(&with(r#","exp":1000.5"#), |_| {}), Ok(()));
        assert_eq!(verdict(&with(r#","exp":1000"#), |s| s.leeway = Duration::MAX), Ok(()));
    }

    #[test]
    fn r13_nbf_and_r14_iat_are_not_in_the_future() {
        let leeway = |s: &mut TokenRules| s.leeway = Duration::from_secs(5);
        for (claim, kind) in
            [("nbf", AuthErrorKind::NotYetValid), ("iat", AuthErrorKind::IssuedInTheFuture)]
        {
            let at = |second: u64| with(&format!(r#","exp":9000,"{claim}":{second}"#));
            assert_eq!(verdict(&at(NOW), |_| {}), Ok(()));
            assert_eq!(verdict(&at(NOW + 1), |_| {}), Err(kind));
            assert_eq!(verdict(&at(NOW + 5), leeway), Ok(()));
            assert_eq!(verdict(&at(NOW + 6), leeway), Err(kind));
        }
    }

    #[test]
    fn r15_configured_claims_are_required_and_other_audiences_refused() {
        let token = |rest: &str| with(&format!(r#","exp":9000{rest}"#));
        let iss = |s: &mut TokenRules| s.decode_issuer = Some("me".into());
        assert_eq!(verdict(&token(r#","iss":"me""#), iss), Ok(()));
        assert_eq!(verdict(&token(r#","iss":"ME""#), iss), Err(AuthErrorKind::WrongIssuer));
        assert_eq!(verdict(&token(""), iss), Err(AuthErrorKind::WrongIssuer));
        let aud = |s: &mut TokenRules| s.decode_audience = vec!["x".into(), "y".into()];
        assert_eq!(verdict(&token(r#","aud":"y""#), aud), Ok(()));
        assert_eq!(verdict(&token(r#","aud":["z","x"]"#), aud), Ok(()));
        assert_eq!(verdict(&token(r#","aud":[]"#), aud), Err(AuthErrorKind::WrongAudience));
        assert_eq!(verdict(&token(""), aud), Err(AuthErrorKind::WrongAudience));
        assert_eq!(verdict(&token(r#","aud":"x""#), |_| {}), Err(AuthErrorKind::WrongAudience));
        assert_eq!(verdict(&token(r#","aud":[]"#), |_| {}), Err(AuthErrorKind::WrongAudience));
    }

    #[test]
    fn r17_claim_and_header_must_both_name_the_kind() {
        let rules = TokenRules::default();
        let cases = [
            (r#","type":"access""#, None, true),
            (r#","type":"access""#, Some(TokenKind::Access), true),
            (r#","type":"access""#, Some(TokenKind::Refresh), false),
            (r#","type":"refresh""#, Some(TokenKind::Access), false),
            (r#","type":"refresh""#, None, false),
            (r#","type":"id""#, None, false),
            ("", Some(TokenKind::Access), false),
        ];
        for (claim, typ, fits) in cases {
            let payload = format!(r#"{{"sub":"a","exp":9000{claim}}}"#);
            let claims = Claims::read(&payload).unwrap();
            let expected = Expected { kind: TokenKind::Access, audience: None };
            let now = Duration::from_secs(NOW);
            let verdict = validate(&claims, &payload, typ, &rules, expected, now);
            assert_eq!(verdict.is_ok(), fits, "{claim} {typ:?}");
        }
    }
}
