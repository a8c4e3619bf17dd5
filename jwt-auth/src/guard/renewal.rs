//! What a guard tells the layer that renews access cookies: whom it let in.

use std::fmt;
use std::sync::{Arc, OnceLock};

use http::request::Parts;

use crate::claims::TokenKind;
use crate::config::TokenLocation;
use crate::guard::Proof;
use crate::verify::Verified;

/// A place in the request where a guard leaves the token that came in a cookie.
#[derive(Clone, Default)]
pub(crate) struct Renewal(Arc<OnceLock<Arc<Verified>>>);

impl Renewal {
    /// The token of the request, if a guard let it in.
    pub(crate) fn offered(&self) -> Option<&Arc<Verified>> {
        self.0.get()
    }
}

impl fmt::Debug for Renewal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Renewal").finish_non_exhaustive()
    }
}

/// Leaves the token where a layer asked for it.
pub(super) fn offer(parts: &Parts, proof: &Proof) {
    if proof.location() != TokenLocation::Cookie {
        return;
    }
    if let Some(renewal) = parts.extensions.get::<Renewal>()
        && proof.verified().identity().kind() == TokenKind::Access
    {
        // The first guard's; a second one saw the same token.
        let _ = renewal.0.set(Arc::clone(proof.verified()));
    }
}
