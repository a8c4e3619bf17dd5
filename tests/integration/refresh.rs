//! Rotation: SECURITY.md §4.

use std::sync::Arc;
use std::time::Duration;

use jwt_auth::{AuthErrorKind, Config, JwtAuth, ManualClock, TokenPair};
use serde_json::json;
use tests::{NOW, SECRET, config, forge, plain_header};

async fn rotate(auth: &JwtAuth, token: &str) -> Result<TokenPair, AuthErrorKind> {
    let token = auth.verify_refresh(token).await.map_err(|error| error.kind())?;
    auth.rotate(token).await.map_err(|error| error.kind())
}

fn good() -> (JwtAuth, ManualClock) {
    let (config, clock) = config();
    (config.build().expect("good"), clock)
}

const PAST_THE_GRACE: Duration = Duration::from_secs(11);

#[tokio::test]
async fn one_time_use_and_what_is_carried_along() {
    let (auth, clock) = good();
    let first = auth
        .token_pair("alice")
        .fresh(true)
        .scopes(["a", "b"])
        .roles(["r"])
        .claims(&json!({ "tenant": "acme" }))
        .issue()
        .expect("a pair");
    clock.advance(Duration::from_secs(60));
    let second = rotate(&auth, first.refresh_token()).await.expect("rotated");
    let access = auth.verify_access(second.access_token()).await.expect("good");
    assert_eq!(access.scopes().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(access.roles().collect::<Vec<_>>(), ["r"]);
    assert_eq!(access.claims()["tenant"], "acme");
    assert_eq!(access.claims()["auth_time"], NOW);
    assert!(!access.is_fresh(), "a refresh makes no fresh token");
    let old = auth.verify_refresh(first.refresh_token()).await.expect("still verifies");
    let new = auth.verify_refresh(second.refresh_token()).await.expect("good");
    assert_eq!(old.claims()["fam"], new.claims()["fam"]);
    assert_eq!(new.claims()["gen"], 1);
    clock.advance(Duration::from_secs(60));
    assert!(rotate(&auth, second.refresh_token()).await.is_ok());
}

#[tokio::test]
async fn two_tabs_get_the_same_successor() {
    let (auth, clock) = good();
    let first = auth.log_in("alice").await.expect("a pair");
    let one = rotate(&auth, first.refresh_token()).await.expect("rotated");
    clock.advance(Duration::from_secs(9));
    let two = rotate(&auth, first.refresh_token()).await.expect("replayed");
    assert_eq!(one.refresh_token(), two.refresh_token(), "not a sibling");
    assert!(rotate(&auth, two.refresh_token()).await.is_ok(), "and it is good for one use");
}

#[tokio::test]
async fn reuse_after_the_grace_ends_the_session() {
    let (auth, clock) = good();
    let first = auth.log_in("alice").await.expect("a pair");
    let other = auth.log_in("alice").await.expect("another session");
    let second = rotate(&auth, first.refresh_token()).await.expect("rotated");
    clock.advance(Duration::from_secs(10));
    assert_eq!(rotate(&auth, first.refresh_token()).await, Err(AuthErrorKind::RefreshTokenReused));
    for dead in [&first, &second] {
        assert_eq!(rotate(&auth, dead.refresh_token()).await, Err(AuthErrorKind::Revoked));
        let error = auth.verify_access(dead.access_token()).await.expect_err("dead");
        assert_eq!(error.kind(), AuthErrorKind::Revoked, "the access tokens of the family too");
    }
    assert!(rotate(&auth, other.refresh_token()).await.is_ok(), "the other session lives");
}

#[tokio::test]
async fn an_older_ancestor_is_reuse_even_within_the_grace() {
    let (auth, _) = good();
    let first = auth.log_in("alice").await.expect("a pair");
    let second = rotate(&auth, first.refresh_token()).await.expect("rotated");
    let third = rotate(&auth, second.refresh_token()).await.expect("rotated");
    assert_eq!(rotate(&auth, first.refresh_token()).await, Err(AuthErrorKind::RefreshTokenReused));
    assert_eq!(rotate(&auth, third.refresh_token()).await, Err(AuthErrorKind::Revoked));
}

#[tokio::test]
async fn a_grace_of_zero_is_none() {
    let (config, _) = config();
    let auth = config.refresh_grace(Duration::ZERO).build().expect("good");
    let first = auth.log_in("alice").await.expect("a pair");
    assert!(rotate(&auth, first.refresh_token()).await.is_ok());
    assert_eq!(rotate(&auth, first.refresh_token()).await, Err(AuthErrorKind::RefreshTokenReused));
}

#[tokio::test]
async fn idle_and_absolute_ends() {
    let day = Duration::from_secs(86_400);
    let (config, clock) = config();
    let auth = config
        .refresh_token_expires(2 * day)
        .refresh_family_expires(5 * day)
        .build()
        .expect("good");
    let idle = auth.log_in("alice").await.expect("a pair");
    let mut pair = auth.log_in("alice").await.expect("a pair");
    for _ in 0..3 {
        clock.advance(day + day / 2);
        pair = rotate(&auth, pair.refresh_token()).await.expect("within both ends");
    }
    assert_eq!(
        rotate(&auth, idle.refresh_token()).await,
        Err(AuthErrorKind::Expired),
        "idle for 4.5 days"
    );
    let last = auth.verify_refresh(pair.refresh_token()).await.expect("good");
    let end = std::time::UNIX_EPOCH + Duration::from_secs(NOW) + 5 * day;
    assert_eq!(last.expires_at(), Some(end), "rotation does not extend the session");
    clock.advance(day / 2);
    assert_eq!(rotate(&auth, pair.refresh_token()).await, Err(AuthErrorKind::Expired));
}

#[tokio::test]
async fn an_access_token_does_not_outlive_its_session() {
    let (config, clock) = config();
    let hour = Duration::from_secs(3600);
    let auth =
        config.access_token_expires(hour).refresh_family_expires(2 * hour).build().expect("good");
    let pair = auth.log_in("alice").await.expect("a pair");
    clock.advance(hour + hour / 2);
    let pair = rotate(&auth, pair.refresh_token()).await.expect("rotated");
    assert_eq!(pair.expires_in(), hour / 2);
}

#[tokio::test]
async fn a_token_of_fastapi_jwt_auth_is_the_first_of_a_family_named_by_its_id() {
    let (auth, clock) = good();
    let claims = json!({ "sub": "alice", "iat": NOW, "nbf": NOW, "jti": "a-uuid", "exp": NOW + 86_400, "type": "refresh" });
    let foreign = forge(&plain_header(), &claims);
    let pair = rotate(&auth, &foreign).await.expect("rotated");
    assert_eq!(
        auth.verify_refresh(pair.refresh_token()).await.expect("good").claims()["fam"],
        "a-uuid"
    );
    clock.advance(PAST_THE_GRACE);
    assert_eq!(rotate(&auth, &foreign).await, Err(AuthErrorKind::RefreshTokenReused));
    assert_eq!(rotate(&auth, pair.refresh_token()).await, Err(AuthErrorKind::Revoked));
    // After the reuse the token that has no `fam` is refused as well.
    assert!(rotate(&auth, &foreign).await.is_err());
}

#[tokio::test]
async fn a_later_generation_of_an_unknown_family_is_refused() {
    let (auth, _) = good();
    let claims = json!({
        "sub": "alice", "iat": NOW, "jti": "x", "exp": NOW + 86_400, "type": "refresh", "fam": "never seen", "gen": 3,
    });
    assert_eq!(rotate(&auth, &forge(&plain_header(), &claims)).await, Err(AuthErrorKind::Revoked));
}

#[tokio::test]
async fn a_refresh_token_without_an_id_is_refused() {
    let (auth, _) = good();
    let silent =
        json!({ "sub": "alice", "iat": NOW, "exp": NOW + 86_400, "type": "refresh", "fam": "f" });
    let error = auth.verify_refresh(&forge(&plain_header(), &silent)).await.expect_err("no id");
    assert_eq!(error.kind(), AuthErrorKind::InvalidClaims);
    let claims = json!({ "sub": "alice", "iat": NOW, "exp": NOW + 86_400, "type": "refresh" });
    assert_eq!(
        rotate(&auth, &forge(&plain_header(), &claims)).await,
        Err(AuthErrorKind::InvalidClaims)
    );
}

#[tokio::test]
async fn a_token_kept_past_its_end_is_not_rotated() {
    let (auth, clock) = good();
    let pair = auth.log_in("alice").await.expect("a pair");
    let kept = auth.verify_refresh(pair.refresh_token()).await.expect("good");
    clock.advance(Duration::from_secs(31 * 86_400));
    assert_eq!(auth.rotate(kept).await.expect_err("late").kind(), AuthErrorKind::Expired);
}

#[test]
fn of_many_parallel_refreshes_exactly_one_successor_exists() {
    for grace in [Duration::ZERO, Duration::from_secs(10)] {
        let clock = ManualClock::at(NOW);
        let auth = Config::hs256(SECRET).clock(clock).refresh_grace(grace).build().expect("good");
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(4)
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            for _ in 0..200 {
                let pair = auth.log_in("alice").await.expect("a pair");
                let barrier = Arc::new(tokio::sync::Barrier::new(8));
                let tasks: Vec<_> = (0..8)
                    .map(|_| {
                        let (auth, barrier) = (auth.clone(), Arc::clone(&barrier));
                        let token = pair.refresh_token().to_owned();
                        tokio::spawn(async move {
                            barrier.wait().await;
                            rotate(&auth, &token).await
                        })
                    })
                    .collect();
                let mut successors = Vec::new();
                for task in tasks {
                    if let Ok(pair) = task.await.expect("no panic") {
                        successors.push(pair.refresh_token().to_owned());
                    }
                }
                if grace.is_zero() {
                    assert_eq!(successors.len(), 1);
                } else {
                    assert_eq!(successors.len(), 8);
                    assert!(successors.iter().all(|token| *token == successors[0]));
                }
            }
        });
    }
}

