//! The cache of verified tokens, which saves repeated signature checks.
//!
//! Only verified tokens are inserted. A hit requires the identical text, and skips only the signature check: the
//! clock, the rules, the requirements of the route and revocation are checked on each request.

use std::hash::{BuildHasher, BuildHasherDefault, RandomState};
use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::{Cache as Tokens, DefaultLifecycle};

use crate::identity_hasher::IdentityHasher;
use crate::keys::{Algorithm, Family, LoadedRing};
use crate::token::verify::Verified;

/// The default number of tokens, about 10 MB.
const DEFAULT_ENTRIES: usize = 10_000;
/// The bytes of one token and its entry. Larger tokens count as several.
const ENTRY: u64 = 1024;

pub(crate) struct Cache {
    tokens: Tokens<u64, Arc<Verified>, ByteWeight, BuildHasherDefault<IdentityHasher>>,
    /// Random for each cache, so that no attacker can construct a collision.
    keys: [u64; 2],
    /// Whether HMAC tokens are cached. Checking their signature takes little longer than a look-up.
    caches_hmac: bool,
}

impl Cache {
    /// A cache for that many tokens; `None` if it would not save time.
    ///
    /// With `keys_change`, key pairs may come later.
    pub(crate) fn new(
        entries: Option<usize>,
        ring: &LoadedRing,
        keys_change: bool,
    ) -> Option<Self> {
        let caches_hmac = entries.is_some();
        let is_useful = caches_hmac
            || keys_change
            || ring.keys().any(|key| key.algorithm.family() != Family::Hmac);
        let entries = entries.unwrap_or(DEFAULT_ENTRIES);
        (is_useful && entries > 0).then(|| Self {
            tokens: Tokens::with(
                entries,
                ENTRY.saturating_mul(entries as u64),
                ByteWeight,
                BuildHasherDefault::default(),
                DefaultLifecycle::default(),
            ),
            keys: [0, 1].map(|n| RandomState::new().hash_one(n)),
            caches_hmac,
        })
    }

    /// The token, if its key still verifies.
    pub(super) fn get(
        &self,
        token: &[u8],
        still_verifies: impl Fn(&Verified) -> bool,
    ) -> Option<Arc<Verified>> {
        let cached = self.tokens.get(&self.slot(token))?;
        (cached.token().as_bytes() == token && still_verifies(&cached)).then_some(cached)
    }

    /// Removes an expired token.
    pub(super) fn remove(&self, token: &[u8]) {
        self.tokens.remove(&self.slot(token));
    }

    /// Inserts a token that was just verified, by a key of the algorithm or by its issuer. Returns whether the cache contains it
    /// now: tokens of the algorithm may not be cached, or there may be no room for this one.
    pub(super) fn insert(&self, verified: &Arc<Verified>, algorithm: Option<Algorithm>) -> bool {
        let is_hmac = algorithm.is_some_and(|algorithm| algorithm.family() == Family::Hmac);
        if !self.caches_hmac && is_hmac {
            return false;
        }
        let slot = self.slot(verified.token().as_bytes());
        self.tokens.insert(slot, Arc::clone(verified));
        self.tokens.peek(&slot).is_some_and(|cached| Arc::ptr_eq(&cached, verified))
    }

    /// The slot of a token, by the last 96 bits of its signature. Hashing all of it would only take longer.
    fn slot(&self, token: &[u8]) -> u64 {
        let end = |from: &[u8]| u64::from_ne_bytes(from.last_chunk().copied().unwrap_or_default());
        let words = [end(&token[..token.len().saturating_sub(8)]), end(token)];
        let product = u128::from(words[0] ^ self.keys[0]) * u128::from(words[1] ^ self.keys[1]);
        #[allow(clippy::cast_possible_truncation, reason = "both halves are folded into one")]
        let folded = (product >> 64) as u64 ^ product as u64;
        folded
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.tokens.len()
    }
}

/// Weighs entries by their bytes, so that one limit bounds both entries and bytes.
#[derive(Clone)]
struct ByteWeight;

