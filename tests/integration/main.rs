//! Requests through `oneshot`, each test named after the requirement it holds.

mod app;
mod attacks;
mod attributes;
mod config;
mod contract;
mod cookies;
mod csrf;
mod hooks;
mod implicit_refresh;
mod issue;
mod kept;
mod keys;
mod locations;
mod options;
mod reading;
mod refresh;
mod request;
mod revocation;
mod router;
mod secrets;
mod sessions;
mod websocket;
