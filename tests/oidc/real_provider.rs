//! A certified provider (npm `oidc-provider`) in a process of its own: discovery, tokens, a rotation of its keys, an outage.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_auth::{AccessToken, AuthErrorKind, Config, JwtAuth, KeyMaterial};
use jwt_auth_oidc::Issuer;
use serde_json::Value;
use tests::identity_provider::{AUDIENCE, CLIENT, IdentityProvider};

use crate::verdict;

fn auth_of(provider: &IdentityProvider, change: impl FnOnce(Issuer) -> Issuer) -> JwtAuth {
    let issuer = Issuer::discover(provider.issuer.as_str()).audience([AUDIENCE]);
    let config = Config::hs256(KeyMaterial::ephemeral()).trust(change(issuer));
    config.build().expect("valid")
}

#[tokio::test]
async fn a_certified_provider_is_followed_through_a_rotation_and_an_outage() {
    let Some(provider) = IdentityProvider::start() else { return };
    let auth = auth_of(&provider, Issuer::rfc9068);
    let first = provider.token().await;
    let read: AccessToken = auth.verify_access(&first).await.expect("valid");
    assert_eq!(read.issuer(), Some(provider.issuer.as_str()));
    assert_eq!(read.subject(), "service");
    assert_eq!(read.scopes().collect::<Vec<_>>(), ["notes:read"]);
    // The same token is for no other service.
    let other = auth_of(&provider, |issuer| issuer.audience(["https://other.example"]));
    assert_eq!(verdict(&other, &first).await, Err(AuthErrorKind::WrongAudience));

    provider.post("/test/rotate").await;
    let second = provider.token().await;
    assert_eq!(verdict(&auth, &second).await, Ok(()), "the first request with the new key");
    assert_eq!(verdict(&auth, &first).await, Ok(()), "the old key is published still");
    provider.post("/test/drop").await;
    let late = auth_of(&provider, |issuer| issuer);
    assert_eq!(verdict(&late, &second).await, Ok(()));
    assert_eq!(verdict(&late, &first).await, Err(AuthErrorKind::UnknownKey));

    // The provider is gone. What was known goes on, and a service that starts now answers 503.
    let issuer = provider.issuer.clone();
    drop(provider);
    assert_eq!(verdict(&auth, &second).await, Ok(()));
    let starting = Config::hs256(KeyMaterial::ephemeral())
        .trust(Issuer::discover(issuer).audience([AUDIENCE]));
    let starting = starting.build().expect("valid");
    assert_eq!(verdict(&starting, &second).await, Err(AuthErrorKind::Unavailable));
}

#[tokio::test]
async fn opaque_tokens_of_a_certified_provider_are_introspected() {
    const OPAQUE: &str = "https://opaque.example";
    let Some(provider) = IdentityProvider::start() else { return };
    let asking_with = |secret: &str| {
        let issuer = Issuer::introspect(provider.issuer.as_str())
            .credentials(CLIENT.0, secret)
            .cache_for(std::time::Duration::ZERO)
            .audience([OPAQUE]);
        Config::hs256(KeyMaterial::ephemeral()).trust(issuer).build().expect("valid")
    };
    let token = provider.token_for(OPAQUE).await;
    assert!(!token.contains('.'), "opaque: {token}");
    let asking = asking_with(CLIENT.1);
    let read: AccessToken = asking.verify_access(&token).await.expect("active");
    assert_eq!((read.subject(), read.issuer()), (CLIENT.0, Some(provider.issuer.as_str())));
    assert_eq!(read.scopes().collect::<Vec<_>>(), ["notes:read"]);
    assert!(read.expires_at().is_some());

    assert_eq!(
        verdict(&asking_with("a wrong secret"), &token).await,
        Err(AuthErrorKind::Unavailable)
    );
    assert_eq!(verdict(&asking, "never-issued").await, Err(AuthErrorKind::NotActive));
    let revoked = provider.form("/token/revocation", format!("token={token}")).await;
    assert!(revoked.status().is_success(), "{}", revoked.status());
    assert_eq!(verdict(&asking, &token).await, Err(AuthErrorKind::NotActive));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_under_load_refuses_no_request() {
    const CLIENTS: usize = 16;
    let Some(provider) = IdentityProvider::start() else { return };
    let auth = auth_of(&provider, Issuer::rfc9068);
    let first = provider.token().await;
    let newest = Arc::new(Mutex::new(first.clone()));
    let rounds = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (auth, newest, rounds) = (auth.clone(), Arc::clone(&newest), Arc::clone(&rounds));
            let first = first.clone();
            tokio::spawn(async move {
                let mut refused = Vec::new();
                let mut requests = 0;
                // A while before the rotation, and a while after it. The old token is used all the time.
                while rounds.load(Ordering::SeqCst) < 2 || requests % 1_000 != 0 {
                    let token = newest.lock().expect("no panic").clone();
                    refused.extend(verdict(&auth, &token).await.err());
                    refused.extend(verdict(&auth, &first).await.err());
                    requests += 2;
                    tokio::task::yield_now().await;
                }
                (requests, refused)
            })
        })
        .collect();
    provider.post("/test/rotate").await;
    let second = provider.token().await;
    assert_ne!(key_id(&first), key_id(&second));
    *newest.lock().expect("no panic") = second.clone();
    rounds.fetch_add(1, Ordering::SeqCst);
    // The new key is known once its first token was accepted.
    assert_eq!(verdict(&auth, &second).await, Ok(()));
    for _ in 0..20 {
        let third = provider.token().await;
        *newest.lock().expect("no panic") = third;
    }
    rounds.fetch_add(1, Ordering::SeqCst);
    let mut total = 0;
    for client in clients {
        let (requests, refused) = client.await.expect("no panic");
        assert_eq!(refused, []);
        total += requests;
    }
    println!("{total} requests by {CLIENTS} clients through a rotation of the provider, 0 refused");
}

/// The key that a token names.
fn key_id(token: &str) -> String {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().expect("a header"));
    let header: Value = serde_json::from_slice(&header.expect("base64url")).expect("JSON");
    header["kid"].as_str().expect("an id").to_owned()
}
