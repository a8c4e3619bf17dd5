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

    fn holds_nothing(&self) -> bool {
        self.replica.is_empty()
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

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn at(second: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(second)
    }

    fn family(subject: &str, ends: u64) -> Family {
        let session = NewSession {
            family: "",
            subject,
            device: None,
            refresh_id: "a",
            ends: at(ends),
            now: at(0),
        };
        Family::begin(&session)
    }

    fn with(subject: &str, ends: impl IntoIterator<Item = u64>) -> MemoryStore {
        let store = MemoryStore::new();
        let mut sessions = store.sessions.lock().unwrap();
        for (n, ends) in ends.into_iter().enumerate() {
            sessions.put(&format!("{subject}-{n}"), family(subject, ends), at(0));
        }
        drop(sessions);
        store
    }

    #[tokio::test]
    async fn a_session_is_over_at_its_end_and_is_thrown_out_then() {
        let store = with("alice", [10, 10, 20, 20, 20]);
        let listed = async |now| store.sessions("alice", at(now)).await.unwrap().len();
        assert_eq!(listed(9).await, 5);
        assert_eq!(listed(10).await, 3);
        assert_eq!(store.prune(at(9)).await.unwrap(), 0);
        assert_eq!(store.prune(at(10)).await.unwrap(), 2);
        assert_eq!(listed(9).await, 3, "those that live are still known by their subject");
        assert_eq!(store.prune(at(20)).await.unwrap(), 3);
        let sessions = store.sessions.lock().unwrap();
        assert!(sessions.families.is_empty() && sessions.of.is_empty(), "nothing is left behind");
    }

    #[tokio::test]
    async fn a_session_that_was_revoked_is_not_listed() {
        let store = with("alice", [20, 20]);
        let revocation = Revocation::Family { family: "alice-0", until: at(20) };
        store.revoke(revocation, at(0)).await.unwrap();
        let left = store.sessions("alice", at(5)).await.unwrap();
        assert_eq!(left.iter().map(Session::family).collect::<Vec<_>>(), ["alice-1"]);
    }

    #[test]
    fn log_ins_throw_out_the_dead_whenever_there_are_twice_as_many_as_were_left() {
        let store = with("alice", [10, 10]);
        let mut sessions = store.sessions.lock().unwrap();
        sessions.put("next", family("bob", 30), at(20));
        assert_eq!(sessions.families.len(), 3, "two dead are no reason to look at all of them");
        let store = with("alice", (0..FIRST_PRUNE as u64).map(|_| 10));
        let mut sessions = store.sessions.lock().unwrap();
        sessions.put("next", family("bob", 30), at(20));
        assert_eq!(sessions.families.len(), 1, "a thousand dead, and the one that came");
        let store = with("alice", (0..3 * FIRST_PRUNE as u64).map(|_| 10));
        let mut sessions = store.sessions.lock().unwrap();
        assert_eq!(sessions.prune(at(9)), 0);
        assert_eq!(sessions.prune_at, 6 * FIRST_PRUNE, "and no log-in before looks at all of them");
    }
}
