//! The ring of a running `JwtAuth`: read without a lock, and replaced as a whole.

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use tokio::sync::Notify;

use crate::keys::load::KeyProblem;
use crate::keys::loaded_ring::{load_all, not_empty, read_directory};
use crate::keys::{Key, LoadedRing};

/// A ring that can be replaced while requests read it.
pub(crate) struct LiveRing {
    current: ArcSwap<LoadedRing>,
    /// The version of the current ring, which a cache hit compares: to read it costs less than to load the ring.
    version: AtomicU64,
    /// Held by whoever makes the next ring out of the current one.
    replacing: Mutex<()>,
    /// Notified when there is no key that signs.
    missing: Notify,
}

impl LiveRing {
    pub(crate) fn new(ring: LoadedRing) -> Self {
        Self {
            version: AtomicU64::new(ring.version()),
            current: ArcSwap::from_pointee(ring),
            replacing: Mutex::new(()),
            missing: Notify::new(),
        }
    }

    /// The current ring, for one call.
    pub(crate) fn load(&self) -> Guard<Arc<LoadedRing>> {
        self.current.load()
    }

    /// The version of the current ring.
    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// The current ring, for a call that waits.
    pub(crate) fn load_full(&self) -> Arc<LoadedRing> {
        self.current.load_full()
    }

    /// Reports that there is no key that signs.
    pub(crate) fn report_missing(&self) {
        self.missing.notify_one();
    }

    /// Waits until there is no key that signs.
    pub(crate) async fn wait_until_missing(&self) {
        self.missing.notified().await;
    }

    /// Adds a key, which signs from its own time or from now.
    pub(crate) fn add(&self, key: &Key, now: Duration) -> Result<(), Vec<KeyProblem>> {
        self.replace(|ring| ring.with_key(key, now))
    }

    /// Replaces the keys that were read before by those of the directory.
    ///
    /// A directory that is not there, or has no key, is an error unless it `may_be_empty`.
    pub(crate) fn read_directory(
        &self,
        path: &Path,
        may_be_empty: bool,
        now: Duration,
    ) -> Result<(), Vec<KeyProblem>> {
        if may_be_empty && !path.exists() {
            return Ok(());
        }
        let terms = self.load().terms().clone();
        let mut keys = read_directory(path, &terms);
        if !may_be_empty {
            keys = keys.and_then(not_empty(path));
        }
        let keys = keys.map_err(|problem| vec![problem])?;
        self.replace(|ring| ring.with_reloaded(keys, now))
    }

    /// Replaces the keys that were read before by these.
    pub(crate) fn reload(&self, keys: &[Key], now: Duration) -> Result<(), Vec<KeyProblem>> {
        let keys = load_all(keys, self.load().terms()).map_err(|problem| vec![problem])?;
        self.replace(|ring| ring.with_reloaded(keys, now))
    }

    fn replace(
        &self,
        next: impl FnOnce(&LoadedRing) -> Result<LoadedRing, Vec<KeyProblem>>,
    ) -> Result<(), Vec<KeyProblem>> {
        let _replacing = self.replacing.lock().unwrap_or_else(PoisonError::into_inner);
        let current = self.load();
        let next = next(&current)?;
        // A new ring without a change would only empty the cache of verified tokens.
        if !next.is_same(&current) {
            let version = next.version();
            self.current.store(Arc::new(next));
            self.version.store(version, Ordering::Release);
        }
        Ok(())
    }
}

impl fmt::Debug for LiveRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.load().fmt(f)
    }
}
