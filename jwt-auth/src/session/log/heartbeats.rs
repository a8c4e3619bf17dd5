//! Heartbeats: how a node learns how old a read replica of the store is.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use crate::session::StoreError;
use crate::session::log::HEARTBEAT;

/// Numbers are forgotten when so many newer ones were written: after about four minutes.
const REMEMBERED: usize = 1_000;

/// The heartbeats of one node, for a [`Log`](super::Log) that reads from a replica of its server.
///
/// A replica may answer and still be behind by any amount of time, so its answer proves nothing. Instead the node writes
/// a number to the primary every [`HEARTBEAT`], under its [`name`](Self::name), and looks for the number in the replica.
/// Once the replica has it, the replica has everything that was written to the primary before, and the log returns the
/// time of [`sent_at`](Self::sent_at) as [`Batch::as_of`](super::Batch::as_of). No clocks of two machines are compared.
///
/// ```
/// use jwt_auth::session::log::Heartbeats;
///
/// let heartbeats = Heartbeats::new()?;
/// let number = heartbeats.next().expect("the first one is due");
/// assert_eq!(heartbeats.next(), None, "the second one is due after 250 ms");
/// assert!(heartbeats.sent_at(number).is_some());
/// assert!(heartbeats.sent_at(number + 1).is_none(), "never sent");
/// # Ok::<(), jwt_auth::errors::StoreError>(())
/// ```
#[derive(Debug)]
pub struct Heartbeats {
    name: String,
    sent: Mutex<VecDeque<(u64, Instant)>>,
}

impl Heartbeats {
    /// Heartbeats under a new, random name.
    ///
    /// # Errors
    ///
    /// If the system gives no random bytes.
    ///
    /// ```
    /// use jwt_auth::session::log::Heartbeats;
    /// assert_ne!(Heartbeats::new()?.name(), Heartbeats::new()?.name());
    /// # Ok::<(), jwt_auth::errors::StoreError>(())
    /// ```
    pub fn new() -> Result<Self, StoreError> {
        let mut bytes = [0; 8];
        getrandom::fill(&mut bytes)
            .map_err(|_| StoreError::new("the system gives no random bytes"))?;
        let name = format!("{:016x}", u64::from_ne_bytes(bytes));
        Ok(Self { name, sent: Mutex::default() })
    }

    /// The name of this node: 16 hexadecimal digits.
    ///
    /// ```
    /// assert_eq!(jwt_auth::session::log::Heartbeats::new()?.name().len(), 16);
    /// # Ok::<(), jwt_auth::errors::StoreError>(())
    /// ```
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The number to write to the primary now, if a heartbeat is due.
    ///
    /// ```
    /// assert_eq!(jwt_auth::session::log::Heartbeats::new()?.next(), Some(1));
    /// # Ok::<(), jwt_auth::errors::StoreError>(())
    /// ```
    pub fn next(&self) -> Option<u64> {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let last = sent.back().copied();
        if last.is_some_and(|(_, at)| now.duration_since(at) < HEARTBEAT) {
            return None;
        }
        let number = last.map_or(0, |(number, _)| number) + 1;
        sent.push_back((number, now));
        if sent.len() > REMEMBERED {
            sent.pop_front();
        }
        Some(number)
    }

    /// When the heartbeat that the replica has was sent; `None` if this node did not send it, or long ago.
    ///
    /// ```
    /// assert!(jwt_auth::session::log::Heartbeats::new()?.sent_at(1).is_none());
    /// # Ok::<(), jwt_auth::errors::StoreError>(())
    /// ```
    pub fn sent_at(&self, number: u64) -> Option<Instant> {
        let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        let at = sent.binary_search_by_key(&number, |(number, _)| *number).ok()?;
        Some(sent[at].1)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_heartbeat_is_due_every_quarter_second_and_its_time_is_remembered() {
        let heartbeats = Heartbeats::new().unwrap();
        let start = Instant::now();
        assert_eq!(heartbeats.next(), Some(1));
        tokio::time::advance(Duration::from_millis(249)).await;
        assert_eq!(heartbeats.next(), None);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(heartbeats.next(), Some(2));
        assert_eq!(heartbeats.sent_at(1), Some(start));
        assert_eq!(heartbeats.sent_at(2), Some(start + HEARTBEAT));
        assert_eq!((heartbeats.sent_at(0), heartbeats.sent_at(3)), (None, None));
    }

    #[tokio::test(start_paused = true)]
    async fn old_heartbeats_are_forgotten() {
        let heartbeats = Heartbeats::new().unwrap();
        for _ in 0..=REMEMBERED {
            heartbeats.next().unwrap();
            tokio::time::advance(HEARTBEAT).await;
        }
        assert_eq!(heartbeats.sent_at(1), None);
        assert!(heartbeats.sent_at(2).is_some());
    }
}
