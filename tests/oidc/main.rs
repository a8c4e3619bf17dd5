//! Keys of identity providers over HTTP: what they cost, and what happens when they change, or cannot be fetched.

mod clients;
mod http;
mod introspection;
mod key_sets;
mod presets;
mod real_provider;
mod schedule;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jwt_auth::{AuthErrorKind, Config, JwtAuth, ManualClock};
use jwt_auth_oidc::{Fetch, FetchError, Fetched, Issuer};
use serde_json::{Value, json};
use tests::provider::Provider;
use tests::{NOW, SECRET};

const ISSUER: &str = "https://login.example";

/// What a server answers.
#[derive(Clone, Debug)]
enum Answer {
    Body(String, Option<Duration>),
    Error,
    /// Nothing, for ever.
    Silence,
    /// After a while.
    After(Duration, String),
}

/// A server without a network: its answers, the last of which it repeats, and how often it was asked.
#[derive(Clone)]
struct Server {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    fetches: Arc<AtomicUsize>,
}

impl Server {
    fn new(answer: Answer) -> Self {
        let answers = Arc::new(Mutex::new(VecDeque::from([answer])));
        Self { answers, fetches: Arc::default() }
    }

    fn of(keys: &[Value]) -> Self {
        Self::new(body(keys))
    }

    /// Answers so from now on.
    fn answer(&self, answer: Answer) {
        *self.answers.lock().expect("no panic") = VecDeque::from([answer]);
    }

    fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }
}

impl Fetch for Server {
    async fn get(&self, _: &str) -> Result<Fetched, FetchError> {
        self.fetches.fetch_add(1, Ordering::SeqCst);
        let answer = {
            let mut answers = self.answers.lock().expect("no panic");
            let answer = answers.front().cloned().expect("an answer");
            if answers.len() > 1 {
                answers.pop_front();
            }
            answer
        };
        match answer {
            Answer::Body(body, None) => Ok(Fetched::new(body)),
            Answer::Body(body, Some(age)) => Ok(Fetched::new(body).max_age(age)),
            Answer::Error => Err(FetchError::new("connection refused")),
            Answer::Silence => std::future::pending().await,
            Answer::After(time, body) => {
                tokio::time::sleep(time).await;
                Ok(Fetched::new(body))
            }
        }
    }
}

fn set(keys: &[Value]) -> String {
    json!({ "keys": keys }).to_string()
}

fn body(keys: &[Value]) -> Answer {
    Answer::Body(set(keys), None)
}

fn issuer(server: &Server) -> Issuer {
    Issuer::jwks(ISSUER, "https://login.example/keys")
        .audience(["notes"])
        .fetch_with(server.clone())
}

fn auth(issuer: Issuer) -> JwtAuth {
    let config = Config::hs256(SECRET).clock(ManualClock::at(NOW)).verified_cache(100);
    config.trust(issuer).build().expect("valid")
}

fn claims() -> Value {
    json!({ "iss": ISSUER, "aud": "notes", "sub": "alice", "exp": NOW + 900, "iat": NOW, "jti": "j" })
}

fn token(provider: Provider) -> String {
    provider.sign(Some("at+jwt"), &claims())
}

/// The verdict about an access token.
async fn verdict(auth: &JwtAuth, token: &str) -> Result<(), AuthErrorKind> {
    auth.verify_access(token).await.map(drop).map_err(|error| error.kind())
}
