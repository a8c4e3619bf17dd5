#!/usr/bin/env bash
# Instructions a request, counted by callgrind: repeatable where nanoseconds are not. It has no SHA
# instructions, so that what HMAC takes is more than on a processor: compare what is over a kept token.
set -euo pipefail
cd "$(dirname "$0")/.."

command -v valgrind >/dev/null 2>&1 || { echo "install valgrind first: apt-get install valgrind" >&2; exit 1; }
calls="${1:-500}"
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

cargo build --quiet --profile bench -p benches --example calls
calls_of="${CARGO_TARGET_DIR:-target}/release/examples/calls"

count() { # count WHAT CALLS: all instructions of one run
    valgrind --tool=callgrind --callgrind-out-file="$out/callgrind" "$calls_of" "$1" "$2" 2>"$out/log" ||
        { cat "$out/log" >&2; return 1; }
    awk '/Collected/ { print $NF }' "$out/log"
}

printf '%-16s %12s %18s\n' "" "instructions" "over the unguarded"
open=0
for what in open hs256-kept eddsa-kept hs256 hs256-token hs256-by-hand; do
    # Two runs, so that what is done once before the first request is taken off.
    once=$(count "$what" "$calls")
    twice=$(count "$what" $((2 * calls)))
    each=$(((twice - once) / calls))
    [ "$what" = open ] && open=$each
    printf '%-16s %12d %18d\n' "$what" "$each" $((each - open))
done
