//! Requests through `oneshot`, each test named after the requirement it holds.

mod app;
mod attributes;
mod config;
mod issue;
mod keys;
mod reading;
mod refresh;
mod request;
mod revocation;
mod router;
mod secrets;
