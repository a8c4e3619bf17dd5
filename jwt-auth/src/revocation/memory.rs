//! The embedded store: exact, in the memory of one process, forgotten at its end.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use crate::revocation::family::{Family, decide};
use crate::revocation::record::{About, Record, end, second};
use crate::revocation::replica::Replica;
use crate::revocation::{
    NewSession, Revocation, RevocationStore, Rotate, Rotation, Session, Standing, StoreError,
    TokenIdentity,
};

/// Sessions that are over are thrown out whenever there are twice as many as were left the last time.
const FIRST_PRUNE: usize = 1024;

/// The default store: one process, nothing durable.
///
/// A restart forgets every revocation, and a second process knows nothing of the first; a fleet, or a
/// promise that outlives the process, needs a shared store. Entries die with their tokens.
///
/// ```
/// use jwt_auth::{Config, MemoryStore};
/// let auth = Config::hs256([7; 32]).revocation(MemoryStore::new()).build()?;
/// # drop(auth);
/// # Ok::<(), jwt_auth::ConfigError>(())
/// ```
pub struct MemoryStore {
    replica: Replica,
    sessions: Mutex<Sessions>,
}

#[derive(Default)]
struct Sessions {
    families: HashMap<Box<str>, Family>,
    /// The families of each subject, so that a list is no walk through all of them.
    of: HashMap<Box<str>, HashSet<Box<str>>>,
    prune_at: usize,
}

impl Sessions {
    fn prune(&mut self, now: SystemTime) -> u64 {
        let before = self.families.len();
        self.families.retain(|_, family| now < family.ends);
        let families = &self.families;
        self.of.retain(|_, names| {
            names.retain(|name| families.contains_key(name));
            !names.is_empty()
        });
        self.prune_at = (self.families.len() * 2).max(FIRST_PRUNE);
        (before - self.families.len()) as u64
    }

    fn put(&mut self, name: &str, family: Family, now: SystemTime) {
        if self.families.len() >= self.prune_at.max(FIRST_PRUNE) {
            self.prune(now);
        }
        self.of.entry(family.subject.clone()).or_default().insert(name.into());
        self.families.insert(name.into(), family);
    }
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self { replica: Replica::new(), sessions: Mutex::default() }
    }

    fn decide(&self, request: &Rotate<'_>) -> Rotation {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let revoked = self.replica.is_dead(request.family, second(request.now));
        let mut family = sessions.families.remove(request.family);
        let rotation = decide(&mut family, revoked, request);
        let ends = family.as_ref().map(|family| family.ends);
        if let Some(family) = family {
            sessions.put(request.family, family, request.now);
        }
        if rotation == Rotation::Reused {
            let until = request.dead_until.max(ends.unwrap_or(request.dead_until));
            let about = About::Family(request.family.to_owned());
            self.apply(&Record { about, before: 0, until: end(until) }, request.now);
        }
        rotation
    }

    fn apply(&self, record: &Record, now: SystemTime) {
        self.replica.apply(record, second(now));
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("entries", &self.replica.len()).finish_non_exhaustive()
    }
}

impl RevocationStore for MemoryStore {
    fn standing(&self, token: &TokenIdentity<'_>, now: SystemTime) -> Result<Standing, StoreError> {
        Ok(self.replica.standing(token, second(now)))
    }

    async fn revoke(&self, revocation: Revocation<'_>, now: SystemTime) -> Result<(), StoreError> {
        self.apply(&Record::of(&revocation), now);
        Ok(())
    }

    async fn rotate(&self, request: Rotate<'_>) -> Result<Rotation, StoreError> {
        Ok(self.decide(&request))
    }

    async fn begin(&self, session: NewSession<'_>) -> Result<(), StoreError> {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.put(session.family, Family::begin(&session), session.now);
        Ok(())
    }

    async fn sessions(&self, subject: &str, now: SystemTime) -> Result<Vec<Session>, StoreError> {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let names = sessions.of.get(subject).into_iter().flatten();
        let lives = |name: &str, family: &Family| {
            now < family.ends && !self.replica.is_dead(name, second(now))
        };
        let mut alive: Vec<Session> = names
            .filter_map(|name| Some((name, sessions.families.get(name)?)))
            .filter(|(name, family)| lives(name, family))
            .map(|(name, family)| family.session(name))
            .collect();
        alive.sort_by_key(|session| std::cmp::Reverse(session.used));
        Ok(alive)
    }

    async fn prune(&self, now: SystemTime) -> Result<u64, StoreError> {
        Ok(self.sessions.lock().unwrap_or_else(PoisonError::into_inner).prune(now))
    }
}
