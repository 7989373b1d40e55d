#!/bin/sh
# run.sh GRADC BUILD: what is kept and what is computed again. cut_test: minimum cuts against all cuts; chain_test: plans
# for a budget against all plans.
here=$(cd "$(dirname "$0")" && pwd); root=$here/../..
gradc=$(cd "$(dirname "$1")" && pwd)/$(basename "$1"); build=$(cd "$2" && pwd)
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
cd "$root" || exit 2
pass=0; fail=0
objs=$(find "$build" -name '*.o' ! -path "$build/driver/*" ! -path "$build/lib/*" ! -path "$build/runtime/*" ! -path "$build/tests/*" ! -name embed.o)

for test in cut_test chain_test; do
  # shellcheck disable=SC2086
  if ! ${CC:-cc} -std=gnu11 -Wall -Wextra -O1 -g -I. -o "$tmp/$test" "$here/$test.c" $objs -lm; then
    fail=$((fail + 1)); echo "FAIL  $test.c does not compile"; continue
  fi
  "$tmp/$test" >"$tmp/out" 2>&1; status=$?
  grep FAIL "$tmp/out" | head -n 20
  line=$(tail -n 1 "$tmp/out")
  pass=$((pass + $(echo "$line" | sed -n 's/^\([0-9]*\) passed.*/\1/p' | grep . || echo 0)))
  fail=$((fail + $(echo "$line" | sed -n 's/.* \([0-9]*\) failed$/\1/p' | grep . || echo 1)))
  [ $status -le 1 ] || { fail=$((fail + 1)); echo "FAIL  $test ended with status $status"; }
done
echo "recompute: $pass passed, $fail failed"
[ "$fail" -eq 0 ]
