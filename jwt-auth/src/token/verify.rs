//! Verification: the only place where a token is read and its signature is checked.
//!
//! The order is size, alphabet, segments, base64url, UTF-8, header, key, signature, claims. No claim is read
//! before the signature is checked. Revocation is checked elsewhere (`auth/authenticate.rs`).

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::base64url;
use crate::config::{LegacyRules, TokenRules};
use crate::error::{AuthErrorKind, Compat};
use crate::keys::{Algorithm, Family, LoadedKey, LoadedRing, RingKey};
use crate::session::{self, TokenIdentity};
use crate::token::cache::Cache;
use crate::token::claims::Claims;
use crate::token::compact::{self, Segments};
use crate::token::foreign::Payload;
use crate::token::header::Header;
use crate::token::introspection;
use crate::token::trusted::{AllKeys, Trusted};
use crate::token::validation::{self, Expected};
use crate::token_kind::TokenKind;

/// A token after its signature and claims were checked.
///
/// Only this file can construct one.
pub struct Verified {
    /// The token, then its decoded payload.
    text: String,
    token_len: usize,
    header_len: usize,
    pub(super) kind: TokenKind,
    /// The kind that its header names, if any.
    pub(super) typ: Option<TokenKind>,
    /// The id of the key that verified it.
    key_id: Option<Arc<str>>,
    /// The ring that contains the key that verified it, and its version. For an introspected token, its issuer.
    ring: u64,
    version: u64,
    /// When that key stops verifying, tokens of this form are no longer accepted, or the token must be introspected again.
    key_ends: Duration,
    /// The trusted issuer that issued it.
    pub(super) issuer: Option<u64>,
    /// Whether a scope such as `notes:*` covers others.
    scope_wildcards: bool,
    /// The difference between clocks that was tolerated.
    clock_tolerance: Duration,
    pub(super) claims: Claims,
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

    /// The approximate size in memory, in bytes.
    pub(super) fn size(&self) -> usize {
        size_of::<Self>() + self.text.capacity() + self.claims.heap()
    }

    /// Whether a key of this ring, or of one that it has replaced, verified the token.
    pub(crate) fn was_verified_by(&self, ring: &LoadedRing) -> bool {
        self.ring == ring.origin()
    }

    /// Whether the key that verified the token is one of the ring of this version, and still verifies.
    pub(super) fn is_of(&self, version: u64, now: Duration) -> bool {
        self.version == version && now < self.key_ends
    }

    /// Whether the token comes from a log-in, or counts as such for a while.
    pub(crate) fn is_fresh(&self, rules: &TokenRules) -> bool {
        self.claims.fresh.is_fresh(&*rules.clock)
    }

    /// Whether the token has the scope, or one that covers it.
    pub(crate) fn has_scope(&self, required: &str) -> bool {
        let covers = |granted: &str| {
            // `notes:*` covers `notes:read`; a star alone covers nothing.
            let prefix = granted.strip_suffix('*').filter(|prefix| prefix.ends_with(':'));
            prefix
                .is_some_and(|prefix| required.strip_prefix(prefix).is_some_and(|s| !s.is_empty()))
        };
        self.scopes()
            .any(|granted| granted == required || (self.scope_wildcards && covers(granted)))
    }

    pub(crate) fn subject(&self) -> &str {
        self.claims.sub.as_ref().map_or("", |sub| sub.of(self.payload()))
    }

    /// The value that a request with the token in a cookie must repeat.
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
            // A refresh token of fastapi-jwt-auth has no `sid`: it starts a session that has its `jti` as id.
            session_id: self
                .claims
                .sid
                .as_ref()
                .or(self.claims.jti.as_ref().filter(|_| self.kind == TokenKind::Refresh))
                .map(|sid| sid.of(payload)),
            session_started_at: self.claims.session_started_at,
            generation: self.claims.generation,
            issued_at: self.claims.iat,
            expires_at: self.claims.exp,
            clock_tolerance: self.clock_tolerance,
            payload: session::Payload(payload),
        }
    }
}

impl Drop for Verified {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.text).into_bytes();
        bytes.fill(0);
        // Without this use the compiler could remove the overwriting.
        std::hint::black_box(&bytes);
    }
}

impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// The buffers of one thread, so that decoding a token allocates nothing.
#[derive(Default)]
pub(super) struct Scratch {
    header: Vec<u8>,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// A verified token, and whether its next verification is a cache hit.
pub(crate) struct Verification {
    pub(crate) verified: Arc<Verified>,
    pub(crate) is_cached: bool,
    /// Whether its signature is an HMAC, which costs little to check.
    pub(crate) is_hmac: bool,
}

/// Reads, verifies and validates a token. A cached token is only validated.
pub(crate) fn verify(
    token: &[u8],
    keys: AllKeys<'_>,
    cache: Option<&Cache>,
    rules: &TokenRules,
    expected: Expected<'_>,
    now: Duration,
) -> Result<Verification, AuthErrorKind> {
    if let Some(cache) = cache
        && let Some(cached) = cache.get(token, |verified| keys.still_verify(verified, now))
    {
        let verdict = validate(&cached, rules, expected, now);
        if verdict == Err(AuthErrorKind::Expired) {
            cache.remove(token);
        }
        return verdict.map(|()| Verification {
            verified: cached,
            is_cached: true,
            is_hmac: false,
        });
    }
    SCRATCH.with_borrow_mut(|scratch| {
        let token = compact::text(token)?;
        let segments = Segments::split(token)?;
        if !keys.trusted.is_empty() {
            let payload = decode(segments.payload(token), &mut scratch.payload)?;
            if let Some((issuer, name)) = keys.issuer_of(payload) {
                let presented = Presented { token, segments, cache, expected, now };
                return verify_of_issuer(issuer, name, &presented, rules, scratch);
            }
        }
        let ring = keys.own.load();
        let Checked { payload, typ, key } = checked_payload(token, segments, &ring, scratch, now)?;
        let payload = std::str::from_utf8(payload).map_err(|_| AuthErrorKind::Malformed)?;
        let legacy = rules.legacy.as_ref().filter(|legacy| is_legacy(legacy, key, typ, now));
        let rewritten = legacy.map(|legacy| {
            let audience = rules.decode_audience.first().map(String::as_str);
            let rewritten =
                Payload::read(payload).and_then(|all| all.rewrite(token, &legacy.names, audience));
            rewritten.map_err(|_| AuthErrorKind::InvalidClaims)
        });
        let rewritten = rewritten.transpose()?;
        let payload = rewritten.as_deref().unwrap_or(payload);
        let claims =
            Claims::read(payload, rules.compat).map_err(|_| AuthErrorKind::InvalidClaims)?;
        validation::validate(&claims, payload, typ, rules, expected, now)?;
        validation::check_names(&claims, payload)?;
        // A cached token is not accepted for longer than others.
        let ends = legacy.map(|legacy| legacy.until).into_iter().chain(key.verifies_until()).min();
        // Constructed in place: it has several hundred bytes, and each move would copy them.
        let verified = Arc::new(Verified {
            text: joined(token, payload),
            token_len: token.len(),
            header_len: segments.header(token).len(),
            kind: expected.kind,
            typ,
            key_id: key.id.clone(),
            ring: ring.origin(),
            version: ring.version(),
            key_ends: ends.unwrap_or(Duration::MAX),
            issuer: None,
            scope_wildcards: rules.scope_wildcards && legacy.is_none(),
            clock_tolerance: rules.clock_tolerance(),
            claims,
        });
        // A refresh token is used once, so it is not cached.
        let is_cached = cache
            .filter(|_| expected.kind == TokenKind::Access)
            .is_some_and(|cache| cache.insert(&verified, Some(key.algorithm)));
        let is_hmac = key.algorithm.family() == Family::Hmac;
        Ok(Verification { verified, is_cached, is_hmac })
    })
}

/// The token, then its payload.
fn joined(token: &str, payload: &str) -> String {
    let mut text = String::with_capacity(token.len() + payload.len());
    text.push_str(token);
    text.push_str(payload);
    text
}

/// Validates the claims of a verified token.
fn validate(
    verified: &Verified,
    rules: &TokenRules,
    expected: Expected<'_>,
    now: Duration,
) -> Result<(), AuthErrorKind> {
    let (claims, payload) = (&verified.claims, verified.payload());
    if verified.issuer.is_some() {
        validation::validate_of_issuer(claims, payload, verified.typ, rules, expected, now)
    } else {
        validation::validate(claims, payload, verified.typ, rules, expected, now)
    }
}

/// A token that a caller presents, and what is required of it.
struct Presented<'a> {
    token: &'a str,
    segments: Segments,
    cache: Option<&'a Cache>,
    expected: Expected<'a>,
    now: Duration,
}

