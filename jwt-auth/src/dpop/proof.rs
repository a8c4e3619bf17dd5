//! Reads a DPoP proof: a JWT that the sender of a request signs for this one request (RFC 9449 §4.2 and §4.3).

use std::borrow::Cow;
use std::time::Duration;

use crate::base64url;
use crate::config::{DpopNonces, TokenRules};
use crate::dpop::target::normalized;
use crate::error::{AuthErrorKind, Mismatch, Refusal};
use crate::json::{self, NotStrict, Value};
use crate::keys::{Algorithm, Thumbprint, public_jwk, sha256_text};
use crate::token::{Segments, compact_text, numeric_date};

/// How old a proof may be, beside what [`decode_leeway`](crate::Config::decode_leeway) tolerates.
const WINDOW: Duration = Duration::from_secs(60);
/// The longest `jti`, in bytes.
const LONGEST_ID: usize = 256;

/// The algorithms of proofs, as a challenge and a document list them (RFC 9449 §7.1).
pub(crate) fn algorithms() -> impl Iterator<Item = &'static str> {
    let has_backend = |one: &Algorithm| *one != Algorithm::ES512 || cfg!(feature = "aws_lc_rs");
    Algorithm::of_key_pairs().filter(has_backend).map(Algorithm::name)
}

/// A valid proof.
#[derive(Clone, Debug)]
pub(crate) struct Proof {
    /// The key that signed it.
    pub(crate) key: Thumbprint,
    /// What identifies it if it is sent again.
    pub(crate) id: String,
}

/// What a proof must be for.
#[derive(Clone, Copy)]
pub(crate) struct Expected<'a> {
    pub(crate) method: &'a str,
    /// Scheme and host of this service, as its clients know them.
    pub(crate) origin: &'a str,
    pub(crate) path: &'a str,
    /// The token beside it, if there is one.
    pub(crate) token: Option<&'a [u8]>,
    pub(crate) nonces: Option<&'a DpopNonces>,
    pub(crate) rules: &'a TokenRules,
    pub(crate) now: Duration,
}

#[derive(Default)]
struct Header<'a> {
    typ: Option<Cow<'a, str>>,
    alg: Option<Cow<'a, str>>,
    jwk: Option<&'a str>,
}

#[derive(Default)]
struct Claims<'a> {
    jti: Option<Cow<'a, str>>,
    htm: Option<Cow<'a, str>>,
    htu: Option<Cow<'a, str>>,
    ath: Option<Cow<'a, str>>,
    nonce: Option<Cow<'a, str>>,
    iat: Option<Duration>,
}

fn invalid(reason: &'static str) -> Refusal {
    Refusal::from(AuthErrorKind::InvalidDpopProof).with_detail(reason.into())
}

impl Proof {
    /// Reads and checks a proof.
    ///
    /// # Errors
    ///
    /// If it is not one, or is for another request, or needs another nonce.
    pub(crate) fn read(text: &[u8], expected: &Expected<'_>) -> Result<Self, Refusal> {
        let no_jwt = |_| invalid("The DPoP proof is not a signed JWT");
        let text = compact_text(text).map_err(no_jwt)?;
        let segments = Segments::split(text).map_err(no_jwt)?;
        let [header, payload, signature] =
            [segments.header(text), segments.payload(text), segments.signature(text)].map(|part| {
                let mut bytes = Vec::new();
                base64url::decode(part, &mut bytes).map(<[u8]>::to_vec).ok()
            });
        let (Some(header), Some(payload), Some(signature)) = (header, payload, signature) else {
            return Err(no_jwt(AuthErrorKind::Malformed));
        };
        let header = std::str::from_utf8(&header).ok().and_then(|text| read_header(text).ok());
        let header = header.ok_or_else(|| invalid("The header of the DPoP proof is malformed"))?;
        let is_typ = |typ: &str| {
            let typ = typ.to_ascii_lowercase();
            typ.strip_prefix("application/").unwrap_or(&typ) == "dpop+jwt"
        };
        if !header.typ.as_deref().is_some_and(is_typ) {
            return Err(invalid("The `typ` of the DPoP proof is not `dpop+jwt`"));
        }
        let key = header.alg.as_deref().and_then(Algorithm::from_name).zip(header.jwk);
        let key = key.and_then(|(algorithm, jwk)| public_jwk(jwk, algorithm));
        let key = key.ok_or_else(|| {
            invalid(
                "The DPoP proof has no public `jwk` that fits its `alg`, or one that is too weak",
            )
        })?;
        if !key.verify(segments.signed(text), &signature) {
            return Err(invalid("The signature of the DPoP proof does not verify"));
        }
        let thumbprint =
            key.thumbprint().ok_or_else(|| invalid("The DPoP proof has no public key"))?;
        let claims = std::str::from_utf8(&payload).ok().and_then(|text| read_claims(text).ok());
        let claims = claims.ok_or_else(|| invalid("The claims of the DPoP proof are malformed"))?;
        let id = claims.check(expected)?;
        let id = sha256_text(format!("{thumbprint}.{id}").as_bytes());
        Ok(Self { key: thumbprint, id: id.ok_or(AuthErrorKind::Unavailable)? })
    }

    /// How long the proof must be remembered, so that it is not accepted again.
    pub(crate) fn life(rules: &TokenRules, nonces: Option<&DpopNonces>) -> Duration {
        let window = match nonces {
            Some(_) => DpopNonces::LIFE,
            None => WINDOW.saturating_add(rules.leeway).saturating_add(rules.clock_tolerance()),
        };
        // The clocks of nodes differ.
        window.saturating_add(rules.clock_tolerance())
    }
}

