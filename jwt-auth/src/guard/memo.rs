//! The memo that guards leave in a request, for later guards, extractors and layers.
//!
//! | entry | written by | read by |
//! |---|---|---|
//! | an admitted token, or that the request is anonymous | guards | later guards and extractors |
//! | what the routers around the route require | layers of these routers | guards |
//! | the renewal slot | the layer of implicit refresh | guards, which put the token into it |
//! | which kind of token the last guard admits | guards | [`CurrentUser`] |
//! | the proof of DPoP that was used | guards and [`DpopProof`](crate::DpopProof) | both |
//! | a loaded user | [`CurrentUser`] | [`CurrentUser`] |
//!
//! A token in the cache of verified tokens is not remembered here, because a cache hit costs less. A hit skips the
//! signature check and repeats all other checks. The handlers of a router have a smaller memo, for one poll: `poll_memo.rs`.

use std::fmt;
use std::sync::{Arc, OnceLock};

use http::Extensions;
use http::request::Parts;

use crate::auth::{JwtAuth, Lookup};
use crate::config::TokenLocation;
use crate::guard::admission::Admission;
use crate::guard::dpop::Proven;
use crate::guard::{CurrentUser, GuardSpec};
use crate::token::Verified;
use crate::token_kind::{PerKind, TokenKind};

/// The memo of one request, in its extensions.
#[derive(Clone, Default)]
pub(crate) struct RequestMemo {
    findings: PerKind<Option<Finding>>,
    required: Vec<&'static GuardSpec>,
    /// Whether the last guard admitted a refresh token.
    is_refresh: bool,
    renewal: Option<RenewalSlot>,
    proven: Option<Proven>,
}

/// What a guard found.
#[derive(Clone)]
pub(super) enum Finding {
    Admitted(AdmittedToken),
    /// An optional guard found no token at its locations, and admitted the request as anonymous.
    Anonymous(JwtAuth),
}

/// A token that was verified for this request.
#[derive(Clone)]
pub(super) struct AdmittedToken {
    pub(super) auth: JwtAuth,
    pub(super) audience: Option<&'static str>,
    pub(super) locations: &'static [TokenLocation],
    pub(super) revocation: Lookup,
    pub(super) verified: Arc<Verified>,
}

impl RequestMemo {
    pub(super) fn finding(parts: &Parts, kind: TokenKind) -> Option<&Finding> {
        parts.extensions.get::<Self>()?.findings.get(kind).as_ref()
    }

    /// Notes which kind of token the guard of the handler admits.
    pub(super) fn enter_guard(parts: &mut Parts, kind: TokenKind) {
        match parts.extensions.get_mut::<Self>() {
            Some(memo) => memo.is_refresh = kind == TokenKind::Refresh,
            None if kind == TokenKind::Refresh => {
                parts.extensions.insert(Self { is_refresh: true, ..Self::default() });
            }
            None => {}
        }
    }

    /// The kind of token whose user the handler means.
    fn kind_of_user(parts: &Parts) -> TokenKind {
        match parts.extensions.get::<Self>() {
            Some(memo) if memo.is_refresh => TokenKind::Refresh,
            _ => TokenKind::Access,
        }
    }