/// Verifies a token that names a trusted issuer, with the keys of that issuer alone.
fn verify_of_issuer(
    issuer: &Trusted,
    name: &str,
    presented: &Presented<'_>,
    rules: &TokenRules,
    scratch: &mut Scratch,
) -> Result<Verification, AuthErrorKind> {
    let Presented { token, segments, cache, expected, now } = *presented;
    let (ring, version) = issuer.source.ring(name).ok_or(AuthErrorKind::Unavailable)?;
    let Checked { payload, typ, key } = checked_payload(token, segments, &ring, scratch, now)?;
    let payload = std::str::from_utf8(payload).map_err(|_| AuthErrorKind::Malformed)?;
    let by = VerifiedBy {
        header_len: segments.header(token).len(),
        typ,
        key_id: key.id.clone(),
        ring: ring.origin(),
        version,
        ends: key.verifies_until().unwrap_or(Duration::MAX),
    };
    let verified = token_of_issuer(issuer, token, payload, by, rules, expected, now)?;
    let is_cached = cache.is_some_and(|cache| cache.insert(&verified, Some(key.algorithm)));
    Ok(Verification { verified, is_cached, is_hmac: false })
}

/// A token, and the response of its issuer about it.
pub(crate) struct Introspected<'a> {
    pub(crate) issuer: &'a Trusted,
    /// The name by which a JWT names the issuer.
    pub(crate) named: Option<&'a str>,
    pub(crate) token: &'a str,
    pub(crate) response: &'a str,
    /// From when on it is introspected again.
    pub(crate) ends: Duration,
}

/// Validates an introspected token. It is cached until it has to be introspected again.
pub(crate) fn verify_introspected(
    introspected: &Introspected<'_>,
    cache: Option<&Cache>,
    rules: &TokenRules,
    expected: Expected<'_>,
    now: Duration,
) -> Result<Verification, AuthErrorKind> {
    let Introspected { issuer, named, token, response, ends } = *introspected;
    let payload = introspection::claims(response, &issuer.rules, named);
    if payload == Err(AuthErrorKind::NotActive)
        && let Some(cache) = cache
    {
        cache.remove(token.as_bytes());
    }
    let payload = payload?;
    let by = VerifiedBy {
        header_len: 0,
        typ: None,
        key_id: None,
        ring: issuer.id,
        version: issuer.id,
        ends,
    };
    let verified = token_of_issuer(issuer, token, &payload, by, rules, expected, now)?;
    let is_cached = now < ends && cache.is_some_and(|cache| cache.insert(&verified, None));
    Ok(Verification { verified, is_cached, is_hmac: false })
}

/// What has verified a token of an issuer.
struct VerifiedBy {
    header_len: usize,
    typ: Option<TokenKind>,
    key_id: Option<Arc<str>>,
    ring: u64,
    version: u64,
    ends: Duration,
}

/// Validates the claims of a token of an issuer, and gives them our names.
fn token_of_issuer(
    issuer: &Trusted,
    token: &str,
    payload: &str,
    by: VerifiedBy,
    rules: &TokenRules,
    expected: Expected<'_>,
    now: Duration,
) -> Result<Arc<Verified>, AuthErrorKind> {
    let members = Payload::read(payload).map_err(|_| AuthErrorKind::InvalidClaims)?;
    issuer.check(&members, by.typ)?;
    let payload = members.rewrite(token, &issuer.rules.names, None);
    let payload = payload.map_err(|_| AuthErrorKind::InvalidClaims)?;
    let claims = Claims::read(&payload, None).map_err(|_| AuthErrorKind::InvalidClaims)?;
    validation::validate_of_issuer(&claims, &payload, by.typ, rules, expected, now)?;
    validation::check_names(&claims, &payload)?;
    Ok(Arc::new(Verified {
        text: joined(token, &payload),
        token_len: token.len(),
        header_len: by.header_len,
        kind: expected.kind,
        typ: by.typ,
        key_id: by.key_id,
        ring: by.ring,
        version: by.version,
        key_ends: by.ends,
        issuer: Some(issuer.id),
        // Another issuer may mean the star itself.
        scope_wildcards: false,
        clock_tolerance: rules.clock_tolerance(),
        claims,
    }))
}

/// Whether an earlier implementation wrote the token. One of ours names its kind in the header.
fn is_legacy(legacy: &LegacyRules, key: &LoadedKey, typ: Option<TokenKind>, now: Duration) -> bool {
    typ.is_none() && now < legacy.until && key.id.as_deref() == Some(&*legacy.key_id)
}

/// A token with a valid signature, whose claims may be refused.
pub(super) struct Signed<'r> {
    pub(super) payload: String,
    pub(super) claims: Claims,
    pub(super) key: &'r RingKey,
}

