//! The compact form (RFC 7515 §7.1): three segments of canonical base64url, and nothing else.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::AuthErrorKind;

/// Larger tokens are refused before anything of them is read.
pub(crate) const MAX_TOKEN: usize = 8 * 1024;

/// The places of the three segments in the token's text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segments {
    header_end: usize,
    payload_end: usize,
}

impl Segments {
    /// Size, then alphabet, then count.
    pub(super) fn split(token: &str) -> Result<Self, AuthErrorKind> {
        if token.len() > MAX_TOKEN || !token.is_ascii() {
            return Err(AuthErrorKind::Malformed);
        }
        let header_end = token.find('.').ok_or(AuthErrorKind::Malformed)?;
        let rest = &token[header_end + 1..];
        let payload_end = header_end + 1 + rest.find('.').ok_or(AuthErrorKind::Malformed)?;
        if token[payload_end + 1..].contains('.') {
            return Err(AuthErrorKind::Malformed);
        }
        Ok(Self { header_end, payload_end })
    }

    pub(crate) fn header(self, token: &str) -> &str {
        &token[..self.header_end]
    }

    pub(super) fn payload(self, token: &str) -> &str {
        &token[self.header_end + 1..self.payload_end]
    }

    pub(super) fn signature(self, token: &str) -> &str {
        &token[self.payload_end + 1..]
    }

    /// What the signature is over.
    pub(super) fn signed(self, token: &str) -> &[u8] {
        &token.as_bytes()[..self.payload_end]
    }
}

/// Decodes into a buffer that is kept: no padding, no other alphabet, no unused bits (RFC 4648 §3.5).
pub(super) fn decode(segment: &str, into: &mut Vec<u8>) -> Result<(), AuthErrorKind> {
    // The decoder needs room for whole quanta, and says how much of it holds.
    into.resize(segment.len().div_ceil(4) * 3, 0);
    let len = URL_SAFE_NO_PAD.decode_slice(segment, into).map_err(|_| AuthErrorKind::Malformed)?;
    into.truncate(len);
    Ok(())
}
