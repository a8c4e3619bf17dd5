#!/usr/bin/env bash
# Mutation testing of the rooms that decide who comes in. Each change that cargo-mutants thinks of has to fail a
# test, or to be named in .cargo/mutants.toml with the reason why no test can tell; others are printed, and fail.
#
# Arguments: files or folders below jwt-auth/src, `http/csrf.rs` or `revocation`; without any, all the rooms.
# Needs redis-server and PostgreSQL for the stores, which check.sh installs. The sources are changed in place, and
# put back: commit first, and leave them alone meanwhile.
set -euo pipefail
cd "$(dirname "$0")/.."

export CARGO_PROFILE_DEV_DEBUG="${CARGO_PROFILE_DEV_DEBUG:-0}"
export TESTS_SERVERS=required
# What a changed source fails at is no case to keep.
export PROPTEST_DISABLE_FAILURE_PERSISTENCE=true
TMPDIR=$(mktemp -d)
export TMPDIR
chmod 755 "$TMPDIR" # PostgreSQL runs as somebody else when this runs as root.
trap 'rm -rf "$TMPDIR"' EXIT

cargo mutants --version 2>/dev/null | grep -qF 27.1.0 || cargo install --locked cargo-mutants --version 27.1.0

[ $# -gt 0 ] || set -- verify validation.rs http/csrf.rs http/location.rs refresh.rs revocation
files=()
for room in "$@"; do
    [ -e "jwt-auth/src/$room" ] || { echo "no such room: jwt-auth/src/$room" >&2; exit 1; }
    while read -r file; do files+=("$file"); done < <(find "jwt-auth/src/$room" -name '*.rs' | sort)
done

# How a test is run. One failure is enough: the harness calls its `--fail-fast` unstable, and the variable is for it
# and builds nothing. A test that ends so early leaves its servers behind, in folders with its number.
# shellcheck disable=SC2016
runner='RUSTC_BOOTSTRAP=1 "$@" & code=0; wait $! || code=$?; pkill -f -- "-(postgres|redis)-$!-"; exit $code'

rm -rf target/mutants
survived=0
mutants() { # mutants FOLDER TESTS -- FILES: where the results go, what has to notice, what is changed
    local out="target/mutants/$1" tests=() arguments=() code=0
    shift
    while [ "$1" != -- ]; do tests+=("$1"); arguments+=(--cargo-arg="$1"); shift; done
    shift
    [ $# -gt 0 ] || return 0
    for file in "$@"; do arguments+=(--file "$file"); done
    mkdir -p "$out"
    cargo test --quiet -p jwt-auth -p tests --all-features "${tests[@]}"
    cargo mutants --in-place --baseline=skip --timeout 60 --output "$out" "${arguments[@]}" \
        --cargo-arg=--config --cargo-arg="target.'cfg(all())'.runner = ['bash', '-c', '$runner', 'run']" \
        -- -- -Zunstable-options --fail-fast || code=$?
    case $code in
    0 | 3) ;; # 3: some ran into an endless loop, which is noticed as well.
    2) survived=1 ;;
    *) exit "$code" ;;
    esac
}

shared='/revocation/(filed|postgres|redis|replicated|sqlite)\.rs$'
mapfile -t rooms < <(printf '%s\n' "${files[@]}" | grep -vE "$shared")
mapfile -t stores < <(printf '%s\n' "${files[@]}" | grep -E "$shared")
mutants rooms --lib --test=integration -- ${rooms[@]+"${rooms[@]}"}
mutants stores --lib --test=integration --test=stores -- ${stores[@]+"${stores[@]}"}
[ "$survived" = 0 ] || { printf '\nsurvived:\n'; cat target/mutants/*/mutants.out/missed.txt; exit 1; }
