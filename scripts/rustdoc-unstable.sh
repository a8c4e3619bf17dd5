#!/bin/sh
# rustdoc with its unstable options, for the public API listing and for the documentation as docs.rs builds it. Only
# rustdoc sees the variable: if cargo saw it, it would rebuild every dependency.
RUSTC_BOOTSTRAP=1 exec rustdoc "$@"
