//! Admission of calls to a store: one that would wait longer than its caller does is refused at once.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// A call that would wait longer than this is refused. It is a little less than the default deadline of a store.
const LONGEST_WAIT: Duration = Duration::from_millis(200);
/// This many calls are admitted in any case, so that a store that was slow is tried again.
const ALWAYS_ADMITTED: usize = 16;
/// The interval between two answers is the mean of this many, because a store that writes in groups answers in bursts.
const WINDOW: u32 = 32;
/// How much longer than the average one window may make it.
const MOST_GROWTH: u64 = 4;

/// The calls under way, and how fast they are answered.
///
/// By Little's law a new call waits about as long as the calls before it need, which is their number times the average
/// interval between two answers.
pub(crate) struct Admission {
    under_way: AtomicUsize,
    /// The average interval between two answers while calls wait, in nanoseconds.
    interval: AtomicU64,
    window: Mutex<Window>,
}

/// Some answers, and how long calls waited for them.
struct Window {
    last_answer: Option<Instant>,
    waited: Duration,
    answers: u32,
}

impl Admission {
    pub(crate) const fn new() -> Self {
        Self {
            under_way: AtomicUsize::new(0),
            interval: AtomicU64::new(0),
            window: Mutex::new(Window { last_answer: None, waited: Duration::ZERO, answers: 0 }),
        }
    }

    /// Admits a call until the result is dropped; `None` if it would wait too long.
    pub(crate) fn admit(&self) -> Option<Admitted<'_>> {
        let before = self.under_way.fetch_add(1, Ordering::AcqRel);
        let admitted = Admitted { admission: self, others: before };
        let interval = Duration::from_nanos(self.interval.load(Ordering::Relaxed));
        let wait = interval.saturating_mul(u32::try_from(before).unwrap_or(u32::MAX));
        if before >= ALWAYS_ADMITTED && wait > LONGEST_WAIT { None } else { Some(admitted) }
    }

    fn answered(&self, others: usize) {
        let now = Instant::now();
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let last = window.last_answer.replace(now);
        // Without other calls, the interval is the time between requests, and says nothing about the store.
        let Some(last) = last.filter(|_| others > 0) else { return };
        window.waited += now - last;
        window.answers += 1;
        if window.answers < WINDOW && window.waited < LONGEST_WAIT {
            return;
        }
        let interval = window.waited / window.answers;
        (window.waited, window.answers) = (Duration::ZERO, 0);
        let interval = u64::try_from(interval.as_nanos()).unwrap_or(u64::MAX);
        let average = self.interval.load(Ordering::Relaxed);
        let average = if average == 0 {
            interval
        } else {
            // The newest window counts most, so that a store that has recovered is used at once.
            average / 4 + interval.min(average.saturating_mul(MOST_GROWTH)) / 4 * 3
        };
        self.interval.store(average, Ordering::Relaxed);
    }
}

/// A call under way.
pub(crate) struct Admitted<'a> {
    admission: &'a Admission,
    /// How many calls were under way when it was admitted.
    others: usize,
}

impl Admitted<'_> {
    /// Records the store's answer. A call that was abandoned has none.
    pub(crate) fn answered(&self) {
        self.admission.answered(self.others);
    }
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        self.admission.under_way.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Admits calls, and answers one every `interval`, until the average is known.
    async fn answer_every(admission: &Admission, interval: Duration) {
        for _ in 0..200 {
            let calls = [admission.admit(), admission.admit()];
            for call in calls.iter().flatten() {
                tokio::time::advance(interval).await;
                call.answered();
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn s1_a_call_that_would_wait_too_long_is_refused_at_once() {
        let admission = Admission::new();
        answer_every(&admission, Duration::from_millis(1)).await;
        let mut under_way = Vec::new();
        while let Some(call) = admission.admit() {
            under_way.push(call);
            assert!(
                under_way.len() < 1_000,
                "two hundred answers take longer than the longest wait"
            );
        }
        assert!(under_way.len() > 100, "{} calls", under_way.len());
        under_way.truncate(50);
        assert!(admission.admit().is_some(), "calls that ended make room");
    }

    #[tokio::test(start_paused = true)]
    async fn a_store_that_was_slow_is_tried_again() {
        let admission = Admission::new();
        answer_every(&admission, Duration::from_secs(1)).await;
        let calls: Vec<_> = (0..20).filter_map(|_| admission.admit()).collect();
        assert_eq!(calls.len(), ALWAYS_ADMITTED);
        drop(calls);
        answer_every(&admission, Duration::from_millis(1)).await;
        let calls: Vec<_> = (0..100).filter_map(|_| admission.admit()).collect();
        assert_eq!(calls.len(), 100, "the store is fast again");
    }

    #[tokio::test(start_paused = true)]
    async fn s19_a_store_that_answers_in_bursts_is_as_fast_as_its_mean() {
        let admission = Admission::new();
        for round in 0..50 {
            let calls: Vec<_> = (0..30).filter_map(|_| admission.admit()).collect();
            assert_eq!(calls.len(), 30, "30 calls wait for 100 ms, in round {round}");
            tokio::time::advance(Duration::from_millis(100)).await;
            for call in calls {
                call.answered();
                drop(call);
                // A client calls again as soon as it has an answer.
                assert!(admission.admit().is_some(), "in the middle of the burst of round {round}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_between_requests_is_not_the_time_of_an_answer() {
        let admission = Admission::new();
        for _ in 0..10 {
            tokio::time::advance(Duration::from_secs(3600)).await;
            admission.admit().expect("nothing is under way").answered();
        }
        let calls: Vec<_> = (0..100).filter_map(|_| admission.admit()).collect();
        assert_eq!(calls.len(), 100);
    }
}
