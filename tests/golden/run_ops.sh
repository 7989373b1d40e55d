#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run_ops.sh GRADC BUILD: the golden values of ops/ops.txt that need no weights, as `test` blocks through `gradc test`.
. "$(dirname "$0")/../suite.sh"
here=$root/tests/golden
awk -f "$here/ops/literal.awk" -f "$here/ops/to_nn.awk" "$here/ops/ops.txt" > "$tmp/ops.nn" || exit 2
count=$(grep -c '^test ' "$tmp/ops.nn")
[ "$count" -gt 100 ] || { echo "golden ops: ops.txt gave too few tests" >&2; exit 1; }
case $("$gradc" --version) in *clang*) way=clang ;; *) way=cc ;; esac
# One `gradc test` for all; if it fails, each case separately, so that one error does not hide the others.
if "$gradc" test --jit=$way "$tmp/ops.nn" >"$tmp/log" 2>&1; then
  passed=$count; counts; exit
fi
awk -v dir="$tmp" '/^def case_/ { n++ } { print > (dir "/case" n ".nn") } END { print n }' "$tmp/ops.nn" > "$tmp/count"
i=1
while [ "$i" -le "$(cat "$tmp/count")" ]; do
  if "$gradc" test --jit=$way "$tmp/case$i.nn" >"$tmp/log" 2>&1; then pass
  else
    fail "$(sed -n 's/^test "\(.*\)".*/\1/p' "$tmp/case$i.nn")"
    sed 's/^/      /' "$tmp/log" | cut -c1-160 | head -n 8
  fi
  i=$((i + 1))
done
counts
