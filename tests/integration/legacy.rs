//! Tokens of an earlier implementation: accepted by one key, by other names, until a time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jwt_auth::config::Legacy;
use jwt_auth::{
    AccessToken, Algorithm, AuthErrorKind, Config, JwtAuth, Key, KeyMaterial, ManualClock,
    RefreshToken, TokenLocation,
};
use serde_json::{Value, json};
use tests::{NOW, SECRET, plain_header, sign_with};

/// The secret of the earlier implementation.
const OLD: &[u8; 32] = b"the secret of the earlier system";

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn legacy() -> Legacy {
    Legacy::until(at(NOW + 10_000))
        .signed_by("earlier")
        .subject("user_id")
        .kind_claim("token_type", "Bearer", Some("Refresh"))
        .roles(["role"])
        .scopes(["permissions"])
}

fn config(legacy: Legacy) -> (Config, ManualClock) {
    let clock = ManualClock::at(NOW);
    let old = Key::secret(Algorithm::HS256, KeyMaterial::raw(*OLD)).id("earlier").also_without_id();
    let config = Config::hs256(SECRET).also_verify(old).accept_legacy(legacy).clock(clock.clone());
    (config.verified_cache(100), clock)
}

fn auth() -> (JwtAuth, ManualClock) {
    let (config, clock) = config(legacy());
    (config.build().expect("valid"), clock)
}

fn claims() -> Value {
    json!({
        "user_id": 42, "token_type": "Bearer", "role": "editor", "permissions": ["notes:read"],
        "exp": NOW + 20_000, "iat": NOW - 100, "name": "Alice",
    })
}

fn with(changes: &Value) -> Value {
    let mut claims = claims();
    for (name, value) in changes.as_object().expect("an object") {
        claims[name] = value.clone();
    }
    claims
}

fn old_token(claims: &Value) -> String {
    sign_with(OLD, &plain_header(), claims)
}

async fn refusal(auth: &JwtAuth, token: &str) -> AuthErrorKind {
    auth.verify_access(token).await.expect_err("refused").kind()
}

#[tokio::test]
async fn an_earlier_token_is_read_by_its_own_names_until_the_time() {
    let (auth, clock) = auth();
    let token = old_token(&claims());
    for _ in 0..2 {
        let read: AccessToken = auth.verify_access(&token).await.expect("valid");
        assert_eq!(read.subject(), "42");
        assert_eq!(read.roles().collect::<Vec<_>>(), ["editor"]);
        assert_eq!(read.scopes().collect::<Vec<_>>(), ["notes:read"]);
        assert_eq!(read.claims()["name"], "Alice");
        assert!(!read.is_fresh());
    }
    // The token was cached, and is refused on time nevertheless.
    clock.set(at(NOW + 9_999));
    assert!(auth.verify_access(&token).await.is_ok());
    clock.set(at(NOW + 10_000));
    assert_eq!(refusal(&auth, &token).await, AuthErrorKind::AccessTokenRequired);
}

#[tokio::test]
async fn everything_else_is_checked_as_for_our_own_tokens() {
    let (auth, _) = auth();
    for (changes, expected) in [
        (json!({ "exp": NOW }), AuthErrorKind::Expired),
        (json!({ "exp": Value::Null }), AuthErrorKind::InvalidClaims),
        (json!({ "iat": NOW + 100 }), AuthErrorKind::IssuedInTheFuture),
        (json!({ "nbf": NOW + 100 }), AuthErrorKind::NotYetValid),
        (json!({ "aud": "another service" }), AuthErrorKind::WrongAudience),
        (json!({ "token_type": "Refresh" }), AuthErrorKind::AccessTokenRequired),
        (json!({ "token_type": "ID" }), AuthErrorKind::AccessTokenRequired),
        (json!({ "token_type": 1 }), AuthErrorKind::InvalidClaims),
        (json!({ "user_id": { "a": 1 } }), AuthErrorKind::InvalidClaims),
        (json!({ "role": 7 }), AuthErrorKind::InvalidClaims),
    ] {
        let token = old_token(&with(&changes));
        assert_eq!(refusal(&auth, &token).await, expected, "{changes}");
    }
    let mut without = claims();
    without.as_object_mut().expect("an object").remove("user_id");
    assert_eq!(refusal(&auth, &old_token(&without)).await, AuthErrorKind::InvalidClaims);
    // Claims that only this crate defines do not become permissions or sessions of ours.
    let planted =
        with(&json!({ "type": "refresh", "sub": "root", "roles": ["admin"], "scope": "*",
        "fresh": true, "gen": 9, "s_at": 1, "csrf": "x" }));
    let read: AccessToken = auth.verify_access(&old_token(&planted)).await.expect("valid");
    assert_eq!((read.subject(), read.is_fresh()), ("42", false));
    assert_eq!(read.roles().collect::<Vec<_>>(), ["editor"]);
    assert_eq!(read.scopes().collect::<Vec<_>>(), ["notes:read"]);
}

