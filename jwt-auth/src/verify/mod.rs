//! Verification: the one place where a token is read and its signature is checked.
//!
//! Size, alphabet, segments, base64url, UTF-8, header, key, signature, claims, in that order; nothing
//! of the claims is looked at before the signature has been checked. Revocation is not asked here.

mod cache;
mod compact;
mod header;
#[cfg(test)]
mod rfc_vectors;
#[cfg(test)]
mod wycheproof;

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::base64url;
use crate::claims::{Claims, TokenKind};
use crate::config::Settings;
use crate::error::AuthErrorKind;
use crate::keys::{Algorithm, LoadedKey, LoadedRing};
use crate::revocation::TokenIdentity;
use crate::validation::{self, Expected};

pub(crate) use cache::Cache;
pub(crate) use compact::MAX_TOKEN;
use compact::Segments;
use header::Header;

/// A token whose signature and claims were checked; only this file makes one.
pub struct Verified {
    /// The token, then its decoded payload.
    text: String,
    token_len: usize,
    header_len: usize,
    kind: TokenKind,
    /// The kind that its header names.
    typ: Option<TokenKind>,
    /// The id of the key that verified it.
    key_id: Option<Arc<str>>,
    /// The ring whose key verified it.
    ring: u64,
    claims: Claims,
}

impl Verified {
    pub(crate) fn token(&self) -> &str {
        &self.text[..self.token_len]
    }

    pub(crate) fn payload(&self) -> &str {
        &self.text[self.token_len..]
    }

    /// The encoded header segment.
    pub(crate) fn header(&self) -> &str {
        &self.text[..self.header_len]
    }

    pub(crate) fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The bytes that it takes in memory, near enough.
    fn size(&self) -> usize {
        size_of::<Self>() + self.text.capacity() + self.claims.heap()
    }

    /// Whether a key of this ring verified the token.
    pub(crate) fn is_of(&self, ring: &LoadedRing) -> bool {
        self.ring == ring.serial()
    }

    pub(crate) fn subject(&self) -> &str {
        self.claims.sub.as_ref().map_or("", |sub| sub.of(self.payload()))
    }

    /// What a request that bears the token in a cookie has to repeat.
    pub(crate) fn csrf(&self) -> Option<&str> {
        self.claims.csrf.as_ref().map(|csrf| csrf.of(self.payload()))
    }

    pub(crate) fn identity(&self) -> TokenIdentity<'_> {
        let payload = self.payload();
        TokenIdentity {
            issuer: self.claims.iss.as_ref().map(|iss| iss.of(payload)),
            id: self.claims.jti.as_ref().map(|id| id.of(payload)),
            subject: self.subject(),
            kind: self.kind,
            key_id: self.key_id.as_deref(),
            // A refresh token of fastapi-jwt-auth has no `fam`: it is the first of a family named by its id.
            family: self
                .claims
                .fam
                .as_ref()
                .or(self.claims.jti.as_ref().filter(|_| self.kind == TokenKind::Refresh))
                .map(|fam| fam.of(payload)),
            issued_at: self.claims.iat,
            expires_at: self.claims.exp,
        }
    }
}

impl Drop for Verified {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.text).into_bytes();
        bytes.fill(0);
        // Whoever looks at the bytes now keeps the compiler from leaving the fill out.
        std::hint::black_box(&bytes);
    }
}

impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// Buffers that a thread keeps, so that reading a token allocates nothing.
#[derive(Default)]
struct Scratch {
    header: Vec<u8>,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Reads, verifies and validates a token; one that the cache holds is validated alone.
pub(crate) fn verify(
    token: &[u8],
    ring: &LoadedRing,
    cache: Option<&Cache>,
    settings: &Settings,
    expected: Expected<'_>,
    now: Duration,
) -> Result<Arc<Verified>, AuthErrorKind> {
    if let Some(cache) = cache
        && let Some(kept) = cache.get(token, ring)
    {
        let verdict =
            validation::validate(&kept.claims, kept.payload(), kept.typ, settings, expected, now);
        if verdict == Err(AuthErrorKind::Expired) {
            cache.forget(token);
        }
        return verdict.map(|()| kept);
    }
    SCRATCH.with_borrow_mut(|scratch| {
        let token = compact::text(token)?;
        let segments = Segments::split(token)?;
        let Checked { payload, typ, key } = checked_payload(token, segments, ring, scratch)?;
        let payload = std::str::from_utf8(payload).map_err(|_| AuthErrorKind::Malformed)?;
        let claims = Claims::read(payload).map_err(|_| AuthErrorKind::InvalidClaims)?;
        validation::validate(&claims, payload, typ, settings, expected, now)?;
        let mut text = String::with_capacity(token.len() + payload.len());
        text.push_str(token);
        text.push_str(payload);
        // Made where it stays: it is some hundred bytes, and each move is a copy.
        let verified = Arc::new(Verified {
            text,
            token_len: token.len(),
            header_len: segments.header(token).len(),
            kind: expected.kind,
            typ,
            key_id: key.id.clone(),
            ring: ring.serial(),
            claims,
        });
        // A refresh token is used once.
        if let Some(cache) = cache.filter(|_| expected.kind == TokenKind::Access) {
            cache.keep(&verified, key.algorithm);
        }
        Ok(verified)
    })
}

/// What stands in a token whose signature verifies.
struct Checked<'s> {
    payload: &'s [u8],
    /// The kind that its header names.
    typ: Option<TokenKind>,
    key: &'s LoadedKey,
}

/// The payload of a token, if its signature verifies.
fn checked_payload<'s>(
    token: &str,
    segments: Segments,
    ring: &'s LoadedRing,
    scratch: &'s mut Scratch,
) -> Result<Checked<'s>, AuthErrorKind> {
    let known = ring.signing().and_then(|key| {
        key.known_headers().kind_of(segments.header(token)).map(|kind| (key, kind))
    });
    let header = match known {
        Some(_) => &[],
        None => decode(segments.header(token), &mut scratch.header)?,
    };
    let payload = decode(segments.payload(token), &mut scratch.payload)?;
    let signature = decode(segments.signature(token), &mut scratch.signature)?;
    let message = segments.signed(token);
    let fits = |key: &LoadedKey| key.verify(message, signature);
    let (key, typ) = if let Some((key, kind)) = known {
        // Another key without an id may have written the very same header.
        let key = match key.id {
            Some(_) => Some(key).filter(|key| fits(key)),
            None => ring.without_id(key.algorithm).find(|key| fits(key)),
        };
        (key, Some(kind))
    } else {
        let header = std::str::from_utf8(header).map_err(|_| AuthErrorKind::Malformed)?;
        let header = Header::read(header)?;
        (select(ring, &header, fits)?, header.typ)
    };
    let key = key.ok_or(AuthErrorKind::InvalidSignature)?;
    Ok(Checked { payload, typ, key })
}

fn decode<'b>(segment: &str, into: &'b mut Vec<u8>) -> Result<&'b [u8], AuthErrorKind> {
    base64url::decode(segment, into).map_err(|_| AuthErrorKind::Malformed)
}

/// Finds the key by `kid`, or among the few that have none; the one whose signature it is, if any.
fn select<'r>(
    ring: &'r LoadedRing,
    header: &Header<'_>,
    fits: impl Fn(&LoadedKey) -> bool,
) -> Result<Option<&'r LoadedKey>, AuthErrorKind> {
    let algorithm: Algorithm = header.alg.parse().map_err(|_| AuthErrorKind::WrongAlgorithm)?;
    if let Some(kid) = &header.kid {
        let key = ring.by_id(kid).ok_or(AuthErrorKind::UnknownKey)?;
        if key.algorithm != algorithm {
            return Err(AuthErrorKind::WrongAlgorithm);
        }
        return Ok(Some(key).filter(|key| fits(key)));
    }
    if !ring.keys().any(|key| key.algorithm == algorithm) {
        return Err(AuthErrorKind::WrongAlgorithm);
    }
    let mut candidates = ring.without_id(algorithm).peekable();
    if candidates.peek().is_none() {
        return Err(AuthErrorKind::UnknownKey);
    }
    Ok(candidates.find(|key| fits(key)))
}
