#!/bin/sh
# run_ops.sh [GRADC]: the golden values of ops/ops.txt that need no weights, as `test` blocks through `gradc test`.
here=$(cd "$(dirname "$0")" && pwd)
gradc=${1:-./gradc}
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM
awk -f "$here/ops/literal.awk" -f "$here/ops/to_nn.awk" "$here/ops/ops.txt" > "$tmp/ops.nn" || exit 2
count=$(grep -c '^test ' "$tmp/ops.nn")
[ "$count" -gt 100 ] || { echo "golden ops: ops.txt gave too few tests" >&2; exit 1; }
case $("$gradc" --version) in *clang*) way=clang ;; *) way=cc ;; esac
# One `gradc test` for all; if it fails, each case alone, so that one error does not hide the others.
if "$gradc" test --jit=$way "$tmp/ops.nn" >"$tmp/log" 2>&1; then
  echo "ops: $count passed, 0 failed"; exit 0
fi
awk -v dir="$tmp" '/^def case_/ { n++ } { print > (dir "/case" n ".nn") } END { print n }' "$tmp/ops.nn" > "$tmp/count"
pass=0; fail=0; i=1
while [ "$i" -le "$(cat "$tmp/count")" ]; do
  if "$gradc" test --jit=$way "$tmp/case$i.nn" >"$tmp/log" 2>&1; then pass=$((pass + 1))
  else
    fail=$((fail + 1)); echo "FAIL  $(sed -n 's/^test "\(.*\)".*/\1/p' "$tmp/case$i.nn")"
    sed 's/^/      /' "$tmp/log" | cut -c1-160 | head -n 8
  fi
  i=$((i + 1))
done
echo "ops: $pass passed, $fail failed"
[ "$fail" -eq 0 ]
