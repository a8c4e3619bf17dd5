//! Validation: checks the claims of a token against the clock and the rules (RFC 7519 §4.1).

use std::time::Duration;

use crate::config::TokenRules;
use crate::error::AuthErrorKind;
use crate::session::{MAX_NAME, MAX_TOKEN_ID, is_revocable};
use crate::token::claims::{Audience, Claims, Str};
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
    if claims.sub.is_none() || (expected.kind == TokenKind::Refresh && claims.jti.is_none()) {
        return Err(AuthErrorKind::InvalidClaims);
    }
    Ok(())
}

/// The same for a token of a trusted issuer, whose issuer and audience are checked with its keys. Only access tokens are
/// accepted, and an audience of the route is required of them too.
pub(crate) fn validate_of_issuer(
    claims: &Claims,
    payload: &str,
    typ: Option<TokenKind>,
    rules: &TokenRules,
    expected: Expected<'_>,
    now: Duration,
) -> Result<(), AuthErrorKind> {
    times(claims, rules, now)?;
    if expected.audience.is_some() {
        audience(claims, payload, rules, expected)?;
    }
    kind(claims, typ, expected.kind)?;
    if claims.sub.is_none() || expected.kind != TokenKind::Access {
        return Err(AuthErrorKind::InvalidClaims);
    }
    Ok(())
}

/// Checks that a store can record the names by which the token is revoked (R19). They never change, so a cached token
/// is not checked again.
pub(crate) fn check_names(claims: &Claims, payload: &str) -> Result<(), AuthErrorKind> {
    let fits = |claim: &Option<Str>, longest| match claim {
        // A NUL, which a store cannot record, has an escape in JSON.
        Some(name) if name.has_escape() => is_revocable(name.of(payload), longest),
        Some(name) => name.of(payload).len() <= longest,
        None => true,
    };
    let names = [&claims.sub, &claims.iss, &claims.sid];
    if fits(&claims.jti, MAX_TOKEN_ID) && names.into_iter().all(|name| fits(name, MAX_NAME)) {
        Ok(())
    } else {
        Err(AuthErrorKind::InvalidClaims)
    }
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
    let latest = rules.latest_issue(now);
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
        Some(_) => Err(AuthErrorKind::WrongIssuer),
        None => Err(AuthErrorKind::IssuerMissing),
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
    match claims.aud {
        _ if is_accepted => Ok(()),
        Audience::Absent => Err(AuthErrorKind::AudienceMissing),
        Audience::One(_) | Audience::Many(_) => Err(AuthErrorKind::WrongAudience),
    }
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
        let claims = Claims::read(payload, None).unwrap();
        let expected = Expected { kind: TokenKind::Access, audience: None };
        validate(&claims, payload, None, &rules, expected, Duration::from_secs(NOW))?;
        check_names(&claims, payload)
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
        let leeway = |s: &mut TokenRules| s.leeway = Duration::from_secs(9);
        for (claim, kind) in
            [("nbf", AuthErrorKind::NotYetValid), ("iat", AuthErrorKind::IssuedInTheFuture)]
        {
            let at = |second: u64| with(&format!(r#","exp":9000,"{claim}":{second}"#));
            assert_eq!(verdict(&at(NOW + 5), |_| {}), Ok(()));
            assert_eq!(verdict(&at(NOW + 6), |_| {}), Err(kind));
            let exact = |s: &mut TokenRules| s.issued_at_leeway = Duration::ZERO;
            assert_eq!(verdict(&at(NOW), exact), Ok(()));
            assert_eq!(verdict(&at(NOW + 1), exact), Err(kind));
            assert_eq!(verdict(&at(NOW + 9), leeway), Ok(()), "a longer leeway applies too");
            assert_eq!(verdict(&at(NOW + 10), leeway), Err(kind));
        }
    }

    #[test]
    fn r13_the_tolerance_for_issue_times_does_not_extend_exp() {
        let wide = |s: &mut TokenRules| s.issued_at_leeway = Duration::from_secs(60);
        assert_eq!(verdict(&with(r#","exp":1000"#), wide), Err(AuthErrorKind::Expired));
    }

    #[test]
    fn r19_names_that_no_store_can_record_are_refused() {
        let names = |rest: &str| format!(r#"{{"type":"access","exp":9000{rest}}}"#);
        for (claim, longest) in [("sub", 1024), ("iss", 1024), ("sid", 1024), ("jti", 128)] {
            let subject = if claim == "sub" { "" } else { r#","sub":"a""# };
            let with_name = |name: &str| names(&format!(r#"{subject},"{claim}":"{name}""#));
            assert_eq!(verdict(&with_name(&"x".repeat(longest)), |_| {}), Ok(()), "{claim}");
            for bad in ["x".repeat(longest + 1), "é".repeat(longest / 2 + 1), "a\\u0000b".into()] {
                assert_eq!(
                    verdict(&with_name(&bad), |_| {}),
                    Err(AuthErrorKind::InvalidClaims),
                    "{claim} of {} bytes",
                    bad.len()
                );
            }
        }
    }

    #[test]
    fn r15_configured_claims_are_required_and_other_audiences_refused() {
        let token = |rest: &str| with(&format!(r#","exp":9000{rest}"#));
        let iss = |s: &mut TokenRules| s.decode_issuer = Some("me".into());
        assert_eq!(verdict(&token(r#","iss":"me""#), iss), Ok(()));
        assert_eq!(verdict(&token(r#","iss":"ME""#), iss), Err(AuthErrorKind::WrongIssuer));
        assert_eq!(verdict(&token(""), iss), Err(AuthErrorKind::IssuerMissing));
        let aud = |s: &mut TokenRules| s.decode_audience = vec!["x".into(), "y".into()];
        assert_eq!(verdict(&token(r#","aud":"y""#), aud), Ok(()));
        assert_eq!(verdict(&token(r#","aud":["z","x"]"#), aud), Ok(()));
        assert_eq!(verdict(&token(r#","aud":[]"#), aud), Err(AuthErrorKind::WrongAudience));
        assert_eq!(verdict(&token(""), aud), Err(AuthErrorKind::AudienceMissing));
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
            let claims = Claims::read(&payload, None).unwrap();
            let expected = Expected { kind: TokenKind::Access, audience: None };
            let now = Duration::from_secs(NOW);
            let verdict = validate(&claims, &payload, typ, &rules, expected, now);
            assert_eq!(verdict.is_ok(), fits, "{claim} {typ:?}");
        }
    }
}
