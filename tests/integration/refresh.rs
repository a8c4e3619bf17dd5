//! Rotation of refresh tokens: `guide::security`, "Revocation and sessions".

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
    (config.build().expect("a valid configuration"), clock)
}

const PAST_THE_GRACE: Duration = Duration::from_secs(11);

#[tokio::test]
async fn a_rotation_keeps_scopes_roles_claims_and_the_session() {
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
    let access = auth.verify_access(second.access_token()).await.expect("a valid token");
    assert_eq!(access.scopes().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(access.roles().collect::<Vec<_>>(), ["r"]);
    assert_eq!(access.claims()["tenant"], "acme");
    assert_eq!(access.claims()["auth_time"], NOW);
    assert!(!access.is_fresh(), "a refreshed token is not fresh");
    let old = auth.verify_refresh(first.refresh_token()).await.expect("still verifies");
    let new = auth.verify_refresh(second.refresh_token()).await.expect("a valid token");
    assert_eq!(old.id(), new.claims()["sid"], "the first token names the session");
    assert_eq!(old.identity().session_id(), new.identity().session_id());
    assert_eq!(new.claims()["gen"], 1);
    clock.advance(Duration::from_secs(60));
    assert!(rotate(&auth, second.refresh_token()).await.is_ok());
}

#[tokio::test]
async fn two_tabs_get_the_same_successor_within_the_grace() {
    let (auth, clock) = good();
    let first = auth.log_in("alice").await.expect("a pair");
    let one = rotate(&auth, first.refresh_token()).await.expect("rotated");
    clock.advance(Duration::from_secs(9));
    let two = rotate(&auth, first.refresh_token()).await.expect("replayed");
    assert_eq!(one.refresh_token(), two.refresh_token(), "no second successor");
    assert!(rotate(&auth, two.refresh_token()).await.is_ok(), "the successor can be rotated");
}

#[tokio::test]
async fn s11_with_grace_until_used_a_lost_answer_can_be_repeated_and_a_reuse_is_found() {
    let (config, clock) = config();
    let config = config.refresh_grace_until_used(Duration::from_secs(3600));
    let auth = config.build().expect("a valid configuration");
    let first = auth.log_in("alice").await.expect("a pair");
    let lost = rotate(&auth, first.refresh_token()).await.expect("rotated");
    clock.advance(Duration::from_secs(3599));
    let again = rotate(&auth, first.refresh_token()).await.expect("the same successor");
    assert_eq!(again.refresh_token(), lost.refresh_token());
    rotate(&auth, again.refresh_token()).await.expect("rotated");
    let outcome = rotate(&auth, first.refresh_token()).await;
    assert_eq!(outcome, Err(AuthErrorKind::RefreshTokenReused), "the successor was used");
    let first = auth.log_in("alice").await.expect("a pair");
    rotate(&auth, first.refresh_token()).await.expect("rotated");
    clock.advance(Duration::from_secs(3600));
    let outcome = rotate(&auth, first.refresh_token()).await;
    assert_eq!(outcome, Err(AuthErrorKind::RefreshTokenReused), "the longest time has passed");
}

#[tokio::test]
async fn a_reuse_after_the_grace_ends_the_session() {
    let (auth, clock) = good();
    let first = auth.log_in("alice").await.expect("a pair");
    let other = auth.log_in("alice").await.expect("another session");
    let second = rotate(&auth, first.refresh_token()).await.expect("rotated");
    clock.advance(Duration::from_secs(10));
    assert_eq!(rotate(&auth, first.refresh_token()).await, Err(AuthErrorKind::RefreshTokenReused));
    for revoked in [&first, &second] {
        assert_eq!(rotate(&auth, revoked.refresh_token()).await, Err(AuthErrorKind::Revoked));
        let error = auth.verify_access(revoked.access_token()).await.expect_err("revoked");
        assert_eq!(error.kind(), AuthErrorKind::Revoked, "access tokens of the session too");
    }
    assert!(rotate(&auth, other.refresh_token()).await.is_ok(), "the other session continues");
}

#[tokio::test]
async fn an_older_ancestor_is_a_reuse_within_the_grace() {
    let (auth, _) = good();
    let first = auth.log_in("alice").await.expect("a pair");
    let second = rotate(&auth, first.refresh_token()).await.expect("rotated");
    let third = rotate(&auth, second.refresh_token()).await.expect("rotated");
    assert_eq!(rotate(&auth, first.refresh_token()).await, Err(AuthErrorKind::RefreshTokenReused));
    assert_eq!(rotate(&auth, third.refresh_token()).await, Err(AuthErrorKind::Revoked));
}

#[tokio::test]
async fn a_grace_of_zero_refuses_every_second_use() {
    let (config, _) = config();
    let auth = config.refresh_grace(Duration::ZERO).build().expect("a valid configuration");
    let first = auth.log_in("alice").await.expect("a pair");
    assert!(rotate(&auth, first.refresh_token()).await.is_ok());
    assert_eq!(rotate(&auth, first.refresh_token()).await, Err(AuthErrorKind::RefreshTokenReused));
}

#[tokio::test]
async fn a_session_ends_when_idle_and_at_its_absolute_end() {
    let day = Duration::from_secs(86_400);
    let (config, clock) = config();
    let auth = config
        .refresh_token_expires(2 * day)
        .session_expires(5 * day)
        .build()
        .expect("a valid configuration");
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
    let last = auth.verify_refresh(pair.refresh_token()).await.expect("a valid token");
    let end = std::time::UNIX_EPOCH + Duration::from_secs(NOW) + 5 * day;
    assert_eq!(last.expires_at(), Some(end), "a rotation does not extend the session");
    clock.advance(day / 2);
    assert_eq!(rotate(&auth, pair.refresh_token()).await, Err(AuthErrorKind::Expired));
}

#[tokio::test]
async fn a_rotated_access_token_does_not_outlive_its_session() {
    let (config, clock) = config();
    let hour = Duration::from_secs(3600);
    let auth = config
        .access_token_expires(hour)
        .session_expires(2 * hour)
        .build()
        .expect("a valid configuration");
    let pair = auth.log_in("alice").await.expect("a pair");
    clock.advance(hour + hour / 2);
    let pair = rotate(&auth, pair.refresh_token()).await.expect("rotated");
    assert_eq!(pair.expires_in(), hour / 2);
}

#[tokio::test]
async fn a_refresh_token_of_fastapi_jwt_auth_starts_a_session_named_by_its_jti() {
    let (auth, clock) = good();
    let claims = json!({ "sub": "alice", "iat": NOW, "nbf": NOW, "jti": "a-uuid", "exp": NOW + 86_400, "type": "refresh" });
    let foreign = forge(&plain_header(), &claims);
    let pair = rotate(&auth, &foreign).await.expect("rotated");
    assert_eq!(
        auth.verify_refresh(pair.refresh_token()).await.expect("a valid token").claims()["sid"],
        "a-uuid"
    );
    clock.advance(PAST_THE_GRACE);
    assert_eq!(rotate(&auth, &foreign).await, Err(AuthErrorKind::RefreshTokenReused));
    assert_eq!(rotate(&auth, pair.refresh_token()).await, Err(AuthErrorKind::Revoked));
    // After the reuse the token without `sid` is refused too.
    assert!(rotate(&auth, &foreign).await.is_err());
}

#[tokio::test]
async fn a_later_generation_of_an_unknown_session_is_refused() {
    let (auth, _) = good();
    let claims = json!({
        "sub": "alice", "iat": NOW, "jti": "x", "exp": NOW + 86_400, "type": "refresh", "sid": "never seen", "gen": 3,
    });
    assert_eq!(rotate(&auth, &forge(&plain_header(), &claims)).await, Err(AuthErrorKind::Revoked));
}

#[tokio::test]
async fn a_refresh_token_without_an_id_is_refused() {
    let (auth, _) = good();
    let without_id =
        json!({ "sub": "alice", "iat": NOW, "exp": NOW + 86_400, "type": "refresh", "sid": "f" });
    let error = auth.verify_refresh(&forge(&plain_header(), &without_id)).await.expect_err("no id");
    assert_eq!(error.kind(), AuthErrorKind::InvalidClaims);
    let claims = json!({ "sub": "alice", "iat": NOW, "exp": NOW + 86_400, "type": "refresh" });
    assert_eq!(
        rotate(&auth, &forge(&plain_header(), &claims)).await,
        Err(AuthErrorKind::InvalidClaims)
    );
}

#[tokio::test]
async fn a_token_that_expired_after_verification_is_not_rotated() {
    let (auth, clock) = good();
    let pair = auth.log_in("alice").await.expect("a pair");
    let verified = auth.verify_refresh(pair.refresh_token()).await.expect("a valid token");
    clock.advance(Duration::from_secs(31 * 86_400));
    assert_eq!(auth.rotate(verified).await.expect_err("late").kind(), AuthErrorKind::Expired);
}

#[test]
fn parallel_rotations_produce_at_most_one_successor() {
    let mut rotated = 0;
    for grace in [Duration::ZERO, Duration::from_secs(10)] {
        let clock = ManualClock::at(NOW);
        let auth = Config::hs256(SECRET)
            .clock(clock)
            .refresh_grace(grace)
            .build()
            .expect("a valid configuration");
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
                    // A loser ends the session, possibly before the winner has its answer.
                    assert!(successors.len() <= 1);
                    rotated += successors.len();
                } else {
                    assert_eq!(successors.len(), 8);
                    assert!(successors.iter().all(|token| *token == successors[0]));
                }
            }
        });
    }
    assert!(rotated > 0, "some winners have their answer first");
}

