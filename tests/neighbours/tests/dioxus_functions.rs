//! Dioxus: a guard before each server function.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use axum::routing::MethodRouter;
use axum::{Extension, Router};
use dioxus::prelude::*;
use dioxus::server::FullstackState;
use jwt_auth::{AccessToken, GuardedRouter, JwtAuth, guard};
use neighbours::auth;

#[post("/api/tasks/{list}", token: Extension<AccessToken>)]
async fn add_task(list: String, text: String) -> Result<String> {
    Ok(format!("{}: {text} in {list}", token.subject()))
}

fn app(state: FullstackState, auth: JwtAuth) -> Router {
    let mut functions = BTreeMap::<&str, MethodRouter>::new();
    for function in ServerFunction::collect() {
        let methods = functions.remove(function.path()).unwrap_or_default();
        let method = function.method_router().with_state(state.clone());
        functions.insert(function.path(), methods.merge(method));
    }
    let mut router = GuardedRouter::new();
    for (path, methods) in functions {
        let guard = guard::required().scopes(["tasks:write"]);
        router = router.guarded_route_service(path, guard, methods);
    }
    router.with_state(auth)
}

#[get("/api/tasks/{list}", token: Extension<AccessToken>)]
async fn count_tasks(list: String) -> Result<String> {
    Ok(format!("none of {} in {list}", token.subject()))
}

#[tokio::test]
async fn each_server_function_is_guarded_and_has_the_token() {
    let auth = auth();
    let app = app(FullstackState::headless(), auth.clone());
    let token = |scope| auth.access_token("alice").scopes([scope]).issue().expect("a token");
    let (reader, writer) = (token("tasks:read"), token("tasks:write"));
    let send = async |method, token, body| {
        neighbours::send(&app, method, "/api/tasks/home", token, body).await
    };
    for (method, body, answer) in [
        ("POST", r#"{"text":"milk"}"#, "\"alice: milk in home\""),
        ("GET", "", "\"none of alice in home\""),
    ] {
        assert_eq!(send(method, None, body).await.0, StatusCode::UNAUTHORIZED);
        assert_eq!(send(method, Some(&reader), body).await.0, StatusCode::FORBIDDEN);
        assert_eq!(send(method, Some(&writer), body).await, (StatusCode::OK, answer.to_owned()));
    }
}

#[tokio::test]
async fn a_server_function_without_a_guard_has_no_token() {
    let token = auth().access_token("alice").scopes(["tasks:write"]).issue().expect("a token");
    let app = Router::new().register_server_functions().with_state(FullstackState::headless());
    let sent = neighbours::send(&app, "GET", "/api/tasks/home", Some(&token), "").await;
    assert_eq!(sent.0, StatusCode::INTERNAL_SERVER_ERROR, "{}", sent.1);
}
