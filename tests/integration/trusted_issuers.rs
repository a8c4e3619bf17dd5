//! Tokens of identity providers under our attributes: whose keys, for whom, which kind, by which names.

use jwt_auth::config::TrustedIssuer;
use jwt_auth::{
    AccessToken, Algorithm, AuthErrorKind, Config, GuardedRouter, JwtAuth, Key, KeyMaterial,
    KeyRing, ManualClock, TokenLocation, jwt_required, routing,
};
use serde_json::{Value, json};
use tests::provider::{EC, ED};
use tests::{NOW, SECRET};

const KEYCLOAK: &str = "https://login.example/realms/staff";
const COGNITO: &str = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_abc";

fn keycloak() -> TrustedIssuer {
    TrustedIssuer::new(KEYCLOAK, ED.keys())
        .audience(["notes-api"])
        .required_claim("typ", "Bearer")
        .roles([vec!["realm_access", "roles"], vec!["resource_access", "notes-api", "roles"]])
}

fn cognito() -> TrustedIssuer {
    TrustedIssuer::new(COGNITO, EC.keys())
        .client_ids(["the-web-app"])
        .required_claim("token_use", "access")
        .roles([["cognito:groups"]])
}

fn config() -> Config {
    Config::hs256(SECRET).clock(ManualClock::at(NOW)).verified_cache(100)
}

fn auth() -> JwtAuth {
    config().trust(keycloak()).trust(cognito()).build().expect("valid")
}

/// An access token as Keycloak 26 writes it.
fn keycloak_claims() -> Value {
    json!({
        "exp": NOW + 300, "iat": NOW, "jti": "onrtro:0a1b", "iss": KEYCLOAK, "aud": ["notes-api", "account"],
        "sub": "f3c1", "typ": "Bearer", "azp": "web", "sid": "a-session", "acr": "1",
        "realm_access": { "roles": ["staff", "offline_access"] },
        "resource_access": { "notes-api": { "roles": ["editor"] }, "account": { "roles": ["manage-account"] } },
        "scope": "openid notes:read", "preferred_username": "alice",
    })
}

/// An access token as Cognito writes it.
fn cognito_claims() -> Value {
    json!({
        "sub": "aaaa-bbbb", "cognito:groups": ["editors"], "iss": COGNITO, "client_id": "the-web-app",
        "token_use": "access", "scope": "notes:read", "auth_time": NOW, "exp": NOW + 300, "iat": NOW,
        "jti": "cccc", "username": "alice", "version": 2,
    })
}

