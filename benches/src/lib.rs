//! What the benches share: the tokens, our guards and the peers', how they are measured, how it is shown.

#![allow(missing_docs, reason = "the benches are its only readers, and it is not published")]
#![allow(clippy::missing_panics_doc, reason = "a bench that cannot go on panics")]
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "nanoseconds, pixels and counts"
)]

pub mod contender;
pub mod measure;
pub mod ours;
pub mod peers;
pub mod plot;
pub mod report;
pub mod tokens;