#[tokio::test]
async fn a_family_is_the_same_whoever_issued_its_tokens() {
    // The issuer is written since yesterday, and not asked for: old tokens bear none.
    let (config, clock) = config();
    let auth = config.encode_issuer("me").build().expect("good");
    let claims =
        json!({ "sub": "alice", "iat": NOW, "jti": "old", "exp": NOW + 86_400, "type": "refresh" });
    let first = forge(&plain_header(), &claims);
    let second = rotate(&auth, &first).await.expect("rotated");
    let third = rotate(&auth, second.refresh_token()).await.expect("rotated again");
    clock.advance(PAST_THE_GRACE);
    assert_eq!(rotate(&auth, &first).await, Err(AuthErrorKind::RefreshTokenReused));
    for dead in [&second, &third] {
        let access = auth.verify_access(dead.access_token()).await.expect_err("dead");
        let refresh = auth.verify_refresh(dead.refresh_token()).await.expect_err("dead");
        assert_eq!([access.kind(), refresh.kind()], [AuthErrorKind::Revoked; 2]);
    }
    let error = auth.verify_refresh(&first).await.expect_err("dead");
    assert_eq!(error.kind(), AuthErrorKind::Revoked, "without `fam` too");
}

#[tokio::test]
async fn what_cannot_be_carried_on_uses_nothing_up() {
    let (auth, clock) = good();
    let token = |n: usize| {
        let claims = json!({
            "sub": "alice", "iat": NOW, "jti": "big", "exp": NOW + 86_400, "type": "refresh", "x": "y".repeat(n),
        });
        forge(&plain_header(), &claims)
    };
    // As large as a token may be: its successor, which says more, would be larger.
    let largest =
        (5_000..6_200).rev().map(token).find(|token| token.len() <= 8_192).expect("a size");
    for _ in 0..2 {
        assert_eq!(rotate(&auth, &largest).await, Err(AuthErrorKind::InvalidClaims));
        clock.advance(PAST_THE_GRACE);
    }
    // Our own never grow out of it.
    let pair = |n: usize| auth.token_pair("a").claims(&json!({ "x": "y".repeat(n) })).issue().ok();
    let mut pair = (5_000..6_200).rev().find_map(pair).expect("the largest");
    for _ in 0..12 {
        pair = rotate(&auth, pair.refresh_token()).await.expect("rotated");
    }
    let lone =
        |n: usize| auth.refresh_token("a").claims(&json!({ "x": "y".repeat(n) })).issue().ok();
    let lone = (5_000..6_200).rev().find_map(lone).expect("the largest");
    assert!(rotate(&auth, &lone).await.is_ok());
}