impl Claims<'_> {
    /// Checks that the proof is for this request. Returns its id.
    fn check(&self, expected: &Expected<'_>) -> Result<&str, Refusal> {
        let is_id = |id: &&str| !id.is_empty() && id.len() <= LONGEST_ID;
        let id = self.jti.as_deref().filter(is_id);
        let id = id.ok_or_else(|| invalid("The DPoP proof has no `jti` of 1 to 256 bytes"))?;
        let differs = |reason, expected: &str, found: Option<&str>| {
            let (expected, found) = (expected.to_owned(), found.unwrap_or("none").to_owned());
            invalid(reason).with_mismatch(Some(Mismatch { expected, found }))
        };
        let (htm, htu) = (self.htm.as_deref(), self.htu.as_deref());
        if htm != Some(expected.method) {
            return Err(differs(
                "The DPoP proof is for another method (`htm`)",
                expected.method,
                htm,
            ));
        }
        let address = normalized(&format!("{}{}", expected.origin, expected.path));
        let htu = htu.and_then(normalized);
        if address.is_none() || htu != address {
            let (address, htu) = (address.unwrap_or_default(), htu.as_deref());
            return Err(differs("The DPoP proof is for another address (`htu`)", &address, htu));
        }
        if let Some(token) = expected.token {
            let is_of_token =
                sha256_text(token).is_some_and(|hash| Some(&*hash) == self.ath.as_deref());
            if !is_of_token {
                return Err(invalid("The DPoP proof is for another token (`ath`)"));
            }
        }
        let iat = self.iat.ok_or_else(|| invalid("The DPoP proof has no `iat`"))?;
        if let Some(nonces) = expected.nonces {
            // A nonce is dated by our own clock, so that of the client does not matter (RFC 9449 §4.3, number 11).
            let is_current = |nonce| nonces.is_current(nonce, expected.now);
            return if self.nonce.as_deref().is_some_and(is_current) {
                Ok(id)
            } else {
                Err(AuthErrorKind::DpopNonceRequired.into())
            };
        }
        let rules = expected.rules;
        let oldest = expected.now.saturating_sub(WINDOW.saturating_add(rules.leeway));
        if iat < oldest || iat > rules.latest_issue(expected.now) {
            let window = format!("`iat` from {} on", oldest.as_secs());
            let found = iat.as_secs().to_string();
            return Err(differs(
                "The DPoP proof is too old, or from the future",
                &window,
                Some(&found),
            ));
        }
        Ok(id)
    }
}

fn read_header(text: &str) -> Result<Header<'_>, NotStrict> {
    let mut header = Header::default();
    json::object(text, |name, value, _| {
        match name {
            "typ" => header.typ = Some(string(value)?),
            "alg" => header.alg = Some(string(value)?),
            "jwk" => match value {
                Value::Object(jwk) => header.jwk = Some(jwk),
                _ => return Err(NotStrict),
            },
            "crit" | "b64" | "zip" | "enc" => return Err(NotStrict),
            _ => {}
        }
        Ok(())
    })?;
    Ok(header)
}

fn read_claims(text: &str) -> Result<Claims<'_>, NotStrict> {
    let mut claims = Claims::default();
    json::object(text, |name, value, _| {
        match name {
            "jti" => claims.jti = Some(string(value)?),
            "htm" => claims.htm = Some(string(value)?),
            "htu" => claims.htu = Some(string(value)?),
            "ath" => claims.ath = Some(string(value)?),
            "nonce" => claims.nonce = Some(string(value)?),
            "iat" => match value {
                Value::Number(iat) => claims.iat = Some(numeric_date(iat)?),
                _ => return Err(NotStrict),
            },
            _ => {}
        }
        Ok(())
    })?;
    Ok(claims)
}

fn string(value: Value<'_>) -> Result<Cow<'_, str>, NotStrict> {
    match value {
        Value::String(text) => Ok(text.value()),
        _ => Err(NotStrict),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The proof and the token of RFC 9449 §7.1.
    const PROOF: &str = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA";
    const TOKEN: &[u8] = b"Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";

    #[test]
    fn the_proof_of_the_rfc_is_for_its_request_alone() {
        let rules = TokenRules::default();
        let read = |method: &str, origin: &str, token: &[u8], now| {
            let expected = Expected {
                method,
                origin,
                path: "/protectedresource",
                token: Some(token),
                nonces: None,
                rules: &rules,
                now: Duration::from_secs(now),
            };
            Proof::read(PROOF.as_bytes(), &expected).map(|proof| proof.key.to_string())
        };
        let (origin, now) = ("https://resource.example.org", 1_562_262_618);
        let key = read("GET", origin, TOKEN, now).expect("valid");
        assert_eq!(key, "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
        assert!(read("GET", origin, TOKEN, now + 60).is_ok());
        for (refused, claim) in [
            (read("POST", origin, TOKEN, now), "htm"),
            (read("GET", "https://resource.example.com", TOKEN, now), "htu"),
            (read("GET", origin, b"another", now), "ath"),
            (read("GET", origin, TOKEN, now + 61), "too old"),
            (read("GET", origin, TOKEN, now - 60), "too old"),
        ] {
            let refused = refused.expect_err(claim);
            assert_eq!(refused.kind(), AuthErrorKind::InvalidDpopProof);
            assert!(refused.detail().contains(claim), "{}", refused.detail());
        }
    }
}
