//! Requests that no guard may admit, by name.

use std::fmt;

/// Why a request must be refused.
///
/// [`TestAuth::bad`](crate::testing::TestAuth::bad) makes the request, and
/// [`TestAuth::assert_guarded`](crate::testing::TestAuth::assert_guarded) sends one of each to every guarded route.
///
/// ```
/// use jwt_auth::testing::BadToken;
///
/// assert!(BadToken::ALL.contains(&BadToken::Expired));
/// assert_eq!(BadToken::AlgNone.to_string(), "a token with `alg: none`");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BadToken {
    /// No token at all.
    Missing,
    /// A text that is no token.
    Garbage,
    /// A token without a signature, whose header says `none` (RFC 8725 §3.1).
    AlgNone,
    /// A token signed by an unknown key.
    OtherKey,
    /// A valid token with another signature.
    ChangedSignature,
    /// A valid token with another subject, and the signature of the first.
    ChangedClaims,
    /// A token that was issued 400 days ago, and has expired.
    Expired,
    /// A token that is valid an hour from now.
    NotYetValid,
    /// A token for another service.
    OtherAudience,
    /// A refresh token where an access token is required, or the other way round.
    OtherKind,
    /// A token that was revoked.
    Revoked,
    /// Two valid tokens in two headers.
    Two,
}

impl BadToken {
    /// Every one.
    ///
    /// ```
    /// assert_eq!(jwt_auth::testing::BadToken::ALL.len(), 12);
    /// ```
    pub const ALL: [Self; 12] = [
        Self::Missing,
        Self::Garbage,
        Self::AlgNone,
        Self::OtherKey,
        Self::ChangedSignature,
        Self::ChangedClaims,
        Self::Expired,
        Self::NotYetValid,
        Self::OtherAudience,
        Self::OtherKind,
        Self::Revoked,
        Self::Two,
    ];
}

impl fmt::Display for BadToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "no token",
            Self::Garbage => "a text that is no token",
            Self::AlgNone => "a token with `alg: none`",
            Self::OtherKey => "a token signed by an unknown key",
            Self::ChangedSignature => "a token with another signature",
            Self::ChangedClaims => "a token with another subject",
            Self::Expired => "an expired token",
            Self::NotYetValid => "a token that is not valid yet",
            Self::OtherAudience => "a token for another service",
            Self::OtherKind => "a token of another kind",
            Self::Revoked => "a revoked token",
            Self::Two => "two tokens",
        })
    }
}
