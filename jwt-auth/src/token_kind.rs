//! The two kinds of token, and values that exist once for each.

use std::fmt;
use std::str::FromStr;

use crate::error::UnknownName;

/// The kind of a token: access or refresh.
///
/// The claim `type` and the header parameter `typ` contain it, and verification requires that the two agree.
///
/// ```
/// use jwt_auth::TokenKind;
///
/// assert_eq!(TokenKind::Access.to_string(), "access");
/// assert_eq!("refresh".parse(), Ok(TokenKind::Refresh));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TokenKind {
    /// Opens routes. Short-lived.
    Access,
    /// Exchanged for a new pair, once. Opens no other routes.
    Refresh,
}

impl TokenKind {
    pub(crate) const ALL: [Self; 2] = [Self::Access, Self::Refresh];

    /// The value of the claim `type`.
    pub(crate) const fn claim(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Refresh => "refresh",
        }
    }

    /// The other kind.
    #[cfg(feature = "testing")]
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Access => Self::Refresh,
            Self::Refresh => Self::Access,
        }
    }

    /// The value of the header parameter `typ`: RFC 9068 §2.1 for access tokens, the same pattern for
    /// refresh tokens.
    pub(crate) const fn typ(self) -> &'static str {
        match self {
            Self::Access => "at+jwt",
            Self::Refresh => "rt+jwt",
        }
    }
}

impl fmt::Display for TokenKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.claim())
    }
}

impl FromStr for TokenKind {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        let found = Self::ALL.into_iter().find(|kind| kind.claim() == name);
        found.ok_or_else(|| UnknownName::new("token kind", name, Self::ALL.map(Self::claim)))
    }
}

/// One value for access tokens and one for refresh tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PerKind<T> {
    pub(crate) access: T,
    pub(crate) refresh: T,
}

impl<T> PerKind<T> {
    /// Creates the value of each kind.
    pub(crate) fn from_fn(mut make: impl FnMut(TokenKind) -> T) -> Self {
        Self { access: make(TokenKind::Access), refresh: make(TokenKind::Refresh) }
    }

    pub(crate) fn get(&self, kind: TokenKind) -> &T {
        match kind {
            TokenKind::Access => &self.access,
            TokenKind::Refresh => &self.refresh,
        }
    }

    pub(crate) fn get_mut(&mut self, kind: TokenKind) -> &mut T {
        match kind {
            TokenKind::Access => &mut self.access,
            TokenKind::Refresh => &mut self.refresh,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_kind_lists_the_known_ones() {
        let error = "id".parse::<TokenKind>().unwrap_err();
        assert_eq!(error.to_string(), "unknown token kind `id`; expected `access` or `refresh`");
    }
}
