//! The decisions as server-sent events.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Extension;
use axum::http::HeaderMap;
use axum::response::Sse;
use axum::response::sse::Event;
use futures_util::stream::{self, Stream, StreamExt as _};
use serde::Serialize;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::timeout_at;

use crate::decision::Decision;
use crate::recorder::Recorded;
use crate::serve::Shared;

/// How long a stream lasts. The browser connects again by itself. A server that shuts down gracefully waits for open
/// streams, and must not wait for a page that was left open.
const LIFE: Duration = Duration::from_secs(20);

/// After this time the browser connects again.
const RETRY: Duration = Duration::from_millis(500);

#[derive(Serialize)]
struct Line<'a> {
    /// Milliseconds since it happened; the browser has the clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    ago: Option<u64>,
    #[serde(flatten)]
    decision: &'a Decision,
}

pub(crate) async fn decisions(
    Extension(shared): Extension<Arc<Shared>>,
    headers: HeaderMap,
) -> Sse<impl Stream<Item = Result<Event, axum::Error>>> {
    let number = headers.get("last-event-id").and_then(|number| number.to_str().ok());
    let number = number.and_then(|number| number.parse().ok()).unwrap_or(0);
    shared.recorder.start();
    let (past, live) = shared.recorder.subscribe(number);
    let end = tokio::time::Instant::now() + LIFE;
    let live = stream::unfold(live, move |mut live| async move {
        let next = timeout_at(end, next(&mut live)).await.ok().flatten()?;
        Some((next, live))
    });
    let lines = stream::iter(past).chain(live).map(|recorded| event(&recorded));
    Sse::new(stream::iter([Ok(Event::default().retry(RETRY))]).chain(lines))
}

async fn next(live: &mut Receiver<Recorded>) -> Option<Recorded> {
    loop {
        match live.recv().await {
            Ok(recorded) => return Some(recorded),
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return None,
        }
    }
}

fn event(recorded: &Recorded) -> Result<Event, axum::Error> {
    let ago = |at: Instant| u64::try_from(at.elapsed().as_millis()).unwrap_or(u64::MAX);
    let line = Line { ago: recorded.at.map(ago), decision: &recorded.decision };
    Event::default().id(recorded.number.to_string()).json_data(line)
}
