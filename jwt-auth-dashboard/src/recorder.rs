//! `Recorder`: the last decisions, with the time of each.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use jwt_auth::events::{AuthEvent, Events};
use tokio::sync::broadcast;

use crate::decision::Decision;

/// How many past decisions a newly opened page gets.
const HISTORY: usize = 200;

/// A decision, its number, and when it was recorded.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    pub(crate) number: u64,
    /// `None` if it happened before the page was first opened.
    pub(crate) at: Option<Instant>,
    pub(crate) decision: Decision,
}

/// Records the decisions from the time when the router was built.
#[derive(Debug)]
pub(crate) struct Recorder {
    state: Mutex<State>,
    sender: broadcast::Sender<Recorded>,
}

#[derive(Debug)]
struct State {
    /// The events that wait since the router was built. A task reads them once the page is opened.
    waiting: Option<Events>,
    last: VecDeque<Recorded>,
    number: u64,
    /// Whether the last fetch of an issuer's keys succeeded.
    fetches: HashMap<String, bool>,
}

impl Recorder {
    pub(crate) fn new() -> Self {
        let state = State {
            waiting: Some(Events::of_process()),
            last: VecDeque::new(),
            number: 0,
            fetches: HashMap::new(),
        };
        Self { state: Mutex::new(state), sender: broadcast::Sender::new(HISTORY) }
    }

    /// Records from now on, beginning with what happened since the router was built. Later calls do nothing.
    pub(crate) fn start(self: &Arc<Self>) {
        let Some(mut events) = self.state().waiting.take() else { return };
        while let Some(event) = events.try_next() {
            self.record(event, None);
        }
        tokio::spawn(record(events, Arc::downgrade(self)));
    }

    /// The decisions after a number, and those to come.
    pub(crate) fn subscribe(&self, after: u64) -> (Vec<Recorded>, broadcast::Receiver<Recorded>) {
        let state = self.state();
        // A larger number is one of another process, before a restart.
        let after = if after > state.number { 0 } else { after };
        let past = state.last.iter().filter(|one| one.number > after).cloned().collect();
        (past, self.sender.subscribe())
    }

    /// Whether the last fetch of an issuer's keys succeeded; `None` if none was recorded.
    pub(crate) fn last_fetch(&self, issuer: &str) -> Option<bool> {
        self.state().fetches.get(issuer).copied()
    }

    fn record(&self, event: AuthEvent, at: Option<Instant>) {
        let mut state = self.state();
        if let AuthEvent::IssuerFetched { issuer, succeeded } = &event {
            state.fetches.insert(issuer.clone(), *succeeded);
        }
        state.number += 1;
        let recorded = Recorded { number: state.number, at, decision: Decision::of(event) };
        if state.last.len() == HISTORY {
            state.last.pop_front();
        }
        state.last.push_back(recorded.clone());
        // Sent under the lock, so that a subscriber gets each decision once. It fails if no page is open.
        let _ = self.sender.send(recorded);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Records events until the router is gone.
async fn record(mut events: Events, recorder: Weak<Recorder>) {
    while let Some(event) = events.next().await {
        let Some(recorder) = recorder.upgrade() else { return };
        recorder.record(event, Some(Instant::now()));
    }
}
