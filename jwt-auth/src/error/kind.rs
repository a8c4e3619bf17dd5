//! The kinds of refusal, each with its stable code and its one sentence.

/// Why a request, a token or an issue was refused.
///
/// The list grows: match with a `_` arm. [`code`](Self::code) and [`detail`](Self::detail) come from a
/// fixed set and never quote the token (RFC 6750 §3.1 and our rule W6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AuthErrorKind {
    /// No token was sent. 401 without an `error` (RFC 6750 §3.1).
    Missing,
    /// The request is ambiguous: two `Authorization` lines, two cookies of one name. 400 `invalid_request`.
    AmbiguousRequest,
    /// The text is not a compact JWS as RFC 7515 has it, or its header is not acceptable.
    Malformed,
    /// The header's `alg` is not the algorithm of the key.
    WrongAlgorithm,
    /// The header names a key that is not in the ring, or none of the ring's keys fits.
    UnknownKey,
    /// The signature does not verify.
    InvalidSignature,
    /// `exp` lies in the past.
    Expired,
    /// `nbf` lies in the future.
    NotYetValid,
    /// `iat` lies in the future.
    IssuedInTheFuture,
    /// `iss` is not the configured issuer.
    WrongIssuer,
    /// `aud` does not name the audience, or names one where none is configured.
    WrongAudience,
    /// A refresh token where an access token belongs.
    AccessTokenRequired,
    /// An access token where a refresh token belongs.
    RefreshTokenRequired,
    /// A required claim is absent, or a claim has the wrong JSON type.
    InvalidClaims,
    /// The token, its session or its subject was revoked.
    Revoked,
    /// A refresh token was used a second time; its whole family is revoked.
    RefreshTokenReused,
    /// The route wants a token that a log-in made, and this one came from a refresh.
    FreshRequired,
    /// The route wants a log-in more recent than this one (RFC 9470).
    ReauthenticationRequired,
    /// The token came in a cookie, and the request bears no CSRF value.
    CsrfMissing,
    /// The CSRF value of the request is not the one in the token.
    CsrfMismatch,
    /// The token came in a cookie, and holds no claim `csrf` that a value could be compared with.
    CsrfClaimMissing,
    /// The token came in a cookie, and the browser says that another site made the request. 403.
    CrossSite,
    /// The token is good, and its user is no longer there.
    UserUnknown,
    /// The token lacks a scope or a role. 403 `insufficient_scope`.
    InsufficientScope,
    /// A check of the application said no. 403.
    Forbidden,
    /// The revocation store cannot vouch for the token now. 503.
    Unavailable,
    /// A token could not be made: a reserved claim name, no signing key, a bad argument. A mistake of
    /// the application's own code, 500.
    CannotIssue,
}

impl AuthErrorKind {
    /// Every kind, in the order of the list above.
    #[doc(hidden)]
    pub const ALL: [Self; 27] = [
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
        Self::WrongAudience,
        Self::AccessTokenRequired,
        Self::RefreshTokenRequired,
        Self::InvalidClaims,
        Self::Revoked,
        Self::RefreshTokenReused,
        Self::FreshRequired,
        Self::ReauthenticationRequired,
        Self::CsrfMissing,
        Self::CsrfMismatch,
        Self::CsrfClaimMissing,
        Self::CrossSite,
        Self::UserUnknown,
        Self::InsufficientScope,
        Self::Forbidden,
        Self::Unavailable,
        Self::CannotIssue,
    ];

    /// A short name for programs, which does not change between releases.
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
            Self::WrongIssuer => "issuer_invalid",
            Self::WrongAudience => "audience_invalid",
            Self::AccessTokenRequired => "access_token_required",
            Self::RefreshTokenRequired => "refresh_token_required",
            Self::InvalidClaims => "claims_invalid",
            Self::Revoked => "token_revoked",
            Self::RefreshTokenReused => "refresh_token_reused",
            Self::FreshRequired => "fresh_token_required",
            Self::ReauthenticationRequired => "reauthentication_required",
            Self::CsrfMissing => "csrf_missing",
            Self::CsrfMismatch => "csrf_mismatch",
            Self::CsrfClaimMissing => "csrf_claim_missing",
            Self::CrossSite => "request_cross_site",
            Self::UserUnknown => "user_unknown",
            Self::InsufficientScope => "scope_insufficient",
            Self::Forbidden => "forbidden",
            Self::Unavailable => "store_unavailable",
            Self::CannotIssue => "cannot_issue",
        }
    }

    /// One sentence for people, the same for every token.
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
            Self::WrongAudience => "Invalid audience",
            Self::AccessTokenRequired => "Only access tokens are allowed",
            Self::RefreshTokenRequired => "Only refresh tokens are allowed",
            Self::InvalidClaims => "The claims of the token are invalid",
            Self::Revoked => "Token has been revoked",
            Self::RefreshTokenReused => "Refresh token has been used before",
            Self::FreshRequired => "Fresh token required",
            Self::ReauthenticationRequired => "A more recent log-in is required",
            Self::CsrfMissing => "Missing CSRF Token",
            Self::CsrfMismatch => "CSRF double submit tokens do not match",
            Self::CsrfClaimMissing => "Missing claim: csrf",
            Self::CrossSite => "This request comes from another site",
            Self::UserUnknown => "The user of the token is not known",
            Self::InsufficientScope => "The token lacks a permission this request needs",
            Self::Forbidden => "This request is not allowed",
            Self::Unavailable => "The token cannot be checked now, try again",
            Self::CannotIssue => "The token could not be issued",
        }
    }
}
