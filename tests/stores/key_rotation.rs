//! Keys that change under load: two nodes on one store refuse no request.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use jwt_auth::danger::decode_unverified;
use jwt_auth::session::RevocationStore;
use jwt_auth::{AuthError, RefreshToken, TokenPair};
use jwt_auth::{
    Config, GuardedRouter, JwtAuth, KeyMaterial, KeyRing, KeyRotation, ManualClock, jwt_required,
    public, refresh_required, routing,
};
use jwt_auth_redis::RedisStore;
use jwt_auth_sqlx::{PostgresStore, SqliteStore};
use serde_json::Value;
use tests::folder::Folder;
use tests::postgres::PostgresServer;
use tests::redis::RedisServer;

const DAY: u64 = 86_400;
/// How far the clocks move in one step. An access token lives for three.
const STEP: Duration = Duration::from_secs(10 * 60);
/// The steps: nine days, with a change of the keys every two days.
const STEPS: u64 = 9 * DAY / 600;
/// How many users are active.
const USERS: usize = 6;

/// The clock of the servers, which decide by it what has expired.
#[allow(clippy::disallowed_methods, reason = "the clock of the store")]
fn store_clock() -> SystemTime {
    SystemTime::now()
}

/// A store as both nodes of a test open it.
type Opened<S> = (S, S);

#[jwt_required]
async fn me() -> &'static str {
    "me"
}

#[public]
async fn log_in(auth: JwtAuth) -> Result<TokenPair, AuthError> {
    auth.log_in("alice").await
}

#[refresh_required]
async fn refresh(auth: JwtAuth, token: RefreshToken) -> Result<TokenPair, AuthError> {
    auth.rotate(token).await
}

async fn node(store: impl RevocationStore, clock: ManualClock) -> (JwtAuth, Router) {
    let schedule = KeyRotation::every(Duration::from_secs(2 * DAY));
    let schedule = schedule.wrapped_by(KeyMaterial::raw(*b"a key-encryption key of 32 bytes"));
    let auth = Config::with_keys(KeyRing::default())
        .clock(clock)
        .revocation(store)
        .store_deadline(Duration::from_secs(10))
        .access_token_expires(3 * STEP)
        .refresh_token_expires(Duration::from_secs(DAY))
        .max_sessions_per_subject(10_000)
        .key_rotation(schedule)
        .start()
        .await
        .expect("keys");
    let app = GuardedRouter::new()
        .route("/me", routing::get(me))
        .route("/login", routing::post(log_in))
        .route("/refresh", routing::post(refresh))
        .with_state(auth.clone());
    (auth, app)
}

/// A user, whose requests go to both nodes in turn.
struct User {
    apps: [Router; 2],
    turn: usize,
    refused: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
    access: String,
    refresh: String,
}

impl User {
    async fn send(&mut self, method: &str, path: &str, token: &str) -> Value {
        self.turn += 1;
        let mut request = Request::builder().method(method).uri(path);
        if !token.is_empty() {
            request = request.header("authorization", tests::bearer(token));
        }
        let request = request.body(Body::empty()).expect("a valid request");
        let response = tests::send(&self.apps[self.turn % 2], request).await;
        self.requests.fetch_add(1, Ordering::Relaxed);
        if response.status != 200 {
            self.refused.fetch_add(1, Ordering::Relaxed);
            eprintln!("{path}: {} {}", response.status, response.body);
        }
        serde_json::from_str(&response.body).unwrap_or_default()
    }

    fn remember(&mut self, pair: &Value) {
        let text = |name: &str| pair[name].as_str().expect("a token").to_owned();
        (self.access, self.refresh) = (text("access_token"), text("refresh_token"));
    }

    /// The requests of one step: with the previous access token, then in every second step with a new pair.
    async fn step(mut self, step: u64) -> Self {
        for _ in 0..2 {
            let access = self.access.clone();
            self.send("GET", "/me", &access).await;
        }
        if step.is_multiple_of(2) {
            return self;
        }
        let refresh = self.refresh.clone();
        let pair = self.send("POST", "/refresh", &refresh).await;
        self.remember(&pair);
        for _ in 0..2 {
            let access = self.access.clone();
            self.send("GET", "/me", &access).await;
        }
        self
    }
}

