//! Two nodes with one real Redis: a log-out reaches the other node, and a refresh happens once.

use std::collections::HashSet;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use jwt_auth::{Config, danger};
use jwt_auth_redis::RedisStore;
use serde_json::Value;
use tests::redis::RedisServer;
use tower::ServiceExt as _;

/// A node as `main` creates it, with its own store, replica and router.
async fn node(server: &RedisServer) -> Router {
    let store = RedisStore::connect(&server.url()).await.unwrap();
    super::router()
        .with_state(super::auth(Config::hs256(jwt_auth::KeyMaterial::ephemeral()), store).unwrap())
}

/// Sends a request, and repeats it while the response is 503, as a client would.
async fn fetch(node: &Router, method: &str, path: &str, token: &str) -> (StatusCode, Value) {
    let final_response = async {
        loop {
            let request = Request::builder()
                .method(method)
                .uri(path)
                .header("authorization", format!("Bearer {token}"))
                .header("content-type", "application/json")
                .body(Body::from(r#"{"username":"alice","password":"wonderland"}"#));
            let response = node.clone().oneshot(request.unwrap()).await.unwrap();
            if response.status() == StatusCode::SERVICE_UNAVAILABLE {
                tokio::task::yield_now().await;
                continue;
            }
            let (parts, body) = response.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            return (parts.status, serde_json::from_slice(&body).unwrap_or_default());
        }
    };
    tokio::time::timeout(Duration::from_secs(5), final_response).await.unwrap()
}

/// The access token and the refresh token of a new session.
async fn log_in(node: &Router) -> [String; 2] {
    let (status, pair) = fetch(node, "POST", "/login", "").await;
    assert_eq!(status, StatusCode::OK);
    tokens(&pair)
}

fn tokens(pair: &Value) -> [String; 2] {
    ["access_token", "refresh_token"].map(|name| pair[name].as_str().unwrap().to_owned())
}

/// Waits until the node refuses the token, at most one second.
async fn wait_for_refusal(node: &Router, method: &str, path: &str, token: &str) {
    let refused = async {
        loop {
            let (status, body) = fetch(node, method, path, token).await;
            if status == StatusCode::UNAUTHORIZED {
                assert_eq!(body["code"], "token_revoked");
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(1), refused).await.unwrap();
}

#[tokio::test]
async fn a_log_out_on_one_node_reaches_the_other_within_a_second() {
    let Some(server) = RedisServer::start() else { return };
    let (a, b) = (node(&server).await, node(&server).await);
    let [access, refresh] = log_in(&a).await;
    let [other, _] = log_in(&b).await;
    assert_eq!(fetch(&b, "GET", "/me", &access).await.0, StatusCode::OK);
    assert_eq!(fetch(&a, "POST", "/logout", &access).await.0, StatusCode::NO_CONTENT);
    assert_eq!(
        fetch(&a, "GET", "/me", &access).await.0,
        StatusCode::UNAUTHORIZED,
        "this node refuses at once"
    );
    wait_for_refusal(&b, "GET", "/me", &access).await;
    assert_eq!(fetch(&b, "POST", "/refresh", &refresh).await.0, StatusCode::UNAUTHORIZED);
    for node in [&a, &b] {
        assert_eq!(fetch(node, "GET", "/me", &other).await.0, StatusCode::OK, "another session");
    }
    let late = node(&server).await;
    let (status, _) = fetch(&late, "GET", "/me", &access).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "a node that starts later has every revocation");
}

#[tokio::test]
async fn an_ended_session_is_not_refreshed_on_another_node() {
    let Some(server) = RedisServer::start() else { return };
    let (a, b) = (node(&server).await, node(&server).await);
    let [access, refresh] = log_in(&a).await;
    assert_eq!(fetch(&a, "POST", "/logout", &access).await.0, StatusCode::NO_CONTENT);
    // At once, because Redis decides a refresh, not the replica of the node.
    let (status, body) = fetch(&b, "POST", "/refresh", &refresh).await;
    assert_eq!((status, &body["code"]), (StatusCode::UNAUTHORIZED, &"token_revoked".into()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_32_refreshes_on_two_nodes_exactly_one_produces_a_successor() {
    let Some(server) = RedisServer::start() else { return };
    let nodes = [node(&server).await, node(&server).await];
    let [_, refresh] = log_in(&nodes[0]).await;
    let all: Vec<_> = (0..32)
        .map(|n| {
            let (node, refresh) = (nodes[n % 2].clone(), refresh.clone());
            tokio::spawn(async move { fetch(&node, "POST", "/refresh", &refresh).await })
        })
        .collect();
    let mut successors = HashSet::new();
    let mut last = String::new();
    for one in all {
        let (status, pair) = one.await.unwrap();
        assert_eq!(status, StatusCode::OK, "within the grace");
        let [_, next] = tokens(&pair);
        let claims = danger::decode_unverified(&next).unwrap().claims;
        successors.insert(claims["jti"].as_str().unwrap().to_owned());
        last = next;
    }
    assert_eq!(successors.len(), 1);
    assert_eq!(
        fetch(&nodes[1], "POST", "/refresh", &last).await.0,
        StatusCode::OK,
        "the session continues"
    );
}

#[tokio::test]
async fn every_route_is_guarded() {
    let Some(server) = RedisServer::start() else { return };
    let manifest = super::router().manifest();
    jwt_auth::testing::assert_manifest(&manifest, "routes.json");
    jwt_auth::testing::assert_guarded(node(&server).await, &manifest).await;
}