#[tokio::test]
async fn a_session_spans_tokens_with_and_without_an_issuer() {
    // The issuer is written but not required, so older tokens have none.
    let (config, clock) = config();
    let auth = config.encode_issuer("me").build().expect("a valid configuration");
    let claims =
        json!({ "sub": "alice", "iat": NOW, "jti": "old", "exp": NOW + 86_400, "type": "refresh" });
    let first = forge(&plain_header(), &claims);
    let second = rotate(&auth, &first).await.expect("rotated");
    let third = rotate(&auth, second.refresh_token()).await.expect("rotated again");
    clock.advance(PAST_THE_GRACE);
    assert_eq!(rotate(&auth, &first).await, Err(AuthErrorKind::RefreshTokenReused));
    for revoked in [&second, &third] {
        let access = auth.verify_access(revoked.access_token()).await.expect_err("revoked");
        let refresh = auth.verify_refresh(revoked.refresh_token()).await.expect_err("revoked");
        assert_eq!([access.kind(), refresh.kind()], [AuthErrorKind::Revoked; 2]);
    }
    let error = auth.verify_refresh(&first).await.expect_err("revoked");
    assert_eq!(error.kind(), AuthErrorKind::Revoked, "the token without `sid` too");
}

#[tokio::test]
async fn a_rotation_whose_successor_would_be_too_large_uses_no_token_up() {
    let (auth, clock) = good();
    let token = |n: usize| {
        let claims = json!({
            "sub": "alice", "iat": NOW, "jti": "big", "exp": NOW + 86_400, "type": "refresh", "x": "y".repeat(n),
        });
        forge(&plain_header(), &claims)
    };
    // The largest token: its successor has more claims and would be larger.
    let largest =
        (5_000..6_200).rev().map(token).find(|token| token.len() <= 8_192).expect("a size");
    for _ in 0..2 {
        assert_eq!(rotate(&auth, &largest).await, Err(AuthErrorKind::InvalidClaims));
        clock.advance(PAST_THE_GRACE);
    }
    // Tokens that we issue leave room for their successors.
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
async fn a_rotation_keeps_custom_claims_byte_for_byte() {
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
async fn a_rotation_keeps_the_audience() {
    let (config, _) = config();
    let auth = config.audience(["api", "web"]).build().expect("a valid configuration");
    let pair = auth.token_pair("alice").audience(["web"]).issue().expect("a pair");
    let pair = rotate(&auth, pair.refresh_token()).await.expect("rotated");
    let token = auth.verify_access(pair.access_token()).await.expect("a valid token");
    assert_eq!(token.audience().collect::<Vec<_>>(), ["web"]);
}

#[tokio::test]
async fn a_token_that_was_revoked_after_verification_is_not_rotated() {
    let (auth, _) = good();
    let pair = auth.log_in("alice").await.expect("a pair");
    let verified = auth.verify_refresh(pair.refresh_token()).await.expect("a valid token");
    auth.revoke(&verified).await.expect("recorded");
    assert_eq!(auth.rotate(verified).await.expect_err("revoked").kind(), AuthErrorKind::Revoked);
}

#[tokio::test]
async fn a_token_that_another_configuration_verified_is_not_rotated() {
    let (auth, clock) = good();
    let other = Config::hs256(*b"secret number 9, with 32 bytes .")
        .clock(clock)
        .build()
        .expect("a valid configuration");
    let pair = other.log_in("mallory").await.expect("a pair");
    let token = other.verify_refresh(pair.refresh_token()).await.expect("a valid token there");
    assert_eq!(
        auth.rotate(token).await.expect_err("another configuration").kind(),
        AuthErrorKind::UnknownKey
    );
}

#[tokio::test]
async fn no_token_outlives_its_session() {
    use jwt_auth::danger::DangerousIssue as _;
    let (config, clock) = config();
    let day = Duration::from_secs(86_400);
    let end = Some(std::time::UNIX_EPOCH + Duration::from_secs(NOW) + 2 * day);
    let auth = config.session_expires(2 * day).build().expect("a valid configuration");
    let long = auth.refresh_token("alice").expires_in(365 * day).issue().expect("a token");
    assert_eq!(auth.verify_refresh(&long).await.expect("a valid token").expires_at(), end);
    let pair = auth.token_pair("alice").never_expires().issue().expect("a pair");
    assert_eq!(
        auth.verify_access(pair.access_token()).await.expect("a valid token").expires_at(),
        end
    );
    clock.advance(2 * day);
    assert_eq!(rotate(&auth, &long).await, Err(AuthErrorKind::Expired));
}

#[tokio::test]
async fn a_rotation_keeps_a_shorter_idle_time() {
    let (auth, clock) = good();
    let hour = Duration::from_secs(3600);
    let short = auth.refresh_token("alice").expires_in(hour).issue().expect("a token");
    clock.advance(hour / 2);
    let pair = rotate(&auth, &short).await.expect("rotated");
    let token = auth.verify_refresh(pair.refresh_token()).await.expect("a valid token");
    assert_eq!(
        token.expires_at().zip(token.issued_at()).and_then(|(e, i)| e.duration_since(i).ok()),
        Some(hour)
    );
    clock.advance(hour);
    assert_eq!(rotate(&auth, pair.refresh_token()).await, Err(AuthErrorKind::Expired));
}

#[tokio::test]
async fn a_revoked_successor_is_not_replayed() {
    let (auth, _) = good();
    let first = auth.log_in("alice").await.expect("a pair");
    let second = rotate(&auth, first.refresh_token()).await.expect("rotated");
    auth.revoke(&auth.verify_refresh(second.refresh_token()).await.expect("a valid token"))
        .await
        .expect("recorded");
    assert_eq!(rotate(&auth, first.refresh_token()).await, Err(AuthErrorKind::Revoked));
}

#[tokio::test]
async fn a_revoked_successor_is_not_replayed_for_a_token_without_an_issuer() {
    // The successor has an issuer, and the presented token has none.
    let (config, _) = config();
    let auth = config.encode_issuer("me").build().expect("a valid configuration");
    let claims =
        json!({ "sub": "alice", "iat": NOW, "jti": "old", "exp": NOW + 86_400, "type": "refresh" });
    let first = forge(&plain_header(), &claims);
    let second = rotate(&auth, &first).await.expect("rotated");
    auth.revoke(&auth.verify_refresh(second.refresh_token()).await.expect("a valid token"))
        .await
        .expect("recorded");
    assert_eq!(rotate(&auth, &first).await, Err(AuthErrorKind::Revoked));
}

#[tokio::test]
async fn a_replayed_successor_ends_with_its_session() {
    let day = Duration::from_secs(86_400);
    let (config, clock) = config();
    let config = config.refresh_token_expires(2 * day).session_expires(3 * day);
    let auth = config.build().expect("a valid configuration");
    let first = auth.log_in("alice").await.expect("a pair");
    clock.advance(day + day / 2);
    let second = rotate(&auth, first.refresh_token()).await.expect("rotated");
    clock.advance(day / 2);
    let third = rotate(&auth, second.refresh_token()).await.expect("rotated");
    let again = rotate(&auth, second.refresh_token()).await.expect("replayed");
    assert_eq!(again.refresh_token(), third.refresh_token());
    let token = auth.verify_refresh(again.refresh_token()).await.expect("a valid token");
    let end = std::time::UNIX_EPOCH + Duration::from_secs(NOW) + 3 * day;
    assert_eq!(token.expires_at(), Some(end), "the end of the session, not of the presented token");
}

#[tokio::test]
async fn a_pair_signed_by_another_key_leaves_room_for_its_successors() {
    use jwt_auth::{Algorithm, Key, KeyRing};
    let ring = KeyRing::new(
        Key::secret(Algorithm::HS256, *b"secret number 1, with 32 bytes .").id("x".repeat(200)),
    )
    .also_verify(Key::secret(
        Algorithm::HS384,
        *b"secret number 2, with 48 bytes as HS384 needs it",
    ));
    let auth =
        Config::with_keys(ring).clock(ManualClock::at(NOW)).build().expect("a valid configuration");
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
