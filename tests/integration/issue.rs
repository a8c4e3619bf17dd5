//! Issuing tokens: builders, claims, and what `IssuedToken` and `TokenPair` show.

use std::time::Duration;

use jwt_auth::danger::{DangerousConfig as _, DangerousIssue as _, decode_unverified};
use jwt_auth::{
    Algorithm, AuthError, AuthErrorKind, Config, IssuedToken, Key, KeyRing, ManualClock, TokenKind,
    TokenPair,
};
use serde_json::{Value, json};
use tests::{NOW, SECRET, config};

fn decode(token: &str) -> (Value, Value) {
    let token = decode_unverified(token).expect("a token");
    (token.header.into(), token.claims.into())
}

#[tokio::test]
async fn tokens_have_the_claims_of_fastapi_jwt_auth() {
    let (config, _) = config();
    let auth = config.issuer("me").audience(["api"]).build().expect("a valid configuration");
    let pair = auth.log_in("alice").await.expect("a pair");
    let (header, mut access) = decode(pair.access_token());
    assert_eq!(header, json!({ "alg": "HS256", "typ": "at+jwt" }));
    let (header, mut refresh) = decode(pair.refresh_token());
    assert_eq!(header, json!({ "alg": "HS256", "typ": "rt+jwt" }));
    let take = |claims: &mut Value, name: &str| claims.as_object_mut().and_then(|c| c.remove(name));
    let session_ids = [take(&mut access, "sid"), take(&mut refresh, "sid")];
    assert!(session_ids[0].is_some() && session_ids[0] == session_ids[1]);
    let ids = [take(&mut access, "jti"), take(&mut refresh, "jti")];
    assert!(
        ids[0] != ids[1]
            && ids.iter().flatten().all(|id| id.as_str().is_some_and(|id| id.len() == 22))
    );
    assert_eq!(
        access,
        json!({
            "sub": "alice", "iat": NOW, "nbf": NOW, "exp": NOW + 900, "type": "access", "fresh": true,
            "iss": "me", "aud": "api", "auth_time": NOW, "s_at": NOW * 1_000,
        })
    );
    assert_eq!(
        refresh,
        json!({
            "sub": "alice", "iat": NOW, "nbf": NOW, "exp": NOW + 30 * 86_400, "type": "refresh",
            "iss": "me", "aud": "api", "auth_time": NOW, "s_at": NOW * 1_000, "s_exp": NOW + 90 * 86_400,
        })
    );
}

