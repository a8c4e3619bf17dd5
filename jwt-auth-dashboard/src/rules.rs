//! A pasted token: each rule with its verdict.

use axum::Json;
use axum::body::Bytes;
use jwt_auth::__private::Verdict;
use jwt_auth::{AuthError, AuthErrorKind, JwtAuth};
use serde::{Deserialize, Serialize};

use crate::answer::{Answer, read};

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
    let rules = AuthErrorKind::verdicts(kind).map(|(rule, verdict)| Checked {
        rule,
        verdict: match verdict {
            Verdict::Passed => "yes",
            Verdict::Failed => "no",
            Verdict::NotChecked => "not checked",
        },
        fix: failed.filter(|_| verdict == Verdict::Failed).map(AuthError::hint),
    });
    let rules: Vec<Checked> = rules.collect();
    let shows_fix = rules.iter().any(|rule| rule.fix.is_some());
    Report {
        valid: failed.is_none(),
        code: kind.map(AuthErrorKind::code),
        detail: failed.map(|error| {
            // If no rule shows the fix.
            let hint = format!("{}: {}", error.detail(), error.kind().hint());
            if shows_fix { error.detail().to_owned() } else { hint }
        }),
        rules,
    }
}
