//! The note that the answer in the making concerns a token, left where whoever sends the answer looks.

use std::cell::Cell;

thread_local! {
    static NOTED: Cell<bool> = const { Cell::new(false) };
}

/// Notes it, for the future that is being polled on this thread.
pub(crate) fn note() {
    NOTED.set(true);
}

/// Runs one poll of a future, and tells whether anything was noted in it; what was noted around it stays.
pub(crate) fn noted_in<T>(poll: impl FnOnce() -> T) -> (T, bool) {
    // Put back even when the poll panics.
    struct Around(bool);
    impl Drop for Around {
        fn drop(&mut self) {
            NOTED.set(self.0);
        }
    }
    let _around = Around(NOTED.replace(false));
    let outcome = poll();
    (outcome, NOTED.get())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_belongs_to_the_innermost_poll() {
        let ((inner, noted), outer) = noted_in(|| noted_in(note));
        assert_eq!((inner, noted, outer), ((), true, false));
        assert!(noted_in(note).1);
        assert!(!noted_in(|| ()).1, "a note is taken once");
    }
}
