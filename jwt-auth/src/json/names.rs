//! The names of one object, each of which occurs once.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, BuildHasherDefault, RandomState};
use std::sync::LazyLock;

use crate::identity_hasher::IdentityHasher;
use crate::json::NotStrict;

/// Up to this many names are in a list. A larger object uses a set, so that the time is proportional to its length even
/// with thousands of names.
const INLINE_NAMES: usize = 32;

/// The names seen in one object, as hashes with a secret. Equal names have equal hashes, so no duplicate is accepted. Two
/// other names have equal hashes with a probability of 2^-64, and their object is refused then.
pub(super) struct Names {
    /// The secret of this process, so that no sender can construct two names with one hash.
    secret: [u64; 2],
    /// One bit for each of `first`, of which several may share one.
    filter: u64,
    first: [u64; INLINE_NAMES],
    len: usize,
    /// All of them, as soon as there are many.
    all: HashSet<u64, BuildHasherDefault<IdentityHasher>>,
}

impl Names {
    pub(super) fn new() -> Self {
        static SECRET: LazyLock<[u64; 2]> =
            LazyLock::new(|| [0, 1].map(|n| RandomState::new().hash_one(n)));
        Self {
            secret: *SECRET,
            filter: 0,
            first: [0; INLINE_NAMES],
            len: 0,
            all: HashSet::default(),
        }
    }

    /// Inserts a name. An error if it was seen before.
    pub(super) fn insert(&mut self, name: &[u8]) -> Result<(), NotStrict> {
        let hash = self.hash(name);
        let Some(free) = self.first.get_mut(self.len) else {
            if self.all.is_empty() {
                // There may be many more.
                self.all.reserve(4 * INLINE_NAMES);
                self.all.extend(self.first);
            }
            return if self.all.insert(hash) { Ok(()) } else { Err(NotStrict) };
        };
        *free = hash;
        let bit = 1_u64 << (hash >> 58);
        let may_be_seen = self.filter & bit != 0;
        self.filter |= bit;
        if may_be_seen && self.first[..self.len].contains(&hash) {
            return Err(NotStrict);
        }
        self.len += 1;
        Ok(())
    }

    /// By multiplications of whole words: much faster than `SipHash` for short names.
    fn hash(&self, name: &[u8]) -> u64 {
        let [start, factor] = self.secret;
        let mix = |state: u64, word: u64| {
            let product = u128::from(state ^ word) * u128::from(factor | 1);
            #[allow(clippy::cast_possible_truncation, reason = "both halves are folded into one")]
            let folded = (product >> 64) as u64 ^ product as u64;
            folded
        };
        // The length is mixed first: added to the state, it could cancel a difference of the text.
        let mut state = mix(start, name.len() as u64);
        for word in name.as_chunks().0 {
            state = mix(state, u64::from_le_bytes(*word));
        }
        // The last bytes may overlap with those before, which saves a loop.
        let last = match (name.last_chunk(), name.first_chunk(), name.last_chunk()) {
            (Some(last), ..) => u64::from_le_bytes(*last),
            (_, Some(head), Some(tail)) => {
                u64::from(u32::from_le_bytes(*head)) << 32 | u64::from(u32::from_le_bytes(*tail))
            }
            _ => name.iter().fold(0, |last, byte| last << 8 | u64::from(*byte)),
        };
        mix(state, last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hashes_of_similar_names_spread() {
        let names = Names::new();
        let similar: [fn(u32) -> String; 3] = [
            |n| format!("claim{n:03}"),
            |n| format!("{n:03}claim"),
            |n| format!("a long claim {n}"),
        ];
        for of in similar {
            let hashes: Vec<u64> = (0..1000).map(|n| names.hash(of(n).as_bytes())).collect();
            let buckets: HashSet<u64> = hashes.iter().map(|hash| hash & 0xfff).collect();
            assert!(buckets.len() > 780, "of about 890: {}", buckets.len());
            let ones: u32 = hashes.iter().map(|hash| hash.count_ones()).sum();
            assert!((31_000..33_000).contains(&ones), "of about 32 000: {ones}");
        }
    }
}
