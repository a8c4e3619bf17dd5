//! A user lists and ends their own sessions only, and an ended session stays ended after a restart.

use std::path::PathBuf;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use jwt_auth::{Config, ManualClock};
use jwt_auth_sqlx::SqliteStore;
use serde_json::{Value, json};
use tower::ServiceExt as _;

const NOW: u64 = 1_700_000_000;

/// A folder that is removed after the test, and the clock of the apps that use its file.
struct TestFolder {
    path: PathBuf,
    clock: ManualClock,
}

impl TestFolder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("sessions-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self { path, clock: ManualClock::at(NOW) }
    }

    /// An app with the file, as `main` creates it.
    async fn app(&self) -> Router {
        let store = SqliteStore::open(self.path.join("sessions.db")).await.unwrap();
        let config = Config::hs256(jwt_auth::KeyMaterial::ephemeral()).clock(self.clock.clone());
        super::router().with_state(super::auth(config, store).unwrap())
    }
}

impl Drop for TestFolder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

async fn send(app: &Router, request: Request<Body>) -> (StatusCode, Value) {
    let (parts, body) = app.clone().oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (parts.status, serde_json::from_slice(&body).unwrap_or_default())
}

async fn fetch(app: &Router, method: &str, path: &str, token: &str) -> (StatusCode, Value) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", format!("Bearer {token}"))
        .body(Body::empty());
    send(app, request.unwrap()).await
}

async fn try_log_in(app: &Router, user: &str, password: &str, device: &str) -> (StatusCode, Value) {
    let form = json!({ "username": user, "password": password });
    let request = Request::post("/login")
        .header("content-type", "application/json")
        .header("user-agent", device)
        .body(Body::from(form.to_string()));
    send(app, request.unwrap()).await
}

fn tokens(pair: &Value) -> [String; 2] {
    ["access_token", "refresh_token"].map(|name| pair[name].as_str().unwrap().to_owned())
}

/// The access token and the refresh token of a new session.
async fn log_in(app: &Router, user: &str, device: &str) -> [String; 2] {
    let password = super::USERS.iter().find(|(name, _)| *name == user).unwrap().1;
    let (status, pair) = try_log_in(app, user, password, device).await;
    assert_eq!(status, StatusCode::OK);
    tokens(&pair)
}

async fn sessions(app: &Router, token: &str) -> Vec<Value> {
    let (status, list) = fetch(app, "GET", "/sessions", token).await;
    assert_eq!(status, StatusCode::OK);
    list.as_array().unwrap().clone()
}

/// The id of the session of the token.
async fn current_session(app: &Router, token: &str) -> String {
    let list = sessions(app, token).await;
    let current = list.iter().find(|session| session["is_current"] == true).unwrap();
    current["id"].as_str().unwrap().to_owned()
}

async fn assert_is_revoked(app: &Router, token: &str) {
    for path in ["/me", "/sessions"] {
        let (status, body) = fetch(app, "GET", path, token).await;
        assert_eq!((status, &body["code"]), (StatusCode::UNAUTHORIZED, &"token_revoked".into()));
    }
}

#[tokio::test]
async fn each_log_in_is_listed_with_its_device_and_times() {
    let folder = TestFolder::new("list");
    let app = folder.app().await;
    let (status, _) = try_log_in(&app, "alice", "builder", "phone").await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let [_, refresh] = log_in(&app, "alice", "phone").await;
    folder.clock.advance(Duration::from_secs(10));
    let [access, _] = log_in(&app, "alice", "laptop").await;
    let values = |list: &[Value]| -> Vec<Value> {
        let fields = ["device", "began_at", "last_used_at", "is_current"];
        list.iter().map(|one| fields.iter().map(|field| one[field].clone()).collect()).collect()
    };
    let list = sessions(&app, &access).await;
    let began = [json!(["laptop", NOW + 10, NOW + 10, true]), json!(["phone", NOW, NOW, false])];
    assert_eq!(values(&list), began, "the session used last comes first");

    folder.clock.advance(Duration::from_secs(10));
    let (status, pair) = fetch(&app, "POST", "/refresh", &refresh).await;
    assert_eq!(status, StatusCode::OK);
    let [renewed, _] = tokens(&pair);
    let list = sessions(&app, &renewed).await;
    let used =
        [json!(["phone", NOW, NOW + 20, true]), json!(["laptop", NOW + 10, NOW + 10, false])];
    assert_eq!(values(&list), used, "a refresh is a use of the same session");
}

