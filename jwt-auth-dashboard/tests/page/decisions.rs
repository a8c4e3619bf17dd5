//! The stream of decisions.

use axum::body::Body;
use axum::extract::Request;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use crate::client::{app, get_page, send, stream_until, with_headers};

/// The lines of a stream: number and decision.
fn lines(stream: &str) -> Vec<(u64, Value)> {
    let line = |event: &str| {
        let id = event.lines().find_map(|line| line.strip_prefix("id: "))?;
        let data = event.lines().find_map(|line| line.strip_prefix("data: "))?;
        Some((id.parse().ok()?, serde_json::from_str(data).ok()?))
    };
    stream.split("\n\n").filter_map(line).collect()
}

#[tokio::test]
async fn decisions_arrive_as_they_happen_and_those_before_are_not_lost() {
    let (app, auth) = app();
    let request = |path: &str, token: Option<&str>| {
        let mut request = Request::post(path);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        request.body(Body::empty()).expect("valid")
    };
    // Before anybody has opened the page.
    send(&app, request("/notes?early=secret", None)).await;
    let response = send(&app, get_page("/decisions")).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let live = tokio::spawn(stream_until(response, "\"allowed\""));
    let token = auth.access_token("alice").scopes(["notes:write"]).roles(["admin"]).fresh(true);
    let token = token.issue().expect("valid");
    send(&app, request("/notes", Some(&token))).await;
    let seen = live.await.expect("valid");
    assert!(!seen.contains("early=secret"), "the query is not shown");
    assert!(!seen.contains(&*token));

    let all = lines(&seen);
    // Events are those of the process, also of other tests.
    let is_of_notes = |what: &str| {
        let found = all.iter().find(|(_, one)| one["what"] == what && one["path"] == "/notes");
        found.unwrap_or_else(|| panic!("{what} is not in {seen}")).clone()
    };
    let (number, refused) = is_of_notes("refused");
    assert_eq!((&refused["status"], &refused["code"]), (&json!(401), &json!("token_missing")));
    assert_eq!((&refused["method"], &refused["why"]), (&json!("POST"), &json!("Missing token")));
    assert!(
        refused["todo"].as_str().expect("valid").contains("Authorization: Bearer"),
        "{refused}"
    );
    assert!(refused.get("ago").is_none(), "the time is not known");
    let (later, allowed) = is_of_notes("allowed");
    assert!(later > number && allowed["ago"].is_u64(), "{allowed}");

    // The browser connects again, and gets what it has not seen.
    let last = number.to_string();
    let headers = [("host", "localhost"), ("last-event-id", last.as_str())];
    let response = send(&app, with_headers("GET", "/decisions", &headers, &Value::Null)).await;
    let again = lines(&stream_until(response, "\"allowed\"").await);
    assert!(again.iter().all(|(other, _)| *other > number));
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_so_that_a_server_can_shut_down() {
    let (app, _) = app();
    let response = send(&app, get_page("/decisions")).await;
    let whole = response.into_body().collect().await.expect("it ends").to_bytes();
    assert!(whole.starts_with(b"retry: 500\n"), "and the browser connects again");
}
