//! What a guard attribute asks, checked: the rules for each argument, and for arguments together.

use proc_macro2::{Ident, TokenStream};
use quote::ToTokens;

use crate::args;
use crate::arguments as read;
use crate::diag::Mistakes;
use crate::places::{self, Location, Revocation};

/// The attributes that guard.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attribute {
    JwtRequired,
    RefreshRequired,
    Public,
}

impl Attribute {
    pub(crate) const ALL: [Self; 3] = [Self::JwtRequired, Self::RefreshRequired, Self::Public];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::JwtRequired => "jwt_required",
            Self::RefreshRequired => "refresh_required",
            Self::Public => "public",
        }
    }

    fn known(self) -> &'static [&'static str] {
        match self {
            Self::JwtRequired => &[
                "optional",
                "fresh",
                "max_age",
                "scopes",
                "any_scope",
                "roles",
                "any_role",
                "locations",
                "audience",
                "check",
                "revocation",
                "danger",
                "crate",
            ],
            Self::RefreshRequired => &["locations", "audience", "revocation", "danger", "crate"],
            Self::Public => &["crate"],
        }
    }
}

/// The arguments that demand nothing of whoever comes without a token.
const PERMISSIVE: [&str; 7] =
    ["optional", "locations", "audience", "check", "revocation", "danger", "crate"];

/// The arguments of a guard, each read and found right.
#[derive(Default)]
pub(crate) struct Spec {
    pub(crate) optional: Option<Ident>,
    pub(crate) fresh: Option<Ident>,
    /// Seconds.
    pub(crate) max_age: Option<u64>,
    pub(crate) scopes: Vec<syn::Expr>,
    pub(crate) any_scope: Vec<syn::Expr>,
    pub(crate) roles: Vec<syn::Expr>,
    pub(crate) any_role: Vec<syn::Expr>,
    pub(crate) locations: Vec<Location>,
    pub(crate) revocation: Option<Revocation>,
    pub(crate) audience: Option<syn::Expr>,
    pub(crate) check: Option<syn::Path>,
    pub(crate) root: Option<syn::Path>,
}

impl Spec {
    pub(crate) fn read(attribute: Attribute, tokens: TokenStream, mistakes: &mut Mistakes) -> Self {
        let mut spec = Self::default();
        let args = args::parse(tokens, mistakes);
        let known = read::known(attribute.name(), attribute.known(), &args, mistakes);
        let mut demanding = None;
        let (mut revocation, mut danger) = (None, None);
        for arg in known {
            let name = arg.name.to_string();
            if !PERMISSIVE.contains(&name.as_str()) {
                demanding.get_or_insert_with(|| arg.name.clone());
            }
            match name.as_str() {
                "optional" => spec.optional = read::flag(arg, mistakes),
                "fresh" => spec.fresh = read::flag(arg, mistakes),
                "max_age" => spec.max_age = read::max_age(arg, mistakes),
                "scopes" => spec.scopes = read::list(arg, mistakes),
                "any_scope" => spec.any_scope = read::list(arg, mistakes),
                "roles" => spec.roles = read::list(arg, mistakes),
                "any_role" => spec.any_role = read::list(arg, mistakes),
                "locations" => spec.locations = places::locations(arg, mistakes),
                "revocation" => {
                    revocation.get_or_insert_with(|| arg.name.clone());
                    spec.revocation = spec.revocation.or(places::revocation(arg, mistakes));
                }
                "danger" => {
                    danger = Some(arg.name.clone());
                    spec.revocation = places::danger(arg, mistakes).or(spec.revocation);
                }
                "audience" => spec.audience = read::audience(arg, mistakes),
                "check" => spec.check = read::path(arg, "check = may_edit", mistakes),
                _ => spec.root = read::path(arg, "crate = auth", mistakes),
            }
        }
        if let (Some(_), Some(demanding)) = (&spec.optional, demanding) {
            mistakes.on(
                &demanding,
                format!(
                    "`{demanding}` demands a token and `optional` does not; remove one of the two, or guard two handlers"
                ),
            );
        }
        if let (Some(revocation), Some(_)) = (revocation, danger) {
            mistakes.on(
                &revocation,
                "`revocation` asks the store and `danger` leaves it out; remove one of the two",
            );
        }
        spec
    }

    /// Whether the policy needs a type of its own, and cannot be one of the runtime crate's.
    pub(crate) fn needs_item(&self) -> bool {
        self.max_age.is_some()
            || self.audience.is_some()
            || self.check.is_some()
            || self.revocation.is_some()
            || !self.locations.is_empty()
            || [&self.scopes, &self.any_scope, &self.roles, &self.any_role]
                .iter()
                .any(|l| !l.is_empty())
    }
}

/// The name of a path, for the manifest.
pub(crate) fn path_name(path: &syn::Path) -> String {
    path.to_token_stream().to_string().replace(' ', "")
}
