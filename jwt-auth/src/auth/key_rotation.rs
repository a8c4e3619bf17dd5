//! Scheduled rotation: reads the keys that all nodes share, and creates the next one before it is needed.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::auth::JwtAuth;
use crate::clock::{since_epoch, to_system_time};
use crate::config::{KeyHome, RotationPlan};
use crate::event::{AuthEvent, emit};
use crate::keys::{
    Algorithm, Key, KeyProblem, LoadedKey, LoadedRing, REVOKED, RingKey, WrappingKey, name_of,
    new_private_key, write_new_file,
};
use crate::session::SharedKeys;

const DAY: Duration = Duration::from_secs(86_400);
/// How long a key is published before it signs: services that verify our tokens cache the set for an hour, and some ask
/// for it less often than that.
const PUBLISHED_FOR: Duration = DAY;
/// How often the shared keys are read.
pub(super) const READ_EVERY: Duration = Duration::from_secs(10);
/// The shortest time between two reads that tokens of unknown keys cause.
const UNKNOWN_KEY_COOLDOWN: Duration = Duration::from_millis(250);
/// How often a key is created again after another node was faster.
const ATTEMPTS: usize = 8;

/// The state of the rotation in this process.
#[derive(Debug)]
pub(super) struct Rotating {
    plan: RotationPlan,
    /// When the keys were read last, and whether that succeeded. Held during a read, so that there is one at a time.
    last_read: Mutex<Option<(Instant, bool)>>,
    /// The version of the document in the store that the ring contains.
    version: AtomicU64,
    is_failing: AtomicBool,
}

/// One key in the document of a store.
#[derive(Deserialize, Serialize)]
struct Record {
    id: String,
    alg: String,
    signs_from: u64,
    wrapped_by: String,
    wrapped: String,
    /// Not authenticated: whoever can write to the store can log everybody out anyway.
    #[serde(default)]
    revoked: bool,
}

impl Record {
    /// What the encryption authenticates, so that no part of a record can be replaced.
    fn context(&self) -> String {
        format!("{} {} {}", self.id, self.alg, self.signs_from)
    }
}

impl Rotating {
    pub(super) fn new(plan: RotationPlan) -> Self {
        Self {
            plan,
            last_read: Mutex::new(None),
            version: AtomicU64::new(u64::MAX),
            is_failing: AtomicBool::new(false),
        }
    }
}

impl JwtAuth {
    /// Whether the key was revoked, as far as this process knows.
    pub(super) fn is_key_revoked(&self, key: &LoadedKey, now: Duration) -> bool {
        key.id.as_deref().is_some_and(|id| self.store().is_key_revoked(id, now))
    }

    /// Reads the shared keys, and creates the next one if there is none.
    pub(super) async fn refresh_keys(&self) -> Result<(), KeyProblem> {
        let Some(rotating) = self.rotating() else { return Ok(()) };
        let mut last_read = rotating.last_read.lock().await;
        let refreshed = self.read_or_create(rotating).await;
        *last_read = Some((Instant::now(), refreshed.is_ok()));
        refreshed
    }

    /// Reads the shared keys because a token names a key that the ring lacks: another node may have created it a moment
    /// ago. Of several such calls, one reads.
    pub(super) async fn read_newer_keys(&self) -> Result<(), KeyProblem> {
        let Some(rotating) = self.rotating() else { return Ok(()) };
        let called = Instant::now();
        let mut last_read = rotating.last_read.lock().await;
        if let Some((last, was_read)) = *last_read {
            if last > called {
                let unread = || KeyProblem::new("the shared keys cannot be read", "see the log");
                return if was_read { Ok(()) } else { Err(unread()) };
            }
            tokio::time::sleep_until(last + UNKNOWN_KEY_COOLDOWN).await;
        }
        let read = self.read_shared_keys(rotating).await;
        *last_read = Some((Instant::now(), read.is_ok()));
        read.map(|_| ())
    }

    /// Marks a shared key as revoked where it is stored, so that no restart and no other store forgets it.
    pub(super) async fn revoke_shared_key(&self, id: &str) -> Result<(), KeyProblem> {
        let Some(rotating) = self.rotating() else { return Ok(()) };
        let is_shared = |key: &RingKey| key.is_shared() && key.id.as_deref() == Some(id);
        if !self.ring().load().keys().any(is_shared) {
            return Ok(());
        }
        match &rotating.plan.home {
            KeyHome::Directory(directory) => {
                let mark = write_file(directory.clone(), format!("{id}.{REVOKED}"), String::new());
                mark.await.map(|_| ())
            }
            KeyHome::Store(_) => {
                for _ in 0..ATTEMPTS {
                    let stored = self.store().shared_keys();
                    let document = stored.await.map_err(|error| store_problem(&error))?;
                    let text = with_revoked(document.document(), id)?;
                    let replaced = self.store().replace_shared_keys(document.version(), &text);
                    if replaced.await.map_err(|error| store_problem(&error))? {
                        return Ok(());
                    }
                }
                Err(contended())
            }
        }
    }

