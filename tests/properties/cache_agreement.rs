//! A verifier with a cache and one without always agree: over time, revocations and other key rings.

use std::time::{Duration, UNIX_EPOCH};

use jwt_auth::{Algorithm, AuthErrorKind, Config, JwtAuth, Key, KeyRing, ManualClock};
use proptest::prelude::*;
use tests::{NOW, run_ready};

/// A verifier with a cache and one without, for each of three rings: the first key, the second key, and both.
struct Both {
    clock: ManualClock,
    pairs: Vec<[JwtAuth; 2]>,
    /// Access tokens, then refresh tokens, of two subjects and two keys, each of another session.
    tokens: Vec<String>,
}

fn key(n: usize) -> Key {
    if n == 0 {
        Key::secret(Algorithm::HS256, *b"secret number 1, with 32 bytes .").id("a")
    } else {
        let (private, public) = crate::pem(Algorithm::EdDSA);
        Key::pem_pair(Algorithm::EdDSA, private, public).id("b")
    }
}

fn both(cache_size: usize) -> Both {
    let clock = ManualClock::at(NOW);
    let rings =
        [KeyRing::new(key(0)), KeyRing::new(key(1)), KeyRing::new(key(0)).also_verify(key(1))];
    let pairs: Vec<[JwtAuth; 2]> = rings
        .into_iter()
        .map(|ring| {
            [cache_size, 0].map(|cache_size| {
                let config = Config::with_keys(ring.clone()).clock(clock.clone());
                config.verified_cache(cache_size).build().expect("a valid configuration")
            })
        })
        .collect();
    let (mut access, mut refresh) = (Vec::new(), Vec::new());
    for [auth, _] in &pairs[..2] {
        for subject in ["alice", "bob"] {
            for _ in 0..2 {
                let pair = auth.token_pair(subject).issue().expect("a pair");
                access.push(pair.access_token().to_owned());
                refresh.push(pair.refresh_token().to_owned());
            }
        }
    }
    access.extend(refresh);
    Both { clock, pairs, tokens: access }
}

#[derive(Clone, Debug)]
enum Step {
    Clock(u64),
    Ring(usize),
    Token(prop::sample::Index),
    Revoke(prop::sample::Index),
    LogOut(prop::sample::Index),
    LogOutEverywhere(&'static str),
    RevokeKey(&'static str),
    RevokeAll,
}

fn step() -> impl Strategy<Value = Step> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        2 => prop_oneof![0_u64..1000, 0_u64..40 * 86_400].prop_map(Step::Clock),
        2 => (0_usize..3).prop_map(Step::Ring),
        24 => index().prop_map(Step::Token),
        2 => index().prop_map(Step::Revoke),
        2 => index().prop_map(Step::LogOut),
        1 => prop::sample::select(vec!["alice", "bob", "carol"]).prop_map(Step::LogOutEverywhere),
        1 => prop::sample::select(vec!["a", "b", "c"]).prop_map(Step::RevokeKey),
        1 => Just(Step::RevokeAll),
    ]
}

/// The id and subject of a token of either kind, or why it is refused.
fn identity_or_kind(auth: &JwtAuth, token: &str, access: bool) -> Result<String, AuthErrorKind> {
    let id = |id: &str, subject: &str| format!("{id} {subject}");
    if access {
        let token = run_ready(auth.verify_access(token)).map_err(|error| error.kind())?;
        Ok(id(token.id(), token.subject()))
    } else {
        let token = run_ready(auth.verify_refresh(token)).map_err(|error| error.kind())?;
        Ok(id(token.id(), token.subject()))
    }
}

proptest! {
    #[test]
    fn a_cache_never_changes_a_verdict(
        steps in prop::collection::vec(step(), 1..50),
        cache_size in prop::sample::select(vec![1_usize, 4, 100]),
    ) {
        let Both { clock, pairs, tokens } = both(cache_size);
        let mut ring = 2;
        for step in steps {
            let pair = &pairs[ring];
            match step {
                Step::Clock(offset) => clock.set(UNIX_EPOCH + Duration::from_secs(NOW + offset)),
                Step::Ring(to) => ring = to,
                Step::Token(at) => {
                    let at = at.index(tokens.len());
                    for access in [at < tokens.len() / 2, at >= tokens.len() / 2] {
                        let [cached, plain] = pair.each_ref().map(|auth| identity_or_kind(auth, &tokens[at], access));
                        prop_assert_eq!(cached, plain);
                    }
                }
                Step::Revoke(at) => {
                    let token = &tokens[at.index(tokens.len() / 2)];
                    for auth in pair {
                        if let Ok(token) = run_ready(auth.verify_access(token)) {
                            run_ready(auth.revoke(&token)).expect("recorded");
                        }
                    }
                }
                Step::LogOut(at) => {
                    let token = &tokens[at.index(tokens.len() / 2)];
                    for auth in pair {
                        if let Ok(token) = run_ready(auth.verify_access(token)) {
                            run_ready(auth.log_out(token)).expect("recorded");
                        }
                    }
                }
                Step::LogOutEverywhere(subject) => {
                    for auth in pair {
                        run_ready(auth.log_out_everywhere(subject)).expect("recorded");
                    }
                }
                Step::RevokeKey(id) => {
                    for auth in pair {
                        run_ready(auth.revoke_key(id)).expect("recorded");
                    }
                }
                Step::RevokeAll => {
                    for auth in pair {
                        run_ready(auth.revoke_all()).expect("recorded");
                    }
                }
            }
        }
    }
}
