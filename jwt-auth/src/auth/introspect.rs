//! Introspection of a token that our keys cannot verify (RFC 7662).

use std::time::Duration;

use crate::auth::JwtAuth;
use crate::auth::authenticate::unavailable;
use crate::error::{AuthErrorKind, Refusal, contain_async};
use crate::token::{Expected, Introspected, Question, Verification, verify_introspected};

/// How long a request waits for the issuer. Implementations have shorter limits of their own.
const DEADLINE: Duration = Duration::from_secs(10);

impl JwtAuth {
    /// Queries the issuer about a token, and validates the response.
    pub(super) async fn introspect(
        &self,
        question: &Question<'_, '_>,
        expected: Expected<'_>,
        now: Duration,
    ) -> Result<Verification, Refusal> {
        let Question { issuer, named, introspect, token } = *question;
        let start = || introspect.introspect(token);
        let response = contain_async("introspect", DEADLINE, start).await?;
        let response = response.map_err(unavailable)?;
        let ends = now.saturating_add(introspect.cache_for());
        let introspected = Introspected { issuer, named, token, response: &response, ends };
        let verified =
            verify_introspected(&introspected, self.cache(), self.rules(), expected, now);
        verified.map_err(|kind| {
            let refusal = Refusal::from(kind);
            if kind == AuthErrorKind::Unavailable {
                let problem =
                    "the response of the issuer is not a JSON object with `active` (RFC 7662 §2.2)";
                return refusal.with_source(problem);
            }
            refusal
        })
    }
}
