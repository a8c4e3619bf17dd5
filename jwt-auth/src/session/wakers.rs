//! The open connections of this process, by the names under which a revocation reaches them.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::session::{Revocation, TokenIdentity};

/// A name of a token that a revocation can cover.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Name {
    Token(Box<str>),
    Session(Box<str>),
    Subject(Box<str>),
    Key(Box<str>),
}

impl Name {
    fn of(token: &TokenIdentity<'_>) -> Vec<Self> {
        let mut names = vec![Self::Subject(token.subject.into())];
        names.extend(token.id.map(|id| Self::Token(id.into())));
        names.extend(token.session_id.map(|id| Self::Session(id.into())));
        names.extend(token.key_id.map(|id| Self::Key(id.into())));
        names
    }
}

/// Wakes the futures that wait for the end of a token.
#[derive(Default)]
pub(crate) struct Wakers(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    next: u64,
    all: HashMap<u64, Arc<Notify>>,
    by_name: HashMap<Name, Vec<u64>>,
}

impl Wakers {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers a token until the result is dropped. A wake-up between two waits is not lost.
    pub(crate) fn wait_for(&self, token: &TokenIdentity<'_>) -> Waiter<'_> {
        let (names, notify) = (Name::of(token), Arc::new(Notify::new()));
        let mut waiting = self.lock();
        waiting.next += 1;
        let id = waiting.next;
        waiting.all.insert(id, Arc::clone(&notify));
        for name in &names {
            waiting.by_name.entry(name.clone()).or_default().push(id);
        }
        Waiter { wakers: self, id, names, notify }
    }

    /// Wakes the tokens that the revocation covers.
    pub(crate) fn wake(&self, revocation: &Revocation<'_>) {
        let waiting = self.lock();
        let name = match *revocation {
            Revocation::Token { id, .. } => Name::Token(id.into()),
            Revocation::Session { id: session, .. } | Revocation::EarlierAccess { session, .. } => {
                Name::Session(session.into())
            }
            Revocation::Subject { subject, .. } => Name::Subject(subject.into()),
            Revocation::Key { id, .. } => Name::Key(id.into()),
            Revocation::All { .. } => return waiting.all.values().for_each(|all| all.notify_one()),
        };
        waiting.wake(&name);
    }

    /// Wakes the tokens of a session.
    pub(crate) fn wake_session(&self, id: &str) {
        self.lock().wake(&Name::Session(id.into()));
    }
}

impl Waiting {
    fn wake(&self, name: &Name) {
        let ids = self.by_name.get(name).into_iter().flatten();
        ids.filter_map(|id| self.all.get(id)).for_each(|one| one.notify_one());
    }
}

impl fmt::Debug for Wakers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wakers").field("waiting", &self.lock().all.len()).finish()
    }
}

/// A future's place among the waiting ones.
pub(crate) struct Waiter<'a> {
    wakers: &'a Wakers,
    id: u64,
    names: Vec<Name>,
    notify: Arc<Notify>,
}

impl Waiter<'_> {
    /// Returns when a revocation that may cover the token was recorded since the last call.
    pub(crate) async fn woken(&self) {
        self.notify.notified().await;
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        let mut waiting = self.wakers.lock();
        waiting.all.remove(&self.id);
        for name in &self.names {
            if let Some(ids) = waiting.by_name.get_mut(name) {
                ids.retain(|id| *id != self.id);
                if ids.is_empty() {
                    waiting.by_name.remove(name);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{Future as _, poll_fn};
    use std::pin::pin;
    use std::task::Poll;
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::token_kind::TokenKind;

    fn token<'a>(
        id: &'a str,
        session: &'a str,
        subject: &'a str,
        key: &'a str,
    ) -> TokenIdentity<'a> {
        let token = TokenIdentity::for_test(TokenKind::Access, subject, id);
        TokenIdentity { key_id: Some(key), session_id: Some(session), ..token }
    }

    async fn is_woken(waiter: &Waiter<'_>) -> bool {
        let mut woken = pin!(waiter.woken());
        poll_fn(|context| Poll::Ready(woken.as_mut().poll(context).is_ready())).await
    }

    #[tokio::test]
    async fn s10_a_revocation_wakes_the_connections_it_covers_and_no_others() {
        let wakers = Wakers::default();
        let first = wakers.wait_for(&token("t1", "s1", "alice", "k1"));
        let second = wakers.wait_for(&token("t2", "s2", "alice", "k1"));
        let third = wakers.wait_for(&token("t3", "s3", "bob", "k2"));
        let until = UNIX_EPOCH;
        for (revocation, expected) in [
            (Revocation::Token { issuer: None, id: "t1", until }, [true, false, false]),
            (Revocation::Session { id: "s2", started_at: None, until }, [false, true, false]),
            (Revocation::Subject { subject: "alice", before: until, until }, [true, true, false]),
            (Revocation::Key { id: "k2", until }, [false, false, true]),
            (Revocation::All { before: until, until }, [true, true, true]),
            (Revocation::Token { issuer: None, id: "s1", until }, [false, false, false]),
        ] {
            wakers.wake(&revocation);
            let found = [is_woken(&first).await, is_woken(&second).await, is_woken(&third).await];
            assert_eq!(found, expected, "{revocation:?}");
        }
        wakers.wake_session("s3");
        assert!(is_woken(&third).await && !is_woken(&first).await);
    }

    #[test]
    fn a_connection_that_closed_leaves_nothing_behind() {
        let wakers = Wakers::default();
        let first = wakers.wait_for(&token("t1", "s1", "alice", "k1"));
        let second = wakers.wait_for(&token("t2", "s2", "alice", "k1"));
        drop(first);
        assert_eq!(wakers.lock().by_name.len(), 4, "the names of the other one");
        drop(second);
        let waiting = wakers.lock();
        assert!(waiting.all.is_empty() && waiting.by_name.is_empty());
    }
}
