//! The kinds of refusal, each with a stable code and a sentence.

/// Why a request or a token was refused, or a token was not issued.
///
/// More kinds may be added, so match with a `_` arm. [`code`](Self::code) and [`detail`](Self::detail) come from a
/// fixed set and never quote the token (RFC 6750 §3.1, rule W6). The status is 401 unless a kind names another one.
///
/// ```
/// use jwt_auth::{AuthErrorKind, Config, KeyMaterial};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let auth = Config::hs256(KeyMaterial::ephemeral()).build()?;
/// let error = auth.verify_access("junk").await.unwrap_err();
/// assert_eq!(error.kind(), AuthErrorKind::Malformed);
/// # Ok::<(), jwt_auth::ConfigError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AuthErrorKind {
    /// No token was sent. The challenge has no `error` (RFC 6750 §3.1).
    Missing,
    /// The request has two credentials in one location. Status 400.
    ///
    /// For example two `Authorization` headers, or two cookies of one name. The challenge is `invalid_request`.
    AmbiguousRequest,
    /// The text is not a compact JWS (RFC 7515), or its header is not acceptable.
    Malformed,
    /// The header's `alg` is not the algorithm of the key.
    WrongAlgorithm,
    /// The header's `kid` names no key of the ring, and no key without an id could have signed the token.
    ///
    /// Or the header has no `kid`, and every key that could have signed the token has an id.
    UnknownKey,
    /// The signature does not verify.
    InvalidSignature,
    /// `exp` is in the past.
    Expired,
    /// `nbf` is in the future.
    NotYetValid,
    /// `iat` is in the future.
    IssuedInTheFuture,
    /// `iss` is not the configured issuer.
    WrongIssuer,
    /// `iss` is absent, and an issuer is configured. The code is the same.
    IssuerMissing,
    /// `aud` names no configured audience, or is present while none is configured.
    WrongAudience,
    /// `aud` is absent, and an audience is required. The code is the same.
    AudienceMissing,
    /// The route or the call requires an access token and got a token of another kind.
    AccessTokenRequired,
    /// The route or the call requires a refresh token and got a token of another kind.
    RefreshTokenRequired,
    /// A required claim is absent, or a claim has the wrong JSON type.
    InvalidClaims,
    /// The token, its session, its subject's tokens or its key was revoked.
    Revoked,
    /// The issuer of the token says that it is not active (RFC 7662 §2.2): it expired, was revoked, or was never issued.
    NotActive,
    /// A refresh token was used twice; its session is revoked.
    RefreshTokenReused,
    /// The route requires a token from a log-in, and this one comes from a refresh.
    FreshRequired,
    /// The route requires a more recent log-in (RFC 9470).
    ReauthenticationRequired,
    /// The token came in a cookie, and the request has no CSRF value.
    CsrfMissing,
    /// The request's CSRF value is not the one in the token.
    CsrfMismatch,
    /// The token came in a cookie, and has no claim `csrf` to compare with.
    CsrfClaimMissing,
    /// The token came in a cookie, and another site sent the request. Status 403.
    CrossSite,
    /// The route requires a token that is bound to a key, or a bound token was sent without its proof (RFC 9449 §7.1).
    DpopRequired,
    /// The proof of DPoP is not valid, is for another request, or was used before (RFC 9449 §4.3).
    InvalidDpopProof,
    /// The proof of DPoP lacks a current nonce, which the response contains (RFC 9449 §9).
    DpopNonceRequired,
    /// The token is valid, but its user does not exist any more.
    UserUnknown,
    /// [`Config::grants`](crate::Config::grants) refused the account; its session ended.
    AccountRefused,
    /// The token lacks a scope or a role. Status 403, `insufficient_scope`.
    InsufficientScope,
    /// A check of the application refused the request. Status 403.
    Forbidden,
    /// A check of the application hides that the resource exists. Status 404, without a challenge.
    NotFound,
    /// The token, the session or the name has no id that a store can record, so it cannot be revoked. Status 400.
    NotRevocable,
    /// The token cannot be checked now, because the store or a hook failed. Status 503.
    Unavailable,
    /// A token could not be issued. Status 500.
    ///
    /// This is a mistake in the application's code: a reserved claim name, no key that signs, an invalid argument.
    CannotIssue,
}

impl AuthErrorKind {
    /// Every kind, in the order of the enum.
    #[doc(hidden)]
    pub const ALL: [Self; 36] = [
        Self::Missing,
        Self::AmbiguousRequest,
        Self::Malformed,
        Self::WrongAlgorithm,
        Self::UnknownKey,
        Self::InvalidSignature,
        Self::Expired,
        Self::NotYetValid,
        Self::IssuedInTheFuture,
        Self::WrongIssuer,
        Self::IssuerMissing,
        Self::WrongAudience,
        Self::AudienceMissing,
        Self::AccessTokenRequired,
        Self::RefreshTokenRequired,
        Self::InvalidClaims,
        Self::Revoked,
        Self::NotActive,
        Self::RefreshTokenReused,
        Self::FreshRequired,
        Self::ReauthenticationRequired,
        Self::CsrfMissing,
        Self::CsrfMismatch,
        Self::CsrfClaimMissing,
        Self::CrossSite,
        Self::DpopRequired,
        Self::InvalidDpopProof,
        Self::DpopNonceRequired,
        Self::UserUnknown,
        Self::AccountRefused,
        Self::InsufficientScope,
        Self::Forbidden,
        Self::NotFound,
        Self::NotRevocable,
        Self::Unavailable,
        Self::CannotIssue,
    ];

