//! The headers of the tokens that a key signs, encoded once, so that one comparison recognises them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::keys::Algorithm;
use crate::token_kind::{PerKind, TokenKind};

/// The encoded header of each kind of token.
pub(crate) struct OwnHeaders(PerKind<String>);

impl OwnHeaders {
    pub(super) fn new(algorithm: Algorithm, id: Option<&str>) -> Self {
        Self(PerKind::from_fn(|kind| URL_SAFE_NO_PAD.encode(json(algorithm, id, kind))))
    }

    pub(crate) fn get(&self, kind: TokenKind) -> &str {
        self.0.get(kind)
    }

    /// The kind of token that has this header, byte for byte.
    pub(crate) fn kind_of(&self, segment: &str) -> Option<TokenKind> {
        TokenKind::ALL.into_iter().find(|kind| self.get(*kind) == segment)
    }
}

/// The header as text: `alg`, `typ`, and `kid` if the key has an id.
fn json(algorithm: Algorithm, id: Option<&str>, kind: TokenKind) -> String {
    let mut header = serde_json::json!({ "alg": algorithm.name(), "typ": kind.typ() });
    if let Some(id) = id {
        header["kid"] = id.into();
    }
    header.to_string()
}
