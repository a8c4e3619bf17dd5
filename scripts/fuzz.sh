#!/usr/bin/env bash
# Runs each fuzz target for SECONDS seconds, all targets by default: scripts/fuzz.sh SECONDS [TARGET…]
# Exit code: 0 if no target crashed, 1 if one crashed or did not build, 3 without a nightly toolchain.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds="${1:?missing SECONDS; usage: scripts/fuzz.sh SECONDS [TARGET…]}"
shift
[ "$#" -gt 0 ] || set -- location compact verify jwks cookie configuration attribute

if ! cargo +nightly --version >/dev/null 2>&1; then
    echo "SKIPPED: no nightly toolchain; run: rustup toolchain install nightly --profile minimal" >&2
    exit 3
fi
command -v cargo-fuzz >/dev/null 2>&1 || cargo install --locked cargo-fuzz --version 0.13.2

# Fuzzing uses the same dependency versions as the project.
if ! awk '/^name = / { name = $3 }
          /^version = "/ && FNR == NR { ours[name $3] = known[name] = 1; next }
          /^version = "/ && known[name] && !ours[name $3] { print "fuzz/Cargo.lock has a different version of " name ": " $3; wrong = 1 }
          END { exit wrong }' Cargo.lock fuzz/Cargo.lock >&2 ||
    ! cargo +nightly fetch --quiet --locked --manifest-path fuzz/Cargo.toml; then
    echo "update fuzz/Cargo.lock: cp Cargo.lock fuzz/Cargo.lock && cargo metadata --manifest-path fuzz/Cargo.toml >/dev/null" >&2
    exit 1
fi
python3 fuzz/seeds.py

# No sanitizer: these crates forbid `unsafe`, so a sanitizer finds nothing in them, and it costs two thirds of the
# speed. No `cfg(fuzzing)`: some dependencies behave differently with it. Assertions and overflow checks are on.
build=(--sanitizer none --no-cfg-fuzzing --codegen-units 16 --target-dir "$PWD/target/fuzz")
cargo +nightly fuzz build "${build[@]}"

log=$(mktemp)
trap 'rm -f "$log"' EXIT
for target in "$@"; do
    mkdir -p "fuzz/corpus/$target"
    # A token is refused above 8 KiB. All other inputs are shorter.
    case $target in compact) longest=9000 ;; attribute) longest=2048 ;; *) longest=4096 ;; esac
    if ! cargo +nightly fuzz run "${build[@]}" "$target" "fuzz/corpus/$target" "fuzz/seeds/$target" -- \
        -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len="$longest" -print_final_stats=1 >"$log" 2>&1; then
        grep -avE '^#[0-9]|NEW_FUNC' "$log" >&2
        echo "$target: crashed; the input is in fuzz/artifacts/$target" >&2
        exit 1
    fi
    awk -v target="$target" '/ cov: / { for (i = 1; i < NF; i++) if ($i == "cov:") cov = $(i + 1) }
        /^stat::number_of_executed_units:/ { n = $2 }
        END { printf "%-14s %9d executions, %5d edges, no crash\n", target, n, cov }' "$log"
done
