//! Policies: the requirements of a guard, as a constant that the manifest can read.

use std::fmt;
use std::future::{Future, ready};
use std::time::Duration;

use crate::auth::Lookup;
use crate::clock::since_epoch;
use crate::config::{TokenLocation, TokenRules};
use crate::error::{AuthErrorKind, Demand, Mismatch, Refusal};
use crate::guard::{CheckContext, CheckRefusal, RunChecks};
use crate::token::{Permission, Verified};

/// The requests that a guard admits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GuardKind {
    /// Every request.
    Public,
    /// A request with a valid access token.
    Access,
    /// A request with a valid refresh token.
    Refresh,
}

impl GuardKind {
    /// The name in a manifest.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Access => "access",
            Self::Refresh => "refresh",
        }
    }
}

type Permissions = &'static [&'static dyn Permission];

/// Everything that a guard requires.
#[derive(Clone, Copy)]
#[allow(clippy::struct_excessive_bools, reason = "each is an argument of an attribute")]
pub struct GuardSpec {
    /// The kind of guard.
    pub kind: GuardKind,
    /// Whether a request without a token is admitted. A bad token is still refused.
    pub optional: bool,
    /// Whether the token must come from a log-in.
    pub fresh: bool,
    /// Whether the token must be bound to a key.
    pub dpop: bool,
    /// The maximum time since the log-in.
    pub max_age: Option<Duration>,
    /// All of these scopes.
    pub scopes: Permissions,
    /// At least one of these scopes, unless the list is empty.
    pub any_scope: Permissions,
    /// All of these roles.
    pub roles: Permissions,
    /// At least one of these roles, unless the list is empty.
    pub any_role: Permissions,
    /// The locations, in this order; empty for the configured ones.
    pub locations: &'static [TokenLocation],
    /// Where the token is checked for revocation.
    pub revocation: Lookup,
    /// Whether a token that was admitted by other rules than those of the configuration is remembered for the function's
    /// token parameters.
    ///
    /// Other rules are an audience, locations, or a skipped revocation check. True if the function has token parameters
    /// and is not a middleware: handlers behind a middleware apply their own rules.
    pub remembers_for_parameters: bool,
    /// Whether only pages of the request's own origin may send requests that change something.
    pub same_origin: bool,
    /// Whether a public handler reads the token of a visitor.
    pub reads_token: bool,
    /// This audience, instead of the configured ones.
    pub audience: Option<&'static str>,
    /// The names of the checks, for the manifest.
    pub check: Option<&'static str>,
    /// Whether the handler takes the value of a check.
    pub keeps_checked: bool,
}

impl GuardSpec {
    /// Every request.
    pub const PUBLIC: Self = Self {
        kind: GuardKind::Public,
        optional: false,
        fresh: false,
        dpop: false,
        max_age: None,
        scopes: &[],
        any_scope: &[],
        roles: &[],
        any_role: &[],
        locations: &[],
        revocation: Lookup::Replica,
        remembers_for_parameters: false,
        same_origin: false,
        reads_token: false,
        audience: None,
        check: None,
        keeps_checked: false,
    };
    /// A valid access token.
    pub const ACCESS: Self = Self { kind: GuardKind::Access, ..Self::PUBLIC };
    /// A valid refresh token.
    pub const REFRESH: Self = Self { kind: GuardKind::Refresh, ..Self::PUBLIC };
}

impl fmt::Debug for GuardSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardSpec").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// The requirements of a guard. The attributes generate types that implement it.
pub trait Policy: Send + Sync + 'static {
    /// The rules.
    const SPEC: GuardSpec;
}

/// `#[jwt_required]`, with or without `optional` and `fresh`.
#[derive(Debug)]
pub struct Access<const OPTIONAL: bool = false, const FRESH: bool = false>;

impl<const OPTIONAL: bool, const FRESH: bool> Policy for Access<OPTIONAL, FRESH> {
    const SPEC: GuardSpec = GuardSpec { optional: OPTIONAL, fresh: FRESH, ..GuardSpec::ACCESS };
}

