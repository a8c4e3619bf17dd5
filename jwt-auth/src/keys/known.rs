//! The headers that a key's own tokens bear, encoded once, so that reading them is a comparison.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::claims::TokenKind;
use crate::keys::Algorithm;

/// The encoded header of each kind of token.
pub(crate) struct KnownHeaders {
    access: String,
    refresh: String,
}

impl KnownHeaders {
    pub(super) fn new(algorithm: Algorithm, id: Option<&str>) -> Self {
        let encode = |kind| URL_SAFE_NO_PAD.encode(json(algorithm, id, kind));
        Self { access: encode(TokenKind::Access), refresh: encode(TokenKind::Refresh) }
    }

    pub(crate) fn of(&self, kind: TokenKind) -> &str {
        match kind {
            TokenKind::Access => &self.access,
            TokenKind::Refresh => &self.refresh,
        }
    }

    /// The kind whose header this is, byte for byte.
    pub(crate) fn kind_of(&self, segment: &str) -> Option<TokenKind> {
        [TokenKind::Access, TokenKind::Refresh].into_iter().find(|kind| self.of(*kind) == segment)
    }
}

/// The header as text: `alg`, `typ`, and `kid` when the key has an id.
pub(crate) fn json(algorithm: Algorithm, id: Option<&str>, kind: TokenKind) -> String {
    let mut header = serde_json::json!({ "alg": algorithm.name(), "typ": kind.typ() });
    if let Some(id) = id {
        header["kid"] = id.into();
    }
    header.to_string()
}
