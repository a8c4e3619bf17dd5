//! Time: a token is not yet good, then good, then good no more; leeway is the same on both sides.

use std::time::{Duration, UNIX_EPOCH};

use jwt_auth::{AuthErrorKind, JwtAuth, ManualClock};
use proptest::prelude::*;
use tests::{NOW, claims, config, forge, plain_header};

use crate::verdict;

fn at(
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
    fn a_token_s_time_comes_once_and_goes_once_and_leeway_is_symmetric(
        nbf in -1000_i64..1000,
        iat in -1000_i64..1000,
        life in 0_i64..1000,
        leeway in 0_u64..=600,
        fraction in prop::sample::select(vec![0.0, 0.25, 0.5]),
        mut times in prop::collection::vec((-2000_i64..3000, 0_u32..1_000_000_000), 1..12),
        entries in prop::sample::select(vec![0_usize, 10]),
    ) {
        let (config, clock) = config();
        let leeway = i64::try_from(leeway).expect("small");
        let config = config.decode_leeway(Duration::from_secs(leeway.unsigned_abs()));
        let auth = config.verified_cache(entries).build().expect("good");
        let exp = nbf.max(iat) + life;
        let second = |offset: i64| NOW.checked_add_signed(offset).expect("within the calendar");
        let mut claims = claims();
        claims["nbf"] = second(nbf).into();
        claims["iat"] = second(iat).into();
        #[allow(clippy::cast_precision_loss, reason = "far below 2^53")]
        let date = second(exp) as f64 + fraction;
        claims["exp"] = date.into();
        let token = forge(&plain_header(), &claims);
        // The edges themselves, and one nanosecond beside them.
        let latest = nbf.max(iat) - leeway;
        times.extend([(latest, 0), (latest - 1, 999_999_999), (exp + leeway, 0), (exp + leeway - 1, 999_999_999)]);
        for (now, nanos) in times.iter().copied() {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "quarters of a second")]
            let end = ((fraction * 1e9) as u32, exp + leeway);
            let over = (now, nanos) >= (end.1, end.0);
            let begun = |from: i64| now >= from - leeway;
            let expected = if over {
                Err(AuthErrorKind::Expired)
            } else if !begun(nbf) {
                Err(AuthErrorKind::NotYetValid)
            } else if !begun(iat) {
                Err(AuthErrorKind::IssuedInTheFuture)
            } else {
                Ok("alice".to_owned())
            };
            prop_assert_eq!(at(&auth, &clock, &token, now, nanos), expected, "at {}", now);
        }
        // Whatever the order in which they were asked: good in one stretch of time, and in no other.
        times.sort_unstable();
        let good: Vec<bool> =
            times.iter().map(|(now, nanos)| at(&auth, &clock, &token, *now, *nanos).is_ok()).collect();
        let changes = good.windows(2).filter(|pair| pair[0] != pair[1]).count();
        prop_assert!(changes <= 1 + usize::from(!good[0]), "{:?}", good);
    }
}