#[tokio::test]
async fn claims_are_carried_on_to_the_letter() {
    use base64::Engine as _;
    let (auth, _) = good();
    let text = format!(
        r#"{{"sub":"alice","iat":{NOW},"jti":"x","exp":{},"type":"refresh","scope":"a café\tb","n":123456789012345678901234567890,"f":1.10,"o":{{"z":1,"a":[2, 3]}}}}"#,
        NOW + 86_400
    );
    let token = tests::sign(&plain_header().to_string(), &text);
    let pair = rotate(&auth, &token).await.expect("rotated");
    let payload = pair.access_token().split('.').nth(1).expect("a payload").to_owned();
    let payload =
        base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).expect("base64url");
    let payload = String::from_utf8(payload).expect("text");
    for part in [
        r#""n":123456789012345678901234567890"#,
        r#""f":1.10"#,
        r#""o":{"z":1,"a":[2, 3]}"#,
        r#""scope":"a café\tb""#,
    ] {
        assert!(payload.contains(part), "{part} is not in {payload}");
    }
}

#[tokio::test]
async fn the_audience_is_carried_on() {
    let (config, _) = config();
    let auth = config.audience(["api", "web"]).build().expect("good");
    let pair = auth.token_pair("alice").audience(["web"]).issue().expect("a pair");
    let pair = rotate(&auth, pair.refresh_token()).await.expect("rotated");
    let token = auth.verify_access(pair.access_token()).await.expect("good");
    assert_eq!(token.audience().collect::<Vec<_>>(), ["web"]);
}

