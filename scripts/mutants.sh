#!/usr/bin/env bash
# Mutation testing of the modules that decide about requests. Every mutant of cargo-mutants must fail a test, or be
# listed in .cargo/mutants.toml with the reason why no test can detect it. Other survivors are printed, and the script
# fails.
#
# Arguments: files or folders below jwt-auth/src; without arguments, all modules that decide about requests.
# The stores need redis-server and PostgreSQL, which check.sh installs. The script changes the sources in place and
# restores them: commit first, and do not edit them while it runs.
set -euo pipefail
cd "$(dirname "$0")/.."

export CARGO_PROFILE_DEV_DEBUG="${CARGO_PROFILE_DEV_DEBUG:-0}"
export TESTS_SERVERS=required
# A case that fails because of a mutant is not a regression to save.
export PROPTEST_DISABLE_FAILURE_PERSISTENCE=true
TMPDIR=$(mktemp -d)
export TMPDIR
chmod 755 "$TMPDIR" # As root, PostgreSQL runs as another user.
trap 'rm -rf "$TMPDIR"' EXIT

cargo mutants --version 2>/dev/null | grep -qF 27.1.0 || cargo install --locked cargo-mutants --version 27.1.0

[ $# -gt 0 ] || set -- json token/verify.rs token/validation.rs token/compact.rs token/header.rs token/claims.rs token/cache.rs \
    web/csrf.rs web/location.rs auth/authenticate.rs auth/rotate.rs auth/revoke.rs guard/admission.rs guard/log_out.rs session
files=()
for path in "$@"; do
    [ -e "jwt-auth/src/$path" ] || { echo "jwt-auth/src/$path does not exist; expected a file or a folder below jwt-auth/src" >&2; exit 1; }
    while read -r file; do files+=("$file"); done < <(find "jwt-auth/src/$path" -name '*.rs' | sort)
done

# Runs a test binary. One failure is enough: `--fail-fast` of the test harness is unstable, and RUSTC_BOOTSTRAP enables
# it (nothing is built here). A test that ends early leaves its servers running, in folders with its process id.
# shellcheck disable=SC2016
runner='RUSTC_BOOTSTRAP=1 "$@" & code=0; wait $! || code=$?; pkill -f -- "-(postgres|redis)-$!-"; exit $code'

rm -rf target/mutants
survived=0
mutants() { # mutants FOLDER TESTS -- FILES: the folder for the results, the tests to run, the files to change
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
    0 | 3) ;; # 3: some mutants timed out in an endless loop, which also counts as detected.
    2) survived=1 ;;
    *) exit "$code" ;;
    esac
}

shared='/session/(record_key|postgres_store|redis_store|replicated_log|sqlite_store)\.rs$'
mapfile -t paths < <(printf '%s\n' "${files[@]}" | grep -vE "$shared")
mapfile -t stores < <(printf '%s\n' "${files[@]}" | grep -E "$shared")
mutants paths --lib --test=integration -- ${paths[@]+"${paths[@]}"}
mutants stores --lib --test=integration --test=stores --test=sqlite_writers -- ${stores[@]+"${stores[@]}"}
[ "$survived" = 0 ] || { printf '\nsurvived:\n'; cat target/mutants/*/mutants.out/missed.txt; exit 1; }
