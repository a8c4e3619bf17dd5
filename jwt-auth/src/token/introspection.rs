//! Reads the response to an introspection (RFC 7662 §2.2).

use crate::base64url;
use crate::config::{IssuerRules, MAX_TOKEN};
use crate::error::AuthErrorKind;
use crate::json::Value;
use crate::token::compact::Segments;
use crate::token::foreign::Payload;
use crate::token::object_writer::ObjectWriter;

/// Whether a token can be opaque: it has the characters of a bearer token (RFC 6750 §2.1), and is no JWT.
pub(super) fn is_opaque(token: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    let has_characters = (1..=MAX_TOKEN).contains(&token.len())
        && !token.starts_with('=')
        && token.trim_end_matches('=').bytes().all(is_part);
    has_characters && !is_jwt(token)
}

/// Whether a token has three segments, of which the first is a JSON object.
fn is_jwt(token: &str) -> bool {
    let mut header = Vec::new();
    Segments::split(token).is_ok_and(|segments| {
        !segments.payload(token).contains('.')
            && base64url::decode(segments.header(token), &mut header)
                .is_ok_and(|header| header.trim_ascii_start().starts_with(b"{"))
    })
}

/// The claims of an active token. Those that the response may leave out are filled in: the issuer, and for a client that acts
/// for itself the subject (RFC 9068 §2.2).
///
/// `named` is the name of the issuer by which a JWT was sent to it.
pub(super) fn claims(
    response: &str,
    rules: &IssuerRules,
    named: Option<&str>,
) -> Result<String, AuthErrorKind> {
    let members = Payload::read(response).map_err(|_| AuthErrorKind::Unavailable)?;
    match members.get("active") {
        Some(Value::Bool(true)) => {}
        Some(Value::Bool(false)) => return Err(AuthErrorKind::NotActive),
        _ => return Err(AuthErrorKind::Unavailable),
    }
    let iss = issuer_name(&members, rules, named)?;
    if !is_access_token(&members, rules) {
        return Err(AuthErrorKind::AccessTokenRequired);
    }
    // A bound token without its key would be a bearer token.
    let is_bound = members.text("token_type").is_some_and(|kind| kind.eq_ignore_ascii_case("DPoP"));
    if is_bound && !members.has("cnf") {
        return Err(AuthErrorKind::InvalidClaims);
    }
    let mut out = ObjectWriter::with_capacity(response.len() + 64);
    if !members.has("iss") {
        out.text("iss", iss);
    }
    if let Some(client) = members.text("client_id").filter(|_| !members.has("sub")) {
        out.text("sub", &client);
    }
    for (name, _, raw) in &members.members {
        out.raw(name, raw);
    }
    Ok(out.finish())
}

/// The name of the issuer of the token. A response may leave it out, if there is no doubt.
fn issuer_name<'r>(
    members: &Payload<'_>,
    rules: &'r IssuerRules,
    named: Option<&str>,
) -> Result<&'r str, AuthErrorKind> {
    let known = named.and_then(|name| rules.name(name));
    if !members.has("iss") {
        let only = Some(rules.issuer.as_str()).filter(|_| rules.aliases.is_empty());
        return known.or(only).ok_or(AuthErrorKind::IssuerMissing);
    }
    let written = members.text("iss").and_then(|iss| rules.name(&iss));
    written
        .filter(|name| known.is_none_or(|known| known == *name))
        .ok_or(AuthErrorKind::WrongIssuer)
}