async fn assert_that_a_rotation_refuses_no_request<S: RevocationStore>(
    name: &str,
    stores: Opened<S>,
) {
    // The clock of one node is two seconds behind, as clocks of real nodes are.
    let behind = [0, 2].map(Duration::from_secs);
    let start = store_clock();
    let clocks = behind.map(|behind| ManualClock::new(start - behind));
    let (first, second) =
        (node(stores.0, clocks[0].clone()).await, node(stores.1, clocks[1].clone()).await);
    let (refused, requests) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut users = Vec::new();
    for turn in 0..USERS {
        let mut user = User {
            apps: [first.1.clone(), second.1.clone()],
            turn,
            refused: Arc::clone(&refused),
            requests: Arc::clone(&requests),
            access: String::new(),
            refresh: String::new(),
        };
        let pair = user.send("POST", "/login", "").await;
        user.remember(&pair);
        users.push(user);
    }
    let mut keys = std::collections::BTreeSet::new();
    for step in 1..=STEPS {
        for clock in &clocks {
            clock.advance(STEP);
        }
        // Each node reads the keys at moments of its own, an hour apart, while users send requests.
        let readings = async {
            if step % 6 == 0 {
                first.0.keys().refresh().await.expect("read");
            }
            if step % 6 == 3 {
                second.0.keys().refresh().await.expect("read");
            }
        };
        let steps: Vec<_> = users.drain(..).map(|user| tokio::spawn(user.step(step))).collect();
        readings.await;
        for step in steps {
            users.push(step.await.expect("no panic"));
        }
        for user in &users {
            let header = decode_unverified(&user.access).expect("a token").header;
            keys.insert(header["kid"].as_str().expect("an id").to_owned());
        }
    }
    let (requests, refused) = (requests.load(Ordering::Relaxed), refused.load(Ordering::Relaxed));
    println!("{name}: {requests} requests, {} keys signed, {refused} refused", keys.len());
    assert_eq!(refused, 0, "of {requests} requests");
    assert!(keys.len() >= 5, "{keys:?}");
    assert_eq!(first.0.jwks().to_string(), second.0.jwks().to_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_of_keys_in_postgres_refuses_no_request() {
    let Some(server) = PostgresServer::start() else { return };
    let url = server.url();
    let store = || PostgresStore::connect(&url);
    let stores = (store().await.expect("connected"), store().await.expect("connected"));
    assert_that_a_rotation_refuses_no_request("postgres", stores).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_of_keys_in_redis_refuses_no_request() {
    let Some(server) = RedisServer::start() else { return };
    let url = server.url();
    let store = || RedisStore::connect(url.as_str());
    let stores = (store().await.expect("connected"), store().await.expect("connected"));
    assert_that_a_rotation_refuses_no_request("redis", stores).await;
}

/// Starts nodes at the same moment, each with a store of its own, and checks that they have the same keys.
async fn assert_that_nodes_agree_on_the_first_keys<S, F>(open: impl Fn() -> F)
where
    S: RevocationStore,
    F: Future<Output = S>,
{
    let mut stores = Vec::new();
    for _ in 0..4 {
        stores.push(open().await);
    }
    let clock = ManualClock::new(store_clock());
    let starting: Vec<_> =
        stores.into_iter().map(|store| tokio::spawn(node(store, clock.clone()))).collect();
    let mut published = std::collections::BTreeSet::new();
    for started in starting {
        let (auth, _) = started.await.expect("no panic");
        auth.keys().refresh().await.expect("read");
        assert_eq!(auth.keys().list().len(), 2, "one signs, and one is next");
        published.insert(auth.jwks().to_string());
    }
    assert_eq!(published.len(), 1, "{published:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_on_each_shared_store_agree_on_the_first_keys() {
    let folder = Folder::new("first-keys");
    let open = async || SqliteStore::open(folder.file()).await.expect("opened");
    assert_that_nodes_agree_on_the_first_keys(open).await;
    if let Some(server) = PostgresServer::start() {
        let url = server.url();
        let open = async || PostgresStore::connect(&url).await.expect("connected");
        assert_that_nodes_agree_on_the_first_keys(open).await;
    }
    if let Some(server) = RedisServer::start() {
        let url = server.url();
        let open = async || RedisStore::connect(url.as_str()).await.expect("connected");
        assert_that_nodes_agree_on_the_first_keys(open).await;
    }
}
