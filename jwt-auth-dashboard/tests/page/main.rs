//! The page through its router: who gets it, and what it answers.
#![cfg(debug_assertions)]

mod answers;
mod client;
mod decisions;
mod gate;