    /// A short name for programs. It does not change between releases.
    ///
    /// ```
    /// assert_eq!(jwt_auth::AuthErrorKind::Expired.code(), "token_expired");
    /// ```
    pub const fn code(self) -> &'static str {
        match self {
            Self::Missing => "token_missing",
            Self::AmbiguousRequest => "request_ambiguous",
            Self::Malformed => "token_malformed",
            Self::WrongAlgorithm => "algorithm_not_allowed",
            Self::UnknownKey => "key_unknown",
            Self::InvalidSignature => "signature_invalid",
            Self::Expired => "token_expired",
            Self::NotYetValid => "token_not_yet_valid",
            Self::IssuedInTheFuture => "token_issued_in_the_future",
            Self::WrongIssuer | Self::IssuerMissing => "issuer_invalid",
            Self::WrongAudience | Self::AudienceMissing => "audience_invalid",
            Self::AccessTokenRequired => "access_token_required",
            Self::RefreshTokenRequired => "refresh_token_required",
            Self::InvalidClaims => "claims_invalid",
            Self::Revoked => "token_revoked",
            Self::NotActive => "token_not_active",
            Self::RefreshTokenReused => "refresh_token_reused",
            Self::FreshRequired => "fresh_token_required",
            Self::ReauthenticationRequired => "reauthentication_required",
            Self::CsrfMissing => "csrf_missing",
            Self::CsrfMismatch => "csrf_mismatch",
            Self::CsrfClaimMissing => "csrf_claim_missing",
            Self::CrossSite => "request_cross_site",
            Self::DpopRequired => "dpop_required",
            Self::InvalidDpopProof => "dpop_proof_invalid",
            Self::DpopNonceRequired => "dpop_nonce_required",
            Self::UserUnknown => "user_unknown",
            Self::AccountRefused => "account_refused",
            Self::InsufficientScope => "scope_insufficient",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::NotRevocable => "token_not_revocable",
            Self::Unavailable => "store_unavailable",
            Self::CannotIssue => "cannot_issue",
        }
    }

    /// A sentence for people. It is the same for every token.
    ///
    /// ```
    /// assert_eq!(jwt_auth::AuthErrorKind::Expired.detail(), "Signature has expired");
    /// ```
    pub const fn detail(self) -> &'static str {
        match self {
            Self::Missing => "Missing token",
            Self::AmbiguousRequest => "The request carries more than one credential",
            Self::Malformed => "The token is malformed",
            Self::WrongAlgorithm => "The specified alg value is not allowed",
            Self::UnknownKey => "The token was signed by an unknown key",
            Self::InvalidSignature => "Signature verification failed",
            Self::Expired => "Signature has expired",
            Self::NotYetValid => "The token is not yet valid (nbf)",
            Self::IssuedInTheFuture => "The token is not yet valid (iat)",
            Self::WrongIssuer => "Invalid issuer",
            Self::IssuerMissing => "Token is missing the \"iss\" claim",
            Self::WrongAudience => "Invalid audience",
            Self::AudienceMissing => "Token is missing the \"aud\" claim",
            Self::AccessTokenRequired => "Only access tokens are allowed",
            Self::RefreshTokenRequired => "Only refresh tokens are allowed",
            Self::InvalidClaims => "The claims of the token are invalid",
            Self::Revoked => "Token has been revoked",
            Self::NotActive => "The issuer says that the token is not active",
            Self::RefreshTokenReused => "Refresh token has been used before",
            Self::FreshRequired => "Fresh token required",
            Self::ReauthenticationRequired => "A more recent log-in is required",
            Self::CsrfMissing => "Missing CSRF Token",
            Self::CsrfMismatch => "CSRF double submit tokens do not match",
            Self::CsrfClaimMissing => "Missing claim: csrf",
            Self::CrossSite => "This request comes from another site",
            Self::DpopRequired => "A token that is bound to a key is required, with its DPoP proof",
            Self::InvalidDpopProof => "The DPoP proof is not valid for this request",
            Self::DpopNonceRequired => "The DPoP proof needs the nonce of this response",
            Self::UserUnknown => "The user of the token is not known",
            Self::AccountRefused => "The account is not allowed to log in",
            Self::InsufficientScope => "The token lacks a permission this request needs",
            Self::Forbidden => "This request is not allowed",
            Self::NotFound => "Not found",
            Self::NotRevocable => {
                "This cannot be revoked, because it has no id that can be recorded"
            }
            Self::Unavailable => "The token cannot be checked now, try again",
            Self::CannotIssue => "The token could not be issued",
        }
    }
}
