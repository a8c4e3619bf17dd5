//! Who may do what: each user against each route.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use jwt_auth::{Config, KeyMaterial};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::{App, app, curl_lines, router};

async fn service() -> (Router, App) {
    let state = app(Config::hs256(KeyMaterial::ephemeral())).await.expect("valid");
    (router().with_state(state.clone()), state)
}

async fn send(app: &Router, method: &str, path: &str, token: &str) -> (u16, String) {
    let request = Request::builder().method(method).uri(path);
    let request = request.header("authorization", format!("Bearer {token}"));
    let request = request.body(Body::empty()).expect("a request");
    let response = app.clone().oneshot(request).await.expect("infallible");
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.expect("in memory").to_bytes();
    (status, String::from_utf8(body.to_vec()).expect("text"))
}

async fn log_in(app: &Router, username: &str, password: &str) -> String {
    let form = json!({ "username": username, "password": password }).to_string();
    let request = Request::post("/login").header("content-type", "application/json");
    let request = request.body(Body::from(form)).expect("a request");
    let response = app.clone().oneshot(request).await.expect("infallible");
    assert_eq!(response.status(), StatusCode::OK);
    let body = response.into_body().collect().await.expect("in memory").to_bytes();
    let pair: Value = serde_json::from_slice(&body).expect("JSON");
    pair["access_token"].as_str().expect("a token").to_owned()
}

#[tokio::test]
async fn the_tenant_in_the_path_is_that_of_the_token() {
    let (app, _) = service().await;
    let alice = log_in(&app, "alice", "wonderland").await;
    let (status, body) = send(&app, "GET", "/tenants/acme/issues/1", &alice).await;
    let issue: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!((status, &issue["title"]), (200, &json!("The door squeaks")));
    // Another tenant's issue, one that does not exist, and ours below another tenant's path get the same response.
    let other = send(&app, "GET", "/tenants/globex/issues/3", &alice).await;
    assert_eq!(other.0, 404);
    assert_eq!(send(&app, "GET", "/tenants/acme/issues/99", &alice).await, other);
    assert_eq!(send(&app, "GET", "/tenants/acme/issues/3", &alice).await, other);
    assert_eq!(send(&app, "GET", "/tenants/globex/issues/1", &alice).await, other);
}

#[tokio::test]
async fn the_owner_or_an_administrator_of_the_tenant_deletes() {
    let (app, _) = service().await;
    let alice = log_in(&app, "alice", "wonderland").await;
    let bob = log_in(&app, "bob", "builder").await;
    let carol = log_in(&app, "carol", "singer").await;
    assert_eq!(send(&app, "DELETE", "/tenants/acme/issues/2", &alice).await.0, 403);
    assert_eq!(send(&app, "DELETE", "/tenants/acme/issues/2", &carol).await.0, 404);
    assert_eq!(send(&app, "DELETE", "/tenants/acme/issues/1", &bob).await.0, 204, "administrator");
    assert_eq!(send(&app, "DELETE", "/tenants/acme/issues/1", &bob).await.0, 404, "it is gone");
    assert_eq!(send(&app, "DELETE", "/tenants/acme/issues/2", &bob).await.0, 204, "owner");
}

#[tokio::test]
async fn the_policies_decide_who_closes() {
    let (app, _) = service().await;
    let alice = log_in(&app, "alice", "wonderland").await;
    let bob = log_in(&app, "bob", "builder").await;
    let dora = log_in(&app, "dora", "explorer").await;
    let close = async |id: u8, token: &str| {
        send(&app, "POST", &format!("/tenants/acme/issues/{id}/close"), token).await.0
    };
    assert_eq!(close(2, &alice).await, 403, "neither owner nor triage");
    assert_eq!(close(1, &bob).await, 403, "the policies name no administrators");
    assert_eq!(close(2, &dora).await, 204, "triage");
    assert_eq!(close(2, &dora).await, 403, "it is closed");
    assert_eq!(close(1, &alice).await, 204, "owner");
}

#[tokio::test]
async fn without_the_database_no_check_admits() {
    let (app, state) = service().await;
    let alice = log_in(&app, "alice", "wonderland").await;
    state.issues.break_down().await;
    for (method, path) in [("GET", ""), ("DELETE", ""), ("POST", "/close")] {
        let path = format!("/tenants/acme/issues/1{path}");
        assert_eq!(send(&app, method, &path, &alice).await.0, 503, "{method} {path}");
    }
}

#[test]
fn the_manifest_names_the_checks() {
    assert_eq!(
        router().manifest().to_string(),
        "\
POST   /login                               public
DELETE /tenants/{tenant}/issues/{id}        access  check(all(own_tenant, any(owner, admin)))
GET    /tenants/{tenant}/issues/{id}        access  check(own_tenant)
POST   /tenants/{tenant}/issues/{id}/close  access  check(may_close)
"
    );
}

#[test]
fn the_printed_commands_name_the_server() {
    assert_eq!(curl_lines("127.0.0.1:3000").matches("127.0.0.1:3000").count(), 5);
}

#[tokio::test]
async fn every_route_is_guarded() {
    let (app, _) = service().await;
    let manifest = router().manifest();
    jwt_auth::testing::assert_manifest(&manifest, "routes.json");
    jwt_auth::testing::assert_guarded(app, &manifest).await;
}
