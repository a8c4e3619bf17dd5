#!/usr/bin/env bash
# Everything that CI runs, in its order. It installs what it needs, says what it does, and stops at the first failure.
# With --quick it runs only what needs no browser, no server and no other toolchain: about two minutes once built.
set -euo pipefail
cd "$(dirname "$0")/.."

export CARGO_TERM_COLOR="${CARGO_TERM_COLOR:-auto}"
# Debug information doubles the time to link, and is not used here.
export CARGO_PROFILE_DEV_DEBUG="${CARGO_PROFILE_DEV_DEBUG:-0}"
export CARGO_INCREMENTAL="${CARGO_INCREMENTAL:-0}"

say() { printf '\n== %s\n' "$*"; }
log=$(mktemp)
finish() { # A full disk fails in many ways, few of which mention the disk.
    local code=$? free
    rm -f "$log"
    free=$(df -Pm . | awk 'NR == 2 { print $4 }')
    [ "$code" = 0 ] || [ "$free" -gt 1024 ] ||
        echo "only $free MB are left on this disk; a fresh clone needs 6 GB" >&2
    exit "$code"
}
trap finish EXIT
need() { # need COMMAND INSTALLER…: installs the command if it is missing
    command -v "$1" >/dev/null 2>&1 && return
    say "installing $1"
    "${@:2}"
}

command -v cargo >/dev/null 2>&1 || { echo "install Rust first: https://rustup.rs" >&2; exit 1; }
command -v cc >/dev/null 2>&1 || { echo "install a C compiler first (gcc or clang): AWS-LC is written in C" >&2; exit 1; }

check_sources() { # format, structure, lints
    say "format"
    cargo fmt --all --check
    cargo fmt --check --manifest-path fuzz/Cargo.toml
    cargo fmt --check --manifest-path tests/neighbours/Cargo.toml
    say "structure: floors, options, security chapter"
    cargo test --quiet -p tests --all-features --test floors --test options_table --test security_chapter
    say "clippy: all features"
    cargo clippy --quiet --workspace --all-targets --all-features -- -D warnings
}

if [ "${1:-}" = --quick ]; then
    check_sources
    say "tests: unit, integration, expansion, compile errors"
    cargo test --quiet -p jwt-auth -p jwt-auth-macros --all-features --lib
    cargo test --quiet -p tests --all-features --test integration --test expansion --test env_example --test ui
    exit 0
fi

apt() { # apt PACKAGE…
    local sudo=""
    [ "$(id -u)" = 0 ] || sudo=sudo
    $sudo apt-get update -qq
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -qq -y --no-install-recommends "$@" >/dev/null
}
need cargo-deny cargo install --locked cargo-deny --version 0.20.2
need cargo-public-api cargo install --locked cargo-public-api --version 0.52.0

need chromedriver apt chromium chromium-driver
need chromium apt chromium chromium-driver
need python3 apt python3 python3-venv
need redis-server apt redis-server
need pgbouncer apt pgbouncer
need c++ apt g++
compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || need postgres apt postgresql
say "installing the libraries that exchange tokens with ours"
PATH="$(scripts/interop.sh):$PATH"
# With these variables a test without its browser, server or library fails instead of being skipped.
export TESTS_BROWSER=required TESTS_SERVERS=required TESTS_INTEROP=required

check_sources

say "clippy: each backend and each feature alone"
cargo clippy --quiet -p jwt-auth --no-default-features --features aws_lc_rs,ws --all-targets -- -D warnings
for feature in metrics testing serde-config utoipa; do
    cargo clippy --quiet -p jwt-auth --features "$feature" --lib -- -D warnings
done
for feature in sqlite postgres postgres,tls; do
    cargo clippy --quiet -p jwt-auth-sqlx --no-default-features --features "aws_lc_rs,$feature" --lib -- -D warnings
done
cargo clippy --quiet -p jwt-auth-redis --no-default-features --features aws_lc_rs --lib -- -D warnings
cargo clippy --quiet -p jwt-auth-oidc --no-default-features --features aws_lc_rs --lib -- -D warnings
cargo clippy --quiet -p jwt-auth --no-default-features --features rust_crypto --all-targets -- -D warnings

say "no backend is a compile error that says so"
if out=$(cargo check --quiet -p jwt-auth --no-default-features 2>&1); then
    echo "jwt-auth compiled without a backend" >&2
    exit 1
fi
grep -q 'jwt-auth needs a backend for cryptography' <<<"$out" || { echo "$out" >&2; exit 1; }

say "documentation, as docs.rs builds it"
RUSTDOC="$PWD/scripts/rustdoc-unstable.sh" RUSTDOCFLAGS="--cfg docsrs -D warnings" \
    cargo doc --quiet -p jwt-auth -p jwt-auth-macros -p jwt-auth-sqlx -p jwt-auth-redis -p jwt-auth-oidc -p jwt-auth-openapi -p jwt-auth-dashboard \
    --no-deps --all-features

say "public API"
scripts/public-api.sh
scripts/semver.sh

say "packages"
scripts/package.sh

say "minimum supported Rust version"
scripts/msrv.sh

say "lowest versions of the dependencies"
scripts/lowest.sh

say "licences, bans, sources"
cargo deny --all-features check licenses bans sources

say "fuzz: each target for a few seconds"
# 3: there is no nightly toolchain, which fuzz.sh reports.
scripts/fuzz.sh 5 || [ $? = 3 ]

say "tests with RustCrypto alone"
cargo test --quiet -p jwt-auth --no-default-features --features rust_crypto --lib
cargo test --quiet -p tests --no-default-features --features rust_crypto --test integration

say "a release build says nothing to clients about why, and allocates nothing for it"
TESTS_RELEASE=1 cargo test --quiet -p tests --all-features --test diagnostics --test allocations \
    --config 'profile.dev.package.jwt-auth.debug-assertions=false'

say "a release build has no page for the developer"
TESTS_RELEASE=1 cargo test --quiet -p jwt-auth-dashboard --test release \
    --config 'profile.dev.package.jwt-auth-dashboard.debug-assertions=false'

say "tests with the cache of verified tokens, which is off for HMAC by default"
TESTS_VERIFIED_CACHE=1000 cargo test --quiet -p tests --all-features --test integration

say "tests in the frameworks around axum"
cargo test --locked --manifest-path tests/neighbours/Cargo.toml --target-dir target/neighbours 2>&1 | tee "$log"

say "tests: unit, integration, properties, compile errors, documentation"
export PROPTEST_CASES=10000
# Alone, because Cedar turns on `preserve_order` of serde_json for every crate that is built with it.
cargo test -p authorization 2>&1 | tee -a "$log"
cargo test --workspace --exclude authorization --all-features 2>&1 | tee -a "$log"

awk '/^test result:/ { passed += $4; failed += $6; ignored += $8 }
     END { printf "\n%d passed, %d failed, %d skipped\n", passed, failed, ignored; exit failed + ignored > 0 || passed == 0 }' "$log"
