//! The keys of one issuer over HTTP: one task fetches them ahead of their end, and requests never wait for each other.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use jwt_auth::__private::emit;
use jwt_auth::Algorithm;
use jwt_auth::config::{IssuerKeySet, IssuerKeys};
use jwt_auth::events::AuthEvent;
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};

use crate::discovery::{self, Endpoint};
use crate::fetch::{FetchError, Fetcher};

/// The shortest time between two fetches that tokens of unknown keys cause, counted from the start of the first; and the
/// pause after a fetch that failed.
const COOLDOWN: Duration = Duration::from_secs(30);
/// How long a token of an unknown key waits for the keys.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// The life of a set whose response names none.
const USUAL_LIFE: Duration = Duration::from_secs(600);
/// The bounds for a life that a response names.
const LIFE: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(86_400));
/// How long keys count after their life, if no newer ones can be fetched.
const STALE: Duration = Duration::from_secs(3600);

/// Where the keys are.
#[derive(Clone, Debug)]
pub(crate) enum KeysAt {
    /// The issuer's document says it.
    Discovery,
    Url(String),
}

/// What the task needs.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) issuer: String,
    pub(crate) keys_at: KeysAt,
    pub(crate) algorithm: Algorithm,
    pub(crate) fetcher: Fetcher,
}

/// The keys of an issuer. The task that fetches them begins with the first use, and ends with this.
pub(crate) struct KeyClient {
    source: Source,
    shared: Arc<Shared>,
    task: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Shared {
    is_running: AtomicBool,
    /// The last keys.
    snapshot: ArcSwapOption<Snapshot>,
    progress: watch::Sender<Progress>,
    /// Notified when a token names an unknown key.
    asked: Notify,
    /// How many fetches have to finish until every such token has had its one.
    wanted: AtomicU64,
    /// When a token caused the last fetch.
    forced: Mutex<Option<Instant>>,
    last_error: Mutex<Option<FetchError>>,
}

struct Snapshot {
    keys: IssuerKeySet,
    life: Duration,
    /// From when on the keys verify nothing, whether a task runs or not.
    ends: Instant,
}

/// Marks the task as running until it is dropped: with the runtime, by a panic, or with the client.
struct Running(Arc<Shared>);

impl Drop for Running {
    fn drop(&mut self) {
        // Requests that wait for the fetch of this task must not wait forever, for example if it panicked.
        self.0.progress.send_modify(|progress| {
            if std::mem::take(&mut progress.is_fetching) {
                progress.finished += 1;
            }
        });
        self.0.is_running.store(false, Ordering::Release);
    }
}

/// What the task is doing.
#[derive(Clone, Copy, Default)]
struct Progress {
    is_fetching: bool,
    finished: u64,
}

impl Shared {
    /// Reads the last keys, unless they are too old.
    fn usable<T>(&self, read: impl FnOnce(&Snapshot) -> T) -> Option<T> {
        let snapshot = self.snapshot.load();
        let snapshot = snapshot.as_ref()?;
        (Instant::now() < snapshot.ends).then(|| read(snapshot))
    }

    /// Whether one more fetch than these will finish soon, because a token has caused it. If none has for a while, this
    /// causes one.
    fn force(&self, finished: u64) -> bool {
        // Locked until the fetch is wanted: a token that finds the cooldown begun must find this fetch, too.
        let mut forced = self.forced.lock().unwrap_or_else(PoisonError::into_inner);
        if self.wanted.load(Ordering::Acquire) > finished {
            return true;
        }
        if forced.is_some_and(|at| at.elapsed() < COOLDOWN) {
            return false;
        }
        *forced = Some(Instant::now());
        self.wanted.store(finished + 1, Ordering::Release);
        self.asked.notify_one();
        true
    }
}

impl KeyClient {
    pub(crate) fn new(source: Source) -> Self {
        Self { source, shared: Arc::default(), task: Mutex::default() }
    }

    /// Starts the task, if it does not run and a runtime is there to run it.
    fn ensure_started(&self) {
        if self.shared.is_running.load(Ordering::Acquire) {
            return;
        }
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        if task.as_ref().is_none_or(JoinHandle::is_finished)
            && let Ok(runtime) = Handle::try_current()
        {
            let (source, shared) = (self.source.clone(), Arc::clone(&self.shared));
            shared.is_running.store(true, Ordering::Release);
            // Made here, so that it also ends with a runtime that never polls the task.
            let running = Running(shared);
            *task = Some(runtime.spawn(async move { keep_fetching(&source, &running.0).await }));
        }
    }

