#!/bin/sh
# check.sh GRADC BUILD [SUITE...]: runs every test suite and adds up what they counted. A suite is a script
# tests/NAME/run.sh, called as `run.sh GRADC BUILD`; its last line of the form "N passed, N failed" counts, whatever
# stands before it on the line, and so does its exit status. The last line here is "N passed, N failed".
here=$(cd "$(dirname "$0")" && pwd)
gradc=$(cd "$(dirname "$1")" && pwd)/$(basename "$1"); build=$(cd "$2" && pwd); shift 2
[ $# -gt 0 ] || set -- ir ops grad front pass codegen native exact random bad runtime golden cli models
pass=0; fail=0
log=$(mktemp) || exit 2
trap 'rm -f "$log"' EXIT
for suite in "$@"; do
  begin=$(date +%s)
  if [ ! -f "$here/$suite/run.sh" ]; then
    echo "FAIL  $suite: no such suite"; fail=$((fail + 1)); continue
  fi
  "$here/$suite/run.sh" "$gradc" "$build" >"$log" 2>&1
  status=$?
  line=$(grep -aE '[0-9]+ passed, [0-9]+ failed' "$log" | tail -n 1)
  p=$(printf '%s\n' "$line" | sed -n 's/.*[^0-9]\([0-9][0-9]*\) passed.*/\1/p;s/^\([0-9][0-9]*\) passed.*/\1/p' | tail -n 1)
  f=$(printf '%s\n' "$line" | sed -n 's/.* \([0-9][0-9]*\) failed.*/\1/p')
  if [ -z "$p" ] || [ "$p" -eq 0 ] || { [ "$status" -ne 0 ] && [ "$f" = 0 ]; }; then f=$((${f:-0} + 1)); fi
  pass=$((pass + ${p:-0})); fail=$((fail + f))
  if [ "$f" -ne 0 ]; then
    echo "FAIL  $suite (status $status)"; grep -avE '^(ok|PASS)' "$log" | tail -n 40 | sed 's/^/      /'
  fi
  echo "$suite: ${p:-0} passed, $f failed ($(($(date +%s) - begin)) s)"
done
echo "$pass passed, $fail failed"
[ "$fail" -eq 0 ]