#[tokio::test]
async fn a_token_kept_and_revoked_meanwhile_is_not_rotated() {
    let (auth, _) = good();
    let pair = auth.log_in("alice").await.expect("a pair");
    let kept = auth.verify_refresh(pair.refresh_token()).await.expect("good");
    auth.revoke(&kept).await.expect("held");
    assert_eq!(auth.rotate(kept).await.expect_err("revoked").kind(), AuthErrorKind::Revoked);
}

#[tokio::test]
async fn a_token_that_another_configuration_verified_is_not_rotated() {
    let (auth, clock) = good();
    let other = Config::hs256([9; 32]).clock(clock).build().expect("good");
    let pair = other.log_in("mallory").await.expect("a pair");
    let token = other.verify_refresh(pair.refresh_token()).await.expect("good there");
    assert_eq!(auth.rotate(token).await.expect_err("not ours").kind(), AuthErrorKind::UnknownKey);
}

#[tokio::test]
async fn no_token_outlives_its_session() {
    use jwt_auth::danger::DangerousIssue as _;
    let (config, clock) = config();
    let day = Duration::from_secs(86_400);
    let end = Some(std::time::UNIX_EPOCH + Duration::from_secs(NOW) + 2 * day);
    let auth = config.refresh_family_expires(2 * day).build().expect("good");
    let long = auth.refresh_token("alice").expires_in(365 * day).issue().expect("a token");
    assert_eq!(auth.verify_refresh(&long).await.expect("good").expires_at(), end);
    let pair = auth.token_pair("alice").never_expires().issue().expect("a pair");
    assert_eq!(auth.verify_access(pair.access_token()).await.expect("good").expires_at(), end);
    clock.advance(2 * day);
    assert_eq!(rotate(&auth, &long).await, Err(AuthErrorKind::Expired));
}