    /// Waits for the first keys.
    pub(crate) async fn first(&self) -> Result<(), FetchError> {
        if Handle::try_current().is_err() {
            return Err(FetchError::new("keys are fetched on a Tokio runtime, and there is none"));
        }
        self.ensure_started();
        let mut progress = self.shared.progress.subscribe();
        let _ = progress.wait_for(|progress| progress.finished > 0).await;
        if self.shared.snapshot.load().is_some() {
            return Ok(());
        }
        let error = self.shared.last_error.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Err(error.unwrap_or_else(|| FetchError::new("nothing was fetched")))
    }
}

/// A client, as the configuration of jwt-auth holds it.
pub(crate) struct FetchedKeys(pub(crate) Arc<KeyClient>);

impl IssuerKeys for FetchedKeys {
    fn current(&self) -> Option<IssuerKeySet> {
        self.0.ensure_started();
        self.0.shared.usable(|snapshot| snapshot.keys.clone())
    }

    fn version(&self) -> Option<u64> {
        self.0.ensure_started();
        self.0.shared.usable(|snapshot| snapshot.keys.version())
    }

    async fn newer(&self) {
        self.0.ensure_started();
        let shared = &self.0.shared;
        let mut progress = shared.progress.subscribe();
        let seen = *progress.borrow_and_update();
        let is_under_way = seen.finished == 0 || seen.is_fetching;
        if !is_under_way && !shared.force(seen.finished) {
            // Never wait for a limit: anyone can send tokens of unknown keys.
            return;
        }
        let fetched = progress.wait_for(|progress| progress.finished > seen.finished);
        let _ = timeout(LONGEST_WAIT, fetched).await;
    }
}

impl Drop for KeyClient {
    fn drop(&mut self) {
        let task = self.task.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(task) = task {
            task.abort();
        }
    }
}

impl fmt::Debug for KeyClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyClient").field("source", &self.source).finish_non_exhaustive()
    }
}

/// Fetches the keys now, ahead of their end, and when a token asks for newer ones.
async fn keep_fetching(source: &Source, shared: &Shared) {
    let mut url = match &source.keys_at {
        KeysAt::Url(url) => Some(url.clone()),
        KeysAt::Discovery => None,
    };
    let mut is_failing = false;
    loop {
        shared.progress.send_modify(|progress| progress.is_fetching = true);
        let fetched = fetch(source, &mut url).await;
        let pause = match &fetched {
            Ok(snapshot) => snapshot.life.mul_f64(0.8 * jitter()),
            Err(_) => COOLDOWN,
        };
        log_change(source, &fetched, &mut is_failing);
        let (issuer, succeeded) = (source.issuer.clone(), fetched.is_ok());
        emit(AuthEvent::IssuerFetched { issuer, succeeded });
        match fetched {
            Ok(snapshot) => shared.snapshot.store(Some(Arc::new(snapshot))),
            Err(error) => {
                let mut last = shared.last_error.lock().unwrap_or_else(PoisonError::into_inner);
                *last = Some(error);
            }
        }
        shared.progress.send_modify(|progress| {
            progress.is_fetching = false;
            progress.finished += 1;
        });
        wait_for_next(shared, Instant::now() + pause).await;
    }
}

/// Waits until it is time, or until a token asks for newer keys than this fetch has brought.
async fn wait_for_next(shared: &Shared, next: Instant) {
    loop {
        tokio::select! {
            () = sleep_until(next) => return,
            () = shared.asked.notified() => {
                let finished = shared.progress.borrow().finished;
                if shared.wanted.load(Ordering::Acquire) > finished {
                    return;
                }
            }
        }
    }
}

/// Fetches the keys. The address is found once.
async fn fetch(source: &Source, url: &mut Option<String>) -> Result<Snapshot, FetchError> {
    let url = match url {
        Some(url) => url,
        None => url.insert(discovery::find(&source.issuer, Endpoint::Keys, &source.fetcher).await?),
    };
    let (text, max_age) = source.fetcher.get(url).await?;
    let keys = IssuerKeySet::parse(&text, source.algorithm)
        .map_err(|error| FetchError::new(format!("{url}: {error}")))?;
    let life = max_age.map_or(USUAL_LIFE, |age| age.clamp(LIFE.0, LIFE.1));
    Ok(Snapshot { keys, life, ends: Instant::now() + life + STALE })
}

/// A factor from 0.9 to 1.1, so that many nodes do not fetch at the same moment.
fn jitter() -> f64 {
    let mut byte = [128_u8];
    let _ = getrandom::fill(&mut byte);
    0.9 + f64::from(byte[0]) / 255.0 * 0.2
}

/// Logs the first failure, and the end of failures.
fn log_change(source: &Source, fetched: &Result<Snapshot, FetchError>, is_failing: &mut bool) {
    let issuer = source.issuer.as_str();
    match fetched {
        Err(error) if !std::mem::replace(is_failing, true) => {
            tracing::warn!(target: "jwt_auth", issuer, %error, "the keys of an issuer cannot be fetched");
        }
        Ok(_) if std::mem::replace(is_failing, false) => {
            tracing::info!(target: "jwt_auth", issuer, "the keys of an issuer are fetched again");
        }
        _ => {}
    }
}