impl Weighter<u64, Arc<Verified>> for ByteWeight {
    fn weight(&self, _: &u64, verified: &Arc<Verified>) -> u64 {
        (verified.size() as u64).max(ENTRY)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::config::{Config, TokenRules};
    use crate::error::AuthErrorKind;
    use crate::keys::{Key, KeyRing, LiveRing, RingTerms};
    use crate::token::trusted::AllKeys;
    use crate::token::validation::Expected;
    use crate::token::verify::verify;
    use crate::token_kind::TokenKind;
    use crate::{JwtAuth, ManualClock};

    const NOW: u64 = 1_000_000;

    fn key(byte: u8) -> Key {
        let mut secret = *b"secret number _, with 32 bytes .";
        secret[14] = byte;
        Key::secret(Algorithm::HS256, secret).id(byte.to_string())
    }

    fn ring(keys: &[u8]) -> LiveRing {
        let mut ring = KeyRing::new(key(keys[0]));
        for byte in &keys[1..] {
            ring = ring.also_verify(key(*byte));
        }
        LiveRing::new(LoadedRing::load(&ring, RingTerms::default()).unwrap())
    }

    fn issuer(byte: u8) -> JwtAuth {
        let clock = ManualClock::at(NOW);
        Config::with_keys(KeyRing::new(key(byte))).clock(clock).build().unwrap()
    }

    /// Tokens of two keys, both kinds, three lifetimes, and none, one or two audiences.
    fn issue_tokens() -> Vec<String> {
        let mut all = Vec::new();
        for byte in [1, 2] {
            for life in [10, 100, 1000].map(Duration::from_secs) {
                for audience in [&[][..], &["a"], &["a", "b"]] {
                    let auth = issuer(byte);
                    let access = auth.access_token("alice").expires_in(life);
                    let issued = access.audience(audience.iter().copied()).issue().unwrap();
                    all.push((*issued).to_owned());
                    let refresh = auth.refresh_token("alice").expires_in(life);
                    let issued = refresh.audience(audience.iter().copied()).issue().unwrap();
                    all.push((*issued).to_owned());
                }
            }
        }
        all
    }

    fn verify_with(
        token: &str,
        ring: &LiveRing,
        cache: Option<&Cache>,
        expected: Expected<'_>,
        now: u64,
    ) -> Result<String, AuthErrorKind> {
        let rules = TokenRules { decode_audience: vec!["b".to_owned()], ..TokenRules::default() };
        let now = Duration::from_secs(now);
        verify(token.as_bytes(), AllKeys::own(ring), cache, &rules, expected, now).map(|outcome| {
            let verified = outcome.verified;
            let (of_ring, identity) = (verified.is_of(ring.version(), now), verified.identity());
            format!("{of_ring} {:?} {identity:?} {}", verified.kind, verified.payload())
        })
    }

    /// The clock is set, the ring changes, or a token arrives, possibly with a flipped bit.
    #[derive(Clone, Debug)]
    enum Step {
        Clock(u64),
        Ring(usize),
        Token { which: usize, access: bool, audience: Option<&'static str>, flip: Option<usize> },
    }

    fn step() -> impl Strategy<Value = Step> {
        let token = (
            any::<prop::sample::Index>(),
            any::<bool>(),
            prop::sample::select(vec![None, Some("a"), Some("c")]),
            prop::option::weighted(0.2, 0_usize..4000),
        );
        prop_oneof![
            1 => (NOW - 10..NOW + 1100).prop_map(Step::Clock),
            1 => (0_usize..4).prop_map(Step::Ring),
            8 => token.prop_map(|(which, access, audience, flip)| Step::Token {
                which: which.index(36), access, audience, flip
            }),
        ]
    }

    proptest! {
        #[test]
        fn a_cache_changes_no_verdict(
            steps in prop::collection::vec(step(), 1..60),
            entries in prop::sample::select(vec![1_usize, 3, 100]),
        ) {
            let rings = [ring(&[1]), ring(&[2]), ring(&[1, 2]), ring(&[2, 1])];
            let tokens = issue_tokens();
            prop_assert_eq!(tokens.len(), 36);
            let cache = Cache::new(Some(entries), &rings[0].load(), false).unwrap();
            let (mut now, mut ring) = (NOW, 0);
            for step in steps {
                match step {
                    Step::Clock(to) => now = to,
                    Step::Ring(to) => ring = to,
                    Step::Token { which, access, audience, flip } => {
                        let mut token = tokens[which].clone().into_bytes();
                        if let Some(bit) = flip {
                            let at = bit / 7 % token.len();
                            token[at] ^= 1 << (bit % 7);
                        }
                        let token = String::from_utf8(token).unwrap();
                        let kind = if access { TokenKind::Access } else { TokenKind::Refresh };
                        let expected = Expected { kind, audience };
                        let plain = verify_with(&token, &rings[ring], None, expected, now);
                        for again in 0..2 {
                            let cached = verify_with(&token, &rings[ring], Some(&cache), expected, now);
                            prop_assert_eq!(&cached, &plain, "presented {} times before", again);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_flood_of_invalid_tokens_leaves_the_cache_unchanged() {
        let ring = ring(&[1]);
        let cache = Cache::new(Some(100), &ring.load(), false).unwrap();
        let expected = Expected { kind: TokenKind::Access, audience: Some("b") };
        let good = issue_tokens().swap_remove(4);
        assert!(verify_with(&good, &ring, Some(&cache), expected, NOW).is_ok());
        let signed = good.rsplit_once('.').unwrap().0;
        for n in 0..10_000_u64 {
            use base64::Engine as _;
            let mut signature = [0; 32];
            signature[..8].copy_from_slice(&n.to_le_bytes());
            let signature = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(signature);
            let forged = format!("{signed}.{signature}");
            assert!(verify_with(&forged, &ring, Some(&cache), expected, NOW).is_err());
        }
        // A token with a valid signature is not cached either if it is expired, of the wrong kind or for another
        // audience.
        for token in issue_tokens() {
            if token == good {
                continue;
            }
            let of_kind = |kind, audience| Expected { kind, audience: Some(audience) };
            let other = if is_access(&token) { TokenKind::Refresh } else { TokenKind::Access };
            for (expected, now) in [
                (of_kind(TokenKind::Access, "b"), NOW + 5000),
                (of_kind(TokenKind::Refresh, "b"), NOW + 5000),
                (of_kind(other, "b"), NOW),
                (of_kind(TokenKind::Access, "c"), NOW),
            ] {
                assert!(verify_with(&token, &ring, Some(&cache), expected, now).is_err());
            }
        }
        assert_eq!(cache.len(), 1);
        assert!(cache.get(good.as_bytes(), |_| true).is_some());
        // An expired token is removed.
        assert_eq!(
            verify_with(&good, &ring, Some(&cache), expected, NOW + 5000),
            Err(AuthErrorKind::Expired)
        );
        assert_eq!(cache.len(), 0);
    }

    fn is_access(token: &str) -> bool {
        let mut buffer = Vec::new();
        let payload =
            crate::base64url::decode(token.split('.').nth(1).unwrap(), &mut buffer).unwrap();
        std::str::from_utf8(payload).unwrap().contains("\"type\":\"access\"")
    }

    #[test]
    fn each_token_has_its_own_entry() {
        let ring = ring(&[1, 2]);
        let cache = Cache::new(Some(100), &ring.load(), false).unwrap();
        let expected = Expected { kind: TokenKind::Access, audience: Some("b") };
        let valid = issue_tokens()
            .iter()
            .filter(|token| verify_with(token, &ring, Some(&cache), expected, NOW).is_ok())
            .count();
        assert_eq!(valid, 6);
        assert_eq!(cache.len(), valid);
    }

    #[test]
    fn refresh_tokens_are_not_cached() {
        let ring = ring(&[1]);
        let cache = Cache::new(Some(100), &ring.load(), false).unwrap();
        let expected = Expected { kind: TokenKind::Refresh, audience: None };
        for token in issue_tokens() {
            let _ = verify_with(&token, &ring, Some(&cache), expected, NOW);
        }
        assert_eq!(cache.len(), 0);
    }

    #[test]
    fn the_size_of_a_token_includes_the_heap_of_its_claims() {
        let auth = issuer(1);
        let ring = ring(&[1]);
        let expected = Expected { kind: TokenKind::Access, audience: None };
        let names = (0..600).map(|_| "\n");
        let token = auth.access_token("alice").roles(names).issue().unwrap();
        let now = Duration::from_secs(NOW);
        let rules = TokenRules::default();
        let verified = verify(token.as_bytes(), AllKeys::own(&ring), None, &rules, expected, now)
            .unwrap()
            .verified;
        let heap = 600 * (size_of_val(&verified.claims.roles[0]) + 1);
        assert!(
            verified.size() >= verified.token().len() + verified.payload().len() + heap,
            "{}",
            verified.size()
        );
    }

    #[test]
    fn the_cache_is_bounded_in_entries_and_in_bytes() {
        let auth = issuer(1);
        let ring = ring(&[1]);
        let expected = Expected { kind: TokenKind::Access, audience: None };
        let rules = TokenRules::default();
        let now = Duration::from_secs(NOW);
        for (scopes, most) in [(1, 64), (400, 20)] {
            let cache = Cache::new(Some(64), &ring.load(), false).unwrap();
            for _ in 0..500 {
                let scopes = (0..scopes).map(|n| format!("scope{n}"));
                let token = auth.access_token("alice").scopes(scopes).issue().unwrap();
                let bytes = token.as_bytes();
                let outcome =
                    verify(bytes, AllKeys::own(&ring), Some(&cache), &rules, expected, now)
                        .unwrap();
                assert_eq!(outcome.is_cached, cache.get(bytes, |_| true).is_some());
            }
            assert!((1..=most).contains(&cache.len()), "{} of {most}", cache.len());
            assert!(cache.tokens.weight() <= 64 * ENTRY);
        }
    }

    #[test]
    fn hmac_tokens_are_cached_only_on_request() {
        let hmac = ring(&[1]);
        assert!(Cache::new(None, &hmac.load(), false).is_none());
        assert!(Cache::new(Some(0), &hmac.load(), false).is_none());
        assert!(Cache::new(Some(1), &hmac.load(), false).is_some());
        let public =
            Key::public_pem(Algorithm::EdDSA, include_str!("../../../tests/keys/ed.pub.pem"));
        let mixed = KeyRing::new(key(1)).also_verify(public);
        let mixed = LiveRing::new(LoadedRing::load(&mixed, RingTerms::default()).unwrap());
        assert!(Cache::new(Some(0), &mixed.load(), false).is_none());
        let cache = Cache::new(None, &mixed.load(), false).unwrap();
        let expected = Expected { kind: TokenKind::Access, audience: Some("b") };
        assert!(verify_with(&issue_tokens()[4], &mixed, Some(&cache), expected, NOW).is_ok());
        assert_eq!(cache.len(), 0, "an HMAC token is not cached");
    }
}
