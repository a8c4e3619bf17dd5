//! The keys, the trusted issuers and the store, with their states.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::{Extension, Json};
use jwt_auth::JwtAuth;
use serde::Serialize;

use crate::serve::Shared;

#[derive(Serialize)]
pub(crate) struct States {
    keys: Vec<Key>,
    issuers: Vec<Issuer>,
    store: Store,
}

/// A key, without its material. Times are seconds since 1970.
#[derive(Serialize)]
struct Key {
    id: Option<String>,
    algorithm: String,
    state: String,
    signs_from: Option<u64>,
    signs_until: Option<u64>,
    verifies_until: Option<u64>,
}

#[derive(Serialize)]
struct Issuer {
    name: String,
    state: &'static str,
    /// Whether the last fetch of its keys succeeded; `None` if none was recorded.
    last_fetch: Option<bool>,
}

#[derive(Serialize)]
struct Store {
    is_fresh: bool,
    age_ms: u64,
    revocations: Option<usize>,
    last_error: Option<String>,
}

pub(crate) async fn list(auth: JwtAuth, Extension(shared): Extension<Arc<Shared>>) -> Json<States> {
    shared.recorder.start();
    let keys = auth.keys().list();
    let keys = keys.iter().map(|key| Key {
        id: key.id().map(str::to_owned),
        algorithm: key.algorithm().to_string(),
        state: key.state().to_string(),
        signs_from: key.signs_from().map(seconds),
        signs_until: key.signs_until().map(seconds),
        verifies_until: key.verifies_until().map(seconds),
    });
    let issuers = auth.issuer_states().map(|(name, state)| Issuer {
        name: name.to_owned(),
        state,
        last_fetch: shared.recorder.last_fetch(name),
    });
    let status = auth.store_status();
    let store = Store {
        is_fresh: status.is_fresh(),
        age_ms: u64::try_from(status.age().as_millis()).unwrap_or(u64::MAX),
        revocations: status.entries(),
        last_error: status.last_error().map(str::to_owned),
    };
    Json(States { keys: keys.collect(), issuers: issuers.collect(), store })
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
