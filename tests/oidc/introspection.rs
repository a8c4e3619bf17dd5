//! Opaque tokens: each is introspected (RFC 7662), and the response is checked like the claims of a JWT.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jwt_auth::{AccessToken, AuthErrorKind, Config, JwtAuth, KeyRing, ManualClock};
use jwt_auth_oidc::{Fetch, FetchError, Fetched, Issuer};
use serde_json::{Value, json};
use tests::provider::ED;
use tests::{NOW, SECRET};

use crate::{ISSUER, issuer as issuer_with_keys, verdict};

const SECOND: Duration = Duration::from_secs(1);
const TOKEN: &str = "ory_at_2YotnFZFEjr1zCsicMWpAA.x-1";

/// An address, a header `Authorization` and a form.
type Question = (String, Option<String>, String);

/// An endpoint without a network: its response for each token, and the queries that it got.
#[derive(Clone, Default)]
struct Endpoint {
    answers: Arc<Mutex<HashMap<String, Value>>>,
    asked: Arc<Mutex<Vec<Question>>>,
    is_down: Arc<AtomicUsize>,
    takes: Duration,
}

impl Endpoint {
    fn knows(token: &str, response: Value) -> Self {
        let endpoint = Self::default();
        endpoint.says(token, response);
        endpoint
    }

    fn says(&self, token: &str, response: Value) {
        self.answers.lock().expect("no panic").insert(token.to_owned(), response);
    }

    fn questions(&self) -> usize {
        self.asked.lock().expect("no panic").len()
    }

    fn set_down(&self, is_down: bool) {
        self.is_down.store(usize::from(is_down), Ordering::SeqCst);
    }
}

impl Fetch for Endpoint {
    async fn get(&self, url: &str) -> Result<Fetched, FetchError> {
        assert_eq!(url, "https://login.example/.well-known/openid-configuration");
        let document = json!({ "issuer": ISSUER, "introspection_endpoint": "https://login.example/introspect" });
        Ok(Fetched::new(document.to_string()))
    }

    async fn post(
        &self,
        url: &str,
        authorization: Option<&str>,
        form: &str,
    ) -> Result<Fetched, FetchError> {
        let question = (url.to_owned(), authorization.map(str::to_owned), form.to_owned());
        self.asked.lock().expect("no panic").push(question);
        tokio::time::sleep(self.takes).await;
        if self.is_down.load(Ordering::SeqCst) > 0 {
            return Err(FetchError::new("connection refused"));
        }
        let token = form.strip_prefix("token=").and_then(|form| form.split('&').next());
        let answers = self.answers.lock().expect("no panic");
        let answer = answers.get(token.expect("the form has a token"));
        let inactive = json!({ "active": false });
        Ok(Fetched::new(answer.unwrap_or(&inactive).to_string()))
    }
}

fn active() -> Value {
    json!({ "active": true, "token_type": "Bearer", "sub": "alice", "aud": ["notes"], "client_id": "web",
        "scope": "notes:read notes:write", "iat": NOW, "exp": NOW + 900 })
}

fn with(member: &str, value: Value) -> Value {
    let mut response = active();
    response[member] = value;
    response
}

fn issuer(endpoint: &Endpoint) -> Issuer {
    Issuer::introspect(ISSUER)
        .credentials("notes-api", "s3cret/+")
        .audience(["notes"])
        .fetch_with(endpoint.clone())
}

fn auth(issuer: Issuer, clock: &ManualClock) -> JwtAuth {
    let config = Config::hs256(SECRET).clock(clock.clone()).verified_cache(100);
    config.trust(issuer).build().expect("valid")
}

