//! The rules for a token in the order in which they are checked, for tools that show each with its verdict.

use crate::error::AuthErrorKind;

/// Each rule, and the kinds of error of a token that breaks it.
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

/// What a check has shown about a rule. For the crates of this workspace.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The token follows the rule.
    Passed,
    /// The token breaks it.
    Failed,
    /// An earlier rule failed, or the error is not about the token.
    NotChecked,
}

impl AuthErrorKind {
    /// Every rule with its verdict, after a check that has failed with this kind or succeeded. For the crates of this workspace.
    #[doc(hidden)]
    pub fn verdicts(failed: Option<Self>) -> impl Iterator<Item = (&'static str, Verdict)> {
        let at = failed.map(|kind| RULES.iter().position(|(_, kinds)| kinds.contains(&kind)));
        RULES.iter().enumerate().map(move |(number, (rule, _))| {
            let verdict = match at {
                None => Verdict::Passed,
                Some(Some(at)) if number < at => Verdict::Passed,
                Some(Some(at)) if number == at => Verdict::Failed,
                Some(_) => Verdict::NotChecked,
            };
            (*rule, verdict)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_before_the_one_that_fails_have_passed() {
        let verdicts = |failed| AuthErrorKind::verdicts(failed).map(|(_, verdict)| verdict);
        assert!(verdicts(None).all(|verdict| verdict == Verdict::Passed));
        let expired: Vec<_> = verdicts(Some(AuthErrorKind::Expired)).collect();
        assert_eq!(expired[..4], [Verdict::Passed; 4]);
        assert_eq!(expired[4], Verdict::Failed);
        assert_eq!(expired[5..], [Verdict::NotChecked; 6]);
        let unknown = verdicts(Some(AuthErrorKind::Unavailable));
        assert!(unknown.into_iter().all(|verdict| verdict == Verdict::NotChecked));
    }
}