#[tokio::test]
async fn only_the_named_key_and_only_tokens_that_are_not_ours_are_read_so() {
    let (auth, _) = auth();
    // Our own key signs no earlier token.
    let by_new_key = sign_with(SECRET, &plain_header(), &claims());
    assert_eq!(refusal(&auth, &by_new_key).await, AuthErrorKind::AccessTokenRequired);
    for typ in ["at+jwt", "rt+jwt"] {
        let ours = sign_with(OLD, &json!({ "alg": "HS256", "typ": typ }), &claims());
        assert_eq!(refusal(&auth, &ours).await, AuthErrorKind::AccessTokenRequired, "{typ}");
    }
    let bare = sign_with(OLD, &json!({ "alg": "HS256", "kid": "earlier" }), &claims());
    assert!(auth.verify_access(&bare).await.is_ok());
}

#[tokio::test]
async fn an_earlier_token_can_be_revoked_and_a_refresh_token_starts_a_session() {
    let (auth, _) = auth();
    let token = old_token(&claims());
    let read: AccessToken = auth.verify_access(&token).await.expect("valid");
    assert_eq!(read.id().len(), 43, "the hash of the token");
    auth.revoke(&read).await.expect("recorded");
    assert_eq!(refusal(&auth, &token).await, AuthErrorKind::Revoked);
    let other = old_token(&with(&json!({ "name": "Bob" })));
    assert!(auth.verify_access(&other).await.is_ok());

    let refresh = old_token(&with(&json!({ "token_type": "Refresh" })));
    let read: RefreshToken = auth.verify_refresh(&refresh).await.expect("valid");
    let pair = auth.rotate(read).await.expect("a session of ours");
    let access: AccessToken = auth.verify_access(pair.access_token()).await.expect("valid");
    assert_eq!((access.subject(), access.roles().collect::<Vec<_>>()), ("42", vec!["editor"]));
    assert_eq!(auth.sessions("42").await.expect("listed").len(), 1);
    // It works once, as every refresh token.
    auth.log_out_everywhere("42").await.expect("recorded");
    assert!(auth.verify_refresh(&refresh).await.is_err());
}

#[tokio::test]
async fn every_token_can_be_an_access_token_and_the_audience_can_be_ignored() {
    let lenient = || config_with(legacy().only_access_tokens().ignore_audience());
    let auth = lenient().audience(["https://api.example"]).build().expect("valid");
    let mut claims = with(&json!({ "aud": "anything" }));
    claims.as_object_mut().expect("an object").remove("token_type");
    assert!(auth.verify_access(&old_token(&claims)).await.is_ok());
    let strict = config_with(legacy().only_access_tokens()).audience(["https://api.example"]);
    let strict = strict.build().expect("valid");
    assert_eq!(refusal(&strict, &old_token(&claims)).await, AuthErrorKind::WrongAudience);
    // Without a configured audience, a token that names none is accepted, and one that names any is not.
    assert!(lenient().build().expect("valid").verify_access(&old_token(&claims)).await.is_ok());
}

fn config_with(legacy: Legacy) -> Config {
    config(legacy).0
}

#[test]
fn a_mapping_with_a_gap_is_refused() {
    let build = |legacy: Legacy| config(legacy).0.build().map(drop).map_err(|e| e.to_string());
    let until = || Legacy::until(at(NOW + 1));
    for (legacy, expected) in [
        (until().only_access_tokens(), "which key signed the earlier tokens"),
        (until().signed_by("other").only_access_tokens(), "no key of the ring has the id `other`"),
        (until().signed_by("earlier"), "which of the earlier tokens are access tokens"),
        (Legacy::until(at(NOW + 731 * 86_400)).signed_by("earlier"), "for at most 730d"),
    ] {
        let error = build(legacy).expect_err(expected);
        assert!(error.contains("accept_legacy") && error.contains(expected), "{error}");
    }
    // A restart after the time is no error.
    assert_eq!(build(Legacy::until(at(1)).signed_by("earlier").only_access_tokens()), Ok(()));
}

#[tokio::test]
async fn a_cookie_with_an_earlier_token_changes_nothing_without_a_csrf_value() {
    let (config, _) = config(legacy());
    let (app, _) = crate::app::app(config.token_location([TokenLocation::Cookie]));
    let token = old_token(&claims());
    for (method, path, status) in [("GET", "/me", 200), ("POST", "/me", 401)] {
        let request = axum::http::Request::builder()
            .method(method)
            .uri(path)
            .header("cookie", format!("__Host-access_token_cookie={token}"));
        let request = request.body(axum::body::Body::empty()).expect("valid");
        assert_eq!(tests::send(&app, request).await.status, status, "{method}");
    }
}
