//! The compact form (RFC 7515 §7.1): three segments of canonical base64url, and nothing else.

use crate::config::MAX_TOKEN;
use crate::error::AuthErrorKind;

/// Checks the size, and that the token is UTF-8. Decoding the segments checks the characters.
pub(crate) fn text(token: &[u8]) -> Result<&str, AuthErrorKind> {
    if token.len() > MAX_TOKEN {
        return Err(AuthErrorKind::Malformed);
    }
    std::str::from_utf8(token).map_err(|_| AuthErrorKind::Malformed)
}

/// The positions of the three segments in the token's text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segments {
    header_end: usize,
    payload_end: usize,
}

impl Segments {
    /// Splits at the first and the last dot. A dot in between makes the base64url decoding fail.
    pub(crate) fn split(token: &str) -> Result<Self, AuthErrorKind> {
        match (memchr::memchr(b'.', token.as_bytes()), memchr::memrchr(b'.', token.as_bytes())) {
            (Some(header_end), Some(payload_end)) if header_end < payload_end => {
                Ok(Self { header_end, payload_end })
            }
            _ => Err(AuthErrorKind::Malformed),
        }
    }

    pub(crate) fn header(self, token: &str) -> &str {
        &token[..self.header_end]
    }

    pub(crate) fn payload(self, token: &str) -> &str {
        &token[self.header_end + 1..self.payload_end]
    }

    pub(crate) fn signature(self, token: &str) -> &str {
        &token[self.payload_end + 1..]
    }

    /// The text that is signed.
    pub(crate) fn signed(self, token: &str) -> &[u8] {
        &token.as_bytes()[..self.payload_end]
    }
}