    /// The guard whose token the handler's other extractors read.
    pub(super) fn spec_of_guard(parts: &Parts) -> &'static GuardSpec {
        match Self::kind_of_user(parts) {
            TokenKind::Access => &GuardSpec::ACCESS,
            TokenKind::Refresh => &GuardSpec::REFRESH,
        }
    }

    pub(super) fn remember(parts: &mut Parts, kind: TokenKind, finding: Finding) {
        let memo = parts.extensions.get_or_insert_with(Self::default);
        *memo.findings.get_mut(kind) = Some(finding);
    }

    /// Shows the token of a guard to the extractors of its checks. Returns what the memo had.
    pub(super) fn lend(
        parts: &mut Parts,
        spec: &GuardSpec,
        auth: &JwtAuth,
        admission: &Admission,
    ) -> Option<Finding> {
        let token = AdmittedToken {
            auth: auth.clone(),
            audience: spec.audience,
            locations: spec.locations,
            revocation: spec.revocation,
            verified: Arc::clone(&admission.verified),
        };
        let memo = parts.extensions.get_or_insert_with(Self::default);
        memo.findings.get_mut(spec.token_kind()).replace(Finding::Admitted(token))
    }

    /// Ends the loan.
    pub(super) fn restore(parts: &mut Parts, kind: TokenKind, earlier: Option<Finding>) {
        if let Some(memo) = parts.extensions.get_mut::<Self>() {
            *memo.findings.get_mut(kind) = earlier;
        }
    }

    /// Removes the finding, because a later guard found another token.
    pub(super) fn forget(parts: &mut Parts, kind: TokenKind) {
        if let Some(memo) = parts.extensions.get_mut::<Self>() {
            *memo.findings.get_mut(kind) = None;
        }
    }

    /// Drops a token that a middleware admitted by other rules than those of the configuration: for an audience, from
    /// other locations, or without a revocation check. The handler behind it applies its own rules (G4).
    pub(crate) fn enter_handler(extensions: &mut Extensions) {
        let Some(memo) = extensions.get_mut::<Self>() else { return };
        memo.is_refresh = false;
        for finding in [&mut memo.findings.access, &mut memo.findings.refresh] {
            let has_own_rules = |token: &AdmittedToken| {
                token.revocation == Lookup::Skip
                    || token.audience.is_some()
                    || !token.locations.is_empty()
            };
            if matches!(finding, Some(Finding::Admitted(token)) if has_own_rules(token)) {
                *finding = None;
            }
        }
    }

    /// The proof that this request has used.
    pub(super) fn proven(parts: &Parts) -> Option<&Proven> {
        parts.extensions.get::<Self>()?.proven.as_ref()
    }

    pub(super) fn remember_proven(parts: &mut Parts, proven: Proven) {
        parts.extensions.get_or_insert_with(Self::default).proven = Some(proven);
    }

    /// Adds what a router requires of the tokens for its routes.
    pub(crate) fn require(extensions: &mut Extensions, spec: &'static GuardSpec) {
        extensions.get_or_insert_with(Self::default).required.push(spec);
    }

    /// What the routers around the route require.
    pub(super) fn required(parts: &Parts) -> &[&'static GuardSpec] {
        parts.extensions.get::<Self>().map_or(&[], |memo| &memo.required)
    }

    /// Requests, from the guards of this request, the token that they admit.
    pub(crate) fn request_renewal(extensions: &mut Extensions) -> RenewalSlot {
        let slot = RenewalSlot::default();
        extensions.get_or_insert_with(Self::default).renewal = Some(slot.clone());
        slot
    }

    /// Puts an access token that came in a cookie into the slot, if a layer requested it.
    pub(super) fn offer_renewal(parts: &Parts, admission: &Admission) {
        if admission.location != TokenLocation::Cookie {
            return;
        }
        if let Some(RenewalSlot(slot)) =
            parts.extensions.get::<Self>().and_then(|memo| memo.renewal.as_ref())
            && admission.verified.identity().kind() == TokenKind::Access
        {
            // A second guard sees the same token.
            let _ = slot.set(Arc::clone(&admission.verified));
        }
    }
}

/// The slot in which a guard leaves the token that a layer may renew.
#[derive(Clone, Default)]
pub(crate) struct RenewalSlot(Arc<OnceLock<Arc<Verified>>>);

impl RenewalSlot {
    /// The token, if a guard admitted one.
    pub(crate) fn token(&self) -> Option<&Arc<Verified>> {
        self.0.get()
    }
}

impl fmt::Debug for RenewalSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RenewalSlot").finish_non_exhaustive()
    }
}

/// A user that was loaded for this request, its token, and who verified it (G5).
pub(super) struct LoadedUser<U, C> {
    pub(super) user: CurrentUser<U, C>,
    pub(super) token: Arc<Verified>,
    pub(super) auth: JwtAuth,
}

impl<U, C> Clone for LoadedUser<U, C> {
    fn clone(&self) -> Self {
        let (token, auth) = (Arc::clone(&self.token), self.auth.clone());
        Self { user: self.user.clone(), token, auth }
    }
}
