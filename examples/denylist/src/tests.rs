//! What the table says goes; a table that says nothing lets nobody in.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use jwt_auth::{AsyncHook, Config, JwtAuth, TokenIdentity};
use serde_json::Value;
use tower::ServiceExt as _;

use super::{App, Ended};

fn config() -> Config {
    Config::hs256([7; 32])
}

fn app(auth: JwtAuth, ended: &Ended) -> Router {
    super::router().with_state(App { auth, ended: ended.clone() })
}

/// An app over a table, as `main` makes it.
fn over(ended: &Ended) -> Router {
    app(super::auth(config(), ended.clone()).unwrap(), ended)
}

async fn ask(app: &Router, method: &str, path: &str, token: &str) -> (StatusCode, Value) {
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
    let (status, pair) = ask(app, "POST", "/login", "").await;
    assert_eq!(status, StatusCode::OK);
    ["access_token", "refresh_token"].map(|name| pair[name].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_log_out_is_a_row_and_ends_the_whole_session() {
    let ended = Ended::default();
    let app = over(&ended);
    let [access, refresh] = log_in(&app).await;
    let [other, _] = log_in(&app).await;
    let (status, renewed) = ask(&app, "POST", "/refresh", &refresh).await;
    assert_eq!(status, StatusCode::OK);
    let [renewed, next] = ["access_token", "refresh_token"].map(|name| renewed[name].as_str());
    assert_eq!(ask(&app, "GET", "/me", &access).await.0, StatusCode::OK);

    assert_eq!(ask(&app, "POST", "/logout", &access).await.0, StatusCode::NO_CONTENT);
    assert_eq!(ended.0.lock().unwrap().len(), 1);
    for token in [access.as_str(), renewed.unwrap()] {
        let (status, body) = ask(&app, "GET", "/me", token).await;
        assert_eq!((status, &body["code"]), (StatusCode::UNAUTHORIZED, &"token_revoked".into()));
    }
    let (status, body) = ask(&app, "POST", "/refresh", next.unwrap()).await;
    assert_eq!((status, &body["code"]), (StatusCode::UNAUTHORIZED, &"token_revoked".into()));
    assert_eq!(ask(&app, "GET", "/me", &other).await.0, StatusCode::OK, "another session");
}

#[tokio::test]
async fn a_log_out_outlives_a_restart() {
    let ended = Ended::default();
    let [access, _] = log_in(&over(&ended)).await;
    assert_eq!(ask(&over(&ended), "POST", "/logout", &access).await.0, StatusCode::NO_CONTENT);
    assert_eq!(ask(&over(&ended), "GET", "/me", &access).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(ask(&over(&Ended::default()), "GET", "/me", &access).await.0, StatusCode::OK);
}

/// Every route that a session can call is 503, and a log-in is not asked.
async fn lets_nobody_in(app: &Router) {
    let [access, refresh] = log_in(app).await;
    for (method, path, token) in
        [("GET", "/me", &access), ("POST", "/logout", &access), ("POST", "/refresh", &refresh)]
    {
        let (status, body) = ask(app, method, path, token).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert_eq!(body["code"], "store_unavailable", "{path}");
    }
    assert_eq!(ask(app, "GET", "/me", "a.b.c").await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_table_that_is_broken_lets_nobody_in() {
    let ended = Ended::default();
    let broken = ended.clone();
    // A panic under the lock poisons it, and the table answers no more.
    let panicked = std::thread::spawn(move || {
        let _held = broken.0.lock();
        panic!("the database falls over");
    });
    assert!(panicked.join().is_err());
    lets_nobody_in(&over(&ended)).await;
}

fn asking<F>(source: F) -> Router
where
    F: for<'t> AsyncHook<&'t TokenIdentity<'t>, Output = Result<bool, String>>,
{
    app(config().denylist(source).build().unwrap(), &Ended::default())
}

#[tokio::test]
async fn a_source_that_errs_lets_nobody_in() {
    lets_nobody_in(&asking(|_: &TokenIdentity<'_>| async { Err("no route to host".to_owned()) }))
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_source_that_never_answers_lets_nobody_in() {
    // The clock of the runtime runs ahead when all wait, so the deadline costs the test no time.
    lets_nobody_in(&asking(|_: &TokenIdentity<'_>| std::future::pending())).await;
}