#[test]
fn a_builder_sets_every_claim() {
    let (config, _) = config();
    let auth = config.build().expect("a valid configuration");
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
    let (header, mut claims) = decode(&token);
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
async fn an_issued_token_verifies_with_its_claims() {
    let (config, _) = config();
    let auth = config.issuer("me").audience(["api"]).build().expect("a valid configuration");
    for subject in ["alice", "", "ü \" \\ \n \u{1f600}", "a b", "{}"] {
        let token =
            auth.access_token(subject).scopes(["x"]).roles(["a b", "ü"]).issue().expect("a token");
        let token = auth.verify_access(&token).await.expect("a valid token");
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
fn issue_refuses_invalid_claims_headers_scopes_and_sizes() {
    let (config, _) = config();
    let auth = config.build().expect("a valid configuration");
    let refused = |issued: Result<IssuedToken, AuthError>, words: &str| {
        let error = issued.expect_err(words);
        assert_eq!(error.kind(), AuthErrorKind::CannotIssue);
        assert!(error.detail().contains(words), "{error}");
    };
    refused(auth.access_token("a").claims(&json!({ "type": "refresh" })).issue(), "`type`");
    refused(auth.refresh_token("a").claims(&json!({ "sid": "x" })).issue(), "`sid`");
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
    refused(auth.access_token("a".repeat(1025)).issue(), "1024 bytes");
    let large = json!({ "x": "y".repeat(9000) });
    refused(auth.access_token("a").claims(&large).issue(), "8192 bytes");
    refused(auth.access_token("a").algorithm(Algorithm::ES256).issue(), "ES256");
    refused(auth.access_token("a").expires_in(Duration::MAX).issue(), "year 10000");
}

#[tokio::test]
async fn algorithm_selects_another_key_of_the_ring() {
    let ring = KeyRing::new(Key::secret(Algorithm::HS256, SECRET).id("a")).also_verify(
        Key::secret(
            Algorithm::HS512,
            *b"secret number 3, with 64 bytes, which is as long as its hash is.",
        )
        .id("b"),
    );
    let auth =
        Config::with_keys(ring).clock(ManualClock::at(NOW)).build().expect("a valid configuration");
    let token = auth.access_token("alice").algorithm(Algorithm::HS512).issue().expect("a token");
    assert_eq!(decode(&token).0, json!({ "alg": "HS512", "kid": "b", "typ": "at+jwt" }));
    assert_eq!(auth.verify_access(&token).await.expect("a valid token").subject(), "alice");
}

#[tokio::test]
async fn a_token_without_exp_needs_danger_to_issue_and_to_verify() {
    let (config, clock) = config();
    let auth = config.build().expect("a valid configuration");
    let token = auth.access_token("robot").never_expires().issue().expect("a token");
    assert_eq!(decode(&token).1.get("exp"), None);
    assert_eq!(
        auth.verify_access(&token).await.expect_err("no exp").kind(),
        AuthErrorKind::InvalidClaims
    );
    let lax = Config::hs256(SECRET)
        .clock(clock)
        .allow_tokens_without_expiry()
        .build()
        .expect("a valid configuration");
    assert_eq!(lax.verify_access(&token).await.expect("allowed").expires_at(), None);
}

#[test]
fn decode_unverified_refuses_long_and_malformed_tokens() {
    assert!(decode_unverified("e30.e30.").is_ok());
    assert!(decode_unverified(&format!("e30.e30.{}", "A".repeat(8_192))).is_err());
    for bad in ["e30.e30", "e30.e30..", "x.e30.", "W10.e30."] {
        assert!(decode_unverified(bad).is_err(), "{bad}");
    }
}

#[tokio::test]
async fn a_pair_serialises_as_rfc_6749_and_deserialises() {
    let (config, _) = config();
    let auth = config.build().expect("a valid configuration");
    let pair =
        auth.token_pair("alice").expires_in(Duration::from_secs(60)).issue().expect("a pair");
    assert_eq!(
        serde_json::to_value(&pair).expect("json"),
        json!({
            "access_token": pair.access_token(), "refresh_token": pair.refresh_token(),
            "token_type": "Bearer", "expires_in": 60,
        })
    );
    let text = serde_json::to_string(&pair).expect("json");
    let read: TokenPair = serde_json::from_str(&text).expect("a pair");
    assert_eq!(read, pair);
    assert!(serde_json::from_str::<TokenPair>(r#"{"access_token":"a"}"#).is_err());
}

#[test]
fn an_issued_token_serialises_as_rfc_6749_and_debug_does_not_show_it() {
    let (config, _) = config();
    let auth = config.build().expect("a valid configuration");
    let token =
        auth.access_token("alice").expires_in(Duration::from_secs(60)).issue().expect("a token");
    assert_eq!(
        serde_json::to_value(&token).expect("json"),
        json!({ "access_token": &*token, "token_type": "Bearer", "expires_in": 60 })
    );
    let claims = decode(&token).1;
    assert_eq!(claims["jti"], token.id());
    let exp = std::time::UNIX_EPOCH + Duration::from_secs(NOW + 60);
    assert_eq!(token.expires_at(), Some(exp));
    let debug = format!("{token:?}");
    for segment in token.split('.') {
        assert!(!debug.contains(segment), "{debug}");
    }
}

#[tokio::test]
async fn a_refresh_token_never_serialises_as_an_access_token() {
    let (config, _) = config();
    let auth = config.build().expect("a valid configuration");
    let token = auth.refresh_token("alice").issue().expect("a token");
    let body = serde_json::to_value(&token).expect("json");
    assert_eq!(body, json!({ "refresh_token": token.as_str() }));
}

#[tokio::test]
async fn an_issued_token_is_a_response_with_no_store() {
    use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
    use axum::response::IntoResponse as _;
    use http_body_util::BodyExt as _;

    let (config, _) = config();
    let auth = config.build().expect("a valid configuration");
    let token = auth.access_token("alice").issue().expect("a token");
    let body = serde_json::to_value(&token).expect("json");
    let response = token.into_response();
    assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
    assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
    let bytes = response.into_body().collect().await.expect("a body").to_bytes();
    assert_eq!(serde_json::from_slice::<Value>(&bytes).expect("json"), body);
}

#[test]
fn token_kinds_display_and_parse_by_their_names() {
    for (kind, name) in [(TokenKind::Access, "access"), (TokenKind::Refresh, "refresh")] {
        assert_eq!(kind.to_string(), name);
        assert_eq!(name.parse(), Ok(kind));
    }
    let error = "Access".parse::<TokenKind>().expect_err("another case");
    assert_eq!(error.to_string(), "unknown token kind `Access`; expected `access` or `refresh`");
}
