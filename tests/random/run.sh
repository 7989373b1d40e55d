#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh GRADC BUILD: random graphs and programs, see main.c and docs/testing.md. FIRST is the first seed; COUNT, JIT,
# C, NATIVE and PROGRAMS are the numbers of graphs for the interpreter, for code compiled in process, for portable C
# with the sanitizers and for native C by gcc, and of programs.
. "$(dirname "$0")/../suite.sh"
cd "$root" || exit 2
first=${FIRST:-1}; unit=20
if full; then set -- 800 120 60 40 100; else set -- 50 4 12 0 3; fi
count=${COUNT:-$1}; jit=${JIT:-$2}; portable=${C:-$3}; native=${NATIVE:-$4}; programs=${PROGRAMS:-$5}
program random -O0 tests/random/*.c tests/random/nn/*.c $(sh tests/objects.sh "$build" codegen/jit) ||
  { counts; exit 1; }

# Portable C compiles without warnings.
strict="gcc -O0 -Wall -Wextra -Werror -Wno-unused"
sanitize="$strict -fsanitize=address,undefined -fno-sanitize-recover=all"
units() { # units KIND N CC
  n=0
  while [ $n -lt "$2" ]; do
    mkdir -p "$tmp/$1"
    "$tmp/random" "$1" $((first + n)) $unit "$3" "$tmp/$1" >>"$tmp/log.$1" 2>&1
    n=$((n + unit))
  done
}
found() { # former failures: programs; graphs with all passes on (1), and some off (3), compiled with FULL=1
  for seed in 1 3; do
    for text in tests/random/found/*.ir tests/random/found/*.nn; do
      case $seed$text in 3*.nn) continue ;; esac
      "$tmp/random" file "$text" $seed >>"$tmp/log.found" 2>&1 || echo "FAIL  $text $seed" >>"$tmp/log.found"
      case $seed$text in
        *.nn) continue ;;
        3*) full || continue ;;
        1*) "$tmp/random" file "$text" 1 c "$strict" "$tmp" >>"$tmp/log.found" 2>&1 ||
          echo "FAIL  $text c" >>"$tmp/log.found" ;;
      esac
      "$tmp/random" file "$text" $seed jit >>"$tmp/log.found" 2>&1 || echo "FAIL  $text $seed jit" >>"$tmp/log.found"
    done
  done
}
(units native "$native" "gcc -O1 -g"; "$tmp/random" nn "$first" "$programs" >"$tmp/log.nn" 2>&1) & beside=$!
"$tmp/random" check "$first" "$count" >"$tmp/log.check" 2>&1
"$tmp/random" jit "$first" "$jit" >"$tmp/log.jit" 2>&1
"$tmp/random" mutated "$first" $((10 * jit)) >"$tmp/log.mutated" 2>&1
units c "$portable" "$sanitize"
found
wait $beside
# A time limit of the clock is no failure, and is counted.
RANDOM_CLOCK=1 "$tmp/random" fuzz 1 "$first" - >"$tmp/late" 2>&1
equal "fuzz, beside other work" "$?:$(sed -n 's/^[0-9]* \(skipped\): .*/\1/p' "$tmp/late")" 0:skipped
for log in "$tmp"/log.*; do
  grep -vE '^$|^[0-9]+ passed' "$log"
  passed=$((passed + $(sed -n 's/^\([0-9]*\) passed.*/\1/p' "$log" | awk '{s += $1} END {print s + 0}')))
  bad=$(sed -n 's/^[0-9]* passed, \([0-9]*\) failed$/\1/p' "$log" | awk '{s += $1} END {print NR ? s : 1}')
  failed=$((failed + bad))
done
counts
