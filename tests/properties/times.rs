//! Validity times: a token is valid in one interval, which the leeways extend.

use std::time::{Duration, UNIX_EPOCH};

use jwt_auth::{AuthErrorKind, JwtAuth, ManualClock};
use proptest::prelude::*;
use tests::{NOW, claims, config, forge, plain_header};

use crate::verdict;

fn verdict_at(
    auth: &JwtAuth,
    clock: &ManualClock,
    token: &str,
    seconds: i64,
    nanos: u32,
) -> Result<String, AuthErrorKind> {
    let second = NOW.checked_add_signed(seconds).expect("within the calendar");
    clock.set(UNIX_EPOCH + Duration::new(second, nanos));
    verdict(auth, token)
}

proptest! {
    #[test]
    fn a_token_is_valid_in_one_interval_that_the_leeways_extend(
        issued_at_leeway in 0_i64..=60,
        nbf in -1000_i64..1000,
        iat in -1000_i64..1000,
        life in 0_i64..1000,
        leeway in 0_u64..=600,
        fraction in prop::sample::select(vec![0.0, 0.25, 0.5]),
        mut times in prop::collection::vec((-2000_i64..3000, 0_u32..1_000_000_000), 1..12),
        cache_size in prop::sample::select(vec![0_usize, 10]),
    ) {
        let (config, clock) = config();
        let leeway = i64::try_from(leeway).expect("small");
        let seconds = |seconds: i64| Duration::from_secs(seconds.unsigned_abs());
        let config = config.decode_leeway(seconds(leeway)).issued_at_leeway(seconds(issued_at_leeway));
        let ahead = leeway.max(issued_at_leeway);
        let auth = config.verified_cache(cache_size).build().expect("a valid configuration");
        let exp = nbf.max(iat) + life;
        let second = |offset: i64| NOW.checked_add_signed(offset).expect("within the calendar");
        let mut claims = claims();
        claims["nbf"] = second(nbf).into();
        claims["iat"] = second(iat).into();
        #[allow(clippy::cast_precision_loss, reason = "far below 2^53")]
        let date = second(exp) as f64 + fraction;
        claims["exp"] = date.into();
        let token = forge(&plain_header(), &claims);
        // The bounds, and one nanosecond before them.
        let latest = nbf.max(iat) - ahead;
        times.extend([(latest, 0), (latest - 1, 999_999_999), (exp + leeway, 0), (exp + leeway - 1, 999_999_999)]);
        for (now, nanos) in times.iter().copied() {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "quarters of a second")]
            let end = ((fraction * 1e9) as u32, exp + leeway);
            let is_expired = (now, nanos) >= (end.1, end.0);
            let has_begun = |from: i64| now >= from - ahead;
            let expected = if is_expired {
                Err(AuthErrorKind::Expired)
            } else if !has_begun(nbf) {
                Err(AuthErrorKind::NotYetValid)
            } else if !has_begun(iat) {
                Err(AuthErrorKind::IssuedInTheFuture)
            } else {
                Ok("alice".to_owned())
            };
            prop_assert_eq!(verdict_at(&auth, &clock, &token, now, nanos), expected, "at {}", now);
        }
        // Sorted by time, the verdicts show one interval in which the token is valid.
        times.sort_unstable();
        let valid: Vec<bool> =
            times.iter().map(|(now, nanos)| verdict_at(&auth, &clock, &token, *now, *nanos).is_ok()).collect();
        let changes = valid.windows(2).filter(|pair| pair[0] != pair[1]).count();
        prop_assert!(changes <= 1 + usize::from(!valid[0]), "{:?}", valid);
    }
}
