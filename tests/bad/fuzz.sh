#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# fuzz.sh GRADC BUILD: mutated models and dumps through gradc, with FULL=1 through one that is built with the
# sanitizers. For any input it ends with status 0 or 1 and, if it is 1, a coded error. COUNT: mutations of each file;
# FIRST: the first seed.
. "$(dirname "$0")/../suite.sh"
cd "$root" || exit 2
full && gradc=$build/tests/asan/gradc
sh tests/asan.sh "$build" >"$tmp/log" 2>&1 ||
  { fail "the sanitized gradc is not built: $(tail -n 5 "$tmp/log")"; counts; exit 1; }
cc -O0 -Wall -Wextra -o "$tmp/mutate" tests/bad/mutate.c || exit 1
export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1
try() { # try SEED FILE COMMAND...
  seed=$1; file=$2; shift 2
  "$tmp/mutate" "$seed" "$file" >"$tmp/in.${file##*.}"
  timeout 20 "$@" "$tmp/in.${file##*.}" >"$tmp/out" 2>"$tmp/err"; status=$?
  ok=no
  [ $status -eq 0 ] && ok=yes
  [ $status -eq 1 ] && grep -q '^error\[E[0-9]*\]' "$tmp/err" && ! grep -q Sanitizer "$tmp/err" && ok=yes
  # No text of a model may give an internal error.
  case $file in *.nn) grep -qE '^error\[E0(4|50[^8]|51)' "$tmp/err" && ok=no ;; esac
  if [ $ok = yes ]; then pass; return; fi
  fail "mutate $seed $file | $*: status $status"
  grep -E 'ERROR|runtime error|error\[|#[0-9] ' "$tmp/err" | head -n 6
}
full && count=${COUNT:-25} || count=${COUNT:-6}; first=${FIRST:-1}
for ir in mlp cnn; do
  "$gradc" ir "tests/golden/curves/$ir.nn" --stop-after=cse >"$tmp/$ir.ir" 2>/dev/null || rm -f "$tmp/$ir.ir"
done
for model in examples/models/*.nn; do
  i=0; while [ $i -lt "$count" ]; do try $((first + i)) "$model" "$gradc" check; i=$((i + 1)); done
done
for ir in tests/ir/*.ir tests/grad/scan.ir "$tmp"/*.ir; do
  passes=autodiff,simplify,fold,cse,dce,layout,fuse,order,memory
  i=0; while [ $i -lt "$count" ]; do
    try $((first + i)) "$ir" "$gradc" opt --verify --passes=$passes; i=$((i + 1))
  done
done

# In one process: single mistakes, each of which is reported once, and random programs with dead code.
sanitized mistakes tests/bad/mistakes.c
if full; then
  sanitized programs tests/bad/programs.c
  [ "${ALL:-}" = 1 ] && every=1 || every=3
  tally mistakes "$tmp/mistakes" --every=$every --from="$first" examples/models/*.nn \
    tests/front/elab/*_values.nn bench/models/*.nn tests/exact/bounded.nn
  tally programs "$tmp/programs" 1500 "$first"
else
  program programs tests/bad/programs.c
  tally mistakes "$tmp/mistakes" --every=61 --from="$first" examples/models/*.nn
  tally programs "$tmp/programs" 60 "$first"
fi
counts
