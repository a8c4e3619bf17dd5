#!/usr/bin/env bash
# All that CI runs, in its order. Installs what it needs, says what it does, and fails at the first failure.
set -euo pipefail
cd "$(dirname "$0")/.."

export CARGO_TERM_COLOR="${CARGO_TERM_COLOR:-auto}"
# Debug information doubles the time to link, and nobody debugs here.
export CARGO_PROFILE_DEV_DEBUG="${CARGO_PROFILE_DEV_DEBUG:-0}"
export CARGO_INCREMENTAL="${CARGO_INCREMENTAL:-0}"

say() { printf '\n== %s\n' "$*"; }
log=$(mktemp)
finish() { # A full disk shows itself in a hundred ways, none of which says so.
    local code=$? free
    rm -f "$log"
    free=$(df -Pm . | awk 'NR == 2 { print $4 }')
    [ "$code" = 0 ] || [ "$free" -gt 1024 ] ||
        echo "only $free MB are left on this disk, and all of this needs 5 GB from a fresh clone" >&2
    exit "$code"
}
trap finish EXIT
need() { # need COMMAND, and how to install it
    command -v "$1" >/dev/null 2>&1 && return
    say "installing $1"
    "${@:2}"
}

command -v cargo >/dev/null 2>&1 || { echo "install Rust first: https://rustup.rs" >&2; exit 1; }
command -v cc >/dev/null 2>&1 || { echo "install a C compiler first (gcc or clang): AWS-LC is written in C" >&2; exit 1; }
apt() { # apt PACKAGE…
    local sudo=""
    [ "$(id -u)" = 0 ] || sudo=sudo
    $sudo apt-get update -qq
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -qq -y --no-install-recommends "$@" >/dev/null
}
need cargo-deny cargo install --locked cargo-deny --version 0.20.2

need chromedriver apt chromium chromium-driver
need chromium apt chromium chromium-driver
need python3 apt python3 python3-venv
need redis-server apt redis-server
need c++ apt g++
compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || need postgres apt postgresql
# Golden tokens are verified by Python; its packages stay in a folder that git ignores.
python="$PWD/target/python"
if ! "$python/bin/python" -c 'import jwt, cryptography' 2>/dev/null; then
    say "installing PyJWT"
    python3 -m venv "$python"
    "$python/bin/pip" install --quiet --disable-pip-version-check 'PyJWT[crypto]>=2.10,<3'
fi
# With these a test that finds no browser, no server or no Python fails, and is not skipped.
export TESTS_BROWSER=required TESTS_SERVERS=required TESTS_PYTHON="$python/bin/python"

say "format"
cargo fmt --all --check
cargo fmt --check --manifest-path fuzz/Cargo.toml

say "shape of the house: floors and sizes"
cargo test --quiet -p tests --test floors

say "clippy: all features, then each backend alone"
cargo clippy --quiet --workspace --all-targets --all-features -- -D warnings
cargo clippy --quiet -p jwt-auth --no-default-features --features aws_lc_rs,ws --all-targets -- -D warnings
for feature in sqlite postgres redis testing; do
    cargo clippy --quiet -p jwt-auth --features "$feature" --lib -- -D warnings
done
cargo clippy --quiet -p jwt-auth --no-default-features --features rust_crypto --all-targets -- -D warnings

say "no backend is a compile error that says so"
if out=$(cargo check --quiet -p jwt-auth --no-default-features 2>&1); then
    echo "jwt-auth compiled without a backend" >&2
    exit 1
fi
grep -q 'jwt-auth needs a backend for cryptography' <<<"$out" || { echo "$out" >&2; exit 1; }

say "documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --quiet --workspace --no-deps --all-features

say "licences, bans, sources"
cargo deny --all-features check licenses bans sources

say "fuzz: each target for a few seconds"
# 3 says that there is no nightly toolchain, and fuzz.sh has said so.
scripts/fuzz.sh 5 || [ $? = 3 ]

say "tests with RustCrypto alone"
cargo test --quiet -p jwt-auth --no-default-features --features rust_crypto --lib
cargo test --quiet -p tests --no-default-features --features rust_crypto --test integration

say "tests with tokens kept, which they are not for HMAC by default"
TESTS_VERIFIED_CACHE=1000 cargo test --quiet -p tests --all-features --test integration

say "tests: unit, integration, properties, compile errors, documentation"
export PROPTEST_CASES=10000
cargo test --workspace --all-features 2>&1 | tee "$log"

awk '/^test result:/ { passed += $4; failed += $6; ignored += $8 }
     END { printf "\n%d passed, %d failed, %d skipped\n", passed, failed, ignored; exit failed + ignored > 0 || passed == 0 }' "$log"
