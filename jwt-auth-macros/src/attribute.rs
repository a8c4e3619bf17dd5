//! The attributes of this crate, by name.

/// An attribute that puts a guard in front of a handler.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum GuardAttribute {
    JwtRequired,
    RefreshRequired,
    Public,
}

impl GuardAttribute {
    pub(crate) const ALL: [Self; 3] = [Self::JwtRequired, Self::RefreshRequired, Self::Public];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::JwtRequired => "jwt_required",
            Self::RefreshRequired => "refresh_required",
            Self::Public => "public",
        }
    }

    /// The guard attribute that a path names: `jwt_required` or `jwt_auth::jwt_required`.
    pub(crate) fn from_path(path: &syn::Path) -> Option<Self> {
        let (first, last) = (path.segments.first()?, path.segments.last()?);
        if path.segments.len() > 1 && first.ident != "jwt_auth" {
            return None;
        }
        Self::ALL.into_iter().find(|attribute| last.ident == attribute.name())
    }
}

/// Any attribute of this crate.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attribute {
    Guard(GuardAttribute),
    LoadConfig,
    Check,
}

impl Attribute {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Guard(guard) => guard.name(),
            Self::LoadConfig => "load_config",
            Self::Check => "check",
        }
    }
}