    /// One step of the task: what goes wrong is logged once, until it works again.
    pub(super) async fn refresh_keys_and_log(&self) {
        let Some(rotating) = self.rotating() else { return };
        match self.refresh_keys().await {
            Ok(()) => {
                if rotating.is_failing.swap(false, Ordering::Relaxed) {
                    tracing::info!(target: "jwt_auth", "the keys can be read again");
                }
            }
            Err(problem) => {
                if !rotating.is_failing.swap(true, Ordering::Relaxed) {
                    let KeyProblem { rule, fix } = problem;
                    tracing::error!(target: "jwt_auth", rule, fix, "the keys are not read; those in memory are used");
                }
            }
        }
    }

    async fn read_or_create(&self, rotating: &Rotating) -> Result<(), KeyProblem> {
        let plan = &rotating.plan;
        for _ in 0..ATTEMPTS {
            let document = self.read_shared_keys(rotating).await?;
            let now = since_epoch(&*self.rules().clock);
            let ring = self.ring().load_full();
            let is_revoked = |key: &LoadedKey| self.is_key_revoked(key, now);
            let Some(start) = next_start(&ring, now, plan.every, is_revoked) else { return Ok(()) };
            let id = name_of(start);
            let pem = new_private_key(plan.algorithm).ok_or_else(|| {
                KeyProblem::new(
                    "the operating system returns no random bytes",
                    "check `getrandom(2)` in the sandbox of the process",
                )
            })?;
            let is_created = match &plan.home {
                KeyHome::Directory(directory) => {
                    let (directory, name) = (directory.clone(), format!("{id}.pem"));
                    write_file(directory, name, pem.to_string()).await?
                }
                KeyHome::Store(wrapping) => {
                    let record = wrapped(wrapping, plan.algorithm, &id, start, &pem)?;
                    let text = with_record(&document, &record)?;
                    let replaced = self.store().replace_shared_keys(document.version(), &text);
                    replaced.await.map_err(|error| store_problem(&error))?
                }
            };
            if is_created {
                tracing::info!(
                    target: "jwt_auth",
                    event = "sys_key_created",
                    key = id,
                    algorithm = plan.algorithm.name(),
                    signs_from = start.as_secs(),
                    "a signing key was created"
                );
                emit(AuthEvent::KeyCreated { algorithm: plan.algorithm.name() });
            }
        }
        Err(contended())
    }

    /// Puts the shared keys into the ring. Returns the document of the store.
    async fn read_shared_keys(&self, rotating: &Rotating) -> Result<SharedKeys, KeyProblem> {
        let first = |mut problems: Vec<KeyProblem>| problems.swap_remove(0);
        let wrapping = match &rotating.plan.home {
            KeyHome::Directory(directory) => {
                let read = self.read_directory(directory.clone(), true).await;
                return read.map(|()| SharedKeys::default()).map_err(first);
            }
            KeyHome::Store(wrapping) => wrapping,
        };
        let document = self.store().shared_keys().await.map_err(|error| store_problem(&error))?;
        if rotating.version.load(Ordering::Acquire) != document.version() {
            let keys = unwrapped(wrapping, document.document())?;
            let now = since_epoch(&*self.rules().clock);
            self.ring().reload(&keys, now).map_err(first)?;
            rotating.version.store(document.version(), Ordering::Release);
        }
        Ok(document)
    }

    /// Reads a directory outside of the threads that serve requests.
    pub(super) async fn read_directory(
        &self,
        directory: PathBuf,
        may_be_empty: bool,
    ) -> Result<(), Vec<KeyProblem>> {
        let auth = self.clone();
        let now = since_epoch(&*self.rules().clock);
        let read = move || auth.ring().read_directory(&directory, may_be_empty, now);
        tokio::task::spawn_blocking(read).await.unwrap_or_else(|error| {
            Err(vec![KeyProblem::new(format!("the keys were not read: {error}"), "try again")])
        })
    }
}

/// The time from which the next key signs; `None` if there is one already.
fn next_start(
    ring: &LoadedRing,
    now: Duration,
    every: Duration,
    is_revoked: impl Fn(&LoadedKey) -> bool,
) -> Option<Duration> {
    let shared: Vec<Duration> = ring
        .keys()
        .filter(|key| key.is_shared() && key.can_sign() && !key.is_revoked() && !is_revoked(key))
        .filter_map(RingKey::signs_from)
        .collect();
    let current = shared.iter().filter(|start| **start <= now).max();
    let pending: Vec<Duration> = shared.iter().copied().filter(|start| *start > now).collect();
    let other_signs = ring.scheduled(now).is_some_and(|key| !key.is_shared() && !is_revoked(key));
    let midnight = |time: Duration| Duration::from_secs(time.as_secs().div_ceil(86_400) * 86_400);
    let published = midnight(now.saturating_add(PUBLISHED_FOR));
    match (current, pending.as_slice()) {
        // Nothing signs: the first key does at once. Its name is that of the day, if that one is free.
        (None, []) if !other_signs => {
            let today = Duration::from_secs(now.as_secs() / 86_400 * 86_400);
            let is_free = |start: &Duration| ring.by_id(&name_of(*start)).is_none();
            let moments = (0..).map(|n| Duration::from_secs(now.as_secs() + n));
            std::iter::once(today).chain(moments).find(is_free)
        }
        (None, []) => Some(published),
        // The next key signs before its time, because the one before it was revoked.
        (None, [next]) if !other_signs => Some(next.saturating_add(every)),
        (Some(current), []) => Some(published.max(current.saturating_add(every))),
        _ => None,
    }
}