/// Whether the response is about an access token: refresh tokens are active as well.
fn is_access_token(members: &Payload<'_>, rules: &IssuerRules) -> bool {
    let is_one_of = |name: &str, values: [&str; 2]| {
        let value = members.text(name);
        value.is_some_and(|value| values.iter().any(|known| value.eq_ignore_ascii_case(known)))
    };
    if members.has("token_use") {
        return is_one_of("token_use", ["access_token", "access"]);
    }
    if members.has("token_type") {
        return is_one_of("token_type", ["Bearer", "DPoP"]);
    }
    !rules.required.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::TrustedIssuer;
    use crate::keys::KeyRing;

    fn rules() -> IssuerRules {
        TrustedIssuer::new("https://login.example", KeyRing::default()).into_rules()
    }

    #[test]
    fn a_bearer_token_that_is_not_a_jwt_is_opaque() {
        for opaque in [
            "ory_at_Fq3nY.x1",
            "2YotnFZFEjr1zCsicMWpAA",
            "a.b.c.d.e",
            "ya29.a0Af.x-y",
            "abc+/~==",
            "x",
        ] {
            assert!(is_opaque(opaque), "{opaque}");
        }
        for other in
            ["", "=", "a b", "a\nb", "tok\u{e9}n", "a=b", "eyJhbGciOiJIUzI1NiJ9.e30.AA", "e30.."]
        {
            assert!(!is_opaque(other), "{other}");
        }
        assert!(!is_opaque(&"x".repeat(MAX_TOKEN + 1)));
    }

    #[test]
    fn an_active_response_has_the_claims_of_the_token() {
        let full = r#"{"active":true,"iss":"https://login.example","sub":"a","token_type":"Bearer","exp":9}"#;
        assert_eq!(claims(full, &rules(), None).as_deref(), Ok(full));
        let of_client = r#" {"active":true,"client_id":"job","token_type":"bearer"}"#;
        assert_eq!(
            claims(of_client, &rules(), None).as_deref(),
            Ok(
                r#"{"iss":"https://login.example","sub":"job","active":true,"client_id":"job","token_type":"bearer"}"#
            )
        );
    }

    #[test]
    fn everything_else_is_refused() {
        for (response, kind) in [
            (r#"{"active":false}"#, AuthErrorKind::NotActive),
            (r#"{"active":"true","token_type":"Bearer"}"#, AuthErrorKind::Unavailable),
            (r#"{"active":1,"token_type":"Bearer"}"#, AuthErrorKind::Unavailable),
            (r#"{"token_type":"Bearer"}"#, AuthErrorKind::Unavailable),
            (r#"{"active":true,"active":true,"token_type":"Bearer"}"#, AuthErrorKind::Unavailable),
            ("[true]", AuthErrorKind::Unavailable),
            ("", AuthErrorKind::Unavailable),
            (r#"{"active":true,"iss":"https://login.example/"}"#, AuthErrorKind::WrongIssuer),
            (r#"{"active":true,"iss":7}"#, AuthErrorKind::WrongIssuer),
            (r#"{"active":true,"token_type":"DPoP"}"#, AuthErrorKind::InvalidClaims),
            (
                r#"{"active":true,"token_use":"access","token_type":"dpop"}"#,
                AuthErrorKind::InvalidClaims,
            ),
            (r#"{"active":true}"#, AuthErrorKind::AccessTokenRequired),
            (r#"{"active":true,"token_type":"refresh"}"#, AuthErrorKind::AccessTokenRequired),
            (r#"{"active":true,"token_type":"N_A"}"#, AuthErrorKind::AccessTokenRequired),
            (
                r#"{"active":true,"token_type":"Bearer","token_use":"refresh_token"}"#,
                AuthErrorKind::AccessTokenRequired,
            ),
        ] {
            assert_eq!(claims(response, &rules(), None), Err(kind), "{response}");
        }
    }

    #[test]
    fn a_token_of_one_name_of_the_issuer_is_not_one_of_another() {
        let rules = TrustedIssuer::new("https://t1", KeyRing::default()).aliases(["https://t2"]);
        let rules = rules.into_rules();
        let silent = r#"{"active":true,"token_type":"Bearer"}"#;
        let explicit = r#"{"active":true,"token_type":"Bearer","iss":"https://t1"}"#;
        let named = claims(silent, &rules, Some("https://t2")).expect("named by the token");
        assert!(named.contains(r#""iss":"https://t2""#), "{named}");
        assert_eq!(claims(silent, &rules, None), Err(AuthErrorKind::IssuerMissing));
        assert_eq!(claims(explicit, &rules, Some("https://t2")), Err(AuthErrorKind::WrongIssuer));
        assert!(claims(explicit, &rules, None).is_ok());
    }
}
