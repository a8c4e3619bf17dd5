#!/usr/bin/env bash
# Counts the instructions per request with callgrind, without those of SHA-256. Unlike nanoseconds, the counts are
# repeatable. SHA-256 is left out because callgrind emulates no SHA instructions, so that it takes many more here than on
# a real processor.
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
    callgrind_annotate --threshold=100 "$out/callgrind" | awk '
        { count = $1; gsub(",", "", count) }
        /PROGRAM TOTALS/ { all = count }
        /sha256_block_data_order/ { sha += count }
        END { print all - sha }'
}

printf '%-20s %12s %18s\n' "" "instructions" "over the unguarded"
open=0
for what in open hs256-cached hs256-token-cached eddsa-cached hs256 hs256-token hs256-forged hs256-by-hand; do
    # The difference of two runs leaves out the work before the first request.
    once=$(count "$what" "$calls")
    twice=$(count "$what" $((2 * calls)))
    each=$(((twice - once) / calls))
    [ "$what" = open ] && open=$each
    printf '%-20s %12d %18d\n' "$what" "$each" $((each - open))
done