#[tokio::test]
async fn an_opaque_token_has_the_claims_of_the_introspection_response() {
    let endpoint = Endpoint::knows(TOKEN, active());
    let auth = auth(issuer(&endpoint), &ManualClock::at(NOW));
    let token: AccessToken = auth.verify_access(TOKEN).await.expect("active");
    assert_eq!((token.subject(), token.issuer()), ("alice", Some(ISSUER)));
    assert_eq!(token.scopes().collect::<Vec<_>>(), ["notes:read", "notes:write"]);
    assert!(token.header().is_empty());
    let asked = endpoint.asked.lock().expect("no panic").clone();
    let (url, authorization, form) = &asked[0];
    assert_eq!(url, "https://login.example/introspect");
    // base64 of `notes-api:s3cret%2F%2B`: each part is form-encoded first (RFC 6749 §2.3.1).
    assert_eq!(authorization.as_deref(), Some("Basic bm90ZXMtYXBpOnMzY3JldCUyRiUyQg=="));
    assert_eq!(form, &format!("token={TOKEN}&token_type_hint=access_token"));
}

#[tokio::test]
async fn the_response_of_an_issuer_is_checked_like_the_claims_of_a_jwt() {
    for (response, expected) in [
        (json!({ "active": false }), AuthErrorKind::NotActive),
        (with("active", json!(false)), AuthErrorKind::NotActive),
        (with("active", json!("true")), AuthErrorKind::Unavailable),
        (json!([]), AuthErrorKind::Unavailable),
        (json!({ "error": "invalid_request" }), AuthErrorKind::Unavailable),
        (with("aud", json!("other")), AuthErrorKind::WrongAudience),
        (with("aud", Value::Null), AuthErrorKind::InvalidClaims),
        (with("iss", json!("https://other.example")), AuthErrorKind::WrongIssuer),
        (with("exp", json!(NOW - 60)), AuthErrorKind::Expired),
        (with("exp", json!("soon")), AuthErrorKind::InvalidClaims),
        (with("nbf", json!(NOW + 600)), AuthErrorKind::NotYetValid),
        (with("token_type", json!("refresh_token")), AuthErrorKind::AccessTokenRequired),
        (with("token_use", json!("refresh_token")), AuthErrorKind::AccessTokenRequired),
        (with("sub", json!(true)), AuthErrorKind::InvalidClaims),
        (
            with("cnf", json!({ "jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" })),
            AuthErrorKind::DpopRequired,
        ),
        (with("cnf", json!({ "x5t#S256": "x" })), AuthErrorKind::InvalidClaims),
    ] {
        let endpoint = Endpoint::knows(TOKEN, response.clone());
        let auth = auth(issuer(&endpoint), &ManualClock::at(NOW));
        let refused = verdict(&auth, TOKEN).await.expect_err("refused");
        assert_eq!(refused, expected, "{response}");
        assert!(verdict(&auth, TOKEN).await.is_err(), "a refusal is not cached as anything else");
    }
    for missing in ["aud", "exp", "token_type"] {
        let mut response = active();
        response.as_object_mut().expect("an object").remove(missing);
        let endpoint = Endpoint::knows(TOKEN, response);
        let auth = auth(issuer(&endpoint), &ManualClock::at(NOW));
        assert!(verdict(&auth, TOKEN).await.is_err(), "without {missing}");
    }
}

#[tokio::test]
async fn a_response_is_cached_for_thirty_seconds_and_never_past_the_expiry() {
    let (endpoint, clock) = (Endpoint::knows(TOKEN, active()), ManualClock::at(NOW));
    let auth = auth(issuer(&endpoint), &clock);
    for _ in 0..10 {
        assert_eq!(verdict(&auth, TOKEN).await, Ok(()));
    }
    assert_eq!(endpoint.questions(), 1);
    endpoint.says(TOKEN, json!({ "active": false }));
    clock.advance(29 * SECOND);
    assert_eq!(
        verdict(&auth, TOKEN).await,
        Ok(()),
        "revoked at the issuer, within the life of the answer"
    );
    clock.advance(SECOND);
    assert_eq!(verdict(&auth, TOKEN).await, Err(AuthErrorKind::NotActive));
    assert_eq!(verdict(&auth, TOKEN).await, Err(AuthErrorKind::NotActive));
    assert_eq!(endpoint.questions(), 3, "a refusal is not cached");

    endpoint.says(TOKEN, with("exp", json!(NOW + 40)));
    assert_eq!(verdict(&auth, TOKEN).await, Ok(()));
    clock.advance(11 * SECOND);
    assert_eq!(verdict(&auth, TOKEN).await, Err(AuthErrorKind::Expired));
}

