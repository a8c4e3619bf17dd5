//! Requests by `oneshot`. An id such as `r12` at the start of a test name is a rule of `guide::security`.

mod app;
mod attacks;
mod attributes;
mod cache;
mod config;
mod contract;
mod cookies;
mod csrf;
mod grants;
mod hooks;
mod implicit_refresh;
mod issue;
mod keys;
mod locations;
mod log_out;
mod log_out_everywhere;
mod options;
mod reading;
mod refresh;
mod request;
mod revocation;
mod router;
mod secrets;
mod session_proofs;
mod sessions;
mod websocket;
