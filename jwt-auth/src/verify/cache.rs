//! Tokens whose signature has been checked, kept so that it is not checked again.
//!
//! Only verified tokens enter; what is found is the very same text, and everything but the signature is
//! judged anew each time: the clock, the settings, what the route asks, revocation.

use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};
use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::{Cache as Tokens, DefaultLifecycle};

use crate::keys::{Algorithm, Family, LoadedRing};
use crate::verify::Verified;

/// The tokens that are kept when nobody says how many: 10 MB of them.
const DEFAULT_ENTRIES: usize = 10_000;
/// What one token takes, with all that is kept beside it; larger ones count as several.
const ENTRY: u64 = 1024;

pub(crate) struct Cache {
    tokens: Tokens<u64, Arc<Verified>, ByBytes, BuildHasherDefault<Hashed>>,
    /// Made by chance for each cache, so that nobody can aim at a place in it.
    keys: [u64; 2],
    /// Whether tokens of HMAC are kept: checking their signature takes little longer than finding them.
    hmac: bool,
}

impl Cache {
    /// A cache of the size that was asked for; none where it would not pay.
    pub(crate) fn new(entries: Option<usize>, ring: &LoadedRing) -> Option<Self> {
        let hmac = entries.is_some();
        let pays = hmac || ring.keys().any(|key| key.algorithm.family() != Family::Hmac);
        let entries = entries.unwrap_or(DEFAULT_ENTRIES);
        (pays && entries > 0).then(|| Self {
            tokens: Tokens::with(
                entries,
                ENTRY.saturating_mul(entries as u64),
                ByBytes,
                BuildHasherDefault::default(),
                DefaultLifecycle::default(),
            ),
            keys: [0, 1].map(|n| RandomState::new().hash_one(n)),
            hmac,
        })
    }

    /// The token, if a key of this ring has verified it before.
    pub(super) fn get(&self, token: &[u8], ring: &LoadedRing) -> Option<Arc<Verified>> {
        let kept = self.tokens.get(&self.place(token))?;
        (kept.token().as_bytes() == token && kept.is_of(ring)).then_some(kept)
    }

    /// Lets go of a token whose time is up.
    pub(super) fn forget(&self, token: &[u8]) {
        self.tokens.remove(&self.place(token));
    }

    /// Keeps a token that was verified just now.
    pub(super) fn keep(&self, verified: &Arc<Verified>, algorithm: Algorithm) {
        if self.hmac || algorithm.family() != Family::Hmac {
            self.tokens.insert(self.place(verified.token().as_bytes()), Arc::clone(verified));
        }
    }

