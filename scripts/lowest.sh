#!/usr/bin/env bash
# Builds the published crates with the lowest versions of their dependencies that Cargo.toml admits, so that no project
# with an older lock file gets compile errors from ours. Not jwt-auth-openapi: utoipa-axum would raise the lowest axum for all.
set -euo pipefail
cd "$(dirname "$0")/.."

export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}/lowest"
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
crates=(jwt-auth jwt-auth-macros jwt-auth-sqlx jwt-auth-redis jwt-auth-oidc)
cp -r Cargo.toml README.md CHANGELOG.md LICENSE-* rust-toolchain.toml "${crates[@]}" "$copy"
cd "$copy"
sed -i 's/^members = .*/members = ["jwt-auth*"]/; /^default-members = /d' Cargo.toml
# The flag is unstable; it only decides what is written into the lock file.
RUSTC_BOOTSTRAP=1 cargo -Z direct-minimal-versions generate-lockfile --quiet
cargo check --quiet --workspace --all-features --lib
echo "the crates build with the lowest versions of their dependencies"
