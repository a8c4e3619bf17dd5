//! The statuses and sentences of other frameworks, for clients that were written for them.

mod pyjwt;
mod sentences;

pub(super) use sentences::{sentence, status, with_its_sentence};