    /// By the end of the signature, whose 96 bits tell tokens apart; all of it would only cost time.
    fn place(&self, token: &[u8]) -> u64 {
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

/// A bound on bytes that is a bound on entries too.
#[derive(Clone)]
struct ByBytes;

impl Weighter<u64, Arc<Verified>> for ByBytes {
    fn weight(&self, _: &u64, verified: &Arc<Verified>) -> u64 {
        (verified.size() as u64).max(ENTRY)
    }
}

/// The hash of what is a hash already.
#[derive(Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::claims::TokenKind;
    use crate::config::{Config, Settings};
    use crate::error::AuthErrorKind;
    use crate::keys::{Key, KeyRing, Leniency};
    use crate::validation::Expected;
    use crate::verify::verify;
    use crate::{JwtAuth, ManualClock};

    const NOW: u64 = 1_000_000;

    fn key(byte: u8) -> Key {
        Key::secret(Algorithm::HS256, [byte; 32]).id(byte.to_string())
    }

    fn ring(keys: &[u8]) -> LoadedRing {
        let mut ring = KeyRing::new(key(keys[0]));
        for byte in &keys[1..] {
            ring = ring.also_verify(key(*byte));
        }
        LoadedRing::load(&ring, Leniency::default()).unwrap()
    }

    fn issuer(byte: u8) -> JwtAuth {
        let clock = ManualClock::at(NOW);
        Config::with_keys(KeyRing::new(key(byte))).clock(clock).build().unwrap()
    }

    /// Tokens of two keys, of both kinds, for two audiences and for none, and of three lives.
    fn tokens() -> Vec<String> {
        let mut all = Vec::new();
        for byte in [1, 2] {
            for life in [10, 100, 1000].map(Duration::from_secs) {
                for audience in [&[][..], &["a"], &["a", "b"]] {
                    let auth = issuer(byte);
                    let access = auth.access_token("alice").expires_in(life);
                    all.push(access.audience(audience.iter().copied()).issue().unwrap());
                    let refresh = auth.refresh_token("alice").expires_in(life);
                    all.push(refresh.audience(audience.iter().copied()).issue().unwrap());
                }
            }
        }
        all
    }

    fn ask(
        token: &str,
        ring: &LoadedRing,
        cache: Option<&Cache>,
        expected: Expected<'_>,
        now: u64,
    ) -> Result<String, AuthErrorKind> {
        let settings = Settings { decode_audience: vec!["b".to_owned()], ..Settings::default() };
        let now = Duration::from_secs(now);
        verify(token.as_bytes(), ring, cache, &settings, expected, now).map(|verified| {
            let (of_ring, identity) = (verified.is_of(ring), verified.identity());
            format!("{of_ring} {:?} {identity:?} {}", verified.kind, verified.payload())
        })
    }

    /// What happens next: the clock is set, the ring changes, a token comes in, perhaps with a bit flipped.
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
            let tokens = tokens();
            prop_assert_eq!(tokens.len(), 36);
            let cache = Cache::new(Some(entries), &rings[0]).unwrap();
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
                        let plain = ask(&token, &rings[ring], None, expected, now);
                        for again in 0..2 {
                            let cached = ask(&token, &rings[ring], Some(&cache), expected, now);
                            prop_assert_eq!(&cached, &plain, "presented {} times before", again);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_flood_of_tokens_that_do_not_verify_leaves_it_untouched() {
        let ring = ring(&[1]);
        let cache = Cache::new(Some(100), &ring).unwrap();
        let expected = Expected { kind: TokenKind::Access, audience: Some("b") };
        let good = tokens().swap_remove(4);
        assert!(ask(&good, &ring, Some(&cache), expected, NOW).is_ok());
        let signed = good.rsplit_once('.').unwrap().0;
        for n in 0..10_000_u64 {
            use base64::Engine as _;
            let mut signature = [0; 32];
            signature[..8].copy_from_slice(&n.to_le_bytes());
            let signature = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(signature);
            let forged = format!("{signed}.{signature}");
            assert!(ask(&forged, &ring, Some(&cache), expected, NOW).is_err());
        }
        // Good signatures do not help: an end long past, a wrong kind, another route's audience.
        for token in tokens() {
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
                assert!(ask(&token, &ring, Some(&cache), expected, now).is_err());
            }
        }
        assert_eq!(cache.len(), 1);
        assert!(cache.get(good.as_bytes(), &ring).is_some());
        // What has had its time goes.
        assert_eq!(
            ask(&good, &ring, Some(&cache), expected, NOW + 5000),
            Err(AuthErrorKind::Expired)
        );
        assert_eq!(cache.len(), 0);
    }

    fn is_access(token: &str) -> bool {
        let mut room = Vec::new();
        let payload =
            crate::base64url::decode(token.split('.').nth(1).unwrap(), &mut room).unwrap();
        std::str::from_utf8(payload).unwrap().contains("\"type\":\"access\"")
    }

    #[test]
    fn each_token_has_a_place_of_its_own() {
        let ring = ring(&[1, 2]);
        let cache = Cache::new(Some(100), &ring).unwrap();
        let expected = Expected { kind: TokenKind::Access, audience: Some("b") };
        let kept = tokens()
            .iter()
            .filter(|token| ask(token, &ring, Some(&cache), expected, NOW).is_ok())
            .count();
        assert_eq!(kept, 6);
        assert_eq!(cache.len(), kept);
    }

    #[test]
    fn a_refresh_token_is_used_once_and_not_kept() {
        let ring = ring(&[1]);
        let cache = Cache::new(Some(100), &ring).unwrap();
        let expected = Expected { kind: TokenKind::Refresh, audience: None };
        for token in tokens() {
            let _ = ask(&token, &ring, Some(&cache), expected, NOW);
        }
        assert_eq!(cache.len(), 0);
    }

    #[test]
    fn what_its_claims_keep_beside_them_counts() {
        let auth = issuer(1);
        let ring = ring(&[1]);
        let expected = Expected { kind: TokenKind::Access, audience: None };
        let roles = (0..600).map(|_| "\n");
        let token = auth.access_token("alice").roles(roles).issue().unwrap();
        let now = Duration::from_secs(NOW);
        let verified =
            verify(token.as_bytes(), &ring, None, &Settings::default(), expected, now).unwrap();
        let roles = 600 * (size_of_val(&verified.claims.roles[0]) + 1);
        assert!(verified.size() >= verified.text.len() + roles, "{}", verified.size());
    }

    #[test]
    fn it_is_bounded_in_entries_and_in_bytes() {
        let auth = issuer(1);
        let ring = ring(&[1]);
        let expected = Expected { kind: TokenKind::Access, audience: None };
        let settings = Settings::default();
        let now = Duration::from_secs(NOW);
        for (scopes, most) in [(1, 64), (400, 20)] {
            let cache = Cache::new(Some(64), &ring).unwrap();
            for _ in 0..500 {
                let scopes = (0..scopes).map(|n| format!("scope{n}"));
                let token = auth.access_token("alice").scopes(scopes).issue().unwrap();
                verify(token.as_bytes(), &ring, Some(&cache), &settings, expected, now).unwrap();
            }
            assert!((1..=most).contains(&cache.len()), "{} of {most}", cache.len());
            assert!(cache.tokens.weight() <= 64 * ENTRY);
        }
    }

    #[test]
    fn it_is_there_where_it_pays() {
        let hmac = ring(&[1]);
        assert!(Cache::new(None, &hmac).is_none());
        assert!(Cache::new(Some(0), &hmac).is_none());
        assert!(Cache::new(Some(1), &hmac).is_some());
        let public =
            Key::public_pem(Algorithm::EdDSA, include_str!("../../../tests/keys/ed.pub.pem"));
        let mixed = KeyRing::new(key(1)).also_verify(public);
        let mixed = LoadedRing::load(&mixed, Leniency::default()).unwrap();
        assert!(Cache::new(Some(0), &mixed).is_none());
        let cache = Cache::new(None, &mixed).unwrap();
        let expected = Expected { kind: TokenKind::Access, audience: Some("b") };
        assert!(ask(&tokens()[4], &mixed, Some(&cache), expected, NOW).is_ok());
        assert_eq!(cache.len(), 0, "a token of HMAC is not kept");
    }
}