#[tokio::test]
async fn a_cache_life_of_zero_introspects_with_each_request() {
    let endpoint = Endpoint::knows(TOKEN, active());
    let auth = auth(issuer(&endpoint).cache_for(Duration::ZERO), &ManualClock::at(NOW));
    for n in 1..4 {
        assert_eq!(verdict(&auth, TOKEN).await, Ok(()));
        assert_eq!(endpoint.questions(), n);
    }
}

#[tokio::test]
async fn our_own_revocation_applies_to_cached_responses() {
    let endpoint = Endpoint::knows(TOKEN, active());
    let auth = auth(issuer(&endpoint), &ManualClock::at(NOW));
    let token: AccessToken = auth.verify_access(TOKEN).await.expect("active");
    auth.revoke(&token).await.expect("recorded");
    assert_eq!(verdict(&auth, TOKEN).await, Err(AuthErrorKind::Revoked));
}

#[tokio::test]
async fn only_opaque_tokens_and_its_own_are_shown_to_the_issuer() {
    let endpoint = Endpoint::knows(TOKEN, active());
    let server = crate::Server::of(&[ED.jwk()]);
    let other = Issuer::jwks("https://other.example", "https://other.example/keys")
        .audience(["notes"])
        .fetch_with(server);
    let config = Config::hs256(SECRET).clock(ManualClock::at(NOW)).trust(issuer(&endpoint));
    let auth = config.trust(other).build().expect("valid");
    let mut claims = crate::claims();
    claims["iss"] = "https://other.example".into();
    let pair = auth.log_in("alice").await.expect("issued");
    let forged = format!("{}x", pair.access_token());
    for secret in
        [&*ED.sign(None, &claims), pair.access_token(), &forged, "two words", "", "e30.e30.AA"]
    {
        let _ = verdict(&auth, secret).await;
    }
    let _ = auth.verify_refresh(pair.refresh_token()).await;
    let _ = auth.verify_refresh(TOKEN).await;
    let _ = verdict(&auth, &"x".repeat(9_000)).await;
    assert_eq!(endpoint.questions(), 0);

    // A JWT that names the issuer is shown to it, whatever signed it.
    claims["iss"] = ISSUER.into();
    let named = ED.sign(None, &claims);
    assert_eq!(verdict(&auth, &named).await, Err(AuthErrorKind::NotActive));
    endpoint.says(&named, active());
    assert_eq!(verdict(&auth, &named).await, Ok(()));
    assert_eq!(endpoint.questions(), 2);
}

