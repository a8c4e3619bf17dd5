//! The table decides, and no session is admitted while the table does not answer.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use jwt_auth::config::AsyncHook;
use jwt_auth::{Config, JwtAuth, TokenIdentity};
use serde_json::Value;
use tower::ServiceExt as _;

use super::{App, EndedSessions};

fn config() -> Config {
    Config::hs256(jwt_auth::KeyMaterial::ephemeral())
}

fn app(auth: JwtAuth, ended: &EndedSessions) -> Router {
    super::router().with_state(App { auth, ended: ended.clone() })
}

/// An app with a table, as `main` creates it.
fn app_with_table(ended: &EndedSessions) -> Router {
    app(super::auth(config(), ended.clone()).unwrap(), ended)
}

async fn fetch(app: &Router, method: &str, path: &str, token: &str) -> (StatusCode, Value) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json")
        .body(Body::from(r#"{"username":"alice","password":"wonderland"}"#));
    let (parts, body) = app.clone().oneshot(request.unwrap()).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (parts.status, serde_json::from_slice(&body).unwrap_or_default())
}

/// The access token and the refresh token of a new session.
async fn log_in(app: &Router) -> [String; 2] {
    let (status, pair) = fetch(app, "POST", "/login", "").await;
    assert_eq!(status, StatusCode::OK);
    ["access_token", "refresh_token"].map(|name| pair[name].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_log_out_writes_one_row_and_ends_the_whole_session() {
    let ended = EndedSessions::default();
    let app = app_with_table(&ended);
    let [access, refresh] = log_in(&app).await;
    let [other, _] = log_in(&app).await;
    let (status, renewed) = fetch(&app, "POST", "/refresh", &refresh).await;
    assert_eq!(status, StatusCode::OK);
    let [renewed, next] = ["access_token", "refresh_token"].map(|name| renewed[name].as_str());
    assert_eq!(fetch(&app, "GET", "/me", &access).await.0, StatusCode::OK);

    assert_eq!(fetch(&app, "POST", "/logout", &access).await.0, StatusCode::NO_CONTENT);
    assert_eq!(ended.0.lock().unwrap().len(), 1);
    for token in [access.as_str(), renewed.unwrap()] {
        let (status, body) = fetch(&app, "GET", "/me", token).await;
        assert_eq!((status, &body["code"]), (StatusCode::UNAUTHORIZED, &"token_revoked".into()));
    }
    let (status, body) = fetch(&app, "POST", "/refresh", next.unwrap()).await;
    assert_eq!((status, &body["code"]), (StatusCode::UNAUTHORIZED, &"token_revoked".into()));
    assert_eq!(fetch(&app, "GET", "/me", &other).await.0, StatusCode::OK, "another session");
}

#[tokio::test]
async fn a_log_out_survives_a_restart() {
    let ended = EndedSessions::default();
    let [access, _] = log_in(&app_with_table(&ended)).await;
    assert_eq!(
        fetch(&app_with_table(&ended), "POST", "/logout", &access).await.0,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        fetch(&app_with_table(&ended), "GET", "/me", &access).await.0,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        fetch(&app_with_table(&EndedSessions::default()), "GET", "/me", &access).await.0,
        StatusCode::OK
    );
}

/// Checks that every route with a session is 503, and that a log-in works.
async fn assert_admits_no_session(app: &Router) {
    let [access, refresh] = log_in(app).await;
    for (method, path, token) in
        [("GET", "/me", &access), ("POST", "/logout", &access), ("POST", "/refresh", &refresh)]
    {
        let (status, body) = fetch(app, method, path, token).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert_eq!(body["code"], "store_unavailable", "{path}");
    }
    assert_eq!(fetch(app, "GET", "/me", "a.b.c").await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_broken_table_admits_no_session() {
    let ended = EndedSessions::default();
    let broken = ended.clone();
    // A panic under the lock poisons it, so that the table fails from now on.
    let panicked = std::thread::spawn(move || {
        let _guard = broken.0.lock();
        panic!("the database fails");
    });
    assert!(panicked.join().is_err());
    assert_admits_no_session(&app_with_table(&ended)).await;
}

fn app_with_denylist<F>(denylist: F) -> Router
where
    F: for<'t> AsyncHook<&'t TokenIdentity<'t>, Output = Result<bool, String>>,
{
    app(config().denylist(denylist).build().unwrap(), &EndedSessions::default())
}

#[tokio::test]
async fn a_denylist_that_fails_admits_no_session() {
    assert_admits_no_session(&app_with_denylist(|_: &TokenIdentity<'_>| async {
        Err("no route to host".to_owned())
    }))
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_denylist_that_never_answers_admits_no_session() {
    // The paused clock of the runtime advances when every task waits, so the deadline takes no real time.
    assert_admits_no_session(&app_with_denylist(|_: &TokenIdentity<'_>| std::future::pending()))
        .await;
}

#[tokio::test]
async fn every_route_is_guarded() {
    let ended = EndedSessions::default();
    let manifest = super::router().manifest();
    jwt_auth::testing::assert_manifest(&manifest, "routes.json");
    jwt_auth::testing::assert_guarded(app_with_table(&ended), &manifest).await;
}
