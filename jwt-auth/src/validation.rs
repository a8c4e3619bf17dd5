//! Validation: the claims of a verified token against the clock and the settings (RFC 7519 §4.1).

use std::time::Duration;

use crate::claims::{Claims, TokenKind};
use crate::config::Settings;
use crate::error::AuthErrorKind;

/// What a reader asks of a token, beyond the settings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected<'a> {
    pub(crate) kind: TokenKind,
    /// A route's own audience, in place of the configured ones.
    pub(crate) audience: Option<&'a str>,
}

/// Times, then `iss` and `aud`, then the kind.
pub(crate) fn validate(
    claims: &Claims,
    payload: &str,
    typ: Option<TokenKind>,
    settings: &Settings,
    expected: Expected<'_>,
    now: Duration,
) -> Result<(), AuthErrorKind> {
    times(claims, settings, now)?;
    issuer(claims, payload, settings)?;
    audience(claims, payload, settings, expected)?;
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

/// Whether a token's time is up; asked again by whoever kept a verified token.
pub(crate) fn expired(claims: &Claims, settings: &Settings, now: Duration) -> bool {
    claims.exp.is_some_and(|exp| now >= exp.saturating_add(settings.decode_leeway))
}

fn times(claims: &Claims, settings: &Settings, now: Duration) -> Result<(), AuthErrorKind> {
    if claims.exp.is_none() && !settings.exp_optional {
        return Err(AuthErrorKind::InvalidClaims);
    }
    if expired(claims, settings, now) {
        return Err(AuthErrorKind::Expired);
    }
    let latest = now.saturating_add(settings.decode_leeway);
    if claims.nbf.is_some_and(|nbf| nbf > latest) {
        return Err(AuthErrorKind::NotYetValid);
    }
    if claims.iat.is_some_and(|iat| iat > latest) {
        return Err(AuthErrorKind::IssuedInTheFuture);
    }
    Ok(())
}

fn issuer(claims: &Claims, payload: &str, settings: &Settings) -> Result<(), AuthErrorKind> {
    let Some(wanted) = &settings.decode_issuer else { return Ok(()) };
    match &claims.iss {
        Some(iss) if iss.of(payload) == wanted => Ok(()),
        _ => Err(AuthErrorKind::WrongIssuer),
    }
}

fn audience(
    claims: &Claims,
    payload: &str,
    settings: &Settings,
    expected: Expected<'_>,
) -> Result<(), AuthErrorKind> {
    let mut named = claims.aud.values().iter().map(|aud| aud.of(payload));
    let fits = match expected.audience {
        Some(wanted) => named.any(|aud| aud == wanted),
        None if settings.decode_audience.is_empty() => {
            matches!(claims.aud, crate::claims::Audience::Absent)
        }
        None => named.any(|aud| settings.decode_audience.iter().any(|wanted| wanted == aud)),
    };
    if fits { Ok(()) } else { Err(AuthErrorKind::WrongAudience) }
}

/// The claim `type` and the header `typ`, where it names a kind, both equal the kind asked for (R17).
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

    fn verdict(payload: &str, change: impl FnOnce(&mut Settings)) -> Result<(), AuthErrorKind> {
        let mut settings = Settings::default();
        change(&mut settings);
        let claims = Claims::read(payload).unwrap();
        let expected = Expected { kind: TokenKind::Access, audience: None };
        validate(&claims, payload, None, &settings, expected, Duration::from_secs(NOW))
    }

    fn with(rest: &str) -> String {
        format!(r#"{{"sub":"a","jti":"1","type":"access"{rest}}}"#)
    }

    #[test]
    fn r12_exp_is_required_and_exclusive() {
        let leeway =
            |seconds| move |s: &mut Settings| s.decode_leeway = Duration::from_secs(seconds);
        assert_eq!(verdict(&with(""), |_| {}), Err(AuthErrorKind::InvalidClaims));
        assert_eq!(verdict(&with(""), |s| s.exp_optional = true), Ok(()));
        assert_eq!(verdict(&with(r#","exp":1001"#), |_| {}), Ok(()));
        assert_eq!(verdict(&with(r#","exp":1000"#), |_| {}), Err(AuthErrorKind::Expired));
        assert_eq!(verdict(&with(r#","exp":1000"#), leeway(1)), Ok(()));
        assert_eq!(verdict(&with(r#","exp":999"#), leeway(1)), Err(AuthErrorKind::Expired));
        assert_eq!(verdict(&with(r#","exp":1000.5"#), |_| {}), Ok(()));
        assert_eq!(verdict(&with(r#","exp":1000"#), |s| s.decode_leeway = Duration::MAX), Ok(()));
    }

    #[test]
    fn r13_nbf_and_r14_iat_are_not_in_the_future() {
        let leeway = |s: &mut Settings| s.decode_leeway = Duration::from_secs(5);
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
    fn r15_what_is_configured_is_required_and_an_unasked_audience_refused() {
        let token = |rest: &str| with(&format!(r#","exp":9000{rest}"#));
        let iss = |s: &mut Settings| s.decode_issuer = Some("me".into());
        assert_eq!(verdict(&token(r#","iss":"me""#), iss), Ok(()));
        assert_eq!(verdict(&token(r#","iss":"ME""#), iss), Err(AuthErrorKind::WrongIssuer));
        assert_eq!(verdict(&token(""), iss), Err(AuthErrorKind::WrongIssuer));
        let aud = |s: &mut Settings| s.decode_audience = vec!["x".into(), "y".into()];
        assert_eq!(verdict(&token(r#","aud":"y""#), aud), Ok(()));
        assert_eq!(verdict(&token(r#","aud":["z","x"]"#), aud), Ok(()));
        assert_eq!(verdict(&token(r#","aud":[]"#), aud), Err(AuthErrorKind::WrongAudience));
        assert_eq!(verdict(&token(""), aud), Err(AuthErrorKind::WrongAudience));
        assert_eq!(verdict(&token(r#","aud":"x""#), |_| {}), Err(AuthErrorKind::WrongAudience));
        assert_eq!(verdict(&token(r#","aud":[]"#), |_| {}), Err(AuthErrorKind::WrongAudience));
    }

    #[test]
    fn r17_the_claim_and_the_header_both_name_the_kind() {
        let settings = Settings::default();
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
            let verdict = validate(&claims, &payload, typ, &settings, expected, now);
            assert_eq!(verdict.is_ok(), fits, "{claim} {typ:?}");
        }
    }
}
