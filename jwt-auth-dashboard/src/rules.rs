//! A pasted token: each rule with its verdict.

use axum::Json;
use axum::body::Bytes;
use jwt_auth::{AuthError, AuthErrorKind, JwtAuth};
use serde::{Deserialize, Serialize};

use crate::answer::{Answer, read};

/// The rules in the order in which they are checked, and the kinds of error of each.
const RULES: [(&str, &[AuthErrorKind]); 11] = [
    ("it is a compact JWS", &[AuthErrorKind::Malformed]),
    (
        "its key is configured, for this algorithm",
        &[AuthErrorKind::UnknownKey, AuthErrorKind::WrongAlgorithm],
    ),
    ("the signature verifies", &[AuthErrorKind::InvalidSignature]),
    ("the claims are complete, and have the right types", &[AuthErrorKind::InvalidClaims]),
    ("it has not expired (exp)", &[AuthErrorKind::Expired]),
    (
        "it is valid already (nbf, iat)",
        &[AuthErrorKind::NotYetValid, AuthErrorKind::IssuedInTheFuture],
    ),
    (
        "it is of the right issuer (iss)",
        &[AuthErrorKind::WrongIssuer, AuthErrorKind::IssuerMissing],
    ),
    (
        "it is for this service (aud)",
        &[AuthErrorKind::WrongAudience, AuthErrorKind::AudienceMissing],
    ),
    (
        "it is of the right kind, and bound to no key",
        &[
            AuthErrorKind::AccessTokenRequired,
            AuthErrorKind::RefreshTokenRequired,
            AuthErrorKind::DpopRequired,
        ],
    ),
    (
        "it was not revoked, and its session is active",
        &[
            AuthErrorKind::Revoked,
            AuthErrorKind::NotActive,
            AuthErrorKind::RefreshTokenReused,
            AuthErrorKind::NotRevocable,
        ],
    ),
    (
        "the checks of the configuration accept it",
        &[AuthErrorKind::Forbidden, AuthErrorKind::UserUnknown, AuthErrorKind::AccountRefused],
    ),
];

#[derive(Deserialize)]
struct Pasted {
    token: String,
    #[serde(default)]
    is_refresh: bool,
}

#[derive(Debug, Serialize)]
pub(crate) struct Report {
    valid: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    rules: Vec<Checked>,
}

#[derive(Debug, Serialize)]
struct Checked {
    rule: &'static str,
    verdict: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

pub(crate) async fn verify(auth: JwtAuth, body: Bytes) -> Answer<Report> {
    let Pasted { token, is_refresh } = read(&body)?;
    let token = bare(&token);
    let failed = if is_refresh {
        auth.verify_refresh(token).await.err()
    } else {
        auth.verify_access(token).await.err()
    };
    Ok(Json(report(failed.as_ref())))
}

/// The token alone: people copy it with the word before it.
fn bare(text: &str) -> &str {
    let text = text.trim();
    let text = text.strip_prefix("Authorization:").map_or(text, str::trim);
    ["Bearer ", "bearer "].iter().find_map(|word| text.strip_prefix(word)).map_or(text, str::trim)
}

fn report(failed: Option<&AuthError>) -> Report {
    let kind = failed.map(AuthError::kind);
    let at = kind.map(|kind| RULES.iter().position(|(_, kinds)| kinds.contains(&kind)));
    let rules = RULES.iter().enumerate().map(|(number, (rule, _))| {
        let verdict = match at {
            None => "yes",
            Some(Some(at)) if number < at => "yes",
            Some(Some(at)) if number == at => "no",
            // A later rule; or the store or an issuer failed, and nothing is known.
            Some(_) => "not checked",
        };
        let fix = failed.filter(|_| verdict == "no").map(fix);
        Checked { rule, verdict, fix }
    });
    Report {
        valid: failed.is_none(),
        code: kind.map(AuthErrorKind::code),
        detail: failed.map(|error| match at {
            // No rule shows the fix.
            Some(None) => format!("{}: {}", error.detail(), error.kind().hint()),
            _ => error.detail().to_owned(),
        }),
        rules: rules.collect(),
    }
}

fn fix(error: &AuthError) -> String {
    let hint = error.kind().hint();
    match error.expected().zip(error.found()) {
        Some((expected, found)) => format!("expected {expected}, found {found}: {hint}"),
        None => hint.to_owned(),
    }
}
