//! When keys are fetched: ahead of their end, for unknown keys, and never for each request. The clock is paused.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jwt_auth::AuthErrorKind;
use jwt_auth_oidc::{Fetch, FetchError, Fetched, Issuer};
use serde_json::json;
use tests::provider::{EC, ED};
use tokio::time::{Instant, advance, sleep};

use crate::{Answer, ISSUER, Server, auth, body, issuer, set, token, verdict};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// Lets tasks run, and time pass for their timers only.
async fn pass(time: Duration) {
    sleep(time).await;
}

#[tokio::test(start_paused = true)]
async fn the_first_token_waits_for_the_keys_and_later_ones_wait_for_nothing() {
    let server = Server::of(&[ED.jwk()]);
    let auth = auth(issuer(&server));
    assert_eq!(server.fetches(), 0, "nothing is fetched before it is needed");
    for _ in 0..50 {
        assert_eq!(verdict(&auth, &token(ED)).await, Ok(()));
    }
    assert_eq!(server.fetches(), 1);
    // Our own tokens never wait for an issuer.
    let own = auth.access_token("alice").issue().expect("a token");
    assert_eq!(verdict(&auth, &own).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn random_key_ids_cause_one_fetch_in_the_cooldown_and_known_keys_do_not_notice() {
    let server = Server::of(&[ED.jwk()]);
    let auth = auth(issuer(&server));
    assert_eq!(verdict(&auth, &token(ED)).await, Ok(()));
    let start = Instant::now();
    for n in 0..1_000 {
        let kid: &'static str = Box::leak(format!("random-{n}").into_boxed_str());
        let unknown = verdict(&auth, &token(ED.named(kid))).await;
        assert_eq!(unknown, Err(AuthErrorKind::UnknownKey));
        assert_eq!(verdict(&auth, &token(ED)).await, Ok(()));
    }
    assert_eq!(server.fetches(), 2, "one at the start, one for all of them");
    assert!(start.elapsed() < SECOND, "no token waited for the cooldown: {:?}", start.elapsed());
    pass(31 * SECOND).await;
    let unknown = verdict(&auth, &token(ED.named("another"))).await;
    assert_eq!((unknown, server.fetches()), (Err(AuthErrorKind::UnknownKey), 3));
}

#[tokio::test(start_paused = true)]
async fn the_request_that_meets_a_new_key_waits_for_it_and_is_accepted() {
    let server = Server::of(&[ED.jwk()]);
    let auth = auth(issuer(&server));
    assert_eq!(verdict(&auth, &token(ED)).await, Ok(()));
    let rotated = [EC.named("k2").jwk(), ED.jwk()];
    server.answer(Answer::After(500 * Duration::from_millis(1), set(&rotated)));
    let calls: Vec<_> = (0..100)
        .map(|_| {
            let auth = auth.clone();
            tokio::spawn(async move { verdict(&auth, &token(EC.named("k2"))).await })
        })
        .collect();
    assert_eq!(verdict(&auth, &token(ED)).await, Ok(()), "the old key counts meanwhile");
    for call in calls {
        assert_eq!(call.await.expect("no panic"), Ok(()));
    }
    assert_eq!(server.fetches(), 2, "one fetch for a hundred requests");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_goes_away_does_not_take_the_fetch_with_it() {
    let server = Server::new(Answer::After(SECOND, set(&[ED.jwk()])));
    let auth = auth(issuer(&server));
    let first = tokio::spawn({
        let auth = auth.clone();
        async move { verdict(&auth, &token(ED)).await }
    });
    pass(Duration::from_millis(100)).await;
    let second = tokio::spawn({
        let auth = auth.clone();
        async move { verdict(&auth, &token(ED)).await }
    });
    pass(Duration::from_millis(100)).await;
    first.abort();
    assert_eq!(second.await.expect("no panic"), Ok(()));
    assert_eq!(server.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn keys_that_cannot_be_fetched_are_503_and_not_401() {
    let server = Server::new(Answer::Error);
    let auth = auth(issuer(&server));
    assert_eq!(verdict(&auth, &token(ED)).await, Err(AuthErrorKind::Unavailable));
    let start = Instant::now();
    for _ in 0..100 {
        assert_eq!(verdict(&auth, &token(ED)).await, Err(AuthErrorKind::Unavailable));
    }
    assert_eq!(server.fetches(), 2, "the first one and one more, and not one for each request");
    assert!(start.elapsed() < SECOND);
    server.answer(body(&[ED.jwk()]));
    pass(31 * SECOND).await;
    assert_eq!(verdict(&auth, &token(ED)).await, Ok(()));
    // A server that never answers costs a request two seconds at most.
    let server = Server::new(Answer::Silence);
    let slow = crate::auth(issuer(&server));
    let start = Instant::now();
    assert_eq!(verdict(&slow, &token(ED)).await, Err(AuthErrorKind::Unavailable));
    assert!(start.elapsed() <= 2 * SECOND + Duration::from_millis(10), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_bridged_with_the_last_keys_for_an_hour() {
    let server = Server::of(&[ED.jwk()]);
    let auth = auth(issuer(&server));
    assert_eq!(verdict(&auth, &token(ED)).await, Ok(()));
    server.answer(Answer::Error);
    pass(60 * MINUTE).await;
    assert!(server.fetches() > 10, "it tries again and again: {}", server.fetches());
    assert_eq!(verdict(&auth, &token(ED)).await, Ok(()), "an error is no empty set");
    // Ten minutes of life and an hour of grace are over. The token was cached, which does not help.
    pass(11 * MINUTE).await;
    assert_eq!(verdict(&auth, &token(ED)).await, Err(AuthErrorKind::Unavailable));
    server.answer(body(&[ED.jwk()]));
    pass(31 * SECOND).await;
    assert_eq!(verdict(&auth, &token(ED)).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_removed_key_is_forgotten_without_any_unknown_key() {
    let server = Server::of(&[ED.jwk(), EC.named("k2").jwk()]);
    let auth = auth(issuer(&server));
    let cached = token(ED);
    assert_eq!(verdict(&auth, &cached).await, Ok(()));
    server.answer(body(&[EC.named("k2").jwk()]));
    // At 80 % of ten minutes, ±10 %.
    pass(7 * MINUTE).await;
    assert_eq!((verdict(&auth, &cached).await, server.fetches()), (Ok(()), 1));
    pass(2 * MINUTE).await;
    assert_eq!(server.fetches(), 2);
    let verdict = verdict(&auth, &cached).await;
    assert!(
        matches!(verdict, Err(AuthErrorKind::UnknownKey | AuthErrorKind::WrongAlgorithm)),
        "{verdict:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_life_that_a_response_names_is_kept_within_bounds() {
    for (named, earliest, latest) in [
        (0, 43, 54),
        (60, 43, 54),
        (3_600, 2_590, 3_170),
        (86_400, 62_200, 76_040),
        (10_000_000, 62_200, 76_040),
    ] {
        let age = Duration::from_secs(named);
        let server = Server::new(Answer::Body(set(&[ED.jwk()]), Some(age)));
        let auth = auth(issuer(&server));
        assert_eq!(verdict(&auth, &token(ED)).await, Ok(()));
        pass(Duration::from_secs(earliest)).await;
        assert_eq!(server.fetches(), 1, "max-age {named}: not before {earliest} s");
        pass(Duration::from_secs(latest - earliest)).await;
        assert_eq!(server.fetches(), 2, "max-age {named}: not after {latest} s");
    }
}

#[tokio::test(start_paused = true)]
async fn an_id_that_the_issuer_uses_again_is_fetched_once_more() {
    let server = Server::of(&[ED.jwk()]);
    let auth = auth(issuer(&server));
    assert_eq!(verdict(&auth, &token(ED)).await, Ok(()));
    pass(MINUTE).await;
    // The same `kid`, and another key of the same algorithm.
    let mut other = ED.jwk();
    other["x"] = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo".into();
    server.answer(body(&[other]));
    let forged = tests::tamper_with_signature(&token(ED));
    assert_eq!(verdict(&auth, &forged).await, Err(AuthErrorKind::InvalidSignature));
    assert_eq!(server.fetches(), 2);
    assert_eq!(verdict(&auth, &token(ED)).await, Err(AuthErrorKind::InvalidSignature));
    assert_eq!(server.fetches(), 2, "bad signatures share the cooldown");
}

#[tokio::test(start_paused = true)]
async fn the_task_ends_with_the_configuration() {
    let server = Server::of(&[ED.jwk()]);
    let auth = auth(issuer(&server));
    assert_eq!(verdict(&auth, &token(ED)).await, Ok(()));
    drop(auth);
    advance(24 * 60 * MINUTE).await;
    pass(SECOND).await;
    assert_eq!(server.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn prefetching_reports_a_mistake_at_the_start() {
    let server = Server::of(&[ED.jwk()]);
    let auth = auth(issuer(&server).prefetch().await.expect("fetched"));
    assert_eq!((verdict(&auth, &token(ED)).await, server.fetches()), (Ok(()), 1));
    for (answer, expected) in [
        (Answer::Error, "connection refused"),
        (Answer::Silence, "no answer within 5 s"),
        (Answer::Body("<html>".to_owned(), None), "the JWK set is not a JSON object"),
        (Answer::Body(r#"{"keys":[]}"#.to_owned(), None), "contains no key"),
        (Answer::Body("x".repeat(600_000), None), "more than 512 KiB"),
    ] {
        let error = issuer(&Server::new(answer)).prefetch().await.expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_provider_delays_no_request_while_there_are_keys() {
    let server = Server::of(&[ED.jwk()]);
    let auth = auth(issuer(&server));
    assert_eq!(verdict(&auth, &token(ED)).await, Ok(()));
    server.answer(Answer::Silence);
    // The fetch ahead of the end of the keys has begun, and will not finish.
    pass(9 * MINUTE).await;
    assert!(server.fetches() > 1);
    let start = Instant::now();
    for n in 0..1_000 {
        let mut claims = crate::claims();
        claims["jti"] = format!("j{n}").into();
        assert_eq!(verdict(&auth, &ED.sign(Some("at+jwt"), &claims)).await, Ok(()));
    }
    assert_eq!(start.elapsed(), Duration::ZERO);
}

/// A provider with a document, which counts requests.
#[derive(Clone, Default)]
struct Documented {
    documents: Arc<AtomicUsize>,
    sets: Arc<AtomicUsize>,
}

impl Fetch for Documented {
    async fn get(&self, url: &str) -> Result<Fetched, FetchError> {
        let (counter, body) = if url.ends_with("/keys") {
            (&self.sets, set(&[ED.jwk()]))
        } else {
            let keys = format!("{ISSUER}/keys");
            (&self.documents, json!({ "issuer": ISSUER, "jwks_uri": keys }).to_string())
        };
        counter.fetch_add(1, Ordering::SeqCst);
        Ok(Fetched::new(body))
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_key_never_reads_the_document_again() {
    let provider = Documented::default();
    let issuer = Issuer::discover(ISSUER).audience(["notes"]).fetch_with(provider.clone());
    let auth = auth(issuer);
    for n in 1..10 {
        assert_eq!(verdict(&auth, &token(ED)).await, Ok(()));
        let unknown = verdict(&auth, &token(ED.named("unknown"))).await;
        assert_eq!(unknown, Err(AuthErrorKind::UnknownKey));
        assert_eq!(provider.sets.load(Ordering::SeqCst), n + 1);
        pass(31 * SECOND).await;
    }
    assert_eq!(provider.documents.load(Ordering::SeqCst), 1);
}
