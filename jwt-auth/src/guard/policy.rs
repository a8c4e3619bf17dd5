//! Policies: what a guard asks of a request, as a constant that the manifest can read.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use crate::auth::Lookup;
use crate::clock::since_epoch;
use crate::config::{Settings, TokenLocation};
use crate::error::{AuthError, AuthErrorKind, Demand};
use crate::guard::{Permission, Proof};
use crate::verify::Verified;

/// Who may call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GuardKind {
    /// Anyone.
    Public,
    /// The bearer of an access token.
    Access,
    /// The bearer of a refresh token.
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

/// Everything that an attribute said.
#[derive(Clone, Copy)]
pub struct GuardSpec {
    /// Which token.
    pub kind: GuardKind,
    /// A request without a token is let in; a bad token is still refused.
    pub optional: bool,
    /// Only a token that a log-in made.
    pub fresh: bool,
    /// The log-in lies at most that long ago.
    pub max_age: Option<Duration>,
    /// All of these scopes.
    pub scopes: Permissions,
    /// At least one of these scopes, if there are any.
    pub any_scope: Permissions,
    /// All of these roles.
    pub roles: Permissions,
    /// At least one of these roles, if there are any.
    pub any_role: Permissions,
    /// Where to look, in this order, in place of the configured places; empty for those.
    pub locations: &'static [TokenLocation],
    /// How the token is looked up as revoked.
    pub revocation: Lookup,
    /// Whether a token that was not looked up is kept for the token parameters of this function. It has some,
    /// and is no middleware: what is behind one looks for itself.
    pub keeps_unasked: bool,
    /// This audience, in place of the configured ones.
    pub audience: Option<&'static str>,
    /// The name of the check function, for the manifest.
    pub check: Option<&'static str>,
}

impl GuardSpec {
    /// Anyone.
    pub const PUBLIC: Self = Self {
        kind: GuardKind::Public,
        optional: false,
        fresh: false,
        max_age: None,
        scopes: &[],
        any_scope: &[],
        roles: &[],
        any_role: &[],
        locations: &[],
        revocation: Lookup::Replica,
        keeps_unasked: false,
        audience: None,
        check: None,
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

/// What a guard asks. The attributes write the types that implement it.
pub trait Policy: Send + Sync + 'static {
    /// The rules.
    const SPEC: GuardSpec;

    /// The application's own check, after every rule has been kept.
    fn check(_: &Proof) -> impl Future<Output = Result<(), AuthError>> + Send {
        async { Ok(()) }
    }
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

/// The rules over a verified token, each after the other.
pub(super) fn enforce(
    spec: &GuardSpec,
    verified: &Verified,
    settings: &Settings,
) -> Result<(), AuthError> {
    let claims = verified.claims();
    if spec.fresh && !claims.fresh {
        return Err(AuthErrorKind::FreshRequired.into());
    }
    if let Some(max_age) = spec.max_age {
        let now = since_epoch(&*settings.clock);
        let oldest = now.saturating_sub(max_age.saturating_add(settings.decode_leeway));
        let latest = now.saturating_add(settings.decode_leeway);
        // A token that does not say when is as old as can be; so is one that speaks of the future.
        if claims.auth_time.is_none_or(|at| at < oldest || at > latest) {
            let kind = AuthErrorKind::ReauthenticationRequired;
            return Err(AuthError::demanding(kind, Demand::MaxAge(max_age)));
        }
    }
    let scope = |wanted: &dyn Permission| verified.scopes().any(|name| name == wanted.name());
    let role = |wanted: &dyn Permission| verified.roles().any(|name| name == wanted.name());
    if !all_and_any(spec.scopes, spec.any_scope, scope) {
        let names = spec.scopes.iter().chain(spec.any_scope).map(|p| p.name().to_owned()).collect();
        let kind = AuthErrorKind::InsufficientScope;
        return Err(AuthError::demanding(kind, Demand::Scopes(names)));
    }
    if !all_and_any(spec.roles, spec.any_role, role) {
        return Err(AuthErrorKind::InsufficientScope.into());
    }
    Ok(())
}

fn all_and_any(all: Permissions, any: Permissions, has: impl Fn(&dyn Permission) -> bool) -> bool {
    all.iter().all(|wanted| has(*wanted))
        && (any.is_empty() || any.iter().any(|wanted| has(*wanted)))
}