#[tokio::test]
async fn a_user_ends_one_session_and_the_other_continues() {
    let folder = TestFolder::new("end");
    let app = folder.app().await;
    let [phone, refresh] = log_in(&app, "alice", "phone").await;
    let [laptop, _] = log_in(&app, "alice", "laptop").await;
    let path = format!("/sessions/{}", current_session(&app, &phone).await);
    assert_eq!(fetch(&app, "DELETE", &path, &laptop).await.0, StatusCode::NO_CONTENT);
    assert_is_revoked(&app, &phone).await;
    let (status, _) = fetch(&app, "POST", "/refresh", &refresh).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(fetch(&app, "GET", "/me", &laptop).await.0, StatusCode::OK);
    assert_eq!(sessions(&app, &laptop).await.len(), 1);
    assert_eq!(
        fetch(&app, "DELETE", &path, &laptop).await.0,
        StatusCode::NOT_FOUND,
        "it has ended already"
    );

    assert_eq!(fetch(&app, "POST", "/logout", &laptop).await.0, StatusCode::NO_CONTENT);
    assert_is_revoked(&app, &laptop).await;
}

#[tokio::test]
async fn a_session_of_another_user_is_not_listed_and_cannot_be_ended() {
    let folder = TestFolder::new("other");
    let app = folder.app().await;
    let [alice, _] = log_in(&app, "alice", "phone").await;
    let [bob, _] = log_in(&app, "bob", "phone").await;
    let id = current_session(&app, &alice).await;
    assert!(sessions(&app, &bob).await.iter().all(|session| session["id"] != *id));
    for path in [format!("/sessions/{id}"), "/sessions/none".to_owned()] {
        assert_eq!(fetch(&app, "DELETE", &path, &bob).await.0, StatusCode::NOT_FOUND);
    }
    assert_eq!(fetch(&app, "GET", "/me", &alice).await.0, StatusCode::OK);
    let (status, _) = fetch(&app, "DELETE", &format!("/sessions/{id}"), "").await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn log_out_everywhere_ends_every_session_of_one_user() {
    let folder = TestFolder::new("everywhere");
    let app = folder.app().await;
    let [phone, refresh] = log_in(&app, "alice", "phone").await;
    let [laptop, _] = log_in(&app, "alice", "laptop").await;
    let [bob, _] = log_in(&app, "bob", "phone").await;
    let (status, _) = fetch(&app, "POST", "/logout-everywhere", &laptop).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_is_revoked(&app, &phone).await;
    assert_is_revoked(&app, &laptop).await;
    assert_eq!(fetch(&app, "POST", "/refresh", &refresh).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(fetch(&app, "GET", "/me", &bob).await.0, StatusCode::OK);

    // The log-out covers tokens of the same second.
    folder.clock.advance(Duration::from_secs(1));
    let [again, _] = log_in(&app, "alice", "phone").await;
    assert_eq!(sessions(&app, &again).await.len(), 1);
}

#[tokio::test]
async fn ended_and_active_sessions_survive_a_restart() {
    let folder = TestFolder::new("restart");
    let app = folder.app().await;
    let [phone, old] = log_in(&app, "alice", "phone").await;
    let [laptop, refresh] = log_in(&app, "alice", "laptop").await;
    let [bob, _] = log_in(&app, "bob", "phone").await;
    assert_eq!(fetch(&app, "POST", "/logout", &phone).await.0, StatusCode::NO_CONTENT);
    assert_eq!(fetch(&app, "POST", "/logout-everywhere", &bob).await.0, StatusCode::NO_CONTENT);
    let (status, pair) = fetch(&app, "POST", "/refresh", &refresh).await;
    assert_eq!(status, StatusCode::OK);
    let [_, next] = tokens(&pair);
    drop(app);

    let app = folder.app().await;
    assert_is_revoked(&app, &phone).await;
    assert_is_revoked(&app, &bob).await;
    assert_eq!(fetch(&app, "POST", "/refresh", &old).await.0, StatusCode::UNAUTHORIZED);
    let list = sessions(&app, &laptop).await;
    assert_eq!(list.len(), 1);
    assert_eq!(list[0]["device"], "laptop");
    assert_eq!(
        fetch(&app, "POST", "/refresh", &next).await.0,
        StatusCode::OK,
        "the session continues"
    );

    // The store also remembers which refresh tokens were used: a second use after the grace ends the session.
    folder.clock.advance(Duration::from_secs(60));
    let (status, body) = fetch(&app, "POST", "/refresh", &refresh).await;
    assert_eq!((status, &body["code"]), (StatusCode::UNAUTHORIZED, &"refresh_token_reused".into()));
    assert_is_revoked(&app, &laptop).await;
}

#[tokio::test]
async fn every_route_is_guarded() {
    let app = TestFolder::new("guarded").app().await;
    let manifest = super::router().manifest();
    jwt_auth::testing::assert_manifest(&manifest, "routes.json");
    jwt_auth::testing::assert_guarded(app, &manifest).await;
}