/// `#[refresh_required]`.
#[derive(Debug)]
pub struct Refresh;

impl Policy for Refresh {
    const SPEC: GuardSpec = GuardSpec::REFRESH;
}

/// `#[public]`.
#[derive(Debug)]
pub struct Public;

impl Policy for Public {
    const SPEC: GuardSpec = GuardSpec::PUBLIC;
}

macro_rules! without_checks {
    ($([$($generics:tt)*] $policy:ty),*) => {$(
        impl<S, $($generics)*> RunChecks<S> for $policy {
            fn run_checks(
                _: CheckContext<'_, S>,
            ) -> impl Future<Output = Result<(), CheckRefusal>> + Send {
                ready(Ok(()))
            }
        }
    )*};
}

without_checks!(
    [const OPTIONAL: bool, const FRESH: bool] Access<OPTIONAL, FRESH>,
    [] Refresh,
    [] Public
);

/// Applies the rules to a verified token.
pub(super) fn enforce(
    spec: &GuardSpec,
    verified: &Verified,
    rules: &TokenRules,
) -> Result<(), Refusal> {
    let claims = verified.claims();
    // A bound token was not admitted without its proof.
    if spec.dpop && claims.confirmation.key().is_none() {
        return Err(AuthErrorKind::DpopRequired.into());
    }
    if spec.fresh && !verified.is_fresh(rules) {
        return Err(AuthErrorKind::FreshRequired.into());
    }
    if let Some(max_age) = spec.max_age {
        let now = since_epoch(&*rules.clock);
        let oldest = now.saturating_sub(max_age.saturating_add(rules.leeway));
        let latest = rules.latest_issue(now);
        // A token without the time of the log-in, or with one in the future, counts as too old.
        if claims.auth_time.is_none_or(|at| at < oldest || at > latest) {
            let kind = AuthErrorKind::ReauthenticationRequired;
            let found = claims.auth_time.map_or("none".to_owned(), |at| at.as_secs().to_string());
            let expected = format!("`auth_time` from {} on", oldest.as_secs());
            let refusal = Refusal::demanding(kind, Demand::MaxAge(max_age));
            return Err(refusal.with_mismatch(Some(Mismatch { expected, found })));
        }
    }
    let has_scope = |scope: &dyn Permission| verified.has_scope(scope.name());
    let has_role = |role: &dyn Permission| verified.roles().any(|name| name == role.name());
    if !all_and_any(spec.scopes, spec.any_scope, has_scope) {
        let names = spec.scopes.iter().chain(spec.any_scope).map(|p| p.name().to_owned()).collect();
        let refusal = Refusal::demanding(AuthErrorKind::InsufficientScope, Demand::Scopes(names));
        let mismatch = lacking("scopes", spec.scopes, spec.any_scope, verified.scopes());
        return Err(refusal.with_mismatch(Some(mismatch)));
    }
    if !all_and_any(spec.roles, spec.any_role, has_role) {
        let mismatch = lacking("roles", spec.roles, spec.any_role, verified.roles());
        let refusal = Refusal::from(AuthErrorKind::InsufficientScope);
        return Err(refusal.with_mismatch(Some(mismatch)));
    }
    Ok(())
}

/// The permissions that a route requires, and those that the token has.
fn lacking<'a>(
    what: &str,
    all: Permissions,
    any: Permissions,
    found: impl Iterator<Item = &'a str>,
) -> Mismatch {
    let names =
        |list: Permissions| list.iter().map(|one| one.name()).collect::<Vec<_>>().join(", ");
    let expected = match (all, any) {
        (all, []) => format!("all {what} of: {}", names(all)),
        ([], any) => format!("one of the {what}: {}", names(any)),
        (all, any) => format!("all {what} of: {}; and one of: {}", names(all), names(any)),
    };
    Mismatch { expected, found: found.collect::<Vec<_>>().join(", ") }
}

fn all_and_any(all: Permissions, any: Permissions, has: impl Fn(&dyn Permission) -> bool) -> bool {
    all.iter().all(|one| has(*one)) && (any.is_empty() || any.iter().any(|one| has(*one)))
}
