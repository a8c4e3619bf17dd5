//! Leptos: a guard before the server functions.

use std::net::SocketAddr;

use axum::http::StatusCode;
use axum::routing::any;
use axum::{Extension, Router};
use jwt_auth::{AccessToken, GuardedRouter, JwtAuth, guard};
use leptos::prelude::*;
use leptos_axum::{LeptosRoutes, generate_route_list, handle_server_fns, render_app_to_stream};
use neighbours::{auth, send};

#[server(prefix = "/api/notes", endpoint = "add")]
async fn add_note(text: String) -> Result<String, ServerFnError> {
    let Extension(token) = leptos_axum::extract::<Extension<AccessToken>>().await?;
    Ok(format!("{}: {text}", token.subject()))
}

fn app(options: LeptosOptions, auth: JwtAuth) -> Router {
    let pages = Router::new()
        .leptos_routes_with_handler(generate_route_list(Page), render_app_to_stream(Page))
        .with_state(options);
    let guard = guard::required().scopes(["notes:write"]);
    GuardedRouter::new()
        .guarded_route_service("/api/notes/{function}", guard, any(handle_server_fns))
        .unguarded("a page reads data by server functions", pages)
        .with_state(auth)
}

#[component]
fn Page() -> impl IntoView {
    view! { <p>"Notes"</p> }
}

fn options() -> LeptosOptions {
    LeptosOptions::builder()
        .output_name("notes")
        .site_addr(SocketAddr::from(([127, 0, 0, 1], 0)))
        .build()
}

#[tokio::test]
async fn a_server_function_is_guarded_and_has_the_token() {
    let auth = auth();
    let app = app(options(), auth.clone());
    let token = |scope| auth.access_token("alice").scopes([scope]).issue().expect("a token");
    let (reader, writer) = (token("notes:read"), token("notes:write"));
    let add = async |token| send(&app, "POST", "/api/notes/add", token, "text=milk").await;
    assert_eq!(add(None).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(add(Some(&reader)).await.0, StatusCode::FORBIDDEN);
    assert_eq!(add(Some(&writer)).await, (StatusCode::OK, "\"alice: milk\"".into()));
}

#[tokio::test]
async fn a_server_function_without_a_guard_has_no_token() {
    let auth = auth();
    let token = auth.access_token("alice").scopes(["notes:write"]).issue().expect("a token");
    let app = Router::new().leptos_routes(&options(), vec![], Page).with_state(options());
    let (status, _) = send(&app, "POST", "/api/notes/add", Some(&token), "text=milk").await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
}