#[tokio::test(start_paused = true)]
async fn concurrent_requests_share_one_query_and_a_cancelled_one_cancels_nothing() {
    let endpoint = Endpoint { takes: Duration::from_secs(1), ..Endpoint::knows(TOKEN, active()) };
    let auth = auth(issuer(&endpoint), &ManualClock::at(NOW));
    let calls: Vec<_> = (0..50)
        .map(|_| {
            let auth = auth.clone();
            tokio::spawn(async move { verdict(&auth, TOKEN).await })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(500)).await;
    calls[0].abort();
    let mut admitted = 0;
    for call in calls {
        admitted += usize::from(call.await.is_ok_and(|verdict| verdict == Ok(())));
    }
    assert_eq!((admitted, endpoint.questions()), (49, 1));
}

#[tokio::test(start_paused = true)]
async fn a_flood_of_random_tokens_is_limited_and_known_tokens_are_not_affected() {
    let endpoint = Endpoint::knows(TOKEN, active());
    let auth = auth(issuer(&endpoint), &ManualClock::at(NOW));
    assert_eq!(verdict(&auth, TOKEN).await, Ok(()));
    let slow = Endpoint { takes: Duration::from_secs(60), ..endpoint };
    let flooded = self::auth(issuer(&slow), &ManualClock::at(NOW));
    let calls: Vec<_> = (0..3_000)
        .map(|n| {
            let auth = flooded.clone();
            tokio::spawn(async move { verdict(&auth, &format!("random-{n}")).await })
        })
        .collect();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(slow.questions(), 1 + 32, "one from above, and as many as may be under way");
    assert_eq!(verdict(&auth, TOKEN).await, Ok(()));
    for call in calls {
        assert_eq!(call.await.expect("no panic"), Err(AuthErrorKind::Unavailable));
    }
}

#[tokio::test]
async fn an_endpoint_that_is_down_refuses_new_tokens_with_503_and_recovers() {
    let (endpoint, clock) = (Endpoint::knows(TOKEN, active()), ManualClock::at(NOW));
    let auth = auth(issuer(&endpoint), &clock);
    assert_eq!(verdict(&auth, TOKEN).await, Ok(()));
    endpoint.set_down(true);
    assert_eq!(verdict(&auth, TOKEN).await, Ok(()), "the answer counts still");
    assert_eq!(verdict(&auth, "another-token").await, Err(AuthErrorKind::Unavailable));
    let own = auth.access_token("alice").issue().expect("issued");
    assert_eq!(verdict(&auth, &own).await, Ok(()), "our own tokens do not notice");
    clock.advance(30 * SECOND);
    assert_eq!(verdict(&auth, TOKEN).await, Err(AuthErrorKind::Unavailable));
    endpoint.set_down(false);
    assert_eq!(verdict(&auth, TOKEN).await, Ok(()));
}

#[tokio::test]
async fn a_fetch_without_post_is_503() {
    let server = crate::Server::new(crate::Answer::Error);
    let issuer = issuer_with_keys(&server).introspect_at("https://login.example/introspect");
    assert_eq!(verdict(&crate::auth(issuer), TOKEN).await, Err(AuthErrorKind::Unavailable));
}

#[tokio::test]
async fn a_client_that_acts_for_itself_is_the_subject() {
    let mut response = active();
    response.as_object_mut().expect("an object").remove("sub");
    let endpoint = Endpoint::knows(TOKEN, response);
    let auth = auth(issuer(&endpoint), &ManualClock::at(NOW));
    let token: AccessToken = auth.verify_access(TOKEN).await.expect("active");
    assert_eq!(token.subject(), "web");
}

#[test]
fn a_wrong_description_is_an_error_of_the_configuration() {
    let problems = |issuers: Vec<Issuer>| {
        let config = Config::with_keys(KeyRing::default());
        let config = issuers.into_iter().fold(config, Config::trust);
        config.build().err().map(|error| error.to_string()).unwrap_or_default()
    };
    let endpoint = Endpoint::default();
    let good = || issuer(&endpoint);
    assert_eq!(problems(vec![good()]), "");
    for (issuers, expected) in [
        (
            vec![good(), Issuer::introspect("https://b.example").audience(["notes"])],
            "opaque tokens name no issuer",
        ),
        (vec![good().rfc9068()], "a profile of JWTs"),
        (vec![Issuer::introspect(ISSUER)], "does not say for whom"),
        (
            vec![good().introspect_at("http://login.example/introspect")],
            "an issuer needs an `https` address",
        ),
        (
            vec![Issuer::introspect("login.example").audience(["notes"])],
            "an issuer needs an `https` address",
        ),
        (
            vec![Issuer::jwks(ISSUER, "http://login.example/keys").audience(["a"])],
            "an issuer needs an `https` address",
        ),
        (
            vec![Issuer::discover(ISSUER).credentials("a", "b").audience(["a"])],
            "`credentials` is for issuers whose tokens are introspected",
        ),
        (
            vec![Issuer::discover(ISSUER).cache_for(Duration::ZERO).audience(["a"])],
            "`cache_for` is for issuers whose tokens are introspected",
        ),
    ] {
        let found = problems(issuers);
        assert!(found.contains(expected), "{expected}: {found}");
    }
    assert!(!format!("{:?}", good()).contains("s3cret"));
}
