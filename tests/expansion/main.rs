//! What the attributes expand to compiles wherever handlers are written, and warns of nothing.

#![deny(warnings, clippy::all, clippy::pedantic)]
// The handlers here wait for nothing, which is not what is tested.
#![allow(clippy::unused_async, reason = "handlers are async")]
#![allow(clippy::diverging_sub_expression, reason = "what `debug_handler` writes")]

mod composed;
mod hygiene;
mod in_macros;
mod shapes;
