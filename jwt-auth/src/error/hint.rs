//! What a developer can do about a refusal, for the bodies of debug builds and for the developer's page.

use crate::error::AuthErrorKind;

impl AuthErrorKind {
    /// What to do, in one sentence. For the crates of this workspace.
    #[doc(hidden)]
    pub const fn hint(self) -> &'static str {
        match self {
            Self::Missing => {
                "send a token where the route looks for it: `Authorization: Bearer <token>`, or the configured cookie or parameter"
            }
            Self::AmbiguousRequest => "send one token, in one location",
            Self::Malformed => {
                "send the text of the token alone: three parts with dots between them, without quotes or line breaks"
            }
            Self::WrongAlgorithm => {
                "sign with the algorithm of the configured key, or configure the key of this token"
            }
            Self::UnknownKey => {
                "the `kid` names no configured key: publish or configure that key, or get a new token"
            }
            Self::InvalidSignature => {
                "another key signed the token: compare the keys of the issuer and the service, and check whether the token was changed in transit"
            }
            Self::Expired => {
                "refresh the token, or log in again; if the token is new, compare the clocks"
            }
            Self::NotYetValid | Self::IssuedInTheFuture => {
                "the clock of the issuer is ahead: synchronize the clocks, or raise `.issued_at_leeway(…)` (at most 1 minute)"
            }
            Self::WrongIssuer | Self::IssuerMissing => {
                "compare `iss` with `.issuer(…)`, byte by byte; trust another issuer by `Config::trust`"
            }
            Self::WrongAudience | Self::AudienceMissing => {
                "compare `aud` with `.audience([…])` or the `audience` of the route; a token with `aud` is refused while no audience is configured"
            }
            Self::AccessTokenRequired => {
                "send the access token; a token of another implementation needs `Config::accept_legacy` or `Config::trust`"
            }
            Self::RefreshTokenRequired => {
                "send the refresh token to this route, not the access token"
            }
            Self::InvalidClaims => {
                "`exp` and `sub` are required, and the claims must fit the claims type of the handler; give new fields `#[serde(default)]`"
            }
            Self::Revoked => "the session ended, or the token was revoked: log in again",
            Self::NotActive => "the issuer knows no such active token: get a new one there",
            Self::RefreshTokenReused => {
                "store the new refresh token of each refresh, and refresh once at a time"
            }
            Self::FreshRequired => "log in again: a token from a refresh is not fresh",
            Self::ReauthenticationRequired => {
                "log in again: the log-in is longer ago than `max_age`"
            }
            Self::CsrfMissing | Self::CsrfMismatch => {
                "repeat the CSRF value of this session in its header, or in the form field"
            }
            Self::CsrfClaimMissing => {
                "issue the token with this configuration, which reads cookies"
            }
            Self::CrossSite => {
                "call from a page of the same origin, or add the origin by `.trusted_origins([…])`"
            }
            Self::DpopRequired => {
                "send `Authorization: DPoP <token>` and the header `DPoP` with a proof for this request"
            }
            Self::InvalidDpopProof => {
                "make a new proof for each request: its method, its address as `.resource(…)` names it, and this token"
            }
            Self::DpopNonceRequired => {
                "repeat the request with the nonce of the header `DPoP-Nonce`"
            }
            Self::UserUnknown => "`LoadUser` found no user for the subject of the token",
            Self::AccountRefused => "`Config::grants` refused the account",
            Self::InsufficientScope => "issue the token with the scopes or roles of the route",
            Self::Forbidden => "a check of the route refused the request",
            Self::NotFound => "a check of the route hides the resource from this subject",
            Self::NotRevocable => "the token has no id: issue it with `jti` or `sid`",
            Self::Unavailable => {
                "the store, an issuer or a hook failed; the log of this process has the reason"
            }
            Self::CannotIssue => "the log of this process has the reason",
        }
    }
}
