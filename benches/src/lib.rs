//! Nothing: the benches are what is here.
