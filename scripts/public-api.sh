#!/usr/bin/env bash
# Compares the public API of each crate with its public-api.txt, so that a review sees every change of it.
# With --write it writes the file. The attributes are procedural macros: tests/ui and tests/expansion check them.
set -euo pipefail
cd "$(dirname "$0")/.."

export RUSTDOC="$PWD/scripts/rustdoc-unstable.sh"
api=$(mktemp)
trap 'rm -f "$api"' EXIT
changed=0
for crate in jwt-auth jwt-auth-sqlx jwt-auth-redis jwt-auth-oidc jwt-auth-openapi jwt-auth-dashboard; do
    cargo rustdoc --quiet -p "$crate" --all-features --lib -- -Z unstable-options --output-format json --cap-lints allow
    # Blanket, auto-trait and derived implementations are omitted, and so are items for generated code. An item with two
    # paths is listed once.
    cargo public-api --rustdoc-json "${CARGO_TARGET_DIR:-target}/doc/${crate//-/_}.json" -sss |
        grep -v '::__private' | awk '!seen[$0]++' >"$api"
    if [ "${1:-}" = --write ]; then
        cp "$api" "$crate/public-api.txt"
    elif ! diff -u "$crate/public-api.txt" "$api"; then
        changed=1
    fi
done
if [ "$changed" = 1 ]; then
    echo "the public API changed; check the difference, then run scripts/public-api.sh --write" >&2
    exit 1
fi
