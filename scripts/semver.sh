#!/usr/bin/env bash
# Checks the public API against the last release, once there is one.
set -euo pipefail
cd "$(dirname "$0")/.."

baseline=$(git tag --list 'v*' --sort=-v:refname | head -1)
if [ -z "$baseline" ]; then
    echo "no release yet, so cargo-semver-checks has no baseline; the first release is tagged v0.1.0"
    exit 0
fi
command -v cargo-semver-checks >/dev/null 2>&1 || cargo install --locked cargo-semver-checks
cargo semver-checks -p jwt-auth --all-features --baseline-rev "$baseline"
