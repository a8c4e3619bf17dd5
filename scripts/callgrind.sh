#!/usr/bin/env bash
# Counts the instructions per request with callgrind. Unlike nanoseconds, the counts are repeatable. Callgrind emulates
# no SHA instructions, so HMAC takes more instructions here than on a real processor: compare the rows for a cached
# token.
set -euo pipefail
cd "$(dirname "$0")/.."

command -v valgrind >/dev/null 2>&1 || { echo "install valgrind first: apt-get install valgrind" >&2; exit 1; }
calls="${1:-500}"
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

cargo build --quiet --profile bench -p benches --example calls
calls_of="${CARGO_TARGET_DIR:-target}/release/examples/calls"

count() { # count WHAT CALLS: the instructions of one run
    valgrind --tool=callgrind --callgrind-out-file="$out/callgrind" "$calls_of" "$1" "$2" 2>"$out/log" ||
        { cat "$out/log" >&2; return 1; }
    awk '/Collected/ { print $NF }' "$out/log"
}

printf '%-16s %12s %18s\n' "" "instructions" "over the unguarded"
open=0
for what in open hs256-cached eddsa-cached hs256 hs256-token hs256-by-hand; do
    # The difference of two runs leaves out the work before the first request.
    once=$(count "$what" "$calls")
    twice=$(count "$what" $((2 * calls)))
    each=$(((twice - once) / calls))
    [ "$what" = open ] && open=$each
    printf '%-16s %12d %18d\n' "$what" "$each" $((each - open))
done
