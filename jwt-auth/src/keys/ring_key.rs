//! A key of the ring, with the times at which its state changes.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use crate::keys::{KeyState, LoadedKey};

/// Where a key of the ring comes from, which decides what replaces it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The configuration, or `rotate_to`.
    Configured,
    /// A directory or a store, which may be read again.
    Reloaded,
}

/// A key of the ring. All times are since 1970.
#[derive(Clone, Debug)]
pub(crate) struct RingKey {
    key: Arc<LoadedKey>,
    pub(super) origin: Origin,
    /// When it begins to sign; `None` for a key without a schedule.
    pub(super) signs_from: Option<Duration>,
    /// When it was removed from the directory or the store that it came from.
    pub(super) removed_at: Option<Duration>,
    /// Whether the directory or the store says that it is revoked.
    pub(super) is_revoked: bool,
    /// Whether it signs while no key with a schedule does: the first key of a configuration.
    is_first: bool,
    signs_until: Option<Duration>,
    verifies_until: Option<Duration>,
    longest_life: Option<Duration>,
}

impl RingKey {
    pub(super) fn new(key: LoadedKey, origin: Origin, signs_from: Option<Duration>) -> Self {
        Self {
            key: Arc::new(key),
            origin,
            signs_from,
            removed_at: None,
            is_revoked: false,
            is_first: false,
            signs_until: None,
            verifies_until: None,
            longest_life: None,
        }
    }

    /// Whether both are the same loaded key with the same times.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.key, &other.key)
            && (self.signs_from, self.removed_at) == (other.signs_from, other.removed_at)
            && self.is_revoked == other.is_revoked
    }

    /// Whether it was read from a directory or a store, and is still there.
    pub(crate) fn is_shared(&self) -> bool {
        self.origin == Origin::Reloaded && self.removed_at.is_none()
    }

    pub(crate) fn signs_from(&self) -> Option<Duration> {
        self.signs_from
    }

    pub(crate) fn signs_until(&self) -> Option<Duration> {
        self.signs_until
    }

    pub(crate) fn verifies_until(&self) -> Option<Duration> {
        self.verifies_until
    }

    /// The longest life of a token that it may sign; `None` if the keys of the ring do not change.
    pub(crate) fn longest_life(&self) -> Option<Duration> {
        self.longest_life
    }

    pub(crate) fn is_revoked(&self) -> bool {
        self.is_revoked
    }

    /// The state by the clock, and by the directory or the store that it comes from. A revocation may be in the session
    /// store alone.
    pub(crate) fn state(&self, now: Duration) -> KeyState {
        if self.is_revoked {
            return KeyState::Revoked;
        }
        let begins = if self.is_first { Some(Duration::ZERO) } else { self.signs_from };
        if self.verifies_until.is_some_and(|end| now >= end) {
            return KeyState::Gone;
        }
        match (begins, self.signs_until) {
            (None, _) => KeyState::Retired,
            (_, Some(end)) if now >= end => KeyState::Retired,
            (Some(begins), _) if now < begins => KeyState::Pending,
            _ => KeyState::Signing,
        }
    }

    /// Whether tokens of the key are accepted.
    pub(crate) fn verifies_at(&self, now: Duration) -> bool {
        self.key.verifies && !self.is_revoked && self.verifies_until.is_none_or(|end| now < end)
    }

    /// Whether it may sign a token that names it. A retired key must not, since its tokens would outlive it.
    pub(super) fn signs_by_name(&self, now: Duration) -> bool {
        let has_no_schedule = !self.is_first && self.signs_from.is_none();
        let is_in_use = has_no_schedule && self.removed_at.is_none() && !self.is_revoked;
        self.key.can_sign() && (is_in_use || self.state(now) == KeyState::Signing)
    }
}

impl Deref for RingKey {
    type Target = LoadedKey;

    fn deref(&self) -> &LoadedKey {
        &self.key
    }
}

/// Derives the times of every key: a key signs until the next one begins, and then verifies for as long as the longest
/// token lives. Keys that sign and public keys of others have separate schedules.
pub(super) fn derive_times(keys: &mut [RingKey], retired_for: Duration, slack: Duration) {
    if let Some(first) = keys.first_mut() {
        let may_be_first = first.signs_from.is_none() && first.removed_at.is_none();
        first.is_first = may_be_first && first.can_sign();
    }
    let in_use = keys.iter().filter(|key| key.removed_at.is_none());
    let starts: Vec<(bool, Duration)> =
        in_use.filter_map(|key| Some((key.can_sign(), key.signs_from?))).collect();
    let longest_life = keys.iter().any(|key| key.signs_from.is_some()).then_some(retired_for);
    for key in keys {
        key.longest_life = longest_life;
        let is_later = |start: Duration| key.signs_from.is_none_or(|own| start > own);
        let is_next =
            |(can_sign, start): &(bool, Duration)| *can_sign == key.can_sign() && is_later(*start);
        let next = starts.iter().filter(|start| is_next(start)).map(|(_, start)| *start).min();
        let has_schedule = key.is_first || key.signs_from.is_some();
        let next = next.filter(|_| has_schedule);
        key.signs_until = key.removed_at.into_iter().chain(next).min();
        // A key that the configuration lists without a time verifies for as long as it is listed.
        let ends = key.signs_from.is_some() || key.removed_at.is_some();
        key.verifies_until = key
            .signs_until
            .filter(|_| ends)
            .map(|end| end.saturating_add(retired_for).saturating_add(slack));
    }
}
