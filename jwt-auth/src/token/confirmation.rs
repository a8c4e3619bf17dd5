//! `cnf`: the key to which a token is bound (RFC 7800), and whether its sender has shown that it has this key.

use crate::error::AuthErrorKind;
use crate::json::{self, NotStrict, Value};
use crate::keys::Thumbprint;

/// The claim `cnf`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Confirmation {
    /// There is none: the token is a bearer token.
    #[default]
    Absent,
    /// `jkt`: proofs of DPoP show the key (RFC 9449 §6.1).
    Key(Thumbprint),
    /// A binding that cannot be checked here, for example to a client certificate (RFC 8705 §3.1).
    Other,
}

/// What the sender of a token has shown beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Possession {
    Nothing,
    /// A proof by this key, for this request and this token.
    Key(Thumbprint),
}

/// A key that the client has shown by a DPoP proof with this request (RFC 9449 §5). An extractor.
///
/// A handler that logs users in takes it, and binds the tokens to the key:
/// [`bound_to`](crate::token::TokenBuilder::bound_to). A thief of such a token cannot use it without the key. Every
/// proof is accepted once. `Option<DpopProof>` is `None` for a request without one.
///
/// ```
/// use jwt_auth::{AuthError, DpopProof, GuardedRouter, JwtAuth, TokenPair, public, routing::post};
///
/// #[public]
/// async fn log_in(auth: JwtAuth, proof: DpopProof) -> Result<TokenPair, AuthError> {
///     // Check the password here.
///     auth.log_in("alice").bound_to(&proof).await
/// }
///
/// let router: GuardedRouter = GuardedRouter::new().route("/log-in", post(log_in));
/// # drop(router);
/// ```
#[derive(Clone, Debug)]
pub struct DpopProof {
    pub(crate) key: Thumbprint,
}

impl DpopProof {
    /// The thumbprint of the key (RFC 7638), as in the claim `cnf` of tokens that are bound to it.
    ///
    /// ```
    /// fn log(proof: &jwt_auth::DpopProof) {
    ///     println!("a client with the key {}", proof.thumbprint());
    /// }
    /// ```
    pub fn thumbprint(&self) -> String {
        self.key.to_string()
    }
}

impl Confirmation {
    pub(super) fn read(value: Value<'_>) -> Result<Self, NotStrict> {
        let Value::Object(raw) = value else { return Err(NotStrict) };
        let (mut key, mut members) = (None, 0);
        json::object(raw, |name, value, _| {
            members += 1;
            if name == "jkt" {
                let Value::String(text) = value else { return Err(NotStrict) };
                key = Some(Thumbprint::parse(&text.value()).ok_or(NotStrict)?);
            }
            Ok(())
        })?;
        Ok(key.filter(|_| members == 1).map_or(Self::Other, Self::Key))
    }

    pub(crate) fn key(self) -> Option<Thumbprint> {
        match self {
            Self::Key(key) => Some(key),
            Self::Absent | Self::Other => None,
        }
    }

    /// Checks that the sender has the key of a bound token, and that a proof belongs to a bound token.
    pub(crate) fn check(self, shown: Possession) -> Result<(), AuthErrorKind> {
        match (self, shown) {
            (Self::Absent, Possession::Nothing) => Ok(()),
            (Self::Key(key), Possession::Key(shown)) if key == shown => Ok(()),
            (Self::Key(_), Possession::Key(_)) => Err(AuthErrorKind::InvalidDpopProof),
            (Self::Key(_), Possession::Nothing) | (Self::Absent, Possession::Key(_)) => {
                Err(AuthErrorKind::DpopRequired)
            }
            (Self::Other, _) => Err(AuthErrorKind::InvalidClaims),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::claims::Claims;

    const ONE: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
    const OTHER: &str = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";

    fn read(cnf: &str) -> Result<Confirmation, NotStrict> {
        Claims::read(&format!("{{\"cnf\":{cnf}}}"), None).map(|claims| claims.confirmation)
    }

    fn key(text: &str) -> Thumbprint {
        Thumbprint::parse(text).unwrap()
    }

    #[test]
    fn a_binding_is_read_strictly() {
        assert_eq!(read(&format!("{{\"jkt\":\"{ONE}\"}}")), Ok(Confirmation::Key(key(ONE))));
        for unknown in [
            r#"{"x5t#S256":"bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}"#,
            r#"{"jwk":{"kty":"EC"}}"#,
            "{}",
            &format!("{{\"jkt\":\"{ONE}\",\"x5t#S256\":\"x\"}}"),
        ] {
            assert_eq!(read(unknown), Ok(Confirmation::Other), "{unknown}");
        }
        for bad in ["null", "\"x\"", "[]", "true", r#"{"jkt":1}"#, r#"{"jkt":"short"}"#] {
            assert_eq!(read(bad), Err(NotStrict), "{bad}");
        }
    }

    #[test]
    fn a_bound_token_needs_its_key_and_a_proof_needs_a_bound_token() {
        let bound = Confirmation::Key(key(ONE));
        assert_eq!(Confirmation::Absent.check(Possession::Nothing), Ok(()));
        assert_eq!(bound.check(Possession::Key(key(ONE))), Ok(()));
        let refused = |confirmation: Confirmation, shown| confirmation.check(shown).unwrap_err();
        assert_eq!(refused(bound, Possession::Nothing), AuthErrorKind::DpopRequired);
        assert_eq!(refused(bound, Possession::Key(key(OTHER))), AuthErrorKind::InvalidDpopProof);
        let shown = Possession::Key(key(ONE));
        assert_eq!(refused(Confirmation::Absent, shown), AuthErrorKind::DpopRequired);
        for shown in [Possession::Nothing, shown] {
            assert_eq!(refused(Confirmation::Other, shown), AuthErrorKind::InvalidClaims);
        }
    }
}