fn contended() -> KeyProblem {
    KeyProblem::new(
        "other nodes replace the shared keys all the time",
        "check that every node has the same `KeyRotation`, and a clock that is right",
    )
}

fn store_problem(error: &dyn std::fmt::Display) -> KeyProblem {
    KeyProblem::new(
        format!("{error}"),
        "check the store; `KeyRotation` needs one with room for keys, or a `.directory(…)`",
    )
}

async fn write_file(directory: PathBuf, name: String, pem: String) -> Result<bool, KeyProblem> {
    // The id of a JWK is any text.
    if name.contains(['/', '\\', '\0']) {
        return Err(KeyProblem::new(
            format!("no file can have the name {name:?}"),
            "remove the key from its JWK set instead",
        ));
    }
    let pem = zeroize::Zeroizing::new(pem);
    let shown = directory.display().to_string();
    let written =
        tokio::task::spawn_blocking(move || write_new_file(&directory, &name, &pem)).await;
    let reason = match written {
        Ok(Ok(is_new)) => return Ok(is_new),
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
    };
    Err(KeyProblem::new(
        format!("cannot write a key into the directory {shown}: {reason}"),
        "let the process write there, or create the keys yourself and use `KeyRing::directory(…)`",
    ))
}

fn wrapped(
    wrapping: &[WrappingKey],
    algorithm: Algorithm,
    id: &str,
    start: Duration,
    pem: &str,
) -> Result<Record, KeyProblem> {
    let failed =
        || KeyProblem::new("the private key cannot be encrypted", "check the key-encryption key");
    let key = wrapping.first().ok_or_else(failed)?;
    let mut record = Record {
        id: id.to_owned(),
        alg: algorithm.name().to_owned(),
        signs_from: start.as_secs(),
        wrapped_by: key.id().to_owned(),
        wrapped: String::new(),
        revoked: false,
    };
    record.wrapped = key.wrap(pem, &record.context()).ok_or_else(failed)?;
    Ok(record)
}

fn damaged(reason: impl std::fmt::Display) -> KeyProblem {
    KeyProblem::new(
        format!("the document of the shared keys is damaged: {reason}"),
        "restore it from a backup; without one, delete it: new keys are created, and every user logs in again",
    )
}

/// The members of a document; none for a new one.
fn members(document: &str) -> Result<Map<String, Value>, KeyProblem> {
    if document.is_empty() {
        Ok(Map::new())
    } else {
        serde_json::from_str(document).map_err(damaged)
    }
}

/// The document with one more record. Members that this version does not know are preserved.
fn with_record(document: &SharedKeys, record: &Record) -> Result<String, KeyProblem> {
    let mut members = members(document.document())?;
    let keys = members.entry("keys").or_insert_with(|| Value::Array(Vec::new()));
    let Value::Array(keys) = keys else { return Err(damaged("`keys` is no array")) };
    keys.push(serde_json::to_value(record).map_err(damaged)?);
    Ok(Value::Object(members).to_string())
}

/// The document with this key revoked.
fn with_revoked(document: &str, id: &str) -> Result<String, KeyProblem> {
    let mut members = members(document)?;
    let keys = members.get_mut("keys").and_then(Value::as_array_mut);
    for key in keys.into_iter().flatten().filter(|key| key["id"] == id) {
        key["revoked"] = true.into();
    }
    Ok(Value::Object(members).to_string())
}

/// The keys of a document.
fn unwrapped(wrapping: &[WrappingKey], document: &str) -> Result<Vec<Key>, KeyProblem> {
    let mut members = members(document)?;
    let records = members.remove("keys").unwrap_or_else(|| Value::Array(Vec::new()));
    let records: Vec<Record> = serde_json::from_value(records).map_err(damaged)?;
    let mut keys = Vec::new();
    for record in records {
        let context = record.context();
        let wrapped_by: Vec<_> =
            wrapping.iter().filter(|key| key.id() == record.wrapped_by).collect();
        if wrapped_by.is_empty() {
            return Err(KeyProblem::new(
                format!("the key {} is encrypted by another key-encryption key", record.id),
                "configure the one that encrypted it: `.wrapped_by(…)`, or `.also_unwrap(…)` for a previous one",
            ));
        }
        let pem = wrapped_by.iter().find_map(|key| key.unwrap(&record.wrapped, &context));
        let pem = pem.ok_or_else(|| damaged(format!("the key {} was changed", record.id)))?;
        let algorithm: Algorithm = record.alg.parse().map_err(damaged)?;
        let start = to_system_time(Duration::from_secs(record.signs_from));
        let key = Key::private_pem(algorithm, pem.as_str()).id(record.id).signs_from(start);
        keys.push(Key { is_revoked: record.revoked, ..key });
    }
    Ok(keys)
}
