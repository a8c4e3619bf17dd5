//! The stores, each against a real server of its own.

mod faults;
mod postgres;
mod redis;
mod redis_faults;
mod sqlite;
