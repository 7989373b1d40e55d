#!/bin/sh
# run_ops.sh [GRADC]: the golden values of ops/ops.txt that need no weights, as `test` blocks through `gradc test`.
here=$(cd "$(dirname "$0")" && pwd)
gradc=${1:-./gradc}
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM
awk -f "$here/ops/to_nn.awk" "$here/ops/ops.txt" > "$tmp/ops.nn" || exit 2
[ "$(grep -c '^test ' "$tmp/ops.nn")" -gt 100 ] || { echo "golden ops: ops.txt gave too few tests" >&2; exit 1; }
"$gradc" test "$tmp/ops.nn"
