#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# check.sh GRADC BUILD [SUITE...]: runs every test suite, two at a time, and adds up their counts. A suite is a script
# tests/NAME/run.sh, called as `run.sh GRADC BUILD`. Its counts are those of the last "N passed, N failed" that it
# prints; a status other than 0 without a failure, or no count, is one failure. The last line here is "N passed, N
# failed".
here=$(cd "$(dirname "$0")" && pwd)
gradc=$(cd "$(dirname "$1")" && pwd)/$(basename "$1"); build=$(cd "$2" && pwd); shift 2
# The longest first, so that both workers end together; front, with FULL=1 bad, builds what others link (asan.sh).
[ $# -gt 0 ] || [ "${FULL:-}" != 1 ] ||
  set -- cuda codegen random native exact bad cli docs plan front lib runtime golden \
    models augment twins onnx serve weights numbers ops forms jit recompute pass grad lsp ir
[ $# -gt 0 ] || \
  set -- cuda native cli front codegen exact lib golden models random bad runtime ops plan recompute numbers jit \
  pass onnx serve weights augment forms docs grad twins lsp ir
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
XDG_CACHE_HOME=$tmp/cache; export XDG_CACHE_HOME # one cache of compiled code for all suites, not the user's

suite() { # suite NAME: runs it, prints a summary, writes its counts to $tmp/NAME.count
  begin=$(date +%s); log=$tmp/$1.log; summary=$tmp/$1.summary
  if [ -f "$here/$1/run.sh" ]; then
    ("$here/$1/run.sh" "$gradc" "$build" >"$log" 2>&1; s=$?; times >"$tmp/$1.times"; exit $s);
    status=$?
  else echo "no such suite" >"$log"; status=1; fi
  line=$(grep -aE '[0-9]+ passed, [0-9]+ failed' "$log" | tail -n 1)
  p=$(printf '%s\n' "$line" | sed -n 's/.*[^0-9]\([0-9][0-9]*\) passed.*/\1/p;s/^\([0-9][0-9]*\) passed.*/\1/p' |
    tail -n 1)
  f=$(printf '%s\n' "$line" | sed -n 's/.* \([0-9][0-9]*\) failed.*/\1/p')
  if [ -z "$p" ] || [ "$p" -eq 0 ] || { [ "$status" -ne 0 ] && [ "$f" = 0 ]; }; then f=$((${f:-0} + 1)); fi
  {
    if [ "$f" -ne 0 ]; then
      echo "FAIL  $1 (status $status)"
      grep -avE "^(ok|PASS)" "$log" | awk '{ line[NR] = $0 } # every failure, up to 100, then the end
        END {
          for (i = 1; i <= NR - 40 && n < 100; i++) if (line[i] ~ /^FAIL/) { print "      " line[i]; n++ }
          for (i = NR > 40 ? NR - 39 : 1; i <= NR; i++) print "      " line[i]
        }'
    fi
    cpu=$(tail -n 1 "$tmp/$1.times" 2>/dev/null | tr 'ms' '  ' | awk '{ printf "%d", 60 * ($1 + $3) + $2 + $4 }')
    echo "$1: ${p:-0} passed, $f failed ($(($(date +%s) - begin)) s, ${cpu:-0} s of processor time)"
  } >"$summary"
  echo "${p:-0} $f" >"$tmp/$1.count"
  cat "$summary"
}

worker() { # worker NAME...: runs those that no other worker has taken
  for name in "$@"; do mkdir "$tmp/$name.taken" 2>/dev/null && suite "$name"; done
}

worker "$@" &
worker "$@"
wait
cat "$tmp"/*.count | awk -v suites=$# '{ p += $1; f += $2 }
  END { if (NR < suites) f++; print p + 0 " passed, " f + 0 " failed"; exit f > 0 }'
