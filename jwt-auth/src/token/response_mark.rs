//! A mark for the response that is being built: it contains a token, so no cache may store it.
//!
//! The code that issues a token has no access to the response. It sets a thread-local flag; the future that builds
//! the response reads the flag after each poll.

use std::cell::Cell;

thread_local! {
    static MARKED: Cell<bool> = const { Cell::new(false) };
}

/// Marks the response that the current poll builds.
pub(crate) fn mark_response() {
    MARKED.set(true);
}

/// Runs one poll of a future, and returns whether it marked its response. The mark of an outer poll is preserved.
pub(crate) fn poll_marked<T>(poll: impl FnOnce() -> T) -> (T, bool) {
    // Restores the outer mark even if the poll panics.
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            MARKED.set(self.0);
        }
    }
    let _restore = Restore(MARKED.replace(false));
    let outcome = poll();
    (outcome, MARKED.get())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_belongs_to_the_innermost_poll() {
        let ((inner, marked), outer) = poll_marked(|| poll_marked(mark_response));
        assert_eq!((inner, marked, outer), ((), true, false));
        assert!(poll_marked(mark_response).1);
        assert!(!poll_marked(|| ()).1, "a mark is read once");
    }
}