/// Reads a token, and does not validate it: for a diagnosis, and to sign it again. `None` if its signature is not
/// valid.
pub(super) fn read_signed<'r>(
    token: &[u8],
    ring: &'r LoadedRing,
    compat: Option<Compat>,
    now: Duration,
) -> Option<Signed<'r>> {
    SCRATCH.with_borrow_mut(|scratch| {
        let token = compact::text(token).ok()?;
        let segments = Segments::split(token).ok()?;
        let Checked { payload, key, .. } =
            checked_payload(token, segments, ring, scratch, now).ok()?;
        let payload = std::str::from_utf8(payload).ok()?.to_owned();
        let claims = Claims::read(&payload, compat).ok()?;
        Some(Signed { payload, claims, key })
    })
}

/// The content of a token with a valid signature.
pub(super) struct Checked<'s, 'r> {
    pub(super) payload: &'s [u8],
    /// The kind that its header names, if any.
    pub(super) typ: Option<TokenKind>,
    key: &'r RingKey,
}

/// The payload of a token, if its signature is valid.
pub(super) fn checked_payload<'s, 'r>(
    token: &str,
    segments: Segments,
    ring: &'r LoadedRing,
    scratch: &'s mut Scratch,
    now: Duration,
) -> Result<Checked<'s, 'r>, AuthErrorKind> {
    let known = ring
        .scheduled(now)
        .filter(|key| key.verifies)
        .and_then(|key| key.own_headers().kind_of(segments.header(token)).map(|kind| (key, kind)));
    let header = match known {
        Some(_) => &[],
        None => decode(segments.header(token), &mut scratch.header)?,
    };
    let payload = decode(segments.payload(token), &mut scratch.payload)?;
    let signature = decode(segments.signature(token), &mut scratch.signature)?;
    let message = segments.signed(token);
    let matches = |key: &LoadedKey| key.verify(message, signature);
    let (key, typ) = if let Some((key, kind)) = known {
        // Another key without an id may have written the same header.
        let key = match key.id {
            Some(_) => Some(key).filter(|key| matches(key)),
            None => ring.without_id(key.algorithm, now).find(|key| matches(key)),
        };
        (key, Some(kind))
    } else {
        let header = std::str::from_utf8(header).map_err(|_| AuthErrorKind::Malformed)?;
        let header = Header::read(header)?;
        (select(ring, &header, now, matches)?, header.typ)
    };
    let key = key.ok_or(AuthErrorKind::InvalidSignature)?;
    Ok(Checked { payload, typ, key })
}

fn decode<'b>(segment: &str, into: &'b mut Vec<u8>) -> Result<&'b [u8], AuthErrorKind> {
    base64url::decode(segment, into).map_err(|_| AuthErrorKind::Malformed)
}

/// Selects the key by `kid`. If there is none, or no key has it, tries the few keys that may have signed the token (R9).
/// `None` if no signature matches.
fn select<'r>(
    ring: &'r LoadedRing,
    header: &Header<'_>,
    now: Duration,
    matches: impl Fn(&LoadedKey) -> bool,
) -> Result<Option<&'r RingKey>, AuthErrorKind> {
    let algorithm = Algorithm::from_name(&header.alg).ok_or(AuthErrorKind::WrongAlgorithm)?;
    let Some(kid) = &header.kid else {
        return among(ring.without_id(algorithm, now), ring, algorithm, now, matches);
    };
    match ring.by_id(kid) {
        Some(key) if key.algorithm != algorithm || !key.verifies => {
            Err(AuthErrorKind::WrongAlgorithm)
        }
        Some(key) if key.is_revoked() && matches(key) => Err(AuthErrorKind::Revoked),
        Some(key) if key.is_revoked() => Ok(None),
        // Its last token has expired.
        Some(key) if !key.verifies_at(now) => Err(AuthErrorKind::UnknownKey),
        Some(key) => Ok(Some(key).filter(|key| matches(key))),
        None => among(ring.of_unknown_id(algorithm, now), ring, algorithm, now, matches),
    }
}

/// The first of the candidates whose signature matches.
fn among<'r>(
    mut candidates: impl Iterator<Item = &'r RingKey>,
    ring: &LoadedRing,
    algorithm: Algorithm,
    now: Duration,
    matches: impl Fn(&LoadedKey) -> bool,
) -> Result<Option<&'r RingKey>, AuthErrorKind> {
    let Some(first) = candidates.next() else {
        let is_known = ring.keys().any(|key| key.verifies_at(now) && key.algorithm == algorithm);
        return Err(if is_known {
            AuthErrorKind::UnknownKey
        } else {
            AuthErrorKind::WrongAlgorithm
        });
    };
    Ok(std::iter::once(first).chain(candidates).find(|key| matches(key)))
}
