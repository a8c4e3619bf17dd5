//! Making tokens: API.md §5 and CONTRACT.md §4.

use std::time::Duration;

use jwt_auth::danger::{DangerousConfig as _, DangerousIssue as _, decode_unverified};
use jwt_auth::{Algorithm, AuthErrorKind, Config, Key, KeyRing, ManualClock};
use serde_json::{Value, json};
use tests::{NOW, SECRET, config};

fn read(token: &str) -> (Value, Value) {
    let token = decode_unverified(token).expect("a token");
    (token.header.into(), token.claims.into())
}

#[tokio::test]
async fn the_claims_are_those_of_fastapi_jwt_auth() {
    let (config, _) = config();
    let auth = config.issuer("me").audience(["api"]).build().expect("good");
    let pair = auth.log_in("alice").await.expect("a pair");
    let (header, mut access) = read(pair.access_token());
    assert_eq!(header, json!({ "alg": "HS256", "typ": "at+jwt" }));
    let (header, mut refresh) = read(pair.refresh_token());
    assert_eq!(header, json!({ "alg": "HS256", "typ": "rt+jwt" }));
    let take = |claims: &mut Value, name: &str| claims.as_object_mut().and_then(|c| c.remove(name));
    let (family, again) = (take(&mut access, "fam"), take(&mut refresh, "fam"));
    assert!(family.is_some() && family == again);
    let ids = [take(&mut access, "jti"), take(&mut refresh, "jti")];
    assert!(
        ids[0] != ids[1]
            && ids.iter().flatten().all(|id| id.as_str().is_some_and(|id| id.len() == 22))
    );
    assert_eq!(
        access,
        json!({
            "sub": "alice", "iat": NOW, "nbf": NOW, "exp": NOW + 900, "type": "access", "fresh": true,
            "iss": "me", "aud": "api", "auth_time": NOW,
        })
    );
    assert_eq!(
        refresh,
        json!({
            "sub": "alice", "iat": NOW, "nbf": NOW, "exp": NOW + 30 * 86_400, "type": "refresh",
            "iss": "me", "aud": "api", "auth_time": NOW,
        })
    );
}

#[test]
fn a_builder_names_everything() {
    let (config, _) = config();
    let auth = config.build().expect("good");
    let token = auth
        .access_token(42)
        .fresh(false)
        .expires_in(Duration::from_secs(60))
        .audience(["a", "b"])
        .scopes(["x", "y"])
        .roles(["r"])
        .claims(&json!({ "tenant": "acme \"quoted\"" }))
        .header("cty", "demo")
        .issue()
        .expect("a token");
    let (header, mut claims) = read(&token);
    assert_eq!(header, json!({ "alg": "HS256", "typ": "at+jwt", "cty": "demo" }));
    claims.as_object_mut().expect("an object").remove("jti");
    assert_eq!(
        claims,
        json!({
            "sub": "42", "iat": NOW, "nbf": NOW, "exp": NOW + 60, "type": "access", "fresh": false,
            "aud": ["a", "b"], "scope": "x y", "roles": ["r"], "tenant": "acme \"quoted\"",
        })
    );
}

#[tokio::test]
async fn what_is_made_is_read_back() {
    let (config, _) = config();
    let auth = config.issuer("me").audience(["api"]).build().expect("good");
    for subject in ["alice", "", "ü \" \\ \n \u{1f600}", "a b", "{}"] {
        let token =
            auth.access_token(subject).scopes(["x"]).roles(["a b", "ü"]).issue().expect("a token");
        let token = auth.verify_access(&token).await.expect("good");
        assert_eq!(token.subject(), subject);
        assert_eq!(token.scopes().collect::<Vec<_>>(), ["x"]);
        assert_eq!(token.roles().collect::<Vec<_>>(), ["a b", "ü"]);
        assert_eq!((token.issuer(), token.audience().next()), (Some("me"), Some("api")));
        assert_eq!(token.id().len(), 22);
        assert_eq!(token.header()["alg"], "HS256");
        assert_eq!(token.claims()["sub"], subject);
        assert_eq!(token.location(), None);
        let at = |seconds| std::time::UNIX_EPOCH + Duration::from_secs(seconds);
        assert_eq!((token.issued_at(), token.expires_at()), (Some(at(NOW)), Some(at(NOW + 900))));
    }
}

