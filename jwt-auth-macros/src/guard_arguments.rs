//! The arguments of an attribute, after reading.

use proc_macro2::Ident;

use crate::attribute::GuardAttribute;
use crate::readers::{Checks, Revocation};

/// The value of every argument; the default is an attribute without arguments.
#[derive(Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is an argument of an attribute")]
pub(crate) struct GuardArguments {
    pub(crate) optional: bool,
    pub(crate) fresh: bool,
    pub(crate) dpop: bool,
    /// In seconds.
    pub(crate) max_age: Option<u64>,
    pub(crate) scopes: Vec<syn::Expr>,
    pub(crate) any_scope: Vec<syn::Expr>,
    pub(crate) roles: Vec<syn::Expr>,
    pub(crate) any_role: Vec<syn::Expr>,
    /// Variants of `TokenLocation`.
    pub(crate) locations: Vec<Ident>,
    pub(crate) audience: Option<syn::Expr>,
    pub(crate) check: Option<Checks>,
    pub(crate) revocation: Option<Revocation>,
    pub(crate) same_origin: bool,
    pub(crate) crate_path: Option<syn::Path>,
}

impl GuardArguments {
    /// Whether the policy needs a type next to the handler, because the runtime crate has none for it.
    pub(crate) fn needs_policy_item(&self, attribute: GuardAttribute) -> bool {
        // `Access<OPTIONAL, FRESH>` covers the first two. A new field does not compile here until it is listed on
        // one of the two sides.
        let Self {
            optional,
            fresh: _,
            crate_path: _,
            dpop,
            max_age,
            scopes,
            any_scope,
            roles,
            any_role,
            locations,
            audience,
            check,
            revocation,
            same_origin,
        } = self;
        (*optional && attribute == GuardAttribute::RefreshRequired)
            || *same_origin
            || *dpop
            || max_age.is_some()
            || audience.is_some()
            || check.is_some()
            || revocation.is_some()
            || !locations.is_empty()
            || [scopes, any_scope, roles, any_role].into_iter().any(|names| !names.is_empty())
    }
}
