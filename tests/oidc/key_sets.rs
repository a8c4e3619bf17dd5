//! What sets contain in the field: keys for other uses, keys without names, and far too many.

use jwt_auth::AccessToken;
use jwt_auth_oidc::Issuer;
use serde_json::{Value, json};
use tests::provider::{EC, ED, Provider, RSA};

use crate::{Answer, ISSUER, Server, auth, claims, issuer, set, token, verdict};

/// An RSA key for encryption, as Keycloak publishes it by default.
fn encryption_key() -> Value {
    let mut key = RSA.named("enc").jwk();
    key["use"] = "enc".into();
    key["alg"] = "RSA-OAEP".into();
    key
}

#[tokio::test(start_paused = true)]
async fn one_key_that_is_not_for_us_does_not_spoil_the_set() {
    let mut off_curve = EC.named("off-curve").jwk();
    off_curve["y"] = off_curve["x"].clone();
    let mut without_e = RSA.named("broken").jwk();
    without_e.as_object_mut().expect("an object").remove("e");
    let mut verify_only_ops = ED.named("ops").jwk();
    verify_only_ops["key_ops"] = json!(["encrypt"]);
    for other in [
        encryption_key(),
        off_curve,
        without_e,
        verify_only_ops,
        json!({ "kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA" }),
        json!({ "kty": "OKP", "crv": "X25519", "x": "AA" }),
        json!({ "kty": "RSA", "n": "sXchDaQebHnPiGvyDOAT4saGEUetSyo9MKLOoWFsueri", "e": "AQAB" }),
        json!({}),
        json!({ "kty": 7 }),
    ] {
        let server = Server::of(&[other.clone(), ED.jwk()]);
        assert_eq!(verdict(&auth(issuer(&server)), &token(ED)).await, Ok(()), "{other}");
    }
    // A key for encryption signs nothing here.
    let server = Server::of(&[encryption_key(), ED.jwk()]);
    assert!(verdict(&auth(issuer(&server)), &token(RSA.named("enc"))).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_key_without_an_algorithm_has_that_of_the_configuration() {
    let mut key = RSA.jwk();
    key.as_object_mut().expect("an object").remove("alg");
    let server = Server::of(&[key]);
    assert_eq!(verdict(&auth(issuer(&server)), &token(RSA)).await, Ok(()));
    let strict = issuer(&server).algorithm(jwt_auth::Algorithm::PS256);
    assert!(verdict(&auth(strict), &token(RSA)).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_token_without_a_key_id_needs_exactly_one_key_that_fits() {
    let header = json!({ "alg": "EdDSA", "typ": "at+jwt" }).to_string();
    let anonymous = ED.sign_text(&header, &claims().to_string());
    let one = Server::of(&[EC.named("k2").jwk(), ED.jwk()]);
    assert_eq!(verdict(&auth(issuer(&one)), &anonymous).await, Ok(()));
    let mut other = ED.named("k3").jwk();
    other["x"] = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo".into();
    let two = Server::of(&[other, ED.jwk()]);
    assert!(verdict(&auth(issuer(&two)), &anonymous).await.is_err());
    assert_eq!(verdict(&auth(issuer(&two)), &token(ED)).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn the_second_key_of_an_id_is_left_out() {
    let server = Server::of(&[ED.jwk(), EC.jwk()]);
    let auth = auth(issuer(&server));
    assert_eq!(verdict(&auth, &token(ED)).await, Ok(()));
    assert!(verdict(&auth, &token(EC)).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_key_that_conflicts_with_another_is_left_out() {
    // The same key under two ids: one of them counts.
    let server = Server::of(&[ED.jwk(), ED.named("again").jwk(), EC.named("k2").jwk()]);
    let auth = auth(issuer(&server));
    assert_eq!(verdict(&auth, &token(ED)).await, Ok(()));
    assert_eq!(verdict(&auth, &token(EC.named("k2"))).await, Ok(()));
    assert!(verdict(&auth, &token(ED.named("again"))).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_set_that_is_no_set_of_public_keys_is_refused_as_a_whole() {
    let secret = json!({ "kty": "oct", "alg": "HS256", "kid": "s", "k": "aGlkZGVuIGV4YW1wbGUgd2l0aCAzMiBieXRlcyBvZiBpdA" });
    let many: Vec<Value> =
        (0..10_000).map(|n| json!({ "kty": "new", "kid": n.to_string() })).collect();
    for (body, expected) in [
        (set(&[secret, ED.jwk()]), "contains a shared secret"),
        (set(&many), "at most 100 keys"),
        (r#"{"keys":[],"keys":[]}"#.to_owned(), "unique members"),
        ("[]".to_owned(), "not a JSON object"),
        (String::new(), "not a JSON object"),
    ] {
        let error = issuer(&Server::new(Answer::Body(body, None))).prefetch().await;
        let error = error.expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn keys_of_one_issuer_verify_nothing_of_another() {
    let (ours, other) = (Server::of(&[ED.jwk()]), Server::of(&[EC.jwk()]));
    let another = Issuer::jwks("https://other.example", "https://other.example/keys")
        .audience(["notes"])
        .fetch_with(other.clone());
    let config =
        jwt_auth::Config::hs256(tests::SECRET).clock(jwt_auth::ManualClock::at(tests::NOW));
    let auth = config.trust(issuer(&ours)).trust(another).build().expect("valid");
    assert_eq!(verdict(&auth, &token(ED)).await, Ok(()));
    assert_eq!(other.fetches(), 0, "its keys are not needed");
    let mut claims = claims();
    claims["iss"] = "https://other.example".into();
    assert_eq!(verdict(&auth, &EC.sign(None, &claims)).await, Ok(()));
    assert!(verdict(&auth, &ED.sign(None, &claims)).await.is_err());
    claims["iss"] = format!("{ISSUER}/").into();
    assert!(verdict(&auth, &ED.sign(None, &claims)).await.is_err(), "a slash is another issuer");
}

#[tokio::test(start_paused = true)]
async fn a_key_of_one_tenant_verifies_the_tokens_of_that_tenant_only() {
    let tenant = |name: &str| format!("https://login.example/{name}");
    let with_issuer = |mut key: Value, issuer: &str| {
        key["issuer"] = issuer.into();
        key
    };
    let server = Server::of(&[
        with_issuer(ED.jwk(), "https://login.example/{tenantid}"),
        with_issuer(EC.named("b-only").jwk(), &tenant("b")),
        with_issuer(RSA.named("other").jwk(), "https://elsewhere.example"),
    ]);
    let issuer = Issuer::jwks(tenant("a"), "https://login.example/keys")
        .aliases([tenant("b")])
        .audience(["notes"])
        .fetch_with(server.clone());
    let auth = auth(issuer);
    let token = |key: Provider, iss: &str| {
        let mut claims = claims();
        claims["iss"] = iss.into();
        key.sign(Some("at+jwt"), &claims)
    };
    for (key, iss, is_accepted) in [
        (ED, tenant("a"), true),
        (ED, tenant("b"), true),
        (ED, tenant("c"), false),
        (EC.named("b-only"), tenant("b"), true),
        (EC.named("b-only"), tenant("a"), false),
        (RSA.named("other"), tenant("a"), false),
        (RSA.named("other"), "https://elsewhere.example".to_owned(), false),
    ] {
        // The second time from the cache.
        for _ in 0..2 {
            let text = token(key, &iss);
            assert_eq!(verdict(&auth, &text).await.is_ok(), is_accepted, "{iss}");
        }
    }
    let read: AccessToken = auth.verify_access(&token(ED, &tenant("b"))).await.expect("valid");
    assert_eq!(read.issuer(), Some(&*tenant("b")), "the name that the token has");
}
