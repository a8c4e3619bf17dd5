#![cfg_attr(doc, doc = include_str!("../docs/dashboard.md"))]
#![cfg_attr(doc, doc = include_str!("../docs/dashboard-phone.md"))]
#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod dashboard;

#[cfg(debug_assertions)]
mod access;
#[cfg(debug_assertions)]
mod answer;
#[cfg(debug_assertions)]
mod assets;
#[cfg(debug_assertions)]
mod decision;
#[cfg(debug_assertions)]
mod gate;
#[cfg(debug_assertions)]
mod keys;
#[cfg(debug_assertions)]
mod mint;
#[cfg(debug_assertions)]
mod recorder;
#[cfg(debug_assertions)]
mod routes;
#[cfg(debug_assertions)]
mod rules;
#[cfg(debug_assertions)]
mod serve;
#[cfg(debug_assertions)]
mod sessions;
#[cfg(debug_assertions)]
mod stream;

pub use dashboard::Dashboard;
