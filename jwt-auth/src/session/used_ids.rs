//! Ids that were used, in memory, each until a time.

use std::collections::HashMap;
use std::time::SystemTime;

/// From this many ids on, expired ones are deleted before one is added.
const FEW: usize = 1_024;

/// Used ids.
#[derive(Default)]
pub(super) struct UsedIds {
    until: HashMap<Box<str>, SystemTime>,
    /// How many there may be before the next deletion.
    limit: usize,
}

impl UsedIds {
    /// Adds an id, and returns whether it was not there.
    pub(super) fn insert(&mut self, id: &str, until: SystemTime, now: SystemTime) -> bool {
        if self.until.get(id).is_some_and(|until| *until >= now) {
            return false;
        }
        if self.until.len() >= self.limit.max(FEW) {
            self.prune(now);
            self.limit = 2 * self.until.len();
        }
        self.until.insert(id.into(), until);
        true
    }

    /// Deletes expired ids.
    pub(super) fn prune(&mut self, now: SystemTime) {
        self.until.retain(|_, until| *until >= now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn an_id_is_new_once_and_again_after_its_time() {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        let mut used = UsedIds::default();
        assert!(used.insert("a", at(10), at(0)) && used.insert("b", at(10), at(0)));
        assert!(!used.insert("a", at(20), at(5)) && !used.insert("a", at(20), at(10)));
        assert!(used.insert("a", at(20), at(11)));
    }

    #[test]
    fn expired_ids_take_no_memory() {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        let mut used = UsedIds::default();
        for number in 0..100_000_u64 {
            assert!(used.insert(&number.to_string(), at(number + 10), at(number)));
            assert!(used.until.len() <= FEW, "{}", used.until.len());
        }
    }
}