#[tokio::test]
async fn a_session_that_was_given_less_time_keeps_it() {
    let (auth, clock) = good();
    let hour = Duration::from_secs(3600);
    let short = auth.refresh_token("alice").expires_in(hour).issue().expect("a token");
    clock.advance(hour / 2);
    let pair = rotate(&auth, &short).await.expect("rotated");
    let token = auth.verify_refresh(pair.refresh_token()).await.expect("good");
    assert_eq!(
        token.expires_at().zip(token.issued_at()).and_then(|(e, i)| e.duration_since(i).ok()),
        Some(hour)
    );
    clock.advance(hour);
    assert_eq!(rotate(&auth, pair.refresh_token()).await, Err(AuthErrorKind::Expired));
}

#[tokio::test]
async fn a_successor_that_was_revoked_is_not_handed_out_again() {
    let (auth, _) = good();
    let first = auth.log_in("alice").await.expect("a pair");
    let second = rotate(&auth, first.refresh_token()).await.expect("rotated");
    auth.revoke(&auth.verify_refresh(second.refresh_token()).await.expect("good"))
        .await
        .expect("held");
    assert_eq!(rotate(&auth, first.refresh_token()).await, Err(AuthErrorKind::Revoked));
}

#[tokio::test]
async fn a_successor_that_was_revoked_is_not_handed_out_for_a_token_without_its_issuer() {
    // The issuer is written since yesterday: the successor bears one, and the token presented bears none.
    let (config, _) = config();
    let auth = config.encode_issuer("me").build().expect("good");
    let claims =
        json!({ "sub": "alice", "iat": NOW, "jti": "old", "exp": NOW + 86_400, "type": "refresh" });
    let first = forge(&plain_header(), &claims);
    let second = rotate(&auth, &first).await.expect("rotated");
    auth.revoke(&auth.verify_refresh(second.refresh_token()).await.expect("good"))
        .await
        .expect("held");
    assert_eq!(rotate(&auth, &first).await, Err(AuthErrorKind::Revoked));
}

#[tokio::test]
async fn what_is_handed_out_again_ends_with_its_session() {
    let day = Duration::from_secs(86_400);
    let (config, clock) = config();
    let config = config.refresh_token_expires(2 * day).refresh_family_expires(3 * day);
    let auth = config.build().expect("good");
    let first = auth.log_in("alice").await.expect("a pair");
    clock.advance(day + day / 2);
    let second = rotate(&auth, first.refresh_token()).await.expect("rotated");
    clock.advance(day / 2);
    let third = rotate(&auth, second.refresh_token()).await.expect("rotated");
    let again = rotate(&auth, second.refresh_token()).await.expect("replayed");
    assert_eq!(again.refresh_token(), third.refresh_token());
    let token = auth.verify_refresh(again.refresh_token()).await.expect("good");
    let end = std::time::UNIX_EPOCH + Duration::from_secs(NOW) + 3 * day;
    assert_eq!(token.expires_at(), Some(end), "and not three days after the token presented");
}

#[tokio::test]
async fn a_session_of_another_key_has_room_to_grow_too() {
    use jwt_auth::{Algorithm, Key, KeyRing};
    let ring = KeyRing::new(Key::secret(Algorithm::HS256, [1; 32]).id("x".repeat(200)))
        .also_verify(Key::secret(Algorithm::HS384, [2; 48]));
    let auth = Config::with_keys(ring).clock(ManualClock::at(NOW)).build().expect("good");
    let pair = |n: usize| {
        auth.token_pair("a")
            .algorithm(Algorithm::HS384)
            .claims(&json!({ "x": "y".repeat(n) }))
            .issue()
            .ok()
    };
    let pair = (5_000..6_200).rev().find_map(pair).expect("the largest");
    assert!(rotate(&auth, pair.refresh_token()).await.is_ok());
}
