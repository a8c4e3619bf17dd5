//! Helpers of the benches: tokens, our guards and those of the peers, measurement and reports.

#![allow(missing_docs, reason = "the benches are its only users, and it is not published")]
#![allow(clippy::missing_panics_doc, reason = "a bench that cannot continue panics")]
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