#[test]
fn mistakes_are_errors_of_issue() {
    let (config, _) = config();
    let auth = config.build().expect("good");
    let refused = |built: Result<String, jwt_auth::AuthError>, words: &str| {
        let error = built.expect_err(words);
        assert_eq!(error.kind(), AuthErrorKind::CannotIssue);
        assert!(error.detail().contains(words), "{error}");
    };
    refused(auth.access_token("a").claims(&json!({ "type": "refresh" })).issue(), "`type`");
    refused(auth.refresh_token("a").claims(&json!({ "fam": "x" })).issue(), "`fam`");
    refused(auth.access_token("a").claims(&json!([1])).issue(), "JSON object");
    refused(
        auth.access_token("a").claims(&json!([1])).claims(&json!({ "x": 1 })).issue(),
        "JSON object",
    );
    let deep = (0..80).fold(json!(1), |inner, _| json!([inner]));
    refused(auth.access_token("a").claims(&json!({ "deep": deep })).issue(), "64 levels");
    refused(auth.access_token("a").header("alg", "none").issue(), "`alg`");
    refused(auth.access_token("a").header("crit", json!(["x"])).issue(), "`crit`");
    refused(auth.access_token("a").scopes(["a b"]).issue(), "scope");
    refused(auth.access_token("a").scopes([""]).issue(), "scope");
    refused(auth.access_token("a".repeat(9000)).issue(), "8192 bytes");
    refused(auth.access_token("a").algorithm(Algorithm::ES256).issue(), "ES256");
    refused(auth.access_token("a").expires_in(Duration::MAX).issue(), "year 10000");
}

#[tokio::test]
async fn another_key_of_the_ring_signs_when_asked() {
    let ring = KeyRing::new(Key::secret(Algorithm::HS256, SECRET).id("a"))
        .also_verify(Key::secret(Algorithm::HS512, [3; 64]).id("b"));
    let auth = Config::with_keys(ring).clock(ManualClock::at(NOW)).build().expect("good");
    let token = auth.access_token("alice").algorithm(Algorithm::HS512).issue().expect("a token");
    assert_eq!(read(&token).0, json!({ "alg": "HS512", "kid": "b", "typ": "at+jwt" }));
    assert_eq!(auth.verify_access(&token).await.expect("good").subject(), "alice");
}

#[tokio::test]
async fn a_token_for_ever_is_danger_on_both_sides() {
    let (config, clock) = config();
    let auth = config.build().expect("good");
    let token = auth.access_token("robot").never_expires().issue().expect("a token");
    assert_eq!(read(&token).1.get("exp"), None);
    assert_eq!(
        auth.verify_access(&token).await.expect_err("no exp").kind(),
        AuthErrorKind::InvalidClaims
    );
    let lax =
        Config::hs256(SECRET).clock(clock).allow_tokens_without_expiry().build().expect("good");
    assert_eq!(lax.verify_access(&token).await.expect("allowed").expires_at(), None);
}

#[test]
fn what_is_read_unverified_is_bounded() {
    assert!(decode_unverified("e30.e30.").is_ok());
    assert!(decode_unverified(&format!("e30.e30.{}", "A".repeat(8_192))).is_err());
    for bad in ["e30.e30", "e30.e30..", "x.e30.", "W10.e30."] {
        assert!(decode_unverified(bad).is_err(), "{bad}");
    }
}

#[tokio::test]
async fn a_pair_serialises_as_rfc_6749() {
    let (config, _) = config();
    let auth = config.build().expect("good");
    let pair =
        auth.token_pair("alice").expires_in(Duration::from_secs(60)).issue().expect("a pair");
    assert_eq!(
        serde_json::to_value(&pair).expect("json"),
        json!({
            "access_token": pair.access_token(), "refresh_token": pair.refresh_token(),
            "token_type": "Bearer", "expires_in": 60,
        })
    );
}
