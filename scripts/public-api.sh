#!/usr/bin/env bash
# Compares the public API of jwt-auth with jwt-auth/public-api.txt, so that a review sees every change of it.
# With --write it writes the file. The attributes are procedural macros: tests/ui and tests/expansion check them.
set -euo pipefail
cd "$(dirname "$0")/.."

export RUSTDOC="$PWD/scripts/rustdoc-unstable.sh"
cargo rustdoc --quiet -p jwt-auth --all-features --lib -- -Z unstable-options --output-format json --cap-lints allow
api=$(mktemp)
trap 'rm -f "$api"' EXIT
# Blanket, auto-trait and derived implementations are omitted, and so are items for generated code. An item with two
# paths is listed once.
cargo public-api --rustdoc-json "${CARGO_TARGET_DIR:-target}/doc/jwt_auth.json" -sss |
    grep -v '::__private' | awk '!seen[$0]++' >"$api"

if [ "${1:-}" = --write ]; then
    cp "$api" jwt-auth/public-api.txt
elif ! diff -u jwt-auth/public-api.txt "$api"; then
    echo "the public API changed; check the difference, then run scripts/public-api.sh --write" >&2
    exit 1
fi