fn with(mut claims: Value, changes: &Value) -> Value {
    for (name, value) in changes.as_object().expect("an object") {
        if value.is_null() {
            claims.as_object_mut().expect("an object").remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims
}

async fn refusal(auth: &JwtAuth, token: &str) -> AuthErrorKind {
    auth.verify_access(token).await.expect_err("refused").kind()
}

#[jwt_required(scopes("notes:read"), roles("editor"))]
async fn read(token: AccessToken) -> String {
    format!("{} of {}", token.subject(), token.issuer().unwrap_or("nobody"))
}

#[tokio::test]
async fn tokens_of_providers_open_routes_by_the_same_attributes() {
    let auth = auth();
    let app: axum::Router =
        GuardedRouter::new().route("/read", routing::get(read)).with_state(auth.clone());
    let token = ED.sign(Some("JWT"), &keycloak_claims());
    for _ in 0..2 {
        let response = tests::get(&app, "/read", &token).await;
        assert_eq!(
            (response.status.as_u16(), &*response.body),
            (200, &*format!("f3c1 of {KEYCLOAK}"))
        );
    }
    // Our own tokens are as before.
    let own = auth.access_token("alice").scopes(["notes:read"]).roles(["editor"]).issue();
    let response = tests::get(&app, "/read", &own.expect("a token")).await;
    assert_eq!((response.status.as_u16(), &*response.body), (200, "alice of nobody"));
    let other = EC.sign(None, &cognito_claims());
    assert_eq!(tests::get(&app, "/read", &other).await.status, 403, "it has the role `editors`");
    let read: AccessToken = auth.verify_access(&other).await.expect("valid");
    assert_eq!(read.roles().collect::<Vec<_>>(), ["editors"]);
    assert_eq!((read.id(), read.issuer()), ("cccc", Some(COGNITO)));
    assert_eq!(read.claims()["username"], "alice");
    let read: AccessToken = auth.verify_access(&token).await.expect("valid");
    assert_eq!(read.roles().collect::<Vec<_>>(), ["staff", "offline_access", "editor"]);
}

#[tokio::test]
async fn what_the_provider_issued_for_something_else_is_refused() {
    use AuthErrorKind as Kind;

    let auth = auth();
    for (changes, expected) in [
        (json!({ "typ": "ID" }), Kind::AccessTokenRequired),
        (json!({ "typ": "Refresh" }), Kind::AccessTokenRequired),
        (json!({ "typ": null }), Kind::AccessTokenRequired),
        (json!({ "aud": "account" }), Kind::WrongAudience),
        (json!({ "aud": null }), Kind::AudienceMissing),
        (json!({ "aud": 7 }), Kind::InvalidClaims),
        (json!({ "exp": NOW }), Kind::Expired),
        (json!({ "exp": null }), Kind::InvalidClaims),
        (json!({ "iat": NOW + 100 }), Kind::IssuedInTheFuture),
        (json!({ "sub": null }), Kind::InvalidClaims),
        (json!({ "sub": ["a"] }), Kind::InvalidClaims),
        (json!({ "realm_access": { "roles": 7 } }), Kind::InvalidClaims),
    ] {
        let token = ED.sign(Some("JWT"), &with(keycloak_claims(), &changes));
        assert_eq!(refusal(&auth, &token).await, expected, "{changes}");
    }
    for (changes, expected) in [
        (json!({ "token_use": "id" }), Kind::AccessTokenRequired),
        (json!({ "client_id": "another-app" }), Kind::AudienceMissing),
        // The client's token for another service.
        (json!({ "aud": "another-service" }), Kind::WrongAudience),
    ] {
        let token = EC.sign(None, &with(cognito_claims(), &changes));
        assert_eq!(refusal(&auth, &token).await, expected, "{changes}");
    }
    for typ in ["rt+jwt", "id_token+jwt"] {
        let token = ED.sign(Some(typ), &keycloak_claims());
        assert!(auth.verify_access(&token).await.is_err(), "{typ}");
    }
    // A refresh token of a provider is none of ours.
    assert!(auth.verify_refresh(&ED.sign(Some("JWT"), &keycloak_claims())).await.is_err());
}

#[tokio::test]
async fn keys_belong_to_their_issuer_and_to_no_other() {
    let auth = auth();
    // The other provider, and we ourselves, name an issuer whose keys we do not have.
    let by_cognito = EC.sign(Some("JWT"), &keycloak_claims());
    assert!(auth.verify_access(&by_cognito).await.is_err());
    let by_us = tests::forge(&json!({ "alg": "HS256", "typ": "at+jwt" }), &keycloak_claims());
    assert!(auth.verify_access(&by_us).await.is_err());
    // A provider names us, or nobody.
    for iss in [json!(null), json!("https://auth.example"), json!(format!("{KEYCLOAK}/")), json!(7)]
    {
        let claims =
            with(with(keycloak_claims(), &json!({ "iss": iss })), &json!({ "type": "access" }));
        assert!(auth.verify_access(&ED.sign(Some("JWT"), &claims)).await.is_err(), "{iss}");
    }
    // Two issuers in one token.
    let twice = keycloak_claims().to_string().replacen('{', &format!(r#"{{"iss":"{COGNITO}","#), 1);
    let unread: Result<Value, _> = serde_json::from_str(&twice);
    assert!(unread.is_ok(), "most readers take the last one");
    let header = json!({ "alg": "EdDSA", "kid": "k1" }).to_string();
    assert!(auth.verify_access(&ED.sign_text(&header, &twice)).await.is_err());
}

#[tokio::test]
async fn claims_that_only_we_define_have_no_meaning_in_their_tokens() {
    let auth = auth();
    let planted = json!({ "type": "refresh", "fresh": true, "gen": 7, "csrf": "x", "s_at": 1, "roles": ["root"],
        "s_tmp": "not ours" });
    let token = ED.sign(Some("JWT"), &with(keycloak_claims(), &planted));
    let read: AccessToken = auth.verify_access(&token).await.expect("valid");
    assert!(!read.is_fresh() && !read.roles().any(|role| role == "root"));
    // A cookie with it changes nothing, because it has no value that a request could repeat.
    let auth = config().trust(keycloak()).token_location([TokenLocation::Cookie]);
    let (app, _) = crate::app::app(auth);
    let request = axum::http::Request::post("/me")
        .header("cookie", format!("__Host-access_token_cookie={token}"))
        .body(axum::body::Body::empty());
    assert_eq!(tests::send(&app, request.expect("valid")).await.status, 401);
}

#[tokio::test]
async fn their_tokens_can_be_revoked_and_are_not_renewed() {
    let auth = auth();
    let token = ED.sign(Some("JWT"), &keycloak_claims());
    let other =
        ED.sign(Some("JWT"), &with(keycloak_claims(), &json!({ "jti": "other", "sid": "other" })));
    let read: AccessToken = auth.verify_access(&token).await.expect("valid");
    assert!(auth.verify_access(&other).await.is_ok(), "and cached");
    auth.revoke(&read).await.expect("recorded");
    assert_eq!(refusal(&auth, &token).await, AuthErrorKind::Revoked);
    assert!(auth.verify_access(&other).await.is_ok());
    auth.revoke_key("k1").await.expect("recorded");
    assert_eq!(refusal(&auth, &other).await, AuthErrorKind::Revoked);
}

#[tokio::test]
async fn the_strict_profile_admits_rfc_9068_alone() {
    let issuer = || TrustedIssuer::new("https://login.example", ED.keys()).audience(["notes"]);
    let auth = config().trust(issuer().rfc9068()).build().expect("valid");
    let claims = json!({
        "iss": "https://login.example", "exp": NOW + 60, "aud": "notes", "sub": "a", "client_id": "web",
        "iat": NOW, "jti": "j", "scope": "x",
    });
    for typ in ["at+jwt", "application/at+jwt", "AT+JWT"] {
        assert!(auth.verify_access(&ED.sign(Some(typ), &claims)).await.is_ok(), "{typ}");
    }
    for typ in [None, Some("JWT")] {
        let kind = refusal(&auth, &ED.sign(typ, &claims)).await;
        assert_eq!(kind, AuthErrorKind::AccessTokenRequired, "{typ:?}");
    }
    for missing in ["sub", "client_id", "iat", "jti"] {
        let token = ED.sign(Some("at+jwt"), &with(claims.clone(), &json!({ missing: null })));
        assert_eq!(refusal(&auth, &token).await, AuthErrorKind::InvalidClaims, "{missing}");
    }
    let lenient = config().trust(issuer()).build().expect("valid");
    assert!(lenient.verify_access(&ED.sign(None, &claims)).await.is_ok());
    // An audience of the route is required of their tokens too.
    let app: axum::Router =
        GuardedRouter::new().route("/", routing::get(reports)).with_state(lenient);
    assert_eq!(tests::get(&app, "/", &ED.sign(None, &claims)).await.status, 401);
    let for_reports = with(claims, &json!({ "aud": ["notes", "reports"] }));
    assert_eq!(tests::get(&app, "/", &ED.sign(None, &for_reports)).await.status, 200);
}

#[jwt_required(audience = "reports")]
async fn reports() {}

#[tokio::test]
async fn a_service_that_issues_nothing_needs_no_key() {
    let config = Config::with_keys(KeyRing::default()).clock(ManualClock::at(NOW));
    let auth = config.trust(keycloak()).build().expect("valid");
    assert!(auth.verify_access(&ED.sign(Some("JWT"), &keycloak_claims())).await.is_ok());
    let own = tests::forge(&tests::plain_header(), &tests::claims());
    assert_eq!(refusal(&auth, &own).await, AuthErrorKind::WrongAlgorithm);
    let error = auth.access_token("alice").issue().expect_err("no key");
    assert_eq!(error.kind(), AuthErrorKind::CannotIssue);
}

#[test]
fn an_issuer_that_would_accept_too_much_is_refused() {
    let issuer = || TrustedIssuer::new(KEYCLOAK, ED.keys());
    let secret = Key::secret(Algorithm::HS256, KeyMaterial::raw(*SECRET)).id("s");
    let private =
        Key::private_pem(Algorithm::EdDSA, KeyMaterial::file(tests::provider::file("ed.pem")));
    let of = |key: Key| TrustedIssuer::new(KEYCLOAK, KeyRing::new(key)).audience(["a"]);
    for (config, expected) in [
        (config().trust(issuer()), "it does not say for whom its tokens are"),
        (config().trust(keycloak()).trust(keycloak()), "it is trusted twice"),
        (config().issuer(KEYCLOAK).trust(keycloak()), "the issuer of our own tokens"),
        (config().trust(of(secret)), "configure its public keys"),
        (config().trust(of(private)), "configure its public keys"),
        (config().trust(TrustedIssuer::new("", ED.keys()).audience(["a"])), "has no name"),
        (
            config().trust(TrustedIssuer::new(KEYCLOAK, KeyRing::jwk_set("{}")).audience(["a"])),
            "has no array `keys`",
        ),
        (
            config().trust(TrustedIssuer::new(KEYCLOAK, KeyRing::default()).audience(["a"])),
            "the ring has no key",
        ),
    ] {
        let error = config.build().expect_err(expected).to_string();
        assert!(error.contains("trust (") && error.contains(expected), "{error}");
    }
}
