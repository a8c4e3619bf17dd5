//! The stores, each against a real server of its own.

mod postgres;
mod redis;
mod sqlite;
