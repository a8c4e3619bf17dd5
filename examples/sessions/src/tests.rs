//! A user sees and ends sessions of their own, nobody else's, and what was ended stays so after a restart.

use std::path::PathBuf;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use jwt_auth::{Config, ManualClock, SqliteStore};
use serde_json::{Value, json};
use tower::ServiceExt as _;

const NOW: u64 = 1_700_000_000;

/// A folder that goes with the test, and the clock of the apps over its file.
struct Place {
    folder: PathBuf,
    clock: ManualClock,
}

impl Place {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("sessions-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        Self { folder, clock: ManualClock::at(NOW) }
    }

    /// An app over the file, as `main` makes it.
    async fn app(&self) -> Router {
        let store = SqliteStore::open(self.folder.join("sessions.db")).await.unwrap();
        let config = Config::hs256([7; 32]).clock(self.clock.clone());
        super::router().with_state(super::auth(config, store).unwrap())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

async fn send(app: &Router, request: Request<Body>) -> (StatusCode, Value) {
    let (parts, body) = app.clone().oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (parts.status, serde_json::from_slice(&body).unwrap_or_default())
}

async fn ask(app: &Router, method: &str, path: &str, token: &str) -> (StatusCode, Value) {
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
    let (status, list) = ask(app, "GET", "/sessions", token).await;
    assert_eq!(status, StatusCode::OK);
    list.as_array().unwrap().clone()
}

/// The session that the token belongs to.
async fn own(app: &Router, token: &str) -> String {
    let list = sessions(app, token).await;
    let this = list.iter().find(|session| session["this_one"] == true).unwrap();
    this["family"].as_str().unwrap().to_owned()
}

async fn is_revoked(app: &Router, token: &str) {
    for path in ["/me", "/sessions"] {
        let (status, body) = ask(app, "GET", path, token).await;
        assert_eq!((status, &body["code"]), (StatusCode::UNAUTHORIZED, &"token_revoked".into()));
    }
}

#[tokio::test]
async fn each_log_in_is_listed_with_its_device_and_times() {
    let place = Place::new("list");
    let app = place.app().await;
    let (status, _) = try_log_in(&app, "alice", "builder", "phone").await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let [_, refresh] = log_in(&app, "alice", "phone").await;
    place.clock.advance(Duration::from_secs(10));
    let [access, _] = log_in(&app, "alice", "laptop").await;
    let shown = |list: &[Value]| -> Vec<Value> {
        let fields = ["device", "began", "last_used", "this_one"];
        list.iter().map(|one| fields.iter().map(|field| one[field].clone()).collect()).collect()
    };
    let list = sessions(&app, &access).await;
    let began = [json!(["laptop", NOW + 10, NOW + 10, true]), json!(["phone", NOW, NOW, false])];
    assert_eq!(shown(&list), began, "the one used last first");

    place.clock.advance(Duration::from_secs(10));
    let (status, pair) = ask(&app, "POST", "/refresh", &refresh).await;
    assert_eq!(status, StatusCode::OK);
    let [renewed, _] = tokens(&pair);
    let list = sessions(&app, &renewed).await;
    let used =
        [json!(["phone", NOW, NOW + 20, true]), json!(["laptop", NOW + 10, NOW + 10, false])];
    assert_eq!(shown(&list), used, "a refresh is a use, and stays in its session");
}

#[tokio::test]
async fn one_session_is_ended_and_the_other_lives() {
    let place = Place::new("end");
    let app = place.app().await;
    let [phone, refresh] = log_in(&app, "alice", "phone").await;
    let [laptop, _] = log_in(&app, "alice", "laptop").await;
    let path = format!("/sessions/{}", own(&app, &phone).await);
    assert_eq!(ask(&app, "DELETE", &path, &laptop).await.0, StatusCode::NO_CONTENT);
    is_revoked(&app, &phone).await;
    let (status, _) = ask(&app, "POST", "/refresh", &refresh).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(ask(&app, "GET", "/me", &laptop).await.0, StatusCode::OK);
    assert_eq!(sessions(&app, &laptop).await.len(), 1);
    assert_eq!(ask(&app, "DELETE", &path, &laptop).await.0, StatusCode::NOT_FOUND, "it is gone");

    assert_eq!(ask(&app, "POST", "/logout", &laptop).await.0, StatusCode::NO_CONTENT);
    is_revoked(&app, &laptop).await;
}

#[tokio::test]
async fn a_session_of_somebody_else_is_none_of_yours() {
    let place = Place::new("other");
    let app = place.app().await;
    let [alice, _] = log_in(&app, "alice", "phone").await;
    let [bob, _] = log_in(&app, "bob", "phone").await;
    let family = own(&app, &alice).await;
    assert!(sessions(&app, &bob).await.iter().all(|session| session["family"] != *family));
    for path in [format!("/sessions/{family}"), "/sessions/none".to_owned()] {
        assert_eq!(ask(&app, "DELETE", &path, &bob).await.0, StatusCode::NOT_FOUND);
    }
    assert_eq!(ask(&app, "GET", "/me", &alice).await.0, StatusCode::OK);
    let (status, _) = ask(&app, "DELETE", &format!("/sessions/{family}"), "").await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn log_out_everywhere_ends_all_of_a_user_and_nobody_elses() {
    let place = Place::new("everywhere");
    let app = place.app().await;
    let [phone, refresh] = log_in(&app, "alice", "phone").await;
    let [laptop, _] = log_in(&app, "alice", "laptop").await;
    let [bob, _] = log_in(&app, "bob", "phone").await;
    let (status, _) = ask(&app, "POST", "/logout-everywhere", &laptop).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    is_revoked(&app, &phone).await;
    is_revoked(&app, &laptop).await;
    assert_eq!(ask(&app, "POST", "/refresh", &refresh).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(ask(&app, "GET", "/me", &bob).await.0, StatusCode::OK);

    // The very second of the log-out counts as before it.
    place.clock.advance(Duration::from_secs(1));
    let [again, _] = log_in(&app, "alice", "phone").await;
    assert_eq!(sessions(&app, &again).await.len(), 1);
}

#[tokio::test]
async fn a_restart_forgets_neither_what_was_ended_nor_what_goes_on() {
    let place = Place::new("restart");
    let app = place.app().await;
    let [phone, old] = log_in(&app, "alice", "phone").await;
    let [laptop, refresh] = log_in(&app, "alice", "laptop").await;
    let [bob, _] = log_in(&app, "bob", "phone").await;
    assert_eq!(ask(&app, "POST", "/logout", &phone).await.0, StatusCode::NO_CONTENT);
    assert_eq!(ask(&app, "POST", "/logout-everywhere", &bob).await.0, StatusCode::NO_CONTENT);
    let (status, pair) = ask(&app, "POST", "/refresh", &refresh).await;
    assert_eq!(status, StatusCode::OK);
    let [_, next] = tokens(&pair);
    drop(app);

    let app = place.app().await;
    is_revoked(&app, &phone).await;
    is_revoked(&app, &bob).await;
    assert_eq!(ask(&app, "POST", "/refresh", &old).await.0, StatusCode::UNAUTHORIZED);
    let list = sessions(&app, &laptop).await;
    assert_eq!(list.len(), 1);
    assert_eq!(list[0]["device"], "laptop");
    assert_eq!(ask(&app, "POST", "/refresh", &next).await.0, StatusCode::OK, "it goes on");

    // Nor which refresh token was used: outside of the grace a second use ends the session.
    place.clock.advance(Duration::from_secs(60));
    let (status, body) = ask(&app, "POST", "/refresh", &refresh).await;
    assert_eq!((status, &body["code"]), (StatusCode::UNAUTHORIZED, &"refresh_token_reused".into()));
    is_revoked(&app, &laptop).await;
}
